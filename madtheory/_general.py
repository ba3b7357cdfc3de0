"""Fresh data loop at any real covariance: what is known at Sigma_0 = I, carried over.

With W = Sigma_0^{-1/2} Sigma Sigma_0^{-1/2}, the law of W is that of the loop at Sigma_0 = I, and
invariant under rotations. Distances are not carried over so, but to second order they see Sigma_0
through one number, the Bures weight.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _validate, effective, recursions
from madtheory.distances import bures_weight
from madtheory.loops import Loop, require_fresh_memory_one

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "admissible_n_synth",
    "admissible_n_synth_limit",
    "conjugated_second_moments",
]


def conjugated_second_moments(
    trace_squared: float, squared_trace: float, *, eigenvalues: NDArray[np.float64]
) -> tuple[float, float]:
    """E tr Sigma^2 and E (tr Sigma)^2 at any Sigma_0 from those of W (theory.md 2.3, exact).

    E W_ij W_kl = a d_ij d_kl + b (d_ik d_jl + d_il d_jk) by invariance under rotations.

    Examples
    --------
    >>> conjugated_second_moments(2.0, 4.0, eigenvalues=np.array([3.0, 1.0]))  # W = I
    (10.0, 16.0)
    """
    d = eigenvalues.size
    power_1, power_2 = float(eigenvalues.sum()), float((eigenvalues**2).sum())
    if d == 1:
        return trace_squared * power_2, squared_trace * power_2
    b = (d * trace_squared - squared_trace) / (d * (d - 1) * (d + 2))
    a = (squared_trace - 2 * b * d) / d**2
    return (a + b) * power_2 + b * power_1**2, a * power_1**2 + 2 * b * power_2


def admissible_n_synth_limit(bias: float, eigenvalues: ArrayLike) -> float:
    """Limit of the admissible n_synth as n_real grows, any Sigma_0 (theory.md 2.6, asymptotic).

    :func:`madtheory.effective.admissible_n_synth_limit` with d + 1 replaced by 2 + the weight.

    Examples
    --------
    >>> admissible_n_synth_limit(0.5, [1.0, 1.0, 1.0, 1.0, 1.0])
    48.0
    """
    lam = _validate.number("bias", bias, low=0.0, high=1.0)
    if lam == 1:
        return math.inf
    weight = 2 + bures_weight(eigenvalues)
    return 4 / (1 - lam) ** 2 * ((2 - lam) + weight * (1 + 3 * lam - 2 * lam**2) / 8)


def admissible_n_synth(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Largest n_synth with n_e >= n_real at any Sigma_0 (theory.md 2.6, 2.10; asymptotic).

    Root of E W2^2 = baseline, both to second order, with exact moments; real-valued by
    interpolation between integers. At Sigma_0 = I it is
    :func:`madtheory.effective.admissible_n_synth`.

    Parameters
    ----------
    loop : Loop
        A fresh data loop with memory 1; its n_synth is ignored.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        inf where no n_synth up to 10^9 n_real fails, 0 where every one does.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        For any other loop, or eigenvalues that are none.

    Examples
    --------
    >>> from madtheory.loops import fresh_data
    >>> round(admissible_n_synth(fresh_data(30_000, 1, bias=0.5), [3.0] * 5), 1)
    47.9
    """
    require_fresh_memory_one(loop, "admissible_n_synth")
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    if s[0] == s[-1]:
        return effective.admissible_n_synth(loop, s.size)
    # One real sample has no fit: every n_synth does better.
    if loop.n_fresh == 1:
        return math.inf
    target = effective.baseline_leading(loop.n_fresh, s)

    def excess(n_synth: int) -> float:
        other = dataclasses.replace(loop, n_synth=n_synth)
        return recursions.w2_squared_second_order_limit(other, s) - target

    return effective.last_pass(excess, effective.farthest(loop.n_fresh))
