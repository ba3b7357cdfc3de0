"""Exact simulation of the Gaussian loops: streaming moments, reproducible, resumable.

:func:`simulate` draws Bartlett factors (theory.md 1.1-1.6, 2.1, 3): O(min(memory, n_synth) dim^3)
a generation, whatever the number of samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _threads
from madtheory.loop import Loop, UnsupportedLoop
from madtheory.simulate import store, units
from madtheory.simulate.kernels import any_loop, collapse, collapse_lanes, fresh, side_by_side
from madtheory.simulate.kernels.measure_lanes import LANES
from madtheory.simulate.kernels.spec import Spec
from madtheory.simulate.limits import check_memory
from madtheory.simulate.plain import draw_plain
from madtheory.simulate.request import (
    DEFAULT_RECORD,
    Plan,
    Running,
    bytes_of,
    is_plain,
    make_plan,
)
from madtheory.simulate.runs import Draw, Paths, run

#: Logarithm of the ratio of standard deviations that float64 holds beside its spread.
_FARTHEST = 500.0

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def spec_of(plan: Plan) -> Spec:
    """Return the loop of a plan as the kernels read it."""
    # A synthetic loop collapses, and needs its own units then: real data of weight 0 are idle.
    loop, s, last = plan.problem.in_coordinates.used, plan.problem.eigenvalues, plan.last
    cap = loop.pooled
    first, later = _spans(loop)
    rooted = isinstance(loop.bias, tuple)
    return Spec(
        n_initial=float(loop.n_initial),
        n_fixed=float(loop.n_fixed),
        n_fresh=float(loop.n_fresh),
        n_synth=float(loop.n_synth),
        n_shared=float(loop.n_shared),
        first_bias=1.0 if rooted else loop.first_bias,
        bias=1.0 if rooted else loop.scalar_bias,
        roots=np.sqrt(loop.bias) if rooted else np.empty(0),
        rooted_first=rooted and not loop.first_is_real,
        ddof=float(loop.ddof),
        weight=-1.0 if loop.weight is None else loop.weight,
        shrinkage=loop.shrinkage,
        ridge=loop.floor * float(s.mean()),
        memory=last if loop.memory is None else min(loop.memory, last),
        # A ring that never drops anything is a merged pool.
        cap=0 if cap is None or cap >= last - 1 > 1 else cap,
        first_rank=float(first),
        next_rank=float(later),
        log_det=float(np.log(s).sum()) if s.all() else -np.inf,
    )


def _spans(loop: Loop) -> tuple[int, int]:
    """Dimensions of the first model, and of the span of all later data less the fresh ones."""
    first = loop.n_initial - 1 if loop.first_is_real or loop.bias else 0
    if loop.bias:
        return first, loop.n_initial + loop.n_fixed - loop.n_shared - 1
    # Without sampling noise the first model adds its mean alone, if that is not a new point.
    inside = loop.first_is_real and loop.n_initial <= loop.n_fixed
    return first, loop.n_fixed - 1 if inside else loop.n_fixed


def _require_in_range(plan: Plan) -> None:
    """Refuse a spectrum of biases whose directions leave each other's range without real data.

    The factor has one power of two a column, and in a memory or a pool a basis that D, diagonal in
    the eigenvectors of Sigma_0, is not diagonal in.
    """
    loop = plan.problem.in_coordinates.used
    if not isinstance(loop.bias, tuple):
        return
    if min(loop.bias) == 0:
        raise UnsupportedLoop("a spectrum of biases is simulated where all are positive, got a 0")
    if loop.n_real or loop.floor or loop.shrinkage or _is_subsampled(plan):
        return
    if not is_plain(loop):
        raise UnsupportedLoop(
            "a spectrum of biases without real data is simulated for memory 1 and pool = replace "
            f"only, got memory {loop.memory} and pool {loop.pool}; in Python, simulate_plain takes "
            "them"
        )
    apart = plan.last * math.log(max(loop.bias) / min(loop.bias)) / 2
    if apart > _FARTHEST:
        raise UnsupportedLoop(
            f"a spectrum of biases is simulated while directions are at most e^{_FARTHEST:g} "
            f"apart in standard deviation, got e^{apart:g} at the last generation"
        )


def _is_subsampled(plan: Plan) -> bool:
    """Whether the budget of the loop ever binds."""
    loop, last = plan.problem.loop, plan.last
    kept = last - 1 if loop.pooled is None else min(last - 1, loop.pooled)
    return loop.budget is not None and loop.n_fixed + kept * loop.n_synth > loop.budget


def _drawing(plan: Plan) -> Draw:
    """What draws a chunk: a kernel on factors, or the data where a budget asks for them."""
    plan = units.drawn(plan)
    loop, s = plan.problem.loop, plan.problem.positive
    if _is_subsampled(plan):
        return partial(draw_plain, plan)
    if not is_plain(loop):
        whole = loop.shrinkage or loop.floor
        kernel, s = any_loop.any_loop_chunk, plan.problem.eigenvalues if whole else s
    elif loop.n_fresh:
        kernel = fresh.fresh_line_chunk if s.size == 1 else fresh.fresh_chunk
    else:
        kernel = collapse.collapse_line_chunk if s.size == 1 else collapse.collapse_chunk
    spec = spec_of(plan)
    if kernel is fresh.fresh_chunk and _is_side_by_side(plan, spec):
        kernel = side_by_side.fresh_lanes_chunk
    if kernel is collapse.collapse_chunk and _is_side_by_side(plan, spec):
        kernel = collapse_lanes.collapse_lanes_chunk
    return lambda rng, tally: kernel(rng, spec, s, tally)


def _is_side_by_side(plan: Plan, spec: Spec) -> bool:
    """Whether replicates of a plain loop are drawn ahead and run side by side."""
    rank, room = plan.problem.positive.size, side_by_side
    counts = [n for n in (spec.n_initial, spec.n_fresh, spec.n_synth) if n]
    regular = min(spec.bias, spec.first_bias) > 0 and not spec.roots.size
    regular = regular and min(counts) > rank
    draws = (room if spec.n_fresh else collapse_lanes).draws_of(rank, plan.last)
    few = draws * LANES <= room.MOST_DRAWN
    return rank <= room.MOST_DIM and regular and few


def _run_stored(plan: Plan, path: Path, running: Running) -> Paths:
    """Return the stored result, or run on from the stored state and store the result."""
    found = store.read_result(path, plan)
    if found is not None:
        store.remove_run(path)
        return found
    with ExitStack() as held:
        try:
            stored = held.enter_context(store.open_run(path, plan))
        except (OSError, ValueError):
            # A process that has ended meanwhile takes the folder along: its result is there.
            if (found := store.read_result(path, plan)) is None:
                raise
            return found
        found = run(plan, _drawing(plan), start=stored.start, save=stored.save, **running)
        result = units.put_back(found, plan)
        stored.finish(result)
    return result


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
        Parquet file for the result; an interrupted run goes on from ``<store>.run/``. What is
        damaged or of another configuration is refused. Only moments are stored, no paths.
    progress : bool
        Show a progress bar on stderr when that is a terminal.

    Examples
    --------
    >>> result = simulate(
    ...     fully_synthetic(10, bias=0.9), np.ones(2), generations=3, replicates=20_000
    ... )
    >>> bool(abs(result.mean["trace"][2] - 2 * 0.9**2) < 5 * result.se["trace"][2])
    True
    """
    plan, running = make_plan(
        loop,
        eigenvalues,
        generations=generations,
        replicates=replicates,
        seed=seed,
        record=record,
        at=at,
        chunk=chunk,
        threads=threads,
        keep_paths=keep_paths,
        progress=progress,
    )
    _require_in_range(plan)
    many = _threads.processors("threads", threads)
    data = _is_subsampled(plan)
    check_memory(bytes_of(plan, many, data=data, keep_paths=keep_paths), data=data)
    if store is None:
        return units.put_back(run(plan, _drawing(plan), **running), plan)
    if not str(store):
        raise ValueError("store must name a file, got ''")
    if keep_paths:
        raise ValueError("keep_paths must be False with store, which keeps moments only, got True")
    return _run_stored(plan, Path(store), running)
