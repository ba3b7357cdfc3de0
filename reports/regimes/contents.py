"""What the report says on definitions of collapse, the map of all loops, other estimators."""

from __future__ import annotations

from typing import Final

from madtheory.reports.regimes import figures, numbers, tables
from madtheory.reports.section import Section

SECTIONS: Final = (
    Section(
        "definitions", numbers.compute_definitions, {"dim": 10, "n": 100},
        tiny={"dim": 2, "n": 20, "loops": ["fully synthetic, λ = 1", "fresh data, λ = 0.9",
                                           "fixed + fresh, λ = 0.9"]},
        figures={"definitions": figures.draw_definitions},
        tables={"definitions": tables.definitions, "definition_claims": tables.definition_claims},
        seconds=(3.5, 3.5),
    ),
    Section(
        "regimes", numbers.compute_regimes,
        {"dim": 10, "n_real": 100, "memory": 10, "ratio_range": [0.1, 100], "bias_low": 0.5,
         "longest": 450},
        tiny={"grid": [4, 3], "weights": [0.3, 1.0], "sizes": 30, "points": [[1, 0.9]],
              "replicates": 20, "longest": 20},
        quick={"grid": [8, 6], "weights": [0.1, 0.3, 0.5, 0.8, 1.0], "sizes": 120,
               "points": [[0.3, 0.6], [1, 0.9], [10, 0.9], [10, 1.0]], "replicates": 100},
        full={"grid": [18, 13], "weights": [0.07, 0.1, 0.14, 0.2, 0.27, 0.35, 0.45, 0.55,
                                            0.65, 0.75, 0.85, 0.95], "sizes": 200,
              "points": [[0.3, 0.6], [0.3, 0.95], [1, 0.9], [3, 0.75], [5, 0.95],
                         [10, 0.9], [10, 1.0]], "replicates": 400},
        figures={"regimes": figures.draw_regimes},
        seconds=(6, 40),
    ),
    Section(
        "estimators", numbers.compute_estimators, {"n_synth": 50, "floor": 0.001, "spread": 20},
        tiny={"generations": 20, "replicates": 50, "shown": 5},
        quick={"generations": 1000, "replicates": 500, "shown": 30},
        full={"generations": 2000, "replicates": 4000, "shown": 60},
        figures={"estimators": figures.draw_estimators},
        seconds=(1.5, 10),
    ),
)  # fmt: skip
