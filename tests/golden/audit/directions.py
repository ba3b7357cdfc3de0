"""What the audit says of directions, on simulated loops: the ground of docs/audit.md.

Run ``python tests/golden/audit/directions.py``; it rewrites directions.json (some minutes, one
core). Loops draw all their samples; each has its own seed, size, number of generations and kind of
file: half the files are the training sets themselves, half fresh samples of the models; half of the
real sets are the first training set. Biases act along the true eigendirections, which the audit
does not know: those of the real set are mixtures of them.
"""

import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
from scipy import special

from madtheory import audit
from madtheory._threads import one_thread
from madtheory.audit.directions import banded, directions
from madtheory.audit.drift import drift
from madtheory.audit.inference import TOLERANCE
from madtheory.audit.known import NOTHING, Known

TABLE = Path(__file__).with_suffix(".json")
LEVEL, ALPHA = 0.95, 0.02
#: Seeds that constants were chosen on, and those of the table.
SETTING, PRINTED = 0, 1
LAWS = ("Gaussian", "mixture", "heavy tails", "correlated", "spiked")
#: What holds or does not: directions with two biases, with one, real data in each training set,
#: generations that are all fitted to real data.
LOOPS = ("two", "flat", "fresh", "independent")
LOOPS_EACH, POWER_EACH, LENGTHS, SIZES = 60, 40, (4, 8, 12), (60, 200, 600, 2000)
SMALL, LARGE = 0.7, 0.95
#: Generations that are forecast.
HORIZON = 5


@dataclass(frozen=True)
class Case:
    """One loop with its files; `biases` of the eigendirections, largest variance first."""

    law: str
    loop: str
    n: int
    generations: int
    biases: tuple
    share: float = 0.0
    files: str = "other"
    same: bool = False

    @property
    def dim(self):
        return len(self.biases)


def case_of(law, loop, rng):
    """A loop of a law."""
    dim, T = int(rng.choice([2, 8, 32])), int(rng.choice([3, 4, 6, 10, 15]))
    low, high = SMALL, LARGE
    if loop == "flat" or (loop in ("fresh", "independent") and rng.random() < 0.5):
        low = high = float(rng.choice([0.7, 0.9, 0.97, 1.0]))
    large = dim // 2 if law != "spiked" else spikes(dim)
    return Case(
        law=law,
        loop=loop,
        n=int(rng.choice(SIZES)),
        generations=T,
        biases=(high,) * large + (low,) * (dim - large),
        share=float(rng.choice([0.1, 0.2, 0.5, 0.9])) if loop == "fresh" else 0.0,
        files=str(rng.choice(["own", "other"])),
        same=bool(rng.random() < 0.5),
    )


# ----------------------------------------------------------------------------------- laws, models
def spikes(dim):
    """Directions that stand out."""
    return max(1, dim // 8)


def spectrum(case):
    """True eigenvalues, largest first."""
    if case.law == "spiked":
        return np.where(np.arange(case.dim) < spikes(case.dim), 20.0, 1.0)
    return 1 / np.arange(1.0, case.dim + 1)


def basis(case):
    """True eigenvectors, as columns; those of a mixture lie along the coordinates too."""
    if case.law != "correlated":
        return np.eye(case.dim)
    return np.linalg.qr(np.random.default_rng(2).standard_normal((case.dim, case.dim)))[0]


def real_data(rng, n, case):
    x = rng.standard_normal((n, case.dim))
    if case.law == "heavy tails":
        x *= np.sqrt(4 / rng.chisquare(6, size=(n, 1)))  # t with 6 degrees of freedom
    if case.law == "mixture":  # of two classes along each axis, all independent
        x = 0.6 * x + 0.8 * rng.choice([-1.0, 1.0], size=x.shape)
    return x * np.sqrt(spectrum(case)) @ basis(case).T


def draw(rng, training, n, case):
    """Samples of the model fit to `training`: kernels where the law is not Gaussian."""
    mean, V = training.mean(axis=0), basis(case)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(training, rowvar=False)))
    x = rng.standard_normal((n, case.dim)) * np.sqrt(np.maximum(values, 0)) @ vectors.T
    if case.law in ("mixture", "heavy tails"):
        x = math.sqrt(0.96) * (training[rng.integers(len(training), size=n)] - mean) + 0.2 * x
    return mean + x @ (V * np.sqrt(case.biases)) @ V.T


