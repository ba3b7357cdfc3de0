"""Tasks side by side: processes that compute, and the one that asked, which alone writes files.

A worker is a fresh Python that reads tasks from its standard input and ends when that closes: none
outlives the build, however the build ends. BLAS has one thread there, so that no bit depends on
how many processors there are.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from madtheory._threads import one_thread
from madtheory.files import canonical_json
from madtheory.reports import cache
from madtheory.reports._types import Numbers

_COMMAND: Final = (
    "import sys; sys.path[:] = {path!r}; from madtheory.reports.workers import serve; serve()"
)


@dataclass(frozen=True, slots=True)
class Task:
    """One call of a section's `compute`: its arguments and the key of its result."""

    section: str
    part: int
    config: Numbers
    key: str
    seconds: float

    @property
    def name(self) -> str:
        """Return the section's name, and the number of a later part."""
        return f"{self.section}.{self.part}" if self.part else self.section


@dataclass(frozen=True, slots=True)
class Event:
    """A task has begun, or, with its numbers as JSON, is done after so many seconds."""

    task: Task
    numbers: str | None = None
    seconds: float = 0.0


def _computed(task: Task) -> Event:
    """Compute a task here."""
    from madtheory.reports.contents import SECTIONS

    begun = time.monotonic()
    compute = next(s.compute for s in SECTIONS if s.name == task.section)
    if cache.key(compute, task.config) != task.key:
        raise RuntimeError("the package was changed while the report was made: make it again")
    text = canonical_json(compute(task.config))
    return Event(task, text, time.monotonic() - begun)


# --- in the worker --------------------------------------------------------------------------------


def _listen(tasks: queue.SimpleQueue[Task]) -> None:
    """Take tasks in until nobody can send any more; then end, whatever is being computed."""
    try:
        while True:
            tasks.put(pickle.load(sys.stdin.buffer))
    finally:  # of a task that was sent in part too
        os._exit(0)


def _read_all() -> None:
    """Read all sources now: what is edited later is not what Python runs."""
    from madtheory.reports.contents import SECTIONS

    for section in SECTIONS:
        cache.sources(section.compute.__module__)


def serve() -> None:
    """Answer tasks from standard input, one by one, on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asked ends us
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library may print is no answer
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    _read_all()
    with one_thread():
        while True:
            answer: Event | BaseException
            try:
                answer = _computed(tasks.get())
            except Exception as error:
                error.add_note(traceback.format_exc())
                answer = error
            pickle.dump(answer, answers)
            answers.flush()


# --- in the one that asks -------------------------------------------------------------------------


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _COMMAND.format(path=sys.path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _ask(process: subprocess.Popen[bytes], task: Task) -> Any:
    """Send one task and wait for its answer."""
    pipes: tuple[Any, Any] = (process.stdin, process.stdout)
    to, back = pipes
    try:
        pickle.dump(task, to)
        to.flush()
        return pickle.load(back)
    except (EOFError, BrokenPipeError):
        code = process.wait()
        raise ChildProcessError(f"the process that computed {task.section} ended: {code}") from None


def _close(process: subprocess.Popen[bytes]) -> None:
    """Wait for a worker's end; a task that it did not read any more is lost."""
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    process.wait()


def _employ(
    process: subprocess.Popen[bytes],
    todo: deque[Task],
    events: queue.SimpleQueue[Event | BaseException],
) -> None:
    """Keep one worker busy until nothing is left to do."""
    try:
        while todo:
            task = todo.popleft()
            events.put(Event(task))
            events.put(_ask(process, task))
    except IndexError:  # another worker took the last one
        return
    except BaseException as error:
        events.put(error)


def _side_by_side(tasks: Sequence[Task], count: int) -> Iterator[Event]:
    todo = deque(tasks)
    events: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
    processes = [_start() for _ in range(count)]
    threads = [threading.Thread(target=_employ, args=(p, todo, events)) for p in processes]
    try:
        for thread in threads:
            thread.start()
        left = len(tasks)
        while left:
            event = events.get()
            if isinstance(event, BaseException):
                raise event
            left -= event.numbers is not None
            yield event
    finally:
        todo.clear()
        for process in processes:
            process.kill()
        for thread, process in zip(threads, processes, strict=True):
            if thread.ident:
                thread.join()
            _close(process)


def computed(tasks: Sequence[Task], workers: int) -> Generator[Event, None, None]:
    """Compute tasks, begun in this order, in so many processes: what happens, as it happens."""
    count = min(workers, len(tasks))
    if count > 1:
        yield from _side_by_side(tasks, count)
        return
    with one_thread():
        for task in tasks:
            yield Event(task)
            yield _computed(task)
