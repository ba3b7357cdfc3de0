"""Every claim passes at the quick level, with power; the longer runs calibrate the verifier."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from scipy.stats import binom, kstest

from madtheory._holm import holm
from madtheory.claims import CLAIMS, verify

SEEDS = 100
SAMPLED = [claim for claim in CLAIMS if not claim.computed]


@pytest.fixture(scope="module")
def quick() -> verify.Verification:
    return verify.verify(level="quick", seed=0)


@pytest.mark.parametrize("index", range(len(CLAIMS)), ids=[claim.id for claim in CLAIMS])
def test_claim_passes_and_mutant_is_rejected(quick, index):
    verdict = quick.claims[index]
    assert verdict.mutant_rejected, verdict
    assert verdict.power >= 0.99, verdict
    assert verdict.passed, verdict


@pytest.mark.parametrize("index", range(len(CLAIMS)), ids=[claim.id for claim in CLAIMS])
def test_claim_sees_an_error_of_five_per_cent(quick, index):
    claim, verdict = CLAIMS[index], quick.claims[index]
    if claim.status not in ("exact", "asymptotic"):
        return
    assert verdict.smallest_error <= 0.05, verdict
    # Four times the observations halve what chance hides, not what is declared.
    declared = verdict.error / claim.unit(verdict.predicted)
    assert declared + (verdict.smallest_error - declared) / 2 <= 0.03, verdict


def _p_values(seed: int) -> list[tuple[float, bool]]:
    n = verify.number_of_tests()
    verdicts = [verify.judge(claim, seed=seed, n_claims=n) for claim in SAMPLED]
    return [(verdict.p, verdict.mutant_rejected) for verdict in verdicts]


@pytest.fixture(scope="module")
def calibration() -> tuple[np.ndarray, np.ndarray]:
    """p-values and mutant rejections, shape (seeds, claims), of the real tests at quick size."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        rows = np.array(list(pool.map(_p_values, range(1, SEEDS + 1), chunksize=10)))
    return rows[..., 0], rows[..., 1].astype(bool)


@pytest.mark.full
def test_p_values_are_uniform_or_conservative(calibration):
    p, _ = calibration
    for claim, column in zip(SAMPLED, p.T, strict=True):
        # A claim with a declared error or a bound is conservative; none may be anti-conservative.
        result = kstest(column, "uniform", alternative="greater")
        assert result.pvalue > 1e-3 / len(SAMPLED), (claim.id, result.pvalue)


@pytest.mark.full
def test_family_wise_false_alarms_stay_below_the_declared_rate(calibration):
    p, _ = calibration
    alarms = sum(any(holm(list(row), verify.ALPHA)) for row in p)
    # The largest count that a true rate of .01 gives with probability .999.
    assert alarms <= binom.ppf(0.999, SEEDS, 0.01), alarms / SEEDS


@pytest.mark.full
def test_mutants_are_rejected_at_the_stated_power(calibration):
    _, rejected = calibration
    for claim, column in zip(SAMPLED, rejected.T, strict=True):
        assert column.sum() >= binom.ppf(1e-4, SEEDS, 0.99), (claim.id, column.mean())
