"""Power of the likelihood ratio: closed cases, the ratio drawn, and the loops to refute."""

import dataclasses
import math
import sys
import warnings

import numpy as np
import pytest
from scipy import optimize, stats

from madtheory import audit
from madtheory.audit import anchor
from madtheory.audit.drift import Drift
from madtheory.audit.known import LONGEST, Known
from madtheory.metrics import Measured
from tests.unit.audit.test_audit import FILES, REAL, walks

power = sys.modules["madtheory.audit.power"]
#: 8 dimensions, files as large as the training sets and the real set, no drift.
SETTING = power.Setting(8.0, 35.0, 1.0, 1.0, 1.0, 0.1, 0.0, 0.001)


@pytest.mark.parametrize("count", [1.0, 7.0, 43.0])
def test_one_variance_against_another_is_a_chi_square_test(count):
    # 4,000 draws: standard error of the power .008, of the quantile about as much.
    found = power.ratio_power(np.eye(1) * 1.8, np.eye(1), count, 0.0, 0.02)
    exact = stats.chi2.sf(stats.chi2.ppf(0.98, count) / 1.8, count)
    assert found == pytest.approx(exact, abs=0.04)


@pytest.mark.parametrize("distance", [1.0, 2.5, 4.0])
def test_a_shift_alone_is_the_normal_test(distance):
    found = power.ratio_power(np.eye(3), np.eye(3), 5.0, distance**2, 0.02)
    assert found == pytest.approx(stats.norm.sf(stats.norm.isf(0.02) - distance), abs=0.04)


def test_the_ratio_drawn_from_both_laws():
    rng, T, count, R = np.random.default_rng(3), 6, 12, 4000
    laws = [power.law(SETTING, share, T) for share in (0.0, 0.3)]

    def ratios(V):
        x = np.linalg.cholesky(V) @ rng.standard_normal((R, T, count))
        logs = [
            -np.einsum("rti,ts,rsi->r", x, np.linalg.inv(W), x) / 2
            - count * np.linalg.slogdet(W)[1] / 2
            for W in laws
        ]
        return logs[0] - logs[1]

    drawn = (ratios(laws[0]) > np.quantile(ratios(laws[1]), 0.98)).mean()
    assert power.ratio_power(*laws, float(count), 0.0, 0.02) == pytest.approx(drawn, abs=0.04)


def test_power_grows_with_generations_and_with_series_and_never_undercuts_alpha():
    at = [power.mad_power(SETTING, T, 0.02) for T in (3, 6, 12, 24)]
    assert 0.01 < at[0] < at[1] < at[2] < at[3]
    assert at[3] > 0.99
    few = SETTING._replace(means=2.0, shapes=2.0)
    assert power.mad_power(few, 12, 0.02) < at[2]
    held = [power.not_mad_power(SETTING, 0.5, T, 0.02) for T in (4, 8, 16, 32)]
    assert held[0] < held[1] < held[2] < held[3]


def test_the_null_is_the_likeliest_loop_and_not_a_convenient_one():
    # The likelihood ratio against the projection is the smallest: any other null is told easier.
    truth = power.law(SETTING, 0.0, 10)
    nearest = power._nearest(SETTING, truth, SETTING.loops(0.1), 0.0)
    own = power.law(SETTING, audit.MARGIN, 10)
    assert power.ratio_power(truth, nearest, 43.0, 0.0, 0.02) < power.ratio_power(
        truth, own, 43.0, 0.0, 0.02
    )


def test_shapes_have_no_say_in_whether_means_walk():
    many = SETTING._replace(shapes=1000.0)
    assert power.not_mad_power(many, 0.5, 12, 0.02) == power.not_mad_power(SETTING, 0.5, 12, 0.02)


def test_a_fast_fall_is_told_from_every_curve_of_a_held_loop():
    falling = SETTING._replace(rate=-0.2)
    assert power.mad_power(falling, 8, 0.02) > power.mad_power(SETTING, 8, 0.02) + 0.1
    # By hand: the likeliest bias on a grid, without an offset of its own, of each memory.
    T = 8
    null = power._nearest(falling, power.law(falling, 0.0, T), SETTING.loops(0.1), 0.0)
    inverse, least = np.linalg.inv(null) / falling.level, math.inf
    for b in np.linspace(0.5, 1.0, 501):
        for memory in (1, 2, 3):
            c = [1.0]
            for _ in range(T - 1):
                c.append(b * (0.1 + 0.9 * np.mean(c[-memory:])))
            gap = np.log(c) + 0.2 * np.arange(T)
            least = min(least, float(gap @ inverse @ gap))
    assert power._level(falling, null) == pytest.approx(least, rel=1e-3)


