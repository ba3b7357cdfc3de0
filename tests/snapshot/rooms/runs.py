"""Measures of a generation, and what a run keeps in its folder."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from madtheory.deep import (
    config,
    curves,
    folder,
    measures,
    run,
)
from madtheory.deep.data import sets
from madtheory.deep.features import exported, lenet
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from tests.snapshot.rooms.models import filled
from tests.snapshot.rooms.small import IMAGES, LABELLED, RNG, TOML, VECTORS, Found
from tests.snapshot.told import answer, put, several, whole


def sample_of(n: int, seed: int, classes: int = 4) -> measures.Sample:
    rng = RNG(seed)
    y = rng.integers(classes - 1, size=n)
    x = rng.standard_normal((n, 5)) * (1 + y[:, None]) + y[:, None] * np.arange(5)
    return measures.Sample(x, x, x[:, :3] ** 2, y)


class Scaled:
    """A model that draws normal rows."""

    def sample(self, n: int, bias: float, rng: Any) -> Any:
        return math.sqrt(bias) * rng.standard_normal((n, 3))


def measured() -> Found:
    real = sample_of(120, 0)
    set_ = sets.DataSet("", {"x": real.x, "y": real.labels}, real.x, real.labels, 4)
    found = measures.Measures(set_, 0.5)
    reference = measures.Reference(
        real, abs(found.reference.axes), abs(found.reference.axes_within), 4
    )
    yield "measured", whole(measures.measured(reference, sample_of(80, 1)))
    plain = measures.Reference(replace(real, labels=None), reference.axes, None, 0)
    yield "measured plain", whole(measures.measured(plain, sample_of(80, 1)))
    loop = measures.Measures(sets.load("gaussian-3"), 0.25, n=40)
    model = Scaled()
    all_ = loop.all()
    yield "metrics", whole({name: metric(model, None, RNG(1)) for name, metric in all_.items()})
    yield "last", whole(loop.last)
    yield "floors", whole([loop.floor(n) for n in (5, 100)])
    yield (
        "floor of rows",
        whole({k: v for k, v in found.floor(90).items() if "directions" not in k}),
    )
    yield (
        "flat",
        whole(
            [
                measures.flat(np.arange(8192.0).reshape(2, 1, 64, 64)),
                measures.flat(IMAGES[:2]),
                measures.flat(np.arange(9000.0).reshape(1, 1, 100, 90)),
            ]
        ),
    )
    yield "centred", whole([measures.centred(real.x), measures.centred(real.x, real.labels)])
    yield (
        "leading",
        whole([abs(measures.leading(RNG(2).normal(size=s), 2)) for s in ((6, 4), (4, 6))]),
    )


def loops() -> dict[str, Loop]:
    return {
        "synthetic": fully_synthetic(50),
        "memory": replace(fully_synthetic(50), memory=3),
        "fresh": fresh_data(30, 50),
        "weight": fresh_data(30, 50, weight=0.4),
        "pool": synthetic_augmentation(30, 50, pool="accumulate"),
        "cap": synthetic_augmentation(30, 50, pool="accumulate", pool_cap=2),
        "budget": synthetic_augmentation(30, 50, pool="accumulate", budget=70),
        "general": Loop(
            n_initial=20,
            n_fixed=8,
            n_fresh=5,
            n_synth=30,
            memory=None,
            pool="accumulate",
            pool_cap=3,
        ),
    }


def folders(here: Path) -> Found:
    yield (
        "bytes",
        whole(
            [
                folder.as_bytes(np.linspace(-1.2, 1.2, 12).reshape(1, 1, 3, 4)),
                folder.as_bytes(VECTORS),
            ]
        ),
    )
    grey = measures.Sample(IMAGES, IMAGES.reshape(40, -1), IMAGES[:, 0, 0], LABELLED["y"])
    yield "kept", whole(folder.kept_arrays(grey))
    bytes_ = folder.as_bytes(IMAGES)
    colours = np.concatenate([bytes_, bytes_ // 2, bytes_ // 3], axis=1)
    yield (
        "grids",
        whole(
            [
                folder.grid(bytes_, LABELLED["y"]),
                folder.grid(bytes_[:5], None),
                folder.grid(colours, None, 2, 3, gap=1),
                folder.chosen(7, None, 2, 5),
                folder.chosen(6, np.array([1, 1, 0, 1, 2, 0]), 3, 2),
            ]
        ),
    )
    (here / "made").mkdir()
    folder.write_samples(here / "made", 3, grey)
    from PIL import Image

    with Image.open(here / "made/grids/3.png") as picture:
        yield "grid written", whole(np.asarray(picture))
    yield (
        "samples written",
        whole(
            [
                folder.read_samples(here / "made/samples/3.npz"),
                sorted(str(x.relative_to(here / "made")) for x in (here / "made").rglob("*")),
            ]
        ),
    )
    for name, loop in loops().items():
        (here / name).mkdir()
        (here / name / "config.json").write_text(curves.files.canonical_json({"loop": whole(loop)}))
        yield f"said {name}", whole(folder.said(here / name, 4))
    for kept in ((0, 1, 2), (0,), (0, 2), (1, 2), ()):
        out = here / f"kept{len(kept)}{sum(kept)}"
        (out / "samples").mkdir(parents=True)
        for t in kept:
            (out / f"samples/{t}.npz").touch()
        yield f"files none {kept}", answer(lambda o=out: folder.sample_files(o.relative_to(here)))
        folder.write_about(out, {"real": 1})
        yield (
            f"files {kept}",
            answer(lambda o=out: [x.name for x in folder.sample_files(o.relative_to(here))]),
        )
    (here / "made/samples/4.npz").write_bytes(b"half")
    yield (
        "read",
        [
            answer(lambda: folder.read_samples(Path("made/samples/4.npz"))),
            answer(lambda: folder.read_about(Path("made"))),
        ],
    )


def runs(here: Path) -> Found:
    for name, data_, changes in (
        ("linear", "gaussian-3", []),
        (
            "ddpm",
            "digits",
            [
                "model={steps=2, width=8, depth=1, batch=8, sampling_steps=2}",
                "loop.n_synth=40",
                "loop.bias=0.5",
            ],
        ),
    ):
        preset = config.parse("small", TOML.format(family=name), [f"data={data_}", *changes])
        own = sets.load(data_)
        few = replace(
            own, test=own.test[:70], labels=None if own.labels is None else own.labels[:70]
        )
        seen = lenet.Classifier(filled(lenet.LeNet((1, 8, 8), 10)), 0.25)  # type: ignore[arg-type]
        with put(run.sets, load=lambda _, few=few: few), put(measures, N_MEASURED=60):
            eyes = run.Eyes(few, None, seen) if own.classes else None
            with put(
                run,
                eyes_of=lambda *_, eyes=eyes: eyes,
                Measures=lambda *x: measures.Measures(*x, n=60),
            ):
                found = run.run(preset, out=here / f"run {name}", seed=4, command="the command")
        out = here / f"run {name}"
        yield (
            f"run {name}",
            whole(
                [
                    found,
                    sorted(str(x.relative_to(out)) for x in out.rglob("*")),
                    run.read_about(out),
                ]
            ),
        )
        curve = curves.of_run(out)
        curves.write(curve, here / f"{name}.json")
        kept = whole(curves.read(here / f"{name}.json"))
        for changing in ("versions", "seconds", "date"):
            del kept[changing]
        yield f"curve {name}", [kept, curve.name, curve.family, curve.kind, curve.bias]
        yield (
            f"refused {name}",
            [
                answer(lambda o=out: run.check_features(o.relative_to(here), "other")),
                answer(lambda n=name: run.check_out(Path(f"{n}.json"))),
            ],
        )
        yield (
            f"told {name}",
            whole(
                [
                    run.features_of(eyes),
                    run.fitted_to(preset, own).model,
                    np.shape(run.training_data(own, preset.model)) if own.classes else None,
                ]
            ),
        )
    yield (
        "names",
        [
            curves.curve_name({"family": "f", "data": d, "loop": x}, 3)
            for d in ("a-1", "images:/x/y")
            for x in ({}, {"kind": "fresh", "bias": 0.25})
        ],
    )
    times = ('"generation": 1, "fit": 1.25', '"generation": 1, "fit": 2.0, "data": 0.26',
             '"generation": 2, "fit": 1')  # fmt: skip
    (here / "timings.jsonl").write_text("".join(f"{{{line}}}\n" for line in times))
    yield "seconds", curves._seconds(here)
    text = (here / "linear.json").read_text()
    for name, bad in {
        "digest": text.replace('"digest": "', '"digest": "0'),
        "cut": text[:-9],
        "list": "[]",
        "bias": text.replace('"bias"', '"bios"'),
    }.items():
        (here / "bad.json").write_text(bad)
        yield f"curve {name}", answer(lambda: curves.read(Path("bad.json")))
    yield (
        "no curve",
        [
            answer(lambda: curves.read(Path("absent.json"))),
            answer(lambda: curves.of_run(Path("empty"))),
        ],
    )
    (here / "x.pt2").write_text("no program")
    yield from several(
        "exported", exported.read_exported, Path("x.pt2"), Path("y.pt2"), Path("x.npy")
    )
    for name, net in {
        "rows": nn.Flatten(),
        "images": nn.Identity(),
        "fails": nn.Linear(3, 3),
    }.items():
        yield (
            f"exported {name}",
            answer(lambda n=net: exported.Exported(Path("p"), n, "s").features(IMAGES[:3])),
        )
