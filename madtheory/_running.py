"""What every long run needs: how many processors to use, and a bar for those who watch."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from madtheory import _check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["processors", "progress_bar"]


def processors(name: str, wanted: int | None) -> int:
    """Return `wanted`, the checked value of the argument `name`; None: all available ones."""
    if wanted is not None:
        return _check.count(name, wanted, maximum=1024)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@contextmanager
def progress_bar(enabled: bool, label: str) -> Iterator[Callable[[int, int], None]]:
    """Return what is told of steps done and of all there are: a bar on stderr, if a terminal."""
    if not (enabled and sys.stderr.isatty()):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
