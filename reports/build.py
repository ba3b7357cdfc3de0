"""Build the report: compute what changed, draw it, write the pages."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from madtheory import _check
from madtheory.files import atomic_write_bytes, canonical_json, run_folder, sha256, sha256_file
from madtheory.reports import cache, pages
from madtheory.reports.captions import errata, figure_captions, table_captions
from madtheory.reports.contents import FIGURES, SECTIONS, TABLES
from madtheory.reports.formats import Table, to_csv, to_latex, to_markdown
from madtheory.reports.section import LEVELS, Drawing, Section
from madtheory.reports.style import render, styled
from madtheory.reports.text import fill, template

Numbers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What was built: paths, and the sections that had to be computed in this run."""

    figures: list[Path]
    tables: list[Path]
    pages: list[Path]
    computed: list[str]


class _Folder:
    """The output folder: writes only what changed, and remembers what made each file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest_path = root / ".cache" / "manifest.json"
        for name in (".cache", "figures", "tables"):
            (root / name).mkdir(parents=True, exist_ok=True)
        self.manifest: dict[str, list[str]] = {}
        if self.manifest_path.exists():
            # A damaged list only costs drawing again.
            try:
                self.manifest = run_folder.read_json(self.manifest_path)
            except ValueError:
                _say(f"{self.manifest_path} is damaged: all figures and pages are made again")

    def write(self, name: str, data: bytes) -> Path:
        """Write a file unless it already has these bytes."""
        path = self.root / name
        if not path.exists() or path.read_bytes() != data:
            atomic_write_bytes(path, data)
        return path

    def made(self, name: str, key: str, make: Callable[[], bytes]) -> Path:
        """Make a file unless the same inputs made the one that is there."""
        path = self.root / name
        if path.exists() and self.manifest.get(name) == [key, sha256_file(path)]:
            return path
        data = make()
        self.write(name, data)
        self.manifest[name] = [key, sha256(data)]
        self.write(".cache/manifest.json", canonical_json(self.manifest).encode())
        return path


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _numbers(section: Section, level: str, seed: int, folder: _Folder) -> tuple[Numbers, bool]:
    """Load or compute one section; the flag says whether it was computed."""
    config = section.config(level, seed)
    key = cache.key(section.compute, config)
    path = folder.root / ".cache" / f"{section.name}.json"
    try:
        known = cache.load(path, key)
    except cache.DamagedCache as error:
        _say(f"{error}: computed again")
        known = None
    if known is None:
        cache.store(path, key, section.compute(config))
        return cache.load(path, key) or {}, True
    return known, False


def _all_numbers(level: str, seed: int, folder: _Folder) -> tuple[Numbers, list[str]]:
    """Every section's numbers, with progress on a terminal."""
    numbers: Numbers = {}
    computed = []
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:28}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("report", total=len(SECTIONS))
        for section in SECTIONS:
            progress.update(task, description=f"computing {section.name}")
            numbers[section.name], fresh = _numbers(section, level, seed, folder)
            computed += [section.name] if fresh else []
            progress.advance(task)
    return numbers, computed


def _draw(drawing: Drawing, numbers: Numbers, folder: _Folder) -> list[Path]:
    """Draw a figure as PDF and PNG."""
    text = [part for pair in cache.sources(drawing.draw.__module__) for part in pair]
    section = canonical_json(numbers[drawing.section])
    key = cache.digest(drawing.name, section, version("matplotlib"), *text)

    @functools.cache
    def drawn() -> Figure:
        return drawing.draw(numbers[drawing.section])

    def make(suffix: str) -> bytes:
        with styled():
            return render(drawn(), suffix)

    return [
        folder.made(f"figures/{drawing.name}.{suffix}", key, functools.partial(make, suffix))
        for suffix in ("pdf", "png")
    ]


def _order(source: str, kind: str) -> dict[str, int]:
    """Number figures or tables by their place in the text."""
    marks = (part.split("}}")[0] for part in source.split("{{" + kind + ":")[1:])
    return {name: i for i, name in enumerate(marks, start=1)}


