"""The sections of the report: what is computed at which size, what is drawn, what is tabled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from madtheory.reports import (
    figures,
    figures_categories,
    figures_fresh,
    figures_known,
    figures_loops,
    figures_modes,
    figures_regimes,
    numbers_appendix,
    numbers_audit,
    numbers_categories,
    numbers_claims,
    numbers_collapse,
    numbers_digits,
    numbers_distance,
    numbers_errata,
    numbers_fresh,
    numbers_loops,
    numbers_modes,
    numbers_passage,
    numbers_regime_map,
    numbers_spectrum,
    tables_made,
    tables_modes,
    tables_regimes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from madtheory.reports.tables import Table

__all__ = ["FIGURES", "LEVELS", "SECTIONS", "TABLES", "Drawing", "Section", "Tabling"]

#: "tiny" is for tests: every path of the code, no accuracy.
LEVELS: Final = ("tiny", "quick", "full")


@dataclass(frozen=True, slots=True)
class Section:
    """One unit of computation: a pure function and its arguments at each level."""

    name: str
    compute: Callable[[Mapping[str, Any]], dict[str, Any]]
    base: Mapping[str, Any]
    levels: Mapping[str, Mapping[str, Any]]

    def config(self, level: str, seed: int) -> dict[str, Any]:
        """Return the arguments of `compute` at a level."""
        return {**self.base, **self.levels[level], "seed": seed}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure: the section whose numbers it shows, and how."""

    name: str
    section: str
    draw: Callable[[Mapping[str, Any]], Figure]


@dataclass(frozen=True, slots=True)
class Tabling:
    """One table: the section whose numbers it shows, and how."""

    name: str
    section: str
    make: Callable[[Mapping[str, Any]], Table]


#: Shares of fresh tokens, eight to a factor of ten.
_SHARES = [round(10 ** (i / 8 - 4), 7) for i in range(30)]
_CLAIMS_TINY = ["proposition-rate", "mean-trace", "fresh-trace-limit"]

