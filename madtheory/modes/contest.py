"""Which of many words is left in the end at a temperature below 1 (theory.md 4.2; asymptotic).

Temperatures multiply log-odds by 1/lambda, so after t generations they are those of the first count
times lambda^-(t-1), and what generation k + 1 adds at random counts lambda^k of that. A count of n
has log p off by delta/p, of variance 1/(n p) beside a common part, so the word that wins is the one
with the largest

    log p_i + g_i,   Var g_i = v_i = sum_k lambda^(2k)/(n p_i(k)),   g_i independent,

p(k) the loop without noise for words that gain, p for those that lose and so do not matter. Rare
words have no normal g_i: of many of them the best one is not as good as that. A count to the power
2/3 is nearest to normal (Anscombe), and so is exp(2/3 g_i) taken to be, of deviation 2/3 sqrt(v_i).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check
from madtheory.modes.tempering import token_counts
from madtheory.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array, Ints

#: Declared absolute error, in 1/sqrt(n p (1 - lambda^2)), p the rarest word with such a chance to
#: win (.036 at most on 446 loops of 2 to 60 words, simulated, less 2.5 standard errors of that,
#: and .022 on 24 full chains).
_ERROR, _CHANCE = 0.06, 1e-3
#: What is left of lambda^(2k), and nodes of the integral, in standard deviations.
_LEFT, _NODES = 1e-6, np.linspace(-8.0, 8.0, 201)
#: The power of a word's share that is taken to be normal.
_NORMAL = 2 / 3
#: Largest temperature: the noise of 7/(1 - lambda) generations is summed.
_WARMEST = 0.9999


def _noise(p: Array, n: int, temperature: float) -> Array:
    """Variances of the words' log-odds."""
    logs, total = np.log(p / p.max()), np.zeros(p.size)
    weight = power = 1.0
    while weight > _LEFT:
        path = np.exp(logs * power)
        total += weight / (n * np.maximum(path / path.sum(), p))
        weight *= temperature**2
        power /= temperature or 1.0
    return total


def _contest(p: Array, deviation: Array, counts: Ints) -> Array:
    """Chance of one word of each kind, of which there are `counts`."""
    width = _NORMAL * deviation
    bell, value = np.exp(-np.square(_NODES) / 2), np.zeros(p.size)
    for i in range(p.size):
        share = 1 + width[i] * _NODES
        law, at = np.where(share > 0, bell, 0.0), share.clip(0.0)[:, None]
        below = special.log_ndtr((at * (p[i] / p) ** _NORMAL - 1) / width)
        value[i] = np.exp(below @ counts - below[:, i]) @ law
    return np.asarray(value / (counts @ value))


def _chances(p: Array, n: int, temperature: float) -> Array:
    """Chances of words that may win; 0 of one whose best is below another's worst."""
    kinds, first, kind, counts = np.unique(
        p, return_index=True, return_inverse=True, return_counts=True
    )
    deviation = np.sqrt(_noise(p, n, temperature))[first]
    swing = _NORMAL * deviation * _NODES[-1]
    best, worst = (kinds * (1 + x).clip(0.0) ** (1 / _NORMAL) for x in (swing, -swing))
    some = best >= worst.max()
    value = np.zeros(kinds.size)
    value[some] = _contest(kinds[some], deviation[some], counts[some])
    return value[kind]


def winners(p: ArrayLike, n: int, *, temperature: float) -> Estimate:
    """P(word i alone is left in the end) for each word of a vocabulary (4.2; asymptotic).

    Parameters
    ----------
    p : array_like, shape (V,)
        Real probabilities; a word of probability 0 never wins.
    n : int
        Tokens of each generation, the first real ones included.
    temperature : float
        At most .9999: sampling selects. (At 1 word i wins with probability p_i.)

    Returns
    -------
    Estimate, shape (V,)
        Asymptotic as n p (1 - lambda^2) grows, for the words that have a chance.

    Examples
    --------
    >>> found = winners([0.36, 0.34, 0.3], 1000, temperature=0.8)
    >>> found.value.round(2), bool(found.rel_error[0] < 0.03)
    (array([0.65, 0.31, 0.04]), True)
    """
    every = _check.distribution("p", p)
    lam = _check.number("temperature", temperature, low=0.0, high=1.0)
    if lam > _WARMEST:
        raise ValueError(f"temperature must be at most {_WARMEST}, got {temperature!r}")
    n_, _ = token_counts(n, 0)
    # Others have no token in the first sample but with a smaller chance.
    alive = every > min(_CHANCE / n_, every.max() / 2)
    value = np.zeros(every.size)
    value[alive] = _chances(every[alive], n_, lam)
    rarest = float(every[value > min(_CHANCE, value.max() / 2)].min())
    error = _ERROR / math.sqrt(n_ * rarest * (1 - lam**2))
    with np.errstate(divide="ignore", over="ignore"):
        return Estimate(value, np.zeros_like(value), np.ones_like(value), error / value)
