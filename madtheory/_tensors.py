"""Second moments of every loop at Sigma_0 = I (theory.md 2.3, 2.8, 2.9, 3.1-3.3).

Real sets, pools and models are vectors v_a (means) and symmetric matrices M_i (scatters,
covariances) whose joint law is invariant under rotations. One generation draws noise given them

    e ~ N(0, P/n),   N = scatter - (n - 1) P ~ W_d(P, n - 1) - (n - 1) P,   P = sum_i p_i M_i,

and then forms v' = L v and M'_i = sum_k alpha_ik M_k + sum_ab beta_iab v_a v_b^T. With memory 1 the
joint moments of degree two close (`_Tensors`): exact. Otherwise a generation's samples come from a
mixture of models. It is replaced by the Gaussian of the same mean and covariance, and products
v_a v_b^T by Gaussian ones (`_Closed`): first moments stay exact, variances are right up to a
relative O(1/n).
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from madtheory import _threads, _validate
from madtheory._system import affine_path
from madtheory.loops import Loop, UnsupportedLoop

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Arrays of float64.
Array: TypeAlias = "NDArray[np.float64]"

__all__ = [
    "SecondMoments",
    "is_exact",
    "second_moment_radius",
    "second_moments",
    "second_moments_limit",
]

#: Matrix 0 of every state is the identity.
ID = 0
#: A stationary path is filled up once a generation moves it less than this.
_STILL = 1e-15
#: Closer to 1 than this, a radius counts as 1.
_NEAR = 1e-12
_DOUBLINGS = 42


class SecondMoments(NamedTuple):
    """Moments of degree two of generations 1..T at Sigma_0 = I, mu_0 = 0: arrays (T,) or floats.

    E of |mu|^2, tr Sigma, |mu|^4, |mu|^2 tr Sigma, mu^T Sigma mu, (tr Sigma)^2, tr Sigma^2.
    """

    mean_sq: Array
    trace: Array
    mean_fourth: Array
    mean_sq_trace: Array
    sandwich: Array
    squared_trace: Array
    trace_squared: Array


# ---------------------------------------------------------------------------- exact: all tensors
class _Tensors(NamedTuple):
    """Joint moments of degree two of v vectors and m matrices; leading axes are a batch."""

    G: Array  # (..., v, v)        E v_a.v_b
    C: Array  # (..., m)           E tr M_i
    V4: Array  # (..., v, v, v, v)  E (v_a.v_b)(v_c.v_d)
    VM: Array  # (..., v, v, m)     E (v_a.v_b) tr M_i
    VS: Array  # (..., v, v, m)     E v_a^T M_i v_b
    MM: Array  # (..., m, m)        E tr M_i tr M_j
    MT: Array  # (..., m, m)        E tr M_i M_j


def _identity_tensors(dim: int) -> _Tensors:
    """No vector, and the identity for a matrix."""
    d, none = float(dim), np.zeros
    square = np.array([[d * d]]), np.array([[d]])
    return _Tensors(
        none((0, 0)), np.array([d]), none((0,) * 4), none((0, 0, 1)), none((0, 0, 1)), *square
    )


def grown(x: Array, axes: int) -> Array:
    """One more, zero, item along the last `axes` axes (np.pad takes ten times as long)."""
    lead = x.ndim - axes
    y = np.zeros(x.shape[:lead] + tuple(size + 1 for size in x.shape[lead:]))
    inner: tuple[slice, ...] = (slice(None),) * lead + (slice(-1),) * axes
    y[inner] = x
    return y


def _draw_tensors(x: _Tensors, parent: _Parent, n: float) -> _Tensors:
    """Append e and N of `n` samples (odd moments vanish; Isserlis and Wishart for the rest)."""
    p, k, dof = parent.alpha, 1.0 / n if n else 0.0, max(n - 1.0, 0.0)
    tau, pMM, pMT = x.C @ p, x.MM @ p, x.MT @ p
    square, of_square = pMM @ p, pMT @ p
    pVM, pVS = k * (x.VM @ p), k * (x.VS @ p)
    y = _Tensors(*(grown(z, axes) for z, axes in zip(x, (2, 1, 4, 3, 3, 2, 2), strict=True)))
    y.G[..., -1, -1] = k * tau
    for pairs in (y.V4[..., -1, -1, :-1, :-1], y.V4[..., :-1, :-1, -1, -1]):
        pairs[...] = pVM
    crossed = (
        y.V4[..., -1, :-1, -1, :-1],
        y.V4[..., :-1, -1, -1, :-1],
        y.V4[..., -1, :-1, :-1, -1],
        y.V4[..., :-1, -1, :-1, -1],
    )
    for pairs in crossed:
        pairs[...] = pVS
    y.V4[..., -1, -1, -1, -1] = k**2 * (square + 2 * of_square)
    y.VM[..., -1, -1, :-1], y.VS[..., -1, -1, :-1] = k * pMM, k * pMT
    y.MM[..., -1, -1], y.MT[..., -1, -1] = 2 * dof * of_square, dof * (square + of_square)
    return y


def _swapped(x: Array) -> Array:
    """Transpose of the last two axes."""
    return np.swapaxes(x, -1, -2)


def _on_pairs(x: Array, L: Array) -> Array:
    """L L^T-transform of the two vector axes of (..., v, v, m)."""
    return np.moveaxis(L @ np.moveaxis(x, -1, -3) @ L.T, -3, -1)


def _on_four(x: Array, L: Array) -> Array:
    """L applied to the last four axes."""
    for _ in range(4):
        x = np.tensordot(x, L, axes=(x.ndim - 4, 1))
    return x


def _update_tensors(x: _Tensors, rows: _Rows) -> _Tensors:
    """Moments of v' = L v and M' = alpha M + beta v v^T."""
    L, A = rows.L, rows.alpha
    beta = np.zeros((len(A), L.shape[1], L.shape[1]))
    for i, b in rows.beta.items():
        beta[i] = b.dense()
    pair, last = ([-3, -2], [1, 2]), ([-2, -1], [1, 2])
    straight = np.tensordot(x.V4, beta, axes=last)  # (v_a.v_b) v_c^T beta v_d
    crossed = np.tensordot(np.swapaxes(x.V4, -3, -2), beta, axes=last)
    mixed = [A @ np.tensordot(z, beta, axes=pair) for z in (x.VM, x.VS)]
    MM, MT = (
        A @ z @ A.T + w + _swapped(w) + np.tensordot(y, beta, axes=pair)
        for z, w, y in zip((x.MM, x.MT), mixed, (straight, crossed), strict=True)
    )
    return _Tensors(
        L @ x.G @ L.T,
        x.C @ A.T + np.tensordot(x.G, beta, axes=last),
        _on_four(x.V4, L),
        _on_pairs(x.VM @ A.T + straight, L),
        _on_pairs(x.VS @ A.T + crossed, L),
        MM,
        MT,
    )


def _shrink_tensors(x: _Tensors, i: int, shrinkage: float, dim: int) -> _Tensors:
    """Moments with M_i replaced by (1 - s) M_i + s (tr M_i/d) I."""
    s, VS, MT = shrinkage, x.VS.copy(), x.MT.copy()
    VS[..., i] = (1 - s) * VS[..., i] + s / dim * x.VM[..., i]
    # Once for either factor: traces do not change.
    MT[..., i, :] = (1 - s) * MT[..., i, :] + s / dim * x.MM[..., i, :]
    MT[..., :, i] = (1 - s) * MT[..., :, i] + s / dim * x.MM[..., :, i]
    return x._replace(VS=VS, MT=MT)


# ------------------------------------------------------------------------- closed: Gram matrices
class _Closed(NamedTuple):
    """First moments, and covariances of the matrices' traces and traceless parts."""

    G: Array  # (v, v)  E v_a.v_b
    C: Array  # (m,)    E tr M_i
    MM: Array  # (m, m)  Cov(tr M_i, tr M_j)
    TT: Array  # (m, m)  E tr M_i M_j of the traceless parts


