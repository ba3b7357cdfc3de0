"""High dimension: answers of the theory, and the simulators near their limit.

Processor time, one thread: others may share the machine. No answer is asked for twice, so that
what is kept from call to call does not count.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numba
import numpy as np

from benchmarks.timing import best, once
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.plan import admissible, log_counts
from madtheory.simulate import simulate, simulate_plain
from madtheory.spectrum import baseline
from madtheory.theory import distance, moments, worth

FREE = ("mean_sq", "trace", "log_det")
ALL = ("mean_sq", "trace", "w2_squared", "log_det")


def _each(call: Callable[[int], object], sizes: list[int]) -> dict[str, float]:
    """Median and largest milliseconds of a call at each size, the first left out."""
    call(sizes[0])
    times = [1e3 * once(lambda n=n: call(n)) for n in sizes[1:]]  # type: ignore[misc]
    return {"ms": float(np.median(times)), "ms_worst": max(times)}


def limit() -> dict[str, float]:
    """One limit of a fresh loop, d = 100, with the largest declared error: at most 20 ms."""
    declared: list[float] = []

    def call(n: int) -> None:
        found = distance.w2_squared_limit(fresh_data(n, 10 * n, bias=0.9), np.ones(100))
        declared.append(float(found.rel_error))

    return _each(call, log_counts(60, 100_000, 16)) | {"declared": max(declared)}


def figure_11() -> dict[str, float]:
    """Fig. 11 whole: admissible n_synth at 4 biases and 30 n_real, d = 100: at most 5 s."""
    biases, counts = (0.5, 0.7, 0.9, 0.99), log_counts(100, 30_000, 30)
    admissible(50, 0.8, 100)
    seconds = once(lambda: [admissible(n, b, 100) for b in biases for n in counts])
    return {"seconds": seconds, "ms_point": 1e3 * seconds / (len(biases) * len(counts))}


def baseline_100() -> dict[str, float]:
    """The baseline and its inverse at d = 100: at most 5 ms and 50 ms."""
    ones, sizes = np.ones(100), log_counts(20, 1_000_000, 12)
    forth = _each(lambda n: baseline(n, ones), sizes)
    # Between integers, where nothing is known yet.
    back = _each(lambda n: worth.effective_sample_size(2600.0 / (n + 0.37), ones), sizes)
    return forth | {f"inverse_{key}": value for key, value in back.items()}


def plain_point() -> dict[str, float]:
    """E W2^2 at a limit to 0.3 % by the plain sampler: time of a generation times variance."""
    result, ones, settled = {}, np.ones(100), 60
    for n_real in (1_000, 10_000, 91_000):
        loop = fresh_data(n_real, 10 * n_real, bias=0.9)
        path = simulate(
            loop, ones, generations=settled, replicates=100, threads=1, at=[settled], record=ALL
        )
        spread = 10.0 * float(path.se["w2_squared"][0] / path.mean["w2_squared"][0])
        generations = math.log(0.003) / math.log(moments.forgetting_rate(loop))
        one = once(lambda loop=loop: _plain(loop)) / 3  # type: ignore[misc]
        distance.w2_squared_limit(fresh_data(n_real, 9 * n_real, bias=0.9), ones)
        answer = once(lambda loop=loop: distance.w2_squared_limit(loop, ones))  # type: ignore[misc]
        replicates = max((spread / 0.003) ** 2, 1.0)
        result[f"replicates_n{11 * n_real}"] = replicates
        result[f"seconds_n{11 * n_real}"] = seconds = one * generations * replicates
        result[f"ratio_n{11 * n_real}"] = seconds / answer
    return result


def _plain(loop: Loop) -> object:
    return simulate_plain(loop, np.ones(100), generations=3, replicates=1, threads=1, record=ALL)


@numba.njit(nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _bare(rng: np.random.Generator, count: int, dofs: np.ndarray, normals: int) -> float:
    """Draw what generations draw, and nothing else."""
    total = 0.0
    for _ in range(count):
        for _ in range(normals):
            total += rng.standard_normal()
        for dof in dofs:
            total += np.sqrt(2.0 * rng.standard_gamma(0.5 * dof))
    return total


def small() -> dict[str, float]:
    """d = 3, 100 generations: which share of the time draws variates: at least half."""
    rng, replicates, result = np.random.Generator(np.random.PCG64(0)), 20_000, {}
    loops = {"fresh": fresh_data(100, 300, bias=0.9), "synthetic": fully_synthetic(100, bias=0.99)}
    for name, loop in loops.items():
        parts = [n for n in (loop.n_fresh, loop.n_synth) if n]
        dofs = np.array([n - 1.0 - i for n in parts for i in range(3)])
        bare = best(
            lambda d=dofs: _bare(rng, replicates * 100, d, 2 * d.size), 3, time.process_time
        )  # type: ignore[misc]
        result[f"ns_{name}_variates"] = 1e9 * bare / (replicates * 100)
        for kind, record in (("without_w2", FREE), ("with_w2", ALL)):
            run = best(
                lambda l=loop, r=record: _run(l, 3, 100, replicates, r), 3, time.process_time
            )  # type: ignore[misc]
            result[f"ns_{name}_{kind}"] = 1e9 * run / (replicates * 100)
            result[f"share_{name}_{kind}"] = bare / run
    return result


def _run(loop: Loop, d: int, length: int, replicates: int, record: tuple[str, ...]) -> object:
    return simulate(
        loop, np.ones(d), generations=length, replicates=replicates, threads=1, record=record
    )


def _limit_us(d: int, n_real: int, n_synth: int) -> float:
    """Microseconds of one limit: the median of three that are not asked for twice."""
    loops = [fresh_data(n_real + i, n_synth, bias=0.9) for i in range(4)]
    runs = [once(lambda x=x: distance.w2_squared_limit(x, np.ones(d))) for x in loops]  # type: ignore[misc]
    return 1e6 * float(np.median(runs[1:]))


def against_d() -> dict[str, float]:
    """Microseconds of a generation without and with W2^2, and of a limit, d = 10 ... 1,000."""
    result, loop = {}, fresh_data(10_000, 100_000, bias=0.9)
    _run(loop, 10, 1, 1, ALL)
    for d, length, replicates in (
        (10, 50, 100),
        (30, 50, 20),
        (100, 20, 8),
        (300, 5, 2),
        (1000, 3, 1),
    ):
        for name, record in (("us", FREE), ("us_w2", ALL)):
            run = once(lambda r=record: _run(loop, d, length, replicates, r))  # type: ignore[misc] # noqa: B023
            result[f"{name}_d{d}"] = 1e6 * run / (length * replicates)
        result[f"us_limit_d{d}"] = _limit_us(d, 10_000, 100_000)
    return result


def against_n() -> dict[str, float]:
    """Microseconds of a generation with W2^2, and of a limit, d = 30, n = 10^2 ... 10^9: flat."""
    result = {}
    for power in range(2, 10):
        loop = fresh_data(10**power, 10**power, bias=0.9)
        run = best(lambda loop=loop: _run(loop, 30, 50, 20, ALL), 3, time.process_time)  # type: ignore[misc]
        result[f"us_n1e{power}"] = 1e6 * run / 1000
        result[f"us_limit_n1e{power}"] = _limit_us(30, 10**power, 10**power)
    return result
