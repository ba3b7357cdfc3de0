"""First moments of any loop, assembled from its spec (theory.md 2.2, 2.8, 2.9, 3; exact).

Everything is per unit of tr Sigma_0. Training sets are affine combinations of a few objects: the
truth mu_0, the mean f of the fixed set, the means of the models in memory, the means of the pooled
batches. What is carried are mean squared distances D_ij = E |o_i - o_j|^2 between objects, not
Gram matrices: a loop that collapses keeps all its digits. With weights a, b that sum to one,

    E |sum_i a_i o_i - sum_j b_j o_j|^2 = a'Db - a'Da/2 - b'Db/2.

Covariances enter through their expected traces c only, so one generation is an affine map of
(D, c, q), q the expected scatter of what is pooled. Cost does not depend on any sample count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import toms748

from madtheory.loop import Loop, UnsupportedLoop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from madtheory._types import Array

#: Steps after which a loop without real data must have come to rest.
_PATIENCE = 100_000
#: Rounding of a solution, relative to its largest entry.
_UNIT = 1e-12
_TINY = 1e-300
#: A generation so late that a running mean stands still.
_LATE = 2**60


class State(NamedTuple):
    """Objects' squared distances D (k, k), traces c, scatters q; `t` models exist."""

    D: Array
    c: Array
    q: Array
    t: int


