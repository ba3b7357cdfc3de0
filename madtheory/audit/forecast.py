"""What comes next: the loop of the audit carried on by simulation, and what fresh data would do.

Forecast: the last file's mean and covariance follow the two-parameter loop of
:mod:`madtheory.audit.anchor`, with the share of real data drawn by its likelihood, the drift by
its standard error and Gaussian fits of the estimated training size. Paths live along the leading
axes of the real set; both measures are scaled to what the last file shows in all directions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory import _check, _search
from madtheory.audit.anchor import SHARES
from madtheory.covariance import Spectrum
from madtheory.metrics import Measured
from madtheory.theory import distance, worth

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.audit.anchor import Anchor
    from madtheory.audit.drift import Drift
    from madtheory.audit.inference import Inference
    from madtheory.audit.series import Axes, Series

_PATHS = 200
#: Axes that the paths live on: each generation of each path costs the cube.
_AXES = 24
#: No more fresh samples than this are looked for.
_FARTHEST = 10**9


@dataclass(frozen=True, slots=True)
class Forecast:
    """Files of the next generations, as rows of the last one's number.

    Attributes
    ----------
    generations : tuple of int
    trace, fid : tuple of metrics.Measured
        Median, and the band that holds a next file with the level asked for.
    """

    generations: tuple[int, ...]
    trace: tuple[Measured, ...]
    fid: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class FreshData:
    """What fresh real data would hold the loop (theory.md 2.4, 2.6, at Sigma_0 = I).

    Attributes
    ----------
    bias : float
        The estimated bias, at most 1.
    n_synth : int or None
        Synthetic samples a generation: as given, else as estimated; None where neither is known.
    admissible_n_synth : float
        With much fresh data: the most synthetic samples of this bias that do no harm.
    required_n_real : int or None
        Fewest fresh samples a generation, beside n_synth synthetic ones, that hold the squared
        distance at what the last generation shows; None where that is not known or 10^9 do not.
    """

    bias: float
    n_synth: int | None
    admissible_n_synth: float
    required_n_real: int | None


class Paths(NamedTuple):
    """Simulated files, shape (path, horizon), as multiples of the last file's own measure."""

    trace: Array
    fid: Array


def _roots(S: Array) -> Array:
    """Symmetric factor of a batch of covariances."""
    values, vectors = np.linalg.eigh(S)
    roots: Array = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    return roots


def _wishart(rng: np.random.Generator, F: Array, dof: float) -> Array:
    """Batch of F W(I, dof) F^T/dof: Bartlett factors, or plain columns where dof < dim."""
    size, dim, _ = F.shape
    if dof < dim:
        A = rng.standard_normal((size, dim, max(1, int(dof))))
    else:
        A = np.tril(rng.standard_normal((size, dim, dim)), -1)
        i = np.arange(dim)
        A[:, i, i] = np.sqrt(rng.chisquare(dof - i, size=(size, dim)))
    B = F @ A / math.sqrt(dof)
    return np.asarray(B @ B.transpose(0, 2, 1))


def _measures(mean: Array, S: Array, scales: Array) -> tuple[Array, Array]:
    """Trace and squared Frechet distance to N(0, I) of a batch, in the units of the features."""
    variances = np.square(scales)
    trace = np.einsum("pii,i->p", S, variances)
    product = S * np.multiply.outer(variances, variances)
    fidelity = np.sqrt(np.maximum(np.linalg.eigvalsh(product), 0)).sum(axis=1)
    walk = np.square(mean * scales).sum(axis=1)
    return trace, np.maximum(walk + trace + variances.sum() - 2 * fidelity, 0)


class _Law(NamedTuple):
    """Of each path: share of real data and multiplier of the old covariance; training size."""

    share: Array
    keep: Array
    dof: float


