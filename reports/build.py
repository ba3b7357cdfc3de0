"""Build the report: compute what changed, draw it, write the pages."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from madtheory import _check
from madtheory.files import (
    atomic_write_bytes,
    canonical_json,
    disk,
    run_folder,
    sha256,
    sha256_file,
)
from madtheory.files.atomic import sweep
from madtheory.reports import cache, pages
from madtheory.reports._types import Numbers
from madtheory.reports.captions import errata, figure_captions, table_captions
from madtheory.reports.contents import SECTIONS
from madtheory.reports.formats import Table, to_csv, to_latex, to_markdown
from madtheory.reports.section import LEVELS, Section
from madtheory.reports.style import render, styled
from madtheory.reports.text import fill, template

_FIGURES = [(name, draw, section) for section in SECTIONS for name, draw in section.figures.items()]

# Now, not at the end of a long build: Python runs what it has just imported, and the key of a
# result must not speak of a file that was edited since.
for _module in (
    pages.__name__,
    *(section.compute.__module__ for section in SECTIONS),
    *(draw.__module__ for _, draw, _ in _FIGURES),
):
    cache.sources(_module)


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
        if root.exists() and not root.is_dir():
            raise ValueError(f"out must be a folder, got a file, {root}; choose another name")
        self.manifest_path = root / ".cache" / "manifest.json"
        for name in (".cache", "figures", "tables"):
            disk.make_folder(root / name)
            sweep(root / name)
        sweep(root)
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


def _draw(
    name: str, draw: Callable[[Numbers], Figure], numbers: Numbers, folder: _Folder
) -> list[Path]:
    """Draw a figure as PDF and PNG."""
    text = [part for pair in cache.sources(draw.__module__) for part in pair]
    key = cache.digest(name, canonical_json(numbers), version("matplotlib"), *text)
    drawn = functools.cache(functools.partial(draw, numbers))

    def make(suffix: str) -> bytes:
        with styled():
            return render(drawn(), suffix)

    return [
        folder.made(f"figures/{name}.{suffix}", key, functools.partial(make, suffix))
        for suffix in ("pdf", "png")
    ]


def _references(source: str) -> dict[str, str]:
    """Return name -> "Figure 3" or "Table 2", numbered by their place in the text."""
    found: dict[str, str] = {}
    for kind in ("table", "figure"):
        marks = (part.split("}}")[0] for part in source.split("{{" + kind + ":")[1:])
        found |= {name: f"{kind.title()} {i}" for i, name in enumerate(marks, start=1)}
    return found


def _tables(filled: Callable[[str], str], numbers: Numbers) -> dict[str, Table]:
    """All tables, the placeholders of their texts filled."""

    def fill_row(row: Numbers) -> Numbers:
        return {key: filled(x) if isinstance(x, str) else x for key, x in row.items()}

    tables = {}
    for section in SECTIONS:
        for name, make in section.tables.items():
            table = make(numbers[section.name])
            tables[name] = dataclasses.replace(table, rows=[fill_row(row) for row in table.rows])
    return tables


def _show_figure(filled: Callable[[str], str], name: str) -> str:
    caption = filled(figure_captions()[name].markdown())
    return f"![{caption}](figures/{name}){{#fig:{name} width=100%}}"


def _show_table(filled: Callable[[str], str], tables: dict[str, Table], name: str) -> str:
    return f"{to_markdown(tables[name])}\n\n: {filled(table_captions()[name])} {{#tbl:{name}}}"


def _pages(markdown: str, figures: Iterable[Path], folder: _Folder) -> list[Path]:
    """Write the Markdown source, the three pages made from it, and the Typst source."""
    layouts = [template(f"page.{suffix}") for suffix in ("html", "tex", "typ")]
    drawn = [sha256_file(path) for path in figures]
    module = dict(cache.sources(pages.__name__))[pages.__name__]
    key = cache.digest(markdown, module, pages.tool_versions(), *layouts, *drawn)
    root = folder.root.resolve()
    source = folder.write("report.md", markdown.encode())
    typ = folder.made("report.typ", key, lambda: pages.document(markdown, "typst").encode())
    return [
        folder.made("index.html", key, lambda: pages.html(markdown, root).encode()),
        folder.made("report.pdf", key, lambda: pages.pdf(root / typ.name)),
        folder.made("report.tex", key, lambda: pages.document(markdown, "latex").encode()),
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
    """
    _check.one_of("level", level, LEVELS)
    seed = _check.count("seed", seed, minimum=0)
    if not str(out):
        raise ValueError("out must name a folder, got ''")
    folder = _Folder(Path(out))
    numbers, computed = _all_numbers(level, seed, folder)
    figures = [
        path
        for name, draw, section in _FIGURES
        for path in _draw(name, draw, numbers[section.name], folder)
    ]
    record = {"level": level, "seed": seed, "version": version("madtheory"), "sections": numbers}
    about = {"level": {"name": level, "seed": seed}, "errata_count": {"count": len(errata()) - 1}}
    source = template("report.md")
    everything, special = {**numbers, **about}, {"ref": _references(source).__getitem__}
    filled = functools.partial(fill, numbers=everything, special=special)
    tables = _tables(filled, numbers)
    written = [
        folder.write(f"tables/{name}.{suffix}", make(table).encode())
        for name, table in tables.items()
        for suffix, make in (("tex", to_latex), ("csv", to_csv))
    ]
    shown = {
        "figure": functools.partial(_show_figure, filled),
        "table": functools.partial(_show_table, filled, tables),
    }
    markdown = fill(source, everything, {**special, **shown})
    done = _pages(markdown, figures, folder)
    done.append(folder.write("numbers.json", (canonical_json(record, indent=1) + "\n").encode()))
    return Report(figures, written, done, computed)
