"""Make laws.json with mpmath: run this file, then commit the result.

Independent of madtheory: gamma functions at 70 digits, Meijer G functions for the directional
law, convolution integrals for the trace noise and the first passage.
"""

import json
from pathlib import Path

import mpmath as mp

mp.mp.dps = 70


def text(value):
    return mp.nstr(value, 20)


def gamma_ratios():
    rows = []
    for a in ("0.5", "1", "4.5", "15.9", "16", "40", "1e4", "5e14"):
        for s in ("-0.45", "-0.3", "0.5", "0.25", "2", "3.7", "40"):
            x, p = mp.mpf(a), mp.mpf(s)
            rows.append([a, s, text(mp.loggamma(x + p) - mp.loggamma(x) - p * mp.log(x))])
    return rows


def log_means():
    rows = []
    for dof, scale in ((1, 1), (2, 2), (7, 9), (9, 9), (31, 32), (33, 33), (10**6, 10**6)):
        value = mp.digamma(mp.mpf(dof) / 2) - mp.log(mp.mpf(scale) / 2)
        rows.append([dof, scale, text(value), text(mp.psi(1, mp.mpf(dof) / 2))])
    for dof, scale in ((10**15, 10**15), (10**15 - 5, 10**15)):
        value = mp.digamma(mp.mpf(dof) / 2) - mp.log(mp.mpf(scale) / 2)
        rows.append([dof, scale, text(value), text(mp.psi(1, mp.mpf(dof) / 2))])
    return rows


def survival(dofs, log_x):
    """P(product of chi2_k / k > x): Gamma products have Mellin-Barnes (Meijer G) laws."""
    a = [mp.mpf(k) / 2 for k in dofs]
    z = mp.exp(mp.mpf(log_x)) * mp.fprod(a)
    return mp.meijerg([[], [1]], [[0, *a], []], z) / mp.fprod(mp.gamma(x) for x in a)


def directional():
    mp.mp.dps = 40
    rows = []
    for dofs in ((1,), (9, 9), (3, 4), (1, 1, 1), (2, 3, 3, 3), (7, 1)):
        for log_x in ("-6", "-3", "-0.5", "0.3", "1.5"):
            upper = survival(dofs, log_x)
            rows.append([list(dofs), log_x, text(mp.log(1 - upper)), text(mp.log(upper))])
    return rows


def density(x, dof):
    """Density of chi2_dof / dof."""
    a = mp.mpf(dof) / 2
    return a * (a * x) ** (a - 1) * mp.exp(-a * x) / mp.gamma(a)


def below(x, dof):
    a = mp.mpf(dof) / 2
    return mp.gammainc(a, 0, a * x, regularized=True)


def above(x, dof):
    a = mp.mpf(dof) / 2
    return mp.gammainc(a, a * x, mp.inf, regularized=True)


def split(kernel, w, dof, y):
    """Integral over 0 < w x < y; w x = y sin^2 makes the half-integer powers analytic."""
    top = y / w

    def integrand(angle):
        x = top * mp.sin(angle) ** 2
        rest = (y - w * x) / (1 - w)
        jacobian = 2 * top * mp.sin(angle) * mp.cos(angle)
        return density(x, dof) * kernel(rest, dof) * jacobian

    return mp.quad(integrand, mp.linspace(0, mp.pi / 2, 33), method="gauss-legendre", maxdegree=5)


def trace_noise():
    """P(w q_1 + (1 - w) q_2 <= y) and > y by convolution."""
    mp.mp.dps = 20
    rows = []
    for w, dof, y in (("0.7", 9, "1.1"), ("0.7", 9, "0.2"), ("0.9", 3, "6"), ("0.6", 1, "0.5"),
                      ("0.99", 4, "1.7"), ("0.7", 9, "20")):  # fmt: skip
        weight, point = mp.mpf(w), mp.mpf(y)
        lower = split(below, weight, dof, point)
        upper = above(point / weight, dof) + split(above, weight, dof, point)
        rows.append([w, dof, y, text(mp.log(lower)), text(mp.log(upper))])
    return rows


def second_passage(first, dof, bias, eps):
    """P(T = 2); with x = eps exp(v) the integrand is analytic and ends double exponentially."""

    def integrand(v):
        x = eps * mp.exp(v)
        return density(x, first) * below(mp.exp(-v) / bias, dof) * x

    cuts = mp.linspace(0, mp.log(120 / eps), 9)
    return mp.quad(integrand, cuts, method="gauss-legendre", maxdegree=5)


def passage():
    """P(T = 1) and P(T = 2) for the passage below eps at d = 1."""
    mp.mp.dps = 20
    rows = []
    for first, dof, bias, eps in (
        (9, 9, "1", "0.1"),
        (4, 9, "0.8", "0.3"),
        (30, 3, "1", "0.05"),
        (1, 1, "0.5", "0.2"),
    ):
        b, e = mp.mpf(bias), mp.mpf(eps)
        two = second_passage(first, dof, b, e)
        rows.append([first, dof, bias, eps, text(below(e, first)), text(two)])
    return rows


def main():
    data = {
        "log_gamma_ratio": gamma_ratios(),
        "log_chi_square": log_means(),
        "directional": directional(),
        "trace_noise": trace_noise(),
        "passage": passage(),
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()
