"""One generation of a loop on mean laws, the 1/d term included (theory.md 5.2; asymptotic).

The next covariance is sum_j C_j^{1/2} z_j z_j' C_j^{1/2} over Gaussian columns z_j whose covariance
C_j = x_j I + y_j S is linear in the last model's S: k_r of the real samples, k_s of the synthetic
ones, and one of the difference delta of their means. Given S, to order 1/d,

    E log det(Sigma' + s) = stat_delta { log det(s + A + B S) + sum_j k_j f(delta_j) }
                            + (1/2) log det(1 - K),
    f(x) = log(1 + x) - x/(1 + x),   A + B S = sum_j k_j C_j/(1 + delta_j) = 1/T - s,
    delta_j = tr C_j T,   K_ij = tr(C_i T C_j T) k_j/(1 + delta_j)^2.

The first line is the deterministic equivalent. The second is what real samples add to it: the
Gaussian fluctuation about the saddle point, absent for complex samples; K is the first line's own
linearisation. To the same order S enters the first line by its mean law alone, as its linear
statistics fluctuate by O(1). With R = (S + z)^-1, z = (s + A)/B, all is explicit in z: B solves
sum_j k_j y_j/(B + w_j) = 1, w_j = x_j tr R + y_j tr S R, and s = B (z - sum_j k_j x_j/(B + w_j)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from madtheory._compile import kernel
from madtheory._types import Array
from madtheory.spectrum.mean_law import (
    GRID,
    HIGH,
    LOW,
    NODES,
    SHARE,
    SMOOTH,
    STEP,
    MeanLaw,
    Traces,
    constant_law,
    traces_at,
    traces_of,
)

#: Newton steps for z, and the relative step at which they end.
_STEPS, _SMALL = 60, 1e-12
#: det(1 - K) is kept above this: it vanishes at s = 0 where S is on the verge of being singular.
_VERGE = 1e-9
#: A share of noise that is none.
_NOTHING = 1e-24


class Part(NamedTuple):
    """A covariance x I + y S."""

    x: float
    y: float

    def scaled(self, real: float, model: float) -> Part:
        """In other units."""
        return Part(self.x * real, self.y * model)

    def trace(self, law: MeanLaw) -> float:
        """E tr/d."""
        return self.x + self.y * law.scale

    def of(self, real: Array, model: Array) -> Array:
        """Its trace with T or R from those of I and S."""
        return self.x * real + self.y * model


@dataclass(frozen=True)
class Pooling:
    """How a generation makes its model from the last one, (mu, S).

    Attributes
    ----------
    real, synth : (float, Part)
        Columns of either kind, and the covariance of one.
    gap : Part
        Noise of sqrt(gamma) delta, delta the difference of the means.
    gamma : float
        Weight of delta delta'; 0 without such a column.
    noise, cross : Part
        Noise covariance of the next mean, and of it with sqrt(gamma) delta.
    keep : float
        The next mean is keep mu + noise.
    """

    real: tuple[float, Part]
    synth: tuple[float, Part]
    gap: Part
    gamma: float
    noise: Part
    cross: Part
    keep: float

    @property
    def uses_model(self) -> bool:
        """Whether synthetic samples have noise of the last covariance, beyond rounding."""
        return max(self.synth[1].y, self.gap.y) > _NOTHING * max(self.real[1].x, self.gap.x)

    def forgetting(self) -> Pooling:
        """The same where no synthetic sample has noise: S does not matter, and is to be I."""
        none, (k, real) = Part(0.0, 0.0), self.real
        return replace(
            self,
            real=(0.0, none),
            synth=(k, Part(0.0, real.x)),
            gap=Part(0.0, self.gap.x),
            noise=Part(0.0, self.noise.x),
            cross=Part(0.0, self.cross.x),
        )


def one_fit(n: float, *, bias: float = 1.0, ddof: float = 1.0) -> Pooling:
    """One fit to n samples of N(mu, bias S)."""
    none, unit = Part(0.0, 0.0), bias / (n - ddof)
    return Pooling((0.0, none), (n - 1, Part(0.0, unit)), none, 0.0, Part(0.0, bias / n), none, 1.0)


class _Point(NamedTuple):
    """All at z: traces by R, B, w of the three kinds of columns, s and ds/dz."""

    at: Traces
    B: Array
    w: tuple[Array, Array, Array]
    s: Array
    slope: Array


class _Columns(NamedTuple):
    """The three kinds of columns, in units of the next and the last scale; u has mean part too."""

    k: tuple[float, float, float]
    parts: tuple[Part, Part, Part]

    @property
    def rows(self) -> Array:
        """Columns, and the two parts of the covariance of one, shape (3 kinds, 3)."""
        return np.array([[k, *part] for k, part in zip(self.k, self.parts, strict=True)])

    def solve(self, law: MeanLaw) -> tuple[Array, _Point]:
        """The point z of every s on the grid, by Newton's method from above (s is convex in z)."""
        (_, k_s, k_u), (_, synth, gap) = self.k, self.parts
        farthest = HIGH + max(0.0, -float(np.log(k_s * synth.y + k_u * gap.y))) + 4.0
        z, traces, found = _solved(
            np.exp(np.arange(LOW - 4.0, farthest, STEP)), self.rows, law.read
        )
        B, *w, s, slope = found
        return z, _Point(traces_of(traces, law.mean_sq), B, (w[0], w[1], w[2]), s, slope)


