"""Several runs at the same time, on threads or in processes; the first failure ends them all."""

from __future__ import annotations

import itertools
import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import (
    FIRST_EXCEPTION,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from typing import TypeVar

from madtheory import _blas

__all__ = ["on_processes", "on_threads"]

T = TypeVar("T")
#: Told of the steps done, and of how many there are.
Show = Callable[[int, int], None]


class _Cancelled(Exception):
    """Another run has failed."""


def _settle(futures: list[Future[T]]) -> list[T]:
    """Wait for all; the first failure is raised at once."""
    try:
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            if future.exception() is not None:
                future.result()
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def on_threads(runs: Sequence[Callable[[Show], T]], workers: int, show: Show) -> list[T]:
    """Call `runs` on threads; each tells the function it gets of its steps, and ends there.

    When one fails, the others end after the step that they are in.
    """
    failed, lock = threading.Event(), threading.Lock()
    steps = [0] * len(runs)

    def job(i: int) -> T:
        def tell(done: int, total: int) -> None:
            if failed.is_set():
                raise _Cancelled
            with lock:
                steps[i] = done
                show(sum(steps), len(runs) * total)

        return runs[i](tell)

    with _blas.one_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            return _settle([pool.submit(job, i) for i in range(len(runs))])
        except BaseException:
            failed.set()
            raise


def _silent(done: int, total: int) -> None:
    """Tell nobody."""


def _alone(run: Callable[[Show], T]) -> T:
    """Call one of `runs` in a process of its own."""
    with _blas.one_thread():
        return run(_silent)


def on_processes(runs: Sequence[Callable[[Show], T]], workers: int, show: Show) -> list[T]:
    """Call `runs` in processes that share nothing; `show` is told of whole runs."""
    done = itertools.count(1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = [pool.submit(_alone, run) for run in runs]
        for future in futures:
            future.add_done_callback(lambda _: show(next(done), len(runs)))
        return _settle(futures)
