"""Fully synthetic loop: the expected squared Wasserstein distance, and whether it increases.

With tau_t = first_scale step_bias^(t-1), F_t = tr (Sigma_0^{1/2} Sigma_t Sigma_0^{1/2})^{1/2}
(the Bures fidelity) and D_t = 1 - E F_t / (tr Sigma_0 sqrt(tau_t)), which neither `bias` nor `ddof`
enters,

    E W2^2(t) = E |mu_t - mu_0|^2 + tr Sigma_0 [(1 - sqrt(tau_t))^2 + 2 sqrt(tau_t) D_t]      (1.7)

What 1.8 rests on. Write l for bias, n for n_synth, h = l (n-1)/(n - ddof) for step_bias, c = c4(n),
V(t) = E W2^2(t) / tr Sigma_0. The walk's noise is l, the trace's factor h (both l at ddof = 1):

    A = l/n + h - 1 = l (n + ddof)/n - 1,   A >= 0 iff l >= n/(n + ddof).

(A) l >= n/(n + ddof) increases for h <= 1, every d and Sigma_0; so the maximum likelihood loop does
    at l = 1. F is concave and homogeneous of degree 1/2 in Sigma and E[Sigma_{t+1} | Sigma_t] =
    h Sigma_t, so E F_{t+1} <= sqrt(h) E F_t. The walk gains tau_t l/n, the trace changes by
    tau_t (h - 1), hence, with f_t = E F_t / tr Sigma_0 > 0,

        V(t+1) - V(t) >= tau_t A + 2 (1 - sqrt(h)) f_t.

    For h <= 1 both terms are >= 0, and one is > 0 (A > 0 at h = 1). For h > 1 use
    f_t <= sqrt(tau_t) (Jensen): the right side is positive as soon as
    sqrt(tau_t) A >= 2 (sqrt(h) - 1), for all t if for t = 1. At ddof = 1 that always is, as
    tau_1 >= 1 and A > h - 1 >= 2 (sqrt(h) - 1). At ddof = 0 it is where n_initial = n: with
    r^2 = n/(n-1), l = h r^2, tau_1 >= r^-2, x = sqrt(h) it reads (r x - 1)^2 + 2 (r - 1) >= 0. It
    may fail, and V with it, for a first sample much smaller: over-dispersion then mends
    the first fit (d = 1, n_initial = 2, n = 1000, l = 1.2 falls from 1 to 2).
(B) Rank 1: d = 1 or, with n = 2, from generation 2 on (1 where n_initial = 2 too). Sigma_{t+1} is
    Sigma_t times h chi2_m/m then, so f_t = g sqrt(tau_t) c^(t-1) exactly, g known, and

        V(t+1) - V(t) = tau_t A + 2 g sqrt(tau_t) c^(t-1) (1 - sqrt(h) c).

    For A < 0 it is negative iff (t - 1) (log h / 2 - log c) > log(2 g (1 - sqrt(h) c) / -A)
    - log(first_scale) / 2: a half line in t, so the sign is settled for all t by one comparison.
    For A >= 0 it is negative only if sqrt(h) c > 1, and then at t = 1 if anywhere, as
    sqrt(tau_t) grows and c^(t-1) falls.
(C) d = 1, n_initial = n >= 3, 0 < l <= 1, ddof = 1 increases. If l > c^2 then A > 0, as
    c^2 > n/(n+1) for n >= 3. If l <= c^2 the left side in (B) falls with t, so t = 1 decides: with
    x = sqrt(l), x^2 (n+1)/n - 1 + 2c - 2c^2 x has minimum 2c - 1 - c^4 n/(n+1) > 0 for n >= 3.
    ddof = 0 with a real first generation: for every n >= 2. c^2 > (n-1)/n >= h, so again t = 1
    decides; with y^2 = (n-1)/n, x = sqrt(h) it is x^2 - y^2 + 2cy - 2c^2 y x, of minimum
    y (2c - y (1 + c^4)) > 0, as 2c >= 1 + c^4 on [.77, 1], where c4(n) lies, and y < 1.
(D) n = 2, ddof = 1, every d and Sigma_0, 2/pi < l < 2/3 falls from some generation on:
    c^2 = 2/pi < l makes the second term of (B) vanish beside the first, and A < 0 for l < 2/3. At
    ddof = 0 no l does this: A < 0 needs l < 1, and h = l/2 > 2/pi needs l > 1.27.
(E) l = 0 is constant from generation 2 on, and falls from 1 to 2 iff
    E F_1 < first_scale tr Sigma_0 / 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check, spectrum
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, require_fully_synthetic
from madtheory.results import Estimate
from madtheory.theory.collapse._scales import log_bias, walk_share
from madtheory.theory.collapse.traces import mean_walk_limit


def _generations(generations: int) -> Array:
    """Return t = 1..T."""
    return np.arange(1.0, _check.count("generations", generations) + 1)


def _log_root(loop: Loop, t: Array) -> Array:
    """Return log sqrt(tau_t) = (log first_scale + (t - 1) log step_bias) / 2; 0 log 0 = 0."""
    return 0.5 * log_bias(loop, t)


def _distance(loop: Loop, t: Array, deficit: Array) -> Array:
    """Return V(t) = E W2^2 / tr Sigma_0 for D_t = `deficit`; no term cancels another."""
    with np.errstate(over="ignore"):
        root = np.exp(_log_root(loop, t))
        shrink = np.expm1(_log_root(loop, t)) ** 2
        return np.asarray(walk_share(loop, t) + shrink + 2 * root * deficit)


def estimate(loop: Loop, eigenvalues: ArrayLike, t: Array) -> Estimate:
    """Return E W2^2 / tr Sigma_0 at generations t."""
    d = spectrum.chain_deficit(eigenvalues, t, first=loop.first_dof, later=loop.dof)
    value, lower, upper = (_distance(loop, t, x) for x in (d.value, d.lower, d.upper))
    with np.errstate(over="ignore", invalid="ignore"):
        declared = 2 * np.exp(_log_root(loop, t)) * d.value * d.rel_error / value
        rigorous = np.maximum(upper - value, value - lower) / value
    # nan: infinite over infinite, an over-dispersed loop past the range of floats.
    error = np.nan_to_num(np.minimum(declared, rigorous), nan=0.0)
    return Estimate(value=value, lower=lower, upper=upper, rel_error=error)


def w2_squared(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Estimate:
    """Return E W2^2 between N(mu_t, Sigma_t) and N(mu_0, Sigma_0), t = 1..T (theory.md 1.7).

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop.
    eigenvalues : array_like, shape (d,)
        Eigenvalues of Sigma_0; zeros allowed.
    generations : int
        T.

    Returns
    -------
    Estimate
        Arrays (T,). Exact (rel_error 0) for rank 1 and at bias = 0 after the first generation;
        else asymptotic with the error declared from simulation, between rigorous bounds.

    Examples
    --------
    >>> w2_squared(fully_synthetic(10, bias=0.5), [1.0], generations=3).value.round(6)
    array([0.154681, 0.312061, 0.5048  ])
    """
    require_fully_synthetic(loop, "w2_squared")
    s = Spectrum.of(eigenvalues)
    return estimate(loop, s, _generations(generations)).scaled(s.trace)


def w2_squared_limit(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Return lim E W2^2 as t grows; inf at step_bias >= 1 (theory.md 1.8; exact).

    tr Sigma_0 (1 + 1/(n (1 - bias))) where n_initial = n_synth, generation 1 is real and ddof = 1;
    2 tr Sigma_0 for the maximum likelihood loop at bias 1.

    Parameters
    ----------
    loop, eigenvalues
        As for :func:`w2_squared`.

    Returns
    -------
    float

    Examples
    --------
    >>> w2_squared_limit(fully_synthetic(10, bias=0.5), [1.0, 1.0])
    2.4
    """
    require_fully_synthetic(loop, "w2_squared_limit")
    s = Spectrum.of(eigenvalues)
    return s.trace + mean_walk_limit(loop, s)


def w2_squared_high_dimension(loop: Loop, dim: int, *, generations: int) -> Estimate:
    """Return E W2^2 with E tr Sigma_t^{1/2} at its limit d, n -> infinity, Sigma_0 = I (5.1).

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop.
    dim : int
        Dimension d.
    generations : int
        T.

    Returns
    -------
    Estimate
        Arrays (T,). The bounds are those of :func:`w2_squared`; the declared error is the distance
        from its value plus its own declared error.

    Examples
    --------
    >>> w2_squared_high_dimension(fully_synthetic(101), 100, generations=1).value.round(2)
    array([31.22])
    """
    require_fully_synthetic(loop, "w2_squared_high_dimension")
    d = _check.count("dim", dim)
    t = _generations(generations)
    limit = spectrum.chain_deficit_limit(d, t, first=loop.first_dof, later=loop.dof)
    value, near = _distance(loop, t, limit), estimate(loop, np.ones(d), t)
    with np.errstate(invalid="ignore"):
        error = (np.abs(value - near.value) + near.rel_error * near.value) / value
    error = np.nan_to_num(error, nan=0.0)
    return Estimate(value, near.lower, near.upper, error).scaled(float(d))
