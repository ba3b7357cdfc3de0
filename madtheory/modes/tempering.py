"""Words at any temperature: what is sampled, and the loop where it is exact.

At temperature lambda tokens are drawn with probabilities p^(1/lambda) / sum p^(1/lambda). Below 1
sampling selects: the more frequent token gains. A token that is lost stays lost at any
temperature; temperature 0 takes the most frequent tokens, ties in equal parts. The loop is exact
for two tokens, and for all where few (theory.md 4.2; paper, Section 2.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check
from madtheory.modes import _elimination
from madtheory.modes import ancestry as chain

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array, Ints

#: Most tokens of a training set for dense chains of one count.
DENSE_LIMIT = 1_000
#: Most states of the full chain.
STATE_LIMIT = 3_000
#: Transition probabilities below this are dropped from a dense chain: slow denormals.
NEGLIGIBLE = 1e-290


def token_counts(n: int, n_fresh: int, *, limit: int = 2**40) -> tuple[int, int]:
    """Check the synthetic and the fresh tokens of a generation."""
    fresh = _check.count("n_fresh", n_fresh, minimum=0, maximum=limit - 1)
    return _check.count("n", n, maximum=limit - fresh), fresh


def inverse(temperature: float) -> float:
    """Return 1/lambda; infinite at temperature 0."""
    value = _check.number("temperature", temperature, low=0.0)
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

    At temperature lambda = 0 the most probable tokens, in equal parts.

    Examples
    --------
    >>> [round(float(x), 4) for x in tempered([0.5, 0.3, 0.2], 0.5)]
    [0.6579, 0.2368, 0.1053]
    """
    return sharpened(_check.distribution("p", p), inverse(temperature))


def deterministic(p: ArrayLike, temperature: float, generations: int) -> Array:
    """Return the loop without sampling noise: generation t is p^(lambda^-(t-1)), normalised.

    Temperatures multiply when applied in turn, so t - 1 of them are one of lambda^(t-1).
    Asymptotic in n (exact for n = infinity); shape (T, V).

    Examples
    --------
    >>> [round(float(x), 4) for x in deterministic([0.6, 0.4], 0.8, 5)[:, 0]]
    [0.6, 0.6241, 0.6533, 0.6882, 0.7291]
    """
    p_, power = _check.distribution("p", p), inverse(temperature)
    steps = _check.count("generations", generations)
    with np.errstate(over="ignore", under="ignore"):
        powers = np.power(power, np.arange(steps, dtype=np.float64))
    return np.array([p_] + [sharpened(p_, float(x)) for x in powers[1:]])


# --- two tokens -----------------------------------------------------------------------------------


def token_chain(p: float, n: int, *, temperature: float = 1.0, n_fresh: int = 0) -> Array:
    """Return the transition matrix of one token's count, 0..N, beside a single other token.

    At temperature 1 it is the chain of one token in any vocabulary.

    Parameters
    ----------
    p : float
        Probability of the token in the real distribution.
    n : int
        Synthetic tokens of each generation.
    temperature : float
    n_fresh : int
        Real tokens of each generation; N = n + n_fresh is at most 1,000.

    Returns
    -------
    ndarray, shape (N + 1, N + 1)
        Row k is the law of Binomial(n, g(k/N)) + Binomial(n_fresh, p), g the tempered share.

    Examples
    --------
    >>> token_chain(0.5, 2).round(4).tolist()
    [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]
    """
    p_ = _check.number("p", p, low=0.0, high=1.0)
    n_, fresh = token_counts(n, n_fresh, limit=DENSE_LIMIT)
    rows = chain.transition(n_, success(n_ + fresh, inverse(temperature)))
    rows[rows < NEGLIGIBLE] = 0.0
    if fresh == 0:
        return rows
    out = np.zeros((n_ + fresh + 1, n_ + fresh + 1))
    for drawn, mass in enumerate(chain.binomial_law(fresh, p_)):
        out[:, drawn : drawn + n_ + 1] += mass * rows
    return out


def success(total: int, power: float) -> Array:
    """Tempered share of a token that has k of N, k = 0..N."""
    share = np.arange(total + 1.0) / total
    both = sharpened(np.column_stack([share, 1.0 - share]), power)
    return np.ascontiguousarray(both[:, 0])


@dataclass(frozen=True, slots=True)
class TwoTokens:
    """Exact path of a vocabulary of two, arrays of shape (T,) over t = 1..T.

    Attributes
    ----------
    share : ndarray
        E share of the first token.
    alive, alone : ndarray
        P(the first token is alive), P(it alone is).
    heterozygosity : ndarray
        E 2 x (1 - x), x its share.
    """

    share: Array
    alive: Array
    alone: Array
    heterozygosity: Array


def two_tokens(
    p: float, n: int, *, temperature: float = 1.0, generations: int, n_fresh: int = 0
) -> TwoTokens:
    """Return the exact path of the loop for two tokens of probabilities p and 1 - p.

    Arguments as for :func:`token_chain`.

    Examples
    --------
    >>> path = two_tokens(0.6, 20, temperature=0.8, generations=10)
    >>> round(float(path.share[-1]), 4), round(float(path.alone[-1]), 4)
    (0.704, 0.5209)
    """
    matrix = token_chain(p, n, temperature=temperature, n_fresh=n_fresh)
    total = matrix.shape[0] - 1
    x, law = np.arange(total + 1.0) / total, chain.binomial_law(total, float(p))
    path = _laws(law, matrix, _check.count("generations", generations))
    return TwoTokens(
        share=path @ x,
        alive=path[:, 1:].sum(axis=1),
        alone=path[:, -1],
        heterozygosity=path @ (2.0 * x * (1.0 - x)),
    )


