"""The rare paths that carry the mean of the fully synthetic loop (theory.md 1.5 and 7).

At bias 1 every path dies while E tr Sigma_t stays: after t generations the mean lives on paths of
probability exp(-c t), which no plain simulation meets. Under the size-biased law, of density
tr Sigma_t / E tr Sigma_t, they are typical.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from madtheory import _threads
from madtheory.loop import require_fully_synthetic
from madtheory.simulate.gaussian import spec_of
from madtheory.simulate.kernels.collapse import collapse_chunk
from madtheory.simulate.request import make_plan
from madtheory.simulate.runs import run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory.loop import Loop
    from madtheory.simulate.runs import Paths


def simulate_size_biased(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    generations: int,
    replicates: int,
    seed: int = 0,
    threads: int | None = None,
    record: Sequence[str] = ("log_trace", "trace", "log_direction"),
    at: Sequence[int] | None = None,
    keep_paths: bool = False,
    chunk: int | None = None,
    progress: bool = False,
) -> Paths:
    """Simulate the fully synthetic loop under the law of density tr Sigma_t / E tr Sigma_t.

    A direction u is drawn among the eigenvectors of Sigma_0, with probability proportional to its
    eigenvalue; then each chi^2_m/m that multiplies u' Sigma_t u is drawn as chi^2_(m+2)/m, its
    size-biased law, and all else as before (theory.md 1.1). For every function f of the path up
    to t, E tr Sigma_t f = E tr Sigma_t E~ f, with the first factor from
    :func:`madtheory.theory.collapse.mean_trace`. (At every t the same paths serve: the density of a
    shorter path is its conditional mean.)

    Parameters
    ----------
    loop : Loop
        A plain fully synthetic loop, of positive bias.
    eigenvalues, generations, replicates, seed, threads, record, at, keep_paths, chunk, progress
        As for :func:`madtheory.simulate.simulate`; `log_direction` is that of the direction drawn.

    Returns
    -------
    Paths
        Means under the size-biased law.

    Examples
    --------
    >>> loop = fully_synthetic(10)
    >>> from madtheory.simulate import simulate
    >>> plain = simulate(loop, [1.0], generations=400, replicates=1000, at=(400,))
    >>> tilted = simulate_size_biased(loop, [1.0], generations=400, replicates=1000, at=(400,))
    >>> bool(plain.mean["trace"][0] < 0.5 and tilted.mean["log_trace"][0] > 0)
    True
    """
    plan = make_plan(
        loop,
        eigenvalues,
        generations=generations,
        replicates=replicates,
        seed=seed,
        record=record,
        at=at,
        chunk=chunk,
    )
    require_fully_synthetic(loop, "the size-biased law")
    if loop.bias == 0:
        raise ValueError("bias must be positive for the size-biased law, got 0")
    spec, s = spec_of(plan)._replace(tilted=True), plan.problem.positive
    return run(
        plan,
        lambda rng, tally: collapse_chunk(rng, spec, s, tally),
        threads=_threads.processors("threads", threads),
        keep_paths=keep_paths,
        progress=progress,
    )
