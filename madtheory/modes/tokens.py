"""Tokens at a temperature: what a language model samples from (paper, Section 2.3).

At temperature lambda tokens are drawn with probabilities p^(1/lambda) / sum p^(1/lambda). A
token that is lost stays lost at any temperature; temperature 0 takes the most frequent tokens,
ties in equal parts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _validate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def token_counts(n: int, n_fresh: int, *, limit: int = 2**40) -> tuple[int, int]:
    """Check the synthetic and the fresh tokens of a generation."""
    fresh = _validate.count("n_fresh", n_fresh, minimum=0, maximum=limit - 1)
    return _validate.count("n", n, maximum=limit - fresh), fresh


def inverse(temperature: float) -> float:
    """Return 1/lambda; infinite at temperature 0."""
    value = _validate.number("temperature", temperature, low=0.0)
    return 1.0 / value if value > 1e-300 else math.inf


def sharpened(p: Array, power: float) -> Array:
    """Return p^power / sum over the last axis; infinity keeps the largest alone, ties equal."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        logs = np.log(p)
        # Finite ends: 0 * inf has no value, ties and zeros have.
        logs = (logs - logs.max(axis=-1, keepdims=True)) * min(max(power, 1e-300), 1e300)
        return np.asarray(special.softmax(logs, axis=-1))


def tempered(p: ArrayLike, temperature: float) -> Array:
    """Return p^(1/lambda) / sum p^(1/lambda), what a model samples from (paper, Section 2.3).

    Parameters
    ----------
    p : array_like, shape (V,)
    temperature : float
        lambda >= 0; at 0 the most probable tokens, in equal parts.

    Returns
    -------
    ndarray, shape (V,)

    Examples
    --------
    >>> [round(float(x), 4) for x in tempered([0.5, 0.3, 0.2], 0.5)]
    [0.6579, 0.2368, 0.1053]
    """
    return sharpened(_validate.distribution("p", p), inverse(temperature))


def deterministic(p: ArrayLike, temperature: float, generations: int) -> Array:
    """Return the loop without sampling noise: generation t is p^(lambda^-(t-1)), normalised.

    Temperatures multiply when applied in turn, so t - 1 of them are one of lambda^(t-1).

    Parameters
    ----------
    p : array_like, shape (V,)
    temperature : float
    generations : int
        T.

    Returns
    -------
    ndarray, shape (T, V)

    Notes
    -----
    theory.md 4.2; status: asymptotic in n (exact for n = infinity).

    Examples
    --------
    >>> [round(float(x), 4) for x in deterministic([0.6, 0.4], 0.8, 5)[:, 0]]
    [0.6, 0.6241, 0.6533, 0.6882, 0.7291]
    """
    p_, power = _validate.distribution("p", p), inverse(temperature)
    steps = _validate.count("generations", generations)
    with np.errstate(over="ignore", under="ignore"):
        powers = np.power(power, np.arange(steps, dtype=np.float64))
    return np.array([p_] + [sharpened(p_, float(x)) for x in powers[1:]])
