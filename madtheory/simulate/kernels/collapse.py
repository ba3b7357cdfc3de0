"""The fully synthetic loop (theory.md 1.1-1.6), under its law and size-biased.

The factor is G = G~ diag(2^e), one exact power of two a column: 10^6 generations neither
underflow nor lose rank.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Ints
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels.measure import measure, record_line, recorder
from madtheory.simulate.kernels.spec import Spec
from madtheory.simulate.kernels.tally import Tally, record


@in_place
def tilt(rng: np.random.Generator, scale: float, T: Array) -> None:
    """Turn the chi^2_m of T[0, 0]^2 into chi^2_(m + 2): its size-biased law."""
    extra = 2.0 * rng.standard_exponential()
    T[0, 0] = math.sqrt(T[0, 0] * T[0, 0] + scale * scale * extra)


@kernel
def first_generation(rng: np.random.Generator, spec: Spec, nu: Array, G: Array) -> int:
    """Fit generation 1 on real data; return the width of its factor."""
    n, first_bias, rows = spec.n_initial, spec.first_bias, nu.size
    la.clear(G, rows, rows)
    if first_bias == 0.0:
        for i in range(rows):
            nu[i] = 0.0
        return 0
    k = int(min(float(rows), n - 1.0))
    scale = math.sqrt(first_bias) / math.sqrt(n - spec.ddof)
    la.bartlett(rng, n - 1.0, scale, G, rows, k)
    if spec.tilted:
        tilt(rng, scale, G)
    la.normals(rng, math.sqrt(first_bias) / math.sqrt(n), nu, rows)
    if spec.rooted_first:
        la.scale_rows(G, spec.roots, k)
        la.scale_rows(nu.reshape(rows, 1), spec.roots, 1)
    return k


@in_place
def walk(nu: Array, G: Array, e: Ints, z: Array) -> None:
    """Add G diag(2^e) z to nu; z is overwritten."""
    for j in range(e.size):
        z[j] *= la.power_of_two(e[j])
    for i in range(nu.size):
        total = 0.0
        for j in range(e.size):
            total += G[i, j] * z[j]
        nu[i] += total


@in_place
def collapse_step(
    rng: np.random.Generator,
    spec: Spec,
    nu: Array,
    G: Array,
    e: Ints,
    k: int,
    T: Array,
    ratio: Array,
    row: Array,
) -> int:
    """Advance the fully synthetic loop by one generation; return the new width.

    nu <- nu + sqrt(bias / n) G z and G <- sqrt(bias / (n - ddof)) G T, T Bartlett with n - 1
    degrees of freedom; a spectrum of biases multiplies the rows of G first.
    """
    n, bias = spec.n_synth, spec.bias
    if bias == 0.0 or k == 0:
        return 0
    la.scale_rows(G, spec.roots, k)
    la.normals(rng, math.sqrt(bias) / math.sqrt(n), row, k)
    walk(nu, G, e[:k], row)
    k_next = int(min(float(k), n - 1.0))
    scale = math.sqrt(bias) / math.sqrt(n - spec.ddof)
    la.bartlett(rng, n - 1.0, scale, T, k, k_next)
    if spec.tilted:
        tilt(rng, scale, T)
    if ratio[0, 0] > 0.0:
        for l in range(k):
            for j in range(min(l + 1, k_next)):
                T[l, j] *= ratio[l, j]
    la.times_lower(G, T, nu.size, k, k_next, True, row)
    if la.pivots_extreme(G, k_next):
        la.rescale(G, e, ratio, nu.size, k_next)
    return k_next


@in_place
def draw_direction(rng: np.random.Generator, s: Array, out: Array) -> None:
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
def collapse_chunk(rng: np.random.Generator, spec: Spec, s: Array, tally: Tally) -> None:
    """Run replicates of the fully synthetic loop (theory.md 1.1-1.6).

    With `spec.tilted` under the law of density tr Sigma_t / E tr Sigma_t. A mixture over i, with
    weights s_i, of the laws of density proportional to (Sigma_t)_ii. The direction i comes first:
    then (Sigma_t)_ii is a product of the T[0, 0]^2 of all generations, and only they are tilted.
    `log_direction` is that of direction i.
    """
    r = s.size
    nu, row, x, flags = np.zeros(r), np.zeros(r), *recorder(tally.wanted)
    G, T, ratio = np.zeros((r, r)), np.zeros((r, r)), np.zeros((r, r))
    work, M = np.zeros((r, r)), np.zeros((r, r))
    e = np.zeros(r, np.int64)
    turned = s.copy()
    for replicate in range(tally.replicates):
        if spec.tilted:
            draw_direction(rng, s, turned)
        for j in range(r):
            e[j] = 0
        ratio[0, 0] = 0.0  # all scales are one
        k = first_generation(rng, spec, nu, G)
        for t in range(tally.slots.size):
            if t > 0:
                k = collapse_step(rng, spec, nu, G, e, k, T, ratio, row)
            if tally.slots[t] >= 0:
                measure(flags, nu, G, e[:k], turned, spec.log_det, work, M, x)
                record(tally, x, replicate, tally.slots[t])


@in_place
def line_start(rng: np.random.Generator, spec: Spec) -> tuple[float, float]:
    """Fit generation 1 in one dimension; return (nu, g)."""
    n, bias = spec.n_initial, spec.first_bias
    if bias == 0.0:
        return 0.0, 0.0
    g = math.sqrt(bias) / math.sqrt(n - spec.ddof) * la.root_chi_square(rng, n - 1.0)
    return math.sqrt(bias) / math.sqrt(n) * rng.standard_normal(), g


@kernel
def collapse_line_chunk(rng: np.random.Generator, spec: Spec, s: Array, tally: Tally) -> None:
    """Run :func:`collapse_chunk` for s of shape (1,): the same variates, scalars only."""
    slots, line = tally.slots, np.zeros((4, tally.mean.shape[1]))
    n, bias = spec.n_synth, spec.bias
    walk_scale = math.sqrt(bias) / math.sqrt(n)
    scale = math.sqrt(bias) / math.sqrt(n - spec.ddof)
    for replicate in range(tally.replicates):
        nu, g = line_start(rng, spec)
        e, unit = 0, 1.0
        for t in range(slots.size):
            if t > 0 and bias == 0.0:
                g = 0.0
            elif t > 0 and g != 0.0:
                nu += walk_scale * rng.standard_normal() * (g * unit)
                g *= scale * la.root_chi_square(rng, n - 1.0)
                if not la.PIVOT_LOW < g < la.PIVOT_HIGH:
                    shift = math.frexp(g)[1]
                    g, e = math.ldexp(g, -shift), e + shift
                    unit = la.power_of_two(e)
            if slots[t] >= 0:
                line[0, slots[t]], line[1, slots[t]], line[2, slots[t]] = nu, g, e
        record_line(tally, line, s[0], spec.log_det, replicate)
