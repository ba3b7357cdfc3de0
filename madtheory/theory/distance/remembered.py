"""E W2^2 at the limit of loops of fresh data that remember every model (theory.md 2.8).

The mean of all models' means and covariances comes to rest, at the truth and at constants, so a
late generation is one fit to n_r real samples and n_s samples of a fixed mixture: covariance
q Sigma_0, q = lambda C + M, M and C the exact first moments of the limit. The mean law of one such
fit is that of the deterministic equivalent (5.2). The mixture is Gaussian up to the fluctuations of
its components' covariances, of relative order 1/n in the second order, which are added.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from madtheory.covariance import Spectrum
from madtheory.loop import Loop
from madtheory.results import Estimate, FirstMomentsLimit
from madtheory.spectrum.mean_law import MeanLaw, constant_law
from madtheory.spectrum.next_law import Pooling, next_law
from madtheory.theory import moments
from madtheory.theory.distance.cumulants import extra_skew
from madtheory.theory.distance.deficit import deficits
from madtheory.theory.distance.equivalent import deficit_by_law, pooling_of
from madtheory.theory.distance.fidelity import Memory, Spread, estimate, spread_of
from madtheory.theory.moments import generation

#: Declared error by the mixture, relative: this share of what its fluctuations add.
_BY_MIXTURE = 1.0
#: Samples of all models, and as many as there is no end of.
_ALL: Final[dict[str, Any]] = {
    "memory": None,
    "pool": "replace",
    "pool_cap": None,
    "budget": None,
}
_ENDLESS = 10**9


def at_rest(loop: Loop) -> Loop:
    """A pool that keeps everything beside fresh data of a fixed share: a loop of the same limit.

    A budget's samples are those of the mixture of all models, for the pool has no end; a fixed set
    has no share of it. Beside a weight the pool is as sure as its mean and covariance.
    """
    fresh = loop.keeps_all and loop.n_fresh > 0 and not (loop.shrinkage or loop.floor)
    if fresh and loop.budget is not None:
        return replace(loop, n_fixed=0, n_synth=loop.budget, **_ALL)
    if fresh and loop.weight and not loop.n_fixed:
        return replace(loop, n_synth=max(loop.n_synth, _ENDLESS), **_ALL)
    return loop


def covers(loop: Loop) -> bool:
    """Whether fits see fresh data and samples of all models so far, and nothing else."""
    return (
        loop.memory is None
        and loop.n_fresh > 0
        and loop.n_fixed == 0
        and loop.pooled == 1
        and loop.weight != 0
        and not (loop.shrinkage or loop.floor)
    )


def mixture_bias(loop: Loop, first: FirstMomentsLimit) -> float:
    """q, the covariance of a late synthetic sample in units of Sigma_0 (exact)."""
    return loop.scalar_bias * first.trace + first.mean_sq


def late_fit(loop: Loop, first: FirstMomentsLimit) -> Pooling:
    """A late generation, as a fit to real samples and ones of N(0, q I)."""
    return pooling_of(
        replace(loop, memory=1, bias=mixture_bias(loop, first), allow_overdispersion=True)
    )


def mixture_share(loop: Loop, dim: int) -> float:
    """What components' covariances add to the variance of one late fit's entries, relative to it.

    With Theta = E tr (Sigma - c)^2 and v = Var tr Sigma the kurtosis of a synthetic sample adds
    lambda^2 w^2 (2 Theta + v)/n_s to Theta, w the weight of the synthetic covariance. To leading
    order Theta = d (d + 1) B and v = 2 d B, so a share of the new Theta itself.
    """
    samples, part = pooling_of(replace(loop, memory=1, bias=1.0)).synth
    weight = loop.scalar_bias * samples * part.y
    share = 2 * weight**2 / loop.n_synth * (dim + 2) / (dim + 1)
    return share / (1 - share)


def _spread(law: MeanLaw, by: Pooling, first: FirstMomentsLimit, more: float) -> Spread:
    """Second order of the late fit: independent Wishart parts, and what the mixture adds."""
    d = law.dim
    parts = (by.real, by.synth, (1.0, by.gap))
    B = sum(k * (part.x + part.y) ** 2 for k, part in parts) * (1 + more)
    rows = (first.mean_sq * d, (first.trace - 1) * d, d * (d + 1) * B, 2 * d * B)
    return spread_of(d, *(np.asarray(x) for x in rows))


def limit(loop: Loop, s: Spectrum, *, sharp: bool = True) -> Estimate:
    """E W2^2 at the limit, 0-d; inf where first moments diverge.

    By the resummed second order alone where not `sharp`.
    """
    first = moments.first_moments_limit(loop)
    if not np.isfinite(first.trace):
        return Estimate.unbounded()
    by = late_fit(loop, first)
    law, more = next_law(constant_law(s.rank), by), mixture_share(loop, s.rank)
    spread = _spread(law, by, first, more)
    rows = deficits(loop, spread, s, Memory(np.asarray(1.0), np.asarray(0.0)))
    if sharp:
        x, error = deficit_by_law(law, s, law.spread, skew=extra_skew(loop))
        x, error = x * (1 + more), error * (1 + more) + _BY_MIXTURE * more * x
        if error < rows[3] and rows[1] <= x <= rows[2]:
            rows[0], rows[3] = x, error
    found = estimate(spread, rows, s.trace)
    return replace(found, rel_error=found.rel_error + generation.rounding(loop))
