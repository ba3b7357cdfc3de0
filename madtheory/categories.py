"""Categories in a self-consuming loop, as a language model samples them (theory.md 4.2; §2.3).

Generation 1 is the empirical distribution of N = n + n_fresh real tokens. Generation t + 1 is
that of n tokens drawn from generation t at temperature lambda, with probabilities
p^(1/lambda) / sum p^(1/lambda), and of n_fresh new real tokens.

At lambda = 1 a token's count is a chain of its own, and whether it is alive depends on family
trees only (:mod:`madtheory.mixture`): what holds for one token holds for a vocabulary, summed.
Below 1 temperature selects: the more frequent token gains, and the loop is exact for two tokens,
for all where few (:func:`full_chain`), and a closed form where n is large. A token that is lost
stays lost at any temperature; temperature 0 takes the most frequent tokens, ties in equal parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

from madtheory import _category_kernels as kernels
from madtheory import _search, _validate, mixture
from madtheory import _wright_fisher as chain
from madtheory.wishart import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "Fixation",
    "FreshTokens",
    "FullChain",
    "Support",
    "TwoTokens",
    "deterministic",
    "fixation",
    "fixation_diffusion",
    "fixation_limit",
    "fresh_for_support",
    "full_chain",
    "heterozygosity",
    "stationary_bounds",
    "stationary_law",
    "stationary_support",
    "support",
    "survival",
    "survival_bounds",
    "temperature_for",
    "tempered",
    "token_chain",
    "two_tokens",
    "zipf",
]

#: Most tokens of a training set for dense chains of one count.
DENSE_LIMIT = 1_000
#: Most tokens of a training set for exact survival over generations with fresh data.
FRESH_LIMIT = 2_000
#: Most tokens of a training set for the exact stationary support.
STATIONARY_LIMIT = 8_192
#: Most states of the full chain.
STATE_LIMIT = 3_000
#: Most generations of a family line that the bounds at rest follow one by one.
MOST_LINES = 2_000_000
#: Nodes that carry a vocabulary, and how many of its largest tokens are taken as they are.
NODES, LARGEST = 128, 16
#: Declared relative error of sums over a vocabulary carried by its nodes (measured: 1e-12).
NODE_ERROR = 1e-10
#: Size of the exact chain that calibrates the declared error of the diffusion.
CALIBRATION = 400
#: Selection n (1/lambda - 1) from which a fixed temperature is a limit of its own.
STRONG = 50.0
#: Selection up to which the diffusion is computed: its scale function spans e^(2 log 2 WEAK).
WEAK = 400.0
#: Transition probabilities below this are dropped from a dense chain: slow denormals.
NEGLIGIBLE = 1e-290


# --- checks and small parts ----------------------------------------------------------------------


def _counts(n: int, n_fresh: int, *, limit: int = 2**40) -> tuple[int, int]:
    fresh = _validate.count("n_fresh", n_fresh, minimum=0, maximum=limit - 1)
    return _validate.count("n", n, maximum=limit - fresh), fresh


def _inverse(temperature: float) -> float:
    """1/lambda; infinite at temperature 0."""
    value = _validate.number("temperature", temperature, low=0.0)
    return 1.0 / value if value > 1e-300 else math.inf


def _power(p: Array, power: float) -> Array:
    """p^power / sum over the last axis; an infinite power keeps the largest alone, ties equal."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        logs = np.log(p)
        # Finite ends: 0 * inf has no value, ties and zeros have.
        logs = (logs - logs.max(axis=-1, keepdims=True)) * min(max(power, 1e-300), 1e300)
        return np.asarray(special.softmax(logs, axis=-1))


def _exact(value: Array, lower: Array | None = None, upper: Array | None = None) -> Estimate:
    low, high = value if lower is None else lower, value if upper is None else upper
    return Estimate(value=value, lower=low, upper=high, rel_error=np.zeros_like(value))


def _between(lower: Array, upper: Array) -> Estimate:
    """The middle of two bounds; its error is half their distance."""
    value = 0.5 * (lower + upper)
    half = 0.5 * (upper - lower)
    error = np.divide(half, value, out=np.zeros_like(value), where=value > 0)
    return Estimate(value=value, lower=lower, upper=upper, rel_error=error)


