"""Simulation of a vocabulary in a self-consuming loop (theory.md 4.2); only living tokens cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.simulate.kernels.categories import QUANTITIES, Vocabulary, category_chunk
from madtheory.simulate.request import asked
from madtheory.simulate.runs import Paths, run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Rough nanoseconds of work in one chunk of a simulation.
CHUNK_WORK = 1e8


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
    generations, replicates, seed, threads, at, keep_paths
        As for :func:`madtheory.simulate.simulate`.
    n_fresh : int
        New real tokens of each generation.
    record : sequence of str
        Any of `QUANTITIES`, of a generation's empirical distribution: survivors (tokens alive),
        mass (their probability in the real distribution), heterozygosity (1 - sum share^2),
        top_share, entropy (nats), favoured_share (of the token that is most probable in
        reality, the first of these).

    Examples
    --------
    >>> from madtheory.modes import support, zipf
    >>> run = simulate_categories(zipf(100), 50, generations=9, replicates=4000, record=["mass"])
    >>> exact = support(zipf(100), 50, 9).mass.value[-1]
    >>> bool(abs(run.mean["mass"][-1] - exact) < 5 * run.se["mass"][-1])
    True
    """
    from madtheory.modes import tempering  # the theory is heavy: only who asks waits for it

    n, fresh = tempering.token_counts(n, n_fresh)
    p, power = _check.distribution("p", p), tempering.inverse(temperature)
    spec = Vocabulary(n, fresh, p, np.cumsum(p[::-1])[::-1].copy(), np.cumsum(p), power)
    V = p.size
    step = 60.0 * min(V, n + fresh) + (60.0 * V if fresh else 0.0)  # nanoseconds, roughly
    request = asked(
        spec,
        QUANTITIES,
        work=lambda _, last: 60.0 * V + step * float(last),
        generations=generations,
        replicates=replicates,
        seed=seed,
        record=record,
        at=at,
        most_work=CHUNK_WORK,
    )
    return run(
        request,
        lambda rng, tally: category_chunk(rng, spec, tally),
        threads=threads,
        keep_paths=keep_paths,
    )
