"""Compiled kernels of the exact simulators (theory.md 1.1-1.6 and 2.1). No validation here.

Everything runs in whitened eigen-coordinates of Sigma_0 = U diag(s) U^T, restricted to its range
of dimension r: Sigma_t = U S^{1/2} G G^T S^{1/2} U^T and mu_t - mu_0 = U S^{1/2} nu. A state is
nu (r,) and a factor G (r, k); both loops are conjugations of the Sigma_0 = I loop, so s enters
only when a state is measured.

The factor of the fully synthetic loop is G = G~ diag(2^e), one exact power of two a column:
10^6 generations neither underflow nor lose rank. Nothing compiles at import, only at first call.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import Bools, Floats, Ints, kernel, reducing_kernel

__all__ = [
    "QUANTITIES",
    "collapse_chunk",
    "collapse_line_chunk",
    "fresh_chunk",
    "fresh_line_chunk",
    "log_singular_values",
    "nuclear_norm",
    "size_biased_chunk",
]

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
LOG_2 = math.log(2.0)
#: Columns are rescaled once a pivot leaves [2^-200, 2^200]; one generation moves it far less.
PIVOT_LOW, PIVOT_HIGH = 2.0**-200, 2.0**200
#: Below this pivot (relative to its diagonal) Cholesky has lost half its digits: use reflections.
SMALL_PIVOT = 1e-8
#: Gram eigenvalues down to this fraction of the largest give roots right to 1e-12 of the largest.
SMALL_EIGENVALUE = 1e-8
#: From this size on LAPACK's symmetric eigenvalues are faster than bidiagonalisation.
LARGE = 24
#: Deviations below this do not enter a spread: their squares are slow denormals, or zero.
SMALL_SPREAD = 1e-150
#: Squared norms below this are taken as zero in reflections: their digits may have underflowed.
NEGLIGIBLE = 1e-290
#: Closer to Sigma_0 than this (norm of G G^T - I), W2^2 = tr + tr - 2 nuclear would cancel.
NEAR = 0.05


# --- random factors ------------------------------------------------------------------------------


@kernel
def root_chi_square(rng: np.random.Generator, dof: float) -> float:
    """Draw sqrt(chi^2_dof)."""
    return math.sqrt(2.0 * rng.standard_gamma(0.5 * dof))


@kernel
def bartlett(
    rng: np.random.Generator, dof: float, scale: float, out: Floats, rows: int, cols: int
) -> None:
    """Fill `out` with scale * T, T T^T ~ W_rows(I, dof) lower trapezoidal, cols = min(rows, dof).

    Entries above the diagonal are not touched; they must be zero.
    """
    for i in range(rows):
        for j in range(min(i, cols)):
            out[i, j] = scale * rng.standard_normal()
        if i < cols:
            out[i, i] = scale * root_chi_square(rng, dof - i)


@kernel
def normals(rng: np.random.Generator, scale: float, out: Floats, size: int) -> None:
    """Fill out[:size] with N(0, scale^2)."""
    for i in range(size):
        out[i] = scale * rng.standard_normal()


@kernel
def clear(out: Floats, rows: int, cols: int) -> None:
    """Set out[:rows, :cols] to zero (a loop: slices are slow to compile)."""
    for i in range(rows):
        for j in range(cols):
            out[i, j] = 0.0


# --- linear algebra ------------------------------------------------------------------------------


@kernel
def times_lower(
    G: Floats, T: Floats, rows: int, k: int, k_next: int, trapezoidal: bool, row: Floats
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
def add_gram(F: Floats, rows: int, cols: int, trapezoidal: bool, out: Floats) -> None:
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
def cholesky_block(M: Floats, i: int, j: int) -> None:
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
def cholesky(M: Floats, size: int) -> bool:
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


@kernel
def reflect_row(F: Floats, i: int, rows: int, cols: int) -> None:
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


@kernel
def lower_factor(F: Floats, rows: int, cols: int, out: Floats) -> None:
    """Write lower-triangular L, L L^T = F F^T, by reflections; right where F F^T is singular.

    Columns that come first should be the large ones: their grading is then kept.
    """
    for i in range(rows):
        reflect_row(F, i, rows, cols)
    for i in range(rows):
        for j in range(i + 1):
            out[i, j] = F[i, j]


@reducing_kernel
def reflect_column(A: Floats, rows: int, c: int, u: Floats, w: Floats) -> float:
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
def reflect_rest(A: Floats, rows: int, c: int, u: Floats, w: Floats, v: Floats) -> float:
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


@kernel
def bidiagonalise(A: Floats, rows: int, cols: int, W: Floats) -> None:
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


@kernel
def qd_step(W: Floats, m: int, n: int, shift: float) -> float:
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


@kernel
def qd_split(W: Floats, n: int, shift: float, floor: float) -> int:
    """Return where the last unreduced block of W[:2, :n] begins; W[4] >= 0 marks known starts."""
    m = n - 1
    while m > 0 and W[4, m] < 0.0 and W[1, m - 1] > max(1e-30 * (shift + W[0, m]), floor):
        m -= 1
    return m


@kernel
def qd_reverse(W: Floats, m: int, n: int) -> None:
    """Turn a block round when its small end is on top: it then converges at the bottom."""
    if 1.5 * W[0, m] >= W[0, n - 1]:
        return
    for i in range((n - m) // 2):
        W[0, m + i], W[0, n - 1 - i] = W[0, n - 1 - i], W[0, m + i]
    for i in range((n - m - 1) // 2):
        W[1, m + i], W[1, n - 2 - i] = W[1, n - 2 - i], W[1, m + i]


@kernel
def qd_residual(W: Floats, m: int, n: int) -> float:
    """Return a: an eigenvalue of the block lies within q_n (1 +- sqrt(a)) / (1 + a)."""
    total, product = 0.0, 1.0
    for k in range(n - 2, m - 1, -1):
        product *= W[1, k] / W[0, k]
        total += product
        if total >= 0.5 or product < 1e-3 * total:
            break
    return total


@kernel
def qd_pair(a: float, b: float, c: float, shift: float) -> float:
    """Return the two singular values' sum of a block of two: squares a, b, superdiagonal c."""
    gap = a - b + c
    large = 0.5 * (a + b + c + math.sqrt(gap * gap + 4.0 * b * c))
    small = a * (b / large) if large > 0.0 else 0.0
    return math.sqrt(large + shift) + math.sqrt(small + shift)