@kernel
def _explicit(z: Array, rows: Array, law: tuple[float, Array, Array]) -> tuple[Array, Array]:
    """Traces at z, and B, w of the three kinds, s and ds/dz, shape (6, points).

    B is the larger root of a quadratic equation; where it is not positive, all is of no use.
    """
    t, found = traces_at(z, *law), np.empty((6, z.size))
    k_r, k_s, k_u = rows[:, 0]
    alone, own = k_s * rows[1, 2], k_u * rows[2, 2]
    for i in range(z.size):
        w = rows[:, 1] * t[1, i] + rows[:, 2] * t[2, i]
        v = -rows[:, 1] * t[3, i] - rows[:, 2] * t[4, i]  # dw/dz
        p, q = w[1] + w[2] - alone - own, w[1] * w[2] - alone * w[2] - own * w[1]
        root = np.sqrt(max(p * p - 4 * q, 0.0))
        B = (root - p) / 2 if p < 0 else -2 * q / (root + p)
        q_1 = v[1] * w[2] + w[1] * v[2] - alone * v[2] - own * v[1]
        B_1 = -((v[1] + v[2]) * B + q_1) / (2 * B + p)
        by_real, by_gap = k_r * rows[0, 1] / (B + w[0]), k_u * rows[2, 1] / (B + w[2])
        still = z[i] - by_real - by_gap
        moved = by_real * (B_1 + v[0]) / (B + w[0]) + by_gap * (B_1 + v[2]) / (B + w[2])
        found[0, i], found[1:4, i] = B, w
        found[4, i], found[5, i] = B * still, B_1 * still + B * (1 + moved)
    return t, found


@kernel
def _solved(z: Array, rows: Array, law: tuple[float, Array, Array]) -> tuple[Array, Array, Array]:
    """The points of all s at the nodes, from a grid of z; with :func:`_explicit` there."""
    found = _explicit(z, rows, law)[1]
    start, i = np.empty(NODES.size), z.size - 1
    for node in range(NODES.size - 1, -1, -1):  # the least z from where on s is larger
        while i > 0 and found[4, i - 1] >= NODES[node] and found[0, i - 1] > 0:
            i -= 1
        start[node] = z[i]
    z = start
    for _ in range(_STEPS):
        found, done = _explicit(z, rows, law)[1], True
        for node in range(NODES.size):
            new = z[node] - (found[4, node] - NODES[node]) / found[5, node]
            if new <= 0:
                new = z[node] / 2
            done = done and not abs(new - z[node]) > _SMALL * z[node]
            z[node] = new
        if done:
            break
    t, found = _explicit(z, rows, law)
    return z, t, found


def _free(x: Array) -> Array:
    """f(x) = log(1 + x) - x/(1 + x)."""
    return np.asarray(np.log1p(x) - x / (1 + x))


