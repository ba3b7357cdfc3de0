"""Whether the variance vanishes, the support is lost, at which speed; and loops that heat up."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop
from madtheory.theory import collapse, moments
from madtheory.theory.moments import pool_exponent
from madtheory.theory.verdicts.finding import Finding, definition, say
from madtheory.theory.verdicts.risk import risk_is_bounded

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# --- Shumailov et al.: the variance and the tails ------------------------------------------------


@definition("late-collapse", "Shumailov et al. 2024", "does the variance vanish?", collapse_if=True)
def variance_vanishes(loop: Loop, eigenvalues: ArrayLike | None = None) -> Finding:
    """Whether Sigma_t -> 0 (late collapse of Shumailov et al.).

    Almost surely for the fully synthetic loop; in mean where a pool keeps everything. Undecided
    without real data where several models are sampled from at bias near 1.

    Examples
    --------
    >>> variance_vanishes(fully_synthetic(10)).verdict, variance_vanishes(fresh_data(2, 10)).verdict
    (True, False)
    """
    used = loop.used
    if used.floor > 0:
        return say(False, ("floor", used.floor), "the covariance is at least the floor")
    if used.keeps_all:
        return _pool_vanishes(used)
    if used.n_fresh or used.n_fixed >= 2:
        why = "every fit holds real samples, whose scatter does not shrink"
        return say(False, ("real share", used.real_share), why)
    if used.n_fixed:
        rate = _require_forgetting(used, "late collapse onto one fixed sample")
        return say(True, ("forgetting rate", rate), "one fixed sample is all that is real")
    return _synthetic_vanishes(used)


def _pool_vanishes(used: Loop) -> Finding:
    """(E), or a fixed real share beside the pool."""
    if used.real_share > 0:
        why = "the real samples keep their share of the fit"
        return say(False, ("real share", used.real_share), why)
    e = pool_exponent(used)
    why = "the covariance is a power of t" if e else "the covariance converges to a positive limit"
    return say(e < 0, ("exponent of t", e), why, "asymptotic")


def _synthetic_vanishes(used: Loop) -> Finding:
    """No real data at all after generation 1."""
    if used.is_chain and used.shrinkage == 0:
        rate = collapse.rate(used.plain_chain)
        return say(rate < 0, ("rate", rate), "log tr Sigma_t has this drift, almost surely")
    if used.is_chain:
        if used.step_bias > 1:
            raise UnsupportedLoop(
                "the rate with shrinkage is bounded for bias at most 1 only, "
                f"got bias = {used.scalar_bias:g}"
            )
        log_bias = math.log(used.step_bias) if used.step_bias > 0 else -math.inf
        why = "by Jensen the drift of log tr Sigma_t is less than log bias"
        return say(True, ("bound on the rate", log_bias), why, "bound")
    trace = moments.first_moments_limit(used).trace
    if trace == 0:
        return say(True, ("limit of E tr Sigma", 0.0), "E tr Sigma_t -> 0 at a geometric rate")
    return _remembering(used, "late collapse", rises=False)


def _remembering(used: Loop, quantity: str, *, rises: bool) -> Finding:
    """By the sign of the drift with several models in memory, where its error leaves one."""
    if not collapse.only_remembers(used):
        raise UnsupportedLoop(
            f"{quantity} without real data is decided for models in memory or a vanishing mean "
            f"trace only, got memory = {used.memory} and pool = {used.pool}"
        )
    drift = collapse.memory_rate(used)
    if drift.lower <= 0.0 <= drift.upper:
        raise UnsupportedLoop(
            f"{quantity} is decided where the drift of log tr Sigma_t is above or below 0 by more "
            f"than its error, got one in [{drift.lower:.3g}, {drift.upper:.3g}]"
        )
    value = float(drift.value)
    why = "log tr Sigma_t has this drift: a fit's noise against the scatter of the models' means"
    return say((value > 0) is rises, ("rate", value), why, "asymptotic")


@definition("early-collapse", "Shumailov et al. 2024", "is support lost?", collapse_if=True)
def support_is_lost(loop: Loop, eigenvalues: ArrayLike) -> Finding:
    """Whether E log det Sigma_t -> -inf, or Sigma_t has lost directions: the tails are gone.

    Early collapse of Shumailov et al.; a Gaussian has no tail to lose but a direction. A first fit
    with n_initial <= d, the rank of Sigma_0, has lost directions before the loop starts.

    Examples
    --------
    >>> support_is_lost(synthetic_augmentation(6, 100), 5).verdict
    False
    >>> support_is_lost(synthetic_augmentation(5, 100), 5).verdict  # dies off the fixed set's span
    True
    """
    d = Spectrum.of(eigenvalues).rank
    used = loop.used
    if used.floor > 0:
        return say(False, ("rank", d), "the floor has full rank")
    if used.shrinkage > 0:
        return variance_vanishes(used)
    if _fit_size(used) <= d:
        return say(True, ("rank", _fit_size(used) - 1), "a fit has fewer points than directions")
    if used.real_share == 0:
        return _support_of_synthetic(used, d)
    if used.budget is None and used.n_real > d:
        return say(False, ("rank of the real samples", d), "the real samples span everything")
    if used.budget is None and used.n_fresh == 0:
        return _span_of_fixed(used)
    why = "every direction is met by real samples now and then"
    return say(False, ("rank", d), why, "conjecture")


def _fit_size(loop: Loop) -> float:
    """Samples of a late fit that have weight; inf in a pool that keeps everything."""
    if loop.weight == 1:
        return loop.n_real
    pooled = math.inf if loop.pooled is None else loop.n_fixed + loop.n_synth * loop.pooled
    return loop.n_fresh + min(pooled, math.inf if loop.budget is None else loop.budget)


def _span_of_fixed(used: Loop) -> Finding:
    """(C): the directions that the fixed set lacks die, if the loop forgets."""
    _require_forgetting(used, "early collapse off the span of the fixed set")
    why = "off the span of the fixed set nothing is real, and the loop forgets"
    return say(True, ("rank of the fixed set", used.n_fixed - 1), why)


def _require_forgetting(loop: Loop, quantity: str) -> float:
    """The forgetting rate where it is below 1, for (C)."""
    rate = moments.forgetting_rate(loop)
    if rate >= 1:
        raise UnsupportedLoop(
            f"{quantity} is decided for a forgetting rate below 1 only, got {rate:g}"
        )
    return rate


def _support_of_synthetic(used: Loop, d: int) -> Finding:
    """No real share in the limit: the rank, then the log-determinant."""
    vanishes = variance_vanishes(used)
    if vanishes.verdict:
        return replace(vanishes, reason=f"the whole covariance vanishes: {vanishes.reason}")
    start = used.n_initial + used.n_fixed - used.n_shared
    if used.n_fresh == 0 and start <= d:
        return say(True, ("rank", start - 1), "no more directions than the first samples have")
    if used.keeps_all and vanishes.verdict is False:
        return replace(vanishes, status="asymptotic")
    if not used.is_chain:
        raise UnsupportedLoop(
            "early collapse without real data is decided for one model in memory or a vanishing "
            f"covariance only, got memory = {used.memory} and pool = {used.pool}"
        )
    drift = float(np.diff(collapse.log_det_mean(used.plain_chain, np.ones(d), generations=2))[0])
    return say(drift < 0, ("drift of log det", drift), "log det Sigma_t has this drift")


# --- Suresh et al., Marchi et al.: how fast, and which way ---------------------------------------


@definition(
    "rate", "Suresh et al. 2024", "does the variance vanish geometrically?", collapse_if=True
)
def vanishes_exponentially(loop: Loop, eigenvalues: ArrayLike | None = None) -> Finding:
    """Whether the variance vanishes at a geometric rate (Suresh et al.).

    The value is the change of log-variance a generation, or the exponent of t of a power law.

    Examples
    --------
    >>> round(vanishes_exponentially(fully_synthetic(101)).value, 4)  # about -1/n
    -0.01
    """
    vanishes = variance_vanishes(loop)
    # A pool that keeps everything follows a power of t.
    slow = vanishes.verdict and loop.used.keeps_all
    return replace(vanishes, verdict=False) if slow else vanishes


@definition(
    "heat-death", "Marchi et al. 2024", "does the variance grow without bound?", collapse_if=True
)
def heats_up(loop: Loop, eigenvalues: ArrayLike | None = None) -> Finding:
    """Whether Sigma_t grows without bound in probability (heat death, Marchi et al.).

    The bias is the temperature. A growing mean is not enough: where the typical path stays, the
    verdict is False.

    Examples
    --------
    >>> hot = fully_synthetic(10, bias=1.2, allow_overdispersion=True)
    >>> heats_up(hot).verdict, heats_up(fully_synthetic(10)).verdict
    (True, False)
    """
    used = loop.used
    if used.keeps_all and used.real_share == 0:
        e = pool_exponent(replace(used, floor=0.0))
        hot = e > 0 or (e == 0 and used.floor > 0)
        return say(hot, ("exponent of t", e), "Sigma_t is a power of t", "asymptotic")
    if used.is_chain:
        return _chain_heats(used)
    bounded = risk_is_bounded(loop, eigenvalues)
    if bounded.verdict:
        return replace(bounded, verdict=False)
    return _remembering(used, "heat death", rises=True)


def _chain_heats(used: Loop) -> Finding:
    """By the top Lyapunov exponent: above 0 it grows, below 0 a floor makes it stationary."""
    if used.step_bias <= 1:
        log_bias = math.log(used.step_bias) if used.step_bias > 0 else -math.inf
        why = "the drift of log tr Sigma_t is below log bias, a floor apart"
        return say(False, ("bound on the rate", log_bias), why, "bound")
    rate = collapse.rate(used.plain_chain)
    if rate == 0 and used.floor > 0:
        raise UnsupportedLoop("heat death with a floor is not decided at the critical bias")
    return say(rate > 0, ("rate", rate), "log tr Sigma_t has this drift, almost surely")
