"""Tasks side by side: the same numbers as one by one, and no process left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from madtheory._threads import one_thread
from madtheory.files import canonical_json
from madtheory.reports import cache, progress, workers
from madtheory.reports.contents import SECTIONS

BY_NAME = {section.name: section for section in SECTIONS}


def task(name: str, seconds: float = 1.0) -> workers.Task:
    section = BY_NAME[name]
    config = section.config("tiny", 0)
    return workers.Task(name, 0, config, cache.key(section.compute, config), seconds)


def numbers(tasks: list[workers.Task], count: int) -> dict[str, str]:
    events = list(workers.computed(tasks, count))
    begun = [event.task.name for event in events if event.numbers is None]
    assert sorted(begun) == sorted(t.name for t in tasks)
    return {event.task.name: event.numbers for event in events if event.numbers is not None}


def children() -> set[str]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(os.getpid())],
                            capture_output=True, text=True, check=False)  # fmt: skip
    return {pid for pid in listed.stdout.split() if Path(f"/proc/{pid}/exe").exists()}


def test_processes_give_the_same_bits():
    tasks = [task(name) for name in ("spectrum", "errata", "appendix")]
    before = children()
    with one_thread():
        here = {t.name: canonical_json(BY_NAME[t.name].compute(t.config)) for t in tasks}
    assert numbers(tasks, 2) == here
    assert numbers(tasks[1:], 1) == {t.name: here[t.name] for t in tasks[1:]}
    assert children() <= before
    assert json.loads(here["errata"])["n"] == 10


@pytest.mark.full
@pytest.mark.parametrize("count", [1, 2])
def test_a_changed_package_is_noticed(count):
    stale = workers.Task("errata", 0, {"seed": 0}, "another key", 1.0)
    with pytest.raises(RuntimeError, match="changed while the report was made"):
        list(workers.computed([stale, stale], count))


def test_a_worker_that_is_killed_is_named(monkeypatch):
    start = workers._start

    def killed():
        process = start()
        os.kill(process.pid, signal.SIGKILL)
        return process

    monkeypatch.setattr(workers, "_start", killed)
    with pytest.raises(ChildProcessError, match="ended: -9"):
        list(workers.computed([task("errata"), task("appendix")], 2))


@pytest.mark.parametrize("sent", [b"", b"\x80\x05X"], ids=["nothing", "a part of a task"])
def test_a_worker_ends_with_the_one_that_asked(sent):
    """Also while it still reads the sources, which takes a minute on a loaded machine."""
    code = (
        "import time; from madtheory.reports import workers; "
        "workers._read_all = lambda: time.sleep(60); workers.serve()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.poll() is None
        process.stdin.write(sent)
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_time_left_learns_from_what_is_done(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    tasks = [workers.Task(name, 0, {}, "", 40.0) for name in "abc"]
    forecast = progress.Forecast(tasks, 2)
    assert forecast.seconds() == 60
    forecast.tell(workers.Event(tasks[0]))
    now[0] += 90
    forecast.tell(workers.Event(tasks[0], "{}", 90.0))
    # Twice as slow as foretold: (10 + 90) / (10 + 40); two tasks of 40 on two processors.
    assert forecast.seconds() == pytest.approx(80)
    forecast.tell(workers.Event(tasks[1]))
    now[0] += 1000
    assert forecast.seconds() == pytest.approx(80)
    assert progress.clock(3599.6) == "60:00"


def test_no_worker_waits_for_a_slow_reader():
    events = workers.computed([task("errata"), task("spectrum"), task("appendix")], 2)
    next(events)
    time.sleep(0.1)
    events.close()
