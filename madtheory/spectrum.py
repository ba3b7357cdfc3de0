"""High-dimension limits and the mean of tr Sigma_t^{1/2} at finite size (theory.md 1.7, 5.1).

Notation: W_t is the product of t independent real Wishart factors,
``W_t = X_1 ... X_t X_t' ... X_1' / (k_1 ... k_t)`` with X_1 of shape (d, k_1) and X_i of shape
(k_{i-1}, k_i), which is the law of the whitened covariance of the fully synthetic loop at
lambda = 1. Everything here follows from three facts.

Commutation
    The singular values of X_1 ... X_t depend on (d, k_1, ..., k_t) only as a multiset (Ipsen and
    Kieburg, Phys. Rev. E 89, 032106, 2014). So d > m is the case of dimension D = min of the
    multiset with the remaining entries as degrees of freedom.
Limit
    The S-transform of the limit law is that of H (the law of the squared eigenvalues of Sigma_0)
    times prod 1 / (1 + (d / k_i) z). Lagrange inversion gives integer moments as residues, and
    their continuation to the power 1/2 as an integral on the cut,

        (2/pi) int_0^oo z^{-1/2} N'(z) prod_i (1 - N(z)/k_i)^{1/2} dz

    for E tr(Sigma_0 W_t Sigma_0)^{1/2}, with N(z) = sum_j s_j^2 z / (1 + s_j^2 z), s =
    eigenvalues of Sigma_0, the integrand being 0 where N exceeds some k_i. Sigma_0 = I gives the
    2F1 of theory.md 5.1, both branches.
Direction
    (u' W_t u)^{1/2} has the exact mean Phi_t = prod c4(k_i + 1) for every unit u.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import interpolate, optimize, special

from madtheory import _validate
from madtheory.wishart import Estimate, log_gamma_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]

__all__ = [
    "chain_deficit",
    "chain_deficit_limit",
    "mean_sqrt_trace",
    "moment_limit",
    "sqrt_trace_deficit",
    "sqrt_trace_limit",
    "sqrt_trace_limit_small_ratio",
]

#: Step of every trapezoid rule in y = log z. The integrands are analytic and bounded in
#: |Im y| < pi/2, so the rule's error is of order exp(-pi**2 / step) < 1e-16.
_STEP = 0.25
#: exp(-_TAIL) is what the rules leave out at either end.
_TAIL = 40.0
#: Generations evaluated one by one; beyond, K is interpolated (error below 1e-9, see the tests).
_DIRECT = 400
#: Largest number of matrix entries held at once, and worked through for a bound.
_CHUNK = 2**21
_LONG = 2**25
#: Room for rounding in a bound that would otherwise be tight.
_ROUNDING = 1e-9
#: Eigenvalues below this share of the trace change tr(.)^{1/2} by less than it (Rotfel'd).
_NEGLIGIBLE = 1e-30


def _generations(name: str, value: ArrayLike) -> Vector:
    """Return generations as floats, at least 0."""
    t = np.asarray(value, dtype=np.float64)
    if not np.isfinite(t).all() or (t < 0).any() or (t != np.floor(t)).any():
        raise ValueError(f"{name} must be non-negative integers, got {value!r}")
    return t


def _integer_moment(power: int, t: Vector, ratio: float) -> Vector:
    """Return (1/k) sum_j C(k, j+1) C(tk, j) ratio^j, term by term (all terms positive)."""
    term = np.ones_like(t)
    total = np.ones_like(t)
    with np.errstate(over="ignore"):
        for j in range(power - 1):
            step = np.maximum(t * power - j, 0.0) * ratio
            term = term * (step * (power - 1 - j) / ((j + 1) * (j + 2)))
            total = total + term
    return total


def _cut_moment(s: float, t: Vector, ratio: float) -> Vector:
    """Return the moment of order s in (0, 1) as the integral on the cut, y = log(u / (1-u)).

    ratio <= 1: sin(pi s)/(pi s) int u^-s (1-u)^s (1 - ratio u)^{st} du over (0, 1);
    ratio > 1: the same with u -> u / ratio, that is, the dimension m with d as a degree of freedom.
    """
    y = np.arange(-_TAIL / (1 - s), _TAIL / (1 + s), _STEP)
    log_v = -np.logaddexp(0.0, y)  # log(1 - u)
    g = ratio if ratio <= 1 else 1 / ratio
    gu = g * special.expit(y)
    near = log_v + np.log1p((1 - g) * np.exp(np.minimum(y, 700.0)))
    log_w = np.where(gu < 0.5, np.log1p(-np.minimum(gu, 0.5)), near)  # log(1 - g u)
    weight = (1 - s) * y + 2 * log_v + math.log(_STEP * np.sinc(s))
    power = np.multiply.outer(s * t, log_w)
    if ratio > 1:
        power = np.multiply.outer(s * (t - 1), log_v) + s * log_w + (s - 1) * math.log(ratio)
    total: Vector = np.exp(power + weight).sum(axis=-1)
    return total


def moment_limit(power: float, generations: ArrayLike, ratio: float) -> Vector:
    """Return lim E tr Sigma_t^power / dim at bias = 1, Sigma_0 = I, dim/m -> ratio (theory.md 5.1).

    Parameters
    ----------
    power : float
        Order of the moment, greater than 0: any order up to 0.99, a positive integer, or, with
        ratio < 1 and up to 1000 generations, any other.
    generations : array_like of int, any shape
        Generations t >= 0 (t = 0 is the real covariance).
    ratio : float
        dim / (n_synth - 1) > 0.

    Returns
    -------
    ndarray, shape of `generations`
        2F1(1 - power, -power t; 2; ratio) and its continuation past ratio = 1. inf on overflow.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Examples
    --------
    >>> moment_limit(2, [1, 2], 0.5)  # 1 + t ratio
    array([1.5, 2. ])
    """
    k = _validate.number("power", power, low=0.0, open_=True)
    gamma = _validate.number("ratio", ratio, low=0.0)
    t = _generations("generations", generations)
    if k == int(k):
        return _integer_moment(int(k), t, gamma)
    if k <= 0.99:
        out: Vector = np.where(t == 0, 1.0, _cut_moment(k, np.maximum(t, 1.0), gamma))
        return out
    if gamma >= 1:
        raise ValueError(f"ratio must be below 1 for power = {k:g}, got {gamma:g}")
    if (t > 1000).any():  # the library's 2F1 returns nan there
        raise ValueError(f"generations must be at most 1000 for power = {k:g}, got {t.max():g}")
    return np.asarray(special.hyp2f1(1 - k, -k * t, 2.0, gamma), dtype=np.float64)


def sqrt_trace_limit(generations: ArrayLike, ratio: float) -> Vector:
    """Return lim E tr Sigma_t^{1/2} / dim at bias = 1, Sigma_0 = I (theory.md 5.1; asymptotic).

    Parameters
    ----------
    generations : array_like of int, any shape
        Generations t >= 0.
    ratio : float
        dim / (n_synth - 1), any non-negative number.

    Returns
    -------
    ndarray, shape of `generations`
        2F1(1/2, -t/2; 2; ratio) for ratio <= 1, and beyond it 2 ratio^{-1/2} Gamma(t/2 + 1) /
        (sqrt(pi) Gamma(t/2 + 3/2)) 2F1(-1/2, 1/2; (t + 3)/2; 1/ratio). Neither form is evaluated
        as it stands: library 2F1 loses all digits at large t.

    Examples
    --------
    >>> sqrt_trace_limit(1, 1.0).round(6)  # 8 / (3 pi), the quarter circle law
    np.float64(0.848826)
    """
    return moment_limit(0.5, generations, ratio)


def sqrt_trace_limit_small_ratio(x: ArrayLike) -> Vector:
    """Return the limit of :func:`sqrt_trace_limit` as ratio -> 0 with x = t ratio (theory.md 5.1).

    exp(-x/4) [I_0(x/4) + I_1(x/4)], about 1.596 / sqrt(x) for large x.

    Examples
    --------
    >>> sqrt_trace_limit_small_ratio([0.0, 1e6]).round(6)
    array([1.      , 0.001596])
    """
    z = np.asarray(x, dtype=np.float64) / 4
    if not (z >= 0).all():
        raise ValueError(f"x must be non-negative, got minimum {4 * z.min():g}")
    return np.asarray(special.i0e(z) + special.i1e(z), dtype=np.float64)


# --- finite size: the pieces ---------------------------------------------------------------------


def _log_c4(dof: Vector) -> Vector:
    """Return log E (chi2_dof / dof)^{1/2}, to a small *relative* error (it is raised to the t)."""
    return np.asarray(log_gamma_ratio(dof / 2, 0.5), dtype=np.float64)


def _log_norm_mean(dim: float) -> float:
    """Return log E |z| for z ~ N(0, I_dim)."""
    return 0.5 * math.log(dim) + float(_log_c4(np.asarray(float(dim))))


def _norm_mean(s: Vector) -> float:
    """Return E |S z|, z ~ N(0, I): E sqrt(Q) = int (1 - E e^{-rQ}) r^{-3/2} dr / (2 sqrt(pi))."""
    total = float((s**2).sum())
    y = np.arange(-2 * _TAIL, 2 * _TAIL, _STEP)
    laplace = -0.5 * np.log1p(2 * np.multiply.outer(np.exp(y), s**2 / total)).sum(axis=1)
    integral = -(np.expm1(laplace) * np.exp(-y / 2)).sum() * _STEP
    return float(math.sqrt(total) * integral / (2 * math.sqrt(math.pi)))


@dataclass(frozen=True, slots=True)
class _Factors:
    """Wishart factors 1..t of each generation t, as counts of their distinct sizes."""

    sizes: Vector  # (U,)
    counts: Vector  # (T, U)

    def sum(self, per_size: Vector) -> Vector:
        """Return sum over the factors, (T,) or (T, J), for `per_size` (U,) or (U, J)."""
        out: Vector = self.counts @ per_size
        return out

    def moved(self, out: float, into: float) -> _Factors:
        """Return the factors with one of size `out` replaced by one of size `into`."""
        sizes = np.append(self.sizes, into)
        change = np.append(-(self.sizes == out).astype(np.float64), 1.0)
        return _Factors(sizes, np.pad(self.counts, ((0, 0), (0, 1))) + change).at(slice(None))

    def at(self, rows: NDArray[np.intp] | slice) -> _Factors:
        """Return the factors of some generations only, without sizes that none of them has."""
        counts = self.counts[rows]
        used = counts.any(axis=0)
        return _Factors(self.sizes[used], counts[:, used])


def _factors(dofs: Vector) -> _Factors:
    """Return the factors of generations 1..T for degrees of freedom (T,)."""
    sizes, index = np.unique(dofs, return_inverse=True)
    counts = np.zeros((dofs.size, sizes.size))
    counts[np.arange(dofs.size), index] = 1.0
    return _Factors(sizes, counts.cumsum(axis=0))


def _deficit_sum(factors: _Factors, logs: Vector, weight: Vector) -> Vector:
    """Return sum_j weight_j (1 - exp(sum over the factors of logs[., j])), (T,), by chunks."""
    rows = max(1, _CHUNK // logs.shape[1])
    parts = [
        -np.expm1(factors.counts[i : i + rows] @ logs) @ weight
        for i in range(0, len(factors.counts), rows)
    ]
    return np.concatenate(parts)


def _cut_nodes(a: Vector, largest: float) -> tuple[Vector, Vector]:
    """Return N(z) and the weights of (2/pi) z^{-1/2} N'(z) dz on {N < largest}, z = e^y.

    Where N stays below `largest` the trapezoid rule is exponentially convergent. Otherwise the
    integrand ends at z* with a root, which z/z* = logistic(pi sinh(w)) smooths out.
    """
    if largest >= a.size:
        y = np.arange(-2 * _TAIL, 0.7 * _TAIL - math.log(max(a.min(), 1e-28)), _STEP)
        dy = np.full_like(y, _STEP)
    else:
        top = optimize.brentq(lambda y: special.expit(y + np.log(a)).sum() - largest, -1e3, 1e3)
        w = np.arange(-4.2, 3.7, _STEP / 8)
        y = top + special.log_expit(np.pi * np.sinh(w))
        dy = special.expit(-np.pi * np.sinh(w)) * np.pi * np.cosh(w) * _STEP / 8
    n = special.expit(np.add.outer(y, np.log(a)))  # (J, d)
    slope = (n * (1 - n)).sum(axis=1)
    return n.sum(axis=1), 2 / np.pi * np.exp(-y / 2) * slope * dy


def _cut_deficit(a: Vector, theta: float, factors: _Factors) -> Vector:
    """Return 1 - (2/pi) int z^{-1/2} N' prod_i (1 - theta N/k_i)_+^{1/2} dz / sum sqrt(a), (T,)."""
    if theta == 0:
        return np.zeros(len(factors.counts))
    n, weight = _cut_nodes(a, float(factors.sizes.min()) / theta)
    weight = weight / np.sqrt(a).sum()
    ratio = np.minimum(np.multiply.outer(theta / factors.sizes, n), 1 - 1e-16)
    # Beyond the end of the cut the product is 0: what the nodes do not cover is deficit.
    missing = max(0.0, 1.0 - float(weight.sum())) if factors.sizes.min() < theta * a.size else 0.0
    return missing + _deficit_sum(factors, 0.5 * np.log1p(-ratio), weight)


