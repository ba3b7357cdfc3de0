"""Inputs that reach the branches of the theory that `theory.py` beside does not.

What the answers are is not looked at here: every function that runs adds what it returns to the
traces (see ``tracing.py``), and a refusal its sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.laws import bures, chi_square, trace_noise, wishart
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.results import Estimate, Interval
from madtheory.theory import collapse, distance, moments, verdicts, worth
from tests.snapshot import simulators, theory

Answers = Iterator[Any]
FOUR = (0.9, 0.7, 0.5, 0.5)


def ask(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The value, or the sentence of the refusal."""
    try:
        return function(*arguments, **options)
    except (ValueError, TypeError, ArithmeticError, RuntimeWarning) as error:
        return str(error)


def both(loop: Loop) -> Iterator[Loop]:
    yield from (loop, replace(loop, ddof=1 - loop.ddof))


# --- loops ----------------------------------------------------------------------------------------

POOL = synthetic_augmentation(7, 5, pool="accumulate", bias=0.9)
HOT = {"allow_overdispersion": True}
LOOPS: Mapping[str, Loop] = {
    "two": fully_synthetic(2, bias=0.65),
    "two-unbiased": fully_synthetic(2, n_initial=9, ddof=0),
    "three-of-two": fully_synthetic(3, n_initial=2, bias=0.4),
    "point": fully_synthetic(5, bias=0.0, first_generation="biased"),
    "unbiased-mle": fully_synthetic(6, ddof=0),
    "border": fully_synthetic(9, bias=9 / 10),
    "hot-mle": fully_synthetic(8, bias=1.3, ddof=0, **HOT),
    "critical": fully_synthetic(5, bias=math.exp(0.2703628454614784), **HOT),
    "biases": fully_synthetic(8, bias=FOUR),
    "biases-three": fully_synthetic(8, bias=(0.9, 0.2, 1.0), first_generation="biased"),
    "biases-none": fully_synthetic(8, bias=(0.9, 0.0, 0.5, 0.1)),
    "fresh-biases": fresh_data(6, 9, bias=FOUR),
    "fresh-biases-memory": fresh_data(6, 9, bias=FOUR, memory=2),
    "augmentation-biases": synthetic_augmentation(7, 5, bias=FOUR),
    "augmentation-biases-literal": replace(
        synthetic_augmentation(7, 5, bias=(0.9, 0.7, 1.0, 0.2)), first_generation="biased"
    ),
    "pool-biases": replace(POOL, bias=FOUR),
    "budget-biases": replace(POOL, bias=FOUR, budget=9),
    "floor-hot": fully_synthetic(6, bias=1.02, floor=0.1, **HOT),
    "floor-point": fully_synthetic(6, bias=0.0, floor=0.1),
    "floor-melts": fully_synthetic(6, bias=1.8, floor=0.1, **HOT),
    "floor-mle": fully_synthetic(6, bias=0.5, floor=0.1, ddof=0),
    "shrinkage-hot": fully_synthetic(6, bias=1.1, shrinkage=0.5, **HOT),
    "fresh-even": replace(synthetic_augmentation(7, 5), n_fresh=7),
    "fresh-mle": fresh_data(6, 9, ddof=0),
    "fresh-weight-edge": fresh_data(6, 9, ddof=0, weight=1.0),
    "fresh-hot": replace(fresh_data(6, 9), bias=1.5, **HOT),
    "fresh-diverges": replace(fresh_data(1, 90), bias=1.4, **HOT),
    "fresh-point": fresh_data(6, 9, bias=0.0),
    "initial-smaller": replace(synthetic_augmentation(9, 5, bias=0.8), n_initial=4),
    "initial-larger": replace(synthetic_augmentation(9, 5, bias=0.8), n_initial=14, ddof=0),
    "literal-fixed": replace(synthetic_augmentation(9, 5, bias=0.8), first_generation="biased"),
    "memory-long": replace(fresh_data(6, 9, bias=0.9), memory=7),
    "memory-fixed": synthetic_augmentation(7, 5, memory=3, bias=0.8),
    "memory-weight-all": fresh_data(6, 9, bias=0.9, weight=0.5, memory=None),
    "cap-one": replace(POOL, pool_cap=1),
    "cap-memory": replace(POOL, pool_cap=3, memory=2, ddof=0),
    "cap-weight": replace(POOL, pool_cap=2, weight=0.6),
    "pool-unbiased": replace(POOL, bias=1.0, ddof=0),
    "pool-fresh": replace(POOL, n_fresh=3),
    "pool-only-fresh": replace(fresh_data(4, 5, bias=0.9), pool="accumulate"),
    "pool-only-fresh-one": replace(fresh_data(4, 5), pool="accumulate"),
    "pool-weight-fresh": replace(fresh_data(4, 5, bias=0.8), pool="accumulate", weight=0.3),
    "pool-hot": replace(POOL, bias=1.2, **HOT),
    "budget-ample": replace(POOL, budget=500, pool_cap=3),
    "budget-equal": replace(POOL, budget=12),
    "budget-one-less": replace(POOL, budget=11, pool_cap=1),
    "budget-fresh": replace(POOL, budget=8, n_fresh=4),
    "budget-fresh-mle": replace(POOL, budget=8, n_fresh=4, ddof=0, bias=1.0),
    "budget-only-fresh": Loop(
        n_initial=6, n_synth=5, n_fresh=4, pool="accumulate", budget=8, bias=0.9
    ),
    "budget-hot": Loop(
        **{"n_initial": 6, "n_synth": 5, "n_fresh": 1, "pool": "accumulate", "budget": 8},
        **{"bias": 1.4, **HOT},
    ),
    "budget-chain": Loop(n_initial=6, n_synth=5, pool="accumulate", budget=4, bias=0.9),
    "budget-cap": replace(POOL, budget=9, pool_cap=3, memory=2),
    "budget-memory-all": replace(POOL, budget=9, memory=None),
    "large": fresh_data(300, 700, bias=0.95),
    "huge": fully_synthetic(10**7, bias=0.999),
    "weight-nothing": synthetic_augmentation(7, 5, weight=0.0, bias=0.8),
    "weight-everything": synthetic_augmentation(7, 5, weight=1.0, bias=0.8),
    "augmentation-one": synthetic_augmentation(7, 1, bias=0.8),
    "augmentation-many": synthetic_augmentation(7, 400),
}
#: What a function of a loop costs much by, and adds little.
DEAR = frozenset(
    {"effective.admissible_n_synth", "collapse.collapse_time_quantiles", "regimes.regime"}
)
SPECTRA = ([2.0], [4.0, 4.0, 1.0, 0.0])
OF_SPECTRUM: tuple[Callable[..., Any], ...] = (
    lambda x, s: collapse.w2_squared(x, s, generations=5),
    lambda x, s: collapse.w2_squared_limit(x, s),
    lambda x, s: collapse.second_moments(x, s, generations=5),
    lambda x, s: collapse.mean_walk(x, s, generations=5),
    lambda x, s: collapse.mean_walk_limit(x, s),
    lambda x, s: collapse.mean_walk_growth(x, s),
    lambda x, s: collapse.log_det_mean(x, s, generations=5),
    lambda x, s: collapse.log_det_variance(x, s, generations=5),
    lambda x, s: collapse.log_trace_moments(x, s, generations=5),
    lambda x, s: collapse.dominance(x, s),
    lambda x, s: collapse.direction_rates(x, s),
    lambda x, s: collapse.collapse_time_bounds(0.3, x, s, generations=5),
    lambda x, s: collapse.collapse_time_chances(0.3, x, s, generations=5),
    lambda x, s: distance.w2_squared(x, s, generations=5),
    lambda x, s: distance.w2_squared_limit(x, s),
    lambda x, s: moments.first_moments_by_direction(x, s, generations=3),
    lambda x, s: moments.first_moments(x, 3, eigenvalues=s),
    lambda x, s: moments.first_moments_limit(x, eigenvalues=s),
    lambda x, s: worth.gain(x, s),
)


