"""What comes next: the loop of the audit carried on by simulation, and what fresh data would do.

Forecast: files follow the two-parameter loop of :mod:`madtheory.audit.anchor` with all that is not
known of it drawn anew for each path (:mod:`madtheory.audit.paths`), those of few distinct rows as
frequencies (:mod:`madtheory.audit.classes`). Both measures are scaled to what the last file shows
in all directions. What the bands cover is measured in docs/audit.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory import _check, _search, metrics
from madtheory.audit.anchor import anchor
from madtheory.audit.classes import (
    class_paths,
    farthest,
    few_values,
    frequencies,
    least_variance,
)
from madtheory.audit.dropped import kept
from madtheory.audit.inference import GROWTH, MARGIN
from madtheory.audit.known import NOTHING
from madtheory.audit.paths import paths
from madtheory.audit.series import BY_CHANCE, Axes, axes_of, bare, series_of
from madtheory.audit.turned import WIDEST
from madtheory.audit.whole import extended, parts_of
from madtheory.audit.wild import are_wild
from madtheory.covariance import Spectrum
from madtheory.metrics import Measured
from madtheory.theory import distance, worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from madtheory._types import Array
    from madtheory.audit.anchor import Anchor
    from madtheory.audit.inference import Inference
    from madtheory.audit.known import Known
    from madtheory.audit.paths import Paths
    from madtheory.audit.series import Series

#: Paths: as many as make this many files in all, within bounds.
_WORK, _FEWEST_PATHS, _MOST_PATHS = 8000, 100, 400
#: Bands are this many times wider below and above their median, in logarithms: what the
#: two-parameter loop leaves out, as a table of loops asks for (tests/golden/audit/bands.py).
_WIDER, _WIDER_CLASSES = (1.5, 1.4), (1.7, 1.45)
#: The same of rows of several discrete columns, whose models may sharpen what they draw
#: (``python -m tests.golden.audit.discrete setting``).
_WIDER_DISCRETE = (2.25, 2.1)
#: Few rows of a file vary at all: fewer than these do not have its commonest value.
_FEW_ROWS = 30
#: A median below this share of the upper end counts as this share.
_NEAR_NOTHING = 1e-3
#: What bands and the interval of n_eff of level .95 hold, measured on loops of thirteen classes
#: that set nothing here: over all, and in the worst class (tests/golden/audit/bands.json).
COVERAGE = {"fid": (0.979, 0.944), "trace": (0.983, 0.965), "n_eff": (0.994, 0.975)}
#: The same where memory and share of real data are said: those bands are narrower.
COVERAGE_KNOWN = {"fid": (0.979, 0.931), "trace": (0.986, 0.969), "n_eff": (0.994, 0.975)}
#: The same where files vary along fewer directions than the real set, for want of no rows.
COVERAGE_LOW_RANK = {"fid": (0.94, 0.725), "trace": (0.995, 0.983), "n_eff": COVERAGE["n_eff"]}
#: The same where few rows vary along some directions (tests/golden/audit/rare.json).
COVERAGE_WILD = {"fid": (0.973, 0.85), "trace": (0.98, 0.9), "n_eff": COVERAGE["n_eff"]}
#: The same of rows of several discrete columns (tests/golden/audit/discrete.json).
COVERAGE_DISCRETE = {"fid": (0.973, 0.817), "trace": (0.988, 0.883), "n_eff": COVERAGE["n_eff"]}
#: The same of loops without real data whose models sharpen what they draw, the worst kind of them
#: (tests/golden/audit/sharpened.json): nothing in the files tells these from others in time.
SHARPENED = {"fid": 0.665, "trace": 0.74}
#: Variances of less than this share of a file's largest are rounding.
_RANK = 1e-12
#: A direction that the first file has less of than this share of what it has most of, in units of
#: the real set, and files usually less than that, is not the model's.
_NEVER_HAD = 0.25, 0.05
#: A model that is whole has more than this share of its largest variance along any direction, in
#: units of the real set, by files of twice as many rows as there are directions.
_HARDLY = 0.01
#: Most dimensions of those loops.
MEASURED = 30
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
    low_rank : bool
        The last file varies along fewer directions than the real set, though it has the rows: the
        band of FID then holds less often than in other loops.
    wild : bool
        Along some directions few rows vary (:mod:`madtheory.audit.wild`): so it does then, too.
    discrete : bool
        Each column takes few values, and rows are too many to be classes: so it does then, too.
    """

    generations: tuple[int, ...]
    trace: tuple[Measured, ...]
    fid: tuple[Measured, ...]
    low_rank: bool
    wild: bool
    discrete: bool

    def in_units(self, exponent: int) -> Forecast:
        """The forecast of sets divided by 2^exponent, in the units of the data."""
        trace, fid = (tuple(v.in_units(exponent) for v in x) for x in (self.trace, self.fid))
        return replace(self, trace=trace, fid=fid)