def stationary_law(p: float, n: int, n_fresh: int, *, temperature: float = 1.0) -> Array:
    """Return the stationary law of a token's count, 0..N, beside one other token (exact).

    Arguments as for :func:`token_chain`, n_fresh at least 1; at temperature 1 it is the law of
    one token in any vocabulary. Elimination without subtractions: relative accuracy everywhere.
    The time to get there can be as long as e^n at temperatures below 1. Where the loop has more
    than one stationary law (temperature 0 with few fresh tokens: the winner of generation 1 stays
    for ever), it is the limit from a real first generation.

    Examples
    --------
    >>> law = stationary_law(0.1, 90, 10)
    >>> round(float(law @ range(101)), 10), round(float(law[0]), 4)
    (10.0, 0.015)
    """
    _check.count("n_fresh", n_fresh)
    matrix = token_chain(p, n, temperature=temperature, n_fresh=n_fresh)
    law = np.empty(matrix.shape[0])
    if 0.0 < p < 1.0 and _elimination.stationary(matrix.copy(), law) > NEGLIGIBLE:
        return law
    return _limit_law(chain.binomial_law(matrix.shape[0] - 1, float(p)), matrix)


def _laws(law: Array, matrix: Array, steps: int) -> Array:
    """Laws at t = 1..steps, from the first, shape (steps, states)."""
    laws = [law]
    for _ in range(steps - 1):
        laws.append(laws[-1] @ matrix)
    return np.array(laws)


def _limit_law(law: Array, matrix: Array) -> Array:
    """Limit of law @ matrix^(2^k)."""
    for _ in range(64):
        new = law @ matrix
        if np.abs(new - law).max() == 0.0:
            break
        law, matrix = new, matrix @ matrix
        matrix /= matrix.sum(axis=1, keepdims=True)
    return np.asarray(law)


# --- every token of a small vocabulary ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FullChain:
    """The whole loop by enumeration.

    Attributes
    ----------
    states : ndarray of int, shape (S, V)
        Every way to share N tokens among V.
    matrix : ndarray, shape (S, S)
        Transition probabilities.
    laws : ndarray, shape (T, S)
        P(state) at t = 1..T.
    """

    states: Ints
    matrix: Array
    laws: Array

    def expect(self, values: ArrayLike) -> Array:
        """E of a function of the state at t = 1..T; `values` has shape (S,)."""
        return np.asarray(self.laws @ np.asarray(values, dtype=np.float64))


def _compositions(total: int, parts: int) -> Ints:
    """All count vectors of `parts` entries with the given sum, shape (S, parts)."""
    rows = [(k,) for k in range(total + 1)] if parts > 1 else [()]
    for _ in range(parts - 2):
        rows = [(*row, k) for row in rows for k in range(total - sum(row) + 1)]
    return np.array([(*row, total - sum(row)) for row in rows], dtype=np.int64)


def _multinomial_rows(n: int, probabilities: Array, states: Ints) -> Array:
    """P(counts) for each row of probabilities (R, V) and each state (S, V), shape (R, S)."""
    log_ways = special.gammaln(n + 1.0) - special.gammaln(states + 1.0).sum(axis=1)
    logs = special.xlogy(states[None], probabilities[:, None]).sum(axis=2)
    return np.asarray(np.exp(log_ways + logs))


def full_chain(
    p: ArrayLike, n: int, *, temperature: float = 1.0, generations: int, n_fresh: int = 0
) -> FullChain:
    """Return the exact law of all counts together, for few tokens of a small vocabulary.

    Arguments as for :func:`token_chain`, p of shape (V,); there are at most 3,000 states
    (N + V - 1 choose V - 1).

    Examples
    --------
    >>> loop = full_chain([0.5, 0.3, 0.2], 6, temperature=0.7, generations=5)
    >>> round(float(loop.expect((loop.states > 0).sum(axis=1))[-1]), 4)
    1.3533
    """
    p_, (n_, fresh) = _check.distribution("p", p), token_counts(n, n_fresh)
    total, steps = n_ + fresh, _check.count("generations", generations)
    size = math.comb(total + p_.size - 1, p_.size - 1)
    if size > STATE_LIMIT:
        raise ValueError(f"p and n must give at most {STATE_LIMIT} states, got {size}")
    states = _compositions(total, p_.size)
    matrix = _full_matrix(p_, n_, fresh, sharpened(states / total, inverse(temperature)), states)
    first = _multinomial_rows(total, p_[None], states)[0]
    return FullChain(states=states, matrix=matrix, laws=_laws(first, matrix, steps))


def _full_matrix(p: Array, n: int, fresh: int, shares: Array, states: Ints) -> Array:
    """Law of the next counts, from each row of tempered shares."""
    if fresh == 0:
        return _multinomial_rows(n, shares, states)
    index = {tuple(state): i for i, state in enumerate(states.tolist())}
    drawn, added = _compositions(n, p.size), _compositions(fresh, p.size)
    rows, extra = _multinomial_rows(n, shares, drawn), _multinomial_rows(fresh, p[None], added)[0]
    out = np.zeros((states.shape[0], states.shape[0]))
    for counts, mass in zip(added, extra, strict=True):
        out[:, [index[tuple(state)] for state in (drawn + counts).tolist()]] += mass * rows
    return out
