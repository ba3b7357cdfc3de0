"""One generation as a map of vectors and matrices: what is remembered, drawn, pooled and fitted."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from madtheory.loop import Loop, UnsupportedLoop

if TYPE_CHECKING:
    from madtheory._types import Array, Ints

#: Matrix 0 of every state is the identity.
ID = 0
#: Rounding of a limit per sample in sight and real sample; from where on it is declared,
#: and where a limit is refused.
ROUNDINGS, _SPOKEN_OF, _NOTHING = 4 * 2.0**-52, 1e-9, 5e-4


def grown(x: Array, axes: int) -> Array:
    """One more, zero, item along the last `axes` axes (np.pad takes ten times as long)."""
    lead = x.ndim - axes
    y = np.zeros(x.shape[:lead] + tuple(size + 1 for size in x.shape[lead:]))
    inner: tuple[slice, ...] = (slice(None),) * lead + (slice(-1),) * axes
    y[inner] = x
    return y


def mesh(*at: Ints) -> tuple[Ints, ...]:
    """Indices of the items `at` along each axis (np.ix_ takes ten times as long)."""
    return tuple(x.reshape(-1, *[1] * (len(at) - 1 - i)) for i, x in enumerate(at))


# --- what a generation does ----------------------------------------------------------------------


class Outer(NamedTuple):
    """sum_r w_r u_r u_r^T with u_r = rows_r v: a quadratic form in the vectors."""

    weights: Array  # (r,)
    rows: Array  # (r, v)

    def dense(self) -> Array:
        """The matrix of the form."""
        return (self.rows.T * self.weights) @ self.rows

    def trace(self, G: Array) -> float:
        """E of its trace, G the Gram matrix of the vectors."""
        return float(self.weights @ np.sum((self.rows @ G) * self.rows, axis=1))

    def times(self, factor: float) -> Outer:
        """A multiple."""
        return Outer(factor * self.weights, self.rows)

    def plus(self, weight: float, row: Array) -> Outer:
        """One more term."""
        return Outer(np.append(self.weights, weight), np.concatenate([self.rows, row[None]]))


def _no_outer(v: int) -> Outer:
    """The empty sum."""
    return Outer(np.zeros(0), np.zeros((0, v)))


class Parent(NamedTuple):
    """Covariance of a draw: alpha M + beta."""

    alpha: Array
    beta: Outer | None = None


class Rows(NamedTuple):
    """One update: L (v', v), alpha (m', m), and beta of the rows that have one."""

    L: Array
    alpha: Array
    beta: dict[int, Outer]


#: Array row, matrix row and outer products of one item after an update.
_Item: TypeAlias = "tuple[Array, Array, Outer | None]"


class _Sample(NamedTuple):
    """A set of samples in terms of the items: count, mean, scatter alpha M + beta."""

    n: float
    mean: Array
    alpha: Array
    beta: Outer


class Layout(NamedTuple):
    """Which items a loop carries: fixed set, earlier batches (or one pool), model, memory.

    The model is (mu, Sigma - origin I). Memory holds (mu, lambda Sigma) of single models, or the
    mean and covariance of their mixture: the average over models is all that sampling sees.
    With `blend`, memory and pool are one average each that forgets at a constant rate, of the
    same mean age and the same sum of squared weights as K equal ones: the newest counts 2/(K + 1).
    """

    fixed: int
    batches: int
    memory: int
    blend: bool = False

    @property
    def vectors(self) -> int:
        """Number of vectors."""
        return self.fixed + self.batches + 1 + self.memory

    @property
    def matrices(self) -> int:
        """Number of matrices: the identity is one more."""
        return self.vectors + 1

    @property
    def newest(self) -> int:
        """Array of the newest model; its matrix is one further."""
        return self.fixed + self.batches


def layout_of(loop: Loop) -> Layout:
    """Memory 1 needs the model only, unlimited memory one average; an uncapped pool, one sum."""
    batches = 1 if loop.pooled is None else loop.pooled - 1
    memory = {None: 1, 1: 0}.get(loop.memory, loop.memory)
    return Layout(int(loop.n_fixed > 0), batches, memory or 0)


def blended_layout(loop: Loop) -> Layout:
    """The layout of few items, for what need not be exact."""
    layout = layout_of(loop)
    return Layout(layout.fixed, min(layout.batches, 1), min(layout.memory, 1), blend=True)


def is_exact(loop: Loop) -> bool:
    """Whether the second moments of `loop` are exact; if not, their variances are to leading order.

    Examples
    --------
    >>> is_exact(fresh_data(10, 10)), is_exact(fresh_data(10, 10, memory=2))
    (True, False)
    """
    return loop.memory == 1 and loop.pooled in (1, None)


def _joined(betas: list[Outer]) -> Outer:
    """The sum."""
    return Outer(np.concatenate([b.weights for b in betas]), np.vstack([b.rows for b in betas]))


def _merge(samples: list[_Sample]) -> _Sample:
    """The union: scatters add, and so do the outer products of the means' differences."""
    samples = [s for s in samples if s.n] or samples[:1]
    n, mean, alpha, beta = samples[0]
    for s in samples[1:]:
        both = n + s.n
        beta = _joined([beta, s.beta]).plus(n * s.n / both, mean - s.mean)
        mean, alpha, n = (n * mean + s.n * s.mean) / both, alpha + s.alpha, both
    return _Sample(n, mean, alpha, beta)


