"""kill -9 an engine run at any moment, then the same command: the same bits."""

import random
import time
from pathlib import Path

import pytest

from madtheory.engine import read_curves
from tests.e2e.attempts import Attempts

#: A loop with everything that a state holds: a growing pool, three models, fixed and fresh data.
#: Each attempt is a fork of one process that has done the imports.
SCRIPT = """
import os
import sys
from pathlib import Path
import numpy as np
from madtheory import files
from madtheory.engine import read_model, run_loop, samples, store
from madtheory.loop import Loop

store.SAVE_EVERY, store.SAVE_SHARE = 0.004, 1e9

class Normal:
    def __init__(self, mean=None, root=None):
        self.mean, self.root = mean, root
    def fit(self, samples, rng):
        x = samples["x"]
        return Normal(x.mean(axis=0), np.linalg.cholesky(np.cov(x, rowvar=False)))
    def sample(self, n, bias, rng):
        noise = rng.standard_normal((n, 3))
        return {"x": self.mean + bias**0.5 * noise @ self.root.T, "label": rng.integers(9, size=n)}
    def save(self):
        return {"mean": self.mean, "root": self.root}
    def load(self, arrays):
        return Normal(arrays["mean"], arrays["root"])

rng = np.random.default_rng(0)
data = {"x": rng.normal(size=(200, 3)), "label": rng.integers(9, size=200)}
loop = Loop(n_initial=30, n_fixed=20, n_fresh=10, n_synth=25, memory=3, pool="accumulate",
            pool_cap=40, bias=0.9)
metrics = {
    "trace": lambda model, samples, rng: (model.root**2).sum(),
    "noise": lambda model, samples, rng: [rng.random(), samples["label"].mean()],
}

def run(out):
    curves = run_loop(loop, Normal(), data, generations=150, metrics=metrics, seed=5, out=out)
    last = [read_model(out, Normal(), t).save() for t in (148, 149, 150)]
    stats = (out / "stats.jsonl").read_bytes()
    print(curves.digest, *map(samples.digest, last), files.sha256(stats), flush=True)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        print("started", os.getpid(), flush=True)
        run(Path(line.strip()))
        os._exit(0)
    print("ended", os.waitpid(child, 0)[1], flush=True)
"""


def killed_runs(tmp_path: Path, kills: int, seed: int) -> tuple[int, int]:
    """Kill runs `kills` times; return how many of these were after a save, and runs finished."""
    (tmp_path / "run.py").write_text(SCRIPT)
    runner, rng = Attempts(str(tmp_path / "run.py")), random.Random(seed)
    started = time.perf_counter()
    reference = runner.finish(tmp_path / "whole")
    length = time.perf_counter() - started
    done = saved = finished = 0
    while done < kills:
        out, stretch = tmp_path / f"run-{finished}", rng.choice([0.1, 0.4])
        while runner.kill(out, rng.uniform(0.0, stretch * length)):
            done += 1
            saved += (out / "config.json").exists() and read_curves(out).reached > 0
            # Some runs are killed again and again, some go on after a few kills.
            if done >= kills or rng.random() < 0.15:
                break
        assert runner.finish(out) == reference
        finished += 1
    runner.close()
    print(f"{kills} kills, {saved} of them after a save, {finished} runs, all of the same bits")
    return saved, finished


def test_killed_runs_end_in_the_same_bits(tmp_path):
    saved, finished = killed_runs(tmp_path, 12, seed=1)
    assert saved >= 3, "too few kills came after a save: the test has no power"
    assert finished >= 1


@pytest.mark.full
def test_two_hundred_kills(tmp_path):
    saved, finished = killed_runs(tmp_path, 200, seed=2)
    assert saved >= 100
    assert finished >= 10
