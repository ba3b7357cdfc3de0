"""First moments of any loop: their path, their limit, and how fast they forget (exact).

One generation is :mod:`madtheory.theory.moments.first_step`. Everything is per unit of
tr Sigma_0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import matrix_balance
from scipy.optimize import bisect, toms748

from madtheory.loop import Loop, UnsupportedLoop
from madtheory.results import FirstMoments, FirstMomentsLimit
from madtheory.theory.moments.first_step import Stack, State, System, to_mean
from madtheory.theory.moments.generation import require_resolved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from madtheory._types import Array, Ints

#: Steps after which a loop without real data must have come to rest.
_PATIENCE = 100_000
#: Rounding of a solution, relative to its largest entry.
_UNIT = 1e-12
_TINY = 1e-300
#: Largest power of a rate that lags are multiplied by.
_HUGE = 1e280
#: A generation so late that a running mean stands still.
_LATE = 2**60
#: How near an eigenvalue of the lags must be to the growth it was found at, relative.
_SAME = 1e-6
#: Points for each age on half a circle, between which a determinant turns by at most so much; and
#: the least angle between two.
_TURNS, _TURN, _LEAST_TURN = 8, 0.8, 1e-9
#: First step inwards, by a lag of the oldest age, and the power by which steps grow: far inside
#: determinants are rounding alone.
_INWARDS, _GROWING = 0.5, 1.5
#: Points on half a circle beyond which turns are rounding.
_MOST_TURNS = 2**13
#: Moments beside which those of real data are nothing: what a step makes of them is no difference.
_LARGE = 1e100
#: Objects up to which the place where a loop comes to rest is solved for; of more it is walked to,
#: so many times as long as the growth of the lags at rest says, and by Aitken's step from there,
#: unless the last eighth moves by less than that.
_SOLVED, _LONGER, _STILL = 40, 6, 1e-13
#: Distances in a stack of states.
_AT_ONCE = 2**16


# --- affine steps ---------------------------------------------------------------------------------


def radius(A: Array) -> float:
    """Spectral radius."""
    return float(np.abs(np.linalg.eigvals(A)).max(initial=0.0))


def scales(A: Array) -> Array:
    """Powers of two, one for each unknown, in units of which a map has its least entries."""
    with np.errstate(invalid="ignore"):  # what scipy makes integers of is not asked for
        return np.asarray(matrix_balance(np.abs(A), permute=False, separate=True)[1][0])


def fixed_point(A: Array, b: Array) -> Array:
    """x = A x + b, of moments that are by powers of n larger than others: each in its own units."""
    scale = scales(A)
    x = np.linalg.solve(np.eye(len(b)) - A * (scale / scale[:, None]), b / scale)
    return np.asarray(scale * x, dtype=np.float64)


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


# --- the path ------------------------------------------------------------------------------------


def moment_path(loop: Loop, generations: int) -> FirstMoments:
    """First moments of generations 1..T of any loop, T steps or, if each sees one model, log T."""
    system = System(loop)
    if loop.is_stationary and system.settled == 1:
        lags = _Lags(system)
        y = affine_path(*lags.map(), lags.read(system.first()), generations)
        return FirstMoments(y[:, 0].copy(), y[:, -2].copy())
    return _stepped(system, generations)


def moment_paths(loops: Sequence[Loop], generations: int) -> Array:
    """:func:`moment_path` of loops that differ in their bias only, shape (loops, 2, T).

    A step of many takes about as long as one of a single loop.
    """
    system = System(loops[0])
    one_by_one = loops[0].is_stationary and system.settled == 1
    at_once = 1 if one_by_one else max(1, _AT_ONCE // system.size**2)
    blocks = [loops[i : i + at_once] for i in range(0, len(loops), at_once)]
    return np.concatenate([_paths_at_once(block, generations) for block in blocks])


def _paths_at_once(loops: Sequence[Loop], generations: int) -> Array:
    """The same in a single stack."""
    if len(loops) == 1:
        return np.stack(moment_path(loops[0], generations))[None]
    return np.stack(_stepped(Stack.of(loops), generations)).transpose(2, 0, 1)


def _stepped(system: System, generations: int) -> FirstMoments:
    """First moments of generations 1..T by T steps, shapes (T, ...)."""
    state = system.first()
    mean_sq, trace = np.empty((2, generations, *state.c.shape[:-1]))
    for t in range(generations):
        mean_sq[t], trace[t] = state.D[..., 0, system.model], state.c[..., 0]
        if t + 1 < generations:
            following = system.step(state)
            if _at_rest(system, state, following):
                mean_sq[t:], trace[t:] = mean_sq[t], trace[t]
                break
            state = following
    return FirstMoments(mean_sq, trace)


def _at_rest(system: System, state: State, following: State) -> bool:
    """Whether a stationary loop has come to rest, to the last bit."""
    return (
        system.loop.is_stationary
        and state.t > system.settled
        and np.array_equal(state.D, following.D)
        and np.array_equal(state.c, following.c)
        and np.array_equal(state.q, following.q)
    )


# --- limit and radius ----------------------------------------------------------------------------


def _large(count: int) -> Array:
    """Moments beside which others are nothing, one at a time."""
    return np.eye(count) * _LARGE


def _stacked(state: State, count: int) -> State:
    """The same state many times."""
    D, c, q = (np.broadcast_to(x, (count, *x.shape)) for x in state[:3])
    return State(D, c, q, state.t)


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
    def _copies(self) -> Ints:
        """Columns row, column, unknown, age: every pair of objects and the lag that it has."""
        s, rows = self.system, []
        for unknown, (i, j) in enumerate(self.places):
            for k in range(s.size):
                p, q = i + k * (i >= s.model), j + k
                if not (self._same_kind(i, p) and self._same_kind(j, q)):
                    break
                rows.append((p, q, unknown, k))
        return np.array(rows, dtype=np.int64).T

    def expand(self, x: Array, rho: float = 1.0) -> State:
        """The state with these lags, in a loop whose moments change by rho a generation."""
        s = self.system
        D = np.zeros((*x.shape[:-1], s.size, s.size))
        if s.fixed:
            D[..., 0, 1] = 1.0 / s.loop.n_fixed
        p, q, unknown, age = self._copies
        D[..., p, q] = x[..., unknown] * rho ** -age.astype(np.float64)
        D += D.swapaxes(-2, -1)
        c = x[..., -2:-1] * rho ** -np.arange(float(s.n_models))
        scatter = x[..., -1:] * rho ** -np.arange(float(s.n_batches))
        if s.loop.memory is None:
            c = np.stack([x[..., -2], x[..., -2], self._place_mean(D)], -1)
        return State(D, c, scatter, _LATE)

    def _same_kind(self, i: int, p: int) -> bool:
        """Whether object p is a later model or batch of the kind of object i (or i itself)."""
        s = self.system
        if p >= s.size or i < s.model or (s.loop.memory is None and i < s.first_batch):
            return p == i
        return (i < s.first_batch) == (p < s.first_batch)

    def _place_mean(self, D: Array) -> Array:
        """Put the running mean of all models where it settles; return the models' scatter.

        It settles at the centre of the real data: truth and fixed mean by their weights.
        """
        s, mean = self.system, self.system.model + 1
        a = np.zeros(s.size)
        a[0], a[s.fixed] = 1.0 - self.share_fixed, self.share_fixed
        if not s.fixed:
            a[0] = 1.0
        D[..., mean, :] = D[..., :, mean] = to_mean(D, a)
        D[..., mean, mean] = 0.0
        return np.asarray(D[..., mean, s.model])

    @cached_property
    def share_fixed(self) -> float:
        """Share of the fixed set among what is real in a new mean."""
        return self.system.loop.n_fixed / max(self.system.loop.n_real, 1)

    def step(self, x: Array, rho: float = 1.0) -> Array:
        """One generation on the lags."""
        return self.read(self.system.step(self.expand(x, rho)))

    def read(self, state: State) -> Array:
        """The lags of a state, at its newest objects."""
        i, j = np.array(self.places, dtype=np.int64).T
        variance = state.q[..., :1] if self.system.n_batches else np.zeros_like(state.c[..., :1])
        return np.concatenate([state.D[..., i, j], state.c[..., :1], variance], -1)

    def map(self, rho: float = 1.0) -> tuple[Array, Array]:
        """Matrix and shift of :meth:`step`."""
        size = len(self.places) + 2
        shift = self.step(np.zeros(size), rho)
        return (self._in_blocks(lambda x: self.step(x, rho), np.eye(size)) - shift).T, shift

    def _in_blocks(self, step: Callable[[Any], Array], stack: NDArray[Any]) -> Array:
        """A step of many states, as many at once as stay near the processor."""
        blocks = np.array_split(stack, 1 + len(stack) * self.system.size**2 // _AT_ONCE)
        return np.concatenate([step(block) for block in blocks])

    def fixed_point(self) -> FirstMomentsLimit:
        """Where a step changes nothing; inf where that is no mean square.

        A step keeps the cone of mean squares, so there is a fixed point in it iff steps contract.
        """
        A, shift = self.map()
        x = fixed_point(A, shift)
        if x.min() < -_UNIT * np.abs(x).max():
            return FirstMomentsLimit()
        return FirstMomentsLimit(float(x[0]), max(float(x[-2]), 0.0))

    @cached_property
    def _aged(self) -> Array:
        """What a step makes of each unknown's entries of each age, shape (ages, lags, lags)."""
        s, (p, q, unknown, age) = self.system, self._copies
        count = len(self.places)
        zero = self.expand(np.zeros(count + 2))

        def apart(pairs: Ints) -> State:
            D = np.tile(zero.D, (len(pairs), 1, 1))
            for i, j in (pairs.T, pairs.T[::-1]):
                D[np.arange(len(pairs)), i, j] += _LARGE
            return _stacked(zero, len(pairs))._replace(D=D)

        def of_trace(c: Array) -> State:
            return _stacked(zero, len(c))._replace(c=c)

        def of_scatter(q: Array) -> State:
            return _stacked(zero, len(q))._replace(q=q)

        steps = np.concatenate(
            [
                self._in_blocks(lambda x: self.read(s.step(apart(x))), np.stack([p, q], -1)),
                self._in_blocks(lambda x: self.read(s.step(of_trace(x))), _large(s.n_models)),
                self._in_blocks(lambda x: self.read(s.step(of_scatter(x))), _large(s.n_batches)),
            ]
        )
        steps -= self.read(s.step(zero))
        traces, scatters = np.arange(s.n_models), np.arange(s.n_batches)
        unknown = np.concatenate([unknown, 0 * traces + count, 0 * scatters + count + 1])
        age = np.concatenate([age, traces, scatters])
        parts = np.zeros((int(age.max()) + 1, count + 2, count + 2))
        np.add.at(parts.transpose(0, 2, 1), (age, unknown), steps / _LARGE)
        return parts

    def aged_map(self, rho: float) -> NDArray[Any]:
        """Matrix of a step in a loop that grows by rho.

        For a bounded memory: what a step does is linear in the entries, each of one lag.
        """
        parts = self._aged
        return np.asarray(np.tensordot(rho ** -np.arange(float(len(parts))), parts, 1))

    @property
    def least(self) -> float:
        """Growth whose power of the oldest age is at the end of float64."""
        return float(_TINY ** (1 / len(self._aged)))

    @property
    def inwards(self) -> float:
        """First step to smaller circles: lags of the oldest age are `_INWARDS` times as many."""
        return float(_INWARDS ** (1 / len(self._aged)))

    def growth(self, rho: float) -> float:
        """Log of the growth of lags in a loop that grows by rho, over rho: 0 at the radius."""
        return math.log(max(radius(self.aged_map(rho)), _TINY) / rho)

    def is_grown(self, rho: float) -> bool:
        """Whether rho is an eigenvalue of the step, not the modulus of another one's lags.

        Lags of a loop that grows by something else need not be those of any mean squares.
        """
        return bool(np.abs(np.linalg.eigvals(self.aged_map(rho)) - rho).min() < _SAME * rho)

    def beyond(self, rho: float) -> int:
        """How many eigenvalues of a step have moduli above rho.

        They are where f(z) = det(1 - A(z)/z) is 0, A(z) the map of a loop that grows by z: a lag is
        then z^-age. f has no poles but 0 and is 1 at infinity, so that on the circle |z| = rho it
        turns about 0 once backwards for each zero beyond (argument principle). f is real on the
        real line: half the circle does, at points near enough to see each turn.
        """
        ages = np.arange(float(len(self._aged)))
        aged = rho ** -ages[:, None, None] * self._aged
        # Lags of many ages differ by powers of rho: unless scaled, determinants are rounding alone.
        scale = scales(np.abs(aged).sum(axis=0))
        aged *= scale / scale[:, None]

        def signs(angles: Array) -> NDArray[Any]:
            z = rho * np.exp(1j * angles)
            A = np.tensordot(np.exp(-1j * np.multiply.outer(angles, ages)), aged, 1)
            found = np.linalg.slogdet(np.eye(A.shape[1]) - A / z[:, None, None])[0]
            return np.where(found == 0, 1.0, found)  # a zero on the circle is on either side

        angles = np.linspace(0.0, math.pi, _TURNS * ages.size + 1)
        found = signs(angles)
        while True:
            turns = np.angle(found[1:] / found[:-1])
            wide = np.flatnonzero((np.abs(turns) > _TURN) & (np.diff(angles) > _LEAST_TURN))
            if not wide.size:
                return -round(float(turns.sum()) / math.pi)
            if angles.size > _MOST_TURNS:  # so far inside that there are many
                return len(aged[0])
            more = (angles[wide] + angles[wide + 1]) / 2
            angles, found = (
                np.insert(x, wide + 1, y) for x, y in ((angles, more), (found, signs(more)))
            )


