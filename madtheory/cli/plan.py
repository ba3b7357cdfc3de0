"""`madtheory plan`: what a loop may add, what that gains, how long it lasts, what holds it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madtheory.cli import answer, options, table, times
from madtheory.cli.answer import Entry, Payload

if TYPE_CHECKING:
    from rich.table import Table

    from madtheory.plan import CollapseTime, Plan
    from madtheory.plan.answer import Answer

#: How a table calls what is answered, by what it is about.
_WORDS = {
    "What may be added, and what it gains": {
        "admissible_n_synth": "admissible n_synth",
        "admissible_n_synth_limit": "admissible, n_real → ∞",
        "best_n_synth": "best n_synth",
        "best_gain": "gain there",
        "target_n_synth": "n_synth for the target",
    },
    "This loop at its limit": {
        "w2_squared": "E W2²",
        "n_eff": "effective size n_e",
        "gain": "gain n_e / n_real",
        "floor": "floor of E W2², n → ∞",
        "required_n_real": "n_real that holds it",
    },
    "What would serve better": {
        "optimal_weight": "best weight of real data",
        "optimal_weight_gain": "gain with it",
        "memory": "best memory",
        "memory_gain": "gain with it",
    },
}
_NONE = "not computed"
#: What an option takes, which refuses 4.0.
_COUNTS = ("best_n_synth", "target_n_synth", "required_n_real", "memory")
_ALL = {key: word for words in _WORDS.values() for key, word in words.items()}


def _time(found: CollapseTime | None) -> Payload | None:
    """The time to collapse as JSON."""
    if found is None:
        return None
    parts = (found.quantiles, found.lower, found.upper, found.rel_error)
    return times.nested(found.eps, found.q, parts)


def _entries(name: str, x: Answer) -> dict[str, Entry]:
    """A number and the ends of its interval; counts are integers."""
    kept = {name: x.value, f"{name}_lower": x.lower, f"{name}_upper": x.upper}
    if name in _COUNTS:
        kept = {key: int(n) if math.isfinite(n) else n for key, n in kept.items()}
    return {key: Entry(n, x.status, x.reason) for key, n in kept.items()}


def answer_plan(found: Plan, **asked: Any) -> Payload:
    """Turn a plan into JSON: each number with its interval, status, and reason where null."""
    time = _time(found.collapse_time)
    entry = times.entry(time, "a fit to fewer than 2 samples has no covariance")
    entries: dict[str, Entry] = {}
    for name, x in found.answers.items():
        entries |= _entries(name, x)
    return {
        **answer.body({**entries, "collapse_time": entry}),
        **asked,
        "n_synth": found.loop.n_synth,
        "collapse_time": time,
        "fate": found.fate,
        "remarks": list(found.remarks),
    }


def _interval(low: float, high: float) -> str:
    """An interval in four digits, or nothing where it is a point."""
    return "" if low == high or math.isnan(low) else f"{_short(low)} to {_short(high)}"


def _short(x: float) -> str:
    return "∞" if x == math.inf else f"{x:.4g}"


def _rows(title: str, words: dict[str, str], payload: Payload) -> Table:
    """Quantity, value, interval, status."""
    rows = table.plain(title, ["quantity"])
    for name in ("value", "interval"):
        rows.add_column(name, justify="right", no_wrap=True)
    rows.add_column("status", no_wrap=True)
    for key, word in words.items():
        if key in payload:
            ends = _interval(payload[f"{key}_lower"], payload[f"{key}_upper"])
            rows.add_row(word, table.number(payload[key]), ends, payload["status"][key])
    return rows


def _said(payload: Payload) -> dict[str, list[str]]:
    """Why numbers are missing or infinite, with their names."""
    said: dict[str, list[str]] = {}
    for key, word in _ALL.items():
        if key in payload.get("reason", {}):
            said.setdefault(payload["reason"][key], []).append(word)
    return said


def _unsure(payload: Payload) -> str:
    """What is to be said of a fate that rests on an interval on both sides of 1."""
    undecided = payload["gain_lower"] < 1 < payload["gain_upper"]
    wide = undecided and payload["fate"] == "equivalent to real"
    return ", as far as is known: the interval of its gain holds 1" if wide else ""


def show_plan(payload: Payload) -> None:
    """Print `plan`."""
    page = table.console()
    real = f"n_real = {payload['n_real']}, n_synth = {payload['n_synth']}"
    line = f"{real}, λ = {payload['bias']:g}, {table.real_line(payload)}"
    page.print(f"Plan: {line}", style="bold")
    page.print(f"Fate: {payload['fate']}{_unsure(payload)}.")
    for title, words in _WORDS.items():
        if any(payload["status"].get(key, _NONE) != _NONE for key in words):
            page.print(_rows(title, words, payload))
    if payload["collapse_time"] is not None:
        title = "How many generations it lasts without fresh data"
        page.print(times.rows(title, payload["collapse_time"]))
    for reason, names in _said(payload).items():
        page.print(f"– {', '.join(names)}: {reason}.", markup=False)
    for remark in payload["remarks"]:
        page.print(f"– {remark}.", markup=False)


def _draw(path: Path, found: Plan, eigenvalues: Any) -> None:
    """Draw a plan into a file."""
    answer.mute_matplotlib()
    from madtheory.files import atomic_write_bytes
    from madtheory.reports import style
    from madtheory.reports.fresh.one_plan import draw_plan

    with style.styled():
        drawn = draw_plan(found, eigenvalues)
        atomic_write_bytes(path, style.render(drawn, path.suffix[1:].lower()))


@click.command()
@options.source
@options.counted("--n-real", required=True, help="Fresh real samples a generation; 0: none.")
@options.defaulted("--bias", default=1.0, help="Sampling bias λ, multiplies the covariance.")
@options.counted(
    "--n-synth", help="Synthetic samples a generation [default: those that are worth most]."
)
@click.option("--target-gain", type=float, help="Wanted n_e / n_real [default: 1, no loss].")
@options.defaulted(
    "--eps", default=0.01, help="Collapse: the share of the real variance that is left."
)
@options.figure
@answer.shown_by(show_plan)
def plan(*, figure: Path | None, dim: int | None, features: Path | None, **asked: Any) -> Payload:
    """Plan a loop of fresh data: what to add, what it gains, how long it lasts without."""
    from madtheory.plan import plan_loop

    read = [] if features is None else [features]
    target = None if figure is None else options.figure_target(figure, inputs=read)
    if target is not None and not asked["n_real"]:
        raise options.Refused("a figure must be of a loop with fresh data, got n_real = 0")
    eigenvalues = options.eigenvalues({"dim": dim, "features": features})
    found = plan_loop(eigenvalues, **asked)
    if target is not None:
        _draw(target, found, eigenvalues)
    return answer.head(found.loop, eigenvalues) | answer_plan(found, **asked)
