"""How many words of a vocabulary are alive, at temperature 1 (theory.md 4.2).

Generation 1 is the empirical distribution of N = n + n_fresh real tokens; each later one is that
of n tokens drawn from the last and of n_fresh new real ones. A token's count is a chain of its
own and depends on family trees only, as that of a mode does: what holds for one token holds for
a vocabulary, summed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check, _search
from madtheory.modes.bounds import each_bounds, stationary_bounds, survival_bounds
from madtheory.modes.fresh import gone_at_rest, gone_path
from madtheory.modes.survival import mode_survival
from madtheory.modes.tempering import sharpened, token_counts
from madtheory.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array

#: Most tokens of a training set for exact survival over generations with fresh data.
FRESH_LIMIT = 2_000
#: Most tokens of a training set for the exact stationary support.
STATIONARY_LIMIT = 8_192
#: Nodes that carry a vocabulary, and how many of its largest tokens are taken as they are.
NODES, LARGEST = 128, 16
#: Declared relative error of sums over a vocabulary carried by its nodes (measured: 1e-12).
NODE_ERROR = 1e-10


def zipf(size: int, exponent: float = 1.0) -> Array:
    """Return a Zipf vocabulary: `size` probabilities proportional to 1, 2^-a, 3^-a, ..., a >= 0.

    Examples
    --------
    >>> [round(float(x), 4) for x in zipf(3)]
    [0.5455, 0.2727, 0.1818]
    """
    V = _check.count("size", size, maximum=2**31)
    a = _check.number("exponent", exponent, low=0.0)
    return sharpened(1.0 / np.arange(1.0, V + 1.0), a)


def token_survival(p: ArrayLike, n: int, generations: int, *, n_fresh: int = 0) -> Estimate:
    """Return P(a token of probability p is alive at t), t = 1..T, at temperature 1.

    Arguments as for :func:`survival_bounds`, whose bounds the estimate has. Exact (rel_error 0) up
    to n = 8,192, or n + n_fresh = 2,000 with fresh data. Above, the value is that of
    :func:`~madtheory.modes.mode_survival`, or the middle of the bounds with fresh data.

    Examples
    --------
    >>> estimate = token_survival(0.1, 20, 20)
    >>> round(float(estimate.value[-1]), 4), float(estimate.rel_error[-1])
    (0.2038, 0.0)
    """
    p_, (n_, fresh) = _check.probabilities("p", p), token_counts(n, n_fresh)
    lower, upper = survival_bounds(p_, n_, generations, n_fresh=fresh)
    if fresh == 0:
        plain = mode_survival(p_, n_, generations)
        return Estimate(plain.value, lower, upper, plain.rel_error)
    if n_ + fresh > FRESH_LIMIT:
        return Estimate.between(lower, upper)
    gone = np.array([gone_path(x, n_, fresh, generations) for x in p_.ravel()])
    value = (1.0 - gone).reshape(lower.shape).clip(lower, upper)
    return Estimate.between(lower, upper, value, rel_error=0.0)


@dataclass(frozen=True, slots=True)
class Support:
    """What is left of a vocabulary.

    Attributes
    ----------
    number : Estimate
        E number of tokens that are alive.
    mass : Estimate
        E probability, in the real distribution, of the tokens that are alive: the share of real
        text that the model can still produce (recall).
    """

    number: Estimate
    mass: Estimate


def _nodes(p: Array) -> tuple[Array, Array, Array]:
    """Points in log p that carry a vocabulary: its largest tokens, and Chebyshev points below.

    Returns the points and, for each, its weight in a sum of f(p) and in a sum of p f(p): a sum
    over tokens is that of the interpolating polynomial in log p.
    """
    values, counts = np.unique(p[p > 0], return_counts=True)
    if values.size <= NODES + LARGEST:
        return values, counts.astype(np.float64), counts * values
    rest, many = np.log(values[:-LARGEST]), counts[:-LARGEST]
    middle, half = 0.5 * (rest[0] + rest[-1]), 0.5 * (rest[-1] - rest[0])
    grid = np.polynomial.chebyshev.chebpts1(NODES)
    coefficients = np.polynomial.chebyshev.chebvander(grid, NODES - 1) * (2.0 / NODES)
    coefficients[:, 0] *= 0.5
    basis = np.polynomial.chebyshev.chebvander((rest - middle) / half, NODES - 1)
    points = np.concatenate([np.exp(middle + half * grid), values[-LARGEST:]])
    number = np.concatenate([coefficients @ (many @ basis), counts[-LARGEST:]])
    weights = coefficients @ ((many * np.exp(rest)) @ basis)
    return points, number, np.concatenate([weights, (counts * values)[-LARGEST:]])


def _summed(
    weights: Array, alive: Estimate, bounds: tuple[Array, Array], carried: bool
) -> Estimate:
    """Sum of weights f(p) over the nodes, with bounds; without exact values, between these."""
    error = float(alive.rel_error.max(initial=0.0))
    if error > 1e-6:
        return Estimate.between(*bounds)
    error += NODE_ERROR if carried else 0.0
    return Estimate.between(*bounds, weights @ alive.value, rel_error=error)


def _sums(p: Array, bounds: Iterable[tuple[Array, Array]]) -> Array:
    """Bounds on the number and on the mass, shape (T, 2, 2): lower and upper, then which sum."""
    weights = np.stack([(p > 0) * 1.0, p])
    return np.array([[weights @ low, weights @ high] for low, high in bounds])


def _support(p: Array, alive: Callable[[Array], Estimate], sums: Array) -> Support:
    """Sum over a vocabulary: survival at its nodes, `sums` of bounds over every token."""
    points, number, mass = _nodes(p)
    at_nodes, carried = alive(points), points.size < np.unique(p[p > 0]).size
    return Support(
        _summed(number, at_nodes, (sums[..., 0, 0], sums[..., 1, 0]), carried),
        _summed(mass, at_nodes, (sums[..., 0, 1], sums[..., 1, 1]), carried),
    )


def support(p: ArrayLike, n: int, generations: int, *, n_fresh: int = 0) -> Support:
    """Return how much of a vocabulary is alive at t = 1..T, at temperature 1.

    Arguments as for :func:`survival_bounds`, p of shape (V,). The bounds are rigorous. The value is
    exact for up to 144 different probabilities where :func:`token_survival` is; larger vocabularies
    add a relative error of 1e-10. Above the limits of :func:`token_survival` with fresh data, it is
    between the bounds.

    Examples
    --------
    >>> left = support(zipf(50_000), 1_000_000, 100)
    >>> [round(float(x)) for x in left.number.value[[0, 9, 99]]]
    [47408, 26647, 6537]
    """
    p_, (n_, fresh) = _check.distribution("p", p), token_counts(n, n_fresh)
    steps = _check.count("generations", generations)

    def alive(x: Array) -> Estimate:
        return token_survival(x, n_, steps, n_fresh=fresh)

    return _support(p_, alive, _sums(p_, each_bounds(p_, n_, fresh, steps)))


def stationary_support(p: ArrayLike, n: int, n_fresh: int) -> Support:
    """Return how much of a vocabulary is alive in the stationary loop with fresh data.

    At temperature 1 (at others simulate), n_fresh at least 1; the bounds are rigorous. Exact up to
    n + n_fresh = 8,192 and 144 different probabilities; more of them add a relative error of 1e-10;
    larger n are between bounds.

    Examples
    --------
    >>> left = stationary_support(zipf(50_000), 990_000, 10_000)
    >>> round(float(left.number.value)), round(float(left.mass.value), 4)
    (17405, 0.8677)
    """
    p_, (n_, fresh) = _check.distribution("p", p), token_counts(n, n_fresh)

    def alive(x: Array) -> Estimate:
        if n_ + fresh > STATIONARY_LIMIT:
            return Estimate.between(*stationary_bounds(x, n_, fresh))
        return Estimate.exact([1.0 - gone_at_rest(one, n_, fresh) for one in x])

    return _support(p_, alive, _sums(p_, [stationary_bounds(p_, n_, fresh)])[0])


@dataclass(frozen=True, slots=True)
class FreshTokens:
    """Fresh tokens a generation: fewer than `necessary` are too few, `sufficient` are enough."""

    necessary: int
    sufficient: int


def fresh_for_support(p: ArrayLike, n: int, share: float, *, by: str = "number") -> FreshTokens:
    """Return how many fresh tokens a generation keep a share of the vocabulary alive on average.

    The share, in (0, 1), is one of the tokens with p > 0, or `by` "mass" of real text. Bisection on
    the bounds of :func:`stationary_support`.

    Examples
    --------
    >>> fresh_for_support(zipf(1_000), 10_000, 0.9)
    FreshTokens(necessary=3853, sufficient=3854)
    """
    p_, (n_, _) = _check.distribution("p", p), token_counts(n, 0)
    goal = _check.number("share", share, low=0.0, high=1.0, open_=True)
    _check.one_of("by", by, ("number", "mass"))
    values, many = np.unique(p_[p_ > 0], return_counts=True)
    weights = many / many.sum() if by == "number" else many * values
    points, number, mass = _nodes(p_)
    rough = number / many.sum() if by == "number" else mass

    def least(side: int) -> int:
        """Found on the nodes, then checked on every token."""
        guess = _least(
            lambda m: bool(rough @ stationary_bounds(points, n_, m)[side] >= goal), start=1
        )
        return _least(
            lambda m: bool(weights @ stationary_bounds(values, n_, m)[side] >= goal), start=guess
        )

    return FreshTokens(necessary=least(1), sufficient=least(0))


def _least(holds: Callable[[int], bool], *, start: int) -> int:
    """The smallest integer from 1 on for which an increasing property holds; near `start`."""
    low, high, step = start - 1, start, 1
    while not holds(high):
        low, high, step = high, high + step, 2 * step
    step = 1
    while low > 0 and holds(low):
        low, high, step = max(low - step, 0), low, 2 * step
    return _search.least(holds, low, high)
