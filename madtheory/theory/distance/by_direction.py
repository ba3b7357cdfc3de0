"""E W2^2 of any loop whose bias has a spectrum (theory.md 8; asymptotic, error declared).

Along direction k, c_k = E (Sigma_t)_kk/s_k and E (mu_t)_k^2 are exact: those of a loop of one
dimension. With h_k = s_k sqrt(c_k), to second order

    E W2^2 = E |mu|^2 + sum_k s_k (1 - sqrt(c_k))^2
             + sum_k h_k v_kk/4 + sum_(k != l) h_k h_l/(h_k + h_l) v_kl/2,

v_kl = Var (Sigma_t)_kl/(c_k c_l s_k s_l): the formula of one bias for the spectrum h. An entry off
the diagonal follows the recursion of the bias sqrt(lambda_k lambda_l), with c_k c_l in its
synthetic noise. Higher orders are resummed by direction, each beside all others, so that one which
leads is not taken for one among many. A first fit to few samples leaves spikes, at which that is
extrapolated: the deficit is at least that of two points. The sum is taken times what it misses of
single biases, whose deficits are known sharply.
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
from madtheory.theory.distance.fidelity import WIDEST, Memory, Seen, Spread, log_of_two_points

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
#: What deficits of single biases miss is averaged, as many times what they differ by declared, and
#: what both ways do. Biases asked; how much more is declared where that is no surer.
_APART, _ASKED, _WIDER = (2.0, 1.0), 5, 1.25
#: Where real samples are fewer than directions a fit's null space turns as soon as biases differ.
#: Such a share of the error without the above is declared beside: of fresh ones, which fill it, and
#: of fixed ones; all of it where roots of biases are farther apart than the last. Set on 944 loops;
#: on 736 others none of 5,690 values is outside by 3 errors of the simulation.
_SINGULAR, _TURNED = (0.25, 1.0), 0.025

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


def _beside(h: Array) -> tuple[Seen, Array, Array]:
    """Each direction beside all others, the pairs' weights 2 h_l/(h_k + h_l), and h's shares."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = 2 * h / np.add.outer(h, h)
    pairs[~np.isfinite(pairs)] = 0.0
    np.fill_diagonal(pairs, 0.0)
    return Seen(pairs.sum(axis=1), int((h > 0).sum())), pairs, h / h.sum()


def _resummed(
    loop: Loop, s: Spectrum | Seen, own: ArrayLike, off: ArrayLike, skew: Array, start: Array
) -> Array:
    """Values and errors (2, ...) of deficits: at least those of two points of the same skew."""
    own, off, skew, start, none = np.broadcast_arrays(own, off, skew, start, 0 * s.bures_weight)
    spread = Spread(none, none, none + WIDEST, own, off)
    rows = deficits(loop.longest_lived, spread, s, Memory(np.maximum(skew, 1.0), start))
    spiked = log_of_two_points(own + s.bures_weight * off, np.maximum(skew, 1.0))
    return np.stack([np.maximum(rows[0], -np.expm1(spiked)), rows[3]])


def _rows_at(directions: Directions, curves: _Curves, c: Array, t: int) -> Array:
    """Rows value, lower, upper, error of the deficit at generation t, from c (r, T).

    The mean of those of the directions, each beside all others, so that the second order is right.
    How far the mean variances, resummed at once, are from it is declared in part.
    """
    loop, biases = directions.loop, directions.biases
    off, moved = _off(loop, curves, biases, c, t)
    h = directions.values * np.sqrt(c[:, t])
    (seen, pairs, shares), s = _beside(h), Spectrum.of(h)
    with np.errstate(divide="ignore"):
        own = np.exp(curves.at("log_diagonal", biases, t)) / np.square(c[:, t])
    own = np.where(h > 0, np.minimum(own, WIDEST), 0.0)
    beside = (pairs * off).sum(axis=1)
    beside = np.where(h > 0, beside / np.maximum(seen.bures_weight, 1e-300), 0.0)
    skew, start = (curves.at(name, biases, t) for name in ("skew", "start"))
    start = np.clip(start, 0.0, 1.0)
    each = _resummed(loop, seen, own, beside, skew, start) @ shares
    weighted = shares @ (seen.bures_weight * beside) / max(s.bures_weight, 1e-300)
    mean = [shares @ x for x in (own, skew, start)]
    at_once = _resummed(loop, s, mean[0], weighted, *mean[1:])
    value = min(float(each[0]), 1.0)
    unsure = _SHARED * float(shares @ (pairs * moved).sum(axis=1)) / 8
    unsure += _TWO_WAYS * abs(value - float(at_once[0]))
    return np.array([value, 0.0, 1.0, min(float(each[1]) + unsure, value)])