def _law(rng: np.random.Generator, series: Series, noise: Drift, held: Anchor, m: float) -> _Law:
    """Draw the parameters of the paths from what is known of them."""
    weights = np.exp(held.log_likelihood - held.log_likelihood.max())
    share = rng.choice(SHARES, size=_PATHS, p=weights / weights.sum())
    level = series.log_variance.mean(axis=1)
    ratio, x = np.exp(np.diff(level)).mean(), np.exp(-level[:-1]).mean()
    error = noise.error if math.isfinite(noise.error) else abs(noise.value)
    draws = np.exp(error * rng.standard_t(noise.dof, size=_PATHS).clip(-8, 8))
    return _Law(share, (ratio * draws - share * x)[:, None, None], min(max(m, 1.0), 1e12))


def paths(
    rng: np.random.Generator,
    axes: Axes,
    series: Series,
    noise: Drift,
    held: Anchor,
    m: float,
    horizon: int,
) -> Paths:
    """Simulate files of the next `horizon` generations."""
    K = min(_AXES, series.means.shape[1])
    law, scales, rows = _law(rng, series, noise, held, m), axes.scales[:K], series.rows[-1]
    mean = np.repeat(series.means[-1:, :K], _PATHS, axis=0)
    S = np.repeat(series.covariances[-1:, :K, :K], _PATHS, axis=0)
    start = [float(v[0]) for v in _measures(mean, S, scales)]
    out = []
    for _ in range(horizon):
        F = _roots(law.share[:, None, None] * np.eye(K) + law.keep * S)
        step = (F @ rng.standard_normal((_PATHS, K, 1)))[..., 0] / math.sqrt(law.dof + 1)
        mean, S = (1 - law.share[:, None]) * mean + step, _wishart(rng, F, law.dof)
        G = _roots(S)
        shift = (G @ rng.standard_normal((_PATHS, K, 1)))[..., 0] / math.sqrt(rows)
        out.append(_measures(mean + shift, _wishart(rng, G, rows - 1), scales))
    trace, fid = (np.array(v).T / w for v, w in zip(zip(*out, strict=True), start, strict=True))
    return Paths(trace, fid)


def _band(values: Array, unit: float, level: float) -> tuple[Measured, ...]:
    """Median and band of each column."""
    tails = np.quantile(values, [0.5, 0.5 - level / 2, 0.5 + level / 2], axis=0) * unit
    return tuple(Measured(*(float(v) for v in column)) for column in tails.T)


def forecast(
    axes: Axes,
    series: Series,
    found: Inference,
    trace: float,
    fid: float,
    horizon: int,
    level: float,
) -> Forecast:
    """Band of the generations after one of this trace and FID; a lost direction stays lost."""
    T = len(series.log_variance)
    ahead = tuple(range(T + 1, T + horizon + 1))
    if found.noise is None or found.held is None:
        return Forecast(ahead, *((Measured.exactly(v),) * horizon for v in (trace, fid)))
    rng, m = np.random.default_rng(0), found.training_size - 1
    them = paths(rng, axes, series, found.noise, found.held, m, horizon)
    return Forecast(ahead, _band(them.trace, trace, level), _band(them.fid, fid, level))


def required_n_real(dim: int, n_synth: int, bias: float, target: float) -> int | None:
    """Fewest fresh samples a generation that hold E W2^2/tr Sigma_0 at `target` or less.

    Second order at Sigma_0 = I (theory.md 2.4). None where 10^9 do not.
    """

    unit = Spectrum.of(dim)

    def holds(n_real: int) -> bool:
        parameters = Fraction(n_real), Fraction(n_synth), Fraction(bias)
        return distance.second_order_limit(unit, *parameters) <= dim * target

    return _search.first(holds, most=_FARTHEST)


def fresh_data(dim: int, found: Inference, shown: float) -> FreshData:
    """Fresh data for the estimated bias and size, at the E W2^2/tr Sigma_0 shown last."""
    bias = min(1.0, found.bias.value)
    n = round(found.training_size) if found.training_size < _check.MAX_COUNT else None
    required = None
    if n is not None and shown > 0:
        required = required_n_real(dim, max(1, n), bias, shown)
    return FreshData(bias, n, worth.admissible_n_synth_limit(bias, dim), required)
