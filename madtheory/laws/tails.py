r"""Tail probabilities from a cumulant generating function, by a trapezoidal rule in the plane.

For a real variable Y with K(s) = log E exp(s Y), finite for low < s < high with low < 0 < high,

    P(Y > y)  = (1 / 2 pi i) \int_{c - i oo}^{c + i oo} exp(K(s) - s y) ds / s,   0 < c < high,
    P(Y <= y) = the same with low < c < 0 and the opposite sign

(Bromwich; Poisson summation shows that the trapezoidal rule converges exponentially fast). The
contour goes through the saddle point of the integrand and bends like the path of steepest
descent, so nothing cancels: both tails come out with *relative* accuracy, however small.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from madtheory._types import Array

_MAX_NODES = 2**14
_FAR = 1e100
_SLOPE = 0.8  # of the bent contour at infinity: below 1, so Gaussian integrands still decay


class Cumulants(Protocol):
    """A law through its cumulant generating function K."""

    @property
    def low(self) -> float:
        """Left end of the interval where K is finite, negative or -inf."""

    @property
    def high(self) -> float:
        """Right end, positive or inf."""

    def value(self, s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """K at complex points."""

    def derivative(self, order: int, s: float) -> float:
        """Derivative of K of order 1, 2 or 3 at a real point."""


def _on_half_line(end: float) -> Callable[[float], float]:
    """Map the real line onto the open interval between 0 and `end` (finite or infinite)."""
    if math.isinf(end):
        return lambda v: math.copysign(math.exp(v), end)
    # Capped, so that the far end is never reached by rounding.
    return lambda v: end / (1.0 + math.exp(-min(v, 34.0)))


def _root(function: Callable[[float], float], start: float) -> float:
    """Root of a monotone function near `start`, to a relative accuracy that suits a contour."""
    at = function(start)
    step = 1.0
    while (function(start + step) > 0) == (at > 0) and (function(start - step) > 0) == (at > 0):
        step *= 2.0
        if step > 500.0:
            # No change of sign in reach: y is the mean to rounding (the order is 0), or far out.
            reach = step / 2.0
            return min((start + reach, start - reach), key=lambda v: abs(function(v)))
    return float(brentq(function, start - step, start + step, xtol=1e-6, rtol=1e-10))


def saddle(law: Cumulants, y: float, *, pole: float) -> float:
    """Solve K'(c) - pole / c = y for c between 0 and the end of the strip.

    With ``pole=1`` this is the saddle point of exp(K(s) - s y) / s; with ``pole=0`` the order
    of the best Chernoff bound. The side is that of y against the mean K'(0).
    """
    upper = y >= law.derivative(1, 0.0)
    end = law.high if upper else law.low
    point = _on_half_line(end)
    width = 1.0 / math.sqrt(law.derivative(2, 0.0))
    near = min(width, abs(end) / 2.0)
    start = math.log(near) if math.isinf(end) else -math.log(abs(end) / near - 1.0 + 1e-300)

    def slope(v: float) -> float:
        c = point(v)
        return law.derivative(1, c) - pole / c - y

    return point(_root(slope, start))


def _contour(
    x: Array, c: float, bend: float
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Points s(x) = c + i x + bend x^2 + ... of a hyperbola, and (ds/dx) / i."""
    if bend == 0.0:
        return np.asarray(c + 1j * x, dtype=np.complex128), np.ones(x.shape, dtype=np.complex128)
    waist = _SLOPE / (2.0 * abs(bend))
    radius = np.hypot(waist, x)
    sign = math.copysign(_SLOPE, bend)
    # x^2 / (radius + waist) is radius - waist without cancellation.
    s = np.asarray(c + sign * x * x / (radius + waist) + 1j * x, dtype=np.complex128)
    return s, np.asarray(1.0 - 1j * sign * x / radius, dtype=np.complex128)


def _refine(
    integrand: Callable[[Array], Array],
    far: float,
    step: float,
    tolerance: float,
) -> float:
    """Integral over (0, far) of an even integrand by the trapezoidal rule, halving the step."""

    def node_sum(start: float) -> float:
        nodes = step * (np.arange(float(math.ceil(far / step))) + start)
        return float(integrand(np.asarray(nodes, dtype=np.float64)).sum())

    total = 0.5 * float(integrand(np.zeros(1))[0]) + node_sum(1.0)
    integral = step * total
    while far / step < _MAX_NODES:
        total += node_sum(0.5)
        step /= 2.0
        previous, integral = integral, step * total
        if abs(integral - previous) <= tolerance * abs(integral):
            break
    return integral


def _log_integral(law: Cumulants, y: float, c: float) -> float:
    """Log of (1 / 2 pi) |integral| along the contour through c."""
    k2, k3 = law.derivative(2, c), law.derivative(3, c)
    bend = k3 / (6.0 * k2)
    curvature = k2 + 1.0 / c**2
    unit = 1.0 / math.sqrt(curvature)
    peak = float(law.value(np.array([c + 0j]))[0].real)
    noise = 2.3e-16 * (abs(peak) + abs(y) * (abs(c) + 10.0 * unit))
    if noise > 1e-6:
        # The exponent itself is known to this absolute error only: the leading term suffices.
        return peak - c * y - 0.5 * math.log(2.0 * math.pi * curvature) - math.log(abs(c))

    def log_ratio(s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        return law.value(s) - peak - (s - c) * y

    def integrand(x: Array) -> Array:
        s, ds = _contour(x, c, bend)
        return np.real(np.exp(log_ratio(s)) * ds * (c / s))

    grid = np.asarray(unit * 1.3 ** np.arange(160.0), dtype=np.float64)
    far = grid[int(np.argmax(np.real(log_ratio(_contour(grid, c, bend)[0])) < -44.0))]
    integral = _refine(integrand, float(far), 0.5 * unit, 2e-14 + 4.0 * noise)
    return peak - c * y + math.log(integral / (math.pi * abs(c)))


def _log1mexp(x: float) -> float:
    """log(1 - exp(x)) for x <= 0."""
    if x >= 0.0:
        return -math.inf
    return math.log(-math.expm1(x)) if x > -math.log(2.0) else math.log1p(-math.exp(x))


def log_tails(law: Cumulants, y: float) -> tuple[float, float]:
    """Return (log P(Y <= y), log P(Y > y)), the smaller one to relative accuracy near 1e-13."""
    c = saddle(law, y, pole=1.0)
    # The logarithm is of the order of c: beyond _FAR, minus infinity in all that uses it.
    tail = min(_log_integral(law, y, c), 0.0) if abs(c) < _FAR else -math.inf
    other = _log1mexp(tail)
    return (other, tail) if c > 0 else (tail, other)
