r"""What other papers call collapse, as functions of a loop's law or of simulated paths.

Every definition is one function that answers one named question about a loop with a
:class:`Finding`: a verdict (None: theory does not decide), a number with its name, how sure that
is, one sentence why, and the id of the claim whose test decides it. docs/related.md has the papers
and says where a definition has no meaning for Gaussians; :func:`definitions_table` puts loops and
definitions side by side.

The questions are asked of generations t -> infinity first and, where there are more samples,
of n -> infinity second: at a fixed t more data always helps.

What the verdicts rest on, beside the laws in :mod:`madtheory.collapse` and
:mod:`madtheory.recursions` (Sigma_0 any, r = tr Sigma_0, q the share of synthetic samples):

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

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Concatenate, Literal, ParamSpec, TypeAlias

import numpy as np
from scipy import stats

from madtheory import _validate, collapse, collapse_distance, effective, recursions
from madtheory.loops import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.loops import synthetic_augmentation as augmentation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from madtheory.wishart import Estimate

#: Arrays of float64.
Array: TypeAlias = "NDArray[np.float64]"
Status = Literal["exact", "asymptotic", "bound", "conjecture"]
P = ParamSpec("P")

__all__ = [
    "CLAIM_IDS",
    "DEFINITIONS",
    "Definition",
    "Entry",
    "Finding",
    "PathFinding",
    "default_loops",
    "definitions_table",
    "distance_increases_on_paths",
    "expected_distance_increases",
    "family",
    "heats_up",
    "is_stable",
    "large_sample_floor",
    "loop_forgets_on_paths",
    "pool_exponent",
    "rate_on_paths",
    "ratio_on_paths",
    "real_share",
    "risk_grows_linearly",
    "risk_growth_on_paths",
    "risk_is_bounded",
    "risk_ratio",
    "strong_collapse",
    "support_is_lost",
    "table_text",
    "vanishes_exponentially",
    "variance_vanishes",
    "weighting_helps",
]

#: Changes of E W2^2 below this, relative, are rounding.
_STILL = 1e-9
#: "n -> infinity" multiplies every count by this.
_MANY = 10**6
#: Generation at which a loop without a computed limit is looked at.
_LATE = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question about one loop.

    Attributes
    ----------
    verdict : bool or None
        Answer to the question that the function's name asks; None where theory does not decide.
    quantity : str
        Name of `value`.
    value : float or None
        The number on which the verdict rests; None where there is none.
    status : {"exact", "asymptotic", "bound", "conjecture"}
    reason : str
        One sentence.
    claim : str or None
        Id of the entry of madtheory.claims whose test decides the verdict.
    """

    verdict: bool | None
    quantity: str
    value: float | None
    status: Status
    reason: str
    claim: str | None


# --- families and claims --------------------------------------------------------------------------


def family(loop: Loop) -> str:
    """Name of the family that a loop belongs to, the key of :data:`CLAIM_IDS`.

    Examples
    --------
    >>> family(fully_synthetic(10)), family(augmentation(10, 10, pool="accumulate"))
    ('synthetic', 'growing-pool')
    """
    rules = (
        (loop.floor > 0 or loop.shrinkage > 0, "floor"),
        (loop.budget is not None, "subsample"),
        (loop.pool == "accumulate", "growing-pool" if loop.pool_cap is None else "capped-pool"),
        (loop.weight is not None, "weighted"),
        (loop.memory != 1, "memory"),
        (loop.n_fixed > 0 and loop.n_fresh > 0, "mixture"),
        (loop.n_fixed > 0, "augmentation"),
        (loop.n_fresh > 0, "fresh"),
    )
    return next((name for holds, name in rules if holds), "synthetic")


def _ids(limit: str, *, w2: str | None = None, kept: str = "real-part-bound") -> dict[str, str]:
    """Claims of a family with real data whose limit is tested by `limit`."""
    w2 = limit if w2 is None else w2
    moments = ("stability", "divergence", "linear-growth", "strong-collapse", "heat-death")
    return {
        **dict.fromkeys(("late-collapse", "early-collapse", "rate"), kept),
        **dict.fromkeys(moments, limit),
        **dict.fromkeys(("mad", "ratio"), w2),
        "weighting": "weighted-w2",
    }


#: Which claim decides which definition, by family. The claims are in madtheory.claims.
CLAIM_IDS: Mapping[str, Mapping[str, str]] = {
    "synthetic": {
        "late-collapse": "directional-law",
        "early-collapse": "log-det-mean",
        "mad": "w2-estimate",
        "stability": "eq2-martingale",
        "divergence": "mean-walk",
        "linear-growth": "mean-walk",
        "strong-collapse": "w2-limit",
        "ratio": "w2-limit",
        "rate": "proposition-rate",
        "heat-death": "critical-bias",
        "weighting": "eq2-martingale",
    },
    "fresh": {
        **_ids("fresh-mean-limit", w2="fresh-w2-limit"),
        "stability": "fresh-forgetting",
        "strong-collapse": "fraction-floor",
        "heat-death": "fresh-trace-limit",
    },
    "augmentation": _ids("augmentation-limit", w2="augmentation-w2"),
    "mixture": _ids("mixture-limit", w2="mixture-w2"),
    "weighted": _ids("weighted-limit", w2="weighted-w2"),
    "memory": _ids("memory-limit", w2="memory-w2"),
    "capped-pool": _ids("memory-limit", w2="memory-w2"),
    "growing-pool": {
        **_ids("growing-pool-power-law", kept="growing-pool-power-law"),
        "mad": "growing-pool-w2",
        "stability": "growing-pool-mean",
        "divergence": "growing-pool-mean",
        "linear-growth": "growing-pool-mean",
        "ratio": "growing-pool-w2",
    },
    "subsample": {
        **_ids("subsample-growth", kept="subsample-growth"),
        "mad": "subsample-w2",
        "ratio": "subsample-w2",
    },
    "floor": {
        **_ids("floor-walk"),
        "late-collapse": "floor-stationary",
        "early-collapse": "floor-stationary",
        "rate": "floor-stationary",
        "heat-death": "floor-stationary",
    },
}