def _identity_closed(dim: int) -> _Closed:
    """No vector, and the identity for a matrix."""
    return _Closed(np.zeros((0, 0)), np.array([float(dim)]), np.zeros((1, 1)), np.zeros((1, 1)))


def _outer_spread(a: _Outer, b: _Outer, G: Array, dim: int) -> tuple[float, float]:
    """(MM, TT) of two sums of outer products for Gaussian v, Cov(v_a, v_b) = (G_ab/d) I."""
    both = float(a.weights @ np.square(a.rows @ G @ b.rows.T) @ b.weights)
    return 2 / dim * both, (1 + 1 / dim - 2 / dim**2) * both


def _parent_spread(x: _Closed, parent: _Parent, dim: int) -> tuple[float, float, float]:
    """(E tr P, E (tr P)^2, E tr P^2)."""
    p, b = parent.alpha, parent.beta
    tau, var, rest = float(x.C @ p), float(p @ x.MM @ p), float(p @ x.TT @ p)
    if b is not None:
        tau += b.trace(x.G)
        extra = _outer_spread(b, b, x.G, dim)
        var, rest = var + extra[0], rest + extra[1]
    return tau, tau**2 + var, (tau**2 + var) / dim + rest


def _draw_closed(x: _Closed, parent: _Parent, n: float, dim: int) -> _Closed:
    """Append e and N of `n` samples."""
    dof = max(n - 1.0, 0.0)
    tau, square, of_square = _parent_spread(x, parent, dim)
    y = _Closed(*(grown(z, axes) for z, axes in zip(x, (2, 1, 2, 2), strict=True)))
    y.G[-1, -1] = tau / n if n else 0.0
    y.MM[-1, -1] = 2 * dof * of_square
    y.TT[-1, -1] = dof * (square + of_square) - y.MM[-1, -1] / dim
    return y


def _congruent(x: Array, A: Array) -> Array:
    """A x A^T for symmetric x, cheap where most rows of A only copy an item."""
    copies = (np.count_nonzero(A, axis=1) == 1) & (A.max(axis=1) == 1)
    source, new = A.argmax(axis=1), np.flatnonzero(~copies)
    y: Array = x[np.ix_(source, source)]
    y[new] = A[new] @ x @ A.T
    y[:, new] = y[new].T
    return y


def _update_closed(x: _Closed, rows: _Rows, flat: _Rows, dim: int) -> _Closed:
    """Moments after one update; `flat` are the rows that traceless parts see."""
    C = rows.alpha @ x.C
    MM, TT = _congruent(x.MM, rows.alpha), _congruent(x.TT, flat.alpha)
    for i, b in rows.beta.items():
        C[i] += b.trace(x.G)
        for j in rows.beta:
            MM[i, j] += _outer_spread(b, rows.beta[j], x.G, dim)[0]
            TT[i, j] += _outer_spread(flat.beta[i], flat.beta[j], x.G, dim)[1]
    return _Closed(_congruent(x.G, rows.L), C, MM, TT)


