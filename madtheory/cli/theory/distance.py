"""The lists of E W2² over generations, as the answers on all loops give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from madtheory.cli import answer
from madtheory.cli.answer import Entries, Entry

if TYPE_CHECKING:
    from madtheory.wishart import Estimate

NAMES = ("w2_squared", "w2_squared_lower", "w2_squared_upper", "w2_squared_rel_error")


def distance(w2_squared: Callable[[], Estimate], generations: int) -> Entries:
    """The four lists of E W2^2, or as many nulls."""

    def known() -> Entries:
        w2 = w2_squared()
        status = answer.status_of(w2)
        values = (w2.value, w2.lower, w2.upper, w2.rel_error)
        kinds = (status, "bound", "bound", status)
        return {name: Entry(x, kind) for name, x, kind in zip(NAMES, values, kinds, strict=True)}

    return answer.covered(NAMES, known, generations=generations)