class _Batch(NamedTuple):
    """A generation's synthetic samples: distances with the batch (and fresh mean) appended."""

    D: Array
    variance: float


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
    def everything(self) -> bool:
        """Whether the pool keeps all batches."""
        return self.loop.pool == "accumulate" and self.loop.pool_cap is None

    @cached_property
    def n_batches(self) -> int:
        """Objects that remember earlier batches."""
        return 1 if self.everything else (self.loop.pool_cap or 1) - 1

    @cached_property
    def size(self) -> int:
        """Number of objects."""
        return self.first_batch + self.n_batches

    @cached_property
    def homogeneous(self) -> bool:
        """Whether the step is the same at every late generation."""
        return self.loop.memory is not None and not self.everything

    @cached_property
    def settled(self) -> int:
        """Generation from which a homogeneous system's step no longer changes."""
        return max(self.n_models, self.n_batches + 1)

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

    def scatter_of_models(self, state: State) -> float:
        """Between-model scatter plus lambda times the mean covariance: E tr Cov of one sample.

        Synthetic samples come from a mixture of the models, so their scatter counts (2.8).
        """
        if self.loop.memory is None:
            return float(state.c[2] + self.loop.bias * state.c[1])
        k = min(state.t, self.n_models)
        models = slice(self.model, self.model + k)
        between = state.D[models, models].sum() / (2 * k * k)
        return float(between + self.loop.bias * state.c[:k].mean())

    def batch(self, state: State) -> _Batch:
        """Append the new batch and the fresh mean to the distances."""
        n, loop = self.size, self.loop
        a, variance = self.remembered(state.t), self.scatter_of_models(state)
        to_mean = a @ state.D
        D = np.zeros((n + 2, n + 2))
        D[:n, :n] = state.D
        D[n, :n] = D[:n, n] = to_mean - 0.5 * (to_mean @ a) + variance / loop.n_synth
        # Fresh samples are independent of all that is, the truth aside.
        fresh = 1.0 / loop.n_fresh if loop.n_fresh else 0.0
        D[n + 1, : n + 1] = D[: n + 1, n + 1] = D[0, : n + 1] + fresh
        return _Batch(D, variance)

    def pooled(self, state: State, batch: _Batch) -> tuple[Array, int, float]:
        """Weights of the synthetic mean, number of samples, and their expected scatter."""
        n_s, old = self.loop.n_synth, slice(self.first_batch, self.size)
        weights = np.zeros(self.size + 2)
        scatter = (n_s - 1) * batch.variance
        if self.everything:
            earlier = state.t - 1
            weights[self.first_batch], weights[self.size] = earlier, 1.0
            gap = batch.D[self.first_batch, self.size]
            scatter += state.q[0] + n_s * earlier / (earlier + 1) * gap
            return weights / (earlier + 1), n_s * (earlier + 1), float(scatter)
        kept = min(self.n_batches, state.t - 1)
        weights[old][:kept], weights[self.size] = 1.0, 1.0
        weights /= kept + 1
        scatter += (n_s - 1) * state.q[:kept].sum()
        between = 0.5 * (kept + 1) * float(weights @ batch.D @ weights)
        return weights, n_s * (kept + 1), float(scatter + n_s * between)

    def real(self, D: Array) -> tuple[Array, float]:
        """Weights of the mean of all real samples and their expected scatter."""
        loop = self.loop
        weights = np.zeros(self.size + 2)
        if not loop.n_real:
            return weights, 0.0
        weights[self.fixed] += loop.n_fixed / loop.n_real
        weights[self.size + 1] += loop.n_fresh / loop.n_real
        scatter = max(loop.n_fixed - 1, 0) + max(loop.n_fresh - 1, 0)
        gap = D[self.fixed, self.size + 1]
        return weights, scatter + loop.n_fixed * (loop.n_fresh / loop.n_real) * float(gap)

    def fit(self, D: Array, pooled: tuple[Array, int, float]) -> tuple[Array, float, float]:
        """Weights of the new mean, extra variance of it, and E tr of the new covariance."""
        loop = self.loop
        synthetic, n_s, scatter_s = pooled
        if loop.budget is not None and loop.n_fixed + n_s > loop.budget:
            return self._subsample(D, synthetic, n_s, scatter_s)
        real, scatter_r = self.real(D)
        gap = _distance(D, real, synthetic) if loop.n_real else 0.0
        n_r = loop.n_real
        if loop.weight is None:
            n = n_r + n_s
            weights = (n_r / n) * real + (n_s / n) * synthetic
            return weights, 0.0, (scatter_r + scatter_s + n_r * (n_s / n) * gap) / (n - loop.ddof)
        w = loop.weight
        trace = w * scatter_r / (n_r - loop.ddof) + (1 - w) * scatter_s / (n_s - loop.ddof)
        return w * real + (1 - w) * synthetic, 0.0, trace + w * (1 - w) * gap

    def _subsample(
        self, D: Array, synthetic: Array, n_s: int, scatter_s: float
    ) -> tuple[Array, float, float]:
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
        scatter = max(n_f - 1, 0) + scatter_s + n_f * (n_s / N) * _distance(D, fixed, synthetic)
        S = scatter / (N - 1)
        noise = (1.0 / size - 1.0 / N) * S
        n = size + n_h
        gap = _distance(D, pool, fresh) + noise
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
        if noise:
            extra = np.zeros(self.size)
            extra[model] = 1.0
            if self.loop.memory is None:
                extra[model + 1] = 1.0 / (state.t + 1)
            D += noise * np.square(extra[:, None] - extra)
        trace += self.loop.floor
        scatter = [pooled[2]] if self.everything else [batch.variance, *state.q][: self.n_batches]
        return State(D, self._traces(state, trace, D), np.array(scatter), state.t + 1)

    @cached_property
    def _sources(self) -> NDArray[np.intp]:
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
        if self.everything:
            pool = np.zeros(self.size + 2)
            pool[self.first_batch], pool[self.size] = (state.t - 1) / state.t, 1.0 / state.t
            mixed[self.first_batch] = pool
        return mixed

    def _moved(self, state: State, D: Array, weights: Array) -> Array:
        """The distances between the new objects."""
        source = self._sources
        moved = D[source[:, None], source]
        mixed = self._mixed(state, weights)
        for i, a in mixed.items():
            to = a @ D
            moved[i] = moved[:, i] = to[source] - 0.5 * float(to @ a)
        for i, a in mixed.items():
            for j, b in mixed.items():
                moved[i, j] = _distance(D, a, b) if i != j else 0.0
        return moved

    def _traces(self, state: State, trace: float, D: Array) -> Array:
        """The new traces: of the models in memory, or of the newest with the running means."""
        if self.loop.memory is not None:
            return np.concatenate([[trace], state.c[:-1]])
        t = state.t
        mean = (t * state.c[1] + trace) / (t + 1)
        # Merging a model into the mean of t others moves the mean by 1/(t + 1) of the gap.
        gap = D[self.model, self.model + 1] * ((t + 1) / t)
        return np.array([trace, mean, (t * state.c[2] + gap) / (t + 1)])


def _distance(D: Array, a: Array, b: Array) -> float:
    """E |sum a_i o_i - sum b_j o_j|^2 for weights that sum to one."""
    left, right = a @ D, b @ D
    return float(left @ b - 0.5 * (left @ a) - 0.5 * (right @ b))


# --- the path ------------------------------------------------------------------------------------


def affine_path(A: Array, b: Array, start: Array, generations: int) -> Array:
    """x_1 = start, x_{t+1} = A x_t + b for t = 1..T, shape (T, n), by doubling: log2 T products."""
    n = len(b)
    step = np.zeros((n + 1, n + 1))
    step[:n, :n], step[:n, n], step[n, n] = A.T, 0.0, 1.0
    step[n, :n] = b
    path = np.ones((generations, n + 1))
    path[0, :n] = start
    done = 1
    while done < generations:
        more = min(done, generations - done)
        path[done : done + more] = path[:more] @ step
        step = step @ step
        done += more
    return path[:, :n]


