"""Has the distance from the real data grown? Of loops that no real data enter.

There the paper's definition is tested itself: E dist grows. Where nothing grows a loop is at rest
from the start, a stationary series along each direction: models that differ by the noise of their
fits, or that are pulled to what they draw well and were there before the first file. Such Gaussian
series run backwards as forwards, so that the squared deviations from the real data of early files
and of late ones have the same mean, however these are tied. Their difference and sum, u = y - x and
v = y + x, are then independent, since E u v = E y^2 - E x^2 = 0: over independent directions the
correlation of u and v has Student's law exactly, whatever constant error the models have (Morgan
and Pitman's test of two variances).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from madtheory.audit.drift import drift

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.audit.drift import Drift
    from madtheory.audit.series import Series

#: Parts of alpha for the tests: of means with shapes, of means alone, of the level of variances.
WEIGHTS = (0.6, 0.15, 0.25)
#: From so many files on the first two are compared with the last two, else one with one.
_PAIRS = 6


class Growth(NamedTuple):
    """p-value of "nothing grows", and what is seen.

    before, after: squared distance, in units of the real variance, of file `first` and of the last;
    rate, most: growth a generation of E W2^2/tr Sigma_0 by means and shapes, and the upper end of
    its one-sided interval; level: drift of the log variances.
    """

    p_value: float
    first: int
    before: float
    after: float
    rate: float
    most: float
    level: Drift


def since(series: Series, first: int) -> Series:
    """The same without the files before `first`, counted from 0."""
    names = ("log_variance", "means", "shapes", "covariances", "scale", "rows", "shape_noise")
    return replace(series, **{name: getattr(series, name)[first:] for name in names})


def distance(series: Series, at: int) -> float:
    """Squared Frechet distance of one file along its axes, in units of the real variance."""
    values = np.linalg.eigvalsh(series.covariances[at]).clip(0)
    gap = np.square(series.means[at]).sum() + np.square(1 - np.sqrt(values)).sum()
    return float(gap) / len(values)


def _width(T: int) -> int:
    """How many files of T stand at either end."""
    return 2 if T >= _PAIRS else 1


def _ends(x: Array) -> tuple[Array, Array]:
    """Early and late values of series (T, n)."""
    width = _width(len(x))
    return x[:width].mean(axis=0), x[-width:].mean(axis=0)


class _Gain(NamedTuple):
    """Of `number` independent series: correlation of u and v, mean of u v and its error."""

    number: float
    root: float
    gain: float
    error: float


def _uneven(x: Array) -> float:
    """How many times fewer series of like steps vary as the sum of these squares does.

    Sums of m squared steps vary by 2/m of their squared mean, those of independent files by 3/m.
    """
    squares = np.square(np.diff(x, axis=0)).sum(axis=0)
    total = float(squares.sum())
    alone = len(squares) * float(squares @ squares) / total**2 if total > 0 else 1.0
    return alone / (1 + 3 / (len(x) - 1))


def _gain(x: Array, number: float) -> _Gain | None:
    """Gain of the squares from early to late values; None where nothing moves."""
    early, late = _ends(x)
    u, v = late - early, late + early
    size = math.sqrt(float(u @ u) * float(v @ v))
    if not size > 0:
        return None
    gain = float(u @ v)
    number /= max(1.0, _uneven(x))
    return _Gain(number, gain / size, gain / len(u), size / len(u) / math.sqrt(number))


def _gains(series: Series) -> list[_Gain]:
    """Of means and of shapes."""
    each = (series.means, series.mean_count), (series.shapes, series.shape_count)
    return [found for found in (_gain(*one) for one in each) if found]


def _dof(gains: list[_Gain]) -> float:
    """Degrees of freedom: each correlation has its own scale, so one direction alone has none."""
    return max(0.0, sum(g.number - 1 for g in gains))


def _quantile(level: float, dof: float) -> float:
    """Of Student's law; inf where there are no degrees of freedom."""
    return float(stats.t.ppf(level, dof)) if dof > 0 else math.inf


def _root_p_value(gains: list[_Gain]) -> float:
    """p-value of no gain, by the mean of the correlations, which count by their numbers."""
    dof = _dof(gains)
    if dof == 0:  # the correlation of one pair is 1 or -1, whatever the loop
        return 1.0
    root = sum(g.number * g.root for g in gains) / sum(g.number for g in gains)
    return float(stats.t.sf(root * math.sqrt(dof / max(1 - root**2, 1e-300)), dof))


def _level_p_value(level: Array, found: Drift) -> float:
    """p-value of no drift of the log variances, away from the real ones."""
    if not abs(level[-1]) > abs(level[0]):
        return 1.0
    if not found.error > 0:
        return 0.0
    return min(1.0, 2 * float(stats.t.sf(abs(found.value) / found.error, found.dof)))


def growth(series: Series, alpha: float, *, apart: bool) -> Growth:
    """Test whether the distance from the real data grows.

    Where the real set may be the first training set, generation 1 is nearer to it than any later
    one of models that differ by noise alone: generation 2 is the first that counts.
    """
    first = 0 if apart or len(series.log_variance) < 3 else 1
    later = since(series, first)
    gains, found = _gains(later), drift(later)
    T = len(later.means)
    # W2^2/tr Sigma_0 has the mean's square and, of each shape, a quarter (theory.md 5.3).
    K = int(later.means.shape[1])
    units = np.array([1.0, (K + 1) / 4])[: len(gains)] / (T - _width(T))
    rate = float(sum(unit * g.gain for unit, g in zip(units, gains, strict=True)))
    error = math.hypot(*(unit * g.error for unit, g in zip(units, gains, strict=True)))
    each = (
        _root_p_value(gains),
        _root_p_value(gains[:1]),
        _level_p_value(later.log_variance.mean(axis=1), found),
    )
    before, after = distance(later, 0), distance(later, -1)
    p = min(1.0, *(q / weight for q, weight in zip(each, WEIGHTS, strict=True)))
    return Growth(
        p_value=p if after > before else 1.0,
        first=first + 1,
        before=before,
        after=after,
        rate=rate,
        most=rate + _quantile(1 - alpha, _dof(gains)) * error if gains else rate,
        level=found,
    )
