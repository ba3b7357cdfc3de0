"""Mean laws on the grid: traces and roots of a law that is known atom by atom."""

from __future__ import annotations

import numpy as np
import pytest

from madtheory._types import Array
from madtheory.spectrum.mean_law import (
    GRID,
    LOW,
    NODES,
    STEP,
    MeanLaw,
    _between,
    constant_law,
    line_below,
    reading,
)

#: Eigenvalues of a fixed S of mean 1.5, and squared components of a fixed mean.
ATOMS, MEAN = np.array([0.2, 0.7, 1.6, 3.5]), np.array([0.1, 0.2, 0.0, 0.4])


def law_of(atoms: Array, mean: Array) -> MeanLaw:
    """The law of one fixed matrix."""
    c, total = atoms.mean(), mean.sum()
    s = c * NODES[:, None]
    gap = (np.log(s + atoms) - np.log(s + c)).sum(axis=1)
    pull = (mean / (s + atoms)).sum(axis=1) * (s[:, 0] + c) / total
    return MeanLaw(len(atoms), c, total, -2 * gap * (1 + NODES) ** 2, pull)


@pytest.mark.parametrize("z", [1e-9, 3e-4, 0.03, 0.9, 1.1, 40.0, 900.0, 4e3, 1e5])
def test_traces_are_sums_over_eigenvalues(z: float) -> None:
    x, t = ATOMS / ATOMS.mean(), law_of(ATOMS, MEAN).traces(np.array([z]))
    R = 1 / (x + z)
    expected = (
        np.log((x + z) / (1 + z)).sum(),
        R.sum(),
        (x * R).sum(),
        (R * R).sum(),
        (x * R * R).sum(),
        (x * x * R * R).sum(),
        (MEAN * R).sum(),
    )
    # the spline's second derivative at step .4; far down tr R = (d - tr S R)/z has no digits left
    for got, want, name in zip(t, expected, t._fields, strict=True):
        if z > 1e-3 or name in ("gap", "model", "model_2", "pull"):
            assert float(got[0]) == pytest.approx(want, rel=1e-5), name


def test_root_and_spread_of_a_fixed_matrix() -> None:
    x, law = ATOMS / ATOMS.mean(), law_of(ATOMS, MEAN)
    assert law.root_deficit == pytest.approx(1 - np.sqrt(x).mean(), rel=1e-8)
    assert law.spread == pytest.approx(np.square(x - 1).mean(), rel=1e-5)


@pytest.mark.parametrize("kept", [1e-3, 0.2, 0.9, 1 - 1e-12])
def test_root_of_a_diluted_matrix(kept: float) -> None:
    x, law = ATOMS / ATOMS.mean(), law_of(ATOMS, MEAN)
    expected = 1 - np.sqrt(1 - kept + kept * x).mean()
    assert law.diluted_deficit(kept) == pytest.approx(expected, rel=1e-5)


def test_root_of_a_singular_matrix() -> None:
    atoms = np.array([0.0, 0.5, 2.0])
    s = NODES[:, None]
    gap = np.log((s + atoms / atoms.mean()) / (s + 1)).sum(axis=1)
    law = MeanLaw(3, atoms.mean(), 1.0, -2 * gap * (1 + NODES) ** 2, np.ones_like(NODES))
    expected = 1 - np.sqrt(atoms / atoms.mean()).mean()
    assert law.root_deficit == pytest.approx(expected, rel=1e-8)


def test_small_spreads_keep_their_digits() -> None:
    x = 1 + 1e-5 * np.array([-1.0, 0.3, 0.7])
    s = NODES[:, None]
    gap = np.log1p((x - 1) / (s + 1)).sum(axis=1)
    law = MeanLaw(3, 1.0, 1.0, -2 * gap * (1 + NODES) ** 2, np.ones_like(NODES))
    assert law.root_deficit == pytest.approx(np.square(x - 1).mean() / 8, rel=1e-4)


def test_a_constant_has_no_deficit() -> None:
    law = constant_law(5, 2.0)
    assert law.root_deficit == law.spread == 0.0
    assert float(law.traces(np.array([3.0])).pull[0]) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("z", [0.02, 0.4, 7.0, 2e3, 6e3, 1e5])
def test_reading_is_what_traces_reads(z: float) -> None:
    law = law_of(ATOMS, MEAN)
    got = float((reading(np.array([z])) @ law.shape)[0])
    gap = float(law.traces(np.array([z])).gap[0])
    assert got == pytest.approx(-2 * gap * (1 + z) ** 2, rel=1e-10)


def test_line_below_is_a_sum() -> None:
    j = np.arange(1, 400)
    direct = ((3.0 - 0.2 * j * STEP) * np.exp(-j * STEP / 2)).sum()
    assert line_below(3.0, 0.2) == pytest.approx(direct, rel=1e-12)
    assert GRID[0] == LOW


@pytest.mark.parametrize("y", [-18.0, -3.1, 1.3, 8.9, 11.0])
def test_slopes_are_derivatives(y: float) -> None:
    law, h = law_of(ATOMS, MEAN), 1e-3
    below, at, above = _between(np.array([y - h, y, y + h]), *law.read[1:])[0]
    _, v1, v2, _ = (float(x[0]) for x in _between(np.array([y]), *law.read[1:]))
    assert v1 == pytest.approx((above - below) / (2 * h), rel=1e-4, abs=1e-9)
    assert v2 == pytest.approx((above - 2 * at + below) / h**2, rel=1e-3, abs=1e-8)
