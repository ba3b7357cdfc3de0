"""E tr(Sigma_0 S Sigma_0)^{1/2} by free products, against simulation and the second order."""

from __future__ import annotations

import numpy as np
import pytest

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.spectrum.mean_law import MeanLaw, constant_law
from madtheory.spectrum.next_law import next_law, one_fit
from madtheory.spectrum.rotated import fidelity_deficit, second_order_share


def fit(dim: int, dof: int) -> MeanLaw:
    return next_law(constant_law(dim), one_fit(dof + 1))


def test_a_multiple_of_one_is_the_root() -> None:
    law = fit(6, 9)
    assert fidelity_deficit(law, Spectrum.of([3.0] * 6)) == law.root_deficit
    near = Spectrum.of(1 + 1e-9 * np.arange(6.0))
    assert fidelity_deficit(law, near) == pytest.approx(law.root_deficit, rel=1e-6)


def test_zeros_are_left_out_and_units_do_not_matter() -> None:
    law, s = fit(3, 5), [4.0, 2.0, 1.0]
    expected = fidelity_deficit(law, Spectrum.of(s))
    assert fidelity_deficit(law, Spectrum.of([*s, 0.0, 0.0])) == pytest.approx(expected, rel=1e-12)
    assert fidelity_deficit(law, Spectrum.of([x * 1e-30 for x in s])) == pytest.approx(expected)


@pytest.mark.parametrize("s", [[1.0, 0.5], [4.0, 2.0, 1.0], [1000.0, *[1.0] * 29]])
def test_second_order_is_exact(s: list[float]) -> None:
    spectrum_0, dof = Spectrum.of(s), 100_000
    law = fit(spectrum_0.rank, dof)
    second = (1 + spectrum_0.bures_weight / 2) / (4 * dof)  # (Var S_11 + w Var S_12)/8
    share = second_order_share(spectrum_0.rank, spectrum_0)
    got = fidelity_deficit(law, spectrum_0)
    assert got * share == pytest.approx(second, rel=2e-5)
    assert abs(got / second - 1) > 0.005  # so the share is felt


@pytest.mark.parametrize(
    "s", [1 / np.arange(1.0, 41), np.r_[10.0, np.ones(39)], np.geomspace(1, 1e-4, 40)]
)
@pytest.mark.parametrize("dof", [20, 60])
def test_against_simulation(s: np.ndarray, dof: int) -> None:
    rng, draws = np.random.default_rng(3), 400
    Z = rng.standard_normal((draws, 40, dof)) * s[:, None] / np.sqrt(dof)
    values = np.linalg.svd(Z, compute_uv=False).sum(axis=1) / s.sum()
    # its own trace moments as control: E tr Sigma_0 S Sigma_0 = sum s^2
    control = np.square(Z).sum(axis=(1, 2)) / np.square(s).sum() - 1
    slope = np.cov(values, control)[0, 1] / control.var()
    left = values - slope * control
    se = left.std() / np.sqrt(draws)
    got = fidelity_deficit(fit(40, dof), Spectrum.of(s))
    assert abs(got - (1 - left.mean())) < 4 * se + 1e-3 * got
    # without the 1/d term of rotations it is off by more
    off = fidelity_deficit(fit(40, dof), Spectrum.of(s), real=False)
    assert abs(off - got) > 3e-3 * got


def test_agrees_with_products_by_factors() -> None:
    s = Spectrum.of(np.geomspace(1, 0.1, 30))
    old = spectrum.sqrt_trace_deficit(s, [50])
    got = fidelity_deficit(fit(30, 50), s) * second_order_share(30, s)
    assert got == pytest.approx(float(old.value[0]), rel=float(old.rel_error[0]))


def test_a_direction_may_have_hardly_any_variance() -> None:
    small, least = (fidelity_deficit(fit(2, 9), Spectrum.of([1.0, x])) for x in (1e-90, 1e-300))
    assert least == pytest.approx(small, rel=1e-9)