def moment_path(loop: Loop, generations: int) -> tuple[Array, Array]:
    """E |mu_t - mu_0|^2 and E tr Sigma_t of generations 1..T, per unit of tr Sigma_0 (exact).

    Parameters
    ----------
    loop : Loop
        Any loop.
    generations : int
        T.

    Returns
    -------
    mean_sq, trace : ndarray, shape (T,)
    """
    system = System(loop)
    state = system.first()
    if system.homogeneous and system.settled == 1:
        lags = _Lags(system)
        A, b = lags.map()
        y = affine_path(A, b, lags.read(state), generations)
        return y[:, 0].copy(), y[:, -2].copy()
    mean_sq, trace = np.empty(generations), np.empty(generations)
    for t in range(generations):
        mean_sq[t], trace[t] = state.D[0, system.model], state.c[0]
        if t + 1 < generations:
            following = system.step(state)
            if _at_rest(system, state, following):
                mean_sq[t:], trace[t:] = mean_sq[t], trace[t]
                break
            state = following
    return mean_sq, trace


def _at_rest(system: System, state: State, following: State) -> bool:
    """Whether a homogeneous system has come to rest, to the last bit."""
    return (
        system.homogeneous
        and state.t > system.settled
        and np.array_equal(state.D, following.D)
        and np.array_equal(state.c, following.c)
        and np.array_equal(state.q, following.q)
    )


# --- limit and radius ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lags:
    """A stationary state by its lags: K + 2 B or so unknowns instead of (K + B)^2.

    Models and batches are K and B in number; the distance of two of them depends on how far they
    are apart. Order: truth and fixed mean to model; models by lag 1..K-1; truth and fixed mean to
    batch; batches by lag 1..B-1; model i to batch j by lag i - j = -(B-1)..K-1; trace; variance.
    """

    system: System

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """One pair of objects for each unknown distance: where the newest is in it."""
        s = self.system
        K, B, m, b = s.n_models, s.n_batches, s.model, s.first_batch
        fixed = [1] if s.fixed else []
        if s.loop.memory is None:
            K = 1
        pairs = [(i, m) for i in (0, *fixed)] + [(m, m + k) for k in range(1, K)]
        if B:
            pairs += [(i, b) for i in (0, *fixed)] + [(b, b + k) for k in range(1, B)]
            pairs += [(m, b + j) for j in range(B - 1, 0, -1)] + [(m + i, b) for i in range(K)]
        return pairs

    @cached_property
    def _copies(self) -> NDArray[np.intp]:
        """Columns row, column, unknown, age: every pair of objects and the lag that it has."""
        s, rows = self.system, []
        for unknown, (i, j) in enumerate(self.places):
            for k in range(s.size):
                p, q = i + k * (i >= s.model), j + k
                if not (self._same_kind(i, p) and self._same_kind(j, q)):
                    break
                rows.append((p, q, unknown, k))
        return np.array(rows, dtype=np.intp).T

    def expand(self, x: Array, rho: float = 1.0) -> State:
        """The state with these lags, in a loop whose moments change by rho a generation."""
        s = self.system
        D = np.zeros((s.size, s.size))
        if s.fixed:
            D[0, 1] = 1.0 / s.loop.n_fixed
        p, q, unknown, age = self._copies
        D[p, q] = x[unknown] * rho ** -age.astype(np.float64)
        D += D.T
        c = x[-2] * rho ** -np.arange(float(s.n_models))
        scatter = x[-1] * rho ** -np.arange(float(s.n_batches))
        if s.loop.memory is None:
            c = np.array([x[-2], x[-2], self._place_mean(D)])
        return State(D, c, scatter, _LATE)

    def _same_kind(self, i: int, p: int) -> bool:
        """Whether object p is a later model or batch of the kind of object i (or i itself)."""
        s = self.system
        if p >= s.size or i < s.model or (s.loop.memory is None and i < s.first_batch):
            return p == i
        return (i < s.first_batch) == (p < s.first_batch)

    def _place_mean(self, D: Array) -> float:
        """Put the running mean of all models where it settles; return the models' scatter.

        It settles at the centre of the real data: truth and fixed mean by their weights.
        """
        s, mean = self.system, self.system.model + 1
        a = np.zeros(s.size)
        a[0], a[s.fixed] = 1.0 - self.share_fixed, self.share_fixed
        if not s.fixed:
            a[0] = 1.0
        to = a @ D
        D[mean, :] = D[:, mean] = to - 0.5 * float(to @ a)
        D[mean, mean] = 0.0
        return float(D[mean, s.model])

    @cached_property
    def share_fixed(self) -> float:
        """Share of the fixed set among what is real in a new mean."""
        return self.system.loop.n_fixed / max(self.system.loop.n_real, 1)

    def step(self, x: Array, rho: float = 1.0) -> Array:
        """One generation on the lags."""
        return self.read(self.system.step(self.expand(x, rho)))

    def read(self, state: State) -> Array:
        """The lags of a state, at its newest objects."""
        i, j = np.array(self.places, dtype=np.intp).T
        variance = state.q[0] if self.system.n_batches else 0.0
        return np.array([*state.D[i, j], state.c[0], variance])

    def map(self, rho: float = 1.0) -> tuple[Array, Array]:
        """Matrix and shift of :meth:`step`."""
        size = len(self.places) + 2
        shift = self.step(np.zeros(size), rho)
        return np.array([self.step(e, rho) - shift for e in np.eye(size)]).T, shift

    def fixed_point(self) -> tuple[float, float]:
        """(mean_sq, trace) where a step changes nothing; inf where none is a mean square.

        A step keeps the cone of mean squares, so there is a fixed point in it iff steps contract.
        """
        A, shift = self.map()
        x = np.linalg.solve(np.eye(shift.size) - A, shift)
        if x.min() < -_UNIT * np.abs(x).max():
            return math.inf, math.inf
        return float(x[0]), max(float(x[-2]), 0.0)

    def growth(self, rho: float) -> float:
        """Log of the growth of lags in a loop that grows by rho, over rho: 0 at an eigenvalue."""
        A, _ = self.map(rho)
        return math.log(max(float(np.abs(np.linalg.eigvals(A)).max()), _TINY) / rho)


