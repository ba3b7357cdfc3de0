"""Bands of the forecast and the interval of n_eff on simulated loops: a short run of bands.py.

The bound is the quantile of level 1e-4 of a binomial count at the promised rate; bands that hold
.6 instead of .94 are rejected with power .94 at each horizon.
"""

import pytest
from scipy import stats

from madtheory._threads import one_thread
from tests.golden.audit import bands

LOOPS = 4


@pytest.fixture(scope="module")
def rows():
    with one_thread():
        return [row for name in bands.CLASSES for row in bands.run(name, LOOPS, 100, branches=2)]


@pytest.mark.full
@pytest.mark.parametrize("of", ["fid", "trace", "n_eff"])
def test_what_is_promised_is_held(rows, of):
    least = stats.binom.ppf(1e-4, len(rows), 0.94)
    if of == "n_eff":
        assert sum(row[of] for row in rows) >= least
        return
    for hits in zip(*(row[of]["hits"] for row in rows), strict=True):
        assert sum(hits) >= least
