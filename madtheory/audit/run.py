"""Audit of one's own loop: checked sets in, metrics and all that follows from them out."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from madtheory import _check, metrics
from madtheory._threads import one_thread
from madtheory.audit.directions import directions
from madtheory.audit.forecast import forecast, fresh_data
from madtheory.audit.inference import TOO_FEW, infer
from madtheory.audit.known import NOTHING, Known, memory_of, share_of, training_sizes
from madtheory.audit.power import power
from madtheory.audit.series import axes_of, series_of
from madtheory.metrics import Measured
from madtheory.metrics.frechet import own_error
from madtheory.results import Interval
from madtheory.spectrum import baseline
from madtheory.theory import worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from madtheory._types import Array
    from madtheory.audit.directions import Bands
    from madtheory.audit.forecast import Forecast, FreshData
    from madtheory.audit.inference import Verdict
    from madtheory.audit.power import Power
    from madtheory.audit.series import Series

#: Power of two beyond which features are refused.
_FARTHEST = 500
#: Deviations of the real set beyond which a generation is refused.
_REACH = 1e60
#: Most generations to forecast: some seconds of work, a minute in the widest features.
_AHEAD = 2000
#: Eigenvalues of less than this share of the largest are rounding.
_RANK = 1e-13


@dataclass(frozen=True, slots=True)
class Generation:
    """Metrics of one generation against the real set.

    Attributes
    ----------
    fid, precision, recall : metrics.Measured
        :func:`madtheory.metrics.fid` and :func:`madtheory.metrics.precision_recall`.
    trace : metrics.Measured
        Total variance of the features, in their squared units.
    """

    fid: Measured
    precision: Measured
    recall: Measured
    trace: Measured


@dataclass(frozen=True, slots=True)
class Audit:
    """Result of :func:`audit`.

    Attributes
    ----------
    generations : tuple of Generation
    rate : metrics.Measured or None
        Drift of the log variance a generation; negative: collapse. -inf where a direction has
        lost all variance, infinite ends where the data give none; None with one generation.
    bias : metrics.Measured or None
        lambda of the fully synthetic loop that drifts so: exp(rate + what finite training sets
        cause). In a loop with real data it is an effective one, near 1 on the plateau.
    n_eff : metrics.Measured
        Real samples whose Gaussian fit is as far from the real data as the last generation.
    verdict : {"mad", "not_mad", "undecided"}
    reason : str
        Why, in a sentence.
    p_value : float
        Of "the loop is held by real data"; small values speak for MAD. Where no real data are known
        to enter, of "nothing grows".
    p_value_walk : float
        Of "no real data enter the means, or none enter the shapes, and by that alone
        E W2^2/tr Sigma_0 grows by GROWTH a generation or more"; small values speak against MAD. 0
        where MARGIN or more real data are known to enter.
    error_rate : float
        Promised bound on each false verdict, alpha.
    training_size : float
        Size of the training sets: as given, else as the noise between generations says (inf where
        there is none to be seen).
    forecast : Forecast or None
        None with one generation.
    fresh_data : FreshData or None
        None where `bias` is.
    level : float
        Level of all intervals and of the forecast's band.
    power : Power or None
        How often the best of all tests would decide loops like this one, and from which generation
        on; None where the noise between generations is not known, or where MARGIN or more real data
        are known to enter, which leaves nothing to test.
    known : Known
        What was said of the loop.
    directions : Bands or None
        Which directions die, and how fast; None with one generation.
    """

    generations: tuple[Generation, ...]
    rate: Measured | None
    bias: Measured | None
    n_eff: Measured
    verdict: Verdict
    reason: str
    p_value: float
    p_value_walk: float
    error_rate: float
    training_size: float
    forecast: Forecast | None
    fresh_data: FreshData | None
    level: float
    power: Power | None = None
    known: Known = NOTHING
    directions: Bands | None = None


# ------------------------------------------------------------------------------------------ input
def _sets(
    real: ArrayLike, generations: Sequence[ArrayLike], names: Sequence[str] | None, k: int
) -> list[Array]:
    """Validated sets, the real one first, none twice, all of one width."""
    if not len(generations):
        raise ValueError("generations must hold at least one set of features, got none")
    if names is None:
        labels = [f"generations[{i}]" for i in range(len(generations))]
    elif isinstance(names, (str, Set, Mapping)) or not isinstance(names, Collection):
        raise TypeError(f"names must be a list of words, one a generation, got {names!r}")
    elif len(names) != len(generations):
        raise ValueError(f"names must hold {len(generations)} names, got {len(names)}")
    else:
        labels = [str(name) for name in names]
        metrics.check_order(labels)
    named = list(zip(["real", *labels], [real, *generations], strict=True))
    sets = [metrics.features(label, x, minimum_rows=k + 1) for label, x in named]
    for label, x in zip(labels, sets[1:], strict=True):
        metrics.same_width(label, x, sets[0])
    metrics.check_repeats(["real", *labels], sets)
    return sets


def _sizes(n_synth: Sequence[int] | int | None, T: int) -> list[int] | None:
    """Training size of each generation, or None."""
    if n_synth is None:
        return None
    if not isinstance(n_synth, (list, tuple, np.ndarray)):
        return [_check.count("n_synth", n_synth, minimum=2)] * T
    if len(n_synth) != T:
        raise ValueError(f"n_synth must hold one size a generation, {T}, got {len(n_synth)}")
    return [_check.count("n_synth", n, minimum=2) for n in n_synth]


# ---------------------------------------------------------------------------------------- metrics
def _trace(x: Array, level: float) -> Measured:
    """Total variance with its normal interval, from the rows' squared distances to the mean."""
    squares = np.square(x - x.mean(axis=0)).sum(axis=1)
    value = float(squares.sum()) / (len(x) - 1)
    half = metrics.normal_quantile(level) * float(squares.std(ddof=1)) / math.sqrt(len(x))
    return Measured.around(value, half, 0.0)


