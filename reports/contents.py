"""What the report holds: the sections, figures and tables of all topics, in the order of the text.

Each topic is a folder whose ``contents.py`` lists its own.
"""

from __future__ import annotations

from typing import Any, Final

from madtheory.reports.audit import contents as audit
from madtheory.reports.claims import contents as claims
from madtheory.reports.collapse import contents as collapse
from madtheory.reports.fresh import contents as fresh
from madtheory.reports.loops import contents as loops
from madtheory.reports.modes import contents as modes
from madtheory.reports.regimes import contents as regimes
from madtheory.reports.section import Drawing, Section, Tabling

_TOPICS: Final = (claims, collapse, fresh, loops, regimes, modes, audit)
#: Sections that end the text, whatever their topic.
_LAST: Final = ("errata", "digits", "digits_loops", "appendix")


def _joined(kind: str) -> tuple[Any, ...]:
    def place(entry: Any) -> int:
        section = entry.name if isinstance(entry, Section) else entry.section
        return _LAST.index(section) if section in _LAST else -1

    return tuple(sorted((x for topic in _TOPICS for x in getattr(topic, kind)), key=place))


SECTIONS: Final[tuple[Section, ...]] = _joined("SECTIONS")
FIGURES: Final[tuple[Drawing, ...]] = _joined("FIGURES")
TABLES: Final[tuple[Tabling, ...]] = _joined("TABLES")
