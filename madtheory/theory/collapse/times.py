"""Time to collapse: first passage of tr Sigma_t below a level (theory.md 1.9)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check, _search
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.laws import chi_square
from madtheory.laws.passage import Walk, passage_probabilities, passage_work
from madtheory.laws.tails import saddle
from madtheory.loop import Loop, require_fully_synthetic
from madtheory.theory.collapse._scales import generation_range, log_first_scale, log_step_bias
from madtheory.theory.collapse.direction import (
    LogProduct,
    directional_law,
    log_tails_at,
    product_law,
)

#: Work limits of the convolution in flops: a minute where it is asked for, seconds inside the
#: quantiles, which have bounds to fall back on.
_MAX_WORK = 3e11
_QUICK_WORK = 4e10
#: Times are looked for below two to this power.
_OCTAVES = 62


def log_level(eps: float) -> float:
    """Log of the collapse level, validated."""
    value = _check.number("eps", eps, low=0.0)
    if value == 0.0:
        raise ValueError("eps must be positive, got 0")
    return math.log(value)


def _walk(loop: Loop) -> Walk:
    """Log-variance walk of one direction; bias 0 is the caller's business."""
    return Walk(float(loop.first_dof), log_first_scale(loop), float(loop.dof), log_step_bias(loop))


def _log_passage_bound(loop: Loop, log_eps: float, t: int) -> float:
    """Log of a bound on P(tr Sigma_s < eps tr Sigma_0 for some s <= t), any d and Sigma_0.

    R_s = tr Sigma_s / tr Sigma_0 is multiplied by an average sum w_i q_i of chi-squares, and
    (sum w_i q_i)^-r <= sum w_i q_i^-r (Jensen), so R_s^-r / max(1, M(-r))^(s-1) is a
    supermartingale, M(-r) = E (step_bias q)^-r, and Ville's inequality gives
    eps^r M_1(-r) max(1, M(-r))^(t-1). The order r is the best one for generation t.
    """
    law = product_law(loop, t)
    y = log_eps - law.shift
    if y >= law.derivative(1, 0.0):
        return 0.0
    order = saddle(law, y, pole=0.0)
    dofs = (loop.first_dof, loop.dof)
    moments = chi_square.log_chi_square_moment(order, dofs, dofs)
    first, later = moments + order * np.array([log_first_scale(loop), log_step_bias(loop)])
    growth = (t - 1.0) * max(float(later), 0.0) if t > 1 else 0.0
    return min(0.0, float(first) + growth - order * log_eps)


def _log_levy_bound(loop: Loop, log_eps: float, t: int) -> float:
    """Log of 2 P(X_t < eps) >= P(X_s < eps for some s <= t), one direction (Levy).

    For step_bias <= 1, which is all that the fits after the passage have to do with. A chi-square
    has f(-v) / f(v) = exp(dof (sinh v - v)) >= 1 for the density f of its log over dof and v > 0,
    so log q <= some symmetric variable, sums too, and after the passage the walk ends at or below
    where it was with probability at least 1/2.
    """
    if log_step_bias(loop) > 0.0:
        return 0.0
    return min(0.0, math.log(2.0) + log_tails_at(product_law(loop, t), log_eps)[0])


def first_passage_cdf(eps: float, loop: Loop, *, generations: int) -> Array:
    """Return P(T <= t), t = 1..T, T the first generation with Sigma_t < eps Sigma_0 at d = 1.

    The walk log Sigma_t is convolved step by step with its kernel and absorbed below log eps:
    exact up to a quadrature error near 1e-15. It is the law of the first passage of any one
    direction u' Sigma_t u in any dimension (1.9; exact).

    Raises
    ------
    ValueError
        Also where the convolution would take minutes; :func:`collapse_time_quantiles` answers even
        then.

    Examples
    --------
    >>> first_passage_cdf(0.1, fully_synthetic(10), generations=3).round(8)
    array([0.00036453, 0.00493308, 0.01897195])
    """
    require_fully_synthetic(loop, "the first passage")
    log_eps = log_level(eps)
    t = generation_range(generations)
    if loop.scalar_bias == 0.0:
        first = directional_law(loop, 1)
        return np.where(t > 1, 1.0, math.exp(log_tails_at(first, log_eps)[0]))
    if _log_passage_bound(loop, log_eps, t.size) < -745.0:
        return np.zeros_like(t)
    walk = _walk(loop)
    if passage_work(walk, log_eps, t.size) > _MAX_WORK:
        raise ValueError(
            f"generations must be smaller at n_synth = {loop.n_synth}, where this many would "
            f"take minutes, got {t.size}"
        )
    steps = passage_probabilities(walk, log_eps, t.size)
    return np.minimum(np.cumsum(steps), 1.0)


