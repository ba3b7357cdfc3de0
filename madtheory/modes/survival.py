"""Modes in the closed loop: how many are alive at t, and when one is left (theory.md 4.1).

Which modes are alive depends on family trees alone. Each synthetic sample descends from one
training sample of the model before it, drawn uniformly, and the n samples of a training set
descend from A real ones, whose modes are independent draws. The law of A is the same for all
weights, so one chain, exact at any n that fits in memory, answers for all modes at once: a mode
of weight p is gone with probability E (1-p)^A, one mode is left with probability E sum p_i^A.
(It is Kingman's coalescent in discrete time; the mode weights are a Wright-Fisher chain.)

An Estimate is exact (rel_error 0) up to n_synth = 8,192, and declares 1e-8 above. Times are
generations, the real distribution being generation 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check
from madtheory.modes import ancestry as chain
from madtheory.modes.fresh import FRESH_LIMIT, fresh_counts, gone_path
from madtheory.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array, Ints

#: Up to this many samples the chain of ancestors is exact from the start. Above, the number of
#: ancestors is normal until it has fallen this far (two moments, carried exactly).
EXACT = 8_192
#: Declared relative error of the second case. It falls like EXACT^-2; with 2,000 in place of
#: EXACT the largest error found, n = 16,000 against the exact chain, is 1e-8.
ENTRY_ERROR = 1e-8
#: Most samples at all: above 8,192 a generation costs microseconds until 2n/8,192 have passed.
MOST = 10**9


# --- number of ancestors --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ancestors:
    """The chain A_0 = n, A_1, ...: normal at first (`early`: mean, deviation), then exact."""

    early: tuple[tuple[float, float], ...]
    law: Array
    band: chain.Band

    @property
    def states(self) -> Array:
        """Values of the exact part; 0, which no training set has, stands in as 1."""
        return np.maximum(np.arange(self.law.size, dtype=np.float64), 1.0)

    def estimate(self, value: Array) -> Estimate:
        """Exact, or with the error of the normal law."""
        return Estimate.declared(value, ENTRY_ERROR) if self.early else Estimate.exact(value)


def _fewer(n: float, mean: float, variance: float) -> tuple[float, float]:
    """Mean and variance of the number of parents of A lines, from those of A.

    E[A' | A] = n (1 - q^A), q = 1 - 1/n, to second order about the mean.
    """
    log_q = math.log1p(-1.0 / n)
    q = math.exp(mean * log_q)
    slope, curve = -n * log_q * q, -n * log_q**2 * q
    # n (n-1) q2 + n q - n^2 q^2, q2 = (1 - 2/n)^A, without cancellation of n^2.
    spread = (n * q) ** 2 * math.expm1(mean * math.log1p(-1.0 / (n - 1.0) ** 2))
    spread -= n * q * math.expm1(mean * math.log1p(-1.0 / (n - 1.0)))
    return -n * math.expm1(mean * log_q) + 0.5 * curve * variance, spread + slope**2 * variance


def _entry_law(mean: float, deviation: float) -> Array:
    """Normal law on 0..EXACT, cell by cell."""
    edges = (np.arange(EXACT + 2) - 0.5 - mean) / deviation
    law = np.diff(special.ndtr(edges))
    return np.asarray(law / law.sum())


@lru_cache(maxsize=2)
def _ancestors(n: int) -> _Ancestors:
    band = chain.occupancy_band(n, min(n, EXACT))
    if n <= EXACT:
        law = np.zeros(n + 1)
        law[n] = 1.0
        return _Ancestors((), law, band)
    early, mean, variance = [], float(n), 0.0
    while mean + 12.0 * math.sqrt(variance) + 5.0 > EXACT:
        early.append((mean, math.sqrt(variance)))
        mean, variance = _fewer(float(n), mean, variance)
    return _Ancestors(tuple(early), _entry_law(mean, math.sqrt(variance)), band)


def _normal_means(f: Callable[[Array], Array], early: Sequence[tuple[float, float]]) -> Array:
    """E f(A), A normal: shape (len(early), functions)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    rows = [f(mean + deviation * nodes) @ weights for mean, deviation in early]
    return np.asarray(np.array(rows) / weights.sum())


def _path(tree: _Ancestors, f: Callable[[Array], Array], steps: int) -> Array:
    """E f_j(A_(t-1)) for t = 1..steps, shape (steps, functions)."""
    parts = [_normal_means(f, tree.early[:steps])] if tree.early else []
    left = steps - len(tree.early)
    if left > 0:
        values = f(tree.states)
        later = chain.expectations(tree.band, tree.law, values, left - 1)
        parts += [(values @ tree.law)[None], later]
    return np.concatenate(parts)


def _time_to(n: int, f: Callable[[Array], Array]) -> Estimate:
    """1 + sum over t >= 0 of E f(A_t): mean time to an event that is pending with chance f(A)."""
    tree = _ancestors(n)
    sums = chain.absorbed_sums(tree.band, f(tree.states))
    early = _normal_means(lambda a: f(a)[None], tree.early).sum() if tree.early else 0.0
    return tree.estimate(np.array(1.0 + early + tree.law @ sums))


def _alive(p: Array) -> Callable[[Array], Array]:
    """a -> 1 - (1-p)^a, for all p (rows)."""
    with np.errstate(divide="ignore"):
        log_q = np.log1p(-p)[:, None]
    return lambda a: -np.expm1(log_q * a)


def mode_survival(p: ArrayLike, n_synth: int, generations: int) -> Estimate:
    """Return P(a mode of weight p has a positive count at t), t = 1..T: 1 - E (1-p)^A.

    Parameters
    ----------
    p : array_like
        Weights of modes in the real distribution; any shape.
    n_synth : int
        Samples of every generation; the first model sees n_synth real ones.
    generations : int
        T.

    Returns
    -------
    Estimate
        Arrays of shape p.shape + (T,); by descent, exact or with the declared error.

    Examples
    --------
    >>> [round(float(x), 6) for x in mode_survival(0.04, 250, 100).value[[0, 9, 99]]]
    [0.999963, 0.827976, 0.191183]
    """
    p_ = _check.probabilities("p", p)
    n = _check.count("n_synth", n_synth, maximum=MOST)
    steps = _check.count("generations", generations)
    tree = _ancestors(n)
    values = _path(tree, _alive(p_.ravel()), steps)
    return tree.estimate(np.clip(values.T, 0.0, 1.0).reshape(*p_.shape, steps))


def surviving_mean(modes: int, n_synth: int, generations: int, *, n_fresh: int = 0) -> Estimate:
    """Return the expected number of modes with a positive count at t = 1..T, equal weights.

    Exact, or with the declared error; n_synth + n_fresh is at most 16,384 with fresh data.

    Examples
    --------
    >>> [round(float(x), 4) for x in surviving_mean(25, 250, 500).value[[0, 99, 499]]]
    [24.9991, 4.7796, 1.3953]
    >>> [round(float(x), 4) for x in surviving_mean(25, 250, 500, n_fresh=5).value[[0, 99, 499]]]
    [24.9992, 18.9002, 18.8767]
    """
    K = _check.count("modes", modes)
    fresh = _check.count("n_fresh", n_fresh, minimum=0)
    if fresh == 0:
        return mode_survival(1.0 / K, n_synth, generations).scaled(K)
    n, _ = fresh_counts(n_synth, fresh, limit=FRESH_LIMIT)
    steps = _check.count("generations", generations)
    return Estimate.exact(K * (1.0 - gone_path(1.0 / K, n, fresh, steps)))


def surviving_law(modes: int, n_synth: int, at: Sequence[int]) -> Array:
    """Return P(exactly k modes have a positive count), equal weights, at some generations.

    A ancestors fall into the K modes like balls into cells: exact, for n_synth up to 8,192.
    Shape (len(at), modes + 1).

    Examples
    --------
    >>> law = surviving_law(25, 250, [1, 490])
    >>> round(float(law[0, 25]), 6), round(float(law[1, 1]), 6)
    (0.999076, 0.611193)
    """
    K = _check.count("modes", modes)
    n = _check.count("n_synth", n_synth, maximum=EXACT)
    times = [_check.count("at", t) for t in at]
    tree, occupied = _ancestors(n), np.zeros((n + 1, K + 1))
    rows = chain.occupancy_band(K, n)
    for a in range(n + 1):
        start, size = rows.first[a], rows.size[a]
        occupied[a, start : start + size] = rows.weights[a, :size]
    laws, law, now = {}, tree.law, 1
    for t in sorted(set(times)):
        law, now = chain.evolve(tree.band, law, t - now), t
        laws[t] = law @ occupied
    return np.array([laws[t] for t in times])


# --- when one is left -----------------------------------------------------------------------------


def absorption_time(p: float, n_synth: int) -> Estimate:
    """Return the expected generation at which a mode of weight p is lost or alone; 0 at 0 and 1.

    Exact, or with the declared error; for large n :func:`absorption_time_limit`.

    Examples
    --------
    >>> round(float(absorption_time(0.5, 100).value), 4)
    136.6023
    """
    p_ = _check.number("p", p, low=0.0, high=1.0)
    n = _check.count("n_synth", n_synth, maximum=MOST)
    least = min(p_, 1.0 - p_)
    if least == 0.0:
        return Estimate.exact(0.0)
    return _time_to(n, lambda a: -np.expm1(a * math.log1p(-least)) - least**a)


def fixation_time(weights: ArrayLike, n_synth: int) -> Estimate:
    """Return the expected generation at which only one mode is left; real weights of shape (K,).

    Exact, or with the declared error; for large n :func:`fixation_time_limit`.

    Examples
    --------
    >>> round(float(fixation_time([1 / 25] * 25, 250).value), 4)
    487.3147
    """
    w = _check.distribution("weights", weights)
    n = _check.count("n_synth", n_synth, maximum=MOST)
    if w.max() == 1.0:
        return Estimate.exact(0.0)
    distinct = np.unique(w, return_counts=True)  # once: of 10^7 weights it takes a second
    return _time_to(n, lambda a: 1.0 - _power_sum(distinct, a))


def _power_sum(distinct: tuple[Array, Ints], a: Array) -> Array:
    """Sum of weights^a for each a; equal weights are taken together, with their counts."""
    total = np.zeros(a.shape)
    for value, count in zip(*distinct, strict=True):
        total += count * value**a
    return total


def fixation_cdf(weights: ArrayLike, n_synth: int, generations: int) -> Estimate:
    """Return P(only one mode is left at t), t = 1..T: E sum p_i^A, exact or as declared.

    Examples
    --------
    >>> round(float(fixation_cdf([1 / 25] * 25, 250, 490).value[-1]), 6)
    0.611193
    """
    w = _check.distribution("weights", weights)
    n = _check.count("n_synth", n_synth, maximum=MOST)
    steps = _check.count("generations", generations)
    tree = _ancestors(n)
    distinct = np.unique(w, return_counts=True)
    values = _path(tree, lambda a: _power_sum(distinct, a)[None], steps)
    return tree.estimate(np.clip(values[:, 0], 0.0, 1.0))


def absorption_time_limit(p: float, n_synth: int) -> float:
    """Return -2n (p log p + q log q), the diffusion limit of :func:`absorption_time`.

    Asymptotic in n p.

    Examples
    --------
    >>> round(absorption_time_limit(0.5, 100), 4)
    138.6294
    """
    p_ = _check.number("p", p, low=0.0, high=1.0)
    n = _check.count("n_synth", n_synth)
    return float(2.0 * n * (special.entr(p_) + special.entr(1.0 - p_)))


def fixation_time_limit(weights: ArrayLike, n_synth: int) -> float:
    """Return -2n sum (1-p_i) log(1-p_i), the diffusion limit of :func:`fixation_time`.

    Asymptotic in n p. At 25 equal weights it is too large by 1.2 % at n = 100, 0.5 % at 250, 0.15 %
    at 1,000.

    Examples
    --------
    >>> round(fixation_time_limit([1 / 25] * 25, 250), 4)
    489.8639
    """
    w = _check.distribution("weights", weights)
    n = _check.count("n_synth", n_synth)
    return float(2.0 * n * special.entr(1.0 - w).sum())
