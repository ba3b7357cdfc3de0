"""E W2^2 of any loop whose bias has a spectrum (theory.md 8; asymptotic, error declared).

Along direction k, c_k = E (Sigma_t)_kk/s_k and E (mu_t)_k^2 are exact: those of a loop of one
dimension. With h_k = s_k sqrt(c_k), to second order

    E W2^2 = E |mu|^2 + sum_k s_k (1 - sqrt(c_k))^2
             + sum_k h_k v_kk/4 + sum_(k != l) h_k h_l/(h_k + h_l) v_kl/2,

v_kl = Var (Sigma_t)_kl/(c_k c_l s_k s_l): the formula of one bias for the spectrum h. An entry off
the diagonal follows the recursion of the bias sqrt(lambda_k lambda_l), with c_k c_l in its
synthetic noise. Higher orders are those of single biases: the mean of their deficits times what the
second order above is of theirs. A first fit to few samples leaves spikes, at which that is
extrapolated: the deficit is at least that of two points, and beside it there are the sharper
deficits of single biases.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.directions import Directions
from madtheory.loop import Loop, UnsupportedLoop
from madtheory.results import Estimate
from madtheory.theory import moments
from madtheory.theory.distance import fresh, mixed
from madtheory.theory.distance.deficit import deficits
from madtheory.theory.distance.fidelity import WIDEST, Memory, Spread, log_of_two_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array

#: Biases at which variances are computed; between them their logarithms are interpolated. More, up
#: to so many, where they are farther apart than this on their scale; least real share.
_NODES, _NEAR, _MORE_NODES, _LEAST = 9, 3.0, 24, 1e-9
#: Declared error of the synthetic noise's share in an entry off the diagonal. Calibrated in
#: tests/golden/theory/directions.py.
_SHARED = 0.5
#: The same of how far two ways to resum are apart: the mean of single biases, and of the mean. Set
#: on 705 values of loops whose biases are far apart, half of them with a weight.
_TWO_WAYS = 0.25
#: Degrees of freedom of a first fit to few samples. What deficits of single biases miss is
#: averaged then, as many times what they differ by declared, and what both ways do. Biases asked;
#: how much more is declared where that is no surer.
_FEW, _APART, _FEW_NODES, _WIDER = 10, (2.0, 1.0), 5, 1.25

Parts = tuple[Spread, Memory]


class _Scale(NamedTuple):
    """Biases as log1p(bias/share), which c is nearly linear in; `share` is real rows' to synthetic.

    Without real rows the logarithm of the bias.
    """

    share: float
    ends: tuple[float, float]

    @classmethod
    def of(cls, directions: Directions) -> _Scale:
        """The scale of a loop and of its biases."""
        loop, biases = directions.loop, directions.biases
        share = 0.0
        if loop.n_real:
            w = loop.n_real / (loop.n_real + loop.n_synth) if loop.weight is None else loop.weight
            share = min(max(w, _LEAST) / max(1 - w, _LEAST), 1 / _LEAST)
        low, high = _place(np.array([biases.min(), biases.max()]), share).tolist()
        return cls(share, (low, high))

    def nodes(self, number: int) -> tuple[Array, list[float]]:
        """Chebyshev's places in [-1, 1], and their biases."""
        x, (low, high) = chebyshev.chebpts1(number), self.ends
        u = (high + low) / 2 + (high - low) / 2 * x
        return x, (np.exp(u) if self.share == 0 else self.share * np.expm1(u)).tolist()

    def between(self, fit: Array, bias: Array) -> Array:
        """Values at a bias of what Chebyshev coefficients (nodes, ...) say, shape (..., biases)."""
        (low, high), u = self.ends, _place(bias, self.share)
        return np.asarray(chebyshev.chebval((2 * u - low - high) / max(high - low, 1e-300), fit))

    def enough(self, number: int) -> int:
        """As many nodes, and more where biases are orders of magnitude apart."""
        more = math.ceil(2 * max(self.ends[1] - self.ends[0] - _NEAR, 0.0))
        return number + min(more, _MORE_NODES)


