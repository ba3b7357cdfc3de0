"""Sums of singular values: of a Gram matrix, or by bidiagonalisation and differential qd."""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import in_place, kernel, reducing_kernel
from madtheory._types import Array
from madtheory.simulate.kernels.linear_algebra import add_gram, clear
from madtheory.simulate.kernels.root_trace import NEGLIGIBLE, WIDE, root_trace


@reducing_kernel
def reflect_column(A: Array, rows: int, c: int, u: Array, w: Array) -> float:
    """Prepare the reflection that clears A[:rows-1, c]: u, w = beta A^T u; return the pivot.

    The update A - u w^T is left to :func:`reflect_rest`, which reads A anyway.
    """
    norm = 0.0
    for i in range(rows):
        u[i] = A[i, c]
        norm += u[i] * u[i]
    for l in range(c):
        w[l] = 0.0
    if norm < NEGLIGIBLE:
        return 0.0
    alpha = -math.copysign(math.sqrt(norm), u[rows - 1])
    u[rows - 1] -= alpha
    beta = -1.0 / (alpha * u[rows - 1])
    for i in range(rows):
        x = beta * u[i]
        for l in range(c):
            w[l] += x * A[i, l]
    return alpha


@reducing_kernel
def reflect_rest(A: Array, rows: int, c: int, u: Array, w: Array, v: Array) -> float:
    """Apply A - u w^T, then the reflection that clears A[rows-1, :c-1]; return A[rows-1, c-1]."""
    norm, beta, alpha = 0.0, 0.0, 0.0
    for l in range(c):
        v[l] = A[rows - 1, l] - u[rows - 1] * w[l]
        norm += v[l] * v[l]
    if norm >= NEGLIGIBLE:
        alpha = -math.copysign(math.sqrt(norm), v[c - 1])
        v[c - 1] -= alpha
        beta = -1.0 / (alpha * v[c - 1])
    for i in range(rows - 1):
        y = 0.0
        for l in range(c):
            a = A[i, l] - u[i] * w[l]
            A[i, l] = a
            y += a * v[l]
        y *= beta
        for l in range(c):
            A[i, l] -= y * v[l]
    return alpha


@in_place
def bidiagonalise(A: Array, rows: int, cols: int, W: Array) -> None:
    """Reduce A (rows >= cols) by reflections, last column first, to a bidiagonal matrix.

    Writes the squares of its diagonal into W[0] and of its off-diagonal into W[1]. A is
    overwritten.
    """
    for step in range(cols):
        c, height = cols - 1 - step, rows - step
        alpha = reflect_column(A, height, c, W[2], W[3])
        W[0, step] = alpha * alpha
        if c > 0:
            alpha = reflect_rest(A, height, c, W[2], W[3], W[4])
            W[1, step] = alpha * alpha


@in_place
def qd_step(W: Array, m: int, n: int, shift: float) -> float:
    """Write one shifted differential qd step of (W[0], W[1])[m:n] into (W[2], W[3]).

    Return the least d; negative when the shift exceeded the least eigenvalue (Fernando and
    Parlett 1994).
    """
    d = W[0, m] - shift
    least = d
    for k in range(m, n - 1):
        W[2, k] = d + W[1, k]
        t = W[0, k + 1] / W[2, k]
        W[3, k] = W[1, k] * t
        d = d * t - shift
        least = min(least, d)
    W[2, n - 1] = d
    return float(least)


@in_place
def qd_split(W: Array, n: int, shift: float, floor: float) -> int:
    """Return where the last unreduced block of W[:2, :n] begins; W[4] >= 0 marks known starts."""
    m = n - 1
    while m > 0 and W[4, m] < 0.0 and W[1, m - 1] > max(1e-30 * (shift + W[0, m]), floor):
        m -= 1
    return m


