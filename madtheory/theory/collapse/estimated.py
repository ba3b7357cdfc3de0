"""The bias of each eigendirection, estimated from successive generations (theory.md 8; exact).

Variances v_t of the samples of generation t along a fixed eigendirection of Sigma_0, each model
fitted to the samples before it, are a chain v_(t+1) = lambda v_t q with q ~ chi2_m/m, independent:
what multiplies the samples' covariance, and the noise of a sample. So the mean ratio is unbiased
and sufficient, and (T - 1) m times it over lambda is chi-square with (T - 1) m degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from madtheory import _check
from madtheory._types import Array
from madtheory.laws import chi_square

Fate = Literal["dying", "growing", "undecided"]
#: Degrees of freedom that the scatter of ratios is told from.
_FEWEST, _MOST = 1e-2, 1e15


@dataclass(frozen=True, slots=True)
class DirectionBiases:
    """Biases of the eigendirections with their intervals, each of the given level by itself.

    Attributes
    ----------
    bias, lower, upper : ndarray, shape (directions,)
        Lambda_k and its interval; above 1 where variances grow.
    drift, drift_lower, drift_upper : ndarray, shape (directions,)
        Log-variance gained a generation in the long run, log lambda_k + psi(m/2) - log(m/2).
    dof : float
        Degrees of freedom m of a fit, given or estimated.
    level : float
        Level of the intervals.
    """

    bias: Array
    lower: Array
    upper: Array
    drift: Array
    drift_lower: Array
    drift_upper: Array
    dof: float
    level: float

    @property
    def fates(self) -> tuple[Fate, ...]:
        """What the interval of the drift says of each direction."""
        ends = zip(self.drift_lower.tolist(), self.drift_upper.tolist(), strict=True)
        return tuple(
            "dying" if high < 0 else "growing" if low > 0 else "undecided" for low, high in ends
        )


def _ratios(variances: ArrayLike, fewest: int) -> Array:
    """Ratios of successive generations, shape (T - 1, directions)."""
    v = _check.sample("variances", variances, minimum_rows=fewest)
    if v.min() <= 0:
        t, direction = 1 + np.argwhere(v <= 0)[0]
        raise ValueError(
            f"variances must be positive, got {v[t - 1, direction - 1]:g} in generation {t}, "
            f"direction {direction}"
        )
    return np.asarray(v[1:] / v[:-1])


def _dof_of_scatter(variance: float) -> float:
    """Degrees of freedom m of which log chi2_m has this variance, within what is told apart."""
    dof = chi_square.dof_of_log_variance(variance) if variance > 0 else _MOST
    return min(max(dof, _FEWEST), _MOST)


def _known(ratios: Array, dof: float, tail: float) -> tuple[Array, Array, Array]:
    """Mean ratio and the exact interval of a scale of chi-squares."""
    nu = len(ratios) * dof
    mean = ratios.mean(axis=0)
    low, high = (nu / special.chdtri(nu, x) for x in (tail, 1 - tail))
    return mean, mean * low, mean * high


def _unknown(ratios: Array, tail: float) -> tuple[Array, Array, Array, float]:
    """The same with the noise from the scatter of all directions: Student's, on the log scale."""
    logs, (steps, directions) = np.log(ratios), ratios.shape
    free = directions * (steps - 1)
    spread = float(np.square(logs - logs.mean(axis=0)).sum()) / free
    dof = _dof_of_scatter(spread)
    centre = logs.mean(axis=0) - float(chi_square.log_chi_square_mean(dof, dof))
    half = -float(special.stdtrit(free, tail)) * np.sqrt(spread / steps)
    return np.exp(centre), np.exp(centre - half), np.exp(centre + half), dof


def estimate_biases(
    variances: ArrayLike, *, dof: float | None = None, level: float = 0.95
) -> DirectionBiases:
    """Estimate the bias of each eigendirection from variances of successive generations (8).

    Parameters
    ----------
    variances : array_like, shape (T, directions)
        Variances of the samples of generations 1..T along the eigenvectors of the *real*
        covariance, T >= 2; they are what the next generation was fitted to.
    dof : float or None
        Degrees of freedom m = n_synth - 1 of a fit: then the interval is exact. None: estimated,
        with T >= 3, from how much the ratios of each direction scatter (asymptotic in m).
    level : float
        Level of each interval.

    Examples
    --------
    >>> found = estimate_biases([[1.0, 0.5], [0.9, 0.2], [0.8, 0.1]], dof=199)
    >>> found.bias.round(3), found.fates
    (array([0.894, 0.45 ]), ('undecided', 'dying'))
    """
    tail = (1 - _check.number("level", level, low=0.0, high=1.0, open_=True)) / 2
    if dof is None:
        bias, low, high, dof = _unknown(_ratios(variances, 3), tail)
    else:
        dof = _check.number("dof", dof, low=_FEWEST, high=_MOST)
        bias, low, high = _known(_ratios(variances, 2), dof, tail)
    loss = float(chi_square.log_chi_square_mean(dof, dof))
    drift, drift_low, drift_high = (np.log(x) + loss for x in (bias, low, high))
    return DirectionBiases(bias, low, high, drift, drift_low, drift_high, dof, level)
