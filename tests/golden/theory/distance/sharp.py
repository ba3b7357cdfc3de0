"""E W2^2 by simulation, sharpened by controls whose means are exact; no formula of W2^2 is used.

A run gives W2^2 less |mu|^2 and tr Sigma, whose means are added, exact. What is left, the fidelity,
is nearly a polynomial of degree two of the covariance where samples are many. So of each run also
|mu|^2, tr Sigma, tr Sigma^2 and (tr Sigma)^2 are recorded, and where Sigma_0 has dominant
directions the same of the same run at two other spectra: a loop is the conjugation of the one at
I, so that one seed gives one path (theory.md 1.6), and the three are the sums over the blocks of
the dominant directions, the others, and both. Their means are those of theory/moments: linear
recursions of first and second moments, exact for all loops here, known to nothing of W2^2.
Coefficients are those of the other folds: no value meets coefficients that it had a part in.
"""

import math
from typing import NamedTuple

import numpy as np

from madtheory.simulate import simulate
from madtheory.simulate.request import Gaussian
from madtheory.theory import moments
from madtheory.theory.moments.second import conjugated_second_moments

RECORD = ("mean_sq", "trace", "trace_squared", "squared_trace")
#: Folds; (E tr Sigma^2)/(E tr Sigma)^2 beyond which a few rare paths make moments: no controls.
FOLDS, RARE = 10, 3.0
#: Runs of a first batch; estimated seconds of that, of a point beyond reach, of another; a batch.
FIRST, SECONDS, BATCH = (30, 2000), (2.0, 6.0, 40.0), 20_000
#: Relative error of an exact mean by rounding, generously.
ROUNDING = 64 * 2.0**-52


class Runs(NamedTuple):
    """Of each run, means over generations."""

    w2: np.ndarray  # (size,)
    rest: np.ndarray  # (size,): W2^2 with |mu|^2 and tr Sigma replaced by their means
    controls: np.ndarray  # (size, k): of mean zero


class Truth(NamedTuple):
    """A simulated mean."""

    mean: float
    se: float
    plain: float
    plain_se: float
    farthest: float  #: of the controls' own means from the exact ones, in standard errors
    size: int


def spectra(s):
    """Spectra at which a run is recorded: the one of Sigma_0 first."""
    return [s] if (s == s[0]).all() else [s, np.ones_like(s), np.sqrt(s)]


def exact(loop, s, at):
    """Exact means of RECORD at a spectrum, shape (4, T)."""
    first = moments.first_moments(loop, int(at[-1]), eigenvalues=s)
    second = moments.second_moments(loop, s.size, generations=int(at[-1]))
    pairs = np.array([
        conjugated_second_moments(x[6], x[5], eigenvalues=s) for x in second[at - 1]
    ]).T  # fmt: skip
    return np.stack([s.sum() * first.mean_sq[at - 1], s.sum() * first.trace[at - 1], *pairs])


def recorded(loop, s, at, size, seed, names):
    """Values of a simulation, shape (names, size, T)."""
    paths = simulate(
        loop, s, generations=int(at[-1]), replicates=size, seed=seed, threads=1,
        record=names, at=at.tolist(), keep_paths=True,
    ).paths  # fmt: skip
    return np.stack([paths[name] for name in names])


def is_rare(means):
    """Whether a few rare paths make second moments; not so where nothing is left of Sigma."""
    return not means[3, -1] <= RARE * means[1, -1] ** 2


def columns(s, values, means):
    """Controls (k, size, T) by the values and means of RECORD at all spectra, and their grains.

    tr Sigma at Sigma_0 and I; what is not linear of degree two, tr (Sigma - E Sigma)^2 at all;
    |mu|^2; (tr Sigma - E tr Sigma)^2. All less their means. A grain is what rounding leaves.
    """
    off = [x - m[:, None] for x, m in zip(values, means, strict=True)]
    first = range(min(len(off), 2))
    # A square of a spectrum with two values is a combination of those at Sigma_0 and I.
    basis = np.stack([s, np.ones_like(s)][: len(off)], axis=1)
    bent, squared = [], []
    for e, x, m in zip(spectra(s), off, means, strict=True):
        pulls = 2 * m[1] / e.sum() * np.linalg.lstsq(basis, e * e, rcond=None)[0][:, None]
        line = sum(pull * off[i][1] for i, pull in zip(first, pulls, strict=True))
        size = sum(abs(pull) * means[i][1] for i, pull in zip(first, pulls, strict=True))
        bent.append((x[2] - line, m[2] + size))
        squared.append((x[3] - 2 * m[1] * x[1], m[3] + 2 * m[1] ** 2))
    linear, centre = ([(off[i][q], means[i][q]) for i in first] for q in (1, 0))
    found = [*linear, *bent, *centre, *squared]
    return np.stack([x for x, _ in found]), ROUNDING * np.stack([m for _, m in found])


