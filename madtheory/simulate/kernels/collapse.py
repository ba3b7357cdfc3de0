"""The fully synthetic loop (theory.md 1.1-1.6), under its law and size-biased.

The factor is G = G~ diag(2^e), one exact power of two a column: 10^6 generations neither
underflow nor lose rank.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import Floats, Ints, kernel
from madtheory.simulate.kernels.linear_algebra import (
    LOG_2,
    PIVOT_HIGH,
    PIVOT_LOW,
    bartlett,
    clear,
    normals,
    pivots_extreme,
    power_of_two,
    rescale,
    root_chi_square,
    times_lower,
)
from madtheory.simulate.kernels.measure import keep, measure, record_line, recorder, tally


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
