"""Bounds on the life of a token, or of a mode, at any size (theory.md 4.2).

At temperature 1 a token's count is a chain of its own, and whether it is alive depends on its
family lines: from below by the chance that one line is kept, from above by the mean number of
lines. O(T) operations, however many samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory._compile import kernel
from madtheory._types import Array
from madtheory.modes.tempering import token_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Most generations of a family line that the bounds at rest follow one by one.
MOST_LINES = 2_000_000


@kernel
def _kept(c: float, n: int, total: int) -> float:
    """c -> 1 - (1 - c/N)^n: a line is kept when one of its Binomial(n, 1/N) offspring is."""
    return -math.expm1(n * math.log1p(-c / total)) if c < total else 1.0


@kernel
def _parents(lines: float, total: int) -> float:
    """Upper bound on the mean number of distinct parents, from that of the lines: concave in it."""
    if total == 1:
        return min(lines, 1.0)
    return min(lines, -total * math.expm1(lines * math.log1p(-1.0 / total)))


@kernel
def _write_sizes(n: int, total: int, sizes: Array) -> tuple[int, float]:
    """Write c_0, c_1, ... until they fall geometrically; return their number and E founders.

    From there on the mean number a of lines has a_(s+1) <= a_s n/N, and the series sums to a_s.
    """
    rest = (total - n) / total
    c, lines, founders, count = 1.0, float(total), 0.0, 0
    while c > 1e-3 * rest and count < sizes.size - 1:
        sizes[count] = c
        founders += rest * lines
        c, lines, count = _kept(c, n, total), _parents(n * (lines / total), total), count + 1
    sizes[count] = c
    return count + 1, founders + lines


def _log_q(p: Array, c: float = 1.0) -> Array:
    """log(1 - c p); -inf at 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-c * p))


def _shared(share: float, n: int, total: int) -> float:
    """P(two drawn tokens descend from one real token), one generation on."""
    return (total + n * (n - 1.0) * share) / float(total) ** 2


def _by_second_moment(p: Array, share: float) -> Array:
    """P(X > 0) >= (E X)^2 / E X^2, with E (X/N)^2 = share p + (1 - share) p^2."""
    return np.asarray(p / (share + (1.0 - share) * p))


def survival_bounds(
    p: ArrayLike, n: int, generations: int, *, n_fresh: int = 0
) -> tuple[Array, Array]:
    """Return bounds on P(a token of probability p is alive at t), t = 1..T; O(T) at any n.

    Without fresh data 1 - (1 - c_t p)^n <= P <= 1 - (1 - p)^(a_t) with c_1 = 1, a_1 = n,
    c -> 1 - (1 - c/n)^n and a -> n (1 - (1 - 1/n)^a). Lower: if P(gone | count k) <= rho^k now,
    then one generation earlier E rho^X = (1 - (1 - rho) k/n)^n <= ((1 - (1 - rho)/n)^n)^k by
    Bernoulli's inequality; 1 - e^-c in place of c -> ... is theory.md's, and is below it. Upper:
    P = 1 - E (1 - p)^A, A the number of ancestors, is concave in A, and so is a -> ... in a. The
    two differ by O(t/n) relatively. The lower bound also takes (E X)^2 / E X^2, which tends to
    the exact limit p; the upper bound tends to it as well.

    Parameters
    ----------
    p : array_like
        Probabilities of tokens in the real distribution; any shape.
    n : int
        Synthetic tokens of each generation.
    generations : int
        T.
    n_fresh : int
        Real tokens of each generation; the first has n + n_fresh real ones.

    Returns
    -------
    lower, upper : ndarray, shape p.shape + (T,)

    Examples
    --------
    >>> low, high = survival_bounds(0.1, 20, 20)
    >>> round(float(low[-1]), 4), round(float(high[-1]), 4)
    (0.1749, 0.2179)
    """
    p_, (n_, fresh) = _check.probabilities("p", p), token_counts(n, n_fresh)
    steps = _check.count("generations", generations)
    lower, upper = np.empty((2, *p_.shape, steps))
    for t, (low, high) in enumerate(each_bounds(p_, n_, fresh, steps)):
        lower[..., t], upper[..., t] = low, high
    return lower, upper


def each_bounds(p: Array, n: int, fresh: int, steps: int) -> Iterator[tuple[Array, Array]]:
    """Yield lower and upper bounds at t = 1..T, one generation at a time."""
    total, log_q = n + fresh, _log_q(p)
    c, lines, share = 1.0, float(total), 1.0 / total
    gone, founders = np.zeros(p.shape), 0.0
    for _ in range(steps):
        log_kept = _log_q(p, c)
        by_lines = -np.expm1(total * log_kept + gone)
        lower = np.maximum(by_lines, _by_second_moment(p, share))
        yield lower, np.asarray(-np.expm1((lines + founders) * log_q))
        if fresh:
            gone, founders = gone + fresh * log_kept, founders + fresh * (lines / total)
        c, share = _kept(c, n, total), _shared(share, n, total)
        lines = _parents(n * (lines / total), total)


def _line_sizes(n: int, total: int) -> tuple[Array, float]:
    """c_0, c_1, ... of :func:`survival_bounds` until they fall geometrically, and E-lines left.

    The second is the upper bound on the founders, E F <= sum over s of (m/N) a_s.
    """
    sizes = np.empty(MOST_LINES)
    count, founders = _write_sizes(n, total, sizes)
    return sizes[:count], founders


def _blocks(sizes: Array) -> tuple[Array, Array]:
    """Means and lengths of runs in which c changes by 5 % at most."""
    key = np.floor(-np.log(sizes) / 0.05)
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    lengths = np.diff(np.r_[starts, sizes.size])
    return np.add.reduceat(sizes, starts) / lengths, lengths.astype(np.float64)


def stationary_bounds(p: ArrayLike, n: int, n_fresh: int) -> tuple[Array, Array]:
    """Return bounds on P(a token of probability p is alive) in the stationary loop, n_fresh >= 1.

    1 - prod_s (1 - c_s p)^m <= P <= 1 - (1 - p)^(sum (m/N) a_s), s = 0, 1, ..., with the c_s and
    a_s of :func:`survival_bounds` and m = n_fresh: fresh tokens s generations old have kept a
    line with probability c_s or more, and at most (m/N) a_s of them on average.

    Products are taken over blocks of nearly equal c (log(1 - c p) is concave in c), and their
    far end by c_(s+1) >= r c_s - c_s^2/2, r = n/N: both keep the side of the bound.

    Examples
    --------
    >>> low, high = stationary_bounds(0.001, 10_000, 100)
    >>> round(float(low), 4), round(float(high), 4)
    (0.5574, 0.558)
    """
    p_, (n_, fresh) = _check.probabilities("p", p), token_counts(n, n_fresh)
    _check.count("n_fresh", fresh)
    total = n_ + fresh
    sizes, founders = _line_sizes(n_, total)
    gone = np.zeros(p_.shape)
    for c, length in zip(*_blocks(sizes[:-1]), strict=True):
        gone += fresh * length * _log_q(p_, c)
    gone -= p_ * fresh * sizes[-1] / (fresh / total + 0.5 * sizes[-1])
    share = total / (float(total) ** 2 - n_ * (n_ - 1.0))
    lower = np.asarray(np.maximum(-np.expm1(gone), _by_second_moment(p_, share)))
    return lower, np.asarray(-np.expm1(founders * _log_q(p_)))
