"""Replicates in chunks, as every simulator runs them: reproducible at any number of threads.

A chunk has a random generator of its own, and chunks are merged in order; how many replicates
share one is a function of the problem. So the threads decide no bit of the result.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from madtheory import _validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray


#: Rough nanoseconds of work in one chunk: long enough to hide Python, short enough for Ctrl-C.
CHUNK_WORK = 2e8

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Paths:
    """Means over replicates at each recorded generation, with standard errors.

    Attributes
    ----------
    generations : ndarray of int, shape (T,)
        The recorded generations, ascending.
    mean, se : dict of ndarray, shape (T,)
        Mean over replicates and its standard error, by quantity. The standard error is nan for
        one replicate. A quantity that is surely infinite has mean -inf and standard error 0.
    replicates, seed : int
    paths : dict of ndarray, shape (replicates, T), or None
        Every value, when asked for.
    """

    generations: NDArray[np.int64]
    mean: dict[str, NDArray[np.float64]]
    se: dict[str, NDArray[np.float64]]
    replicates: int
    seed: int
    paths: dict[str, NDArray[np.float64]] | None = None

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
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]

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
        mean[lost] = np.fmax(self.mean, other.mean)[lost]
        m2[lost] = np.where(mean[lost] > 0, np.inf, 0.0)
        return Moments(count, mean, m2)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Result of one chunk; paths has shape (replicates, quantities, T), or (0, 0, 0)."""

    moments: Moments
    paths: NDArray[np.float64]


# --- the request ---------------------------------------------------------------------------------


def check_record(record: Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the quantities to record, each once."""
    if isinstance(record, str) or not record:
        raise ValueError(f"record must be a non-empty sequence of quantities, got {record!r}")
    for name in record:
        _validate.one_of("record", name, known)
    return tuple(dict.fromkeys(record))


def check_times(name: str, times: Sequence[int], generations: int) -> tuple[int, ...]:
    """Return generations in [1, `generations`], ascending, each once."""
    return tuple(sorted({_validate.count(name, t, maximum=generations) for t in times}))


def check_at(at: Sequence[int] | None, generations: int) -> tuple[int, ...] | None:
    """Return the generations to record; None for all of them."""
    if at is None:
        return None
    times = check_times("at", at, generations)
    if not times:
        raise ValueError("at must name at least one generation, got none")
    return times


def recorded(at: tuple[int, ...] | None, generations: int) -> NDArray[np.int64]:
    """The recorded generations, ascending."""
    return np.arange(1, generations + 1) if at is None else np.array(at, dtype=np.int64)


# --- running -------------------------------------------------------------------------------------


def chunk_size(work: float, replicates: int, *, most_work: float = CHUNK_WORK) -> int:
    """Replicates of a chunk, from the nanoseconds of one; never of the threads."""
    return int(min(max(most_work // work, 1), -(-replicates // 8)))


def generator(seed: int, index: int) -> np.random.Generator:
    """Generator of chunk `index`: child `index` of SeedSequence(seed).spawn."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(index,))))


def slots_of(times: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Where each generation 1..length is stored, -1 for nowhere."""
    slots = np.full(length, -1, dtype=np.int64)
    slots[times - 1] = np.arange(times.size)
    return slots


def room(
    size: int, shape: tuple[int, int], keep_paths: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Zeros that a kernel fills: mean, sum of squared deviations, and paths or nothing."""
    paths = np.zeros((size, *shape) if keep_paths else (0, 0, 0))
    return np.zeros(shape), np.zeros(shape), paths


def in_order(run: Callable[[int], Result], start: int, stop: int, threads: int) -> Iterator[Result]:
    """Run chunks on a thread pool and yield them in order, a few ahead at most."""
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
        pool.shutdown(wait=True, cancel_futures=True)


def summary(
    times: NDArray[np.int64],
    names: tuple[str, ...],
    moments: Moments,
    kept: list[NDArray[np.float64]] | None,
    seed: int,
) -> Paths:
    """Turn merged moments, and the paths of all chunks, into the public result."""
    n = moments.count
    se = np.sqrt(moments.m2 / (n - 1) / n) if n > 1 else np.full_like(moments.m2, math.nan)
    paths = None
    if kept is not None:
        every = np.concatenate(kept)
        paths = {name: every[:, q, :] for q, name in enumerate(names)}
    return Paths(
        generations=times,
        mean=dict(zip(names, moments.mean, strict=True)),
        se=dict(zip(names, se, strict=True)),
        replicates=n,
        seed=seed,
        paths=paths,
    )
