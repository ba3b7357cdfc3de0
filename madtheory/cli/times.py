"""Quantiles of the time to collapse, in `plan` and `theory collapse` (theory.md 1.9)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from madtheory.cli import table
from madtheory.cli.answer import Entry, Payload

if TYPE_CHECKING:
    from rich.table import Table

#: Of a loop above its critical bias.
NEVER = "this share of runs may never collapse"
ONE_BIAS = "the time to collapse is computed for one bias, shrinkage = 0 and floor = 0 only"


def nested(eps: float, q: Sequence[float], parts: Sequence[Sequence[float]]) -> Payload:
    """The JSON object: quantiles, rigorous bounds on them and their declared errors."""
    names = ("quantiles", "lower", "upper", "rel_error")
    lists = {name: list(x) for name, x in zip(names, parts, strict=True)}
    return {"eps": eps, "q": list(q), **lists}


def _status(time: Payload) -> str:
    """Exact where the bounds are."""
    return "exact" if time["lower"] == time["upper"] else "asymptotic"


def entry(time: Payload | None, reason: str = ONE_BIAS) -> Entry:
    """Status, and a reason where a quantile is infinite or all are unknown."""
    if time is None:
        return Entry(math.nan, "not computed", reason)
    return Entry(time["quantiles"], _status(time), NEVER)


def _known(value: float, error: float) -> str:
    """A quantile with its declared error."""
    sure = error == 0 or math.isinf(value)
    return table.number(value) if sure else f"{table.number(value)} ± {100 * error:.2g} %"


def rows(title: str, time: Payload) -> Table:
    """A table of quantiles, their declared errors and their bounds."""
    found = table.plain(title, ["share of runs", "status"], left=0)
    found.columns[1].justify = "left"
    found.add_column(f"until tr Σ < {time['eps']:g} tr Σ0", justify="right", no_wrap=True)
    found.add_column("for certain", justify="right", no_wrap=True)
    columns = (time[name] for name in ("q", "quantiles", "rel_error", "lower", "upper"))
    for q, value, error, low, high in zip(*columns, strict=True):
        certain = "" if low == high else f"{table.number(low)} to {table.number(high)}"
        found.add_row(f"{100 * q:g} %", _status(time), _known(value, error), certain)
    return found
