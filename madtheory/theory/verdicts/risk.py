"""What other papers call collapse, as functions of a loop's law or of simulated paths.

Every definition is one function that answers one named question about a loop with a
:class:`Finding`: a verdict (None: theory does not decide), a number with its name, how sure that
is, one sentence why, and the id of the claim whose test decides it. docs/related.md has the papers
and says where a definition has no meaning for Gaussians; :func:`definitions_table` puts loops and
definitions side by side.

The questions are asked of generations t -> infinity first and, where there are more samples,
of n -> infinity second: at a fixed t more data always helps.

What the verdicts rest on, beside the laws in :mod:`madtheory.theory.collapse` and
:mod:`madtheory.theory.moments` (Sigma_0 any, r = tr Sigma_0, q the share of synthetic samples):

(A) E W2^2 <= E |mu|^2 + E tr Sigma + r and E W2^2 >= E |mu|^2 + (sqrt(E tr Sigma) - sqrt(r))^2, so
    the risk is bounded iff both first moments are.
(B) Two real samples in every fit, or one that is fresh, keep the variance from vanishing:
    (n - ddof) Sigma_t is at least the scatter of the real samples, whose law does not change.
(C) In a direction u in which the fixed samples agree, and there are no fresh ones, u'Sigma_t u
    follows the first moments of the loop without their constant part: it dies iff the forgetting
    rate is below 1.
(D) A floor f keeps Sigma_t >= f (r/d) I. Without real data every generation then moves the mean by
    a step of at least bias f r/n_synth that nothing pulls back: the risk grows without bound.
(E) Where a pool keeps everything, the real share goes to 0 and t counts in logarithms: the pool's
    covariance P follows dP/d log t = (s - 1) P with s = bias k + 1/B, so P ~ t^(s-1). Without
    a budget k = 1 and 1/B is absent; a budget B has k = (B-1)/(B-ddof), and its 1/B is the noise
    of the model's mean, which new samples carry into the pool. Sampling from all earlier models
    (memory None) makes it t^(sqrt(s) - 1).
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.covariance import Spectrum
from madtheory.loop import Loop
from madtheory.theory import collapse, distance, moments
from madtheory.theory.moments import pool_exponent
from madtheory.theory.moments.growing_pool import anchored_pool_gain
from madtheory.theory.verdicts.finding import Finding, Status, definition, say

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array
    from madtheory.results import Estimate

#: Changes of E W2^2 below this, relative, are rounding, or interpolation between generations.
STILL = 1e-8


# --- Alemohammad et al.: the expected distance increases -----------------------------------------


@definition(
    "mad", "Alemohammad et al. 2023", "does the expected distance increase?", collapse_if=True
)
def expected_distance_increases(
    loop: Loop, eigenvalues: ArrayLike, *, generations: int = 50
) -> Finding:
    """Whether E W2^2 increases with every generation (MAD, Alemohammad et al.).

    The fully synthetic loop at Sigma_0 = c I is answered for all t by
    :func:`madtheory.theory.collapse.is_increasing`, any other for t <= `generations`. An increase
    to a finite limit counts, as in the paper's definition.

    Status "conjecture" where steps are smaller than the declared error of E W2^2: the estimate
    rises, but that is not certified; undecided where it falls and that is not certified.

    Examples
    --------
    >>> expected_distance_increases(fully_synthetic(10), [1.0]).verdict
    True
    """
    s = Spectrum.of(eigenvalues)
    T = _check.count("generations", generations, minimum=2)
    if loop.family == "synthetic" and s.is_flat:
        mad = collapse.is_increasing(loop, s.dim)
        if mad.verdict != "undecided":
            evidence = ("generation of a fall", mad.generation)
            return say(mad.verdict == "increasing", evidence, mad.reason, mad.status)
    path = distance.w2_squared(loop, eigenvalues, generations=T)
    low, high, status = band(path)
    falls = high[1:] < np.maximum.accumulate(low)[:-1] * (1 - 1e-12)
    least = ("least relative step", float((np.diff(path.value) / path.value[:-1]).min()))
    if falls.any():
        t = int(falls.argmax()) + 2
        return say(False, least, f"E W2^2 at generation {t} is below an earlier one", status)
    if (low[1:] > high[:-1]).all():
        return say(True, least, f"every step up to generation {T} exceeds its error", status)
    if least[1] <= -STILL:
        why = f"the estimate falls once up to generation {T}, by less than its declared error"
        return say(None, least, why, "conjecture")
    rises = bool(path.value[-1] > path.value[0] * (1 + STILL))
    why = f"the estimate {'rises' if rises else 'stands still'} up to generation {T}"
    return say(rises, least, why, "conjecture")


def band(path: Estimate) -> tuple[Array, Array, Status]:
    """Where E W2^2 certainly or by the declared error is, and which."""
    spread = path.value * path.rel_error
    low = np.maximum(path.lower, path.value - spread)
    high = np.minimum(path.upper, path.value + spread)
    return low, high, "asymptotic" if spread.any() else "exact"


# --- Bertrand et al.: stability ------------------------------------------------------------------


@definition("stability", "Bertrand et al. 2023", "is the loop stable?", collapse_if=False)
def is_stable(loop: Loop, eigenvalues: ArrayLike | None = None) -> Finding:
    """Whether the loop forgets its start geometrically and stays at a bounded distance.

    Bertrand et al.: iterative retraining contracts towards the model of the real data.

    The value is the forgetting rate of the first moments, 1 where nothing pulls back.

    Examples
    --------
    >>> is_stable(fresh_data(100, 900)).verdict, is_stable(fully_synthetic(1000)).verdict
    (True, False)
    """
    used = loop.used
    if used.n_real == 0:
        return say(False, ("forgetting rate", 1.0), "nothing pulls the mean back to the real one")
    if used.keeps_all and used.weight != 1:
        return say(False, ("forgetting rate", 1.0), "a pool that keeps everything forgets slower")
    rate = moments.forgetting_rate(used)
    return say(rate < 1, ("forgetting rate", rate), "spectral radius of the first-moment map")


# --- Gerstgrasser et al., Dohmatob et al.: the risk over the generations -------------------------


@definition("divergence", "Gerstgrasser et al. 2024", "is the risk bounded?", collapse_if=False)
def risk_is_bounded(loop: Loop, eigenvalues: ArrayLike | None = None) -> Finding:
    """Whether sup_t E W2^2 is finite (Gerstgrasser et al.), by (A).

    The value is lim (E |mu_t|^2 + E tr Sigma_t)/tr Sigma_0, or what decides that it is finite.

    Examples
    --------
    >>> risk_is_bounded(synthetic_augmentation(50, 50, pool="accumulate")).verdict
    True
    >>> risk_is_bounded(fully_synthetic(50)).verdict
    False
    >>> risk_is_bounded(fully_synthetic(50, ddof=0)).verdict  # the trace and the walk share it
    True
    """
    used = loop.used
    name = "limit of E|mu|^2 + E tr Sigma"
    if used.keeps_all:
        return _pool_bounded(used)
    if used.n_real == 0 and used.floor > 0 and used.scalar_bias > 0:
        return say(False, ("limit of E|mu|^2", math.inf), "the floor keeps the mean walking")
    if used.is_chain:
        total = _synthetic_total(used)
        return say(math.isfinite(total), (name, total), "the mean's steps have this sum")
    limit = moments.first_moments_limit(used, eigenvalues=eigenvalues)
    total = limit.mean_sq + limit.trace
    return say(math.isfinite(total), (name, total), "first moments have this limit")


def _synthetic_total(loop: Loop) -> float:
    """lim E |mu|^2 + E tr Sigma of a chain: first/n + bias c/(n (1 - step_bias)); inf from 1 on."""
    if loop.scalar_bias == 0:
        return loop.first_bias / loop.n_initial + loop.floor
    gap = 1 - Fraction(loop.scalar_bias) * loop.dof / (loop.n_synth - loop.ddof)
    if gap <= 0 or loop.floor > 0:
        return math.inf
    walk = loop.scalar_bias * loop.first_scale / loop.n_synth / float(gap)
    return loop.first_bias / loop.n_initial + walk


def _pool_bounded(used: Loop) -> Finding:
    """Where a pool keeps everything: by its exponent, or by what it passes on."""
    if used.real_share > 0:
        gain = anchored_pool_gain(used)
        return say(gain < 1, ("gain of the pool", gain), "beside a fixed real share", "asymptotic")
    e = pool_exponent(replace(used, floor=0.0))
    bounded = e < 0 or (e == 0 and used.floor == 0)
    return say(bounded, ("exponent of t", e), "E tr Sigma_t is a power of t", "asymptotic")


@definition(
    "linear-growth", "Dohmatob et al. 2024a", "does the risk grow like t?", collapse_if=True
)
def risk_grows_linearly(loop: Loop, eigenvalues: ArrayLike | None = None) -> Finding:
    """Whether E W2^2 grows at least like t (Dohmatob et al., model collapse demystified).

    The value is lim E W2^2/(t tr Sigma_0), inf where the growth is faster.

    Examples
    --------
    >>> risk_grows_linearly(fully_synthetic(50)).value
    0.02
    """
    used = loop.used
    slope = "slope of E W2^2 over t"
    if used.keeps_all and used.real_share == 0:
        e = pool_exponent(replace(used, floor=0.0))
        # A covariance of t^e moves the pool's mean by steps of variance t^(e - 2).
        value = math.inf if e > 1 else 0.0
        return say(e >= 1, (slope, value), "E tr Sigma_t is a power of t", "asymptotic")
    bounded = risk_is_bounded(loop, eigenvalues)
    if bounded.verdict:
        return say(False, (slope, 0.0), "the risk is bounded", bounded.status)
    if used.is_chain:
        return say(True, (slope, _slope(used)), "every step of the mean has the same variance")
    if bounded.verdict is None:
        return bounded
    return say(True, (slope, None), "first moments follow a linear map that does not contract")


def _slope(loop: Loop) -> float:
    """lim E W2^2/(t tr Sigma_0) of a chain with unbounded risk: bias E tr Sigma_inf/n_synth."""
    gap = float(1 - Fraction(loop.scalar_bias) * loop.dof / (loop.n_synth - loop.ddof))
    if gap > 0:
        return loop.scalar_bias * (loop.floor / gap) / loop.n_synth
    if gap < 0 or loop.floor > 0:
        return math.inf
    return loop.scalar_bias * loop.first_scale / loop.n_synth
