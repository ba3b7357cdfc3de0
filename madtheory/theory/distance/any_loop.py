"""E W2^2 of any loop: the one door to its path and its limit (theory.md 1.7, 2.4, 2.8-2.10, 3)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check, spectrum
from madtheory.covariance import Spectrum
from madtheory.directions import Directions, paired
from madtheory.loop import Loop, UnsupportedLoop, require_loop
from madtheory.results import Estimate
from madtheory.theory import collapse, moments
from madtheory.theory.distance import (
    by_direction,
    equivalent,
    fresh,
    grown,
    mixed,
    one_direction,
    remembered,
    shared_equivalent,
)
from madtheory.theory.distance.deficit import deficits
from madtheory.theory.distance.fidelity import (
    Memory,
    Spread,
    assemble,
    estimate,
    log_shape,
    spread_of,
)
from madtheory.theory.distance.one_direction import floored
from madtheory.theory.distance.precise import precise_limit, precise_path
from madtheory.theory.moments import generation, subsampled
from madtheory.theory.moments.second import binding, require_supported
from madtheory.theory.moments.several import bounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from madtheory._types import Array

    Sharpen = Callable[[Loop, Spectrum, Spread, Array], Array]


def _require_covered(loop: Loop, s: Spectrum, quantity: str) -> None:
    """Refuse a budget on much memory, and shrinkage or a floor at unequal eigenvalues."""
    require_supported(loop, quantity)
    if (loop.shrinkage or loop.floor) and not s.is_flat:
        raise UnsupportedLoop(
            f"{quantity} with shrinkage or a floor is computed for a multiple of I only, "
            f"got eigenvalues from {s.values[-1]:g} to {s.values[0]:g}"
        )


def w2_squared(
    loop: Loop, eigenvalues: ArrayLike, *, generations: int, precise: bool = False, seed: int = 0
) -> Estimate:
    """E W2^2 of generations 1..T (error declared).

    Parameters
    ----------
    loop : Loop
        Any loop; with shrinkage or a floor Sigma_0 must be a multiple of I and the bias one
        number, with a budget one number too, and at most 23 models and batches in sight.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; zeros allowed.
    generations : int
        T.
    precise : bool
        Simulate the generations of which more than .3 % is declared, with exact moments as
        controls, to that error or for some ten seconds of processor time: three standard errors
        are declared where they are less. Of use in few dimensions, or on short paths.
    seed : int
        Of that simulation.

    Returns
    -------
    Estimate
        Arrays (T,). The fully synthetic loop is :func:`madtheory.theory.collapse.w2_squared`.
        For all others `value` has the exact first moments, and the rest is the deterministic
        equivalent (5.2); with shrinkage or a floor, and where that would declare the larger error,
        the second order of the square root with the higher orders resummed. Generation 1 is
        :func:`madtheory.spectrum.baseline`
        unless it is shrunk or floored. `lower` and `upper` are rigorous (Jensen, Hoelder) where
        second moments are exact; `rel_error` is the smaller of what they imply and of what
        simulation supports.

    Examples
    --------
    >>> e = w2_squared(fresh_data(100, 100, bias=0.5), [1.0, 0.5], generations=3)
    >>> bool((e.lower < e.value).all() and (e.value < e.upper).all())
    True
    """
    seed = _check.count("seed", seed, minimum=0)
    precise = _check.truth("precise", precise)
    found = _by_formula(loop, eigenvalues, _check.count("generations", generations), precise)
    if not precise:
        return found
    loop, s = paired(loop, eigenvalues)
    return precise_path(loop, Spectrum(s), found, seed)


def _by_formula(
    loop: Loop, eigenvalues: ArrayLike, generations: int, precise: bool = False
) -> Estimate:
    """The same without simulation."""
    loop = binding(loop)
    free = _unbound(loop, generations)
    if loop.budget is None or free == 1:
        return _by_one_formula(loop, eigenvalues, generations, precise)
    early = _by_one_formula(replace(loop, budget=None), eigenvalues, free, precise)
    if free == generations:
        return early
    return _spliced(early, _by_one_formula(loop, eigenvalues, generations, precise))


def _unbound(loop: Loop, generations: int) -> int:
    """How many of the first generations no budget binds."""
    return next((t for t in range(1, generations) if subsampled.binds(loop, t)), generations)


def _spliced(early: Estimate, late: Estimate) -> Estimate:
    """A path whose first generations are those of another."""
    n = len(early.value)
    pairs = ((getattr(early, x), getattr(late, x)[n:]) for x in Estimate.__slots__)
    return Estimate(*(np.concatenate(pair) for pair in pairs))


def _by_one_formula(
    loop: Loop, eigenvalues: ArrayLike, generations: int, precise: bool = False
) -> Estimate:
    """The same, of a loop whose budget binds from the start or of one without."""
    if loop.has_spectrum:
        loop = loop.used
    if loop.is_fully_synthetic:
        return collapse.w2_squared(loop, eigenvalues, generations=generations)
    if loop.has_spectrum:
        directions = Directions.of(loop, eigenvalues)
        if not directions.loop.has_spectrum:
            return _by_formula(directions.loop, directions.values, generations, precise)
        by_direction.require_covered(directions, "w2_squared")
        values = directions.values
        return by_direction.path(
            directions, generations, lambda one: _by_one_formula(one, values, generations)
        )
    s = Spectrum.of(eigenvalues)
    _require_covered(bounded(loop, generations), s, "w2_squared")
    spread, rows = _path_rows(loop, s, generations)
    if _is_real(loop):
        rows[:, 1:] = _real_alone(loop, s, spread, rows)[:, None]
    elif equivalent.covers(loop):
        rows = equivalent.sharper_path(loop, s, spread, rows)
    elif shared_equivalent.covers(loop):
        rows = shared_equivalent.sharper_path(loop, s, spread, rows)
    if precise and one_direction.covers(loop, s.rank) and not _is_real(loop):
        rows = one_direction.sharper_path(loop, spread, rows)
    if floored.covers(loop, s.rank):
        rows = floored.sharper_path(loop, s.rank, spread, rows)
    return estimate(spread, rows, s.trace)


def resummed(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Estimate:
    """:func:`w2_squared` by the resummed second order alone, whatever its error, of one bias.

    Not for the fully synthetic loop.

    Examples
    --------
    >>> e = resummed(fresh_data(100, 300, bias=0.5), [1.0, 1.0, 0.5], generations=6)
    >>> round(float(e.value[-1]), 6), round(float(e.rel_error[-1]), 6)
    (0.344579, 0.000194)
    """
    s, T = Spectrum.of(eigenvalues), _check.count("generations", generations)
    loop = binding(loop)
    _require_covered(bounded(loop, T), s, "resummed")
    return estimate(*_path_rows(loop, s, T), s.trace)


def _path_rows(loop: Loop, s: Spectrum, generations: int) -> tuple[Spread, Array]:
    """Spread and deficits of generations 1..T, of a covered loop with real data or more memory."""
    route = fresh if loop.is_fresh_memory_one else mixed
    spread, memory = route.path_parts(loop, s.rank, generations)
    rows = deficits(loop, spread, s, memory)
    if loop.shrinkage == 0 and loop.floor == 0:
        rows[:, 0] = _one_fit(s, loop.first_dof)
    return spread, rows


def _one_fit(s: Spectrum, dof: int) -> Array:
    """Deficits of one fit, shape (4,)."""
    fit = spectrum.sqrt_trace_deficit(s, [dof])
    return np.stack([fit.value, fit.lower, fit.upper, fit.value * fit.rel_error])[:, 0]


def _is_real(loop: Loop) -> bool:
    """Whether every later fit is one to real data and nothing else, which has a covariance."""
    return loop.weight == 1 and loop.n_real > 1 and not (loop.shrinkage or loop.floor)


def _real_alone(loop: Loop, s: Spectrum, _spread: Spread, _rows: Array) -> Array:
    """The deficits of a later fit to real data alone."""
    return _one_fit(s, loop.n_real - 1)


def w2_squared_one_fit(n: int, eigenvalues: ArrayLike) -> Array:
    """What :func:`resummed_limit` tends to as n_synth falls to 0: one fit to n samples, 0-d.

    The baseline by the same resummed second order, so that an error of it is the same on both sides
    where a loop is compared with its real data alone.

    Examples
    --------
    >>> one, best = w2_squared_one_fit(10, [1.0] * 7), spectrum.baseline(10, [1.0] * 7)
    >>> float(one.round(4)), float(best.value.round(4))
    (2.341, 2.4336)
    """
    n = _check.count("n", n, minimum=2)
    s, k = Spectrum.of(eigenvalues), np.asarray(n - 1.0)
    r = s.rank
    spread = spread_of(r, np.asarray(r / n), np.asarray(0.0), r * (r + 1) / k, 2 * r / k)
    deficit = -np.expm1(log_shape(spread, s.bures_weight, Memory(np.asarray(1.0), np.asarray(1.0))))
    return assemble(spread, deficit, s.trace)


def _settled(loop: Loop, s: Spectrum) -> Estimate | None:
    """Limits that need no fidelity: Sigma dies, or nothing pulls the mean back (exact)."""
    if not loop.n_real or loop.keeps_all or loop.weight == 1:
        first = moments.first_moments_limit(loop)
        if first.trace == 0:  # E tr Sigma^{1/2} goes with E tr Sigma
            return Estimate.exact(s.trace * (1 + first.mean_sq))
        if loop.keeps_all and np.isinf(first.mean_sq):
            return Estimate.unbounded()
    _require_covered(loop, s, "w2_squared_limit")
    if grown.covers(loop):
        return grown.limit(loop, s)
    mixed.require_limit(loop)
    if loop.n_real or loop.floor:
        return None
    # Sigma dies or its trace diverges, and shrinkage moves no trace.
    plain = replace(loop, shrinkage=0.0, pool="replace", pool_cap=None, budget=None)
    value = collapse.w2_squared_limit(plain, s)
    return Estimate.exact(value) if np.isfinite(value) else Estimate.unbounded()


def w2_squared_limit(
    loop: Loop, eigenvalues: ArrayLike, *, precise: bool = False, seed: int = 0
) -> Estimate:
    """Limit of :func:`w2_squared`, 0-d arrays; `precise` and `seed` as there.

    Exact where E tr Sigma_t goes to 0. Otherwise refused are memories that keep everything beside a
    fixed set or a pool, pools that do with shrinkage, a floor or a weighted fixed set, and loops
    without real data that differ from the fully synthetic one. Where second moments diverge the
    bounds are those of a constant Sigma and of fidelity 0, and rel_error is what they imply; all is
    inf where first moments diverge.

    Examples
    --------
    >>> e = w2_squared_limit(fresh_data(100, 900, bias=0.9), [1.0] * 100)
    >>> round(float(e.value), 3), bool(e.rel_error < 0.001)  # 13.415 +- .002 by simulation
    (13.415, True)
    >>> e = w2_squared_limit(synthetic_augmentation(100, 38, bias=0.0), [1.0] * 100)
    >>> round(float(e.value), 2), bool(e.rel_error < 0.001)  # 29.50 +- .03 by simulation
    (29.55, True)
    >>> loop = fresh_data(3, 5, bias=0.5)
    >>> plain, precise = (w2_squared_limit(loop, [1.0] * 2, precise=x) for x in (False, True))
    >>> bool(precise.rel_error < 0.003 < 0.01 < plain.rel_error)
    True
    """
    require_loop(loop)
    seed = _check.count("seed", seed, minimum=0)
    precise = _check.truth("precise", precise)
    found = _limit_by_formula(loop, eigenvalues, precise)
    if not precise:
        return found

    def nearly(T: int | None) -> Array:
        """A path, or the limit, by one and the same formula."""
        if loop.has_spectrum:
            return (found if T is None else _by_formula(loop, eigenvalues, T)).value
        if T is None:
            return resummed_limit(loop, eigenvalues).value
        return resummed(loop, eigenvalues, generations=T).value

    own, s = paired(loop, eigenvalues)
    return precise_limit(own, Spectrum(s), found, seed, nearly=nearly)


def _limit_by_formula(loop: Loop, eigenvalues: ArrayLike, precise: bool = False) -> Estimate:
    """The same without simulation."""
    if loop.has_spectrum:
        loop = loop.used
    if loop.has_spectrum and loop.is_fully_synthetic:
        value = collapse.w2_squared_limit(loop, eigenvalues)
        return Estimate.exact(value) if np.isfinite(value) else Estimate.unbounded()
    if loop.has_spectrum:
        directions = Directions.of(loop, eigenvalues)
        if not directions.loop.has_spectrum:
            return _limit_by_formula(directions.loop, directions.values, precise)
        values = directions.values
        return by_direction.limit(directions, lambda one: _limit_by_formula(one, values))
    generation.require_resolved(loop, "w2_squared_limit")
    loop = remembered.at_rest(binding(loop))
    if remembered.covers(loop):
        return remembered.limit(loop, Spectrum.of(eigenvalues))
    routes = (equivalent, shared_equivalent)
    sharpen = next((x.sharper_limit for x in routes if x.covers(loop)), _as_they_are)
    s = Spectrum.of(eigenvalues)
    if _is_real(loop):
        sharpen = _real_alone
    elif one_direction.covers(loop, s.rank):
        sharpen = partial(_along_one, sharpen, precise)
    return _limit(loop, s, sharpen)


def resummed_limit(loop: Loop, eigenvalues: ArrayLike) -> Estimate:
    """:func:`w2_squared_limit` by the resummed second order alone, whatever its error.

    For loops that have such a limit and one bias. As smooth in n_synth as
    :func:`w2_squared_one_fit`, its limit as n_synth falls to 0: a difference of the two has the
    digits of a small difference.

    Examples
    --------
    >>> e = resummed_limit(fresh_data(100, 900, bias=0.9), [1.0] * 100)  # 13.415 by simulation
    >>> round(float(e.value), 2), round(float(e.rel_error), 2)
    (13.4, 0.04)
    """
    require_loop(loop)
    generation.require_resolved(loop, "resummed_limit")
    loop = remembered.at_rest(binding(loop))
    if remembered.covers(loop):
        return remembered.limit(loop, Spectrum.of(eigenvalues), sharp=False)
    return _limit(loop, Spectrum.of(eigenvalues), _as_they_are)


def _as_they_are(_loop: Loop, _s: Spectrum, _spread: Spread, rows: Array) -> Array:
    """The resummed deficits."""
    return rows


def _along_one(
    sharpen: Sharpen, precise: bool, loop: Loop, s: Spectrum, spread: Spread, rows: Array
) -> Array:
    """The deficits as `sharpen` has them, or as one direction's chain does."""
    rows = sharpen(loop, s, spread, rows)
    return one_direction.sharper_limit(loop, spread, rows, precise=precise)


def _limit(loop: Loop, s: Spectrum, sharpen: Sharpen) -> Estimate:
    """The limit of a loop of one bias, with deficits as `sharpen` has them."""
    if not loop.is_fresh_memory_one:
        settled = _settled(loop, s)
        if settled is not None:
            return settled
    found = _limit_rows(loop, s)
    if found is None:
        return Estimate.unbounded()
    spread, rows = found
    limit = estimate(spread, sharpen(loop, s, spread, rows), s.trace)
    return replace(limit, rel_error=limit.rel_error + generation.rounding(loop))


def _limit_rows(loop: Loop, s: Spectrum) -> tuple[Spread, Array] | None:
    """Spread and deficits at a limit that is not settled; None where first moments have none."""
    route = fresh if loop.is_fresh_memory_one else mixed
    parts = route.limit_parts(loop, s.rank)
    return None if parts is None else (parts[0], deficits(loop, parts[0], s, parts[1]))
