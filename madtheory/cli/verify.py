"""`madtheory verify`: every claim, and its mutant, against simulation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload

if TYPE_CHECKING:
    from rich.table import Table


def _progress() -> Callable[[Any], None] | None:
    """Return a function that says on stderr which claim is under test, where somebody watches."""
    if not answer.watched():
        return None
    page = table.console(stderr=True)

    def say(claim: Any) -> None:
        page.print(f"testing {claim.id}", style="dim")

    return say


def _verdict(claim: Payload) -> str:
    if claim["passed"]:
        return "[green]computed[/]" if claim["computed"] else "[green]passed[/]"
    return "[bold red]FAILED[/]" if claim["refuted"] else "[bold red]NO POWER[/]"


def _percent(share: float) -> str:
    """Two digits, and in full where these are more than two: 1.8%, 120%."""
    if share < 1e-5:
        return "<.001%"
    return f"{100 * share:.2g}%" if share < 0.995 else f"{100 * share:.0f}%"


def _verdicts(payload: Payload) -> Table:
    """One row a claim, narrow enough for 80 columns with ids of up to 28 letters."""
    from rich.markup import escape

    error = payload["family_wise_error"]
    title = f"Claims at level {payload['level']}, family-wise error {error:g}"
    rows = table.plain(title, (), padding=0, show_edge=False)
    rows.add_column("claim", no_wrap=True)
    rows.add_column("status", no_wrap=True)
    for name in ("theory", "estimate", "z", "sees", "verdict"):
        rows.add_column(name, justify="right", no_wrap=True)
    for claim in payload["claims"]:
        z = "" if claim["z"] is None else f"{claim['z']:.2f}"
        numbers = (f"{claim['predicted']:.4g}", f"{claim['estimate']:.4g}", z)
        sees = _percent(claim["smallest_error"])
        rows.add_row(escape(claim["id"]), claim["status"], *numbers, sees, _verdict(claim))
    return rows


def show_verify(payload: Payload) -> None:
    """Print `verify`: passed means that the claim stands and its mutant is rejected.

    A claim sees an error from that size on, with power .99.
    """
    from rich.markup import escape

    page = table.console()
    page.print(_verdicts(payload))
    failed = [claim["id"] for claim in payload["claims"] if not claim["passed"]]
    total = len(payload["claims"])
    page.print(f"{total - len(failed)} of {total} claims passed")
    page.print("sees: the smallest error that is noticed with probability .99", style="dim")
    for name in failed:
        page.print(f"[bold red]failed:[/] {escape(name)}")


@click.command()
@options.level
@click.option("--claim", "claims", multiple=True, help="A claim id; may be repeated.")
@options.defaulted("--seed", default=0)
@answer.shown_by(show_verify)
def verify(*, level: Literal["quick", "full"], claims: tuple[str, ...], seed: int) -> Payload:
    """Test every claim, and its mutant, against simulation."""
    from madtheory import _check
    from madtheory.claims.verify import verify

    # A SeedSequence takes any non-negative integer.
    seed = _check.count("seed", seed, minimum=0)
    done = verify(level=level, claims=list(claims) or None, seed=seed, progress=_progress())
    return {
        "claims": [dataclasses.asdict(verdict) for verdict in done.claims],
        "family_wise_error": done.family_wise_error,
        "level": level,
        "seed": seed,
        "passed": done.passed,
    }
