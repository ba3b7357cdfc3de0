"""What the report holds: the sections of all topics, in the order of the text.

Each topic is a folder whose ``contents.py`` lists its own.
"""

from __future__ import annotations

from typing import Final

from madtheory.reports.audit.contents import SECTIONS as AUDIT
from madtheory.reports.claims.contents import SECTIONS as CLAIMS
from madtheory.reports.collapse.contents import SECTIONS as COLLAPSE
from madtheory.reports.fresh.contents import SECTIONS as FRESH
from madtheory.reports.loops.contents import SECTIONS as LOOPS
from madtheory.reports.modes.contents import SECTIONS as MODES
from madtheory.reports.regimes.contents import SECTIONS as REGIMES
from madtheory.reports.section import Section

#: Sections that end the text, whatever their topic.
_LAST: Final = ("errata", "digits", "digits_loops", "appendix")


def _place(section: Section) -> int:
    return _LAST.index(section.name) if section.name in _LAST else -1


_ALL: Final = (*CLAIMS, *COLLAPSE, *FRESH, *LOOPS, *REGIMES, *MODES, *AUDIT)
SECTIONS: Final[tuple[Section, ...]] = tuple(sorted(_ALL, key=_place))