# ------------------------------------------------------------------------- what a generation does
class _Outer(NamedTuple):
    """sum_r w_r u_r u_r^T with u_r = rows_r v: a quadratic form in the vectors."""

    weights: Array  # (r,)
    rows: Array  # (r, v)

    def dense(self) -> Array:
        """The matrix of the form."""
        return (self.rows.T * self.weights) @ self.rows

    def trace(self, G: Array) -> float:
        """E of its trace, G the Gram matrix of the vectors."""
        return float(self.weights @ np.sum((self.rows @ G) * self.rows, axis=1))

    def times(self, factor: float) -> _Outer:
        """A multiple."""
        return _Outer(factor * self.weights, self.rows)

    def plus(self, weight: float, row: Array) -> _Outer:
        """One more term."""
        return _Outer(np.append(self.weights, weight), np.concatenate([self.rows, row[None]]))


def _no_outer(v: int) -> _Outer:
    """The empty sum."""
    return _Outer(np.zeros(0), np.zeros((0, v)))


class _Parent(NamedTuple):
    """Covariance of a draw: alpha M + beta."""

    alpha: Array
    beta: _Outer | None = None


class _Rows(NamedTuple):
    """One update: L (v', v), alpha (m', m), and beta of the rows that have one."""

    L: Array
    alpha: Array
    beta: dict[int, _Outer]


#: Vector row, matrix row and outer products of one item after an update.
_Item: TypeAlias = tuple[Array, Array, "_Outer | None"]


class _Sample(NamedTuple):
    """A set of samples in terms of the items: count, mean, scatter alpha M + beta."""

    n: float
    mean: Array
    alpha: Array
    beta: _Outer


class _Layout(NamedTuple):
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
        """Number of vectors; there is one more matrix."""
        return self.fixed + self.batches + 1 + self.memory

    @property
    def newest(self) -> int:
        """Vector of the newest model; its matrix is one further."""
        return self.fixed + self.batches


def _generations_pooled(loop: Loop) -> int | None:
    """Batches a generation trains on at most; None for all."""
    return 1 if loop.pool == "replace" else loop.pool_cap


def _layout(loop: Loop) -> _Layout:
    """Memory 1 needs the model only, unlimited memory one average; an uncapped pool, one sum."""
    pooled = _generations_pooled(loop)
    batches = 1 if pooled is None else pooled - 1
    memory = {None: 1, 1: 0}.get(loop.memory, loop.memory)
    return _Layout(int(loop.n_fixed > 0), batches, memory or 0)


def _blended(loop: Loop) -> _Layout:
    """The layout of few items, for what need not be exact."""
    layout = _layout(loop)
    return _Layout(layout.fixed, min(layout.batches, 1), min(layout.memory, 1), blend=True)


def is_exact(loop: Loop) -> bool:
    """Whether the second moments of `loop` are exact; if not, their variances are to leading order.

    Examples
    --------
    >>> from madtheory.loops import fresh_data
    >>> is_exact(fresh_data(10, 10)), is_exact(fresh_data(10, 10, memory=2))
    (True, False)
    """
    return loop.memory == 1 and _generations_pooled(loop) in (1, None)


def _joined(betas: list[_Outer]) -> _Outer:
    """The sum."""
    return _Outer(np.concatenate([b.weights for b in betas]), np.vstack([b.rows for b in betas]))


def _merge(samples: list[_Sample]) -> _Sample:
    """The union: scatters add, and so do the outer products of the means' differences."""
    samples = [s for s in samples if s.n] or samples[:1]
    n, mean, alpha, beta = samples[0]
    for s in samples[1:]:
        both = n + s.n
        beta = _joined([beta, s.beta]).plus(n * s.n / both, mean - s.mean)
        mean, alpha, n = (n * mean + s.n * s.mean) / both, alpha + s.alpha, both
    return _Sample(n, mean, alpha, beta)


def _unit(size: int, i: int) -> Array:
    """Basis vector."""
    row = np.zeros(size)
    row[i] = 1.0
    return row


def _held(n: float, v: int, i: int, scale: float = 1.0) -> _Sample:
    """Samples that item i holds: mean v_i, scatter (n - 1) scale I + M_(i+1)."""
    alpha = _unit(v + 1, i + 1)
    alpha[ID] = scale * max(n - 1.0, 0.0)
    return _Sample(n, _unit(v, i), alpha, _no_outer(v))


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


def _parent(loop: Loop, layout: _Layout, t: int, origin: float) -> tuple[Array, _Parent]:
    """Mean and covariance of the synthetic samples of generation t + 1."""
    v, new = layout.vectors, layout.newest
    if loop.memory == 1:
        return _unit(v, new), _Parent(
            loop.bias * (_unit(v + 1, new + 1) + origin * _unit(v + 1, ID))
        )
    live, first = min(layout.memory, t), new + 1
    mean, alpha = np.zeros(v), np.zeros(v + 1)
    mean[first : first + live] = alpha[first + 1 : first + 1 + live] = 1 / live
    between = np.eye(v)[first : first + live] - mean
    return mean, _Parent(alpha, _Outer(np.full(live, 1 / live), between) if live > 1 else None)


