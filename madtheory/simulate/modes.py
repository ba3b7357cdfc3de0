"""Simulation of the idealised mixture loop: labelled modes, no sample drawn (theory.md 4.1).

The modes stand on a grid (Fig. 14: 25 on 5 x 5) and every sample knows its mode, as in the limit
of EM on modes far apart. Each mode is then a Gaussian loop with a random number of samples, and
the counts are multinomial. Expectations: :mod:`madtheory.mixture`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _threads, _validate
from madtheory.mixture import mode_grid, mode_recall
from madtheory.simulate import runs
from madtheory.simulate.kernels import modes as kernels
from madtheory.simulate.runs import Moments, Paths

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Everything that a run records.
MODE_QUANTITIES = kernels.MODE_QUANTITIES


@dataclass(frozen=True, slots=True)
class ModeStates:
    """The models of every replicate at some generations.

    Attributes
    ----------
    generations : ndarray of int, shape (S,)
    weights : ndarray, shape (replicates, S, modes)
        Mode weights; 0 for a lost mode, whose mean and covariance are 0 too.
    means : ndarray, shape (replicates, S, modes, dim)
    covariances : ndarray, shape (replicates, S, modes, dim, dim)
    """

    generations: NDArray[np.int64]
    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ModePaths:
    """Means over replicates at each recorded generation, with standard errors.

    Attributes
    ----------
    generations : ndarray of int, shape (T,)
        The recorded generations, ascending.
    mean, se : dict of ndarray, shape (T,)
        By quantity: `surviving` modes of positive count, `heterozygosity` 1 - sum p_k^2,
        `total_variance` (trace of the mixture's covariance), `average_modal_variance` (mean trace
        over alive modes), `modal_sum` (sum of their traces), `within_variance` (sum p_k trace).
        The standard error is nan for one replicate.
    replicates, seed : int
    paths : dict of ndarray, shape (replicates, T), or None
        Every value, when asked for.
    states : ModeStates or None
        The models themselves, at the generations asked for.
    """

    generations: NDArray[np.int64]
    mean: dict[str, NDArray[np.float64]]
    se: dict[str, NDArray[np.float64]]
    replicates: int
    seed: int
    paths: dict[str, NDArray[np.float64]] | None = None
    states: ModeStates | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the result arrays (generations, mean, se), nothing else."""
        return Paths(self.generations, self.mean, self.se, self.replicates, self.seed).digest


@dataclass(frozen=True, slots=True)
class _Plan:
    """A checked request: all that decides the result."""

    spec: kernels.ModeSpec
    recorded: NDArray[np.int64]
    snapshots: NDArray[np.int64]
    replicates: int
    seed: int
    chunk: int
    keep_paths: bool


@dataclass(frozen=True, slots=True)
class _Chunk:
    moments: Moments
    paths: NDArray[np.float64]
    counts: NDArray[np.int64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]


def _chunk_size(modes: int, dim: int, generations: int, replicates: int) -> int:
    """Replicates of a chunk: a function of the problem, never of the threads."""
    work = generations * modes * (200.0 + 40.0 * dim**2 + 4.0 * dim**3)
    return runs.chunk_size(work, replicates)


def _run(plan: _Plan, index: int) -> _Chunk:
    """Run chunk `index` with the generator that is child `index` of the seed."""
    size = min(plan.chunk, plan.replicates - index * plan.chunk)
    rng = runs.generator(plan.seed, index)
    length = int(max(plan.recorded[-1], *plan.snapshots, 0))
    K, d = plan.spec.centers.shape
    shape, kept = (len(MODE_QUANTITIES), plan.recorded.size), (size, plan.snapshots.size, K)
    mean, m2, paths = runs.room(size, shape, plan.keep_paths)
    counts, means, covs = np.zeros(kept, np.int64), np.zeros((*kept, d)), np.zeros((*kept, d, d))
    slots = runs.slots_of(plan.recorded, length)
    snaps = runs.slots_of(plan.snapshots, length)
    kernels.mode_chunk(rng, size, plan.spec, slots, snaps, mean, m2, paths, counts, means, covs)
    return _Chunk(Moments(size, mean, m2), paths, counts, means, covs)


def _states(plan: _Plan, chunks: list[_Chunk]) -> ModeStates | None:
    if plan.snapshots.size == 0:
        return None
    counts = np.concatenate([chunk.counts for chunk in chunks])
    return ModeStates(
        generations=plan.snapshots,
        weights=counts / counts.sum(axis=-1, keepdims=True),
        means=np.concatenate([chunk.means for chunk in chunks]),
        covariances=np.concatenate([chunk.covariances for chunk in chunks]),
    )


def _finish(plan: _Plan, chunks: list[_Chunk]) -> ModePaths:
    """Merge the chunks in order into the public result."""
    moments = reduce(Moments.merge, [chunk.moments for chunk in chunks])
    kept = [chunk.paths for chunk in chunks] if plan.keep_paths else None
    found = runs.summary(plan.recorded, MODE_QUANTITIES, moments, kept, plan.seed)
    return ModePaths(
        generations=found.generations,
        mean=found.mean,
        se=found.se,
        replicates=found.replicates,
        seed=found.seed,
        paths=found.paths,
        states=_states(plan, chunks),
    )


