"""Limits of pools that keep everything: their paths, closed forms, and a recursion of their own."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from madtheory.loop import Loop, UnsupportedLoop
from madtheory.theory import distance, moments
from madtheory.theory.moments.growing_limits import growing_limit

POOL = Loop(n_initial=10, n_fixed=6, n_fresh=4, n_synth=7, pool="accumulate")
PLAIN = Loop(n_initial=10, n_fixed=10, n_synth=7, pool="accumulate")
ANCHORED = [
    replace(POOL, weight=0.6, bias=0.9),
    replace(POOL, weight=0.9, memory=None, ddof=0),
    replace(POOL, n_fixed=0, n_fresh=9, budget=6),
    replace(POOL, n_fresh=9, budget=6, memory=3, bias=0.7, ddof=0),
]
RESTING = [
    POOL,
    replace(POOL, bias=0.9, memory=3),
    replace(POOL, bias=0.9, memory=None),
    replace(POOL, n_fresh=0, budget=20, ddof=0),
    replace(POOL, n_fixed=0, n_fresh=0, bias=0.97),
]


def by_sums(loop: Loop, generations: int) -> tuple[float, float]:
    """(M, C) of one generation by the sums of what is kept: a recursion written anew, memory 1."""
    f, h, s, lam = loop.n_fixed, loop.n_fresh, loop.n_synth, loop.scalar_bias
    M, C = 1 / f, 1.0  # the first model is the fit to the fixed set
    A, Q, K = 1 / f, f - 1.0, float(f)  # kept: E |mean|^2, scatter, number
    for t in range(1, generations):
        # A batch of s from (M, C) joins; its mean is off the kept mean by d in mean square.
        own = h if t > 1 else 0  # fresh samples in the model before
        N = K + own
        d = (own / N) ** 2 * (1 / own + A) + lam * C / s if own else lam * C / s
        cross = A * K / N  # E m . mu
        A = (K**2 * A + 2 * K * s * cross + s**2 * (M + lam * C / s)) / (K + s) ** 2
        Q += (s - 1) * lam * C + K * s / (K + s) * d
        K += s
        N = K + h
        M = (K**2 * A + h) / N**2
        gap = K * h / N * (A + 1 / h)
        C = (Q + h - 1 + gap) / (N - loop.ddof)
    return M, C


def test_the_path_is_that_of_sums() -> None:
    loop = Loop(n_initial=6, n_fixed=6, n_fresh=4, n_synth=7, pool="accumulate", bias=0.9)
    path = moments.first_moments(loop, 40)
    for t in (2, 3, 40):
        M, C = by_sums(loop, t)
        assert (path.mean_sq[t - 1], path.trace[t - 1]) == pytest.approx((M, C), rel=1e-12)


@pytest.mark.parametrize("bias", [1.0, 0.8])
def test_the_limit_is_that_of_long_recursions(bias: float) -> None:
    # 4 f(2t) - ... : two more steps of Richardson's at t = 30,000 .. 120,000, exponents 1 and 2.
    loop = Loop(n_initial=6, n_fixed=6, n_fresh=4, n_synth=7, pool="accumulate", bias=bias)
    a, b = (np.array(by_sums(loop, T)) for T in (30_000, 60_000))
    limit = growing_limit(loop)
    assert limit.mean_sq == pytest.approx(2 * b[0] - a[0], rel=1e-6)
    if bias == 1:
        assert limit.trace == pytest.approx(2 * b[1] - a[1], rel=1e-8)
    else:
        assert limit.trace == 0.0


@pytest.mark.parametrize("bias", [1.0, 0.8])
def test_plain_pools_have_the_closed_form(bias: float) -> None:
    loop = replace(PLAIN, bias=bias)
    closed = moments.growing_pool_limit(loop)
    assert growing_limit(loop) == pytest.approx(tuple(closed), rel=1e-8)
    many = replace(loop, n_initial=700, n_fixed=700)
    assert growing_limit(many) == pytest.approx(tuple(moments.growing_pool_limit(many)), rel=1e-7)


@pytest.mark.parametrize("loop", RESTING)
def test_paths_come_nearer_like_powers(loop: Loop) -> None:
    limit, path = moments.first_moments_limit(loop), moments.first_moments(loop, 1024)
    off = path.mean_sq[[255, 1023]] / limit.mean_sq - 1
    # At least like 1/t^.97: no other limit could have that.
    assert 0 < off[1] / off[0] < 4**-0.97
    if limit.trace:
        gap = path.trace[[255, 1023]] / limit.trace - 1
        assert 0 < gap[1] / gap[0] < 4**-0.97


@pytest.mark.parametrize("loop", ANCHORED)
def test_anchored_pools_come_to_rest_at_the_real_data(loop: Loop) -> None:
    limit, path = moments.first_moments_limit(loop), moments.first_moments(loop, 2048)
    for x, end in ((path.mean_sq, limit.mean_sq), (path.trace, limit.trace)):
        off = np.abs(x[[127, 2047]] / end - 1)
        assert off[1] < 2e-3
        assert off[1] < off[0] / 5


def test_a_weight_by_hand() -> None:
    # w = 1/2, one fresh beside one fixed sample, lambda = 1, ddof 0.
    loop = Loop(n_initial=4, n_fixed=1, n_fresh=1, n_synth=5, pool="accumulate", weight=0.5, ddof=0)
    w, fresh = Fraction(1, 2), Fraction(1, 4)
    q_less_C = w**2 * fresh
    C = (w * Fraction(1, 2) + (1 - w) * q_less_C + w * (1 - w) * fresh) / w
    found = growing_limit(loop)
    assert found.mean_sq == pytest.approx(float(fresh + q_less_C), rel=1e-14)
    assert found.trace == pytest.approx(float(C), rel=1e-14)


def test_what_diverges_and_what_is_refused() -> None:
    assert moments.first_moments_limit(replace(POOL, n_fresh=0, budget=6)).mean_sq == math.inf
    with pytest.raises(UnsupportedLoop, match=r"floor = 0 only, got 0\.1"):
        moments.first_moments_limit(replace(POOL, floor=0.1))
    with pytest.raises(UnsupportedLoop, match="where it is near after"):
        moments.first_moments_limit(replace(POOL, n_fixed=10**6, n_initial=10**6))


def test_where_the_trace_dies_so_does_all_but_the_mean_s_way() -> None:
    loop = replace(POOL, bias=0.9)
    limit = distance.w2_squared_limit(loop, [2.0, 1.0])
    assert float(limit.value) == pytest.approx(3 * (1 + growing_limit(loop).mean_sq), rel=1e-14)
    assert limit.status == "exact"
    grows = replace(POOL, n_fresh=0, budget=6)
    assert distance.w2_squared_limit(grows, [1.0]).value == math.inf


def test_a_dying_subsample_leaves_the_pool_s_mean() -> None:
    # The subsample's mean is off the pool's by tr S/B, which falls like t^e: slowly.
    loop = replace(POOL, n_fresh=0, budget=20, bias=0.9)
    limit, path = growing_limit(loop), moments.first_moments(loop, 2048)
    near, far = ((path.mean_sq[t] - limit.mean_sq) / path.trace[t] for t in (511, 2047))
    assert (4 * far - near) / 3 == pytest.approx(1 / 20, rel=1e-4)