def _batch(loop: Loop, mean: Array, parent: _Parent) -> _Sample:
    """The synthetic samples; e and N are the last items but one."""
    v, dof = mean.size + 2, loop.n_synth - 1
    alpha = _unit(v + 1, v - 1)
    alpha[: v - 1] += dof * parent.alpha
    beta = parent.beta or _no_outer(v - 2)
    wide = _Outer(dof * beta.weights, np.pad(beta.rows, ((0, 0), (0, 2))))
    return _Sample(loop.n_synth, np.append(mean, [1.0, 0.0]), alpha, wide)


def _scaled(sample: _Sample, n: float) -> _Sample:
    """The same mean and covariance, counted as n samples."""
    ratio = n / sample.n if sample.n else 0.0
    return _Sample(n, sample.mean, ratio * sample.alpha, sample.beta.times(ratio))


def _share(kept: int | None, t: int) -> float:
    """Weight of the newest of t things in an average over the last `kept`, as a blend."""
    return 1.0 / t if kept is None else max(1.0 / t, 2.0 / (kept + 1))


def _one_pool(loop: Loop, layout: _Layout, t: int, batch: _Sample, origin: float) -> _Sample:
    """All synthetic samples of generation t + 1 where one item holds the earlier ones."""
    kept, n_s = _generations_pooled(loop), loop.n_synth
    count, before = (n_s * (u if kept is None else min(u, kept)) for u in (t, t - 1))
    share = _share(kept, t)
    old = _held(before, layout.vectors + 2, layout.fixed, origin)
    old = _scaled(old, (1 - share) * count)
    return _merge([old, _scaled(batch, share * count)])


def _pool(
    loop: Loop, layout: _Layout, t: int, batch: _Sample, origin: float
) -> tuple[list[_Sample], _Sample]:
    """(What the batch items hold from now on, all synthetic samples of generation t + 1)."""
    if layout.batches and (layout.blend or _generations_pooled(loop) is None):
        pooled = _one_pool(loop, layout, t, batch, origin)
        return [pooled], pooled
    v, first = layout.vectors + 2, layout.fixed
    filled = [i < t - 1 for i in range(layout.batches)]
    old = [_held(loop.n_synth * live, v, first + i, origin) for i, live in enumerate(filled)]
    return [batch, *old][: layout.batches], _merge([batch, *old])


def _assembled(items: list[_Item], v: int) -> _Rows:
    """Stack the identity and the items' rows."""
    alpha = np.stack([_unit(v + 1, ID), *(a for _, a, _ in items)])
    beta = {i + 1: b for i, (_, _, b) in enumerate(items) if b is not None and b.weights.size}
    return _Rows(np.stack([row for row, _, _ in items]), alpha, beta)


def _remembered(
    loop: Loop, layout: _Layout, t: int, model: _Item, origin: float, v: int
) -> list[_Item]:
    """Rows of what memory holds at generation t + 1."""
    if not layout.memory:
        return []
    mean, alpha, beta = model
    share = _share(loop.memory, t + 1) if loop.memory is None or layout.blend else 1.0
    alpha = share * loop.bias * (alpha + origin * _unit(v + 1, ID))
    outer = (beta or _no_outer(v)).times(share * loop.bias)
    if not t:
        return [(mean, alpha, outer)] + [_nothing(v)] * (layout.memory - 1)
    held = [(_unit(v, i), _unit(v + 1, i + 1), None) for i in range(layout.newest + 1, v - 2)]
    if share == 1:
        return [(mean, alpha, outer), *held[:-1]]
    old = 1 - share
    outer = outer.plus(share * old, mean - held[0][0])
    return [(share * mean + old * held[0][0], alpha + old * held[0][1], outer)]


def _nothing(v: int) -> _Item:
    """Rows of an item that holds nothing yet."""
    return np.zeros(v), np.zeros(v + 1), None


@lru_cache(maxsize=16)
def _generation(
    loop: Loop, layout: _Layout, t: int, origin: float, factor: float
) -> tuple[_Parent, _Rows]:
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


def _first(loop: Loop, layout: _Layout, origin: float, factor: float) -> _Rows:
    """Generation 1 from three draws: what it shares with the fixed set, and the two rests."""
    v = 3
    drawn = [_held(n, v, i, scale) for i, (n, scale) in enumerate(_first_draws(loop))]
    none = _Sample(0.0, np.zeros(v), np.zeros(v + 1), _no_outer(v))
    sample, unit = _merge(drawn[:2]), 1.0 / (loop.n_initial - loop.ddof)
    alpha = unit * sample.alpha
    alpha[ID] += loop.floor - origin
    model: _Item = sample.mean, factor * alpha, sample.beta.times(unit * factor)
    items = [_kept(_merge([drawn[0], drawn[2]]))] if layout.fixed else []
    items += [_kept(none)] * layout.batches
    return _assembled([*items, model, *_remembered(loop, layout, 0, model, origin, v)], v)


def _first_draws(loop: Loop) -> list[tuple[int, float]]:
    """(count, scale) of the samples that the first model and the fixed set are made of."""
    shared = loop.n_shared
    rests = loop.n_initial - shared, loop.n_fixed - shared
    return [(shared, 1.0), (rests[0], loop.first_bias), (rests[1], 1.0)]