def _say(
    loop: Loop,
    definition: str,
    verdict: bool | None,
    evidence: tuple[str, float | None],
    reason: str,
    status: Status = "exact",
) -> Finding:
    """Build the finding, with the claim that decides it."""
    claim = CLAIM_IDS[family(loop)][definition]
    return Finding(verdict, evidence[0], evidence[1], status, reason, claim)


def _definition(
    name: str,
) -> Callable[[Callable[Concatenate[Loop, P], Finding]], Callable[Concatenate[Loop, P], Finding]]:
    """Turn "theory has no answer for this loop" into an undecided finding."""

    def decorate(
        ask: Callable[Concatenate[Loop, P], Finding],
    ) -> Callable[Concatenate[Loop, P], Finding]:
        @functools.wraps(ask)
        def answer(loop: Loop, /, *args: P.args, **kwargs: P.kwargs) -> Finding:
            try:
                return ask(loop, *args, **kwargs)
            except UnsupportedLoop as error:
                return _say(loop, name, None, ("none", None), str(error), "conjecture")

        return answer

    return decorate


# --- what a loop keeps ----------------------------------------------------------------------------


def _used(loop: Loop) -> Loop:
    """The same loop without real samples that have weight 0."""
    if loop.weight == 0 and loop.n_synth >= 2:
        return replace(loop, n_fixed=0, n_fresh=0, weight=None)
    return loop


def _keeps_all(loop: Loop) -> bool:
    """Whether the pool grows for ever, so that the real share goes to 0."""
    return loop.pool == "accumulate" and loop.pool_cap is None


def _plain(loop: Loop) -> Loop:
    """A chain as the fully synthetic loop that it is, without its floor."""
    return replace(loop, pool="replace", pool_cap=None, budget=None, floor=0.0)


def _is_chain(loop: Loop) -> bool:
    """Whether each model is fitted to samples of the one before and nothing else."""
    newest = loop.memory == 1 and (loop.pool == "replace" or loop.pool_cap == 1)
    return loop.n_real == 0 and newest and (loop.budget is None or loop.budget >= loop.n_synth)


def real_share(loop: Loop) -> float:
    """Share of the real samples in a late fit: n_real/n, or the weight; 0 in a growing pool.

    Examples
    --------
    >>> real_share(fresh_data(25, 75)), real_share(augmentation(25, 75, pool="accumulate"))
    (0.25, 0.0)
    """
    if loop.weight is not None:
        return loop.weight
    if _keeps_all(loop):
        return 0.0 if loop.budget is None else loop.n_fresh / (loop.n_fresh + loop.budget)
    synthetic = loop.n_synth * (loop.pool_cap or 1)
    total = loop.n_real + synthetic
    if loop.budget is None or loop.n_fixed + synthetic <= loop.budget:
        return loop.n_real / total
    fixed = loop.budget * (loop.n_fixed / (loop.n_fixed + synthetic))
    return (fixed + loop.n_fresh) / (loop.budget + loop.n_fresh)


def _pool_factor(loop: Loop) -> Fraction:
    """s of (E): what a generation's batch has of the pool's covariance, per unit."""
    bias = Fraction(loop.bias)
    if loop.budget is None:
        return bias
    kept = Fraction(loop.budget - 1, loop.budget - loop.ddof)
    return bias * kept + Fraction(1, loop.budget)


def pool_exponent(loop: Loop) -> float:
    """Exponent e of E tr Sigma_t ~ t^e where a pool keeps everything (E; asymptotic in t).

    Parameters
    ----------
    loop : Loop
        A loop with pool = "accumulate", without pool_cap, weight and floor; with a budget also
        without fresh samples.

    Returns
    -------
    float
        s - 1, or sqrt(s) - 1 at memory None. 0: the covariance converges to a positive limit.

    Raises
    ------
    UnsupportedLoop
        For any other loop.

    Examples
    --------
    >>> round(pool_exponent(augmentation(10, 10, pool="accumulate", bias=0.75)), 12)
    -0.25
    >>> pool_exponent(augmentation(10, 10, pool="accumulate", budget=20))
    0.05
    """
    anchored = loop.weight not in (None, 0.0) or (loop.budget is not None and loop.n_fresh > 0)
    if not _keeps_all(loop) or anchored or loop.floor > 0:
        raise UnsupportedLoop(
            "the exponent is computed for pools that keep everything and forget the real data "
            f"only, got a loop of the family {family(loop)}"
        )
    s = _pool_factor(loop)
    return float(s - 1) if loop.memory is not None else math.sqrt(s) - 1.0


def _anchored_pool_gain(loop: Loop) -> float:
    """What a pool that keeps everything beside a fixed real share passes on; bounded below 1."""
    if loop.budget is None:
        return loop.bias * (1.0 - real_share(loop))
    n = loop.budget + loop.n_fresh
    kept = (loop.budget - 1 + loop.n_fresh / n) / (n - loop.ddof)
    return loop.bias * kept + loop.budget / n**2


# --- Shumailov et al.: the variance and the tails -------------------------------------------------


@_definition("late-collapse")
def variance_vanishes(loop: Loop) -> Finding:
    """Whether Sigma_t -> 0 (late collapse of Shumailov et al.).

    Almost surely for the fully synthetic loop; in mean where a pool keeps everything.

    Parameters
    ----------
    loop : Loop
        Any loop.

    Returns
    -------
    Finding
        Undecided without real data where several models are sampled from at bias near 1.

    Examples
    --------
    >>> variance_vanishes(fully_synthetic(10)).verdict, variance_vanishes(fresh_data(2, 10)).verdict
    (True, False)
    """
    say = functools.partial(_say, loop, "late-collapse")
    used = _used(loop)
    if used.floor > 0:
        return say(False, ("floor", used.floor), "the covariance is at least the floor")
    if _keeps_all(used):
        return _pool_vanishes(loop, used)
    if used.n_fresh or used.n_fixed >= 2:
        why = "every fit holds real samples, whose scatter does not shrink"
        return say(False, ("real share", real_share(used)), why)
    if used.n_fixed:
        rate = _require_forgetting(used, "late collapse onto one fixed sample")
        return say(True, ("forgetting rate", rate), "one fixed sample is all that is real")
    return _synthetic_vanishes(loop, used)


