"""E W2^2 by simulation, with exact moments as controls: where a formula declares too much (5.2).

Means and traces are exact, so what is simulated is the fidelity, with |mu|^2, tr Sigma, its square
and tr Sigma^2 less their exact means as controls: a few per cent of its variance are left. Their
coefficients are those of a pilot of its own, so that nothing is biased; three standard errors are
declared. As many replicates are drawn as that needs, up to a stated cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from madtheory._types import Array, Ints
from madtheory.covariance import Spectrum
from madtheory.loop import Loop
from madtheory.results import Estimate
from madtheory.theory import moments
from madtheory.theory.moments.second import conjugated_second_moments

#: Relative error that is sought, and standard errors that are declared.
_ENOUGH, _WIDTH = 3e-3, 3.0
#: Processor time that a question may take, in nanoseconds as the simulators estimate them; a pilot
#: has this share of the replicates, as many at least, and at most as many as the last number. What
#: is counted has as many at least, and as many directions as that: fewer are too skew at d = 1.
_WORK, _PILOT, _LEAST, _ENTIRE = 1e10, 0.05, 50, 2000
#: Most replicates of a batch, and values kept of one.
_BATCH, _KEPT = 20_000, 4e6
#: Beyond this E tr Sigma^2/(E tr Sigma)^2, at a constant 1, a few rare paths make second moments.
_MODERATE = 3.0
#: A limit is looked at where so much is left of the start, at some generations from T to 3 T/2.
_LEFT, _TIMES, _FARTHEST = 1e-3, 5, 1000
_RECORD = ("mean_sq", "trace", "trace_squared", "squared_trace")


def _second(loop: Loop, s: Array, generations: int) -> Array:
    """E tr Sigma^2 and E (tr Sigma)^2, shape (2, T); nan where they are not exact."""
    if (
        loop.has_spectrum
        or moments.second_moments_rel_error(loop, s.size, generations=generations).any()
    ):
        return np.full((2, generations), np.nan)
    x = moments.second_moments(loop, s.size, generations=generations)
    pairs = [conjugated_second_moments(row[6], row[5], eigenvalues=s) for row in x]
    return np.array(pairs, dtype=np.float64).T


def _means(loop: Loop, s: Array, generations: int) -> tuple[Array, Array]:
    """Exact means of the controls, shape (4, T), nan for none, and of the first two, (2, T).

    Where a few rare paths make the second moments there is none: fidelity has lighter tails.
    """
    first = moments.first_moments(loop, generations, eigenvalues=s)
    exact = s.sum() * np.array([first.mean_sq, first.trace])
    second = _second(loop, s, generations)
    with np.errstate(all="ignore"):
        rare = second[0] / (s @ s) > _MODERATE * (exact[1] / s.sum()) ** 2
    means = np.concatenate([exact, second])
    means[:, rare] = np.nan
    return means, exact


def _controls(paths: dict[str, Array], means: Array) -> Array:
    """Controls in units of their means, shape (4, replicates, generations); 0 where unknown."""
    x = np.stack([paths[name] for name in _RECORD])
    at = means[:, None]
    known = np.isfinite(at) & (at > 0)
    return np.where(known, x / np.where(known, at, 1.0) - 1, 0.0)


def _coefficients(y: Array, controls: Array) -> Array:
    """Of least squares, shape (4, places), of y (replicates, places)."""
    X = np.concatenate([np.ones_like(y)[None], controls]).transpose(2, 1, 0)
    return np.asarray(np.einsum("pkr,rp->kp", np.linalg.pinv(X, rcond=1e-6), y)[1:])


class _Mean:
    """Count, sum and sum of squares."""

    def __init__(self) -> None:
        self.count, self.sum, self.squares = 0, np.zeros(1), np.zeros(1)

    def add(self, y: Array) -> None:
        """Values (replicates, places)."""
        self.count += len(y)
        self.sum, self.squares = self.sum + y.sum(axis=0), self.squares + (y * y).sum(axis=0)

    def answer(self) -> tuple[Array, Array]:
        """Mean and standard error."""
        mean = self.sum / self.count
        rest = np.maximum(self.squares / self.count - mean**2, 0.0)
        return mean, np.sqrt(rest / (self.count - 1))


def _least(s: Array) -> int:
    """Replicates that have a standard error: fewer where directions average out what is skew."""
    return max(_LEAST, math.ceil(_ENTIRE * float(s @ s) / float(s.sum()) ** 2))


def _affordable(loop: Loop, s: Array, at: Ints) -> int:
    """Replicates that may be drawn; 0 where they would say nothing."""
    from madtheory.simulate.request import Gaussian

    most = int(_WORK / Gaussian(loop, s).nanoseconds(int(at[-1]), at.size))
    return most if most >= 2 * _least(s) else 0


def _batches(loop: Loop, s: Array, at: Ints, seed: int, most: int) -> Iterator[dict[str, Array]]:
    """Batches of `most` replicates at generations `at`: a pilot, then each as all so far."""
    from madtheory.simulate.gaussian import simulate  # only who asks waits for it

    size = int(min(_BATCH, max(_KEPT / at.size, 1)))
    now = int(np.clip(_PILOT * most, _LEAST, _ENTIRE))
    done, batch = 0, 0
    while done < most:
        size_now = min(size, now, most - done)
        own = int(np.random.SeedSequence([seed, batch]).generate_state(1)[0])
        found = simulate(
            loop,
            s,
            generations=int(at[-1]),
            replicates=size_now,
            seed=own,
            at=at.tolist(),
            record=("w2_squared", *_RECORD),
            keep_paths=True,
        )
        assert found.paths is not None
        done, batch = done + size_now, batch + 1
        now = max(done, _least(s))
        yield found.paths


def _simulated(
    loop: Loop,
    s: Array,
    at: Ints,
    about: Array,
    seed: int,
    *,
    most: int,
    moved: float | None = None,
) -> tuple[Array, Array]:
    """E W2^2 at generations `at`, and its error, by `most` replicates or fewer.

    Or their mean, where it is known by how much a limit has `moved` from there: that counts as
    error, too.
    """
    together, beside = moved is not None, abs(moved or 0.0)
    means, first = _means(loop, s, int(at[-1]))
    means, first = means[:, at - 1], first[:, at - 1]
    beta, found = None, _Mean()
    for paths in _batches(loop, s, at, seed, most):
        known = np.stack([paths[name] for name in _RECORD[:2]]) - first[:, None]
        y, controls = paths["w2_squared"] - about - known.sum(axis=0), _controls(paths, means)
        if together:
            y, controls = (x.mean(axis=-1, keepdims=True) for x in (y, controls))
        if beta is None:
            beta = _coefficients(y, controls)
            continue
        found.add(y - (beta[:, None] * controls).sum(axis=0))
        value, error = found.answer()
        value = value + (about.mean() if together else about)
        error = _WIDTH * error
        if (error <= np.maximum(_ENOUGH * value - beside, _ENOUGH * value / 2)).all():
            break
    return value, error + beside


def _better(found: Estimate, value: Array, error: Array) -> Estimate:
    """Simulated values within the bounds, where they declare less."""
    value = np.clip(value, found.lower, found.upper)
    rel_error = np.divide(error, value, out=np.full_like(value, np.inf), where=value > 0)
    better = rel_error < found.rel_error
    return replace(
        found,
        value=np.where(better, value, found.value),
        rel_error=np.where(better, rel_error, found.rel_error),
    )


def precise_path(loop: Loop, s: Spectrum, found: Estimate, seed: int) -> Estimate:
    """A path of :func:`madtheory.theory.distance.w2_squared` where it declares more than .3 %."""
    at = np.flatnonzero(found.rel_error > _ENOUGH) + 1
    most = _affordable(loop, s.values, at) if at.size else 0
    if not most:
        return found
    value, error, about = found.value.copy(), np.full_like(found.value, np.inf), found.value[at - 1]
    value[at - 1], error[at - 1] = _simulated(loop, s.values, at, about, seed, most=most)
    return _better(found, value, error)


def precise_limit(
    loop: Loop,
    s: Spectrum,
    found: Estimate,
    seed: int,
    *,
    nearly: Callable[[int | None], Array],
) -> Estimate:
    """The same of a limit: a late mean, and what `nearly` (a path, a limit) moves by from there.

    What that is counts as error. As it is where the loop takes more than 1000 steps to forget.
    """
    rate = moments.forgetting_rate(loop)
    if not found.rel_error > _ENOUGH or not np.isfinite(found.value) or not rate < 1:
        return found
    T = max(math.ceil(math.log(_LEFT) / math.log(rate)), 4) if rate > 0 else 4
    if T > _FARTHEST:
        return found
    at = np.unique(np.linspace(T, 1.5 * T, _TIMES).astype(np.int64))
    most = _affordable(loop, s.values, at)
    if not most:
        return found
    about = nearly(int(at[-1]))[at - 1]
    moved = float(nearly(None) - about.mean())
    value, error = _simulated(loop, s.values, at, about, seed, most=most, moved=moved)
    return _better(found, value[0] + moved, error[0])