SECTIONS: Final = (
    Section(
        "claims",
        numbers_claims.compute,
        {},
        {
            "tiny": {"level": "quick", "claims": _CLAIMS_TINY},
            "quick": {"level": "quick"},
            "full": {"level": "full"},
        },
    ),
    Section(
        "collapse",
        numbers_collapse.compute,
        {"n_synth": 10, "bias": 1.0, "shown": 6},
        {
            "tiny": {"generations": 20, "replicates": 200, "grid": 4},
            "quick": {"generations": 120, "replicates": 5_000, "grid": 16},
            "full": {"generations": 120, "replicates": 50_000, "grid": 40},
        },
    ),
    Section(
        "spectrum",
        numbers_spectrum.compute,
        {"n_synth": [9, 17, 65], "dim": 8, "bias": 1.0},
        {
            "tiny": {"generations": 20, "replicates": 10},
            "quick": {"generations": 200, "replicates": 40},
            "full": {"generations": 400, "replicates": 200},
        },
    ),
    Section(
        "passage",
        numbers_passage.compute,
        {
            "eps": 0.01,
            "cases": [[10, 1.0], [10, 0.9], [30, 1.0], [30, 0.9]],
            "dims": [10],
            "biases": [1.0, 0.95, 0.8],
        },
        {
            "tiny": {"horizon": 60, "replicates": 200, "replicates_high": 20, "grid": [5, 10]},
            "quick": {
                "horizon": 400,
                "replicates": 4_000,
                "replicates_high": 200,
                "grid": [10, 20, 50, 100],
            },
            "full": {
                "horizon": 400,
                "replicates": 40_000,
                "replicates_high": 1_000,
                "grid": [10, 20, 50, 100, 200],
            },
        },
    ),
    Section(
        "typical",
        numbers_distance.compute_typical,
        {"n_synth": 10, "shown": 5, "averaged": 20},
        {
            "tiny": {"generations": 20, "replicates": 200},
            "quick": {"generations": 100, "replicates": 10_000},
            "full": {"generations": 100, "replicates": 100_000},
        },
    ),
    Section(
        "overshoot",
        numbers_distance.compute_overshoot,
        {},
        {
            "tiny": {
                "curve": {"dim": 300, "n_synth": 3000, "a": 5.0, "horizon": 3000,
                          "at": [1, 3], "replicates": 2},
                "dims": [100, 150, 300],
                "grid": 12,
                "two": {"points": 4, "horizon": 500},
            },
            "quick": {
                "curve": {"dim": 300, "n_synth": 3000, "a": 5.0, "horizon": 6000,
                          "at": [10, 100, 450], "replicates": 4},
                "dims": [135, 150, 200, 300, 500, 1000],
                "grid": 80,
                "two": {"points": 30, "horizon": 2000},
            },
            "full": {
                "curve": {"dim": 300, "n_synth": 3000, "a": 5.0, "horizon": 6000,
                          "at": [10, 50, 150, 450, 1000, 1900], "replicates": 8},
                "dims": [130, 135, 140, 150, 170, 200, 250, 300, 400, 500, 700, 1000],
                "grid": 160,
                "two": {"points": 59, "horizon": 5000},
            },
        },
    ),
    Section(
        "forgetting",
        numbers_fresh.compute_forgetting,
        {"dim": 100, "n_real": 100, "n_synth": 900, "biases": [1.0, 0.9]},
        {
            "tiny": {"dim": 10, "generations": 12, "replicates": 20, "n_initial": [20, 1000]},
            "quick": {"generations": 40, "replicates": 20, "n_initial": [20, 100, 1000, 10_000]},
            "full": {"generations": 60, "replicates": 100, "n_initial": [20, 100, 1000, 10_000]},
        },
    ),
    Section(
        "phase",
        numbers_fresh.compute_phase,
        {
            "dim": 100,
            "biases": [0.5, 0.9, 1.0],
            "n_real_columns": [100, 1000, 10_000],
            "bias_range": [0.3, 0.995],
            "n_real_range": [20, 100_000],
            "n_synth_range": [10, 100_000],
        },
        {
            "tiny": {"dim": 10, "grid": 4, "replicates": 20, "longest": 20,
                     "points": [[100, 100, 0.5], [1000, 10_000, 0.5], [100, 1000, 1.0]]},
            "quick": {"grid": 16, "replicates": 20, "longest": 80,
                      "points": [[100, 100, 0.5], [100, 3000, 0.5], [1000, 100, 0.5],
                                 [1000, 3000, 0.5], [1000, 3000, 0.9], [1000, 30_000, 0.9],
                                 [100, 1000, 1.0], [1000, 1000, 1.0]]},
            "full": {"grid": 40, "replicates": 40, "longest": 120,
                     "points": [[r, s, b] for b in (0.5, 0.9, 1.0) for r in (100, 1000, 10_000)
                                for s in (100, 1000, 10_000, 50_000)]
                     + [[1000, s, 0.7] for s in (200, 800, 5000)]},
        },
    ),
    Section(
        "fractions",
        numbers_fresh.compute_fractions,
        {
            "dim": 100,
            "fractions": [1.0, 0.5, 0.2, 0.05],
            "biases": [1.0, 0.99, 0.9, 0.5],
            "p": 0.5,
            "sizes": [200, 1_000_000],
        },
        {
            "tiny": {"dim": 10, "grid": 5, "replicates": 10, "longest": 10,
                     "simulated": [1000, 100_000]},
            "quick": {"grid": 20, "replicates": 12, "longest": 150,
                      "simulated": [1000, 10_000, 100_000]},
            "full": {"grid": 40, "replicates": 40, "longest": 120,
                     "simulated": [1000, 3000, 10_000, 30_000, 100_000, 1_000_000]},
        },
    ),
    Section(
        "memory",
        numbers_loops.compute_memory,
        {"n_real": 1000, "n_synth": 10_000, "dim": 10, "biases": [1.0, 0.99, 0.9]},
        {
            "tiny": {"memories": [1, 2, 3], "simulated": [1, 2], "replicates": 10, "longest": 10},
            "quick": {"memories": [1, 2, 3, 5, 10, 20, 50, 100], "simulated": [1, 3, 10],
                      "replicates": 40, "longest": 400},
            "full": {"memories": [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100],
                     "simulated": [1, 2, 5, 10], "replicates": 150, "longest": 400},
        },
    ),
    Section(
        "augmentation",
        numbers_loops.compute_augmentation,
        {"n_real": 100, "n_synth": 100, "dim": 10, "biases": [1.0, 0.9], "square": 100},
        {
            "tiny": {"generations": 5, "replicates": 20, "amounts": [1, 10, 38], "square": 10,
                     "amounts_simulated": [10]},
            "quick": {"generations": 100, "replicates": 200,
                      "amounts": [1, 5, 10, 20, 30, 38, 50, 70, 100, 140, 200],
                      "amounts_simulated": [10, 38, 100, 200]},
            "full": {"generations": 100, "replicates": 2000,
                     "amounts": [1, 3, 5, 10, 15, 20, 30, 38, 50, 60, 80, 100, 120, 150, 200],
                     "amounts_simulated": [5, 20, 38, 60, 100, 150, 200]},
        },
    ),
    Section(
        "pool",
        numbers_loops.compute_pool,
        {"n": 20, "dim": 20, "biases": [1.0, 0.9, 0.7, 0.5], "cap": 5},
        {
            "tiny": {"at": [1, 2, 5], "simulated_to": 5, "budget_to": 5, "horizon": 20,
                     "replicates": 20, "replicates_budget": 5},
            "quick": {"at": [1, 2, 5, 10, 20, 50, 100], "simulated_to": 100, "budget_to": 20,
                      "horizon": 3000, "replicates": 500, "replicates_budget": 100},
            "full": {"at": [1, 2, 3, 5, 10, 20, 50, 100, 200], "simulated_to": 200,
                     "budget_to": 50, "horizon": 10_000, "replicates": 600,
                     "replicates_budget": 150},
        },
    ),
    Section(
        "weights",
        numbers_loops.compute_weights,
        {"n_real": 40, "n_synth": 400, "dim": 4, "biases": [1.0, 0.9]},
        {
            "tiny": {"grid": 5, "simulated": [0.3, 0.6], "replicates": 50, "longest": 10},
            "quick": {"grid": 17, "simulated": [0.15, 0.27, 0.39, 0.6, 0.9], "replicates": 4000,
                      "longest": 60},
            "full": {"grid": 33, "simulated": [0.15, 0.2, 0.27, 0.33, 0.39, 0.5, 0.7],
                     "replicates": 5000, "longest": 60},
        },
    ),
    Section(
        "digits_loops",
        numbers_loops.compute_digits_loops,
        {"n_real": 200, "n_synth": 200, "biases": [1.0, 0.9]},
        {
            "tiny": {"generations": 4, "replicates": 10},
            "quick": {"generations": 20, "replicates": 60},
            "full": {"generations": 20, "replicates": 300},
        },
    ),
    Section(
        "definitions",
        numbers_regime_map.compute_definitions,
        {},
        {
            "tiny": {"dim": 2, "n": 20, "loops": ["fully synthetic, λ = 1", "fresh data, λ = 0.9",
                                                  "fixed + fresh, λ = 0.9"]},
            "quick": {"dim": 10, "n": 100},
            "full": {"dim": 10, "n": 100},
        },
    ),
    Section(
        "regimes",
        numbers_regime_map.compute_regimes,
        {"dim": 10, "n_real": 100, "memory": 10, "ratio_range": [0.1, 100], "bias_low": 0.5},
        {
            "tiny": {"grid": [4, 3], "weights": [0.3, 1.0], "sizes": 30, "points": [[1, 0.9]],
                     "replicates": 20, "longest": 20},
            "quick": {"grid": [9, 7], "weights": [0.1, 0.2, 0.4, 0.6, 0.8, 1.0], "sizes": 120,
                      "points": [[0.3, 0.6], [1, 0.9], [10, 0.9], [10, 1.0]], "replicates": 100,
                      "longest": 450},
            "full": {"grid": [18, 13], "weights": [0.07, 0.1, 0.14, 0.2, 0.27, 0.35, 0.45, 0.55,
                                                   0.65, 0.75, 0.85, 0.95], "sizes": 200,
                     "points": [[0.3, 0.6], [0.3, 0.95], [1, 0.9], [3, 0.75], [5, 0.95],
                                [10, 0.9], [10, 1.0]], "replicates": 400, "longest": 450},
        },
    ),
    Section(
        "estimators",
        numbers_regime_map.compute_estimators,
        {"n_synth": 50, "floor": 0.001, "spread": 20},
        {
            "tiny": {"generations": 20, "replicates": 50, "shown": 5},
            "quick": {"generations": 1000, "replicates": 500, "shown": 30},
            "full": {"generations": 2000, "replicates": 4000, "shown": 60},
        },
    ),
    Section(
        "modes",
        numbers_modes.compute_modes,
        {"spacing": 2.0, "sigma": 0.05, "n_synth": 1000, "reg_covar": 1e-6},
        {
            "tiny": {"n_synth": 100, "generations": 4, "every": 2, "shown": [1, 2, 4],
                     "recall_at": [1, 4], "seeds_anew": 1, "seeds_continued": 2,
                     "replicates": 8, "recalled": 2, "misses_at": [1, 4]},
            "quick": {"generations": 1000, "every": 20, "shown": [1, 200, 1000],
                      "recall_at": [1, 20, 40, 100, 200, 400, 1000], "seeds_anew": 1,
                      "seeds_continued": 4, "replicates": 100, "recalled": 10,
                      "misses_at": [1, 20, 100, 200, 1000]},
            "full": {"generations": 2000, "every": 10, "shown": [1, 200, 2000],
                     "recall_at": [1, 10, 20, 50, 100, 200, 500, 1000, 2000], "seeds_anew": 5,
                     "seeds_continued": 10, "replicates": 400, "recalled": 30,
                     "misses_at": [1, 10, 50, 200, 1000, 2000]},
        },
    ),
    Section(
        "modes_alive",
        numbers_modes.compute_alive,
        {"modes": 25, "n_synth": [250, 1000, 4000], "probabilities": [0.5, 0.9, 0.99],
         "checks": [[250, 0.5], [250, 0.9], [1000, 0.5], [1000, 0.9]]},
        {
            "tiny": {"n_synth": [50, 100], "generations": 10, "grid": 5, "replicates": 20,
                     "at": [1, 10], "amounts": [50, 100], "settle": 5, "checks": [[50, 0.5]]},
            "quick": {"generations": 2000, "grid": 40, "replicates": 100,
                      "at": [1, 3, 10, 30, 100, 300, 1000, 2000],
                      "amounts": [100, 250, 500, 1000, 2000], "settle": 600},
            "full": {"generations": 2000, "grid": 60, "replicates": 1000,
                     "at": [1, 3, 10, 30, 100, 300, 1000, 2000],
                     "amounts": [100, 250, 500, 1000, 2000, 4000], "settle": 600},
        },
    ),
    Section(
        "categories",
        numbers_categories.compute,
        {"vocabulary": 50_000, "favoured": 0.55, "sizes": [20, 100, 1000], "told": 0.9,
         "temperatures": [round(0.5 + 0.0125 * i, 4) for i in range(41)],
         "temperatures_simulated": [0.5, 0.7, 0.8, 0.9, 0.95, 1.0],
         "tokens": [100_000, 1_000_000, 10_000_000], "tokens_fresh": 1_000_000},
        {
            "tiny": {"vocabulary": 200, "sizes": [10, 20, 30], "temperatures": [0.5, 0.9, 1.0],
                     "temperatures_simulated": [0.5, 0.9], "tokens": [300, 500, 700],
                     "tokens_fresh": 500,
                     "generations": 5, "at": [1, 5], "replicates": 8, "replicates_two": 50,
                     "shares": [0.01, 0.1], "shares_simulated": [0.1], "settle": 1,
                     "replicates_fresh": 4},
            "quick": {"generations": 100, "at": [1, 3, 10, 30, 100], "replicates": 8,
                      "replicates_two": 1000, "shares": _SHARES[::2],
                      "shares_simulated": [0.03, 0.1], "settle": 5, "replicates_fresh": 8},
            "full": {"generations": 100, "at": [1, 3, 10, 30, 100], "replicates": 24,
                     "replicates_two": 10_000, "shares": _SHARES,
                     "shares_simulated": [0.01, 0.03, 0.1], "settle": 5, "replicates_fresh": 16},
        },
    ),
    Section(
        "audit",
        numbers_audit.compute,
        {"n": 400, "dim": 8, "generations": 12, "horizon": 4, "level": 0.95, "alpha": 0.02,
         "shown": ["fully synthetic, λ = 0.9", "fully synthetic, λ = 1", "half fresh, λ = 0.9"]},
        {
            "tiny": {"n": 40, "dim": 2, "generations": 4, "horizon": 2, "runs": 1,
                     "shown": ["fully synthetic, λ = 0.9"]},
            "quick": {"runs": 8},
            "full": {"runs": 60},
        },
    ),
    Section(
        "errata",
        numbers_errata.compute,
        {"dim": 100},
        {"tiny": {}, "quick": {}, "full": {}},
    ),
    Section(
        "digits",
        numbers_digits.compute,
        {"n_synth": 200, "n_real": 200, "biases": [1.0, 0.9]},
        {
            "tiny": {"generations": 6, "replicates": 20},
            "quick": {"generations": 30, "replicates": 100},
            "full": {"generations": 30, "replicates": 600},
        },
    ),
    Section(
        "appendix",
        numbers_appendix.compute,
        {"dim": 5, "dof": 9, "pairs": [[5, 9], [20, 9], [5, 99]]},
        {
            "tiny": {"grid": 15, "draws": 2_000, "eps": 3, "pairs": [[5, 9]]},
            "quick": {"grid": 60, "draws": 20_000, "eps": 6},
            "full": {"grid": 120, "draws": 200_000, "eps": 19},
        },
    ),
)  # fmt: skip

