"""The theory's loop at the size of n_fit: its course as a function of lambda, its noise, its n.

Everything is read from :mod:`madtheory.theory`; what is added is the step from a fitted model to
its samples, N(mu, lambda Sigma), which is what a curve shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev

from madtheory import _search
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.deep.compare import rules
from madtheory.loop import Loop
from madtheory.spectrum import baseline
from madtheory.theory import distance, moments

#: Nodes beyond the degree of the course, nodes of the noise; spans of lambda that both cover.
_MORE, _NODES = 6, 9
_COURSE_SPAN, _NOISE_SPAN = (0.3, 2.0), (0.7, 1.4)


def scaled(loop: Loop, factor: float, bias: float) -> Loop:
    """The loop with all counts times `factor`, another bias, ddof 1."""

    def count(n: int, least: int) -> int:
        return min(max(round(n * factor), least), rules.N_MOST) if n else 0

    return replace(
        loop,
        n_initial=count(loop.n_initial, 2),
        n_fixed=count(loop.n_fixed, 1),
        n_fresh=count(loop.n_fresh, 1),
        n_synth=count(loop.n_synth, 2),
        budget=None if loop.budget is None else count(loop.budget, 2),
        bias=bias,
        ddof=1,
        allow_overdispersion=True,
    )


def sampled_distance(bias: float, T: float, M: Array, C: Array, W: Array) -> Array:
    """W2^2 of N(mu, lambda Sigma) from that of N(mu, Sigma): fidelity goes with sqrt lambda."""
    return np.asarray(M + bias * C + T - math.sqrt(bias) * (M + C + T - W))


@dataclass(frozen=True, slots=True)
class Smooth:
    """A function of lambda with values (T,), interpolated at Chebyshev's nodes of an interval."""

    low: float
    high: float
    coefficients: Array

    @classmethod
    def of(cls, function: Callable[[float], Array], low: float, high: float, nodes: int) -> Smooth:
        """Interpolate."""
        x = chebyshev.chebpts1(nodes)
        values = [function(low + (high - low) * (u + 1) / 2) for u in x.tolist()]
        found = chebyshev.chebfit(x, np.stack(values), nodes - 1)
        return cls(low, high, np.asarray(found, dtype=np.float64))

    def __call__(self, bias: Array) -> Array:
        """Values at biases of any shape, shape (..., T); biases are cut to the interval."""
        x = 2 * (np.clip(bias, self.low, self.high) - self.low) / (self.high - self.low) - 1
        found = np.asarray(chebyshev.chebval(x, self.coefficients), dtype=np.float64)
        return np.moveaxis(found, 0, -1)


@dataclass(frozen=True)
class Frame:
    """A loop of the theory: counts times `factor`, biases near `biases`, generations 1..T.

    `spectrum` are the eigenvalues of Sigma_0, `n` is n_fit of the calibrating loop, cut for the
    noise to where it is linear in 1/n.
    """

    loop: Loop
    spectrum: Array
    generations: int
    factor: float
    n: float
    biases: Array

    @cached_property
    def _ends(self) -> tuple[float, float]:
        least, most = float(self.biases.min()), float(self.biases.max())
        return max(least * _COURSE_SPAN[0], rules.BIAS_LEAST), most * _COURSE_SPAN[1]

    def _course(self, parts: int) -> Smooth:
        """Share c_t of the real trace that samples of generation t have, by lambda."""

        def one(bias: float) -> Array:
            loop = scaled(self.loop, self.factor / parts, bias)
            return np.asarray(bias * moments.first_moments(loop, self.generations).trace)

        return Smooth.of(one, *self._ends, self.generations + _MORE)

    @cached_property
    def course(self) -> Smooth:
        """Of the loop itself."""
        return self._course(1)

    def course_of_class(self, classes: int) -> Smooth:
        """Of a loop of one class among `classes` of equal size."""
        return self._course(classes)

    def distance(self, bias: float, spectrum: Array) -> tuple[Array, Array]:
        """E W2^2 of samples of the loop in units of the data, and its declared error."""
        loop, s = scaled(self.loop, self.factor, bias), Spectrum.of(spectrum)
        first = moments.first_moments(loop, self.generations)
        found = distance.w2_squared(loop, s, generations=self.generations)
        M, C = s.trace * first.mean_sq, s.trace * first.trace
        return sampled_distance(bias, s.trace, M, C, found.value), math.sqrt(bias) * np.asarray(
            found.value * found.rel_error
        )

    def noise_in(self, spectrum: Array, centre: float) -> Smooth:
        """n_fit times what finite fits add to the distance of the shape, by lambda near `centre`.

        That is E W2^2 less tr Sigma_0 (1 - sqrt c_t)^2; linear in 1/n_fit to first order.
        """
        total = float(spectrum.sum())

        def one(bias: float) -> Array:
            shape = total * (1 - np.sqrt(self.course(np.asarray(bias)))) ** 2
            return self.n * (self.distance(bias, spectrum)[0] - shape)

        low, high = (centre * x for x in _NOISE_SPAN)
        return Smooth.of(one, low, high, _NODES)


def bias_of_ratio(loop: Loop, ratio: Array) -> Array:
    """Bias at which E tr Sigma_2/E tr Sigma_1 is `ratio`: exact, as it is affine in the bias.

    Examples
    --------
    >>> bias_of_ratio(fully_synthetic(50), np.array([0.9])).round(9).tolist()
    [0.9]
    >>> bias_of_ratio(fresh_data(1000, 1000), np.array([0.95])).round(3).tolist()
    [0.899]
    """
    ends = []
    for bias in (0.0, 1.0):
        trace = moments.first_moments(scaled(loop, 1.0, bias), 2).trace
        ends.append(float(trace[1] / trace[0]))
    found = (np.asarray(ratio) - ends[0]) / (ends[1] - ends[0])
    return np.clip(found, rules.BIAS_LEAST, rules.BIAS_MOST)


def added(n: int, bias: float | Array, spectrum: Spectrum, seen: float) -> Array:
    """Mean distance that a Gaussian fit to n samples adds at generation 1 to what scales explain.

    T/n + sqrt(lambda) (baseline(n) - T/n - seen/(2n)), T = tr Sigma_0; `seen` = sum over blocks of
    sum s^2/sum s is what the fit's own scale of each block takes with it.
    """
    mean = spectrum.trace / n
    shape = float(baseline(n, spectrum).value) - mean - seen / (2 * n)
    return np.asarray(mean + np.sqrt(bias) * max(shape, 0.0))


def fitted_size(excess: float, bias: float, spectrum: Array, seen: float = 0.0) -> float:
    """The n at which :func:`added` is `excess`; linear in 1/n between integers.

    inf where that takes more than N_MOST or `excess` is not positive, at least 2.

    Examples
    --------
    >>> s = np.array([2.0, 1.0])
    >>> round(fitted_size(float(baseline(40, s).value), 1.0, s), 6)
    40.0
    """
    s = Spectrum.of(spectrum)
    ends = [(n, float(added(n, bias, s, seen))) for n in (2, rules.N_MOST)]
    if excess <= ends[1][1]:
        return math.inf
    if excess >= ends[0][1]:
        return 2.0

    def above(n: int) -> float:
        return math.log(float(added(n, bias, s, seen)) / excess)

    first, last = ((n, math.log(value / excess)) for n, value in ends)
    (low, a), (high, b) = _search.neighbours(above, first, last)
    share = -math.expm1(a) / (math.exp(b) - math.exp(a))
    return low * high / (high + (low - high) * share)
