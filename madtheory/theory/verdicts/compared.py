"""Risk against that of real data: strong collapse, the ratio, and whether weights help."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop, require_loop
from madtheory.theory import distance, moments, worth
from madtheory.theory.verdicts.finding import Finding, definition, say
from madtheory.theory.verdicts.risk import STILL, band, risk_is_bounded
from madtheory.theory.verdicts.vanishing import variance_vanishes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array
    from madtheory.results import Estimate

#: "n -> infinity" multiplies every count by this.
_MANY = 10**6
#: Generation at which a loop without a computed limit is looked at.
_LATE = 1000


# --- Dohmatob et al.: strong collapse ------------------------------------------------------------


def _scaled(loop: Loop, factor: int) -> Loop:
    """The same loop with `factor` times the samples, at the same fractions."""
    budget = None if loop.budget is None else loop.budget * factor
    return replace(
        loop,
        n_initial=loop.n_initial * factor,
        n_fixed=loop.n_fixed * factor,
        n_fresh=loop.n_fresh * factor,
        n_synth=loop.n_synth * factor,
        budget=budget,
    )


def large_sample_floor(loop: Loop, eigenvalues: ArrayLike) -> float:
    """lim_n lim_t E W2^2 at fixed fractions: what more data cannot remove (asymptotic in n).

    With the real share p, q = 1 - p, s_i the eigenvalues and s their mean, Sigma_t settles at
    c = (p + floor) s/(1 - q bias) in the mean and, with k the shrinkage, at
    c_i = [(1 - k) p s_i + k (p s + q bias c) + floor s]/(1 - (1 - k) q bias), and the floor of the
    risk is sum_i (sqrt(s_i) - sqrt(c_i))^2.

    inf where the risk is unbounded over t for every n; refused where theory does not say whether
    it is.

    Examples
    --------
    >>> round(large_sample_floor(fresh_data(100, 900, bias=0.9), [1.0] * 100), 3)
    7.536
    >>> large_sample_floor(fresh_data(100, 900), [1.0] * 100)
    0.0
    """
    require_loop(loop)
    s = Spectrum.of(eigenvalues).values
    used = loop.used
    bounded = risk_is_bounded(_scaled(used, _MANY), eigenvalues)
    if bounded.verdict is None:
        raise UnsupportedLoop(bounded.reason)
    if not bounded.verdict:
        return math.inf
    return float(np.square(np.sqrt(s) - np.sqrt(_settled(used, s))).sum())


def _settled(loop: Loop, s: Array) -> Array:
    """Where the covariance's eigenvalues settle without noise."""
    p, k, mean = loop.real_share, loop.shrinkage, s.mean()
    passed = (1 - p) * loop.scalar_bias
    if p == 0 and loop.scalar_bias == 1:  # A pool that keeps everything keeps its first covariance.
        return s if k == 0 else np.full_like(s, mean)
    c = (p + loop.floor) * mean / (1 - passed)
    refilled = k * (p * mean + passed * c) + loop.floor * mean
    return np.asarray(((1 - k) * p * s + refilled) / (1 - (1 - k) * passed))


@definition(
    "strong-collapse", "Dohmatob et al. 2024b", "does more data leave a floor?", collapse_if=True
)
def strong_collapse(loop: Loop, eigenvalues: ArrayLike) -> Finding:
    """Whether more data at the same fractions leaves a floor (Dohmatob et al., strong collapse).

    The value is :func:`large_sample_floor` over tr Sigma_0.

    Examples
    --------
    >>> strong_collapse(fresh_data(99, 1, bias=0.9), [1.0]).verdict  # one part in a hundred
    True
    >>> strong_collapse(fresh_data(1, 99), [1.0]).verdict
    False
    """
    s = Spectrum.of(eigenvalues)
    floor = large_sample_floor(loop, s) / s.trace
    evidence = ("floor of E W2^2 / tr Sigma_0", floor)
    why = "E W2^2 for t, then n, to infinity at fixed fractions"
    return say(floor > 1e-15, evidence, why, "asymptotic")


# --- Kazdan et al., He et al.: the risk beside that of the real data -----------------------------


def on_the_border(loop: Loop) -> bool:
    """Whether first moments of the limit are exactly those of n_real samples (theory.md 3.1).

    As many fixed as fresh samples at bias 1, memory 1, replaced: with p = n_real/n, q = 1 - p,
    E mu.x_f = 1/n_real, and E|mu|^2 = [p + q C + q^2/p + 2 q p/(2 p)]/n = 1/n_real where C = 1,
    which the total scatter n - 1 = n (p + q (M + 1) - M), M = 1/n_real, is as well.
    """
    plain = loop.beyond_plain is None and loop.ddof == 1 and loop.budget is None
    return plain and loop.scalar_bias == 1 and loop.n_fixed == loop.n_fresh > 0