def runs(loop, s, at, size, seed, known):
    """W2^2 of runs beside controls, and what rounding leaves of the rest and of these.

    `known` are the exact means at all spectra.
    """
    W, *own = recorded(loop, s, at, size, seed, ("w2_squared", *RECORD))
    first = known[0][0] + known[0][1]
    rest = W - own[0] - own[1] + first
    X, grain = np.empty((0, size)), np.empty(0)
    if not is_rare(known[0]):
        others = [recorded(loop, e, at, size, seed, RECORD) for e in spectra(s)[1:]]
        X, grain = (x.mean(axis=-1) for x in columns(s, [np.stack(own), *others], known))
    grain = np.append(ROUNDING * (first.mean() + s.sum()), grain)
    return Runs(W.mean(axis=1), rest.mean(axis=1), X.T), grain


def merged(parts):
    """Several batches of runs as one."""
    return Runs(*(np.concatenate(x) for x in zip(*parts, strict=True)))


def controlled(y, X, least=1e-13):
    """Each value less its controls by coefficients of the other folds; the largest of these.

    Combinations of controls below `least` of the largest are nothing but rounding.
    """
    fold, found, most = np.arange(len(y)) % FOLDS, np.empty_like(y), np.zeros(X.shape[1])
    for k in range(FOLDS):
        own = fold == k
        A = np.column_stack([np.ones((~own).sum()), X[~own]])
        beta = np.linalg.lstsq(A, y[~own], rcond=least)[0][1:]
        found[own], most = y[own] - X[own] @ beta, np.maximum(most, np.abs(beta))
    return found, most


def mean_of(x):
    """Mean and standard error."""
    return x.mean(), x.std(ddof=1) / math.sqrt(len(x))


def estimate(found, grain):
    """E W2^2 by runs, with controls that vary by more than rounding; that counts as error."""
    spread, base, grain = found.controls.std(axis=0), grain[0], grain[1:]
    kept = np.flatnonzero(spread > 10 * grain)[: len(found.w2) // 12]
    X, grain = found.controls[:, kept] / spread[kept], grain[kept] / spread[kept]
    far = [abs(m) / se for m, se in map(mean_of, X.T)]
    y, most = controlled(found.rest, X, max(10 * grain.max(initial=0.0), 1e-13))
    mean, se = mean_of(y)
    se = math.hypot(se, base + float(most @ grain))
    return Truth(mean, se, *mean_of(found.w2), max(far, default=0.0), len(y))


def most_runs(loop, s, at, seconds):
    """Runs that fit into some seconds, by what the simulators estimate: the same everywhere."""
    each = Gaussian(loop, s).nanoseconds(int(at[-1]), len(at)) * (1 + 0.7 * (len(spectra(s)) - 1))
    return int(1e9 * seconds / each)


def truth(loop, s, at, seed, errors, seconds=SECONDS):
    """E W2^2, mean over generations `at`, to the first of relative `errors` if that is in reach.

    A first batch tells how many runs that takes. Where it is not the second is, and some more.
    """
    known = [exact(loop, e, at) for e in spectra(s)]
    first, more, most = (most_runs(loop, s, at, x) for x in seconds)
    left = size = int(np.clip(first, *FIRST))
    parts = []
    while left:
        now = min(left, BATCH)
        part, grain = runs(loop, s, at, now, 1000 * seed + len(parts), known)
        parts, left = [*parts, part], left - now
        if len(parts) == 1:
            found = estimate(part, grain)
            needed = [size * (1.1 * found.se / found.mean / e) ** 2 for e in errors]
            wanted = needed[0] if needed[0] <= most else max(min(needed[1], most), more)
            left = max(math.ceil(wanted) - size, 0)
    return estimate(merged(parts), grain)
