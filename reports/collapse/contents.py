"""What the report says on the fully synthetic loop."""

from __future__ import annotations

from typing import Final

from madtheory.reports.collapse import appendix, distance, figures, passage, paths, spectrum, tables
from madtheory.reports.section import Section

#: The loop of panel (a) of the overshoot.
_CURVE: Final = {"dim": 300, "n_synth": 3000, "a": 5.0, "horizon": 6000}

SECTIONS: Final = (
    Section(
        "collapse", paths.compute, {"n_synth": 10, "bias": 1.0, "shown": 6, "generations": 120},
        tiny={"generations": 20, "replicates": 200, "grid": 4},
        quick={"replicates": 5_000, "grid": 16},
        full={"replicates": 50_000, "grid": 40},
        figures={"collapse": figures.draw_collapse},
        seconds=(1, 10),
    ),
    Section(
        "spectrum", spectrum.compute, {"n_synth": [9, 17, 65], "dim": 8, "bias": 1.0},
        tiny={"generations": 20, "replicates": 10},
        quick={"generations": 200, "replicates": 40},
        full={"generations": 400, "replicates": 200},
        figures={"spectrum": figures.draw_spectrum},
        seconds=(0.5, 3),
    ),
    Section(
        "passage", passage.compute,
        {"eps": 0.01, "cases": [[10, 1.0], [10, 0.9], [30, 1.0], [30, 0.9]], "dims": [10],
         "biases": [1.0, 0.95, 0.8], "horizon": 400},
        tiny={"horizon": 60, "replicates": 200, "replicates_high": 20, "grid": [5, 10]},
        quick={"replicates": 4_000, "replicates_high": 200, "grid": [10, 20, 50, 100]},
        full={"replicates": 40_000, "replicates_high": 1_000, "grid": [10, 20, 50, 100, 200]},
        figures={"passage": figures.draw_passage},
        tables={"times": tables.times},
        seconds=(2, 15),
    ),
    Section(
        "typical", distance.compute_typical,
        {"n_synth": 10, "shown": 5, "averaged": 20, "generations": 100},
        tiny={"generations": 20, "replicates": 200},
        quick={"replicates": 10_000},
        full={"replicates": 100_000},
        figures={"typical": figures.draw_typical},
        seconds=(0.3, 2),
    ),
    Section(
        "overshoot", distance.compute_overshoot, {},
        tiny={"curve": {**_CURVE, "horizon": 3000, "at": [1, 3], "replicates": 2},
              "dims": [100, 150, 300], "grid": 12, "two": {"points": 4, "horizon": 500}},
        quick={"curve": {**_CURVE, "at": [10, 100, 450], "replicates": 4}, "grid": 80,
               "dims": [135, 150, 200, 300, 500, 1000], "two": {"points": 30, "horizon": 2000}},
        full={"curve": {**_CURVE, "at": [10, 50, 150, 450, 1000, 1900], "replicates": 8},
              "dims": [130, 135, 140, 150, 170, 200, 250, 300, 400, 500, 700, 1000], "grid": 160,
              "two": {"points": 59, "horizon": 5000}},
        figures={"overshoot": figures.draw_overshoot},
        seconds=(1.5, 4),
    ),
    Section(
        "appendix", appendix.compute, {"dim": 5, "dof": 9, "pairs": [[5, 9], [20, 9], [5, 99]]},
        tiny={"grid": 15, "draws": 2_000, "eps": 3, "pairs": [[5, 9]]},
        quick={"grid": 60, "draws": 20_000, "eps": 6},
        full={"grid": 120, "draws": 200_000, "eps": 19},
        figures={"appendix": figures.draw_appendix},
        tables={"constants": tables.constants},
        seconds=(3, 15),
    ),
)  # fmt: skip
