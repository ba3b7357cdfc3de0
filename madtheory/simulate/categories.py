"""Simulation of a vocabulary in a self-consuming loop (theory.md 4.2); only living tokens cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _threads, _validate
from madtheory.simulate import runs
from madtheory.simulate.kernels import categories as kernels
from madtheory.simulate.runs import Chunk, Moments, Paths

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

#: What a simulation can record.
QUANTITIES = kernels.QUANTITIES
#: Rough nanoseconds of work in one chunk of a simulation.
CHUNK_WORK = 1e8


@dataclass(frozen=True, slots=True)
class _Plan:
    """A checked request: all that decides the result."""

    p: Array
    n: int
    n_fresh: int
    power: float
    recorded: NDArray[np.int64]
    replicates: int
    seed: int
    record: tuple[str, ...]

    @property
    def chunk(self) -> int:
        """Replicates that share a generator: a function of the problem, never of the threads."""
        V, total = self.p.size, self.n + self.n_fresh
        step = 60.0 * min(V, total) + (60.0 * V if self.n_fresh else 0.0)
        work = 60.0 * V + step * float(self.recorded[-1])
        return runs.chunk_size(work, self.replicates, most_work=CHUNK_WORK)


def _run(plan: _Plan, index: int, *, keep_paths: bool) -> Chunk:
    """Run chunk `index`."""
    size = min(plan.chunk, plan.replicates - index * plan.chunk)
    wanted = np.array([QUANTITIES.index(name) for name in plan.record], dtype=np.int64)
    mean, m2, paths = runs.room(size, (wanted.size, plan.recorded.size), keep_paths)
    kernels.category_chunk(
        runs.generator(plan.seed, index),
        size,
        plan.n,
        plan.n_fresh,
        plan.p,
        np.cumsum(plan.p[::-1])[::-1].copy(),
        np.cumsum(plan.p),
        plan.power,
        runs.slots_of(plan.recorded, int(plan.recorded[-1])),
        wanted,
        mean,
        m2,
        paths,
    )
    return Chunk(Moments(size, mean, m2), paths)


def simulate_categories(
    p: ArrayLike,
    n: int,
    *,
    temperature: float = 1.0,
    generations: int,
    replicates: int,
    seed: int = 0,
    threads: int | None = None,
    n_fresh: int = 0,
    at: Sequence[int] | None = None,
    record: Sequence[str] = QUANTITIES,
    keep_paths: bool = False,
) -> Paths:
    """Simulate the loop for any vocabulary; only tokens that are alive cost anything.

    Parameters
    ----------
    p : array_like, shape (V,)
        Probabilities of the real tokens.
    n : int
        Synthetic tokens of each generation; the first has n + n_fresh real ones.
    temperature : float
        lambda >= 0 of the sampling.
    generations, replicates : int
    seed : int
        Decides every variate; `threads` does not.
    threads : int or None
        None: all available processors.
    n_fresh : int
        New real tokens of each generation.
    at : sequence of int or None
        Record only these generations; None records all.
    record : sequence of str
        Any of `QUANTITIES`, of a generation's empirical distribution: survivors (tokens alive),
        mass (their probability in the real distribution), heterozygosity (1 - sum share^2),
        top_share, entropy (nats), favoured_share (of the token that is most probable in
        reality, the first of these).
    keep_paths : bool
        Keep every value, not only moments.

    Returns
    -------
    Paths

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Examples
    --------
    >>> from madtheory.categories import support, zipf
    >>> run = simulate_categories(zipf(100), 50, generations=9, replicates=4000, record=["mass"])
    >>> exact = support(zipf(100), 50, 9).mass.value[-1]
    >>> bool(abs(run.mean["mass"][-1] - exact) < 5 * run.se["mass"][-1])
    True
    """
    limit = 2**40
    fresh = _validate.count("n_fresh", n_fresh, minimum=0, maximum=limit - 1)
    steps = _validate.count("generations", generations)
    value = _validate.number("temperature", temperature, low=0.0)
    plan = _Plan(
        p=_validate.distribution("p", p),
        n=_validate.count("n", n, maximum=limit - fresh),
        n_fresh=fresh,
        power=1.0 / value if value > 1e-300 else math.inf,
        recorded=runs.recorded(runs.check_at(at, steps), steps),
        replicates=_validate.count("replicates", replicates),
        seed=_validate.count("seed", seed, minimum=0),
        record=runs.check_record(record, QUANTITIES),
    )
    n_chunks, many = -(-plan.replicates // plan.chunk), _threads.processors("threads", threads)
    run = partial(_run, plan, keep_paths=keep_paths)
    chunks = list(runs.in_order(run, 0, n_chunks, many))
    moments = reduce(Moments.merge, [chunk.moments for chunk in chunks])
    kept = [chunk.paths for chunk in chunks] if keep_paths else None
    return runs.summary(plan.recorded, plan.record, moments, kept, plan.seed)