def of_loops() -> Answers:
    """Functions of a loop at the loops of this file."""
    for one in LOOPS.values():
        for name, function in theory.LOOP.items():
            if name not in DEAR:
                yield ask(function, one)
        for more in both(one):
            yield ask(moments.forgetting_status, more)
            yield ask(collapse.only_remembers, more)
            yield ask(lambda more=more: (more.along(1), more.longest_lived, more.used.family))
            yield ask(lambda more=more: (more.is_chain, more.plain_chain, more.is_stationary))

    for name in ("augmentation-memory", "synthetic-memory", "pool-cap", "fresh", "synthetic"):
        one = simulators.LOOPS[name]
        yield ask(moments.second_moments_rel_error, one, 2, generations=3)
        yield ask(moments.second_moments_rel_error, one, 2)
        yield ask(collapse.memory_rate, one)


def of_spectra() -> Answers:
    """Functions of a loop and a spectrum."""
    chosen = [theory_loop for theory_loop in LOOPS.items() if theory_loop[0] in WITH_SPECTRA]
    for s in SPECTRA:
        for _, one in chosen:
            for function in OF_SPECTRUM:
                yield ask(function, one, s)


WITH_SPECTRA = (
    *("two", "three-of-two", "unbiased-mle", "biases", "fresh-biases", "augmentation-biases"),
    *("initial-smaller", "cap-one", "budget-fresh", "memory-long", "biases-none"),
)