def _corrected(
    directions: Directions,
    curves: _Curves,
    single: Callable[[Loop], tuple[Array, Array, Array, Array]],
    c: Array,
    rows: Array,
) -> Array:
    """Rows (4, T) times what they miss of single biases, where that is surer.

    `single` gives E W2^2, its error, E mu^2 and c of one bias, (T,). A direction's part is, to
    first order in how biases differ, that of a loop which has its bias along all: also the mean of
    these deficits is one, and what it differs by is declared.
    """
    s = directions.values
    (seen, _, shares), total = _beside(s), np.array([s.sum()])

    def missed(one: Loop) -> list[Array]:
        """Deficit, what the plain one misses of it, a factor, and its error."""
        sharp, unsure, M, own = single(one)
        near, lost = _near_and_lost(total, M[None], own[None])
        diagonal, beside, skew, start = (
            curves.scale.between(x, np.array([one.scalar_bias]))[-len(own) :]
            for x in (curves.log_diagonal, curves.log_off, curves.skew, curves.start)
        )
        square = np.maximum(np.square(own[:, None]), 1e-300)
        diagonal, beside = (np.minimum(np.exp(x) / square, WIDEST) for x in (diagonal, beside))
        each = _resummed(one, seen, diagonal, beside, skew, np.clip(start, 0.0, 1.0))[0]
        plain = each @ shares
        plain, lost = np.maximum(plain, 1e-300), np.maximum(lost, 1e-300)
        deficit = (sharp - near) / lost
        return [deficit, deficit / plain, unsure / lost / plain]

    deficit, ratio, off = _each(directions, _ASKED, missed)
    h = (s[:, None] * np.sqrt(c)).T
    h = np.asarray(h / h.sum(axis=1, keepdims=True))
    mean = (h * ratio).sum(axis=1)
    value = np.asarray(rows[0] * mean)
    differ, both = _APART
    unsure = rows[0] * (h * (off + differ * np.abs(ratio - mean[:, None]))).sum(axis=1)
    apart = np.abs(value - (h * deficit).sum(axis=1))
    # They may cross: where they agree by chance, neighbouring generations do not.
    apart = np.maximum.reduce([apart, np.append(apart[1:], 0.0), np.append(0.0, apart[:-1])])
    unsure = unsure + both * apart + _turning(directions) * rows[3]
    plain_unsure = np.fmax(_WIDER * rows[3], np.abs(value - rows[0]))
    out = rows.copy()
    out[0] = np.where(unsure < plain_unsure, value, rows[0])
    out[3] = np.fmin(unsure, plain_unsure)
    return out


def _turning(directions: Directions) -> float:
    """Share of an error declared as null spaces turn; 0 where real samples have all directions."""
    loop, biases = directions.loop, directions.biases
    if min(loop.first_dof, loop.n_real - 1 if loop.n_real else math.inf) >= biases.size:
        return 0.0
    by_fresh, by_fixed = _SINGULAR
    share = by_fresh + (by_fixed - by_fresh) * loop.n_fixed / max(loop.n_real, 1)
    return share * min((1 - math.sqrt(biases.min() / biases.max())) / _TURNED, 1.0)


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
    first = _first_rows(directions, c[:, 0])[:, None]
    if generations == 1:
        return _assembled(directions, M, c, first)

    def alone(one: Loop) -> tuple[Array, Array, Array, Array]:
        found, (mean_sq, trace) = single(one), moments.first_moments(one, generations)
        error = found.value * found.rel_error
        return found.value[1:], error[1:], mean_sq[1:], trace[1:]

    curves = _curves(directions, lambda one: route.path_parts(one, r, generations))
    rows = np.stack([_rows_at(directions, curves, c, t) for t in range(1, generations)], axis=1)
    rows = _corrected(directions, curves, alone, c[:, 1:], rows)
    return _assembled(directions, M, c, np.concatenate([first, rows], axis=1))


def limit(directions: Directions, single: Callable[[Loop], Estimate]) -> Estimate:
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

    def alone(one: Loop) -> tuple[Array, Array, Array, Array]:
        found, means = single(one), moments.first_moments_limit(one)
        error = found.value * found.rel_error
        value, error, mean_sq, trace = np.array([found.value, error, *means])[:, None]
        return value, error, mean_sq, trace

    curves, M, c = _curves(directions, parts), M[:, None], c[:, None]
    rows = _rows_at(directions, curves, c, 0)[:, None]
    return _assembled(directions, M, c, _corrected(directions, curves, alone, c, rows)).last()
