"""What a simulator of a Gaussian loop is asked, checked, and how its chunks are run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import _threads, _validate
from madtheory.loops import Loop
from madtheory.simulate import runs
from madtheory.simulate.kernels import measure
from madtheory.simulate.runs import Chunk, Moments, Paths

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Everything that a run can record.
QUANTITIES = measure.QUANTITIES
DEFAULT_RECORD = ("mean_sq", "trace", "w2_squared", "log_det")


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked request: all that decides the result, and nothing that does not."""

    loop: Loop
    eigenvalues: NDArray[np.float64]
    generations: int
    replicates: int
    seed: int
    record: tuple[str, ...]
    at: tuple[int, ...] | None
    chunk: int

    @property
    def recorded(self) -> NDArray[np.int64]:
        """The recorded generations, ascending."""
        return runs.recorded(self.at, self.generations)

    @property
    def slots(self) -> NDArray[np.int64]:
        """Where each generation is recorded, -1 for nowhere; ends at the last recorded one."""
        return runs.slots_of(self.recorded, int(self.recorded[-1]))

    @property
    def n_chunks(self) -> int:
        """Number of chunks; the last may be shorter."""
        return -(-self.replicates // self.chunk)

    def size(self, index: int) -> int:
        """Replicates of chunk `index`."""
        return min(self.chunk, self.replicates - index * self.chunk)

    def rng(self, index: int) -> np.random.Generator:
        """Generator of chunk `index`."""
        return runs.generator(self.seed, index)


def _chunk_size(loop: Loop, values: NDArray[np.float64], generations: int, replicates: int) -> int:
    """Replicates of a chunk: a function of the problem, never of the threads."""
    rank, parts = int(np.count_nonzero(values)), 1.0
    if not is_plain(loop):
        rank = values.size if loop.shrinkage or loop.floor else rank
        parts = 4.0 + min(loop.memory or generations, generations, loop.n_synth)
        parts += min(loop.pool_cap or 1, generations)
    work = parts * generations * (200.0 + 30.0 * rank**2 + 0.4 * rank**3)
    return runs.chunk_size(work, replicates)


def make_plan(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    generations: int,
    replicates: int,
    seed: int,
    record: Sequence[str],
    at: Sequence[int] | None,
    chunk: int | None,
) -> Plan:
    """Check a request."""
    if not isinstance(loop, Loop):
        raise TypeError(f"loop must be a Loop, got {type(loop).__name__}")
    values = _validate.eigenvalues("eigenvalues", eigenvalues)
    generations = _validate.count("generations", generations)
    replicates = _validate.count("replicates", replicates)
    return Plan(
        loop=loop,
        eigenvalues=values,
        generations=generations,
        replicates=replicates,
        seed=_validate.count("seed", seed, minimum=0),
        record=runs.check_record(record, QUANTITIES),
        at=runs.check_at(at, generations),
        chunk=(
            _chunk_size(loop, values, generations, replicates)
            if chunk is None
            else _validate.count("chunk", chunk)
        ),
    )


def _log_det(eigenvalues: NDArray[np.float64]) -> float:
    return float(np.log(eigenvalues).sum()) if eigenvalues.all() else -math.inf


def is_plain(loop: Loop) -> bool:
    """Whether one of the two special kernels draws the loop."""
    replace = loop.pool == "replace" and loop.memory == 1 and loop.weight is None
    return replace and not (loop.n_fixed or loop.shrinkage or loop.floor)


def run_kernel(
    plan: Plan,
    index: int,
    keep_paths: bool,
    kernel: Callable[..., None],
    arguments: tuple[Any, ...],
) -> Chunk:
    """Run chunk `index` with a kernel; `arguments` end with the spectrum it works on."""
    size, shape = plan.size(index), (len(plan.record), plan.recorded.size)
    mean, m2, paths = runs.room(size, shape, keep_paths)
    wanted = np.array([QUANTITIES.index(name) for name in plan.record], dtype=np.int64)
    log_det = _log_det(plan.eigenvalues)
    kernel(plan.rng(index), size, *arguments, log_det, plan.slots, wanted, mean, m2, paths)
    return Chunk(Moments(size, mean, m2), paths)


def _empty(plan: Plan) -> Moments:
    shape = (len(plan.record), plan.recorded.size)
    return Moments(0, np.zeros(shape), np.zeros(shape))


def run_plan(
    plan: Plan,
    run: Callable[[Plan, int, bool], Chunk],
    *,
    threads: int,
    keep_paths: bool,
    progress: bool,
    start: tuple[int, Moments] | None = None,
    save: Callable[[int, Moments], None] | None = None,
) -> Paths:
    """Run all chunks from `start` on, merge them in order, call `save` after each."""
    done, moments = (0, _empty(plan)) if start is None else start
    kept: list[NDArray[np.float64]] | None = [] if keep_paths else None

    def job(index: int) -> Chunk:
        return run(plan, index, keep_paths)

    with _threads.one_thread(), _threads.progress_bar(progress, "replicates") as show:
        show(moments.count, plan.replicates)
        for chunk in runs.in_order(job, done, plan.n_chunks, threads):
            moments, done = moments.merge(chunk.moments), done + 1
            if kept is not None:
                kept.append(chunk.paths)
            if save is not None:
                save(done, moments)
            show(moments.count, plan.replicates)
    return runs.summary(plan.recorded, plan.record, moments, kept, plan.seed)
