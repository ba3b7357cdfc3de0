"""E W2^2 by the deterministic equivalent: simulated values, tables, refusals."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import special

from madtheory.covariance import Spectrum
from madtheory.loop import Loop, fresh_data
from madtheory.spectrum import baseline
from madtheory.spectrum.mean_law import constant_law
from madtheory.spectrum.next_law import next_law, one_fit
from madtheory.spectrum.rotated import fidelity_deficit
from madtheory.spectrum.small_dim import exact_share
from madtheory.theory.distance import (
    equivalent,
    resummed,
    resummed_limit,
    w2_squared,
    w2_squared_limit,
)
from madtheory.theory.distance.cumulants import extra_skew, missed_by_skew
from madtheory.theory.distance.equivalent import deficit_by_law, fit_share
from madtheory.theory.moments import first_moments
from tests.golden.theory.distance import coverage, precise
from tests.golden.theory.distance.controls import by_loop, profile


@pytest.mark.parametrize(("bias", "truth", "se"), [(0.9, 13.415, 0.002), (1.0, 12.287, 0.007)])
def test_the_papers_setting(bias: float, truth: float, se: float) -> None:
    e = w2_squared_limit(fresh_data(100, 900, bias=bias), [1.0] * 100)
    assert abs(float(e.value) - truth) < 3 * se
    assert float(e.rel_error) < 1e-3


@cache
def held_out() -> list[tuple[int, float, float, float]]:
    """(dim, off, declared, noise) in units of truth on loops that set no constant."""
    rows = []
    for (dim, fields, name), simulated in list(
        by_loop(json.loads(coverage.TABLE.read_text())).items()
    )[::2]:
        loop, s = Loop(**json.loads(fields)), profile(name, dim)
        if loop.n_fixed or loop.memory != 1 or loop.pooled != 1 or loop.shrinkage or loop.floor:
            continue
        e, first = w2_squared(loop, s, generations=12), first_moments(loop, 12)
        for t, fidelity, se in simulated:
            i = t - 1
            truth = s.sum() * (first.mean_sq[i] + first.trace[i] + 1 - 2 * fidelity)
            off = abs(float(e.value[i]) - truth) / truth
            rows.append((dim, off, float(e.rel_error[i]), 2 * s.sum() * (se + 1e-8) / truth))
    return rows


def test_declared_errors_cover_a_table_held_out() -> None:
    _, off, declared, noise = np.array(held_out()).T
    assert len(off) > 300
    assert (off <= declared + 4 * noise).all()
    # a tenth of what is declared would not do
    assert (off > declared / 10 + 4 * noise).any()


def test_declared_errors_are_small() -> None:
    dim, _, declared, _ = np.array(held_out()).T
    assert np.median(declared[dim >= 20]) < 0.002
    assert np.quantile(declared[dim >= 20], 0.9) < 0.004
    assert np.median(declared[dim >= 2]) < 0.004


def test_declared_errors_cover_precise_simulations() -> None:
    table = json.loads(precise.TABLE.read_text())
    rows = [row for key in table if key.startswith("part") for row in table[key]]
    for dim, n_r, n_s, lam, _, t, name, fidelity, se in rows:
        loop, s = fresh_data(n_r, n_s, bias=lam), profile(name, dim)
        e, first = w2_squared(loop, s, generations=t), first_moments(loop, t)
        truth = s.sum() * (first.mean_sq[-1] + first.trace[-1] + 1 - 2 * fidelity)
        allowed = float(e.rel_error[-1]) * truth + 4 * 2 * s.sum() * se
        assert abs(float(e.value[-1]) - truth) <= allowed
    assert len(rows) >= 40


def test_limit_is_where_the_path_goes() -> None:
    for loop in (fresh_data(20, 30, bias=0.8), fresh_data(20, 30, weight=0.5, ddof=0)):
        for s in ([1.0] * 12, [3.0, 2.0, 1.0]):
            path, limit = w2_squared(loop, s, generations=80), w2_squared_limit(loop, s)
            assert path.value[-1] == pytest.approx(float(limit.value), rel=2e-6)
            assert path.rel_error[-1] == pytest.approx(float(limit.rel_error), rel=0.1, abs=1e-5)


def test_first_generation_and_bounds_are_those_of_the_distance() -> None:
    loop, s = fresh_data(9, 9, bias=0.7), [2.0, 1.0, 1.0]
    e, old = w2_squared(loop, s, generations=3), resummed(loop, s, generations=3)
    assert e.lower.tolist() == old.lower.tolist()
    assert e.upper.tolist() == old.upper.tolist()
    flat = w2_squared(loop, [1.0] * 3, generations=2)
    assert float(flat.rel_error[0]) == 0.0
    assert (e.rel_error <= old.rel_error).all()


def test_error_falls_to_zero_with_n() -> None:
    errors = [
        float(w2_squared_limit(fresh_data(n, n), [1.0] * 5).rel_error)
        for n in (10, 100, 1000, 10**5)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 3e-6


def test_where_no_fixed_point_is_found_the_distance_stands() -> None:
    loop = fresh_data(2, 10**4)
    e, old = w2_squared_limit(loop, [1.0] * 30), resummed_limit(loop, [1.0] * 30)
    assert (float(e.value), float(e.rel_error)) == (float(old.value), float(old.rel_error))


def test_all_weight_on_real_data_is_one_fit() -> None:
    e, one = w2_squared_limit(fresh_data(12, 5, weight=1.0), [1.0] * 6), baseline(12, [1.0] * 6)
    assert float(e.value) == pytest.approx(float(one.value), rel=1e-12)
    assert float(e.rel_error) == pytest.approx(float(one.rel_error), rel=1e-9)


def test_divergent_first_moments_are_unbounded() -> None:
    loop = replace(fresh_data(1, 50), bias=1.1, allow_overdispersion=True)
    assert np.isinf(w2_squared_limit(loop, [1.0] * 3).value)


@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(10, 10, weight=0.0),
        Loop(n_initial=9, n_fixed=9, n_synth=9, shrinkage=0.1),
        Loop(n_initial=9, n_fresh=9, n_synth=9, floor=0.1),
        Loop(n_initial=9, n_fresh=9, n_synth=9, bias=0.0, first_generation="biased"),
    ],
)
def test_other_loops_are_left_alone(loop: Loop) -> None:
    found, old = (f(loop, [1.0] * 3, generations=3) for f in (w2_squared, resummed))
    assert found.value.tolist() == old.value.tolist()
    assert found.rel_error.tolist() == old.rel_error.tolist()


def test_a_long_path_goes_on_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, s = fresh_data(20, 150, bias=0.97), [1.0] * 12
    whole = w2_squared(loop, s, generations=90)
    monkeypatch.setattr("madtheory.theory.distance.equivalent._LONGEST", 30)
    short = w2_squared(loop, s, generations=90)
    assert short.value[:30].tolist() == whole.value[:30].tolist()
    off = np.abs(short.value - whole.value) / whole.value
    assert off.max() > 1e-9
    assert (off <= np.maximum(short.rel_error - whole.rel_error, 0.0) + 2e-5).all()
    assert short.rel_error[-1] == pytest.approx(whole.rel_error[-1], abs=3e-5)
    assert short.rel_error.max() < 0.01


def test_few_synthetic_samples_and_a_weight() -> None:
    """Simulated: 1.60556 +- .00043. The resummed second order is .69 and says 43 %."""
    loop = fresh_data(5468, 2, weight=0.796, bias=0.3)
    e = w2_squared_limit(loop, [1.0] * 45)
    assert abs(float(e.value) - 1.60556) < 3 * 0.00043
    assert float(e.rel_error) < 0.001


@pytest.mark.parametrize("n_initial", [2, 3])
def test_a_first_bias_at_the_end_of_float64_is_one_near_0(n_initial: int) -> None:
    least, small = (
        w2_squared(
            fresh_data(1, 1, bias=bias, n_initial=n_initial, first_generation="biased"),
            [1.0],
            generations=3,
        )
        for bias in (2.0**-1023, 1e-20)
    )
    np.testing.assert_allclose(least.value, small.value, rtol=1e-12)


@pytest.mark.parametrize("dof", [1, 2, 4, 8])
def test_a_first_fit_that_many_samples_dilute(dof: int) -> None:
    """At d = 1 and n without end mu_1 and Sigma_1 decide all: quadrature knows every generation.

    At t = 2 E W2^2 was 2 to 7 % too large where .5 to 2.7 % was declared.
    """
    n = 10**7
    found = w2_squared(fresh_data(n, n, n_initial=dof + 1), [1.0], generations=4)
    y, weight = special.roots_genlaguerre(60, dof / 2 - 1)
    x, other = special.roots_hermite(60)
    both = np.multiply.outer(weight / weight.sum(), other / other.sum())
    mean_sq, Sigma = np.broadcast_arrays(2 * x**2 / (dof + 1), 2 * y[:, None] / dof)
    for t in (1, 2, 3):
        Sigma, mean_sq = (1 + Sigma) / 2 + mean_sq / 4, mean_sq / 4
        exact = (both * (mean_sq + (np.sqrt(Sigma) - 1) ** 2)).sum()
        assert abs(found.value[t] / exact - 1) < found.rel_error[t] < 0.06
        assert found.value[t] == pytest.approx(exact, rel=0.02)


def _moments_at_rest(w: float, b: float, n_r: int, n_s: int) -> tuple[float, float, float]:
    """Mean and central moments of V = w R + b V S by its raw moments, each from lower ones."""

    def chi(n: int, k: int) -> float:
        return math.prod(1 + 2 * i / n for i in range(k))

    raw = [1.0]
    for k in (1, 2, 3):
        terms = [
            math.comb(k, j) * w ** (k - j) * chi(n_r, k - j) * b**j * chi(n_s, j) * raw[j]
            for j in range(k)
        ]
        raw.append(sum(terms) / (1 - b**k * chi(n_s, k)))
    _, v, two, three = raw
    return v, two - v**2, three - 3 * v * two + 2 * v**3


@pytest.mark.parametrize(
    ("w", "bias", "n_r", "n_s"), [(0.7, 0.6, 900, 60), (0.2, 1.0, 30, 9), (0.9, 0.0, 5, 5)]
)
def test_a_weight_makes_variances_skew(w: float, bias: float, n_r: int, n_s: int) -> None:
    v, second, third = _moments_at_rest(w, (1 - w) * bias, n_r, n_s)
    expected = max(third * v / (2 * second**2) - 1, 0.0)
    found = extra_skew(fresh_data(n_r, n_s, weight=w, bias=bias))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_fixed_set_is_seen_by_all_generations() -> None:
    """Its part of V does not shrink on the way: of a fixed set alone V is one fit, no skewer."""
    loop = Loop(n_initial=50, n_fixed=50, n_synth=10**9, weight=0.4, bias=0.5)
    assert extra_skew(loop) == pytest.approx(0.0, abs=1e-6)
    fresh = replace(loop, n_fixed=0, n_fresh=50)
    assert extra_skew(replace(loop, n_fixed=25, n_fresh=25)) != extra_skew(fresh) > 0
    assert extra_skew(replace(fresh, weight=0.0)) == 0
    # It is a ratio: what a weight is does not matter where it is next to nothing.
    least = [extra_skew(replace(fresh, bias=0.5, weight=x)) for x in (1e-15, 1e-100, 1e-300)]
    assert least == pytest.approx([least[0]] * 3, rel=1e-12)
    # What is pooled has the weight n_real/n; with memory, and beside a fixed set, this is not used.
    pooled = fresh_data(50, 75, bias=0.5)
    share = replace(pooled, weight=0.4)
    assert extra_skew(pooled) == pytest.approx(extra_skew(share), rel=1e-12)
    assert extra_skew(replace(pooled, memory=2)) == extra_skew(replace(pooled, n_fixed=5)) == 0


def test_a_law_that_is_none_misses_nothing_by_skew() -> None:
    s = Spectrum.of([1.0, 1.0])
    assert missed_by_skew(3.0, [-5.0, 0.0], s).tolist() == [0.0, 0.0]
    assert missed_by_skew(3.0, 0.01, s) == pytest.approx(0.01 * 1.04**-2.5 / 1.04, rel=1e-12)


def test_a_skewer_covariance_is_declared() -> None:
    """d = 4, one direction of 25.1: .16796526 by 300,000 runs with exact controls; 9.3e-5 more
    where this is not taken off."""
    loop = Loop(n_initial=122028, n_fixed=122028, n_synth=63, weight=0.7, bias=0.635)
    e = w2_squared_limit(loop, [25.1, 1.0, 1.0, 1.0])
    off = abs(float(e.value) / 0.16796526 - 1)
    assert off < 3e-5 < float(e.rel_error) < 3e-4


@pytest.mark.parametrize(
    ("loop", "s", "t", "truth"),
    [
        (fresh_data(5, 5, bias=0.3, ddof=0), 0.7 ** np.arange(8), 4, 1.1788),  # 3e-4 of it
        (fresh_data(3, 17, bias=0.3, ddof=0, n_initial=5), np.arange(1, 9) / 8, 3, 2.4664),  # 2e-4
        (
            fresh_data(6, 7, weight=0.73, bias=0.95, ddof=0, n_initial=17),  # 3e-4
            0.8 ** np.arange(10),
            4,
            1.7426,
        ),
    ],
)
def test_a_fit_is_singular_by_the_rank(loop: Loop, s: np.ndarray, t: int, truth: float) -> None:
    e = w2_squared(loop, s, generations=t)
    assert abs(float(e.value[-1]) / truth - 1) < 0.003  # .0042 to .0073 low by the dimension alone
    assert float(e.rel_error[-1]) < 0.016


def test_what_the_rank_changes_is_declared() -> None:
    s = Spectrum.of(0.7 ** np.arange(8))
    law = next_law(constant_law(8), one_fit(6))
    near = fidelity_deficit(law, s)
    share, sure = fit_share(law, s, near)
    x, error = deficit_by_law(law, s, law.spread)
    assert abs(share - sure) > 0.002
    assert error > x * (1.3 * abs(1 - share) + abs(share - sure))
    flat = Spectrum.of(np.ones(8))
    assert fit_share(law, flat, 0.2) == (exact_share(8, 0.2),) * 2


#: E W2^2 of generation t of fresh data loops, by drawn data.
OF_FEW = [(1, 2, 5, 20, 0.5895, 0.0024), (4, 1, 5, 18, 7.37, 0.03), (4, 2, 5, 21, 3.413, 0.019)]


@pytest.mark.parametrize(("d", "n_real", "n_synth", "t", "mean", "se"), OF_FEW)
def test_a_walk_of_few_samples_ends_where_rounding_grows(d, n_real, n_synth, t, mean, se):
    """Mean laws on the verge of none zigzag from here on: .4227 +- .3 % at d = 1."""
    found = w2_squared(fresh_data(n_real, n_synth), [1.0] * d, generations=24)
    value, error = float(found.value[t - 1]), float(found.value[t - 1] * found.rel_error[t - 1])
    assert abs(value - mean) <= error + 3 * se
    assert (found.rel_error[1:14] < 0.15).all()  # and not before


def test_smooth_paths_go_on():
    """Steps of a path about its end, and those of one that settles."""
    assert not equivalent._grows([0.0] * 8)
    near = [0.3 + 1e-3 * (k - 8.5) ** 2 for k in range(12)]
    settled = [0.3 + 0.5**k for k in range(12)]
    assert not any(equivalent._grows(x[:n]) for x in (near, settled) for n in range(3, 13))
    assert equivalent._grows([*settled, settled[-1] + 0.01])


def test_generation_two_of_two_samples():
    """1.8 % too high where 1 % was declared: d = 8, 10.327 +- .011 by drawn data."""
    found = w2_squared(fresh_data(2, 2, bias=0.7), [1.0] * 8, generations=2)
    off = abs(float(found.value[1]) - 10.327)
    assert 0.1 < off < float(found.value[1] * found.rel_error[1])
    assert found.rel_error[1] < 0.05
