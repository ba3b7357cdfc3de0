"""Variances within modes and of the whole mixture, with known labels (theory.md 4.1; Fig. 15)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.laws import chi_square
from madtheory.modes import ancestry as chain

if TYPE_CHECKING:
    from madtheory._types import Array

#: Most samples for which one mode's count is followed through its variance.
COUNT_LIMIT = 10_000


def _ddof(value: float) -> float:
    """Check c of the normalisation 1/(N - c)."""
    return _check.number("ddof", value, low=0.0, high=1.0)


def _shrinkage(n: int, ddof: float) -> Array:
    """(x - 1) / (x - ddof) for a count x = 0..n: E v' / v. One sample has no variance."""
    x = np.arange(n + 1, dtype=np.float64)
    factor = np.zeros(n + 1)
    factor[2:] = (x[2:] - 1.0) / (x[2:] - ddof)
    return factor


def _count_chain(modes: int, n: int) -> tuple[chain.Band, Array]:
    """Rows of one mode's count, and its law in the first generation."""
    band = chain.binomial_band(n, np.arange(n + 1) / n)
    return band, chain.binomial_law(n, 1.0 / modes)


@dataclass(frozen=True, slots=True)
class VariancePath:
    """Expected variances (traces of covariances) of the idealised loop at t = 1..T.

    Attributes
    ----------
    alive : ndarray, shape (T,)
        P(a given mode has a positive count).
    modal : ndarray, shape (T,)
        E(variance of a mode | it is alive): the average modal variance, the mean over alive modes
        of each replicate taken together.
    within : ndarray, shape (T,)
        E sum p_k v_k.
    total : ndarray, shape (T,)
        E of the trace of the mixture's covariance.
    """

    alive: Array
    modal: Array
    within: Array
    total: Array


def modal_variance(
    modes: int,
    n_synth: int,
    generations: int,
    *,
    real_modal: float,
    real_total: float,
    ddof: float = 1.0,
    bias: float = 1.0,
    floor_trace: float = 0.0,
) -> VariancePath:
    """Return expected variances within modes and in total, equal real weights (Fig. 15).

    Given its count N and its last variance v, a mode's variance has mean bias v (N-1)/(N-ddof) +
    floor_trace (bias not in the first generation). So E(v; count) obeys a linear recursion along
    the chain of one mode's count. For the total variance D, with `ddof` = 0 and no floor the model
    has the mean and covariance of its sample, and E D' = (1 - 1/n) E D; each unit of `ddof` adds
    E sum_k v_k / n, and bias takes (1 - bias) E sum p_k v_k from the D that is sampled.

    Parameters
    ----------
    modes, n_synth, generations : int
        n_synth at most 10,000.
    real_modal, real_total : float
        Trace of the covariance of a real mode, and of the real mixture.
    ddof : float
        c of the normalisation 1/(N_k - c), in [0, 1]: 0 for EM, 1 for unbiased fits.
    bias : float
        In [0, 1]; multiplies the covariance of each mode when sampling.
    floor_trace : float
        Trace of what is added to each covariance (dim times scikit-learn's reg_covar).

    Returns
    -------
    VariancePath
        Exact expectations. None is typical: the mean of v lives on rare paths, see
        :func:`typical_variance`. The average over alive modes within each replicate,
        E(sum v_k / number alive), differs from `modal` by a covariance.

    Examples
    --------
    >>> path = modal_variance(25, 250, 100, real_modal=0.005, real_total=4.005)
    >>> [round(float(x), 6) for x in (path.modal[-1], path.total[-1])]
    [0.004417, 2.696953]
    """
    K = _check.count("modes", modes)
    n = _check.count("n_synth", n_synth, maximum=COUNT_LIMIT)
    steps = _check.count("generations", generations)
    v0 = _check.number("real_modal", real_modal, low=0.0)
    D = _check.number("real_total", real_total, low=v0)
    lam = _check.number("bias", bias, low=0.0, high=1.0)
    ridge, c = _check.number("floor_trace", floor_trace, low=0.0), _ddof(ddof)
    factor, share = _shrinkage(n, c), np.arange(n + 1) / n
    band, law = _count_chain(K, n)
    out = np.empty((4, steps))
    parts, W = v0 * law, v0
    for t in range(steps):
        if t:
            law, parts = chain.evolve(band, law), lam * chain.evolve(band, parts)
            D -= (1.0 - lam) * W
        fitted = factor * parts
        parts = fitted + ridge * law
        parts[0] = 0.0
        D = (1.0 - 1.0 / n) * D + c * K * fitted.sum() / n + ridge
        W = K * float(share @ parts)
        alive = law[1:].sum()
        out[:, t] = alive, parts.sum() / alive, W, D
    return VariancePath(*out)


