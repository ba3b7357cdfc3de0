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
from pathlib import Path
import numpy as np
import pyarrow.parquet
from madtheory.simulate import store
from madtheory.loop import fresh_data
from madtheory.simulate import simulate
store.SAVE_EVERY = 0.02  # many saves in a short run
simulate(fresh_data(20, 30), np.ones(3), generations=2, replicates=2)  # load the kernels first
print("started", flush=True)
result = simulate(
    fresh_data(20, 30, bias=0.9), np.array([2.0, 1.0, 0.5]), generations=200, replicates=4_000,
    seed=7, chunk=50, threads=int(sys.argv[2]), store=Path(sys.argv[1]),
)
print(result.digest)
"""


def _start(store, threads):
    command = [sys.executable, "-c", SCRIPT, str(store), str(threads)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    return out.split()[-1]


@pytest.fixture(scope="module")
def reference():
    return simulate(
        fresh_data(20, 30, bias=0.9),
        np.array([2.0, 1.0, 0.5]),
        generations=200,
        replicates=4_000,
        seed=7,
        chunk=50,
        threads=1,
    ).digest


def test_killed_runs_end_in_the_same_bits(tmp_path, reference):
    """Eight kills at random times over the life of one run, threads changing on the way."""
    store, rng = tmp_path / "run.parquet", random.Random(1)
    resumed = 0
    for attempt in range(8):
        process = _start(store, 1 + attempt % 2)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # The result is whole or not there.
        resumed += (tmp_path / "run.parquet.run" / "state.npz").exists()
    assert _finish(_start(store, 2)) == reference
    assert resumed > 0, "no kill came between two saves: the test has no power"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.parquet"]
    before = store.stat().st_mtime_ns
    assert _finish(_start(store, 1)) == reference
    assert store.stat().st_mtime_ns == before


def test_interrupt_leaves_a_run_that_goes_on(tmp_path, reference):
    store = tmp_path / "run.parquet"
    process = _start(store, 1)
    assert process.stdout is not None
    process.stdout.readline()
    state = tmp_path / "run.parquet.run" / "state.npz"
    deadline = time.monotonic() + 60
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert not store.exists()
    leftovers = {entry.name for entry in (tmp_path / "run.parquet.run").iterdir()}
    assert leftovers <= {"config.json", "environment.json", "state.npz", "timings.jsonl", "lock"}
    assert _finish(_start(store, 1)) == reference
    assert os.listdir(tmp_path) == ["run.parquet"]
