"""What the report says on audits of loops whose truth is known."""

from __future__ import annotations

from typing import Final

from madtheory.reports.audit import figures, numbers, tables
from madtheory.reports.section import Section

SECTIONS: Final = (
    Section(
        "audit", numbers.compute,
        {"n": 400, "dim": 8, "generations": 12, "horizon": 4, "level": 0.95, "alpha": 0.02,
         "shown": ["fully synthetic, λ = 0.9", "fully synthetic, λ = 1", "half fresh, λ = 0.9"],
         "found": "fully synthetic, λ = 1", "lengths": [4, 8, 12, 16]},
        tiny={"n": 40, "dim": 2, "generations": 4, "horizon": 2, "runs": 1, "lengths": [3, 4],
              "shown": ["fully synthetic, λ = 0.9"]},
        quick={"runs": 8},
        full={"runs": 60},
        figures={"audit": figures.draw_known, "audit_found": figures.draw_found},
        tables={"audit_errors": tables.audit_errors},
        seconds=(7, 40),
    ),
)  # fmt: skip
