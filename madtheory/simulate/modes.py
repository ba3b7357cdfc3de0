"""Simulation of the idealised mixture loop: labelled modes, no sample drawn (theory.md 4.1).

The modes stand on a grid (Fig. 14: 25 on 5 x 5) and every sample knows its mode, as in the limit
of EM on modes far apart. Each mode is then a Gaussian loop with a random number of samples, and
the counts are multinomial. Expectations: :mod:`madtheory.modes`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from madtheory import _check
from madtheory._types import Ints
from madtheory.results import ModeStates
from madtheory.simulate.kernels import modes as kernels
from madtheory.simulate.kernels.modes import MODE_QUANTITIES, ModeSpec
from madtheory.simulate.request import asked, check_times
from madtheory.simulate.runs import Paths, run, slots_of


def _room(states: Ints, replicates: int, modes: int, dim: int) -> kernels.Snapshots:
    """Room for the models of all replicates at the generations `states`."""
    shape = (replicates, states.size, modes)
    means, covariances = np.zeros((*shape, dim)), np.zeros((*shape, dim, dim))
    return kernels.Snapshots(slots_of(states), np.zeros(shape, np.int64), means, covariances)


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
) -> Paths:
    """Simulate the idealised loop of a mixture on a grid, exactly and without its samples.

    Each generation's n_synth samples fall to the modes by multinomial counts; a mode's mean and
    covariance are those of its own samples. A mode without a sample is lost, and comes back only
    with a fresh sample, from which alone it is then fitted. One sample gives covariance 0.

    Parameters
    ----------
    modes, n_synth : int
        Modes, of equal real weights, and synthetic samples a generation.
    generations, replicates, seed, threads, at, keep_paths, chunk
        As for :func:`madtheory.simulate.simulate`.
    dim : int
        Dimension; the modes stand on :func:`madtheory.modes.mode_grid`.
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
    snapshots : sequence of int
        Keep the models of these generations (`states`).

    Notes
    -----
    theory.md 4.1; exact in law. Variances below 1e-308 are 0.

    Examples
    --------
    >>> from madtheory.modes import surviving_mean
    >>> result = simulate_modes(25, 250, generations=100, replicates=400, at=(100,))
    >>> expected = surviving_mean(25, 250, 100).value[-1]
    >>> bool(abs(result.mean["surviving"][0] - expected) < 5 * result.se["surviving"][0])
    True
    """
    from madtheory.modes import mode_grid  # the theory is heavy: only who asks waits for it

    K = _check.count("modes", modes, maximum=2**20)
    d = _check.count("dim", dim, maximum=64)
    n = _check.count("n_synth", n_synth)
    fresh = _check.count("n_fresh", n_fresh, minimum=0)
    spec = ModeSpec(
        n_initial=n + fresh,
        n_synth=n,
        n_fresh=fresh,
        ddof=_check.number("ddof", ddof, low=0.0, high=1.0),
        bias=_check.number("bias", bias, low=0.0, high=1.0),
        floor=_check.number("floor", floor, low=0.0),
        deviation=_check.number("deviation", deviation, low=0.0),
        centers=mode_grid(K, d, spacing=spacing),
    )
    request = asked(
        spec,
        MODE_QUANTITIES,
        work=lambda generations, _: generations * K * (200.0 + 40.0 * d**2 + 4.0 * d**3),
        generations=generations,
        replicates=replicates,
        seed=seed,
        record=MODE_QUANTITIES,
        at=at,
        chunk=chunk,
    )
    kept = np.array(check_times("snapshots", snapshots, request.generations), dtype=np.int64)
    room = _room(kept, request.replicates, K, d)
    found = run(
        request,
        lambda rng, tally: kernels.mode_chunk(rng, spec, room, tally),
        threads=threads,
        keep_paths=keep_paths,
    )
    if kept.size == 0:
        return found
    weights = room.counts / room.counts.sum(axis=-1, keepdims=True)
    states = ModeStates(kept, weights, room.means, room.covariances)
    return dataclasses.replace(found, states=states)
