"""The weight on real data that serves best, and fractions of real data (theory.md 2.7, 2.9)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from madtheory import _check
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop, fresh_data, require_loop
from madtheory.spectrum import baseline
from madtheory.theory import distance, moments

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike


#: Relative difference of risks that are the same.
_EQUAL = 1e-8


@dataclass(frozen=True, slots=True)
class BestWeight:
    """The weight on the real data with the least risk, and that risk over the real data's own."""

    weight: float
    ratio: float


def _best(
    risk: Callable[[float], float], scanned: Callable[[float], float], width: int = 1
) -> BestWeight:
    """Least risk over (0, 1]: a scan, then a minimum within `width` steps, to 1e-7 of weight.

    The largest weight of those as good: a fixed set alone is as good as with its own samples.
    """
    grid = np.concatenate([np.geomspace(1e-6, 0.1, 12, endpoint=False), np.linspace(0.1, 1, 13)])
    values = np.array([scanned(float(w)) for w in grid])
    at = int(np.flatnonzero(values <= values.min() * (1 + _EQUAL))[-1])
    around = grid[max(at - width, 0)], grid[min(at + width, grid.size - 1)]
    found = optimize.minimize_scalar(risk, bounds=around, method="bounded", options={"xatol": 1e-7})
    there = risk(float(grid[at]))
    if there <= found.fun * (1 + _EQUAL):
        return BestWeight(float(grid[at]), there)
    return BestWeight(float(found.x), float(found.fun))


def _weighted(loop: Loop, w: float) -> Loop:
    """The loop with weight w on the real data."""
    if loop.budget is not None or min(loop.n_real, loop.n_synth) < 1 + loop.ddof:
        raise UnsupportedLoop(
            "the best weight is computed without a budget and with two real and two synthetic "
            f"samples a generation only, got n_real = {loop.n_real}, n_synth = {loop.n_synth}"
            + ("" if loop.budget is None else f" and budget = {loop.budget}")
        )
    return replace(loop, weight=w)


def best_mean_weight(loop: Loop) -> BestWeight:
    """Weight on the real data at which E |mu|^2 is least in the limit (He, Xu, Cheng; exact).

    The loop's own weight does not matter. It needs two real samples a generation, no budget, and a
    computed limit. For fresh data at bias 1 and n -> infinity weight and ratio are
    (sqrt(k^2 + 4k) - k)/2, k = n_real/n_synth, the golden ratio at k = 1. With bias < 1 the mean
    alone misleads: see :func:`best_weight`.

    Examples
    --------
    >>> round(best_mean_weight(fresh_data(10_000, 10_000)).weight, 3)
    0.618
    """

    require_loop(loop)

    def risk(w: float) -> float:
        return loop.n_real * moments.first_moments_limit(_weighted(loop, w)).mean_sq

    return _best(risk, risk)


def best_weight(loop: Loop, eigenvalues: ArrayLike) -> BestWeight:
    """Weight on the real data at which E W2^2 is least in the limit (theory.md 2.9; asymptotic).

    The loop is as for :func:`best_mean_weight`.

    Examples
    --------
    >>> round(best_weight(fresh_data(40, 400, bias=0.9), [1.0] * 4).weight, 2)  # golden: .27
    0.39
    """
    require_loop(loop)
    base = float(baseline(_weighted(loop, 1.0).n_real, eigenvalues).value)

    def risk(w: float) -> float:
        return float(distance.w2_squared_limit(_weighted(loop, w), eigenvalues).value) / base

    def near(w: float) -> float:
        return float(distance.resummed_limit(_weighted(loop, w), eigenvalues).value) / base

    if loop.has_spectrum or (loop.memory == 1 and loop.pooled == 1 and not loop.n_fixed):
        return _best(risk, risk)
    return _best(risk, near, width=2)  # a tenth of the time, and nearly right


# --- fraction of real ----------------------------------------------------------------------------


def fresh_fraction(n: int, p: float, *, bias: float = 1.0) -> Loop:
    """Fresh data loop with p n real among n samples a generation (Appendix G, Fig. 31).

    Parameters
    ----------
    n : int
        Samples a generation, at least 2; also n_initial.
    p : float
        Fraction of real data in (0, 1). n_real = round(p n), at least 1 and at most n - 1.
        (Appendix G.2 prints n_s = (1-p) p for (1-p) n: theory.md 6.)
    bias : float
        Sampling bias lambda.

    Examples
    --------
    >>> loop = fresh_fraction(1000, 0.1, bias=0.9)
    >>> loop.n_fresh, loop.n_synth
    (100, 900)
    """
    n = _check.count("n", n, minimum=2)
    p = _check.number("p", p, low=0.0, high=1.0, open_=True)
    n_real = min(max(round(p * n), 1), n - 1)
    return fresh_data(n_real, n - n_real, bias=bias, n_initial=n)


def fraction_floor(p: float, bias: float, eigenvalues: ArrayLike) -> float:
    """Limit of E W2^2 as n -> infinity at a fixed fraction p of real data (theory.md 2.7).

    tr Sigma_0 (1 - sqrt(s))^2 with s = p/(1 - lambda (1 - p)); 0 at lambda = 1: no floor.

    Examples
    --------
    >>> fraction_floor(0.25, 0.0, [1.0] * 4)
    1.0
    """
    p = _check.number("p", p, low=0.0, high=1.0)
    lam = _check.number("bias", bias, low=0.0, high=1.0)
    d = Spectrum.of(eigenvalues).trace
    if lam == 1:
        return 0.0
    s = p / (1 - lam * (1 - p))
    # 1 - s = (1 - lambda)(1 - p)/(1 - lambda (1 - p)): no cancellation near s = 1.
    return d * ((1 - lam) * (1 - p) / (1 - lam * (1 - p)) / (1 + math.sqrt(s))) ** 2


def fraction_effective_size(n: int, p: float) -> float:
    """Worth n p (2 - p) of the unbiased loop at a fraction p of real data (theory.md 2.7).

    Asymptotic in n. At p = 1 all n samples are real.

    Examples
    --------
    >>> fraction_effective_size(1000, 0.5)
    750.0
    """
    n = _check.count("n", n)
    p = _check.number("p", p, low=0.0, high=1.0)
    return n * p * (2 - p)