def coverage(ahead: Forecast | None, known: Known) -> dict[str, tuple[float, float]]:
    """What bands and interval of level .95 hold: of all loops of this kind, and of the worst."""
    if ahead is not None:
        kinds = (
            (ahead.discrete, COVERAGE_DISCRETE),
            (ahead.low_rank, COVERAGE_LOW_RANK),
            (ahead.wild, COVERAGE_WILD),
        )
        for is_one, measured in kinds:
            if is_one:
                return measured
    return COVERAGE if known.share is None and known.memory is None else COVERAGE_KNOWN


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


def lacks_rank(series: Series) -> bool:
    """Whether the last file has no variance along some direction, and rows enough to have one."""
    return bool(bare(series.covariances[-1:], series.rows[-1:])[0])


def _hardly_has_rank(series: Series) -> bool:
    """Whether the first file and the last have next to no variance along some direction."""
    values, rows = np.linalg.eigvalsh(series.covariances[[0, -1]]), series.rows[[0, -1]]
    hardly = values[:, 0] <= _HARDLY * np.minimum(values[:, -1], 1.0)  # as in _never_had
    return bool((hardly & (rows > 2 * values.shape[1])).all())


def _never_had(series: Series) -> NDArray[np.bool_]:
    """Directions that the model has next to nothing of, from the first file on.

    What it has there is a tilt of the others: it jumps from fit to fit, by far more than the noise
    of the rows, and would be taken for that of a tiny training set.
    """
    # Of what it has most of, or the real set has: a model that loses correlations has far more.
    most = np.minimum(series.log_variance.max(axis=1, keepdims=True), 0.0)
    logs = series.log_variance - most
    first, usual = map(math.log, _NEVER_HAD)
    had = logs[0] >= first
    if len(logs) > 3 and had.any():
        # The first may be real data: what is lost at once, and by no more later, is on no course.
        had &= (logs[1] >= usual) | (logs[-2:].mean(axis=0) < 2 * logs[1] - logs[0])
    return np.asarray(~had & (np.median(logs, axis=0) < usual))


def _telling(series: Series) -> NDArray[np.intp]:
    """Files after the last that lacks, by no chance, a direction that later ones have again.

    It tells nothing of the loop. Where one file alone is after it, all but such ones.
    """
    odd = np.zeros(len(series.rows), dtype=bool) if series.torn is None else series.torn
    if series.gaps is not None:
        varied = 1.0 if series.varied is None else series.varied
        odd = odd | (series.gaps & (series.rows[:, None] * varied > BY_CHANCE)).any(axis=1)
    files = np.arange(len(odd))
    after, whole = files[1 + int(np.flatnonzero(odd).max(initial=-1)) :], files[~odd]
    return after if len(after) > 1 else whole if len(whole) > 1 else files


def _dead(axes: Axes, series: Series, alive: NDArray[np.bool_]) -> tuple[float, float]:
    """Trace and squared distance of the last file along the other axes."""
    variance, mean = np.exp(series.log_variance[-1]), series.means[-1]
    size = np.square(axes.scales)[~alive]
    distance = np.square(mean) + np.square(1 - np.sqrt(variance))
    return float(size @ variance[~alive]), float(size @ distance[~alive])


class _Seen(NamedTuple):
    """What a forecast rests on: files, and what they say in the axes of the real set."""

    real: Array
    sets: Sequence[Array]
    axes: Axes
    series: Series
    held: Anchor | None