def moment_radius(loop: Loop) -> float:
    """Factor per generation by which first moments forget the first one (exact).

    The spectral radius of the step: an eigenvector of eigenvalue rho has the lags of a loop that
    grows by rho, and the lags' own growth falls as rho rises. 1 where the step never stops
    changing (growing pool, memory of everything): such loops forget like a power of t. 1 or more
    without real data: nothing pulls the mean back.
    """
    system = System(loop)
    if not system.homogeneous:
        return 1.0
    lags = _Lags(system)
    end = math.exp(lags.growth(1.0))
    if max(system.n_models, system.n_batches + 1) == 1 or abs(end - 1) < _UNIT:
        return end
    low, high = sorted((end, 1.0))
    if end <= _TINY or lags.growth(low) <= 0:
        return low
    return float(toms748(lags.growth, low, high, k=2, xtol=1e-13, rtol=1e-13))


def moment_limit(loop: Loop) -> tuple[float, float]:
    """Limits of :func:`moment_path`: (mean_sq, trace), inf where they diverge (exact).

    Raises
    ------
    UnsupportedLoop
        For a pool that keeps everything, and for a loop without real data that is too slow to
        come to rest.
    """
    system = System(loop)
    if system.everything:
        raise UnsupportedLoop(
            "the limit is computed for pools that forget only, got pool = accumulate without "
            "pool_cap"
        )
    if loop.n_real == 0 or loop.weight == 0:
        return _limit_without_real(system)
    return _Lags(system).fixed_point()


def _limit_without_real(system: System) -> tuple[float, float]:
    """Limit of a loop that nothing pulls back to the truth.

    The models' distances from each other and their traces are a system of their own. Where it
    contracts without a floor the loop comes to rest where chance has led it; else the mean walks
    on for good.
    """
    loop = system.loop
    if not system.homogeneous:
        raise UnsupportedLoop(
            "the limit without real data is computed for a finite memory only, got memory = None"
        )
    lags = _Lags(system)
    A, shift = lags.map()
    own = np.array([i >= system.model for i, _ in lags.places] + [True, True])
    A, shift = A[np.ix_(own, own)], shift[own]
    growth = float(np.abs(np.linalg.eigvals(A)).max())
    if growth > 1 + _UNIT:
        return math.inf, math.inf
    if growth >= 1 - _UNIT:
        # One model and no floor: the trace is kept. Anything more feeds it for good.
        alone = len(A) == 2 and loop.floor == 0
        return math.inf, loop.first_scale if alone else math.inf
    if loop.floor:
        return math.inf, float(np.linalg.solve(np.eye(len(A)) - A, shift)[-2])
    return _resting_place(system, growth)


def _resting_place(system: System, growth: float) -> tuple[float, float]:
    """Follow a loop that comes to rest: it depends on the first model where."""
    loop = system.loop
    needed = system.settled + 40 / -math.log(growth) if growth > 0 else system.settled + 1
    if needed > _PATIENCE:
        raise UnsupportedLoop(
            f"the limit without real data is computed where the loop comes to rest within "
            f"{_PATIENCE} generations only, got bias = {loop.bias:g}"
        )
    return float(moment_path(loop, math.ceil(needed))[0][-1]), 0.0
