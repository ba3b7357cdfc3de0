"""Simulation of the categorical loop: words at a temperature (theory.md 4.2; paper, Section 2.3).

Generation 1 is the empirical distribution of N = n + n_fresh real tokens. Generation t + 1 is
that of n tokens drawn from generation t at temperature lambda, with probabilities
p^(1/lambda) / sum p^(1/lambda), and of n_fresh new real tokens. Theory: :mod:`madtheory.modes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _category_kernels as kernels
from madtheory import _chunks, _running, _validate
from madtheory._chunks import Chunk, Moments, Paths
from madtheory.modes import support, zipf  # noqa: F401  (the example below)
from madtheory.modes.tempering import inverse as _inverse
from madtheory.modes.tempering import token_counts as _counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["QUANTITIES", "simulate_categories"]

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
        return _chunks.chunk_size(work, self.replicates, most_work=CHUNK_WORK)


def _run(plan: _Plan, index: int, *, keep_paths: bool) -> Chunk:
    """Run chunk `index`."""
    size = min(plan.chunk, plan.replicates - index * plan.chunk)
    wanted = np.array([QUANTITIES.index(name) for name in plan.record], dtype=np.int64)
    mean, m2, paths = _chunks.room(size, (wanted.size, plan.recorded.size), keep_paths)
    kernels.category_chunk(
        _chunks.generator(plan.seed, index),
        size,
        plan.n,
        plan.n_fresh,
        plan.p,
        np.cumsum(plan.p[::-1])[::-1].copy(),
        np.cumsum(plan.p),
        plan.power,
        _chunks.slots_of(plan.recorded, int(plan.recorded[-1])),
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
    >>> run = simulate_categories(zipf(100), 50, generations=9, replicates=4000, record=["mass"])
    >>> exact = support(zipf(100), 50, 9).mass.value[-1]
    >>> bool(abs(run.mean["mass"][-1] - exact) < 5 * run.se["mass"][-1])
    True
    """
    (n_, fresh), steps = _counts(n, n_fresh), _validate.count("generations", generations)
    plan = _Plan(
        p=_validate.distribution("p", p),
        n=n_,
        n_fresh=fresh,
        power=_inverse(temperature),
        recorded=_chunks.recorded(_chunks.check_at(at, steps), steps),
        replicates=_validate.count("replicates", replicates),
        seed=_validate.count("seed", seed, minimum=0),
        record=_chunks.check_record(record, QUANTITIES),
    )
    n_chunks, many = -(-plan.replicates // plan.chunk), _running.processors("threads", threads)
    run = partial(_run, plan, keep_paths=keep_paths)
    chunks = list(_chunks.in_order(run, 0, n_chunks, many))
    moments = reduce(Moments.merge, [chunk.moments for chunk in chunks])
    kept = [chunk.paths for chunk in chunks] if keep_paths else None
    return _chunks.summary(plan.recorded, plan.record, moments, kept, plan.seed)
