"""Predictions of a version with their bands: the curve's numbers, and those of simulated loops."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.deep.compare import rules
from madtheory.deep.compare.frame import Frame, Smooth, added, fitted_size, scaled
from madtheory.deep.compare.observed import Observed, Real
from madtheory.deep.compare.recall import Recalls, recall_of_loops, recall_path
from madtheory.deep.compare.versions import (
    Course,
    Numbers,
    Spread,
    Start,
    biases_of,
    block_variances,
    class_course,
    course,
    explained,
    push_of,
    seen_scale,
    simulated,
)

Rows = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Setting:
    """A version on one curve: its frame, and n_fit times the noise by lambda, (…, T)."""

    version: str
    seen: Observed
    frame: Frame
    noise: Smooth
    noise_features: Smooth | None

    @property
    def own(self) -> Array:
        """Real traces of the blocks, shape (1, blocks)."""
        return block_variances(self.version, self.seen.real)[None]


class Prediction(NamedTuple):
    """Predicted values (T,) by metric with their band, and the numbers with those of replicates."""

    values: Rows
    low: Rows
    high: Rows
    numbers: Numbers
    n_fit: float
    drawn: Numbers


# --- the curve's own numbers ---------------------------------------------------------------------


def start_of(seen: Observed) -> Start:
    """Generations 1 and 2 of a curve."""
    x = seen.values
    within = x["trace_within"][None, :2] if "trace_within" in x else None
    return Start(
        x["trace"][None, :2], within, x["directions"][None, :2], x["w2_squared"][:1], x["fid"][1:2]
    )


def _shape(version: str, frame: Frame, start: Start, own: Array) -> Numbers:
    """Numbers that need no distance: biases, level and push."""
    loop = scaled(frame.loop, frame.factor, 1.0)
    biases, level = biases_of(version, loop, start)
    push = push_of(loop, start, own) if version == "classes" else np.zeros(len(level))
    return Numbers(biases, level, push, np.zeros_like(level), np.ones_like(level))


def _excess(version: str, real: Real, start: Start, own: Array) -> Array:
    """W2^2 of generation 1 less its floor and less what the scales of its blocks explain."""
    floor = np.sqrt(start.trace[:, 0] / real.trace) * real.floor
    return np.asarray(start.w2_squared - floor - explained(version, real, start, own))


def worth_at_most(n_fit: float, seen: Observed) -> float:
    """Gaussian samples that a fit is taken for: no more than it was trained on.

    Where the scales explain the distance of generation 1, n_fit has no upper end, but each fit
    still scatters as one to its own training set does.
    """
    return min(n_fit, float(seen.loop.n_initial))


def fit(version: str, seen: Observed) -> tuple[Numbers, float]:
    """Biases and n_fit of a curve; with real data in the loop the biases need n_fit a little."""
    start, real, n = start_of(seen), seen.real, float(seen.loop.n_initial)
    own = block_variances(version, real)[None]
    excess = float(_excess(version, real, start, own)[0])
    for _ in range(3):
        size = worth_at_most(n, seen)
        frame = Frame(seen.loop, real.spectrum, 2, size / seen.loop.n_initial, size, np.ones(1))
        numbers = _shape(version, frame, start, own)
        scale = seen_scale(version, real)
        n = fitted_size(excess, float(numbers.level[0]), real.spectrum, scale)
    return numbers, n


def setting(version: str, seen: Observed, numbers: Numbers, factor: float, n: float) -> Setting:
    """The theory of a curve's loop with given numbers."""
    s, T = seen.real.spectrum, max(seen.generations, 2)
    frame = Frame(seen.loop, s, T, factor, n, np.append(numbers.biases, numbers.level))
    level, features = float(numbers.level[0]), seen.real.features
    own_features = features is not None and version == "pooled"
    return Setting(
        version,
        seen,
        frame,
        frame.noise_in(s, level),
        frame.noise_in(features, level) if own_features and features is not None else None,
    )


# --- prediction ----------------------------------------------------------------------------------


def _net(at: Setting, path: Course, numbers: Numbers) -> tuple[Array, Array]:
    """W2^2 less its floor, and D of FID; (R, T)."""
    net = path.distance + numbers.inverse[:, None] * at.noise(numbers.level)
    features = at.seen.real.features
    if at.noise_features is None or features is None:
        return net, net
    shape = features.sum() * (1 - np.sqrt(path.trace / at.seen.real.trace)) ** 2
    return net, shape + numbers.inverse[:, None] * at.noise_features(numbers.level)


def _floors(at: Setting, path: Course) -> tuple[Array, Array]:
    """Floors of W2^2 and FID, (R, T)."""
    real = at.seen.real
    root = np.sqrt(path.trace / real.trace)
    return root * real.floor, root * real.floor_fid


