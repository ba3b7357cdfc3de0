"""Is anything slower than before? python -m benchmarks.against OLD NEW [--only TEXT] [--cpu].

OLD and NEW are checkouts. Each has a process of its own that stays; both are warm when the clock
starts and run in turn. What functions remember of their arguments is forgotten before each call.
Ratios of the fastest calls are printed, worst first; what is beyond 5 % is measured once more.
"""

# ruff: noqa: E501 (a table: one entry a line)

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

#: Names that every expression may use; modules of madtheory need no import.
SETUP = """
import contextlib, io, subprocess, sys, tempfile
import numpy as np
try:
    from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
except ImportError:
    from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
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
#: What it is, the expression on the old side, and on the new side where it differs.
ENTRIES: list[tuple[str, str, str]] = [
    ("Bartlett factor, d = 100", "_kernels.bartlett(rng, 999.0, 0.03, T, 100, 100)", ""),
    *((f"simulate {name}, d = {d}", f"simulate.simulate({loop}, {s}, {LENGTH.format(n)})", "")
      for name, loop in (("collapse", "S"), ("fresh", "F"), ("every field", "M"))
      for d, s, n in ((1, "one", 3000), (10, "s10", 300), (100, "s100", 6))),
    ("simulate plainly", "simulate.simulate_plain(F, s10, generations=20, replicates=2, threads=1)", ""),
    ("simulate modes", "mixture_loop.simulate_modes(25, 1000, generations=100, replicates=100, threads=1)", ""),
    ("simulate categories", "categories.simulate_categories(categories.zipf(1000), 1000, generations=50, replicates=50, threads=1)", ""),
    ("simulate size-biased", f"size_biased.simulate_size_biased(S, s10, {LENGTH.format(300)})", ""),
    ("Lyapunov spectrum", "collapse.lyapunov_spectrum(S, 10)", ""),
    ("law of a direction", "collapse.directional_cdf(np.geomspace(1e-3, 1, 50), S, t=50)", ""),
    ("log-determinant", "collapse.log_det_variance(S, s10, generations=1000)", ""),
    ("first passage", "collapse.first_passage_cdf(0.1, S, generations=50)", ""),
    ("second moments of the chain", "collapse.mean_trace_squared(S, s10, generations=1000)", ""),
    ("E W2² of the chain", "collapse_distance.w2_squared(S, s10, generations=100)", ""),
    ("shrinkage: second moments", "estimators.second_moments(R, s10, generations=100)", ""),
    ("stationary quantiles", "estimators.stationary_quantiles(fully_synthetic(20, bias=0.9, floor=0.1), [0.1, 0.9])", ""),
    ("first moments, any loop", "recursions.first_moments(M, 1000)", ""),
    ("E W2² of the fresh loop", "recursions.w2_squared(F, s10, generations=100)", ""),
    ("E W2² of augmentation", "recursions.w2_squared(A, s10, generations=100)", ""),
    ("E W2² of the growing pool", "recursions.w2_squared(P, s10, generations=100)", ""),
    ("limit of E W2²", "recursions.w2_squared_limit(F, s10)", ""),
    ("growing pool's limit", "families.growing_pool_limit(P)", ""),
    ("effective sample size", "effective.effective_sample_size(0.25, s10)", ""),
    ("admissible n_synth", "effective.admissible_n_synth_of(F, s10)", ""),
    ("best weight", "effective.best_weight(F, s10)", ""),
    ("regime", "regimes.regime(F, s10)", ""),
    ("definitions", "definitions.definitions_table(2, dict(fresh=F))", ""),
    ("spectrum: chain", "spectrum.chain_deficit_limit(100, np.arange(1, 50), first=200, later=200)", ""),
    ("trace noise", "wishart.trace_noise_cdf(1.1, s10, 20)", ""),
    ("W2² of two Gaussians", "distances.w2_squared(0 * s100, np.eye(100), s100, 2 * np.eye(100))", ""),
    ("modes alive", "mixture.surviving_mean(25, 1000, 500)", ""),
    ("stationary modes", "mixture.stationary_surviving_mean(25, 500, 50)", ""),
    ("vocabulary", "categories.support(categories.zipf(300), 300, 50)", ""),
    ("engine, 50 generations", "engine.run_loop(F, models.Gaussian.of(F), models.Gaussian.standard(10), generations=50)", ""),
    *((name, f"metrics.{name}(real, synth)", "")
      for name in ("fid", "fid_unbiased", "precision_recall", "kernel_distance")),
    ("audit", "audit.audit(files[0], files[1:])", ""),
    *((f"madtheory {words}", f'command("{words}")', "")
      for words in (
          "theory collapse --dim 3 --n-synth 10 --bias 0.9", "theory fresh --dim 10 --n-real 100 --n-synth 300 --bias 0.9",
          "theory augmentation --dim 10 --n-real 100 --n-synth 300", "theory baseline --dim 10 --n 100",
          "theory effective --dim 10 --w2-squared 0.25", "theory modes --modes 25 --n-synth 1000 --generations 200",
          "simulate fresh --dim 10 --n-real 100 --n-synth 300 --replicates 200", "verify --claim eq1-mean",
          "metrics DIR/g0.npy DIR/g1.npy", "audit DIR/g0.npy DIR/g1.npy DIR/g2.npy DIR/g3.npy")),
    *((f"process: madtheory {words}", f'process("{words}")', "")
      for words in ("--version", "theory effective --dim 10 --w2-squared 0.25", "theory collapse --dim 3 --n-synth 10")),
]  # fmt: skip

WORKER = r"""
import functools, gc, importlib, inspect, json, re, resource, sys, time
names, answers = {}, sys.stdout
sys.stdout = sys.stderr
exec(SETUP, names)
def busy():
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)
def load(code):
    for path in re.findall(r"\b[a-z_]\w*(?:\.[A-Za-z_]\w*)+", code):
        parts = path.split(".")
        for i in range(1, len(parts) + 1):
            try:
                importlib.import_module(".".join(["madtheory", *parts[:i]]))
            except ImportError:
                break
            names[parts[0]] = sys.modules["madtheory." + parts[0]]