def _reference(source: str) -> Callable[[str], str]:
    """Return name -> "Figure 3" or "Table 2"."""
    figures, tables = _order(source, "figure"), _order(source, "table")

    def refer(name: str) -> str:
        return f"Figure {figures[name]}" if name in figures else f"Table {tables[name]}"

    return refer


def _fill_table(table: Table, numbers: Numbers, refer: Callable[[str], str]) -> Table:
    """Fill the placeholders of a table's texts."""
    rows = [
        {k: fill(v, numbers, {"ref": refer}) if isinstance(v, str) else v for k, v in row.items()}
        for row in table.rows
    ]
    return dataclasses.replace(table, rows=rows)


def _tables(numbers: Numbers, refer: Callable[[str], str]) -> dict[str, Table]:
    return {t.name: _fill_table(t.make(numbers[t.section]), numbers, refer) for t in TABLES}


def _write_tables(tables: dict[str, Table], folder: _Folder) -> list[Path]:
    return [
        folder.write(f"tables/{name}.{suffix}", make(table).encode())
        for name, table in tables.items()
        for suffix, make in (("tex", to_latex), ("csv", to_csv))
    ]


def _markdown(
    source: str, numbers: Numbers, tables: dict[str, Table], refer: Callable[[str], str]
) -> str:
    """Return the one source of all pages."""

    def figure(name: str) -> str:
        caption = fill(figure_captions()[name].markdown(), numbers, {"ref": refer})
        return f"![{caption}](figures/{name}){{#fig:{name} width=100%}}"

    def table(name: str) -> str:
        caption = fill(table_captions()[name], numbers, {"ref": refer})
        return f"{to_markdown(tables[name])}\n\n: {caption} {{#tbl:{name}}}"

    return fill(source, numbers, {"ref": refer, "figure": figure, "table": table})


def _pages(markdown: str, figures: Iterable[Path], folder: _Folder) -> list[Path]:
    """Write the Markdown source, the three pages made from it, and the Typst source."""
    layouts = [template(f"page.{suffix}") for suffix in ("html", "tex", "typ")]
    drawn = [sha256_file(path) for path in figures]
    module = dict(cache.sources(pages.__name__))[pages.__name__]
    key = cache.digest(markdown, module, pages.tool_versions(), *layouts, *drawn)
    root = folder.root.resolve()
    source = folder.write("report.md", markdown.encode())
    typ = folder.made("report.typ", key, lambda: pages.typst_source(markdown).encode())
    return [
        folder.made("index.html", key, lambda: pages.html(markdown, root).encode()),
        folder.made("report.pdf", key, lambda: pages.pdf(root / typ.name)),
        folder.made("report.tex", key, lambda: pages.latex(markdown).encode()),
        source,
        typ,
    ]


def build(out: Path | str, level: str = "full", *, seed: int = 0) -> Report:
    """Write the report into a folder; what has not changed is kept, byte for byte.

    Parameters
    ----------
    out : Path or str
        The folder; made, with its parents, if it does not exist.
    level : {"quick", "full"}
        How much is simulated ("tiny" is for tests).
    seed : int
        All simulations are pure functions of it.

    Returns
    -------
    Report
        Paths of the figures, tables and pages.

    Raises
    ------
    ValueError, TypeError
        When the level or the seed is none.
    OSError
        When the folder cannot be written.
    """
    _check.one_of("level", level, LEVELS)
    seed = _check.count("seed", seed, minimum=0)
    folder = _Folder(Path(out))
    numbers, computed = _all_numbers(level, seed, folder)
    figures = [path for drawing in FIGURES for path in _draw(drawing, numbers, folder)]
    record = {"level": level, "seed": seed, "version": version("madtheory"), "sections": numbers}
    about = {"level": {"name": level, "seed": seed}, "errata_count": {"count": len(errata()) - 1}}
    source = template("report.md")
    refer = _reference(source)
    everything = {**numbers, **about}
    tables = _tables(everything, refer)
    written = _write_tables(tables, folder)
    markdown = _markdown(source, everything, tables, refer)
    done = _pages(markdown, figures, folder)
    done.append(folder.write("numbers.json", (canonical_json(record, indent=1) + "\n").encode()))
    return Report(figures, written, done, computed)
