"""Build the report: compute what changed, draw it, write the pages, the first one as it grows."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from matplotlib.figure import Figure

from madtheory import _check
from madtheory._threads import processors
from madtheory.files import canonical_json, run_folder, sha256_file
from madtheory.reports import cache, document, pages, progress
from madtheory.reports._types import Numbers
from madtheory.reports.contents import SECTIONS
from madtheory.reports.folder import Folder, say
from madtheory.reports.formats import to_csv, to_latex
from madtheory.reports.section import LEVELS, Section
from madtheory.reports.style import render, styled
from madtheory.reports.text import template
from madtheory.reports.workers import Event, Task, computed

# Now, not at the end of a long build: Python runs what it has just imported, and the key of a
# result must not speak of a file that was edited since.
for _module in (
    pages.__name__,
    *(section.compute.__module__ for section in SECTIONS),
    *(draw.__module__ for section in SECTIONS for draw in section.figures.values()),
    *(fill.__module__ for section in SECTIONS for fill in section.pages.values()),
):
    cache.sources(_module)

#: An unfinished page is written after a pause of so many times the time that it takes.
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Report:
    """What was built: paths, and the sections that had to be computed in this run."""

    figures: list[Path]
    tables: list[Path]
    pages: list[Path]
    computed: list[str]


def _tasks(section: Section, level: str, seed: int) -> list[Task]:
    """Return the calls that a section needs."""
    parts = section.parts(level, seed)
    seconds = section.seconds[level == "full"] / len(parts)
    return [
        Task(section.name, i, config, cache.key(section.compute, config), seconds)
        for i, config in enumerate(parts)
    ]


@dataclass(slots=True)
class _Build:
    """A build on its way: what is asked, and what there is so far."""

    folder: Folder
    level: str
    seed: int
    tasks: dict[str, list[Task]]
    parts: dict[str, Numbers] = field(default_factory=dict)
    numbers: Numbers = field(default_factory=dict)
    figures: dict[str, list[Path]] = field(default_factory=dict)
    own_pages: dict[str, Path] = field(default_factory=dict)
    rest_until: float = 0.0

    # --- numbers ------------------------------------------------------------------------------

    def path(self, task: Task) -> Path:
        """Return where the numbers of a task lie."""
        return self.folder.root / ".cache" / f"{task.name}.json"

    def known(self, task: Task) -> bool:
        """Take the numbers of a task that has been computed before."""
        try:
            numbers = cache.load(self.path(task), task.key)
        except cache.DamagedCache as error:
            say(f"{error}: computed again")
            return False
        if numbers is not None:
            self.parts[task.name] = numbers
        return numbers is not None

    def finish(self, section: Section) -> bool:
        """Draw a section if all of its numbers are there."""
        names = [task.name for task in self.tasks[section.name]]
        if not all(name in self.parts for name in names):
            return False
        parts = [self.parts[name] for name in names]
        self.numbers[section.name] = section.whole(parts, self.level, self.seed)
        for name, draw in section.figures.items():
            self.figures[name] = self.draw(name, draw, self.numbers[section.name])
        for name, fill in section.pages.items():
            self.own_pages[name] = self.own_page(name, fill, self.numbers[section.name])
        return True

    def compute(self, todo: Sequence[Task], workers: int) -> None:
        """Compute tasks side by side; whatever ends this, the page says how far it came."""
        try:
            # Closed at once: threads that wait for workers would keep a process that has failed.
            with contextlib.closing(computed(todo, workers)) as events:
                self.follow(events, progress.Forecast(todo, workers), len(todo))
        except BaseException:
            with contextlib.suppress(Exception):
                self.show(None)
            raise

    def follow(self, events: Iterator[Event], forecast: progress.Forecast, total: int) -> None:
        """Show what happens, and each section when its last task is done."""
        sections = {section.name: section for section in SECTIONS}
        running: list[str] = []
        with progress.shown(forecast, total) as bar:
            self.show(forecast.seconds())
            if bar.console.is_terminal:
                bar.console.print(
                    f"{self.folder.root / 'index.html'} shows what is done", style="dim"
                )
            for event in events:
                forecast.tell(event)
                if event.numbers is None:
                    running.append(event.task.name)
                else:
                    running.remove(event.task.name)
                    self.take(event.task, json.loads(event.numbers))
                    bar.advance(bar.task_ids[0])
                bar.update(bar.task_ids[0], description=", ".join(running))
                if event.numbers is not None and self.finish(sections[event.task.section]):
                    self.show(forecast.seconds())

    def take(self, task: Task, numbers: Numbers) -> None:
        """Keep the numbers of a task."""
        cache.store(self.path(task), task.key, numbers)
        self.parts[task.name] = numbers

    # --- figures and pages --------------------------------------------------------------------

    def draw(self, name: str, draw: Callable[[Numbers], Figure], numbers: Numbers) -> list[Path]:
        """Draw a figure as PDF and PNG."""
        text = [part for pair in cache.sources(draw.__module__) for part in pair]
        key = cache.digest(name, canonical_json(numbers), version("matplotlib"), *text)
        drawn = functools.cache(functools.partial(draw, numbers))

        def make(suffix: str) -> bytes:
            with styled():
                return render(drawn(), suffix)

        return [
            self.folder.made(f"figures/{name}.{suffix}", key, functools.partial(make, suffix))
            for suffix in ("pdf", "png")
        ]

    def own_page(self, name: str, fill: Callable[[Numbers], str], numbers: Numbers) -> Path:
        """Write a page that is a section's own."""
        text = [part for pair in cache.sources(fill.__module__) for part in pair]
        layouts = [template(f"{name}.{suffix}") for suffix in ("html", "js")]
        key = cache.digest(name, canonical_json(numbers), version("sympy"), *text, *layouts)
        return self.folder.made(f"{name}.html", key, lambda: fill(numbers).encode())

    def pictures(self) -> dict[str, bytes]:
        """Return the PNG of every figure drawn."""
        return {name: png.read_bytes() for name, (_, png) in self.figures.items()}

    def show(self, left: float | None) -> None:
        """Write the page as far as it is, if some time has passed; None: it stops here."""
        begun = time.monotonic()
        missing = len(SECTIONS) - len(self.numbers)
        if not missing or (left is not None and begun < self.rest_until):
            return
        filled = document.filler(self.numbers, self.level, self.seed)
        text = document.markdown(filled, document.tables(filled, self.numbers))
        waiting = f"{missing} of {len(SECTIONS)} parts are missing: the report was interrupted."
        if left is not None:
            waiting = f"{missing} of {len(SECTIONS)} parts are still being computed: about "
            waiting += f"{progress.clock(left)} left. This page loads itself anew."
        page = pages.html(text, self.pictures(), waiting=waiting, refresh=left is not None)
        self.folder.write("index.html", page.encode())
        now = time.monotonic()
        self.rest_until = now + _PATIENCE * (now - begun)

    def pages(self, markdown: str) -> list[Path]:
        """Write the Markdown source, the three pages made from it, and the Typst source."""
        layouts = [template(f"page.{suffix}") for suffix in ("html", "tex", "typ")]
        drawn = [sha256_file(path) for name in sorted(self.figures) for path in self.figures[name]]
        module = dict(cache.sources(pages.__name__))[pages.__name__]
        key = cache.digest(markdown, module, pages.tool_versions(), *layouts, *drawn)
        made, source = self.folder.made, self.folder.write("report.md", markdown.encode())
        typ = made("report.typ", key, lambda: pages.document(markdown, "typst").encode())
        return [
            made("index.html", key, lambda: pages.html(markdown, self.pictures()).encode()),
            made("report.pdf", key, lambda: pages.pdf(typ.resolve())),
            made("report.tex", key, lambda: pages.document(markdown, "latex").encode()),
            source,
            typ,
            *(self.own_pages[name] for name in sorted(self.own_pages)),
        ]


