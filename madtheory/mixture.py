"""Mixtures of well separated modes in a self-consuming loop (theory.md 4.1; Appendix B.2).

The loop is the idealised one: every sample is known to belong to its mode (labels, or modes far
apart), and a fit estimates each mode from its own samples. The first model sees real samples.

Which modes are alive depends on family trees alone. Each synthetic sample descends from one
training sample of the model before it, drawn uniformly, and the n samples of a training set
descend from A real ones, whose modes are independent draws. The law of A is the same for all
weights, so one chain, exact at any n that fits in memory, answers for all modes at once: a mode
of weight p is gone with probability E (1-p)^A, one mode is left with probability E sum p_i^A.
(It is Kingman's coalescent in discrete time; the mode weights are a Wright-Fisher chain.) With
fresh data a line ends where it meets a fresh sample, and the same holds with the number of
founders in place of A.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check, _search
from madtheory import _wright_fisher as chain
from madtheory.laws import chi_square
from madtheory.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "FreshNeed",
    "VariancePath",
    "absorption_time",
    "absorption_time_limit",
    "all_modes_alive",
    "fixation_cdf",
    "fixation_time",
    "fixation_time_limit",
    "floor_variance",
    "fresh_for_all_modes",
    "heterozygosity",
    "modal_variance",
    "mode_grid",
    "mode_recall",
    "stationary_count_law",
    "stationary_heterozygosity",
    "stationary_survival",
    "stationary_surviving_mean",
    "stationary_weight_limit",
    "survival",
    "surviving_law",
    "surviving_mean",
    "typical_variance",
]


#: Up to this many samples the chain of ancestors is exact from the start. Above, the number of
#: ancestors is normal until it has fallen this far (two moments, carried exactly).
EXACT = 8_192
#: Declared relative error of the second case. It falls like EXACT^-2; with 2,000 in place of
#: EXACT the largest error found, n = 16,000 against the exact chain, is 1e-8.
ENTRY_ERROR = 1e-8
#: Most samples at all: above 8,192 a generation costs microseconds until 2n/8,192 have passed.
MOST = 10**9
#: Most samples for which one mode's count is followed through its variance.
COUNT_LIMIT = 10_000
#: Most samples for a dense stationary law.
DENSE_LIMIT = 2_000
#: Most training samples for the exact chain with fresh data.
FRESH_LIMIT = 16_384
#: Relative rounding of a founder term: some thousand products of numbers near 1.
_ROUNDING = 1e-12


# --- checks --------------------------------------------------------------------------------------


def _exactly(value: Array) -> Estimate:
    return Estimate(value=value, lower=value, upper=value, rel_error=np.zeros_like(value))


def _estimate(value: Array, rel_error: float) -> Estimate:
    """Value with a declared error and no bounds, or exact if the error is 0."""
    if rel_error == 0.0:
        return _exactly(value)
    far = np.full_like(value, math.inf)
    return Estimate(value=value, lower=-far, upper=far, rel_error=np.full_like(value, rel_error))


def mode_grid(modes: int, dim: int = 2, *, spacing: float = 1.0) -> Array:
    """Return the centres of modes on a grid about 0 (Fig. 14: 25 modes, 5 x 5).

    The first `modes` points, row by row, of the smallest cubic grid that has as many.

    Parameters
    ----------
    modes, dim : int
    spacing : float
        Distance of neighbours.

    Returns
    -------
    ndarray, shape (modes, dim)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Examples
    --------
    >>> float((mode_grid(25) ** 2).sum(axis=1).mean())
    4.0
    """
    K, d = _check.count("modes", modes), _check.count("dim", dim)
    step = _check.number("spacing", spacing, low=0.0)
    side = _search.least(lambda points: points**d >= K, -1, K)
    index = np.arange(K)
    places = [index // side ** (d - 1 - i) % side for i in range(d)]
    return np.asarray(step * (np.stack(places, axis=1) - 0.5 * (side - 1)))


# --- number of ancestors -------------------------------------------------------------------------


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

    @property
    def error(self) -> float:
        return ENTRY_ERROR if self.early else 0.0


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


def _ancestor_means(n: int, f: Callable[[Array], Array], steps: int) -> tuple[Array, float]:
    """E f_j(A_(t-1)) for t = 1..steps, shape (steps, functions), and the declared error."""
    tree = _ancestors(n)
    parts = [_normal_means(f, tree.early[:steps])] if tree.early else []
    left = steps - len(tree.early)
    if left > 0:
        values = f(tree.states)
        parts += [
            (values @ tree.law)[None],
            chain.expectations(tree.band, tree.law, values, left - 1),
        ]
    return np.concatenate(parts), tree.error


def _time_to(n: int, f: Callable[[Array], Array]) -> Estimate:
    """1 + sum over t >= 0 of E f(A_t): mean time to an event that is pending with chance f(A)."""
    tree = _ancestors(n)
    values = f(tree.states)
    values[:2] = 0.0  # One ancestor, one mode: rounding must not say otherwise.
    sums = chain.absorbed_sums(tree.band, values)
    early = _normal_means(lambda a: f(a)[None], tree.early).sum() if tree.early else 0.0
    return _estimate(np.array(1.0 + early + tree.law @ sums), tree.error)


# --- the closed loop -----------------------------------------------------------------------------


def _alive(p: Array) -> Callable[[Array], Array]:
    """a -> 1 - (1-p)^a, for all p (rows)."""
    with np.errstate(divide="ignore"):
        log_q = np.log1p(-p)[:, None]
    return lambda a: -np.expm1(log_q * a)


def survival(p: ArrayLike, n_synth: int, generations: int) -> Estimate:
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
        Arrays of shape p.shape + (T,). Exact up to n_synth = 8,192 (rel_error 0); above, 1e-8.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1, by descent; status: exact, or with the declared error.

    Examples
    --------
    >>> [round(float(x), 6) for x in survival(0.04, 250, 100).value[[0, 9, 99]]]
    [0.999963, 0.827976, 0.191183]
    """
    p_ = _check.probabilities("p", p)
    n = _check.count("n_synth", n_synth, maximum=MOST)
    steps = _check.count("generations", generations)
    values, error = _ancestor_means(n, _alive(p_.ravel()), steps)
    return _estimate(np.clip(values.T, 0.0, 1.0).reshape(*p_.shape, steps), error)


