"""Three versions of the theory: what each takes from generations 1 and 2, and its course.

Arrays have a leading axis of replicates R; the curve itself is R = 1. A version sees the real law
as blocks that each keep their shape: one (*pooled*), within and between classes (*classes*), a
block a direction (*spectrum*).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from madtheory._types import Array
from madtheory.deep.compare import rules
from madtheory.deep.compare.frame import Frame, bias_of_ratio, scaled
from madtheory.deep.compare.observed import Real
from madtheory.loop import Loop
from madtheory.simulate import simulate

VERSIONS = ("pooled", "classes", "spectrum")


class Numbers(NamedTuple):
    """What a version takes from generations 1 and 2; R rows.

    biases (R, 1) or a direction each (R, K + 1); level (R,) is the lambda of the noise; push g
    (R,); inverse 1/n_fit (R,); scale of FID (R,).
    """

    biases: Array
    level: Array
    push: Array
    inverse: Array
    scale: Array


class Course(NamedTuple):
    """Traces and the distance that the shape has by itself, arrays (R, T).

    blocks (R, T, K + 1) only where directions have a course each; within only with classes.
    """

    trace: Array
    distance: Array
    within: Array | None = None
    blocks: Array | None = None


class Start(NamedTuple):
    """Generations 1 and 2 as the rules see them: (R, 2), directions (R, 2, K); distances (R,)."""

    trace: Array
    within: Array | None
    directions: Array
    w2_squared: Array
    fid: Array


def block_variances(version: str, real: Real) -> Array:
    """Real traces of the version's blocks."""
    if version == "pooled":
        return np.array([real.trace])
    if version == "classes":
        return np.array([real.trace_within, real.trace - real.trace_within])
    return real.blocks


# --- numbers -------------------------------------------------------------------------------------


def biases_of(version: str, loop: Loop, start: Start) -> tuple[Array, Array]:
    """Biases (R, K) and the level (R,), from the ratios of generation 2 to 1."""
    scalar = bias_of_ratio(loop, start.trace[:, 1] / start.trace[:, 0])
    if version == "pooled":
        return scalar[:, None], scalar
    if version == "classes":
        assert start.within is not None  # this version is for curves with classes
        within = bias_of_ratio(loop, start.within[:, 1] / start.within[:, 0])
        return within[:, None], within
    parts = parts_of(version, start)
    ratio = np.divide(parts[:, 1], parts[:, 0], out=np.ones_like(parts[:, 0]),
                      where=parts[:, 0] > 1e-12 * start.trace[:, :1])  # fmt: skip
    # Of two generations of a fully synthetic loop this is collapse.estimate_biases; that one takes
    # all generations, and no loop with real data.
    return bias_of_ratio(loop, ratio), scalar


def push_of(loop: Loop, start: Start, real: Array) -> Array:
    """g of the class means; `real` (R, 2) are the real traces within and between classes."""
    assert start.within is not None  # this version is for curves with classes
    between = start.trace - start.within
    if loop.is_fully_synthetic:
        return (between[:, 1] - real[:, 1]) / (real[:, 0] + start.within[:, 0])
    return (between[:, 0] - real[:, 1]) / real[:, 0]


def parts_of(version: str, start: Start) -> Array:
    """Traces of the version's blocks at generations 1 and 2, shape (R, 2, blocks)."""
    if version == "pooled":
        return start.trace[..., None]
    if version == "classes":
        assert start.within is not None  # this version is for curves with classes
        return np.stack([start.within, start.trace - start.within], axis=-1)
    rest = np.maximum(start.trace - start.directions.sum(axis=-1), 0.0)
    return np.concatenate([start.directions, rest[..., None]], axis=-1)


def explained(version: str, real: Real, start: Start, own: Array) -> Array:
    """Squared distance that the observed scales of the blocks at generation 1 explain, (R,)."""
    now = parts_of(version, start)[:, 0]
    if version == "classes":
        return class_course(real, now[:, :1], now[:, 1:], own).distance[:, 0]
    return np.asarray(((np.sqrt(own) - np.sqrt(now)) ** 2).sum(axis=-1))


