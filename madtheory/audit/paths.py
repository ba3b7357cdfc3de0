"""Paths of the audit's loop into its next generations, by simulation.

State of a path: means and covariances behind the last files, along the leading axes of the real
set. A step takes in real data and keeps the mean of the old states that it remembers (theory.md
2.8) as :mod:`madtheory.audit.pull` draws it, and adds the noise of a training set; where files are
fresh samples, a file adds that of its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.audit.anchor import MEMORIES
from madtheory.audit.known import LONGEST, NOTHING, Known
from madtheory.audit.pull import Draw, draw
from madtheory.audit.row_noise import Rows, root, sample, whitened
from madtheory.audit.turned import WIDEST
from madtheory.audit.whole import Parts, parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from madtheory._types import Array
    from madtheory.audit.anchor import Anchor
    from madtheory.audit.series import Axes, Series

#: A variance beyond this, or one over this, in real units, moves no more.
_FAR = 2.0**100
#: Parts of less than this of a file's noise are none.
NO_PART = 1e-6


class Paths(NamedTuple):
    """Simulated files, shape (path, horizon), and the last file seen by the same axes (start).

    parts, start_parts: those of fid, where the axes may be some of all.
    """

    trace: Array
    fid: Array
    start_trace: float
    start_fid: float
    parts: Parts | None = None
    start_parts: Parts | None = None


def measures(mean: Array, S: Array, real: Array) -> tuple[Array, Array]:
    """Trace, squared Frechet distance to N(0, real real^T), (P,), of mean (P, K), S (P, K, K)."""
    trace = np.trace(S, axis1=1, axis2=2)
    fidelity = np.sqrt(np.maximum(np.linalg.eigvalsh(real.T @ S @ real), 0)).sum(axis=1)
    distance = np.square(mean).sum(axis=1) + trace + np.square(real).sum() - 2 * fidelity
    return trace, np.maximum(distance, 0)


class _Shown(NamedTuple):
    """Trace and distance of files (P,), their means and variances (P, K)."""

    trace: Array
    fid: Array
    mean: Array
    variance: Array


def _shown(mean: Array, S: Array, scales: Array) -> _Shown:
    """What files show along real axes of these deviations."""
    trace, fid = measures(mean, S, np.diag(scales))
    return _Shown(trace, fid, mean, np.diagonal(S, axis1=1, axis2=2))


def unseen(size: float, noise: Array) -> Array:
    """Part of a squared size (of a seen deviation) that is not noise (P,)."""
    return np.maximum(0.0, 1 - noise / size) if size > 0 else np.zeros_like(noise)


def _start(
    rng: np.random.Generator, series: Series, rows: Rows, part: Array, K: int, at: int = -1
) -> tuple[Array, Array]:
    """What is behind the file `at`: its deviations less its rows' noise, and the doubt left."""
    mean, S, n = series.means[at, :K], series.covariances[at, :K, :K], series.rows[at]
    variance = np.diagonal(S)
    kept = unseen(float(np.square(mean).sum()), part * float(variance.sum()) / n)
    # Variances and correlations by themselves: models that err along some axes leave variances
    # that differ for good, and no noise of theirs is that of the smallest.
    logs = np.log(variance)
    off = logs - logs.mean()
    kept_size = unseen(float(np.square(off).sum()), part * K * series.log_noise / n)
    R = S / np.multiply.outer(np.sqrt(variance), np.sqrt(variance)) - np.eye(K)
    noise = series.shape_noise[at] * K * (K - 1) / n
    kept_shape = unseen(float(np.square(R).sum()), part * noise)
    deviations = np.exp((logs.mean() + kept_size[:, None] * off) / 2)
    F = deviations[:, :, None] * root(np.eye(K) + kept_shape[:, None, None] * R)
    doubt, _ = sample(rng, rows, F, n / np.maximum(part * kept, NO_PART))
    sized, turned = (
        sample(rng, rows, F, n / np.maximum(part * x, NO_PART))[1] for x in (kept_size, kept_shape)
    )
    own, had = (np.sqrt(np.diagonal(x, axis1=1, axis2=2)) for x in (sized, turned))
    ratio = own / had
    return kept[:, None] * mean + doubt, turned * ratio[:, :, None] * ratio[:, None, :]


