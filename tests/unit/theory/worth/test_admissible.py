"""How much synthetic data is admissible: limits, bisection, ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory import spectrum
from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import distance, worth
from madtheory.theory.worth import admissible, admissible_n_synth, admissible_n_synth_limit


@given(st.floats(0.0, 0.99), st.integers(1, 30))
def test_the_limit_does_not_see_the_scale(bias: float, dim: int) -> None:
    found = worth.admissible_n_synth_limit(bias, np.full(dim, 2.5))
    direct = 4 / (1 - bias) ** 2 * ((2 - bias) + (dim + 1) / 4 * (1 + 3 * bias - 2 * bias**2) / 2)
    assert found == pytest.approx(direct, rel=1e-12)


@pytest.mark.parametrize(("bias", "n_real"), [(0.5, 2000), (0.0, 50), (0.8, 100_000)])
@pytest.mark.parametrize("s", [[1.0] * 3, [3.0, 1.0, 0.2]])
def test_the_admissible_size_by_bisection_over_integers(
    bias: float, n_real: int, s: list[float]
) -> None:
    target, low, high = spectrum.baseline_leading(n_real, s), 1, 10**9

    def excess(n: int) -> float:
        loop = fresh_data(n_real, n, bias=bias)
        return distance.w2_squared_second_order_limit(loop, s) - target

    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excess(middle) <= 0 else (low, middle)
    between = low - excess(low) / (excess(high) - excess(low))
    # Interpolated between neighbouring integers n: right to 1/n^2.
    found = worth.admissible_n_synth(fresh_data(n_real, 1, bias=bias), s)
    assert found == pytest.approx(between, rel=max(1e-6, 1 / between**2))


@pytest.mark.parametrize("bias", [0.0, 0.5, 0.8])
def test_the_root_tends_to_the_limit(bias: float) -> None:
    s = [5.0, 2.0, 1.0, 0.1, 0.0]
    limit = worth.admissible_n_synth_limit(bias, s)
    errors = []
    for factor in (300, 3000):
        root = worth.admissible_n_synth(fresh_data(round(factor * limit), 1, bias=bias), s)
        errors.append(abs(root / limit - 1))
    # The relative error is of order limit / n_real; interpolation between integers adds 0.2/n^2.
    assert errors[0] < 0.01
    assert errors[1] < 0.2 * errors[0] + 0.2 / limit**2


def test_ends() -> None:
    s = [2.0, 1.0]
    assert worth.admissible_n_synth_limit(1.0, s) == math.inf
    assert worth.admissible_n_synth(fresh_data(1000, 1), s) == math.inf
    assert worth.admissible_n_synth(fresh_data(1, 1, bias=0.5), s) == math.inf


def test_no_amount_is_admissible() -> None:
    assert admissible._last_pass(lambda n: 1.0, 10**6, 1) == 0.0
    assert admissible._last_pass(lambda n: n - 7.25, 10**6, 1) == 7.25
    assert admissible._last_pass(lambda n: 0.0 if n < 8 else math.inf, 10**6, 1) == 7.0
    assert admissible._last_pass(lambda n: -1.0, 10**6, 1) == math.inf


def test_other_loops_are_refused() -> None:
    with pytest.raises(UnsupportedLoop, match="loops with real data only, got n_real = 0"):
        worth.admissible_n_synth(fully_synthetic(10), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"bias must be a finite number in \[0, 1\]"):
        worth.admissible_n_synth_limit(1.5, [1.0])


@pytest.mark.parametrize(
    ("bias", "dim", "limit", "low"),
    [
        (0.5, 1, 32, 0.9755),
        (0.5, 5, 48, 0.9786),
        (0.8, 20, 676.5, 0.9595),
        (0.9, 100, 10944, 0.9511),
    ],
)
def test_admissible_size_and_its_limit(bias, dim, limit, low):
    assert admissible_n_synth_limit(bias, dim) == pytest.approx(limit, rel=1e-12)
    at_30 = admissible_n_synth(fresh_data(30 * round(limit), 1, bias=bias), dim)
    assert at_30 / limit == pytest.approx(low, abs=2e-4)
    # theory.md 2.6: 31.9, 47.9, 673.5, 10944 on the way to the limit
    far = admissible_n_synth(fresh_data(10**4 * round(limit), 1, bias=bias), dim)
    assert far / limit == pytest.approx(1, abs=3e-4)


def test_admissible_size_is_where_the_loop_meets_the_baseline():
    n = admissible_n_synth(fresh_data(200, 1, bias=0.7), 4)
    for n_synth, better in ((math.floor(n), True), (math.ceil(n), False)):
        w2 = distance.w2_squared_second_order_limit(fresh_data(200, n_synth, bias=0.7), np.ones(4))
        assert (w2 <= spectrum.baseline_leading(200, np.ones(4))) is better


def test_admissible_size_at_its_ends():
    assert admissible_n_synth(fresh_data(50, 7), 3) == math.inf
    assert admissible_n_synth(fresh_data(1, 7, bias=0.5), 3) == math.inf
    # d >> n_real: even a collapsed model beats the fit
    assert admissible_n_synth(fresh_data(2, 1, bias=0.5), 100) == math.inf
    assert admissible_n_synth_limit(1.0, 3) == math.inf
    near = admissible_n_synth(fresh_data(100, 1, bias=1 - 1e-9), 3)
    assert 1e9 < near < math.inf


def test_last_root():
    assert admissible._last_root(lambda x: x - 3, 10.0) == pytest.approx(math.exp(3), rel=1e-10)
    assert admissible._last_root(lambda x: (x - 1) * (x - 4) * (x - 8), 10.0) == pytest.approx(
        math.exp(8), rel=1e-10
    )
    assert admissible._last_root(lambda _: 1.0, 10.0) == 0.0
    assert admissible._last_root(lambda _: -1.0, 10.0) == math.inf