def collapses() -> Answers:
    """What is asked of one fully synthetic loop."""
    half, two, hot = fully_synthetic(9, bias=0.5), LOOPS["two"], LOOPS["hot-mle"]
    for one in (half, two, LOOPS["point"], hot):
        for power in (-0.5, -20.0, 0.0, 0.3, 3.0):
            yield ask(collapse.directional_log_moment, one, 1, power=power)
            yield ask(collapse.directional_log_moment, one, 5, power=power)
        for t in (1, 40):
            points = [0.0, 1e-12, 0.1, 1.0, 7.0, math.inf]
            yield ask(collapse.directional_cdf, points, one, t=t)
            yield ask(collapse.directional_sf, points, one, t=t)
            yield ask(collapse.directional_chernoff, points, one, t=t)
            yield ask(collapse.directional_log_tails, [-math.inf, -1e3, math.inf], one, t=t)
            yield ask(collapse.directional_quantile, [0.0, 1e-9, 0.5, 1 - 1e-9, 1.0], one, t=t)
            yield ask(collapse.directional_log_quantile, [0.0, 1e-200, 1.0], one, t=t)
        for eps in (1e-3, 0.5, 1.0, 0.0):
            yield ask(collapse.first_passage_cdf, eps, one, generations=5)
            yield ask(collapse.collapse_time_bounds, eps, one, [1.0, 0.5], generations=5)
            yield ask(collapse.collapse_time_bounds, eps, one, [1.0], generations=5)
            yield ask(collapse.collapse_time_chances, eps, one, [1.0, 0.5, 0.0], generations=5)
            yield ask(collapse.collapse_time_chances, eps, one, [1.0], generations=5)
            for q in ([0.02, 0.5], [0.98, 0.0, 1.0]):
                yield ask(collapse.collapse_time_quantiles, one, 2, eps=eps, q=q)
                yield ask(collapse.collapse_time, one, 2, eps=eps, q=q)
        yield ask(collapse.collapse_time, one, 2, eps=0.1, q=0.5, eigenvalues=[1.0, 0.2])
        yield ask(collapse.collapse_time_quantiles, one, 2, eps=0.1, q=0.5, eigenvalues=[1.0])
        yield ask(collapse.first_decrease, one, generations=1000)
        yield ask(collapse.first_decrease, one, generations=301)
        for dim in (1, 2, 7):
            yield ask(collapse.is_increasing, one, dim)
            yield ask(collapse.overshoot_peak, one, dim)
            yield ask(collapse.lyapunov_spectrum, one, dim)
            yield ask(collapse.w2_squared_high_dimension, one, dim, generations=4)
    dead = fully_synthetic(9, bias=0.0)
    for q in (0.0, 0.3, 0.9, 1.0):
        for eps in (0.5, 0.9):
            yield ask(collapse.collapse_time_quantiles, dead, 2, eps=eps, q=q)
            yield ask(collapse.collapse_time, dead, 2, eps=eps, q=q)
        yield ask(collapse.collapse_time, fully_synthetic(3, bias=0.97), 5, eps=1e-4, q=q)
    for points in ([math.nan], [-1.0]):
        yield ask(collapse.directional_cdf, points, half, t=2)
        yield ask(collapse.directional_chernoff, points, half, t=2)
        yield ask(collapse.directional_log_tails, points, half, t=2)
    yield from overshoots()