@kernel
def qd_advance(W: Floats, m: int, n: int, guess: float, least: float) -> tuple[float, float]:
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


@kernel
def qd_sum(W: Floats, n: int) -> float:
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


@kernel
def well_conditioned_sum(M: Floats, size: int) -> float:
    """Return the sum of root eigenvalues of M (lower triangle given), -1 when nearly singular."""
    values = np.linalg.eigvalsh(M[:size, :size])
    if not values[0] > SMALL_EIGENVALUE * values[size - 1]:
        return -1.0
    total = 0.0
    for x in values:
        total += math.sqrt(x)
    return total


@kernel
def nuclear_norm(F: Floats, rows: int, cols: int, M: Floats) -> float:
    """Return the sum of the singular values of F (rows >= cols); F and M are overwritten.

    Right to a few rounding errors of the largest one, F singular or not: by bidiagonalisation,
    or where F is large and well conditioned by the eigenvalues of its Gram matrix (then the
    error of sigma_i is below 1e-16 sigma_1 (sigma_1 / sigma_i) <= 1e-12 sigma_1).
    """
    if cols == 0:
        return 0.0
    if cols == rows == 2:
        norm = F[0, 0] ** 2 + F[0, 1] ** 2 + F[1, 0] ** 2 + F[1, 1] ** 2
        det: float = F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0]
        return math.sqrt(norm + 2.0 * abs(det))
    if cols == rows and rows >= LARGE:
        clear(M, rows, rows)
        add_gram(F, rows, rows, False, M)
        total = well_conditioned_sum(M, rows)
        if total >= 0.0:
            return total
    W = np.empty((5, rows))
    bidiagonalise(F, rows, cols, W)
    return qd_sum(W, cols)


@reducing_kernel
def near_step(E: Floats, s: Floats, size: int, Z: Floats, out: Floats) -> float:
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
def near_distance(E: Floats, s: Floats, size: int) -> float:
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


# --- column scales -------------------------------------------------------------------------------


@kernel
def pivots_extreme(G: Floats, k: int) -> bool:
    """Tell whether a diagonal entry asks for a change of scale."""
    extreme = False
    for j in range(k):
        extreme |= not PIVOT_LOW < abs(G[j, j]) < PIVOT_HIGH
    return extreme


@kernel
def rescale(G: Floats, e: Ints, ratio: Floats, rows: int, k: int) -> None:
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