def _pool_vanishes(loop: Loop, used: Loop) -> Finding:
    """(E), or a fixed real share beside the pool."""
    say = functools.partial(_say, loop, "late-collapse")
    if real_share(used) > 0:
        why = "the real samples keep their share of the fit"
        return say(False, ("real share", real_share(used)), why)
    e = pool_exponent(used)
    why = "the covariance is a power of t" if e else "the covariance converges to a positive limit"
    return say(e < 0, ("exponent of t", e), why, "asymptotic")


def _synthetic_vanishes(loop: Loop, used: Loop) -> Finding:
    """No real data at all after generation 1."""
    say = functools.partial(_say, loop, "late-collapse")
    if _is_chain(used) and used.shrinkage == 0:
        rate = collapse.rate(_plain(used))
        return say(rate < 0, ("rate", rate), "log tr Sigma_t has this drift, almost surely")
    if _is_chain(used):
        if used.step_bias > 1:
            raise UnsupportedLoop(
                "the rate with shrinkage is bounded for bias at most 1 only, "
                f"got bias = {used.bias:g}"
            )
        log_bias = math.log(used.step_bias) if used.step_bias > 0 else -math.inf
        why = "by Jensen the drift of log tr Sigma_t is less than log bias"
        return say(True, ("bound on the rate", log_bias), why, "bound")
    trace = recursions.first_moments_limit(used).trace
    if trace == 0:
        return say(True, ("limit of E tr Sigma", 0.0), "E tr Sigma_t -> 0 at a geometric rate")
    raise UnsupportedLoop(
        "late collapse without real data is decided for one model in memory or a vanishing mean "
        f"trace only, got memory = {used.memory} and pool = {used.pool}"
    )


@_definition("early-collapse")
def support_is_lost(loop: Loop, dim: int) -> Finding:
    """Whether E log det Sigma_t -> -inf, or Sigma_t has lost directions: the tails are gone.

    Early collapse of Shumailov et al.; a Gaussian has no tail to lose but a direction.

    Parameters
    ----------
    loop : Loop
        Any loop.
    dim : int
        d, the rank of Sigma_0.

    Returns
    -------
    Finding
        A first fit with n_initial <= d has lost directions before the loop starts.

    Examples
    --------
    >>> support_is_lost(augmentation(6, 100), 5).verdict
    False
    >>> support_is_lost(augmentation(5, 100), 5).verdict  # dies off the span of the fixed set
    True
    """
    d = _validate.count("dim", dim)
    say = functools.partial(_say, loop, "early-collapse")
    used = _used(loop)
    if used.floor > 0:
        return say(False, ("rank", d), "the floor has full rank")
    if used.shrinkage > 0:
        vanishes = variance_vanishes(used)
        evidence = (vanishes.quantity, vanishes.value)
        return say(vanishes.verdict, evidence, vanishes.reason, vanishes.status)
    if _fit_size(used) <= d:
        return say(True, ("rank", _fit_size(used) - 1), "a fit has fewer points than directions")
    if real_share(used) == 0:
        return _support_of_synthetic(loop, used, d)
    if used.budget is None and used.n_real > d:
        return say(False, ("rank of the real samples", d), "the real samples span everything")
    if used.budget is None and used.n_fresh == 0:
        return _span_of_fixed(loop, used)
    why = "every direction is met by real samples now and then"
    return say(False, ("rank", d), why, "conjecture")


def _fit_size(loop: Loop) -> float:
    """Samples of a late fit that have weight; inf in a pool that keeps everything."""
    if loop.weight == 1:
        return loop.n_real
    pooled = math.inf if _keeps_all(loop) else loop.n_fixed + loop.n_synth * (loop.pool_cap or 1)
    return loop.n_fresh + min(pooled, math.inf if loop.budget is None else loop.budget)


def _span_of_fixed(loop: Loop, used: Loop) -> Finding:
    """(C): the directions that the fixed set lacks die, if the loop forgets."""
    say = functools.partial(_say, loop, "early-collapse")
    _require_forgetting(used, "early collapse off the span of the fixed set")
    why = "off the span of the fixed set nothing is real, and the loop forgets"
    return say(True, ("rank of the fixed set", used.n_fixed - 1), why)


def _require_forgetting(loop: Loop, quantity: str) -> float:
    """The forgetting rate where it is below 1, for (C)."""
    rate = recursions.forgetting_rate(loop)
    if rate >= 1:
        raise UnsupportedLoop(
            f"{quantity} is decided for a forgetting rate below 1 only, got {rate:g}"
        )
    return rate


def _support_of_synthetic(loop: Loop, used: Loop, d: int) -> Finding:
    """No real share in the limit: the rank, then the log-determinant."""
    say = functools.partial(_say, loop, "early-collapse")
    vanishes = variance_vanishes(used)
    evidence = (vanishes.quantity, vanishes.value)
    if vanishes.verdict:
        why = f"the whole covariance vanishes: {vanishes.reason}"
        return say(True, evidence, why, vanishes.status)
    start = used.n_initial + used.n_fixed - used.n_shared
    if used.n_fresh == 0 and start <= d:
        return say(True, ("rank", start - 1), "no more directions than the first samples have")
    if _keeps_all(used) and vanishes.verdict is False:
        return say(False, evidence, vanishes.reason, "asymptotic")
    if not _is_chain(used):
        raise UnsupportedLoop(
            "early collapse without real data is decided for one model in memory or a vanishing "
            f"covariance only, got memory = {used.memory} and pool = {used.pool}"
        )
    drift = float(np.diff(collapse.log_det_mean(_plain(used), np.ones(d), generations=2))[0])
    return say(drift < 0, ("drift of log det", drift), "log det Sigma_t has this drift")


# --- Alemohammad et al.: the expected distance increases ------------------------------------------


