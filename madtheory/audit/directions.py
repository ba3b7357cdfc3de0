"""Which directions of real data die in a loop, and how fast.

The principal axes of the real set fall into bands of like variance. Along each axis log variances
walk, without real data, with a drift of log lambda + psi(m/2) - log(m/2) a generation (theory.md
8.4), seen through the noise of the files. The noise of a band is that of its rows (tails,
dependence); only its size is asked of the generations, once for all bands.

A band is dying where its variance falls, and bends as in no loop that real data hold
(:func:`madtheory.audit.anchor.curve_p_value`), growing where it rises so; it holds where the drift
of its later half is surely less than the tolerance. Holm's procedure over the bands bounds the
probability of one or more false "dying" or "growing", and that of one or more false "holds".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import stats

from madtheory._holm import holm
from madtheory.audit.anchor import curve_p_value
from madtheory.audit.drift import Drift, size_correction, training_size
from madtheory.audit.inference import (
    MARGIN,
    TOLERANCE,
    exponential,
    lost_p_value,
    training_rows,
)
from madtheory.audit.known import NOTHING
from madtheory.audit.pull import shrunk
from madtheory.audit.series import of_spaces, tied
from madtheory.audit.turned import WIDEST, are_cut
from madtheory.metrics import Measured

if TYPE_CHECKING:
    from madtheory._types import Array, Bools, Ints
    from madtheory.audit.known import Known
    from madtheory.audit.series import Axes, Series

Fate = Literal["dying", "growing", "holds", "undecided"]

#: Most bands. Up to as many directions each has its own.
MOST = 8
#: Of more directions, those whose variances differ by less than this factor share a band.
_ALIKE = 2.0
#: So that rounding makes no band more.
_WIDER = 1 + 1e-9
#: Least n times the sampling variance of a log variance (2 for Gaussian rows).
_LEAST_NOISE = 0.1
#: Parts of an increment's variance that may be the files'.
_PARTS = np.linspace(0.0, 0.98, 50)
#: Logarithms of growth end here.
_FARTHEST = 300.0
#: Log-likelihoods that differ beyond these digits are one.
_DIGITS = 8
#: Parts count whose log-likelihood is less than the greatest one by no more.
_DROP = 1.0


@dataclass(frozen=True, slots=True)
class Band:
    """Some principal axes of the real set, and what becomes of the variance along them.

    Attributes
    ----------
    directions : int
    share : float
        Of the real set's total variance.
    left : float
        Variance of the last generation over the real one, the geometric mean over directions.
    drift : metrics.Measured
        Of the log variance a generation, the mean over directions; -inf where one has lost all
        variance.
    bias : metrics.Measured
        Lambda of the fully synthetic loop that drifts so.
    half_life : metrics.Measured or None
        Generations in which the variance halves at this drift, inf at an end that does not fall;
        None where the drift does not.
    fate : {"dying", "growing", "holds", "undecided"}
    p_value : float
        Of "held by real data, or still", against dying and growing, of this band alone.
    """

    directions: int
    share: float
    left: float
    drift: Measured
    bias: Measured
    half_life: Measured | None
    fate: Fate
    p_value: float


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands of directions, largest variance first.

    Attributes
    ----------
    bands : tuple of Band
    without_variance : int
        Directions along which the real set does not vary: nothing is said of them.
    left_out : int
        Directions of least variance that are left out: too few real rows tell them apart.
    error_rate : float
        Bound on the probability of any false "dying" or "growing" among the bands, and of any
        false "holds".
    trace : tuple of metrics.Measured, or None
        Total variance of the next generations if each band walks on by its drift, those that are
        left out as the others do; None where noise is not known, a direction is lost, or variances
        are seen to change along other directions than these.
    """

    bands: tuple[Band, ...]
    without_variance: int
    left_out: int
    error_rate: float
    trace: tuple[Measured, ...] | None


def banded(variances: Array) -> Ints:
    """Number of the band of each of some sorted variances: MOST bands at most, ties together.

    Of many directions a band ends where a variance is less than its first one by a factor that is
    the same for all: bands are equally wide in log variance.

    Examples
    --------
    >>> banded(np.array([3.0, 2.0, 2.0, 1.0])).tolist()
    [0, 1, 1, 2]
    >>> banded(np.array([9.0, 8.0, 4.0, 3.9, 3.8, 3.7, 3.6, 3.5, 3.4, 1.0])).tolist()
    [0, 0, 1, 1, 1, 1, 1, 1, 1, 2]
    """
    spaces = tied(variances)
    if spaces[-1] < MOST:
        return spaces
    logs = np.log(variances)
    width = max(math.log(_ALIKE), float(logs[0] - logs[-1]) / MOST) * _WIDER
    out, first = np.zeros(len(logs), dtype=np.int64), 0
    for k in range(1, len(logs)):
        ends = logs[k] < logs[first] - width and spaces[k] > spaces[k - 1]
        first = k if ends else first
        out[k] = out[k - 1] + ends
    return out