def _size(layout: _Layout) -> int:
    """Number of matrices."""
    return layout.vectors + 1


# ------------------------------------------------------------------------------------ exact loops
def _first_tensors(loop: Loop, dim: int, origin: float) -> _Tensors:
    """State of generation 1."""
    x, layout = _identity_tensors(dim), _layout(loop)
    for n, scale in _first_draws(loop):
        x = _draw_tensors(x, _Parent(scale * _unit(x.C.size, ID)), n)
    x = _update_tensors(x, _first(loop, layout, origin, 1.0))
    return _shrink_tensors(x, layout.newest + 1, loop.shrinkage, dim)


def _next_tensors(x: _Tensors, loop: Loop, dim: int, t: int, origin: float) -> _Tensors:
    """State of generation t + 1."""
    layout = _layout(loop)
    parent, rows = _generation(loop, layout, t, origin, 1.0)
    x = _draw_tensors(x, parent, loop.n_synth)
    x = _draw_tensors(x, _Parent(_unit(_size(layout) + 1, ID)), loop.n_fresh)
    return _shrink_tensors(_update_tensors(x, rows), layout.newest + 1, loop.shrinkage, dim)


def _read(x: _Tensors, i: int) -> Array:
    """The seven invariants of model i."""
    j = i + 1
    values = (x.G[i, i], x.C[j], x.V4[i, i, i, i], x.VM[i, i, j], x.VS[i, i, j])
    return np.array([*values, x.MM[j, j], x.MT[j, j]])


def _iterated(loop: Loop, dim: int, generations: int, origin: float) -> Array:
    """Invariants of (mu, Sigma - origin I), shape (T, 7), step by step."""
    x, newest = _first_tensors(loop, dim, origin), _layout(loop).newest
    path = [_read(x, newest)]
    for t in range(1, generations):
        x = _next_tensors(x, loop, dim, t, origin)
        path.append(_read(x, newest))
    return np.array(path)


def _pair(a: int, b: int) -> tuple[int, ...]:
    """Symmetry in two indices."""
    return (a, b) if a < b else (b, a)


def _key(name: str, at: tuple[int, ...], dim: int) -> tuple[tuple[object, ...], float]:
    """(Name of an entry up to symmetry and products with I, factor)."""
    if name == "V4":
        return (name, *sorted((_pair(*at[:2]), _pair(*at[2:])))), 1.0
    if name in ("VM", "VS"):
        if at[2] == ID:
            return ("G", _pair(*at[:2])), float(dim) if name == "VM" else 1.0
        return (name, _pair(*at[:2]), at[2]), 1.0
    if name in ("MM", "MT") and ID in at:
        return ("C", (max(at),)), float(dim) if name == "MM" else 1.0
    return (name, _pair(*at) if len(at) == 2 else at), 1.0


class _Chart(NamedTuple):
    """Independent entries of the tensors: flat = expand @ reduced, reduced = flat[pick]."""

    expand: Array
    pick: NDArray[np.intp]
    moving: NDArray[np.bool_]
    shapes: list[tuple[int, ...]]


#: Axes of the tensors: v, a vector; m, a matrix.
_AXES = ("vv", "m", "vvvv", "vvm", "vvm", "mm", "mm")


@lru_cache(maxsize=64)
def _chart(layout: _Layout, dim: int) -> _Chart:
    """Entries that differ, and whether they involve the model."""
    v, new = layout.vectors, layout.newest
    shapes = [tuple(v + (axis == "m") for axis in axes) for axes in _AXES]
    names: dict[tuple[object, ...], int] = {}
    pick: list[int] = []
    moving: list[bool] = []
    entries: list[tuple[int, float]] = []
    for name, axes, shape in zip(_Tensors._fields, _AXES, shapes, strict=True):
        for at in np.ndindex(*shape):
            key, factor = _key(name, at, dim)
            if key not in names:
                names[key] = len(pick)
                pick.append(len(entries))
                moving.append(any(i == new + (x == "m") for i, x in zip(at, axes, strict=True)))
            entries.append((names[key], factor))
    expand = np.zeros((len(entries), len(pick)))
    for row, (column, factor) in enumerate(entries):
        expand[row, column] = factor
    return _Chart(expand, np.array(pick), np.array(moving), shapes)


def _flat(x: _Tensors) -> Array:
    """Entries in a row, shape (batch, entries)."""
    batch = x.C.shape[:-1]
    return np.concatenate([z.reshape(*batch, -1) for z in x], axis=-1)


def _tensors(chart: _Chart, reduced: Array) -> _Tensors:
    """State from independent entries, shape (batch, reduced)."""
    flat, batch = reduced @ chart.expand.T, reduced.shape[:-1]
    cuts = np.cumsum([int(np.prod(shape)) for shape in chart.shapes])[:-1]
    parts = np.split(flat, cuts, axis=-1)
    return _Tensors(*(z.reshape(*batch, *s) for z, s in zip(parts, chart.shapes, strict=True)))


def _step_matrix(loop: Loop, dim: int, origin: float) -> Array:
    """One generation as a matrix on the independent entries (a stationary exact loop)."""
    chart = _chart(_layout(loop), dim)
    basis = _tensors(chart, np.eye(len(chart.pick)))
    return _flat(_next_tensors(basis, loop, dim, 1, origin))[:, chart.pick].T


