"""One generation of any loop's first moments, from its spec (theory.md 2.2, 2.8, 2.9, 3; exact).

Everything is per unit of tr Sigma_0. Training sets are affine combinations of a few objects: the
truth mu_0, the mean f of the fixed set, the means of the models in memory, the means of the pooled
batches. What is carried are mean squared distances D_ij = E |o_i - o_j|^2 between objects, not
Gram matrices: a loop that collapses keeps all its digits. With weights a, b that sum to one,

    E |sum_i a_i o_i - sum_j b_j o_j|^2 = a'Db - a'Da/2 - b'Db/2.

Covariances enter through their expected traces c only, so one generation is an affine map of
(D, c, q), q the expected scatter of what is pooled. Cost does not depend on any sample count.
States may be stacked, (..., k, k) and so on: a step moves all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from madtheory._types import Array, Ints


class State(NamedTuple):
    """Objects' squared distances D (..., k, k), traces c, scatters q; `t` models exist."""

    D: Array
    c: Array
    q: Array
    t: int


class _Batch(NamedTuple):
    """A generation's synthetic samples: distances with the batch (and fresh mean) appended."""

    D: Array
    variance: Array


@dataclass(frozen=True)
class System:
    """How a loop's objects are laid out, and its step.

    Objects: 0 the truth, then the fixed mean (if there is one), the newest model and the other
    models in memory (or their running mean), the pooled batches (or their running mean). In a
    step two are appended: the new batch and the mean of the fresh samples.
    """

    loop: Loop

    @cached_property
    def fixed(self) -> int:
        """Index of the fixed mean; the truth stands in for it where there is none."""
        return 1 if self.loop.n_fixed else 0

    @cached_property
    def model(self) -> int:
        """Index of the newest model."""
        return self.fixed + 1

    @cached_property
    def n_models(self) -> int:
        """Objects that remember models: K of them, or the newest and the running mean."""
        return 2 if self.loop.memory is None else self.loop.memory

    @cached_property
    def first_batch(self) -> int:
        """Index of the newest pooled batch, or of the running mean of all."""
        return self.model + self.n_models

    @cached_property
    def n_batches(self) -> int:
        """Objects that remember earlier batches."""
        return 1 if self.loop.pooled is None else self.loop.pooled - 1

    @cached_property
    def size(self) -> int:
        """Number of objects."""
        return self.first_batch + self.n_batches

    @cached_property
    def settled(self) -> int:
        """Generation from which a stationary loop's step no longer changes."""
        return max(self.n_models, self.n_batches + 1)

    @cached_property
    def bias(self) -> float | Array:
        """Lambda, or that of each loop of a stack."""
        return self.loop.scalar_bias

    # ------------------------------------------------------------------------ the parts of a step
    def remembered(self, t: int) -> Array:
        """Weights of the mean of the models in memory, over the objects."""
        a = np.zeros(self.size)
        if self.loop.memory is None:
            a[self.model + 1] = 1.0
        else:
            k = min(t, self.n_models)
            a[self.model : self.model + k] = 1.0 / k
        return a

    def scatter_of_models(self, state: State) -> Array:
        """Between-model scatter plus lambda times the mean covariance: E tr Cov of one sample.

        Synthetic samples come from a mixture of the models, so their scatter counts (2.8).
        """
        if self.loop.memory is None:
            return np.asarray(state.c[..., 2] + self.bias * state.c[..., 1])
        k = min(state.t, self.n_models)
        models = slice(self.model, self.model + k)
        between = state.D[..., models, models].sum((-2, -1)) / (2 * k * k)
        return np.asarray(between + self.bias * state.c[..., :k].mean(-1))

    def batch(self, state: State) -> _Batch:
        """Append the new batch and the fresh mean to the distances."""
        n, loop = self.size, self.loop
        a, variance = self.remembered(state.t), self.scatter_of_models(state)
        D = np.zeros((*variance.shape, n + 2, n + 2))
        D[..., :n, :n] = state.D
        D[..., n, :n] = D[..., :n, n] = to_mean(state.D, a) + variance[..., None] / loop.n_synth
        # Fresh samples are independent of all that is, the truth aside.
        fresh = 1.0 / loop.n_fresh if loop.n_fresh else 0.0
        D[..., n + 1, : n + 1] = D[..., : n + 1, n + 1] = D[..., 0, : n + 1] + fresh
        return _Batch(D, variance)

    def pooled(self, state: State, batch: _Batch) -> tuple[Array, int, Array]:
        """Weights of the synthetic mean, number of samples, and their expected scatter."""
        n_s, old = self.loop.n_synth, slice(self.first_batch, self.size)
        weights = np.zeros(self.size + 2)
        scatter = (n_s - 1) * batch.variance
        if self.loop.keeps_all:
            earlier = state.t - 1
            weights[self.first_batch], weights[self.size] = earlier, 1.0
            gap = batch.D[..., self.first_batch, self.size]
            scatter = scatter + state.q[..., 0] + n_s * earlier / (earlier + 1) * gap
            return weights / (earlier + 1), n_s * (earlier + 1), scatter
        kept = min(self.n_batches, state.t - 1)
        weights[old][:kept], weights[self.size] = 1.0, 1.0
        weights /= kept + 1
        scatter = scatter + (n_s - 1) * state.q[..., :kept].sum(-1)
        between = 0.5 * (kept + 1) * (batch.D @ weights @ weights)
        return weights, n_s * (kept + 1), scatter + n_s * between

    def real(self, D: Array) -> tuple[Array, Array]:
        """Weights of the mean of all real samples and their expected scatter."""
        loop = self.loop
        weights = np.zeros(self.size + 2)
        if not loop.n_real:
            return weights, np.zeros(D.shape[:-2])
        weights[self.fixed] += loop.n_fixed / loop.n_real
        weights[self.size + 1] += loop.n_fresh / loop.n_real
        scatter = max(loop.n_fixed - 1, 0) + max(loop.n_fresh - 1, 0)
        gap = D[..., self.fixed, self.size + 1]
        return weights, scatter + loop.n_fixed * (loop.n_fresh / loop.n_real) * gap

    def fit(self, D: Array, pooled: tuple[Array, int, Array]) -> tuple[Array, Array | None, Array]:
        """Weights of the new mean, extra variance of it, and E tr of the new covariance."""
        loop = self.loop
        synthetic, n_s, scatter_s = pooled
        if loop.budget is not None and loop.n_fixed + n_s > loop.budget:
            return self._subsample(D, synthetic, n_s, scatter_s)
        real, scatter_r = self.real(D)
        gap = distance(D, real, synthetic) if loop.n_real else np.zeros(D.shape[:-2])
        n_r = loop.n_real
        if loop.weight is None:
            n = n_r + n_s
            weights = (n_r / n) * real + (n_s / n) * synthetic
            return weights, None, (scatter_r + scatter_s + n_r * (n_s / n) * gap) / (n - loop.ddof)
        w = loop.weight
        trace = w * scatter_r / (n_r - loop.ddof) + (1 - w) * scatter_s / (n_s - loop.ddof)
        return w * real + (1 - w) * synthetic, None, trace + w * (1 - w) * gap

    def _subsample(
        self, D: Array, synthetic: Array, n_s: int, scatter_s: Array
    ) -> tuple[Array, Array, Array]:
        """Fit a uniform subsample of the fixed and synthetic samples, and the fresh ones (3.3).

        Without replacement its mean has variance (1/B - 1/N) S more and its covariance is S on
        average, S the pool's covariance with N - 1.
        """
        loop = self.loop
        n_f, n_h, size = loop.n_fixed, loop.n_fresh, loop.budget or 0
        N = n_f + n_s
        fixed, fresh = np.zeros(self.size + 2), np.zeros(self.size + 2)
        fixed[self.fixed], fresh[self.size + 1] = 1.0, 1.0
        pool = (n_f / N) * fixed + (n_s / N) * synthetic
        scatter = max(n_f - 1, 0) + scatter_s + n_f * (n_s / N) * distance(D, fixed, synthetic)
        S = scatter / (N - 1)
        noise = (1.0 / size - 1.0 / N) * S
        n = size + n_h
        gap = distance(D, pool, fresh) + noise
        total = (size - 1) * S + max(n_h - 1, 0) + n_h * (size / n) * gap * (n_h > 0)
        weights = (size / n) * pool + (n_h / n) * fresh
        return weights, noise * (size / n) ** 2, total / (n - loop.ddof)

    # -------------------------------------------------------------------------------- whole steps
    def first(self) -> State:
        """Generation 1: a fit to n_initial real samples, n_shared of them from the fixed set."""
        loop = self.loop
        D = np.zeros((self.size, self.size))
        own = loop.first_bias / loop.n_initial
        D[0, self.model] = own
        if loop.n_fixed:
            D[0, 1] = 1.0 / loop.n_fixed
            shared = loop.n_shared / loop.n_initial / loop.n_fixed
            # Nested samples: |1/n_f - 1/n_i|, formed without cancellation.
            nested = abs(loop.n_initial - loop.n_fixed) / loop.n_initial / loop.n_fixed
            D[1, self.model] = nested if shared else D[0, 1] + own
        trace = loop.first_scale + loop.floor
        if loop.memory is None:
            D[: self.model, self.model + 1] = D[: self.model, self.model]
            c = np.array([trace, trace, 0.0])
        else:
            c = np.zeros(self.n_models)
            c[0] = trace
        return State(D + D.T, c, np.zeros(self.n_batches), 1)

    def step(self, state: State) -> State:
        """The next generation."""
        batch = self.batch(state)
        pooled = self.pooled(state, batch)
        weights, noise, trace = self.fit(batch.D, pooled)
        D = self._moved(state, batch.D, weights)
        model = self.model
        # The subsample's own noise is in the newest model, and in the running mean by its share.
        if noise is not None:
            extra = np.zeros(self.size)
            extra[model] = 1.0
            if self.loop.memory is None:
                extra[model + 1] = 1.0 / (state.t + 1)
            D += noise[..., None, None] * np.square(extra[:, None] - extra)
        trace = trace + self.loop.floor
        newest = pooled[2] if self.loop.keeps_all else batch.variance
        q = np.concatenate([newest[..., None], state.q], -1)[..., : self.n_batches]
        return State(D, self._traces(state, trace, D), q, state.t + 1)

    @cached_property
    def _sources(self) -> Ints:
        """Where each object was one generation earlier: models and batches move up by one."""
        source = np.arange(self.size) - 1
        source[: self.model] = np.arange(self.model)
        source[self.first_batch : self.first_batch + 1] = self.size
        return source

    def _mixed(self, state: State, weights: Array) -> dict[int, Array]:
        """The objects that are new combinations: newest model, running means."""
        mixed = {self.model: weights}
        if self.loop.memory is None:
            mean = weights / (state.t + 1)
            mean[self.model + 1] += state.t / (state.t + 1)
            mixed[self.model + 1] = mean
        if self.loop.keeps_all:
            pool = np.zeros(self.size + 2)
            pool[self.first_batch], pool[self.size] = (state.t - 1) / state.t, 1.0 / state.t
            mixed[self.first_batch] = pool
        return mixed

    def _moved(self, state: State, D: Array, weights: Array) -> Array:
        """The distances between the new objects."""
        source = self._sources
        moved = D[..., source[:, None], source]
        mixed = self._mixed(state, weights)
        for i, a in mixed.items():
            moved[..., i, :] = moved[..., :, i] = to_mean(D, a)[..., source]
        for i, a in mixed.items():
            for j, b in mixed.items():
                moved[..., i, j] = distance(D, a, b) if i != j else 0.0
        return moved

    def _traces(self, state: State, trace: Array, D: Array) -> Array:
        """The new traces: of the models in memory, or of the newest with the running means."""
        if self.loop.memory is not None:
            return np.concatenate([trace[..., None], state.c[..., :-1]], -1)
        t = state.t
        mean = (t * state.c[..., 1] + trace) / (t + 1)
        # Merging a model into the mean of t others moves the mean by 1/(t + 1) of the gap.
        gap = D[..., self.model, self.model + 1] * ((t + 1) / t)
        return np.stack([trace, mean, (t * state.c[..., 2] + gap) / (t + 1)], -1)


