"""The explorer."""

from __future__ import annotations

from typing import Final

from madtheory.reports.explorer import numbers, page
from madtheory.reports.section import Section

SECTIONS: Final = (
    Section(
        "explorer", numbers.compute, {"dims": [1, 2, 3, 10, 100]},
        tiny={"dims": [1, 2], "held_out": {"limit": 2, "path": 1, "fit": 4, "admissible": 1}},
        quick={"held_out": {"limit": 10, "path": 2, "fit": 20, "admissible": 2}},
        full={"held_out": {"limit": 100, "path": 10, "fit": 100, "admissible": 10}},
        pages={"explorer": page.page},
        seconds=(9, 40),
    ),
)  # fmt: skip
