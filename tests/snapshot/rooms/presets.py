"""Presets, changes of them, and lists of curves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from madtheory.deep import (
    config,
    make_curves,
    run,
)
from tests.snapshot.rooms.small import COMMITTED, LINEAR, TOML, Found
from tests.snapshot.told import answer, put, several, whole

#: Changes of a preset: taken or refused.
CHANGES = (
    *("loop.bias=0.5", "loop.n_synth=7", "generations=9", "seconds=2.5", "data=digits", "data=3"),
    *("loop.kind=fresh", "loop={kind='fresh', n_real=5, n_synth=6, bias=0.5}", "loop=3", "loop={}"),
    *("loop={kind='augmentation', n_real=5, n_synth=6, pool='accumulate'}", "loop.kind=none"),
    *("loop={n_initial=4, n_fixed=3, n_fresh=2, n_synth=5}", "loop.ddof=0", "loop.ddof=1"),
    *("model.steps=5", "model.steps=0", "model.steps=1.5", "model.rate=1", "model.rate=-1"),
    *("model.rate=inf", "model.width=3", "model.clip=inf", "model.clip=nan", "model.depth=0"),
    *("model.network=unet", "model.network=4", "model.target=x", "model.classes=0", "model={}"),
    *("model.sampler=ancestral", "model.ada=0.6", "model.relativistic=true", "model.path=2"),
    *("model.relativistic=1", "features=a.pt2", "features=1", "device={mixed=true, threads=2}"),
    *("device={name='cuda'}", "colour=red", "family=none", "x", "a.b.c=1", "data.x=1", "=1"),
)


def presets() -> Found:
    for name in config.names():
        found = config.read(name)
        yield f"preset {name}", whole([found, config.rehearsal(found), make_job(name)])
    for family in ("linear", "ddpm", "stylegan2"):
        text = TOML.format(family=family)
        yield (
            f"changes {family}",
            {x: answer(lambda x=x, t=text: config.parse("p", t, [x])) for x in CHANGES},
        )
    for missing in ("family", "data", "generations", "seconds", "loop", "model"):
        text = "\n".join(x for x in LINEAR.splitlines() if not x.startswith(missing))
        yield f"without {missing}", answer(lambda t=text: config.parse("p", t))
    big = config.parse("p", LINEAR, ["loop={kind='fresh', n_real=901, n_synth=3000}"])
    yield "rehearsal", whole([config.rehearsal(big), config.rehearsal(config.parse("p", LINEAR))])
    yield from several("read", config.read, "nothing", "none.toml")
    yield from several(
        "changed",
        config.changed,
        ({"a": {"b": 1}}, ["a.b=x y"]),
        ({"a": 1}, ["a = 2"]),
        ({"a": {}}, ["a.b=[1, 2]", "a.c=true", "c=0.5"]),
    )
    devices = run.devices()
    yield "devices", devices[0]
    yield from several(
        "on device",
        lambda *x: run.on_device(config.read(x[0]), *x[1:]).model,
        ("ddpm-quick", "cpu"),
        ("ddpm-quick", "cpu", 3),
        ("linear-gaussian", "cpu", 2),
        ("ddpm-quick", "mps:7", 2),
    )


def make_job(preset: str) -> Any:
    """What a list of curves makes of a preset."""
    loop = "{ kind = 'fresh', n_real = 6, n_synth = 7 }"
    text = f"[[curves]]\npreset = '{preset}'\nbias = [1.0, 0.5]\nseeds = [0, 2]\nloops = [{loop}]\n"
    return [(job.name, job.words) for job in make_curves.jobs(text + "set = ['seconds=3']\n")]


def lists(here: Path) -> Found:
    """Lists of curves, and what has become of them."""
    text = COMMITTED.with_suffix(".toml").read_text(encoding="utf-8")
    jobs = make_curves.jobs(text)
    yield "curves listed", [(job.name, job.words) for job in jobs]
    job = jobs[0]
    yield (
        "curve states",
        [
            make_curves.state(job, COMMITTED),
            make_curves.state(job, here),
            make_curves.state(replace(job, table=job.table | {"seconds": 5}), COMMITTED),
            make_curves.state(replace(job, table=job.table | {"generations": 5}), COMMITTED),
        ],
    )
    entry = "preset = 'linear-gaussian'\nbias = [1]\nseeds = [0]\nloops = [{n_synth = 5}]\n"
    bad = ("[[curves]]\n" + entry.replace("seeds", "seed"), 2 * ("[[curves]]\n" + entry), "x")
    yield from several("curves refused", make_curves.jobs, *bad)
    yield from several("inline", make_curves.inline, {"a": 0.5, "b": True, "c": "d e"}, {})
    ends: list[Any] = []
    state = lambda job, data: "missing" if job.seconds else "made"  # noqa: E731

    def made(job: Any, data: Path, work: Path) -> str:
        ends.append(job.seconds)
        if job.seconds == 2:
            raise OSError("no space")
        return f"made {job.seconds}"

    with put(make_curves, state=state, make=made):
        jobs = [SimpleNamespace(seconds=i) for i in range(4)]
        yield "made", sorted(make_curves.make_missing(jobs, here, here, 2))  # type: ignore[arg-type]
