"""Deep models in small: presets, data, training, sampling, measures, comparisons, commands.

Runs in an empty folder of its own; rooms/ has what is asked.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import torch

from madtheory.deep import (
    measures,
)
from madtheory.deep.compare import (
    rules,
)
from madtheory.deep.data import sets
from tests.snapshot.rooms.compared import FEW, compared, simulated
from tests.snapshot.rooms.data import data
from tests.snapshot.rooms.models import fits, forward
from tests.snapshot.rooms.presets import lists, presets
from tests.snapshot.rooms.runs import folders, measured, runs
from tests.snapshot.rooms.small import COMMITTED, LINEAR, Found
from tests.snapshot.rooms.training import device_words, random_numbers, shared, training
from tests.snapshot.told import put

LINES = (
    *(
        "deep presets --json",
        "deep presets",
        "deep run",
        "deep run none --out a",
        "deep run a.toml --out b",
    ),
    "deep run p.toml --out a --seed 3 --generations 4 --json",
    "deep run p.toml --out a --seed 3 --generations 4",
    *("deep run p.toml --out a --seed 4", "deep run p.toml --out a --seed 3 --set loop.bias=0.5"),
    *(
        "deep run p.toml --out b --set loop.n_synth=40 --set loop.bias=0.7 --json",
        "deep run p.toml --out c --rehearse",
    ),
    *(
        f"deep run p.toml --out d {x}"
        for x in (
            "--generations 0",
            "--generations x",
            "--seed -1",
            "--device none",
            "--devices 0",
            "--devices 2",
            "--devices x",
            "--set",
            "--set x",
            "--set model.x=1",
            "--set loop.bias=2",
            "--set data=none",
        )
    ),
    *("deep run p.toml --out p.toml", "deep run p.toml", "deep run p.toml --out ''"),
    *(
        "deep curve a --out a.json --json",
        "deep curve a --out none/a.json",
        "deep curve none --out a.json",
    ),
    *(
        "deep curve b --out b.json",
        "deep curve a",
        "deep compare a.json --json",
        "deep compare a.json",
    ),
    *("deep compare a --seed 2", "deep compare b.json", "deep compare none", "deep compare p.toml"),
    *("deep compare b.json --calibrate a.json --json", "deep compare a.json --calibrate none"),
    *(
        "deep compare a.json --seed -1",
        "deep compare a.json --calibrate p.toml",
        "deep compare d.json",
    ),
    *(
        "audit a --json",
        "audit a",
        "audit a --n-real 0",
        "audit a --n-real 5",
        "audit a --memory all",
        "audit b",
    ),
)


def commands(here: Path) -> Found:
    from tests.snapshot import commands as lines

    (here / "p.toml").write_text(LINEAR.replace("generations = 2", "generations = 3"))
    (here / "d.json").write_text((COMMITTED / "ddpm-fashion-8-synthetic-0.5-s0.json").read_text())
    with put(rules, **FEW), put(measures, N_MEASURED=200), lines.eighty_columns():
        from madtheory.deep import run as running

        quick = lambda *x: measures.Measures(*x, n=200)  # noqa: E731
        law = sets._law
        with put(running, Measures=quick), put(sets, N_TEST=300, _law=law):
            for line in LINES:
                yield line, lines.run(line)


def entries() -> Found:
    """All of them, made in the current folder."""
    here = Path.cwd()
    makers = (
        presets,
        lambda: lists(here),
        lambda: data(here),
        random_numbers,
        lambda: training(here),
        shared,
        fits,
        forward,
        device_words,
        measured,
        lambda: folders(here),
        lambda: runs(here),
        compared,
        simulated,
        lambda: commands(here),
    )
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from itertools.chain.from_iterable(make() for make in makers)
    finally:
        torch.set_num_threads(before)