class Past(NamedTuple):
    """The last states, newest first, and the number and sum of all before them.

    A state is mean (P, K) and covariance (P, K, K). Paths remember up to `longest` of them, or all.
    """

    states: tuple[tuple[Array, Array], ...]
    number: int
    older: tuple[Array, Array]
    longest: int

    def recalled(self, memory: NDArray[np.int64]) -> tuple[Array, Array]:
        """Mean of the last `memory` (P,) states, or of all where they are fewer."""
        last = (np.arange(len(self.states))[:, None] < memory).astype(np.float64)
        older = np.where(memory > self.longest, 1.0, 0.0)
        weights = np.vstack([last, older]) / (last.sum(axis=0) + self.number * older)
        mean, S = (np.array(each) for each in zip(*self.states, self.older, strict=True))
        return np.einsum("hp,hpk->pk", weights, mean), np.einsum("hp,hpkl->pkl", weights, S)

    def then(self, state: tuple[Array, Array]) -> Past:
        """The same one generation on."""
        states, number, (mean, S) = (state, *self.states), self.number, self.older
        if len(states) > self.longest:
            *states_, dropped = states
            states, number = tuple(states_), number + 1
            mean, S = mean + dropped[0], S + dropped[1]
        return Past(states, number, (mean, S), self.longest)


def _past(rng: np.random.Generator, series: Series, rows: Rows, law: Draw, K: int) -> Past:
    """States behind the files, as far as paths remember; of the oldest the files themselves."""
    P, T = len(law.share), len(series.means)
    # Of a memory of all models the older states are known by their sum.
    longest = int(law.memory.max(initial=max(MEMORIES), where=law.memory < LONGEST))
    reach = min(int(law.memory.max()), longest, T)
    states = [_start(rng, series, rows, law.part, K, -1 - back) for back in range(reach)]
    mean = series.means[: T - reach, :K].sum(axis=0)
    S = series.covariances[: T - reach, :K, :K].sum(axis=0)
    older = np.tile(mean, (P, 1)), np.tile(S, (P, 1, 1))
    return Past(tuple(states), T - reach, older, longest)


def _next(
    rng: np.random.Generator, law: Draw, rows: Rows, mean: Array, S: Array
) -> tuple[Array, Array]:
    """Mean and covariance one generation on."""
    p = law.share[:, None]
    growth, wild = law.growth, law.wild
    if wild is not None:
        pick = wild.picked(rng)
        growth = wild.growth(pick, growth, np.diagonal(S, axis1=1, axis2=2))
    scale = np.sqrt(growth)
    training = p[:, :, None] * law.shape + (1 - p)[:, :, None] * S
    to, back = law.axes
    grown = (to * scale[:, None, :]) @ back
    fitted = grown @ training @ grown.swapaxes(1, 2)
    F = root(fitted if wild is None else wild.correlated(pick, fitted))
    size = np.square(F).sum(axis=(1, 2)) / F.shape[1]
    # Far out a path stays: its squares leave float64.
    F *= np.sqrt(size.clip(1 / _FAR, _FAR) / np.maximum(size, 1e-300))[:, None, None]
    step, S = sample(rng, rows, F, law.size)
    return (np.where(p > 0, p, 1.0) * law.home + (1 - p) * mean + step).clip(-_FAR, _FAR), S


def paths(
    rng: np.random.Generator,
    axes: Axes,
    series: Series,
    held: Anchor,
    last: Array,
    horizon: int,
    count: int,
    known: Known = NOTHING,
    wild: NDArray[np.bool_] | None = None,
    *,
    discrete: bool = False,
) -> Paths:
    """Simulate `count` files of each of the next `horizon` generations after `last` (n, d)."""
    K = min(WIDEST, series.means.shape[1])
    scales, n = axes.scales[:K], series.rows[-1]
    units = np.multiply.outer(scales, scales)
    rows = whitened((last - axes.mean) @ axes.vectors[:, :K] / scales)
    law = draw(rng, series, held, scales, count, known, wild, discrete=discrete)
    past = _past(rng, series, rows, law, K)
    out = []
    for _ in range(horizon):
        mean, S = _next(rng, law, rows, *past.recalled(law.memory))
        past, law = past.then((mean, S)), law._replace(home=law.home * law.faster[:, None])
        shift, seen = sample(rng, rows, root(S), n / np.maximum(law.part, NO_PART))
        out.append(_shown((mean + shift) * scales, seen * units, scales))
    ahead = _Shown(*(np.array(v).swapaxes(0, 1) for v in zip(*out, strict=True)))
    last_mean, last_S = series.means[-1:, :K] * scales, series.covariances[-1:, :K, :K] * units
    start = _shown(last_mean, last_S, scales)
    return Paths(
        ahead.trace,
        ahead.fid,
        float(start.trace[0]),
        float(start.fid[0]),
        parts(ahead.mean, ahead.variance, scales, ahead.fid),
        parts(start.mean, start.variance, scales, start.fid),
    )
