"""Runs of the engine: folders, what is kept, refused, and gone on with."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from madtheory import engine
from madtheory.engine import curves, generation, models, request, samples, state, store
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from tests.snapshot.rooms.found import Found
from tests.snapshot.told import answer, put, several, whole

ROWS = np.random.default_rng(12).standard_normal((40, 2))


def mean_of(model: Any, rows: Any, rng: Any) -> Any:
    return [float(np.mean(rows)), float(rng.random())]


LOOPS = {
    "synthetic": fully_synthetic(8, bias=0.9),
    "memory": replace(fully_synthetic(8, bias=0.9), memory=2),
    "fresh": fresh_data(5, 8, bias=0.9),
    "pool": synthetic_augmentation(7, 5, pool="accumulate"),
    "cap": synthetic_augmentation(7, 5, pool="accumulate", pool_cap=2),
    "budget": synthetic_augmentation(7, 5, pool="accumulate", budget=9),
    "weight": synthetic_augmentation(7, 5, weight=0.5),
    "general": Loop(
        n_initial=8, n_fixed=5, n_fresh=3, n_synth=4, memory=None, pool="accumulate", pool_cap=3
    ),
}


def engine_runs(here: Path) -> Found:
    for name, loop in LOOPS.items():
        out = here / f"run {name}"
        how: dict[str, Any] = {"metrics": {"mean": mean_of}, "seed": 2}
        with put(store.Pace, due=lambda self: True):
            found = engine.run_loop(
                loop, models.Gaussian.of(loop), ROWS, generations=4, out=out, every=3, **how
            )
        at = store.read_progress(out)
        arrays = store.read_arrays(out, at.snapshot)
        stats = [json.loads(x) for x in (out / "stats.jsonl").read_text().splitlines()]
        timed = [sorted(json.loads(x)) for x in (out / "timings.jsonl").read_text().splitlines()]
        yield (
            f"engine {name}",
            whole(
                [
                    found,
                    stats,
                    timed,
                    sorted(x.name for x in out.iterdir()),
                    sorted(at.snapshot.files),
                ]
            ),
        )
        yield f"engine kept {name}", whole([arrays, at.config, sorted(at.snapshot.seals)])
        last = [
            answer(lambda t=t, o=out: engine.read_model(o, models.Gaussian(), t).save())
            for t in (None, 0, 1, 3, 4, 5)
        ]
        yield f"engine models {name}", last
        read = engine.read_curves(out)
        yield f"engine read {name}", whole([read, read.digest == found.digest])
    yield from resumed(here)
    yield from refused(here)


class Failing:
    """A model that fails at a generation, or gives what cannot be used."""

    warm_start = True

    def __init__(self, ends: str, left: int = 2) -> None:
        self.ends, self.left = ends, left

    def fit(self, rows: Any, rng: Any) -> Any:
        if self.left == 0:
            if self.ends == "raise":
                raise RuntimeError("two\nlines")
            return None if self.ends == "none" else self
        return Failing(self.ends, self.left - 1)

    def sample(self, n: int, bias: float, rng: Any) -> Any:
        if self.left:
            return rng.standard_normal((n, 2))
        return {
            "rows": np.zeros((n + 1, 2)),
            "nan": np.full((n, 2), np.nan),
            "form": np.zeros((n, 3)),
        }.get(self.ends, np.zeros((n, 2)))

    def save(self) -> Any:
        return {
            "a": np.array(math.nan if self.ends == "parameter" and not self.left else self.left)
        }

    def load(self, arrays: Any) -> Any:
        return Failing(self.ends, int(arrays["a"]))


def resumed(here: Path) -> Found:
    loop, out = LOOPS["cap"], here / "gone on"
    stops = []
    whole_run = engine.run_loop(
        loop, models.Gaussian.of(loop), ROWS, generations=5, metrics={"mean": mean_of}
    )

    def stop(t: int, model: Any) -> None:
        stops.append(t)
        if len(stops) == 3:
            raise KeyboardInterrupt

    def ask(**x):
        return engine.run_loop(
            **{
                "loop": loop,
                "model": models.Gaussian.of(loop),
                "data": ROWS,
                "generations": 5,
                "metrics": {"mean": mean_of},
                "out": out,
            }
            | x
        )

    with contextlib.suppress(KeyboardInterrupt):
        ask(keep=stop)
    (out / ".state.1-1.tmp").touch()
    (out / "arrays-9.npz").touch()
    (out / "fit/2").mkdir(parents=True)
    (out / "fit/2/x").touch()
    (out / "fit/4").mkdir()
    with (out / "stats.jsonl").open("a") as lines:
        lines.write("half a li")
    reached = engine.read_curves(out).reached
    again = ask(keep=stop)
    yield (
        "engine gone on",
        [
            stops,
            reached,
            again.digest == whole_run.digest,
            sorted(str(x.relative_to(out)) for x in out.rglob("*")),
        ],
    )
    others = (
        {"generations": 6},
        {"seed": 1},
        {"every": 2},
        {"metrics": {"other": mean_of}},
        {"data": ROWS[:-1]},
        {"loop": replace(loop, bias=0.9)},
        {"model": models.Bootstrap()},
        {"model": models.KernelDensity()},
    )
    yield (
        "engine other",
        [answer(lambda x=x: ask(**x | {"out": Path("gone on")}).digest) for x in others],
    )
    for name in ("config.json", "environment.json", "state", "stats.jsonl", "arrays-0.npz"):
        copy = here / f"damaged {name}"
        shutil.copytree(out, copy)
        (copy / name).write_bytes((copy / name).read_bytes()[:-3] + b"abc")
        yield (
            f"engine damaged {name}",
            [
                answer(lambda c=copy: ask(out=c.relative_to(here)).digest),
                answer(lambda c=copy: engine.read_curves(c.relative_to(here)).reached),
            ],
        )
        (copy / name).unlink()
        yield (
            f"engine without {name}",
            [
                answer(lambda c=copy: ask(out=c.relative_to(here)).reached),
                answer(lambda c=copy: engine.read_curves(c.relative_to(here)).reached),
            ],
        )


def refused(here: Path) -> Found:
    plain = fully_synthetic(6)
    for ends in ("raise", "none", "self", "rows", "nan", "form", "parameter"):
        out = here / f"fails {ends}"
        yield (
            f"engine {ends}",
            [
                answer(
                    lambda e=ends, o=out: (
                        engine.run_loop(plain, Failing(e), ROWS, generations=5, out=o).reached
                    )
                ),
                whole(engine.read_curves(out)),
            ],
        )

    def ask(**x):
        return engine.run_loop(
            **{"loop": plain, "model": models.Gaussian(), "data": ROWS, "generations": 2} | x
        ).reached

    given = (
        {"loop": 3},
        {"model": 3},
        {"model": models.Gaussian(ddof=0)},
        {"data": ROWS[:5]},
        {"data": "x"},
        {"data": ROWS * np.nan},
        {"data": [[1], [1, 2]]},
        {"data": {"x": ROWS, "y": ROWS[:3]}},
        {"data": {}},
        {"data": np.array(3.0)},
        {"generations": 0},
        {"generations": 10**7 + 1},
        {"every": 0},
        {"seed": -1},
        {"out": ""},
        {"out": Path("no/such")},
        {"metrics": 3},
        {"metrics": {1: mean_of}},
        {"metrics": {"a": 3}},
        {"loop": replace(plain, first_generation="biased")},
        {"loop": fully_synthetic(6, shrinkage=0.5)},
        {"loop": fully_synthetic(6, floor=0.5)},
        {"loop": synthetic_augmentation(7, 5, weight=0.5), "model": Failing("x", 9)},
        {"metrics": {"a": lambda *_: "x"}},
        {"metrics": {"a": lambda *_: np.zeros((2, 2))}},
        {"metrics": {"a": lambda m, r, g: np.zeros(1 + (g.random() > 2) + len(r) % 7)}},
        {"metrics": {"a": lambda *_: 1 / 0}},
        {"loop": replace(plain, bias=(0.9, 0.8), n_initial=6)},
    )
    yield "engine refused", [answer(lambda x=x: ask(**x)) for x in given]

    def seeds(**x):
        return engine.run_seeds(
            **{
                "loop": plain,
                "model": models.Gaussian(),
                "data": ROWS,
                "generations": 2,
                "metrics": {"m": mean_of},
                "workers": 1,
                "seeds": (3, 1),
            }
            | x
        )

    yield (
        "engine seeds",
        [
            answer(lambda x=x: seeds(**x))
            for x in (
                {"out": here / "seeds"},
                {"levels": (0.0, 0.3)},
                {"seeds": ()},
                {"seeds": (1, 1)},
                {"seeds": (-1,)},
                {"workers": 0},
                {"levels": (2,)},
                {"out": Path("no/x")},
            )
        ],
    )
    yield (
        "engine seeds stored",
        sorted(str(x.relative_to(here)) for x in (here / "seeds").glob("*")),
    )
    (here / "file").touch()
    (here / "other").mkdir()
    (here / "other/x").touch()
    yield (
        "engine folders",
        [answer(lambda o=o: ask(out=Path(o))) for o in ("file", "other", "file/x")],
    )


class Labelled:
    """A source of two arrays."""

    def __init__(self) -> None:
        self.a, self._b, self.c = 1, 2, np.arange(3)

    def sample(self, n: int, bias: float, rng: Any) -> Any:
        return {"x": bias + rng.random((n, 2)), "y": np.arange(n)}

    def save(self) -> Any:
        return {"w": np.ones(2)}


def engine_parts() -> Found:
    yield (
        "describe",
        whole(
            [
                store.describe(Labelled()),
                store.describe(models.Gaussian()),
                store.describe(fully_synthetic(4)),
                store._plain({"a": (1, None), "b": np.ones(2), "c": Labelled, "d": Labelled()}),
            ]
        ),
    )
    yield (
        "sources",
        whole(
            [
                request._describe_source(x)
                for x in (Labelled(), request.Population(ROWS), request.Population({"x": ROWS}))
            ]
        ),
    )
    yield (
        "measured at",
        [
            request.measured_generations(*x).tolist()
            for x in ((1, 1), (5, 1), (5, 2), (6, 3), (7, 9))
        ],
    )
    for name, loop in LOOPS.items():
        task = request.make_task(loop, models.Gaussian.of(loop), Labelled(), {}, 4, 1, 5)
        first, ground = generation.first_data(task)
        fitted = tuple(models.Gaussian.standard(2) for _ in range(2))
        form = generation.Ground(
            None if ground.fixed is None else ground.fixed["x"], np.zeros((0, 2))
        )
        at = state.State(3, fitted, tuple(np.full((loop.n_synth, 2), float(i)) for i in range(2)))
        batch = generation.synthetic_batch(task, form, at)
        later = generation.later_data(
            replace(task, source=models.Gaussian.standard(2)), form, at, at.pool
        )
        yield (
            f"data {name}",
            whole(
                [
                    first,
                    ground,
                    batch,
                    later,
                    later.n_synth,
                    state.next_state(task, at, fitted[0], at.pool),
                    state.new_arrays(at, 2),
                    at.first_model,
                ]
            ),
        )
    yield (
        "streams",
        whole(
            [task.rng(g, *s).random() for g, s in ((1, (0,)), (1, (1,)), (2, (0,)), (1, (3, 9)))]
        ),
    )
    yield "last", [state.last((1, 2, 3), n) for n in (None, 0, 1, 5)]
    yield (
        "names",
        whole(
            [
                state.named("a", ROWS),
                state.named("a", {"x": ROWS}),
                state.unnamed("a", {"a/x": 1, "b": 2}),
                state.unnamed("b", {"a": 1}),
                state.unnamed("a", {"a": 3}),
            ]
        ),
    )
    yield (
        "needed",
        [store._needed(f"arrays-{t}.npz", first) for t, first in ((0, 9), (3, 3), (3, 4), (9, 4))],
    )
    yield "flat", store._flat({"a": {"b": 1, "c": {"d": 2}}, "e": []})
    yield (
        "stopped",
        [
            store._stop_reason(x)
            for x in (
                b"",
                b'{"a": 1}\n{"generation": 3, "stopped": "why"}\n{"b"',
                b'{"stopped": "x"}\n{"stopped": "y"}\n',
            )
        ],
    )
    mark = store.Mark(3, "abc")
    one = store.Snapshot(4, {"m": ROWS[:2]}, mark, {"arrays-0.npz": "d"}, {"config.json": "e"})
    yield (
        "snapshot",
        whole(
            [
                store.Snapshot.from_bytes(one.to_bytes()),
                answer(lambda: store.Snapshot.from_bytes(one.to_bytes()[:-1] + b"x")),
                store.Mark(),
            ]
        ),
    )
    some = [
        curves.Curves(
            np.array([1, 3]),
            {
                "x": np.array([[i, 1.0], [i**2, math.inf]]),
                "y": np.array([math.nan if i == 2 else 0.1, 0.1]),
            },
            i,
            3,
        )
        for i in range(4)
    ]
    yield (
        "bands",
        whole(
            [
                curves.bands(some),
                curves.bands(some[:1], levels=(0.0, 1.0)),
                curves.bands(some).digest,
                some[1].digest,
            ]
        ),
    )
    yield from several(
        "bands refused",
        lambda x, **k: curves.bands(x),
        [],
        [some[0], replace(some[1], generations=np.array([1, 2]))],
        [some[0], replace(some[1], metrics={})],
    )
    rows = {"x": ROWS, "y": np.arange(40)}
    yield (
        "samples",
        whole(
            [
                samples.take(rows, slice(2)),
                samples.concat(rows, None, rows),
                samples.concat(ROWS[:2]),
                samples.n_rows(rows),
                samples.digest(rows),
                samples.digest({"": ROWS}),
            ]
        ),
    )
    yield from several(
        "as samples",
        samples.as_samples,
        ("x", ROWS, 40),
        ("x", ROWS, 3),
        ("x", {"a": ROWS, "b": ROWS[:2]}),
        ("x", ROWS, 40, ROWS[:0]),
        ("x", ROWS, 40, {"a": ROWS[:0]}),
        ("x", np.array([[1.0, 2.0], [math.inf, 1.0]])),
        ("x", 3.0),
        ("x", [None]),
        ("x", [[1], [1, 2]]),
        ("x", {}),
        ("x", np.array([1e308, 1e308])),
    )
    yield from several(
        "as arrays", samples.as_arrays, ("x", {"a": 1}), ("x", 3), ("x", {"a": [None]})
    )
    yield (
        "nan",
        [samples.has_nan(np.array(x)) for x in ([1.0, math.inf], [1.0, math.nan], [1], ["a"])],
    )
