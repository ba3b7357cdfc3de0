"""Which of two words wins at a temperature, and when (theory.md 4.2).

Exact by elimination up to n = 1,000. Above, two limits for large n: the diffusion at a fixed
n (1/lambda - 1), and growth at a fixed temperature below 1; each declares its error from an
exact chain of n = 400.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

from madtheory import _check
from madtheory.modes import _elimination
from madtheory.modes import ancestry as chain
from madtheory.modes.tempering import DENSE_LIMIT, NEGLIGIBLE, inverse, success
from madtheory.results import Estimate

if TYPE_CHECKING:
    from madtheory._types import Array

#: Size of the exact chain that calibrates the declared error of the diffusion.
CALIBRATION = 400
#: Selection n (1/lambda - 1) from which a fixed temperature is a limit of its own.
STRONG = 50.0
#: Selection up to which the diffusion is computed: its scale function spans e^(2 log 2 WEAK).
WEAK = 400.0


@dataclass(frozen=True, slots=True)
class Fixation:
    """Scalars: P(the first token is the one that is left), and E generation when one is left."""

    probability: Estimate
    time: Estimate


def fixation(p: float, n: int, *, temperature: float = 1.0) -> Fixation:
    """Return who wins of two tokens, and when, without fresh data.

    Parameters
    ----------
    p : float
        Probability of the first token in the real distribution.
    n : int
        Tokens of each generation.
    temperature : float

    Returns
    -------
    Fixation
        Exact (rel_error 0) up to n = 1,000. Above, asymptotic in n: :func:`fixation_diffusion`,
        declared error twice its error in an exact chain of n = 400 with the same
        n (1/lambda - 1), scaled by 400/n; and where n (1/lambda - 1) > 50, :func:`fixation_limit`,
        calibrated alike, if its declared error is smaller. The real distribution is generation 0.

    Raises
    ------
    ValueError
        When the chain needs more than 1e290 generations, or n (1 - 1/lambda) > 50 above n = 1,000.

    Examples
    --------
    >>> result = fixation(0.6, 100, temperature=0.9)
    >>> round(float(result.probability.value), 4), round(float(result.time.value), 2)
    (0.8121, 24.84)
    """
    p_, power = _check.number("p", p, low=0.0, high=1.0), inverse(temperature)
    n_ = _check.count("n", n)
    if min(p_, 1.0 - p_) == 0.0:
        return Fixation(Estimate.exact(p_), Estimate.exact(0.0))
    if n_ <= DENSE_LIMIT:
        return Fixation(*(Estimate.exact(x) for x in _exact_fixation(p_, n_, power)))
    return _large_fixation(p_, n_, power)


def _exact_fixation(p: float, n: int, power: float) -> tuple[float, float]:
    matrix = chain.transition(n, success(n, power))
    matrix[matrix < NEGLIGIBLE] = 0.0
    hit, time = np.empty((2, n + 1))
    if _elimination.absorb(matrix, hit, time) < NEGLIGIBLE:
        raise ValueError("temperature must let the loop end within 1e290 generations, it does not")
    first = chain.binomial_law(n, p)
    return float(first @ hit), 1.0 + float(first @ time)


def temperature_for(target: float, p: float, n: int) -> float:
    """Return the temperature at which the favoured of two tokens wins with a given probability.

    Parameters
    ----------
    target : float
        Between p (temperature 1) and the probability at temperature 0, of a majority among the
        first n tokens.
    p : float
        Probability of the favoured token, in (1/2, 1).
    n : int

    Returns
    -------
    float
        In [0, 1]; right to 1e-9 up to n = 1,000, above as :func:`fixation` is.

    Examples
    --------
    >>> round(temperature_for(0.8, 0.6, 100), 4)
    0.9105
    """
    p_ = _check.number("p", p, low=0.5, high=1.0, open_=True)
    goal = _check.number("target", target, low=0.0, high=1.0)

    def excess(temperature: float) -> float:
        return float(fixation(p_, n, temperature=temperature).probability.value) - goal

    most = excess(0.0)
    if most < 0 or goal < p_:
        raise ValueError(f"target must be in [{p_:g}, {most + goal:.6g}], got {goal:g}")
    if goal == p_:
        return 1.0
    return float(optimize.brentq(excess, 0.0, 1.0, xtol=1e-10)) if most > 0 else 0.0


# --- limits for large n ---------------------------------------------------------------------------


def _entropy(x: Array) -> Array:
    """Entropy in nats of (x, 1 - x)."""
    return np.asarray(special.entr(x) + special.entr(1.0 - x))


def _panels(x: float) -> tuple[Array, Array]:
    """Edges and Gauss nodes of (0, 1), shapes (panels + 1,), (panels, 16); x is an edge."""
    halves = 0.25 * 0.5 ** np.arange(40)
    ends = [0.0, 0.5, 1.0, x], halves, 1.0 - halves, 0.5 - halves, 0.5 + halves
    edges = np.unique(np.concatenate(ends))
    nodes, _ = np.polynomial.legendre.leggauss(16)
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    return edges, middle[:, None] + half[:, None] * nodes


def _partial_integrals() -> tuple[Array, Array]:
    """Weights of the integrals from -1 to each of 16 Gauss nodes (rows), and to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    values, k = np.polynomial.legendre.legvander(nodes, 16), np.arange(1, 16)
    integrals = np.empty((16, 16))
    integrals[:, 0] = nodes + 1.0
    integrals[:, 1:] = (values[:, 2:] - values[:, :-2]) / (2 * k + 1)
    to_coefficients = values[:, :16].T * weights * (np.arange(16) + 0.5)[:, None]
    return integrals @ to_coefficients, weights