def surviving_mean(modes: int, n_synth: int, generations: int, *, n_fresh: int = 0) -> Estimate:
    """Return the expected number of modes with a positive count at t = 1..T, equal weights.

    With fresh data a training set has n_synth + n_fresh samples, and so has the first, all real.

    Parameters
    ----------
    modes, n_synth, generations, n_fresh : int

    Returns
    -------
    Estimate
        Arrays of shape (T,). Exact (rel_error 0) up to n_synth = 8,192; above, 1e-8.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range, or n_synth + n_fresh above 16,384 with fresh data.

    Notes
    -----
    theory.md 4.1; status: exact, or with the declared error.

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
        one = survival(1.0 / K, n_synth, generations)
        return _estimate(K * one.value, float(one.rel_error[0]))
    n, _ = _fresh_counts(n_synth, fresh, limit=FRESH_LIMIT)
    steps = _check.count("generations", generations)
    q, gone = 1.0 - 1.0 / K, np.empty(steps)
    gone[0] = q ** (n + fresh)
    later = np.empty(steps - 1)
    chain.fresh_path(*_fresh_bands(n, fresh), q, later)
    gone[1:] = q**fresh * later
    return _exactly(K * (1.0 - gone))


def surviving_law(modes: int, n_synth: int, at: Sequence[int]) -> Array:
    """Return P(exactly k modes have a positive count), equal weights, at some generations.

    A ancestors fall into the K modes like balls into cells.

    Parameters
    ----------
    modes, n_synth : int
        n_synth at most 8,192.
    at : sequence of int
        Generations t >= 1.

    Returns
    -------
    ndarray, shape (len(at), modes + 1)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: exact.

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