FIGURES: Final = (
    Drawing("collapse", "collapse", figures.draw_collapse),
    Drawing("spectrum", "spectrum", figures.draw_spectrum),
    Drawing("passage", "passage", figures.draw_passage),
    Drawing("typical", "typical", figures.draw_typical),
    Drawing("overshoot", "overshoot", figures.draw_overshoot),
    Drawing("forgetting", "forgetting", figures_fresh.draw_forgetting),
    Drawing("phase_real", "phase", figures_fresh.draw_phase_real),
    Drawing("phase_bias", "phase", figures_fresh.draw_phase_bias),
    Drawing("fractions", "fractions", figures_fresh.draw_fractions),
    Drawing("memory", "memory", figures_loops.draw_memory),
    Drawing("augmentation", "augmentation", figures_loops.draw_augmentation),
    Drawing("pool", "pool", figures_loops.draw_pool),
    Drawing("weights", "weights", figures_loops.draw_weights),
    Drawing("regimes", "regimes", figures_regimes.draw_regimes),
    Drawing("estimators", "estimators", figures_regimes.draw_estimators),
    Drawing("modes_fits", "modes", figures_modes.draw_fits),
    Drawing("modes_metrics", "modes", figures_modes.draw_metrics),
    Drawing("modes_alive", "modes_alive", figures_modes.draw_alive),
    Drawing("categories", "categories", figures_categories.draw),
    Drawing("audit", "audit", figures_known.draw_known),
    Drawing("digits", "digits", figures_fresh.draw_digits),
    Drawing("appendix", "appendix", figures.draw_appendix),
)

TABLES: Final = (
    Tabling("claims", "claims", tables_made.claims),
    Tabling("times", "passage", tables_made.times),
    Tabling("limits", "forgetting", tables_made.limits),
    Tabling("points", "phase", tables_made.points),
    Tabling("fraction_points", "fractions", tables_made.fraction_points),
    Tabling("digits_table", "digits", tables_made.digits),
    Tabling("definitions", "definitions", tables_regimes.definitions),
    Tabling("definition_claims", "definitions", tables_regimes.definition_claims),
    Tabling("modes_misses", "modes", tables_modes.misses),
    Tabling("audit_errors", "audit", tables_modes.audit_errors),
    Tabling("digits_loops", "digits_loops", tables_made.digits_loops),
    Tabling("constants", "appendix", tables_made.constants),
    Tabling("errata_table", "errata", tables_made.errata),
)