def fixation_diffusion(p: float, n: int, *, temperature: float) -> tuple[float, float]:
    """Return P(the first of two tokens wins) and E time, in the diffusion limit.

    With a = n (1/lambda - 1) fixed the drift is a x (1-x) log(x/(1-x)) and the variance x (1-x),
    in units of n generations: P = S(p)/S(1), S(x) the integral of exp(2 a H) over (0, x), with H
    the entropy of (x, 1-x). So a temperature 1 - s/n balances drift and selection; s = a.
    Asymptotic in n at fixed a, which is at most 400 in size.

    Examples
    --------
    >>> [round(x, 4) for x in fixation_diffusion(0.6, 100, temperature=0.9)]
    [0.8308, 23.6112]
    """
    p_ = _check.number("p", p, low=0.0, high=1.0, open_=True)
    n_ = _check.count("n", n)
    selection = n_ * (inverse(temperature) - 1.0)
    _check.number("n (1/temperature - 1)", selection, low=-WEAK, high=WEAK)
    edges, y = _panels(p_)
    width, (partial, weights) = 0.5 * np.diff(edges), _partial_integrals()
    top = math.log(2.0) if selection > 0 else 0.0
    scale = np.exp(2.0 * selection * (_entropy(y) - top))
    parts = width * (scale @ weights)
    inside = width[:, None] * (scale @ partial.T)
    before = (np.cumsum(parts) - parts)[:, None] + inside
    after = np.cumsum(parts[::-1])[::-1][:, None] - inside
    low = edges[1:] <= p_
    win = parts[low].sum() / parts.sum()
    speed = 2.0 / (y * (1.0 - y) * scale) * weights
    below = (width * (before * speed).sum(axis=1))[low].sum()
    above = (width * (after * speed).sum(axis=1))[~low].sum()
    return float(win), float(n_ * ((1.0 - win) * below + win * above))


def fixation_limit(p: float, n: int, *, temperature: float) -> tuple[float, float]:
    """Return P(the first of two tokens wins) and E time, for large n at a fixed temperature < 1.

    A deviation y from 1/2 grows by 1/lambda a generation and gets noise of variance 1/(4n), so
    its sign is settled by a normal variable W of mean p - 1/2 and variance 1/(4n (1 - lambda^2)):
    P = Phi(2 sqrt(n) (p - 1/2) sqrt(1 - lambda^2)). The loser then has odds
    exp(-logit(1/2 + |W|) lambda^-(t-1)), and is gone when none of n tokens is its. Asymptotic in n,
    for (p - 1/2) sqrt(n) = O(1).

    Examples
    --------
    >>> [round(x, 4) for x in fixation_limit(0.51, 10_000, temperature=0.5)]
    [0.9584, 9.7278]
    """
    p_ = _check.number("p", p, low=0.0, high=1.0, open_=True)
    n_, power = _check.count("n", n), inverse(temperature)
    if power <= 1.0:
        raise ValueError(f"temperature must be below 1 for this limit, got {temperature:g}")
    sd = 1.0 / (2.0 * math.sqrt(n_ * (1.0 - power**-2)))
    win = float(special.ndtr((p_ - 0.5) / sd))
    x = np.linspace(-8.0, 8.0, 4001)
    # At W = 0 a tie: half a step of the grid stands in, the integral being one of log|W|.
    W = np.maximum(np.abs(p_ - 0.5 + sd * x), 0.001 * sd)
    odds = special.logit(np.minimum(0.5 + W, 1.0 - 1e-16))
    density = np.exp(-0.5 * x * x)
    return win, _time_of_growth(odds, density / density.sum(), n_, power)