def _first_of_all(lags: _Lags, high: float) -> float:
    """The largest modulus of an eigenvalue, at most `high`: where the first is counted.

    The map keeps a cone, so that it is an eigenvalue itself, and none is missed by the count: once
    it is alone between two circles a determinant changes its sign there, and only at it.
    """

    def side(rho: float) -> float:
        A = lags.aged_map(rho)
        scale = scales(A)
        A *= scale / scale[:, None]
        return float(np.linalg.slogdet(A - rho * np.eye(len(A)))[0])

    high *= 1 + _SAME
    step = lags.inwards
    low = high * step
    while not (count := lags.beyond(low)):
        step = float(step**_GROWING)
        low, high = low * step, low
        if low < lags.least:
            return low
    while count > 1 and high > (1 + _UNIT) * low:
        middle = math.sqrt(low * high)
        more = lags.beyond(middle)
        low, high, count = (middle, high, more) if more else (low, middle, count)
    if side(low) == side(high):
        return math.sqrt(low * high)
    return float(bisect(side, low, high, xtol=1e-14 * high))


@lru_cache(maxsize=64)
def moment_radius(loop: Loop) -> float:
    """Factor per generation by which first moments forget the first one (exact).

    The spectral radius of the step: an eigenvector of eigenvalue rho has the lags of a loop that
    grows by rho, and the lags' own growth falls as rho rises. Where that finds another's modulus
    (few synthetic samples, of several models) eigenvalues beyond a circle are counted. 0 where real
    data have all the weight: a fit then sees no model. 1 where the step never stops changing
    (growing pool, memory of everything): such loops forget like a power of t. 1 or more without
    real data: nothing pulls the mean back.
    """
    if loop.weight == 1:
        return 0.0
    if not loop.is_stationary:
        return 1.0
    system = System(loop)
    lags = _Lags(system)
    end = math.exp(lags.growth(1.0))
    if system.settled == 1 or abs(end - 1) < _UNIT:
        return end
    # Over all ages together nothing falls by more than a share squared, far less than _HUGE.
    low, high = sorted((max(end, float(_HUGE ** (-1 / (system.settled - 1)))), 1.0))
    if end <= _TINY or lags.growth(low) <= 0:
        return low
    found = float(toms748(lags.growth, low, high, k=2, xtol=1e-13, rtol=1e-13))
    if lags.is_grown(found):
        return found
    return _first_of_all(lags, found)