def unit(size: int, i: int) -> Array:
    """Basis vector."""
    row = np.zeros(size)
    row[i] = 1.0
    return row


def _held(n: float, v: int, i: int, scale: float = 1.0) -> _Sample:
    """Samples that item i holds: mean v_i, scatter (n - 1) scale I + M_(i+1)."""
    alpha = unit(v + 1, i + 1)
    alpha[ID] = scale * max(n - 1.0, 0.0)
    return _Sample(n, unit(v, i), alpha, _no_outer(v))


def _kept(sample: _Sample, scale: float = 1.0) -> _Item:
    """Rows of the item that will hold `sample`."""
    alpha = sample.alpha.copy()
    alpha[ID] -= scale * max(sample.n - 1.0, 0.0)
    return sample.mean, alpha, sample.beta


def _fit(loop: Loop, real: _Sample, synth: _Sample, origin: float) -> _Sample:
    """The model: mean, and covariance less origin I (its count is not used)."""
    w = loop.weight
    if w is None:
        both = _merge([real, synth])
        unit = 1.0 / (both.n - loop.ddof)
        mean, alpha, beta = both.mean, unit * both.alpha, both.beta.times(unit)
    else:
        a, b = w / (real.n - loop.ddof), (1 - w) / (synth.n - loop.ddof)
        mean = w * real.mean + (1 - w) * synth.mean
        alpha = a * real.alpha + b * synth.alpha
        beta = _joined([real.beta.times(a), synth.beta.times(b)])
        beta = beta.plus(w * (1 - w), real.mean - synth.mean)
    alpha[ID] += loop.floor - origin
    return _Sample(0.0, mean, alpha, beta)


def _parent(loop: Loop, layout: Layout, t: int, origin: float) -> tuple[Array, Parent]:
    """Mean and covariance of the synthetic samples of generation t + 1."""
    v, new = layout.vectors, layout.newest
    if loop.memory == 1:
        return unit(v, new), Parent(
            loop.scalar_bias * (unit(v + 1, new + 1) + origin * unit(v + 1, ID))
        )
    live, first = min(layout.memory, t), new + 1
    mean, alpha = np.zeros(v), np.zeros(v + 1)
    mean[first : first + live] = alpha[first + 1 : first + 1 + live] = 1 / live
    between = np.eye(v)[first : first + live] - mean
    return mean, Parent(alpha, Outer(np.full(live, 1 / live), between) if live > 1 else None)


def _batch(loop: Loop, mean: Array, parent: Parent) -> _Sample:
    """The synthetic samples; e and N are the last items but one."""
    v, dof = mean.size + 2, loop.n_synth - 1
    alpha = unit(v + 1, v - 1)
    alpha[: v - 1] += dof * parent.alpha
    beta = parent.beta or _no_outer(v - 2)
    wide = Outer(dof * beta.weights, np.pad(beta.rows, ((0, 0), (0, 2))))
    return _Sample(loop.n_synth, np.append(mean, [1.0, 0.0]), alpha, wide)


