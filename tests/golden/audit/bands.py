"""What the bands of the forecast and the interval of n_eff cover: the ground of docs/audit.md.

Run ``python tests/golden/audit/bands.py``; it rewrites bands.json (some minutes, one core). Loops
of thirteen classes draw all their samples; each has its own seed, dimension (2 to 30), size (50 to
1,000), number of generations (4 to 15) and kind of file: half the files are the training sets
themselves, half fresh samples of the models. In two classes REAL is the first training set; in
"means drift" models err by the same in one direction, and their shapes hold; in "biases turned"
biases are along axes that REAL's cut across, of equal variances or of a power law. The loop then
goes on for HORIZON generations, once for the coverage and in BRANCHES ways for the oracle, who
knows the loop and its last training set: its band is +- 1.96 standard deviations of the log.
"""

import json
import math
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy

from madtheory import audit, metrics
from madtheory._threads import one_thread
from madtheory.audit.forecast import forecast
from madtheory.audit.known import LONGEST, NOTHING, Known
from madtheory.audit.run import n_eff
from madtheory.laws.bures import w2_squared
from madtheory.theory.worth import effective_sample_size

TABLE = Path(__file__).with_suffix(".json")
LEVEL, HORIZON, BRANCHES = 0.95, 10, 6
#: Seeds of the tables that constants and methods were chosen on, and of the one that is printed.
SETTING, PRINTED = (0, 1, 2, 3), 4
#: Horizons that count, less one; what a logarithm of nothing has added.
STEPS, TINY = [0, 1, 2, 4, 6, 9], 1e-300


@dataclass(frozen=True)
class Case:
    """One loop with its files."""

    law: str
    loop: str
    dim: int
    n: int
    generations: int
    bias: float
    share: float
    files: str
    first: bool = False
    small: float = 1.0
    drift: float = 0.0
    turned: bool = False
    spectrum: str = "power"
    lost: float = 0.0
    kept: float = 1.0

    @property
    def n_real(self):
        """Real rows of each training set, fresh or fixed."""
        if self.loop in ("fresh", "fixed"):
            return max(2, round(self.share * self.n))
        return 0

    @property
    def known(self):
        """All that may be said of the loop."""
        memory = {"memory": 3, "pool": LONGEST}.get(self.loop, 1)
        share = 1.0 if self.loop == "independent" else self.n_real / self.n
        return Known(memory, share, apart=not self.first)

    @property
    def axes(self):
        """Axes (d, d) of the models: those of the real data, or others that cut across them."""
        if not self.turned:
            return np.eye(self.dim)
        return np.linalg.qr(np.random.default_rng(2).standard_normal((self.dim, self.dim)))[0]

    @property
    def biases(self):
        """Root of the biases (d, d): every second direction has `small` more."""
        roots = np.sqrt(self.bias * np.where(np.arange(self.dim) % 2, self.small, 1.0))
        axes = self.axes
        return (axes * roots) @ axes.T


#: Name: (laws, loops) to draw from.
CLASSES = {
    "Gaussian": (("gaussian",), ("full",)),
    "heavy tails": (("heavy", "kernel"), ("full", "fresh")),
    "one-hot": (("one-hot",), ("full", "fresh", "fixed")),
    "mixture": (("mixture",), ("full", "fresh")),
    "mixed columns": (("mixed",), ("full", "fresh", "fixed")),
    "memory": (("gaussian",), ("memory", "pool")),
    "fresh data": (("gaussian",), ("fresh",)),
    "fixed real data": (("gaussian",), ("fixed",)),
    "first training set": (
        ("gaussian", "heavy", "kernel", "mixture", "mixed", "one-hot"),
        ("full", "fresh", "fixed", "memory"),
    ),
    "independent models": (("gaussian", "heavy", "kernel", "mixture"), ("independent",)),
    "biases differ": (("gaussian",), ("full",)),
    "means drift": (("gaussian",), ("full",)),
    "biases turned": (("gaussian",), ("full",)),
}
#: Of which REAL is the first training set itself; seeds are numbered by name, those of later ones
#: after them.
FIRST, LATER = ("first training set", "independent models"), 8


def number(name):
    """Number of a class among the seeds."""
    names = list(CLASSES)
    return [*sorted(names[:LATER]), *names[LATER:]].index(name)


