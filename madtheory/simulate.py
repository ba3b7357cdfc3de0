"""Exact simulation of the Gaussian loops: streaming moments, reproducible, resumable.

:func:`simulate` draws Bartlett factors (theory.md 1.1-1.6, 2.1, 3): O(min(memory, n_synth) dim^3)
a generation, whatever the number of samples. :func:`simulate_plain` draws every sample: the
second route to the same law, and the baseline of the benchmarks.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import _blas, _check, _chunks, _kernels, _mixture_kernels, _running, _store
from madtheory._chunks import Chunk, Moments, Paths
from madtheory.covariance import Spectrum
from madtheory.loop import Loop

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DEFAULT_RECORD", "QUANTITIES", "Moments", "Paths", "Plan", "simulate", "simulate_plain"]

#: Everything that a run can record.
QUANTITIES = _kernels.QUANTITIES
DEFAULT_RECORD = ("mean_sq", "trace", "w2_squared", "log_det")


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked request: all that decides the result, and nothing that does not."""

    loop: Loop
    eigenvalues: NDArray[np.float64]
    generations: int
    replicates: int
    seed: int
    record: tuple[str, ...]
    at: tuple[int, ...] | None
    chunk: int

    @property
    def recorded(self) -> NDArray[np.int64]:
        """The recorded generations, ascending."""
        return _chunks.recorded(self.at, self.generations)

    @property
    def slots(self) -> NDArray[np.int64]:
        """Where each generation is recorded, -1 for nowhere; ends at the last recorded one."""
        return _chunks.slots_of(self.recorded, int(self.recorded[-1]))

    @property
    def n_chunks(self) -> int:
        """Number of chunks; the last may be shorter."""
        return -(-self.replicates // self.chunk)

    def size(self, index: int) -> int:
        """Replicates of chunk `index`."""
        return min(self.chunk, self.replicates - index * self.chunk)

    def rng(self, index: int) -> np.random.Generator:
        """Generator of chunk `index`."""
        return _chunks.generator(self.seed, index)


# --- checks --------------------------------------------------------------------------------------


def _chunk_size(loop: Loop, values: NDArray[np.float64], generations: int, replicates: int) -> int:
    """Replicates of a chunk: a function of the problem, never of the threads."""
    rank, parts = int(np.count_nonzero(values)), 1.0
    if not _is_plain(loop):
        rank = values.size if loop.shrinkage or loop.floor else rank
        parts = 4.0 + min(loop.memory or generations, generations, loop.n_synth)
        parts += min(loop.pool_cap or 1, generations)
    work = parts * generations * (200.0 + 30.0 * rank**2 + 0.4 * rank**3)
    return _chunks.chunk_size(work, replicates)


def make_plan(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    generations: int,
    replicates: int,
    seed: int,
    record: Sequence[str],
    at: Sequence[int] | None,
    chunk: int | None,
) -> Plan:
    if not isinstance(loop, Loop):
        raise TypeError(f"loop must be a Loop, got {type(loop).__name__}")
    values = Spectrum.of(eigenvalues).values
    generations = _check.count("generations", generations)
    replicates = _check.count("replicates", replicates)
    return Plan(
        loop=loop,
        eigenvalues=values,
        generations=generations,
        replicates=replicates,
        seed=_check.count("seed", seed, minimum=0),
        record=_chunks.check_record(record, QUANTITIES),
        at=_chunks.check_at(at, generations),
        chunk=(
            _chunk_size(loop, values, generations, replicates)
            if chunk is None
            else _check.count("chunk", chunk)
        ),
    )


# --- running -------------------------------------------------------------------------------------


def _log_det(eigenvalues: NDArray[np.float64]) -> float:
    return float(np.log(eigenvalues).sum()) if eigenvalues.all() else -math.inf


def _without_idle_data(loop: Loop) -> Loop:
    """Drop real data of weight 0: a synthetic loop collapses, and needs its own units then."""
    if loop.weight == 0 and loop.n_synth > 1:
        return dataclasses.replace(loop, n_fixed=0, n_fresh=0, weight=None)
    return loop


def _spec(plan: Plan) -> _mixture_kernels.Spec:
    """Return the plan's loop as the general kernel reads it."""
    loop, last = _without_idle_data(plan.loop), int(plan.recorded[-1])
    cap = loop.pool_cap if loop.pool == "accumulate" else 1
    first, later = _spans(loop)
    return _mixture_kernels.Spec(
        n_initial=float(loop.n_initial),
        n_fixed=float(loop.n_fixed),
        n_fresh=float(loop.n_fresh),
        n_synth=float(loop.n_synth),
        n_shared=float(loop.n_shared),
        first_bias=loop.first_bias,
        bias=loop.bias,
        ddof=float(loop.ddof),
        weight=-1.0 if loop.weight is None else loop.weight,
        shrinkage=loop.shrinkage,
        ridge=loop.floor * float(plan.eigenvalues.mean()),
        memory=last if loop.memory is None else min(loop.memory, last),
        # A ring that never drops anything is a merged pool.
        cap=0 if cap is None or cap >= last - 1 > 1 else cap,
        first_rank=float(first),
        next_rank=float(later),
    )


def _spans(loop: Loop) -> tuple[int, int]:
    """Dimensions of the first model, and of the span of all later data less the fresh ones."""
    first = loop.n_initial - 1 if loop.first_bias else 0
    if loop.bias:
        return first, loop.n_initial + loop.n_fixed - loop.n_shared - 1
    # Without sampling noise the first model adds its mean alone, if that is not a new point.
    inside = loop.first_bias == 1.0 and loop.n_initial <= loop.n_fixed
    return first, loop.n_fixed - 1 if inside else loop.n_fixed


def _is_plain(loop: Loop) -> bool:
    """Whether one of the two special kernels draws the loop."""
    replace = loop.pool == "replace" and loop.memory == 1 and loop.weight is None
    return replace and not (loop.n_fixed or loop.shrinkage or loop.floor)


def _is_subsampled(plan: Plan) -> bool:
    """Whether the budget of the loop ever binds."""
    loop, last = plan.loop, int(plan.recorded[-1])
    kept = last - 1 if loop.pool_cap is None else min(last - 1, loop.pool_cap)
    return loop.budget is not None and loop.n_fixed + kept * loop.n_synth > loop.budget


def _kernel_of(plan: Plan) -> tuple[Callable[..., None], tuple[Any, ...]]:
    """Kernel of a plan and its arguments up to the spectrum."""
    loop = plan.loop
    positive = plan.eigenvalues[plan.eigenvalues > 0]
    if not _is_plain(loop):
        whole = bool(loop.shrinkage or loop.floor)
        s = plan.eigenvalues if whole else positive
        return _mixture_kernels.mixture_chunk, (_spec(plan), s)
    biases = (loop.first_bias, loop.bias)
    line = positive.size == 1
    first, fresh, synth, ddof = map(float, (loop.n_initial, loop.n_fresh, loop.n_synth, loop.ddof))
    kernel: Callable[..., None]
    if loop.n_fresh:
        kernel = _kernels.fresh_line_chunk if line else _kernels.fresh_chunk
        return kernel, ((first, fresh, synth, ddof), biases, positive)
    kernel = _kernels.collapse_line_chunk if line else _kernels.collapse_chunk
    return kernel, ((first, synth, ddof), biases, positive)


def _run_exact(plan: Plan, index: int, keep_paths: bool) -> Chunk:
    """Run chunk `index` on factors, or on the data where a budget asks for them."""
    if _is_subsampled(plan):
        return _run_plain(plan, index, keep_paths)
    kernel, arguments = _kernel_of(plan)
    return run_kernel(plan, index, keep_paths, kernel, arguments)


def run_kernel(
    plan: Plan,
    index: int,
    keep_paths: bool,
    kernel: Callable[..., None],
    arguments: tuple[Any, ...],
) -> Chunk:
    """Run chunk `index` with a kernel; `arguments` end with the spectrum it works on."""
    size, shape = plan.size(index), (len(plan.record), plan.recorded.size)
    mean, m2, paths = _chunks.room(size, shape, keep_paths)
    wanted = np.array([QUANTITIES.index(name) for name in plan.record], dtype=np.int64)
    log_det = _log_det(plan.eigenvalues)
    kernel(plan.rng(index), size, *arguments, log_det, plan.slots, wanted, mean, m2, paths)
    return Chunk(Moments(size, mean, m2), paths)


def _empty(plan: Plan) -> Moments:
    shape = (len(plan.record), plan.recorded.size)
    return Moments(0, np.zeros(shape), np.zeros(shape))


def run_plan(
    plan: Plan,
    run: Callable[[Plan, int, bool], Chunk],
    *,
    threads: int,
    keep_paths: bool,
    progress: bool,
    start: tuple[int, Moments] | None = None,
    save: Callable[[int, Moments], None] | None = None,
) -> Paths:
    """Run all chunks from `start` on, merge them in order, call `save` after each."""
    done, moments = (0, _empty(plan)) if start is None else start
    kept: list[NDArray[np.float64]] | None = [] if keep_paths else None

    def job(index: int) -> Chunk:
        return run(plan, index, keep_paths)

    with _blas.one_thread(), _running.progress_bar(progress, "replicates") as show:
        show(moments.count, plan.replicates)
        for chunk in _chunks.in_order(job, done, plan.n_chunks, threads):
            moments, done = moments.merge(chunk.moments), done + 1
            if kept is not None:
                kept.append(chunk.paths)
            if save is not None:
                save(done, moments)
            show(moments.count, plan.replicates)
    return _chunks.summary(plan.recorded, plan.record, moments, kept, plan.seed)


def _run_stored(plan: Plan, path: Path, *, threads: int, progress: bool) -> Paths:
    """Return the stored result, or run on from the stored state and store the result."""
    table = _store.read_result(path, plan)
    if table is not None:
        _store.remove_run(path)
        return _from_table(plan, table)
    with _store.open_run(path, plan) as run:
        start = None if run.arrays is None else (run.done, Moments(run.count, *run.arrays))
        result = run_plan(
            plan,
            _run_exact,
            threads=threads,
            keep_paths=False,
            progress=progress,
            start=start,
            save=lambda done, m: run.save(done, m.count, (m.mean, m.m2)),
        )
        run.finish({name: (result.mean[name], result.se[name]) for name in plan.record})
    return result


def _from_table(plan: Plan, table: _store.Table) -> Paths:
    return Paths(
        generations=plan.recorded,
        mean={name: mean for name, (mean, _) in table.items()},
        se={name: se for name, (_, se) in table.items()},
        replicates=plan.replicates,
        seed=plan.seed,
    )


def simulate(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    generations: int,
    replicates: int,
    seed: int = 0,
    threads: int | None = None,
    record: Sequence[str] = DEFAULT_RECORD,
    at: Sequence[int] | None = None,
    keep_paths: bool = False,
    chunk: int | None = None,
    store: str | Path | None = None,
    progress: bool = False,
) -> Paths:
    """Simulate any loop exactly, without drawing its data.

    Given the models, a generation's samples are multinomial counts, Gaussian means and Wishart
    scatters: 10^9 samples cost what 10^3 do. Only a `budget` that binds is not a function of
    these (a subsample is one of data); such a loop is run on its samples, as
    :func:`simulate_plain` does, and costs what they cost.

    Parameters
    ----------
    loop : Loop
        Any loop. The state holds `memory` models (all of them for None) and `pool_cap` batches,
        dim^2 numbers each.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; zeros are allowed.
    generations, replicates : int
        Generations of each replicate (t = 1..generations), and independent replicates.
    seed : int
        Together with `chunk` it decides every variate; `threads` does not.
    threads : int or None
        None: all available processors.
    record : sequence of str
        Any of `QUANTITIES`: mean_sq is ‖mu_t - mu_0‖², trace tr Sigma_t, w2_squared the squared
        2-Wasserstein distance to N(mu_0, Sigma_0), log_det log det Sigma_t, log_trace its
        log-trace, log_direction log of u' Sigma_t u / u' Sigma_0 u for the eigenvector of the
        largest eigenvalue, trace_squared tr Sigma_t², squared_trace (tr Sigma_t)², mean_fourth
        ‖mu_t - mu_0‖⁴, mean_quadratic (mu_t - mu_0)' Sigma_t (mu_t - mu_0).
        Nothing else is computed. log_det is -inf where Sigma_t is singular: always when Sigma_0
        is, unless shrinkage or a floor fills its zeros; then it is finite.
    at : sequence of int or None
        Record only these generations; None records all.
    keep_paths : bool
        Keep every value, not only moments. Memory then grows with replicates.
    chunk : int or None
        Replicates that share a random generator; None chooses from the size of the problem.
    store : str, Path or None
        Parquet file for the result; an interrupted run goes on from ``<store>.run/``.
    progress : bool
        Show a progress bar on stderr when that is a terminal.

    Returns
    -------
    Paths

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range, or `store` is damaged or of another configuration.

    Examples
    --------
    >>> result = simulate(
    ...     fully_synthetic(10, bias=0.9), np.ones(2), generations=3, replicates=20_000
    ... )
    >>> bool(abs(result.mean["trace"][2] - 2 * 0.9**2) < 5 * result.se["trace"][2])
    True
    """
    plan = make_plan(
        loop,
        eigenvalues,
        generations=generations,
        replicates=replicates,
        seed=seed,
        record=record,
        at=at,
        chunk=chunk,
    )
    threads = _running.processors("threads", threads)
    if store is None:
        return run_plan(plan, _run_exact, threads=threads, keep_paths=keep_paths, progress=progress)
    if keep_paths:
        raise ValueError("keep_paths must be False with store, which keeps moments only, got True")
    return _run_stored(plan, Path(store), threads=threads, progress=progress)


# --- the plain sampler ---------------------------------------------------------------------------


def _distance_squared(mean: NDArray[np.float64], cov: NDArray[np.float64], plan: Plan) -> float:
    """W2^2 to N(0, diag(eigenvalues)) from the covariance, in plain linear algebra."""
    root = np.sqrt(plan.eigenvalues)
    # Not the route of the kernels: singular values of cov^(1/2) Sigma_0^(1/2).
    values, vectors = np.linalg.eigh(cov)
    half = vectors * np.sqrt(np.clip(values, 0.0, None))
    cross = np.linalg.svd(root[:, None] * half, compute_uv=False).sum()
    total = mean @ mean + np.trace(cov) + plan.eigenvalues.sum() - 2.0 * cross
    return float(max(total, 0.0))


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _measure_plain(mean: NDArray[np.float64], cov: NDArray[np.float64], plan: Plan) -> list[float]:
    """Quantities in the order of plan.record."""
    trace, square = float(np.trace(cov)), float(mean @ mean)
    sign, log_det = np.linalg.slogdet(cov)
    table: dict[str, Callable[[], float]] = {
        "mean_sq": lambda: square,
        "trace": lambda: trace,
        "w2_squared": lambda: _distance_squared(mean, cov, plan),
        "log_det": lambda: float(log_det) if sign > 0 else -math.inf,
        "log_trace": lambda: _log(trace),
        "log_direction": lambda: _log(cov[0, 0] / plan.eigenvalues[0]),
        "trace_squared": lambda: float((cov * cov).sum()),
        "squared_trace": lambda: trace * trace,
        "mean_fourth": lambda: square * square,
        "mean_quadratic": lambda: float(mean @ cov @ mean),
    }
    return [table[name]() for name in plan.record]


def _draw(
    rng: np.random.Generator, n: int, mean: NDArray[np.float64], cov: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Draw n samples of N(mean, cov), shape (n, dim)."""
    values, vectors = np.linalg.eigh(cov)
    half = vectors * np.sqrt(np.clip(values, 0.0, None))
    noise: NDArray[np.float64] = rng.standard_normal((n, mean.size)) @ half.T
    return mean + noise


@dataclass(slots=True)
class _Data:
    """What a loop on data carries: the fixed set, the last models, the last synthetic batches."""

    fixed: NDArray[np.float64]
    models: deque[tuple[NDArray[np.float64], NDArray[np.float64]]]
    pool: deque[NDArray[np.float64]]


def _fit(loop: Loop, data: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of data, rows are samples."""
    return data.mean(axis=0), np.atleast_2d(np.cov(data, rowvar=False, ddof=loop.ddof))


def _fit_weighted(
    loop: Loop, real: NDArray[np.float64], synthetic: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted pooling (theory.md 2.9)."""
    w = float(loop.weight or 0.0)
    (mean_r, cov_r), (mean_s, cov_s) = _fit(loop, real), _fit(loop, synthetic)
    gap = mean_r - mean_s
    cov = w * cov_r + (1.0 - w) * cov_s + w * (1.0 - w) * np.outer(gap, gap)
    return w * mean_r + (1.0 - w) * mean_s, cov


def _regularise(plan: Plan, cov: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shrink towards the mean variance, then add the floor."""
    loop, dim = plan.loop, plan.eigenvalues.size
    if not (loop.shrinkage or loop.floor):
        return cov
    ridge = loop.shrinkage * np.trace(cov) / dim + loop.floor * plan.eigenvalues.sum() / dim
    shrunk: NDArray[np.float64] = (1.0 - loop.shrinkage) * cov + ridge * np.eye(dim)
    return shrunk


def _first_data(
    rng: np.random.Generator, plan: Plan
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the first sample and the fixed set: nested, or independent."""
    loop, real = plan.loop, np.diag(plan.eigenvalues)
    zero = np.zeros(plan.eigenvalues.size)
    if loop.n_shared:
        data = _draw(rng, max(loop.n_initial, loop.n_fixed), zero, real)
        return data[: loop.n_initial], data[: loop.n_fixed]
    first = _draw(rng, loop.n_initial, zero, loop.first_bias * real)
    return first, _draw(rng, loop.n_fixed, zero, real)


def _draw_batch(rng: np.random.Generator, loop: Loop, data: _Data) -> NDArray[np.float64]:
    """Draw n_synth samples, each from a uniformly drawn one of the models."""
    n_models = len(data.models)
    if n_models == 1:
        counts = [loop.n_synth]
    else:
        counts = rng.multinomial(loop.n_synth, np.full(n_models, 1.0 / n_models)).tolist()
    parts = [
        _draw(rng, count, mean, loop.bias * cov)
        for count, (mean, cov) in zip(counts, data.models, strict=True)
        if count
    ]
    return np.concatenate(parts)


def _subsample(
    rng: np.random.Generator, loop: Loop, kept: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Choose `budget` rows without replacement, when there are more."""
    if loop.budget is None or len(kept) <= loop.budget:
        return kept
    return kept[rng.choice(len(kept), loop.budget, replace=False)]


def _plain_generation(
    rng: np.random.Generator, plan: Plan, data: _Data
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit the next model to its data, drawn in full."""
    loop, dim = plan.loop, plan.eigenvalues.size
    data.pool.append(_draw_batch(rng, loop, data))
    fresh = _draw(rng, loop.n_fresh, np.zeros(dim), np.diag(plan.eigenvalues))
    if loop.weight is not None:
        real = np.concatenate([data.fixed, fresh])
        return _fit_weighted(loop, real, np.concatenate(data.pool))
    kept = _subsample(rng, loop, np.concatenate([*data.pool, data.fixed]))
    return _fit(loop, np.concatenate([kept, fresh]))


def _plain_replicate(
    rng: np.random.Generator, plan: Plan
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield the models of one replicate, one after the other, without end."""
    loop = plan.loop
    first, fixed = _first_data(rng, plan)
    kept = loop.pool_cap if loop.pool == "accumulate" else 1
    data = _Data(fixed, deque(maxlen=loop.memory), deque(maxlen=kept))
    mean, cov = _fit(loop, first)
    while True:
        model = mean, _regularise(plan, cov)
        yield model
        data.models.append(model)
        mean, cov = _plain_generation(rng, plan, data)


def _run_plain(plan: Plan, index: int, keep_paths: bool) -> Chunk:
    """Run chunk `index` on the data themselves."""
    rng, size, slots = plan.rng(index), plan.size(index), plan.slots
    values = np.zeros((size, len(plan.record), plan.recorded.size))
    for replicate in range(size):
        for slot, model in zip(slots, _plain_replicate(rng, plan), strict=False):
            if slot >= 0:
                values[replicate, :, slot] = _measure_plain(*model, plan)
    mean = values.mean(axis=0)
    with np.errstate(invalid="ignore"):
        m2 = np.where(np.isfinite(mean), ((values - mean) ** 2).sum(axis=0), 0.0)
    return Chunk(Moments(size, mean, m2), values if keep_paths else np.zeros((0, 0, 0)))


def simulate_plain(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    generations: int,
    replicates: int,
    seed: int = 0,
    threads: int | None = None,
    record: Sequence[str] = DEFAULT_RECORD,
    at: Sequence[int] | None = None,
    keep_paths: bool = False,
    chunk: int | None = None,
    progress: bool = False,
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
    plan = make_plan(
        loop,
        eigenvalues,
        generations=generations,
        replicates=replicates,
        seed=seed,
        record=record,
        at=at,
        chunk=chunk,
    )
    return run_plan(
        plan,
        _run_plain,
        threads=_running.processors("threads", threads),
        keep_paths=keep_paths,
        progress=progress,
    )
