"""The report, drawn and written from recorded numbers: figures, tables, pages, configurations.

What its sections compute is of another kind, ``number/...``: a report at its smallest size. From
these numbers, as they were recorded, everything else is made, so that nothing is simulated here.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from madtheory.audit import audit
from madtheory.deep.curves import Curve
from madtheory.files import canonical_json
from madtheory.plan import plan_loop
from madtheory.reports import captions, document, formats, pages, progress, style, text
from madtheory.reports.audit import figures as audit_figures
from madtheory.reports.build import build
from madtheory.reports.contents import SECTIONS
from madtheory.reports.deep import make_grids, make_maps, one_run
from madtheory.reports.fresh import one_plan
from madtheory.reports.section import LEVELS, Section
from madtheory.reports.workers import Event, Task
from tests.snapshot.figures import figure
from tests.snapshot.told import put, rounded, whole

Numbers = Mapping[str, Any]
LEVEL, SEED = "tiny", 0


# --- numbers -------------------------------------------------------------------------------------


def cut(value: Any) -> Any:
    """Numbers with the digits that are kept."""
    if isinstance(value, dict):
        return {key: cut(x) for key, x in value.items()}
    if isinstance(value, list):
        return [cut(x) for x in value]
    return rounded(value) if isinstance(value, float) else value


def numbers_in(folder: Path) -> Iterator[tuple[str, Any]]:
    """What the sections of a report that was made found."""
    found = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))["sections"]
    return ((name, cut(numbers)) for name, numbers in found.items())


def numbers() -> Iterator[tuple[str, Any]]:
    """What the sections of a report compute: a minute."""
    with tempfile.TemporaryDirectory() as folder:
        build(folder, LEVEL, seed=SEED, workers=1)
        yield from numbers_in(Path(folder))


#: Sections that take no time at other sizes than the smallest, where some branches are not reached.
VARIANTS: Numbers = {
    "estimators": {"generations": 300, "replicates": 60},
    "collapse": {"bias": 0.9, "n_synth": 7, "generations": 40},
    "spectrum": {"dim": 3, "bias": 0.9, "n_synth": [6, 11]},
    "typical": {"n_synth": 6, "averaged": 5, "generations": 12},
    "three": {"n_real": 30, "n_synth": 60, "dim": 3, "biases": [0.8, 1.0]},
    "approach": {"dims": [3], "biases": [0.8], "multiples": [5, 50]},
    "fractions": {"dim": 3, "fractions": [0.5, 0.1], "sizes": [50, 5000], "simulated": [60]},
    "memory": {"n_real": 50, "n_synth": 200, "dim": 3, "longest": 30},
    "augmentation": {"square": 4, "amounts": [2, 8], "amounts_simulated": [2]},
    "weights": {"n_real": 10, "n_synth": 50, "dim": 2, "longest": 40},
}


def variants() -> Iterator[tuple[str, Any]]:
    """What some sections find at other sizes."""
    for section in SECTIONS:
        if section.name in VARIANTS:
            config = {**section.config(LEVEL, SEED + 1), **VARIANTS[section.name]}
            found = json.loads(canonical_json(section.compute(config)))
            yield f"variant {section.name}", cut(found)


# --- what is made of them ------------------------------------------------------------------------


def _said(section: Section) -> dict[str, Any]:
    """All that a section is told, at every level."""

    def name(function: Any) -> str:
        return f"{function.__module__}.{function.__qualname__}"

    return {
        "compute": name(section.compute),
        "parts": {level: section.parts(level, 3) for level in LEVELS},
        "seconds": section.seconds,
        "figures": {key: name(x) for key, x in section.figures.items()},
        "tables": {key: name(x) for key, x in section.tables.items()},
        "pages": sorted(section.pages),
    }


def _table(table: formats.Table) -> dict[str, list[str]]:
    made = (("csv", formats.to_csv), ("latex", formats.to_latex))
    return {suffix: make(table).splitlines() for suffix, make in made}


#: All that pages are made of, in few words: pandoc turns each alike wherever it stands.
SAMPLE = """\
---
title: A title
---

# One

::: box
In a *box*, $x^2$.
:::