# --- finite size: the law ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Block:
    """E tr(Sigma_0 W_t Sigma_0)^{1/2} for generations of one rank.

    Per unit of the upper bound exp(log_top) that the directional law gives, the mean K_t lies in
    [floor, 1] and falls from near 1 to exactly `floor` (Jensen; sqrt is concave and subadditive).
    """

    a: Vector  # squared eigenvalues over the largest
    theta: float  # share of N(z) that comes from other directions
    spread: float  # D - 1 for Sigma_0 = I: first order is 1 - K = spread / 8 * sum 1/k_i
    floor: float
    share: Vector  # (rank,) eigenvalues per unit of the upper bound
    factors: _Factors
    log_top: Vector  # (T,) log of the upper bound over tr Sigma_0
    flat: bool
    excess: float = 0.0  # log of the other upper bound, by `rank` dimensions, over tr Sigma_0

    @property
    def rank(self) -> int:
        """Rank of Sigma_t."""
        return self.share.size

    @property
    def singular(self) -> bool:
        """Whether Sigma_t has a lower rank than a Sigma_0 that is no multiple of I."""
        return not self.flat and self.rank < self.a.size


def _flat_floor(rank: int) -> float:
    """Return 1 / (rank E|u_1|), u uniform on the sphere."""
    return math.exp(0.5 * math.log(math.pi / 2) + _log_norm_mean(rank)) / rank


