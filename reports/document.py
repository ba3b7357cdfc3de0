"""The text of the report: the template with its numbers, figures and tables, as far as they are."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Protocol

from madtheory.reports._types import Numbers
from madtheory.reports.captions import errata, figure_captions, table_captions
from madtheory.reports.contents import SECTIONS
from madtheory.reports.formats import Table, to_markdown
from madtheory.reports.text import LATER, fill, template


class Fill(Protocol):
    """Fills the placeholders of a text."""

    def __call__(self, text: str, **shown: Callable[[str], str]) -> str:
        """Return the text with numbers, and what `shown` puts for figures and tables."""


def references(source: str) -> dict[str, str]:
    """Return name -> "Figure 3" or "Table 2", numbered by their place in the text."""
    found: dict[str, str] = {}
    for kind in ("table", "figure"):
        marks = (part.split("}}")[0] for part in source.split("{{" + kind + ":")[1:])
        found |= {name: f"{kind.title()} {i}" for i, name in enumerate(marks, start=1)}
    return found


def filler(numbers: Numbers, level: str, seed: int) -> Fill:
    """Return what fills the placeholders of a text with the numbers of the sections done.

    It takes what to put for ``{{figure:name}}`` and ``{{table:name}}`` too.
    """
    about = {"level": {"name": level, "seed": seed}, "errata_count": {"count": len(errata()) - 1}}
    waiting = {section.name for section in SECTIONS} - numbers.keys()
    everything = {**numbers, **about, **dict.fromkeys(waiting, LATER)}
    special = {"ref": references(template("report.md")).__getitem__}
    return lambda text, **shown: fill(text, everything, {**special, **shown})


def tables(filled: Fill, numbers: Numbers) -> dict[str, Table]:
    """All tables of the sections done, the placeholders of their texts filled."""

    def fill_row(row: Numbers) -> Numbers:
        return {key: filled(x) if isinstance(x, str) else x for key, x in row.items()}

    found = {}
    for section in SECTIONS:
        for name, make in section.tables.items() if section.name in numbers else ():
            table = make(numbers[section.name])
            found[name] = dataclasses.replace(table, rows=[fill_row(row) for row in table.rows])
    return found


def _show_figure(filled: Fill, name: str) -> str:
    caption = filled(figure_captions()[name].markdown())
    return f"![{caption}](figures/{name}){{#fig:{name} width=100%}}"


def _show_table(filled: Fill, made: Mapping[str, Table], name: str) -> str:
    body = to_markdown(made[name]) if name in made else f"| {LATER} |\n|---|"
    return f"{body}\n\n: {filled(table_captions()[name])} {{#tbl:{name}}}"


def markdown(filled: Fill, made: Mapping[str, Table]) -> str:
    """Return the one source of all pages."""
    return filled(
        template("report.md"),
        figure=functools.partial(_show_figure, filled),
        table=functools.partial(_show_table, filled, made),
    )