def overshoots() -> Answers:
    for n, initial, bias, ddof, dim in (
        (51, 51, 0.3, 1, 130),
        (51, 51, 0.0, 1, 130),
        (9, 9, 0.9, 1, 9),
        (9, 9, 0.8999, 1, 9),
        (30, 30, 0.9, 1, 300),
        (30, 2, 0.9, 0, 3),
        (2, 2, 0.5, 0, 1),
        (2, 9, 0.5, 1, 4),
        (2, 9, 0.0, 1, 4),
        (2, 9, 0.99, 1, 2),
        (100, 3, 0.97, 1, 40),
        (60, 60, 0.95, 0, 20),
    ):
        one = fully_synthetic(n, bias=bias, n_initial=initial, ddof=ddof)
        yield ask(collapse.is_increasing, one, dim)
        yield ask(collapse.overshoot_peak, one, dim)
        yield ask(collapse.first_decrease, one, generations=10**6)
    yield [ask(collapse.overshoot_interval, dim) for dim in (0, 300)]


def stationary() -> Answers:
    """A floor, and estimated biases."""
    for one in (
        LOOPS["floor-hot"],
        LOOPS["floor-point"],
        LOOPS["floor-melts"],
        LOOPS["floor-mle"],
        fully_synthetic(6, bias=0.9, floor=0.2, shrinkage=0.3),
        fully_synthetic(2, bias=0.99, floor=0.2),
        fully_synthetic(60, bias=0.999, floor=0.01),
    ):
        for dim in (1, 3):
            yield ask(collapse.stationary_exists, one, dim)
            yield ask(collapse.stationary_tail_bounds, one, dim)
            yield ask(collapse.stationary_tail_index, one, dim=dim)
            yield ask(collapse.stationary_second_moments, one, dim)
            yield ask(collapse.stationary_moment, one, 2, dim=dim)
            yield ask(collapse.stationary_cdf, [0.0, one.floor, 0.3, 9.0, math.inf], one, dim=dim)
            yield ask(collapse.stationary_quantiles, one, [0.0, 1e-6, 0.5, 1.0], dim=dim)
            yield ask(collapse.stationary_quantiles_limit, one, [0.1, 0.9], dim=dim)
            yield ask(collapse.condition_bound, one, dim)
            yield ask(collapse.shrinkage_rate, one, dim)
        yield ask(collapse.stationary_cdf, [math.nan], one)
    for shrinkage in (0.0, 0.4, 1.0):
        one = fully_synthetic(6, bias=0.9, shrinkage=shrinkage)
        for dim in (1, 2, 9):
            yield ask(collapse.shrinkage_rate, one, dim)
            yield ask(collapse.condition_bound, one, dim)
            yield ask(collapse.shrinkage_second_moment_map, one, dim)
            yield ask(collapse.second_moment_growth, one, dim)
    rows = np.exp(np.random.default_rng(5).standard_normal((6, 3)).cumsum(axis=0) * 0.2)
    for level in (0.5, 0.95, 1.0):
        yield ask(collapse.estimate_biases, rows, level=level)
        yield ask(collapse.estimate_biases, rows, dof=9.0, level=level)
    for bad in (rows[:1], rows[:2], rows - 9.0, np.ones((5, 2))):
        found = ask(collapse.estimate_biases, bad)
        yield found, ask(collapse.estimate_biases, bad, dof=5)
        if not isinstance(found, str):
            yield found.fates
    for base in (0.5, 2.0):
        moved = base ** np.arange(6.0)[:, None] * rows
        yield collapse.estimate_biases(moved).fates, collapse.estimate_biases(moved, dof=30).fates