def _flat_block(dim: int, rank: int, factors: _Factors) -> _Block:
    """Sigma_0 = I in `dim` dimensions, moved to `rank` <= dim dimensions by commutation."""
    log_top = factors.sum(_log_c4(factors.sizes))
    if rank < dim:
        log_top += _log_norm_mean(dim) - _log_norm_mean(rank) + math.log(rank / dim)
        factors = factors.moved(rank, dim)
    share = np.full(rank, 1 / rank)
    spread = rank - 1.0
    return _Block(np.ones(1), spread, spread, _flat_floor(rank), share, factors, log_top, True)


def _general_block(s: Vector, rank: int, factors: _Factors) -> _Block:
    """Any Sigma_0, eigenvalues s > 0 of sum 1; the upper bound is the better of two dimensions."""
    norm = math.log(_norm_mean(s))
    excess = math.log(rank) + norm - _log_norm_mean(rank)
    top = min(0.0, excess) if rank < s.size else 0.0
    floor = math.exp(0.5 * math.log(math.pi / 2) + norm - top)
    # sum over i < j of s_i s_j / (s_i + s_j); the terms i = j come to half the trace, 1/2.
    pairs = sum(float((x * s[i + 1 :] / (x + s[i + 1 :])).sum()) for i, x in enumerate(s))
    theta, spread = 2 * pairs / (2 * pairs + 0.5), 4 * pairs
    log_top = factors.sum(_log_c4(factors.sizes)) + top
    share = s[:rank] * math.exp(-top)
    return _Block((s / s[0]) ** 2, theta, spread, floor, share, factors, log_top, False, excess)


