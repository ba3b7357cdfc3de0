"""What the rules read of a measured curve, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from madtheory._types import Array
from madtheory.deep.compare import rules
from madtheory.deep.curves import Curve
from madtheory.loop import Loop, UnsupportedLoop
from madtheory.metrics import normal_quantile

#: Metrics with an interval.
INTERVALS = ("fid", "w2_squared", "recall")
#: Level of a curve's intervals.
_CURVE_LEVEL = 0.95
#: A rest of the trace below this share is rounding.
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Real:
    """The real law, as far as a curve knows it.

    Attributes
    ----------
    directions : ndarray, shape (K,)
        Variances along the leading directions, largest first.
    trace : float
    within : ndarray, shape (K',), or None
        Variances within classes along their leading directions, largest first, and
    trace_within : float
        their total.
    floor, floor_fid, floor_recall : float
        W2^2, FID and recall of real data,
    noise_recall : float
        the last one with this standard deviation.
    features : ndarray or None
        Spectrum of the features' covariance.
    n : int
        Samples that all this was measured on.
    """

    directions: Array
    trace: float
    within: Array | None
    trace_within: float
    classes: int
    floor: float
    floor_fid: float
    floor_recall: float
    noise_recall: float
    features: Array | None
    n: int

    @property
    def blocks(self) -> Array:
        """Directions, and what they leave of the trace as one more; shape (K + 1,)."""
        return np.append(self.directions, max(self.trace - float(self.directions.sum()), 0.0))

    @property
    def spectrum(self) -> Array:
        """Directions, then as many like the last one as fill the trace."""
        return filled(self.directions, self.trace)

    @property
    def parts(self) -> tuple[Array, Array]:
        """Variances within and between classes along the pooled directions, both sorted."""
        assert self.within is not None  # asked for with classes only
        s = self.spectrum
        w = np.zeros_like(s)
        inside = filled(self.within, self.trace_within)[: len(s)]
        w[: len(inside)] = inside
        w = np.minimum(w, s)
        return w, s - w


def filled(directions: Array, trace: float) -> Array:
    """Directions, then as many like the last positive one as fill the trace.

    Examples
    --------
    >>> filled(np.array([4.0, 2.0]), 11.0).tolist()
    [4.0, 2.0, 2.0, 2.0, 1.0]
    """
    s = np.sort(directions[directions > 0])[::-1]
    rest = trace - float(s.sum())
    if rest <= _NOTHING * trace:
        return s
    whole = int(rest / s[-1])
    return np.concatenate([s, np.full(whole, s[-1]), [rest - whole * s[-1]]])


@dataclass(frozen=True, slots=True)
class Observed:
    """What was measured; arrays over t = 1..T, noise as standard deviations.

    `values` has fid, w2_squared, recall, trace, directions (T, K) and, with classes, trace_within;
    `noise` has fid, w2_squared (relative), recall (absolute).
    """

    name: str
    group: tuple[str, str]
    loop: Loop
    real: Real
    values: dict[str, Array]
    noise: dict[str, Array]

    @property
    def generations(self) -> int:
        """T."""
        return len(self.values["trace"])


def _value(x: Any, ndim: int) -> Array:
    """Values of `ndim` axes, of a metric that may have an interval beside each on one more."""
    array = np.asarray(x, dtype=np.float64)
    return array[..., 0] if array.ndim > ndim else array


def _noise(rows: Array, *, relative: bool) -> Array:
    """Standard deviations from intervals; 0 where there are none."""
    if rows.ndim != 2 or rows.shape[1] != 3:
        return np.zeros(len(rows))
    half = (rows[:, 2] - rows[:, 1]) / (2 * normal_quantile(_CURVE_LEVEL))
    value = np.where(rows[:, 0] > 0, rows[:, 0], np.inf) if relative else 1.0
    return np.nan_to_num(half / value)


def _loop(name: str, given: Mapping[str, Any]) -> Loop:
    """The curve's loop, if the theory has it."""
    known = {item.name for item in fields(Loop)}
    for key in ("n_initial", "n_synth"):
        if key not in given:
            raise ValueError(f"{name} must have loop {key} to be compared, got none")
    loop = Loop(**{key: value for key, value in given.items() if key in known})
    if loop.first_generation != "real":
        raise UnsupportedLoop(
            f"{name} must begin with real data to be compared, got a biased first generation"
        )
    return loop


def _required(name: str, part: str, given: Mapping[str, Any], wanted: tuple[str, ...]) -> None:
    """Refuse a curve that lacks a metric, or has none of a number in it."""
    for key in wanted:
        if key not in given:
            raise ValueError(f"{name} must have {part} {key} to be compared, got none")


def _real(given: Mapping[str, Any], n: int) -> Real:
    """What is known of real data."""
    one = {key: float(_value(given[key], 0)) for key in (*INTERVALS, "trace")}
    with_classes = "trace_within" in given and "directions_within" in given
    labels = np.asarray(given.get("class_trace", given.get("labels", [])))
    features = given.get("feature_spectrum")
    return Real(
        directions=np.asarray(given["directions"], dtype=np.float64),
        trace=one["trace"],
        within=np.asarray(given["directions_within"], np.float64) if with_classes else None,
        trace_within=float(given["trace_within"]) if with_classes else math.nan,
        classes=max(int(labels.size), 1),
        floor=one["w2_squared"],
        floor_fid=one["fid"],
        floor_recall=one["recall"],
        noise_recall=float(_noise(np.atleast_2d(given["recall"]), relative=False)[0]),
        features=None if features is None else np.asarray(features, dtype=np.float64),
        n=n,
    )


def _check_values(name: str, T: int, values: Mapping[str, Array]) -> None:
    """Refuse metrics of too few generations, and what the rules cannot begin with."""
    for key, array in values.items():
        if len(array) != T:
            raise ValueError(f"{name} must have a {key} for each generation, {T}, got {len(array)}")
        if not np.isfinite(array[:2]).all():
            raise ValueError(f"{name} must have a finite {key} at generations 1 and 2, got none")
    if (values["trace"][:2] <= 0).any():
        least = float(values["trace"][:2].min())
        raise ValueError(f"{name} must have a positive trace at generations 1 and 2, got {least:g}")


def observed(curve: Curve, *, least: int = 1) -> Observed:
    """Read a curve.

    Raises
    ------
    ValueError
        It has fewer than `least` generations, does not begin at 1 or leaves one out, lacks a
        metric, or has none of a number where the rules need one.
    """
    name, T = curve.name, len(curve.generations)
    if least > T:
        raise ValueError(f"{name} must have {least} generations or more to be compared, got {T}")
    if curve.generations.tolist() != list(range(1, T + 1)):
        raise ValueError(f"{name} must have generations 1 to {T}, got {curve.generations.tolist()}")
    loop, metrics = _loop(name, curve.loop), dict(curve.metrics)
    wanted = (*INTERVALS, "trace", "directions")
    _required(name, "the metric", metrics, wanted)
    _required(name, "the real", curve.real, wanted)
    n = int(curve.real.get("n_measured", rules.N_MEASURED))
    real = _real(curve.real, min(n, loop.n_initial))
    keys = (*INTERVALS, "trace", *(("trace_within",) if real.within is not None else ()))
    _required(name, "the metric", metrics, keys)
    values = {key: _value(metrics[key], 1) for key in keys}
    values["directions"] = np.asarray(metrics["directions"], dtype=np.float64)
    _check_values(name, T, values)
    noise = {key: _noise(np.asarray(metrics[key]), relative=key != "recall") for key in INTERVALS}
    noise["n"] = np.asarray(float(n))
    group = (curve.family, str(curve.preset["data"]))
    return Observed(name, group, loop, real, values, noise)