def heterozygosity(modes: int, n_synth: int, generations: int, *, n_fresh: int = 0) -> Array:
    """Return E(1 - sum p_k^2) of the mode weights at t = 1..T: (1 - 1/K)(1 - 1/n)^t.

    With fresh data a training set has n_synth + n_fresh samples, the first all real.

    Parameters
    ----------
    modes, n_synth, generations, n_fresh : int

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: exact.

    Examples
    --------
    >>> [round(float(x), 6) for x in heterozygosity(25, 250, 500)[[0, 499]]]
    [0.95616, 0.129402]
    """
    K, n = _check.count("modes", modes), _check.count("n_synth", n_synth)
    fresh = _check.count("n_fresh", n_fresh, minimum=0)
    t = np.arange(1, _check.count("generations", generations) + 1)
    total, start = n + fresh, 1.0 - 1.0 / K
    factor, limit = _diversity_step(n, fresh, start)
    return np.asarray(limit + (start * (1.0 - 1.0 / total) - limit) * factor ** (t - 1.0))


def _diversity_step(n: int, fresh: int, start: float) -> tuple[float, float]:
    """Factor and fixed point of H -> E H', counts Mult(n, p) + Mult(fresh, real), H_real = start.

    Two different samples are both synthetic, both fresh, or one of each; E p is always real.
    """
    total = float(n + fresh)
    factor = n * (n - 1.0) / total**2
    constant = start * (fresh * (fresh - 1.0) + 2.0 * n * fresh) / total**2
    # 1 - factor without cancellation: total^2 - n(n-1) = fresh (2n + fresh) + n.
    return factor, constant * total**2 / (fresh * (2.0 * n + fresh) + n)


def absorption_time(p: float, n_synth: int) -> Estimate:
    """Return the expected generation at which a mode of weight p is lost or alone.

    Parameters
    ----------
    p : float
        In (0, 1); at 0 and 1 the answer is 0.
    n_synth : int

    Returns
    -------
    Estimate
        Scalars. Exact (rel_error 0) up to n_synth = 8,192; above, 1e-8.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    The real distribution is generation 0. theory.md 4.1; status: exact, or with the declared
    error. Its limit for large n is :func:`absorption_time_limit`.

    Examples
    --------
    >>> round(float(absorption_time(0.5, 100).value), 4)
    136.6023
    """
    p_ = _check.number("p", p, low=0.0, high=1.0)
    n = _check.count("n_synth", n_synth, maximum=MOST)
    least = min(p_, 1.0 - p_)
    if least == 0.0:
        return _exactly(np.array(0.0))
    return _time_to(n, lambda a: -np.expm1(a * math.log1p(-least)) - least**a)


def fixation_time(weights: ArrayLike, n_synth: int) -> Estimate:
    """Return the expected generation at which only one mode is left.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Weights of the real distribution; they sum to 1.
    n_synth : int

    Returns
    -------
    Estimate
        Scalars. Exact (rel_error 0) up to n_synth = 8,192; above, 1e-8.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    The real distribution is generation 0. theory.md 4.1; status: exact, or with the declared
    error. Its limit for large n is :func:`fixation_time_limit`.

    Examples
    --------
    >>> round(float(fixation_time([1 / 25] * 25, 250).value), 4)
    487.3147
    """
    w = _check.distribution("weights", weights)
    n = _check.count("n_synth", n_synth, maximum=MOST)
    if w.max() == 1.0:
        return _exactly(np.array(0.0))
    return _time_to(n, lambda a: 1.0 - _power_sum(w, a))


def _power_sum(weights: Array, a: Array) -> Array:
    """Sum of weights^a for each a; equal weights are taken together."""
    values, counts = np.unique(weights, return_counts=True)
    total = np.zeros(a.shape)
    for value, count in zip(values, counts, strict=True):
        total += count * value**a
    return total


