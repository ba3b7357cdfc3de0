"""Repeated draws of a metric and the columns of its estimates."""

import numpy as np


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
