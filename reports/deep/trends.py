"""Trends over generations: Page's test where a loop has seeds, Kendall's where it has one."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache, reduce
from typing import Any

import numpy as np
from scipy import stats

from madtheory.deep.curves import Curve
from madtheory.reports._types import Array, Numbers

#: What the paper says of loops: metric, direction of the trend. Precision: for lambda < 1.
SYNTHETIC = (("fid", 1), ("recall", -1), ("precision", 1))
#: Fresh data holds: no trend from this generation on, in either direction.
PLATEAU_FROM = 3
#: Level, loops drawn for the power, least generations of Kendall's test by itself.
ALPHA, DRAWN, LEAST = 0.05, 2000, 6


def page(rows: Array) -> Array:
    """z of Page's L for rising rows; shape (..., seeds, T) to (...).

    Examples
    --------
    >>> round(float(page(np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]]))), 3)
    1.5
    """
    m, T = rows.shape[-2:]
    ranks = stats.rankdata(rows, axis=-1)
    L = (ranks * np.arange(1, T + 1)).sum(axis=(-2, -1))
    mean = m * T * (T + 1) ** 2 / 4
    return np.asarray((L - mean) / math.sqrt(m * T**2 * (T + 1) * (T**2 - 1) / 144))


def _p_value(rows: Array) -> float:
    """One-sided p of a rise; asymptotic, as the exact one takes all memory at 20 generations."""
    if len(rows) > 1:
        return float(stats.page_trend_test(rows, method="asymptotic").pvalue)
    t = np.arange(rows.shape[1])
    return float(stats.kendalltau(t, rows[0], alternative="greater").pvalue)


def _noise(rows: Array) -> tuple[Array, float]:
    """Straight lines through the mean over seeds, and the standard deviation about it."""
    T = rows.shape[1]
    slope, start = np.polyfit(np.arange(T), rows.mean(axis=0), 1)
    line = start + slope * np.arange(T)
    return line, float(np.sqrt(np.square(rows - line).sum() / max(rows.size - 2, 1)))


def _least_score(T: int, level: float) -> int:
    """The least of Kendall's scores of T values whose exact chance is below the level."""
    inversions = reduce(np.convolve, (np.ones(i) / i for i in range(1, T + 1)))
    most = int((np.cumsum(inversions) < level).sum()) - 1
    return T * (T - 1) // 2 - 2 * most


def power(rows: Array, level: float = ALPHA) -> float:
    """Chance that a loop with the line and the scatter of this one is noticed."""
    line, noise = _noise(rows)
    rng = np.random.default_rng(0)
    return _share_found(line + noise * rng.standard_normal((DRAWN, *rows.shape)), level)


@cache
def smallest_slope(seeds: int, T: int, level: float) -> float:
    """Slope, in deviations a generation, that is found with chance .8; inf where none is."""
    noise = np.random.default_rng(0).standard_normal((DRAWN // 2, seeds, T))
    slopes = np.geomspace(0.01, 10.0, 2**7)
    at = bisect_left(slopes, 0.8, key=lambda s: _share_found(noise + s * np.arange(T), level))
    return float(slopes[at]) if at < len(slopes) else math.inf


def _share_found(drawn: Array, level: float) -> float:
    """Share of loops in which a rise is found; loops of shape (..., seeds, T)."""
    seeds, T = drawn.shape[1:]
    if seeds > 1:
        return float((page(drawn) > stats.norm.isf(level)).mean())
    upper = np.triu_indices(T, 1)
    score = np.sign(drawn[:, 0, upper[1]] - drawn[:, 0, upper[0]]).sum(axis=-1)
    return float((score >= _least_score(T, level)).mean())


def _test(rows: Array, metric: str, sign: int, question: str) -> Numbers:
    up = sign * rows
    p, strength, level = _p_value(up), power(up), ALPHA
    if question == "plateau":
        down, level = _p_value(-up), ALPHA / 2
        p, strength = min(1.0, 2 * min(p, down)), max(power(x, level) for x in (up, -up))
    return {"metric": metric, "question": question, "p": p, "power": strength,
            "smallest": smallest_slope(*rows.shape, level),
            "test": "Page" if len(rows) > 1 else "Kendall",
            "seeds": len(rows), "generations": rows.shape[1],
            "found": p < ALPHA}  # fmt: skip


def of_group(curves: list[Curve]) -> list[Numbers]:
    """The paper's findings on one loop, as far as its curves can be asked."""
    T = min(len(curve.generations) for curve in curves)
    real_data = curves[0].kind != "synthetic"
    start = PLATEAU_FROM - 1 if real_data else 0
    if T - start < (3 if len(curves) > 1 else LEAST):
        return []
    found: list[Any] = []
    for metric, sign in SYNTHETIC:
        if metric == "precision" and curves[0].bias >= 1:
            continue
        if all(metric in curve.metrics for curve in curves):
            rows = np.stack([curve.metrics[metric][start:T, 0] for curve in curves])
            question = "plateau" if real_data else "rises" if sign > 0 else "falls"
            found.append(_test(rows, metric, sign, question))
    return found
