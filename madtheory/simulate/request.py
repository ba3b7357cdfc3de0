"""What a simulator is asked, checked: all that decides its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Required, TypedDict, TypeVar, Unpack

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check, _threads
from madtheory._types import Array, Ints
from madtheory.directions import paired
from madtheory.loop import Loop
from madtheory.simulate.kernels.measure import QUANTITIES
from madtheory.simulate.limits import check_work

Problem = TypeVar("Problem")

DEFAULT_RECORD = ("mean_sq", "trace", "w2_squared", "log_det")
#: Rough nanoseconds of work in one chunk: long enough to hide Python, short enough for Ctrl-C.
CHUNK_WORK = 2e8
#: Matrices of dim x dim that every kernel works in, roughly.
WORKING = 16


class Asked(TypedDict, total=False):
    """What every simulator is asked; see :func:`madtheory.simulate.simulate`."""

    generations: Required[int]
    replicates: Required[int]
    seed: int
    at: Sequence[int] | None
    chunk: int | None


class Running(TypedDict, total=False):
    """How a request is run: none of it decides a bit of the result."""

    threads: int | None
    keep_paths: bool
    progress: bool


class Options(Asked, Running):
    """All that simulators of Gaussian loops take alike."""


@dataclass(frozen=True, slots=True)
class Request(Generic[Problem]):
    """A checked request: the model in its loop, and what to record of it.

    `known` are the quantities that the simulator has; `at` is None for all generations; `chunk`
    replicates share a random generator.
    """

    problem: Problem
    generations: int
    replicates: int
    seed: int
    known: tuple[str, ...]
    record: tuple[str, ...]
    at: tuple[int, ...] | None
    chunk: int

    @property
    def recorded(self) -> Ints:
        """The recorded generations, ascending."""
        at = self.at
        return np.arange(1, self.generations + 1) if at is None else np.array(at, dtype=np.int64)

    @property
    def last(self) -> int:
        """The last recorded generation: none is run beyond it."""
        return self.generations if self.at is None else self.at[-1]


def check_times(name: str, times: Sequence[int], generations: int) -> tuple[int, ...]:
    """Return generations in [1, `generations`], ascending, each once."""
    return tuple(sorted({_check.count(name, t, maximum=generations) for t in _listed(name, times)}))


def _listed(name: str, several: Iterable[Any]) -> list[Any]:
    """Return what there are several of as a list."""
    try:
        return [] if isinstance(several, str) else list(several)
    except TypeError:
        raise TypeError(f"{name} must be a list, got {several!r}") from None


def _check_record(record: Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the quantities to record, each once."""
    names = _listed("record", record)
    if not names:
        raise ValueError(f"record must be a non-empty sequence of quantities, got {record!r}")
    for name in names:
        _check.one_of("record", name, known)
    return tuple(dict.fromkeys(names))


def _check_at(at: Sequence[int] | None, generations: int) -> tuple[int, ...] | None:
    """Return the generations to record; None for all of them."""
    times = None if at is None else check_times("at", at, generations)
    if times == ():
        raise ValueError("at must name at least one generation, got none")
    return times


