"""Loops where the theory is right, drawn and fitted in plain numpy and written as curves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from madtheory import metrics
from madtheory._types import Array, Ints
from madtheory.deep.curves import Curve, digest
from madtheory.loop import Loop

#: Rows that a generation is measured on, and those that recall sees.
N, NEAR = 3000, 500
SPECTRUM = 4.0 / np.arange(1, 7)


def _rows(found: metrics.Measured) -> list[float]:
    return [found.value, found.low, found.high]


def _within(x: Array, labels: Ints) -> Array:
    """Rows less their class's mean."""
    means = np.stack([x[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    return np.asarray(x - means[labels])


def measured(x: Array, labels: Ints | None, test: Array, axes: list[Array]) -> dict[str, Any]:
    """Metrics of a generation; the samples are their own features."""
    z, distance = x - x.mean(axis=0), _rows(metrics.fid(test, x))
    found = {
        "fid": distance,
        "w2_squared": distance,
        "recall": _rows(metrics.precision_recall(test[:NEAR], x[:NEAR]).recall),
        "trace": (z**2).sum() / (len(x) - 1),
        "directions": ((z @ axes[0]) ** 2).sum(axis=0) / (len(x) - 1),
    }
    if labels is not None:
        z, dof = _within(x, labels), len(x) - labels.max() - 1
        found["trace_within"] = (z**2).sum() / dof
        found["directions_within"] = ((z @ axes[1]) ** 2).sum(axis=0) / dof
        found["labels"] = np.bincount(labels) / len(x)
    return found


def _axes(x: Array) -> Array:
    return np.asarray(np.linalg.eigh(x.T @ x)[1][:, ::-1])


def curve_of(
    loop: Loop,
    real: dict[str, Any],
    rows: list[dict[str, Any]],
    *,
    kind: str = "synthetic",
    seed: int = 0,
    data: str = "gauss",
) -> Curve:
    """The measured rows as a curve."""
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    t = np.arange(1, len(rows) + 1)
    preset = {"family": "linear", "data": data, "loop": {"kind": kind, "bias": loop.bias}}
    floor = {name: np.asarray(value, dtype=np.float64) for name, value in real.items()}
    floor["n_measured"] = np.array(float(N))
    return Curve(
        "", {}, seed, 0.0, "", digest(t, columns), preset, asdict(loop), 0, floor, t, columns
    )


def gaussian_curve(
    loop: Loop,
    seed: int,
    *,
    biases: Array | list[float],
    spectrum: Array = SPECTRUM,
    data: str = "gauss",
) -> Curve:
    """A loop of exact Gaussian fits; generation t is sampled at biases[t - 1], scalar or (d,)."""
    rng, d = np.random.default_rng(seed), len(spectrum)

    def draw(n: int) -> Array:
        return rng.standard_normal((n, d)) * np.sqrt(spectrum)

    test, first = draw(N), draw(loop.n_initial)
    axes, x, rows = [_axes(test - test.mean(axis=0))], first, []
    for bias in np.asarray(biases):
        mean, cov = x.mean(axis=0), np.cov(x, rowvar=False)
        values, vectors = np.linalg.eigh(cov)
        half = (vectors * np.sqrt(np.maximum(values, 0.0))).T * np.sqrt(bias)

        def sample(n: int, mean: Array = mean, half: Array = half) -> Array:
            return np.asarray(mean + rng.standard_normal((n, d)) @ half)

        rows.append(measured(sample(N), None, test, axes))
        fresh = [draw(loop.n_fresh)] if loop.n_fresh else []
        fixed = [first[: loop.n_fixed]] if loop.n_fixed else []
        x = np.concatenate([sample(loop.n_synth), *fresh, *fixed])
    kind = {"fresh": "fresh", "augmentation": "augmentation"}.get(loop.family, "synthetic")
    real = measured(draw(N), None, test, axes)
    return curve_of(loop, real, rows, kind=kind, seed=seed, data=data)


def mixture_curve(loop: Loop, seed: int, *, bias: float, push: float, generations: int) -> Curve:
    """Classes that die at `bias` and are pushed apart, as guidance does: B grows by push V."""
    rng, d, C = np.random.default_rng(seed), 6, 5
    within = np.full(d, 0.5)
    means = rng.standard_normal((C, d)) * np.sqrt(SPECTRUM)
    means -= means.mean(axis=0)
    labels = np.arange(max(N, loop.n_synth)) % C

    def draw(centres: Array, halves: Array, n: int) -> Array:
        z = rng.standard_normal((n, d))
        return np.asarray(centres[labels[:n]] + np.einsum("nd,nde->ne", z, halves[labels[:n]]))

    real = np.tile(np.diag(np.sqrt(within)), (C, 1, 1))
    test, x, rows = draw(means, real, N), draw(means, real, loop.n_synth), []
    axes = [_axes(test - test.mean(axis=0)), _axes(_within(test, labels[:N]))]
    for _ in range(generations):
        parts = [x[labels[: len(x)] == c] for c in range(C)]
        halves = np.stack([np.linalg.cholesky(bias * np.cov(p, rowvar=False)).T for p in parts])
        centres = np.stack([p.mean(axis=0) for p in parts])
        middle = centres.mean(axis=0)
        V = np.mean([np.trace(np.cov(p, rowvar=False)) for p in parts])
        B = np.square(centres - middle).sum() / C
        centres = middle + (centres - middle) * np.sqrt(1 + push * V / B)
        rows.append(measured(draw(centres, halves, N), labels[:N], test, axes))
        x = draw(centres, halves, loop.n_synth)
    return curve_of(loop, measured(draw(means, real, N), labels[:N], test, axes), rows, seed=seed)
