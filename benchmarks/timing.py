"""The clocks of all benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable


def best(
    run: Callable[[], object],
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds of the fastest of several runs, after one to warm up."""
    run()
    return min(once(run, clock) for _ in range(repeats))


def once(run: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Seconds of one run, by default of the processor: others may share it."""
    start = clock()
    run()
    return clock() - start