def asked(
    problem: Problem,
    known: tuple[str, ...],
    *,
    work: Callable[[int, int], float],
    generations: int,
    replicates: int,
    record: Sequence[str],
    seed: int = 0,
    at: Sequence[int] | None = None,
    chunk: int | None = None,
    most_work: float = CHUNK_WORK,
) -> Request[Problem]:
    """Check a request for a problem that has been checked.

    `work` says how many nanoseconds a replicate takes, from the generations and the last recorded
    one. So the size of a chunk is a function of the problem, never of the threads.
    """
    generations = _check.count("generations", generations)
    replicates = _check.count("replicates", replicates)
    seed = _check.count("seed", seed, minimum=0)
    record, at = _check_record(record, known), _check_at(at, generations)
    each = work(generations, generations if at is None else at[-1])
    check_work(replicates * each)
    if chunk is None:
        fits = most_work // each
        chunk = int(min(max(fits, 1), -(-replicates // 8)))
    chunk = _check.count("chunk", chunk)
    return Request(problem, generations, replicates, seed, known, record, at, chunk)


# --- Gaussian loops ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A loop that starts at N(mu_0, Sigma_0), by the eigenvalues of Sigma_0."""

    loop: Loop
    eigenvalues: Array

    @property
    def positive(self) -> Array:
        """The positive eigenvalues, of which the kernels know."""
        return self.eigenvalues[self.eigenvalues > 0]

    @property
    def in_coordinates(self) -> Loop:
        """The loop with the biases of the kernels' coordinates: all with shrinkage or a floor."""
        loop = self.loop
        if not isinstance(loop.bias, tuple) or loop.shrinkage or loop.floor:
            return loop
        return replace(loop, bias=loop.bias[: self.positive.size])

    def work(self, generations: int) -> float:
        """Nanoseconds of a replicate, roughly."""
        loop, rank, parts = self.loop, self.positive.size, 1.0
        if not is_plain(loop):
            rank = self.eigenvalues.size if loop.shrinkage or loop.floor else rank
            parts = 4.0 + min(loop.memory or generations, generations, loop.n_synth)
            parts += min(loop.pooled or 1, generations)
        return parts * generations * (200.0 + 30.0 * rank**2 + 0.4 * rank**3)

    def nanoseconds(self, last: int, recorded: int) -> float:
        """Processor time of a replicate with its W2^2 at some generations up to `last`.

        Measured, mostly within a half. `work`, four to thirty times that from d = 9 on, stays: it
        decides the chunks, and so the variates.
        """
        loop, rank = self.loop, float(self.positive.size)
        part = 5.0 * rank**2 + 0.06 * rank**3
        if loop.budget is not None:  # drawn on the data
            each = 150e3 + 25.0 * rank * (loop.n_synth + loop.n_fresh + loop.budget)
        elif is_plain(loop):
            each = 300.0 + (2.0 if loop.n_fresh else 1.0) * part
        else:
            models = min(loop.memory or (1 + last) / 2, last, loop.n_synth)
            each = 2000.0 + (models + min(loop.pooled or 1, last)) * (500.0 + part)
        return last * each + recorded * (300.0 + 12.0 * rank**2 + 0.1 * rank**3)


Plan = Request[Gaussian]


def is_plain(loop: Loop) -> bool:
    """Whether one of the two special kernels draws the loop."""
    return loop.beyond_plain is None and not loop.n_fixed


def make_plan(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    record: Sequence[str],
    threads: int | None = None,
    keep_paths: bool = False,
    progress: bool = False,
    **how: Unpack[Asked],
) -> tuple[Plan, Running]:
    """Check a request for a Gaussian loop, and how it is to be run."""
    problem = Gaussian(*paired(loop, eigenvalues))
    plan = asked(problem, QUANTITIES, work=lambda T, _: problem.work(T), record=record, **how)
    threads = _threads.processors("threads", threads)
    keep_paths = _check.truth("keep_paths", keep_paths)
    return plan, {"threads": threads, "keep_paths": keep_paths, "progress": progress}


def bytes_of(plan: Plan, threads: int, *, data: bool, keep_paths: bool = False) -> float:
    """Memory of a request, roughly: `data` says that the samples themselves are drawn."""
    loop, last, dim = plan.problem.loop, plan.last, float(plan.problem.positive.size)
    batches = min(last, last if loop.pooled is None else loop.pooled)
    matrices = WORKING + min(last, last if loop.memory is None else loop.memory)
    # Without a cap an accumulated pool is merged.
    matrices += 2 * (batches if loop.pool_cap is not None else 0)
    lists = 2.0 * len(plan.record) * plan.recorded.size
    one = matrices * dim**2 + lists
    if data:
        one += 2.0 * dim * (loop.n_initial + loop.n_fixed + loop.n_fresh + batches * loop.n_synth)
    # Chunks that are done wait for their turn.
    every = threads * one + (2 * threads + 3) * lists
    every += plan.replicates * lists / 2 if keep_paths else 0.0
    return 8.0 * every