def case_of(name, rng):
    """One loop of a class."""
    laws, loops = CLASSES[name]
    case = Case(
        law=str(rng.choice(laws)),
        loop=str(rng.choice(loops)),
        dim=int(rng.choice([2, 4, 8, 15, 30])),
        n=int(rng.choice([50, 120, 300, 1000])),
        generations=int(rng.choice([4, 6, 10, 15])),
        bias=float(rng.choice([0.7, 0.9, 0.97, 1.0])),
        share=float(rng.choice([0.1, 0.3, 0.6])),
        files=str(rng.choice(["own", "other"])),
        first=name in FIRST,
    )
    if name == "biases differ":
        return replace(case, bias=1.0, small=float(rng.choice([0.7, 0.8, 0.9])))
    if name == "biases turned":
        small, kind = float(rng.choice([0.7, 0.8, 0.9])), str(rng.choice(["equal", "power"]))
        return replace(case, bias=1.0, small=small, turned=True, spectrum=kind)
    if name == "means drift":
        return replace(case, bias=1.0, drift=float(rng.choice([0.05, 0.15, 0.3])))
    return case


# ------------------------------------------------------------------------------------ laws, models
#: Variances of Gaussian features, by columns.
SPECTRA = {
    "equal": np.ones,
    "power": lambda d: 1 / np.arange(1, d + 1),
    "geometric": lambda d: 0.8 ** np.arange(d),
    "spiked": lambda d: np.where(np.arange(d) < 2, 10.0, 1.0),
}


class Law(NamedTuple):
    """Class probabilities and centres of what the real data are, by columns' deviations."""

    p: np.ndarray
    centres: np.ndarray
    deviations: np.ndarray
    hot: int


