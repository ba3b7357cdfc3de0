"""Which of many words is left in the end at a temperature below 1 (theory.md 4.2; asymptotic).

Temperatures multiply log-odds by 1/lambda, so after t generations they are those of the first count
times lambda^-(t-1), and what generation k + 1 adds at random counts lambda^k of that. A count of n
has log p off by delta/p, of variance 1/(n p) beside a common part, so the word that wins is the one
with the largest

    log p_i + g_i,   Var g_i = sum_k lambda^(2k)/(n p_i(k)),   g_i independent and normal,

p(k) the loop without noise for words that gain, p for those that lose and so do not matter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check
from madtheory.modes.tempering import deterministic, token_counts
from madtheory.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array

#: Declared absolute error, in 1/sqrt(n p (1 - lambda^2)), p the rarest word with such a chance to
#: win (set on full chains of three words and 20 or 60 tokens).
_ERROR, _CHANCE = 0.15, 1e-3
#: What is left of lambda^(2k), and nodes of the integral, in standard deviations.
_LEFT, _NODES = 1e-6, np.linspace(-8.0, 8.0, 401)


def _noise(p: Array, n: int, temperature: float) -> Array:
    """Variances of the words' log-odds."""
    steps = 1 if temperature == 0 else math.ceil(math.log(_LEFT) / (2 * math.log(temperature)))
    path = np.maximum(deterministic(p, temperature, max(steps, 1)), p)
    weights = temperature ** (2.0 * np.arange(len(path)))
    return np.asarray(weights @ (1 / (n * path)))


def winners(p: ArrayLike, n: int, *, temperature: float) -> Estimate:
    """P(word i alone is left in the end) for each word of a vocabulary (4.2; asymptotic).

    Parameters
    ----------
    p : array_like, shape (V,)
        Real probabilities; a word of probability 0 never wins.
    n : int
        Tokens of each generation, the first real ones included.
    temperature : float
        Below 1: sampling selects. (At 1 word i wins with probability p_i.)

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
    if lam == 1.0:
        raise ValueError("temperature must be below 1, got 1")
    n_, _ = token_counts(n, 0)
    alive = every > 0
    mean, deviation = np.log(every[alive]), np.sqrt(_noise(every[alive], n_, lam))
    # P(all others are below), over the normal law of each word.
    at = mean[:, None] + deviation[:, None] * _NODES
    below = special.log_ndtr((at[:, :, None] - mean) / deviation)
    others = below.sum(axis=2) - special.log_ndtr(_NODES)
    law = np.exp(-np.square(_NODES) / 2)
    value = np.zeros(every.size)
    value[alive] = np.exp(others) @ law / law.sum()
    rarest = float(every[value > _CHANCE].min())
    error = _ERROR / math.sqrt(n_ * rarest * (1 - lam**2))
    with np.errstate(divide="ignore"):
        return Estimate(value, np.zeros_like(value), np.ones_like(value), error / value)