def simulate_modes(
    modes: int = 25,
    n_synth: int = 1000,
    *,
    generations: int,
    replicates: int,
    seed: int = 0,
    dim: int = 2,
    ddof: float = 1.0,
    spacing: float = 1.0,
    deviation: float = 0.05,
    n_fresh: int = 0,
    floor: float = 0.0,
    bias: float = 1.0,
    threads: int | None = None,
    at: Sequence[int] | None = None,
    snapshots: Sequence[int] = (),
    keep_paths: bool = False,
    chunk: int | None = None,
) -> ModePaths:
    """Simulate the idealised loop of a mixture on a grid, exactly and without its samples.

    Each generation's n_synth samples fall to the modes by multinomial counts; a mode's mean and
    covariance are those of its own samples. A mode without a sample is lost, and comes back only
    with a fresh sample, from which alone it is then fitted. One sample gives covariance 0.

    Parameters
    ----------
    modes, n_synth : int
        Modes, of equal real weights, and synthetic samples a generation.
    generations, replicates : int
        Generations of each replicate (t = 1..generations), and independent replicates.
    seed : int
        Together with `chunk` it decides every variate; `threads` does not.
    dim : int
        Dimension; the modes stand on :func:`madtheory.mixture.mode_grid`.
    ddof : float
        c of the normalisation 1/(N_k - c), in [0, 1]: 0 for EM, 1 for unbiased fits.
    spacing, deviation : float
        Distance of neighbouring real modes, and standard deviation of each direction of one.
    n_fresh : int
        Fresh real samples a generation; the first model sees n_synth + n_fresh real ones.
    floor : float
        Added to the variance of every direction by every fit (scikit-learn's reg_covar).
    bias : float
        In [0, 1]; multiplies the covariance of each mode when sampling.
    threads : int or None
        None: all available processors.
    at : sequence of int or None
        Record only these generations; None records all.
    snapshots : sequence of int
        Keep the models of these generations (`states`).
    keep_paths : bool
        Keep every recorded value, not only moments.
    chunk : int or None
        Replicates that share a random generator; None chooses from the size of the problem.

    Returns
    -------
    ModePaths

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; exact in law. Variances below 1e-308 are 0.

    Examples
    --------
    >>> from madtheory.mixture import surviving_mean
    >>> result = simulate_modes(25, 250, generations=100, replicates=400, at=(100,))
    >>> expected = surviving_mean(25, 250, 100).value[-1]
    >>> bool(abs(result.mean["surviving"][0] - expected) < 5 * result.se["surviving"][0])
    True
    """
    K = _validate.count("modes", modes, maximum=2**20)
    d = _validate.count("dim", dim, maximum=64)
    n = _validate.count("n_synth", n_synth)
    fresh = _validate.count("n_fresh", n_fresh, minimum=0)
    spec = kernels.ModeSpec(
        n_initial=n + fresh,
        n_synth=n,
        n_fresh=fresh,
        ddof=_validate.number("ddof", ddof, low=0.0, high=1.0),
        bias=_validate.number("bias", bias, low=0.0, high=1.0),
        floor=_validate.number("floor", floor, low=0.0),
        deviation=_validate.number("deviation", deviation, low=0.0),
        centers=mode_grid(K, d, spacing=spacing),
    )
    steps = _validate.count("generations", generations)
    size = _validate.count("replicates", replicates)
    plan = _Plan(
        spec=spec,
        recorded=runs.recorded(runs.check_at(at, steps), steps),
        snapshots=runs.recorded(runs.check_times("snapshots", snapshots, steps), steps),
        replicates=size,
        seed=_validate.count("seed", seed, minimum=0),
        chunk=_chunk_size(K, d, steps, size) if chunk is None else _validate.count("chunk", chunk),
        keep_paths=keep_paths,
    )
    n_chunks = -(-plan.replicates // plan.chunk)
    many = _threads.processors("threads", threads)
    with _threads.one_thread():
        return _finish(
            plan, list(runs.in_order(lambda index: _run(plan, index), 0, n_chunks, many))
        )


def predicted_recall(
    states: ModeStates,
    n_samples: int,
    *,
    spacing: float = 1.0,
    deviation: float = 0.05,
    k: int = 5,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return the expected recall of each model in the plane from its modes alone (Fig. 15).

    The counts of a synthetic sample are drawn; the rest is :func:`madtheory.mixture.mode_recall`.

    Parameters
    ----------
    states : ModeStates
        Models of a simulation with dim = 2, spacing and deviation as there.
    n_samples : int
        Synthetic samples that recall is measured with.
    spacing, deviation : float
        As in :func:`simulate_modes`; deviation positive.
    k, seed : int

    Returns
    -------
    ndarray, shape (replicates, S)

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 4.1; status: asymptotic, with the errors of :func:`madtheory.mixture.mode_recall`.

    Examples
    --------
    >>> result = simulate_modes(generations=200, replicates=4, snapshots=(1, 200))
    >>> recall = predicted_recall(result.states, 1_000).mean(axis=0)
    >>> bool(recall[0] > 0.9 and recall[1] < 0.5)
    True
    """
    if states.means.shape[-1] != 2:
        raise ValueError(f"states must have dimension 2, got {states.means.shape[-1]}")
    n = _validate.count("n_samples", n_samples)
    sd = _validate.number("deviation", deviation, low=0.0, high=math.inf)
    if sd == 0.0:
        raise ValueError("deviation must be positive, got 0")
    rng = np.random.default_rng(_validate.count("seed", seed, minimum=0))
    counts = rng.multinomial(n, states.weights)
    centers = mode_grid(counts.shape[-1], spacing=spacing)
    values, axes = np.linalg.eigh(states.covariances)
    widths = np.sqrt(np.maximum(values[..., ::-1], 0.0)) / sd
    shift = np.einsum("...ij,...i->...j", axes[..., ::-1], (states.means - centers) / sd)
    alive, recall = counts > 0, np.zeros(counts.shape)
    recall[alive] = mode_recall(counts[alive], widths[alive], shift[alive], k=k)
    return np.asarray(recall.mean(axis=-1))
