"""Repeated draws of a metric, the columns of its estimates, and the Fréchet distance anew."""

import mpmath
import numpy as np

from madtheory.laws.bures import w2_squared


def draws(metric, size, n, m, dim, shift, scale):
    rng = np.random.default_rng(7)
    out = []
    for _ in range(size):
        x = rng.standard_normal((n, dim))
        y = scale * rng.standard_normal((m, dim))
        y[:, 0] += shift
        out.append(metric(x, y))
    return out


def columns(estimates):
    return np.array([(e.value, e.low, e.high) for e in estimates]).T


def frechet(x, y):
    """|mean difference|^2 + tr S_x + tr S_y - 2 |X_c Y_c^T|_* / ..., 60 digits for small sets."""
    if len(x) > 50:
        return w2_squared(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
    with mpmath.workdps(60):
        a, b = mpmath.matrix(x.tolist()), mpmath.matrix(y.tolist())
        mean_a, mean_b = (
            mpmath.matrix([[mpmath.fsum(z[:, j]) / z.rows for j in range(z.cols)]]) for z in (a, b)
        )
        total = sum(v**2 for v in mean_a - mean_b)
        for z, mean in ((a, mean_a), (b, mean_b)):
            for i in range(z.rows):
                z[i, :] -= mean
            z /= mpmath.sqrt(z.rows - 1)
            total += sum(v**2 for v in z)
        a, b = a / mpmath.sqrt(a.rows - 1), b / mpmath.sqrt(b.rows - 1)
        nuclear = mpmath.fsum(mpmath.svd_r(a * b.T, compute_uv=False))
        return float(total - 2 * nuclear)