def _generation(real: Array, x: Array, exponent: int, k: int, level: float) -> Generation:
    """Metrics of one generation, from sets in units of 2^exponent."""
    both = metrics.precision_recall(real, x, k=k, level=level)
    fid, trace = metrics.fid(real, x, level=level), _trace(x, level)
    return Generation(fid.in_units(exponent), both.precision, both.recall, trace.in_units(exponent))


def n_eff(real: Array, distance: Measured, *, shares: bool = False) -> Measured:
    """Real samples that the generation is worth (theory.md 2.5, 5.3), from the unbiased FID.

    Let the real set's error be e, and the generation be off by r e + w, w independent of it. The
    unbiased FID is E |r e + w - e|^2 - E e^2, the distance E |r e + w|^2 is 2 r E e^2 more. Where
    the generation `shares` e, r is between 0 and 1, and the lower end is that of 1, with E e^2 that
    of Gaussian rows, or as halves of the real ones tell where those have longer tails.
    """
    centred = real - real.mean(axis=0)
    values = np.linalg.eigvalsh(centred.T @ centred / (len(real) - 1))
    values = values[values > _RANK * values[-1]]
    own = 0.0
    if shares:
        own = max(float(baseline(len(real), values).value), own_error(real))
    ends = worth.effective_interval(Interval(distance.low, distance.high + 2 * own), values)
    value = worth.effective_sample_size(max(0.0, distance.value), values)
    return Measured(value, ends.lower, ends.upper)


# ------------------------------------------------------------------------------------------ result
def _unit(sets: list[Array]) -> int:
    """Scale the sets to where their squares' squares are in float64, by 2^-exponent."""
    exponent = metrics.scale(sets)
    if abs(exponent) > _FARTHEST:
        largest = math.ldexp(max(float(np.abs(x).max()) for x in sets), exponent)
        raise ValueError(
            f"features must be within 1e-150 and 1e150 in size at most, got {largest:.3g}"
        )
    return exponent


def _check_reach(series: Series) -> None:
    """Raise ValueError where a file is so far from the real set that float64 lacks its squares."""
    square = np.maximum(
        np.square(series.means).max(axis=1), np.exp(series.log_variance).max(axis=1)
    )
    far = np.sqrt(square)
    if not far.max() <= _REACH:
        raise ValueError(
            f"generations must be within {_REACH:g} deviations of real, got generation "
            f"{int(far.argmax()) + 1} at {far.max():.3g}"
        )


