"""What is being computed, what is done and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from madtheory.reports import workers


def clock(seconds: float) -> str:
    """Return minutes and seconds, such as 2:05.

    >>> clock(125.2)
    '2:05'
    """
    return "{}:{:02d}".format(*divmod(round(seconds), 60))


class Forecast:
    """Time left: what the tasks should take, corrected by what those that are done took."""

    def __init__(self, tasks: Sequence[workers.Task], count: int) -> None:
        self.left = {task.name: task.seconds for task in tasks}
        self.begun: dict[str, float] = {}
        self.count = count
        self.expected = self.taken = 10.0  # so that the first tasks do not say it all

    def tell(self, event: workers.Event) -> None:
        """Hear of a task that has begun or is done."""
        name = event.task.name
        if event.numbers is None:
            self.begun[name] = time.monotonic()
            return
        self.expected += self.left.pop(name)
        self.taken += event.seconds
        del self.begun[name]

    def seconds(self) -> float:
        """Return the seconds that should be left."""
        now, factor = time.monotonic(), self.taken / self.expected
        rest = [
            max(factor * seconds - (now - self.begun.get(name, now)), 1.0)
            for name, seconds in self.left.items()
        ]
        return max(sum(rest) / self.count, max(rest, default=0.0))


class _Left(ProgressColumn):
    """The time left."""

    def __init__(self, forecast: Forecast) -> None:
        super().__init__()
        self.forecast = forecast

    def render(self, task: Task) -> Text:
        return Text(f"about {clock(self.forecast.seconds())} left")


@contextmanager
def shown(forecast: Forecast, total: int) -> Iterator[Progress]:
    """Show sections, time taken and time left, if stderr is a terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed}/{task.total}"),
               TextColumn("{task.description}"), TimeElapsedColumn(), _Left(forecast))  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        progress.add_task("", total=total)
        yield progress