def zipf(size: int, exponent: float = 1.0) -> Array:
    """Return a Zipf vocabulary: probabilities proportional to 1, 2^-a, ..., size^-a.

    Parameters
    ----------
    size : int
        Number of tokens V.
    exponent : float
        a, at least 0 (0: all equal).

    Returns
    -------
    ndarray, shape (size,)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Examples
    --------
    >>> [round(float(x), 4) for x in zipf(3)]
    [0.5455, 0.2727, 0.1818]
    """
    V = _validate.count("size", size, maximum=2**31)
    a = _validate.number("exponent", exponent, low=0.0)
    return _power(1.0 / np.arange(1.0, V + 1.0), a)


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

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Examples
    --------
    >>> [round(float(x), 4) for x in tempered([0.5, 0.3, 0.2], 0.5)]
    [0.6579, 0.2368, 0.1053]
    """
    return _power(_validate.distribution("p", p), _inverse(temperature))


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

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: asymptotic in n (exact for n = infinity).

    Examples
    --------
    >>> [round(float(x), 4) for x in deterministic([0.6, 0.4], 0.8, 5)[:, 0]]
    [0.6, 0.6241, 0.6533, 0.6882, 0.7291]
    """
    p_, power = _validate.distribution("p", p), _inverse(temperature)
    steps = _validate.count("generations", generations)
    with np.errstate(over="ignore", under="ignore"):
        powers = np.power(power, np.arange(steps, dtype=np.float64))
    return np.array([p_] + [_power(p_, float(x)) for x in powers[1:]])


