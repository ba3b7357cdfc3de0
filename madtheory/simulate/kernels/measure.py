"""What is said of a state (nu, G diag(2^e)).

`s` is the positive spectrum of Sigma_0; see :mod:`madtheory.simulate.kernels` for coordinates.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import in_place, kernel, reducing_kernel
from madtheory._types import Array, Bools, Ints
from madtheory.simulate.kernels.linear_algebra import LOG_2, add_gram, clear, power_of_two, scaled
from madtheory.simulate.kernels.nuclear_norm import is_lower, nuclear_norm
from madtheory.simulate.kernels.tally import Tally, record_path

#: What a run can record; the position is the index used by the kernels.
QUANTITIES = (
    "mean_sq",
    "trace",
    "w2_squared",
    "log_det",
    "log_trace",
    "log_direction",
    "trace_squared",
    "squared_trace",
    "mean_fourth",
    "mean_quadratic",
)
MEAN_SQ, TRACE, W2, LOG_DET, LOG_TRACE, LOG_DIRECTION, TRACE_SQ, SQ_TRACE, MEAN_4, MEAN_QUAD = (
    range(len(QUANTITIES))
)
#: Closer to Sigma_0 than this (norm of G G^T - I), W2^2 = tr + tr - 2 nuclear would cancel.
NEAR = 0.05


@reducing_kernel
def near_step(E: Array, s: Array, size: int, Z: Array, out: Array) -> float:
    """Write the next Z of :func:`near_distance` (lower triangles) and return the change."""
    change = 0.0
    for i in range(size):
        for j in range(i + 1):
            quadratic = 0.0
            for k in range(size):
                quadratic += Z[i, k] * s[k] * Z[j, k]
            z = (math.sqrt(s[i] * s[j]) * E[i, j] - quadratic) / (s[i] + s[j])
            change = max(change, abs(z - Z[i, j]))
            out[i, j] = z
            out[j, i] = z
    return change


@kernel
def near_distance(E: Array, s: Array, size: int) -> float:
    """Return the Bures distance^2 between S and S^{1/2} (I + E) S^{1/2} for small E, no cancelling.

    With I + Z the optimal map, (s_i + s_j) Z_ij + (Z S Z)_ij = sqrt(s_i s_j) E_ij, by fixed
    point, and the distance^2 is tr Z S Z.
    """
    Z, out = np.zeros((size, size)), np.zeros((size, size))
    for _ in range(60):
        change = near_step(E, s, size, Z, out)
        Z, out = out, Z
        if change <= 1e-17:
            break
    total = 0.0
    for i in range(size):
        for j in range(size):
            total += s[j] * Z[i, j] * Z[i, j]
    return total


@in_place
def weighted_factor(G: Array, v: Array, s: Array, power: float, out: Array) -> None:
    """Write diag(s^power) G diag(v)."""
    for i in range(s.size):
        weight = s[i] ** power
        for j in range(v.size):
            out[i, j] = weight * (v[j] * G[i, j])


@in_place
def near_identity(G: Array, v: Array, top: int, rows: int, work: Array, M: Array) -> bool:
    """Write G G^T - I into M (lower triangle) and tell whether its norm is below NEAR.

    Row norms are looked at first: they settle most cases without the product.
    """
    if v.size < rows or top != 0:
        return False
    for i in range(rows):
        if abs(relative_row(G, v, i) - 1.0) > NEAR:
            return False
    for i in range(rows):
        for j in range(rows):
            work[i, j] = v[j] * G[i, j]
    clear(M, rows, rows)
    add_gram(work, rows, rows, is_lower(work, rows), M)
    norm = 0.0
    for i in range(rows):
        M[i, i] -= 1.0
        norm -= M[i, i] * M[i, i]
        for j in range(i + 1):
            norm += 2.0 * M[i, j] * M[i, j]
    return norm < NEAR * NEAR


@in_place
def bures(G: Array, v: Array, top: int, s: Array, trace: float, work: Array, M: Array) -> float:
    """Return the Bures distance^2 between Sigma_t and Sigma_0."""
    if trace == np.inf:
        return np.inf
    if near_identity(G, v, top, s.size, work, M):
        return near_distance(M, s, s.size)
    weighted_factor(G, v, s, 1.0, work)
    nuclear = scaled(nuclear_norm(work, s.size, v.size, M), top)
    total = trace - 2.0 * nuclear
    for i in range(s.size):
        total += s[i]
    return max(total, 0.0)


@in_place
def spread(G: Array, v: Array, s: Array, work: Array, M: Array) -> float:
    """Return tr Sigma_t^2 / 2^(4 top)."""
    weighted_factor(G, v, s, 0.5, work)
    clear(M, s.size, s.size)
    add_gram(work, s.size, v.size, False, M)
    total = 0.0
    for i in range(s.size):
        for j in range(i):
            total += 2.0 * M[i, j] * M[i, j]
        total += M[i, i] * M[i, i]
    return total


@in_place
def quadratic(nu: Array, G: Array, v: Array, s: Array) -> float:
    """Return (mu - mu_0)^T Sigma_t (mu - mu_0) / 2^(2 top), the squared norm of G^T S nu."""
    total = 0.0
    for j in range(v.size):
        x = 0.0
        for i in range(s.size):
            x += G[i, j] * s[i] * nu[i]
        total += (x * v[j]) ** 2
    return total


@in_place
def largest_exponent(e: Ints) -> int:
    """Return max(e), 0 for no columns."""
    top = e[0] if e.size else 0
    for j in range(1, e.size):
        top = max(top, e[j])
    return int(top)


@in_place
def log_pivots(G: Array, e: Ints) -> float:
    """Return log det of a triangular factor squared, -inf where a pivot is zero."""
    total = 0.0
    for j in range(e.size):
        if G[j, j] == 0.0:
            return -np.inf
        total += math.log(abs(G[j, j])) + LOG_2 * e[j]
    return 2.0 * total


@reducing_kernel
def relative_row(G: Array, v: Array, i: int) -> float:
    """Return the squared norm of row i of G diag(v)."""
    total = 0.0
    for j in range(v.size):
        x = G[i, j] * v[j]
        total += x * x
    return total


@in_place
def log_scaled(x: float, top: int) -> float:
    """Return log(x 4^top)."""
    return math.log(x) + 2.0 * top * LOG_2 if x > 0.0 else -np.inf


@kernel
def measure(
    flags: Bools,
    nu: Array,
    G: Array,
    e: Ints,
    s: Array,
    log_det_0: float,
    work: Array,
    M: Array,
    out: Array,
) -> None:
    """Write the flagged quantities of the state (nu, G diag(2^e)) into `out`.

    `log_det_0` is log det Sigma_0 (-inf when singular); a factor with fewer columns than rows has
    log det -inf.
    """
    rows, k = s.size, e.size
    top = largest_exponent(e)
    v = np.empty(k)
    for j in range(k):
        v[j] = power_of_two(e[j] - top)
    tau, mean_sq = 0.0, 0.0
    for i in range(rows):
        mean_sq += s[i] * nu[i] * nu[i]
        tau += s[i] * relative_row(G, v, i)
    trace = scaled(tau, 2 * top)
    out[MEAN_SQ] = mean_sq
    out[TRACE] = trace
    if flags[MEAN_4]:
        out[MEAN_4] = mean_sq * mean_sq
    if flags[MEAN_QUAD]:
        out[MEAN_QUAD] = scaled(quadratic(nu, G, v, s), 2 * top)
    if flags[SQ_TRACE]:
        out[SQ_TRACE] = trace * trace
    if flags[LOG_TRACE]:
        out[LOG_TRACE] = log_scaled(tau, top)
    if flags[LOG_DIRECTION]:
        out[LOG_DIRECTION] = log_scaled(relative_row(G, v, 0), top)
    if flags[LOG_DET]:
        out[LOG_DET] = -np.inf
        if k == rows and log_det_0 > -np.inf:
            out[LOG_DET] = log_det_0 + log_pivots(G, e)
    if flags[TRACE_SQ]:
        out[TRACE_SQ] = scaled(spread(G, v, s, work, M), 4 * top)
    if flags[W2]:
        out[W2] = mean_sq + bures(G, v, top, s, trace, work, M)


@kernel
def recorder(wanted: Ints) -> tuple[Array, Bools]:
    """Return room for the quantities of a state, and which of them are wanted."""
    flags = np.zeros(len(QUANTITIES), np.bool_)
    for q in wanted:
        flags[q] = True
    return np.zeros(len(QUANTITIES)), flags


@in_place
def measure_line(quantity: int, line: Array, s: float, log_det_0: float, out: Array) -> None:
    """Write one quantity at all recorded generations of a path of rank one.

    line[0] is nu, line[1] is G / 2^e, line[2] is e.
    """
    for i in range(out.size):
        nu, g = line[0, i], line[1, i] * power_of_two(int(line[2, i]))
        if quantity == MEAN_SQ:
            out[i] = s * nu * nu
        elif quantity == TRACE:
            out[i] = s * g * g
        elif quantity == W2:
            out[i] = s * (nu * nu + (1.0 - g) * (1.0 - g))
        elif quantity == MEAN_4:
            out[i] = (s * nu * nu) ** 2
        elif quantity == MEAN_QUAD:
            out[i] = (s * nu * g) ** 2
        elif quantity in (SQ_TRACE, TRACE_SQ):
            out[i] = (s * g * g) ** 2
        else:
            out[i] = log_scaled(line[1, i] * line[1, i], int(line[2, i]))
            if quantity == LOG_TRACE:
                out[i] += math.log(s)
            elif quantity == LOG_DET:
                out[i] += log_det_0


@in_place
def record_line(tally: Tally, line: Array, s: float, log_det_0: float, replicate: int) -> None:
    """Measure and record one path of rank one; its state is in line[:3], line[3] is room."""
    for q in range(tally.wanted.size):
        measure_line(tally.wanted[q], line, s, log_det_0, line[3])
        record_path(tally, line[3], replicate, q)
