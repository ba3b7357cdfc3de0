"""Table of mixtures."""

from __future__ import annotations

from madtheory.reports._types import Numbers
from madtheory.reports.formats import Column, Table, number, plus_minus, words

_QUANTITIES = {
    "alive": "modes alive",
    "total": "total variance",
    "modal": "$10^3$ modal variance",
    "recall": "recall",
}


def _cells(row: Numbers) -> Numbers:
    """One row: theory, and each loop's mean, deviation in % and in standard errors."""
    unit = 1e3 if row["quantity"] == "modal" else 1.0
    found: Numbers = {"quantity": _QUANTITIES[row["quantity"]]}
    found["theory"] = unit * row["theory"]
    for loop in ("idealised", "anew", "continued"):
        mean, se = row[loop]["value"]
        found[loop] = [unit * mean, None if se is None else unit * se]
        found[f"{loop}_percent"], found[f"{loop}_z"] = row[loop]["percent"], row[loop]["z"]
    return {**row, **found}


def misses(numbers: Numbers) -> Table:
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