def third_order_gap(loop: Loop, dim: int) -> tuple[float, float]:
    """E W2^2 on the border less that of n_real samples, in two parts (asymptotic in n).

    With h = Sigma - I, E tr Sigma^(1/2) = d - E tr h^2/8 + E tr h^3/16 - ..., so the gap is that of
    E tr h^2/4, exact, and of -E tr h^3/8. To leading order the law of h is that of the samples up
    to its third cumulant, (d^3 + 3 d^2 + 4 d) a/n^2 against (d^3 + 3 d^2 + 4 d)/n_real^2, with
    f = p/2 and (1 - q^2) b = 1 + 3 q/p, (1 - q^3) a = f + 3 q/2 + 3 p q^2 b/2 + p/2 + q
    + 3 q (1/2 + q/p): phi the fixed set's part of h, c = (phi, phi, h) = 2/p^2 and b = (phi, h, h).
    """
    d, n_r, p = dim, loop.n_real, loop.n_real / loop.n_train
    q = 1 - p
    b = (1 + 3 * q / p) / (1 - q**2)
    a = (p + 2.5 * q + 1.5 * p * q**2 * b + 3 * q * (0.5 + q / p)) / (1 - q**3)
    third = -(d**3 + 3 * d**2 + 4 * d) * (a * p**2 - 1) / (8 * n_r**2)
    second = moments.second_moments_limit(loop, d)
    if second is None:
        return math.inf, third
    at = dict(zip(moments.INVARIANTS, map(float, second), strict=True))
    spread = at["trace_squared"] - 2 * at["trace"] + d
    return (spread - d * (d + 1) / (n_r - 1)) / 4, third


def _border_ratio(loop: Loop, s: Spectrum, base: float) -> Finding | None:
    """By third order, where what follows is smaller; None elsewhere."""
    if not (s.is_flat and on_the_border(loop) and loop.n_real >= 4 * max(s.dim, 2)):
        return None
    second, third = third_order_gap(loop, s.dim)
    if abs(third) < 2 * abs(second):
        return None
    gap = s.trace / s.dim * (second + third)
    why = "first moments are those of the real data alone: third order decides"
    return say(gap > 0, ("ratio to the real-data risk", 1 + gap / base), why, "asymptotic")


@definition(
    "ratio", "Kazdan et al. 2024", "is the limit worse than the real data alone?", collapse_if=True
)
def risk_ratio(loop: Loop, eigenvalues: ArrayLike) -> Finding:
    """Whether the limit of E W2^2 exceeds that of a fit to the real data alone (Kazdan et al.).

    The value is the ratio to the fit to n_real samples, n_initial where n_real < 2; at
    generation 1000 or from below, and named so, where the limit is not computed. Where first
    moments tie (:func:`on_the_border`) the third order decides.

    Examples
    --------
    >>> round(risk_ratio(fresh_data(100, 100), [1.0, 1.0]).value, 2)
    0.67
    """
    s = Spectrum.of(eigenvalues)
    n = loop.n_real if loop.n_real >= 2 else loop.n_initial
    base = spectrum.baseline(n, s)
    if risk_is_bounded(loop, eigenvalues).verdict is False:
        return say(True, ("ratio to the real-data risk", math.inf), "the risk is unbounded")
    border = _border_ratio(loop, s, float(base.value))
    if border is not None:
        return border
    try:
        name, risk = "ratio to the real-data risk", distance.w2_squared_limit(loop, eigenvalues)
    except UnsupportedLoop:
        if variance_vanishes(loop).verdict:
            least = float(s.trace / base.value)
            # Worth saying only where it is more than 1: then the sign is certain.
            if least * (1 - float(base.rel_error)) > 1:
                why = "the covariance vanishes, so E W2^2 -> at least tr Sigma_0"
                return say(True, ("least ratio", least), why, "bound")
        name = f"ratio at generation {_LATE}"
        risk = distance.w2_squared(loop, eigenvalues, generations=_LATE).last()
    return _compared(name, risk, base)


def _compared(name: str, risk: Estimate, base: Estimate) -> Finding:
    """Compare two risks with their declared errors."""
    ratio = float(risk.value / base.value)
    low, high, status = band(risk)
    base_low, base_high, base_status = band(base)
    verdict = True if low > base_high else False if high < base_low else None
    status = "exact" if status == base_status == "exact" else "asymptotic"
    why = "both risks with their declared errors"
    return say(verdict, (name, ratio), why, status)


@definition(
    "weighting",
    "He et al. 2025",
    "does some weight make synthetic data worth having?",
    collapse_if=False,
)
def weighting_helps(loop: Loop, eigenvalues: ArrayLike) -> Finding:
    """Whether some weight makes synthetic data worth having (He, Xu, Cheng 2025).

    The loop's own weight does not matter. The value is the least ratio to the real-data risk over
    all weights; undecided where it is not below 1 by more than the declared error.
    """
    best = worth.best_weight(loop, eigenvalues)
    risk = distance.w2_squared_limit(replace(loop, weight=best.weight), eigenvalues)
    base = spectrum.baseline(loop.n_real, eigenvalues)
    high, base_low = band(risk)[1], band(base)[0]
    why = f"the weight {best.weight:.3f} on the real data is the best"
    verdict = True if high < base_low else False if best.ratio >= 1 - STILL else None
    evidence = ("least ratio over weights", best.ratio)
    return say(verdict, evidence, why, "asymptotic")