def _fluctuation(columns: _Columns, deltas: list[Array], point: _Point) -> Array:
    """(1/2) log det(1 - K), by a 2 x 2 determinant.

    K = P M P' E has rank two: P the rows (x_j, y_j), M = tr (I, S)'(I, S) T^2, E diagonal, so
    det(1 - K) = 1 - tr M N + det M det N with N = P' E P.
    """
    weights = [k / (1 + delta) ** 2 for k, delta in zip(columns.k, deltas, strict=True)]
    pairs = list(zip(weights, columns.parts, strict=True))
    xx = np.sum([w * part.x * part.x for w, part in pairs], axis=0)
    xy = np.sum([w * part.x * part.y for w, part in pairs], axis=0)
    yy = np.sum([w * part.y * part.y for w, part in pairs], axis=0)
    t, unit = point.at, 1 / point.B**2
    trace = (t.plain_2 * xx + 2 * t.mixed_2 * xy + t.model_2 * yy) * unit
    both = (t.plain_2 * t.model_2 - t.mixed_2**2) * unit**2 * (xx * yy - xy**2)
    return np.asarray(0.5 * np.log1p(-np.minimum(trace - both, 1 - _VERGE)))


def next_moments(law: MeanLaw, by: Pooling) -> tuple[float, float]:
    """(c, E |mu|^2) of the next model (exact; theory.md 2.2)."""
    (k_r, real), (k_s, synth), d = by.real, by.synth, law.dim
    own = k_r * real.trace(law) + k_s * synth.trace(law)
    gap = (by.gap.trace(law) + by.gamma * law.mean_sq / d) if by.gamma else 0.0
    return own + gap, by.keep**2 * law.mean_sq + d * by.noise.trace(law)


class Step(NamedTuple):
    """The next law, the point z of every s, and how the next pull follows that at z."""

    law: MeanLaw
    z: Array
    follows: Array


def _pull(
    law: MeanLaw, by: Pooling, unit: tuple[float, float], point: _Point
) -> tuple[Array, Array, Array]:
    """E mu' Q mu of the next model, its derivative by that of the last, and gamma delta' T delta.

    delta delta' is correlated with the next mean: E mu' T mu less (mu' T delta)^2 by rank one.
    """
    traces = point.at.plain / point.B, point.at.model / point.B
    noise, cross, free = (p.scaled(*unit).of(*traces) for p in (by.noise, by.cross, by.gap))
    own, root = unit[0] * point.at.pull / point.B, math.sqrt(by.gamma)
    felt = free + by.gamma * own
    shared = (cross - root * by.keep * own) / (1 + felt)
    pull = noise + by.keep**2 * own - shared**2 * (1 + felt)
    return pull, (by.keep + root * shared) ** 2 * unit[0] / point.B, felt


def advance(law: MeanLaw, by: Pooling, *, real: bool = True) -> Step:
    """One generation; without the 1/d term of real samples for `real` = False."""
    if not by.uses_model:
        law, by = constant_law(law.dim, law.mean_sq), by.forgetting()
    d, (c, mean_sq) = law.dim, next_moments(law, by)
    unit = np.float64(1) / c, np.float64(law.scale) / c  # c = 0: no number
    inside = by.gamma * law.mean_sq / d  # mu, for the columns a Gaussian of covariance M/d I
    parts = by.real[1], by.synth[1], Part(by.gap.x + inside, by.gap.y)
    r, m, u = (part.scaled(*unit) for part in parts)
    columns = _Columns((by.real[0], by.synth[0], float(by.gamma > 0)), (r, m, u))
    z, point = columns.solve(law)
    deltas = [w / point.B for w in point.w]
    lost, total = np.zeros_like(GRID), point.at.gap
    for k, part, delta in zip(columns.k, columns.parts, deltas, strict=True):
        lost = lost + k * (part.x + part.y) * delta / (1 + delta)
        total = total + k * _free(delta)
    total = total + d * np.log1p(-lost / (NODES + 1))
    if real:
        total = total + _fluctuation(columns, deltas, point)
    pull, follows, felt = _pull(law, by, unit, point)
    if by.gamma:  # mu is no Gaussian of covariance M/d I
        total = total + np.log1p((felt - deltas[2]) / (1 + deltas[2]))
    scale = (NODES + 1) * (c / mean_sq)
    new = MeanLaw(d, c, mean_sq, SMOOTH @ (-2 * total / SHARE**2), pull * scale)
    return Step(new, z, follows * scale * law.mean_sq / (1 + z))


def next_law(law: MeanLaw, by: Pooling, *, real: bool = True) -> MeanLaw:
    """The mean law of the next model (:func:`advance`).

    Examples
    --------
    >>> fit = next_law(constant_law(64), one_fit(65))
    >>> round(fit.root_deficit, 4)  # 0.1532 by spectrum.one_wishart
    0.1533
    """
    return advance(law, by, real=real).law