def _place(bias: Array, share: float) -> Array:
    """Where biases are on the scale of a share."""
    return np.asarray(np.log(bias) if share == 0 else np.log1p(bias / share))


class _Curves(NamedTuple):
    """What one bias gives as a function of it, by Chebyshev coefficients, shapes (nodes, T)."""

    scale: _Scale
    log_trace: Array
    log_diagonal: Array
    log_off: Array
    skew: Array
    start: Array

    def at(self, name: str, bias: Array, t: int) -> Array:
        """A curve at generation t."""
        return self.scale.between(getattr(self, name)[:, t], bias)


def _asked(
    directions: Directions, nodes: int, ask: Callable[[Loop], ArrayLike]
) -> tuple[_Scale, Array]:
    """The scale of the biases, and Chebyshev coefficients (nodes, ...) of what single ones have."""
    loop, scale = directions.loop, _Scale.of(directions)
    nodes = scale.enough(nodes)
    x, biases = scale.nodes(nodes)
    found = np.array([ask(replace(loop, bias=b, allow_overdispersion=True)) for b in biases])
    fit = chebyshev.chebfit(x, found.reshape(nodes, -1), nodes - 1)
    return scale, np.asarray(fit.reshape(found.shape))


def _each(directions: Directions, nodes: int, ask: Callable[[Loop], ArrayLike]) -> Array:
    """What single biases have at those of the directions, shape (..., directions).

    Interpolated only where there are more of them than nodes.
    """
    own, of = np.unique(directions.biases, return_inverse=True)
    if own.size > _Scale.of(directions).enough(nodes):
        scale, fit = _asked(directions, nodes, ask)
        return scale.between(fit, directions.biases)
    found = [ask(replace(directions.loop, bias=b, allow_overdispersion=True)) for b in own.tolist()]
    return np.moveaxis(np.array(found), 0, -1)[..., of]


def _curves(directions: Directions, parts: Callable[[Loop], Parts]) -> _Curves:
    """Ask the scalar theory at a few biases."""
    scale, fit = _asked(directions, _NODES, lambda one: _rows(*parts(one)))  # (nodes, 5, T)
    return _Curves(scale, *fit.transpose(1, 0, 2))


def _rows(spread: Spread, memory: Memory) -> Array:
    """Logs of c, Var Sigma_11 and Var Sigma_12, skew and start, shape (5, T)."""
    c = np.maximum(np.atleast_1d(1 + spread.shift), 1e-300)
    diagonal, off = (np.log(np.maximum(x, 1e-300)) + 2 * np.log(c) for x in spread[3:])
    rows = (np.log(c), diagonal, off, memory.skew, memory.start)
    return np.array([np.broadcast_to(row, c.shape) for row in rows])


def _noises(loop: Loop) -> tuple[float, float]:
    """Sizes, to each other, of the noises of real and of synthetic samples in a fit."""
    w = loop.weight
    if w is None:
        return loop.n_real, loop.n_synth
    return w**2 / loop.n_real, (1 - w) ** 2 / loop.n_synth


def _off(loop: Loop, curves: _Curves, biases: Array, c: Array, t: int) -> tuple[Array, Array]:
    """Var Sigma_kl/(c_k c_l) by pairs, and how much of it comes from unequal c, shapes (r, r).

    c (r, T): synthetic samples of generation t have the variances of the one before.
    """
    middle, before = np.sqrt(np.multiply.outer(biases, biases)), max(t - 1, 0)
    both, drawn = (np.multiply.outer(x, x) for x in (c[:, t], c[:, before]))
    own = np.exp(2 * curves.at("log_trace", middle, before))
    real, one = _noises(loop)
    synthetic = one * middle**2 * own
    share = synthetic / np.maximum(synthetic + real, 1e-300)
    variance = np.exp(curves.at("log_off", middle, t))
    with np.errstate(divide="ignore", invalid="ignore"):
        change = share * (drawn / own - 1)
        plain = np.where(both > 0, variance / both, 0.0)
    return np.minimum(plain * (1 + change), WIDEST), plain * np.abs(change)