# ------------------------------------------------------------------------------------------ noise
class _Noise(NamedTuple):
    """Noise that all bands share, in units of the sampling variance of a log variance of one row.

    spread: of an increment; step: of the loop's own part of it; for each part that the files may
    have, the likeliest first; dof: degrees of freedom of all this.
    """

    spread: Array
    step: Array
    dof: float

    def of_drift(self, steps: int) -> float:
        """Largest variance of the drift over `steps` increments that may be."""
        return float(((self.step * (steps - 1) + self.spread) / steps**2).max())

    def ahead(self, steps: int, horizon: int) -> float:
        """Largest variance of a log variance `horizon` on, by the drift over `steps`."""
        known, file = self.step * (steps - 1) + self.spread, (self.spread - self.step) / 2
        ratio = horizon / steps
        # What the last file is off by is in the drift, too.
        return float((ratio**2 * known + horizon * self.step + 2 * (1 + ratio) * file).max())

    def of_gap(self, steps: int, late: int) -> float:
        """Largest variance of the drift over the `late` last of `steps`, less that over all."""
        file = (self.spread - self.step) / 2
        ends = 1 / late**2 + 1 / steps**2 - 1 / (late * steps)
        return float((self.step * (1 / late - 1 / steps) + 2 * file * ends).max())

    def of_step(self) -> float:
        """Standard error of the step."""
        own = float(self.spread.max()) * math.sqrt(2 / self.dof)
        return max(own, float(self.step.max() - self.step.min()) / 2)


def _independent(covariance: Array) -> float:
    """Independent series that say as much as those of this covariance do."""
    size = np.sqrt(np.diagonal(covariance))
    overlap = np.square(covariance / np.multiply.outer(size, size))
    return len(size) ** 2 / float(overlap.sum())


def _noise(logs: Array, covariance: Array, most: float) -> _Noise:
    """Noise of the increments of logs (T, S) about each one's own drift, by likelihood.

    Increments of a walk seen through noise of variance r have variance q + 2 r, and neighbours the
    covariance -r, at most that of a file's rows (`most`).
    """
    steps = len(logs) - 1
    if steps < 2 or not logs.shape[1]:
        return _Noise(np.array([math.inf]), np.array([0.0]), 1.0)
    about = np.linalg.svd(np.ones((1, steps)))[2][1:]
    residual = about @ np.diff(logs / np.sqrt(np.diagonal(covariance)), axis=0)
    gram = residual @ residual.T / residual.shape[1]
    near = (np.eye(steps, k=1) + np.eye(steps, k=-1)) / 2
    laws = np.array([about @ (np.eye(steps) - part * near) @ about.T for part in _PARTS])
    spread = np.trace(np.linalg.solve(laws, gram[None]), axis1=1, axis2=2) / (steps - 1)
    number = _independent(covariance)
    with np.errstate(divide="ignore"):
        value = number / 2 * (np.linalg.slogdet(laws)[1] + (steps - 1) * np.log(spread))
    value[1:][_PARTS[1:] * spread[1:] / 2 > most] = math.inf
    # Of two increments all parts are as likely: the files' least one is taken, whatever rounds.
    order = np.argsort(np.round(value, _DIGITS), kind="stable")
    may = order[value[order] <= value[order[0]] + _DROP]
    return _Noise(spread[may], (spread * (1 - _PARTS))[may], max(1.0, number * (steps - 1)))


# ------------------------------------------------------------------------------------------ bands
class _Seen(NamedTuple):
    """A band's level (T,), n times its sampling variance, and that of one of its directions.

    spaces (k,): those of its directions.
    """

    level: Array
    noise: float
    single: float
    spaces: Ints


def _drift(seen: _Seen, noise: _Noise, steps: int) -> tuple[float, float]:
    """Drift over the last `steps` increments, and its standard error."""
    value = float(seen.level[-1] - seen.level[-1 - steps]) / steps
    return value, math.sqrt(seen.noise * noise.of_drift(steps))


def _moves(series: Series, seen: _Seen, noise: _Noise, known: Known) -> float:
    """p-value of a band that real data hold, or that is still, by the means along its axes.

    Where no real data enter, generation 1 does not count unless the real set is known to be apart:
    it is nearer to its own training set than any later one of models that differ by noise alone.
    """
    steps = len(seen.level) - 1
    if known.mixed(MARGIN) or steps < 2:
        return 1.0
    value, error = _drift(seen, noise, steps - 1 if known.alone and not known.apart else steps)
    if not error > 0:
        return float(value == 0)
    still = 2 * float(stats.t.sf(abs(value) / error, noise.dof))
    if known.alone:
        return still
    spread = seen.noise * float(noise.spread.max())
    whole = Drift(value, error, noise.dof, spread, spread, 1.0, error)
    alone = replace(series, log_variance=seen.level[:, None])
    return max(still, curve_p_value(alone, whole, MARGIN, errs=True))


