"""Table of the audit."""

from __future__ import annotations

from madtheory.reports._types import Numbers
from madtheory.reports.audit.figures import VERDICTS
from madtheory.reports.formats import Column, Table, number, words


def audit_errors(numbers: Numbers) -> Table:
    """Verdicts on loops whose truth is known."""
    rows = [{**row, "truth": VERDICTS[row["truth"]]} for row in numbers["errors"]]
    columns = [
        Column("loop", "loop", words, 20),
        Column("truth", "truth", words, 9),
        Column("runs", "runs", number(), 6),
        Column("MAD", "mad", number(), 6),
        Column("not MAD", "not_mad", number(), 8),
        Column("undecided", "undecided", number(), 10),
        Column("false", "wrong", number(), 6),
        Column("at most (95 %)", "wrong_high", number(2), 12),
        Column("interval holds λ", "covered", number(3), 14),
    ]
    return Table(columns, rows)
