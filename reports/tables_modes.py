"""Tables of mixtures and of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from madtheory.reports.figures_known import VERDICTS
from madtheory.reports.tables import Column, Table, number, plus_minus, words

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["audit_errors", "misses"]

_QUANTITIES = {
    "alive": "modes alive",
    "total": "total variance",
    "modal": "$10^3$ modal variance",
    "recall": "recall",
}


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row: theory, and each loop's mean, deviation in % and in standard errors."""
    unit = 1e3 if row["quantity"] == "modal" else 1.0
    found: dict[str, Any] = {"quantity": _QUANTITIES[row["quantity"]]}
    found["theory"] = unit * row["theory"]
    for loop in ("idealised", "anew", "continued"):
        mean, se = row[loop]["value"]
        found[loop] = [unit * mean, None if se is None else unit * se]
        found[f"{loop}_percent"], found[f"{loop}_z"] = row[loop]["percent"], row[loop]["z"]
    return {**row, **found}


def misses(numbers: Mapping[str, Any]) -> Table:
    """Where EM is not the idealised loop, and by how much."""
    columns = [
        Column("quantity", "quantity", words, 15),
        Column("$t$", "t", number(), 6),
        Column("theory", "theory", number(3), 9),
        Column("idealised", "idealised", plus_minus(3), 16),
        Column("$z$", "idealised_z", number(2), 6),
        Column("EM anew", "anew", plus_minus(3), 16),
        Column("%", "anew_percent", number(3), 6),
        Column("$z$", "anew_z", number(2), 6),
        Column("EM continued", "continued", plus_minus(3), 16),
        Column("%", "continued_percent", number(3), 6),
        Column("$z$", "continued_z", number(2), 6),
    ]
    return Table(columns, [_cells(row) for row in numbers["misses"]])


def audit_errors(numbers: Mapping[str, Any]) -> Table:
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