@kernel
def power_of_two(exponent: int) -> float:
    """Return 2^exponent, 0 below and infinity above the range."""
    if exponent > 1023:
        return np.inf
    return math.ldexp(1.0, int(max(exponent, -1100)))


@kernel
def scaled(x: float, exponent: int) -> float:
    """Return x 2^exponent without a spurious infinity or NaN, x >= 0."""
    if x == 0.0:
        return 0.0
    fraction, own = math.frexp(x)
    return float(fraction * power_of_two(own + exponent))


# --- measuring a state ---------------------------------------------------------------------------


@kernel
def weighted_factor(G: Floats, v: Floats, s: Floats, power: float, out: Floats) -> None:
    """Write diag(s^power) G diag(v)."""
    for i in range(s.size):
        weight = s[i] ** power
        for j in range(v.size):
            out[i, j] = weight * (v[j] * G[i, j])


@kernel
def near_identity(G: Floats, v: Floats, top: int, rows: int, work: Floats, M: Floats) -> bool:
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
    add_gram(work, rows, rows, False, M)
    norm = 0.0
    for i in range(rows):
        M[i, i] -= 1.0
        norm -= M[i, i] * M[i, i]
        for j in range(i + 1):
            norm += 2.0 * M[i, j] * M[i, j]
    return norm < NEAR * NEAR


@kernel
def bures(
    G: Floats, v: Floats, top: int, s: Floats, trace: float, work: Floats, M: Floats
) -> float:
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


@kernel
def spread(G: Floats, v: Floats, s: Floats, work: Floats, M: Floats) -> float:
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


@kernel
def quadratic(nu: Floats, G: Floats, v: Floats, s: Floats) -> float:
    """Return (mu - mu_0)^T Sigma_t (mu - mu_0) / 2^(2 top), the squared norm of G^T S nu."""
    total = 0.0
    for j in range(v.size):
        x = 0.0
        for i in range(s.size):
            x += G[i, j] * s[i] * nu[i]
        total += (x * v[j]) ** 2
    return total


@kernel
def largest_exponent(e: Ints) -> int:
    """Return max(e), 0 for no columns."""
    top = e[0] if e.size else 0
    for j in range(1, e.size):
        top = max(top, e[j])
    return int(top)


@kernel
def log_pivots(G: Floats, e: Ints) -> float:
    """Return 2 sum log |G_jj| of a triangular factor."""
    total = 0.0
    for j in range(e.size):
        total += math.log(abs(G[j, j])) + LOG_2 * e[j]
    return 2.0 * total


@reducing_kernel
def relative_row(G: Floats, v: Floats, i: int) -> float:
    """Return the squared norm of row i of G diag(v)."""
    total = 0.0
    for j in range(v.size):
        x = G[i, j] * v[j]
        total += x * x
    return total


@kernel
def log_scaled(x: float, top: int) -> float:
    """Return log(x 4^top)."""
    return math.log(x) + 2.0 * top * LOG_2 if x > 0.0 else -np.inf