def seen_scale(version: str, real: Real) -> float:
    """Sum over blocks of sum s^2/sum s: how far their scales take part in the noise of a fit."""
    if version == "classes":
        w, _ = real.parts
        return float(np.square(w).sum() / w.sum())
    s = real.spectrum
    if version == "pooled":
        return float(np.square(s).sum() / s.sum())
    K, rest = len(real.directions), s[len(real.directions) :]
    return float(s[:K].sum() + (np.square(rest).sum() / rest.sum() if rest.size else 0.0))


# --- courses -------------------------------------------------------------------------------------


def between_path(loop: Loop, fitted: Array, push: Array, real: Array, walk: Array) -> Array:
    """Trace between classes of the samples of generations 1..T, shape (R, T).

    `fitted` (R, T) are traces within the training sets, `real` (R,) the real trace between, `walk`
    (R, T) factors by which class means step aside.
    """
    root = np.sqrt(np.maximum(real, 0.0))
    roots: list[Array] = []
    for t in range(fitted.shape[1]):
        share, mean = 1.0, root
        if t:
            batches = t if loop.pooled is None else min(t, loop.pooled)
            share = loop.weight if loop.weight is not None else (
                loop.n_real / (loop.n_real + loop.n_synth * batches))  # fmt: skip
            models = t if loop.memory is None else min(t, loop.memory + batches - 1)
            mean = np.mean(roots[-models:], axis=0)
        kept = share * root + (1 - share) * mean
        square = np.maximum(kept**2 + push * fitted[:, t], 0.0) * walk[:, t]
        roots.append(np.sqrt(square))
    return np.stack(roots, axis=1) ** 2


def class_course(real: Real, V: Array, B: Array, own: Array) -> Course:
    """Course of within and between traces (R, T); `own` (R, 2) are the real ones."""
    w, b = real.parts
    inside, outside = (x / np.maximum(y[:, None], 1e-300)
                       for x, y in ((V, own[:, 0]), (B, own[:, 1])))  # fmt: skip
    now = w * inside[..., None] + b * outside[..., None]
    distance = ((np.sqrt(w + b) - np.sqrt(now)) ** 2).sum(axis=-1)
    return Course(V + B, distance, within=V)


def course(version: str, frame: Frame, real: Real, numbers: Numbers, own: Array) -> Course:
    """Expected course by a version; `own` (R, blocks) are the real traces of its blocks."""
    if version == "classes":
        c = frame.course_of_class(real.classes)(numbers.biases[:, 0])
        V = own[:, :1] * c
        fitted = V / numbers.biases
        B = between_path(frame.loop, fitted, numbers.push, own[:, 1], np.ones_like(V))
        return class_course(real, V, B, own)
    c = np.swapaxes(frame.course(numbers.biases), 1, 2)  # (R, T, blocks)
    blocks = own[:, None] * c
    distance = (own[:, None] * (1 - np.sqrt(c)) ** 2).sum(axis=-1)
    return Course(blocks.sum(axis=-1), distance, blocks=blocks)


# --- simulated loops -----------------------------------------------------------------------------


def _paths(frame: Frame, bias: float, s: Array, record: tuple[str, ...], seed: int) -> list[Array]:
    """Quantities of simulated fits, (R, T) each."""
    loop = scaled(frame.loop, frame.factor, bias)
    found = simulate(
        loop,
        s,
        generations=frame.generations,
        replicates=rules.REPLICATES,
        seed=seed,
        record=record,
        keep_paths=True,
        threads=1,
    ).paths
    assert found is not None  # they were asked for
    return [found[name] for name in record]


def _fits(frame: Frame, real: Real, bias: float, seed: int) -> tuple[Array, Array]:
    """Traces (R, T) of samples of simulated loops of one Gaussian, and their W2^2."""
    T = real.trace
    M, C, W = _paths(frame, bias, real.spectrum, ("mean_sq", "trace", "w2_squared"), seed)
    return bias * C, M + bias * C + T - np.sqrt(bias) * (M + C + T - W)