def _scaled(sample: _Sample, n: float) -> _Sample:
    """The same mean and covariance, counted as n samples."""
    ratio = n / sample.n if sample.n else 0.0
    return _Sample(n, sample.mean, ratio * sample.alpha, sample.beta.times(ratio))


def _share(kept: int | None, t: int) -> float:
    """Weight of the newest of t things in an average over the last `kept`, as a blend."""
    return 1.0 / t if kept is None else max(1.0 / t, 2.0 / (kept + 1))


def _one_pool(loop: Loop, layout: Layout, t: int, batch: _Sample, origin: float) -> _Sample:
    """All synthetic samples of generation t + 1 where one item holds the earlier ones."""
    kept, n_s = loop.pooled, loop.n_synth
    count, before = (n_s * (u if kept is None else min(u, kept)) for u in (t, t - 1))
    share = _share(kept, t)
    old = _held(before, layout.vectors + 2, layout.fixed, origin)
    old = _scaled(old, (1 - share) * count)
    return _merge([old, _scaled(batch, share * count)])


def _pool(
    loop: Loop, layout: Layout, t: int, batch: _Sample, origin: float
) -> tuple[list[_Sample], _Sample]:
    """(What the batch items hold from now on, all synthetic samples of generation t + 1)."""
    if layout.batches and (layout.blend or loop.keeps_all):
        pooled = _one_pool(loop, layout, t, batch, origin)
        return [pooled], pooled
    v, first = layout.vectors + 2, layout.fixed
    filled = [i < t - 1 for i in range(layout.batches)]
    old = [_held(loop.n_synth * live, v, first + i, origin) for i, live in enumerate(filled)]
    return [batch, *old][: layout.batches], _merge([batch, *old])


def _assembled(items: list[_Item], v: int) -> Rows:
    """Stack the identity and the items' rows."""
    alpha = np.stack([unit(v + 1, ID), *(a for _, a, _ in items)])
    beta = {i + 1: b for i, (_, _, b) in enumerate(items) if b is not None and b.weights.size}
    return Rows(np.stack([row for row, _, _ in items]), alpha, beta)


def _remembered(
    loop: Loop, layout: Layout, t: int, model: _Item, origin: float, v: int
) -> list[_Item]:
    """Rows of what memory holds at generation t + 1."""
    if not layout.memory:
        return []
    mean, alpha, beta = model
    share = _share(loop.memory, t + 1) if loop.memory is None or layout.blend else 1.0
    alpha = share * loop.scalar_bias * (alpha + origin * unit(v + 1, ID))
    outer = (beta or _no_outer(v)).times(share * loop.scalar_bias)
    if not t:
        return [(mean, alpha, outer)] + [_nothing(v)] * (layout.memory - 1)
    held = [(unit(v, i), unit(v + 1, i + 1), None) for i in range(layout.newest + 1, v - 2)]
    if share == 1:
        return [(mean, alpha, outer), *held[:-1]]
    old = 1 - share
    outer = outer.plus(share * old, mean - held[0][0])
    return [(share * mean + old * held[0][0], alpha + old * held[0][1], outer)]


@lru_cache(maxsize=16)
def remembering(loop: Loop, layout: Layout, t: int) -> Rows:
    """How memory takes in the model of generation t + 1, on the items alone."""
    v, new = layout.vectors, layout.newest
    L, alpha, first = np.eye(v), np.eye(v + 1), layout.newest + 1
    share = 1 / (t + 1) if loop.memory is None else 1.0
    L[first:], alpha[first + 1 :] = 0.0, 0.0
    L[first, new], alpha[first + 1, new + 1] = share, share * loop.scalar_bias
    if share == 1 and t:  # The window moves on.
        L[first + 1 :, first:-1] = np.eye(layout.memory - 1)
        alpha[first + 2 :, first + 1 : -1] = np.eye(layout.memory - 1)
    if share == 1:
        return Rows(L, alpha, {})
    L[first, first] = alpha[first + 1, first + 1] = 1 - share
    between = Outer(np.array([share * (1 - share)]), (unit(v, new) - unit(v, first))[None])
    return Rows(L, alpha, {first + 1: between})


