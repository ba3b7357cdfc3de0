"""Tables of the claims and of the errata."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from madtheory.reports._types import Numbers
from madtheory.reports.captions import errata as errata_entries
from madtheory.reports.formats import Column, Table, number, plus_minus, words
from madtheory.reports.formulas import typeset

#: Field of a verdict: the smallest relative error that its test would notice.
SMALLEST: Final = "smallest_error"


def percent(value: float | None) -> str:
    """Print a share in per cent."""
    return number(2)(value) if value is None else f"{number(2)(100 * value)} %"


def claims(numbers: Numbers) -> Table:
    """Theory, simulation, z, power and the smallest error noticed, of every claim."""
    columns = [
        Column("claim", "statement", typeset, 30),
        Column("where", "reference", words, 11),
        Column("status", "status", words, 13),
        Column("theory", "predicted", number(4), 10),
        Column("simulation", "estimate_se", plus_minus(4), 15),
        Column("$z$", "z", number(2), 6),
        Column("power", "power", number(3), 8),
        Column("smallest error noticed", SMALLEST, percent, 11),
        Column("mutant", "mutant", typeset, 16),
        Column("rejected", "mutant_rejected", words, 10),
        Column("passed", "passed", words, 8),
    ]
    there = any(claim.get(SMALLEST) is not None for claim in numbers["claims"])
    return Table([c for c in columns if there or c.key != SMALLEST], numbers["claims"])


def errata(_numbers: Numbers) -> Table:
    """The errata; their placeholders are filled later, from all sections."""
    columns = [
        Column("where", "where", words, 13),
        Column("printed", "printed", words, 28),
        Column("right", "correct", words, 28),
        Column("shown by", "evidence", words, 26),
        Column("claim", "claim", lambda c: str(c) or "–", 16),
    ]
    return Table(columns, [asdict(item) for item in errata_entries()])
