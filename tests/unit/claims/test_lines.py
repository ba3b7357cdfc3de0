"""Second samplers against what is known of them without the claims that use them."""

import numpy as np
import pytest
from scipy.special import digamma

from madtheory.claims import lines
from madtheory.loop import fully_synthetic, synthetic_augmentation
from madtheory.simulate import simulate_plain

SIZE = 40_000


def off(x: np.ndarray, mean: float) -> float:
    """Distance of the mean of x from what it should be, in standard errors."""
    return abs(x.mean() - mean) / (x.std(ddof=1) / np.sqrt(x.size))


@pytest.mark.parametrize("ddof", [0.0, 1.0])
def test_variances_with_a_floor_after_two_fits(ddof):
    v = lines.floored_variances(10, SIZE, 1, bias=0.7, floor=0.2, ddof=ddof, t=2)
    fit = 9 / (10 - ddof)
    assert off(v, 0.7 * fit * (fit + 0.2) + 0.2) < 4
    assert v.min() > 0.2


def test_steps_of_the_mean():
    # Given the second variance v, the third mean moves by N(0, bias v / n).
    loop = fully_synthetic(10, bias=0.7, floor=0.2)
    assert off(lines.squared_steps(loop, SIZE, 2, t=2), 0.7 * (0.7 * 1.2 + 0.2) / 10) < 4


def test_a_subsampled_pool_against_the_sampler_on_data():
    loop = synthetic_augmentation(6, 5, pool="accumulate", budget=7, bias=0.8)
    mean, variance = lines.subsampled_models(loop, SIZE, 3, t=4)
    told = simulate_plain(
        loop, [1.0], generations=4, replicates=4000, seed=4, record=["mean_sq", "trace"], at=(4,)
    )
    for x, name in ((mean**2, "mean_sq"), (variance, "trace")):
        gap = x.mean() - told.mean[name][0]
        assert abs(gap) < 4 * np.hypot(told.se[name][0], x.std() / np.sqrt(SIZE)), name


def test_a_pool_without_budget_keeps_everything():
    # Nothing is left out: the mean is that of all data, and its variance is known at t = 2.
    loop = synthetic_augmentation(6, 6, pool="accumulate", bias=1.0)
    mean, _ = lines.subsampled_models(loop, SIZE, 5, t=2)
    assert off(mean**2, 1 / 6 + 1 / 6 / 4) < 4


def test_log_variances_of_a_single_mode():
    log_v = lines.mode_log_variances(1, 8, SIZE, 6, t=3, ddof=1.0)
    assert log_v.shape == (SIZE,)
    assert off(log_v, 3 * (digamma(7 / 2) - np.log(7 / 2))) < 4


def test_log_variances_of_modes_that_always_had_two_samples():
    log_v = lines.mode_log_variances(3, 6, SIZE, 7, t=1, ddof=1.0)
    alive = 1 - (2 / 3) ** 6 - 6 * (1 / 3) * (2 / 3) ** 5
    assert abs(log_v.size / SIZE - alive) < 4 * np.sqrt(alive * (1 - alive) / SIZE)


def test_words_until_one_is_left():
    time, won = lines.until_alone(np.array([1.0, 0.0]), 5, 3, 8)
    assert (time.tolist(), won.tolist()) == ([1.0] * 3, [1.0] * 3)
    # Of one sample one word is left at once; it is the first with its probability.
    time, won = lines.until_alone(np.array([0.3, 0.7]), 1, SIZE, 9)
    assert set(time) == {1.0}
    assert off(won, 0.3) < 4


def test_words_of_two_samples():
    # Two equal words, two samples: one is left with probability 1/2 in every generation.
    time, _ = lines.until_alone(np.array([0.5, 0.5]), 2, SIZE, 10)
    assert off(time, 2.0) < 4
    # At temperature 1/2 shares of 2/3 and 1/3 are sampled as 4/5 and 1/5.
    p = np.array([0.5, 0.5])
    _, won = lines.until_alone(p, 3, SIZE, 11, temperature=0.5)
    win = [
        0.0,
        *np.linalg.solve(_three_tokens()[1:3, 1:3] - np.eye(2), -_three_tokens()[1:3, 3]),
        1,
    ]
    assert off(won, float(np.array([1, 3, 3, 1]) @ win / 8)) < 4


def _three_tokens() -> np.ndarray:
    """Chain of the first word's count among three tokens at temperature 1/2, shape (4, 4)."""
    q = np.array([0.0, 1 / 5, 4 / 5, 1.0])
    k, choose = np.arange(4), np.array([1, 3, 3, 1])
    return choose * q[:, None] ** k * (1 - q[:, None]) ** (3 - k)


def test_steps_are_drawn_apart_from_the_variances():
    loop = fully_synthetic(10, bias=0.7, floor=0.2)
    v = lines.floored_variances(10, 1000, 6, bias=0.7, floor=0.2, ddof=1.0, t=2)
    z = np.random.default_rng(5).standard_normal(1000)
    np.testing.assert_allclose(
        lines.squared_steps(loop, 1000, 5, t=2), 0.7 * v / 10 * z**2, rtol=1e-12
    )
