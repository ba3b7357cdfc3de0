"""The limits of theory.md 2.5-2.7 from the exact moment maps of `fresh_moments`.

For n_r -> infinity at fixed n_s put e = 1/n_r. Every entry of the moment map is O(e), so its fixed
point is b + A b + A A b + O(e^3), and both E W2^2 of the loop and the baseline, to second order in
Sigma - c I, are series in e whose coefficients of e agree. (Third and fourth moments of Sigma enter
at e^2 too, but equally on both sides: their difference is O(e^3).) Setting the difference of the
e^2 coefficients to 0 gives the largest admissible n_s. With n_r = p n, n_s = (1 - p) n and
n -> infinity, the same moments give the worth n p (2 - p) and the floor of the p-fraction scaling.
"""

from __future__ import annotations

import sympy as sp

from madtheory.proofs.fresh_moments import DIM, LAM, N_R, N_S, derive_first, derive_second

__all__ = ["prove"]

E = sp.Symbol("e", positive=True)
P, N = sp.symbols("p n", positive=True)


def truncate(expression: sp.Expr, order: int = 2) -> sp.Expr:
    """Taylor polynomial in e, exact rational input."""
    numerator, denominator = sp.fraction(sp.cancel(expression))
    a = [sp.Poly(numerator, E).coeff_monomial(E**k) for k in range(order + 1)]
    b = [sp.Poly(denominator, E).coeff_monomial(E**k) for k in range(order + 1)]
    series: list[sp.Expr] = []
    for k in range(order + 1):
        series.append(sp.cancel((a[k] - sum(b[j] * series[k - j] for j in range(1, k + 1))) / b[0]))
    return sum(c * E**k for k, c in enumerate(series))


def fixed_point() -> sp.Matrix:
    """The seven invariants at the limit up to e^2."""
    A, b = (matrix.subs(N_R, 1 / E).applyfunc(truncate) for matrix in derive_second())
    x = b
    for _ in range(2):
        x = (b + A * x).applyfunc(lambda v: truncate(sp.expand(v)))
    return x


def second_order_w2(x: sp.Matrix) -> sp.Expr:
    """E W2^2 at Sigma_0 = I to second order in Sigma - c I and to e^2 (theory.md 2.4)."""
    shift = sp.expand(x[1] / DIM - 1)  # c - 1, O(e)
    variance = sp.expand(x[6] - x[1] ** 2 / DIM)  # E tr (Sigma - c)^2, O(e)
    # (1 - sqrt c)^2 = shift^2/4 + O(e^3), c^{-3/2} = 1 - 3 shift/2 + O(e^2)
    w2 = x[0] + DIM * shift**2 / 4 + variance * (1 - 3 * shift / 2) / 4
    return truncate(sp.expand(w2))


def baseline() -> sp.Expr:
    """d/n + d(d + 1)/(4(n - 1)) at n = 1/e (theory.md 5.3)."""
    return truncate(DIM * E + DIM * (DIM + 1) / (4 * (1 / E - 1)))


def admissible_limit() -> sp.Expr:
    """theory.md 2.6."""
    return 4 / (1 - LAM) ** 2 * ((2 - LAM) + (DIM + 1) * (1 + 3 * LAM - 2 * LAM**2) / 8)


def admissible_residuals() -> dict[str, sp.Expr]:
    """Difference of loop and baseline at orders 0, 1 and 2 in 1/n_r."""
    difference = sp.Poly(second_order_w2(fixed_point()) - baseline(), E)
    second = sp.factor(difference.coeff_monomial(E**2))
    roots = [root for root in sp.solve(second, N_S) if root != 0]
    return {
        "order 0 and 1 agree": sum(difference.coeff_monomial(E**k) ** 2 for k in (0, 1)),
        "n_s at order 2 (2.6)": sp.simplify(sum(r - admissible_limit() for r in roots)),
        "one root beside n_s = 0": sp.Integer(len(roots) - 1),
    }


def fraction_residuals() -> dict[str, sp.Expr]:
    """Worth at lambda = 1 and floor at lambda < 1 as n -> infinity with n_r = p n (2.7)."""
    A, b = (m.subs({N_R: P * N, N_S: (1 - P) * N}) for m in derive_first())
    M, C = (sp.eye(2) - A).LUsolve(b)
    share = P / (1 - LAM * (1 - P))
    return {
        "worth of the mean (2.7)": sp.simplify(
            sp.limit((M * N).subs(LAM, 1) / DIM, N, sp.oo) - 1 / (P * (2 - P))
        ),
        "trace at the floor (2.7)": sp.simplify(sp.limit(C / DIM, N, sp.oo) - share),
        "no mean at the floor (2.7)": sp.simplify(sp.limit(M, N, sp.oo)),
    }


def mean_residuals() -> dict[str, sp.Expr]:
    """Exact worth of the mean at lambda = 1 (2.5)."""
    A, b = (m.subs(LAM, 1) for m in derive_first())
    M, _ = (sp.eye(2) - A).LUsolve(b)
    n_e = N_R + N_S * (N_R - 1) / (N_R + N_S - 1)
    return {"worth of the mean (2.5)": sp.simplify(M / DIM - 1 / n_e)}


def prove() -> dict[str, sp.Expr]:
    """Residuals of every step; all of them must be 0.

    Returns
    -------
    dict
        Step name -> symbolic residual.
    """
    return {**admissible_residuals(), **fraction_residuals(), **mean_residuals()}
