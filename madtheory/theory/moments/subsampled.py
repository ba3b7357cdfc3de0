"""A budget: fits to a subsample of what is pooled, without replacement (theory.md 3.3; exact).

Given the pool, N points of mean m and scatter s, B of them have the mean m + e and the covariance
S + N, S = s/(N - 1), both centred; their higher moments are linear in the pool's central sums of
third and fourth order and in products s s, by the probabilities that one to four given points are
chosen. So each part of a pool carries its raw sums of third and fourth order, which add up, and the
joint moments of degree four close.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.loop import Loop
from madtheory.theory.moments import generation, mixture, tensors
from madtheory.theory.moments.generation import Layout, Outer, Parent, Rows

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.theory.moments.generation import Item, Sample
    from madtheory.theory.moments.tensors import Tensors


class Piles(NamedTuple):
    """Raw sums of the fixed set (if there is one) and of each pooled batch: g parts."""

    three: Array  # (..., g, v)  E sum (x.x) x.v_a
    four: Array  # (..., g)     E sum (x.x)^2


def pooled(loop: Loop, t: int) -> int:
    """Samples that generation t + 1 may choose from, fresh ones aside."""
    kept = t if loop.pooled is None else min(t, loop.pooled)
    return loop.n_fixed + kept * loop.n_synth


def binds(loop: Loop, t: int) -> bool:
    """Whether generation t + 1 sees a part of the pool only."""
    return loop.budget is not None and pooled(loop, t) > loop.budget


# --- choosing without replacement ----------------------------------------------------------------


class _Fourth(NamedTuple):
    """A moment of degree four: per central fourth moment, and product of covariances by pairing.

    Of indices ij|kl: `apart` is on P_ij P_kl, `across` on P_ik P_jl and P_il P_jk.
    """

    own: float
    apart: float
    across: float


class Chosen(NamedTuple):
    """Moments of e and N, per those of the pool (divided by its count)."""

    k: float  # E e e
    eee: float
    eN: float
    eeee: _Fourth
    eeN: _Fourth
    NN: _Fourth


#: A quadratic form of samples, of the chosen ones: its entries on and off the diagonal.
_Form = tuple[Fraction, Fraction]


def _fourth(f: _Form, g: _Form, p: list[Fraction], count: int, less: Fraction) -> _Fourth:
    """E of a product of two quadratic forms, `less` times s_ij s_kl, by partitions of 4 indices.

    With z centred sum_(a != b) z_a^3 z_b = -sum z^4, and so on.
    """
    (f1, f0), (g1, g0) = f, g
    p1, p2, p3, p4 = p
    crossed, both = f1 * g0 + f0 * g1, f0 * g0
    own = p1 * f1 * g1 - p2 * (2 * crossed + f1 * g1 + 2 * both)
    own += 2 * p3 * (crossed + 4 * both) - 6 * p4 * both
    apart = p2 * f1 * g1 - p3 * crossed + p4 * both - less
    across = (p2 - 2 * p3 + p4) * both
    return _Fourth(float(own * count), *(float(x * count**2) for x in (apart, across)))


@lru_cache(maxsize=4096)
def chosen(budget: int, count: int) -> Chosen:
    """B of N points.

    Examples
    --------
    >>> round(chosen(5, 10**6).k, 5)  # a small part of many: independent draws
    0.2
    """
    B, N = budget, count
    p, each = [], Fraction(1)
    for i in range(4):
        each *= Fraction(max(B - i, 0), N - i) if i < N else 0
        p.append(each)
    theta = Fraction(1, B) - Fraction(1, N)
    mean, scatter = (Fraction(1, B**2),) * 2, (Fraction(1, B), Fraction(-1, B * (B - 1)))
    third = Fraction(N, B) * (p[0] * scatter[0] - p[1] * (scatter[0] + 2 * scatter[1]))
    third += Fraction(N, B) * 2 * p[2] * scatter[1]
    unit = Fraction(1, N - 1)
    return Chosen(
        k=float(theta * N * unit),
        eee=float(Fraction(N, B**3) * (p[0] - 3 * p[1] + 2 * p[2])),
        eN=float(third),
        eeee=_fourth(mean, mean, p, N, Fraction(0)),
        eeN=_fourth(mean, scatter, p, N, theta * unit**2),
        NN=_fourth(scatter, scatter, p, N, unit**2),
    )


def _traces(c: _Fourth, four: Array, seen: tensors.Seen) -> Array:
    """Contracted with iikk."""
    return c.own * four + c.apart * seen.square + 2 * c.across * seen.of_square


def _crossed(c: _Fourth, four: Array, seen: tensors.Seen) -> Array:
    """Contracted with ijij."""
    return c.own * four + (c.apart + c.across) * seen.of_square + c.across * seen.square


def _draw(
    x: Tensors, parent: Parent, mean: Array, sums: tuple[Array, Array], of: Chosen
) -> Tensors:
    """Append e and N of the chosen; `parent`, `mean`, `sums` are the pool's raw moments."""
    seen = tensors.parent_moments(x, parent)
    three, four = mixture.central(x, seen, mean, sums)
    y = tensors.noisy(x, seen, of.k)
    tensors.skew(y, of.eee * three, of.eN * three)
    y.V4[..., -1, -1, -1, -1] = _traces(of.eeee, four, seen)
    y.VM[..., -1, -1, -1], y.VS[..., -1, -1, -1] = (
        f(of.eeN, four, seen) for f in (_traces, _crossed)
    )
    y.MM[..., -1, -1], y.MT[..., -1, -1] = (f(of.NN, four, seen) for f in (_traces, _crossed))
    return y


