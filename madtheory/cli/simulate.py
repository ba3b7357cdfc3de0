"""`madtheory simulate`: any of the three loops, exactly; means with their standard errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload

if TYPE_CHECKING:
    from madtheory.loop import Loop

#: What is measured, and how a table calls it.
RECORD = {"mean_sq": "|μ-μ0|²", "trace": "tr Σ", "w2_squared": "W2²", "log_det": "log det Σ"}


def _answer(loop_of: Callable[[options.Given], Loop], given: options.Given) -> Payload:
    """Answer the `simulate` commands; a finished `out` is read, not repeated."""
    from madtheory import _check
    from madtheory.simulate import simulate

    eigenvalues = options.eigenvalues(given)
    loop = loop_of(options.with_biases(given, eigenvalues.size))
    generations, out = options.length(given["generations"]), given["out"]
    _check.count("replicates", given["replicates"], maximum=options.MAX_REPLICATES)
    if out is not None and out.suffix != ".parquet":
        raise ValueError(f"out must end in .parquet, got {str(out)!r}")
    paths = simulate(
        loop,
        eigenvalues,
        generations=generations,
        **{name: given[name] for name in ("replicates", "seed", "threads")},
        record=tuple(RECORD),
        store=out,
        progress=answer.watched(),
    )
    return {
        **answer.head(loop, eigenvalues),
        **{name: {"mean": paths.mean[name], "se": paths.se[name]} for name in RECORD},
        **{name: getattr(paths, name) for name in ("generations", "replicates", "seed", "digest")},
    }


def _show(payload: Payload) -> None:
    """Print the `simulate` commands."""
    page = table.console()
    page.print(f"Simulated loop: {table.loop_line(payload)}", style="bold")
    title = f"Mean ± standard error of {payload['replicates']} replicates, seed {payload['seed']}"
    rows = []
    for i in table.chosen(len(payload["generations"])):
        found = (payload[name] for name in RECORD)
        cells = (table.plus_minus(float(x["mean"][i]), float(x["se"][i])) for x in found)
        rows.append([str(int(payload["generations"][i])), *cells])
    page.print(table.numbers(title, ("t", *RECORD.values()), rows))
    page.print(f"digest {payload['digest']}")


_run_options = options.stack(
    options.generations,
    options.defaulted("--replicates", default=1000, help="Loops run."),
    options.defaulted("--seed", default=0, help="Of the random numbers."),
    options.counted("--threads", help="Threads [default: all]; the numbers do not change."),
    click.option(
        "--out",
        type=options.PATH,
        help="Also write a .parquet file; the same command resumes or reuses it.",
    ),
    answer.shown_by(_show),
)


@click.group()
def simulate() -> None:
    """Simulate a loop exactly; every mean carries its standard error."""


@simulate.command()
@options.collapse
@options.memory
@options.pool
@_run_options
def collapse(**given: Any) -> Payload:
    """Simulate the fully synthetic loop."""
    return _answer(options.collapse_loop, given)


@simulate.command()
@options.fresh
@_run_options
def fresh(**given: Any) -> Payload:
    """Simulate the fresh data loop."""
    return _answer(options.fresh_loop, given)


@simulate.command()
@options.augmentation
@_run_options
def augmentation(**given: Any) -> Payload:
    """Simulate the synthetic augmentation loop."""
    return _answer(options.augmentation_loop, given)