@lru_cache(maxsize=256)
def _affine_map(loop: Loop, dim: int, origin: float) -> tuple[Array, Array, Array]:
    """(A, b, start) of the entries that involve the model; the rest never changes."""
    chart = _chart(_layout(loop), dim)
    step, start = (
        _step_matrix(loop, dim, origin),
        _flat(_first_tensors(loop, dim, origin))[chart.pick],
    )
    rows = step[chart.moving]
    return rows[:, chart.moving], rows[:, ~chart.moving] @ start[~chart.moving], start[chart.moving]


def _newest_entries(loop: Loop, dim: int) -> list[int]:
    """Where the seven invariants stand among the moving entries."""
    chart = _chart(_layout(loop), dim)
    numbers = np.zeros(len(chart.pick))
    numbers[chart.moving] = np.arange(chart.moving.sum())
    return [int(i) for i in _read(_tensors(chart, numbers), _layout(loop).newest)]


def _mapped(loop: Loop, dim: int, generations: int, origin: float) -> Array:
    """Invariants of (mu, Sigma - origin I), shape (T, 7), by powers of the map."""
    A, b, start = _affine_map(loop, dim, origin)
    at = _newest_entries(loop, dim)
    with np.errstate(over="ignore", invalid="ignore"):
        path = affine_path(A, b, start, generations)[:, at]
        # First moments by themselves: theirs may be finite where the others have overflowed.
        low = _degree_one(loop, dim)
        path[:, :2] = affine_path(A[np.ix_(low, low)], b[low], start[low], generations)[
            :, [low.index(i) for i in at[:2]]
        ]
    return np.where(np.isnan(path), np.inf, path)


def _degree_one(loop: Loop, dim: int) -> list[int]:
    """Moving entries that are first moments: G and C, which close among themselves."""
    chart = _chart(_layout(loop), dim)
    entries = int(np.prod(chart.shapes[0])) + chart.shapes[1][0]
    return [i for i, flat in enumerate(chart.pick[chart.moving]) if flat < entries]


def _exact_path(loop: Loop, dim: int, generations: int, origin: float) -> Array:
    """Invariants of (mu, Sigma - origin I) of an exact loop, shape (T, 7)."""
    route = _iterated if _generations_pooled(loop) is None else _mapped
    return route(loop, dim, generations, origin)


def _exact_limit(loop: Loop, dim: int, origin: float) -> Array | None:
    """Limit of :func:`_exact_path`; None where second moments diverge or the pool grows."""
    if _generations_pooled(loop) is None or second_moment_radius(loop, dim) >= 1 - _NEAR:
        return None
    A, b, _ = _affine_map(loop, dim, origin)
    limit: Array = np.asarray(np.linalg.solve(np.eye(len(b)) - A, b), dtype=np.float64)
    return limit[_newest_entries(loop, dim)]


# ----------------------------------------------------------------------------------- closed loops
def _first_closed(loop: Loop, dim: int, layout: _Layout) -> _Closed:
    """State of generation 1."""
    x = _identity_closed(dim)
    for n, scale in _first_draws(loop):
        x = _draw_closed(x, _Parent(scale * _unit(x.C.size, ID)), n, dim)
    rows, flat = (_first(loop, layout, 0.0, f) for f in (1.0, 1 - loop.shrinkage))
    return _update_closed(x, rows, flat, dim)


def _full(loop: Loop, t: int) -> int:
    """t, or an earlier generation with the same update."""
    pooled = _generations_pooled(loop)
    # One more than the cap: the pool of the generation before is full as well.
    return t if loop.memory is None or pooled is None else min(t, max(loop.memory, pooled + 1))


def _next_closed(x: _Closed, loop: Loop, dim: int, t: int, layout: _Layout) -> _Closed:
    """State of generation t + 1."""
    t = _full(loop, t)
    parent, rows = _generation(loop, layout, t, 0.0, 1.0)
    flat = _generation(loop, layout, t, 0.0, 1 - loop.shrinkage)[1]
    x = _draw_closed(x, parent, loop.n_synth, dim)
    x = _draw_closed(x, _Parent(_unit(_size(layout) + 1, ID)), loop.n_fresh, dim)
    return _update_closed(x, rows, flat, dim)


def _read_closed(x: _Closed, i: int, dim: int) -> Array:
    """(E |mu|^2, E tr Sigma, Var tr Sigma, E tr (Sigma - c)^2) of model i, c = E tr Sigma/d."""
    j = i + 1
    return np.array([x.G[i, i], x.C[j], x.MM[j, j], x.TT[j, j] + x.MM[j, j] / dim])


def _still(x: _Closed, y: _Closed) -> bool:
    """Whether a generation changed nothing to speak of."""
    return all(
        bool((np.abs(a - b) <= _STILL * np.abs(b).max(initial=0.0)).all())
        for a, b in zip(x, y, strict=True)
    )


def _closed_path(loop: Loop, dim: int, generations: int) -> Array:
    """Rows of :func:`_read_closed`, shape (T, 4)."""
    with _threads.one_thread():
        return _closed_steps(loop, dim, generations)


def _closed_steps(loop: Loop, dim: int, generations: int) -> Array:
    """The same, step by step."""
    layout = _layout(loop)
    x, newest = _first_closed(loop, dim, layout), layout.newest
    path = np.empty((generations, 4))
    path[0] = _read_closed(x, newest, dim)
    for t in range(1, generations):
        y = _next_closed(x, loop, dim, t, layout)
        path[t:] = _read_closed(y, newest, dim)
        if _full(loop, t) < t and _still(x, y):
            break
        x = y
    return path