def _blocks(s: Vector, factors: _Factors) -> Iterator[tuple[NDArray[np.intp], _Block]]:
    """Yield (rows, block), one for each rank min(d, k_1, ..., k_t) that the generations have."""
    present = np.where(factors.counts > 0, factors.sizes, np.inf)
    ranks = np.minimum(present.min(axis=1), s.size).astype(np.intp)
    for rank in np.unique(ranks):
        rows = np.flatnonzero(ranks == rank)
        part = factors.at(rows)
        flat = bool(s[0] - s[-1] <= 1e-15 * s[0])
        yield (
            rows,
            (_flat_block(s.size, int(rank), part) if flat else _general_block(s, int(rank), part)),
        )


def _log_gap(sizes: Vector) -> Vector:
    """Return log of Gamma(k/2)^2 / (Gamma((k-1)/2) Gamma((k+1)/2)), k >= 2; near -1/(2k).

    The mean of tr W_t^{1/2} is a sum over zonal functions of degree (b, 1/2 - b, 0, ...). The one
    at b = 1/2 is the directional law; the next, at the saddle b = 0, decays faster by this factor.
    """
    return np.asarray(_log_c4(sizes - 1) - _log_c4(sizes) + 0.5 * np.log1p(-1 / sizes))


def _rate(spread: float) -> float:
    """Return r of :func:`_log_shape_full`, fitted; 1 would be right for t -> infinity only."""
    return 0.65 + 0.6 / (1 + spread) ** 2


