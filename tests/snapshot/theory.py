"""Values of the public functions that the command line does not reach.

One table, id -> callable; the ids are those of the snapshot and stay when functions are renamed or
move, so a rename edits the right-hand sides only. A function of a loop is asked about every loop
of the list in ``simulators.py``; where it refuses one, its sentence is the value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from madtheory import loop as loops
from madtheory import metrics, modes, spectrum
from madtheory.covariance import Spectrum
from madtheory.laws import bures, chi_square, trace_noise, wishart
from madtheory.loop import fresh_data
from madtheory.modes import bounds, diversity, fresh, recall, selection, survival, tempering
from madtheory.reports.modes import words
from madtheory.theory import collapse, distance, moments, verdicts, worth

Loop = Any
Loops = Mapping[str, Loop]
Ask = Callable[[], Any]
AskLoop = Callable[[Loop], Any]

FLAT = np.ones(3)
SPIKED = np.array([5.0, 1.0, 0.25, 0.0])
T = 4

# --- functions of a loop ------------------------------------------------------------------------

LOOP: Mapping[str, AskLoop] = {
    "loop.numbers": lambda loop: (
        *(loop.n_real, loop.n_train, loop.first_bias, loop.n_shared),
        *(loop.first_scale, loop.step_bias, loop.first_dof, loop.dof),
    ),
    "loop.is_fully_synthetic": lambda loop: loop.is_fully_synthetic,
    "loop.is_fresh_memory_one": lambda loop: loop.is_fresh_memory_one,
    # collapse
    "collapse.rate": lambda loop: collapse.rate(loop),
    "collapse.lyapunov_spectrum": lambda loop: collapse.lyapunov_spectrum(loop, 3),
    "collapse.critical_bias": lambda loop: collapse.critical_bias(loop),
    "collapse.half_life": lambda loop: collapse.half_life(loop),
    "collapse.clt_variance": lambda loop: collapse.clt_variance(loop),
    "collapse.condition_growth": lambda loop: collapse.condition_growth(loop, 3),
    "collapse.second_moment_growth": lambda loop: collapse.second_moment_growth(loop),
    "collapse.mean_trace": lambda loop: collapse.mean_trace(loop, SPIKED, generations=T),
    "collapse.mean_walk": lambda loop: collapse.mean_walk(loop, SPIKED, generations=T),
    "collapse.mean_walk_limit": lambda loop: collapse.mean_walk_limit(loop, SPIKED),
    "collapse.mean_trace_squared": lambda loop: collapse.mean_trace_squared(
        loop, SPIKED, generations=T
    ),
    "collapse.mean_squared_trace": lambda loop: collapse.mean_squared_trace(
        loop, SPIKED, generations=T
    ),
    "collapse.log_det_mean": lambda loop: collapse.log_det_mean(loop, FLAT, generations=T),
    "collapse.log_det_variance": lambda loop: collapse.log_det_variance(loop, FLAT, generations=T),
    "collapse.directional_log_mean": lambda loop: collapse.directional_log_mean(loop, T),
    "collapse.directional_log_variance": lambda loop: collapse.directional_log_variance(loop, T),
    "collapse.directional_moment": lambda loop: (
        *(collapse.directional_moment(loop, T, power=power) for power in (0.5, 2.0)),
        collapse.directional_log_moment(loop, 9, power=1.5),
    ),
    "collapse.directional_cdf": lambda loop: collapse.directional_cdf([0.1, 1.0, 3.0], loop, t=T),
    "collapse.directional_sf": lambda loop: collapse.directional_sf([0.1, 1.0, 3.0], loop, t=T),
    "collapse.directional_quantile": lambda loop: (
        collapse.directional_quantile([0.05, 0.5], loop, t=T),
        collapse.directional_log_quantile([0.9], loop, t=2),
    ),
    "collapse.directional_log_tails": lambda loop: collapse.directional_log_tails(
        [-3.0, 0.5], loop, t=T
    ),
    "collapse.directional_chernoff": lambda loop: collapse.directional_chernoff(
        [0.1, 2.0], loop, t=T
    ),
    "collapse.first_passage_cdf": lambda loop: collapse.first_passage_cdf(0.2, loop, generations=6),
    "collapse.collapse_time_bounds": lambda loop: collapse.collapse_time_bounds(
        0.1, loop, SPIKED, generations=6
    ),
    "collapse.collapse_time_quantiles": lambda loop: collapse.collapse_time_quantiles(
        loop, 3, eps=0.1, q=[0.1, 0.5]
    ),
    # its distance
    "distance.w2_squared": lambda loop: collapse.w2_squared(loop, SPIKED, generations=T),
    "distance.w2_squared_limit": lambda loop: collapse.w2_squared_limit(loop, SPIKED),
    "distance.high_dimension": lambda loop: collapse.w2_squared_high_dimension(
        loop, 5, generations=T
    ),
    "distance.first_decrease": lambda loop: collapse.first_decrease(loop, generations=30),
    "distance.is_increasing": lambda loop: collapse.is_increasing(loop, 3),
    "distance.overshoot_peak": lambda loop: collapse.overshoot_peak(loop, 3),
    # shrinkage and floor
    "estimators.mean_trace": lambda loop: collapse.mean_trace(loop, SPIKED, generations=T),
    "estimators.mean_walk": lambda loop: collapse.mean_walk(loop, SPIKED, generations=T),
    "estimators.mean_walk_growth": lambda loop: collapse.mean_walk_growth(loop, SPIKED),
    "estimators.second_moments": lambda loop: collapse.second_moments(loop, SPIKED, generations=T),
    "estimators.second_moment_growth": lambda loop: collapse.second_moment_growth(loop, 3),
    "estimators.shrinkage_second_moment_map": lambda loop: collapse.shrinkage_second_moment_map(
        loop, 3
    ),
    "estimators.shrinkage_rate": lambda loop: collapse.shrinkage_rate(loop, 3),
    "estimators.condition_bound": lambda loop: collapse.condition_bound(loop, 3),
    "estimators.stationary_exists": lambda loop: collapse.stationary_exists(loop, 3),
    "estimators.stationary_mean": lambda loop: collapse.stationary_mean(loop),
    "estimators.stationary_moment": lambda loop: (
        collapse.stationary_moment(loop, 2),
        collapse.stationary_moment(loop, 3),
    ),
    "estimators.stationary_tail_index": lambda loop: collapse.stationary_tail_index(loop),
    "estimators.stationary_tail_bounds": lambda loop: collapse.stationary_tail_bounds(loop, 3),
    "estimators.stationary_second_moments": lambda loop: collapse.stationary_second_moments(
        loop, 3
    ),
    "estimators.stationary_quantiles_limit": lambda loop: collapse.stationary_quantiles_limit(
        loop, [0.1, 0.9]
    ),
    # any loop
    "recursions.first_moments": lambda loop: moments.first_moments(loop, 6),
    "recursions.first_moments_limit": lambda loop: moments.first_moments_limit(loop),
    "recursions.first_moment_map": lambda loop: moments.first_moment_map(loop),
    "recursions.forgetting_rate": lambda loop: moments.forgetting_rate(loop),
    "recursions.second_moment_map": lambda loop: moments.second_moment_map(loop, 3),
    "recursions.second_moment_radius": lambda loop: moments.second_moment_radius(loop, 3),
    "recursions.second_moments": lambda loop: moments.second_moments(loop, 3, generations=T),
    "recursions.second_moments_limit": lambda loop: moments.second_moments_limit(loop, 3),
    "recursions.w2_squared": lambda loop: distance.w2_squared(loop, SPIKED, generations=T),
    "recursions.w2_squared_limit": lambda loop: distance.w2_squared_limit(loop, SPIKED),
    "recursions.second_order": lambda loop: distance.w2_squared_second_order(
        loop, FLAT, generations=T
    ),
    "recursions.second_order_limit": lambda loop: distance.w2_squared_second_order_limit(
        loop, FLAT
    ),
    "families.is_growing_pool": lambda loop: moments.is_growing_pool(loop),
    "families.growing_pool_trace": lambda loop: moments.growing_pool_trace(loop, [1, 2.5, 1000]),
    "families.growing_pool_limit": lambda loop: moments.growing_pool_limit(loop),
    # worth
    "effective.admissible_n_synth": lambda loop: worth.admissible_n_synth(loop, 3),
    "effective.best_mean_weight": lambda loop: worth.best_mean_weight(loop),
    "effective.gain": lambda loop: worth.gain(loop, FLAT),
    "regimes.regime": lambda loop: verdicts.regime(loop, FLAT),
    # definitions of collapse
    "definitions.family": lambda loop: loop.family,
    "definitions.real_share": lambda loop: loop.real_share,
    "definitions.pool_exponent": lambda loop: moments.pool_exponent(loop),
    "definitions.large_sample_floor": lambda loop: verdicts.large_sample_floor(loop, FLAT),
    "definitions.heats_up": lambda loop: verdicts.heats_up(loop),
    "definitions.is_stable": lambda loop: verdicts.is_stable(loop),
    "definitions.risk_grows_linearly": lambda loop: verdicts.risk_grows_linearly(loop),
    "definitions.risk_is_bounded": lambda loop: verdicts.risk_is_bounded(loop),
    "definitions.support_is_lost": lambda loop: verdicts.support_is_lost(loop, 3),
    "definitions.vanishes_exponentially": lambda loop: verdicts.vanishes_exponentially(loop),
    "definitions.variance_vanishes": lambda loop: verdicts.variance_vanishes(loop),
}
#: Asked about few loops, as they take long.
SLOW: Mapping[str, AskLoop] = {
    "effective.admissible_n_synth_of": lambda loop: worth.admissible_n_synth(loop, FLAT),
    "effective.best_weight": lambda loop: worth.best_weight(loop, FLAT),
    "estimators.stationary_quantiles": lambda loop: collapse.stationary_quantiles(
        loop, [0.1, 0.5, 0.9]
    ),
    "estimators.stationary_cdf": lambda loop: collapse.stationary_cdf([0.4, 2.0], loop),
    "definitions.expected_distance_increases": lambda loop: verdicts.expected_distance_increases(
        loop, FLAT, generations=12
    ),
    "definitions.strong_collapse": lambda loop: verdicts.strong_collapse(loop, FLAT),
    "definitions.risk_ratio": lambda loop: verdicts.risk_ratio(loop, FLAT),
    "definitions.weighting_helps": lambda loop: verdicts.weighting_helps(loop, FLAT),
}
FEW = ("synthetic", "floor", "fresh", "fresh-weight", "augmentation")

# --- everything else ----------------------------------------------------------------------------

SQUARE = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 3.0]])
LINE = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
WEIGHTS = (5.0, 3.0, 2.0, 0.0)
MODES = (0.5, 0.3, 0.2)
DEFICIT = {"first": 7, "later": 11}
X, Y = (np.random.default_rng(seed).standard_normal((40, 3)) for seed in (70, 71))
PATHS = np.random.default_rng(72).standard_normal((20, 9)).cumsum(axis=1)
RISKS = np.abs(PATHS) + np.arange(9.0)

REST: Mapping[str, Ask] = {
    # builders and refusals of a loop
    "loops.refused": lambda: [
        refusal(lambda fields=fields: loops.Loop(**{"n_initial": 9, "n_synth": 9, **fields}))
        for fields in (
            {"n_initial": 1},
            {"n_synth": 1},
            {"n_synth": 2.5},
            {"n_fixed": -1},
            {"memory": 0},
            {"pool": "keep"},
            {"pool_cap": 2},
            {"budget": 9},
            {"pool": "accumulate", "budget": 1},
            {"weight": 0.5},
            {"n_fresh": 9, "weight": 1.5},
            {"bias": 1.5},
            {"bias": float("nan")},
            {"ddof": 2},
            {"shrinkage": 2},
            {"floor": -1},
            {"first_generation": "none"},
        )
    ],
    # wishart
    "wishart.c4": lambda: chi_square.c4([2, 3, 10, 1e6, 1e12]),
    "wishart.chi_square_moment": lambda: (
        chi_square.chi_square_moment([-0.5, 0.5, 2.0], 5, 5),
        chi_square.log_chi_square_moment([0.5, 30.0], [3, 1e9], [4, 1e9]),
    ),
    "wishart.log_chi_square": lambda: (
        chi_square.log_chi_square_mean([1, 9, 1e8], [2, 9, 1e8]),
        chi_square.log_chi_square_variance([1, 9, 1e8]),
        chi_square.log_chi_square_density([-2.0, 0.0, 1.0], 7.0),
    ),
    "wishart.log_gamma_ratio": lambda: chi_square.log_gamma_ratio([0.5, 7.0, 1e9], 2.5),
    "wishart.log_det": lambda: (
        [wishart.log_det_mean(d, m) for d, m in ((1, 1), (4, 9), (50, 60), (4, 3))],
        [wishart.log_det_variance(d, m) for d, m in ((1, 1), (4, 9), (50, 60), (4, 3))],
    ),
    "wishart.lyapunov_exponents": lambda: wishart.lyapunov_exponents(5, 9),
    "wishart.second_moment_map": lambda: wishart.second_moment_map(7),
    "wishart.trace_noise_cdf": lambda: trace_noise.trace_noise_cdf([0.2, 0.9, 2.5], WEIGHTS, 3),
    "wishart.trace_noise_log_tails": lambda: [
        trace_noise.trace_noise_log_tails(excess, WEIGHTS, 3) for excess in (-0.5, 0.1, 4.0)
    ],
    "wishart.trace_noise_variance": lambda: trace_noise.trace_noise_variance(WEIGHTS, 3),
    "wishart.anti_concentration": lambda: (
        trace_noise.anti_concentration_bound(0.2, 3, 9),
        trace_noise.anti_concentration_minimum(0.2, 3, 9),
    ),
    # spectrum
    "spectrum.mean_sqrt_trace": lambda: [
        spectrum.mean_sqrt_trace(s, dofs)
        for s, dofs in ((FLAT, [9]), (FLAT, [3, 5, 9]), (SPIKED, [2, 2]), ([2.0], [4, 4]))
    ],
    "spectrum.sqrt_trace_deficit": lambda: [
        spectrum.sqrt_trace_deficit(s, dofs)
        for s, dofs in ((FLAT, [10**9]), (SPIKED, [30, 40]), (np.ones(40), [30, 30]))
    ],
    "spectrum.chain_deficit": lambda: (
        spectrum.chain_deficit(SPIKED, [1, 2, 50, 10**6], **DEFICIT),
        spectrum.chain_deficit_limit(5, [1, 2, 50], **DEFICIT),
    ),
    "spectrum.limits": lambda: (
        spectrum.moment_limit(0.5, [1, 2, 9], 0.4),
        spectrum.moment_limit(2.0, [1, 3], 1.5),
        spectrum.sqrt_trace_limit([1, 2, 9, 100], 0.7),
        spectrum.sqrt_trace_limit_small_ratio([0.0, 0.1, 3.0]),
    ),
    # distances
    "distances.fidelity": lambda: (
        bures.fidelity(bures.covariance_factor(SQUARE), np.eye(3)),
        bures.bures_squared(SQUARE, np.eye(3)),
        bures.bures_squared(SQUARE, SQUARE[::-1, ::-1]),
        Spectrum.of(SPIKED).bures_weight,
    ),
    "distances.w2": lambda: (
        bures.w2([0, 0, 0], SQUARE, [1, 0, 2], np.eye(3)),
        bures.w2_squared([0, 0, 0], LINE, [1, 0, 2], SQUARE),
    ),
    "distance.thresholds": lambda: (
        collapse.step_one_two_bias(),
        collapse.step_one_two_threshold(),
        [collapse.overshoot_interval(dim) for dim in (1, 2, 5, 100)],
    ),
    # families
    "families.augmentation": lambda: (
        moments.augmentation_limit(7, 9),
        moments.augmentation_limit(50, 10**7, bias=0.9),
        moments.augmentation_gain_leading(7, 9),
    ),
    "families.memory": lambda: (
        moments.memory_limit(7, 9, memory=3, bias=0.9),
        moments.memory_limit(70, 9, memory=1),
        moments.memory_limit_all(7, 9),
        moments.memory_limit_all(7, 9, bias=0.5),
    ),
    "families.weighted": lambda: (
        moments.weighted_limit(7, 9, weight=0.4),
        moments.weighted_limit(7, 9, weight=0.9, bias=0.5),
        moments.golden_weight(7, 9),
    ),
    # effective
    "effective.baseline": lambda: [
        (spectrum.baseline(n, s), spectrum.baseline_leading(n, s))
        for n in (2, 20, 10**6)
        for s in (FLAT, SPIKED)
    ],
    "effective.effective_sample_size": lambda: [
        worth.effective_sample_size(w2, s) for w2 in (1e-6, 0.3, 90.0) for s in (FLAT, SPIKED)
    ],
    "effective.limits": lambda: (
        [worth.admissible_n_synth_limit(bias, 5) for bias in (0.5, 0.9, 0.99, 1.0)],
        worth.leading_gain(50, 70),
        worth.mean_effective_size(50, 70),
        worth.fraction_effective_size(100, 0.3),
        worth.fraction_floor(0.3, 0.9, 5),
        dataclasses.asdict(worth.fresh_fraction(100, 0.3, bias=0.9)),
    ),
    "recursions.second_order_identity": lambda: distance.second_order_limit(
        100, Fraction(100), Fraction(900), Fraction(9, 10)
    ),
    # definitions
    "definitions.table": lambda: verdicts.definitions_table(
        3,
        {
            name: loop
            for name, loop in verdicts.default_loops(n=30).items()
            if loop.family in ("synthetic", "fresh", "floor", "weighted")
        },
    ),
    "definitions.table_text": lambda: verdicts.table_text(
        verdicts.definitions_table(2, {"fresh": fresh_data(40, 40, bias=0.9)})
    ),
    "definitions.default_loops": lambda: {
        name: dataclasses.asdict(loop) for name, loop in verdicts.default_loops(n=40).items()
    },
    "definitions.names": lambda: [
        (one.name, one.paper, one.question, one.collapse_if) for one in verdicts.DEFINITIONS
    ],
    "definitions.claim_ids": lambda: verdicts.CLAIM_IDS,
    "definitions.on_paths": lambda: (
        verdicts.rate_on_paths(PATHS, margin=0.5),
        verdicts.distance_increases_on_paths(RISKS, alpha=0.05),
        verdicts.risk_growth_on_paths(RISKS),
        verdicts.ratio_on_paths(RISKS, 2.0),
        verdicts.loop_forgets_on_paths(PATHS, PATHS[::-1] + 0.1, margin=1.0),
    ),
    # modes of a mixture
    "mixture.survival": lambda: (
        modes.mode_survival([0.1, 0.5, 1.0], 12, 5),
        modes.mode_survival(0.04, 10**7, 3),
        modes.surviving_law(3, 5, [1, 2, 6]),
        modes.surviving_mean(5, 12, 6),
        modes.surviving_mean(5, 12, 6, n_fresh=3),
        modes.heterozygosity(5, 12, 4, n_fresh=3),
    ),
    "mixture.fixation": lambda: (
        survival.absorption_time(0.3, 20),
        survival.absorption_time_limit(0.3, 20),
        modes.fixation_cdf(MODES, 12, 9),
        modes.fixation_time(MODES, 12),
        survival.fixation_time_limit(MODES, 12),
    ),
    "mixture.stationary": lambda: (
        fresh.stationary_count_law(0.3, 9, 3),
        modes.stationary_heterozygosity(5, 12, 3),
        fresh.stationary_survival([0.1, 0.5], 12, 3),
        modes.stationary_surviving_mean(5, 12, 3),
        diversity.stationary_weight_limit(0.3, 12, 3),
        modes.all_modes_alive(5, 60, 20),
        modes.fresh_for_all_modes(5, 60, 0.9),
    ),
    "mixture.variance": lambda: (
        modes.modal_variance(5, 12, 4, real_modal=0.5, real_total=4.0, bias=0.9, floor_trace=0.1),
        modes.modal_variance(5, 12, 4, real_modal=0.5, real_total=4.0, ddof=0.0),
        modes.typical_variance(5, 12, 4, bias=0.9),
        modes.floor_variance(9, 0.01),
        modes.floor_variance(9, 0.01, ddof=0.5, bias=0.9),
    ),
    "mixture.recall": lambda: (
        modes.mode_grid(9),
        modes.mode_grid(4, 3, spacing=2.0),
        recall.mode_recall([40, 0, 7], [1.0, 0.5], [0.2, 0.0]),
        recall.mode_recall(200, [0.3, 0.3], [1.0, 0.0], k=3),
    ),
    # categories
    "categories.tempered": lambda: (
        modes.zipf(5, 1.3),
        modes.tempered(MODES, 0.4),
        modes.tempered(MODES, 0.0),
        tempering.deterministic(MODES, 0.8, 4),
    ),
    "categories.chains": lambda: (
        tempering.token_chain(0.3, 5, temperature=0.7, n_fresh=2),
        modes.two_tokens(0.35, 8, temperature=0.8, generations=4, n_fresh=2),
        tempering.full_chain(MODES, 4, generations=3, temperature=1.2),
        diversity.token_heterozygosity(MODES, 12, 5, n_fresh=3),
    ),
    "categories.fixation": lambda: (
        modes.fixation(0.42, 20),
        modes.fixation(0.42, 20, temperature=0.7),
        modes.fixation(0.3, 100_000, temperature=0.99),
        selection.fixation_diffusion(0.42, 50, temperature=0.97),
        selection.fixation_limit(0.42, 50, temperature=0.97),
        modes.temperature_for(0.75, 0.55, 51),
    ),
    "categories.survival": lambda: (
        modes.token_survival(0.1, 20, 6),
        modes.token_survival([0.05, 0.3], 20, 6, n_fresh=4),
        modes.survival_bounds(0.1, 20, 6),
        modes.survival_bounds([0.01, 0.3], 30, 6, n_fresh=4),
    ),
    "categories.support": lambda: (
        modes.support(modes.zipf(40), 60, 5),
        modes.support(modes.zipf(40), 60, 5, n_fresh=10),
        modes.stationary_support(modes.zipf(40), 60, 10),
        bounds.stationary_bounds([0.01, 0.3], 30, 4),
        tempering.stationary_law(0.3, 12, 3, temperature=0.9),
        modes.fresh_for_support(modes.zipf(40), 60, 0.9),
        modes.fresh_for_support(modes.zipf(40), 60, 0.9, by="mass"),
    ),
    "words.counted": lambda: (
        words.count_words("The loop, the loops; a loop's end. MAD mad"),
        words.paper_words().digest,
        words.paper_words().total,
        words.paper_words().p[:9],
    ),
    # metrics
    "metrics.pair": lambda: (
        metrics.fid(X, 0.5 * Y),
        metrics.fid_unbiased(X, 0.5 * Y, level=0.8),
        metrics.kernel_distance(X, 0.5 * Y),
        metrics.precision_recall(X, 0.5 * Y, k=3, threads=1),
    ),
}


def refusal(ask: Ask) -> str:
    """The sentence of what is refused."""
    try:
        ask()
    except (ValueError, TypeError) as error:
        return str(error)
    return "not refused"


def answer(ask: AskLoop, loop: Loop) -> Any:
    """The value, or the sentence of the refusal."""
    try:
        return ask(loop)
    except (ValueError, TypeError) as error:
        return {"refused": str(error)}


def entries(loop_list: Loops) -> Iterator[tuple[str, Any]]:
    for name, ask in LOOP.items():
        yield name, {key: answer(ask, loop) for key, loop in loop_list.items()}
    for name, ask in SLOW.items():
        yield name, {key: answer(ask, loop_list[key]) for key in FEW}
    for name, value in REST.items():
        yield name, value()
