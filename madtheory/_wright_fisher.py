"""Chains of resampling: transition rows of one count, and of the number of ancestors.

Two chains serve mixtures and categories (theory.md 4). The first is the count of one mode, whose
rows are Binomial(n, success(count)). The second runs back in time and holds for all modes at
once: n samples drawn from the previous n have `A` distinct parents, they have fewer, and so on;
its rows are the laws of the number of cells that `a` balls occupy.

Rows are unimodal with Gaussian tails, so they are kept as bands: entries below 2^-80 of the
largest of their row are dropped (less than 1e-23 of its mass), and each row sums to 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madtheory._kernels import Floats, Ints, _kernel

__all__ = ["Band", "binomial_band", "evolve", "expectations", "occupancy_band", "transition"]

#: Entries of a row below this fraction of its largest are dropped.
CUT = 2.0**-80


class Band(NamedTuple):
    """Rows of a transition matrix: row i is weights[i, : size[i]], from column first[i] on."""

    first: Ints
    size: Ints
    weights: Floats


@_kernel
def binomial_row(n: int, p: float, cut: float, out: Floats) -> tuple[int, int]:
    """Write the Binomial(n, p) row to `out` outward from its mode; return its ends (inclusive).

    The pmf is a product of ratios of neighbours, so its relative error is some |k - n p| units
    in the last place; entries below `cut` of the mode are not written.
    """
    mode = min(int((n + 1) * p), n)
    q = 1.0 - p
    out[mode] = total = value = 1.0
    first = last = mode
    while last < n and value > cut:
        value *= ((n - last) * p) / ((last + 1) * q)
        last += 1
        out[last] = value
        total += value
    value = 1.0
    while first > 0 and value > cut:
        value *= (first * q) / ((n - first + 1) * p)
        first -= 1
        out[first] = value
        total += value
    for k in range(first, last + 1):
        out[k] /= total
    return first, last


@_kernel
def _binomial_dense(n: int, success: Floats, out: Floats) -> None:
    for i in range(success.size):
        binomial_row(n, success[i], 0.0, out[i])


@_kernel
def _binomial_ends(n: int, success: Floats, row: Floats, first: Ints, size: Ints) -> None:
    for i in range(success.size):
        start, stop = binomial_row(n, success[i], CUT, row)
        first[i], size[i] = start, stop - start + 1


@_kernel
def _binomial_fill(n: int, success: Floats, row: Floats, first: Ints, out: Floats) -> None:
    for i in range(success.size):
        start, stop = binomial_row(n, success[i], CUT, row)
        for k in range(start, stop + 1):
            out[i, k - first[i]] = row[k]


def transition(n: int, success: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the dense matrix (success.size, n + 1) whose row i is Binomial(n, success[i]).

    Every entry is right to some (1 + |k - n success|) 1e-16, relatively; rows sum to 1.
    """
    out = np.zeros((success.size, n + 1))
    _binomial_dense(n, np.ascontiguousarray(success, dtype=np.float64), out)
    return out


def binomial_band(n: int, success: NDArray[np.float64]) -> Band:
    """Return :func:`transition` as a band: O(sqrt(n)) entries a row."""
    success = np.ascontiguousarray(success, dtype=np.float64)
    first, size = np.empty(success.size, np.int64), np.empty(success.size, np.int64)
    row = np.empty(n + 1)
    _binomial_ends(n, success, row, first, size)
    weights = np.zeros((success.size, int(size.max())))
    _binomial_fill(n, success, row, first, weights)
    return Band(first, size, weights)


# --- number of ancestors -------------------------------------------------------------------------


@_kernel
def _throw(cells: float, low: int, high: int, row: Floats) -> tuple[int, int]:
    """Throw one more ball: replace `row`, the law of occupied cells on [low, high]."""
    top = high + 1 if high < cells else high
    for b in range(top, low - 1, -1):
        stay = row[b] * b / cells if b <= high else 0.0
        come = row[b - 1] * (cells - b + 1) / cells if b > low else 0.0
        row[b] = stay + come
    peak = 0.0
    for b in range(low, top + 1):
        peak = max(peak, row[b])
    while row[low] < CUT * peak:
        row[low] = 0.0
        low += 1
    while row[top] < CUT * peak:
        row[top] = 0.0
        top -= 1
    return low, top


@_kernel
def _occupancy_ends(cells: float, balls: int, row: Floats, first: Ints, size: Ints) -> None:
    row[0], low, high = 1.0, 0, 0
    first[0], size[0] = 0, 1
    for a in range(1, balls + 1):
        low, high = _throw(cells, low, high, row)
        first[a], size[a] = low, high - low + 1


@_kernel
def _occupancy_fill(cells: float, balls: int, row: Floats, first: Ints, out: Floats) -> None:
    row[0], low, high = 1.0, 0, 0
    out[0, 0] = 1.0
    for a in range(1, balls + 1):
        low, high = _throw(cells, low, high, row)
        total = 0.0
        for b in range(low, high + 1):
            total += row[b]
        for b in range(low, high + 1):
            out[a, b - first[a]] = row[b] / total


def occupancy_band(cells: int, balls: int) -> Band:
    """Return rows a = 0..balls: the law of the number of `cells` that a balls occupy.

    Balls are thrown one by one, and all terms are positive: no cancellation.
    """
    first, size = np.empty(balls + 1, np.int64), np.empty(balls + 1, np.int64)
    _occupancy_ends(float(cells), balls, np.zeros(balls + 2), first, size)
    weights = np.zeros((balls + 1, int(size.max())))
    _occupancy_fill(float(cells), balls, np.zeros(balls + 2), first, weights)
    return Band(first, size, weights)


# --- powers --------------------------------------------------------------------------------------


@_kernel
def _step(first: Ints, size: Ints, weights: Floats, law: Floats, out: Floats) -> None:
    """Write law @ band to `out`."""
    for k in range(out.size):
        out[k] = 0.0
    for i in range(law.size):
        mass, start = law[i], first[i]
        if mass > 0.0:
            row, target = weights[i, : size[i]], out[start : start + size[i]]
            for k in range(size[i]):
                target[k] += mass * row[k]


@_kernel
def _expectations(band: Band, law: Floats, functions: Floats, out: Floats) -> None:
    new = np.zeros_like(law)
    for t in range(out.shape[0]):
        _step(band.first, band.size, band.weights, law, new)
        law, new = new, law
        for j in range(functions.shape[0]):
            total = 0.0
            for k in range(law.size):
                total += law[k] * functions[j, k]
            out[t, j] = total


def evolve(band: Band, law: NDArray[np.float64], steps: int = 1) -> NDArray[np.float64]:
    """Return the law (states,) after some steps of a square band."""
    law, new = np.array(law, dtype=np.float64), np.zeros(law.size)
    for _ in range(steps):
        _step(*band, law, new)
        law, new = new, law
    return law


def expectations(
    band: Band, law: NDArray[np.float64], functions: NDArray[np.float64], steps: int
) -> NDArray[np.float64]:
    """Return E f_j(state) after 1..steps steps of a square band, shape (steps, functions).

    `functions` has shape (functions, states). Exact up to rounding: the dropped tails change a
    result by less than 1e-23 a step times the largest value of its function.
    """
    out = np.empty((steps, functions.shape[0]))
    law = np.array(law, dtype=np.float64)
    _expectations(band, law, np.ascontiguousarray(functions, dtype=np.float64), out)
    return out