def test_generations_needed_are_the_first_with_enough():
    found = audit.audit(REAL, FILES).power
    assert found is not None
    assert 0 < found.mad <= 1
    assert found.share >= audit.MARGIN
    series = audit.series_of(audit.axes_of(REAL), FILES)
    inference = audit.infer(series, None, 0.95, 0.02)
    setting = power.setting_of(series, inference)
    first = found.mad_generations
    assert power.mad_power(setting, first, 0.02) >= audit.ENOUGH
    assert first == 3 or power.mad_power(setting, first - 1, 0.02) < audit.ENOUGH


def test_nothing_is_said_where_nothing_is_known():
    assert audit.audit(REAL, FILES[:1]).power is None
    point = np.full((300, 5), 2.0)
    assert audit.audit(REAL, [*FILES[:3], point]).power is None


def test_loops_to_refute():
    every = (1, *anchor.MEMORIES)
    assert [(p, how["memory"]) for p, how in SETTING.loops(0.0)] == [(0.0, k) for k in every]
    assert [(p, how["memory"]) for p, how in SETTING.loops(0.1)] == [(0.1, k) for k in every]
    halves = SETTING.halves(0.5)
    assert {how["free"] for _, how in halves} == {0.5}
    assert [(p, how["slower"]) for p, how in halves] == list(anchor.HALVES)
    # As large, or as small as where half of all rows is replaced: 4/7.
    assert [how["slower"] for p, how in halves if p == 0.5] == [1.0, pytest.approx(4 / 7)]
    told = SETTING._replace(memory=4, known=True)
    assert told.loops(0.1) == ((0.1, {"memory": 4}),)
    assert {how["memory"] for _, how in told.halves(0.5)} == {4}


