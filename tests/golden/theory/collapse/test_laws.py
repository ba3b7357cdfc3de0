"""The laws of one factor and one direction against mpmath (collapse_reference.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from madtheory.laws import chi_square, trace_noise
from madtheory.loop import fully_synthetic
from madtheory.theory import collapse

REFERENCE = json.loads(Path(__file__).with_name("laws.json").read_text())


@pytest.mark.parametrize(("a", "s", "value"), REFERENCE["log_gamma_ratio"])
def test_log_gamma_ratio(a, s, value):
    np.testing.assert_allclose(chi_square.log_gamma_ratio(float(a), float(s)), float(value), 1e-12)


@pytest.mark.parametrize(("dof", "scale", "mean", "variance"), REFERENCE["log_chi_square"])
def test_log_chi_square(dof, scale, mean, variance):
    np.testing.assert_allclose(chi_square.log_chi_square_mean(dof, scale), float(mean), 1e-13)
    np.testing.assert_allclose(chi_square.log_chi_square_variance(dof), float(variance), 1e-13)


@pytest.mark.parametrize(("dofs", "log_x", "lower", "upper"), REFERENCE["directional"])
def test_directional_law(dofs, log_x, lower, upper):
    later = dofs[1] if len(dofs) > 1 else dofs[0]
    loop = fully_synthetic(later + 1, n_initial=dofs[0] + 1)
    log_cdf, log_sf = collapse.directional_log_tails(float(log_x), loop, t=len(dofs))
    # Absolute in the log: relative accuracy of the probability itself.
    np.testing.assert_allclose(log_cdf, float(lower), rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(log_sf, float(upper), rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize(("w", "dof", "y", "lower", "upper"), REFERENCE["trace_noise"])
def test_trace_noise(w, dof, y, lower, upper):
    weights = [float(w), 1.0 - float(w)]
    tails = trace_noise.trace_noise_log_tails(float(y) - 1.0, weights, dof)
    np.testing.assert_allclose(tails, (float(lower), float(upper)), rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize(("first", "dof", "bias", "eps", "one", "two"), REFERENCE["passage"])
def test_first_passage(first, dof, bias, eps, one, two):
    loop = fully_synthetic(dof + 1, n_initial=first + 1, bias=float(bias))
    cdf = collapse.first_passage_cdf(float(eps), loop, generations=2)
    np.testing.assert_allclose(cdf, (float(one), float(one) + float(two)), rtol=1e-12)