def moment_limit(loop: Loop) -> FirstMomentsLimit:
    """Limits of :func:`moment_path`, inf where they diverge (exact).

    Raises
    ------
    UnsupportedLoop
        For a pool that keeps everything, for a loop without real data that is too slow to
        come to rest, and where rounding would leave nothing.
    """
    require_resolved(loop, "the limit")
    if loop.keeps_all:
        raise UnsupportedLoop(
            "the limit is computed for pools that forget only, got pool = accumulate without "
            "pool_cap"
        )
    if loop.n_real == 0 or loop.weight == 0:
        return _limit_without_real(System(loop))
    return _Lags(System(loop)).fixed_point()


def _limit_without_real(system: System) -> FirstMomentsLimit:
    """Limit of a loop that nothing pulls back to the truth.

    The models' distances from each other and their traces are a system of their own. Where it
    contracts without a floor the loop comes to rest where chance has led it; else the mean walks
    on for good.
    """
    loop = system.loop
    if loop.memory is None:
        raise UnsupportedLoop(
            "the limit without real data is computed for a finite memory only, got all models"
        )
    lags = _Lags(system)
    A, shift = lags.map()
    own = np.array([i >= system.model for i, _ in lags.places] + [True, True])
    A, shift = A[np.ix_(own, own)], shift[own]
    growth = radius(A)
    if growth > 1 + _UNIT:
        return FirstMomentsLimit()
    if growth >= 1 - _UNIT:
        # One model and no floor: the trace is kept. Anything more feeds it for good.
        alone = len(A) == 2 and loop.floor == 0
        return FirstMomentsLimit(trace=loop.first_scale if alone else math.inf)
    if loop.floor:
        return FirstMomentsLimit(trace=float(fixed_point(A, shift)[-2]))
    return _resting_place(system, growth)


