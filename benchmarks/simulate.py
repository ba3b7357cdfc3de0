"""Ratios and memory of the simulators."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import numba
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.timing import best
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.simulate import QUANTITIES, simulate, simulate_plain
from madtheory.simulate.kernels.collapse import collapse_step, first_generation
from madtheory.simulate.kernels.linear_algebra import bartlett
from madtheory.simulate.kernels.measure import measure
from madtheory.simulate.kernels.spec import Spec

FREE = ("mean_sq", "trace", "log_det")
ALL = ("mean_sq", "trace", "w2_squared", "log_det")


def fresh_against_plain() -> dict[str, float]:
    """Fresh loop, d = 100, n = 11,000, one thread: the bars are 200 and 100."""
    loop, s, length, replicates = fresh_data(1_000, 10_000, bias=0.9), np.ones(100), 50, 8

    def exact(record: tuple[str, ...]) -> float:
        run = best(
            lambda: simulate(
                loop, s, generations=length, replicates=replicates, threads=1, record=record
            )
        )
        return run / (length * replicates)

    def plain(record: tuple[str, ...]) -> float:
        run = best(
            lambda: simulate_plain(loop, s, generations=10, replicates=1, threads=1, record=record),
            3,
        )
        return run / 10

    free, full, plain_free, plain_full = exact(FREE), exact(ALL), plain(FREE), plain(ALL)
    return {
        "ms_without_w2": 1e3 * free,
        "ms_with_w2": 1e3 * full,
        "ms_plain_without_w2": 1e3 * plain_free,
        "ms_plain_with_w2": 1e3 * plain_full,
        "ratio_without_w2": plain_free / free,
        "ratio_with_w2": plain_full / full,
    }


@numba.njit(nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _bare(rng: np.random.Generator, count: int, shape: float) -> float:
    """Draw what one generation of the one-dimensional loop draws, and nothing else."""
    total = 0.0
    for _ in range(count):
        total += rng.standard_normal() + rng.standard_gamma(shape)
    return total


def one_dimension() -> dict[str, float]:
    """Fully synthetic, d = 1: within 2 of the bare variates."""
    rng, n, length, replicates = np.random.Generator(np.random.PCG64(0)), 10, 1_000, 2_000
    count = length * replicates
    bare = best(lambda: _bare(rng, count, 0.5 * (n - 1))) / count
    result = {"ns_bare": 1e9 * bare}
    for name, record in (("trace", ("trace",)), ("all", ALL)):
        run = best(
            lambda record=record: simulate(  # type: ignore[misc]
                fully_synthetic(n, bias=0.9),
                [1.0],
                generations=length,
                replicates=replicates,
                threads=1,
                record=record,
            )
        )
        result[f"ns_{name}"] = 1e9 * run / count
        result[f"ratio_{name}"] = run / count / bare
    return result


def shares(d: int = 100) -> dict[str, float]:
    """Where the time of a generation goes at d = 100: variates, linear algebra, measuring."""
    rng = np.random.Generator(np.random.PCG64(0))
    T, G, nu, row = np.zeros((d, d)), np.zeros((d, d)), np.zeros(d), np.zeros(d)
    ratio, work, M = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    size = len(QUANTITIES)
    e, flags, out = np.zeros(d, np.int64), np.zeros(size, np.bool_), np.zeros(size)
    spec = Spec(
        **dict.fromkeys({*Spec._fields} - {*Spec._field_defaults}, 0.0)
        | {"memory": 1, "cap": 1, "n_initial": 1_000.0, "n_synth": 1_000.0}
        | {"first_bias": 1.0, "bias": 0.9, "ddof": 1.0}
    )
    first_generation(rng, spec, nu, G)
    kept = G.copy()

    def step() -> None:
        G[:] = kept
        collapse_step(rng, spec, nu, G, e, d, T, ratio, row)

    variates = best(lambda: bartlett(rng, 999.0, 0.03, T, d, d), 300)
    whole = best(step, 300)
    flags[[0, 1, 3]] = True
    s = np.ones(d)
    seen = best(lambda: measure(flags, nu, kept, e, s, 0.0, work, M, out), 300)
    flags[2] = True
    with threadpool_limits(1, user_api="blas"):
        distance = best(lambda: measure(flags, nu, kept, e, s, 0.0, work, M, out), 300)
    total = whole + seen
    return {
        "us_generation": 1e6 * total,
        "share_variates": variates / total,
        "share_linear_algebra": (whole - variates) / total,
        "share_measuring": seen / total,
        "us_w2": 1e6 * (distance - seen),
    }


def threads() -> dict[str, float]:
    """Two threads against one, on an idle machine: at least 1.9, of runs of some seconds."""
    result = {}
    for d, length in ((1, 1_000), (10, 300), (100, 60)):
        loop, replicates = fresh_data(1_000, 10_000, bias=0.9), math.ceil(24_000 / d)

        def run(count: int, d: int = d, length: int = length, n: int = replicates) -> object:
            return simulate(loop, np.ones(d), generations=length, replicates=n, threads=count)  # noqa: B023

        one = best(lambda run=run: run(1), 3)  # type: ignore[misc]
        result[f"ratio_d{d}"] = one / best(lambda run=run: run(2), 3)  # type: ignore[misc]
    return result


def free_of_n() -> dict[str, float]:
    """n_synth = 10^9 against 10^3: about 1."""

    def run(n_synth: int) -> float:
        loop = fresh_data(1_000, n_synth, bias=0.9)
        return best(
            lambda: simulate(
                loop, np.ones(30), generations=100, replicates=80, threads=1, record=FREE
            )
        )

    return {"ratio": run(10**9) / run(10**3)}


def every_field() -> dict[str, float]:
    """Every field at once against all the data, and 10^9 synthetic samples against 10^3."""

    def run(sampler: Callable[..., object], d: int, replicates: int, n_synth: int = 1_000) -> float:
        loop = Loop(
            n_initial=100,
            n_fixed=100,
            n_fresh=100,
            n_synth=n_synth,
            memory=3,
            pool="accumulate",
            bias=0.9,
        )
        options = {"generations": 20, "replicates": replicates, "threads": 1, "record": ALL}
        seconds = best(lambda: sampler(loop, np.ones(d), **options), 3)
        return 1e6 * seconds / (20 * replicates)

    result = {}
    for d, many in ((1, 2_000), (10, 500), (100, 5)):
        result[f"us_d{d}"] = run(simulate, d, many)
        result[f"us_plain_d{d}"] = run(simulate_plain, d, 1)
        result[f"ratio_d{d}"] = result[f"us_plain_d{d}"] / result[f"us_d{d}"]
        result[f"ratio_n_d{d}"] = run(simulate, d, many, 10**9) / result[f"us_d{d}"]
    return result


PEAK = """
import resource, sys, time
import numpy as np
from madtheory.loop import fully_synthetic
from madtheory.simulate import simulate
start = time.perf_counter()
loop, replicates = fully_synthetic(50, bias=0.95), int(sys.argv[1])
simulate(loop, np.ones(10), generations=1_000, replicates=replicates)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.perf_counter() - start)
"""


def memory(replicates: int) -> dict[str, float]:
    """Peak MB of replicates x 1,000 generations at d = 10 (at most 500 for 10^5)."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(replicates)], check=True, capture_output=True, text=True
    )
    peak, seconds = map(float, done.stdout.split())
    return {"replicates": replicates, "peak_mb": peak, "seconds": seconds}
