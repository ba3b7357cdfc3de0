"""`madtheory deep`: the loops of deep models, by preset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload

if TYPE_CHECKING:
    from madtheory.engine import Curves


@click.group()
def deep() -> None:
    """Loops of deep models: DDPM, StyleGAN2, WGAN-GP, Glow (needs madtheory[deep])."""


def show_presets(payload: Payload) -> None:
    """Print `deep presets`: one row each."""
    rows = table.plain("Presets", ())
    for name in ("preset", "family", "loop", "time"):
        rows.add_column(name, no_wrap=True)
    for found in payload["presets"]:
        seconds = found["seconds"]
        time = f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 3600:.1f} h"
        rows.add_row(found["name"], found["family"], found["loop"], time)
    table.console().print(rows)


@deep.command()
@answer.shown_by(show_presets)
def presets() -> Payload:
    """List the presets that ship with the package, with their expected time on two cores."""
    from madtheory.deep import config

    found = [config.read(name) for name in config.names()]
    names = ("name", "family", "seconds")
    return {"presets": [{n: getattr(one, n) for n in names} | {"loop": one.kind} for one in found]}


def show_run(payload: Payload) -> None:
    """Print `deep run`: a row a generation."""
    rows = table.plain(f"{payload['preset']}, seed {payload['seed']}", ())
    names = [name for name in payload["generations"][0] if name not in ("generation", "labels")]
    for name in ("t", *names):
        rows.add_column(name, justify="right", no_wrap=True)
    for line in payload["generations"]:
        values = (line[name][0] if isinstance(line[name], list) else line[name] for name in names)
        rows.add_row(str(line["generation"]), *(f"{value:.4g}" for value in values))
    table.console().print(rows)


def _lines(curves: Curves) -> list[Payload]:
    """What each generation was measured to be."""
    return [
        {"generation": int(t)}
        | {name: values[i].tolist() for name, values in curves.metrics.items()}
        for i, t in enumerate(curves.generations)
    ]


@deep.command()
@click.argument("preset")
@click.option("--out", type=options.PATH, required=True, help="Run folder to write, or to go on.")
@options.counted("--generations", help="Instead of the preset's.")
@options.defaulted("--device", default="cpu", help="cpu, cuda, cuda:1, mps, ...")
@options.defaulted("--seed", default=0)
@answer.shown_by(show_run)
def run(*, preset: str, out: Path, generations: int | None, device: str, seed: int) -> Payload:
    """Run a preset (a name, or a .toml file) into a run folder."""
    from madtheory.deep import config
    from madtheory.deep.run import digest, on_device, run
    from madtheory.files import disk

    chosen = on_device(config.read(preset), device)
    disk.make_folder(out.parent)
    curves = run(
        chosen, out=out, generations=generations, seed=seed, progress=answer.watched() or None
    )
    return {
        "preset": chosen.name,
        "seed": seed,
        "digest": digest(curves),
        "generations": _lines(curves),
    }