@_definition("mad")
def expected_distance_increases(
    loop: Loop, eigenvalues: ArrayLike, *, generations: int = 50
) -> Finding:
    """Whether E W2^2 increases with every generation (MAD, Alemohammad et al.).

    The fully synthetic loop at Sigma_0 = c I is answered for all t by
    :func:`madtheory.collapse_distance.is_increasing`, any other for t <= `generations`. An increase
    to a finite limit counts, as in the paper's definition.

    Parameters
    ----------
    loop : Loop
        Any loop.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.
    generations : int
        T, at least 2.

    Returns
    -------
    Finding
        Status "conjecture" where steps are smaller than the declared error of E W2^2: the estimate
        rises, but that is not certified; undecided where it falls and that is not certified.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of range.

    Examples
    --------
    >>> expected_distance_increases(fully_synthetic(10), [1.0]).verdict
    True
    """
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    T = _validate.count("generations", generations, minimum=2)
    if family(loop) == "synthetic" and s[0] == s[-1]:
        mad = collapse_distance.is_increasing(loop, s.size)
        if mad.verdict != "undecided":
            return _mad_verdict(loop, mad)
    say = functools.partial(_say, loop, "mad")
    path = recursions.w2_squared(loop, s, generations=T)
    low, high, status = _band(path)
    falls = high[1:] < np.maximum.accumulate(low)[:-1] * (1 - 1e-12)
    least = ("least relative step", float((np.diff(path.value) / path.value[:-1]).min()))
    if falls.any():
        t = int(falls.argmax()) + 2
        return say(False, least, f"E W2^2 at generation {t} is below an earlier one", status)
    if (low[1:] > high[:-1]).all():
        return say(True, least, f"every step up to generation {T} exceeds its error", status)
    if least[1] <= -_STILL:
        why = f"the estimate falls once up to generation {T}, by less than its declared error"
        return say(None, least, why, "conjecture")
    rises = bool(path.value[-1] > path.value[0] * (1 + _STILL))
    why = f"the estimate {'rises' if rises else 'stands still'} up to generation {T}"
    return say(rises, least, why, "conjecture")


def _band(path: Estimate) -> tuple[Array, Array, Status]:
    """Where E W2^2 certainly or by the declared error is, and which."""
    spread = path.value * path.rel_error
    low = np.maximum(path.lower, path.value - spread)
    high = np.minimum(path.upper, path.value + spread)
    return low, high, "asymptotic" if spread.any() else "exact"


def _mad_verdict(loop: Loop, mad: collapse_distance.MadVerdict) -> Finding:
    """The fully synthetic loop's verdict in these terms."""
    evidence = ("generation of a fall", mad.generation)
    return _say(loop, "mad", mad.verdict == "increasing", evidence, mad.reason, mad.status)


# --- Bertrand et al.: stability -------------------------------------------------------------------


@_definition("stability")
def is_stable(loop: Loop) -> Finding:
    """Whether the loop forgets its start geometrically and stays at a bounded distance.

    Bertrand et al.: iterative retraining contracts towards the model of the real data.

    Parameters
    ----------
    loop : Loop
        Any loop.

    Returns
    -------
    Finding
        The value is the forgetting rate of the first moments, 1 where nothing pulls back.

    Examples
    --------
    >>> is_stable(fresh_data(100, 900)).verdict, is_stable(fully_synthetic(1000)).verdict
    (True, False)
    """
    say = functools.partial(_say, loop, "stability")
    used = _used(loop)
    if used.n_real == 0:
        return say(False, ("forgetting rate", 1.0), "nothing pulls the mean back to the real one")
    if _keeps_all(used):
        return say(False, ("forgetting rate", 1.0), "a pool that keeps everything forgets slower")
    rate = recursions.forgetting_rate(used)
    return say(rate < 1, ("forgetting rate", rate), "spectral radius of the first-moment map")


# --- Gerstgrasser et al., Dohmatob et al.: the risk over the generations --------------------------


@_definition("divergence")
def risk_is_bounded(loop: Loop) -> Finding:
    """Whether sup_t E W2^2 is finite (Gerstgrasser et al.), by (A).

    Parameters
    ----------
    loop : Loop
        Any loop.

    Returns
    -------
    Finding
        The value is lim (E |mu_t|^2 + E tr Sigma_t)/tr Sigma_0, or what decides that it is finite.

    Examples
    --------
    >>> risk_is_bounded(augmentation(50, 50, pool="accumulate")).verdict
    True
    >>> risk_is_bounded(fully_synthetic(50)).verdict
    False
    >>> risk_is_bounded(fully_synthetic(50, ddof=0)).verdict  # the trace and the walk share it
    True
    """
    say = functools.partial(_say, loop, "divergence")
    used = _used(loop)
    name = "limit of E|mu|^2 + E tr Sigma"
    if _keeps_all(used):
        return _pool_bounded(loop, used)
    if used.n_real == 0 and used.floor > 0 and used.bias > 0:
        return say(False, ("limit of E|mu|^2", math.inf), "the floor keeps the mean walking")
    if _is_chain(used):
        total = _synthetic_total(used)
        return say(math.isfinite(total), (name, total), "the mean's steps have this sum")
    limit = recursions.first_moments_limit(used)
    total = limit.mean_sq + limit.trace
    return say(math.isfinite(total), (name, total), "first moments have this limit")


def _synthetic_total(loop: Loop) -> float:
    """lim E |mu|^2 + E tr Sigma of a chain: first/n + bias c/(n (1 - step_bias)); inf from 1 on."""
    if loop.bias == 0:
        return loop.first_bias / loop.n_initial + loop.floor
    gap = 1 - Fraction(loop.bias) * loop.dof / (loop.n_synth - loop.ddof)
    if gap <= 0 or loop.floor > 0:
        return math.inf
    walk = loop.bias * loop.first_scale / loop.n_synth / float(gap)
    return loop.first_bias / loop.n_initial + walk


def _pool_bounded(loop: Loop, used: Loop) -> Finding:
    """Where a pool keeps everything: by its exponent, or by what it passes on."""
    say = functools.partial(_say, loop, "divergence")
    if real_share(used) > 0:
        gain = _anchored_pool_gain(used)
        return say(gain < 1, ("gain of the pool", gain), "beside a fixed real share", "asymptotic")
    e = pool_exponent(replace(used, floor=0.0))
    bounded = e < 0 or (e == 0 and used.floor == 0)
    return say(bounded, ("exponent of t", e), "E tr Sigma_t is a power of t", "asymptotic")


