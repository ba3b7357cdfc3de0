"""E tr(Sigma_0 W_t Sigma_0)^{1/2} where some directions dominate the others (theory.md 5.4).

Split (exact)
    With Bartlett factors W_t = L L'/(k_1 ... k_t), L = L_1 ... L_t lower triangular, and directions
    ordered by size, Sigma_0 L = [[A, 0], [U, B]]: A is the chain of the first p directions, and B
    that of the others with k_i - p degrees of freedom. The fidelity is the nuclear norm
    |A| + |B| where U is not felt, that is, where the first p directions are far larger. So a
    dominated direction loses prod (1 - p/k_i)^{1/2} to the dominant ones and p degrees of freedom.
Rest
    |Sigma_0 L| - |A| - |B| >= 0 is known at both ends. To first order in 1/k it is
    sum_{i <= p < j} s_j^2/(s_i + s_j) sum 1/(2k), and as t grows it reaches
    Phi_t sqrt(pi/2) (E|Sigma_0 z| - E|S_p z|), z ~ N(0, I), S_p the first p. An exponential goes
    from one to the other. A split is used only where the latter is small, and the leading
    directions are no more than half of the degrees of freedom: of many that are equal more is felt
    in between.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from madtheory._types import Array
from madtheory.spectrum import blocks
from madtheory.spectrum.bounds import log_c4, norm_mean
from madtheory.spectrum.factors import Factors

#: Largest rest at t = infinity, in units of the dominated eigenvalues' sum, and how many directions
#: may lead. Smallest ratio between neighbours at a split: as much more as leading directions are
#: more than a share of the degrees of freedom, as U is felt then. Set on 244 spectra of two groups.
_REST, _MOST, _STEP, _STEEPER, _FREE = 0.1, 16, 2.0, 20.0, 0.1
#: Declared error of the rest, in units of itself, from the calibration in
#: tests/golden/spectrum/spiked.py, and the most of the whole (all, singular) that is declared.
_DECLARED, _MOST_ERROR = 1.0, (0.022, 0.042)
#: The former where a dominated direction has one degree of freedom left.
_OF_ONE_LEFT = 2.0


class _Split(NamedTuple):
    """The first p directions lead; what the rest comes to, and its slope in sum 1/(2k)."""

    p: int
    rest: float
    slope: float


def _split_at(s: Array, p: int) -> _Split:
    """The split after the first p."""
    rest = math.sqrt(math.pi / 2) * (norm_mean(s) - norm_mean(s[:p]))
    slope = float((s[p:] ** 2 / (s[:p, None] + s[p:])).sum())
    return _Split(p, rest, slope)


def _step(leading: float) -> float:
    """Smallest ratio at a split where so many directions per degree of freedom lead."""
    return _STEP + _STEEPER * max(leading - _FREE, 0.0)


def _best_split(s: Array, least: float) -> _Split | None:
    """The split whose rest is the least against what it separates; None where none is small."""
    most = min(s.size - 1, int(least) // 2, _MOST)
    gaps = [p for p in range(1, most + 1) if s[p - 1] >= _step(p / least) * s[p]]
    found = [(x.rest / s[x.p :].sum(), x) for x in (_split_at(s, p) for p in gaps)]
    ratio, best = min(found, default=(math.inf, None))
    return best if ratio <= _REST else None


def _gained(split: _Split, used: Array) -> Array:
    """The rest, per unit of Phi_t, after `used` = sum 1/(2k); 0 where the others are nothing."""
    if split.rest <= 0.0:
        return np.zeros_like(used)
    return -split.rest * np.expm1(-split.slope / split.rest * used)


def _parts(s: Array, split: _Split, factors: Factors) -> tuple[Array, Array]:
    """Log of the split mean, s of sum 1, and the declared relative error of the mean."""
    p, share = split.p, float(s[split.p :].sum())
    top, _, _, top_error = log_ratio(s[:p] / (1 - share), factors)
    fewer = Factors(factors.sizes - p, factors.counts)
    low, _, _, low_error = log_ratio(s[p:] / share, fewer)
    low = low + 0.5 * factors.sum(np.log1p(-p / factors.sizes))
    gained, fall = (
        _gained(split, factors.sum(0.5 / factors.sizes)),
        factors.sum(log_c4(factors.sizes)),
    )
    deficit = -(1 - share) * np.expm1(top) - share * np.expm1(low) - gained * np.exp(fall)
    with np.errstate(divide="ignore"):  # log 0 where nothing is gained
        terms = np.stack([np.log1p(-share) + top, np.log(share) + low, np.log(gained) + fall])
    # Near 1 the deficit has the digits; near 0, where it is 1 to all digits, the terms have them.
    log_sum = np.logaddexp.reduce(terms, axis=0)
    log_mean = np.where(deficit < 0.5, np.log1p(-np.minimum(deficit, 0.5)), log_sum)
    declared = _OF_ONE_LEFT if factors.sizes.min() == p + 1 else _DECLARED
    errors = np.stack([top_error, low_error, np.full_like(top_error, declared)])
    most = _MOST_ERROR[int(factors.sizes.min() < s.size)]
    return log_mean, np.minimum((np.exp(terms - log_mean) * errors).sum(axis=0), most)


def log_ratio(s: Array, factors: Factors) -> tuple[Array, Array, Array, Array]:
    """Return log of (value, lower, upper) of the mean / tr Sigma_0 and the relative error.

    `s` are eigenvalues > 0, largest first, of sum 1; all four have shape (T,). The bounds are those
    of the whole spectrum.
    """
    value, low, high, error = blocks.log_ratio(s, factors)
    least = np.where(factors.counts > 0, factors.sizes, np.inf).min(axis=1)
    for smallest in np.unique(least) if not blocks.is_flat(s) else ():
        split = _best_split(s, smallest)
        if split is not None:
            rows = np.flatnonzero(least == smallest)
            log_mean, error[rows] = _parts(s, split, factors.at(rows))
            value[rows] = np.clip(log_mean, low[rows], high[rows])
    return value, low, high, error
