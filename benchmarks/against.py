"""Is anything slower than before? python -m benchmarks.against OLD NEW [--only TEXT] [--cpu].

OLD and NEW are checkouts. Each has a process of its own that stays; both are warm when the clock
starts and run in turn. What functions remember of their arguments is forgotten before each call.
Ratios of the fastest calls are printed, worst first; what is beyond 5 % is measured once more.
"""

# ruff: noqa: E501 (a table: one entry a line)

from __future__ import annotations

import argparse
import functools
import gc
import importlib
import inspect
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: Names that arguments may use: on the old side, on the new one, and on both.
SETUP = {
    "old": "from madtheory.loops import *; from madtheory import models; from madtheory.categories import zipf",
    "new": "from madtheory.loop import *; from madtheory.engine import models; from madtheory.modes import zipf",
}
BOTH = """
import contextlib, io, subprocess, sys, tempfile
import numpy as np
rng, folder = np.random.default_rng(0), tempfile.mkdtemp()
one, s10, s100 = np.ones(1), np.linspace(1, 3, 10), np.ones(100)
S, F = fully_synthetic(20, bias=0.9), fresh_data(100, 300, bias=0.9)
A, P = synthetic_augmentation(100, 300, bias=0.9), synthetic_augmentation(100, 300, pool="accumulate")
M = Loop(n_initial=100, n_fixed=50, n_fresh=50, n_synth=100, memory=3, pool="accumulate", bias=0.9)
R = fully_synthetic(20, bias=0.9, shrinkage=0.2)
real, synth = rng.standard_normal((2, 10_000, 64))
files = [0.9**t * rng.standard_normal((1_000, 16)) for t in range(9)]
for t, x in enumerate(files):
    np.save(f"{folder}/g{t}.npy", x)
T = np.zeros((100, 100))
def command(words):
    from madtheory.cli import run
    with contextlib.redirect_stdout(io.StringIO()):
        assert run([*words.replace("DIR", folder).split(), "--json"]) == 0
def process(words):
    subprocess.run([sys.executable, "-m", "madtheory", *words.split()], check=True, capture_output=True)
"""
LENGTH = "generations=100, replicates={}, threads=1"
#: What it is, the function of the old side and of the new one, and what both are called with.
ENTRIES: list[tuple[str, str, str, str]] = [
    ("Bartlett factor, d = 100", "_kernels.bartlett", "simulate.kernels.linear_algebra.bartlett", "(rng, 999.0, 0.03, T, 100, 100)"),
    *((f"simulate {name}, d = {d}", "simulate.simulate", "simulate.simulate", f"({loop}, {s}, {LENGTH.format(n)})")
      for name, loop in (("collapse", "S"), ("fresh", "F"), ("every field", "M"))
      for d, s, n in ((1, "one", 3000), (10, "s10", 300), (100, "s100", 6))),
    ("simulate plainly", "simulate.simulate_plain", "simulate.simulate_plain", "(F, s10, generations=20, replicates=2, threads=1)"),
    ("simulate modes", "mixture_loop.simulate_modes", "simulate.simulate_modes", f"(25, 1000, {LENGTH.format(100)})"),
    ("simulate categories", "categories.simulate_categories", "simulate.simulate_categories", "(zipf(1000), 1000, generations=50, replicates=50, threads=1)"),
    ("simulate size-biased", "size_biased.simulate_size_biased", "simulate.simulate_size_biased", f"(S, s10, {LENGTH.format(300)})"),
    ("Lyapunov spectrum", "collapse.lyapunov_spectrum", "theory.collapse.lyapunov_spectrum", "(S, 10)"),
    ("law of a direction", "collapse.directional_cdf", "theory.collapse.directional_cdf", "(np.geomspace(1e-3, 1, 50), S, t=50)"),
    ("log-determinant", "collapse.log_det_variance", "theory.collapse.log_det_variance", "(S, s10, generations=1000)"),
    ("first passage", "collapse.first_passage_cdf", "theory.collapse.first_passage_cdf", "(0.1, S, generations=50)"),
    ("second moments of the chain", "collapse.mean_trace_squared", "theory.collapse.mean_trace_squared", "(S, s10, generations=1000)"),
    ("E W2² of the chain", "collapse_distance.w2_squared", "theory.collapse.w2_squared", "(S, s10, generations=100)"),
    ("shrinkage: second moments", "estimators.second_moments", "theory.collapse.second_moments", "(R, s10, generations=100)"),
    ("stationary quantiles", "estimators.stationary_quantiles", "theory.collapse.stationary_quantiles", "(fully_synthetic(20, bias=0.9, floor=0.1), [0.1, 0.9])"),
    ("first moments, any loop", "recursions.first_moments", "theory.moments.first_moments", "(M, 1000)"),
    ("E W2² of the fresh loop", "recursions.w2_squared", "theory.distance.w2_squared", "(F, s10, generations=100)"),
    ("E W2² of augmentation", "recursions.w2_squared", "theory.distance.w2_squared", "(A, s10, generations=100)"),
    ("E W2² of the growing pool", "recursions.w2_squared", "theory.distance.w2_squared", "(P, s10, generations=100)"),
    ("limit of E W2²", "recursions.w2_squared_limit", "theory.distance.w2_squared_limit", "(F, s10)"),
    ("growing pool's limit", "families.growing_pool_limit", "theory.moments.growing_pool_limit", "(P)"),
    ("effective sample size", "effective.effective_sample_size", "theory.worth.effective_sample_size", "(0.25, s10)"),
    ("admissible n_synth", "effective.admissible_n_synth_of", "theory.worth.admissible_n_synth", "(F, s10)"),
    ("best weight", "effective.best_weight", "theory.worth.best_weight", "(F, s10)"),
    ("regime", "regimes.regime", "theory.verdicts.regime", "(F, s10)"),
    ("definitions", "definitions.definitions_table", "theory.verdicts.definitions_table", "(2, dict(fresh=F))"),
    ("spectrum: chain", "spectrum.chain_deficit_limit", "spectrum.chain_deficit_limit", "(100, np.arange(1, 50), first=200, later=200)"),
    ("trace noise", "wishart.trace_noise_cdf", "laws.trace_noise.trace_noise_cdf", "(1.1, s10, 20)"),
    ("W2² of two Gaussians", "distances.w2_squared", "laws.bures.w2_squared", "(0 * s100, np.eye(100), s100, 2 * np.eye(100))"),
    ("modes alive", "mixture.surviving_mean", "modes.surviving_mean", "(25, 1000, 500)"),
    ("stationary modes", "mixture.stationary_surviving_mean", "modes.stationary_surviving_mean", "(25, 500, 50)"),
    ("vocabulary", "categories.support", "modes.support", "(zipf(300), 300, 50)"),
    ("engine, 50 generations", "engine.run_loop", "engine.run_loop", "(F, models.Gaussian.of(F), models.Gaussian.standard(10), generations=50)"),
    *((name, f"metrics.{name}", f"metrics.{name}", "(real, synth)")
      for name in ("fid", "fid_unbiased", "precision_recall", "kernel_distance")),
    ("audit", "audit.audit", "audit.audit", "(files[0], files[1:])"),
    *((f"madtheory {words}", "command", "command", f'("{words}")')
      for words in (
          "theory collapse --dim 3 --n-synth 10 --bias 0.9", "theory fresh --dim 10 --n-real 100 --n-synth 300 --bias 0.9",
          "theory augmentation --dim 10 --n-real 100 --n-synth 300", "theory baseline --dim 10 --n 100",
          "theory effective --dim 10 --w2-squared 0.25", "theory modes --modes 25 --n-synth 1000 --generations 200",
          "simulate fresh --dim 10 --n-real 100 --n-synth 300 --replicates 200", "verify --claim eq1-mean",
          "metrics DIR/g0.npy DIR/g1.npy", "audit DIR/g0.npy DIR/g1.npy DIR/g2.npy DIR/g3.npy")),
    *((f"process: madtheory {words}", "process", "process", f'("{words}")')
      for words in ("--version", "theory effective --dim 10 --w2-squared 0.25", "theory collapse --dim 3 --n-synth 10")),
]  # fmt: skip