# --- survival at temperature 1 -------------------------------------------------------------------


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

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: bound, at temperature 1.

    Examples
    --------
    >>> low, high = survival_bounds(0.1, 20, 20)
    >>> round(float(low[-1]), 4), round(float(high[-1]), 4)
    (0.1749, 0.2179)
    """
    p_, (n_, fresh) = _validate.probabilities("p", p), _counts(n, n_fresh)
    steps = _validate.count("generations", generations)
    lower, upper = np.empty((2, *p_.shape, steps))
    for t, (low, high) in enumerate(_each_bounds(p_, n_, fresh, steps)):
        lower[..., t], upper[..., t] = low, high
    return lower, upper


def _each_bounds(p: Array, n: int, fresh: int, steps: int) -> Iterator[tuple[Array, Array]]:
    """Lower and upper bounds at t = 1..T, one generation at a time."""
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
        c, share = kernels.kept(c, n, total), _shared(share, n, total)
        lines = kernels.parents(n * (lines / total), total)


def _gone_path(p: Array, n: int, fresh: int, steps: int) -> Array:
    """P(gone at t) with fresh data, exact, shape (size, T): E (1-p)^F, F the founders."""
    bands = chain.occupancy_band(n + fresh, n), chain.hypergeometric_band(n + fresh, fresh, n)
    out = np.empty((p.size, steps))
    out[:, 0] = (1.0 - p) ** (n + fresh)
    for row, x in zip(out, 1.0 - p, strict=True):
        later = np.empty(steps - 1)
        chain.fresh_path(*bands, x, later)
        row[1:] = x**fresh * later
    return out


def survival(p: ArrayLike, n: int, generations: int, *, n_fresh: int = 0) -> Estimate:
    """Return P(a token of probability p is alive at t), t = 1..T, at temperature 1.

    Parameters
    ----------
    p : array_like
        Probabilities of tokens in the real distribution; any shape.
    n, generations, n_fresh : int
        As for :func:`survival_bounds`.

    Returns
    -------
    Estimate
        Arrays of shape p.shape + (T,), with the bounds of :func:`survival_bounds`. The value is
        exact (rel_error 0) up to n = 8,192, or n + n_fresh = 2,000 with fresh data. Above, it is
        that of :func:`madtheory.mixture.survival`, or the middle of the bounds with fresh data.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: exact, or with the declared error.

    Examples
    --------
    >>> estimate = survival(0.1, 20, 20)
    >>> round(float(estimate.value[-1]), 4), float(estimate.rel_error[-1])
    (0.2038, 0.0)
    """
    p_, (n_, fresh) = _validate.probabilities("p", p), _counts(n, n_fresh)
    lower, upper = survival_bounds(p_, n_, generations, n_fresh=fresh)
    if fresh == 0:
        plain = mixture.survival(p_, n_, generations)
        return Estimate(plain.value, lower, upper, plain.rel_error)
    if n_ + fresh > FRESH_LIMIT:
        return _between(lower, upper)
    gone = _gone_path(p_.ravel(), n_, fresh, generations)
    return _exact((1.0 - gone).reshape(lower.shape), lower, upper)


# --- stationary law with fresh data --------------------------------------------------------------


def _line_sizes(n: int, total: int) -> tuple[Array, float]:
    """c_0, c_1, ... of :func:`survival_bounds` until they fall geometrically, and E-lines left.

    The second is the upper bound on the founders, E F <= sum over s of (m/N) a_s.
    """
    sizes = np.empty(MOST_LINES)
    count, founders = kernels.line_sizes(n, total, sizes)
    return sizes[:count], founders


def _blocks(sizes: Array) -> tuple[Array, Array]:
    """Means and lengths of runs in which c changes by 5 % at most."""
    key = np.floor(-np.log(sizes) / 0.05)
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    lengths = np.diff(np.r_[starts, sizes.size])
    return np.add.reduceat(sizes, starts) / lengths, lengths.astype(np.float64)


def stationary_bounds(p: ArrayLike, n: int, n_fresh: int) -> tuple[Array, Array]:
    """Return bounds on P(a token of probability p is alive) in the stationary loop.

    1 - prod_s (1 - c_s p)^m <= P <= 1 - (1 - p)^(sum (m/N) a_s), s = 0, 1, ..., with the c_s and
    a_s of :func:`survival_bounds` and m = n_fresh: fresh tokens s generations old have kept a
    line with probability c_s or more, and at most (m/N) a_s of them on average.

    Parameters
    ----------
    p : array_like
    n, n_fresh : int
        n_fresh at least 1.

    Returns
    -------
    lower, upper : ndarray, shape p.shape

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    Products are taken over blocks of nearly equal c (log(1 - c p) is concave in c), and their
    far end by c_(s+1) >= r c_s - c_s^2/2, r = n/N: both keep the side of the bound.
    theory.md 4.2; status: bound, at temperature 1.

    Examples
    --------
    >>> low, high = stationary_bounds(0.001, 10_000, 100)
    >>> round(float(low), 4), round(float(high), 4)
    (0.5574, 0.558)
    """
    p_, (n_, fresh) = _validate.probabilities("p", p), _counts(n, n_fresh)
    _validate.count("n_fresh", fresh)
    total = n_ + fresh
    sizes, founders = _line_sizes(n_, total)
    gone = np.zeros(p_.shape)
    for c, length in zip(*_blocks(sizes[:-1]), strict=True):
        gone += fresh * length * _log_q(p_, c)
    gone -= p_ * fresh * sizes[-1] / (fresh / total + 0.5 * sizes[-1])
    share = total / (float(total) ** 2 - n_ * (n_ - 1.0))
    lower = np.asarray(np.maximum(-np.expm1(gone), _by_second_moment(p_, share)))
    return lower, np.asarray(-np.expm1(founders * _log_q(p_)))


def _gone_at_rest(p: Array, n: int, fresh: int) -> Array:
    """P(gone) in the stationary loop, exact."""
    bands = chain.occupancy_band(n + fresh, n), chain.hypergeometric_band(n + fresh, fresh, n)
    return np.array([x**fresh * chain.fresh_limit(*bands, x) for x in 1.0 - p])


# --- vocabularies at temperature 1 ---------------------------------------------------------------


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
    if alive.rel_error.max(initial=0.0) > 1e-6:
        return _between(*bounds)
    error = float(alive.rel_error.max(initial=0.0)) + (NODE_ERROR if carried else 0.0)
    value = np.asarray(weights @ alive.value)
    return Estimate(value, *bounds, np.full_like(value, error))


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

    Parameters
    ----------
    p : array_like, shape (V,)
        Probabilities of the real tokens.
    n, generations, n_fresh : int
        As for :func:`survival_bounds`.

    Returns
    -------
    Support
        Estimates of shape (T,) with rigorous bounds. The value is exact for up to 144 different
        probabilities where :func:`survival` is; larger vocabularies add a relative error of
        1e-10. Above the limits of :func:`survival` with fresh data, it is between the bounds.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: exact, or with the declared error.

    Examples
    --------
    >>> left = support(zipf(50_000), 1_000_000, 100)
    >>> [round(float(x)) for x in left.number.value[[0, 9, 99]]]
    [47408, 26647, 6537]
    """
    p_, (n_, fresh) = _validate.distribution("p", p), _counts(n, n_fresh)
    steps = _validate.count("generations", generations)

    def alive(x: Array) -> Estimate:
        return survival(x, n_, steps, n_fresh=fresh)

    return _support(p_, alive, _sums(p_, _each_bounds(p_, n_, fresh, steps)))


