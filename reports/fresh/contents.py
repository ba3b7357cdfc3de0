"""What the report says on the fresh data loop, and both loops on real images."""

from __future__ import annotations

from typing import Final

from madtheory.reports.fresh import digits, figures, numbers, tables
from madtheory.reports.section import Section

SECTIONS: Final = (
    Section(
        "forgetting", numbers.compute_forgetting,
        {"dim": 100, "n_real": 100, "n_synth": 900, "biases": [1.0, 0.9],
         "n_initial": [20, 100, 1000, 10_000]},
        tiny={"dim": 10, "generations": 12, "replicates": 20, "n_initial": [20, 1000]},
        quick={"generations": 40, "replicates": 20},
        full={"generations": 60, "replicates": 100},
        figures={"forgetting": figures.draw_forgetting},
        tables={"limits": tables.limits},
        seconds=(3, 20),
    ),
    Section(
        "phase", numbers.compute_phase,
        {"dim": 100, "biases": [0.5, 0.9, 1.0], "n_real_columns": [100, 1000, 10_000],
         "bias_range": [0.3, 0.995], "n_real_range": [20, 100_000],
         "n_synth_range": [10, 100_000]},
        tiny={"dim": 10, "grid": 4, "replicates": 20, "longest": 20,
              "points": [[100, 100, 0.5], [1000, 10_000, 0.5], [100, 1000, 1.0]]},
        quick={"grid": 13, "replicates": 20, "longest": 80,
               "points": [[100, 100, 0.5], [100, 3000, 0.5], [1000, 100, 0.5],
                          [1000, 3000, 0.5], [1000, 3000, 0.9], [1000, 30_000, 0.9],
                          [100, 1000, 1.0], [1000, 1000, 1.0]]},
        full={"grid": 40, "replicates": 40, "longest": 120,
              "points": [[r, s, b] for b in (0.5, 0.9, 1.0) for r in (100, 1000, 10_000)
                         for s in (100, 1000, 10_000, 50_000)]
              + [[1000, s, 0.7] for s in (200, 800, 5000)]},
        figures={"phase_real": figures.draw_phase_real, "phase_bias": figures.draw_phase_bias},
        tables={"points": tables.points},
        seconds=(10, 65),
    ),
    Section(
        "approach", numbers.compute_approach,
        {"dims": [1, 10, 100], "biases": [0.9, 0.99], "multiples": [3, 3000]},
        tiny={"dims": [1, 10], "grid": 3},
        quick={"grid": 10},
        full={"grid": 19},
        figures={"approach": figures.draw_approach},
        seconds=(4, 8),
    ),
    Section(
        "fractions", numbers.compute_fractions,
        {"dim": 100, "fractions": [1.0, 0.5, 0.2, 0.05], "biases": [1.0, 0.99, 0.9, 0.5],
         "p": 0.5, "sizes": [200, 1_000_000]},
        tiny={"dim": 10, "grid": 5, "replicates": 10, "longest": 10, "simulated": [1000, 100_000]},
        quick={"grid": 20, "replicates": 12, "longest": 150, "simulated": [1000, 10_000, 100_000]},
        full={"grid": 40, "replicates": 40, "longest": 120,
              "simulated": [1000, 3000, 10_000, 30_000, 100_000, 1_000_000]},
        figures={"fractions": figures.draw_fractions},
        tables={"fraction_points": tables.fraction_points},
        seconds=(1.5, 20),
    ),
    Section(
        "digits", digits.compute,
        {"n_synth": 200, "n_real": 200, "biases": [1.0, 0.9], "generations": 30},
        tiny={"generations": 6, "replicates": 20},
        quick={"replicates": 100},
        full={"replicates": 600},
        figures={"digits": figures.draw_digits},
        tables={"digits_table": tables.digits},
        seconds=(3.5, 20),
    ),
)  # fmt: skip
