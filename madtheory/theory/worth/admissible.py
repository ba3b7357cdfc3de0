"""How many synthetic samples a loop may add: largest n_synth with n_e >= n_real (theory.md 2.6).

At any Sigma_0: with W = Sigma_0^{-1/2} Sigma Sigma_0^{-1/2}, the law of W is that of the loop at
Sigma_0 = I. Distances are not carried over so, but to second order they see Sigma_0 through one
number, the Bures weight.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check, _search
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop, require_loop
from madtheory.results import Estimate
from madtheory.spectrum import baseline
from madtheory.theory import distance
from madtheory.theory.moments import first_moments_limit, growing_pool_dies, is_growing_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import ArrayLike

#: n_synth is looked for up to this multiple of n_real; far beyond it shares of data are rounding.
_FARTHEST = 1e10
#: And at bias 1 up to this one: only n_synth/n_real counts there, and nothing moves any more.
_FARTHEST_UNBIASED = 1e5
#: And to this one over 1 - bias, if that is more: n_synth (1 - bias)/n_real is what kills.
_FARTHEST_BIASED = 1e4
#: Ratio of neighbours in the scan over integers.
_SCAN = 4


def admissible_n_synth(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Largest n_synth with n_e >= n_real (theory.md 2.6, 2.10, 3.1; paper, Fig. 11, 12).

    Root of E W2^2 = baseline(n_real), from :func:`madtheory.theory.distance.resummed_limit` and
    :func:`madtheory.spectrum.baseline`, interpolated between integers. Where n_synth << n_real the
    loop is one fit to the real data, and so that a difference of the two approximations does not
    decide, the baseline is taken there as the former has it (share (n_real/n)^2).

    Parameters
    ----------
    loop : Loop
        A loop with real data and a limit; its n_synth is ignored.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        inf where no n_synth up to 10^10 n_real fails (at bias 1: 10^5; near it as far as
        10^4 n_real/(1 - bias)), 0 where every one does.
        Coming down from there, by factors of four, a shorter range can be missed. One real
        sample is no fit: every n_synth passes. Its error: :func:`admissible_interval`.

    Examples
    --------
    >>> round(admissible_n_synth(fresh_data(30_000, 1, bias=0.5), [3.0] * 5), 1)
    47.9
    >>> admissible_n_synth(fresh_data(30_000, 1), [1.0] * 5)
    inf
    >>> admissible_n_synth(synthetic_augmentation(1000, 1), [1.0])  # it never helps
    0.0
    """
    return _last(loop, eigenvalues, (0,))[0]


def admissible_interval(loop: Loop, eigenvalues: ArrayLike) -> Estimate:
    """Return :func:`admissible_n_synth` with the range that the declared errors leave.

    `lower` is the largest n_synth at which E W2^2 is below the baseline by more than the errors of
    both, `upper` the largest at which it is not above by more; neither is a theorem, nor is
    `rel_error`, the larger distance of the two from the value. 0 below: no n_synth is certain to
    pass; inf above: none is certain to fail.

    Examples
    --------
    >>> e = admissible_interval(fresh_data(100, 1, bias=0.9), [1.0] * 100)
    >>> [float(x.round(-1)) for x in (e.lower, e.value, e.upper)]
    [3900.0, 3920.0, 3940.0]
    """
    value, lower, upper = _last(loop, eigenvalues, (0, 1, -1))
    # A range can be missed on the way down: the ends enclose the value in any case.
    lower, upper = min(value, lower), max(value, upper)
    if lower == upper:
        return Estimate.exact(value)
    ends = (value, lower, upper, _largest_share(lower, value, upper))
    return Estimate(*(np.asarray(x) for x in ends))


def _largest_share(lower: float, value: float, upper: float) -> float:
    """Larger distance from the value, in its units."""
    if not 0 < value < math.inf:
        return math.inf
    return max(upper - value, value - lower) / value


def _at_least(loop: Loop, s: Spectrum) -> float:
    """A bound below E W2^2 at the limit.

    E ||mu - mu_0||^2 + (sqrt(E tr Sigma) - sqrt(tr Sigma_0))^2 where the trace falls short: the
    triangle inequality for square roots, then Jensen's.
    """
    means = first_moments_limit(loop)
    return s.trace * (means.mean_sq + (1 - math.sqrt(min(means.trace, 1.0))) ** 2)


