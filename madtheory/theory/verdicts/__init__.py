"""What a loop is called: regimes, and other papers' definitions of collapse, decided by theory.

A definition is asked of any loop and the eigenvalues of Sigma_0, which are optional where the
answer does not depend on them, and answers with a :class:`Finding`.
"""

from madtheory.theory.verdicts.compared import (
    large_sample_floor,
    risk_ratio,
    strong_collapse,
    weighting_helps,
)
from madtheory.theory.verdicts.finding import CLAIM_IDS, Definition, Finding
from madtheory.theory.verdicts.on_paths import (
    PathFinding,
    distance_increases_on_paths,
    loop_forgets_on_paths,
    rate_on_paths,
    ratio_on_paths,
    risk_growth_on_paths,
)
from madtheory.theory.verdicts.regimes import REGIMES, Regime, RegimeName, regime
from madtheory.theory.verdicts.risk import (
    expected_distance_increases,
    is_stable,
    risk_grows_linearly,
    risk_is_bounded,
)
from madtheory.theory.verdicts.table import (
    DEFINITIONS,
    Entry,
    default_loops,
    definitions_table,
    table_text,
)
from madtheory.theory.verdicts.vanishing import (
    heats_up,
    support_is_lost,
    vanishes_exponentially,
    variance_vanishes,
)

__all__ = [
    "CLAIM_IDS",
    "DEFINITIONS",
    "REGIMES",
    "Definition",
    "Entry",
    "Finding",
    "PathFinding",
    "Regime",
    "RegimeName",
    "default_loops",
    "definitions_table",
    "distance_increases_on_paths",
    "expected_distance_increases",
    "heats_up",
    "is_stable",
    "large_sample_floor",
    "loop_forgets_on_paths",
    "rate_on_paths",
    "ratio_on_paths",
    "regime",
    "risk_grows_linearly",
    "risk_growth_on_paths",
    "risk_is_bounded",
    "risk_ratio",
    "strong_collapse",
    "support_is_lost",
    "table_text",
    "vanishes_exponentially",
    "variance_vanishes",
    "weighting_helps",
]
