"""A real local cluster: the same results, and a worker that is killed in the middle."""

import functools
import os
import signal
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from madtheory.plan import run_sweep, seed_of
from tests.unit.plan import functions

distributed = pytest.importorskip("distributed")


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """A client of a local cluster of processes with one thread each."""
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as made,
        distributed.Client(made) as client,
    ):
        yield client


def pids(client: Any) -> list[int]:
    return list(client.run(os.getpid).values())


def test_a_cluster_gives_the_same_table_and_keeps_no_future(tmp_path: Path) -> None:
    points = {"x": range(60)}
    call = functools.partial(run_sweep, functions.draw, points, seed=5, batch=4)
    with cluster(2) as client:
        found = call(folder=tmp_path / "cluster", executor=client.get_executor())
        deadline = time.monotonic() + 5
        while client.futures and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not client.futures
    pd.testing.assert_frame_equal(found, call(folder=tmp_path / "here"))
    assert found["value"].tolist() == [x + seed_of({"x": x}, 5) for x in range(60)]


def swept_with_a_death(home: Path, count: int) -> Counter[str]:
    """Kill a worker in the middle of a sweep; return how often each point was called."""
    noted = functools.partial(functions.seeded_note, folder=str(home))
    held: list[int] = []

    def assassin(client: Any, victim: int) -> None:
        notes = home / "calls"
        while not notes.exists() or len(notes.read_text().split()) < count / 2:
            time.sleep(0.01)
        held.append(len(client.futures))
        os.kill(victim, signal.SIGKILL)

    with cluster(2) as client:
        victim = pids(client)[0]
        killer = threading.Thread(target=assassin, args=(client, victim))
        killer.start()
        found = run_sweep(
            noted, {"x": range(count)}, folder=home / "sweep", executor=client.get_executor(),
            seed=3, batch=8, pending=16,
        )  # fmt: skip
        killer.join()
        assert victim not in pids(client)
    assert held[0] <= 16 + 1, "futures of written points are held"
    assert found["value"].tolist() == [float(x + seed_of({"x": x}, 3)) for x in range(count)]
    kept = pd.read_parquet(home / "sweep" / "points")
    assert sorted(kept["point"]) == list(range(count))
    return Counter(functions.calls(home))


@pytest.mark.full
def test_a_killed_worker_costs_no_point_and_no_finished_work(tmp_path: Path) -> None:
    calls = swept_with_a_death(tmp_path, 800)
    assert len(calls) == 800
    # Batches that the worker had in hand, or whose results it still held, are run again.
    assert sum(calls.values()) - 800 <= 16 * 8


@pytest.mark.full
def test_a_killed_worker_among_ten_thousand_points(tmp_path: Path) -> None:
    calls = swept_with_a_death(tmp_path, 10_500)
    assert len(calls) == 10_500
    assert sum(calls.values()) - 10_500 <= 16 * 8


@pytest.mark.full
def test_a_point_that_kills_its_workers_is_reported_and_others_stand(tmp_path: Path) -> None:
    with cluster(2) as client, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = run_sweep(
            functions.deadly, {"x": range(12)}, folder=tmp_path / "a",
            executor=client.get_executor(), batch=3,
        )  # fmt: skip
    assert found["value"].isna().tolist() == [x == 5 for x in range(12)]
    assert found["error"][5].startswith("KilledWorker")