def _rests(seen: _Seen, noise: _Noise) -> float:
    """p-value of a drift, over the later half, that is as large as the tolerance."""
    value, error = _drift(seen, noise, max(1, len(seen.level) // 2))
    room = TOLERANCE - abs(value)
    return float(stats.t.sf(room / error, noise.dof)) if error > 0 else float(room <= 0)


def half_life(drift: Measured) -> Measured | None:
    """Generations in which a variance halves; None where it does not fall.

    Examples
    --------
    >>> half_life(Measured(-1.0, -2.0, 0.5))
    Measured(value=0.6931471805599453, low=0.34657359027997264, high=inf)
    """
    return drift.map(lambda x: math.log(2) / -x if x < 0 else math.inf) if drift.value < 0 else None


def _walked(
    seen: _Seen, noise: _Noise, sizes: list[int] | None, level: float
) -> tuple[Measured, Measured]:
    """Drift, and lambda = exp(drift + log(m/2) - psi(m/2)), m as given or as the noise says."""
    value, error = _drift(seen, noise, len(seen.level) - 1)
    quantile = float(stats.t.ppf(0.5 + level / 2, noise.dof))
    drift = Measured.around(value, quantile * error)
    if sizes is None:
        more = size_correction(training_size(float(noise.step[0]) * seen.single))
        # The correction is near half a step.
        error = math.hypot(error, seen.single / 2 * noise.of_step())
    else:
        more = float(np.mean([size_correction(n - 1) for n in sizes[1:]]))
    return drift, Measured.around(value + more, quantile * error).map(exponential)


class _Found(NamedTuple):
    """Drift and bias of a band, and p-values of what is no movement and of what is no rest."""

    drift: Measured
    bias: Measured
    moves: float
    rests: float
    seen: _Seen | None = None


class _All(NamedTuple):
    """What is found of each band, by which noise; n times the covariance of log variances.

    logs (T, S): the log variances of all eigenspaces.
    """

    found: list[_Found]
    noise: _Noise
    covariance: Array
    logs: Array


def _lacked(series: Series) -> Bools:
    """Directions (T, K) without variance in a file, for good or not."""
    lost: Bools = np.isneginf(series.log_variance)
    return lost if series.gaps is None else lost | series.gaps


def _lost(series: Series, at: Ints, sizes: list[int] | None, known: Known) -> _Found:
    """The same of a band of which some direction has no variance in some file."""
    lost = _lacked(series)[:, at]
    if lost[0].any() or not lost[-1].any():
        return _Found(*(Measured(0.0, -math.inf, math.inf), Measured(1.0, 0.0, math.inf)), 1.0, 1.0)
    first = int(np.argmax(lost.any(axis=1)))
    varied = None if series.varied is None else series.varied[at]
    mine, rows = replace(series, varied=varied), training_rows(series, sizes, first)
    p = 1.0 if known.mixed(MARGIN) else lost_p_value(mine, lost, rows, alone=known.alone)
    return _Found(Measured.exactly(-math.inf), Measured.exactly(0.0), p, 1.0)


def _found(
    series: Series, spaces: Ints, bands: Ints, sizes: list[int] | None, level: float, known: Known
) -> _All:
    """What is found of the bands."""
    with np.errstate(divide="ignore"):
        logs = np.log(of_spaces(np.exp(series.log_variance), spaces))
    C = 2 * np.eye(logs.shape[1]) if series.log_covariance is None else series.log_covariance
    C = C + np.diag(np.maximum(_LEAST_NOISE - np.diagonal(C), 0.0))
    lacked = np.asarray(_lacked(series).any(axis=0))
    alive = np.setdiff1d(spaces, spaces[lacked])
    most = float((1 / series.rows).mean())
    off = np.sqrt(of_spaces(np.square(series.means), spaces))
    noise, out = _noise(logs[:, alive], C[np.ix_(alive, alive)], most), []
    for band in range(bands[-1] + 1):
        at = np.flatnonzero(bands == band)
        if lacked[at].any():
            out.append(_lost(series, at, sizes, known))
            continue
        mine = spaces[at]
        single = float(np.diagonal(C)[mine].mean())
        seen = _Seen(logs[:, mine].mean(axis=1), float(C[np.ix_(mine, mine)].mean()), single, mine)
        both = _walked(seen, noise, sizes, level)
        own = replace(series, means=off[:, mine])
        out.append(_Found(*both, _moves(own, seen, noise, known), _rests(seen, noise), seen))
    return _All(out, noise, C, logs)


class _Growth(NamedTuple):
    """Drifts (S,) of all eigenspaces, and which parts of what they are by are not noise: of what
    the later half is off the whole by, and of what a band's are off its mean by, at most.
    """

    drifts: Array
    late: float
    own: float


def _growth(logs: Array, bands: list[_Seen], noise: _Noise, C: Array) -> _Growth:
    """Drift of each band, and how those of its axes and of the later half differ from it.

    Axes of the real set that mix directions of two biases fall fast first and then as the slower
    ones do, and bands of like variance may hold both.
    """
    steps = len(logs) - 1
    half, single = max(1, len(logs) // 2), np.diagonal(C)
    whole = (logs[-1] - logs[0]) / steps
    drifts, own = whole.copy(), 0.0
    for seen in bands:
        at = seen.spaces
        mean = float(whole[at].mean())
        free = np.maximum(single[at] - seen.noise, 0.0) * noise.of_drift(steps)
        kept = shrunk(float(np.square(whole[at] - mean).sum()), float(free.sum()))
        drifts[at], own = mean + kept * (whole[at] - mean), max(own, kept)
    gap = (logs[-1] - logs[-1 - half]) / half - whole
    late = shrunk(float((np.square(gap) / single).sum()), len(gap) * noise.of_gap(steps, half))
    return _Growth(drifts + late * gap, late, own)


def _ahead(
    them: _All, parts: Array, last: float, horizon: int, level: float
) -> tuple[Measured, ...] | None:
    """Total variance of the next generations, from the eigenspaces' own `parts` of the last one."""
    seen = [one.seen for one in them.found if one.seen is not None]
    if len(seen) < len(them.found) or not math.isfinite(them.noise.spread[0]) or not parts.all():
        return None
    C, steps, half = them.covariance, len(them.logs) - 1, max(1, len(them.logs) // 2)
    growth = _growth(them.logs, seen, them.noise, C)
    blocks = np.array([[C[np.ix_(a.spaces, b.spaces)].mean() for b in seen] for a in seen])
    number = np.zeros(len(C), dtype=np.int64)
    for band, one in enumerate(seen):
        number[one.spaces] = band
    quantile, out = float(stats.t.ppf(0.5 + level / 2, them.noise.dof)), []
    for h in range(1, horizon + 1):
        # In logarithms: what has died far ahead is below all that float64 holds.
        now = np.log(parts / parts.sum()) + np.minimum(h * growth.drifts, _FARTHEST)
        sizes, top = np.exp(now - now.max()), float(now.max())
        weights = sizes / sizes.sum()
        each = np.bincount(number, weights=weights)
        common, apart = float(each @ blocks @ each), float(weights @ C @ weights)
        spread = common + growth.own * max(0.0, apart - common)
        walk = (1 - growth.late) * them.noise.ahead(steps, h)
        walk += growth.late * them.noise.ahead(half, h)
        error = quantile * math.sqrt(spread * walk)
        ratio = Measured.around(top + math.log(float(sizes.sum())), error)
        out.append(ratio.map(lambda x: last * exponential(x)))
    return tuple(out)


def directions(
    axes: Axes,
    series: Series,
    sizes: list[int] | None = None,
    *,
    last: float = 1.0,
    horizon: int = 5,
    level: float = 0.95,
    alpha: float = 0.02,
    known: Known = NOTHING,
) -> Bands:
    """Bands of the principal axes, and the fate of each, from two generations or more.

    `sizes`: of whole training sets, where known; `known`: what is said of the loop; `last`: total
    variance of the last generation, of which the next `horizon` are forecast.
    """
    variances = np.square(axes.scales)
    bands, spaces = banded(variances), tied(variances)
    them = _found(series, spaces, bands, sizes, level, known)
    found, logs = them.found, series.log_variance[-1]
    moves, rests = (holm(p, alpha) for p in zip(*((f.moves, f.rests) for f in found), strict=True))
    out = []
    for band, one in enumerate(found):
        at = bands == band
        fate: Fate = "holds" if rests[band] else "undecided"
        if moves[band]:
            fate = "dying" if one.drift.value < 0 else "growing"
        out.append(
            Band(
                directions=int(at.sum()),
                share=float(variances[at].sum()) / axes.trace,
                left=float(np.exp(one.seen.level[-1] if one.seen else logs[at].mean())),
                drift=one.drift,
                bias=one.bias,
                half_life=half_life(one.drift),
                fate=fate,
                p_value=min(1.0, one.moves),
            )
        )
    parts = np.bincount(spaces, weights=variances * np.exp(logs)).astype(np.float64)
    trace = None
    if not are_cut(series, min(WIDEST, len(variances))):
        trace = _ahead(them, parts, last, horizon, level)
    left_out = axes.rank - len(variances)
    return Bands(tuple(out), len(axes.mean) - axes.rank, left_out, alpha, trace)
