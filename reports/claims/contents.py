"""What the report says on the claims of the verifier, and the errata of the paper."""

from __future__ import annotations

from typing import Final

from madtheory.reports.claims import errata, numbers, tables
from madtheory.reports.section import Section

SECTIONS: Final = (
    Section(
        "claims", numbers.compute, {"level": "quick", "together": 10},
        tiny={"together": 2,
              "claims": ["proposition-rate", "mean-trace", "fresh-trace-limit"]},
        full={"level": "full"},
        tables={"claims": tables.claims}, split=numbers.split, join=numbers.join,
        seconds=(46, 190),
    ),
    Section("errata", errata.compute, {"dim": 100}, tables={"errata_table": tables.errata}),
)  # fmt: skip