def build(
    out: Path | str, level: str = "full", *, seed: int = 0, workers: int | None = None
) -> Report:
    """Write the report into a folder; what has not changed is kept, byte for byte.

    Parameters
    ----------
    out : Path or str
        The folder; made, with its parents, if it does not exist.
    level : {"quick", "full"}
        How much is simulated ("tiny" is for tests).
    seed : int
        All simulations are pure functions of it.
    workers : int, optional
        Processes that compute side by side; one for each processor by default. No byte depends on
        their number.
    """
    _check.one_of("level", level, LEVELS)
    seed = _check.count("seed", seed, minimum=0)
    if not str(out):
        raise ValueError("out must name a folder, got ''")
    count = processors("workers", workers)
    folder = Folder(Path(out))
    held = folder.root / ".cache"
    words = f"{held} must be writable"
    with run_folder.hold(held, homeless=words, unwritable=words):
        return _built(folder, level, seed, count)


def _built(folder: Folder, level: str, seed: int, count: int) -> Report:
    """Build in a folder that is held: figures of two levels at once would be mixed."""
    tasks = {section.name: _tasks(section, level, seed) for section in SECTIONS}
    made = _Build(folder, level, seed, tasks)
    todo = [task for some in tasks.values() for task in some if not made.known(task)]
    for section in SECTIONS:
        made.finish(section)
    if todo:
        made.compute(todo, count)
    numbers = {section.name: made.numbers[section.name] for section in SECTIONS}
    record = {"level": level, "seed": seed, "version": version("madtheory"), "sections": numbers}
    filled = document.filler(numbers, level, seed)
    tables = document.tables(filled, numbers)
    written = [
        made.folder.write(f"tables/{name}.{suffix}", make(table).encode())
        for name, table in tables.items()
        for suffix, make in (("tex", to_latex), ("csv", to_csv))
    ]
    done = made.pages(document.markdown(filled, tables))
    text = canonical_json(record, indent=1) + "\n"
    done.append(made.folder.write("numbers.json", text.encode()))
    figures = [p for s in SECTIONS for name in s.figures for p in made.figures[name]]
    fresh = {task.section for task in todo}
    return Report(figures, written, done, [s.name for s in SECTIONS if s.name in fresh])
