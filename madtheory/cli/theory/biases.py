"""`theory biases`: the bias of each direction, estimated from generations (theory.md 8)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload

if TYPE_CHECKING:
    from madtheory._types import Array

_COLUMNS = ("k", "share of tr Σ0", "bias λ", "interval", "rate", "half-life", "fate")


def _row(number: int, one: Payload) -> tuple[str, ...]:
    """A direction as a line of the table."""
    low, high = one["bias"]["interval"]
    rate = one["rate"]["value"]
    life = f"{math.log(2) / -rate:.3g}" if rate < 0 else "–"
    shown = (one["share"], one["bias"]["value"], f"{low:.3g} to {high:.3g}", rate, life)
    cells = (x if isinstance(x, str) else f"{x:.3g}" for x in shown)
    return (str(number), *cells, one["fate"])


def show_biases(payload: Payload) -> None:
    """Print `theory biases`."""
    page, found = table.console(), payload["directions"]
    level = f"{100 * payload['level']:g} %"
    rows = table.plain(f"Bias by direction, {level} intervals", _COLUMNS, left=0)
    for i in table.chosen(len(found)):
        rows.add_row(*_row(i + 1, found[i]))
    page.print(rows)
    fates = [one["fate"] for one in found]
    counts = ", ".join(f"{fates.count(x)} {x}" for x in ("dying", "undecided", "growing"))
    page.print(f"{counts}; noise of a fit: {payload['dof']:.4g} degrees of freedom.")


def _write(path: Path, biases: Array) -> None:
    """Write what --bias-file reads."""
    from madtheory.files import atomic_write_text

    atomic_write_text(path, "bias\n" + "".join(f"{x!r}\n" for x in biases.tolist()))


@click.command()
@click.argument("real", type=options.PATH)
@click.argument("generations", type=options.PATH, nargs=-1, required=True)
@options.counted("--n-synth", help="Training samples of a generation [default: estimated].")
@options.defaulted("--level", default=0.95, help="Level of each interval.")
@click.option(
    "--out", type=options.PATH, help="Also write a .csv file for --bias-file [default: none]."
)
@answer.shown_by(show_biases)
def biases(
    *,
    real: Path,
    generations: tuple[Path, ...],
    n_synth: int | None,
    level: float,
    out: Path | None,
) -> Payload:
    """Bias of each direction of real data, from feature files of successive generations.

    REAL and GENERATIONS are .npy, .npz, .parquet or .csv files; rows are samples.
    """
    import numpy as np

    from madtheory import _check
    from madtheory.files import load_sets
    from madtheory.metrics import check_order, check_repeats, direction_variances
    from madtheory.theory.collapse import estimate_biases

    if out is not None:
        options.target("out", out, (".csv",), inputs=(real, *generations))
    dof = None if n_synth is None else _check.count("n_synth", n_synth, minimum=2) - 1.0
    needed = 3 if dof is None else 2
    if len(generations) < needed:
        how = "without --n-synth, " if dof is None else ""
        raise options.Refused(
            f"{how}at least {needed} generations are needed, got {len(generations)}"
        )
    names = [str(path) for path in generations]
    check_order(names)
    sets = load_sets([real, *generations])
    check_repeats(["real", *names], sets)
    seen = direction_variances(sets[0], sets[1:])
    found = estimate_biases(seen.generations, dof=dof, level=level)
    if out is not None:
        rest = np.ones(seen.real.size - found.bias.size)  # no variance, any bias
        _write(out, np.concatenate([found.bias, rest]))
    shares, fates = seen.real / seen.real.sum(), found.fates
    return {
        "directions": [
            {
                "share": float(shares[k]),
                "bias": _measured(found.bias[k], found.lower[k], found.upper[k]),
                "rate": _measured(found.drift[k], found.drift_lower[k], found.drift_upper[k]),
                "fate": fates[k],
            }
            for k in range(found.bias.size)
        ],
        "dim": seen.real.size,
        "dof": found.dof,
        "generations": len(generations),
        "level": level,
        "out": None if out is None else str(out),
    }


def _measured(value: float, low: float, high: float) -> Payload:
    """A value with its interval."""
    return {"value": float(value), "interval": [float(low), float(high)]}