class _Stationary(NamedTuple):
    """The update of a closed loop once its memory is full, in parts."""

    layout: _Layout
    parent: _Parent
    rows: _Rows
    flat: _Rows
    first: _Closed


def _stationary(loop: Loop, dim: int, layout: _Layout) -> _Stationary:
    """The update that every late generation makes."""
    late = _full(loop, _validate.MAX_COUNT)
    parent, rows = _generation(loop, layout, late, 0.0, 1.0)
    flat = _generation(loop, layout, late, 0.0, 1 - loop.shrinkage)[1]
    return _Stationary(layout, parent, rows, flat, _first_closed(loop, dim, layout))


def _radius(A: Array) -> float:
    """Spectral radius."""
    return float(np.abs(np.linalg.eigvals(A)).max(initial=0.0))


def _summed(A: Array, Q: Array, start: Array) -> Array:
    """Limit of X' = A X A^T + Q from `start`, by doubling."""
    P, S = A, Q
    for _ in range(_DOUBLINGS):
        more, square = P @ S @ P.T, P @ P
        moved = np.abs(square - P).max() + np.abs(more).max() / max(np.abs(S).max(), 1e-300)
        S, P = S + more, square
        if moved <= _STILL:
            break
    return S + P @ start @ P.T


def _only(x: Array, held: int) -> Array:
    """The part of a start that never changes: the first `held` items."""
    y = np.zeros_like(x)
    y[..., :held, :held] = x[..., :held, :held]
    return y


def _limit_first(loop: Loop, dim: int, s: _Stationary) -> tuple[Array, Array] | None:
    """Limits of (G, C); None where there are none."""
    held, v = s.layout.fixed, len(s.rows.L)
    L, A = s.rows.L[:, :v], s.rows.alpha[:, : v + 1]
    free = A[held + 1 :, held + 1 :]
    if max(_radius(L[held:, held:]), _radius(free)) >= 1 - _NEAR:
        return None
    real, synth = (np.outer(s.rows.L[:, i], s.rows.L[:, i]) for i in (v + 1, v))
    fresh = dim / loop.n_fresh if loop.n_fresh else 0.0
    grams = [_summed(L, fresh * real, _only(s.first.G, held)), _summed(L, synth, np.zeros((v, v)))]
    # The noise of the batch's mean is q = tr P/n_s, and tr P is affine in q.
    traces, taus = [], []
    for k, G in enumerate(grams):
        wide = np.zeros((v + 2, v + 2))
        wide[:v, :v] = G
        wide[v, v], wide[v + 1, v + 1] = float(k == 1), fresh * (k == 0)
        C = np.append(s.first.C[: held + 1] * (k == 0), np.zeros(len(free)))
        source = A @ C
        for i, b in s.rows.beta.items():
            source[i] += b.trace(wide)
        C[held + 1 :] = np.linalg.solve(np.eye(len(free)) - free, source[held + 1 :])
        traces.append(C)
        mixed = 0.0 if s.parent.beta is None else s.parent.beta.trace(G)
        taus.append(float(s.parent.alpha @ C + mixed) / loop.n_synth)
    if taus[1] >= 1 - _NEAR:
        return None
    q = taus[0] / (1 - taus[1])
    return grams[0] + q * grams[1], traces[0] + q * traces[1]


def _limit_spreads(
    loop: Loop, dim: int, s: _Stationary, G: Array, C: Array
) -> tuple[Array, Array] | None:
    """Limits of (MM, TT); None where they diverge."""
    held, v, dof = s.layout.fixed + 1, len(G), loop.n_synth - 1.0
    nothing = np.zeros((v + 1, v + 1))
    tau, *_ = _parent_spread(_Closed(G, C, nothing, nothing), s.parent, dim)
    wide = np.zeros((v + 2, v + 2))
    wide[:v, :v] = G
    wide[v, v] = tau / loop.n_synth
    wide[v + 1, v + 1] = dim / loop.n_fresh if loop.n_fresh else 0.0
    r = max(loop.n_fresh - 1.0, 0.0)
    own = (2 * r * dim, r * (dim**2 + dim) - 2 * r)
    bases, units, seen = [], [], []
    for part, (rows, start) in enumerate(((s.rows, s.first.MM), (s.flat, s.first.TT))):
        A, n_s, n_r = (rows.alpha[:, k] for k in (slice(0, v + 1), v + 1, v + 2))
        Q = own[part] * np.outer(n_r, n_r)
        for i, b in rows.beta.items():
            for j, other in rows.beta.items():
                Q[i, j] += _outer_spread(b, other, wide, dim)[part]
        bases.append(_summed(A, Q, _only(start, held)))
        units.append(_summed(A, np.outer(n_s, n_s), np.zeros_like(Q)))
        seen.append(float(s.parent.alpha @ units[part] @ s.parent.alpha))
    # Noise (MM, TT) of the batch's scatter, affine in (Var tr P, spread of P), itself in the noise.
    d = float(dim)
    gain = dof * np.array([[2 / d, 2.0], [1 + (1 - 2 / d) / d, 1 - 2 / d]])
    _, square, of_square = _parent_spread(_Closed(G, C, *bases), s.parent, dim)
    F = gain * np.array(seen)
    if _radius(F) >= 1 - _NEAR:
        return None
    noise = np.array([2 * dof * of_square, dof * (square + of_square) - 2 * dof * of_square / d])
    noise = np.linalg.solve(np.eye(2) - F, noise)
    return bases[0] + noise[0] * units[0], bases[1] + noise[1] * units[1]