@dataclass(frozen=True)
class Stack(System):
    """Loops that differ in nothing but their bias: a step moves all their states at once.

    States are (..., loops, k, k) and so on; `loop` is the first of `loops`.
    """

    loops: tuple[Loop, ...]

    @classmethod
    def of(cls, loops: Sequence[Loop]) -> Stack:
        """Return the stack of these loops, at least one."""
        return cls(loops[0], tuple(loops))

    @cached_property
    def bias(self) -> Array:
        """Lambda of each loop, shape (loops,)."""
        return np.array([one.scalar_bias for one in self.loops])

    def first(self) -> State:
        """Generation 1 of each loop."""
        D, c, q, t = zip(*(System(one).first() for one in self.loops), strict=True)
        return State(np.stack(D), np.stack(c), np.stack(q), t[0])


def to_mean(D: Array, a: Array) -> Array:
    """E |o_i - sum a_j o_j|^2 of all objects i, for weights that sum to one."""
    to = D @ a
    return np.asarray(to - 0.5 * (to @ a)[..., None])


def distance(D: Array, a: Array, b: Array) -> Array:
    """E |sum a_i o_i - sum b_j o_j|^2 for weights that sum to one."""
    left, right = D @ a, D @ b
    return np.asarray(left @ b - 0.5 * (left @ a) - 0.5 * (right @ b))
