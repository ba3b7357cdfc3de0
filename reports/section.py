"""What the report is made of: sections that compute, with the figures and tables of each.

A long section may be computed in parts, on any processor and in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from matplotlib.figure import Figure

from madtheory.reports._types import Numbers
from madtheory.reports.formats import Table

#: "tiny" is for tests: every path of the code, no accuracy.
LEVELS: Final = ("tiny", "quick", "full")


@dataclass(frozen=True, slots=True)
class Section:
    """One unit of computation: a pure function, its arguments at all levels and what each changes.

    Its figures, tables and pages of their own (HTML), by name, show its numbers. `split` makes the
    arguments of the parts of a long one, `join` its numbers from theirs. `seconds` is a rough
    processor time at the levels "quick" and "full": it orders the work and foretells the time that
    is left.
    """

    name: str
    compute: Callable[[Numbers], Numbers]
    base: Numbers
    tiny: Numbers = field(default_factory=dict)
    quick: Numbers = field(default_factory=dict)
    full: Numbers = field(default_factory=dict)
    figures: Mapping[str, Callable[[Numbers], Figure]] = field(default_factory=dict)
    tables: Mapping[str, Callable[[Numbers], Table]] = field(default_factory=dict)
    pages: Mapping[str, Callable[[Numbers], str]] = field(default_factory=dict)
    seconds: tuple[float, float] = (1.0, 5.0)
    split: Callable[[Numbers], list[Numbers]] | None = None
    join: Callable[[list[Numbers], Numbers], Numbers] | None = None

    def config(self, level: str, seed: int) -> Numbers:
        """Return the arguments of `compute` at a level."""
        return {**self.base, **getattr(self, level), "seed": seed}

    def parts(self, level: str, seed: int) -> list[Numbers]:
        """Return the arguments of every call of `compute` at a level."""
        config = self.config(level, seed)
        return [config] if self.split is None else self.split(config)

    def whole(self, parts: list[Numbers], level: str, seed: int) -> Numbers:
        """Return the section's numbers from those of its parts."""
        return parts[0] if self.join is None else self.join(parts, self.config(level, seed))