def simulate(case, rng, more=0):
    """Real set, first training set, and the files, with those of some more generations."""
    first = training = real_data(rng, case.n, case)
    reference = first if case.same else real_data(rng, case.n, case)
    n_real, files = max(2, round(case.share * case.n)) if case.share else 0, []
    for _ in range(case.generations + more):
        synthetic = draw(rng, training, case.n - n_real, case)
        own = case.files == "own"
        files.append(synthetic if own else draw(rng, training, case.n, case))
        training = np.concatenate([real_data(rng, n_real, case), synthetic])
        if case.loop == "independent":
            training = real_data(rng, case.n, case)
    return reference, first, files


# ---------------------------------------------------------------------------------------- the truth
def truths(case, axes, first):
    """Per axis: log lambda of the loop along it, and of the eigendirection of its rank.

    Without noise files have D^(t/2) S D^(t/2), S the covariance of the first training set.
    """
    V, T = basis(case), case.generations
    S = V.T @ np.atleast_2d(np.cov(first, rowvar=False)) @ V
    u, logs = V.T @ axes.vectors, np.log(case.biases)
    ends = []
    for t in (1, T):
        D = np.exp(t / 2 * logs)
        ends.append(np.log(np.einsum("ik,ij,jk->k", u, D[:, None] * S * D, u)))
    return (ends[1] - ends[0]) / (T - 1), logs[: u.shape[1]]


def judge(case, rng):
    """Bands of one loop, what holds of each, and its fate without and with the word of no data;
    then the forecast of the total variance."""
    real, first, files = simulate(case, rng, HORIZON)
    variance = np.array([x.var(axis=0, ddof=1).sum() for x in files])
    files, last, later = files[:-HORIZON], variance[-HORIZON - 1], variance[-HORIZON:]
    axes = audit.axes_of(real)
    series = audit.series_of(axes, files)
    how = {"last": last, "horizon": HORIZON, "level": LEVEL, "alpha": ALPHA}
    found = directions(axes, series, **how, known=NOTHING)
    told = directions(axes, series, **how, known=Known(1, 0.0, not case.same))
    bands, rows = banded(np.square(axes.scales)), []
    if case.loop in ("two", "flat"):
        m = case.n - 1
        loss = float(special.digamma(m / 2)) - math.log(m / 2)
        along, ranked = truths(case, axes, first)
    for k, band in enumerate(found.bands):
        row = {
            "fate": band.fate,
            "told": told.bands[k].fate,
            "width": band.drift.high - band.drift.low,
        }
        if case.loop in ("two", "flat"):
            log, nominal = along[bands == k].mean(), ranked[bands == k].mean()
            row["drift"] = log + loss
            row["holds"] = {
                "drift": band.drift.low <= log + loss <= band.drift.high,
                "bias": band.bias.low <= math.exp(log) <= band.bias.high,
                "eigendirection": band.bias.low <= math.exp(nominal) <= band.bias.high,
            }
            row["nominal"] = math.exp(nominal)
        rows.append(row)
    if found.trace is None:  # the loop turns: nothing is forecast by these axes
        return rows, None
    scalar = np.log(last / later) + drift(series).value * np.arange(1, HORIZON + 1)
    return rows, {
        "hits": [m.low <= x <= m.high for m, x in zip(found.trace, later, strict=True)],
        "bands": [abs(math.log(m.value / x)) for m, x in zip(found.trace, later, strict=True)],
        "scalar": np.abs(scalar).tolist(),
    }


