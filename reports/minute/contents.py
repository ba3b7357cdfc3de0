"""What the report says in one minute."""

from __future__ import annotations

from typing import Final

from madtheory.reports.minute import figures, numbers
from madtheory.reports.section import Section

SECTIONS: Final = (
    Section(
        "minute", numbers.compute, {"few": 10, "generations": 100},
        figures={"minute": figures.draw_minute},
        seconds=(1.5, 1.5),
    ),
)  # fmt: skip
