r"""Audit of one's own loop: which way successive generations go, with intervals and a verdict.

In go the features of real data and of samples of each generation, in order. Out come the paper's
metrics by generation, the rate at which variance is lost, the bias that a fully synthetic loop
would need for it, what the last generation is worth in real samples, a forecast, and a verdict
with its error rate (docs/audit.md):

mad
    The data contradict every loop in which real data make up :data:`MARGIN` or more of each
    training set and hold the generator near them: means and correlations walk away from the real
    ones, or variances fall, as they do without real data.
not_mad
    The data contradict a loop without real data in its means, or in its correlations, or in half of
    its directions, and the variance of recent generations is at rest (:data:`TOLERANCE`).
undecided
    Neither.

Beside it the directions of the real data are said to be dying, growing, at rest or undecided, by
bands of like variance (:mod:`madtheory.audit.directions`).

The paper calls a loop MAD when its distance from the real distribution keeps growing (section 2).
Distances also grow at first in a loop that settles, so the verdict does not rest on growth, but on
whether real data are seen to pull the generations back. Where no real data are known to enter
(:class:`Known`), it does rest on growth.

Bad arguments raise ValueError or TypeError with one sentence that names the argument, the rule
and the value.
"""

from madtheory.audit.directions import Band, Bands
from madtheory.audit.forecast import (
    COVERAGE,
    COVERAGE_DISCRETE,
    COVERAGE_KNOWN,
    COVERAGE_LOW_RANK,
    COVERAGE_WILD,
    MEASURED,
    SHARPENED,
    Forecast,
    FreshData,
    coverage,
)
from madtheory.audit.inference import (
    GROWTH,
    MARGIN,
    STILL,
    STRICT_TOLERANCE,
    TOLERANCE,
    Inference,
    Verdict,
    infer,
)
from madtheory.audit.known import NOTHING, Known
from madtheory.audit.power import ENOUGH, Power
from madtheory.audit.run import Audit, Generation, audit
from madtheory.audit.series import axes_of, series_of

__all__ = [
    "COVERAGE",
    "COVERAGE_DISCRETE",
    "COVERAGE_KNOWN",
    "COVERAGE_LOW_RANK",
    "COVERAGE_WILD",
    "ENOUGH",
    "GROWTH",
    "MARGIN",
    "MEASURED",
    "NOTHING",
    "SHARPENED",
    "STILL",
    "STRICT_TOLERANCE",
    "TOLERANCE",
    "Audit",
    "Band",
    "Bands",
    "Forecast",
    "FreshData",
    "Generation",
    "Inference",
    "Known",
    "Power",
    "Verdict",
    "audit",
    "axes_of",
    "coverage",
    "infer",
    "series_of",
]
