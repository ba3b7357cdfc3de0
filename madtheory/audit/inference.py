"""What the series say: drift, bias, two p-values and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from madtheory.audit.anchor import Anchor, Kept, anchor, counted, curve_p_value, kept
from madtheory.audit.drift import Drift, drift, held_drift, size_correction, training_size
from madtheory.audit.growth import distance, growth, since
from madtheory.audit.known import NOTHING
from madtheory.metrics import Measured

if TYPE_CHECKING:
    from madtheory._types import Bools
    from madtheory.audit.growth import Growth
    from madtheory.audit.known import Known
    from madtheory.audit.series import Series

Verdict = Literal["mad", "not_mad", "undecided"]

#: Share of real data in each training set from which on a loop counts as held.
MARGIN = 0.1
#: Recent drift of the log variance a generation that is taken for a plateau of a held loop.
TOLERANCE = 0.03
#: The same over all generations of a loop that is not seen to be held, but hardly moves.
STRICT_TOLERANCE = 0.01
#: Growth of E W2^2/tr Sigma_0 a generation below which a walk hardly moves.
GROWTH = 0.001
#: The same, to the upper end of its interval, below which nothing grows where no real data enter.
STILL = 0.01
#: Weights of the three tests of a held loop: means with shapes, means alone, the curve. Their sum
#: is .96, not 1, as the harmonic mean of three independent p-values is .02 or less in .0207.
_WEIGHTS = (0.77, 0.05, 0.14)
#: A held loop in which some directions are seen to walk, at this level, is no plateau.
_PARTLY_HELD = 0.05
#: A loop that real data are known to enter has not settled where its distance is seen to grow over
#: the later half, at this level.
_STILL_GROWS = 0.05
#: Added where a held loop of another kind might: unless it is refuted at this part of alpha.
_KEPT = "one that keeps a small part of its first training set, and no other real data"
_KEPT_REFUTED = 0.1
#: Such a loop, where it fits and is so many times (in logarithms) as likely as one without real
#: data, leaves the verdict open: of loops of one law without real data at most one in twenty that.
_KEPT_LIKELIER = math.log(20)
#: Who knows settles it.
_SAY = "--n-real settles it"
#: Fewer generations than this give no verdict.
FEWEST = 3
TOO_FEW = f"{FEWEST} generations at least are needed, got {{}}"
#: Of a direction that a file lacks and later ones have nothing is known but that it came back.
_GAP = "a direction without variance in one generation varies again later"


@dataclass(frozen=True, slots=True)
class Inference:
    """What the series say: drift, both tests and the verdict.

    `noise` and `held` are None where a direction has no variance left, `grown` too unless no real
    data are known to enter.
    """

    rate: Measured
    bias: Measured
    training_size: float
    verdict: Verdict
    reason: str
    p_value: float
    p_value_walk: float
    noise: Drift | None = None
    held: Anchor | None = None
    grown: Growth | None = None


def _student(noise: Drift, value: float, error: float, level: float) -> Measured:
    """Student's interval, with the drift's degrees of freedom."""
    return Measured.around(value, float(stats.t.ppf(0.5 + level / 2, noise.dof)) * error)


def _bias(noise: Drift, sizes: list[int] | None, level: float) -> tuple[Measured, float]:
    """lambda = exp(rate + log(m/2) - psi(m/2)), and the training size (theory.md 1.1)."""
    if sizes is None:
        m = training_size(noise.step)
        correction = size_correction(m)
        # The correction is near step/2, and the step is as uncertain as a variance of dof terms.
        error = math.hypot(noise.wide, noise.spread / 2 * math.sqrt(2 / noise.dof))
        size = m + 1
    else:
        correction = float(np.mean([size_correction(n - 1) for n in sizes[1:]]))
        error, size = noise.wide, float(np.mean(sizes[1:]))
    return _student(noise, noise.value + correction, error, level).map(exponential), size


def exponential(x: float) -> float:
    """exp without overflow."""
    return math.exp(x) if x < 700 else math.inf


def training_rows(series: Series, sizes: list[int] | None, first: int) -> float:
    """Fewest rows of a training set: as given, else of the files, or fewer if means move by more.

    Means of n rows move by variance/n at least; files that are samples of their own, and real
    data, make them move by more, and n look smaller than it is. Generations before `first` count.
    """
    if sizes is not None:
        return float(min(sizes))
    fewest = float(series.rows.min())
    if first < FEWEST:
        return fewest
    square = np.square(np.diff(series.means[:first], axis=0)).mean(axis=1)
    moves = float((square / series.scale[: first - 1]).mean())
    return min(fewest, 1 / moves) if moves > 0 else fewest


def lost_p_value(series: Series, lost: Bools, training: float, *, alone: bool = False) -> float:
    """p-value of "real data make up the margin or more" from directions that files lack (T, K).

    n training rows hold n MARGIN real ones at least, of which each varies along a direction with
    the share w that varies in the real set. Of a model that copies its rows, a file of n or more
    lacks all of j such rows with probability (1 - j/n)^n <= exp(-j), thus r files of a fixed real
    set lack the direction with (1 - w (1 - exp(-r)))^(n MARGIN) at most, those of fresh ones more
    rarely. Where no real data enter, models at rest that see n rows each lack it with (1 - w)^n a
    file. Any of K directions may be the one.
    """
    K = int(lost.shape[1])
    varied = np.ones(K) if series.varied is None else series.varied
    files = np.logical_and.accumulate(lost[::-1], axis=0).sum(axis=0).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = MARGIN * training * np.log1p(varied * np.expm1(-files))
        if alone:
            rows = min(training, float(series.rows.min()))
            logs = np.where(files > 0, rows * files * np.log1p(-varied), 0.0)
    return min(1.0, K * float(np.exp(logs).min()))


def _collapsed(
    series: Series, sizes: list[int] | None, alpha: float, known: Known
) -> Inference | None:
    """The verdict where a direction has no variance left, else None."""
    directions = np.asarray(np.isneginf(series.log_variance))
    lost = [bool(row.any()) for row in directions]
    if not any(lost):
        return None
    verdict: Verdict = "undecided"
    p, T = 1.0, len(lost)
    if lost[0]:
        reason = "a direction that varies in real has no variance from the first generation on"
    else:
        stays = int(np.logical_and.accumulate(directions[::-1], axis=0).sum(axis=0).max())
        first = T - stays + 1
        rows = training_rows(series, sizes, lost.index(True))
        p = lost_p_value(series, directions, rows, alone=known.alone)
        reason = f"a direction that varies in real loses all variance by generation {first}"
        if p > alpha:
            still = "models that stay" if known.alone else "a held loop"
            reason += f", but so few real rows vary along it that {still} may lack it"
        elif known.share:
            reason = f"real data enter, but {reason}, as in no loop they hold"
        else:
            verdict = "mad"
    rate, bias = Measured.exactly(-math.inf), Measured.exactly(0.0)
    size = math.inf if sizes is None else float(np.mean(sizes[1:]))
    return Inference(rate, bias, size, verdict, reason, p, 0.0 if known.mixed(MARGIN) else 1.0)


def infer(
    series: Series, sizes: list[int] | None, level: float, alpha: float, known: Known = NOTHING
) -> Inference:
    """Drift, tests and verdict of at least two generations; `sizes` of whole training sets."""
    collapsed = _collapsed(series, sizes, alpha, known)
    if collapsed:
        return collapsed
    T = len(series.log_variance)
    held = anchor(series, MARGIN, GROWTH, known.memory)
    whole = noise = drift(series)
    p = p_walk = 1.0
    grown = None
    if known.alone and T >= FEWEST:
        grown = growth(counted(series, held.parts), alpha, apart=known.apart)
    if T >= FEWEST:
        p = _held_p_value(series, whole, held) if grown is None else grown.p_value
        if p <= alpha and known.mixed(MARGIN):  # they may always be the same
            p = _kept_p_value(series, whole, held, kept(held.parts, MARGIN))
        p_walk = 0.0 if known.mixed(MARGIN) else held.slow
        if held.walk <= alpha and not known.alone:
            noise = held_drift(series, whole, held.share, T - 1)
    rate = _student(noise, noise.value, noise.wide, level)
    bias, size = _bias(noise, sizes, level)
    verdict, reason = _verdict(series, whole, held, p, alpha, known, grown)
    if not (series.gaps is None and series.torn is None):
        verdict, reason, p = "undecided", _GAP, 1.0
        p_walk = 0.0 if known.mixed(MARGIN) else 1.0
    return Inference(rate, bias, size, verdict, reason, p, p_walk, noise, held, grown)


def _held_p_value(series: Series, whole: Drift, held: Anchor) -> float:
    """p-value of a held loop: the harmonic mean of three tests', by weight (Wilson 2019).

    No larger than that of Bonferroni by the same weights, and less where several are small.
    """
    curve = curve_p_value(series, whole, MARGIN, errs=held.errs)
    each = held.held, held.held_means, curve
    if not min(each) > 0:
        return 0.0
    return min(1.0, 1 / sum(weight / q for q, weight in zip(each, _WEIGHTS, strict=True)))


def _kept_p_value(series: Series, whole: Drift, held: Anchor, other: Kept) -> float:
    """The same where the real rows may always be the same, a part of the first training set."""
    held = held._replace(held=other.held, held_means=other.held_means)
    return _held_p_value(series, whole, held)


def _settled(
    series: Series, whole: Drift, held: Anchor, alpha: float, known: Known = NOTHING
) -> bool:
    """Whether the variance is at rest.

    In a loop that is seen, or known, to be held: the later half drifts by less than the tolerance,
    and does not fall by more than the strict one, by tests of size alpha, or by no more than its
    noise. Else all of it, more strictly, by the test alone.
    """
    share = known.share if known.share is not None and known.mixed(MARGIN) else held.share
    if held.walk > alpha and not known.mixed(MARGIN):
        return _at_rest(whole, alpha, STRICT_TOLERANCE)
    own = held_drift(series, whole, share, len(series.log_variance) // 2)
    error = _quantile(own, 1 - alpha) * own.error
    slow = abs(own.value) + error < TOLERANCE and own.value + error >= -STRICT_TOLERANCE
    return slow or abs(own.value) < error


def _at_rest(noise: Drift, alpha: float, tolerance: float) -> bool:
    """Whether the drift is surely less than a tolerance."""
    return abs(noise.value) + _quantile(noise, 1 - alpha) * noise.error < tolerance


def _quantile(noise: Drift, level: float) -> float:
    """Student's quantile with the drift's degrees of freedom."""
    return float(stats.t.ppf(level, noise.dof))


def _alone(series: Series, held: Anchor, grown: Growth, alpha: float) -> tuple[Verdict, str]:
    """The verdict where no real data enter: does the distance from them grow?

    Where no direction walks, what moves is noise about a place, and the level's is read so.
    """
    if grown.p_value <= alpha:
        return "mad", (
            "no real data enter, and the squared distance from them has grown from "
            f"{grown.before:.3g} to {grown.after:.3g} of their variance since generation "
            f"{grown.first}"
        )
    still = held.slow <= alpha and held.partial > _PARTLY_HELD
    steps = len(series.log_variance) - grown.first
    level = held_drift(series, grown.level, held.share, steps)
    if still and _at_rest(level, alpha, TOLERANCE) and grown.most < STILL:
        return "not_mad", (
            f"no real data enter, but nothing grows: surely by less than {STILL:g} a generation"
        )
    return "undecided", "no real data enter, but the distance from them may grow or not"


def _mixed(
    series: Series, noise: Drift, held: Anchor, alpha: float, known: Known
) -> tuple[Verdict, str]:
    """The verdict where real data are known to be in each training set, and may hold the loop.

    Its distance grows to a plateau that may be far from the real data: of a model that errs.
    """
    if held.partial <= _PARTLY_HELD:
        return "undecided", "real data enter, but some directions seem to walk away"
    later = since(counted(series, held.parts), len(series.log_variance) // 2)
    went = _went(series, known)
    if growth(later, alpha, apart=True).p_value <= _STILL_GROWS:
        return "undecided", f"real data enter, but the {went}, and still grows over the later half"
    if not _settled(series, noise, held, alpha, known):
        return "undecided", "real data enter, but the variance may still be moving"
    return "not_mad", (
        f"real data are {known.share:.0%} of each training set, and it has settled: the {went}, "
        "and is not seen to grow over the later half"
    )


def _not_held(series: Series, noise: Drift, held: Anchor, alpha: float) -> tuple[Verdict, str]:
    """The verdict where no loop moves so that real data hold: MAD.

    But for one that goes from its first training set to a part of it that it keeps: where that is
    seen to come to rest nothing is said, and where it may be a walk the reason says so.
    """
    reason = f"no loop held by {MARGIN:.0%} real data or more moves like this"
    other = kept(held.parts, MARGIN)
    p = _kept_p_value(series, noise, held, other)
    if p > alpha and other.gain > _KEPT_LIKELIER:
        more = f"which fits better than a loop without real data: {_SAY}"
        return "undecided", f"{reason} but {_KEPT}, {more}"
    return "mad", reason if p <= _KEPT_REFUTED * alpha else f"{reason}, but {_KEPT}, may: {_SAY}"


def _went(series: Series, known: Known) -> str:
    """From which distance to which a loop went; the first file may be too near to the real set."""
    first = 0 if known.apart else 1
    return (
        f"squared distance from them went from {distance(series, first):.3g} to "
        f"{distance(series, -1):.3g} of their variance since generation {first + 1}"
    )


def _verdict(
    series: Series,
    noise: Drift,
    held: Anchor,
    p: float,
    alpha: float,
    known: Known = NOTHING,
    grown: Growth | None = None,
) -> tuple[Verdict, str]:
    """The verdict and its reason."""
    T = len(series.log_variance)
    if T < FEWEST:
        return "undecided", TOO_FEW.format(T)
    if grown is not None:
        return _alone(series, held, grown, alpha)
    if p <= alpha and known.share:
        return "undecided", "real data enter, but the generations move as in no loop they hold"
    if p <= alpha and held.slow <= alpha:
        return "undecided", "the generations behave neither as a held loop nor as one without data"
    if p <= alpha:
        return _not_held(series, noise, held, alpha)
    if known.mixed(MARGIN):
        return _mixed(series, noise, held, alpha, known)
    if held.slow > alpha:
        return "undecided", "the data fit a loop that is held by real data and one that is not"
    if held.partial <= _PARTLY_HELD:
        return "undecided", "some directions are held, others seem to walk away"
    if held.errs:
        return "undecided", (
            "the models err by the same each time, and stop where that or real data hold them"
        )
    if not _settled(series, noise, held, alpha, known):
        return "undecided", "the loop does not walk away, but its variance may still be moving"
    if held.walk <= alpha:
        return "not_mad", "real data hold the loop, and its variance has settled"
    return "not_mad", "nothing moves, or by less than matters"
