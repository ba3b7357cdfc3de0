"""Tables of the claims and of the errata."""

from __future__ import annotations

from dataclasses import asdict

from madtheory.reports._types import Numbers
from madtheory.reports.captions import errata as errata_entries
from madtheory.reports.formats import Column, Table, number, plus_minus, pretty, words


def claims(numbers: Numbers) -> Table:
    """Theory, simulation, z, power and the smallest error noticed, of every claim."""
    columns = [
        Column("claim", "statement", pretty, 27),
        Column("where", "reference", words, 12),
        Column("status", "status", words, 12),
        Column("theory", "predicted", number(4), 10),
        Column("simulation", "estimate_se", plus_minus(4), 17),
        Column("$z$", "z", number(2), 7),
        Column("power", "power", number(3), 8),
        Column("sees, %", "sees", number(2), 8),
        Column("mutant", "mutant", pretty, 17),
        Column("rejected", "mutant_rejected", words, 9),
        Column("passed", "passed", words, 8),
    ]
    return Table(columns, numbers["claims"])


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