class _Ahead(NamedTuple):
    """Paths, how much wider their bands are, and what dead directions add to trace and distance.

    low_rank: whether the last file varies along fewer directions than the real set; wild: whether
    few rows vary along some; discrete: whether columns take few values; least: the total variance
    of a file of which one row differs.
    """

    paths: Paths | None
    wider: tuple[float, float]
    dead: tuple[float, float]
    low_rank: bool = False
    wild: bool = False
    discrete: bool = False
    least: float = 0.0


def _ahead(seen: _Seen, horizon: int, known: Known) -> _Ahead:
    """Simulate the next files; no paths where nothing varies any more."""
    real, sets, axes, series, held = seen
    rng = np.random.default_rng(0)
    count = min(_MOST_PATHS, max(_FEWEST_PATHS, _WORK // horizon))
    them = frequencies(real, sets)
    if them:
        n = float(len(sets[-1]))
        found = class_paths(rng, them, held, n, horizon, count, known.share)
        few = n * (1 - float(them.real.max())) < _FEW_ROWS
        least = least_variance(them, n)
        return _Ahead(found, _WIDER_CLASSES, (0.0, 0.0), wild=few, least=least)
    dead, low_rank, discrete = (0.0, 0.0), lacks_rank(series), few_values([real, *sets])
    wider = _WIDER_DISCRETE if discrete else _WIDER
    # Of a covariance's rounding no variance is left either.
    sizes = series.log_variance + 2 * np.log(axes.scales)
    most = sizes.max(axis=1, keepdims=True)
    alive = np.asarray((sizes > most + math.log(_RANK)).all(axis=0))
    if alive.all() and not are_wild(series, len(real)).any():  # rare rows are missed by chance
        alive = ~_never_had(series)
    if held is None or not alive.all():
        dead = _dead(axes, series, alive)
        if not alive.any():
            return _Ahead(None, wider, dead)
        axes = Axes(
            axes.mean,
            axes.vectors[:, alive],
            axes.scales[alive],
            varied=None if axes.varied is None else axes.varied[alive],
            own_noise=None if axes.own_noise is None else axes.own_noise[alive],
        )
        series = series_of(axes, sets)
        held = anchor(series, MARGIN, GROWTH, known.memory)
    low_rank = low_rank or _hardly_has_rank(series)
    wild = are_wild(series, len(real))
    if wild.any():
        # They tell nothing of what holds the others.
        varied = None if axes.varied is None else axes.varied[~wild]
        calm = Axes(
            axes.mean, axes.vectors[:, ~wild], axes.scales[~wild], axes.rows, axes.noise, varied
        )
        held = anchor(series_of(calm, sets), MARGIN, GROWTH, known.memory)
    last = sets[-1]
    found = paths(rng, axes, series, held, last, horizon, count, known, wild, discrete=discrete)
    return _Ahead(found, wider, dead, low_rank, bool(wild.any()), discrete)


def _band(
    values: Array, start: float, seen: float, dead: float, wider: tuple[float, float], level: float
) -> tuple[Measured, ...]:
    """Median and band of each column, in units of what the last file shows in all directions.

    Where the simulated axes of the last file show nothing, what the paths show is added.
    """
    tails = np.quantile(values, [0.5, 0.5 - level / 2, 0.5 + level / 2], axis=0)
    rest = max(0.0, seen - dead)
    tails = tails * (rest / start) if start > 0 and rest > 0 else tails + rest
    # No wider for a median near 0 (classes that may die).
    middle = np.maximum(tails[0], _NEAR_NOTHING * tails[2] + np.finfo(np.float64).tiny)
    ratio = np.maximum(tails[1:], 0.0) / middle
    tails[1:] = middle * ratio ** np.array(wider)[:, None]
    return tuple(Measured(*(float(v) + dead for v in column)) for column in tails.T)


def _within(band: tuple[Measured, ...], most: float) -> tuple[Measured, ...]:
    """A band no higher than anything can come."""
    return tuple(Measured(min(b.value, most), min(b.low, most), min(b.high, most)) for b in band)


def _whole_rows(band: tuple[Measured, ...], least: float) -> tuple[Measured, ...]:
    """A band of paths that split rows, for files that do not: wider by one at both ends."""
    return tuple(Measured(b.value, max(0.0, b.low - least), b.high + least) for b in band)


def _everywhere(
    paths: Paths, dead: float, real: Array, last: Array, fid: float
) -> tuple[Array, float]:
    """Distances of the paths and of the last file, in all directions where there are more.

    Where some are `dead`, along the leading axes alone.
    """
    if paths.parts and paths.start_parts and real.shape[1] > WIDEST and not dead:
        whole = parts_of(real, last, fid)
        ahead = extended(paths.parts, paths.start_parts, whole)
        if ahead is not None:
            return ahead.fid, float(whole.fid)
    return paths.fid, paths.start_fid


def forecast(
    real: Array,
    sets: Sequence[Array],
    axes: Axes,
    series: Series,
    held: Anchor | None,
    last: tuple[float, float],
    horizon: int,
    level: float,
    known: Known = NOTHING,
) -> Forecast:
    """Band of the generations after the last of `sets`, whose trace and FID are `last`.

    `held` is None where a direction has lost its variance; such directions stay as they are.
    """
    numbers = tuple(range(len(sets) + 1, len(sets) + horizon + 1))
    telling = _telling(series)
    if len(telling) < len(sets):
        sets = [sets[i] for i in telling]
        series, held = series_of(axes, sets), None
    some = None if few_values([real, *sets]) else kept(axes, series)
    # Where axes of the real set tell as many, these are left out.
    if some is None or int(_never_had(series).sum()) >= len(some) - some.shape[1]:
        return _of(numbers, _Seen(real, sets, axes, series, held), last, level, known)
    # What is dropped adds to the distance what it does in the last file.
    real, sets = real @ some, [x @ some for x in sets]
    axes = axes_of(real)
    series = series_of(axes, sets)
    within = float(sets[-1].var(axis=0, ddof=1).sum()), metrics.fid(real, sets[-1]).value
    found = _of(numbers, _Seen(real, sets, axes, series, None), within, level, known)
    trace, fid = (
        tuple(Measured(*(v + all_of_it - part for v in (b.value, b.low, b.high))) for b in band)
        for band, all_of_it, part in zip((found.trace, found.fid), last, within, strict=True)
    )
    return replace(found, trace=trace, fid=fid, low_rank=True)


def _of(
    numbers: tuple[int, ...], seen: _Seen, last: tuple[float, float], level: float, known: Known
) -> Forecast:
    """The same of files that all tell, in all directions."""
    real, sets = seen.real, seen.sets
    ahead = _ahead(seen, len(numbers), known)
    if ahead.paths is None:
        trace, fid = ((Measured.exactly(v),) * len(numbers) for v in last)
        return Forecast(numbers, trace, fid, low_rank=False, wild=False, discrete=False)
    them, rest = ahead.paths, (ahead.wider, level)
    distance, start = _everywhere(them, ahead.dead[1], real, sets[-1], last[1])
    trace = _band(them.trace, them.start_trace, last[0], ahead.dead[0], *rest)
    trace = _whole_rows(trace, ahead.least)
    fid = _band(distance, start, last[1], ahead.dead[1], *rest)
    if ahead.discrete:
        trace, fid = map(_within, (trace, fid), farthest(real, sets))
    return Forecast(
        numbers,
        trace=trace,
        fid=fid,
        low_rank=ahead.low_rank,
        wild=ahead.wild,
        discrete=ahead.discrete,
    )


def required_n_real(dim: int, n_synth: int, bias: float, target: float) -> int | None:
    """Fewest fresh samples a generation that hold E W2^2/tr Sigma_0 at `target` or less.

    Second order at Sigma_0 = I (theory.md 2.4). None where 10^9 do not.
    """

    unit = Spectrum.of(dim)

    def holds(n_real: int) -> bool:
        parameters = Fraction(n_real), Fraction(n_synth), Fraction(bias)
        return distance.second_order_limit(unit, *parameters) <= dim * target

    return _search.first(holds, most=_FARTHEST)


def fresh_data(dim: int, found: Inference, shown: float, real: int) -> FreshData:
    """Fresh data for the estimated bias and size, at the E W2^2/tr Sigma_0 shown last.

    `real` rows of each training set are known to be so: the others are its synthetic samples.
    """
    bias, size = min(1.0, found.bias.value), found.training_size - real
    n = round(size) if size < _check.MAX_COUNT else None
    required = None
    if n is not None and shown > 0:
        required = required_n_real(dim, max(1, n), bias, shown)
    return FreshData(bias, n, worth.admissible_n_synth_limit(bias, dim), required)
