"""What every long run needs: processors and a bar, one BLAS thread, runs side by side."""

from __future__ import annotations

import concurrent.futures as cf
import itertools
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from madtheory import _check

T = TypeVar("T")
#: Told of the steps done, and of how many there are.
Show = Callable[[int, int], None]


def processors(name: str, wanted: int | None) -> int:
    """Return `wanted`, the checked value of the argument `name`; None: all available ones."""
    if wanted is not None:
        return _check.count(name, wanted, maximum=1024)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@contextmanager
def progress_bar(enabled: bool, label: str) -> Iterator[Show]:
    """Return what is told of steps done and of all there are: a bar on stderr, if a terminal."""
    if not (enabled and sys.stderr is not None and sys.stderr.isatty()):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@cache
def _controller() -> Any:
    """Controller of the BLAS libraries in use; the one that numba calls is loaded first."""
    import scipy.linalg.cython_blas
    import scipy.linalg.cython_lapack  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS on one thread: for kernels that run in parallel, and for many small products."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


class _Cancelled(Exception):
    """Another run has failed."""


def _settle(futures: list[cf.Future[T]]) -> list[T]:
    """Wait for all; the first failure is raised at once."""
    try:
        done, _ = cf.wait(futures, return_when=cf.FIRST_EXCEPTION)
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

    with one_thread(), cf.ThreadPoolExecutor(workers) as pool:
        try:
            return _settle([pool.submit(job, i) for i in range(len(runs))])
        except BaseException:
            failed.set()
            raise


def _alone(run: Callable[[Show], T]) -> T:
    """Call one of `runs` in a process of its own."""
    with one_thread():
        return run(lambda done, total: None)


def on_processes(runs: Sequence[Callable[[Show], T]], workers: int, show: Show) -> list[T]:
    """Call `runs` in processes that share nothing; `show` is told of whole runs."""
    done = itertools.count(1)
    context = multiprocessing.get_context("spawn")
    with cf.ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = [pool.submit(_alone, run) for run in runs]
        for future in futures:
            future.add_done_callback(lambda _: show(next(done), len(runs)))
        return _settle(futures)
