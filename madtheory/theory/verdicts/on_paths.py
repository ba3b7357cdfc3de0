"""The same questions asked of simulated paths, with confidence intervals.

`alpha` is everywhere the error rate of a verdict, in (0, 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array


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
    paths = _check.floats(name, value)
    if paths.ndim != 2 or paths.shape[0] < 2 or paths.shape[1] < columns:
        raise ValueError(
            f"{name} must be paths with at least 2 replicates and {columns} generations, "
            f"got shape {paths.shape}"
        )
    if np.isnan(paths).any():
        raise ValueError(f"{name} must not be NaN, got a NaN")
    return paths


def _alpha(alpha: float) -> float:
    return _check.number("alpha", alpha, low=0.0, high=1.0, open_=True)


def _interval(x: Array, alpha: float) -> tuple[float, float, float, float]:
    """Mean, standard error and t-interval of independent observations."""
    mean, se = float(x.mean()), float(x.std(ddof=1)) / math.sqrt(x.size)
    half = -float(special.stdtrit(x.size - 1, alpha / 2)) * se
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

    Returns
    -------
    PathFinding
        True where the interval is below 0, False where it is above -`margin`.

    Examples
    --------
    >>> rate_on_paths([[0.0, -1.0, -2.1], [0.0, -1.0, -1.9]], alpha=0.1).verdict
    True
    """
    paths, level = _paths("log_scale", log_scale, columns=3), _alpha(alpha)
    width = _check.number("margin", margin, low=0.0)
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

    Returns
    -------
    PathFinding
        The estimate is the least mean step, with its own interval.

    Examples
    --------
    >>> distance_increases_on_paths([[1.0, 2.0, 3.1], [1.0, 2.1, 2.9]], alpha=0.1).verdict
    True
    """
    paths, level = _paths("distance", distance, columns=2), _alpha(alpha)
    steps = np.diff(paths, axis=1)
    mean, se = steps.mean(axis=0), steps.std(axis=0, ddof=1) / math.sqrt(paths.shape[0])
    df = paths.shape[0] - 1
    every = -float(special.stdtrit(df, level))
    any_ = -float(special.stdtrit(df, level / steps.shape[1]))
    verdict = True if (mean > every * se).all() else False if (mean < -any_ * se).any() else None
    least = _interval(steps[:, int(mean.argmin())], level)
    return PathFinding(verdict, "least mean step", *least, level)


def risk_growth_on_paths(risk: ArrayLike, *, alpha: float = 0.01) -> PathFinding:
    """Whether the mean risk still grows over the second half of the run, by its slope over t.

    Parameters
    ----------
    risk : array_like, shape (replicates, T)
        W2^2; T at least 4.

    Returns
    -------
    PathFinding
        True where the interval of the slope is above 0, False where it is below.

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
        E W2^2 of one fit to the real data, :func:`madtheory.spectrum.baseline`.

    Examples
    --------
    >>> ratio_on_paths([[2.0], [2.1], [1.9]], 1.0, alpha=0.1).verdict
    True
    """
    paths, level = _paths("risk", risk, columns=1), _alpha(alpha)
    unit = _check.number("baseline", baseline, low=0.0, high=math.inf)
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

    Returns
    -------
    PathFinding
        True where the interval of the difference lies within the margin, False where it lies
        outside.

    Examples
    --------
    >>> loop_forgets_on_paths([[1.0], [1.1]], [[1.0], [1.1]], margin=5, alpha=0.1).verdict
    True
    """
    x, y = (_paths(k, v, columns=1)[:, -1] for k, v in (("one", one), ("other", other)))
    level, width = _alpha(alpha), _check.number("margin", margin, low=0.0)
    mean = float(x.mean() - y.mean())
    se = math.sqrt(x.var(ddof=1) / x.size + y.var(ddof=1) / y.size)
    half = -float(special.stdtrit(min(x.size, y.size) - 1, level / 2)) * se
    lower, upper = mean - half, mean + half
    outside = lower > width or upper < -width
    verdict = True if -width < lower and upper < width else False if outside else None
    return PathFinding(verdict, "difference of the means", mean, se, lower, upper, level)
