"""Fully synthetic loop with what estimators do in practice: shrinkage, a variance floor, ddof.

Write s_0 = tr Sigma_0 / d, h for `step_bias`, h_1 for `first_scale`, a for `shrinkage`, e for
`floor`, q for a chi2 over its degrees of freedom m = n_synth - 1. A generation fits S to its
sample, S given Sigma being h/m times Wishart_d(Sigma, m), and keeps

    Sigma' = (1 - a) S + a (tr S/d) I + e s_0 I.                                              (E)

Floor. For a unit u, a = 0 and X_t = u' Sigma_t u / s_0 in any dimension (and for a = 1, where
Sigma_t is X_t s_0 I, with m d in place of m)

    X_1 = h_1 q_1 X_0 + e,   X_{t+1} = h q_{t+1} X_t + e,                                      (P)

a perpetuity (Kesten 1973; Vervaat 1979). Where r = log h + E log q < 0 its law converges, whatever
X_0, to that of e (1 + h q_1 + h^2 q_1 q_2 + ...) >= e: the floor stops the collapse of the
variance. It does not stop the drift of the mean: mu_{t+1} - mu_t has covariance
bias Sigma_t / n_synth, at least bias e s_0 / n_synth I, so E |mu_t - mu_0|^2 grows at least
linearly, for ever.

All of Sigma_t at a = 0: let B_t, d x m, be the factor of the fit, S_t = B_t B_t'. Then
A = [B_t, sqrt(e s_0) I] is a square root of Sigma_t, A A' = Sigma_t, and with G, G' standard normal
m x m and d x m

    B_{t+1} = sqrt(h/m) (B_t G + sqrt(e s_0) G'),

an affine recursion whose linear part has the top Lyapunov exponent r/2, that of a product of
Gaussian matrices. It has a stationary law iff r < 0 (Brandt 1986; Bougerol and Picard 1992), so the
threshold of d = 1 is that of every d.

Shrinkage. It keeps the trace, so T_t = tr Sigma_t is, without a floor, T_{t+1} = h T_t y(p), where
p = eig(Sigma_t)/T_t and y(p) = sum p_i q_i. E y = 1, so for h <= 1 T_t is a nonnegative
supermartingale. g(p) = E log y(p) is concave and symmetric, hence largest at p = 1/d, where
y = chi2_{md}/(md):

    E[log T_{t+1} | Sigma_t] <= log T_t + log h + psi(md/2) - log(md/2) < log T_t + log h.

The increments less their conditional means are martingale differences of bounded variance (p is
in a compact set), so their sum is o(t) and T_t -> 0 almost surely for h <= 1 and every a:
shrinkage slows the collapse, by a factor d at most to leading order in 1/m, and does not stop it.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory import _check
from madtheory.laws import chi_square
from madtheory.loop import Loop, require_no_floor, require_synthetic
from madtheory.results import Interval
from madtheory.theory.collapse._scales import log_step_bias


def condition_bound(loop: Loop, dim: int) -> float:
    """Return 1 + d (1 - a)/a >= cond Sigma_t for every t, a = shrinkage (bound).

    The shape Sigma_t / tr Sigma_t is at least (a/d) I, so its top eigenvalue at most
    1 - a + a/d; attained by fits of rank 1 (n_synth = 2). A floor only lowers it. Without shrinkage
    there is no such bound: inf (theory.md 1.4), unless d = 1.

    Examples
    --------
    >>> condition_bound(fully_synthetic(10, shrinkage=0.1), 3)
    28.0
    """
    require_synthetic(loop, "the condition bound")
    d = _check.count("dim", dim)
    if d == 1 or loop.shrinkage == 1.0:
        return 1.0
    return 1.0 + d * (1.0 - loop.shrinkage) / loop.shrinkage if loop.shrinkage else math.inf


def _vertex_log_mean(shrinkage: float, dim: int, dof: int) -> float:
    """Return E log(w chi2_{m(d-1)} + v chi2_m)/m, w = a/d, v = 1 - a + a/d: relative 1e-13.

    E log X = int (e^-z - E e^-zX) dz/z for E X = 1, by the trapezoidal rule in log z, which
    converges geometrically: the integrand is analytic for |Im log z| < pi/2.
    """
    weights = np.array([shrinkage / dim, 1.0 - shrinkage + shrinkage / dim])
    halves = 0.5 * dof * np.array([dim - 1.0, 1.0])
    step = 0.2
    # The large weight alone brings E e^-zX below e^-45 at the end.
    end = math.log(0.5 * dof / weights[1]) + 45.0 / halves[1]
    z = np.exp(np.arange(-22.0, max(end, 4.0), step))
    x = 2.0 * weights[:, None] * z / dof
    log1p, rest = chi_square.log1p_pair(x, np.ones_like(x), 1.0 + x)
    excess = -halves @ rest  # z + log E e^-zX
    near = np.exp(-z) * np.expm1(np.minimum(excess, 1.0))
    values = np.where(excess < 1.0, near, np.exp(-halves @ log1p) - np.exp(-z))
    return -step * float(np.sum(values))


def rate_bounds(loop: Loop, dim: int) -> Interval:
    """Return bounds on the growth rate of log tr Sigma_t without the floor."""
    m, step = loop.dof, log_step_bias(loop)
    upper = float(chi_square.log_chi_square_mean(m * dim, m * dim))
    plain = float(chi_square.log_chi_square_mean(m, m))
    if dim == 1 or loop.shrinkage == 0.0:
        return Interval(step + plain, step + plain)
    if loop.shrinkage == 1.0:
        return Interval(step + upper, step + upper)
    lower = max(plain, _vertex_log_mean(loop.shrinkage, dim, m))
    return Interval(step + lower, step + upper)


def shrinkage_rate(loop: Loop, dim: int) -> Interval:
    """Return bounds on lim (1/t) log tr Sigma_t, floor 0 (exact at shrinkage 0 and 1, else bound).

    With a = shrinkage, m = n_synth - 1 and h = step_bias:

    - a = 0: log h + psi(m/2) - log(m/2) (theory.md 1.4).
    - a = 1: tr Sigma' = h tr Sigma chi2_{md}/(md), so log h + psi(md/2) - log(md/2): near 1/d of
      the rate of a = 0 at h = 1.
    - between: the drift of log tr Sigma is log h + g(p), g(p) = E log sum p_i q_i, concave and
      symmetric in the shape p, and p >= a/d. So it lies between g at (a/d, .., a/d, 1 - a + a/d), a
      vertex of what p can be, and g at p = 1/d. The limit exists almost surely: as the shape is at
      least (a/d) I, its kernel is at least a constant times that of p = a/d I (Doeblin).

    Conjecture, not used: the rate increases with a. The lower bound does, as its vertices are
    ordered by majorization.

    Examples
    --------
    >>> shrinkage_rate(fully_synthetic(10, shrinkage=1.0), 5).upper > -0.0225
    True
    """
    require_no_floor(loop, "the collapse rate under shrinkage")
    return rate_bounds(loop, _check.count("dim", dim))