def _log_shape_full(block: _Block) -> Vector:
    """Return log K_t (asymptotic, calibrated: tests/golden/sqrt_trace_calibration.py).

    K^2 = c^2 + (1 - c^2) F(a)^2 exp(r sum gap_i): c = `floor` is exact at t = infinity, F is the
    high-dimension limit with k - 1/2 for k, `a` scales it such that the first order in 1/k is
    exact, and r is the one fitted function.
    """
    c2, spread, factors = block.floor**2, block.spread, block.factors
    if 1 - c2 < _ROUNDING:
        return np.zeros(len(block.log_top))
    rate = min(_rate(spread), spread / (2 * (1 - c2)))
    scale = max(1 / (1 - c2) - 2 * rate / spread, 0.0)
    shifted = _Factors(factors.sizes - 0.5, factors.counts)
    log_limit = np.log1p(-_cut_deficit(block.a, scale * block.theta, shifted))
    fall = np.expm1(2 * log_limit + rate * factors.sum(_log_gap(factors.sizes)))
    return np.asarray(0.5 * np.log1p((1 - c2) * fall))


def _log_shape_reduced(block: _Block) -> Vector:
    """Return log K_t where Sigma_t is singular and Sigma_0 is no multiple of I.

    Commutation puts the factor of `rank` columns first; with Sigma_0 it makes a covariance in
    `rank` dimensions, of about (tr Sigma_0^2)^2 / tr Sigma_0^4 (at least `rank`) degrees of
    freedom, on which the other factors act as on I. Shape and constants as for I.
    """
    floor, spread, factors = _flat_floor(block.rank), block.rank - 1.0, block.factors
    size = spread / (1 - floor**2) - 2 * _rate(spread)
    shifted = _Factors(factors.sizes - 0.5, factors.counts).moved(block.rank - 0.5, size)
    unit = math.log(np.sqrt(block.a).sum()) - 0.5 * math.log(size * float(block.a.sum()))
    log_limit = np.minimum(np.log1p(-_cut_deficit(block.a, 1.0, shifted)) + unit, 0.0)
    first = max(float(block.a.sum() ** 2 / (block.a**2).sum()), float(block.rank))
    moved = factors.moved(block.rank, first)
    gap = _rate(spread) * moved.sum(_log_gap(moved.sizes))
    shape = 0.5 * np.log1p((1 - floor**2) * np.expm1(2 * log_limit + gap))
    return np.asarray(shape + math.log(block.floor / floor))


def _log_shape(block: _Block) -> Vector:
    """Return log K_t by the route whose upper bound is the better one (blended over 10 %)."""
    if not block.singular:
        return _log_shape_full(block)
    w = min(max(block.excess / 0.1, 0.0), 1.0)
    full = w * _log_shape_full(block) if w > 0 else 0.0
    return full + ((1 - w) * _log_shape_reduced(block) if w < 1 else np.zeros(len(block.log_top)))