@in_place
def qd_reverse(W: Array, m: int, n: int) -> None:
    """Turn a block round when its small end is on top: it then converges at the bottom."""
    if 1.5 * W[0, m] >= W[0, n - 1]:
        return
    for i in range((n - m) // 2):
        W[0, m + i], W[0, n - 1 - i] = W[0, n - 1 - i], W[0, m + i]
    for i in range((n - m - 1) // 2):
        W[1, m + i], W[1, n - 2 - i] = W[1, n - 2 - i], W[1, m + i]


@in_place
def qd_residual(W: Array, m: int, n: int) -> float:
    """Return a: an eigenvalue of the block lies within q_n (1 +- sqrt(a)) / (1 + a)."""
    total, product = 0.0, 1.0
    for k in range(n - 2, m - 1, -1):
        product *= W[1, k] / W[0, k]
        total += product
        if total >= 0.5 or product < 1e-3 * total:
            break
    return total


@in_place
def qd_pair(a: float, b: float, c: float, shift: float) -> float:
    """Return the two singular values' sum of a block of two: squares a, b, superdiagonal c."""
    gap = a - b + c
    large = 0.5 * (a + b + c + math.sqrt(gap * gap + 4.0 * b * c))
    small = a * (b / large) if large > 0.0 else 0.0
    return math.sqrt(large + shift) + math.sqrt(small + shift)


@in_place
def qd_advance(W: Array, m: int, n: int, guess: float, least: float) -> tuple[float, float]:
    """Take one accepted step on block m:n; return (shift, least d).

    The shift is a lower bound of the least eigenvalue from a residual, or a share of the last
    step's upper bound; too large a shift is seen and halved until it holds.
    """
    a = qd_residual(W, m, n)
    shift = guess * least
    if a < 0.5:
        shift = W[0, n - 1] * (1.0 - math.sqrt(a)) / (1.0 + a)
    low = qd_step(W, m, n, shift)
    tries = 0
    while not low >= 0.0 and shift > 0.0:
        tries += 1
        shift = 0.25 * shift if tries < 4 else 0.0
        low = qd_step(W, m, n, shift)
    for k in range(m, n):
        W[0, k] = max(W[2, k], 0.0)
        if k < n - 1:
            W[1, k] = W[3, k]
    return shift, max(low, 0.0)


@in_place
def qd_sum(W: Array, n: int) -> float:
    """Return the sum of the singular values of the bidiagonal matrix with squares W[0], W[1].

    Differential qd with shifts: every singular value is right to rounding of the largest.
    """
    floor, total, shift = 0.0, 0.0, 0.0
    for k in range(n):
        floor = max(floor, 1e-32 * (W[0, k] + (W[1, k] if k < n - 1 else 0.0)))
        W[4, k] = -1.0
    guess, least = 0.0, 0.0
    while n > 0:
        m = qd_split(W, n, shift, floor)
        if m > 0 and W[4, m] < 0.0:
            W[4, m] = shift  # what the blocks above have been shifted by so far
            guess = 0.0
        if n - m > 2:
            qd_reverse(W, m, n)
            step, least = qd_advance(W, m, n, guess, least)
            shift += step
            guess = 0.25 if guess == 0.0 else guess + (0.5 - guess) / 3.0
            continue
        if n - m == 1:
            total += math.sqrt(W[0, m] + shift)
        else:
            total += qd_pair(W[0, m], W[0, m + 1], W[1, m], shift)
        n, guess = m, 0.0
        if n > 0:
            shift, W[4, m] = W[4, m], -1.0
    return total


@in_place
def norm_of_three(F: Array) -> float:
    """Return the sum of the three singular values of lower triangular F (3, 3), singular or not.

    Of the squares' elementary sums one, two and three^2, by t^2 = one + 2 p, p^2 = two + 2 three t
    for the sum t and the sum p of products of two: nothing cancels, and Newton's steps from above
    need four or five.
    """
    a, b, c, d, e, f = F[0, 0], F[1, 0], F[1, 1], F[2, 0], F[2, 1], F[2, 2]
    one = a * a + b * b + c * c + d * d + e * e + f * f
    two = (a * c) ** 2 + (a * e) ** 2 + (b * e - c * d) ** 2
    two += (f * a) ** 2 + (f * b) ** 2 + (f * c) ** 2
    three = abs(a * c * f)
    t = math.sqrt(3.0 * one)
    for _ in range(20):
        pair = math.sqrt(two + 2.0 * three * t)
        mapped = math.sqrt(one + 2.0 * pair)
        if t - mapped <= 1e-15 * t or three >= pair * mapped:
            return mapped
        t -= (t - mapped) / (1.0 - three / (pair * mapped))
    return t


@in_place
def is_lower(F: Array, size: int) -> bool:
    """Tell whether F[:size, :size] is lower triangular."""
    for i in range(size):
        for j in range(i + 1, size):
            if F[i, j] != 0.0:
                return False
    return True


@in_place
def is_graded(F: Array, size: int) -> bool:
    """Tell whether the diagonal of triangular F alone shows that its Gram matrix will not do."""
    low, high = abs(F[0, 0]), abs(F[0, 0])
    for i in range(1, size):
        low, high = min(low, abs(F[i, i])), max(high, abs(F[i, i]))
    return bool(low * low < WIDE * (high * high))


@kernel
def nuclear_norm(F: Array, rows: int, cols: int, M: Array) -> float:
    """Return the sum of the singular values of F (rows >= cols); F and M are overwritten.

    Right to a few rounding errors of the largest one, F singular or not: by bidiagonalisation,
    or where F is well conditioned by its Gram matrix (then the error of sigma_i is below
    1e-16 sigma_1 (sigma_1 / sigma_i) <= 1e-12 sigma_1).
    """
    if cols == 0:
        return 0.0
    if cols == rows == 1:
        return float(abs(F[0, 0]))
    if cols == rows == 2:
        norm = F[0, 0] ** 2 + F[0, 1] ** 2 + F[1, 0] ** 2 + F[1, 1] ** 2
        det: float = F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0]
        return math.sqrt(norm + 2.0 * abs(det))
    lower = cols == rows and is_lower(F, rows)
    if lower and rows == 3:
        return norm_of_three(F)
    if cols == rows and not (lower and is_graded(F, rows)):
        clear(M, rows, rows)
        add_gram(F, rows, rows, lower, M)
        total = root_trace(M, rows)
        if total >= 0.0:
            return total
    W = np.empty((5, rows))
    bidiagonalise(F, rows, cols, W)
    return qd_sum(W, cols)
