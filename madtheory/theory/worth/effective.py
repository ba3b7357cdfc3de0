"""Worth of a loop in real samples (theory.md 2.5-2.9, 3.1, 5.3; paper, Eq. (4), Appendix G).

A loop is worth n_e real samples when its E W2^2 is that of one Gaussian fit to n_e real samples,
the baseline. Status: mean part exact; W2^2 part as exact as the baseline and the loop's W2^2,
whose errors are declared, and :func:`effective_interval` has both.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check, _search
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop, require_loop
from madtheory.results import Estimate, Interval
from madtheory.spectrum import baseline, baseline_leading
from madtheory.spectrum.baseline import LARGE
from madtheory.theory import distance

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def effective_sample_size(w2_squared: float, eigenvalues: ArrayLike) -> float:
    """Real samples n_e whose Gaussian fit has this E W2^2: the inverse of the baseline.

    Parameters
    ----------
    w2_squared : float
        E W2^2, at least 0 (inf allowed).
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        Between integers the baseline is interpolated linearly in 1/n (no Wishart law has
        non-integer n - 1 < dim). Fewer than 2 samples have no fit: beyond baseline(2) the answer
        goes on as 2 baseline(2)/w2_squared. inf at 0, 0 at inf.

    Examples
    --------
    >>> round(effective_sample_size(float(baseline(37, [1.0, 2.0]).value), [1.0, 2.0]), 6)
    37.0
    """
    return _inverse(w2_squared, Spectrum.of(eigenvalues), 0)


def _inverse(w2_squared: float, s: Spectrum, side: int) -> float:
    """Inverse of the baseline (0), or of the least (-1) or greatest (1) that its error leaves."""
    target = _check.number("w2_squared", w2_squared, low=0.0, infinite=True)
    if target == math.inf:
        return 0.0
    # In units of about the largest eigenvalue: below 1e-308 a distance has few digits, or none.
    exponent = math.frexp(float(s.values[0]))[1]
    s, target = Spectrum(np.ldexp(s.values, -exponent)), float(np.ldexp(target, -exponent))
    if target == 0:
        return math.inf
    first, last = float(baseline(2, s).end(side)), baseline_leading(LARGE, s)
    if target >= first:
        return 2 * first / target
    if target <= last:
        return LARGE * last / target

    def excess(n: int) -> float:
        return math.log(float(baseline(n, s).end(side)) / target)

    ends = (2, math.log(first / target)), (int(LARGE), math.log(last / target))
    (low, above), (high, below) = _search.neighbours(excess, *ends)
    share = -math.expm1(above) / (math.exp(below) - math.exp(above))
    return low * high / (high + (low - high) * share)


def effective_interval(w2_squared: Estimate | Interval, eigenvalues: ArrayLike) -> Interval:
    """Least and greatest n_e by the errors of both E W2^2 and the baseline.

    Parameters
    ----------
    w2_squared : Estimate or Interval
        E W2^2 with its declared error, 0-d, or the interval that it is in.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    Interval
        n_e lies in it where both errors cover; :func:`effective_sample_size` of the value does.
        The upper end is inf where the declared error of the distance reaches 0.

    Examples
    --------
    >>> w2 = distance.w2_squared_limit(fresh_data(10, 390, bias=0.9), [1.0] * 7)
    >>> found = effective_interval(w2, [1.0] * 7)
    >>> found.lower < effective_sample_size(float(w2.value), [1.0] * 7) < found.upper
    True
    """
    s = Spectrum.of(eigenvalues)
    if not isinstance(w2_squared, Estimate | Interval):
        got = _check.shown(w2_squared)
        raise TypeError(f"w2_squared must be an Estimate or an Interval, got {got}")
    if isinstance(w2_squared, Estimate):
        w2_squared = Interval(*(float(w2_squared.end(side)) for side in (-1, 1)))
    low, high = (max(x, 0.0) for x in (w2_squared.lower, w2_squared.upper))
    return Interval(_inverse(high, s, -1), _inverse(low, s, 1))


def mean_effective_size(n_real: int, n_synth: int) -> float:
    """Real samples that E|mu|^2 of the unbiased loop is worth (theory.md 2.5, exact, bias = 1).

    Examples
    --------
    >>> mean_effective_size(10, 11)
    14.95
    """
    n_real = _check.count("n_real", n_real)
    n_synth = _check.count("n_synth", n_synth, minimum=0)
    return n_real + n_synth * ((n_real - 1) / (n_real + n_synth - 1)) if n_synth else float(n_real)


def leading_gain(n_real: int, n_synth: int) -> float:
    """Leading order of n_e/n_real at bias = 1, at most 2 (theory.md 2.5; n_real >> dim).

    Examples
    --------
    >>> leading_gain(100, 100)
    1.5
    """
    n_real = _check.count("n_real", n_real)
    n_synth = _check.count("n_synth", n_synth, minimum=0)
    return 1 + n_synth / (n_real + n_synth)


def gain(loop: Loop, eigenvalues: ArrayLike) -> float:
    """n_e/n_real of a loop at its limit, from E W2^2 (paper, Eq. (4); theory.md 2.5, 3.1).

    As good as :func:`madtheory.theory.distance.w2_squared_limit`, whose error is declared. For
    loops with real data and a computed limit.

    Examples
    --------
    >>> round(gain(fresh_data(2000, 2000), [1.0]), 2)
    1.5
    """
    require_loop(loop)
    if not loop.n_real:
        raise UnsupportedLoop("the gain is computed for loops with real data only, got n_real = 0")
    limit = distance.w2_squared_limit(loop, eigenvalues)
    return effective_sample_size(float(limit.value), eigenvalues) / loop.n_real
