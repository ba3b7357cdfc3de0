"""One number of a plan: its interval, its status, and why it is missing where it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from madtheory.loop import UnsupportedLoop

if TYPE_CHECKING:
    from madtheory.plan.search import Range
    from madtheory.results import Estimate, Interval


@dataclass(frozen=True, slots=True)
class Answer:
    """A number of a plan.

    Attributes
    ----------
    value, lower, upper : float
        The interval is what declared errors leave. inf: no number is too large, or unbounded.
        NaN: there is none.
    status : str
        exact, asymptotic, bound or "not computed".
    reason : str or None
        One sentence where the value is not finite.
    """

    value: float
    lower: float
    upper: float
    status: str = "asymptotic"
    reason: str | None = None

    @classmethod
    def exact(cls, value: float, reason: str | None = None) -> Answer:
        """Return a number without error."""
        return cls(value, value, value, "exact", reason)

    @classmethod
    def of(cls, estimate: Estimate, reason: str | None = None) -> Answer:
        """Return an estimate with the ends that its error leaves."""
        low, value, high = (float(estimate.end(side)) for side in (-1, 0, 1))
        return cls(value, low, high, estimate.status, reason)

    @classmethod
    def within(cls, value: float, ends: Interval | Range) -> Answer:
        """Return a number in an interval."""
        return cls(value, ends.lower, ends.upper)

    def over(self, count: int) -> Answer:
        """Return the number by `count`."""
        return replace(self, **{x: getattr(self, x) / count for x in ("value", "lower", "upper")})


def unknown(reason: str, *, status: str = "not computed") -> Answer:
    """A number that there is none of, and why."""
    return Answer(math.nan, math.nan, math.nan, status, reason)


def covered(names: Iterable[str], theory: Callable[[], dict[str, Answer]]) -> dict[str, Answer]:
    """Ask the theory; where it does not cover the loop its sentence stands for all names."""
    try:
        return theory()
    except UnsupportedLoop as refusal:
        return dict.fromkeys(names, unknown(str(refusal)))
