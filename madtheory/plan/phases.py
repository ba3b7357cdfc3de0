"""Phase diagrams: admissible n_synth over n_real, bias, dimension and memory (theory.md 2.6).

Functions of a point by name, so that :func:`madtheory.plan.sweep.run_sweep` takes them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.loop import fresh_data
from madtheory.results import Estimate
from madtheory.theory import worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


#: More numbers than these are no grid.
_MOST_COUNTS = 10**6


def log_counts(low: float, high: float, number: int) -> list[int]:
    """At most `number` whole numbers from low to high, evenly spread in the logarithm.

    Examples
    --------
    >>> log_counts(1, 1000, 4)
    [1, 10, 100, 1000]
    """
    low = _check.number("low", low, low=0.0, open_=True)
    high = _check.number("high", high, low=0.0, open_=True)
    number = _check.count("number", number, maximum=_MOST_COUNTS)
    return sorted({round(x) for x in np.geomspace(low, high, number)})


def admissible(n_real: int, bias: float, dim: int, memory: int = 1) -> Estimate:
    """Largest n_synth that does no harm, with the range that declared errors leave, at Sigma_0 = I.

    Examples
    --------
    >>> found = admissible(100, bias=0.9, dim=10)
    >>> bool(found.lower < 406.3 < found.upper)
    True
    """
    return worth.admissible_interval(fresh_data(n_real, 1, bias=bias, memory=memory), dim)


def edge(eigenvalues: ArrayLike, bias: float, *, n_real: Sequence[int]) -> list[Estimate]:
    """The edge of the admissible region: what :func:`admissible` is at several n_real."""
    return [worth.admissible_interval(fresh_data(n, 1, bias=bias), eigenvalues) for n in n_real]


def approach(bias: float, dim: int, multiple: float) -> Estimate:
    """How far admissible n_synth is below its limit n_s*, at n_real = multiple n_s*: 1 - ratio.

    By root finding at finite n_real. It falls like 1/multiple, the next order of 2.6.

    Examples
    --------
    >>> far, near = (float(approach(0.9, 10, k).value) for k in (100, 1000))
    >>> round(100 * far, 2), round(1000 * near, 2)
    (1.6, 1.65)
    """
    limit = worth.admissible_n_synth_limit(_check.number("bias", bias, low=0.0, high=1.0), dim)
    if math.isinf(limit):
        raise ValueError("bias must be below 1, where n_synth has a limit, got 1")
    n_real = round(limit * _check.number("multiple", multiple, low=0.0, open_=True))
    if n_real < 2:  # one real sample is held by any number
        raise ValueError(
            f"multiple must make two real samples of n_s* = {limit:.4g}, got {multiple:g}"
        )
    found = admissible(n_real, bias, dim)
    if math.isinf(float(found.upper)):
        raise ValueError(
            f"multiple must make as many real samples as leave n_synth a limit, got {multiple:g}: "
            f"n_real = {n_real} may be held by any number"
        )
    return Estimate.between(
        *(1 - np.asarray(x) / limit for x in (found.upper, found.lower, found.value))
    )
