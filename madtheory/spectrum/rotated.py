"""E tr(Sigma_0 S Sigma_0)^{1/2} for the mean law of an S that rotations leave alone (5.2, 2.10).

S is free from any Sigma_0 in the limit, and the 1/d term of Haar orthogonal rotations is known by
the same saddle point. With D = Sigma_0^2, X = s D^{-1},

    E log det(X + S) = stat_omega { log det(X + a) + E log det(S + b) - d log(a + b) }
                       + (1/2) log(1 - r_X r_S),
    tr (X + a)^-1 = tr (S + b)^-1 = d/(a + b),   r_X = (a + b)^2 tr (X + a)^-2/d - 1, r_S likewise.
"""

from __future__ import annotations

import numpy as np

from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.spectrum.mean_law import HIGH, LOW, STEP, MeanLaw, Traces, line_below

#: Newton steps for a, the relative step at which they end, and the least 1 - r_X r_S.
_STEPS, _SMALL, _VERGE = 30, 1e-8, 1e-9
#: A direction of less than this share of the largest variance counts as one of this share.
_LEAST = 1e-100


def _subordinate(law: MeanLaw, X: Array, counts: Array) -> tuple[Array, Array, Traces, Array]:
    """(a, b, traces at b, r_X r_S) for rows of X: a = tr S R/tr R at b falls from 1."""
    d, a = float(law.dim), np.ones(len(X))
    for _ in range(_STEPS):
        R = 1 / (X + a[:, None])
        sum_1, sum_2 = R @ counts / d, (R * R) @ counts / d
        b = 1 / sum_1 - a
        t = law.traces(b)
        own, model = sum_2 / sum_1**2 - 1, t.plain_2 * d / t.plain**2 - 1
        both = np.clip(own * model, 0.0, 1 - _VERGE)
        new = a - (a - t.model / t.plain) / (1 - both)
        new = np.where(new <= 0, a / 3, np.minimum(new, 1.5))
        done = (np.abs(new - a) <= _SMALL * a).all()
        a = new
        if done:
            break
    return a, b, t, both


def fidelity_deficit(law: MeanLaw, s: Spectrum, *, real: bool = True) -> float:
    """1 - E tr(Sigma_0 S Sigma_0)^{1/2}/(sqrt(c) tr Sigma_0), dim = rank of Sigma_0 (asymptotic).

    Examples
    --------
    >>> from madtheory.spectrum.mean_law import constant_law
    >>> abs(fidelity_deficit(constant_law(2), Spectrum.of([2.0, 1.0]))) < 1e-15
    True
    """
    if s.is_flat:
        return law.root_deficit
    shares = np.maximum(s.values[s.values > 0] / s.values[0], _LEAST)
    D, found = np.unique(shares**2, return_counts=True)
    counts = found.astype(np.float64)
    y = np.arange(LOW + np.log(D[0]), HIGH, STEP)
    X = np.exp(y)[:, None] / D
    a, b, t, both = _subordinate(law, X, counts)
    total = np.log1p((a - 1)[:, None] / (X + 1)) @ counts - law.dim * np.log1p((a - 1) / (b + 1))
    total = total + t.gap + (0.5 * np.log1p(-both) if real else 0.0)
    weight, q = np.exp(y / 2), float(np.exp(-1.5 * STEP))
    below = line_below(total[0], (total[1] - total[0]) / STEP) * weight[0]
    above = total[-1] * weight[-1] * q / (1 - q)
    integral = STEP * (float(weight @ total) + below + above)
    return float(-integral / (2 * np.pi) / (np.sqrt(D) @ counts))


def second_order_share(dim: int, s: Spectrum) -> float:
    """What one fit's deficit has to second order (2.10; exact) over what the equivalent has.

    With V = E tr (S - 1)^2/d the equivalent has Var S_11 = (2 - 1/d) V/d, Var S_12 = (1 - 1/d) V/d,
    and one fit 2 V/(d + 1), V/(d + 1): the same at a multiple of I, and 1 - O(1/d^2) elsewhere.

    Examples
    --------
    >>> second_order_share(3, Spectrum.of([1.0, 1.0, 1.0]))
    1.0
    """
    d, w = float(dim), s.bures_weight
    if s.is_flat or dim == 1:
        return 1.0
    return (2 + w) / (d + 1) * d / ((2 - 1 / d) + w * (1 - 1 / d))