def distances() -> Answers:
    """Higher dimensions, longer paths, where limits do not exist."""
    wide, spiked = np.ones(40), np.array([1000.0, *np.ones(29)])
    for one in (
        fully_synthetic(32, bias=0.9),
        fresh_data(20, 30, bias=0.95),
        synthetic_augmentation(30, 20),
        synthetic_augmentation(30, 20, bias=0.9, memory=2),
        synthetic_augmentation(9, 6, pool="accumulate", budget=9, bias=0.9),
        fresh_data(20, 30, memory=None, bias=0.9, ddof=0),
        fresh_data(20, 30, weight=0.6, bias=0.9),
    ):
        for s in (wide, spiked):
            yield ask(distance.w2_squared, one, s, generations=9)
            yield ask(distance.w2_squared_limit, one, s)
            yield ask(distance.resummed, one, s, generations=3)
            yield ask(distance.resummed_limit, one, s)
    for n, s in ((2, [1.0]), (2, wide), (41, wide), (39, spiked), (10**6, spiked), (1, wide)):
        yield ask(distance.w2_squared_one_fit, n, s)
        yield ask(spectrum.baseline, n, s)
        yield ask(spectrum.baseline_leading, n, s)
    for s in ([1.0, 2.0], [1.0]):
        of = Fraction(9), Fraction(7), Fraction(4, 5)
        yield ask(distance.second_order_limit, s, *of)
    one = synthetic_augmentation(3, 5, bias=0.9, memory=2)
    yield ask(distance.w2_squared, one, [1.0, 0.5], generations=3, precise=True)
    yield ask(distance.w2_squared, replace(one, bias=(0.9, 0.5)), [1.0, 0.5], generations=2)


def worths() -> Answers:
    """Sizes that are worth something, and verdicts."""
    for one in (fresh_data(30, 30, bias=0.7), fresh_data(9, 9, bias=0.99), fresh_data(5, 9)):
        for s in ([1.0], [1.0, 1.0, 0.2]):
            yield ask(worth.admissible_n_synth, one, s)
            yield ask(worth.admissible_interval, one, s)
    for w2 in (-1.0, 0.0, 1e-9, 0.2, 1.0, 2.0, 3.0, 1e9, math.inf):
        for s in ([1.0], [2.0, 1.0], np.ones(30)):
            yield ask(worth.effective_sample_size, w2, s)
            if math.isfinite(w2):
                yield ask(worth.effective_interval, Interval(0.5 * w2, 2 * w2), s)
                yield ask(worth.effective_interval, Estimate.between(0.9 * w2, w2), s)
    for p in (0.0, 1e-3, 0.5, 1.0):
        for bias in (0.0, 0.5, 1.0):
            yield ask(worth.fraction_floor, p, bias, [1.0, 0.5])
            yield ask(worth.fresh_fraction, 50, p, bias=bias)
            yield ask(worth.admissible_n_synth_limit, bias, [1.0, 0.5])
        yield ask(worth.fraction_effective_size, 50, p)
    for real, synth in ((1, 1), (2, 9), (9, 2), (1000, 10**6)):
        yield ask(worth.mean_effective_size, real, synth)
        yield ask(worth.leading_gain, real, synth)
        for bias in (0.0, 0.6, 1.0):
            yield ask(moments.augmentation_limit, real, synth, bias=bias)
            yield ask(moments.memory_limit_all, real, synth, bias=bias)
            for memory in (1, 2, 9):
                yield ask(moments.memory_limit, real, synth, memory=memory, bias=bias)
            for weight in (0.0, 0.3, 1.0):
                yield ask(moments.weighted_limit, real, synth, weight=weight, bias=bias)
        yield ask(moments.golden_weight, real, synth)
        yield ask(moments.augmentation_gain_leading, real, synth)
    for one in (
        *(LOOPS[name] for name in ("weight-nothing", "budget-fresh")),
        fresh_data(20, 20, weight=0.5, bias=0.8),
    ):
        for name, function in theory.SLOW.items():
            if name.startswith("definitions"):
                yield ask(function, one)
        for s in ([1.0], np.ones(9)):
            yield ask(verdicts.support_is_lost, one, s)
            yield ask(verdicts.regime, one, s)
            yield ask(verdicts.large_sample_floor, one, s)


