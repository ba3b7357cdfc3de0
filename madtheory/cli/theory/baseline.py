"""`theory baseline` and `theory effective`: what real samples are worth, without a loop."""

from __future__ import annotations

from typing import Any

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload


def show_baseline(payload: Payload) -> None:
    """Print `theory baseline`."""
    title = f"{payload['n']} real samples in dimension {payload['dim']}"
    error = table.percent(payload["w2_squared_rel_error"])
    kind = payload["status"]["w2_squared"]
    status = {"w2_squared": kind if kind == "exact" else f"{kind}, {error}"}
    words = {"w2_squared": "E W2²"}
    table.console().print(table.quantities(title, words, payload, status=status))


@click.command()
@options.source
@options.counted("--n", required=True, help="Real samples.")
@answer.shown_by(show_baseline)
def baseline(*, n: int, **given: Any) -> Payload:
    """Distance of a model fitted to n real samples, no loop."""
    # theory.md 5.3.
    from madtheory import spectrum

    eigenvalues = options.eigenvalues(given)
    w2 = spectrum.baseline(n, eigenvalues)
    return {
        "dim": eigenvalues.size,
        "n": n,
        "w2_squared": float(w2.value),
        "w2_squared_lower": float(w2.lower),
        "w2_squared_upper": float(w2.upper),
        "w2_squared_rel_error": float(w2.rel_error),
        "status": {"w2_squared": answer.status_of(w2)},
    }


def show_effective(payload: Payload) -> None:
    """Print `theory effective`."""
    title = f"E W2² = {table.number(payload['w2_squared'])} in dimension {payload['dim']}"
    words, status = {"n_eff": "effective sample size n_e"}, dict(payload["status"])
    low, high = (payload[f"n_eff_{end}"] for end in ("lower", "upper"))
    if low < high:
        status["n_eff"] += f", {low:.4g} to {high:.4g}"
    table.console().print(table.quantities(title, words, payload, status=status))


@click.command()
@options.source
@click.option("--w2-squared", type=float, required=True, help="Expected squared distance W2².")
@answer.shown_by(show_effective)
def effective(*, w2_squared: float, **given: Any) -> Payload:
    """Real samples that would give the same expected distance."""
    # theory.md 2.5.
    from madtheory import _check
    from madtheory.results import Interval
    from madtheory.theory import worth

    eigenvalues = options.eigenvalues(given)
    w2_squared = _check.number("w2_squared", w2_squared, low=0.0)
    ends = worth.effective_interval(Interval(w2_squared, w2_squared), eigenvalues)
    names = ("n_eff", "n_eff_lower", "n_eff_upper")
    values = (worth.effective_sample_size(w2_squared, eigenvalues), ends.lower, ends.upper)
    # The baseline's own error is all there is.
    kind = "exact" if ends.lower == ends.upper else "asymptotic"
    none = None if w2_squared else "no number of real samples comes that near"
    entries = {x: answer.Entry(v, kind, none) for x, v in zip(names, values, strict=True)}
    return {"dim": eigenvalues.size, "w2_squared": w2_squared, **answer.body(entries)}