def _resting_place(system: System, growth: float) -> FirstMomentsLimit:
    """Follow a loop that comes to rest: it depends on the first model where."""
    loop = system.loop
    needed = system.settled + 40 / -math.log(growth) if growth > 0 else system.settled + 1
    if needed > _PATIENCE:
        raise UnsupportedLoop(
            f"the limit without real data is computed where the loop comes to rest within "
            f"{_PATIENCE} generations only, got bias = {loop.scalar_bias:g}"
        )
    if system.size <= _SOLVED:
        return FirstMomentsLimit(_led_to(system), 0.0)
    walked = math.ceil(min(_LONGER * needed, _PATIENCE))
    return FirstMomentsLimit(_aitken(moment_path(loop, walked).mean_sq), 0.0)


def _aitken(path: Array) -> float:
    """End of a path of which one geometric term is left, from three points of it."""
    apart = max(1, len(path) // 8)
    a, b, c = path[-1 - 2 * apart :: apart].tolist()
    if abs(c - b) <= _STILL * abs(c):
        return float(c)
    ratio = (c - b) / (b - a)
    return float(c + (c - b) * ratio / (1 - ratio))


def _led_to(system: System) -> float:
    """How far from the truth a loop comes to rest that nothing real pulls at.

    Distances z to the truth and all else y are z' = P z + R y, y' = B y: all z come to rest alike,
    at l z + l R (1 - B)^-1 y for the l that P keeps, sum l = 1.
    """
    state = system.first()
    for _ in range(system.settled - 1):
        state = system.step(state)
    i, j = np.triu_indices(system.size, 1)
    moves = (j >= system.model) & ((i == 0) | (i >= system.model))
    i, j = i[moves], j[moves]  # the truth's come first

    def read(x: State) -> Array:
        return np.concatenate([x.D[..., i, j], x.c, x.q], -1)

    start, k = read(state), int((i == 0).sum())
    units = np.eye(start.size)
    D = np.zeros((start.size, system.size, system.size))
    D[..., i, j] = D[..., j, i] = units[:, : i.size]
    c, q = np.split(units[:, i.size :], [system.n_models], axis=1)
    step = read(system.step(State(D, c, q, state.t)))  # rows: what is made of each
    equations = np.vstack([step[:k, :k] - np.eye(k), np.ones(k)])
    kept = np.linalg.lstsq(equations, np.append(np.zeros(k), 1.0), rcond=None)[0]
    rest = fixed_point(step[k:, k:], step[k:, :k] @ kept)
    return float(start[:k] @ kept + start[k:] @ rest)
