"""What the explorer interpolates: deficits on small grids, by the package.

The page knows all first moments exactly, and second moments at memory 1. What it lacks for E W2^2
is the deficit 1 - E tr sqrt(Sigma)/(d sqrt c). A second order of it is closed; its *excess*, the
difference of logits, is smooth and is interpolated by Lagrange's polynomials, axis by axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from madtheory import _search, spectrum
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.reports._types import Array, Numbers
from madtheory.theory import distance, moments

#: Smallest logit of a deficit that counts as one.
_LEAST: Final = 1e-300


def logit(x: float) -> float:
    """log x/(1 - x)."""
    return math.log(max(x, _LEAST)) - math.log1p(-x)


def near_deficit(dim: int, trace: float, of_square: float) -> float:
    """Second order of the deficit, as `laws.near_deficit` has it on the page."""
    spread = of_square * dim / trace**2 - 1
    return -math.expm1(-0.25 * math.log1p(max(spread, 0.0) / 2))


def deficit(w2_squared: float, dim: int, mean_sq: float, trace: float) -> float:
    """Deficit that E W2^2 has at these moments per unit of d."""
    root = math.sqrt(trace)
    return (w2_squared / dim - mean_sq - (1 - root) ** 2) / (2 * root)


def distance_of(dim: int, mean_sq: float, trace: float, lost: float) -> float:
    """E W2^2 at moments per unit of d and a deficit, by its logit."""
    root = math.sqrt(trace)
    return dim * (mean_sq + (1 - root) ** 2 + 2 * root / (1 + math.exp(-lost)))


# --- nodes ---------------------------------------------------------------------------------------

#: Synthetic samples per real one, and biases, at the nodes of limits.
RATIOS: Final = (0, 1, 5, 30, 200, 1000)
BIASES: Final = (0.0, 0.0215, 0.25, 0.73, 1.0)
#: Shares of the way from n_real infinite to the fewest.
_SHARES: Final = (0.07, 0.35, 0.75, 1.0)
#: Sizes of one fit and of loops without real data; generations of the latter.
SIZES: Final = tuple(sorted({round(10 * 1.4**k) for k in range(35)} | {*range(2, 14), 10**6}))
TIMES: Final = (1, 2, 3, 4, 6, 9, 13, 20, 30, 45, 67, 100)
#: Nodes of a local polynomial.
_NEAREST: Final = 4


def fewest(dim: int) -> int:
    """Fewest real samples of the grids of limits."""
    return max(10, dim // 2)


def nearness(dim: int, n: float) -> float:
    """Coordinate of a sample size: 0 where it is infinite."""
    return (dim + 1) / (n + dim)


def real_sizes(dim: int) -> list[int]:
    """Fresh samples at the nodes of limits; one more node stands for infinity."""
    end = nearness(dim, fewest(dim))
    return [round((dim + 1) / (end * share) - dim) for share in _SHARES]


def lagrange(nodes: Sequence[float], x: float) -> Array:
    """Weights of the polynomial through the nodes, at x."""
    at = np.asarray(nodes)
    return np.array([np.prod((x - np.delete(at, i)) / (a - np.delete(at, i)))
                     for i, a in enumerate(at)])  # fmt: skip


def near_nodes(nodes: Sequence[float], x: float) -> Array:
    """Weights of the polynomial through the four nodes around x; nodes increase."""
    first = int(np.clip(np.searchsorted(nodes, x) - _NEAREST // 2, 0, len(nodes) - _NEAREST))
    weights = np.zeros(len(nodes))
    weights[first : first + _NEAREST] = lagrange(nodes[first : first + _NEAREST], x)
    return weights


# --- one fit, and no real data -------------------------------------------------------------------


def fit_excess(dim: int, n: int) -> float:
    """Excess of one fit to n real samples."""
    found = float(spectrum.baseline(n, np.ones(dim)).value)
    near = near_deficit(dim, dim, dim * (1 + (dim + 1) / (n - 1)))
    return logit(deficit(found, dim, 1 / n, 1.0)) - logit(near)


def chain_excess(dim: int, n: int) -> list[float]:
    """Excess of the fully synthetic loop at TIMES; its deficit does not see lambda (1.7)."""
    found = spectrum.chain_deficit(np.ones(dim), TIMES, first=n - 1, later=n - 1).value
    squares = moments.second_moments(fully_synthetic(n), dim, generations=TIMES[-1])[:, -1]
    return [
        logit(float(x)) - logit(near_deficit(dim, dim, float(squares[t - 1])))
        for x, t in zip(found, TIMES, strict=True)
    ]


def interpolated_fit(made: Sequence[float], dim: int, n: int) -> float:
    """E W2^2 of one fit as the page has it."""
    excess = float(near_nodes(np.log(SIZES).tolist(), math.log(n)) @ np.asarray(made))
    near = near_deficit(dim, dim, dim * (1 + (dim + 1) / (n - 1)))
    return distance_of(dim, 1 / n, 1.0, logit(near) + excess)


def interpolated_chain(made: Array, dim: int, n: int, t: int, bias: float) -> float:
    """E W2^2 of the fully synthetic loop at generation t <= TIMES[-1] as the page has it."""
    squares = moments.second_moments(fully_synthetic(n), dim, generations=t)[-1, -1]
    rows = near_nodes(np.log(TIMES).tolist(), math.log(t)) @ np.asarray(made).T
    excess = float(near_nodes(np.log(SIZES).tolist(), math.log(n)) @ rows)
    first = moments.first_moments(fully_synthetic(n, bias=bias), t)
    near = near_deficit(dim, dim, float(squares))
    return distance_of(dim, float(first.mean_sq[-1]), float(first.trace[-1]), logit(near) + excess)


# --- limits and paths beside fresh data ----------------------------------------------------------


def w2_limit(loop: Loop, dim: int) -> float:
    """E W2^2 at the limit, memory 1."""
    return float(distance.w2_squared_limit(loop, np.ones(dim)).value)


def near_path(loop: Loop, dim: int, generations: int) -> Array:
    """Second order of the deficit of generations 1..T."""
    second = moments.second_moments(loop, dim, generations=generations)
    return np.array([near_deficit(dim, float(x[1]), float(x[-1])) for x in second])


def near_limit(loop: Loop, dim: int) -> float:
    """Second order of the deficit at a limit; nan where second moments have none."""
    second = moments.second_moments_limit(loop, dim)
    return math.nan if second is None else near_deficit(dim, float(second[1]), float(second[-1]))


def limit_excess(loop: Loop, dim: int) -> float:
    """Excess at a limit of memory 1."""
    first = moments.first_moments_limit(loop)
    found = deficit(w2_limit(loop, dim), dim, first.mean_sq, first.trace)
    return logit(found) - logit(near_limit(loop, dim))


def limits(dim: int) -> Numbers:
    """Excess by n_real, ratio and bias; at infinite n_real the second order is all there is."""
    sizes = real_sizes(dim)
    excess = np.zeros((1 + len(sizes), len(RATIOS), len(BIASES)))
    for i, n in enumerate(sizes, start=1):
        excess[i, 0, :] = fit_excess(dim, n)
        for j, ratio in enumerate(RATIOS[1:], start=1):
            loops = (fresh_data(n, ratio * n, bias=bias) for bias in BIASES)
            excess[i, j] = [limit_excess(loop, dim) for loop in loops]
    nodes = [0.0, *(nearness(dim, n) for n in sizes)]
    return {"fewest": fewest(dim), "nearness": nodes, "excess": excess}


def interpolated_excess(made: Numbers, dim: int, n_real: int, ratio: float, bias: float) -> float:
    """Excess at a limit as the page has it."""
    weights = (
        lagrange(made["nearness"], nearness(dim, n_real)),
        lagrange(np.log1p(RATIOS).tolist(), math.log1p(ratio)),
        lagrange(np.sqrt(BIASES).tolist(), math.sqrt(bias)),
    )
    return float(np.einsum("i,j,k,ijk", *weights, np.asarray(made["excess"])))


def interpolated_limit(made: Numbers, dim: int, loop: Loop) -> float:
    """E W2^2 at a limit as the page has it."""
    first, ratio = moments.first_moments_limit(loop), loop.n_synth / loop.n_real
    excess = interpolated_excess(made, dim, loop.n_real, ratio, loop.scalar_bias)
    return distance_of(dim, first.mean_sq, first.trace, logit(near_limit(loop, dim)) + excess)


def interpolated_path(made: Numbers, dim: int, loop: Loop, generations: int) -> Array:
    """E W2^2 of generations 1..T as the page has it.

    The excess goes from one fit's to the limit's as the second order of the deficit does.
    """
    first = moments.first_moments(loop, generations)
    near, end = near_path(loop, dim, generations), near_limit(loop, dim)
    start, ratio = fit_excess(dim, loop.n_initial), loop.n_synth / loop.n_real
    last = interpolated_excess(made, dim, loop.n_real, ratio, loop.scalar_bias)
    way = np.clip((near - near[0]) / (end - near[0]), 0, 1) if end != near[0] else 0 * near
    rows = zip(first.mean_sq, first.trace, near, way, strict=True)
    return np.array(
        [
            distance_of(
                dim, float(m), float(c), logit(float(x)) + start + (last - start) * float(s)
            )
            for m, c, x, s in rows
        ]
    )


def interpolated_admissible(made: Numbers, dim: int, n_real: int, bias: float) -> float:
    """Largest n_synth up to the grid's end whose limit is no worse than one fit; 0 for none."""
    best = float(spectrum.baseline(n_real, np.ones(dim)).value)

    def excess(n_synth: int) -> float:
        loop = fresh_data(n_real, n_synth, bias=bias)
        return interpolated_limit(made, dim, loop) - best

    low, high = RATIOS[-1] * n_real, RATIOS[-1] * n_real
    while low > 0 and excess(low) > 0:
        low, high = low // 2, low
    return (
        float(_search.neighbours(excess, (low, excess(low)), (high, excess(high)))[0][0])
        if low
        else 0.0
    )
