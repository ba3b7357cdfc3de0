"""A curve held against the theory by the rules: predictions, bands, errors, and which predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from madtheory._types import Array
from madtheory.deep.compare import rules
from madtheory.deep.compare.bands import Prediction, prediction
from madtheory.deep.compare.observed import Observed, observed
from madtheory.deep.compare.versions import VERSIONS
from madtheory.deep.curves import Curve

#: What the rules ask to be predicted, in the order of tables; the others stand beside it.
PREDICTED = ("fid", "trace", "recall")
BESIDE = ("w2_squared", "trace_within")
#: Generations that set the numbers, where the curve sets its own.
SETTING = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric, lists over t = 1..T.

    `within_band` is None where a generation set the numbers or nothing was measured.
    """

    predicted: Array
    low: Array
    high: Array
    measured: Array
    relative_error: Array
    within_band: tuple[bool | None, ...]

    @property
    def judged(self) -> Array:
        """Relative errors of the generations that are judged."""
        keep = [inside is not None for inside in self.within_band]
        return self.relative_error[np.array(keep, dtype=bool)]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one version of the theory says of a curve.

    Attributes
    ----------
    version : {"pooled", "classes", "spectrum"}
    n_fit : float
        inf where the bias explains the distance of generation 1.
    n_fit_interval, bias_interval : tuple of float
        By simulated loops, of level `rules.LEVEL`.
    bias : float
        lambda_eff, of the trace or of the trace within classes.
    biases : ndarray or None
        lambda of each direction, and of what they leave of the trace; with `biases_low`,
        `biases_high`.
    push : float or None
        g of the class means.
    scale : float
        kappa of FID.
    metrics : dict of Judged
    """

    version: str
    n_fit: float
    n_fit_interval: tuple[float, float]
    bias: float
    bias_interval: tuple[float, float]
    biases: Array | None
    biases_low: Array | None
    biases_high: Array | None
    push: float | None
    scale: float
    metrics: dict[str, Judged]

    @property
    def errors(self) -> dict[str, float]:
        """Mean |relative error| over judged generations, by metric; nan where none is."""
        found = {name: one.judged for name, one in self.metrics.items()}
        return {name: float(np.abs(x).mean()) if x.size else np.nan for name, x in found.items()}

    @property
    def error(self) -> float:
        """Mean of the errors of FID, tr Sigma and recall."""
        return float(np.mean([self.errors[name] for name in PREDICTED]))

    @property
    def share_within(self) -> float:
        """Share of judged values of FID, tr Sigma and recall within their bands."""
        marks = [x for name in PREDICTED for x in self.metrics[name].within_band if x is not None]
        return float(np.mean(marks)) if marks else np.nan

    @property
    def reaches_goal(self) -> bool:
        """Whether no judged FID, tr Sigma or recall is farther off than the goal."""
        errors = np.concatenate([self.metrics[name].judged for name in PREDICTED])
        return bool(errors.size) and bool((np.abs(errors) <= rules.GOAL).all())


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result of :func:`compare`: the versions side by side, *pooled* first."""

    name: str
    calibrated_by: str
    generations: int
    readings: tuple[Reading, ...]

    @property
    def predicts(self) -> str | None:
        """The version of the smallest error; None where no generation is judged."""
        found = {one.version: one.error for one in self.readings if np.isfinite(one.error)}
        return min(found, key=found.__getitem__) if found else None


def _judged(name: str, seen: Observed, found: Prediction, first: int) -> Judged:
    """Hold a metric against its band from generation `first` on."""
    measured, value = seen.values[name], found.values[name]
    low, high = found.low[name], found.high[name]
    unit = seen.real.floor_recall if name == "recall" else measured
    with np.errstate(divide="ignore", invalid="ignore"):
        error = (value - measured) / unit
    marks = tuple(
        bool(low[i] <= x <= high[i]) if i + 1 >= first and np.isfinite(x) else None
        for i, x in enumerate(measured.tolist())
    )
    return Judged(value, low, high, measured, error, marks)


def _ends(value: float, drawn: Array) -> tuple[float, float]:
    """Interval of a positive number: what its estimates are to it, turned around.

    Examples
    --------
    >>> [round(x, 2) for x in _ends(2.0, np.array([1.0, 4.0]))]  # quantiles 1.075 and 3.925
    [1.02, 3.72]
    """
    tail = (1 - rules.LEVEL) / 2
    low, high = np.quantile(np.maximum(drawn, 1e-300), (tail, 1 - tail))
    return value * value / float(high), value * value / float(low)


def _size_ends(found: Prediction) -> tuple[float, float]:
    """Interval of n_fit, from 1/n_fit; its ends may be inf."""
    v = float(found.numbers.inverse[0])
    if math.isinf(found.n_fit) or v == 0:
        return math.inf, math.inf
    low, high = _ends(v, found.drawn.inverse)
    return 1 / min(high, 0.5), 1 / low if low > 1 / rules.N_MOST else math.inf


def _reading(version: str, target: Observed, source: Observed, seed: int) -> Reading:
    """One version's predictions, judged."""
    found = prediction(version, target, source, seed)
    numbers, lines = found.numbers, version == "spectrum"
    first = 1 + SETTING if target is source else 1
    ends = [_ends(x, y) for x, y in zip(numbers.biases[0], found.drawn.biases.T, strict=True)]
    low, high = np.array(ends).T
    names = [name for name in (*PREDICTED, *BESIDE) if name in found.values]
    bias = float(numbers.level[0])
    return Reading(
        version=version,
        n_fit=found.n_fit,
        n_fit_interval=_size_ends(found),
        bias=bias,
        bias_interval=_ends(bias, found.drawn.level),
        biases=numbers.biases[0] if lines else None,
        biases_low=low if lines else None,
        biases_high=high if lines else None,
        push=float(numbers.push[0]) if version == "classes" else None,
        scale=float(numbers.scale[0]),
        metrics={name: _judged(name, target, found, first) for name in names},
    )


def compare(curve: Curve, *, calibrate: Curve | None = None, seed: int = 0) -> Comparison:
    """Hold a curve against the theory, by the rules of docs/deep_rules.md.

    Parameters
    ----------
    curve : Curve
    calibrate : Curve or None
        The curve whose generations 1 and 2 give the numbers; None: this one's own.
    seed : int
        Of the simulated loops that the bands are made from.

    Raises
    ------
    ValueError
        A curve lacks what the rules read, or is one of another family or data.
    UnsupportedLoop
        The theory does not have the loop.
    """
    target = observed(curve, least=1 if calibrate is not None else SETTING)
    source = target if calibrate is None else observed(calibrate, least=SETTING)
    if source.group != target.group:
        raise ValueError(
            f"calibrate must be a curve of {' on '.join(target.group)}, "
            f"got one of {' on '.join(source.group)}"
        )
    with_classes = target.real.within is not None and source.real.within is not None
    versions = [v for v in VERSIONS if v != "classes" or with_classes]
    readings = tuple(_reading(version, target, source, seed) for version in versions)
    return Comparison(target.name, source.name, target.generations, readings)