def stationary_support(p: ArrayLike, n: int, n_fresh: int) -> Support:
    """Return how much of a vocabulary is alive in the stationary loop with fresh data.

    Parameters
    ----------
    p : array_like, shape (V,)
    n, n_fresh : int
        n_fresh at least 1.

    Returns
    -------
    Support
        Scalar estimates with rigorous bounds. Exact up to n + n_fresh = 8,192 and 144 different
        probabilities; more of them add a relative error of 1e-10; larger n are between bounds.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: exact, or with the declared error. At other temperatures simulate.

    Examples
    --------
    >>> left = stationary_support(zipf(50_000), 990_000, 10_000)
    >>> round(float(left.number.value)), round(float(left.mass.value), 4)
    (17405, 0.8677)
    """
    p_, (n_, fresh) = _validate.distribution("p", p), _counts(n, n_fresh)
    _validate.count("n_fresh", fresh)

    def alive(x: Array) -> Estimate:
        if n_ + fresh > STATIONARY_LIMIT:
            return _between(*stationary_bounds(x, n_, fresh))
        return _exact(1.0 - _gone_at_rest(x, n_, fresh))

    return _support(p_, alive, _sums(p_, [stationary_bounds(p_, n_, fresh)])[0])


@dataclass(frozen=True, slots=True)
class FreshTokens:
    """Fresh tokens a generation: fewer than `necessary` are too few, `sufficient` are enough."""

    necessary: int
    sufficient: int


def fresh_for_support(p: ArrayLike, n: int, share: float, *, by: str = "number") -> FreshTokens:
    """Return how many fresh tokens a generation keep a share of the vocabulary alive on average.

    Parameters
    ----------
    p : array_like, shape (V,)
    n : int
        Synthetic tokens of each generation.
    share : float
        In (0, 1).
    by : {"number", "mass"}
        Share of the tokens (those with p > 0), or of real text.

    Returns
    -------
    FreshTokens

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    By bisection on the bounds of :func:`stationary_support`. theory.md 4.2; status: bound.

    Examples
    --------
    >>> fresh_for_support(zipf(1_000), 10_000, 0.9)
    FreshTokens(necessary=3853, sufficient=3854)
    """
    p_, (n_, _) = _validate.distribution("p", p), _counts(n, 0)
    goal = _validate.number("share", share, low=0.0, high=1.0, open_=True)
    _validate.one_of("by", by, ("number", "mass"))
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


def heterozygosity(p: ArrayLike, n: int, generations: int, *, n_fresh: int = 0) -> Array:
    """Return E(1 - sum share_i^2) at t = 1..T: the chance that two drawn tokens differ.

    At temperature 1 this is exact. Without fresh data it is an upper bound for every temperature
    below 1 and a lower bound for every one above: sharpening a distribution majorises it, which
    can only lower 1 - sum share_i^2, and both temperatures then lose the factor 1 - 1/n.

    Parameters
    ----------
    p : array_like, shape (V,)
    n, generations, n_fresh : int
        As for :func:`survival_bounds`.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: exact at temperature 1; bound at others. Exact for two tokens at any
    temperature: :func:`two_tokens`.

    Examples
    --------
    >>> [round(float(x), 6) for x in heterozygosity([0.5, 0.3, 0.2], 10, 3)]
    [0.558, 0.5022, 0.45198]
    """
    p_, (n_, fresh) = _validate.distribution("p", p), _counts(n, n_fresh)
    steps, total = _validate.count("generations", generations), n_ + fresh
    # Two tokens differ when they descend from different real tokens (1 - share), which differ.
    kept, out = 1.0 - 1.0 / total, np.empty(steps)
    apart = (total * (total - 1.0) - n_ * (n_ - 1.0)) / float(total) ** 2
    for t in range(steps):
        out[t] = kept
        kept = apart + kept * (n_ * (n_ - 1.0) / float(total) ** 2)
    return float(p_ @ (1.0 - p_)) * out