def _reduced_law(loop: Loop, rank: int, t: int) -> tuple[LogProduct, int]:
    """(law, D) with tr Sigma_t / tr Sigma_0 an average of D copies of exp(law), Sigma_0 = I.

    Ipsen and Kieburg (2014): the nonzero singular values of a product of Gaussian matrices
    depend on the multiset of its dimensions {d, k, m, .., m} only. Its least member D may be
    taken for the dimension; the others are the degrees of freedom.
    """
    law = product_law(loop, t)
    least = min(rank, loop.first_dof, loop.dof if t > 1 else loop.first_dof)
    counts: dict[float, float] = {}  # the numbers may coincide
    for size, times in ((rank, 1), (loop.first_dof, 1), (loop.dof, t - 1), (least, -1)):
        counts[float(size)] = counts.get(float(size), 0.0) + times
    return LogProduct(law.shift, tuple(counts), tuple(counts.values())), least


def _log_moment_bound(law: LogProduct, log_eps: float, *, rank: int, top: float) -> float:
    """Log of min over 0 < s <= top of rank^max(0, 1-s) E X^s eps^-s, at the order best for X."""
    y = log_eps - law.shift
    if y <= law.derivative(1, 0.0):
        return 0.0
    s = min(saddle(law, y, pole=0.0), top)
    moment = float(law.value(np.array([s + 0j]))[0].real)
    return max(0.0, 1.0 - s) * math.log(rank) + moment - s * y


def _log_survival_bound(loop: Loop, shares: Array, log_eps: float, t: int) -> float:
    """Log of a bound on P(tr Sigma_t >= eps tr Sigma_0), the least of three.

    With R = sum p_i X_i, p the shares and X_i the directions: some X_i >= eps; E R^s is at most
    E X^s for s >= 1 (Jensen) and sum p_i^s E X^s <= rank^(1-s) E X^s for s <= 1; and as x^s is
    concave for s <= 1, a fit multiplies E R^s by at most its value at equal weights, where the
    trace is chi-square with rank * dof degrees of freedom.
    """
    law = product_law(loop, t)
    rank = shares.size
    if law.shift == -math.inf:
        return -math.inf
    flat = np.ptp(shares) <= 1e-12 * shares[0]  # Sigma_0 is a multiple of a projection
    law_, copies = _reduced_law(loop, rank, t) if flat else (law, rank)
    equal = LogProduct(law.shift, tuple(rank * k for k in law.dofs), law.counts)
    union = math.log(copies) + log_tails_at(law_, log_eps)[1]
    moment = _log_moment_bound(law, log_eps, rank=rank, top=math.inf)
    concave = _log_moment_bound(equal, log_eps, rank=1, top=1.0)
    return min(0.0, union, moment, concave)


def collapse_time_bounds(
    eps: float, loop: Loop, eigenvalues: ArrayLike, *, generations: int
) -> tuple[Array, Array]:
    """Bound P(T <= t), t = 1..T, T the first generation with tr Sigma_t < eps tr Sigma_0 (1.9).

    Lower: 1 - P(tr Sigma_t >= eps tr Sigma_0) by a union or moment bound. Upper: at T some
    direction is below eps, the leading one below eps / (its share of the trace), and Ville's
    inequality for negative powers of the trace. At rank 1 both are the exact
    :func:`first_passage_cdf`, which refuses what would take minutes here too.

    Examples
    --------
    >>> lower, upper = collapse_time_bounds(0.1, fully_synthetic(10), [1, 1], generations=40)
    >>> lower[[9, 39]].round(6), upper[[9, 39]].round(6)
    (array([0.      , 0.531681]), array([0.467245, 0.91588 ]))
    """
    require_fully_synthetic(loop, "the time to collapse")
    shares = Spectrum.of(eigenvalues).shares
    log_eps = log_level(eps)
    direction = first_passage_cdf(eps, loop, generations=generations)
    if shares.size == 1:
        return direction, direction
    leading = first_passage_cdf(eps / float(shares[0]), loop, generations=generations)
    times = range(1, direction.size + 1)
    survival = np.array([_log_survival_bound(loop, shares, log_eps, t) for t in times])
    upper = np.minimum(np.minimum(leading, shares.size * direction), 1.0)
    if loop.scalar_bias > 0.0:
        ville = np.array([_log_passage_bound(loop, log_eps, t) for t in times])
        upper = np.minimum(upper, np.exp(ville))
    return np.maximum.accumulate(-np.expm1(survival)) + 0.0, upper  # + 0.0: no minus zero


