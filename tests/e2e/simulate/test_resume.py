"""kill -9 at any moment, then the same command: the same bits."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from madtheory.loop import fresh_data
from madtheory.simulate import simulate

SCRIPT = """
import sys
import time
from pathlib import Path
import numpy as np
import pyarrow.parquet
from madtheory.simulate import store
from madtheory.loop import fresh_data
from madtheory.simulate import simulate
store.SAVE_EVERY = 0.02  # many saves in a short run
simulate(fresh_data(20, 30), np.ones(3), generations=2, replicates=2)  # load the kernels first
if sys.argv[3:]:  # wait for a signal with a state on disk, however busy the machine is
    save = store.Run.save
    def save_and_wait(run, *state):
        save(run, *state)
        if (run.folder / "state.npz").exists():
            print("saved", flush=True)
            time.sleep(60)
    store.Run.save = save_and_wait
print("started", flush=True)
result = simulate(
    fresh_data(20, 30, bias=0.9), np.array([2.0, 1.0, 0.5]), generations=200, replicates=4_000,
    seed=7, chunk=50, threads=int(sys.argv[2]), store=Path(sys.argv[1]),
)
print(result.digest)
"""


def _start(store, threads, *wait):
    command = [sys.executable, "-c", SCRIPT, str(store), str(threads), *wait]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    return out.split()[-1]


@pytest.fixture(scope="module")
def reference():
    """Digest of the run, and how long it takes here and now."""
    started = time.perf_counter()
    digest = simulate(
        fresh_data(20, 30, bias=0.9),
        np.array([2.0, 1.0, 0.5]),
        generations=200,
        replicates=4_000,
        seed=7,
        chunk=50,
        threads=1,
    ).digest
    return digest, time.perf_counter() - started


@pytest.mark.parametrize("kills", [4, pytest.param(12, marks=pytest.mark.full)])
def test_killed_runs_end_in_the_same_bits(tmp_path, reference, kills):
    """Kills at random times over the life of one run, threads changing on the way."""
    store, rng = tmp_path / "run.parquet", random.Random(1)
    digest, seconds = reference
    resumed = 0
    for attempt in range(kills):
        process = _start(store, 1 + attempt % 2)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, max(0.4, 0.6 * seconds)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # The result is whole or not there.
        resumed += (tmp_path / "run.parquet.run" / "state.npz").exists()
    assert _finish(_start(store, 2)) == digest
    assert resumed > 0, "no kill came between two saves: the test has no power"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.parquet"]
    before = store.stat().st_mtime_ns
    assert _finish(_start(store, 1)) == digest
    assert store.stat().st_mtime_ns == before


def test_interrupt_leaves_a_run_that_goes_on(tmp_path, reference):
    store = tmp_path / "run.parquet"
    process = _start(store, 1, "wait")
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["started\n", "saved\n"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert not store.exists()
    leftovers = {entry.name for entry in (tmp_path / "run.parquet.run").iterdir()}
    assert leftovers <= {"config.json", "environment.json", "state.npz", "timings.jsonl", "lock"}
    assert _finish(_start(store, 1)) == reference[0]
    assert os.listdir(tmp_path) == ["run.parquet"]