def estimate(at: Setting, start: Start, own: Array) -> Numbers:
    """All numbers by the rules, of the curve (R = 1) or of simulated ones."""
    numbers, real = _shape(at.version, at.frame, start, own), at.seen.real
    path = course(at.version, at.frame, real, numbers, own)
    excess = np.maximum(_excess(at.version, real, start, own), 0.0)
    n, s = round(at.frame.n), Spectrum.of(real.spectrum)
    unit = at.frame.n * added(n, numbers.level, s, seen_scale(at.version, real))
    numbers = numbers._replace(inverse=excess / unit)
    D, floor = _net(at, path, numbers)[1][:, 1], _floors(at, path)[1][:, 1]
    above = np.maximum(start.fid - floor, 0.0)
    return numbers._replace(scale=np.divide(above, D, out=np.zeros_like(D), where=D > 0))


def predict(at: Setting, numbers: Numbers, own: Array) -> Rows:
    """Predicted metrics (R, T), all but recall."""
    path = course(at.version, at.frame, at.seen.real, numbers, own)
    return _metrics(at, path, *_net(at, path, numbers), numbers.scale)


def _metrics(at: Setting, path: Course, net: Array, D: Array, scale: Array) -> Rows:
    floor, floor_fid = _floors(at, path)
    rows = {
        "fid": floor_fid + scale[:, None] * D,
        "trace": path.trace,
        "w2_squared": floor + net,
    }
    return rows if path.within is None else rows | {"trace_within": path.within}


# --- simulated loops -----------------------------------------------------------------------------


def _noisy_real(at: Setting, count: int, rng: np.random.Generator) -> Array:
    """Real traces of the blocks as other real samples would have them, (R, blocks)."""
    z = rng.standard_normal((count, at.own.shape[1]))
    return np.asarray(at.own * np.maximum(1 + z * _sizes(at, at.seen.real.n), 0.1))


def _sizes(at: Setting, n: float) -> Array:
    """Relative noise of the blocks' traces on n samples."""
    found = Spread.of(at.seen.real, n)
    if at.version == "pooled":
        return np.array([found.trace])
    if at.version == "classes":
        return np.array([found.within, found.between])
    return np.full(at.own.shape[1], found.direction)


def _measured_blocks(at: Setting, path: Course, rng: np.random.Generator) -> Course:
    """Traces as they are measured."""
    sizes = _sizes(at, float(at.seen.noise["n"]))

    def noisy(x: Array, size: float | Array) -> Array:
        return np.asarray(x * np.maximum(1 + size * rng.standard_normal(x.shape), 0.1))

    if at.version == "pooled":
        return path._replace(trace=noisy(path.trace, float(sizes[0])))
    if at.version == "spectrum":
        assert path.blocks is not None  # this version has them
        blocks = noisy(path.blocks, sizes)
        return path._replace(trace=blocks.sum(axis=-1), blocks=blocks)
    assert path.within is not None  # this version has it
    V, B = noisy(path.within, float(sizes[0])), noisy(path.trace - path.within, float(sizes[1]))
    return path._replace(trace=V + B, within=V)


def outcomes(at: Setting, numbers: Numbers, seed: int) -> tuple[Rows, Course, Course]:
    """What simulated loops are measured to be: metrics (R, T), their course, and it measured."""
    expected = course(at.version, at.frame, at.seen.real, numbers, at.own)
    net, D = _net(at, expected, numbers)
    extra = net[0] - expected.distance[0]
    path, drawn = simulated(at.version, at.frame, at.seen.real, numbers, extra, seed)
    rng = np.random.default_rng((seed, 3))
    share = drawn / np.maximum(net, 1e-300)
    rows = _metrics(at, path, drawn, D * share, np.repeat(numbers.scale, len(drawn)))
    seen = _measured_blocks(at, path, rng)
    # What the noise of the traces does to the distances is a part of their noise.
    moved = (_shape_distance(at, seen) - _shape_distance(at, path)) / rows["w2_squared"]
    for name in ("fid", "w2_squared"):
        size = _padded(at.seen.noise[name], moved.shape[1])
        left = np.sqrt(np.maximum(size**2 - moved.var(axis=0), 0.0))
        noise = moved + left * rng.standard_normal(moved.shape)
        rows[name] = rows[name] * np.maximum(1 + noise, 0.01)
    rows["trace"] = seen.trace
    if seen.within is not None:
        rows["trace_within"] = seen.within
    return rows, path, seen


def _shape_distance(at: Setting, path: Course) -> Array:
    """Squared distance that the scales of the blocks explain, (R, T)."""
    real, own = at.seen.real, at.own
    if at.version == "classes":
        assert path.within is not None  # this version has it
        return class_course(real, path.within, path.trace - path.within, own).distance
    blocks = path.trace[..., None] if at.version == "pooled" else path.blocks
    assert blocks is not None  # this version has them
    return np.asarray(((np.sqrt(own) - np.sqrt(blocks)) ** 2).sum(axis=-1))