def _first_time(reached: Callable[[int], bool]) -> float:
    """Smallest t with reached(t), inf beyond 2^62: its octave by bisection, then itself."""
    if reached(1):
        return 1.0
    octave = _search.least(lambda k: k > _OCTAVES or reached(2**k), 0, _OCTAVES + 1)
    if octave > _OCTAVES:
        return math.inf
    return float(_search.least(reached, 2 ** (octave - 1), 2**octave))


def _direction_bounds(loop: Loop, log_eps: float, q: float) -> tuple[float, float]:
    """Bounds on the q-quantile of the passage of one direction, from its law at fixed t."""

    def survives(t: int) -> float:
        return log_tails_at(product_law(loop, t), log_eps)[1]

    ville = _first_time(lambda t: _log_passage_bound(loop, log_eps, t) >= math.log(q))
    levy = _first_time(lambda t: _log_levy_bound(loop, log_eps, t) >= math.log(q))
    return max(ville, levy), _first_time(lambda t: survives(t) <= math.log1p(-q))


def _direction_quantile(loop: Loop, log_eps: float, q: float) -> tuple[float, float]:
    """q-quantile of the passage of one direction: exact and twice the same, or bounds."""
    low, high = _direction_bounds(loop, log_eps, q)
    horizon = int(min(high, 2.0**17))
    while passage_work(_walk(loop), log_eps, horizon) > _QUICK_WORK:
        horizon //= 2
    if low == high or low > horizon:
        return low, high
    cdf = np.cumsum(passage_probabilities(_walk(loop), log_eps, horizon, enough=q))
    if cdf[-1] >= q:
        return float(cdf.size), float(cdf.size)
    return max(low, horizon + 1.0), high


def _time_quantile(loop: Loop, shares: Array, log_eps: float, q: float) -> tuple[float, float]:
    """Bounds on the q-quantile of T, 0 < q < 1, bias > 0."""
    rank = shares.size
    if rank == 1:
        return _direction_quantile(loop, log_eps, q)
    some, _ = _direction_quantile(loop, log_eps, q / rank)
    leading, _ = _direction_quantile(loop, log_eps - math.log(shares[0]), q)
    ville = _first_time(lambda t: _log_passage_bound(loop, log_eps, t) >= math.log(q))
    limit = math.log1p(-q)
    high = _first_time(lambda t: _log_survival_bound(loop, shares, log_eps, t) <= limit)
    return max(some, leading, ville), high


def _time_quantile_at(loop: Loop, shares: Array, log_eps: float, q: float) -> tuple[float, float]:
    """Bounds on the q-quantile of T, q = 0 and 1 and bias 0 included."""
    if q == 0.0:
        return 1.0, 1.0
    if loop.scalar_bias == 0.0:
        lower, upper = collapse_time_bounds(math.exp(log_eps), loop, shares, generations=1)
        return 1.0 if upper[0] >= q else 2.0, 1.0 if lower[0] >= q else 2.0
    if q == 1.0:
        return math.inf, math.inf
    return _time_quantile(loop, shares, log_eps, q)


def collapse_time_quantiles(
    loop: Loop, dim: int, *, eps: float, q: ArrayLike, eigenvalues: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Bound the quantiles of T, the first generation with tr Sigma_t < eps tr Sigma_0 (1.9).

    The bounds are those of :func:`collapse_time_bounds`, at any n_synth, for Sigma_0 = I where the
    eigenvalues are left out. The q-quantile is the least t with P(T <= t) >= q.

    Returns
    -------
    lower, upper : ndarray, shape of `q`
        Equal (exact) at d = 1 as long as the convolution takes seconds (some 10^4 generations);
        beyond that from the law at fixed t, Levy's and Ville's inequality. inf where the bound on
        P(T <= t) does not reach q before t = 2^62 (above the critical bias T may be infinite).

    Examples
    --------
    >>> collapse_time_quantiles(fully_synthetic(10), 1, eps=0.01, q=[0.05, 0.5, 0.95])
    (array([13., 36., 98.]), array([13., 36., 98.]))
    >>> collapse_time_quantiles(fully_synthetic(10), 3, eps=0.01, q=0.5)
    (array(27.), array(77.))
    """
    log_eps = log_level(eps)  # before the loop: what no loop can have is no matter of this one
    require_fully_synthetic(loop, "the time to collapse")
    d = _check.count("dim", dim, maximum=10**7)
    shares = Spectrum.of(np.ones(d) if eigenvalues is None else eigenvalues).shares
    if eigenvalues is not None and np.size(eigenvalues) != d:
        raise ValueError(f"eigenvalues must have dim = {d} entries, got {np.size(eigenvalues)}")
    at = np.vectorize(lambda v: _time_quantile_at(loop, shares, log_eps, v), otypes=[float, float])
    lower, upper = at(_check.probabilities("q", q))
    return lower, upper
