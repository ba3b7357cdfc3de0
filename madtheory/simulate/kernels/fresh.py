"""The fresh data loop (theory.md 2.1)."""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Ints
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels.collapse import first_generation, line_start, walk
from madtheory.simulate.kernels.measure import measure, record_line, recorder
from madtheory.simulate.kernels.spec import Spec
from madtheory.simulate.kernels.tally import Tally, record


@in_place
def fresh_line_step(
    rng: np.random.Generator, spec: Spec, nu: float, g: float
) -> tuple[float, float]:
    """Advance the fresh data loop in one dimension; return (nu, g)."""
    n_r, n_s, bias = spec.n_fresh, spec.n_synth, spec.bias
    n = n_r + n_s
    square = 2.0 * rng.standard_gamma(0.5 * (n_r - 1.0)) if n_r > 1.0 else 0.0
    synthetic = nu
    if g != 0.0:
        synthetic += math.sqrt(bias) / math.sqrt(n_s) * g * rng.standard_normal()
    gap = rng.standard_normal() / math.sqrt(n_r) - synthetic
    if n_s > 1.0 and bias > 0.0 and g != 0.0:
        square += bias * g * g * 2.0 * rng.standard_gamma(0.5 * (n_s - 1.0))
    square += n_r * (n_s / n) * gap * gap
    return synthetic + (n_r / n) * gap, math.sqrt(square / (n - spec.ddof))


@kernel
def fresh_line_chunk(rng: np.random.Generator, spec: Spec, s: Array, tally: Tally) -> None:
    """Run :func:`fresh_chunk` for s of shape (1,): the same variates, scalars only."""
    slots, line = tally.slots, np.zeros((4, tally.mean.shape[1]))
    for replicate in range(tally.replicates):
        nu, g = line_start(rng, spec)
        for t in range(slots.size):
            if t > 0:
                nu, g = fresh_line_step(rng, spec, nu, g)
            if slots[t] >= 0:
                line[0, slots[t]], line[1, slots[t]] = nu, g
        record_line(tally, line, s[0], spec.log_det, replicate)


@in_place
def fresh_means(
    rng: np.random.Generator, spec: Spec, nu: Array, G: Array, e: Ints, row: Array, delta: Array
) -> None:
    """Replace nu by the pooled mean and write sqrt(n_r n_s / (n (n - ddof))) (x_r - x_s)."""
    n_r, n_s = spec.n_fresh, spec.n_synth
    n = n_r + n_s
    scale = math.sqrt(n_r * (n_s / n) / (n - spec.ddof))
    la.normals(rng, math.sqrt(spec.bias) / math.sqrt(n_s), row, e.size)
    walk(nu, G, e, row)
    for i in range(nu.size):
        gap = rng.standard_normal() / math.sqrt(n_r) - nu[i]
        delta[i] = scale * gap
        nu[i] += (n_r / n) * gap


@in_place
def fresh_parts(
    rng: np.random.Generator,
    spec: Spec,
    nu: Array,
    A: Array,
    delta: Array,
    G: Array,
    e: Ints,
    triangular: bool,
    T: Array,
    row: Array,
) -> tuple[int, int]:
    """Draw one generation: Sigma' = A A^T + delta delta^T + G G^T; return the widths of A and G.

    nu and G (width e.size) are replaced: G by sqrt(bias / (n - ddof)) G T, a spectrum of biases
    multiplying its rows.
    """
    r, k = nu.size, e.size
    la.scale_rows(G, spec.roots, k)
    n_r, n_s, bias = spec.n_fresh, spec.n_synth, spec.bias
    scale = 1.0 / math.sqrt(n_r + n_s - spec.ddof)
    k_a = int(min(float(r), n_r - 1.0))
    la.bartlett(rng, n_r - 1.0, scale, A, r, k_a)
    fresh_means(rng, spec, nu, G, e, row, delta)
    k_b = int(min(float(k), n_s - 1.0)) if bias > 0.0 else 0
    if k_b:
        la.bartlett(rng, n_s - 1.0, math.sqrt(bias) * scale, T, k, k_b)
        la.times_lower(G, T, r, k, k_b, triangular, row)
    return k_a, k_b


@in_place
def stack(A: Array, k_a: int, delta: Array, G: Array, k_b: int, F: Array) -> int:
    """Write [A, delta, G] into F; return its width. The real, larger columns come first."""
    for i in range(delta.size):
        for j in range(k_a):
            F[i, j] = A[i, j]
        F[i, k_a] = delta[i]
        for j in range(k_b):
            F[i, k_a + 1 + j] = G[i, j]
    return k_a + 1 + k_b


@in_place
def fresh_factor(
    A: Array, k_a: int, delta: Array, G: Array, k_b: int, triangular: bool, F: Array, M: Array
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
    la.add_gram(A, r, k_a, True, M)
    la.add_gram(G, r, k_b, triangular, M)
    if not la.cholesky(M, r):
        la.lower_factor(F, r, stack(A, k_a, delta, G, k_b, F), M)
    for i in range(r):
        for j in range(r):
            G[i, j] = M[i, j] if j <= i else 0.0
    return int(r)


@kernel
def fresh_chunk(rng: np.random.Generator, spec: Spec, s: Array, tally: Tally) -> None:
    """Run replicates of the fresh data loop (theory.md 2.1)."""
    r = s.size
    nu, row, delta, x, flags = np.zeros(r), np.zeros(r), np.zeros(r), *recorder(tally.wanted)
    A, G, T, F = np.zeros((r, r)), np.zeros((r, r)), np.zeros((r, r)), np.zeros((r, 2 * r + 1))
    work, M = np.zeros((r, r)), np.zeros((r, r))
    e = np.zeros(r, np.int64)
    for replicate in range(tally.replicates):
        k = first_generation(rng, spec, nu, G)
        triangular = True
        for t in range(tally.slots.size):
            if t > 0:
                k_a, k_b = fresh_parts(rng, spec, nu, A, delta, G, e[:k], triangular, T, row)
                k = fresh_factor(A, k_a, delta, G, k_b, triangular, F, M)
                triangular = k == r
            if tally.slots[t] >= 0:
                measure(flags, nu, G, e[:k], s, spec.log_det, work, M, x)
                record(tally, x, replicate, tally.slots[t])
