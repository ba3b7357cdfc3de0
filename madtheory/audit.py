r"""Audit of one's own loop: which way successive generations go, with intervals and a verdict.

In go the features of real data and of samples of each generation, in order. Out come the paper's
metrics by generation, the rate at which variance is lost, the bias that a fully synthetic loop
would need for it, what the last generation is worth in real samples, a forecast, and a verdict
with its error rate (docs/audit.md):

mad
    The data contradict every loop in which real data make up :data:`MARGIN` or more of each
    training set and hold the generator near them: means and correlations walk away from the real
    ones, or variances fall, as they do without real data.
not_mad
    The data contradict a loop without real data, and recent generations lose (or gain) less than
    :data:`TOLERANCE` of their log variance a generation.
undecided
    Neither.

The paper calls a loop MAD when its distance from the real distribution keeps growing (section 2).
Distances also grow at first in a loop that settles, so the verdict does not rest on growth, but on
whether real data are seen to pull the generations back.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special, stats

from madtheory import _audit_forecast, _audit_tests, _validate, effective, metrics
from madtheory._audit_series import axes_of, series_of
from madtheory._threads import one_thread
from madtheory.metrics import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from madtheory._audit_series import Axes, Series
    from madtheory._audit_tests import Anchor, Drift

    Array = NDArray[np.float64]

__all__ = [
    "GROWTH",
    "MARGIN",
    "STRICT_TOLERANCE",
    "TOLERANCE",
    "Audit",
    "Forecast",
    "FreshData",
    "Generation",
    "Verdict",
    "audit",
]

Verdict = Literal["mad", "not_mad", "undecided"]

#: Share of real data in each training set from which on a loop counts as held.
MARGIN = 0.1
#: Recent drift of the log variance a generation that is taken for a plateau of a held loop.
TOLERANCE = 0.03
#: The same over all generations of a loop that is not seen to be held, but hardly moves.
STRICT_TOLERANCE = 0.01
#: Growth of E W2^2/tr Sigma_0 a generation below which a walk hardly moves.
GROWTH = 0.001
#: Fewer generations than this give no verdict.
_FEWEST = 3
#: Powers of two beyond which features are scaled first, and beyond which they are refused.
_FAR, _FARTHEST = 200, 500


@dataclass(frozen=True, slots=True)
class Generation:
    """Metrics of one generation against the real set.

    Attributes
    ----------
    fid, precision, recall : metrics.Estimate
        :func:`madtheory.metrics.fid` and :func:`madtheory.metrics.precision_recall`.
    trace : metrics.Estimate
        Total variance of the features, in their squared units.
    """

    fid: Estimate
    precision: Estimate
    recall: Estimate
    trace: Estimate


@dataclass(frozen=True, slots=True)
class Forecast:
    """Files of the next generations, as rows of the last one's number.

    Attributes
    ----------
    generations : tuple of int
    trace, fid : tuple of metrics.Estimate
        Median, and the band that holds a next file with the level asked for.
    """

    generations: tuple[int, ...]
    trace: tuple[Estimate, ...]
    fid: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class FreshData:
    """What fresh real data would hold the loop (theory.md 2.4, 2.6, at Sigma_0 = I).

    Attributes
    ----------
    bias : float
        The estimated bias, at most 1.
    n_synth : int or None
        Synthetic samples a generation: as given, else as estimated; None where neither is known.
    admissible_n_synth : float
        With much fresh data: the most synthetic samples of this bias that do no harm.
    required_n_real : int or None
        Fewest fresh samples a generation, beside n_synth synthetic ones, that hold the squared
        distance at what the last generation shows; None where that is not known or 10^9 do not.
    """

    bias: float
    n_synth: int | None
    admissible_n_synth: float
    required_n_real: int | None


@dataclass(frozen=True, slots=True)
class Audit:
    """Result of :func:`audit`.

    Attributes
    ----------
    generations : tuple of Generation
    rate : metrics.Estimate or None
        Drift of the log variance a generation; negative: collapse. -inf where a direction has
        lost all variance, infinite ends where the data give none; None with one generation.
    bias : metrics.Estimate or None
        lambda of the fully synthetic loop that drifts so: exp(rate + what finite training sets
        cause). In a loop with real data it is an effective one, near 1 on the plateau.
    n_eff : metrics.Estimate
        Real samples whose Gaussian fit is as far from the real data as the last generation.
    verdict : {"mad", "not_mad", "undecided"}
    reason : str
        Why, in a sentence.
    p_value : float
        Of "the loop is held by real data"; small values speak for MAD.
    p_value_walk : float
        Of "no real data enter the loop, and by that alone E W2^2/tr Sigma_0 grows by GROWTH a
        generation or more"; small values speak against MAD.
    error_rate : float
        Promised bound on each false verdict, alpha.
    training_size : float
        Size of the training sets: as given, else as the noise between generations says (inf where
        there is none to be seen).
    forecast : Forecast or None
        None with one generation.
    fresh_data : FreshData or None
        None where `bias` is.
    level : float
        Level of all intervals and of the forecast's band.
    """

    generations: tuple[Generation, ...]
    rate: Estimate | None
    bias: Estimate | None
    n_eff: Estimate
    verdict: Verdict
    reason: str
    p_value: float
    p_value_walk: float
    error_rate: float
    training_size: float
    forecast: Forecast | None
    fresh_data: FreshData | None
    level: float


# ------------------------------------------------------------------------------------------ input
def _numbers(name: str) -> list[str]:
    """Text and numbers of a file's name in turn, numbers at odd places."""
    return re.split(r"(\d+)", PurePath(name).stem)


