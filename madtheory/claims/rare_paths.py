"""Claims on the rare paths that carry the mean while almost every path dies: size-biased laws."""

from __future__ import annotations

from typing import Final

import numpy as np

from madtheory.claims.claim import exact, relative
from madtheory.claims.setting import Setting
from madtheory.loop import Loop, fully_synthetic
from madtheory.simulate import simulate_size_biased
from madtheory.theory import collapse

_RARE = Setting(fully_synthetic(10), np.ones(1), 20, simulate_size_biased)
_EARLY = Setting(fully_synthetic(10), np.ones(6), 4, simulate_size_biased)


def _as_tilted() -> Loop:
    """The loop of a direction under the size-biased law: chi2_(m+2)/m for chi2_m/m."""
    m = _RARE.loop.dof
    return fully_synthetic(m + 3, bias=(m + 2) / m, allow_overdispersion=True)


def _tilted_below() -> float:
    """Share of E Sigma_t that paths with Sigma_t <= Sigma_0 carry, d = 1."""
    # The loop's first generation has no bias, so its scale is one factor (m + 2)/m short.
    loop = _as_tilted()
    return float(collapse.directional_cdf(1 / loop.scalar_bias, loop, t=_RARE.t))


CLAIMS: Final = (
    exact("size-biased-share", "1.5; 7", size=120_000)
    .says("E tr Σ_t is carried by paths that nobody meets: P~ has chi2_(m+2) for chi2_m")
    .happens(lambda: _tilted_below())
    .observes(
        _RARE.draws, "trace", "share of E Σ_{at} from Σ_{at} <= Σ_0, size-biased, {d}, {n}, {λ}"
    )
    .of(lambda x: x <= 1.0)
    .against("5 % larger", relative(0.05)),
    exact("size-biased-second-moment", "1.5; 7", size=100_000)
    .says("E tr Σ_t² = E tr Σ_t E~[tr Σ_t² / tr Σ_t], on the paths that carry it")
    .expects(lambda: _EARLY.value(collapse.mean_trace_squared) / _EARLY.value(collapse.mean_trace))
    .observes(
        _EARLY.draws, "trace_squared trace", "tr Σ_t² / tr Σ_t, size-biased, {d}, {n}, {λ}, {t}"
    )
    .of(np.divide),
)