def _log_shape_long(block: _Block) -> Vector:
    """Return log K_t; where a long run repeats one factor, by a spline in log t."""
    counts = block.factors.counts
    steps = np.diff(counts[_DIRECT:], axis=0)
    if len(steps) < _DIRECT or (steps != steps[0]).any():
        return _log_shape(block)
    t = np.arange(len(counts), dtype=np.float64)
    knots = np.unique(np.append(t[:_DIRECT], np.geomspace(_DIRECT, t[-1], _DIRECT).round()))
    rows = knots.astype(np.intp)
    thin = replace(block, factors=block.factors.at(rows), log_top=block.log_top[rows])
    spline = interpolate.CubicSpline(np.log1p(knots), _log_shape(thin))
    return np.asarray(spline(np.log1p(t)))


# --- finite size: rigorous bounds ----------------------------------------------------------------


def _log_triangular_bound(block: _Block) -> Vector:
    """Return log of a lower bound on K: ||L||_* >= tr L for the Bartlett factor L of W_t.

    tr(Sigma_0 W Sigma_0)^{1/2} is the nuclear norm of Sigma_0 L, at least its trace, whose mean is
    sum_i s_i prod_k E chi_{k-i+1} / sqrt(k). By AM-GM it beats theory.md 1.7's determinant bound.
    """
    index = np.arange(block.rank, dtype=np.float64)
    k = block.factors.sizes[:, None]
    logs = 0.5 * np.log1p(-index / k) + _log_c4(k - index) - _log_c4(k)
    weight = block.share
    if len(block.factors.counts) * index.size > _LONG:  # Jensen over i: one column, still a bound
        logs, weight = (logs @ (weight / weight.sum()))[:, None], weight.sum(keepdims=True)
    missing = 1 - float(block.share.sum()) if block.singular else 0.0
    deficit = missing + _deficit_sum(block.factors, logs, weight)
    return np.log1p(-np.minimum(deficit, 1 - 1e-15))  # below that the floor is the bound


def _log_moment_bound(block: _Block) -> Vector:
    """Return log of an upper bound on K for Sigma_0 = I: two-point Gauss rule of three moments.

    The fourth derivative of sqrt is negative, so the rule with the exact E tr W^j, j <= 3, is an
    upper bound. The moments come from the zonal polynomials of degree 2 and 3, whose means each
    factor multiplies by 1 + 2/k, 1 - 1/k and by (1 + 2/k)(1 + 4/k), (1 + 2/k)(1 - 1/k),
    (1 - 1/k)(1 - 2/k).
    """
    d, h = float(block.rank), 1 / block.factors.sizes
    up, down = block.factors.sum(np.log1p(2 * h)), block.factors.sum(np.log1p(-h))
    up2 = block.factors.sum(np.log1p(4 * h))
    last = np.expm1(block.factors.sum(np.log1p(-np.minimum(2 * h, 1 - 1e-16))) + down)
    with np.errstate(over="ignore", invalid="ignore"):
        second = ((d + 2) * np.expm1(up) - (d - 1) * np.expm1(down)) / 3
        third = (d + 2) * (d + 4) / 15 * np.expm1(up + up2)
        third += (d - 1) * ((d - 2) / 12 * last - 3 * (d + 2) / 20 * np.expm1(up + down))
        skew = (third - 3 * second) / (2 * second)
        width = np.sqrt(second + skew**2)
        loss = sum(
            (width - e * skew) / (2 * width) * (x / (1 + np.sqrt(1 + x))) ** 2 / 2
            for e in (1.0, -1.0)
            for x in (np.maximum(skew + e * width, -1.0),)
        )
    bound = np.log1p(-np.nan_to_num(loss, nan=0.0, posinf=0.0)) * (1 - _ROUNDING)
    return np.asarray(bound - block.factors.sum(_log_c4(block.factors.sizes)))