def law_of(case):
    """Real data: a mixture, with `hot` columns that say the class."""
    d, rng = case.dim, np.random.default_rng(1)
    if case.law in ("one-hot", "mixed"):
        hot = d if case.law == "one-hot" else max(1, d // 2)
        p = 1 / np.arange(1, max(2, hot) + 1)
        return Law(p / p.sum(), rng.standard_normal((len(p), d - hot)), np.ones(d - hot), hot)
    scales = np.sqrt(SPECTRA[case.spectrum](d))
    if case.law == "mixture":
        return Law(np.full(5, 0.2), rng.standard_normal((5, d)) * scales, 0.5 * scales, 0)
    return Law(np.ones(1), np.zeros((1, d)), scales, 0)


def real_data(rng, n, case):
    p, centres, deviations, hot = law_of(case)
    at = rng.choice(len(p), size=n, p=p)
    noise = rng.standard_normal((n, len(deviations))) * deviations
    if case.law in ("heavy", "kernel"):
        noise *= np.sqrt(4 / rng.chisquare(6, size=(n, 1)))
    return np.hstack([np.eye(len(p))[at][:, :hot], centres[at] + noise])


def real_moments(case):
    p, centres, deviations, hot = law_of(case)
    each = np.hstack([np.eye(len(p))[:, :hot], centres])
    mean = p @ each
    S = (each - mean).T @ ((each - mean) * p[:, None])
    S[hot:, hot:] += np.diag(deviations**2)
    return mean, S


def root(S):
    values, vectors = np.linalg.eigh(np.atleast_2d(S))
    return vectors * np.sqrt(np.maximum(values, 0))


def spread(x, ddof):
    return np.atleast_2d(np.cov(x, rowvar=False, ddof=ddof))


def within(x, hot):
    """Class means of the other columns at each row, and their pooled covariance."""
    at = x[:, :hot] @ np.arange(1, hot + 1)
    classes, index = np.unique(np.round(at), return_inverse=True)
    centres = np.array([x[index == c, hot:].mean(axis=0) for c in range(len(classes))])
    left = x[:, hot:] - centres[index]
    return centres[index], left.T @ left / max(1, len(x) - len(classes))


def drifting(x, case):
    """Moments of a model with the real covariance, whose mean is off by `drift` deviations."""
    S = real_moments(case)[1]
    return x.mean(axis=0) + case.drift * math.sqrt(S[0, 0]) * np.eye(case.dim)[0], S


def uncorrelated(x, case):
    """Covariance of a model that keeps the variances along its axes and no correlation."""
    axes = case.axes
    return (axes * np.var(x @ axes, axis=0, ddof=1)) @ axes.T


def of_low_rank(x, case):
    """Covariance of a model that keeps this share of the principal components and nothing else."""
    values, vectors = np.linalg.eigh(spread(x, 1))
    values[: case.dim - round(case.kept * case.dim)] = 0.0
    return (vectors * values) @ vectors.T


def draw(rng, x, n, case):
    """Samples of the model fit to x."""
    rows, bias = x[rng.integers(len(x), size=n)], case.bias
    if case.small < 1:
        noise = rng.standard_normal((n, case.dim)) @ root(spread(x, 1)).T
        return x.mean(axis=0) + noise @ case.biases
    if case.drift or case.lost or case.kept < 1:
        mean, S = model_moments(x, case)
        return mean + rng.standard_normal((n, case.dim)) @ root(S).T
    if case.law == "one-hot":
        return rows
    noise = rng.standard_normal((n, case.dim))
    if case.law == "mixed":
        hot = law_of(case).hot
        if hot < case.dim:
            centres, S = within(x, hot)
            pick = rng.integers(len(x), size=n)
            noise = math.sqrt(bias) * noise[:, hot:] @ root(S).T
            return np.hstack([x[pick, :hot], centres[pick] + noise])
        return rows
    mean, F = x.mean(axis=0), root(spread(x, 1))
    noise = noise @ F.T
    if case.law in ("mixture", "kernel"):
        noise = math.sqrt(0.96) * (rows - mean) + 0.2 * noise
    if case.law == "heavy":
        noise *= np.sqrt(4 / rng.chisquare(6, size=(n, 1)))
    return mean + math.sqrt(bias) * noise


def model_moments(x, case):
    """Mean and covariance of the model fit to x, exactly."""
    mean = x.mean(axis=0)
    if case.drift:
        return drifting(x, case)
    if case.lost:
        S = spread(x, 1)
        return mean, (1 - case.lost) * S + case.lost * uncorrelated(x, case)
    if case.kept < 1:
        return mean, of_low_rank(x, case)
    if case.law == "one-hot":
        return mean, spread(x, 0)
    if case.law == "mixed":
        hot = law_of(case).hot
        centres, S = within(x, hot)
        cov = spread(np.hstack([x[:, :hot], centres]), 0)
        cov[hot:, hot:] += case.bias * S
        return mean, cov
    if case.law in ("mixture", "kernel"):
        return mean, case.bias * (0.96 * spread(x, 0) + 0.04 * spread(x, 1))
    return mean, case.biases @ spread(x, 1) @ case.biases


# --------------------------------------------------------------------------------------- the loop
class State(NamedTuple):
    """Training set to come, real rows that stay, and the synthetic sets that are remembered."""

    training: np.ndarray
    fixed: np.ndarray
    past: tuple


def advance(state, case, rng):
    """The file of one generation, and what comes next."""
    n = case.n - case.n_real
    x = draw(rng, state.training, n, case)
    file = x if case.files == "own" else draw(rng, state.training, n, case)
    if case.loop == "independent":
        return file, State(real_data(rng, case.n, case), state.fixed, ())
    fixed = real_data(rng, case.n_real, case) if case.loop == "fresh" else state.fixed
    past = (x,)
    if case.loop == "memory":
        past = (*state.past, x)[-3:]
    if case.loop == "pool":
        past = (*state.past, x)
    return file, State(np.concatenate([fixed, *past]), state.fixed, past)


def simulate(case, rng):
    """Real set, files, the model's moments at the last one, and the state after it."""
    first, reference = (real_data(rng, case.n, case) for _ in range(2))
    fixed = first[: case.n_real if case.loop == "fixed" else 0]
    state, files = State(first, fixed, ()), []
    for _ in range(case.generations):
        moments = model_moments(state.training, case)
        file, state = advance(state, case, rng)
        files.append(file)
    return first if case.first else reference, files, moments, state


def shown(real, file):
    """FID and trace of a file, from the real set's mean and root of its covariance."""
    mean, F = real
    S = spread(file, 1)
    fidelity = np.sqrt(np.maximum(np.linalg.eigvalsh(F.T @ S @ F), 0)).sum()
    gap, trace = np.square(file.mean(axis=0) - mean).sum(), np.trace(S)
    return max(0.0, gap + trace + np.square(F).sum() - 2 * fidelity), trace


def ahead(real, state, case, rng):
    """FID and trace of the files to come, shape (HORIZON, 2)."""
    known, out = (real.mean(axis=0), root(spread(real, 1))), []
    for _ in range(HORIZON):
        file, state = advance(state, case, rng)
        out.append(shown(known, file))
    return np.array(out)


# -------------------------------------------------------------------------------------- the table
def held_by(bands, truth, others):
    """Hits and widths of the bands of FID and trace, and the oracle's widths."""
    row = {}
    for i, (name, band) in enumerate((("fid", bands.fid), ("trace", bands.trace))):
        ends = np.log(np.array([(b.low, b.high) for b in band]) + TINY)
        # Fixed for ever: rounding apart, nothing moves.
        hits = (ends[:, 0] - 1e-9 <= truth[:, i]) & (truth[:, i] <= ends[:, 1] + 1e-9)
        row[name] = {
            "hits": hits[STEPS].tolist(),
            "width": np.round(np.diff(ends, axis=1)[STEPS, 0], 4).tolist(),
            "oracle": np.round(3.92 * np.std(others, axis=0, ddof=1)[STEPS, i], 4).tolist(),
        }
    return row


def judge(name, seed, branches):
    """One loop: its bands where nothing is said and where all is, and whether n_eff's interval
    holds the truth."""
    rng = np.random.default_rng(seed)
    case = case_of(name, rng)
    real, files, model, state = simulate(case, rng)
    truth = np.log(ahead(real, state, case, rng) + TINY)
    others = [np.log(ahead(real, state, case, rng) + TINY) for _ in range(branches)]
    axes = audit.axes_of(real)
    series = audit.series_of(axes, files)
    last = (shown((real.mean(axis=0), root(spread(real, 1))), files[-1]))[::-1]

    def bands(known):
        held = audit.infer(series, None, LEVEL, 0.02, known).held
        found = forecast(real, files, axes, series, held, last, HORIZON, LEVEL, known)
        return held_by(found, truth, others)

    mean, S = real_moments(case)
    distance = w2_squared(mean, S, *model)
    unbiased = metrics.fid_unbiased(real, files[-1], level=LEVEL)
    worth = n_eff(real, unbiased, shares=True)
    true_worth = effective_sample_size(distance, np.linalg.eigvalsh(S).clip(0))
    within_ends = bool(worth.low <= true_worth <= worth.high)
    return {"n_eff": within_ends, **bands(NOTHING), "known": bands(case.known)}


def covered(rows):
    """Coverage, and the median width in logarithms of band and oracle, over loops and horizons."""
    out = {}
    for name in ("fid", "trace"):
        hits = np.array([r[name]["hits"] for r in rows])
        out[name] = {
            "covered": [int(hits.sum()), hits.size],
            "covered_by_horizon": hits.sum(axis=0).tolist(),
            "width": round(float(np.median([r[name]["width"] for r in rows])), 3),
            "oracle": round(float(np.median([r[name]["oracle"] for r in rows])), 3),
        }
    return out


def table(rows):
    """All that is measured of a class, where nothing is said and where all is (`known`)."""
    return {
        "loops": len(rows),
        "n_eff": [sum(r["n_eff"] for r in rows), len(rows)],
        **covered(rows),
        "known": covered([r["known"] for r in rows]),
    }


def run(name, loops, start=PRINTED, first=0, branches=BRANCHES):
    """Rows of loops `first`, ... of a class."""
    key = number(name)
    return [judge(name, [start, key, i], branches) for i in range(first, first + loops)]


def main(loops=80):
    begin, rows = time.perf_counter(), {}
    with one_thread():
        for name in CLASSES:
            rows[name] = run(name, loops)
            print(
                name,
                json.dumps(table(rows[name])),
                f"{time.perf_counter() - begin:.0f} s",
                flush=True,
            )
    write(rows)


def write(rows):
    """The table of all classes."""
    record = {
        "script": "tests/golden/audit/bands.py",
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
        "level": LEVEL,
        "horizons": [h + 1 for h in STEPS],
        "classes": {name: table(each) for name, each in rows.items()},
    }
    TABLE.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(int(x) for x in sys.argv[1:]))
