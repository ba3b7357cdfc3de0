"""Laws of the chains of modes that hold for every weight and sample count."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from madtheory import modes
from madtheory.modes import ancestry as chain
from madtheory.modes.fresh import stationary_count_law, stationary_survival
from madtheory.modes.survival import absorption_time, absorption_time_limit

COUNTS = st.integers(2, 60)
WEIGHTS = st.floats(1e-6, 1 - 1e-6)
FEW = settings(max_examples=30)


@given(n=COUNTS, p=WEIGHTS, steps=st.integers(1, 60))
def test_the_weight_is_a_martingale_and_the_ends_absorb(n: int, p: float, steps: int) -> None:
    x = np.arange(n + 1) / n
    band, law = chain.binomial_band(n, x), chain.transition(n, np.array([p]))[0]
    ends = np.stack([x, 1.0 * (x == 0), 1.0 * (x == 1)])
    path = chain.expectations(band, law, ends, steps)
    np.testing.assert_allclose(path[:, 0], p, rtol=1e-12)
    assert (np.diff(path[:, 1:], axis=0) >= -1e-15).all()
    stay = chain.evolve(band, np.eye(n + 1)[0], steps), chain.evolve(band, np.eye(n + 1)[n], steps)
    assert stay[0][0] == stay[1][n] == 1.0


@given(n=COUNTS, p=WEIGHTS)
def test_a_row_is_a_law_with_the_right_moments(n: int, p: float) -> None:
    row, k = chain.transition(n, np.array([p]))[0], np.arange(n + 1)
    assert math.isclose(row.sum(), 1.0, rel_tol=1e-14)
    assert math.isclose(row @ k, n * p, rel_tol=1e-13)
    assert math.isclose(row @ (k - n * p) ** 2, n * p * (1 - p), rel_tol=1e-12)
    mirror = chain.transition(n, np.array([1 - p]))[0, ::-1]
    np.testing.assert_allclose(row, mirror, rtol=1e-13 + 1e-16 * n / p)  # 1 - p is rounded


@given(n=COUNTS, p=WEIGHTS, steps=st.integers(2, 40))
def test_survival_falls_with_time_and_rises_with_weight_and_samples(
    n: int, p: float, steps: int
) -> None:
    value = modes.mode_survival(p, n, steps).value
    assert (np.diff(value) <= 1e-15).all()
    assert value[0] <= -math.expm1(n * math.log1p(-p)) * (1 + 1e-12)
    assert (value >= p * (1 - 1e-12)).all()  # the chance to be the one that is left
    assert (modes.mode_survival(p, n + 1, steps).value >= value * (1 - 1e-12)).all()
    assert (modes.mode_survival(0.5 * (p + 1), n, steps).value >= value).all()
    # theory.md 4.2: 1 - (1 - p c_t)^n bounds it below.
    c = 1.0
    for t in range(steps):
        assert value[t] >= -math.expm1(n * math.log1p(-p * c)) * (1 - 1e-12)
        c = -math.expm1(-c)


@FEW
@given(n=COUNTS, K=st.integers(1, 9), steps=st.integers(1, 40))
def test_the_law_of_modes_alive_has_the_mean_and_the_last_mode(n: int, K: int, steps: int) -> None:
    law = modes.surviving_law(K, n, [steps])[0]
    assert math.isclose(law.sum(), 1.0, rel_tol=1e-12)
    mean = modes.surviving_mean(K, n, steps).value[-1]
    assert math.isclose(law @ np.arange(K + 1), mean, rel_tol=1e-12)
    assert math.isclose(law[1], modes.fixation_cdf([1 / K] * K, n, steps).value[-1], rel_tol=1e-10)
    assert law[min(K, n) + 1 :].sum() == 0


@FEW
@given(n=COUNTS, p=st.floats(1e-3, 1 - 1e-3))
def test_times_rise_with_samples_and_are_symmetric(n: int, p: float) -> None:
    time = float(absorption_time(p, n).value)
    assert 1.0 <= time <= 1.0 + absorption_time_limit(p, n)
    assert math.isclose(time, absorption_time(1 - p, n).value, rel_tol=1e-12)
    assert absorption_time(p, n + 1).value > time
    parts = [p / 2, p / 2, 1 - p]
    assert modes.fixation_time(parts, n).value >= time  # splitting a mode takes longer


@FEW
@given(n=COUNTS, fresh=st.integers(1, 30), p=WEIGHTS, K=st.integers(2, 6))
def test_fresh_data_keeps_more(n: int, fresh: int, p: float, K: int) -> None:
    alive = [float(stationary_survival(p, n, f)) for f in (0, fresh, fresh + 1)]
    assert alive[0] <= alive[1] * (1 + 1e-12) <= alive[2] * (1 + 1e-11)
    every = [modes.all_modes_alive(K, n, f) for f in (fresh, fresh + 1)]
    assert every[0].value <= every[1].value + 1e-10
    for e in every:
        assert 0 <= e.lower <= e.value <= e.upper <= 1
    diversity = modes.stationary_heterozygosity(K, n, fresh)
    assert 0 < diversity < 1 - 1 / K
    law = stationary_count_law(p, n, fresh)
    assert abs(1 - law[0] - alive[1]) < 1e-12


@FEW
@given(
    n=COUNTS, K=st.integers(1, 5), ddof=st.floats(0, 1), bias=st.floats(0, 1),
    floor=st.sampled_from([0.0, 0.1]),
)  # fmt: skip
def test_variances_are_ordered(n: int, K: int, ddof: float, bias: float, floor: float) -> None:
    def run(**other: float) -> modes.VariancePath:
        given_ = {"ddof": ddof, "bias": bias, "floor_trace": floor, **other}
        return modes.modal_variance(K, n, 12, real_modal=1.0, real_total=3.0, **given_)

    path = run()
    assert (path.within <= path.total * (1 + 1e-12)).all()
    for more in (run(ddof=1.0), run(bias=1.0), run(floor_trace=0.2)):
        assert (more.modal >= path.modal * (1 - 1e-12)).all()
        assert (more.total >= path.total * (1 - 1e-12)).all()
