"""Data of units far from 1: every simulator is equivariant, to the bit under powers of four."""

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.simulate import QUANTITIES, Paths, simulate, simulate_plain, simulate_size_biased
from madtheory.simulate.units import exponent_of

S = np.array([1.0, 0.5, 0.25])
#: log det of three directions and log tr move by a constant.
DEGREES = {"trace_squared": 2, "squared_trace": 2, "mean_fourth": 2, "mean_quadratic": 2}
LOOPS = [
    fresh_data(20, 20),
    fully_synthetic(20, bias=0.9),
    synthetic_augmentation(20, 10, memory=3),
    synthetic_augmentation(20, 10, pool="accumulate", budget=25),
]


def run(loop: Loop, s: np.ndarray, *, plain: bool = False) -> Paths:
    each = simulate_plain if plain else simulate
    return each(loop, s, generations=3, replicates=30, record=QUANTITIES, keep_paths=True)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("e", [-250, -60, 60, 250])
@pytest.mark.parametrize("plain", [False, True])
def test_far_units_are_those_of_one(loop: Loop, e: int, plain: bool) -> None:
    """W2^2 was 12 times too large at 4^-173, and -inf or nothing farther out."""
    near, far = run(loop, S, plain=plain), run(loop, S * 4.0**e, plain=plain)
    assert near.paths is not None
    assert far.paths is not None
    for name in QUANTITIES:
        if name.startswith("log"):
            shift = {"log_det": 3, "log_trace": 1, "log_direction": 0}[name] * e * np.log(4)
            np.testing.assert_allclose(far.mean[name], near.mean[name] + shift, rtol=1e-12)
            np.testing.assert_allclose(far.se[name], near.se[name], rtol=1e-9, atol=1e-12)
            continue
        power = 2 * e * DEGREES.get(name, 1)
        for a, b in (
            (far.mean[name], near.mean[name]),
            (far.se[name], near.se[name]),
            (far.paths[name], near.paths[name]),
        ):
            np.testing.assert_array_equal(a, np.ldexp(b, power))


def test_a_collapse_under_the_size_biased_law() -> None:
    loop, how = fully_synthetic(10), {"generations": 4, "replicates": 20}
    near, far = (simulate_size_biased(loop, x, **how) for x in (S, S * 4.0**-100))
    np.testing.assert_array_equal(far.mean["trace"], near.mean["trace"] * 4.0**-100)


def test_the_largest_variances() -> None:
    """tr Sigma is beyond float64, the distance is not."""
    found = simulate(fully_synthetic(20), [1e308] * 3, generations=2, replicates=10)
    assert np.isinf(found.mean["trace"]).all()
    assert (found.mean["w2_squared"] > 1e307).all()
    assert np.isfinite(found.mean["w2_squared"]).all()


@pytest.mark.parametrize(
    ("largest", "e"), [(0.0, 0), (1.0, 0), (4.0**49, 0), (4.0**60, 60), (4.0**-60, -60)]
)
def test_units_are_those_of_the_largest(largest: float, e: int) -> None:
    assert exponent_of(np.array([largest, 0.0])) == e
