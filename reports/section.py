"""What the report is made of: sections that compute, with the figures and tables of each."""

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

    Its figures and tables, by name, show its numbers.
    """

    name: str
    compute: Callable[[Numbers], Numbers]
    base: Numbers
    tiny: Numbers = field(default_factory=dict)
    quick: Numbers = field(default_factory=dict)
    full: Numbers = field(default_factory=dict)
    figures: Mapping[str, Callable[[Numbers], Figure]] = field(default_factory=dict)
    tables: Mapping[str, Callable[[Numbers], Table]] = field(default_factory=dict)

    def config(self, level: str, seed: int) -> Numbers:
        """Return the arguments of `compute` at a level."""
        return {**self.base, **getattr(self, level), "seed": seed}