# --- a generation --------------------------------------------------------------------------------


def _wide(sample: Sample) -> Sample:
    """The same with one more item, not in it."""
    beta = Outer(sample.beta.weights, np.pad(sample.beta.rows, ((0, 0), (0, 1))))
    return sample._replace(
        mean=np.append(sample.mean, 0.0), alpha=np.append(sample.alpha, 0.0), beta=beta
    )


class Turn(NamedTuple):
    """A generation that chooses: the pool's mean and covariance, and the update after it."""

    mean: Array
    parent: Parent
    rows: Rows


@lru_cache(maxsize=16)
def turn(loop: Loop, layout: Layout, t: int) -> Turn:
    """Generation t + 1: items e, N of batch, choice and fresh samples are last."""
    v, B = layout.vectors + 2, float(loop.budget or 0)
    mean, parent = generation.parent_of(loop, layout, t, 0.0)
    fixed = [generation.held_by(loop.n_fixed, v, 0)] if layout.fixed else []
    batch = generation.batch_of(loop, mean, parent)
    batches, synth = generation.pool_of(loop, layout, t, batch, 0.0)
    pool = generation.merged([*fixed, synth])
    beta = Outer(pool.beta.weights / pool.n, pool.beta.rows[:, : v - 1])
    law = Parent(pool.alpha[:v] / pool.n, beta)
    share = (B - 1) / (pool.n - 1)
    alpha = share * pool.alpha + (B - 1) * generation.unit(v + 1, v)
    part = _wide(pool._replace(n=B, alpha=alpha, beta=pool.beta.times(share)))
    part.mean[v - 1] = 1.0
    fit = generation.fit_of(loop, generation.held_by(loop.n_fresh, v + 1, v), part, 0.0)
    model: Item = fit.mean, fit.alpha, fit.beta
    items = [generation.kept_as(_wide(s)) for s in fixed]
    items += [generation.kept_as(_wide(s), 0.0) for s in batches]
    return Turn(pool.mean[: v - 1], law, generation.assembled([*items, model], v + 1))


def first_piles(loop: Loop, dim: int, layout: Layout, L: Array) -> Piles:
    """Those of generation 1; L are the vectors in the three first draws' means."""
    parts = layout.fixed + layout.batches if loop.budget is not None else 0
    three, four = np.zeros((parts, len(L))), np.zeros(parts)
    if layout.fixed and parts:
        one = float(dim * (dim + 2))
        shared, _, rest = (n > 0 for n, _ in generation.first_draws(loop))
        three[0], four[0] = L @ (one * np.array([shared, 0.0, rest])), loop.n_fixed * one
    return Piles(three, four)


def with_batch(piles: Piles, loop: Loop, mean: Array, law: tuple[Array, Array]) -> Piles:
    """Append a batch of a law of those raw moments, and its e to the vectors."""
    three, four = law
    n, own = loop.n_synth, four - three @ mean
    new = np.concatenate([n * three, own[..., None]], axis=-1)[..., None, :]
    old = np.concatenate([piles.three, np.zeros_like(piles.three[..., :1])], axis=-1)
    return Piles(
        np.concatenate([old, new], axis=-2),
        np.concatenate([piles.four, n * four[..., None]], axis=-1),
    )


def choose(x: Tensors, piles: Piles, loop: Loop, by: Turn, t: int) -> Tensors:
    """Append e and N of what generation t + 1 chooses."""
    N = pooled(loop, t)
    sums = piles.three.sum(axis=-2) / N, piles.four.sum(axis=-1) / N
    return _draw(x, by.parent, by.mean, sums, chosen(loop.budget or 0, N))


def kept(piles: Piles, loop: Loop, layout: Layout) -> Piles:
    """What is left for the next generation: the newest batches, or the sum of all."""
    f, g = layout.fixed, layout.fixed + layout.batches
    three, four = piles
    if loop.keeps_all:
        three = np.concatenate(
            [three[..., :f, :], three[..., f:, :].sum(axis=-2, keepdims=True)], axis=-2
        )
        return Piles(three, np.append(four[..., :f], four[..., f:].sum(axis=-1, keepdims=True), -1))
    order = [*range(f), *[g, *range(f, g)][: layout.batches]]
    return Piles(three[..., order, :], four[..., order])