def _resummed(
    loop: Loop, s: Spectrum, own: ArrayLike, off: ArrayLike, skew: ArrayLike, start: ArrayLike
) -> Array:
    """Values and errors (2, ...) of deficits: at least those of two points of the same skew."""
    own, off, skew, start = map(np.asarray, (own, off, skew, start))
    none = np.zeros_like(own)
    spread = Spread(none, none, none + WIDEST, own, off)
    rows = deficits(loop.longest_lived, spread, s, Memory(np.maximum(skew, 1.0), start))
    spiked = log_of_two_points(own + s.bures_weight * off, np.maximum(skew, 1.0))
    return np.stack([np.maximum(rows[0], -np.expm1(spiked)), rows[3]])


def _rows_at(directions: Directions, curves: _Curves, c: Array, t: int) -> Array:
    """Rows value, lower, upper, error of the deficit at generation t, from c (r, T).

    The mean of those of single biases, times what the second order is of that mean's. How far the
    mean variances, resummed at once, are from it is declared in part.
    """
    loop, biases = directions.loop, directions.biases
    off, moved = _off(loop, curves, biases, c, t)
    h = directions.values * np.sqrt(c[:, t])
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = np.multiply.outer(h, h) / np.add.outer(h, h)
    pairs[~np.isfinite(pairs)] = 0.0
    np.fill_diagonal(pairs, 0.0)
    total, s = max(float(pairs.sum()), 1e-300), Spectrum.of(h)
    weights = h / h.sum()
    with np.errstate(divide="ignore"):
        own = np.exp(curves.at("log_diagonal", biases, t)) / np.square(c[:, t])
    own = np.where(h > 0, np.minimum(own, WIDEST), 0.0)
    alike = np.where(h > 0, np.diagonal(off), 0.0)
    skew, start = (curves.at(name, biases, t) for name in ("skew", "start"))
    start = np.clip(start, 0.0, 1.0)
    each = _resummed(loop, s, own, alike, skew, start) @ weights
    mean = weights @ own, (pairs * off).sum() / total
    at_once = _resummed(loop, s, *mean, weights @ skew, weights @ start)
    singles = float(weights @ (own + s.bures_weight * alike))
    ratio = float(mean[0] + s.bures_weight * mean[1]) / singles if singles > 0 else 1.0
    value = min(float(each[0]) * ratio, 1.0)
    unsure = _SHARED * float((pairs * moved).sum()) / total * s.bures_weight / 8
    unsure += _TWO_WAYS * abs(value - float(at_once[0]))
    return np.array([value, 0.0, 1.0, min(float(each[1]) + unsure, value)])


def _corrected(
    directions: Directions,
    curves: _Curves,
    single: Callable[[Loop], Estimate],
    c: Array,
    rows: Array,
) -> Array:
    """Rows (4, T-1) of generations 2..T times what they miss of single biases, where that is surer.

    A direction's part is, to first order in how biases differ, that of a loop which has its bias
    along all: also the mean of these deficits is one, and what it differs by is declared.
    """
    s, T = directions.values, c.shape[1]

    def missed(one: Loop) -> list[Array]:
        """Deficit, what the plain one misses of it, a factor, and its error; generations 2..T."""
        sharp = single(one)
        alike = replace(directions, loop=replace(one, bias=(one.scalar_bias,) * s.size))
        M, own = _paths(alike, T)
        near, lost = (x[1:] for x in _near_and_lost(s, M, own))
        plain = np.array([_rows_at(alike, curves, own, t)[0] for t in range(1, T)])
        plain = np.maximum(plain, 1e-300)
        deficit = (sharp.value[1:] - near) / lost
        error = (sharp.value * sharp.rel_error)[1:] / lost
        return [deficit, deficit / plain, error / plain]

    deficit, ratio, off = _each(directions, _FEW_NODES, missed)
    h = (s[:, None] * np.sqrt(c[:, 1:])).T
    h = np.asarray(h / h.sum(axis=1, keepdims=True))
    mean = (h * ratio).sum(axis=1)
    value = np.asarray(rows[0] * mean)
    differ, both = _APART
    unsure = rows[0] * (h * (off + differ * np.abs(ratio - mean[:, None]))).sum(axis=1)
    apart = np.abs(value - (h * deficit).sum(axis=1))
    # They may cross: where they agree by chance, neighbouring generations do not.
    apart = np.maximum.reduce([apart, np.append(apart[1:], 0.0), np.append(0.0, apart[:-1])])
    unsure = unsure + both * apart
    plain_unsure = np.fmax(_WIDER * rows[3], np.abs(value - rows[0]))
    out = rows.copy()
    out[0] = np.where(unsure < plain_unsure, value, rows[0])
    out[3] = np.fmin(unsure, plain_unsure)
    return out