@kernel
def measure(
    flags: Bools,
    nu: Floats,
    G: Floats,
    e: Ints,
    s: Floats,
    log_det_0: float,
    work: Floats,
    M: Floats,
    out: Floats,
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
def keep(wanted: Ints, x: Floats, replicate: int, slot: int, paths: Floats) -> None:
    """Write the wanted quantities into `paths`, if it has room."""
    if paths.size:
        for q in range(wanted.size):
            paths[replicate, q, slot] = x[wanted[q]]


@kernel
def tally_one(value: float, weight: float, mean: Floats, m2: Floats, slot: int) -> None:
    """Welford's update of mean[slot] and m2[slot] for any value, weight = 1 / count."""
    delta = value - mean[slot]
    step = delta * weight
    if abs(delta) < np.inf:
        mean[slot] += step
        m2[slot] += delta * (delta - step) if abs(delta) > SMALL_SPREAD else 0.0
    else:
        # An overflow has no finite spread; a sure -inf has none.
        high = max(value, mean[slot]) == np.inf
        mean[slot] = np.inf if high else -np.inf
        m2[slot] = np.inf if high else 0.0


@kernel
def tally(wanted: Ints, x: Floats, weight: float, slot: int, mean: Floats, m2: Floats) -> None:
    """Update the moments of the wanted quantities at one generation."""
    for q in range(wanted.size):
        tally_one(x[wanted[q]], weight, mean[q], m2[q], slot)


@kernel
def tally_path(values: Floats, weight: float, mean: Floats, m2: Floats) -> None:
    """Update the moments of one quantity at all generations; one pass on vector units."""
    finite = True
    for i in range(values.size):
        finite &= abs(values[i] - mean[i]) < np.inf
    if not finite:
        for i in range(values.size):
            tally_one(values[i], weight, mean, m2, i)
        return
    for i in range(values.size):
        delta = values[i] - mean[i]
        step = delta * weight
        mean[i] += step
        m2[i] += delta * (delta - step) if abs(delta) > SMALL_SPREAD else 0.0


@kernel
def recorder(wanted: Ints) -> tuple[Floats, Bools]:
    """Return room for the quantities of a state, and which of them are wanted."""
    flags = np.zeros(len(QUANTITIES), np.bool_)
    for q in wanted:
        flags[q] = True
    return np.zeros(len(QUANTITIES)), flags


@kernel
def measure_line(quantity: int, line: Floats, s: float, log_det_0: float, out: Floats) -> None:
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


@kernel
def record_line(
    wanted: Ints,
    line: Floats,
    s: float,
    log_det_0: float,
    replicate: int,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Measure and tally one path of rank one; its state is in line[:3], line[3] is room."""
    weight, values = 1.0 / (replicate + 1.0), line[3]
    for q in range(wanted.size):
        measure_line(wanted[q], line, s, log_det_0, values)
        tally_path(values, weight, mean[q], m2[q])
        if paths.size:
            for i in range(values.size):
                paths[replicate, q, i] = values[i]


# --- the loops -----------------------------------------------------------------------------------


@kernel
def tilt(rng: np.random.Generator, scale: float, T: Floats) -> None:
    """Turn the chi^2_m of T[0, 0]^2 into chi^2_(m + 2): its size-biased law."""
    extra = 2.0 * rng.standard_exponential()
    T[0, 0] = math.sqrt(T[0, 0] * T[0, 0] + scale * scale * extra)


@kernel
def first_generation(
    rng: np.random.Generator,
    n_initial: float,
    ddof: float,
    first_bias: float,
    tilted: bool,
    nu: Floats,
    G: Floats,
) -> int:
    """Fit generation 1 on real data; return the width of its factor."""
    rows = nu.size
    clear(G, rows, rows)
    if first_bias == 0.0:
        for i in range(rows):
            nu[i] = 0.0
        return 0
    k = int(min(float(rows), n_initial - 1.0))
    scale = math.sqrt(first_bias) / math.sqrt(n_initial - ddof)
    bartlett(rng, n_initial - 1.0, scale, G, rows, k)
    if tilted:
        tilt(rng, scale, G)
    normals(rng, math.sqrt(first_bias) / math.sqrt(n_initial), nu, rows)
    return k


@kernel
def walk(nu: Floats, G: Floats, e: Ints, z: Floats) -> None:
    """Add G diag(2^e) z to nu; z is overwritten."""
    for j in range(e.size):
        z[j] *= power_of_two(e[j])
    for i in range(nu.size):
        total = 0.0
        for j in range(e.size):
            total += G[i, j] * z[j]
        nu[i] += total


@kernel
def collapse_step(
    rng: np.random.Generator,
    n: float,
    ddof: float,
    bias: float,
    tilted: bool,
    nu: Floats,
    G: Floats,
    e: Ints,
    k: int,
    T: Floats,
    ratio: Floats,
    row: Floats,
) -> int:
    """Advance the fully synthetic loop by one generation; return the new width.

    nu <- nu + sqrt(bias / n) G z and G <- sqrt(bias / (n - ddof)) G T, T Bartlett with n - 1
    degrees of freedom.
    """
    if bias == 0.0 or k == 0:
        return 0
    normals(rng, math.sqrt(bias) / math.sqrt(n), row, k)
    walk(nu, G, e[:k], row)
    k_next = int(min(float(k), n - 1.0))
    scale = math.sqrt(bias) / math.sqrt(n - ddof)
    bartlett(rng, n - 1.0, scale, T, k, k_next)
    if tilted:
        tilt(rng, scale, T)
    if ratio[0, 0] > 0.0:
        for l in range(k):
            for j in range(min(l + 1, k_next)):
                T[l, j] *= ratio[l, j]
    times_lower(G, T, nu.size, k, k_next, True, row)
    if pivots_extreme(G, k_next):
        rescale(G, e, ratio, nu.size, k_next)
    return k_next


@kernel
def draw_direction(rng: np.random.Generator, s: Floats, out: Floats) -> None:
    """Copy s to `out`, entry i first, i drawn with probability s_i / sum(s)."""
    total = 0.0
    for x in s:
        total += x
    level, chosen = total * rng.random(), 0
    while chosen < s.size - 1 and level >= s[chosen]:
        level -= s[chosen]
        chosen += 1
    for i in range(s.size):
        out[i] = s[i]
    out[0], out[chosen] = s[chosen], s[0]


@kernel
def run_collapse(
    tilted: bool,
    rng: np.random.Generator,
    replicates: int,
    counts: tuple[float, float, float],
    biases: tuple[float, float],
    s: Floats,
    log_det_0: float,
    slots: Ints,
    wanted: Ints,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Run the fully synthetic loop, under its law or, if `tilted`, size-biased.

    The parameters are those of :func:`collapse_chunk` and :func:`size_biased_chunk`.
    """
    r = s.size
    nu, row, x, flags = np.zeros(r), np.zeros(r), *recorder(wanted)
    G, T, ratio = np.zeros((r, r)), np.zeros((r, r)), np.zeros((r, r))
    work, M = np.zeros((r, r)), np.zeros((r, r))
    e = np.zeros(r, np.int64)
    turned = s.copy()
    for replicate in range(replicates):
        if tilted:
            draw_direction(rng, s, turned)
        for j in range(r):
            e[j] = 0
        ratio[0, 0] = 0.0  # all scales are one
        k = first_generation(rng, counts[0], counts[2], biases[0], tilted, nu, G)
        weight = 1.0 / (replicate + 1.0)
        for t in range(slots.size):
            if t > 0:
                k = collapse_step(
                    rng, counts[1], counts[2], biases[1], tilted, nu, G, e, k, T, ratio, row
                )
            if slots[t] >= 0:
                measure(flags, nu, G, e[:k], turned, log_det_0, work, M, x)
                tally(wanted, x, weight, slots[t], mean, m2)
                keep(wanted, x, replicate, slots[t], paths)


@kernel
def collapse_chunk(
    rng: np.random.Generator,
    replicates: int,
    counts: tuple[float, float, float],
    biases: tuple[float, float],
    s: Floats,
    log_det_0: float,
    slots: Ints,
    wanted: Ints,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Run replicates of the fully synthetic loop and tally them (theory.md 1.1-1.6).

    counts = (n_initial, n_synth, ddof); biases = (first_bias, bias); slots[t-1] is where
    generation t is tallied, or -1.
    """
    run_collapse(
        False, rng, replicates, counts, biases, s, log_det_0, slots, wanted, mean, m2, paths
    )


@kernel
def size_biased_chunk(
    rng: np.random.Generator,
    replicates: int,
    counts: tuple[float, float, float],
    biases: tuple[float, float],
    s: Floats,
    log_det_0: float,
    slots: Ints,
    wanted: Ints,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Run :func:`collapse_chunk` under the law of density tr Sigma_t / E tr Sigma_t.

    A mixture over i, with weights s_i, of the laws of density proportional to (Sigma_t)_ii. The
    direction i comes first: then (Sigma_t)_ii is a product of the T[0, 0]^2 of all generations,
    and only they are tilted. `log_direction` is that of direction i.
    """
    run_collapse(
        True, rng, replicates, counts, biases, s, log_det_0, slots, wanted, mean, m2, paths
    )


@kernel
def line_start(
    rng: np.random.Generator, n_initial: float, ddof: float, first_bias: float
) -> tuple[float, float]:
    """Fit generation 1 in one dimension; return (nu, g)."""
    if first_bias == 0.0:
        return 0.0, 0.0
    g = math.sqrt(first_bias) / math.sqrt(n_initial - ddof) * root_chi_square(rng, n_initial - 1.0)
    return math.sqrt(first_bias) / math.sqrt(n_initial) * rng.standard_normal(), g


@kernel
def collapse_line_chunk(
    rng: np.random.Generator,
    replicates: int,
    counts: tuple[float, float, float],
    biases: tuple[float, float],
    s: Floats,
    log_det_0: float,
    slots: Ints,
    wanted: Ints,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Run :func:`collapse_chunk` for s of shape (1,): the same variates, scalars only."""
    line = np.zeros((4, mean.shape[1]))
    n, bias = counts[1], biases[1]
    walk_scale = math.sqrt(bias) / math.sqrt(n)
    scale = math.sqrt(bias) / math.sqrt(n - counts[2])
    for replicate in range(replicates):
        nu, g = line_start(rng, counts[0], counts[2], biases[0])
        e, unit = 0, 1.0
        for t in range(slots.size):
            if t > 0 and bias == 0.0:
                g = 0.0
            elif t > 0 and g != 0.0:
                nu += walk_scale * rng.standard_normal() * (g * unit)
                g *= scale * root_chi_square(rng, n - 1.0)
                if not PIVOT_LOW < g < PIVOT_HIGH:
                    shift = math.frexp(g)[1]
                    g, e = math.ldexp(g, -shift), e + shift
                    unit = power_of_two(e)
            if slots[t] >= 0:
                line[0, slots[t]], line[1, slots[t]], line[2, slots[t]] = nu, g, e
        record_line(wanted, line, s[0], log_det_0, replicate, mean, m2, paths)


@kernel
def fresh_line_step(
    rng: np.random.Generator,
    counts: tuple[float, float, float, float],
    bias: float,
    nu: float,
    g: float,
) -> tuple[float, float]:
    """Advance the fresh data loop in one dimension; return (nu, g)."""
    _, n_r, n_s, ddof = counts
    n = n_r + n_s
    square = 2.0 * rng.standard_gamma(0.5 * (n_r - 1.0)) if n_r > 1.0 else 0.0
    synthetic = nu
    if g != 0.0:
        synthetic += math.sqrt(bias) / math.sqrt(n_s) * g * rng.standard_normal()
    gap = rng.standard_normal() / math.sqrt(n_r) - synthetic
    if n_s > 1.0 and bias > 0.0 and g != 0.0:
        square += bias * g * g * 2.0 * rng.standard_gamma(0.5 * (n_s - 1.0))
    square += n_r * (n_s / n) * gap * gap
    return synthetic + (n_r / n) * gap, math.sqrt(square / (n - ddof))


@kernel
def fresh_line_chunk(
    rng: np.random.Generator,
    replicates: int,
    counts: tuple[float, float, float, float],
    biases: tuple[float, float],
    s: Floats,
    log_det_0: float,
    slots: Ints,
    wanted: Ints,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Run :func:`fresh_chunk` for s of shape (1,): the same variates, scalars only."""
    line = np.zeros((4, mean.shape[1]))
    for replicate in range(replicates):
        nu, g = line_start(rng, counts[0], counts[3], biases[0])
        for t in range(slots.size):
            if t > 0:
                nu, g = fresh_line_step(rng, counts, biases[1], nu, g)
            if slots[t] >= 0:
                line[0, slots[t]], line[1, slots[t]] = nu, g
        record_line(wanted, line, s[0], log_det_0, replicate, mean, m2, paths)


@kernel
def fresh_means(
    rng: np.random.Generator,
    counts: tuple[float, float, float, float],
    bias: float,
    nu: Floats,
    G: Floats,
    e: Ints,
    row: Floats,
    delta: Floats,
) -> None:
    """Replace nu by the pooled mean and write sqrt(n_r n_s / (n (n - ddof))) (x_r - x_s)."""
    _, n_r, n_s, ddof = counts
    n = n_r + n_s
    scale = math.sqrt(n_r * (n_s / n) / (n - ddof))
    normals(rng, math.sqrt(bias) / math.sqrt(n_s), row, e.size)
    walk(nu, G, e, row)
    for i in range(nu.size):
        gap = rng.standard_normal() / math.sqrt(n_r) - nu[i]
        delta[i] = scale * gap
        nu[i] += (n_r / n) * gap


@kernel
def fresh_parts(
    rng: np.random.Generator,
    counts: tuple[float, float, float, float],
    bias: float,
    nu: Floats,
    A: Floats,
    delta: Floats,
    G: Floats,
    e: Ints,
    triangular: bool,
    T: Floats,
    row: Floats,
) -> tuple[int, int]:
    """Draw one generation: Sigma' = A A^T + delta delta^T + G G^T; return the widths of A and G.

    nu and G (width e.size) are replaced: G by sqrt(bias / (n - ddof)) G T.
    """
    r, k = nu.size, e.size
    _, n_r, n_s, ddof = counts
    scale = 1.0 / math.sqrt(n_r + n_s - ddof)
    k_a = int(min(float(r), n_r - 1.0))
    bartlett(rng, n_r - 1.0, scale, A, r, k_a)
    fresh_means(rng, counts, bias, nu, G, e, row, delta)
    k_b = int(min(float(k), n_s - 1.0)) if bias > 0.0 else 0
    if k_b:
        bartlett(rng, n_s - 1.0, math.sqrt(bias) * scale, T, k, k_b)
        times_lower(G, T, r, k, k_b, triangular, row)
    return k_a, k_b


@kernel
def stack(A: Floats, k_a: int, delta: Floats, G: Floats, k_b: int, F: Floats) -> int:
    """Write [A, delta, G] into F; return its width. The real, larger columns come first."""
    for i in range(delta.size):
        for j in range(k_a):
            F[i, j] = A[i, j]
        F[i, k_a] = delta[i]
        for j in range(k_b):
            F[i, k_a + 1 + j] = G[i, j]
    return k_a + 1 + k_b


@kernel
def fresh_factor(
    A: Floats,
    k_a: int,
    delta: Floats,
    G: Floats,
    k_b: int,
    triangular: bool,
    F: Floats,
    M: Floats,
) -> int:
    """Replace G by a factor of A A^T + delta delta^T + G G^T; return its width, at most r.

    Narrow stacks are kept as they are; wide ones go through their Gram matrix, or through
    reflections when that is nearly singular.
    """
    r = delta.size
    if k_a + 1 + k_b < r:
        width = stack(A, k_a, delta, G, k_b, F)
        for i in range(r):
            for j in range(width):
                G[i, j] = F[i, j]
        return width
    for i in range(r):
        for j in range(i + 1):
            M[i, j] = delta[i] * delta[j]
    add_gram(A, r, k_a, True, M)
    add_gram(G, r, k_b, triangular, M)
    if not cholesky(M, r):
        lower_factor(F, r, stack(A, k_a, delta, G, k_b, F), M)
    for i in range(r):
        for j in range(r):
            G[i, j] = M[i, j] if j <= i else 0.0
    return int(r)


@kernel
def fresh_chunk(
    rng: np.random.Generator,
    replicates: int,
    counts: tuple[float, float, float, float],
    biases: tuple[float, float],
    s: Floats,
    log_det_0: float,
    slots: Ints,
    wanted: Ints,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Run replicates of the fresh data loop and tally them (theory.md 2.1).

    counts = (n_initial, n_fresh, n_synth, ddof); biases = (first_bias, bias).
    """
    r = s.size
    nu, row, delta, x, flags = np.zeros(r), np.zeros(r), np.zeros(r), *recorder(wanted)
    A, G, T, F = np.zeros((r, r)), np.zeros((r, r)), np.zeros((r, r)), np.zeros((r, 2 * r + 1))
    work, M = np.zeros((r, r)), np.zeros((r, r))
    e = np.zeros(r, np.int64)
    for replicate in range(replicates):
        k = first_generation(rng, counts[0], counts[3], biases[0], False, nu, G)
        triangular = True
        weight = 1.0 / (replicate + 1.0)
        for t in range(slots.size):
            if t > 0:
                k_a, k_b = fresh_parts(
                    rng, counts, biases[1], nu, A, delta, G, e[:k], triangular, T, row
                )
                k = fresh_factor(A, k_a, delta, G, k_b, triangular, F, M)
                triangular = k == r
            if slots[t] >= 0:
                measure(flags, nu, G, e[:k], s, log_det_0, work, M, x)
                tally(wanted, x, weight, slots[t], mean, m2)
                keep(wanted, x, replicate, slots[t], paths)


@kernel
def log_singular_values(
    rng: np.random.Generator, dim: int, n: float, generations: int, out: Floats
) -> None:
    """Write log |G_ii| (the growing part of the log singular values) at bias 1 into out (k,)."""
    nu, row, e = np.zeros(dim), np.zeros(dim), np.zeros(dim, np.int64)
    G, T, ratio = np.zeros((dim, dim)), np.zeros((dim, dim)), np.zeros((dim, dim))
    k = first_generation(rng, n, 1.0, 1.0, False, nu, G)
    for _ in range(1, generations):
        k = collapse_step(rng, n, 1.0, 1.0, False, nu, G, e, k, T, ratio, row)
    for j in range(k):
        out[j] = math.log(abs(G[j, j])) + LOG_2 * e[j]