def _declared(block: _Block, log_shape: Vector) -> Vector:
    """Return the declared relative error of K: about twice the worst residual of the calibration.

    With u = (1 - K)/(1 - floor) and h the spread per degree of freedom it is slope u (u + h)
    sqrt(1 - u), at most `most`: second order where K is near 1 (the first is exact), and none where
    K reaches its floor (exact). Worst over the table: .042 and 1.1 %, singular .067 and 2.1 %.
    """
    slope, most = (0.14, 0.042) if block.singular else (0.085, 0.022)
    u = np.clip(-np.expm1(log_shape) / max(1 - block.floor, _ROUNDING), 0.0, 1.0)
    steps = block.factors.counts.sum(axis=1)
    h = block.spread * block.factors.sum(1 / block.factors.sizes) / steps
    return np.asarray(np.minimum(slope * u * (u + h) * np.sqrt(1 - u), most))


def _log_ratio(s: Vector, factors: _Factors) -> tuple[Vector, Vector, Vector, Vector]:
    """Return log of (value, lower, upper) of the mean / tr Sigma_0 and the relative error."""
    value, low, high, error = np.zeros((4, len(factors.counts)))
    for rows, block in _blocks(s, factors):
        if block.rank == 1:  # one direction: the bounds meet
            value[rows] = low[rows] = high[rows] = block.log_top
            continue
        floor = np.maximum(math.log(block.floor), _log_triangular_bound(block))
        top = np.minimum(_log_moment_bound(block), 0.0) if block.flat else np.zeros_like(floor)
        shape = np.minimum(_log_shape_long(block), 0.0)
        value[rows], low[rows], high[rows] = block.log_top + np.stack([shape, floor, top])
        error[rows] = _declared(block, shape)
    if (np.diff(factors.counts, axis=0) >= 0).all():
        # More factors, smaller mean: the fidelity is concave, so a supermartingale at bias 1.
        high = np.minimum.accumulate(high)
    high = np.maximum(high, low)
    value = np.clip(value, low, high)
    rigorous = np.maximum(np.expm1(high - value), -np.expm1(low - value))
    return value, low, high, np.minimum(error, rigorous)


def _cut_deficit_by_part(dim: float, factors: _Factors) -> Vector:
    """Return the limit deficit; generations with and without the smallest factor apart."""
    present = np.where(factors.counts > 0, factors.sizes, np.inf).min(axis=1)
    out = np.empty(len(present))
    for smallest in np.unique(present):
        rows = np.flatnonzero(present == smallest)
        out[rows] = _cut_deficit(np.ones(1), dim, factors.at(rows))
    return out


def _checked(eigenvalues: ArrayLike, dofs: ArrayLike) -> tuple[float, Vector, _Factors]:
    """Return tr Sigma_0, its positive eigenvalues per unit of it, and the factors."""
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    k = np.asarray(dofs, dtype=np.float64)
    if k.ndim != 1 or k.size == 0:
        raise ValueError(f"dofs must be a non-empty vector, got shape {k.shape}")
    if not np.isfinite(k).all() or (k < 1).any() or (k != np.floor(k)).any():
        raise ValueError(f"dofs must be positive integers, got minimum {k.min():g}")
    trace = float(s.sum())
    share = s / s[0] / (s / s[0]).sum()
    return trace, share[share > _NEGLIGIBLE], _factors(k)


def sqrt_trace_deficit(eigenvalues: ArrayLike, dofs: ArrayLike) -> Estimate:
    """Return 1 - E tr(Sigma_0 W_t Sigma_0)^{1/2} / tr Sigma_0 for t = 1..T, without cancellation.

    The distance is made of it: it is near (1/n) tr-like terms where the mean itself is near 1.

    Parameters
    ----------
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; zeros allowed.
    dofs : array_like of int, shape (T,)
        Degrees of freedom k_1, ..., k_T of the Wishart factors.

    Returns
    -------
    Estimate
        Arrays (T,). Exact (rel_error 0) where the rank min(rank Sigma_0, k_1, ..., k_t) is 1.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Examples
    --------
    >>> sqrt_trace_deficit([1.0], [10**9]).value  # 1 - c4(10**9 + 1)
    array([2.5e-10])
    """
    _, s, factors = _checked(eigenvalues, dofs)
    return _deficit(s, factors)