def fixation_cdf(weights: ArrayLike, n_synth: int, generations: int) -> Estimate:
    """Return P(only one mode is left at t), t = 1..T: E sum p_i^A.

    Parameters
    ----------
    weights : array_like, shape (K,)
    n_synth, generations : int

    Returns
    -------
    Estimate
        Arrays of shape (T,). Exact (rel_error 0) up to n_synth = 8,192; above, 1e-8.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: exact, or with the declared error.

    Examples
    --------
    >>> round(float(fixation_cdf([1 / 25] * 25, 250, 490).value[-1]), 6)
    0.611193
    """
    w = _check.distribution("weights", weights)
    n = _check.count("n_synth", n_synth, maximum=MOST)
    steps = _check.count("generations", generations)
    values, error = _ancestor_means(n, lambda a: _power_sum(w, a)[None], steps)
    return _estimate(np.clip(values[:, 0], 0.0, 1.0), error)


def absorption_time_limit(p: float, n_synth: int) -> float:
    """Return -2n (p log p + q log q), the diffusion limit of :func:`absorption_time`.

    Parameters
    ----------
    p : float
        In [0, 1].
    n_synth : int

    Returns
    -------
    float
        Generations.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: asymptotic in n p.

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

    Parameters
    ----------
    weights : array_like, shape (K,)
    n_synth : int

    Returns
    -------
    float
        Generations.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: asymptotic in n p. At 25 equal weights it is too large by 1.2 % at n =
    100, 0.5 % at 250, 0.15 % at 1,000.

    Examples
    --------
    >>> round(fixation_time_limit([1 / 25] * 25, 250), 4)
    489.8639
    """
    w = _check.distribution("weights", weights)
    n = _check.count("n_synth", n_synth)
    return float(2.0 * n * special.entr(1.0 - w).sum())


# --- fresh data ----------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _fresh_bands(n: int, fresh: int) -> tuple[chain.Band, chain.Band]:
    """Parents of n lines among n + fresh samples, and how many of those are fresh."""
    return chain.occupancy_band(n + fresh, n), chain.hypergeometric_band(n + fresh, fresh, n)


def _gone(n: int, fresh: int, p: float) -> float:
    """P(a mode of weight p has no sample in a stationary training set): E (1-p)^F.

    F counts the founders of its samples.
    """
    if fresh == 0 or p in (0.0, 1.0):
        return 1.0 - p
    return float((1.0 - p) ** fresh * chain.fresh_limit(*_fresh_bands(n, fresh), 1.0 - p))


def _fresh_counts(
    n_synth: int, n_fresh: int, *, least: int = 0, limit: int = 2**40
) -> tuple[int, int]:
    n, fresh = (
        _check.count("n_synth", n_synth),
        _check.count("n_fresh", n_fresh, minimum=least),
    )
    if n + fresh > limit:
        raise ValueError(f"n_synth + n_fresh must be at most {limit}, got {n + fresh}")
    return n, fresh


def stationary_heterozygosity(modes: int, n_synth: int, n_fresh: int) -> float:
    """Return E(1 - sum p_k^2) of the stationary loop with fresh data, equal real weights.

    Parameters
    ----------
    modes, n_synth, n_fresh : int

    Returns
    -------
    float
        0 without fresh data.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: exact.

    Examples
    --------
    >>> round(stationary_heterozygosity(25, 1_000, 20), 6)
    0.936348
    """
    K = _check.count("modes", modes)
    n, fresh = _fresh_counts(n_synth, n_fresh)
    return _diversity_step(n, fresh, 1.0 - 1.0 / K)[1]


