"""Replicates in chunks, as every simulator runs them: reproducible at any number of threads.

A chunk has a random generator of its own, and chunks are merged in order; how many replicates
share one is a function of the problem. So the threads decide no bit of the result.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar

import numpy as np

from madtheory import _check, _threads
from madtheory._types import Array, Ints
from madtheory.results import ModeStates
from madtheory.simulate.kernels.tally import Tally
from madtheory.simulate.request import Request

Result = TypeVar("Result")
Draw = Callable[[np.random.Generator, Tally], "Iterator[None] | None"]


@dataclass(frozen=True, slots=True)
class Paths:
    """Means over replicates, by quantity, at each recorded generation, with standard errors.

    A quantity that is surely infinite has mean -inf and standard error 0.
    """

    generations: Ints  #: (T,), ascending
    mean: dict[str, Array]  #: (T,)
    se: dict[str, Array]  #: (T,), nan for one replicate
    replicates: int
    seed: int
    paths: dict[str, Array] | None = None  #: (replicates, T): every value, when asked for
    states: ModeStates | None = None  #: models of a mixture's loop at the generations asked for

    @property
    def digest(self) -> str:
        """SHA-256 of the result arrays (generations, mean, se), nothing else."""
        digest = hashlib.sha256(self.generations.astype("<i8").tobytes())
        for name in sorted(self.mean):
            digest.update(name.encode())
            digest.update(self.mean[name].astype("<f8").tobytes())
            digest.update(self.se[name].astype("<f8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and sum of squared deviations, arrays of shape (quantities, T)."""

    count: int
    mean: Array
    m2: Array

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both samples together (Chan, Golub and LeVeque 1983)."""
        if self.count == 0:
            return other
        count = self.count + other.count
        share = other.count / count
        # inf - inf: one infinity on both sides stays what it is.
        same = self.mean == other.mean
        with np.errstate(invalid="ignore", over="ignore"):
            delta = np.where(same, 0.0, other.mean - self.mean)
            mean = self.mean + np.where(delta == 0.0, 0.0, delta * share)
            m2 = self.m2 + other.m2 + delta * delta * (self.count * share)
        lost = ~np.isfinite(mean) & ~same
        low, high = np.fmin(self.mean, other.mean), np.fmax(self.mean, other.mean)
        # As within a chunk: -inf in one replicate is the mean of all, unless another overflows.
        mean[lost] = np.where((low == -np.inf) & (high < np.inf), low, high)[lost]
        m2[lost] = np.where(mean[lost] > 0, np.inf, 0.0)
        return Moments(count, mean, m2)


def generator(seed: int, index: int) -> np.random.Generator:
    """Generator of chunk `index`: child `index` of SeedSequence(seed).spawn."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(index,))))


def slots_of(times: Ints) -> Ints:
    """Where each generation up to the last of `times` is stored, -1 for nowhere."""
    slots = np.full(times.max(initial=0), -1, dtype=np.int64)
    slots[times - 1] = np.arange(times.size)
    return slots


def in_order(
    run: Callable[[int], Result], start: int, stop: int, threads: int, ended: Event | None = None
) -> Iterator[Result]:
    """Run chunks on a thread pool and yield them in order, a few ahead at most.

    `ended` is set once nobody waits for them any more.
    """
    pool = ThreadPoolExecutor(threads)
    pending: deque[Future[Result]] = deque()
    try:
        for index in range(start, stop):
            pending.append(pool.submit(run, index))
            if len(pending) > 2 * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        if ended is not None:
            ended.set()
        pool.shutdown(wait=True, cancel_futures=True)


def record_all(tally: Tally, values: Array) -> None:
    """Record all replicates of a chunk at once, values of shape (replicates, Q, T)."""
    tally.mean[:] = mean = values.mean(axis=0)
    with np.errstate(invalid="ignore"):
        tally.m2[:] = np.where(np.isfinite(mean), ((values - mean) ** 2).sum(axis=0), 0.0)
    if tally.paths.size:
        tally.paths[tally.first : tally.first + tally.replicates] = values


def run(
    request: Request[Any],
    draw: Draw,
    *,
    threads: int | None = None,
    keep_paths: bool = False,
    progress: bool = False,
    start: tuple[int, Moments] | None = None,
    save: Callable[[int, Moments], None] | None = None,
) -> Paths:
    """Run all chunks from `start` on, merge them in order, call `save` after each.

    `draw` runs the replicates of one chunk and records them: at once, or step by step where a chunk
    takes long, so that Ctrl-C does not wait for its end.
    """
    threads = _threads.processors("threads", threads)
    keep_paths = _check.truth("keep_paths", keep_paths)
    slots = slots_of(request.recorded)
    shape = (len(request.record), request.recorded.size)
    wanted = np.array([request.known.index(name) for name in request.record], dtype=np.int64)
    paths = np.zeros((request.replicates, *shape) if keep_paths else (0, 0, 0))
    ended = Event()

    def job(index: int) -> Moments:
        first = index * request.chunk
        size = min(request.chunk, request.replicates - first)
        tally = Tally(first, size, slots, wanted, np.zeros(shape), np.zeros(shape), paths)
        for _ in draw(generator(request.seed, index), tally) or ():
            if ended.is_set():
                break
        return Moments(size, tally.mean, tally.m2)

    done, moments = (0, Moments(0, *np.zeros((2, *shape)))) if start is None else start
    n_chunks = -(-request.replicates // request.chunk)
    with _threads.one_thread(), _threads.progress_bar(progress, "replicates") as show:
        show(moments.count, request.replicates)
        for part in in_order(job, done, n_chunks, threads, ended):
            moments, done = moments.merge(part), done + 1
            if save is not None:
                save(done, moments)
            show(moments.count, request.replicates)
    return _summary(request, moments, paths if keep_paths else None)


def _summary(request: Request[Any], moments: Moments, paths: Array | None) -> Paths:
    """Turn merged moments, and all paths, into the public result."""
    n, names = moments.count, request.record
    se = np.sqrt(moments.m2 / (n - 1) / n) if n > 1 else np.full_like(moments.m2, math.nan)
    return Paths(
        generations=request.recorded,
        mean=dict(zip(names, moments.mean, strict=True)),
        se=dict(zip(names, se, strict=True)),
        replicates=n,
        seed=request.seed,
        paths=None if paths is None else {name: paths[:, q] for q, name in enumerate(names)},
    )
