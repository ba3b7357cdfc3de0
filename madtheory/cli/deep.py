"""`madtheory deep`: the loops of deep models, by preset."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload
from madtheory.cli.compare import compare

if TYPE_CHECKING:
    from madtheory.engine import Curves


@click.group()
def deep() -> None:
    """Loops of deep models: DDPM, StyleGAN2, WGAN-GP, Glow (needs madtheory[deep])."""


def _time(seconds: float) -> str:
    """Seconds, minutes, hours or days, whichever is easily read."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 3.0 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def show_presets(payload: Payload) -> None:
    """Print `deep presets`: one row each."""
    rows = table.plain("Presets", ())
    for name in ("preset", "family", "loop", "time"):
        rows.add_column(name, no_wrap=True)
    for found in payload["presets"]:
        rows.add_row(found["name"], found["family"], found["loop"], _time(found["seconds"]))
    table.console().print(rows)


@deep.command()
@answer.shown_by(show_presets)
def presets() -> Payload:
    """List the presets that ship with the package, with their expected time.

    On two cores; on one H100 for those of the paper's sizes.
    """
    from madtheory.deep import config

    found = [config.read(name) for name in config.names()]
    names = ("name", "family", "seconds")
    return {"presets": [{n: getattr(one, n) for n in names} | {"loop": one.kind} for one in found]}


#: Metrics that a table shows; all of them are in the JSON.
SHOWN = ("fid", "w2_squared", "precision", "recall", "trace", "trace_within")


def show_run(payload: Payload) -> None:
    """Print `deep run`: a row of real data of one generation's size, then one a generation."""
    rows = table.plain(f"{payload['preset']}, seed {payload['seed']}", ())
    names = [name for name in SHOWN if name in payload["real"]]
    for name in ("t", *names):
        rows.add_column(name, justify="right", no_wrap=True)
    for line in ({"generation": "real"} | payload["real"], *payload["generations"]):
        values = (line[name][0] if isinstance(line[name], list) else line[name] for name in names)
        rows.add_row(str(line["generation"]), *(f"{value:.4g}" for value in values))
    page = table.console()
    page.print(rows)
    page.print(f"Figure: {payload['figure']}, and as .png.", markup=False, soft_wrap=True)


def _lines(curves: Curves) -> list[Payload]:
    """What each generation was measured to be."""
    return [
        {"generation": int(t)}
        | {name: values[i].tolist() for name, values in curves.metrics.items()}
        for i, t in enumerate(curves.generations)
    ]


def _draw(out: Path) -> Path:
    """Draw a finished run, as PDF and PNG, in its folder."""
    from madtheory.files import atomic_write_bytes
    from madtheory.reports import style
    from madtheory.reports.deep.one_run import figure_of

    with style.styled():
        figure = figure_of(out)
        for suffix in ("png", "pdf"):
            atomic_write_bytes(out / f"figure.{suffix}", style.render(figure, suffix))
    return out / "figure.pdf"


def _command(
    preset: str,
    generations: int | None,
    device: str,
    devices: int,
    seed: int,
    changes: tuple[str, ...],
    rehearse: bool,
) -> str:
    """The command again, without its folder."""
    words = ["madtheory", "deep", "run", preset, "--seed", str(seed)]
    words += ["--rehearse"] if rehearse else []
    words += [] if generations is None else ["--generations", str(generations)]
    words += [] if device == "cpu" else ["--device", device]
    words += [] if devices == 1 else ["--devices", str(devices)]
    return shlex.join([*words, *(word for change in changes for word in ("--set", change))])


@deep.command()
@click.argument("preset")
@click.option("--out", type=options.PATH, required=True, help="Run folder to write, or to go on.")
@options.counted("--generations", help="Instead of the preset's.")
@options.defaulted("--device", default="cpu", help="cpu, cuda, cuda:1, mps, ...")
@options.defaulted("--devices", default=1, help="Devices (cpu: processes) that share the work.")
@options.defaulted("--seed", default=0)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change the preset: model.steps=100, loop.bias=0.7, data=digits; as often as wanted.",
)
@click.option("--rehearse", is_flag=True, help="Cut all sizes: does it run here?")
@answer.shown_by(show_run)
def run(
    *,
    preset: str,
    out: Path,
    generations: int | None,
    device: str,
    devices: int,
    seed: int,
    changes: tuple[str, ...],
    rehearse: bool,
) -> Payload:
    """Run a preset (a name, or a .toml file) into a run folder.

    The folder keeps 1,000 samples and a grid of each generation, and ends in a figure.
    """
    from madtheory import _check
    from madtheory.deep import config, curves
    from madtheory.deep.folder import read_about
    from madtheory.deep.run import check_out, on_device, run
    from madtheory.engine import LoopStopped

    read = config.read(preset, changes)
    _check.count("devices", devices)
    chosen = on_device(config.rehearsal(read) if rehearse else read, device, devices)
    wanted = chosen.generations if generations is None else generations
    _check.count("generations", wanted)
    _check.count("seed", seed, minimum=0)
    check_out(out)
    answer.mute_matplotlib()
    import madtheory.reports.style  # noqa: F401  (what is not installed is said before the run)

    try:
        found = run(
            chosen,
            out=out,
            generations=wanted,
            seed=seed,
            command=_command(preset, generations, device, devices, seed, changes, rehearse),
            progress=answer.watched() or None,
        )
    except LoopStopped as stop:
        raise options.Refused(f"{stop}; what was finished is kept in {out}") from None
    return {
        "preset": chosen.name,
        "seed": seed,
        "digest": curves.digest(found.generations, found.metrics),
        "real": read_about(out)["real"],
        "generations": _lines(found),
        "figure": str(_draw(out)),
    }


def show_curve(payload: Payload) -> None:
    """Print `deep curve`: where it is."""
    page, T = table.console(), payload["generations"]
    page.print(f"{payload['name']}, {T} generations: {payload['path']}", markup=False)


@deep.command()
@click.argument("folder", type=options.PATH)
@click.option("--out", type=options.PATH, required=True, help="JSON file to write.")
@answer.shown_by(show_curve)
def curve(*, folder: Path, out: Path) -> Payload:
    """Write what a run folder measured as one JSON file, with all that it takes to repeat it."""
    from madtheory.deep import curves

    options.target("out", out, (".json",))
    if folder.resolve() in out.resolve().parents:
        raise options.Refused(f"out must lie outside the run folder, got {out}")
    found = curves.of_run(folder)
    curves.write(found, out)
    T = len(found.generations)
    return {"path": str(out), "name": found.name, "digest": found.digest, "generations": T}


deep.add_command(compare)
