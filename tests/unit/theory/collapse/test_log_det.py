"""Log-determinant and directional logarithms, generation by generation."""

import math

import numpy as np
import pytest
from scipy import special

from madtheory.loop import fully_synthetic
from madtheory.theory import collapse
from tests.unit.theory.collapse.loops import LOOPS, PLAIN, steps


@pytest.mark.parametrize("loop", LOOPS)
def test_log_laws_add_up_generation_by_generation(loop):
    d = 2
    s = np.array([3.0, 0.5])
    mean, variance = 0.0, 0.0
    log_det, log_det_variance = math.log(1.5), 0.0
    for t in range(1, 5):
        dof, factor = steps(loop, t)
        log_factor = math.log(factor) if factor else -math.inf
        mean += log_factor + special.digamma(dof / 2) - math.log(dof / 2)
        variance += special.polygamma(1, dof / 2)
        for i in range(d):
            ok = dof > i
            log_det += log_factor + (special.digamma((dof - i) / 2) if ok else -math.inf)
            log_det -= math.log(dof / 2)
            log_det_variance += special.polygamma(1, (dof - i) / 2) if ok else 0.0
        np.testing.assert_allclose(collapse.directional_log_mean(loop, t)[-1], mean, rtol=1e-12)
        alive = mean > -math.inf
        np.testing.assert_allclose(
            collapse.directional_log_variance(loop, t)[-1], variance if alive else 0.0, rtol=1e-12
        )
        np.testing.assert_allclose(
            collapse.log_det_mean(loop, s, generations=t)[-1], log_det, rtol=1e-12
        )
        np.testing.assert_allclose(
            collapse.log_det_variance(loop, s, generations=t)[-1],
            log_det_variance if log_det > -math.inf else 0.0,
            rtol=1e-12,
        )


def test_log_det_of_a_singular_start_and_of_too_few_samples():
    assert collapse.log_det_mean(PLAIN, [1.0, 0.0], generations=1)[0] == -math.inf
    assert collapse.log_det_variance(PLAIN, [1.0, 0.0], generations=1)[0] == 0.0
    loop = fully_synthetic(3, n_initial=9)  # regular at t = 1, singular from t = 2 on
    mean = collapse.log_det_mean(loop, np.ones(4), generations=2)
    assert mean[0] > -math.inf
    assert mean[1] == -math.inf
    assert (collapse.log_det_variance(loop, np.ones(4), generations=2) > 0).tolist() == [
        True,
        False,
    ]
