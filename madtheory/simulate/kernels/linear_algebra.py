"""Random factors and plain linear algebra, in place, and powers of two that keep it in range."""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import in_place, reducing_kernel
from madtheory._types import Array, Ints

LOG_2 = math.log(2.0)
#: Columns are rescaled once a pivot leaves [2^-200, 2^200]; one generation moves it far less.
PIVOT_LOW, PIVOT_HIGH = 2.0**-200, 2.0**200
#: Below this pivot (relative to its diagonal) Cholesky has lost half its digits: use reflections.
SMALL_PIVOT = 1e-8


@in_place
def root_chi_square(rng: np.random.Generator, dof: float) -> float:
    """Draw sqrt(chi^2_dof)."""
    return math.sqrt(2.0 * rng.standard_gamma(0.5 * dof))


@in_place
def bartlett(
    rng: np.random.Generator, dof: float, scale: float, out: Array, rows: int, cols: int
) -> None:
    """Fill `out` with scale * T, T T^T ~ W_rows(I, dof) lower trapezoidal, cols = min(rows, dof).

    Entries above the diagonal are not touched; they must be zero.
    """
    for i in range(rows):
        for j in range(min(i, cols)):
            out[i, j] = scale * rng.standard_normal()
        if i < cols:
            out[i, i] = scale * root_chi_square(rng, dof - i)


@in_place
def normals(rng: np.random.Generator, scale: float, out: Array, size: int) -> None:
    """Fill out[:size] with N(0, scale^2)."""
    for i in range(size):
        out[i] = scale * rng.standard_normal()


@in_place
def clear(out: Array, rows: int, cols: int) -> None:
    """Set out[:rows, :cols] to zero (a loop: slices are slow to compile)."""
    for i in range(rows):
        for j in range(cols):
            out[i, j] = 0.0


@in_place
def scale_rows(G: Array, factors: Array, cols: int) -> None:
    """Multiply row i of G[:, :cols] by factors[i]; no factors stand for ones."""
    for i in range(factors.size):
        for j in range(cols):
            G[i, j] *= factors[i]


@in_place
def times_lower(
    G: Array, T: Array, rows: int, k: int, k_next: int, trapezoidal: bool, row: Array
) -> None:
    """Replace G (rows, k) by G T in place; T (k, k_next) lower trapezoidal, zero above.

    Four rows of T at a time: each load and store of the output row serves four products.
    """
    for i in range(rows):
        top = min(i + 1, k) if trapezoidal else k
        for j in range(k_next):
            row[j] = 0.0
        whole = top - top % 4
        for l in range(0, whole, 4):
            a, b, c, d = G[i, l], G[i, l + 1], G[i, l + 2], G[i, l + 3]
            for j in range(min(l + 4, k_next)):
                row[j] += (a * T[l, j] + b * T[l + 1, j]) + (c * T[l + 2, j] + d * T[l + 3, j])
        for l in range(whole, top):
            for j in range(min(l + 1, k_next)):
                row[j] += G[i, l] * T[l, j]
        for j in range(k):
            G[i, j] = row[j] if j < k_next else 0.0


@reducing_kernel
def add_gram(F: Array, rows: int, cols: int, trapezoidal: bool, out: Array) -> None:
    """Add F[:, :cols] F[:, :cols]^T to the lower triangle of `out` (rows, rows).

    With `trapezoidal`, column j of F is zero above row j: the sums stop there. Four columns of
    the result at a time share the loads of row i. (Inner loops start at 0: an index that might be
    negative would keep them from vector units.)
    """
    for i in range(rows):
        whole = (i + 1) - (i + 1) % 4
        for j in range(0, whole, 4):
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for l in range(min(j + 4, cols) if trapezoidal else cols):
                a += F[i, l] * F[j, l]
                b += F[i, l] * F[j + 1, l]
                c += F[i, l] * F[j + 2, l]
                d += F[i, l] * F[j + 3, l]
            out[i, j] += a
            out[i, j + 1] += b
            out[i, j + 2] += c
            out[i, j + 3] += d
        for j in range(whole, i + 1):
            a = 0.0
            for l in range(min(j + 1, cols) if trapezoidal else cols):
                a += F[i, l] * F[j, l]
            out[i, j] += a