def stationary_weight_limit(p: float, n_synth: int, n_fresh: int) -> tuple[float, float]:
    """Return (alpha, beta) of the Beta law of one mode's stationary weight, for large n.

    Diffusion with immigration. The mean is p and the variance the exact one, p q / (1 + alpha +
    beta); alpha + beta is close to 2 n_fresh when n_fresh is small beside n_synth.

    Parameters
    ----------
    p : float
        In (0, 1).
    n_synth, n_fresh : int
        n_fresh at least 1.

    Returns
    -------
    alpha, beta : float

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: asymptotic in n_synth / n_fresh, and for the bulk only: the chance of
    a count of 0 lies in its tail, where it is wrong by factors (:func:`stationary_survival`).

    Examples
    --------
    >>> alpha, beta = stationary_weight_limit(0.04, 1_000, 20)
    >>> round(alpha, 4), round(alpha + beta, 4)
    (1.5835, 39.5882)
    """
    p_ = _check.number("p", p, low=0.0, high=1.0, open_=True)
    n, fresh = _fresh_counts(n_synth, n_fresh, least=1)
    share = _diversity_step(n, fresh, 1.0)[1]  # H / H_real = theta / (1 + theta)
    theta = share / (1.0 - share)
    return theta * p_, theta * (1.0 - p_)


def stationary_survival(p: ArrayLike, n_synth: int, n_fresh: int) -> Array:
    """Return P(a mode of real weight p has a sample in a stationary training set).

    A training set is n_synth samples of the last model and n_fresh real ones.

    Parameters
    ----------
    p : array_like
        Real weights; any shape.
    n_synth, n_fresh : int
        At most 16,384 together.

    Returns
    -------
    ndarray, shape of `p`
        Without fresh data the limit of the closed loop: p.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1, by descent: 1 - E (1-p)^F, F the number of founders; status: exact.

    Examples
    --------
    >>> round(float(stationary_survival(0.04, 1_000, 20)), 6)
    0.996182
    """
    p_ = _check.probabilities("p", p)
    n, fresh = _fresh_counts(n_synth, n_fresh, limit=FRESH_LIMIT)
    values, where = np.unique(p_.ravel(), return_inverse=True)
    alive = np.array([1.0 - _gone(n, fresh, float(x)) for x in values])
    return alive[where].reshape(p_.shape)


def stationary_surviving_mean(modes: int, n_synth: int, n_fresh: int) -> float:
    """Return the expected number of modes in a stationary training set, equal real weights.

    Parameters
    ----------
    modes, n_synth, n_fresh : int
        The last two at most 16,384 together.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: exact.

    Examples
    --------
    >>> round(stationary_surviving_mean(25, 1_000, 20), 4)
    24.9045
    """
    K = _check.count("modes", modes)
    return K * float(stationary_survival(1.0 / K, n_synth, n_fresh))


def stationary_count_law(p: float, n_synth: int, n_fresh: int) -> Array:
    """Return the law of one mode's count in a stationary training set, by a linear solve.

    The count is Binomial(n_synth, last count / N) + Binomial(n_fresh, p), N = n_synth + n_fresh.

    Parameters
    ----------
    p : float
        Real weight, in [0, 1].
    n_synth, n_fresh : int
        At most 2,000 together; n_fresh at least 1.

    Returns
    -------
    ndarray, shape (N + 1,)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: exact, absolute error near 1e-13 (a tail below that is rounding).

    Examples
    --------
    >>> law = stationary_count_law(0.04, 100, 5)
    >>> round(float(law @ np.arange(106)), 10), round(float(law[0]), 6)
    (4.2, 0.338801)
    """
    p_ = _check.number("p", p, low=0.0, high=1.0)
    n, fresh = _fresh_counts(n_synth, n_fresh, least=1, limit=DENSE_LIMIT)
    N = n + fresh
    synthetic = chain.transition(n, np.arange(N + 1) / N)
    real = chain.transition(fresh, np.array([p_]))[0]
    shifts = np.zeros((n + 1, N + 1))
    for i in range(n + 1):
        shifts[i, i : i + fresh + 1] = real
    system = (synthetic @ shifts).T - np.eye(N + 1)
    system[-1] = 1.0  # The rows are dependent: the total takes the place of one.
    law = np.linalg.solve(system, np.eye(N + 1)[-1])
    return np.asarray(np.maximum(law, 0.0))


