"""Directions along which few rows vary: rare attributes, pixels at the edge, sparse activations.

Their log variances move as the number of such rows in a training set does, far beyond the noise
that other directions share, and no rows of a smooth model's file tell by how much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from madtheory._types import Array, Ints
    from madtheory.audit.series import Series

#: Error of calling any direction wild by how its variance moves, where others are.
_ERROR = 0.01
#: As few real rows behind a variance are few, where their squares vary as many times more than
#: those of a file's rows do; and as many times more where variances move by more, too.
_FEW_ROWS, _MANY_TIMES, _TAILED = 10, 5.0, 2.5
#: Largest step of a logarithm, and least part that a step leaves of a variance.
_LARGEST_LOG, _LEFT = 30.0, 0.25


class Steps(NamedTuple):
    """What wild axes have done, of which each generation of a path does one by chance.

    at (K,): which of the axes of paths; grown, added (P, steps, of these): log growth that each has
    shown, and the variance beyond what the old one leaves, both with their noise; odds (P, steps):
    of each step, drawn (Rubin's bootstrap); share (P,): of real data.
    """

    at: NDArray[np.bool_]
    grown: Array
    added: Array
    turned: Array
    odds: Array
    share: Array

    def picked(self, rng: np.random.Generator) -> Ints:
        """A step (P,) for each path."""
        at = (rng.random((len(self.odds), 1)) > np.cumsum(self.odds, axis=1)).sum(axis=1)
        out: Ints = at.clip(max=self.odds.shape[1] - 1)
        return out

    def growth(self, pick: Ints, growth: Array, variance: Array) -> Array:
        """Growth (P, K) of one generation from variances (P, K): of these that of the step.

        Real rows add their variance, whatever there was: a rare row comes once. Without any the
        variance grows by a factor.
        """
        those, p = (np.arange(len(pick)), pick), self.share[:, None]
        old = (1 - p) * variance[:, self.at]
        new = np.maximum(old + self.added[those], _LEFT * old)
        alone = np.exp(self.grown[those].clip(-_LARGEST_LOG, _LARGEST_LOG))
        out = growth.copy()
        out[:, self.at] = np.where(p > 0, new / np.where(p > 0, p + old, 1.0), alone)
        return out

    def correlated(self, pick: Ints, S: Array) -> Array:
        """Covariances S (P, K, K) with these axes' correlations moved by the step: one row may vary
        along many of them.
        """
        block = np.ix_(np.arange(len(S)), self.at, self.at)
        deviations = np.sqrt(np.diagonal(S, axis1=1, axis2=2)[:, self.at])
        units = deviations[:, :, None] * deviations[:, None, :]
        out = S.copy()
        out[block] += units * self.turned[np.arange(len(pick)), pick]
        return out


def are_wild(series: Series, rows: int) -> NDArray[np.bool_]:
    """Directions (K,) whose log variances have more noise than the others share.

    By the real rows (`rows` of them), which make a held loop's noise: few vary along them, or their
    squares vary by more and so do the variances of files, in units of what the rows of these say.
    Where there are such, others whose variances move beyond all chance are, too. None where all but
    one would be.
    """
    logs, own, real = series.log_variance, series.own_noise, series.real_own_noise
    steps, K = len(logs) - 1, logs.shape[1]
    none = np.zeros(K, dtype=np.bool_)
    if own is None or real is None or K < 3:
        return none
    usual = float(np.median(own))
    out = real > max(_MANY_TIMES * usual, rows / _FEW_ROWS)
    if steps > 1:
        ratio = np.diff(logs, axis=0).var(axis=0, ddof=1) / own
        plain = ~out & (real <= _TAILED * usual)
        if plain.any():
            out |= ~plain & (ratio > float(np.median(ratio[plain])))
        # Neighbours share the noise of files, and what real data take back.
        dof = max(1.0, 2 / 3 * (steps - 1))
        reach = float(stats.chi2.isf(_ERROR / K, dof)) / float(stats.chi2.median(dof))
        # Of many wild ones the middle comes down as they are told. Movement alone is no sign: loops
        # turn.
        while out.any() and (~out).any():
            more = ~out & (ratio > reach * float(np.median(ratio[~out])))
            if not more.any():
                break
            out |= more
    return out if (~out).sum() > 1 else none