def on_paths() -> Answers:
    """Definitions of collapse on simulated paths, on either side of their thresholds."""
    rng = np.random.default_rng(8)
    up = rng.standard_normal((30, 8)) * 0.1 + np.arange(8.0)
    flat, down = 5 + rng.standard_normal((30, 8)) * 0.1, 9 - up
    for x in (up, flat, down, up[:1], up[:2], up[:, :1], up[:, :2], np.full((5, 4), 2.0)):
        for alpha in (0.01, 0.2):
            for margin in (0.0, 0.5, 2.0):
                yield ask(verdicts.rate_on_paths, x, margin=margin, alpha=alpha)
                yield ask(verdicts.loop_forgets_on_paths, x, x + 0.01, margin=margin, alpha=alpha)
                yield ask(verdicts.loop_forgets_on_paths, x, x + 1.0, margin=margin, alpha=alpha)
            yield ask(verdicts.distance_increases_on_paths, x, alpha=alpha)
            yield ask(verdicts.risk_growth_on_paths, x, alpha=alpha)
            yield [ask(verdicts.ratio_on_paths, x, b, alpha=alpha) for b in (0.0, 1.0, 5.0, 9.0)]
    yield ask(verdicts.rate_on_paths, up, alpha=0.0), ask(verdicts.rate_on_paths, up, margin=-1.0)
    yield ask(verdicts.rate_on_paths, up * math.nan)
    yield ask(verdicts.loop_forgets_on_paths, up, flat[:9], margin=1.0)


# --- laws and spectra -----------------------------------------------------------------------------


def laws() -> Answers:
    square = theory.SQUARE
    skew, nan = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[math.nan]])
    odd = np.ones((2, 3)), np.zeros((0, 0)), skew, np.diag([1.0, -1.0]), nan, np.zeros((3, 3))
    for bad in (*odd, square * 1e-200):
        yield ask(bures.covariance_factor, bad)
        yield ask(bures.bures_squared, bad, square), ask(bures.bures_squared, square, bad)
        yield ask(bures.w2, [0.0] * 3, bad, [1.0] * 3, square)
        yield ask(bures.fidelity, bad, square)
    yield ask(bures.w2, [0.0], square, [0.0] * 3, square)
    yield ask(bures.w2, [math.inf] * 3, square, [0.0] * 3, square)
    yield (
        bures.procrustes_squared(np.zeros((3, 0)), square),
        bures.procrustes_squared(square, square),
    )
    for x in (-1.0, 0.0, 0.3, 1.0, 1.0001, 5.0, 30.0, 1e5, 1e9, 1e15, math.nan, math.inf):
        yield ask(chi_square.c4, x), ask(chi_square.log_chi_square_variance, x)
        yield (
            ask(chi_square.log_chi_square_mean, x, 7.0),
            ask(chi_square.log_chi_square_mean, 7.0, x),
        )
        for s in (-0.2, 0.5, 1.0, 40.0):
            yield ask(chi_square.log_gamma_ratio, x, s), ask(chi_square.chi_square_moment, s, x, x)
        yield ask(chi_square.log_chi_square_density, [-30.0, 0.0, 3.0], x)
    yield ask(chi_square.log_chi_square_moment, math.inf, 3.0, 3.0)
    for dim, dof in ((1, 1), (3, 3), (3, 2), (4, 100), (0, 3)):
        yield ask(wishart.lyapunov_exponents, dim, dof), ask(wishart.log_det_mean, dim, dof)
        yield ask(wishart.log_det_variance, dim, dof), ask(wishart.second_moment_map, dof)
    for weights in ([1.0], [0.5, 0.5], [3.0, 1.0, 0.0], [1.0] * 40, [], [-1.0], [0.0]):
        for dof in (1, 2, 30):
            yield ask(trace_noise.trace_noise_variance, weights, dof)
            for y in (-2.0, -1.0, -0.999, -0.3, 0.0, 1e-9, 0.7, 30.0, 1e4):
                yield ask(trace_noise.trace_noise_log_tails, y, weights, dof)
            yield ask(
                trace_noise.trace_noise_cdf, [-1.0, 0.0, 0.4, 1.0, 3.0, math.inf], weights, dof
            )
    yield ask(trace_noise.trace_noise_cdf, math.nan, [1.0], 2)
    for eps in (0.01, 0.2, 0.9, 0.0, 1.0):
        for dim, dof in ((1, 1), (2, 3), (9, 2), (40, 50)):
            yield ask(trace_noise.anti_concentration_bound, eps, dim, dof)
        yield ask(trace_noise.anti_concentration_minimum, eps, 4, 3)


