"""Which eigendirections of Sigma_0 die, how fast, and which one is left (theory.md 8).

With a spectrum of biases each eigendirection k is a loop of one dimension with its own lambda_k,
:meth:`madtheory.loop.Loop.along`: the laws of one direction and the times to collapse hold for it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from madtheory._types import Array
from madtheory.directions import as_given
from madtheory.loop import Loop, require_synthetic_by_direction
from madtheory.theory.collapse.rates import rate


class Dominance(NamedTuple):
    """The direction that is left in the end, and from which generation on it is the largest."""

    direction: int
    generation: int


def direction_rates(loop: Loop, eigenvalues: ArrayLike) -> Array:
    """Return the almost sure rate of log e_k' Sigma_t e_k a generation, shape (dim,) (8; exact).

    log step_bias_k + psi(m/2) - log(m/2), in the order of `eigenvalues`. A direction dies where it
    is negative; nan where Sigma_0 has no variance.

    Examples
    --------
    >>> direction_rates(fully_synthetic(10, bias=(1.0, 0.5)), [3.0, 1.0]).round(6)
    array([-0.115206, -0.808354])
    """
    s = as_given(loop, eigenvalues)
    return np.array([rate(loop.along(k)) if x > 0 else np.nan for k, x in enumerate(s)])


def dominance(loop: Loop, eigenvalues: ArrayLike) -> Dominance:
    """Return the direction that outlives the others, and when its variance is the largest (exact).

    The one with the largest bias, of several the one with the largest eigenvalue. From `generation`
    on E Sigma_kk, and every quantile of Sigma_kk, is above those of the directions of smaller bias:
    t - 1 > log(s_j/s_k)/log(lambda_k/lambda_j), or t where the first generation is biased too.

    Examples
    --------
    >>> dominance(fully_synthetic(10, bias=(0.5, 1.0)), [100.0, 1.0])
    Dominance(direction=1, generation=8)
    """
    require_synthetic_by_direction(loop, "the direction that is left")
    s = as_given(loop, eigenvalues)
    biases = np.broadcast_to(np.asarray(loop.bias, dtype=np.float64), s.shape)
    k = max(np.flatnonzero(s > 0).tolist(), key=lambda i: (biases[i], s[i]))
    ahead = np.flatnonzero((s >= s[k]) & (biases < biases[k]))
    with np.errstate(divide="ignore"):
        steps = np.log(s[ahead] / s[k]) / np.log(biases[k] / biases[ahead])
    first = 1 if loop.first_is_real else 0
    return Dominance(int(k), first + max((math.floor(x) + 1 for x in steps), default=1 - first))