def caches():
    return [f.cache_clear for f in gc.get_objects() if isinstance(f, functools._lru_cache_wrapper)
            and str(f.__module__).startswith("madtheory") and inspect.signature(f).parameters]
def seconds(code, calls):
    total = 0.0
    for _ in range(calls):
        for clear in forget:
            clear()
        start = CLOCK
        eval(code, names)
        total += CLOCK - start
    return total / calls
def prepare(codes):
    global code, forget
    for source in codes:
        try:
            load(source)
            code, forget = compile(source, source, "eval"), []
            eval(code, names)
        except Exception as error:
            problem = f"{source}: {type(error).__name__}: {error}"
        else:
            forget = caches()
            return seconds(code, 1)
    return problem
for line in sys.stdin:
    ask = json.loads(line)
    print(json.dumps(prepare(ask) if isinstance(ask, list) else seconds(code, ask)), file=answers, flush=True)
"""


class Side:
    """A checkout at work."""

    def __init__(self, checkout: Path, clock: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER.replace("SETUP", repr(SETUP)).replace("CLOCK", clock)],
            cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, question: list[str] | int) -> float | str:
        """Seconds a call: of an expression's first call, or of so many calls of the last one."""
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(question), file=self.process.stdin, flush=True)
        answer: float | str = json.loads(self.process.stdout.readline())
        return answer


def compare(sides: Sequence[Side], old: str, new: str, budget: float) -> list[float] | str:
    """Least seconds a call on both sides, or what went wrong."""
    first = [sides[0].ask([old]), sides[1].ask([new, old] if new else [old])]
    for answer in first:
        if isinstance(answer, str):
            return answer
    slowest = max(1e-6, *(float(t) for t in first))
    calls = max(1, min(1000, int(0.02 / slowest)))
    least = [float("inf")] * 2
    for i in range(max(5, min(25, int(budget / (2 * calls * slowest))))):
        for side in (i % 2, 1 - i % 2):
            least[side] = min(least[side], float(sides[side].ask(calls)))
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkouts", nargs=2, type=Path, metavar=("OLD", "NEW"))
    parser.add_argument("--only", default="", help="entries whose name holds this text")
    parser.add_argument("--budget", type=float, default=4.0, help="seconds an entry, about")
    parser.add_argument("--cpu", action="store_true", help="processor seconds: on a busy machine")
    options = parser.parse_args()
    clock = "busy()" if options.cpu else "time.perf_counter()"
    sides = tuple(Side(checkout.resolve(), clock) for checkout in options.checkouts)
    found = {}
    for name, old, new in ENTRIES:
        if options.only not in name:
            continue
        least = compare(sides, old, new, options.budget)
        if isinstance(least, list) and least[1] > 1.05 * least[0]:
            again = compare(sides, old, new, 2 * options.budget)
            least = [min(a, float(b)) for a, b in zip(least, again, strict=True)]
        found[name] = least
        print(f"{len(found)} of {len(ENTRIES)}: {name}", file=sys.stderr, flush=True)
    right = {name: v for name, v in found.items() if isinstance(v, list)}
    for name, (old_s, new_s) in sorted(right.items(), key=lambda row: -row[1][1] / row[1][0]):
        print(f"{new_s / old_s:6.3f}  {1e3 * old_s:11.4f} ms  {1e3 * new_s:11.4f} ms  {name}")
    for name, text in found.items():
        if isinstance(text, str):
            print(f"failed  {name}: {text}")


if __name__ == "__main__":
    main()