def _closed_limit(loop: Loop, dim: int) -> Array | None:
    """Limit of :func:`_closed_path`; None where there is none."""
    if loop.memory is None or _generations_pooled(loop) is None:
        return None
    # Where outer products decide (one real sample), only the exact map tells; memory damps it.
    plain = dataclasses.replace(loop, memory=1, pool="replace", pool_cap=None)
    if second_moment_radius(plain, dim) >= 1 - _NEAR:
        return None
    with _threads.one_thread():
        return _solved_limit(loop, dim)


def _solved_limit(loop: Loop, dim: int) -> Array | None:
    """The same where the memory-1 loop has a limit."""
    s = _stationary(loop, dim, _layout(loop))
    first = _limit_first(loop, dim, s)
    if first is None:
        return None
    spreads = _limit_spreads(loop, dim, s, *first)
    if spreads is None:
        return None
    return _read_closed(_Closed(*first, *spreads), s.layout.newest, dim)


# ------------------------------------------------------------------------------------- public
def _require_supported(loop: Loop, quantity: str) -> None:
    """Refuse what neither route covers."""
    if loop.budget is not None:
        raise UnsupportedLoop(f"{quantity} is computed for budget = None only, got {loop.budget}")


def _from_closed(x: Array, dim: int) -> SecondMoments:
    """The seven invariants from (M, C, Var tr, total), the mean being Gaussian."""
    M, C, var, total = np.moveaxis(x, -1, 0)
    return SecondMoments(
        M, C, (1 + 2 / dim) * M**2, M * C, M * C / dim, C**2 + var, C**2 / dim + total
    )


def second_moments(loop: Loop, dim: int, *, generations: int) -> SecondMoments:
    """Second moments of generations 1..T, Sigma_0 = I (theory.md 2.3, 3.1, 3.2).

    Parameters
    ----------
    loop : Loop
        Any loop without a budget. Exact with memory 1 and a pool that is replaced or never
        forgets (:func:`is_exact`); otherwise mean_sq and trace are exact, and the other five are
        those of Gaussian means and of variances to leading order in 1/n (asymptotic).
    dim : int
        Dimension d.
    generations : int
        T.

    Returns
    -------
    SecondMoments
        Arrays (T,); values beyond float64 are inf.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        For a loop with a budget, or arguments out of range.

    Examples
    --------
    >>> from madtheory.loops import synthetic_augmentation
    >>> x = second_moments(synthetic_augmentation(10, 20, bias=0.9), 2, generations=3)
    >>> x.trace.round(4).tolist()
    [2.0, 1.8207, 1.7223]
    """
    _require_supported(loop, "second_moments")
    d, T = _validate.count("dim", dim), _validate.count("generations", generations)
    exact = is_exact(loop)
    x = _exact_path(loop, d, T, 0.0).T if exact else _from_closed(_closed_path(loop, d, T), d)
    # Rounding may leave a zero just below zero.
    return SecondMoments(*(np.maximum(row, 0.0) for row in x))


def second_moment_radius(loop: Loop, dim: int) -> float:
    """Spectral radius of a generation's map of second moments; at 1 or above they diverge.

    Parameters
    ----------
    loop : Loop
        A loop with memory 1 whose synthetic samples are replaced.
    dim : int
        Dimension d.

    Returns
    -------
    float

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        For any other loop, or arguments out of range.

    Examples
    --------
    >>> from madtheory.loops import fresh_data, synthetic_augmentation
    >>> round(second_moment_radius(fresh_data(2, 10), 1), 3)
    0.923
    >>> second_moment_radius(synthetic_augmentation(2, 10), 1) < 1
    True
    """
    _require_supported(loop, "second_moment_radius")
    if loop.memory != 1 or _generations_pooled(loop) != 1:
        raise UnsupportedLoop(
            "second_moment_radius is computed for memory 1 and pool = replace only, "
            f"got memory {loop.memory} and pool {loop.pool}"
        )
    return _radius(_affine_map(loop, _validate.count("dim", dim), 0.0)[0])


def second_moments_limit(loop: Loop, dim: int) -> SecondMoments | None:
    """Limit of :func:`second_moments`, floats (exact or asymptotic as there).

    Parameters
    ----------
    loop : Loop
        Any loop without a budget.
    dim : int
        Dimension d.

    Returns
    -------
    SecondMoments or None
        None where second moments have no limit (radius 1 or more), where the pool grows, or
        with unlimited memory. Asymptotic loops have a limit only where the same loop with memory
        1 and its samples replaced has one.

    Examples
    --------
    >>> from madtheory.loops import fresh_data
    >>> second_moments_limit(fresh_data(1, 10), 2) is None
    True
    """
    _require_supported(loop, "second_moments_limit")
    d = _validate.count("dim", dim)
    if not is_exact(loop):
        closed = _closed_limit(loop, d)
        return None if closed is None else _from_closed(closed, d)
    exact = _exact_limit(loop, d, 0.0)
    return None if exact is None else SecondMoments(*exact)