def _padded(noise: Array, T: int) -> Array:
    """Noise of generations 1..T, the last one's where there are fewer."""
    return np.append(noise, np.repeat(noise[-1:], T - len(noise)))


def _start(rows: Rows, seen: Course, K: int) -> Start:
    """Generations 1 and 2 of simulated loops."""
    within = None if seen.within is None else seen.within[:, :2]
    count = len(seen.trace)
    directions = np.zeros((count, 2, K)) if seen.blocks is None else seen.blocks[:, :2, :K]
    return Start(seen.trace[:, :2], within, directions, rows["w2_squared"][:, 0], rows["fid"][:, 1])


def _quantiles(ratio: Array) -> tuple[Array, Array]:
    low, high = np.quantile(ratio, ((1 - rules.LEVEL) / 2, (1 + rules.LEVEL) / 2), axis=0)
    return np.asarray(low), np.asarray(high)


def _scale_of(path: Course) -> Array:
    """What recall follows: the trace within classes, or the trace."""
    return path.trace if path.within is None else path.within


def prediction(version: str, target: Observed, source: Observed, seed: int = 0) -> Prediction:
    """Predict a curve by a version, with numbers from generations 1 and 2 of `source`."""
    numbers, n_fit = fit(version, source)
    size = worth_at_most(n_fit, source)
    factor = size / source.loop.n_initial
    here = setting(version, source, numbers, factor, size)
    there = here if target is source else setting(version, target, numbers, factor, size)
    numbers = estimate(here, start_of(source), here.own)
    values = {name: row[0] for name, row in predict(there, numbers, there.own).items()}
    rows, path, seen = outcomes(there, numbers, seed)
    K = len(source.real.directions)
    if here is there:
        own = _noisy_real(here, len(seen.trace), np.random.default_rng((seed, 4)))
        drawn, own_there = estimate(here, _start(rows, seen, K), own), own
    else:
        first, _, seen_first = outcomes(here, numbers, seed + 1_000_003)
        own = _noisy_real(here, len(seen.trace), np.random.default_rng((seed, 4)))
        own_there = _noisy_real(there, len(seen.trace), np.random.default_rng((seed, 5)))
        drawn = estimate(here, _start(first, seen_first, K), own)
    guessed = predict(there, drawn, own_there)
    low, high = {}, {}
    wider = _declared(there, numbers, values["w2_squared"])
    for name, row in rows.items():
        ends = _quantiles(row / np.maximum(guessed[name], 1e-300))
        more = wider if name in ("fid", "w2_squared") else np.zeros_like(wider)
        low[name], high[name] = (
            values[name] * ends[0] * (1 - more),
            values[name] * ends[1] * (1 + more),
        )
    found = _recalls(there, numbers)
    values["recall"] = found.values
    guess = course(version, there.frame, there.seen.real, drawn, own_there)
    off = found.moved(np.log(_scale_of(path) / np.maximum(_scale_of(guess), 1e-300)))
    z = np.random.default_rng((seed, 6)).standard_normal(off.shape)
    ends = _quantiles(off + z * _recall_noise(there, found))
    low["recall"], high["recall"] = (np.clip(values["recall"] + x, 0.0, 1.0) for x in ends)
    T = target.generations
    cut = [{name: row[:T] for name, row in part.items()} for part in (values, low, high)]
    return Prediction(cut[0], cut[1], cut[2], numbers, n_fit, drawn)


def _recalls(at: Setting, numbers: Numbers) -> Recalls:
    """Recall of the version: of whole loops where it is one Gaussian, else of its expected law."""
    real = at.seen.real
    if at.version == "pooled":
        loop = scaled(at.frame.loop, at.frame.factor, float(numbers.level[0]))
        return recall_of_loops(loop, real, at.frame.generations)
    return recall_path(at.version, real, course(at.version, at.frame, real, numbers, at.own))


def _recall_noise(at: Setting, found: Recalls) -> Array:
    """Standard deviations of measured less predicted recall: both, and both real ones, scatter.

    So do loops of the same trace.
    """
    value = found.values
    here, real = _padded(at.seen.noise["recall"], len(value)), at.seen.real
    unit = value / real.floor_recall if real.floor_recall > 0 else np.zeros_like(value)
    either = 1 + 1 / rules.SEEDS_RECALL
    noise = here**2 + (unit * real.noise_recall) ** 2
    return np.sqrt(either * noise + (1 + 1 / rules.LOOPS_RECALL) * found.scatter**2)


def _declared(at: Setting, numbers: Numbers, value: Array) -> Array:
    """Declared relative error of W2^2, at most 1."""
    level = float(numbers.level[0])
    error = at.frame.distance(level, at.frame.spectrum)[1]
    return np.minimum(error / np.maximum(value, math.ulp(0.0)), 1.0)
