"""What the report holds: the sections of all topics, in the order of the text.

Each topic is a folder whose ``contents.py`` lists its own. This is the order of work too: the page
shows what is done, so what stands first is computed first.
"""

from __future__ import annotations

from typing import Final

from madtheory.reports.audit.contents import SECTIONS as AUDIT
from madtheory.reports.claims.contents import SECTIONS as CLAIMS
from madtheory.reports.collapse.contents import SECTIONS as COLLAPSE
from madtheory.reports.deep.contents import SECTIONS as DEEP
from madtheory.reports.explorer.contents import SECTIONS as EXPLORER
from madtheory.reports.fresh.contents import SECTIONS as FRESH
from madtheory.reports.loops.contents import SECTIONS as LOOPS
from madtheory.reports.minute.contents import SECTIONS as MINUTE
from madtheory.reports.modes.contents import SECTIONS as MODES
from madtheory.reports.regimes.contents import SECTIONS as REGIMES
from madtheory.reports.section import Section

_FOUND: Final = {
    section.name: section
    for topic in (MINUTE, COLLAPSE, FRESH, EXPLORER, LOOPS, REGIMES, MODES, AUDIT, DEEP, CLAIMS)
    for section in topic
}
#: Sections of other topics come between, or at the end.
_FIRST: Final = ("minute", "three", *(section.name for section in COLLAPSE[:-1]))
_LAST: Final = ("digits", "digits_loops", "deep", "errata", "appendix", "claims")
_NAMES: Final = (*_FIRST, *(name for name in _FOUND if name not in _FIRST + _LAST), *_LAST)
SECTIONS: Final[tuple[Section, ...]] = tuple(_FOUND[name] for name in _NAMES)
