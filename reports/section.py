"""What the report is made of: sections that compute, figures and tables that show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.figure import Figure

from madtheory.reports.formats import Table

#: "tiny" is for tests: every path of the code, no accuracy.
LEVELS: Final = ("tiny", "quick", "full")


@dataclass(frozen=True, slots=True)
class Section:
    """One unit of computation: a pure function, its arguments at all levels and at each."""

    name: str
    compute: Callable[[Mapping[str, Any]], dict[str, Any]]
    base: Mapping[str, Any]
    tiny: Mapping[str, Any]
    quick: Mapping[str, Any]
    full: Mapping[str, Any]

    def config(self, level: str, seed: int) -> dict[str, Any]:
        """Return the arguments of `compute` at a level."""
        return {**self.base, **getattr(self, level), "seed": seed}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure: the section whose numbers it shows, and how."""

    name: str
    section: str
    draw: Callable[[Mapping[str, Any]], Figure]


@dataclass(frozen=True, slots=True)
class Tabling:
    """One table: the section whose numbers it shows, and how."""

    name: str
    section: str
    make: Callable[[Mapping[str, Any]], Table]