def typical_variance(
    modes: int, n_synth: int, generations: int, *, ddof: float = 1.0, bias: float = 1.0
) -> Array:
    """Return exp E(log of a direction's variance over the real one | it is positive), t = 1..T.

    A fit with N samples adds log bias + psi((N-1)/2) - log((N-ddof)/2) on average (no bias in the
    first generation). While t << n p the count stays near N = n p, and this is the rate of a
    Gaussian loop with N samples; later the chain of counts decides. A variance is positive as
    long as no count was below 2. Exact (the conditional mean of the log), for n_synth up to 10,000;
    bias is positive.

    Examples
    --------
    >>> [round(float(x), 4) for x in typical_variance(25, 250, 100)[[0, 99]]]
    [0.8721, 0.0036]
    """
    K = _check.count("modes", modes)
    n = _check.count("n_synth", n_synth, minimum=2, maximum=COUNT_LIMIT)
    steps = _check.count("generations", generations)
    lam = _check.number("bias", bias, low=0.0, high=1.0)
    if lam == 0.0:
        raise ValueError("bias must be positive for a log-variance, got 0")
    loss, (band, law) = _log_losses(n, _ddof(ddof)), _count_chain(K, n)
    parts, out = np.zeros(n + 1), np.empty(steps)
    for t in range(steps):
        if t:
            law, parts = chain.evolve(band, law), chain.evolve(band, parts)
        law[:2] = parts[:2] = 0.0
        parts += law * (loss - (math.log(lam) if t else 0.0))
        # Given that no count was below 2: that chance itself may underflow.
        law, parts = law / law.sum(), parts / law.sum()
        out[t] = math.exp(-parts.sum())
    return out


def _log_losses(n: int, ddof: float) -> Array:
    """-E log(chi^2_(x-1) / (x - ddof)) for x = 0..n; 0 for x < 2. It is positive."""
    x = np.arange(2, n + 1, dtype=np.float64)
    loss = np.zeros(n + 1)
    loss[2:] = -chi_square.log_chi_square_mean(x - 1.0, x - ddof)
    return loss


def floor_variance(
    count: int, floor: float, *, ddof: float = 0.0, bias: float = 1.0
) -> tuple[float, float]:
    """Return mean and variance of a mode's stationary variance, one direction, with a floor.

    v' = bias v chi^2_(N-1) / (N-ddof) + floor for a mode that keeps N samples: fixed points of the
    affine maps of its first two moments, exact, inf where a moment is infinite. The floor stops
    the collapse. With scikit-learn's fit (ddof 0, reg_covar) the mean is N floor at bias 1; with
    ddof 1 the mean grows for ever, and yet a stationary law exists, of infinite mean.

    Parameters
    ----------
    count : int
        N, samples of the mode in each generation.
    floor : float
        Added to the variance of each direction by each fit (reg_covar).
    ddof, bias : float
        As in :func:`modal_variance`.

    Examples
    --------
    >>> mean, variance = floor_variance(40, 1e-6)
    >>> round(mean * 1e6, 6), round(variance * 1e12, 4)
    (40.0, 124800.0)
    """
    N, f = _check.count("count", count), _check.number("floor", floor, low=0.0)
    lam, c = _check.number("bias", bias, low=0.0, high=1.0), _ddof(ddof)
    if N == 1 or f == 0.0:
        return f, 0.0
    one = lam * (N - 1.0) / (N - c)
    two = one**2 * (N + 1.0) / (N - 1.0)
    gap = (lam * (1.0 - c) + (1.0 - lam) * (N - c)) / (N - c)  # 1 - one, without cancellation
    if gap <= 0.0:
        return math.inf, math.inf
    mean = f / gap
    if two >= 1.0:
        return mean, math.inf
    square = f * (f + 2.0 * one * mean) / (1.0 - two)
    return mean, square - mean * mean if square < math.inf else math.inf