def busy() -> float:
    """Processor seconds of this process and of those it started."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def caches() -> list[Callable[[], None]]:
    """What makes functions forget their arguments."""
    kept = [f for f in gc.get_objects() if isinstance(f, functools._lru_cache_wrapper)]
    ours = [f for f in kept if str(f.__module__).startswith("madtheory")]
    return [f.cache_clear for f in ours if inspect.signature(f).parameters]


def work(side: str, clock: str) -> None:
    """Answer what :meth:`Side.ask` asks, in the process of one checkout."""
    names: dict[str, Any] = {}
    answers, sys.stdout = sys.stdout, sys.stderr
    exec(SETUP[side] + BOTH, names)
    now = busy if clock == "cpu" else time.perf_counter

    def seconds(calls: int) -> float:
        total = 0.0
        for _ in range(calls):
            for clear in forget:
                clear()
            start = now()
            eval(code, names)
            total += now() - start
        return total / calls

    for question in map(json.loads, sys.stdin):
        try:
            if isinstance(question, list):
                module, _, name = question[0].rpartition(".")
                home = vars(importlib.import_module(f"madtheory.{module}")) if module else names
                names["function"] = home[name]
                code = compile(f"function{question[1]}", question[0], "eval")
                eval(code, names)
                forget = caches()
            answer: Any = seconds(question if isinstance(question, int) else 1)
        except Exception as error:
            answer = f"{side} {question}: {type(error).__name__}: {error}"
        print(json.dumps(answer), file=answers, flush=True)


class Side:
    """A checkout at work."""

    def __init__(self, checkout: Path, side: str, clock: str) -> None:
        command = [sys.executable, "-P", "-W", "ignore", __file__, "--work", side, clock]
        env = {**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process: Any = subprocess.Popen(command, cwd=checkout, env=env, **pipes)  # type: ignore

    def ask(self, question: list[str] | int) -> float:
        """Seconds a call: of a function's first call, or of so many calls of the last one."""
        print(json.dumps(question), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return float(answer)


def compare(sides: Sequence[Side], entry: Sequence[str], budget: float) -> list[float]:
    """Least seconds a call on both sides."""
    slowest = max(1e-6, *(sides[i].ask([entry[i], entry[2]]) for i in range(2)))
    calls = max(1, min(1000, int(0.02 / slowest)))
    least = [float("inf")] * 2
    for i in range(max(5, min(25, int(budget / (2 * calls * slowest))))):
        for side in (i % 2, 1 - i % 2):
            least[side] = min(least[side], sides[side].ask(calls))
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkouts", nargs=2, type=Path, metavar=("OLD", "NEW"))
    parser.add_argument("--only", default="", help="entries whose name holds this text")
    parser.add_argument("--budget", type=float, default=4.0, help="seconds an entry, about")
    parser.add_argument("--cpu", action="store_true", help="processor seconds: on a busy machine")
    options = parser.parse_args()
    clock = "cpu" if options.cpu else "wall"
    old, new = (path.resolve() for path in options.checkouts)
    sides = (Side(old, "old", clock), Side(new, "new", clock))
    found = {}
    for name, *entry in (entry for entry in ENTRIES if options.only in entry[0]):
        print(name, file=sys.stderr, flush=True)
        try:
            least = compare(sides, entry, options.budget)
            if least[1] > 1.05 * least[0]:
                least = [*map(min, least, compare(sides, entry, 2 * options.budget))]
        except RuntimeError as error:
            print(f"failed  {name}: {error}")
        else:
            found[name] = least
    for name, (old_s, new_s) in sorted(found.items(), key=lambda row: -row[1][1] / row[1][0]):
        print(f"{new_s / old_s:6.3f}  {1e3 * old_s:11.4f} ms  {1e3 * new_s:11.4f} ms  {name}")


if __name__ == "__main__":
    work(*sys.argv[2:]) if sys.argv[1:2] == ["--work"] else main()
