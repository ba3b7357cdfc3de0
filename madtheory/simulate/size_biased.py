"""The rare paths that carry the mean of the fully synthetic loop (theory.md 1.5 and 7).

At bias 1 every path dies while E tr Sigma_t stays: after t generations the mean lives on paths of
probability exp(-c t), which no plain simulation meets. Under the size-biased law, of density
tr Sigma_t / E tr Sigma_t, they are typical.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from madtheory.loop import require_fully_synthetic
from madtheory.simulate import units
from madtheory.simulate.gaussian import spec_of
from madtheory.simulate.kernels.collapse import collapse_chunk
from madtheory.simulate.request import Options, make_plan
from madtheory.simulate.runs import run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory.loop import Loop
    from madtheory.simulate.runs import Paths


def simulate_size_biased(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    record: Sequence[str] = ("log_trace", "trace", "log_direction"),
    **how: Unpack[Options],
) -> Paths:
    """Simulate the fully synthetic loop under the law of density tr Sigma_t / E tr Sigma_t.

    A direction u is drawn among the eigenvectors of Sigma_0, with probability proportional to its
    eigenvalue; then each chi^2_m/m that multiplies u' Sigma_t u is drawn as chi^2_(m+2)/m, its
    size-biased law, and all else as before (theory.md 1.1). For every function f of the path up
    to t, E tr Sigma_t f = E tr Sigma_t E~ f, with the first factor from
    :func:`madtheory.theory.collapse.mean_trace`. (At every t the same paths serve: the density of a
    shorter path is its conditional mean.)

    The loop is a plain fully synthetic one, of positive bias; parameters and result are those of
    :func:`madtheory.simulate.simulate`, `log_direction` is that of the direction drawn, and there
    is no `store`.

    Examples
    --------
    >>> loop = fully_synthetic(10)
    >>> from madtheory.simulate import simulate
    >>> plain = simulate(loop, [1.0], generations=400, replicates=1000, at=(400,))
    >>> tilted = simulate_size_biased(loop, [1.0], generations=400, replicates=1000, at=(400,))
    >>> bool(plain.mean["trace"][0] < 0.5 and tilted.mean["log_trace"][0] > 0)
    True
    """
    plan, running = make_plan(loop, eigenvalues, record=record, **how)
    require_fully_synthetic(loop, "the size-biased law")
    if loop.scalar_bias == 0:
        raise ValueError("bias must be positive for the size-biased law, got 0")
    drawn = units.drawn(plan)
    spec, s = spec_of(drawn)._replace(tilted=True), drawn.problem.positive
    found = run(plan, lambda rng, tally: collapse_chunk(rng, spec, s, tally), **running)
    return units.put_back(found, plan)