# --- two tokens at any temperature ---------------------------------------------------------------


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

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: exact.

    Examples
    --------
    >>> token_chain(0.5, 2).round(4).tolist()
    [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]
    """
    p_ = _validate.number("p", p, low=0.0, high=1.0)
    n_, fresh = _counts(n, n_fresh, limit=DENSE_LIMIT)
    rows = chain.transition(n_, _success(n_ + fresh, _inverse(temperature)))
    rows[rows < NEGLIGIBLE] = 0.0
    if fresh == 0:
        return rows
    out = np.zeros((n_ + fresh + 1, n_ + fresh + 1))
    for drawn, mass in enumerate(chain.transition(fresh, np.array([p_]))[0]):
        out[:, drawn : drawn + n_ + 1] += mass * rows
    return out


def _success(total: int, power: float) -> Array:
    """Tempered share of a token that has k of N, k = 0..N."""
    share = np.arange(total + 1.0) / total
    both = _power(np.column_stack([share, 1.0 - share]), power)
    return np.ascontiguousarray(both[:, 0])


def _first_law(p: float, total: int) -> Array:
    """Law of the first count: all real."""
    return np.asarray(chain.transition(total, np.array([p]))[0])


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

    Parameters
    ----------
    p, n, temperature, n_fresh
        As for :func:`token_chain`.
    generations : int
        T.

    Returns
    -------
    TwoTokens

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: exact.

    Examples
    --------
    >>> path = two_tokens(0.6, 20, temperature=0.8, generations=10)
    >>> round(float(path.share[-1]), 4), round(float(path.alone[-1]), 4)
    (0.704, 0.5209)
    """
    matrix = token_chain(p, n, temperature=temperature, n_fresh=n_fresh)
    total = matrix.shape[0] - 1
    x, law = np.arange(total + 1.0) / total, _first_law(float(p), total)
    laws = []
    for _ in range(_validate.count("generations", generations)):
        laws.append(law)
        law = law @ matrix
    path = np.array(laws)
    return TwoTokens(
        share=path @ x,
        alive=path[:, 1:].sum(axis=1),
        alone=path[:, -1],
        heterozygosity=path @ (2.0 * x * (1.0 - x)),
    )


def stationary_law(p: float, n: int, n_fresh: int, *, temperature: float = 1.0) -> Array:
    """Return the stationary law of a token's count, 0..N, beside one other token.

    At temperature 1: of one token in any vocabulary.

    Parameters
    ----------
    p, n, temperature, n_fresh
        As for :func:`token_chain`; n_fresh at least 1.

    Returns
    -------
    ndarray, shape (N + 1,)
        Where the loop has more than one stationary law (temperature 0 with few fresh tokens: the
        winner of generation 1 stays for ever), the limit from a real first generation.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    Elimination without subtractions: relative accuracy everywhere. The time to get there can be
    as long as e^n at temperatures below 1. theory.md 4.2; status: exact.

    Examples
    --------
    >>> law = stationary_law(0.1, 90, 10)
    >>> round(float(law @ range(101)), 10), round(float(law[0]), 4)
    (10.0, 0.015)
    """
    _validate.count("n_fresh", n_fresh)
    matrix = token_chain(p, n, temperature=temperature, n_fresh=n_fresh)
    law = np.empty(matrix.shape[0])
    if 0.0 < p < 1.0 and kernels.stationary(matrix.copy(), law) > NEGLIGIBLE:
        return law
    return _limit_law(_first_law(float(p), matrix.shape[0] - 1), matrix)


def _limit_law(law: Array, matrix: Array) -> Array:
    """Limit of law @ matrix^(2^k)."""
    for _ in range(64):
        new = law @ matrix
        if np.abs(new - law).max() == 0.0:
            break
        law, matrix = new, matrix @ matrix
        matrix /= matrix.sum(axis=1, keepdims=True)
    return np.asarray(law)


# --- who wins, and when --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fixation:
    """Scalars: P(the first token is the one that is left), and E generation when one is left."""

    probability: Estimate
    time: Estimate


def fixation(p: float, n: int, *, temperature: float = 1.0) -> Fixation:
    """Return who wins of two tokens, and when, without fresh data.

    Parameters
    ----------
    p : float
        Probability of the first token in the real distribution.
    n : int
        Tokens of each generation.
    temperature : float

    Returns
    -------
    Fixation
        Exact (rel_error 0) up to n = 1,000. Above: :func:`fixation_diffusion`, declared error
        twice its error in an exact chain of n = 400 with the same n (1/lambda - 1), scaled by
        400/n; and where n (1/lambda - 1) > 50, :func:`fixation_limit`, calibrated alike, if its
        declared error is smaller.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range, or the chain needs more than 1e290 generations, or
        n (1 - 1/lambda) > 50 above n = 1,000.

    Notes
    -----
    The real distribution is generation 0. theory.md 4.2; status: exact or asymptotic in n.

    Examples
    --------
    >>> result = fixation(0.6, 100, temperature=0.9)
    >>> round(float(result.probability.value), 4), round(float(result.time.value), 2)
    (0.8121, 24.84)
    """
    p_, power = _validate.number("p", p, low=0.0, high=1.0), _inverse(temperature)
    n_ = _validate.count("n", n)
    if min(p_, 1.0 - p_) == 0.0:
        return Fixation(_exact(np.array(p_)), _exact(np.array(0.0)))
    if n_ <= DENSE_LIMIT:
        hit, time = _exact_fixation(p_, n_, power)
        return Fixation(_exact(np.array(hit)), _exact(np.array(time)))
    return _large_fixation(p_, n_, power)