@_definition("linear-growth")
def risk_grows_linearly(loop: Loop) -> Finding:
    """Whether E W2^2 grows at least like t (Dohmatob et al., model collapse demystified).

    Parameters
    ----------
    loop : Loop
        Any loop.

    Returns
    -------
    Finding
        The value is lim E W2^2/(t tr Sigma_0), inf where the growth is faster.

    Examples
    --------
    >>> risk_grows_linearly(fully_synthetic(50)).value
    0.02
    """
    say = functools.partial(_say, loop, "linear-growth")
    used = _used(loop)
    slope = "slope of E W2^2 over t"
    if _keeps_all(used) and real_share(used) == 0:
        e = pool_exponent(replace(used, floor=0.0))
        # A covariance of t^e moves the pool's mean by steps of variance t^(e - 2).
        value = math.inf if e > 1 else 0.0
        return say(e >= 1, (slope, value), "E tr Sigma_t is a power of t", "asymptotic")
    bounded = risk_is_bounded(loop)
    if bounded.verdict:
        return say(False, (slope, 0.0), "the risk is bounded", bounded.status)
    if _is_chain(used):
        return say(True, (slope, _slope(used)), "every step of the mean has the same variance")
    if bounded.verdict is None:
        raise UnsupportedLoop(bounded.reason)
    return say(True, (slope, None), "first moments follow a linear map that does not contract")


def _slope(loop: Loop) -> float:
    """lim E W2^2/(t tr Sigma_0) of a chain with unbounded risk: bias E tr Sigma_inf/n_synth."""
    gap = float(1 - Fraction(loop.bias) * loop.dof / (loop.n_synth - loop.ddof))
    if gap > 0:
        return loop.bias * (loop.floor / gap) / loop.n_synth
    if gap < 0 or loop.floor > 0:
        return math.inf
    return loop.bias * loop.first_scale / loop.n_synth


# --- Dohmatob et al.: strong collapse -------------------------------------------------------------


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

    Parameters
    ----------
    loop : Loop
        Any loop.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        inf where the risk is unbounded over t for every n.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When theory does not say whether the risk is bounded, or an argument is out of range.

    Examples
    --------
    >>> round(large_sample_floor(fresh_data(100, 900, bias=0.9), [1.0] * 100), 3)
    7.536
    >>> large_sample_floor(fresh_data(100, 900), [1.0] * 100)
    0.0
    """
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    used = _used(loop)
    bounded = risk_is_bounded(_scaled(used, _MANY))
    if bounded.verdict is None:
        raise UnsupportedLoop(bounded.reason)
    if not bounded.verdict:
        return math.inf
    return float(np.square(np.sqrt(s) - np.sqrt(_settled(used, s))).sum())


def _settled(loop: Loop, s: Array) -> Array:
    """Where the covariance's eigenvalues settle without noise."""
    p, k, mean = real_share(loop), loop.shrinkage, s.mean()
    passed = (1 - p) * loop.bias
    if p == 0 and loop.bias == 1:  # A pool that keeps everything keeps its first covariance.
        return s if k == 0 else np.full_like(s, mean)
    c = (p + loop.floor) * mean / (1 - passed)
    refilled = k * (p * mean + passed * c) + loop.floor * mean
    return np.asarray(((1 - k) * p * s + refilled) / (1 - (1 - k) * passed))


@_definition("strong-collapse")
def strong_collapse(loop: Loop, eigenvalues: ArrayLike) -> Finding:
    """Whether more data at the same fractions leaves a floor (Dohmatob et al., strong collapse).

    Parameters
    ----------
    loop : Loop
        Any loop.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    Finding
        The value is :func:`large_sample_floor` over tr Sigma_0.

    Examples
    --------
    >>> strong_collapse(fresh_data(99, 1, bias=0.9), [1.0]).verdict  # one part in a hundred
    True
    >>> strong_collapse(fresh_data(1, 99), [1.0]).verdict
    False
    """
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    floor = large_sample_floor(loop, s) / float(s.sum())
    evidence = ("floor of E W2^2 / tr Sigma_0", floor)
    why = "E W2^2 for t, then n, to infinity at fixed fractions"
    return _say(loop, "strong-collapse", floor > 1e-15, evidence, why, "asymptotic")


# --- Kazdan et al., He et al.: the risk beside that of the real data ------------------------------


@_definition("ratio")
def risk_ratio(loop: Loop, eigenvalues: ArrayLike) -> Finding:
    """Whether the limit of E W2^2 exceeds that of a fit to the real data alone (Kazdan et al.).

    Parameters
    ----------
    loop : Loop
        Any loop.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    Finding
        The value is the ratio to the fit to n_real samples, n_initial where n_real < 2; at
        generation 1000 or from below, and named so, where the limit is not computed.

    Examples
    --------
    >>> round(risk_ratio(fresh_data(100, 100), [1.0, 1.0]).value, 2)
    0.67
    """
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    say = functools.partial(_say, loop, "ratio")
    n = loop.n_real if loop.n_real >= 2 else loop.n_initial
    base = effective.baseline(n, s)
    if risk_is_bounded(loop).verdict is False:
        return say(True, ("ratio to the real-data risk", math.inf), "the risk is unbounded")
    try:
        name, risk = "ratio to the real-data risk", recursions.w2_squared_limit(loop, s)
    except UnsupportedLoop:
        if variance_vanishes(loop).verdict:
            least = float(s.sum() / base.value)
            # Worth saying only where it is more than 1: then the sign is certain.
            if least * (1 - float(base.rel_error)) > 1:
                why = "the covariance vanishes, so E W2^2 -> at least tr Sigma_0"
                return say(True, ("least ratio", least), why, "bound")
        name = f"ratio at generation {_LATE}"
        risk = _last(recursions.w2_squared(loop, s, generations=_LATE))
    return _compared(say, name, risk, base)


def _last(path: Estimate) -> Estimate:
    """The last generation of a path."""
    fields = (path.value, path.lower, path.upper, path.rel_error)
    return type(path)(*(np.asarray(x[-1]) for x in fields))


