"""The one table of claims: what is said, how sure it is, and the simulation that could refute it.

Verifier, tests, command line and report read :data:`CLAIMS` and nothing else. A claim is tested on
the mean of independent observations, on a scale with finite variance: logarithms, directions, early
generations, indicators, or a size-biased measure (heavy tails make naive means worthless: at
lambda = 1 almost every path dies while the mean of tr Sigma_t stays put).

References are to the numbered statements of docs/theory.md and to the paper (Alemohammad et al.).
"""

from __future__ import annotations

import madtheory.claims.appendix_a as appendix_a
import madtheory.claims.augmentation as augmentation
import madtheory.claims.categories as categories
import madtheory.claims.collapse as collapse
import madtheory.claims.directions as directions
import madtheory.claims.distance as distance
import madtheory.claims.estimators as estimators
import madtheory.claims.fresh as fresh
import madtheory.claims.high_dimension as high_dimension
import madtheory.claims.memory as memory
import madtheory.claims.metrics as metrics
import madtheory.claims.modes as modes
import madtheory.claims.pools as pools
import madtheory.claims.rare_paths as rare_paths
import madtheory.claims.times as times
from madtheory.claims.claim import Claim

#: Every claim: those of the paper in its order, then those of the loops beyond it.
CLAIMS: tuple[Claim, ...] = (
    *collapse.ESTIMATOR,
    *collapse.DIRECTIONS,
    *collapse.MOMENTS,
    *distance.FULLY_SYNTHETIC,
    *times.CLAIMS,
    *appendix_a.CLAIMS,
    *fresh.EXACT,
    *fresh.ASYMPTOTIC,
    *high_dimension.CLAIMS,
    *augmentation.REAL,
    *augmentation.AUGMENTATION,
    *augmentation.WEIGHTS,
    *memory.CLAIMS,
    *pools.CLAIMS,
    *distance.ANY_LOOP,
    *estimators.FLOOR,
    *estimators.FLOOR_LAWS,
    *estimators.SHRINKAGE,
    *estimators.LIKELIHOOD,
    *directions.CLAIMS,
    *rare_paths.CLAIMS,
    *modes.WEIGHTS,
    *modes.VARIANCES,
    *categories.CLAIMS,
    *metrics.CLAIMS,
)