def _first_rows(directions: Directions, c: Array) -> Array:
    """The same for one fit to real data."""
    fit = spectrum.sqrt_trace_deficit(directions.values * np.sqrt(c), [directions.loop.first_dof])
    return np.stack([fit.value, fit.lower, fit.upper, fit.value * fit.rel_error])[:, 0]


def _assembled(directions: Directions, M: Array, c: Array, rows: Array) -> Estimate:
    """E W2^2 from first moments (r, T) and deficits (4, T)."""
    near, lost = _near_and_lost(directions.values, M, c)
    lost = lost * rows
    value = near + lost[0]
    error = np.divide(lost[3], value, out=np.zeros_like(value), where=value > 0)
    return Estimate(value, near + lost[1], near + lost[2], error)


def _near_and_lost(s: Array, M: Array, c: Array) -> tuple[Array, Array]:
    """E W2^2 without a deficit, and what one of 1 adds, (T,), from first moments (r, T)."""
    root = np.sqrt(c)
    return s @ (M + np.square((c - 1) / (1 + root))), 2 * (s @ root)


def require_whole(loop: Loop, quantity: str) -> None:
    """Refuse a budget."""
    if loop.budget is not None:
        raise UnsupportedLoop(
            f"{quantity} with a spectrum of biases is computed without a budget only, "
            f"got {loop.budget}"
        )


def require_covered(directions: Directions, quantity: str) -> None:
    """Refuse a budget, and a bias 0 without real data: logarithms of variances are interpolated."""
    require_whole(directions.loop, quantity)
    if not directions.loop.n_real and directions.biases.min() == 0:
        raise UnsupportedLoop(
            f"{quantity} with a spectrum of biases and without real data is computed for positive "
            "biases only, got a 0"
        )


def _paths(directions: Directions, generations: int) -> Array:
    """First moments of generations 1..T of every direction, shape (2, r, T)."""
    return directions.together(
        lambda loops: moments.first_moments_paths(loops, generations)
    ).transpose(1, 0, 2)


def path(directions: Directions, generations: int, single: Callable[[Loop], Estimate]) -> Estimate:
    """E W2^2 of generations 1..T; `single` is that of one bias."""
    loop, r = directions.loop, directions.values.size
    route = fresh if loop.is_fresh_memory_one else mixed
    M, c = _paths(directions, generations)
    rows = [_first_rows(directions, c[:, 0])]
    if generations > 1:
        curves = _curves(directions, lambda one: route.path_parts(one, r, generations))
        rows += [_rows_at(directions, curves, c, t) for t in range(1, generations)]
    found = np.stack(rows, axis=1)
    if loop.first_dof <= _FEW and generations > 1:
        found[:, 1:] = _corrected(directions, curves, single, c, found[:, 1:])
    return _assembled(directions, M, c, found)


def limit(directions: Directions) -> Estimate:
    """Limit of :func:`path`."""
    loop, r = directions.loop, directions.values.size
    M, c = directions.together(moments.first_moments_limits).T
    if not np.isfinite(M + c).all():
        return Estimate.unbounded()
    if not c.any():
        return Estimate.exact(directions.values @ (1 + M))
    if not loop.is_fresh_memory_one:
        require_whole(loop, "w2_squared_limit")
        mixed.require_limit(loop)
    route = fresh if loop.is_fresh_memory_one else mixed

    def parts(one: Loop) -> Parts:
        # Never None: first moments are finite at the largest bias.
        found: Parts = route.limit_parts(one, r)
        return found

    rows = _rows_at(directions, _curves(directions, parts), c[:, None], 0)
    return _assembled(directions, M[:, None], c[:, None], rows[:, None]).last()