def all_modes_alive(modes: int, n_synth: int, n_fresh: int) -> Estimate:
    """Return P(every mode has a sample in a stationary training set), equal real weights.

    By inclusion and exclusion over the modes that are gone: sum (-1)^j C(K, j) E (1 - j/K)^F.

    Parameters
    ----------
    modes, n_synth, n_fresh : int
        The last two at most 16,384 together.

    Returns
    -------
    Estimate
        Scalars. `lower` is the union bound, `upper` the better of Bonferroni's and the second
        moment's, P(D = 0) <= 1 - (E D)^2 / E D^2 for D modes gone;
        `rel_error` is the rounding of the alternating sum. Where the bounds are closer, the value
        is their middle, and `rel_error` says so.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1, by descent; status: exact up to `rel_error`.

    Examples
    --------
    >>> e = all_modes_alive(25, 1_000, 20)
    >>> [round(float(x), 5) for x in (e.lower, e.value, e.upper)]
    [0.90454, 0.90829, 0.90838]
    """
    K = _check.count("modes", modes)
    n, fresh = _fresh_counts(n_synth, n_fresh, limit=FRESH_LIMIT)
    if K == 1 or fresh == 0 or n + fresh < K:
        return _exactly(np.array(1.0 * (K == 1)))
    terms = _exclusion_terms(K, n, fresh)
    total = math.fsum((-1.0) ** j * term for j, term in enumerate(terms))
    rounding = _ROUNDING * math.fsum(terms) + (terms[-1] if len(terms) < K else 0.0)
    one, two = (*terms, 0.0, 0.0)[1:3]
    lower = max(0.0, 1.0 - one)
    upper = 1.0 - max(one - two, one**2 / (one + 2.0 * two))
    value, error = min(max(total, lower), upper), rounding
    if rounding > min(total, 0.5 * (upper - lower)) and rounding > 1e-9:
        value, error = 0.5 * (lower + upper), 0.5 * (upper - lower)
    return Estimate(*(np.array(x) for x in (value, lower, upper, error / value)))


def _exclusion_terms(modes: int, n: int, fresh: int) -> list[float]:
    """C(K, j) P(j given modes are gone) for j = 0, 1, ... until they vanish or are hopeless."""
    terms = [1.0]
    for j in range(1, modes):
        log = special.gammaln(modes + 1) - special.gammaln(j + 1) - special.gammaln(modes - j + 1)
        gone = _gone(n, fresh, j / modes)
        terms.append(math.exp(log + math.log(gone)) if gone > 0.0 else 0.0)
        if not 1e-20 < terms[-1] < 1e8:
            break
    return terms


@dataclass(frozen=True, slots=True)
class FreshNeed:
    """How much fresh data keeps all modes alive.

    Attributes
    ----------
    n_fresh : int
        Least number of fresh samples a generation.
    probability : float
        What it attains: P(every mode has a sample in a stationary training set).
    union_bound : int
        The number that the union bound asks for: sufficient, hardly more.
    """

    n_fresh: int
    probability: float
    union_bound: int


def fresh_for_all_modes(modes: int, n_synth: int, probability: float) -> FreshNeed:
    """Return the least n_fresh with P(every mode has a sample at a stationary t) >= probability.

    The event is about one generation's training set, n_synth samples of the last model and
    n_fresh real ones of equal weights; a mode that is missing comes back with a fresh sample.

    Parameters
    ----------
    modes, n_synth : int
    probability : float
        In (0, 1).

    Returns
    -------
    FreshNeed

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    It falls with n_synth: weights wander alike, and more samples meet a rare mode. Bisection on
    :func:`all_modes_alive`; fresh data alone must do at K (1-1/K)^n_fresh <= 1 -
    probability. theory.md 4.1; status: exact.

    Examples
    --------
    >>> need = fresh_for_all_modes(25, 1_000, 0.99)
    >>> need.n_fresh, round(need.probability, 4), need.union_bound
    (33, 0.9915, 33)
    """
    K = _check.count("modes", modes)
    n = _check.count("n_synth", n_synth)
    level = _check.number("probability", probability, low=0.0, high=1.0, open_=True)
    if K == 1:
        return FreshNeed(0, 1.0, 0)
    most = math.ceil(math.log(K / (1.0 - level)) / -math.log1p(-1.0 / K))
    _fresh_counts(n, most, limit=FRESH_LIMIT)

    @cache
    def at(fresh: int) -> Estimate:
        return all_modes_alive(K, n, fresh)

    need = _search.least(lambda fresh: float(at(fresh).value) >= level, -1, most)
    union = _search.least(lambda fresh: float(at(fresh).lower) >= level, -1, most)
    return FreshNeed(need, float(at(need).value), union)