def _compared(say: Callable[..., Finding], name: str, risk: Estimate, base: Estimate) -> Finding:
    """Compare two risks with their declared errors."""
    ratio = float(risk.value / base.value)
    low, high, status = _band(risk)
    base_low, base_high, base_status = _band(base)
    verdict = True if low > base_high else False if high < base_low else None
    status = "exact" if status == base_status == "exact" else "asymptotic"
    why = "both risks with their declared errors"
    return say(verdict, (name, ratio), why, status)


@_definition("weighting")
def weighting_helps(loop: Loop, eigenvalues: ArrayLike) -> Finding:
    """Whether some weight makes synthetic data worth having (He, Xu, Cheng 2025).

    Parameters
    ----------
    loop : Loop
        A loop with real data and a limit; its own weight does not matter.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    Finding
        The value is the least ratio to the real-data risk over all weights; undecided where it is
        not below 1 by more than the declared error.
    """
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    best = effective.best_weight(loop, s)
    risk = recursions.w2_squared_limit(replace(loop, weight=best.weight), s)
    base = effective.baseline(loop.n_real, s)
    high, base_low = _band(risk)[1], _band(base)[0]
    why = f"the weight {best.weight:.3f} on the real data is the best"
    verdict = True if high < base_low else False if best.ratio >= 1 - _STILL else None
    evidence = ("least ratio over weights", best.ratio)
    return _say(loop, "weighting", verdict, evidence, why, "asymptotic")


# --- Suresh et al., Marchi et al.: how fast, and which way ----------------------------------------


@_definition("rate")
def vanishes_exponentially(loop: Loop) -> Finding:
    """Whether the variance vanishes at a geometric rate (Suresh et al.).

    Parameters
    ----------
    loop : Loop
        Any loop.

    Returns
    -------
    Finding
        The value is the change of log-variance a generation, or the exponent of t of a power law.

    Examples
    --------
    >>> round(vanishes_exponentially(fully_synthetic(101)).value, 4)  # about -1/n
    -0.01
    """
    say = functools.partial(_say, loop, "rate")
    vanishes = variance_vanishes(loop)
    if vanishes.verdict is None:
        raise UnsupportedLoop(vanishes.reason)
    power = _keeps_all(_used(loop))
    evidence = (vanishes.quantity, vanishes.value)
    return say(vanishes.verdict and not power, evidence, vanishes.reason, vanishes.status)


@_definition("heat-death")
def heats_up(loop: Loop) -> Finding:
    """Whether Sigma_t grows without bound in probability (heat death, Marchi et al.).

    Parameters
    ----------
    loop : Loop
        Any loop; bias is the temperature.

    Returns
    -------
    Finding
        A growing mean is not enough: where the typical path stays, the verdict is False.

    Examples
    --------
    >>> hot = fully_synthetic(10, bias=1.2, allow_overdispersion=True)
    >>> heats_up(hot).verdict, heats_up(fully_synthetic(10)).verdict
    (True, False)
    """
    say = functools.partial(_say, loop, "heat-death")
    used = _used(loop)
    if _keeps_all(used) and real_share(used) == 0:
        e = pool_exponent(replace(used, floor=0.0))
        hot = e > 0 or (e == 0 and used.floor > 0)
        return say(hot, ("exponent of t", e), "Sigma_t is a power of t", "asymptotic")
    if _is_chain(used):
        return _chain_heats(loop, used)
    bounded = risk_is_bounded(loop)
    if bounded.verdict:
        return say(False, (bounded.quantity, bounded.value), bounded.reason, bounded.status)
    raise UnsupportedLoop(
        "heat death is decided where first moments are bounded or one model is in memory only, "
        f"got a loop of the family {family(loop)}"
    )


def _chain_heats(loop: Loop, used: Loop) -> Finding:
    """By the top Lyapunov exponent: above 0 it grows, below 0 a floor makes it stationary."""
    say = functools.partial(_say, loop, "heat-death")
    if used.step_bias <= 1:
        log_bias = math.log(used.step_bias) if used.step_bias > 0 else -math.inf
        why = "the drift of log tr Sigma_t is below log bias, a floor apart"
        return say(False, ("bound on the rate", log_bias), why, "bound")
    rate = collapse.rate(_plain(used))
    if rate == 0 and used.floor > 0:
        raise UnsupportedLoop("heat death with a floor is not decided at the critical bias")
    return say(rate > 0, ("rate", rate), "log tr Sigma_t has this drift, almost surely")