![First, $y$.](figures/collapse){#fig:collapse width=100%}

![Second.](figures/other){#fig:other width=100%}

# Two

| a | b |
|:--|:----|
| 1 | $\\tfrac12$ |

: A table. {#tbl:one}

![Third.](figures/third){#fig:third width=100%}

| c |
|:--|
| 3 |

: Another. {#tbl:two}
"""


def _pages() -> Iterator[tuple[str, Any]]:
    """The pages of a sample line by line: a difference names its line."""
    drawn = {"collapse": b"a picture", "third": b"another"}
    yield "page html", pages.html(SAMPLE, drawn).splitlines()
    yield "page waiting", pages.html("# A", {}, waiting="x", refresh=True).splitlines()
    for target in ("latex", "typst"):
        yield f"page {target}", pages.document(SAMPLE, target).splitlines()


#: What cells of tables may hold.
CELLS = (None, True, False, "a|b", 0, 7, 12345, -3, 0.0, -0.0, 0.5, -0.25, 1234.5678, 1e-9, 2.5e12)
ROW = {"a": "x & y_z: λ ± 1 %, *so* `f(x)` $a|b$", "b": 1e-7, "c": (1.5, 0.25), "d": (None, 1.0)}


def _printed() -> Iterator[tuple[str, Any]]:
    """How values are printed, and how a build tells the time that is left."""
    show = {digits: formats.number(digits) for digits in (2, 4)}
    yield "cells", [[show[2](x), show[4](x), formats.words(x)] for x in CELLS]
    pairs = ((1.5, 0.25), (None, 1.0), (2.0, None), (1e-7, 1e-9))
    yield "pairs", [formats.plus_minus()(x) for x in pairs]
    columns = [
        formats.Column("A_1 |x|", "a", width=30),
        formats.Column("B", "b", show[4]),
        formats.Column("C", "c", formats.plus_minus(2)),
        formats.Column("E", "e"),
    ]
    table = formats.Table(columns, [ROW, {"a": None, "b": 2, "c": (3.0, None), "e": 1}])
    yield "table of all", {**_table(table), "markdown": formats.to_markdown(table).splitlines()}
    yield "clocks", [progress.clock(x) for x in (0, 59.4, 59.6, 61, 3600)]
    tasks = [Task("a", 0, {}, "k", 30.0), Task("a", 1, {}, "k", 10.0), Task("b", 0, {}, "k", 4.0)]
    clock, left = [0.0], []
    with put(progress.time, monotonic=lambda: clock[0]):
        forecast = progress.Forecast(tasks, 2)
        for at, event in ((0.0, Event(tasks[0])), (1.0, Event(tasks[1])), (9.0, None),
                          (40.0, Event(tasks[1], "{}", 39.0)), (50.0, Event(tasks[2])),
                          (90.0, Event(tasks[0], "{}", 90.0)), (99.0, None)):  # fmt: skip
            clock[0] = at
            if event is not None:
                forecast.tell(event)
            left.append(rounded(forecast.seconds()))
    yield "time left", [left, [task.name for task in tasks]]
    numbers_ = {"a": {"b": [1, 2.5, None]}, "c": text.LATER}
    asked = ("a.b.0", "a.b.1|2", "a.b.2", "c.x.y", "c")
    yield "looked up", [text.show(numbers_, x) for x in asked]
    filled = text.fill("{{a.b.1}} {{k:n_1}} {{C}} {{c.z|4}}", numbers_, {"k": str.upper})
    yield "filled", [filled, document.references("{{table:x}} {{figure:b}} {{figure:a}}")]


def _curve(classes: bool) -> Curve:
    """A measured curve of four generations, by hand."""
    t, names = np.arange(1.0, 5.0), ("fid", "w2_squared", "precision", "recall")
    metrics = {
        name: np.stack([t + i, t, t + 2 * i + 1], axis=1) / 9 for i, name in enumerate(names)
    }
    metrics |= {name: 1 / (t + len(name)) for name in ("trace", *["trace_within"] * classes)}
    real = {name: values[0] * 0.5 for name, values in metrics.items()}
    return Curve("", {}, 0, 1.0, "", "", {}, {}, 1, real, np.arange(1, 5), metrics)


def _samples(*shape: int) -> dict[int, dict[str, Any]]:
    """Samples of the generations that are shown, by hand."""
    x = (37 * np.arange(math.prod(shape)) % 251).reshape(shape)
    x = x.astype(np.uint8) if len(shape) == 4 else x / 100
    return {t: {"x": x + t, "labels": np.arange(len(x)) % 10} for t in one_run.shown(4)}


def _own(known: Numbers) -> Iterator[tuple[str, Any]]:
    """Figures that are not in the report: of an audit, a plan, a run; of nothing."""
    rng = np.random.default_rng(0)
    real, *others = (0.8**t * rng.standard_normal((40, 2)) for t in range(5))
    with style.styled():
        for count in (1, 4):
            found = audit(real, others[:count])
            yield f"figure own audit {count}", figure(audit_figures.draw_audit(found))
        planned = plan_loop(2, n_real=20, bias=0.8, n_synth=30)
        yield "figure own plan", figure(one_plan.draw_plan(planned, 2))
        for shape in ((30, 1, 4, 4), (30, 2), (30, 1)):
            drawn = one_run.draw_run(_curve(len(shape) > 2), _samples(*shape))
            yield f"figure own run {len(shape)} {shape[1]}", figure(drawn)
        empty = {**known["deep"], "groups": [], "grids": [], "maps": []}
        deep = next(section for section in SECTIONS if section.name == "deep")
        yield "figure none", {name: figure(draw(empty)) for name, draw in deep.figures.items()}
    plane, images = (list(_samples(*shape).values())[:3] for shape in ((30, 2), (30, 1, 4, 4)))
    yield "picture", whole([make_grids.picture(x) for x in (plane, images)])
    between = make_maps.between_classes(real, np.arange(40) % 3)
    yield "map", [make_maps.tenths(real[:3]), rounded(between)]


def entries(known: Numbers) -> Iterator[tuple[str, Any]]:
    """Everything that is made of the numbers of the sections, `known` by name."""
    yield "style", dict(style._RC.items())
    yield "errata", [dataclasses.asdict(x) for x in captions.errata()]
    for section in SECTIONS:
        yield f"section {section.name}", _said(section)
        for name, draw in section.figures.items():
            with style.styled():
                yield f"figure {name}", figure(draw(known[section.name]))
        for name, fill in section.pages.items():
            yield f"page {name}", fill(known[section.name]).splitlines()
    filled = document.filler(dict(known), LEVEL, SEED)
    tables = document.tables(filled, dict(known))
    for name, table in tables.items():
        yield f"table {name}", _table(table)
    yield "page markdown", document.markdown(filled, tables).splitlines()
    yield from _pages()
    yield from _printed()
    yield from _own(known)
    yield from variants()
    early = document.filler({}, LEVEL, SEED)
    yield "page empty", document.markdown(early, document.tables(early, {})).splitlines()


def recorded_numbers(old: Numbers) -> Numbers:
    """The numbers of a snapshot as a report reads them."""
    found = {
        name.removeprefix("number/"): x for name, x in old.items() if name.startswith("number/")
    }
    read: Numbers = json.loads(canonical_json(found))
    return read