def _check_order(names: Sequence[str]) -> None:
    """Raise ValueError unless the one number that varies in the names goes up by one."""
    parts = [_numbers(name) for name in names]
    if len({len(p) for p in parts}) > 1 or len({tuple(p[::2]) for p in parts}) > 1:
        return
    varying = [i for i in range(1, len(parts[0]), 2) if len({p[i] for p in parts}) > 1]
    if len(varying) != 1:
        return
    at = [int(p[varying[0]]) for p in parts]
    for i in range(1, len(at)):
        if at[i] != at[i - 1] + 1:
            raise ValueError(
                f"generations must be successive, got {names[i]} right after {names[i - 1]}"
            )


def _check_repeats(names: Sequence[str], sets: Sequence[Array]) -> None:
    """Raise ValueError when two sets with any spread are the same."""
    seen: dict[bytes, str] = {}
    for name, x in zip(names, sets, strict=True):
        if (x != x[0]).any():
            key = repr(x.shape).encode() + x[:: 1 + len(x) // 64].tobytes()
            if key in seen:
                raise ValueError(f"{name} must be a set of its own, got the rows of {seen[key]}")
            seen[key] = name


def _sets(
    real: ArrayLike, generations: Sequence[ArrayLike], names: Sequence[str] | None, k: int
) -> list[Array]:
    """Validated sets, the real one first, none twice, all of one width."""
    if not len(generations):
        raise ValueError("generations must hold at least one set of features, got none")
    if names is None:
        labels = [f"generations[{i}]" for i in range(len(generations))]
    elif len(names) != len(generations):
        raise ValueError(f"names must hold {len(generations)} names, got {len(names)}")
    else:
        labels = [str(name) for name in names]
        _check_order(labels)
    x = metrics.features("real", real, minimum_rows=k + 1)
    sets = [
        metrics.features(label, g, minimum_rows=k + 1)
        for label, g in zip(labels, generations, strict=True)
    ]
    for label, g in zip(labels, sets, strict=True):
        if g.shape[1] != x.shape[1]:
            raise ValueError(f"{label} must have {x.shape[1]} columns like real, got {g.shape[1]}")
    _check_repeats(["real", *labels], [x, *sets])
    return [x, *sets]


def _sizes(n_synth: Sequence[int] | int | None, T: int) -> list[int] | None:
    """Training size of each generation, or None."""
    if n_synth is None:
        return None
    if not isinstance(n_synth, (list, tuple, np.ndarray)):
        return [_validate.count("n_synth", n_synth, minimum=2)] * T
    if len(n_synth) != T:
        raise ValueError(f"n_synth must hold one size a generation, {T}, got {len(n_synth)}")
    return [_validate.count("n_synth", n, minimum=2) for n in n_synth]


# ---------------------------------------------------------------------------------------- metrics
def _trace(x: Array, level: float) -> Estimate:
    """Total variance with its normal interval, from the rows' squared distances to the mean."""
    squares = np.square(x - x.mean(axis=0)).sum(axis=1)
    value = float(squares.sum()) / (len(x) - 1)
    half = float(special.ndtri(0.5 + level / 2)) * float(squares.std(ddof=1)) / math.sqrt(len(x))
    return Estimate(value, max(0.0, value - half), value + half)


def _generation(real: Array, x: Array, exponent: int, k: int, level: float) -> Generation:
    """Metrics of one generation, from sets in units of 2^exponent."""
    both = metrics.precision_recall(real, x, k=k, level=level)
    squared = (metrics.fid(real, x, level=level), _trace(x, level))
    fid, trace = (
        Estimate(*(math.ldexp(v, 2 * exponent) for v in (e.value, e.low, e.high))) for e in squared
    )
    return Generation(fid, both.precision, both.recall, trace)


def _n_eff(real: Array, x: Array, level: float) -> Estimate:
    """Real samples that the generation is worth (theory.md 2.5, 5.3), from the unbiased FID."""
    distance = metrics.fid_unbiased(real, x, level=level)
    centred = real - real.mean(axis=0)
    values = np.linalg.eigvalsh(centred.T @ centred / (len(real) - 1)).clip(0)
    at = (distance.value, distance.high, distance.low)
    return Estimate(*(effective.effective_sample_size(max(0.0, v), values) for v in at))


# ------------------------------------------------------------------------------------- statistics
@dataclass(frozen=True, slots=True)
class Inference:
    """What the series say: drift, both tests and the verdict."""

    rate: Estimate
    bias: Estimate
    training_size: float
    verdict: Verdict
    reason: str
    p_value: float
    p_value_walk: float
    noise: Drift
    held: Anchor


def _bias(noise: Drift, sizes: list[int] | None, level: float) -> tuple[Estimate, float]:
    """lambda = exp(rate + log(m/2) - psi(m/2)), and the training size (theory.md 1.1)."""
    if sizes is None:
        m = _audit_tests.training_size(noise.step)
        correction = _audit_tests.size_correction(m)
        # The correction is near step/2, and the step is as uncertain as a variance of dof terms.
        error = math.hypot(noise.error, noise.spread / 2 * math.sqrt(2 / noise.dof))
        size = m + 1
    else:
        correction = float(np.mean([_audit_tests.size_correction(n - 1) for n in sizes[1:]]))
        error, size = noise.error, float(np.mean(sizes[1:]))
    centre = noise.value + correction
    half = float(stats.t.ppf(0.5 + level / 2, noise.dof)) * error
    return Estimate(_exp(centre), _exp(centre - half), _exp(centre + half)), size


def _exp(x: float) -> float:
    """exp without overflow."""
    return math.exp(x) if x < 700 else math.inf


def _collapsed(series: Series) -> Inference | None:
    """The verdict where a direction has no variance left, else None."""
    lost = [bool((row == -np.inf).any()) for row in series.log_variance]
    if not any(lost):
        return None
    gone = Estimate(-math.inf, -math.inf, -math.inf)
    late = lost[-1] and not lost[0]
    reason = (
        f"a direction that varies in real loses all variance by generation {lost.index(True) + 1}"
        if late
        else "a direction that varies in real has no variance from the first generation on"
        if lost[0]
        else "a direction without variance in one generation varies again later"
    )
    verdict: Verdict = "mad" if late else "undecided"
    p = 0.0 if late else 1.0
    held = _audit_tests.Anchor(np.zeros(len(_audit_tests.SHARES)), 0.0, 1.0, 1.0, p)
    noise = _audit_tests.Drift(-math.inf, 0.0, 1.0, 0.0, 0.0, 1.0)
    return Inference(gone, Estimate(0.0, 0.0, 0.0), 1.0, verdict, reason, p, 1.0, noise, held)


def infer(series: Series, sizes: list[int] | None, level: float, alpha: float) -> Inference:
    """Drift, tests and verdict of at least two generations."""
    collapsed = _collapsed(series)
    if collapsed:
        return collapsed
    T = len(series.log_variance)
    held = _audit_tests.anchor(series, MARGIN, GROWTH)
    whole = noise = _audit_tests.drift(series)
    p = p_walk = 1.0
    if T >= _FEWEST:
        # Two tests of one hypothesis: twice the smaller p-value.
        p = min(1.0, 2 * min(held.held, _audit_tests.curve_p_value(series, whole, MARGIN)))
        p_walk = held.slow
        if held.walk <= alpha:
            noise = _audit_tests.held_drift(series, whole, held.share, T - 1)
    half = float(stats.t.ppf(0.5 + level / 2, noise.dof)) * noise.error
    rate = Estimate(noise.value, noise.value - half, noise.value + half)
    bias, size = _bias(noise, sizes, level)
    verdict, reason = _verdict(series, whole, held, p, alpha)
    return Inference(rate, bias, size, verdict, reason, p, p_walk, noise, held)


def _settled(series: Series, whole: Drift, held: Anchor, alpha: float) -> bool:
    """Whether the drift is within its tolerance, by a test of size alpha.

    In a loop that is seen to be held, that of the later half; else all of it, more strictly.
    """
    drift, tolerance = whole, STRICT_TOLERANCE
    if held.walk <= alpha:
        steps = len(series.log_variance) // 2
        drift, tolerance = _audit_tests.held_drift(series, whole, held.share, steps), TOLERANCE
    margin = float(stats.t.ppf(1 - alpha, drift.dof)) * drift.error
    return abs(drift.value) + margin < tolerance


def _verdict(
    series: Series, noise: Drift, held: Anchor, p: float, alpha: float
) -> tuple[Verdict, str]:
    """The verdict and its reason."""
    T = len(series.log_variance)
    if T < _FEWEST:
        return "undecided", f"{_FEWEST} generations at least are needed, got {T}"
    if p <= alpha and held.slow <= alpha:
        return "undecided", "the generations behave neither as a held loop nor as one without data"
    if p <= alpha:
        return "mad", f"no loop held by {MARGIN:.0%} real data or more moves like this"
    if held.slow > alpha:
        return "undecided", "the data fit a loop that is held by real data and one that is not"
    if not _settled(series, noise, held, alpha):
        return "undecided", "the loop does not walk away, but its variance may still be moving"
    if held.walk <= alpha:
        return "not_mad", "real data hold the loop, and its variance has settled"
    return "not_mad", "nothing moves, or by less than matters"


# ------------------------------------------------------------------------------------------ result
def _scaled(sets: list[Array]) -> tuple[list[Array], int]:
    """All sets divided by 2^exponent, where their squares' squares could leave float64."""
    largest = max(float(np.abs(x).max()) for x in sets)
    exponent = math.frexp(largest)[1]
    if abs(exponent) < _FAR:
        return sets, 0
    if abs(exponent) > _FARTHEST:
        raise ValueError(
            f"features must be within 1e-150 and 1e150 in size at most, got {largest:.3g}"
        )
    return [np.ldexp(x, -exponent) for x in sets], exponent


def _band(values: Array, unit: float, level: float) -> tuple[Estimate, ...]:
    """Median and band of each column."""
    tails = np.quantile(values, [0.5, 0.5 - level / 2, 0.5 + level / 2], axis=0) * unit
    return tuple(Estimate(*(float(v) for v in column)) for column in tails.T)


def _forecast(
    axes: Axes, series: Series, found: Inference, last: Generation, horizon: int, level: float
) -> Forecast:
    """Band of the next generations; a lost direction stays lost, so a collapsed loop stays."""
    T = len(series.log_variance)
    ahead = tuple(range(T + 1, T + horizon + 1))
    if math.isinf(found.rate.value):
        same = [tuple(Estimate(v, v, v) for _ in ahead) for v in (last.trace.value, last.fid.value)]
        return Forecast(ahead, same[0], same[1])
    rng = np.random.default_rng(0)
    m = found.training_size - 1
    paths = _audit_forecast.paths(rng, axes, series, found.noise, found.held, m, horizon)
    return Forecast(
        ahead,
        _band(paths.trace, last.trace.value, level),
        _band(paths.fid, last.fid.value, level),
    )


def _fresh(real: Array, x: Array, found: Inference, level: float) -> FreshData:
    """Fresh data for the estimated bias and size, at the distance of the last generation."""
    dim, bias = real.shape[1], min(1.0, found.bias.value)
    n = round(found.training_size) if found.training_size < _validate.MAX_COUNT else None
    target = metrics.fid_unbiased(real, x, level=level).value
    total = _trace(real, level).value
    required = None
    if n is not None and target > 0:
        required = _audit_forecast.required_n_real(dim, max(1, n), bias, target / total)
    return FreshData(bias, n, effective.admissible_n_synth_limit(bias, dim), required)


def audit(
    real: ArrayLike,
    generations: Sequence[ArrayLike],
    *,
    k: int = 5,
    level: float = 0.95,
    alpha: float = 0.02,
    horizon: int = 5,
    n_synth: Sequence[int] | int | None = None,
    names: Sequence[str] | None = None,
) -> Audit:
    """Audit a loop from features of real data and of successive generations.

    Parameters
    ----------
    real : array_like, shape (n, dim)
        Features of real data, rows are samples.
    generations : sequence of array_like, shapes (n_t, dim)
        Features of samples of generation 1, 2, ..., none left out.
    k : int
        Neighbour of precision and recall.
    level : float
        Level of the intervals.
    alpha : float
        Bound on each false verdict.
    horizon : int
        Generations to forecast.
    n_synth : int, sequence of int or None
        Training samples of each generation, where known; else estimated from the noise.
    names : sequence of str or None
        File names of the generations: where one number varies in them it must go up by one.

    Returns
    -------
    Audit

    Raises
    ------
    ValueError, TypeError
        When a set is no finite matrix with k + 1 rows, widths differ, real has no variance, a set
        with any spread comes twice, or the names are out of order or have a gap.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real = rng.standard_normal((400, 4))
    >>> audit(real, [0.5**t * rng.standard_normal((400, 4)) for t in range(6)]).verdict
    'mad'
    """
    k, horizon = _validate.count("k", k), _validate.count("horizon", horizon)
    level = _validate.number("level", level, low=0.0, high=1.0, open_=True)
    alpha = _validate.number("alpha", alpha, low=0.0, high=0.5, open_=True)
    sizes = _sizes(n_synth, len(generations))
    (x, *sets), exponent = _scaled(_sets(real, generations, names, k))
    found = tuple(_generation(x, g, exponent, k, level) for g in sets)
    with one_thread():
        return _assemble(x, sets, found, sizes, horizon, level, alpha)


def _assemble(
    real: Array,
    sets: list[Array],
    generations: tuple[Generation, ...],
    sizes: list[int] | None,
    horizon: int,
    level: float,
    alpha: float,
) -> Audit:
    """Everything beside the metrics."""
    axes = axes_of(real)
    series = series_of(axes, sets)
    n_eff = _n_eff(real, sets[-1], level)
    if len(sets) < 2:
        size, reason = float(sizes[0]) if sizes else math.inf, "3 generations at least are needed"
        return Audit(
            generations, None, None, n_eff, "undecided", f"{reason}, got 1", 1.0, 1.0, alpha,
            size, None, None, level,
        )  # fmt: skip
    found = infer(series, sizes, level, alpha)
    return Audit(
        generations=generations,
        rate=found.rate,
        bias=found.bias,
        n_eff=n_eff,
        verdict=found.verdict,
        reason=found.reason,
        p_value=found.p_value,
        p_value_walk=found.p_value_walk,
        error_rate=alpha,
        training_size=found.training_size,
        forecast=_forecast(axes, series, found, generations[-1], horizon, level),
        fresh_data=_fresh(real, sets[-1], found, level),
        level=level,
    )