# --- variance within modes -----------------------------------------------------------------------


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
    return band, chain.transition(n, np.array([1.0 / modes]))[0]


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

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: exact (expectations). None is typical: the mean of v lives on rare
    paths, see :func:`typical_variance`. The average over alive modes within each replicate,
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
    long as no count was below 2.

    Parameters
    ----------
    modes, n_synth, generations : int
        n_synth at most 10,000.
    ddof, bias : float
        As in :func:`modal_variance`; bias positive.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: exact (the conditional mean of the log).

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

    v' = bias v chi^2_(N-1) / (N-ddof) + floor for a mode that keeps N samples. The floor stops
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

    Returns
    -------
    mean, variance : float
        inf where a moment is infinite.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1: fixed points of the affine maps of the first two moments; status: exact.

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
    return mean, f * (f + 2.0 * one * mean) / (1.0 - two) - mean**2


# --- recall --------------------------------------------------------------------------------------

#: Sample counts beyond the table's last use its last: nothing changes there but the tail.
_MOST_COUNTED = 20_000
#: Distances from a mode's centre, in its own standard deviations, and the last one covered.
_REACH = np.linspace(0.0, 9.0, 46)


def _covering(count: int, k: int) -> Array:
    """Expected number of k-NN balls of `count` planar standard normal points over a point.

    The point is at distance `_REACH` from the centre. Summed over a second point y: its ball
    reaches the first if fewer than k of the others are nearer, a binomial tail. Polar about the
    first point, Gauss-Legendre in log r.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)
    low = math.log(0.02 / math.sqrt(count))  # nearer points: 1e-4 of k
    half = 0.5 * (math.log(_REACH[-1] + 9.0) - low)
    r = np.exp(low + half * (nodes + 1.0))[:, None]
    cosine = np.cos(math.pi * (np.arange(20) + 0.5) / 20)
    x = _REACH[:, None, None]
    y_sq = x**2 + r**2 + 2.0 * x * r * cosine
    nearer = special.chndtr(np.broadcast_to(r**2, y_sq.shape), 2.0, y_sq)
    reaches = special.betainc(count - k, k, 1.0 - nearer)
    density = np.exp(-0.5 * y_sq) / 20
    total = density * reaches * (r**2 * half * weights[:, None])
    return np.asarray(count * total.sum(axis=(1, 2)))


@cache
def _coverage(k: int) -> tuple[Array, Array]:
    """Sample counts > k and, by count, P(a point at distance `_REACH` is covered)."""
    counts = [k + 1]
    while counts[-1] < _MOST_COUNTED:
        counts.append(max(counts[-1] + 1, int(1.35 * counts[-1])))
    rows = [-np.expm1(-_covering(count, k)) for count in counts]
    return np.array(counts, dtype=np.float64), np.array(rows)


def _covered(count: Array, reach: Array, k: int) -> Array:
    """Interpolate the table, linearly in log(count) and in distance."""
    counts, table = _coverage(k)
    place = np.interp(np.log(np.maximum(count, 1.0)), np.log(counts), np.arange(counts.size))
    row = np.minimum(place.astype(np.int64), counts.size - 2)
    step = reach / _REACH[1]
    column = np.minimum(step, _REACH.size - 2.0).astype(np.int64)
    a, b = place - row, np.minimum(step - column, 1.0)
    low = (1 - b) * table[row, column] + b * table[row, column + 1]
    high = (1 - b) * table[row + 1, column] + b * table[row + 1, column + 1]
    return np.where(step > _REACH.size - 1.0, 0.0, (1 - a) * low + a * high)


def _blurred(count: Array, widths: Array, k: int) -> Array:
    """Widths of the region that balls cover: along the minor axis a ball's own size is added.

    Points on a line have k-NN balls of a size that falls with k/count. The law 0.7 (k/count)^0.8
    of the major width is the one thing here that is fitted (to recall measured on points).
    """
    major, minor = widths[..., 0], widths[..., 1]
    size = 0.7 * major * (k / np.maximum(count, 1.0)) ** 0.8
    return np.stack([major, np.hypot(minor, size)], axis=-1)


def mode_recall(count: ArrayLike, widths: ArrayLike, shift: ArrayLike, *, k: int = 5) -> Array:
    """Return the expected recall of one planar mode from its part of a synthetic sample.

    Recall is the share of real points inside the k-nearest-neighbour ball of some synthetic
    point. For a round mode the balls over a point are taken as Poisson, with their exact mean
    number; an ellipse is stretched to a circle, its minor width blurred by the size of a ball. A
    mode with 1 to k points is covered whole: their balls reach to other modes. A lost one is not.

    Parameters
    ----------
    count : array_like of int, shape S
        Synthetic points of the mode.
    widths : array_like, shape S + (2,)
        Standard deviations of the synthetic mode along its major and its minor axis, in units of
        the real one, which is round.
    shift : array_like, shape S + (2,)
        Distance of the centres along these axes, in the same units. All broadcast together.
    k : int

    Returns
    -------
    ndarray, shape S

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    Kynkaanniemi et al. 2019; status: asymptotic. Largest absolute error found against points, k =
    5, 6 to 400 of them, widths 1/2 and 1, shifts up to 1: 0.03 for round modes, 0.05 where one
    width is twice the other, 0.15 for lines. The balls of a mode with at most k points also cover
    lost neighbours, which is not counted.

    Examples
    --------
    >>> [round(float(x), 2) for x in mode_recall([0, 3, 40], [1, 1], [0, 0])]
    [0.0, 1.0, 0.97]
    """
    k = _check.count("k", k, maximum=100)
    n, w, d = (np.asarray(x, dtype=np.float64) for x in (count, widths, shift))
    for name, array in (("count", n), ("widths", w)):
        if not (np.isfinite(array) & (array >= 0)).all():
            raise ValueError(f"{name} must be finite and non-negative, got {array.min():g}")
    if w.shape[-1:] != (2,) or d.shape[-1:] != (2,):
        raise ValueError(f"widths and shift must end in 2 axes, got {w.shape} and {d.shape}")
    shape = np.broadcast_shapes(n.shape, w.shape[:-1], d.shape[:-1])
    n, w = np.broadcast_to(n, shape), np.broadcast_to(w, (*shape, 2))
    points, weights = _real_points()
    scale = np.maximum(_blurred(n, w, k), 1e-150)
    far = (points - d[..., None, :]) / scale[..., None, :]
    reach = np.minimum(np.hypot(far[..., 0], far[..., 1]), 1e9)
    inside = _covered(n[..., None], reach, k) @ weights
    return np.where(n > k, inside, 1.0 * (n > 0))


@cache
def _real_points() -> tuple[Array, Array]:
    """Points and weights for means over a standard normal point of the plane."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    radius = np.sqrt(-2.0 * np.log(0.5 * (1.0 - nodes)))
    angle = 2.0 * math.pi * (np.arange(24) + 0.5) / 24
    x, y = np.outer(radius, np.cos(angle)), np.outer(radius, np.sin(angle))
    return np.stack([x.ravel(), y.ravel()], axis=-1), np.repeat(weights, 24) / 48.0
