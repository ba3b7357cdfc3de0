"""Chains of resampling: transition rows of one count, and of the number of ancestors.

Two chains serve modes and words (theory.md 4). The first is the count of one mode, whose rows
are Binomial(n, success(count)). The second runs back in time and holds for all modes at once: n
samples drawn from the previous n have `A` distinct parents, they have fewer, and so on; its rows
are the laws of the number of cells that `a` balls occupy.

Rows are unimodal with Gaussian tails, so they are kept as bands: entries below 2^-80 of the
largest of their row are dropped (less than 1e-23 of its mass), and each row sums to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from madtheory._compile import kernel
from madtheory._types import Array, Ints

#: Entries of a row below this fraction of its largest are dropped.
CUT = 2.0**-80
#: Probabilities below this are taken as zero: their products are slow denormals.
TINY = 1e-290


class Band(NamedTuple):
    """Rows of a transition matrix: row i is weights[i, : size[i]], from column first[i] on."""

    first: Ints
    size: Ints
    weights: Array


@kernel
def binomial_row(n: int, p: float, cut: float, out: Array) -> tuple[int, int]:
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


@kernel
def _binomial_dense(n: int, success: Array, out: Array) -> None:
    for i in range(success.size):
        binomial_row(n, success[i], 0.0, out[i])


@kernel
def _keep(row: Array, start: int, stop: int, i: int, band: Band) -> None:
    """Note the ends of row i, and the row where the band has room."""
    band.first[i], band.size[i] = start, stop - start + 1
    if band.weights.shape[1] > 0:
        for k in range(start, stop + 1):  # a slice would cost more than the row
            band.weights[i, k - start] = row[k]


@kernel
def _normalise(i: int, band: Band) -> None:
    """Make row i sum to 1, if the band has room for rows."""
    if band.weights.shape[1] > 0:
        total = 0.0
        for k in range(band.size[i]):
            total += band.weights[i, k]
        for k in range(band.size[i]):
            band.weights[i, k] /= total


@kernel
def _binomial_rows(n: int, success: Array, row: Array, band: Band) -> None:
    for i in range(success.size):
        start, stop = binomial_row(n, success[i], CUT, row)
        _keep(row, start, stop, i, band)


def _band(rows: int, write: Callable[[Band], None]) -> Band:
    """Write rows twice: first their ends, then all into as many columns as the longest has."""
    ends = Band(np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty((rows, 0)))
    write(ends)
    band = ends._replace(weights=np.zeros((rows, int(ends.size.max()))))
    write(band)
    return band


def transition(n: int, success: Array) -> Array:
    """Return the dense matrix (success.size, n + 1) whose row i is Binomial(n, success[i]).

    Every entry is right to some (1 + |k - n success|) 1e-16, relatively; rows sum to 1.
    """
    out = np.zeros((success.size, n + 1))
    _binomial_dense(n, np.ascontiguousarray(success, dtype=np.float64), out)
    return out


def binomial_law(n: int, p: float) -> Array:
    """Return the law of Binomial(n, p), shape (n + 1,): of the first count of a mode."""
    return np.asarray(transition(n, np.array([p]))[0])


def binomial_band(n: int, success: Array) -> Band:
    """Return :func:`transition` as a band: O(sqrt(n)) entries a row."""
    success, row = np.ascontiguousarray(success, dtype=np.float64), np.empty(n + 1)
    return _band(success.size, lambda band: _binomial_rows(n, success, row, band))


# --- number of ancestors --------------------------------------------------------------------------


@kernel
def _throw(cells: float, low: int, high: int, row: Array) -> tuple[int, int]:
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


@kernel
def _occupancy_rows(cells: float, balls: int, band: Band) -> None:
    row = np.zeros(balls + 2)
    row[0], low, high = 1.0, 0, 0
    for a in range(balls + 1):
        if a > 0:
            low, high = _throw(cells, low, high, row)
        _keep(row, low, high, a, band)
        _normalise(a, band)


def occupancy_band(cells: int, balls: int) -> Band:
    """Return rows a = 0..balls: the law of the number of `cells` that a balls occupy.

    Balls are thrown one by one, and all terms are positive: no cancellation.
    """
    return _band(balls + 1, lambda band: _occupancy_rows(float(cells), balls, band))


# --- powers ---------------------------------------------------------------------------------------


@kernel
def _step(band: Band, law: Array, low: int, high: int, out: Array) -> tuple[int, int]:
    """Add law[low..high] @ band to `out`, which is zero; return the ends of the result."""
    first, last = out.size, -1
    for i in range(low, high + 1):
        mass, start, size = law[i], band.first[i], band.size[i]
        if mass > TINY:
            row, target = band.weights[i, :size], out[start : start + size]
            for k in range(size):
                target[k] += mass * row[k]
            first, last = min(first, start), max(last, start + size - 1)
    return first, last


@kernel
def _expectations(band: Band, law: Array, functions: Array, out: Array, final: Array) -> None:
    new, low, high = np.zeros_like(law), 0, law.size - 1
    for t in range(out.shape[0]):
        new_low, new_high = _step(band, law, low, high, new)
        for k in range(low, high + 1):
            law[k] = 0.0
        law, new, low, high = new, law, new_low, new_high
        for j in range(functions.shape[0]):
            total = 0.0
            for k in range(low, high + 1):
                total += law[k] * functions[j, k]
            out[t, j] = total
    final[:] = law


def evolve(band: Band, law: Array, steps: int = 1) -> Array:
    """Return the law (states,) after some steps of a square band."""
    final, out = np.empty(law.size), np.empty((steps, 0))
    _expectations(band, np.array(law, np.float64), np.empty((0, law.size)), out, final)
    return final


def expectations(band: Band, law: Array, functions: Array, steps: int) -> Array:
    """Return E f_j(state) after 1..steps steps of a square band, shape (steps, functions).

    `functions` has shape (functions, states). Exact up to rounding: the dropped tails change a
    result by less than 1e-23 a step times the largest value of its function.
    """
    out, law = np.empty((steps, functions.shape[0])), np.array(law, dtype=np.float64)
    functions = np.ascontiguousarray(functions, dtype=np.float64)
    _expectations(band, law, functions, out, np.empty(law.size))
    return out


@kernel
def _absorbed_sums(band: Band, values: Array, out: Array) -> None:
    for i in range(1, values.size):
        start, size = band.first[i], band.size[i]
        total, leave = values[i], 0.0
        for k in range(size):
            if start + k < i:
                total += band.weights[i, k] * out[start + k]
                leave += band.weights[i, k]
        out[i] = total / leave if leave > 0.0 else 0.0


def absorbed_sums(band: Band, values: Array) -> Array:
    """Return E sum_(s >= 0) values(A_s) by first state, for a band that only moves down.

    `values` must be 0 where the chain stays for ever. The probability to leave is the sum of
    what leaves: 1 - P(stay) would cancel.
    """
    out = np.zeros(values.size)
    _absorbed_sums(band, np.ascontiguousarray(values, dtype=np.float64), out)
    return out


# --- ancestors with fresh data --------------------------------------------------------------------


@kernel
def _hypergeometric_row(total: float, marked: float, drawn: int, out: Array) -> tuple[int, int]:
    """Write the law of the marked among `drawn` of `total`, outward from the mode; its ends."""
    most = min(drawn, int(marked))
    mode = int((drawn + 1.0) * (marked + 1.0) / (total + 2.0))
    mode = min(max(mode, drawn - int(total - marked)), most)
    out[mode] = mass = value = 1.0
    first = last = mode
    while last < most and value > CUT:
        value *= (marked - last) * (drawn - last)
        value /= (last + 1.0) * (total - marked - drawn + last + 1.0)
        last += 1
        out[last] = value
        mass += value
    value = 1.0
    while first > max(0, drawn - int(total - marked)) and value > CUT:
        value *= first * (total - marked - drawn + first)
        value /= (marked - first + 1.0) * (drawn - first + 1.0)
        first -= 1
        out[first] = value
        mass += value
    for k in range(first, last + 1):
        out[k] /= mass
    return first, last


@kernel
def _hypergeometric_rows(total: float, marked: float, row: Array, band: Band) -> None:
    for b in range(row.size):
        start, stop = _hypergeometric_row(total, marked, b, row)
        _keep(row, start, stop, b, band)


def hypergeometric_band(total: int, marked: int, drawn: int) -> Band:
    """Return rows b = 0..drawn: the law of the number of marked among b of `total`."""
    every, some, row = float(total), float(marked), np.empty(drawn + 1)
    return _band(drawn + 1, lambda band: _hypergeometric_rows(every, some, row, band))


@kernel
def _split(marked: Band, b: int, x: float, lines: Array, skip: int) -> float:
    """Sum over h >= skip of P(h of b ancestors are fresh) x^h lines[b - h]."""
    first = marked.first[b]
    total, power = 0.0, x**first
    for k in range(marked.size[b]):
        if first + k >= skip:
            total += marked.weights[b, k] * power * lines[b - first - k]
        power *= x
    return total


@kernel
def fresh_limit(parents: Band, marked: Band, x: float) -> float:
    """E x^F, F the founders of the last row's lines: all real samples that they descend from.

    Line by line: a lines have b parents (`parents`), of which h are fresh (`marked`).
    """
    size = parents.first.size
    lines, split = np.ones(size), np.ones(size)
    for a in range(1, size):
        start, total, stay = parents.first[a], 0.0, 0.0
        for k in range(parents.size[a]):
            if start + k < a:
                total += parents.weights[a, k] * split[start + k]
            else:
                stay = parents.weights[a, k]
        total += stay * _split(marked, a, x, lines, 1)
        same = stay * marked.weights[a, 0] if marked.first[a] == 0 else 0.0
        lines[a] = total / (1.0 - same)
        split[a] = _split(marked, a, x, lines, 0)
    return float(lines[size - 1])


@kernel
def fresh_path(parents: Band, marked: Band, x: float, out: Array) -> None:
    """Write E x^F of the last row's lines to `out`, by number of generations up to out.size.

    Before the first of these generations all samples are real: each ancestor is a founder.
    """
    size = parents.first.size
    lines, split = np.empty(size), np.empty(size)
    for b in range(size):
        split[b] = x**b
    for t in range(out.size):
        for a in range(size):
            start, total = parents.first[a], 0.0
            for k in range(parents.size[a]):
                total += parents.weights[a, k] * split[start + k]
            lines[a] = total
        out[t] = lines[size - 1]
        for b in range(size):
            split[b] = _split(marked, b, x, lines, 0)