def spectra() -> Answers:
    flat = [1.0], np.ones(2), np.ones(9), np.ones(60), [1e300, 1e300], [1e-300]
    uneven = [5.0, 1.0, 0.0], [9.0, 9.0, 1.0, 1.0], [1e6, *np.ones(30)], np.geomspace(1, 1e-6, 25)
    several = *flat, *uneven
    for s in several:
        for dofs in ([1], [2], [9], [59, 60, 61], [3, 90], [10**4], [10**9] * 3, [0], []):
            yield ask(spectrum.sqrt_trace_deficit, s, dofs)
            yield ask(spectrum.mean_sqrt_trace, s, dofs)
        for first, later in ((1, 1), (4, 9), (30, 20), (300, 5)):
            at = [1, 2, 3, 10, 1000]
            yield ask(spectrum.chain_deficit, s, at, first=first, later=later)
        yield ask(spectrum.chain_deficit, s, [0], first=3, later=3)
        yield ask(spectrum.chain_deficit, s, np.arange(1, 400), first=9, later=9)
        x = Spectrum.of(s)
        yield x.rank, x.trace, x.is_flat, x.shares, x.bures_weight, x.dim
    for dim in (1, 5, 40):
        yield ask(spectrum.chain_deficit_limit, dim, [1, 2, 100], first=7, later=11)
    for power in (-1.0, 0.0, 0.3, 0.5, 1.0, 2.0, 3.0, 2.5):
        for ratio in (0.0, 0.4, 1.0, 1.7):
            yield ask(spectrum.moment_limit, power, [0, 1, 2, 9], ratio)
        yield ask(spectrum.moment_limit, power, [1, 2000], 0.5)
    for t in ([0, 1, 2, 9, 1000], [-1], [0.5]):
        yield [ask(spectrum.sqrt_trace_limit, t, ratio) for ratio in (0.0, 0.1, 1.0, 1.97, 40.0)]
    yield ask(spectrum.sqrt_trace_limit_small_ratio, [0.0, 1e-9, 1.0, 1e3, 1e9])
    yield ask(spectrum.sqrt_trace_limit_small_ratio, [-1.0])
    for bad in ([], [[1.0]], [-1.0], [0.0], [math.nan], 0, 3, True):
        yield ask(lambda bad=bad: Spectrum.of(bad).values)


BANKS: Mapping[str, tuple[Callable[[], Answers], ...]] = {
    "collapse": (collapses, stationary),
    "loops": (of_loops, of_spectra),
    "distance": (distances, worths, on_paths),
    "laws": (laws, spectra),
}


def bank(name: str) -> Callable[[], Answers]:
    """Ask everything of one bank."""
    return lambda: chain.from_iterable(answers() for answers in BANKS[name])
