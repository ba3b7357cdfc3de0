"""kill -9 of the sweeping process at any moment, then the same call: every point once."""

import collections
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pyarrow.dataset
import pytest

from madtheory.plan import seed_of

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import concurrent.futures as cf
import functools
import multiprocessing
import sys
from madtheory.plan import run_sweep
sys.modules["madtheory.plan.sweep"].WRITE_EVERY = 0.02  # many parts in a short run
from tests.unit.plan import functions

folder, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = multiprocessing.get_context("spawn")

def main():
    pool = cf.ThreadPoolExecutor(2) if kind == "threads" else cf.ProcessPoolExecutor(2, context)
    with pool:
        function = functools.partial(functions.seeded_note, folder=folder)
        print("started", flush=True)
        run_sweep(function, {"x": range(count)}, folder=folder + "/sweep", executor=pool, seed=3,
                  batch=8)
    print("finished", flush=True)

if __name__ == "__main__":
    main()
"""


def called(home: Path) -> int:
    """Calls so far."""
    notes = home / "calls"
    return notes.read_bytes().count(b"\n") if notes.exists() else 0


class Attempt:
    """A sweep in a process group of its own, so that its workers can be ended with it."""

    def __init__(self, home: Path, kind: str, count: int) -> None:
        script = home / "script.py"
        script.write_text(SCRIPT)
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(home), kind, str(count)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "started\n"

    def kill(self, home: Path, calls: int) -> bool:
        """Kill the parent after so many calls, then its workers; False when it had finished."""
        while called(home) < calls and self.process.poll() is None:
            time.sleep(0.002)
        self.process.kill()
        code = self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return code == -signal.SIGKILL

    def finish(self) -> None:
        out, _ = self.process.communicate(timeout=300)
        assert self.process.returncode == 0
        assert out == "finished\n"


def places(home: Path) -> list[int]:
    """Places of all kept points, as any reader of the dataset sees them."""
    folder = home / "sweep" / "points"
    if not folder.is_dir():
        return []
    points = pyarrow.dataset.dataset(folder, format="parquet")
    # A kill may come before the first part: a dataset of no files has no columns.
    found: list[int] = points.to_table()["point"].to_pylist() if points.files else []
    return found


def swept_through_kills(home: Path, kind: str, count: int, kills: int) -> list[int]:
    """Kill a sweep `kills` times, finish it; return how many points each kill found."""
    rng, kept = random.Random(1), [0]
    for _ in range(kills):
        share = rng.uniform(0.2, 1.0) * count / kills
        assert Attempt(home, kind, count).kill(home, called(home) + int(share))
        found = places(home)
        assert len(found) == len(set(found)), "a point twice"
        kept.append(len(found))
    Attempt(home, kind, count).finish()
    return kept


def check(home: Path, count: int, kept: list[int]) -> None:
    """Every point is there once with its value, and what was kept was not called again."""
    table = pyarrow.dataset.dataset(home / "sweep" / "points", format="parquet").to_table()
    rows = table.sort_by("point").to_pydict()
    assert rows["point"] == rows["x"] == list(range(count))
    assert rows["value"] == [float(x + seed_of({"x": x}, 3)) for x in range(count)]
    assert kept == sorted(kept), "a point was lost"
    assert kept[1] < kept[-1] < count, "no kill came in the middle: the test has no power"
    calls = collections.Counter((home / "calls").read_text().split())
    assert set(calls) == {str(x) for x in range(count)}
    # What was called twice had been finished, or begun, and not yet kept when a kill came.
    assert sum(calls.values()) < 1.5 * count


def test_a_killed_sweep_has_every_point_once(tmp_path: Path) -> None:
    count = 1500
    check(tmp_path, count, swept_through_kills(tmp_path, "threads", count, 2))


@pytest.mark.full
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_ten_thousand_points_and_ten_kills(tmp_path: Path, kind: str) -> None:
    started, count = time.perf_counter(), 10_500
    kept = swept_through_kills(tmp_path, kind, count, 10)
    check(tmp_path, count, kept)
    print(f"{kind}: {kept} points at the kills, {time.perf_counter() - started:.0f} s")