def _time_of_growth(odds: Array, law: Array, n: int, power: float) -> float:
    """Sum over t >= 0 of P(both tokens are alive at t), the log-odds growing by `power`."""
    total, t, pending = 1.0, 0, 1.0
    while pending > 1e-12 and t < 100_000:
        with np.errstate(over="ignore"):
            scaled = odds * np.float64(power) ** t if t else odds
        lost = np.exp(-n * np.exp(-np.logaddexp(0.0, scaled)))
        pending, t = float(law @ (1.0 - lost)), t + 1
        total += pending
    return total


def _calibrated(value: float, exact: float, rough: float, factor: float) -> Estimate:
    """A limit whose error is twice that of the same limit at the size of CALIBRATION, scaled."""
    error = 2.0 * abs(exact - rough) * factor
    return Estimate.declared(value, error / value if value > 0 else math.inf)


def _by_diffusion(p: float, n: int, power: float) -> Fixation:
    """Limit at a given n (1/lambda - 1): errors of order 1/n, in time of order 1 generation."""
    small = CALIBRATION
    like = 1.0 + n * (power - 1.0) / small
    rough = fixation_diffusion(p, small, temperature=1.0 / like)
    value = fixation_diffusion(p, n, temperature=1.0 / power)
    exact = _exact_fixation(p, small, like)
    return Fixation(
        _calibrated(value[0], exact[0], rough[0], small / n),
        _calibrated(value[1], exact[1], rough[1], 1.0),
    )


def _by_growth(p: float, n: int, power: float) -> Fixation:
    """Limit at a given temperature: errors of order 1/(n (1/lambda - 1)), and of some generations.

    Calibrated at the same distance from 1/2 in deviations of W, at the same temperature or the
    nearest at which n = CALIBRATION has selection enough.
    """
    small = CALIBRATION
    like = max(power, 1.0 + STRONG / small)
    z = 2.0 * (p - 0.5) * math.sqrt(n * (1.0 - power**-2))
    start = 0.5 + min(max(z, -8.0), 8.0) / (2.0 * math.sqrt(small * (1.0 - like**-2)))
    start = min(max(start, 0.01), 0.99)
    exact = _exact_fixation(start, small, like)
    rough = fixation_limit(start, small, temperature=1.0 / like)
    value = fixation_limit(p, n, temperature=1.0 / power)
    shrink, slower = (min(x - 1.0, 1.0) for x in (like, power))
    return Fixation(
        _calibrated(value[0], exact[0], rough[0], small * shrink / (n * slower)),
        _calibrated(value[1], exact[1], rough[1], shrink / slower),
    )


def _large_fixation(p: float, n: int, power: float) -> Fixation:
    """The limit that declares the smaller error, above the exact chain."""
    selection = n * (power - 1.0)
    if selection < -STRONG:
        most = n / (n - STRONG)
        raise ValueError(
            f"temperature must be at most {most:.6g} for n = {n}, got {1.0 / power:.6g}"
        )
    if selection <= STRONG:
        return _by_diffusion(p, n, power)
    growth = _by_growth(p, n, power)
    if selection > WEAK:
        return growth
    diffusion = _by_diffusion(p, n, power)
    return Fixation(
        min(growth.probability, diffusion.probability, key=lambda x: float(x.rel_error)),
        min(growth.time, diffusion.time, key=lambda x: float(x.rel_error)),
    )
