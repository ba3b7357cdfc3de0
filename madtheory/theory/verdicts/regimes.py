"""In which regime a loop ends: collapse, bounded, as good as its real data or better (theory.md 3).

The question is always the same: what is the loop worth, at its limit, against a Gaussian fit to
the n_real real samples that each of its generations sees (paper, Eq. (4)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from madtheory.covariance import Spectrum
from madtheory.loop import Loop, require_loop
from madtheory.theory import distance, moments, worth

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


RegimeName = Literal[
    "collapse", "unbounded", "worse than real", "equivalent to real", "better than real"
]
#: From the worst to the best.
REGIMES: tuple[RegimeName, ...] = (
    "unbounded",
    "collapse",
    "worse than real",
    "equivalent to real",
    "better than real",
)


@dataclass(frozen=True, slots=True)
class Regime:
    """A loop's regime, and its n_e/n_real with the interval that declared errors leave.

    Without real data n_real is n_initial: the real samples there ever were.
    """

    name: RegimeName
    gain: float
    low: float
    high: float
    status: Literal["exact", "asymptotic"]


def regime(loop: Loop, eigenvalues: ArrayLike) -> Regime:
    """Regime of a loop at its limit (paper, Section 2.3, Eq. (4); theory.md 2.5, 3).

    "collapse" where E tr Sigma_t goes to 0, or where it stays while almost every path dies (no
    real data, or none of weight, and no pool that keeps everything; bias 1); "unbounded" where
    first moments diverge; else by n_e/n_real with its interval: "equivalent to real" where the
    interval holds 1. Refused where the limit is not computed.

    Examples
    --------
    >>> regime(fresh_data(1000, 100), [1.0]).name
    'better than real'
    >>> regime(synthetic_augmentation(1000, 1000, bias=0.9), [1.0]).name
    'worse than real'
    >>> regime(fully_synthetic(50, bias=0.9), [1.0]).name
    'collapse'
    """
    require_loop(loop)
    s = Spectrum.of(eigenvalues)
    first, used = moments.first_moments_limit(loop, eigenvalues=eigenvalues), loop.used
    dies = not (used.n_real or used.floor) and not used.keeps_all
    if first.trace == 0 or (dies and math.isfinite(first.trace)):
        return Regime("collapse", 0.0, 0.0, 0.0, "exact")
    if not math.isfinite(first.mean_sq + first.trace):
        return Regime("unbounded", 0.0, 0.0, 0.0, "exact")
    risk = distance.w2_squared_limit(loop, eigenvalues)
    n_real, ends = loop.n_real or loop.n_initial, worth.effective_interval(risk, s)
    middle = worth.effective_sample_size(float(risk.value), s) / n_real
    low, high = ends.lower / n_real, ends.upper / n_real
    name: RegimeName = "equivalent to real"
    if low > 1:
        name = "better than real"
    elif high < 1:
        name = "worse than real"
    return Regime(name, middle, low, high, "exact" if low == high else "asymptotic")
