"""What the report says on mixtures and vocabularies."""

from __future__ import annotations

from typing import Final

from madtheory.reports.modes import alive, categories, figures, numbers, tables
from madtheory.reports.section import Section

#: Shares of fresh tokens, eight to a factor of ten.
_SHARES: Final = [round(10 ** (i / 8 - 4), 7) for i in range(30)]

SECTIONS: Final = (
    Section(
        "modes", numbers.compute,
        {"spacing": 2.0, "sigma": 0.05, "n_synth": 1000, "reg_covar": 1e-6, "seeds_anew": 1},
        tiny={"n_synth": 100, "generations": 4, "every": 2, "shown": [1, 2, 4],
              "recall_at": [1, 4], "seeds_continued": 2, "replicates": 8, "recalled": 2,
              "misses_at": [1, 4]},
        quick={"generations": 400, "every": 20, "shown": [1, 100, 400],
               "recall_at": [1, 20, 40, 100, 200, 300, 400], "seeds_continued": 3,
               "replicates": 100, "recalled": 8, "misses_at": [1, 20, 100, 200, 400]},
        full={"generations": 2000, "every": 10, "shown": [1, 200, 2000],
              "recall_at": [1, 10, 20, 50, 100, 200, 500, 1000, 2000], "seeds_anew": 5,
              "seeds_continued": 10, "replicates": 400, "recalled": 30,
              "misses_at": [1, 10, 50, 200, 1000, 2000]},
        figures={"modes_fits": figures.draw_fits, "modes_metrics": figures.draw_metrics},
        tables={"modes_misses": tables.misses},
        seconds=(15, 250),
    ),
    Section(
        "modes_alive", alive.compute,
        {"modes": 25, "n_synth": [250, 1000, 4000], "probabilities": [0.5, 0.9, 0.99],
         "checks": [[250, 0.5], [250, 0.9], [1000, 0.5], [1000, 0.9]], "generations": 2000,
         "at": [1, 3, 10, 30, 100, 300, 1000, 2000], "settle": 600},
        tiny={"n_synth": [50, 100], "generations": 10, "grid": 5, "replicates": 20,
              "at": [1, 10], "amounts": [50, 100], "settle": 5, "checks": [[50, 0.5]]},
        quick={"grid": 40, "replicates": 100, "amounts": [100, 250, 500, 1000, 2000]},
        full={"grid": 60, "replicates": 1000, "amounts": [100, 250, 500, 1000, 2000, 4000]},
        figures={"modes_alive": figures.draw_alive},
        seconds=(7, 60),
    ),
    Section(
        "categories", categories.compute,
        {"vocabulary": 50_000, "favoured": 0.55, "sizes": [20, 100, 1000], "told": 0.9,
         "temperatures": [round(0.5 + 0.0125 * i, 4) for i in range(41)],
         "temperatures_simulated": [0.5, 0.7, 0.8, 0.9, 0.95, 1.0],
         "tokens": [100_000, 1_000_000, 10_000_000], "tokens_fresh": 1_000_000,
         "generations": 100, "at": [1, 3, 10, 30, 100], "replicates": 8, "settle": 5},
        tiny={"vocabulary": 200, "sizes": [10, 20, 30], "temperatures": [0.5, 0.9, 1.0],
              "temperatures_simulated": [0.5, 0.9], "tokens": [300, 500, 700],
              "tokens_fresh": 500, "generations": 5, "at": [1, 5], "replicates_two": 50,
              "shares": [0.01, 0.1], "shares_simulated": [0.1], "settle": 1,
              "replicates_fresh": 4},
        quick={"temperatures": [round(0.5 + 0.025 * i, 4) for i in range(21)],
               "replicates": 4, "replicates_two": 1000, "shares": _SHARES[::2],
               "shares_simulated": [0.03, 0.1], "replicates_fresh": 4},
        full={"replicates": 24, "replicates_two": 10_000, "shares": _SHARES,
              "shares_simulated": [0.01, 0.03, 0.1], "replicates_fresh": 16},
        figures={"categories": figures.draw_categories},
        seconds=(10, 80),
    ),
)  # fmt: skip