@reducing_kernel
def cholesky_block(M: Array, i: int, j: int) -> None:
    """Finish entries (i, j) to (i, j + 3) of a Cholesky factor, j + 3 < i, in place."""
    a, b, c, d = M[i, j], M[i, j + 1], M[i, j + 2], M[i, j + 3]
    for l in range(j):
        a -= M[i, l] * M[j, l]
        b -= M[i, l] * M[j + 1, l]
        c -= M[i, l] * M[j + 2, l]
        d -= M[i, l] * M[j + 3, l]
    a /= M[j, j]
    b = (b - a * M[j + 1, j]) / M[j + 1, j + 1]
    c = (c - a * M[j + 2, j] - b * M[j + 2, j + 1]) / M[j + 2, j + 2]
    d -= a * M[j + 3, j] + b * M[j + 3, j + 1] + c * M[j + 3, j + 2]
    M[i, j], M[i, j + 1], M[i, j + 2], M[i, j + 3] = a, b, c, d / M[j + 3, j + 3]


@reducing_kernel
def cholesky(M: Array, size: int) -> bool:
    """Replace the lower triangle of M by its Cholesky factor; False when a pivot is tiny."""
    for i in range(size):
        diagonal = M[i, i]
        for j in range(0, i - i % 4, 4):
            cholesky_block(M, i, j)
        for j in range(i - i % 4, i + 1):
            a = M[i, j]
            for l in range(j):
                a -= M[i, l] * M[j, l]
            if j < i:
                M[i, j] = a / M[j, j]
            elif a > SMALL_PIVOT * diagonal:
                M[i, i] = math.sqrt(a)
            else:
                return False
    return True


@in_place
def reflect_row(F: Array, i: int, rows: int, cols: int) -> None:
    """Rotate columns i.. so that row i becomes (..., pivot, 0, ..., 0): one Householder step."""
    largest = 0.0
    for l in range(i, cols):
        largest = max(largest, abs(F[i, l]))
    if largest == 0.0:
        return
    norm = 0.0
    for l in range(i, cols):
        F[i, l] /= largest
        norm += F[i, l] * F[i, l]
    alpha = -math.copysign(math.sqrt(norm), F[i, i])
    F[i, i] -= alpha
    beta = -1.0 / (alpha * F[i, i])
    for q in range(i + 1, rows):
        a = 0.0
        for l in range(i, cols):
            a += F[q, l] * F[i, l]
        a *= beta
        for l in range(i, cols):
            F[q, l] -= a * F[i, l]
    for l in range(i, cols):
        F[i, l] = 0.0
    F[i, i] = alpha * largest


@in_place
def lower_factor(F: Array, rows: int, cols: int, out: Array) -> None:
    """Write lower-triangular L, L L^T = F F^T, by reflections; right where F F^T is singular.

    Columns that come first should be the large ones: their grading is then kept.
    """
    for i in range(rows):
        reflect_row(F, i, rows, cols)
    for i in range(rows):
        for j in range(i + 1):
            out[i, j] = F[i, j]


@in_place
def pivots_extreme(G: Array, k: int) -> bool:
    """Tell whether a diagonal entry asks for a change of scale."""
    extreme = False
    for j in range(k):
        extreme |= not PIVOT_LOW < abs(G[j, j]) < PIVOT_HIGH
    return extreme


@in_place
def rescale(G: Array, e: Ints, ratio: Array, rows: int, k: int) -> None:
    """Move powers of two from the columns of G into e; ratio[l, j] = 2^(e_l - e_j), l >= j."""
    for j in range(k):
        largest = 0.0
        for i in range(j, rows):
            largest = max(largest, abs(G[i, j]))
        shift = math.frexp(largest)[1]
        e[j] += shift
        for i in range(j, rows):
            G[i, j] = math.ldexp(G[i, j], -shift)
    for l in range(k):
        for j in range(l + 1):
            ratio[l, j] = power_of_two(e[l] - e[j])


@in_place
def power_of_two(exponent: int) -> float:
    """Return 2^exponent, 0 below and infinity above the range."""
    if exponent > 1023:
        return np.inf
    return math.ldexp(1.0, int(max(exponent, -1100)))


@in_place
def scaled(x: float, exponent: int) -> float:
    """Return x 2^exponent without a spurious infinity or NaN, x >= 0."""
    if x == 0.0:
        return 0.0
    fraction, own = math.frexp(x)
    return float(fraction * power_of_two(own + exponent))
