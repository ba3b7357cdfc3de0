"""What the report says on memory, augmentation, growing pools, weights."""

from __future__ import annotations

from typing import Final

from madtheory.reports.loops import figures, numbers, tables
from madtheory.reports.section import Section

SECTIONS: Final = (
    Section(
        "memory", numbers.compute_memory,
        {"n_real": 1000, "n_synth": 10_000, "dim": 10, "biases": [1.0, 0.99, 0.9], "longest": 400},
        tiny={"memories": [1, 2, 3], "simulated": [1, 2], "replicates": 10, "longest": 10},
        quick={"memories": [1, 2, 3, 5, 10, 30, 100], "simulated": [1, 3, 10],
               "replicates": 40},
        full={"memories": [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100],
              "simulated": [1, 2, 5, 10], "replicates": 150},
        figures={"memory": figures.draw_memory},
        seconds=(2, 10),
    ),
    Section(
        "three", numbers.compute_three,
        {"n_real": 100, "n_synth": 100, "dim": 10, "biases": [1.0, 0.9], "generations": 100},
        tiny={"generations": 5, "replicates": 20},
        quick={"replicates": 200},
        full={"replicates": 2000},
        figures={"three": figures.draw_three},
        tables={"three_verdicts": tables.three},
        seconds=(3, 20),
    ),
    Section(
        "augmentation", numbers.compute_augmentation, {"square": 100},
        tiny={"replicates": 20, "amounts": [1, 10, 38], "square": 10, "amounts_simulated": [10]},
        quick={"replicates": 200, "amounts": [1, 5, 10, 20, 30, 38, 50, 70, 100, 140, 200],
               "amounts_simulated": [10, 38, 100, 200]},
        full={"replicates": 2000, "amounts_simulated": [5, 20, 38, 60, 100, 150, 200],
              "amounts": [1, 3, 5, 10, 15, 20, 30, 38, 50, 60, 80, 100, 120, 150, 200]},
        figures={"augmentation": figures.draw_augmentation},
        seconds=(2, 20),
    ),
    Section(
        "pool", numbers.compute_pool,
        {"n": 20, "dim": 20, "biases": [1.0, 0.9, 0.7, 0.5], "cap": 5},
        tiny={"at": [1, 2, 5], "simulated_to": 5, "budget_to": 5, "horizon": 20,
              "replicates": 20, "replicates_budget": 5},
        quick={"at": [1, 2, 5, 10, 20, 50, 100], "simulated_to": 100, "budget_to": 20,
               "horizon": 2000, "replicates": 120, "replicates_budget": 40},
        full={"at": [1, 2, 3, 5, 10, 20, 50, 100, 200], "simulated_to": 200, "budget_to": 50,
              "horizon": 10_000, "replicates": 600, "replicates_budget": 150},
        figures={"pool": figures.draw_pool},
        seconds=(7, 60),
    ),
    Section(
        "weights", numbers.compute_weights,
        {"n_real": 40, "n_synth": 400, "dim": 4, "biases": [1.0, 0.9], "longest": 60},
        tiny={"grid": 5, "simulated": [0.3, 0.6], "replicates": 50, "longest": 10},
        quick={"grid": 17, "simulated": [0.15, 0.27, 0.39, 0.6, 0.9], "replicates": 4000},
        full={"grid": 33, "simulated": [0.15, 0.2, 0.27, 0.33, 0.39, 0.5, 0.7],
              "replicates": 5000},
        figures={"weights": figures.draw_weights},
        seconds=(4, 8),
    ),
    Section(
        "digits_loops", numbers.compute_digits_loops,
        {"n_real": 200, "n_synth": 200, "biases": [1.0, 0.9], "generations": 20},
        tiny={"generations": 4, "replicates": 10},
        quick={"replicates": 60},
        full={"replicates": 300},
        tables={"digits_loops": tables.digits_loops},
        seconds=(2, 10),
    ),
)  # fmt: skip