def _exact_fixation(p: float, n: int, power: float) -> tuple[float, float]:
    matrix = chain.transition(n, _success(n, power))
    matrix[matrix < NEGLIGIBLE] = 0.0
    hit, time = np.empty((2, n + 1))
    if kernels.absorb(matrix, hit, time) < NEGLIGIBLE:
        raise ValueError("temperature must let the loop end within 1e290 generations, it does not")
    first = _first_law(p, n)
    return float(first @ hit), 1.0 + float(first @ time)


def _entropy(x: Array) -> Array:
    """Entropy in nats of (x, 1 - x)."""
    return np.asarray(special.entr(x) + special.entr(1.0 - x))


def _panels(x: float) -> tuple[Array, Array]:
    """Edges and Gauss nodes of (0, 1), shapes (panels + 1,), (panels, 16); x is an edge."""
    halves = 0.25 * 0.5 ** np.arange(40)
    ends = [0.0, 0.5, 1.0, x], halves, 1.0 - halves, 0.5 - halves, 0.5 + halves
    edges = np.unique(np.concatenate(ends))
    nodes, _ = np.polynomial.legendre.leggauss(16)
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    return edges, middle[:, None] + half[:, None] * nodes


def _partial_integrals() -> tuple[Array, Array]:
    """Weights of the integrals from -1 to each of 16 Gauss nodes (rows), and to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    values, k = np.polynomial.legendre.legvander(nodes, 16), np.arange(1, 16)
    integrals = np.empty((16, 16))
    integrals[:, 0] = nodes + 1.0
    integrals[:, 1:] = (values[:, 2:] - values[:, :-2]) / (2 * k + 1)
    to_coefficients = values[:, :16].T * weights * (np.arange(16) + 0.5)[:, None]
    return integrals @ to_coefficients, weights


def fixation_diffusion(p: float, n: int, *, temperature: float) -> tuple[float, float]:
    """Return P(the first of two tokens wins) and E time, in the diffusion limit.

    With a = n (1/lambda - 1) fixed the drift is a x (1-x) log(x/(1-x)) and the variance x (1-x),
    in units of n generations: P = S(p)/S(1), S(x) the integral of exp(2 a H) over (0, x), with H
    the entropy of (x, 1-x). So a temperature 1 - s/n balances drift and selection; s = a.

    Parameters
    ----------
    p : float
        In (0, 1).
    n : int
    temperature : float
        With |a| at most 400.

    Returns
    -------
    probability, time : float

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: asymptotic in n at fixed a.

    Examples
    --------
    >>> [round(x, 4) for x in fixation_diffusion(0.6, 100, temperature=0.9)]
    [0.8308, 23.6112]
    """
    p_ = _validate.number("p", p, low=0.0, high=1.0, open_=True)
    n_ = _validate.count("n", n)
    selection = n_ * (_inverse(temperature) - 1.0)
    _validate.number("n (1/temperature - 1)", selection, low=-WEAK, high=WEAK)
    edges, y = _panels(p_)
    width, (partial, weights) = 0.5 * np.diff(edges), _partial_integrals()
    top = math.log(2.0) if selection > 0 else 0.0
    scale = np.exp(2.0 * selection * (_entropy(y) - top))
    parts = width * (scale @ weights)
    inside = width[:, None] * (scale @ partial.T)
    before = (np.cumsum(parts) - parts)[:, None] + inside
    after = np.cumsum(parts[::-1])[::-1][:, None] - inside
    low = edges[1:] <= p_
    win = parts[low].sum() / parts.sum()
    speed = 2.0 / (y * (1.0 - y) * scale) * weights
    below = (width * (before * speed).sum(axis=1))[low].sum()
    above = (width * (after * speed).sum(axis=1))[~low].sum()
    return float(win), float(n_ * ((1.0 - win) * below + win * above))


def fixation_limit(p: float, n: int, *, temperature: float) -> tuple[float, float]:
    """Return P(the first of two tokens wins) and E time, for large n at a fixed temperature < 1.

    A deviation y from 1/2 grows by 1/lambda a generation and gets noise of variance 1/(4n), so
    its sign is settled by a normal variable W of mean p - 1/2 and variance 1/(4n (1 - lambda^2)):
    P = Phi(2 sqrt(n) (p - 1/2) sqrt(1 - lambda^2)). The loser then has odds
    exp(-logit(1/2 + |W|) lambda^-(t-1)), and is gone when none of n tokens is its.

    Parameters
    ----------
    p : float
        In (0, 1).
    n : int
    temperature : float
        In [0, 1).

    Returns
    -------
    probability, time : float

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: asymptotic in n at fixed temperature, for (p - 1/2) sqrt(n) = O(1).

    Examples
    --------
    >>> [round(x, 4) for x in fixation_limit(0.51, 10_000, temperature=0.5)]
    [0.9584, 9.7278]
    """
    p_ = _validate.number("p", p, low=0.0, high=1.0, open_=True)
    n_, power = _validate.count("n", n), _inverse(temperature)
    if power <= 1.0:
        raise ValueError(f"temperature must be below 1 for this limit, got {temperature:g}")
    sd = 1.0 / (2.0 * math.sqrt(n_ * (1.0 - power**-2)))
    win = float(special.ndtr((p_ - 0.5) / sd))
    x = np.linspace(-8.0, 8.0, 4001)
    # At W = 0 a tie: half a step of the grid stands in, the integral being one of log|W|.
    W = np.maximum(np.abs(p_ - 0.5 + sd * x), 0.001 * sd)
    odds = special.logit(np.minimum(0.5 + W, 1.0 - 1e-16))
    density = np.exp(-0.5 * x * x)
    return win, _time_of_growth(odds, density / density.sum(), n_, power)


def _time_of_growth(odds: Array, law: Array, n: int, power: float) -> float:
    """Sum over t >= 0 of P(both tokens are alive at t), the log-odds growing by `power`."""
    total, t, pending = 1.0, 0, 1.0
    while pending > 1e-12 and t < 100_000:
        with np.errstate(over="ignore"):
            scaled = odds * np.float64(power) ** t if t else odds
        lost = np.exp(-n * np.exp(-np.logaddexp(0.0, scaled)))
        pending, t = float(law @ (1.0 - lost)), t + 1
        total += pending
    return total


def _calibrated(value: float, exact: float, rough: float, factor: float) -> Estimate:
    """A limit whose error is twice that of the same limit at the size of CALIBRATION, scaled."""
    error = 2.0 * abs(exact - rough) * factor
    far = np.array(math.inf)
    return Estimate(np.array(value), -far, far, np.array(error / value if value > 0 else math.inf))


def _by_diffusion(p: float, n: int, power: float) -> Fixation:
    """Limit at a given n (1/lambda - 1): errors of order 1/n, in time of order 1 generation."""
    small = CALIBRATION
    like = 1.0 + n * (power - 1.0) / small
    rough = fixation_diffusion(p, small, temperature=1.0 / like)
    value = fixation_diffusion(p, n, temperature=1.0 / power)
    exact = _exact_fixation(p, small, like)
    return Fixation(
        _calibrated(value[0], exact[0], rough[0], small / n),
        _calibrated(value[1], exact[1], rough[1], 1.0),
    )


def _by_growth(p: float, n: int, power: float) -> Fixation:
    """Limit at a given temperature: errors of order 1/(n (1/lambda - 1)), and of some generations.

    Calibrated at the same distance from 1/2 in deviations of W, at the same temperature or the
    nearest at which n = CALIBRATION has selection enough.
    """
    small = CALIBRATION
    like = max(power, 1.0 + STRONG / small)
    z = 2.0 * (p - 0.5) * math.sqrt(n * (1.0 - power**-2))
    start = 0.5 + min(max(z, -8.0), 8.0) / (2.0 * math.sqrt(small * (1.0 - like**-2)))
    start = min(max(start, 0.01), 0.99)
    exact = _exact_fixation(start, small, like)
    rough = fixation_limit(start, small, temperature=1.0 / like)
    value = fixation_limit(p, n, temperature=1.0 / power)
    shrink, slower = (min(x - 1.0, 1.0) for x in (like, power))
    return Fixation(
        _calibrated(value[0], exact[0], rough[0], small * shrink / (n * slower)),
        _calibrated(value[1], exact[1], rough[1], shrink / slower),
    )


def _large_fixation(p: float, n: int, power: float) -> Fixation:
    """The limit that declares the smaller error, above the exact chain."""
    selection = n * (power - 1.0)
    if selection < -STRONG:
        most = n / (n - STRONG)
        raise ValueError(
            f"temperature must be at most {most:.6g} for n = {n}, got {1.0 / power:.6g}"
        )
    if selection <= STRONG:
        return _by_diffusion(p, n, power)
    growth = _by_growth(p, n, power)
    if selection > WEAK:
        return growth
    diffusion = _by_diffusion(p, n, power)
    return Fixation(
        min(growth.probability, diffusion.probability, key=lambda x: float(x.rel_error)),
        min(growth.time, diffusion.time, key=lambda x: float(x.rel_error)),
    )


def temperature_for(target: float, p: float, n: int) -> float:
    """Return the temperature at which the favoured of two tokens wins with a given probability.

    Parameters
    ----------
    target : float
        Between p (temperature 1) and the probability at temperature 0, of a majority among the
        first n tokens.
    p : float
        Probability of the favoured token, in (1/2, 1).
    n : int

    Returns
    -------
    float
        In [0, 1]; right to 1e-9 up to n = 1,000, above as :func:`fixation` is.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range, or no temperature below 1 reaches the target.

    Notes
    -----
    theory.md 4.2; status: exact or asymptotic in n.

    Examples
    --------
    >>> round(temperature_for(0.8, 0.6, 100), 4)
    0.9105
    """
    p_ = _validate.number("p", p, low=0.5, high=1.0, open_=True)
    goal = _validate.number("target", target, low=0.0, high=1.0)

    def excess(temperature: float) -> float:
        return float(fixation(p_, n, temperature=temperature).probability.value) - goal

    most = excess(0.0)
    if most < 0 or goal < p_:
        raise ValueError(f"target must be in [{p_:g}, {most + goal:.6g}], got {goal:g}")
    if goal == p_:
        return 1.0
    return float(optimize.brentq(excess, 0.0, 1.0, xtol=1e-10)) if most > 0 else 0.0


# --- every token of a small vocabulary -----------------------------------------------------------


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

    states: NDArray[np.int64]
    matrix: Array
    laws: Array

    def expect(self, values: ArrayLike) -> Array:
        """E of a function of the state at t = 1..T; `values` has shape (S,)."""
        return np.asarray(self.laws @ np.asarray(values, dtype=np.float64))


def _compositions(total: int, parts: int) -> NDArray[np.int64]:
    """All count vectors of `parts` entries with the given sum, shape (S, parts)."""
    rows = [(k,) for k in range(total + 1)] if parts > 1 else [()]
    for _ in range(parts - 2):
        rows = [(*row, k) for row in rows for k in range(total - sum(row) + 1)]
    return np.array([(*row, total - sum(row)) for row in rows], dtype=np.int64)


def _multinomial_rows(n: int, probabilities: Array, states: NDArray[np.int64]) -> Array:
    """P(counts) for each row of probabilities (R, V) and each state (S, V), shape (R, S)."""
    log_ways = special.gammaln(n + 1.0) - special.gammaln(states + 1.0).sum(axis=1)
    logs = special.xlogy(states[None], probabilities[:, None]).sum(axis=2)
    return np.asarray(np.exp(log_ways + logs))


def full_chain(
    p: ArrayLike, n: int, *, temperature: float = 1.0, generations: int, n_fresh: int = 0
) -> FullChain:
    """Return the exact law of all counts together, for few tokens of a small vocabulary.

    Parameters
    ----------
    p : array_like, shape (V,)
    n, temperature, generations, n_fresh
        As for :func:`two_tokens`; there are at most 3,000 states (N + V - 1 choose V - 1).

    Returns
    -------
    FullChain

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.2; status: exact.

    Examples
    --------
    >>> loop = full_chain([0.5, 0.3, 0.2], 6, temperature=0.7, generations=5)
    >>> round(float(loop.expect((loop.states > 0).sum(axis=1))[-1]), 4)
    1.3533
    """
    p_, (n_, fresh) = _validate.distribution("p", p), _counts(n, n_fresh)
    total, steps = n_ + fresh, _validate.count("generations", generations)
    size = math.comb(total + p_.size - 1, p_.size - 1)
    if size > STATE_LIMIT:
        raise ValueError(f"p and n must give at most {STATE_LIMIT} states, got {size}")
    states = _compositions(total, p_.size)
    matrix = _full_matrix(p_, n_, fresh, _power(states / total, _inverse(temperature)), states)
    law, laws = _multinomial_rows(total, p_[None], states)[0], []
    for _ in range(steps):
        laws.append(law)
        law = law @ matrix
    return FullChain(states=states, matrix=matrix, laws=np.array(laws))


def _full_matrix(p: Array, n: int, fresh: int, shares: Array, states: NDArray[np.int64]) -> Array:
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


# --- simulation ----------------------------------------------------------------------------------