def _deficit(s: Vector, factors: _Factors) -> Estimate:
    """Return 1 - mean / tr Sigma_0 with its bounds; s has sum 1."""
    value, low, high, error = _log_ratio(s, factors)
    deficit = -np.expm1(value)
    return Estimate(
        value=deficit,
        lower=-np.expm1(high),
        upper=-np.expm1(low),
        rel_error=error * np.exp(value) / deficit,
    )


def _chain(first: int, later: int, generations: ArrayLike) -> _Factors:
    """Return the factors of the given generations t >= 1: one `first`, then t - 1 times `later`."""
    t = _generations("generations", generations)
    if t.ndim != 1 or t.size == 0 or t.min() < 1:
        raise ValueError(f"generations must be a non-empty vector of t >= 1, got {generations!r}")
    first = _validate.count("first", first)
    later = _validate.count("later", later)
    if first == later:
        return _Factors(np.array([float(first)]), t[:, None])
    counts = np.stack([np.ones_like(t), t - 1], axis=1)
    return _Factors(np.array([first, later], dtype=np.float64), counts)


def chain_deficit(
    eigenvalues: ArrayLike, generations: ArrayLike, *, first: int, later: int
) -> Estimate:
    """Return :func:`sqrt_trace_deficit` at chosen generations of a loop.

    Parameters
    ----------
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; zeros allowed.
    generations : array_like of int, shape (T,)
        Generations t >= 1, in any order and as far apart as wanted.
    first, later : int
        Degrees of freedom of generation 1 and of every later one.

    Returns
    -------
    Estimate
        Arrays (T,).

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Examples
    --------
    >>> chain_deficit([1.0], [1, 10**6], first=10**9, later=10**9).value
    array([2.50000000e-10, 2.49968753e-04])
    """
    _, s, _ = _checked(eigenvalues, [1])
    return _deficit(s, _chain(first, later, generations))


def chain_deficit_limit(dim: int, generations: ArrayLike, *, first: int, later: int) -> Vector:
    """Return the high-dimension limit of :func:`chain_deficit` for Sigma_0 = I (theory.md 5.1).

    1 - :func:`sqrt_trace_limit` with ratio dim / later, except that generation 1 has its own
    ratio dim / first.

    Parameters
    ----------
    dim : int
        Dimension.
    generations, first, later
        As for :func:`chain_deficit`.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Examples
    --------
    >>> chain_deficit_limit(10, [1], first=10, later=20).round(6)  # 1 - 8 / (3 pi)
    array([0.151174])
    """
    d = float(_validate.count("dim", dim))
    return _cut_deficit_by_part(d, _chain(first, later, generations))


def mean_sqrt_trace(eigenvalues: ArrayLike, dofs: ArrayLike) -> Estimate:
    """Return E tr(Sigma_0 W_t Sigma_0)^{1/2} for t = 1..T, W_t a product of t Wishart factors.

    Parameters
    ----------
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; zeros allowed.
    dofs : array_like of int, shape (T,)
        Degrees of freedom k_1, ..., k_T of the Wishart factors; [n - 1] for the covariance of n
        real samples.

    Returns
    -------
    Estimate
        Arrays (T,): value (asymptotic, error declared from simulation), rigorous lower and upper
        bounds, declared relative error. Exact (rel_error 0) where the rank is 1.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 1.7 and 5.1. With Phi_t = prod c4(k_i + 1), for every Sigma_0

        sqrt(pi/2) E|Sigma_0 z| Phi_t <= E tr(Sigma_0 W_t Sigma_0)^{1/2} <= tr Sigma_0 Phi_t :

    the diagonal of M^{1/2} is at most the root of the diagonal of M (Jensen), and for z ~ N(0, I)
    E (z'Mz)^{1/2} <= E|z_1| tr M^{1/2} (the square root is subadditive). The lower one is attained
    as t -> infinity. Two more bounds are in the private functions.

    Examples
    --------
    >>> e = mean_sqrt_trace([1.0, 1.0], [9, 9])
    >>> bool((e.lower < e.value).all() and (e.value < e.upper).all())
    True
    """
    trace, s, factors = _checked(eigenvalues, dofs)
    value, low, high, error = _log_ratio(s, factors)
    return Estimate(
        value=trace * np.exp(value),
        lower=trace * np.exp(low),
        upper=trace * np.exp(high),
        rel_error=error,
    )
