"""Modes in the loop with fresh data: how many are alive at rest, and how much data keeps all.

A line of descent ends where it meets a fresh sample. So a mode of weight p has no sample in a
training set with probability E (1-p)^F, F the number of founders of its samples: all real
samples that they descend from (theory.md 4.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check, _search
from madtheory.modes import ancestry as chain
from madtheory.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array

#: Most samples for a dense stationary law.
DENSE_LIMIT = 2_000
#: Most training samples for the exact chain with fresh data.
FRESH_LIMIT = 16_384
#: Relative rounding of a founder term: some thousand products of numbers near 1.
_ROUNDING = 1e-12


def fresh_counts(
    n_synth: int, n_fresh: int, *, least: int = 0, limit: int = 2**40
) -> tuple[int, int]:
    """Check the parts of a training set."""
    n = _check.count("n_synth", n_synth)
    fresh = _check.count("n_fresh", n_fresh, minimum=least)
    if n + fresh > limit:
        raise ValueError(f"n_synth + n_fresh must be at most {limit}, got {n + fresh}")
    return n, fresh


@lru_cache(maxsize=2)
def _bands(n: int, fresh: int) -> tuple[chain.Band, chain.Band]:
    """Parents of n lines among n + fresh samples, and how many of those are fresh."""
    return chain.occupancy_band(n + fresh, n), chain.hypergeometric_band(n + fresh, fresh, n)


def gone_at_rest(p: float, n: int, fresh: int) -> float:
    """P(a mode of weight p has no sample in a stationary training set): E (1-p)^F.

    F counts the founders of its samples.
    """
    if fresh == 0 or p in (0.0, 1.0):
        return 1.0 - p
    return float((1.0 - p) ** fresh * chain.fresh_limit(*_bands(n, fresh), 1.0 - p))


def gone_path(p: float, n: int, fresh: int, steps: int) -> Array:
    """P(a mode of weight p has no sample at t), t = 1..steps; the first samples are all real."""
    q, gone = 1.0 - p, np.empty(steps)
    gone[0] = q ** (n + fresh)
    later = np.empty(steps - 1)
    chain.fresh_path(*_bands(n, fresh), q, later)
    gone[1:] = q**fresh * later
    return gone


def stationary_survival(p: ArrayLike, n_synth: int, n_fresh: int) -> Array:
    """Return P(a mode of real weight p has a sample in a stationary training set).

    By descent, 1 - E (1-p)^F with F the number of founders: exact, for n_synth + n_fresh up to
    16,384. Of the shape of `p`, which is the limit of the closed loop: the answer at n_fresh = 0.

    Examples
    --------
    >>> round(float(stationary_survival(0.04, 1_000, 20)), 6)
    0.996182
    """
    p_ = _check.probabilities("p", p)
    n, fresh = fresh_counts(n_synth, n_fresh, limit=FRESH_LIMIT)
    values, where = np.unique(p_.ravel(), return_inverse=True)
    alive = np.array([1.0 - gone_at_rest(float(x), n, fresh) for x in values])
    return alive[where].reshape(p_.shape)


def stationary_surviving_mean(modes: int, n_synth: int, n_fresh: int) -> float:
    """Return the expected number of modes in a stationary training set, equal real weights (exact).

    Examples
    --------
    >>> round(stationary_surviving_mean(25, 1_000, 20), 4)
    24.9045
    """
    K = _check.count("modes", modes)
    return K * float(stationary_survival(1.0 / K, n_synth, n_fresh))


def stationary_count_law(p: float, n_synth: int, n_fresh: int) -> Array:
    """Return the law of one mode's count, 0..N, in a stationary training set, by a linear solve.

    The count is Binomial(n_synth, last count / N) + Binomial(n_fresh, p), N = n_synth + n_fresh up
    to 2,000, n_fresh at least 1. Exact, to an absolute error near 1e-13 (a tail below that is
    rounding).

    Examples
    --------
    >>> law = stationary_count_law(0.04, 100, 5)
    >>> round(float(law @ np.arange(106)), 10), round(float(law[0]), 6)
    (4.2, 0.338801)
    """
    p_ = _check.number("p", p, low=0.0, high=1.0)
    n, fresh = fresh_counts(n_synth, n_fresh, least=1, limit=DENSE_LIMIT)
    N = n + fresh
    synthetic = chain.transition(n, np.arange(N + 1) / N)
    real = chain.binomial_law(fresh, p_)
    shifts = np.zeros((n + 1, N + 1))
    for i in range(n + 1):
        shifts[i, i : i + fresh + 1] = real
    system = (synthetic @ shifts).T - np.eye(N + 1)
    system[-1] = 1.0  # The rows are dependent: the total takes the place of one.
    law = np.linalg.solve(system, np.eye(N + 1)[-1])
    return np.asarray(np.maximum(law, 0.0))


def all_modes_alive(modes: int, n_synth: int, n_fresh: int) -> Estimate:
    """Return P(every mode has a sample in a stationary training set), equal real weights.

    By inclusion and exclusion over the modes that are gone, sum (-1)^j C(K, j) E (1 - j/K)^F, by
    descent: exact up to `rel_error`, for n_synth + n_fresh up to 16,384.

    Returns
    -------
    Estimate
        Scalars. `lower` is the union bound, `upper` the better of Bonferroni's and the second
        moment's, P(D = 0) <= 1 - (E D)^2 / E D^2 for D modes gone; `rel_error` is the rounding of
        the alternating sum. Where the bounds are closer, or rounding hides so small a chance, the
        value is the middle of what is left, and `rel_error` says so.

    Examples
    --------
    >>> e = all_modes_alive(25, 1_000, 20)
    >>> [round(float(x), 5) for x in (e.lower, e.value, e.upper)]
    [0.90454, 0.90829, 0.90838]
    """
    K = _check.count("modes", modes)
    n, fresh = fresh_counts(n_synth, n_fresh, limit=FRESH_LIMIT)
    if K == 1 or fresh == 0 or n + fresh < K:
        return Estimate.exact(1.0 * (K == 1))
    terms = _exclusion_terms(K, n, fresh)
    total = math.fsum((-1.0) ** j * term for j, term in enumerate(terms))
    rounding = _ROUNDING * math.fsum(terms) + (terms[-1] if len(terms) < K else 0.0)
    one, two = (*terms, 0.0, 0.0)[1:3]
    lower = max(0.0, 1.0 - one)
    # With thousands of founders the chance that a mode is gone is 0 in float64.
    upper = 1.0 - max(one - two, one**2 / (one + 2.0 * two)) if one else 1.0
    if rounding > min(total, 0.5 * (upper - lower)) and rounding > 1e-9:
        return Estimate.between(lower, upper)
    if rounding >= total:  # so small a chance is lost in it
        return Estimate.between(lower, min(upper, max(total, 0.0) + rounding))
    value = min(max(total, lower), upper)
    return Estimate.between(lower, upper, value, rel_error=rounding / value)


def _exclusion_terms(modes: int, n: int, fresh: int) -> list[float]:
    """C(K, j) P(j given modes are gone) for j = 0, 1, ... until they vanish or are hopeless."""
    terms = [1.0]
    for j in range(1, modes):
        log = special.gammaln(modes + 1) - special.gammaln(j + 1) - special.gammaln(modes - j + 1)
        gone = gone_at_rest(j / modes, n, fresh)
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

    The event is about one generation's training set; a mode that is missing comes back with a
    fresh sample. The answer falls with n_synth: weights wander alike, and more samples meet a rare
    mode. Exact, by bisection on :func:`all_modes_alive`; fresh data alone must do at
    K (1-1/K)^n_fresh <= 1 - probability.

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
    fresh_counts(n, most, limit=FRESH_LIMIT)

    @cache
    def at(fresh: int) -> Estimate:
        return all_modes_alive(K, n, fresh)

    need = _search.least(lambda fresh: float(at(fresh).end(-1)) >= level, -1, most)
    union = _search.least(lambda fresh: float(at(fresh).lower) >= level, -1, most)
    return FreshNeed(need, float(at(need).value), union)