def audit(
    real: ArrayLike,
    generations: Sequence[ArrayLike],
    *,
    k: int = 5,
    level: float = 0.95,
    alpha: float = 0.02,
    horizon: int = 5,
    n_synth: Sequence[int] | int | None = None,
    n_real: int | None = None,
    memory: int | Literal["all"] | None = None,
    apart: bool = False,
    names: Sequence[str] | None = None,
) -> Audit:
    """Audit a loop from features of real data and of successive generations.

    Parameters
    ----------
    real : array_like, shape (n, dim)
        Features of real data, rows are samples.
    generations : sequence of array_like, shapes (n_t, dim)
        Features of samples of generation 1, 2, ..., none left out.
    k : int
        Neighbour of precision and recall.
    level : float
        Level of the intervals.
    alpha : float
        Bound on each false verdict.
    horizon : int
        Generations to forecast, 2000 at most.
    n_synth : int, sequence of int or None
        Synthetic training samples of each generation, where known; else the size of the training
        sets is estimated from the noise.
    n_real : int or None
        Real samples that enter each training set, where known; 0: none do.
    memory : int, "all" or None
        Models that synthetic samples come from, the last ones, where known.
    apart : bool
        Whether `real` is known to be other data than the first training set.
    names : sequence of str or None
        File names of the generations: where one number varies in them, or in their folders where
        all have one name, it must go up by one.

    Returns
    -------
    Audit

    Raises
    ------
    ValueError
        When real has no variance, a set with any spread comes twice, a generation is 1e60 of its
        deviations away, the names are out of order or have a gap, or real samples enter and n_synth
        is not given.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real = rng.standard_normal((400, 4))
    >>> audit(real, [0.5**t * rng.standard_normal((400, 4)) for t in range(6)]).verdict
    'mad'
    >>> audit(real, [real + 0.2 * t for t in range(1, 5)], n_real=0).reason.partition(",")[0]
    'no real data enter'
    """
    k, horizon = _check.count("k", k), _check.count("horizon", horizon, maximum=_AHEAD)
    level = _check.number("level", level, low=0.0, high=1.0, open_=True)
    alpha = _check.number("alpha", alpha, low=0.0, high=0.5, open_=True)
    synthetic = _sizes(n_synth, len(metrics.successive(generations)))
    if n_real is not None:
        n_real = _check.count("n_real", n_real, minimum=0)
    apart = _check.truth("apart", apart)
    known = Known(memory_of(memory), share_of(n_real, synthetic), apart)
    sizes = training_sizes(n_real, synthetic)
    x, *sets = checked = _sets(real, generations, names, k)
    exponent = _unit(checked)
    found = tuple(_generation(x, g, exponent, k, level) for g in sets)
    with one_thread():
        return _assemble(x, sets, exponent, found, sizes, n_real or 0, horizon, level, alpha, known)


def _assemble(
    real: Array,
    sets: list[Array],
    exponent: int,
    generations: tuple[Generation, ...],
    sizes: list[int] | None,
    n_real: int,
    horizon: int,
    level: float,
    alpha: float,
    known: Known,
) -> Audit:
    """Everything beside the metrics, from sets in units of 2^exponent."""
    axes = axes_of(real)
    series = series_of(axes, sets)
    _check_reach(series)
    distance, last = metrics.fid_unbiased(real, sets[-1], level=level), generations[-1]
    worth_of_last = n_eff(real, distance, shares=not known.apart)
    if len(sets) < 2:
        size = float(sizes[0]) if sizes else math.inf
        return Audit(
            generations, None, None, worth_of_last, "undecided", TOO_FEW.format(1), 1.0, 1.0, alpha,
            size, None, None, level, None, known,
        )  # fmt: skip
    found = infer(series, sizes, level, alpha, known)
    trace, fid = (math.ldexp(x.value, -2 * exponent) for x in (last.trace, last.fid))
    ahead = forecast(real, sets, axes, series, found.held, (trace, fid), horizon, level, known)
    return Audit(
        generations=generations,
        rate=found.rate,
        bias=found.bias,
        n_eff=worth_of_last,
        verdict=found.verdict,
        reason=found.reason,
        p_value=found.p_value,
        p_value_walk=found.p_value_walk,
        error_rate=alpha,
        training_size=found.training_size,
        forecast=ahead.in_units(exponent),
        fresh_data=fresh_data(
            real.shape[1], found, distance.value / _trace(real, level).value, n_real
        ),
        level=level,
        power=power(series, found, alpha, known),
        known=known,
        directions=directions(
            axes,
            series,
            sizes,
            last=last.trace.value,
            horizon=horizon,
            level=level,
            alpha=alpha,
            known=known,
        ),
    )
