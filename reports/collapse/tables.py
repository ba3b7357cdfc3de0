"""Tables of the fully synthetic loop."""

from __future__ import annotations

from madtheory.reports._types import Numbers
from madtheory.reports.formats import Column, Table, number


def times(numbers: Numbers) -> Table:
    """Law, bounds and simulated medians of the time to collapse."""
    columns = [
        Column("$d$", "dim", number()),
        Column("$\\lambda$", "bias", number()),
        Column("$n_s$", "n_synth", number()),
        Column("lower bound", "lower", number()),
        Column("law", "law", number()),
        Column("simulated median", "simulated", number()),
        Column("95 % from", "low", number()),
        Column("to", "high", number()),
        Column("upper bound", "upper", number()),
    ]
    return Table(columns, numbers["medians"])


def constants(numbers: Numbers) -> Table:
    """Bound and minimum at a few eps."""
    rows = []
    for item in numbers["constants"]:
        for i in range(0, len(item["eps"]), max(1, len(item["eps"]) // 4)):
            keys = ("eps", "bound", "minimum", "largest_weight")
            rows.append({"dim": item["dim"], "dof": item["dof"], **{k: item[k][i] for k in keys}})
    columns = [
        Column("$d$", "dim", number()),
        Column("$m$", "dof", number()),
        Column("$\\varepsilon$", "eps", number()),
        Column("explicit $c$", "bound", number(3)),
        Column("minimum", "minimum", number(3)),
        Column("largest weight there", "largest_weight", number(3), 14),
    ]
    return Table(columns, rows)