class _Comparison:
    """E W2^2 of a loop against the baseline, at any n_synth; every distance computed once."""

    def __init__(self, loop: Loop, s: Spectrum) -> None:
        self._loop, self._s = loop, s
        self._base = baseline(loop.n_real, s)
        self.known: dict[int, tuple[float, float]] = {}
        plain = loop.weight is None and loop.ddof == 1 and not (loop.shrinkage or loop.floor)
        self._missed = 0.0
        self._cancels = plain
        if plain:
            own = float(distance.w2_squared_one_fit(loop.n_real, s))
            self._missed = float(self._base.value) - own

    def _compare(self, n_synth: int) -> tuple[float, float]:
        """Excess over the baseline, and the error of it."""
        w2 = distance.resummed_limit(replace(self._loop, n_synth=n_synth), self._s)
        base, n_real = self._base, self._loop.n_real
        share = (n_real / (n_real + n_synth)) ** 2 if self._cancels else 0.0
        excess = float(w2.value) + share * self._missed - float(base.value)
        if not math.isfinite(excess):
            return excess, 0.0
        error = float(w2.end(1) - w2.end(-1) + base.end(1) - base.end(-1)) / 2
        return excess, (1 - share) * error

    def fails(self, n_synth: int) -> bool:
        """Whether first moments alone, which cost little, say that it is beyond the baseline.

        Of pools that keep all they take seconds, but where their covariance dies.
        """
        loop = replace(self._loop, n_synth=n_synth)
        if loop.keeps_all:
            return growing_pool_dies(loop) and self._s.trace > float(self._base.end(1))
        return _at_least(loop, self._s) > float(self._base.end(1))

    def excess(self, side: int, n_synth: int) -> float:
        """The excess and `side` errors more."""
        if n_synth not in self.known:
            self.known[n_synth] = self._compare(n_synth)
        value, error = self.known[n_synth]
        return value + side * error


def _is_sure(loop: Loop) -> bool:
    """Whether a growing pool has a limit at no cost: a budget, or a weight on fresh data."""
    return loop.budget is not None or bool(loop.weight and loop.n_fresh and not loop.n_fixed)


def _last(loop: Loop, eigenvalues: ArrayLike, sides: tuple[int, ...]) -> list[float]:
    """Last admissible n_synth, at so many errors more of the excess."""
    require_loop(loop)
    s = Spectrum.of(eigenvalues)
    if not loop.n_real:
        raise UnsupportedLoop(
            "the admissible n_synth is computed for loops with real data only, got n_real = 0"
        )
    if loop.keeps_all and not (is_growing_pool(loop) or _is_sure(loop)):
        raise UnsupportedLoop(
            "the admissible n_synth of a pool that keeps everything is computed for the plain one, "
            "with a budget, and with a weight on fresh data alone only, as each limit of others "
            f"takes seconds, got a loop of the family {loop.family}"
        )
    if loop.n_real == 1:
        return [math.inf] * len(sides)
    compared = _Comparison(loop, s)
    # Weighted moments need a synthetic covariance of their own.
    bottom = 1 + loop.ddof if loop.weight is not None else 1
    lost = 1 - loop.scalar_bias
    farthest = max(_FARTHEST, _FARTHEST_BIASED / lost) if lost else _FARTHEST_UNBIASED
    top = int(min(farthest * loop.n_real / (loop.pooled or 1), _check.MAX_COUNT))
    return [
        _last_pass(partial(compared.excess, side), top, bottom, compared.known, compared.fails)
        for side in sides
    ]


def _last_pass(
    excess: Callable[[int], float],
    top: int,
    bottom: int,
    known: Collection[int] = (),
    fails: Callable[[int], bool] | None = None,
) -> float:
    """Last n in [bottom, top] with excess(n) <= 0, interpolated to n + 1; inf or 0 for none.

    Where the excess is known already, it costs nothing to narrow the range; nor where it fails.
    """

    def above(n: int) -> bool:
        return (fails is not None and fails(n)) or excess(n) > 0

    if not above(top):
        return math.inf
    low, high = top, top
    while above(low):
        if low == bottom:
            return 0.0
        low, high = max(low // _SCAN, bottom), low
    for n in sorted((n for n in known if low < n < high), reverse=True):
        if excess(n) <= 0:
            low = n
            break
        high = n
    (low, under), (high, over) = _search.neighbours(
        excess, (low, excess(low)), (high, excess(high))
    )
    return low + (high - low) * (-under / (over - under) if math.isfinite(over) else 0.0)


def admissible_n_synth_limit(bias: float, eigenvalues: ArrayLike) -> float:
    """Limit of the fresh data loop's admissible n_synth as n_real grows (2.6; asymptotic).

    Proved in :mod:`madtheory.proofs.admissible`. The relative error at finite n_real is of order
    limit/n_real (2 to 5 % low at n_real = 30 limit).

    4/(1 - lambda)^2 [(2 - lambda) + (2 + w)(1 + 3 lambda - 2 lambda^2)/8], w the Bures weight,
    d - 1 at a multiple of I; inf at lambda = 1.

    Examples
    --------
    >>> admissible_n_synth_limit(0.5, [1.0]), admissible_n_synth_limit(0.5, [1.0] * 5)
    (32.0, 48.0)
    """
    lam, s = _check.number("bias", bias, low=0.0, high=1.0), Spectrum.of(eigenvalues)
    if lam == 1:
        return math.inf
    return 4 / (1 - lam) ** 2 * ((2 - lam) + (2 + s.bures_weight) * (1 + 3 * lam - 2 * lam**2) / 8)
