"""A measured value with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import special

from madtheory import _check

if TYPE_CHECKING:
    from collections.abc import Callable


def normal_quantile(level: float) -> float:
    """Return the normal quantile of a two-sided interval."""
    level = _check.number("level", level, low=0.0, high=1.0, open_=True)
    return float(special.ndtri(0.5 + level / 2))


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured value, and the ends of its interval at the level asked for."""

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, half: float, least: float = -math.inf) -> Measured:
        """The interval value +- half, cut at `least`."""
        return cls(value, max(least, value - half), max(least, value + half))

    @classmethod
    def exactly(cls, value: float) -> Measured:
        """A value without error."""
        return cls(value, value, value)

    def map(self, rising: Callable[[float], float]) -> Measured:
        """A rising function of it."""
        return Measured(rising(self.value), rising(self.low), rising(self.high))

    def in_units(self, exponent: int) -> Measured:
        """A squared distance of sets divided by 2^exponent, in the units of the data."""
        try:
            return self.map(lambda value: math.ldexp(value, 2 * exponent))
        except OverflowError:
            raise ValueError(
                "real and synth must be less than about 1e154 apart, got a larger distance"
            ) from None
