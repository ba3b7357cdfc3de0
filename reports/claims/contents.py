"""What the report says on the claims of the verifier, and the errata of the paper."""

from __future__ import annotations

from typing import Final

from madtheory.reports.claims import errata, numbers, tables
from madtheory.reports.section import Section, Tabling

_CLAIMS_TINY: Final = ["proposition-rate", "mean-trace", "fresh-trace-limit"]

SECTIONS: Final = (
    Section(
        "claims", numbers.compute, {},
        tiny={"level": "quick", "claims": _CLAIMS_TINY},
        quick={"level": "quick"},
        full={"level": "full"},
    ),
    Section(
        "errata", errata.compute, {"dim": 100},
        tiny={}, quick={}, full={},
    ),
)  # fmt: skip

FIGURES: Final = ()

TABLES: Final = (
    Tabling("claims", "claims", tables.claims),
    Tabling("errata_table", "errata", tables.errata),
)