# --- the table ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Definition:
    """One paper's definition: its question, and the answer that the paper calls collapse."""

    name: str
    paper: str
    question: str
    collapse_if: bool
    ask: Callable[[Loop, Array], Finding]


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of the table; `collapses` is None where theory does not decide."""

    loop: str
    definition: str
    collapses: bool | None
    finding: Finding


#: Every definition, in the order of docs/related.md.
DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "late-collapse",
        "Shumailov et al. 2024",
        "does the variance vanish?",
        True,
        lambda loop, s: variance_vanishes(loop),
    ),
    Definition(
        "early-collapse",
        "Shumailov et al. 2024",
        "is support lost?",
        True,
        lambda loop, s: support_is_lost(loop, int((s > 0).sum())),
    ),
    Definition(
        "mad",
        "Alemohammad et al. 2023",
        "does the expected distance increase?",
        True,
        lambda loop, s: expected_distance_increases(loop, s),
    ),
    Definition(
        "stability",
        "Bertrand et al. 2023",
        "is the loop stable?",
        False,
        lambda loop, s: is_stable(loop),
    ),
    Definition(
        "divergence",
        "Gerstgrasser et al. 2024",
        "is the risk bounded?",
        False,
        lambda loop, s: risk_is_bounded(loop),
    ),
    Definition(
        "linear-growth",
        "Dohmatob et al. 2024a",
        "does the risk grow like t?",
        True,
        lambda loop, s: risk_grows_linearly(loop),
    ),
    Definition(
        "strong-collapse",
        "Dohmatob et al. 2024b",
        "does more data leave a floor?",
        True,
        strong_collapse,
    ),
    Definition(
        "ratio",
        "Kazdan et al. 2024",
        "is the limit worse than the real data alone?",
        True,
        risk_ratio,
    ),
    Definition(
        "rate",
        "Suresh et al. 2024",
        "does the variance vanish geometrically?",
        True,
        lambda loop, s: vanishes_exponentially(loop),
    ),
    Definition(
        "heat-death",
        "Marchi et al. 2024",
        "does the variance grow without bound?",
        True,
        lambda loop, s: heats_up(loop),
    ),
    Definition(
        "weighting",
        "He et al. 2025",
        "does some weight make synthetic data worth having?",
        False,
        weighting_helps,
    ),
)


def _optimal(loop: Loop) -> Loop:
    """The loop at the weight that is best for the mean."""
    return replace(loop, weight=effective.best_mean_weight(loop).weight)


def default_loops(*, n: int = 100) -> dict[str, Loop]:
    """The nine loops of the table, each at bias 1 and .9, with n real and n synthetic samples.

    The weighted loop has the weight that is best for the mean; the subsampled one trains on n
    samples; the floor is .01; the memory 3.

    Examples
    --------
    >>> len(default_loops(n=20))
    18
    """
    n = _validate.count("n", n, minimum=4)
    loops: dict[str, Loop] = {}
    for bias in (1.0, 0.9):
        families = {
            "fully synthetic": fully_synthetic(n, bias=bias),
            "augmentation": augmentation(n, n, bias=bias),
            "fresh data": fresh_data(n, n, bias=bias),
            "growing pool": augmentation(n, n, bias=bias, pool="accumulate"),
            "subsample": augmentation(n, n, bias=bias, pool="accumulate", budget=n),
            "weighted": _optimal(fresh_data(n, n, bias=bias)),
            "fixed + fresh": replace(augmentation(n // 2, n, bias=bias), n_fresh=n - n // 2),
            "floor": fully_synthetic(n, bias=bias, floor=0.01),
            "memory": fresh_data(n, n, bias=bias, memory=3),
        }
        loops |= {f"{name}, λ = {bias:g}": loop for name, loop in families.items()}
    return loops


def definitions_table(dim: int, loops: Mapping[str, Loop] | None = None) -> tuple[Entry, ...]:
    """Which loop collapses under which definition, Sigma_0 = I; computed, loop by loop.

    Parameters
    ----------
    dim : int
        Dimension d.
    loops : mapping of str to Loop, optional
        :func:`default_loops` if not given.

    Returns
    -------
    tuple of Entry
        Loops in the order given, each with all of :data:`DEFINITIONS`.

    Raises
    ------
    ValueError, TypeError
        When `dim` is not a positive integer.

    Examples
    --------
    >>> table = definitions_table(2, {"fully synthetic": fully_synthetic(20)})
    >>> [entry.definition for entry in table if entry.collapses is False]
    ['heat-death']
    """
    s = np.ones(_validate.count("dim", dim))
    chosen = default_loops() if loops is None else loops
    return tuple(
        _entry(name, loop, definition, s)
        for name, loop in chosen.items()
        for definition in DEFINITIONS
    )


def _entry(name: str, loop: Loop, definition: Definition, s: Array) -> Entry:
    """One cell."""
    finding = definition.ask(loop, s)
    undecided = finding.verdict is None
    collapses = None if undecided else finding.verdict == definition.collapse_if
    return Entry(name, definition.name, collapses, finding)


def table_text(entries: tuple[Entry, ...]) -> str:
    """The table as Markdown: yes, no or ? for each definition, * where it is a conjecture.

    Examples
    --------
    >>> print(table_text(definitions_table(1, {"synthetic": fully_synthetic(20)})[:2]))
    | loop | late-collapse | early-collapse |
    |---|---|---|
    | synthetic | yes | yes |
    """
    names = list(dict.fromkeys(entry.definition for entry in entries))
    rows = [f"| loop | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for loop in dict.fromkeys(entry.loop for entry in entries):
        cells = [_cell(entry) for entry in entries if entry.loop == loop]
        rows.append(f"| {loop} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(entry: Entry) -> str:
    if entry.collapses is None:
        return "?"
    mark = "*" if entry.finding.status == "conjecture" else ""
    return f"{'yes' if entry.collapses else 'no'}{mark}"


# --- on simulated paths ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PathFinding:
    """The answer that replicated paths give, with the chance of a wrong verdict stated.

    Attributes
    ----------
    verdict : bool or None
        None where the paths do not decide at this error rate.
    quantity : str
        What is estimated.
    estimate, se, lower, upper : float
        Mean over replicates, its standard error, and the two-sided interval at level 1 - alpha.
    alpha : float
        Largest chance of a wrong verdict, either way, for normal means.
    """

    verdict: bool | None
    quantity: str
    estimate: float
    se: float
    lower: float
    upper: float
    alpha: float


def _paths(name: str, value: ArrayLike, *, columns: int) -> Array:
    """Validated paths, shape (replicates, T)."""
    paths = np.asarray(value, dtype=np.float64)
    if paths.ndim != 2 or paths.shape[0] < 2 or paths.shape[1] < columns:
        raise ValueError(
            f"{name} must be paths with at least 2 replicates and {columns} generations, "
            f"got shape {paths.shape}"
        )
    if np.isnan(paths).any():
        raise ValueError(f"{name} must not be NaN, got a NaN")
    return paths


def _alpha(alpha: float) -> float:
    return _validate.number("alpha", alpha, low=0.0, high=1.0, open_=True)


def _interval(x: Array, alpha: float) -> tuple[float, float, float, float]:
    """Mean, standard error and t-interval of independent observations."""
    mean, se = float(x.mean()), float(x.std(ddof=1)) / math.sqrt(x.size)
    half = float(stats.t.isf(alpha / 2, x.size - 1)) * se
    return mean, se, mean - half, mean + half


def rate_on_paths(log_scale: ArrayLike, *, margin: float = 0.0, alpha: float = 0.01) -> PathFinding:
    """Whether a log-scale (log tr, log det, log of a direction) falls for good: its drift.

    Late and early collapse and heat death (with the sign turned) on paths. The drift is that from
    the middle of the run to its end, so a start that is forgotten does not count.

    Parameters
    ----------
    log_scale : array_like, shape (replicates, T)
        T at least 3; -inf (a singular covariance) decides at once.
    margin : float
        Falls slower than this a generation are no collapse: lets a verdict be False.
    alpha : float
        Error rate of a verdict, in (0, 1).

    Returns
    -------
    PathFinding
        True where the interval is below 0, False where it is above -`margin`.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of range.

    Examples
    --------
    >>> rate_on_paths([[0.0, -1.0, -2.1], [0.0, -1.0, -1.9]], alpha=0.1).verdict
    True
    """
    paths, level = _paths("log_scale", log_scale, columns=3), _alpha(alpha)
    width = _validate.number("margin", margin, low=0.0)
    name = "change of the log-scale a generation"
    if np.isneginf(paths[:, -1]).any():
        low = -math.inf
        return PathFinding(True, name, low, 0.0, low, low, level)
    half = (paths.shape[1] - 1) // 2
    mean, se, lower, upper = _interval(
        (paths[:, -1] - paths[:, half]) / (paths.shape[1] - 1 - half), level
    )
    verdict = True if upper < 0 else False if lower > -width else None
    return PathFinding(verdict, name, mean, se, lower, upper, level)


def distance_increases_on_paths(distance: ArrayLike, *, alpha: float = 0.01) -> PathFinding:
    """Whether the mean distance increases with every generation (MAD) on paths.

    Increasing needs every paired step to be significant, each at level alpha (an intersection-union
    test); not increasing needs one significant fall, at alpha over the number of steps.

    Parameters
    ----------
    distance : array_like, shape (replicates, T)
        W2^2 or any distance; T at least 2.
    alpha : float
        Error rate of a verdict, in (0, 1).

    Returns
    -------
    PathFinding
        The estimate is the least mean step, with its own interval.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of range.

    Examples
    --------
    >>> distance_increases_on_paths([[1.0, 2.0, 3.1], [1.0, 2.1, 2.9]], alpha=0.1).verdict
    True
    """
    paths, level = _paths("distance", distance, columns=2), _alpha(alpha)
    steps = np.diff(paths, axis=1)
    mean, se = steps.mean(axis=0), steps.std(axis=0, ddof=1) / math.sqrt(paths.shape[0])
    df = paths.shape[0] - 1
    every = float(stats.t.isf(level, df))
    any_ = float(stats.t.isf(level / steps.shape[1], df))
    verdict = True if (mean > every * se).all() else False if (mean < -any_ * se).any() else None
    least = _interval(steps[:, int(mean.argmin())], level)
    return PathFinding(verdict, "least mean step", *least, level)


def risk_growth_on_paths(risk: ArrayLike, *, alpha: float = 0.01) -> PathFinding:
    """Whether the mean risk still grows over the second half of the run, by its slope over t.

    Parameters
    ----------
    risk : array_like, shape (replicates, T)
        W2^2; T at least 4.
    alpha : float
        Error rate of a verdict, in (0, 1).

    Returns
    -------
    PathFinding
        True where the interval of the slope is above 0, False where it is below.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of range.

    Examples
    --------
    >>> risk_growth_on_paths([[1, 2, 3.1, 4], [1, 2, 2.9, 4]], alpha=0.1).verdict
    True
    """
    paths, level = _paths("risk", risk, columns=4), _alpha(alpha)
    late = paths[:, paths.shape[1] // 2 :]
    t = np.arange(late.shape[1]) - (late.shape[1] - 1) / 2
    mean, se, lower, upper = _interval(late @ t / (t @ t), level)
    verdict = True if lower > 0 else False if upper < 0 else None
    return PathFinding(verdict, "slope of the risk over t", mean, se, lower, upper, level)


def ratio_on_paths(risk: ArrayLike, baseline: float, *, alpha: float = 0.01) -> PathFinding:
    """Whether the risk of the last generation exceeds that of the real data alone.

    Parameters
    ----------
    risk : array_like, shape (replicates, T)
        W2^2.
    baseline : float
        E W2^2 of one fit to the real data, :func:`madtheory.effective.baseline`.
    alpha : float
        Error rate of a verdict, in (0, 1).

    Returns
    -------
    PathFinding

    Raises
    ------
    ValueError, TypeError
        When an argument is out of range.

    Examples
    --------
    >>> ratio_on_paths([[2.0], [2.1], [1.9]], 1.0, alpha=0.1).verdict
    True
    """
    paths, level = _paths("risk", risk, columns=1), _alpha(alpha)
    unit = _validate.number("baseline", baseline, low=0.0, high=math.inf)
    if unit == 0:
        raise ValueError("baseline must be positive, got 0")
    mean, se, lower, upper = _interval(paths[:, -1] / unit, level)
    verdict = True if lower > 1 else False if upper < 1 else None
    return PathFinding(verdict, "ratio to the real-data risk", mean, se, lower, upper, level)


def loop_forgets_on_paths(
    one: ArrayLike, other: ArrayLike, *, margin: float, alpha: float = 0.01
) -> PathFinding:
    """Whether two starts (say two n_initial) lead to the same mean at the last generation.

    Parameters
    ----------
    one, other : array_like, shape (replicates, T)
        The same quantity from independent runs of the two starts.
    margin : float
        Differences below this count as forgotten.
    alpha : float
        Error rate of a verdict, in (0, 1).

    Returns
    -------
    PathFinding
        True where the interval of the difference lies within the margin, False where it lies
        outside.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of range.

    Examples
    --------
    >>> loop_forgets_on_paths([[1.0], [1.1]], [[1.0], [1.1]], margin=5, alpha=0.1).verdict
    True
    """
    x, y = (_paths(k, v, columns=1)[:, -1] for k, v in (("one", one), ("other", other)))
    level, width = _alpha(alpha), _validate.number("margin", margin, low=0.0)
    mean = float(x.mean() - y.mean())
    se = math.sqrt(x.var(ddof=1) / x.size + y.var(ddof=1) / y.size)
    half = float(stats.t.isf(level / 2, min(x.size, y.size) - 1)) * se
    lower, upper = mean - half, mean + half
    outside = lower > width or upper < -width
    verdict = True if -width < lower and upper < width else False if outside else None
    return PathFinding(verdict, "difference of the means", mean, se, lower, upper, level)