# ---------------------------------------------------------------------------------------- the table
def group(law, loop, n, seed):
    """Cases and rows of n loops."""
    out = []
    for i in range(n):
        rng = np.random.default_rng([seed, LAWS.index(law), LOOPS.index(loop), i])
        case = case_of(law, loop, rng)
        out.append((case, *judge(case, rng)))
    return out


def covered(loops):
    """How many intervals of bands hold the truth."""
    rows = [(case.n, row["holds"]) for case, bands, _ in loops for row in bands]

    def count(name, sizes):
        hits = [bool(holds[name]) for n, holds in rows if n in sizes]
        return [sum(hits), len(hits)]

    out = {name: count(name, SIZES) for name in ("drift", "bias", "eigendirection")}
    return {**out, "by_rows": [count("eigendirection", (n,)) for n in SIZES]}


def false_rests(loops):
    """Loops with a band that is said to hold while it drifts by the tolerance or more."""
    return sum(
        any(r["fate"] == "holds" and abs(r["drift"]) >= TOLERANCE for r in rows)
        for _, rows, _ in loops
    )


def said(loops, key):
    """Loops with a band that is said to be dying, to be growing; and bands by their fate."""
    return {
        "loops": len(loops),
        **{
            fate: sum(any(r[key] == fate for r in rows) for _, rows, _ in loops)
            for fate in ("dying", "growing")
        },
        "bands": {
            fate: sum(r[key] == fate for _, rows, _ in loops for r in rows)
            for fate in ("dying", "growing", "holds", "undecided")
        },
    }


def ahead(loops):
    """Intervals of the total variance that hold it; median |log error| at the first and last
    generation ahead, by bands and by one rate for all."""
    each = [forecast for *_, forecast in loops if forecast]
    hits = [hit for one in each for hit in one["hits"]]
    errors = {
        name: [round(float(np.median([one[name][h] for one in each])), 4) for h in (0, -1)]
        for name in ("bands", "scalar")
    }
    return {"covered": [sum(map(bool, hits)), len(hits)], **errors}


def power(T, n, seed):
    """Bands of .7 and of 1 that are called dying, of d = 8 and 400 samples, by what is said."""
    out = {"small": [0, 0, 0], "large": [0, 0, 0]}
    for i in range(n):
        rng = np.random.default_rng([seed, 99, T, i])
        case = Case("Gaussian", "two", 400, T, (1.0,) * 4 + (SMALL,) * 4)
        for row in judge(case, rng)[0]:
            cell = out["small" if row["nominal"] < 0.9 else "large"]
            for k, hit in enumerate((True, row["fate"] == "dying", row["told"] == "dying")):
                cell[k] += hit
    return {name: dict(zip(("bands", "dying", "told"), x, strict=True)) for name, x in out.items()}


def piece(law, each, seed):
    """All of one law."""
    walking = {loop: group(law, loop, each, seed) for loop in ("two", "flat")}
    held = {loop: group(law, loop, each, seed) for loop in ("fresh", "independent")}
    return {
        "covered": {loop: covered(loops) for loop, loops in walking.items()},
        "false_holds": [sum(map(false_rests, walking.values())), 2 * each],
        "held": {loop: said(loops, "fate") for loop, loops in held.items()},
        "told": said(held["independent"], "told"),
        "ahead": {loop: ahead(loops) for loop, loops in (walking | held).items()},
        "walking": {loop: said(loops, "fate") for loop, loops in walking.items()},
    }


def main():
    start, laws = time.perf_counter(), {}
    with one_thread():
        for law in LAWS:
            laws[law] = piece(law, LOOPS_EACH, PRINTED)
            print(law, json.dumps(laws[law]), f"{time.perf_counter() - start:.0f} s", flush=True)
        powers = {str(T): power(T, POWER_EACH, PRINTED) for T in LENGTHS}
    write(laws, powers)


def write(laws, powers):
    """Write the table."""
    record = {
        "script": "tests/golden/audit/directions.py",
        "versions": {
            "python": sys.version.split()[0],
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "level": LEVEL,
        "alpha": ALPHA,
        "laws": laws,
        "power": powers,
    }
    TABLE.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
