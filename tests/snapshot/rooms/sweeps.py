"""Grids, and sweeps over them."""

from __future__ import annotations

import functools
import json
import math
import shutil
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from madtheory.plan import grid, phases, sweep
from tests.snapshot.rooms.found import Found
from tests.snapshot.told import answer, put, several, whole


def area(width: float, height: float = 2.0) -> Any:
    """A mapping, or failures."""
    if width == 3:
        raise ValueError("no\nsuch width")
    return {"area": width * height, "side": width + height}


def drawn(width: float, seed: int) -> float:
    """A number of the seed."""
    return float(np.random.default_rng(seed).random() + width)


def attributes(width: int) -> Any:
    return SimpleNamespace(value=width, rel_error=np.array([0.5]))


def bad_shape(width: int) -> Any:
    return [np.zeros(2), None, (1, 2), "x"][width]


class Lost:
    """An executor whose workers die with some points."""


GRIDS: dict[str, Any] = {
    "product": {"a": [1, 2], "b": ["x", "y"]},
    "word": {"a": "xyz"},
    "points": [{"a": 1, "b": None}, {"b": True, "a": 2.5}],
    "numpy": {"a": np.arange(2), "b": np.array([0.5])},
    "empty": {},
    "no values": {"a": []},
    "twice": {"a": [1, 1]},
    "same": {"a": [1, 1.0]},
    "other": [{"a": 1}, {"b": 1}],
    "nan": {"a": [math.nan]},
    "list": {"a": [[1]]},
    "number": {"a": 1},
    "not": 3,
    "not points": [1],
    "large": {"a": [2**63]},
    "small": {"a": [-(2**63)]},
    "half": {"a": ["\ud800"]},
    "é": {"é": ["ü"]},
}


def grids() -> Found:
    yield "grids", {name: answer(lambda g=g: grid.points_of(g)) for name, g in GRIDS.items()}
    points = ({"a": 1}, {"a": 1.5}, {"a": "x", "b": None}, {"b": True, "a": 2})
    yield "seeds", [grid.seed_of(p, seed) for p in points for seed in (0, 7)]
    yield (
        "described",
        [
            answer(lambda f=f: {k: v for k, v in grid.described(f).items() if k != "name"}.keys())
            for f in (
                math.sqrt,
                functools.partial(math.pow, 2),
                lambda x: x,
                print,
                Lost().__init__,
                functools.partial(phases.admissible, dim=2),
            )
        ],
    )
    yield (
        "bound",
        whole(grid.described(functools.partial(phases.admissible, dim=2, bias=0.5))["bound"]),
    )
    code = [
        grid._code(f)
        for f in (
            lambda x: x + 1,
            lambda x: x + 1,
            lambda x: x + 2,
            lambda y: y in {1, 2},
            math.sqrt,
        )
    ]
    yield "code", [code[0] == code[1], code[0] == code[2], code[3] == code[0], code[4]]
    yield from several(
        "arguments",
        lambda f, p, s: grid.check_arguments(f, p, seeded=s),
        (area, {"width": 1}, False),
        (area, {"width": 1}, True),
        (drawn, {"width": 1}, True),
        (drawn, {"width": 1}, False),
        (area, {"depth": 1}, False),
    )


def told_frame(frame: pd.DataFrame) -> Any:
    return {
        name: [str(column.dtype), [None if pd.isna(x) else x for x in column.tolist()]]
        for name, column in frame.items()
    }


