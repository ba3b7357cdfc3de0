"""The plain sampler: every sample of every generation is drawn and fitted.

The second route to the law that :mod:`madtheory.simulate.gaussian` draws, and the baseline of the
benchmarks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Unpack

import numpy as np

from madtheory._types import Array
from madtheory.simulate import units
from madtheory.simulate.request import DEFAULT_RECORD, Options, Plan, make_plan
from madtheory.simulate.runs import Paths, record_all, run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory.loop import Loop
    from madtheory.simulate.kernels.tally import Tally


def _distance_squared(mean: Array, cov: Array, plan: Plan) -> float:
    """W2^2 to N(0, diag(eigenvalues)) from the covariance, in plain linear algebra."""
    root = np.sqrt(plan.problem.eigenvalues)
    # Not the route of the kernels: singular values of cov^(1/2) Sigma_0^(1/2).
    values, vectors = np.linalg.eigh(cov)
    half = vectors * np.sqrt(np.clip(values, 0.0, None))
    cross = np.linalg.svd(root[:, None] * half, compute_uv=False).sum()
    total = mean @ mean + np.trace(cov) + plan.problem.eigenvalues.sum() - 2.0 * cross
    return float(max(total, 0.0))


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _measure_plain(mean: Array, cov: Array, plan: Plan) -> list[float]:
    """Quantities in the order of plan.record."""
    trace, square = float(np.trace(cov)), float(mean @ mean)
    sign, log_det = np.linalg.slogdet(cov)
    table: dict[str, Callable[[], float]] = {
        "mean_sq": lambda: square,
        "trace": lambda: trace,
        "w2_squared": lambda: _distance_squared(mean, cov, plan),
        "log_det": lambda: float(log_det) if sign > 0 else -math.inf,
        "log_trace": lambda: _log(trace),
        "log_direction": lambda: _log(cov[0, 0] / plan.problem.eigenvalues[0]),
        "trace_squared": lambda: float((cov * cov).sum()),
        "squared_trace": lambda: trace * trace,
        "mean_fourth": lambda: square * square,
        "mean_quadratic": lambda: float(mean @ cov @ mean),
    }
    return [table[name]() for name in plan.record]


def _draw(rng: np.random.Generator, n: int, mean: Array, cov: Array) -> Array:
    """Draw n samples of N(mean, cov), shape (n, dim)."""
    values, vectors = np.linalg.eigh(cov)
    half = vectors * np.sqrt(np.clip(values, 0.0, None))
    return np.asarray(mean + rng.standard_normal((n, mean.size)) @ half.T)


def _biased(loop: Loop, cov: Array) -> Array:
    """What samples of a model have for a covariance: lambda cov, or D^{1/2} cov D^{1/2}."""
    if not loop.has_spectrum:
        return loop.scalar_bias * cov
    root = np.sqrt(loop.bias)
    return np.asarray(root[:, None] * cov * root)


@dataclass(slots=True)
class _Data:
    """What a loop on data carries: the fixed set, the last models, the last synthetic batches."""

    fixed: Array
    models: deque[tuple[Array, Array]]
    pool: deque[Array]


def _fit(loop: Loop, data: Array) -> tuple[Array, Array]:
    """Mean and covariance of data, rows are samples."""
    return data.mean(axis=0), np.atleast_2d(np.cov(data, rowvar=False, ddof=loop.ddof))


def _fit_weighted(loop: Loop, real: Array, synthetic: Array) -> tuple[Array, Array]:
    """Weighted pooling (theory.md 2.9)."""
    w = float(loop.weight or 0.0)
    (mean_r, cov_r), (mean_s, cov_s) = _fit(loop, real), _fit(loop, synthetic)
    gap = mean_r - mean_s
    cov = w * cov_r + (1.0 - w) * cov_s + w * (1.0 - w) * np.outer(gap, gap)
    return w * mean_r + (1.0 - w) * mean_s, cov


def _regularise(plan: Plan, cov: Array) -> Array:
    """Shrink towards the mean variance, then add the floor."""
    loop, dim = plan.problem.loop, plan.problem.eigenvalues.size
    if not (loop.shrinkage or loop.floor):
        return cov
    ridge = loop.shrinkage * np.trace(cov) / dim + loop.floor * plan.problem.eigenvalues.sum() / dim
    return np.asarray((1.0 - loop.shrinkage) * cov + ridge * np.eye(dim))


def _first_data(rng: np.random.Generator, plan: Plan) -> tuple[Array, Array]:
    """Draw the first sample and the fixed set: nested, or independent."""
    loop, real = plan.problem.loop, np.diag(plan.problem.eigenvalues)
    zero = np.zeros(plan.problem.eigenvalues.size)
    if loop.n_shared:
        data = _draw(rng, max(loop.n_initial, loop.n_fixed), zero, real)
        return data[: loop.n_initial], data[: loop.n_fixed]
    biased = real if loop.first_is_real else _biased(loop, real)
    first = _draw(rng, loop.n_initial, zero, biased)
    return first, _draw(rng, loop.n_fixed, zero, real)


def _draw_batch(rng: np.random.Generator, loop: Loop, data: _Data) -> Array:
    """Draw n_synth samples, each from a uniformly drawn one of the models."""
    n_models = len(data.models)
    counts = rng.multinomial(loop.n_synth, np.full(n_models, 1.0 / n_models)).tolist()
    parts = [
        _draw(rng, count, mean, _biased(loop, cov))
        for count, (mean, cov) in zip(counts, data.models, strict=True)
        if count
    ]
    return np.concatenate(parts)


def _subsample(rng: np.random.Generator, loop: Loop, kept: Array) -> Array:
    """Choose `budget` rows without replacement, when there are more."""
    if loop.budget is None or len(kept) <= loop.budget:
        return kept
    return kept[rng.choice(len(kept), loop.budget, replace=False)]


def _plain_generation(rng: np.random.Generator, plan: Plan, data: _Data) -> tuple[Array, Array]:
    """Fit the next model to its data, drawn in full."""
    loop, dim = plan.problem.loop, plan.problem.eigenvalues.size
    data.pool.append(_draw_batch(rng, loop, data))
    fresh = _draw(rng, loop.n_fresh, np.zeros(dim), np.diag(plan.problem.eigenvalues))
    if loop.weight is not None:
        real = np.concatenate([data.fixed, fresh])
        return _fit_weighted(loop, real, np.concatenate(data.pool))
    kept = _subsample(rng, loop, np.concatenate([*data.pool, data.fixed]))
    return _fit(loop, np.concatenate([kept, fresh]))


def _plain_replicate(rng: np.random.Generator, plan: Plan) -> Iterator[tuple[Array, Array]]:
    """Yield the models of one replicate, one after the other, without end."""
    loop = plan.problem.loop
    first, fixed = _first_data(rng, plan)
    data = _Data(fixed, deque(maxlen=loop.memory), deque(maxlen=loop.pooled))
    mean, cov = _fit(loop, first)
    while True:
        model = mean, _regularise(plan, cov)
        yield model
        data.models.append(model)
        mean, cov = _plain_generation(rng, plan, data)


def draw_plain(plan: Plan, rng: np.random.Generator, tally: Tally) -> Iterator[None]:
    """Run a chunk on the data themselves, a replicate at a time."""
    values = np.zeros((tally.replicates, *tally.mean.shape))
    for replicate in range(tally.replicates):
        for slot, model in zip(tally.slots, _plain_replicate(rng, plan), strict=False):
            if slot >= 0:
                values[replicate, :, slot] = _measure_plain(*model, plan)
        yield
    record_all(tally, values)


def simulate_plain(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    record: Sequence[str] = DEFAULT_RECORD,
    **how: Unpack[Options],
) -> Paths:
    """Simulate a loop by drawing all n samples of every generation and fitting them.

    Slow on purpose: an independent route to what :func:`simulate` draws, and the baseline of the
    benchmarks. Parameters, result and errors are those of :func:`simulate`; there is no `store`.
    Where the fitted covariance is singular, its log-determinant here is rounding noise.

    Examples
    --------
    >>> simulate_plain(fresh_data(20, 10), np.ones(2), generations=2, replicates=3).replicates
    3
    """
    plan, running = make_plan(loop, eigenvalues, record=record, **how)
    return units.put_back(run(plan, partial(draw_plain, units.drawn(plan)), **running), plan)
