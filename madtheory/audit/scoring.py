"""Greatest likelihood of a covariance that is a weighted sum of given ones, by Fisher's scoring.

Half of log det V + tr V^-1 G, V = sum_c x_c P_c, has the gradient tr P_c (V^-1 - V^-1 G V^-1)/2,
and, if V is the law of G, the mean second derivatives tr V^-1 P_c V^-1 P_d/2. Steps are cut at the
bounds of the weights, weights at a bound that the gradient points out of stay there, and a step
that does not lessen the value is halved.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory._compile import kernel

if TYPE_CHECKING:
    from madtheory._types import Array

_STEPS, _HALVINGS = 60, 30
#: A step that gains less than this is the last.
_GAIN = 1e-9
#: Share of the second derivatives that is added to them: parts can be alike.
_RIDGE = 1e-7
#: Added to correlations: covariances stay regular where their scales are far apart.
_REGULAR = 1e-12
#: Parameters of a likeliest covariance, and by how many of their deviations the entries of a mean
#: product must be off further than those of so many independent series.
_FITTED, _SEEN = 4, 2.0


@kernel
def _inverse(V: Array, out: Array) -> float:
    """Write V^-1 to `out` and return log det V; inf where V is not positive."""
    T = len(V)
    L = np.zeros((T, T))
    logs = 0.0
    for i in range(T):
        for j in range(i + 1):
            value = V[i, j] * (1 + _REGULAR) if i == j else V[i, j]
            for k in range(j):
                value -= L[i, k] * L[j, k]
            if i > j:
                L[i, j] = value / L[j, j]
            elif value > 0:
                L[i, i] = np.sqrt(value)
                logs += np.log(value)
            else:
                return np.inf
    root = np.zeros((T, T))  # L^-1
    for j in range(T):
        root[j, j] = 1 / L[j, j]
        for i in range(j + 1, T):
            value = 0.0
            for k in range(j, i):
                value -= L[i, k] * root[k, j]
            root[i, j] = value / L[i, i]
    for i in range(T):
        for j in range(i + 1):
            value = 0.0
            for k in range(i, T):
                value += root[k, i] * root[k, j]
            out[i, j] = out[j, i] = value
    return logs


@kernel
def _value(x: Array, parts: Array, gram: Array, inverse: Array) -> float:
    """Half of log det V + tr V^-1 G; inf where V is not positive."""
    V = np.zeros(gram.shape)
    for c in range(len(x)):
        V += x[c] * parts[c]
    logs = _inverse(V, inverse)
    return (logs + (inverse * gram).sum()) / 2 if np.isfinite(logs) else np.inf


@kernel
def _direction(
    x: Array, parts: Array, gram: Array, inverse: Array, low: Array, high: Array
) -> Array:
    """Scoring step of the weights that are free, 0 for the others."""
    C, T = len(x), len(gram)
    whitened = inverse @ gram
    slope, pushed = (inverse - whitened @ inverse) / 2, np.zeros((C, T, T))
    gradient, free = np.zeros(C), np.ones(C, np.bool_)
    for c in range(C):
        gradient[c] = (slope * parts[c]).sum()
        out = (x[c] <= low[c] and gradient[c] >= 0) or (x[c] >= high[c] and gradient[c] <= 0)
        free[c] = not out
        if free[c]:
            pushed[c] = inverse @ parts[c]
    second, right = np.eye(C), np.zeros(C)
    for c in range(C):
        if free[c]:
            right[c] = -gradient[c]
            for d in range(C):
                if free[d]:
                    second[c, d] = (pushed[c] * pushed[d].T).sum() / 2
            second[c, c] *= 1 + _RIDGE
            second[c, c] += 1e-12
    move = np.zeros(C)
    move[:] = np.linalg.solve(second, right)
    return move


@kernel
def scored(parts: Array, gram: Array, low: Array, high: Array, start: Array) -> tuple[float, Array]:
    """Least value within the bounds, and the weights that have it."""
    x, inverse = start.copy(), np.zeros(gram.shape)
    value = _value(x, parts, gram, inverse)
    for _ in range(_STEPS):
        move = _direction(x, parts, gram, inverse, low, high)
        size, gain = 1.0, 0.0
        for _ in range(_HALVINGS):
            trial = np.minimum(np.maximum(x + size * move, low), high)
            found = _value(trial, parts, gram, inverse)
            gain = value - found
            if gain > 0:
                x, value = trial, found
                break
            size /= 2
        if not gain > _GAIN:
            break
    return value, x


def independent(gram: Array, likeliest: Array, number: float) -> float:
    """How many independent series have a mean product (T, T) that is off so far, `number` at most.

    That of N is its expectation, here the likeliest covariance, times a Wishart matrix W/N, whose
    entries vary by 1/N, those of the diagonal by 2/N. `number` is what the rows of files tell:
    those of real data that enter may have longer tails, and depend on each other by more.
    """
    T = len(gram)
    size = np.sqrt(np.diagonal(likeliest))
    size = np.multiply.outer(size, size)
    factor = np.linalg.cholesky(likeliest / size + _REGULAR * np.eye(T))
    white = np.linalg.solve(factor, np.linalg.solve(factor, gram / size).T)
    off = float(np.square(white - np.eye(T)).sum()) / 2
    free = max(1.0, T * (T + 1) / 2 - _FITTED)
    most = free + _SEEN * math.sqrt(2 * free)
    return most / off if off * number > most else number