@pytest.mark.parametrize("distance", [1.0, 2.5])
def test_either_of_two_walks_is_a_mixture_of_nulls(distance):
    """Two unit shifts: by numerical integration over the second, the size of the mixture is .02."""
    rng, n = np.random.default_rng(8), 100_000

    def ratio(mean):  # twice the log ratio of N(distance, 1) to N(0, 1)
        return 2 * distance * (rng.standard_normal(n) + mean) - distance**2

    draws = [(ratio(0.0), ratio(distance)) for _ in range(2)]
    grid = np.linspace(-9, 9, 4001)
    weight = stats.norm.pdf(grid) * (grid[1] - grid[0])

    def exceeds(c, first, second):
        # P(1/R_1 + 1/R_2 < exp(-c)): the other ratio leaves exp(-c) - 1/R_2 for the first.
        rest = math.exp(-c) - np.exp(-distance * (grid + second) + distance**2 / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.where(rest > 0, distance / 2 - np.log(rest) / distance, np.inf)
        return float(weight @ stats.norm.sf(least - first))

    c = optimize.brentq(lambda c: exceeds(c, 0.0, distance) - 0.02, -20, 20)
    found = power.either_power(*draws, 0.02)
    assert found == pytest.approx(exceeds(c, distance, distance), abs=0.01)
    # No more than one walk alone, which is the normal test, and more than two tests at .02 each.
    alone = stats.norm.sf(stats.norm.isf(0.02) - distance)
    assert alone**2 < found < alone


def test_not_mad_power_is_the_least_of_what_can_be_refuted(monkeypatch):
    seen = []
    monkeypatch.setattr(
        power, "_exceeds", lambda *_: seen.append(0) or [0.4, 0.6, 0.7][len(seen) - 1]
    )
    monkeypatch.setattr(power, "either_power", lambda *_: 0.3)
    assert power.not_mad_power(SETTING, 0.5, 8, 0.02) == 0.3
    seen.clear()
    assert power.not_mad_power(SETTING._replace(shapes=0.0), 0.5, 8, 0.02) == 0.4
    assert len(seen) == 2


def test_a_file_s_own_noise_is_on_the_diagonal_of_its_law():
    noisy, clean = (power.law(SETTING._replace(noise=x), 0.3, 4) for x in (0.7, 0.0))
    np.testing.assert_allclose(noisy - clean, 0.7 * np.eye(4), rtol=0, atol=1e-14)


#: Steps of .01 seen as .015 a generation; of training sets of 50 rows, real data of 40.
FOUND = audit.Inference(
    Measured.exactly(-0.2), Measured.exactly(0.8), 50.0, "mad", "", 0.0, 1.0,
    noise=Drift(-0.2, 0.01, 8.0, 0.01, 0.015, 0.2, 0.01),
    held=anchor.Anchor(np.zeros(9), 0.02, 1.0, 1.0, 0.0, memory=3),
)  # fmt: skip


def seen(K=4, T=6, near=7.0):
    flat = dataclasses.replace(walks(np.zeros((T, K))), real_rows=40.0, near_count=near)
    return dataclasses.replace(flat, rows=np.full(T, 100.0), mean_count=3.0, shape_count=5.0)


def test_the_setting_of_a_loop_by_hand():
    """In variances of a step: noise .0025 of .01, files half a step, real rows 50/40 of one."""
    told = power.setting_of(seen(), FOUND, Known(memory=3))
    assert told == power.Setting(
        3.0, 7.0, pytest.approx(0.25), 0.5, 1.25, pytest.approx(50 * 0.001 / 2.25), -0.2,
        pytest.approx(0.002), 3, True, False,
    )  # fmt: skip
    free = power.setting_of(seen(near=0.0), FOUND)
    assert (free.shapes, free.known, free.alone, free.memories) == (5.0, False, False, (1, 2, 3))
    assert power.setting_of(seen(), FOUND, Known(share=0.0)).alone
    # One direction has no shapes; a file's noise is at most that of its rows; sizes are bounded.
    assert power.setting_of(seen(K=1), FOUND).shapes == 0.0
    few = power.setting_of(seen(), dataclasses.replace(FOUND, training_size=10.0))
    assert (few.noise, few.rows) == (pytest.approx(0.1), pytest.approx(0.1))
    least, most = (
        power.setting_of(seen(), dataclasses.replace(FOUND, training_size=n)).offset * 40
        for n in (1.0, math.inf)
    )
    assert (least, most) == (2.0, pytest.approx(1e12))


@pytest.mark.parametrize(
    ("known", "share"),
    [(Known(), 0.1), (Known(share=0.0), 1.0), (Known(share=0.05), 0.05), (Known(share=0.1), None)],
)
def test_power_is_asked_at_the_generations_there_are(monkeypatch, known, share):
    monkeypatch.setattr(power, "mad_power", lambda setting, t, alpha: t / 100 + alpha)
    monkeypatch.setattr(power, "not_mad_power", lambda s, p, t, alpha: min(1.0, t / 10 + p / 100))
    found = power.power(seen(), FOUND, 0.02, known)
    if share is None:
        assert found is None
        return
    held = 0.6 + share / 100
    assert found == power.Power(
        pytest.approx(0.08), pytest.approx(held), share, None, 9 if share else None
    )
    # No farther than the audit looks back.
    assert power.power(seen(T=LONGEST + 5), FOUND, 0.02, known).mad == pytest.approx(0.42)


def test_fewest_generations_are_three_and_enough_is_nine_of_ten():
    assert power._needed(lambda t: 1.0) == 3
    assert power._needed(lambda t: 0.9 if t >= 17 else 0.89) == 17
    assert power._needed(lambda t: 0.9 if t >= LONGEST else 0.0) == 40
    assert power._needed(lambda t: 0.89999) is None


def test_a_level_that_does_not_fall_tells_nothing():
    null = np.eye(5)
    assert power._level(SETTING._replace(rate=0.1, level=0.01), null) == 0.0
    assert power._level(SETTING._replace(rate=-0.1, level=0.0), null) == 0.0
    assert power._level(SETTING._replace(rate=-0.1, level=0.01), null) > 0


def test_a_long_fall_is_nearest_to_a_curve_that_falls_much_faster_at_first():
    T, level = 30, 0.01
    falling = SETTING._replace(rate=-0.2, level=level, known=True)
    gaps = []
    for log_bias in np.linspace(-2, 0, 4001):
        c = np.ones(T)
        for t in range(1, T):
            c[t] = math.exp(log_bias) * (0.1 + 0.9 * c[t - 1])
        gaps.append(float(np.square(np.log(c) + 0.2 * np.arange(T)).sum()) / level)
    assert np.argmin(gaps) < 3200  # a log bias below -.4
    assert power._level(falling, np.eye(T)) == pytest.approx(min(gaps), rel=1e-3)


def test_a_fall_beyond_float64_is_told_without_a_warning():
    # By e^-184 a generation: ten times as fast a bias is 0 in float64, and has no logarithm.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gap = power._level(SETTING._replace(rate=-184.0, level=0.01, known=True), np.eye(4))
    assert 0 < gap < math.inf
