"""Every claim passes at the quick level, with power; the longer runs calibrate the verifier."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from scipy.stats import binom, kstest

from madtheory.claims import CLAIMS, verify

SEEDS = 1000


@pytest.fixture(scope="module")
def quick() -> verify.Verification:
    return verify.verify(level="quick", seed=0)


@pytest.mark.parametrize("index", range(len(CLAIMS)), ids=[claim.id for claim in CLAIMS])
def test_claim_passes_and_mutant_is_rejected(quick, index):
    verdict = quick.claims[index]
    assert verdict.mutant_rejected, verdict
    assert verdict.power >= verify.POWER, verdict
    assert verdict.passed, verdict


def _p_values(seed: int) -> list[tuple[float, bool]]:
    n = len(CLAIMS)
    verdicts = [verify.judge(claim, seed=seed, n_claims=n) for claim in CLAIMS]
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
    for claim, column in zip(CLAIMS, p.T, strict=True):
        # A claim with a declared error or a bound is conservative; none may be anti-conservative.
        result = kstest(column, "uniform", alternative="greater")
        assert result.pvalue > 1e-3 / len(CLAIMS), (claim.id, result.pvalue)


@pytest.mark.full
def test_family_wise_false_alarms_stay_below_the_declared_rate(calibration):
    p, _ = calibration
    alarms = sum(any(verify.holm(list(row))) for row in p)
    # The largest count that a true rate of ALPHA gives with probability .999.
    assert alarms <= binom.ppf(0.999, SEEDS, verify.ALPHA), alarms / SEEDS


@pytest.mark.full
def test_mutants_are_rejected_at_the_stated_power(calibration):
    _, rejected = calibration
    for claim, column in zip(CLAIMS, rejected.T, strict=True):
        assert column.sum() >= binom.ppf(1e-4, SEEDS, verify.POWER), (claim.id, column.mean())
