"""Loops without real data that sample from their last K models die or heat up (theory.md 2.8).

Projections of a loop's samples are those of the loop at d = 1, so log u' Sigma_t u has one drift
for every direction u, and log tr Sigma_t, a sum over d of them, the same (exact). For large n, with
h = step_bias and the age of the models, 1..K, of mean (K + 1)/2 = 1/g,

    drift = g [log h + (c - g)/n] + O(1/n^2) = (g/n) [(K - 3)/(K + 1) + n log h] + O(1/n^2).

What multiplies one fit by 1 + e multiplies all later ones by 1 + g e in the end (renewal). It is
    h, the scale of a fit,
    1 + c/n, the scatter of the K means: each is the mean of the K before it plus noise of variance
        Sigma/n, which makes them scatter by c Sigma/n, c = (K - 1)/(K + 1), around their mean, and
    1 + sqrt(2/n) z, the noise of a fit, which the logarithm turns into -g^2 (2/n)/2 (Ito).
So at bias 1 (ddof 1) K = 2 dies, K >= 4 heats up, and K = 3 is decided by the next order. That
order and its error are measured: `tests/golden/theory/memory_rate.py`.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory.loop import Loop, UnsupportedLoop, require_loop
from madtheory.results import Estimate
from madtheory.theory.collapse._scales import log_step_bias
from madtheory.theory.collapse.rates import rate

#: Next order of the drift at h = 1, -(_NEXT[0] + _NEXT[1] g) g/n^2, and the error of its bracket:
#: at h = 1, for each unit of n |log h|, and for small n, over n^2.
_NEXT = (0.63, 0.92)
_ERROR, _ERROR_BIAS, _ERROR_SMALL = 0.08, 0.15, 3.5


def only_remembers(loop: Loop) -> bool:
    """Whether all of a fit are samples of the last K models, K > 1, and nothing else is done."""
    require_loop(loop)
    plain = loop.pooled == 1 and loop.budget is None and loop.weight is None
    regular = loop.shrinkage == 0 and loop.floor == 0
    return loop.n_real == 0 and plain and regular and (loop.memory or 1) > 1


def memory_rate(loop: Loop) -> Estimate:
    """Return the drift of log tr Sigma_t of K models in memory, no real data (2.8; asymptotic).

    Any d and Sigma_0. Negative: Sigma_t -> 0 almost surely; positive: it heats up. At K = 1 it is
    :func:`rate`. The bounds are the value's declared error, measured for n |log step_bias| <= 2.5.

    Examples
    --------
    >>> [f"{memory_rate(Loop(n_initial=50, n_synth=50, memory=K)).value:.4f}" for K in (2, 3, 4, 8)]
    ['-0.0048', '-0.0002', '0.0014', '0.0024']
    """
    require_loop(loop)
    if loop.is_chain:
        return Estimate.exact(rate(loop))
    if not only_remembers(loop) or loop.scalar_bias == 0:
        raise UnsupportedLoop(
            "the drift with memory is computed for loops without real data, pool, weight, budget, "
            f"shrinkage and floor at bias > 0 only, got a loop of the family {loop.family}"
        )
    assert loop.memory is not None  # only_remembers
    n, K, g = loop.n_synth, loop.memory, 2.0 / (loop.memory + 1)
    scale = n * log_step_bias(loop)
    later = (K - 1) / (K + 1) * scale + _NEXT[0] + _NEXT[1] * g
    value = g / n * ((K - 3) / (K + 1) + scale - later / n)
    error = g / n**2 * (_ERROR + _ERROR_BIAS * abs(scale) + _ERROR_SMALL / n**2)
    relative = error / abs(value) if value else math.inf
    return Estimate(*(np.asarray(x) for x in (value, value - error, value + error, relative)))