def _pooled_paths(frame: Frame, real: Real, numbers: Numbers, seed: int) -> tuple[Course, Array]:
    trace, net = _fits(frame, real, float(numbers.biases[0, 0]), seed)
    return Course(trace, net), net


def _scatter(frame: Frame, real: Real, numbers: Numbers, seed: int) -> Array:
    """How the distance that fits add scatters about its mean, a factor (R, T).

    From loops of one Gaussian: what is beyond their scale.
    """
    trace, net = _fits(frame, real, float(numbers.level[0]), seed + 1)
    beyond = np.maximum(net - (np.sqrt(trace) - np.sqrt(real.trace)) ** 2, 0.0)
    mean = beyond.mean(axis=0)
    return np.divide(beyond, mean, out=np.ones_like(beyond), where=mean > 0)


def _class_paths(
    frame: Frame, real: Real, numbers: Numbers, noise: Array, seed: int
) -> tuple[Course, Array]:
    """One loop of n_fit for the trace within: as noisy as the mean over its classes."""
    bias, (w, _) = float(numbers.biases[0, 0]), real.parts
    V = bias * _paths(frame, bias, w[w > 0], ("trace",), seed)[0]
    own = np.tile(block_variances("classes", real), (len(V), 1))
    dim = float(w.sum() ** 2 / np.square(w).sum())
    V = V * (own[:, :1] / float(w.sum()))
    expected = course("classes", frame, real, numbers, own[:1])
    middle = expected.trace - V.mean(axis=0)
    rng = np.random.default_rng((seed, 1))
    step = 2 * np.sqrt(V * numbers.inverse[0] / (dim * np.maximum(middle, 1e-12)))
    walk = np.exp(step * rng.standard_normal(V.shape))
    B = between_path(frame.loop, V / bias, np.repeat(numbers.push, len(V)), own[:, 1], walk)
    found = class_course(real, V, B, own)
    return found, _about(found.distance, expected.distance) + noise


def _line_paths(
    frame: Frame, real: Real, numbers: Numbers, noise: Array, seed: int
) -> tuple[Course, Array]:
    """A loop of one dimension for each block."""
    own = block_variances("spectrum", real)
    columns = [
        bias * s * _paths(frame, bias, np.ones(1), ("trace",), seed + 7 * k)[0]
        for k, (s, bias) in enumerate(zip(own.tolist(), numbers.biases[0].tolist(), strict=True))
    ]
    blocks = np.stack(columns, axis=-1)
    distance = ((np.sqrt(own) - np.sqrt(blocks)) ** 2).sum(axis=-1)
    expected = course("spectrum", frame, real, numbers, own[None])
    return Course(blocks.sum(axis=-1), distance, blocks=blocks), (
        _about(distance, expected.distance) + noise
    )


def _about(values: Array, middle: Array) -> Array:
    """Values moved so that their mean is `middle`: their own noise is in it already."""
    return np.asarray(np.maximum(values - values.mean(axis=0) + middle, 1e-12 * middle))


def simulated(
    version: str, frame: Frame, real: Real, numbers: Numbers, noise: Array, seed: int
) -> tuple[Course, Array]:
    """Courses of simulated loops (R, T), and their W2^2 less the floor."""
    if version == "pooled":
        return _pooled_paths(frame, real, numbers, seed)
    route = _class_paths if version == "classes" else _line_paths
    return route(frame, real, numbers, noise * _scatter(frame, real, numbers, seed), seed)


@dataclass(frozen=True, slots=True)
class Spread:
    """Relative standard deviations of measured traces by n samples: whole, within, directions."""

    trace: float
    within: float
    between: float
    direction: float

    @classmethod
    def of(cls, real: Real, n: float) -> Spread:
        """Of Gaussian data: sqrt(2 sum s^2/n)/sum s."""

        def one(s: Array) -> float:
            total = float(s.sum())
            return float(np.sqrt(2 * np.square(s).sum() / n)) / total if total > 0 else 0.0

        inside, outside = real.parts if real.within is not None else (real.spectrum,) * 2
        return cls(one(real.spectrum), one(inside), one(outside), float(np.sqrt(2 / n)))