def sweeping(here: Path) -> Found:
    points = {"width": [1, 2, 3], "height": [0.5, 4.0]}
    values = ("area", "side")
    first = sweep.run_sweep(area, points, folder=here / "one", values=values, batch=4)
    yield "sweep", told_frame(first)
    yield (
        "sweep stored",
        [
            sorted(str(x.relative_to(here / "one")) for x in (here / "one").rglob("*")),
            {
                k: v
                for k, v in json.loads((here / "one/config.json").read_text()).items()
                if k != "function"
            },
        ],
    )
    again = sweep.run_sweep(area, points, folder=here / "one", values=values, retry=True)
    yield "sweep again", [told_frame(again), len(list((here / "one/points").iterdir()))]
    with ThreadPoolExecutor(2) as pool:
        yield (
            "sweep threads",
            told_frame(
                sweep.run_sweep(
                    drawn,
                    {"width": [1, 2, 5]},
                    folder=here / "two",
                    seed=3,
                    executor=pool,
                    batch=1,
                    pending=2,
                )
            ),
        )
    yield (
        "sweep attributes",
        told_frame(
            sweep.run_sweep(
                attributes, {"width": [1, 2]}, folder=here / "three", values=("value", "rel_error")
            )
        ),
    )
    yield (
        "sweep shapes",
        told_frame(sweep.run_sweep(bad_shape, {"width": [0, 1, 2, 3]}, folder=here / "four")),
    )

    def ask(**x):
        return sweep.run_sweep(
            **{"function": area, "grid": points, "folder": Path("one"), "values": values} | x
        )

    (here / "foreign").mkdir()
    (here / "foreign/x").touch()
    for name in ("early", "damaged", "twice", "killed"):
        (here / name).mkdir()
    (here / "early/environment.json").touch()
    sweeps_of = (
        {"grid": {"width": [1]}},
        {"values": ("area",)},
        {"seed": 1},
        {"function": drawn},
        {"folder": Path("foreign")},
        {"folder": Path("no/such")},
        {"values": "area"},
        {"values": ("width", "area")},
        {"values": ()},
        {"values": (1,)},
        {"batch": 0},
        {"pending": 0},
        {"executor": 3},
        {"grid": {"width": [1, "x"]}, "folder": Path("early")},
        {"grid": {"point": [1]}, "folder": Path("early")},
    )
    yield "sweep refused", [answer(lambda x=x: told_frame(ask(**x))) for x in sweeps_of]
    for name in ("damaged", "twice", "killed"):
        shutil.copytree(here / "one", here / name, dirs_exist_ok=True)
    parts = sorted((here / "twice/points").iterdir())
    shutil.copy(parts[0], here / "twice/points/part-00000007.parquet")
    (here / "damaged/points/part-00000003.parquet").write_bytes(b"PAR1")
    (here / "killed/points/.part-00000001.parquet.1-1.tmp").touch()
    yield (
        "sweep damaged",
        [
            answer(lambda n=n: told_frame(ask(folder=Path(n)))["area"])
            for n in ("damaged", "twice", "killed")
        ],
    )
    yield "sweep swept", sorted(x.name for x in (here / "killed/points").iterdir())
    written = json.loads((here / "killed/environment.json").read_text())
    written["versions"]["numpy"] = "1"
    (here / "killed/environment.json").write_text(json.dumps(written))
    yield (
        "sweep versions",
        str(answer(lambda: ask(folder=Path("killed")))).replace(np.__version__, "NUMPY"),
    )
    yield from settled()


def settled() -> Found:
    def future(result: Any = None, error: BaseException | None = None) -> Future[Any]:
        made: Future[Any] = Future()
        made.set_result(result) if error is None else made.set_exception(error)
        return made

    one = sweep.Task(area, ("area",), None, ((4, {"width": 1}),), 0)
    two = replace(one, points=((4, {"width": 1}), (5, {"width": 2})))
    cancelled: Future[Any] = Future()
    cancelled.cancel()
    told = lambda x: [x[0], [t.points for t in x[1]]]  # noqa: E731
    yield (
        "settled",
        [
            answer(lambda t=t, f=f: told(sweep._settled(t, f)))
            for t, f in (
                (one, future([1])),
                (one, future(error=OSError("a\n b"))),
                (two, future(error=OSError("lost"))),
                (two, future(error=BrokenExecutor("gone"))),
                (one, cancelled),
            )
        ],
    )
    clock, wrote = [0.0], list[Any]()
    kept = SimpleNamespace(write=lambda rows: wrote.append((clock[0], len(rows))))
    with put(sweep.time, monotonic=lambda: clock[0]):
        writer = sweep._Writer(kept)  # type: ignore[arg-type]
        for at in (0.5, 1.0, 1.5, 2.5, 300.0, 302.0, 303.5):
            clock[0] = at
            writer.add([(0, None, None)])
        writer.flush()
        writer.flush()
    yield "written at", wrote
    yield (
        "batches",
        [len(t.points) for t in sweep._batches(area, ("a",), 1, [(i, {}) for i in range(7)], 3)],
    )