def _nothing(v: int) -> _Item:
    """Rows of an item that holds nothing yet."""
    return np.zeros(v), np.zeros(v + 1), None


@lru_cache(maxsize=16)
def later_rows(
    loop: Loop, layout: Layout, t: int, origin: float, factor: float
) -> tuple[Parent, Rows]:
    """What generation t + 1 draws from, and its update; `factor` is on what a fit contributes."""
    v = layout.vectors + 2
    mean, parent = _parent(loop, layout, t, origin)
    fixed = [_held(loop.n_fixed, v, 0)] if layout.fixed else []
    real = _merge([*fixed, _held(loop.n_fresh, v, v - 1)])
    batches, synth = _pool(loop, layout, t, _batch(loop, mean, parent), origin)
    fit = _fit(loop, real, synth, origin)
    model: _Item = fit.mean, factor * fit.alpha, fit.beta.times(factor)
    items = [*(_kept(s) for s in fixed), *(_kept(s, origin) for s in batches)]
    return parent, _assembled([*items, model, *_remembered(loop, layout, t, model, origin, v)], v)


def first_rows(loop: Loop, layout: Layout, origin: float, factor: float) -> Rows:
    """Generation 1 from three draws: what it shares with the fixed set, and the two rests."""
    v = 3
    drawn = [_held(n, v, i, scale) for i, (n, scale) in enumerate(first_draws(loop))]
    none = _Sample(0.0, np.zeros(v), np.zeros(v + 1), _no_outer(v))
    sample, unit = _merge(drawn[:2]), 1.0 / (loop.n_initial - loop.ddof)
    alpha = unit * sample.alpha
    alpha[ID] += loop.floor - origin
    model: _Item = sample.mean, factor * alpha, sample.beta.times(unit * factor)
    items = [_kept(_merge([drawn[0], drawn[2]]))] if layout.fixed else []
    items += [_kept(none)] * layout.batches
    return _assembled([*items, model, *_remembered(loop, layout, 0, model, origin, v)], v)


def first_draws(loop: Loop) -> list[tuple[int, float]]:
    """(count, scale) of the samples that the first model and the fixed set are made of."""
    shared = loop.n_shared
    rests = loop.n_initial - shared, loop.n_fixed - shared
    return [(shared, 1.0), (rests[0], loop.first_bias), (rests[1], 1.0)]


def full(loop: Loop, t: int) -> int:
    """t, or an earlier generation with the same update."""
    # One more than the cap: the pool of the generation before is full as well.
    if loop.memory is None or loop.pooled is None:
        return t
    return min(t, max(loop.memory, loop.pooled + 1))


def crowding(loop: Loop) -> float:
    """Samples in sight per real sample: limits are found to that many roundings.

    So near to 1 is what a generation keeps. Weights keep their share, whatever the counts: one
    over the weight of the real data.
    """
    if loop.weight == 0 or not loop.n_real:
        return 1.0
    if loop.weight is not None:
        return min(1.0 / loop.weight, np.finfo(np.float64).max)
    return loop.n_train / loop.n_real * (loop.pooled or 1)


def rounding(loop: Loop) -> float:
    """Relative rounding of first moments at the limit, where it is worth a word."""
    error = 0.0 if loop.is_fresh_memory_one else ROUNDINGS * crowding(loop)
    return error if error > _SPOKEN_OF else 0.0


def second_rounding(loop: Loop) -> float:
    """The same of second moments: scatters of a pool are differences of larger ones."""
    error = 0.0 if loop.is_fresh_memory_one else ROUNDINGS * crowding(loop)
    error *= crowding(loop) if loop.pooled != 1 else 1.0
    return error if error > _SPOKEN_OF else 0.0


def require_resolved(loop: Loop, quantity: str) -> None:
    """Refuse limits of which rounding leaves nothing."""
    if rounding(loop) > _NOTHING:
        raise UnsupportedLoop(
            f"{quantity} is computed for fewer than some 10^11 samples in sight per real "
            f"sample, or per unit of its weight, got {crowding(loop):.3g}"
        )


def require_supported(loop: Loop, quantity: str) -> None:
    """Refuse what neither route covers."""
    if loop.budget is not None:
        raise UnsupportedLoop(f"{quantity} is computed without a budget only, got {loop.budget}")
