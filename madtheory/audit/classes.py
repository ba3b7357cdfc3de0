"""Paths of files of few distinct rows: the values of one variable, as categories or counts.

Such a file is its rows' frequencies, and so are the next ones: a training set of n rows has those
of n draws, at a temperature perhaps. Mean and covariance follow from them, and move together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.distance import pdist

from madtheory.audit.paths import NO_PART, Paths, measures, unseen
from madtheory.audit.pull import SIZES, Noise, noise_of, noises, shares
from madtheory.audit.row_noise import Rows, moments, squares, weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from madtheory._types import Array
    from madtheory.audit.anchor import Anchor

#: At most this many different rows are classes, and this share of all rows; so are values of a
#: column few.
_MOST, _SHARE = 64, 0.25
#: Power of the likelihood of the shares, which is that of Gaussian series.
_TRUST = 0.3
#: Powers that a model raises frequencies to, one over temperatures: half of all paths have none
#: unless the files speak for one, the others any.
_POWERS = 1.0, 0.8, 0.9, 0.95, 0.98, 1.02, 1.05, 1.1, 1.2, 1.4, 1.7, 2.0


def _few(sets: Sequence[Array]) -> float:
    """As many rows or values of these sets are few."""
    return min(_MOST, _SHARE * sum(len(x) for x in sets))


def few_values(sets: Sequence[Array]) -> bool:
    """Whether each column takes few values in all sets: attributes, counts, several categories."""
    most = _few(sets)
    for columns in zip(*(x.T for x in sets), strict=True):
        # Few rows tell of most columns that their values are many.
        if len(np.unique(columns[0][: 2 * _MOST])) > most:
            return False
        if len(np.unique(np.concatenate(columns))) > most:
            return False
    return True


def farthest(real: Array, files: Sequence[Array]) -> tuple[float, float]:
    """Most that total variance and distance can be of a file like the last, of values in sight.

    Rows between ends a and b have variance (b - m) (m - a) about their mean m at most, and with
    the square of what m is off from the real mean one of both ends has the most.
    """
    sets, n = [real, *files], len(files[-1])
    low, high = np.min([x.min(axis=0) for x in sets], 0), np.max([x.max(axis=0) for x in sets], 0)
    mean, own = real.mean(axis=0), float(real.var(axis=0, ddof=1).sum())
    trace = float(np.square((high - low) / 2).sum())
    off = float(np.square(np.maximum(high - mean, mean - low)).sum())
    return trace * n / (n - 1), off * n / (n - 1) + own


class Frequencies(NamedTuple):
    """Different rows (U, d) and their frequencies in the real set (U,) and in each file (T, U)."""

    rows: Array
    real: Array
    files: Array


def _distinct(x: Array) -> int:
    """Number of different rows, or one more than counts."""
    seen: set[bytes] = set()
    for row in x:
        seen.add(row.tobytes())
        if len(seen) > _MOST:
            break
    return len(seen)


def frequencies(real: Array, files: Sequence[Array]) -> Frequencies | None:
    """Frequencies of the rows of all sets, where they are few, and values of one variable."""
    sets = [real, *files]
    most = _few(sets)
    if any(_distinct(x) > most for x in sets):
        return None
    rows, at = np.unique(np.concatenate(sets), axis=0, return_inverse=True)
    # More of them are made of several variables, which models may draw one by the other.
    if len(rows) > min(most, 1 + sum(len(np.unique(x)) - 1 for x in rows.T)):
        return None
    ends = np.cumsum([len(x) for x in sets])[:-1]
    counts = [np.bincount(i, minlength=len(rows)) / len(i) for i in np.split(at.ravel(), ends)]
    return Frequencies(rows, counts[0], np.array(counts[1:]))


def least_variance(them: Frequencies, n: float) -> float:
    """Total variance of a file of n rows of which one differs, from the row nearest to it."""
    squared = pdist(them.rows, "sqeuclidean")
    return float(squared.min()) / n if len(squared) else 0.0


class _Pull(NamedTuple):
    """Of one share and power: noise of a frequency per unit of p (1 - p), the real rows' home (U,),
    and the mean square of the residuals.
    """

    noise: Noise
    home: Array
    size: float


def _heated(w: Array, power: float | Array) -> Array:
    """Frequencies (..., U) of samples at temperature 1/power."""
    out = w**power
    return np.asarray(out / out.sum(axis=-1, keepdims=True))


def _pull(them: Frequencies, share: float, power: float, most: float) -> _Pull:
    """What a share of real data and a power say: as :func:`madtheory.audit.pull.pull`."""
    w, home, left = them.files, them.real, _heated(them.files[:-1], power)
    if share > 0 and len(w) > 2:
        seen = (w[1:] - (1 - share) * left) / share
        off = seen.mean(axis=0) - home
        error = float(seen.var(axis=0, ddof=1).sum()) / len(seen)
        kept = float(unseen(float(np.square(off).sum()), np.array([error]))[0])
        home = np.maximum(home + kept * off, 0.0)
        home = home / home.sum()
    population = share * home + (1 - share) * left
    free = 1 - np.square(population).sum(axis=1, keepdims=True)
    residual = (w[1:] - population) / np.sqrt(np.maximum(free, 1 / w.shape[1] ** 2) / w.shape[1])
    return _Pull(noise_of(residual, 0.0, share, most), home, float(np.square(residual).mean()))


def _powers(
    rng: np.random.Generator, found: dict[tuple[float, float], _Pull], at: Array, dof: float
) -> Array:
    """Power of each path of the shares `at` (P,), by what it leaves of the residuals."""
    others = len(_POWERS) - 1
    prior = np.array([0.5] + [0.5 / others] * others)
    out = np.ones(len(at))
    for p in set(at):
        size = np.array([found[p, power].size for power in _POWERS])
        if not size.min() > 0:
            continue
        odds = prior * (size / size.min()) ** (-dof / 2)
        mine = at == p
        out[mine] = rng.choice(_POWERS, size=int(mine.sum()), p=odds / odds.sum())
    return out


def _dof(w: Array, steps: int) -> float:
    """Independent frequencies in the noise of `steps` files."""
    S = np.diag(w) - np.multiply.outer(w, w)
    size = float(np.square(S).sum())
    return max(1.0, steps * float(np.trace(S)) ** 2 / size) if size > 0 else 1.0


def _points(them: Frequencies) -> tuple[Rows, Array]:
    """Rows less the real mean, in coordinates of their span, and a root of the real covariance."""
    rows = them.rows - them.real @ them.rows
    U, s, _ = np.linalg.svd(rows, full_matrices=False)
    points = U * s
    real = points * np.sqrt(them.real)[:, None]
    values, vectors = np.linalg.eigh(real.T @ real)
    return squares(points), vectors * np.sqrt(np.maximum(values, 0.0))


def _behind(rng: np.random.Generator, them: Frequencies, part: Array, n: float) -> Array:
    """Frequencies (P, U) behind the last file: less the noise of its rows, and the doubt left."""
    last = them.files[-1]
    off = last - them.real
    noise = part * (1 - float(np.square(last).sum())) / n
    kept = unseen(float(np.square(off).sum()), noise)
    shape = n / np.maximum(part * kept, NO_PART)
    return weights(rng, (them.real + kept[:, None] * off) * shape[:, None])


def class_paths(
    rng: np.random.Generator,
    them: Frequencies,
    held: Anchor | None,
    n: float,
    horizon: int,
    count: int,
    share: float | None = None,
) -> Paths:
    """Simulate `count` files of n rows of each of the next generations; `share` where known."""
    (points, real), steps, most = _points(them), len(them.files) - 1, 1 / n
    at = shares(rng, held, count, _TRUST, share)
    dof = _dof(them.real, steps)
    pulls = {(p, x): _pull(them, float(p), x, most) for p in set(at) for x in _POWERS}
    power = _powers(rng, pulls, at, dof)
    mine = [pulls[pair] for pair in zip(at, power, strict=True)]
    noise = [m.noise for m in mine]
    each = [(float(p), 1) for p in at]
    q, r = noises(rng, noise, each, dof, most, steps)
    size = (1 / np.maximum(q, 1 / SIZES[1])).clip(*SIZES)[:, None]
    part, home, p = r / most, np.array([m.home for m in mine]), at[:, None]
    w = _behind(rng, them, part, n)
    out = []
    for _ in range(horizon):
        w = weights(rng, size * (p * home + (1 - p) * _heated(w, power[:, None])))
        seen = weights(rng, w * (n / np.maximum(part, NO_PART))[:, None])
        out.append(measures(*moments(seen, points), real))
    trace, fid = (np.array(v).T for v in zip(*out, strict=True))
    start = measures(*moments(them.files[-1:], points), real)
    return Paths(trace, fid, float(start[0][0]), float(start[1][0]))
