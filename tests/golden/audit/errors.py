"""How often the audit errs on simulated loops: the ground of docs/audit.md.

Run ``python tests/golden/audit/errors.py``; it rewrites errors.json (some minutes, one core).
The loops draw all their samples and share no code with madtheory.simulate. Every loop has its own
seed, size, number of generations and kind of file: half the files are the training sets themselves,
half fresh samples of the models; half of the real sets are the first training set.
"""

import json
import math
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy
from scipy import optimize, special, stats

from madtheory import audit
from madtheory._threads import one_thread
from madtheory.audit.anchor import least_step
from madtheory.audit.inference import GROWTH
from madtheory.audit.known import LONGEST, Known
from madtheory.audit.power import Setting, mad_power, not_mad_power
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation

TABLE = Path(__file__).with_suffix(".json")
LEVEL, ALPHA = 0.95, 0.02


@dataclass(frozen=True)
class Case:
    """One loop with its files; `independent` models see real data only.

    walks: "means" alone, where each generation is real data moved to the last one's mean; "half"
    of the directions, where half of each training set's other directions are fresh data.
    """

    loop: Loop
    dim: int
    generations: int
    features: str
    generator: str
    files: str
    independent: bool = False
    walks: str = ""


# ------------------------------------------------------------------------------------ the loops
def real_data(rng, n, case):
    """Features of mean 0 and a spectrum from 1 to 1/dim."""
    shape = (n, case.dim)
    x = rng.standard_normal(shape)
    if case.features == "heavy":
        x = x * np.sqrt(4 / rng.chisquare(6, size=(n, 1)))  # t with 6 degrees of freedom
    if case.features == "words":  # one-hot, by a power law; the last word is all zeros
        weights = np.arange(1.0, case.dim + 2) ** -0.5
        words = rng.choice(case.dim + 1, size=n, p=weights / weights.sum())
        return np.eye(case.dim + 1)[words][:, : case.dim]
    if case.features == "skewed":
        x = np.exp(x / 2)
    if case.features == "mixture":
        centres = np.random.default_rng(1).standard_normal((5, case.dim))
        x = 0.5 * x + centres[rng.integers(5, size=n)]
    return x / np.sqrt(np.arange(1, case.dim + 1))


def draw(rng, training, n, bias, case):
    """Samples of the model fit to `training`, spread by sqrt(bias) about its mean."""
    mean = training.mean(axis=0)
    if case.generator == "off":  # a systematic error of a tenth of a deviation in every direction
        mean = mean + 0.1 / np.sqrt(np.arange(1, case.dim + 1))
    if case.generator == "pulled":
        return pulled(rng, training, n, case)
    if case.generator == "rows":  # a sample of the rows, at any bias
        return training[rng.integers(len(training), size=n)]
    if case.generator != "kernel":
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(training, rowvar=False)))
        noise = rng.standard_normal((n, case.dim)) * np.sqrt(np.maximum(values, 0))
        return mean + math.sqrt(bias) * noise @ vectors.T
    # Kernel density shrunk to the variance of its data (half the kernels' width at unit scale).
    rows = training[rng.integers(len(training), size=n)] - mean
    kernels = draw(rng, training, n, 1.0, replace(case, generator="gaussian")) - mean
    return mean + math.sqrt(bias) * (math.sqrt(0.96) * rows + 0.2 * kernels)


def pulled(rng, training, n, case):
    """Samples of a model that is drawn, by its case's number, to what it draws well."""
    keep = 0.5 if case.dim == 2 else 0.87
    scales = 1 / np.sqrt(np.arange(1, case.dim + 1))
    home, spread = 0.3 * scales, np.diag(0.7 * scales**2)
    mean = home + keep * (training.mean(axis=0) - home)
    S = spread + keep * (np.atleast_2d(np.cov(training, rowvar=False)) - spread)
    return mean + rng.standard_normal((n, case.dim)) @ np.linalg.cholesky(S).T


def remember(rng, models, n, case):
    """Samples of the last models, a random number from each (theory.md 2.8)."""
    counts = rng.multinomial(n, np.full(len(models), 1 / len(models)))
    each = zip(models, counts, strict=True)
    return np.concatenate([draw(rng, x, k, case.loop.bias, case) for x, k in each])


def moved(rng, mean, n, case):
    """Real data about another mean."""
    return real_data(rng, n, case) + mean


def half_held(rng, training, case):
    """The training set, with half of its second half's rows replaced by real ones."""
    half, k = len(training) // 2, case.dim // 2
    out = training.copy()
    out[:half, k:] = real_data(rng, half, case)[:, k:]
    return out


def simulate(case, rng):
    """Real set, whether it is the first training set, and the files of the generations."""
    loop = case.loop
    first = real_data(rng, loop.n_initial, case)
    same = rng.random() < 0.5
    reference = first if same else real_data(rng, loop.n_initial, case)
    if case.generator == "pulled":  # at rest before the first file
        same, reference = False, real_data(rng, loop.n_initial, case)
        for _ in range(40):
            first = draw(rng, first, loop.n_synth, loop.bias, case)
    training, fixed, files, models = first, first[: loop.n_fixed], [], []
    for _ in range(case.generations):
        models = [*models, training][-loop.memory :]
        synthetic = remember(rng, models, loop.n_synth, case)
        file = draw(rng, training, loop.n_synth, loop.bias, case)
        if case.walks == "means":
            mean = training.mean(axis=0)
            synthetic, file = (moved(rng, mean, loop.n_synth, case) for _ in range(2))
        files.append(synthetic if case.files == "own" and loop.memory == 1 else file)
        if case.independent:
            training = real_data(rng, loop.n_synth, case)
            continue
        training = np.concatenate([fixed, real_data(rng, loop.n_fresh, case), synthetic])
        if case.walks == "half":
            training = half_held(rng, training, case)
        if loop.pool == "accumulate":
            fixed = training
    return reference, same, files


# ------------------------------------------------------------------------------------- the groups
def fully(rng, n):
    return fully_synthetic(n, bias=float(rng.choice([0.7, 0.9, 0.97, 1.0])))


def fresh(rng, n):
    n_real = max(2, round(n * float(rng.choice([0.1, 0.2, 0.5, 0.9]))))
    start = n if rng.random() < 0.5 else max(n_real, 6)
    bias = float(rng.choice([0.7, 0.9, 1.0]))
    return fresh_data(n_real, max(8, n - n_real), bias=bias, n_initial=start)


def little(rng, n):
    n_real = max(2, round(n / 20))
    return fresh_data(n_real, n - n_real, bias=float(rng.choice([0.9, 1.0])), n_initial=n)


def unbiased(rng, n):
    return fully_synthetic(1000)


def free(rng, n):
    return fully_synthetic(n)


def remembered(rng, n):
    return Loop(n_initial=n, n_synth=n, memory=3, bias=float(rng.choice([0.7, 0.9, 1.0])))


def fresh_remembered(rng, n):
    n_real = max(2, round(n * float(rng.choice([0.1, 0.2, 0.5, 0.9]))))
    bias = float(rng.choice([0.7, 0.9, 1.0]))
    return Loop(n_initial=n, n_fresh=n_real, n_synth=max(8, n - n_real), memory=3, bias=bias)


def kept(rng, n):
    return synthetic_augmentation(n // 2, n - n // 2, bias=float(rng.choice([0.7, 0.9, 1.0])))


def pool(rng, n):
    return synthetic_augmentation(n, n, bias=float(rng.choice([0.5, 0.7])), pool="accumulate")


#: Name: (loops, whether they are MAD, how a loop is made, features, generator, independent).
GROUPS = {
    "fully synthetic": (300, True, fully, "normal", "gaussian", False),
    "fresh data": (250, False, fresh, "normal", "gaussian", False),
    "independent models": (100, False, fully, "normal", "gaussian", True),
    "at rest where models pull": (100, False, free, "normal", "pulled", False),
    "slow unbiased collapse": (60, True, unbiased, "normal", "gaussian", False),
    "fully synthetic, mixture": (60, True, fully, "mixture", "kernel", False),
    "fresh data, mixture": (60, False, fresh, "mixture", "kernel", False),
    "fully synthetic, heavy tails": (60, True, fully, "heavy", "kernel", False),
    "fresh data, heavy tails": (60, False, fresh, "heavy", "kernel", False),
    "fully synthetic, systematic error": (60, True, fully, "normal", "off", False),
    "fresh data, systematic error": (60, False, fresh, "normal", "off", False),
    "fresh data, 5 %": (60, False, little, "normal", "gaussian", False),
    "fixed real data": (60, False, kept, "normal", "gaussian", False),
    "growing pool, bias": (60, True, pool, "normal", "gaussian", False),
    "fully synthetic, memory 3": (60, True, remembered, "normal", "gaussian", False),
    "fresh data, memory 3": (60, False, fresh_remembered, "normal", "gaussian", False),
    "means walk, covariance held": (60, True, free, "normal", "gaussian", False),
    "half of the directions walk": (60, True, free, "normal", "gaussian", False),
    "fully synthetic, words": (60, True, free, "words", "rows", False),
    "fresh data, words": (60, False, fresh, "words", "rows", False),
    "fully synthetic, skewed": (60, True, fully, "skewed", "kernel", False),
    "fresh data, skewed": (60, False, fresh, "skewed", "kernel", False),
}
#: What walks where not everything does.
WALKS = {"means walk, covariance held": "means", "half of the directions walk": "half"}


#: Groups that came later have their seeds after the others'.
LATER = ("at rest where models pull",)


def seed_of(group):
    """Number of a group among the seeds."""
    return [*sorted(set(GROUPS) - set(LATER)), *LATER].index(group)


def case_of(group, rng):
    _, _, make, features, generator, independent = GROUPS[group]
    n = int(rng.choice([60, 200, 600, 2000]))
    loop = make(rng, n)
    if independent:
        loop = fully_synthetic(n)
    return Case(
        loop=loop,
        dim=int(rng.choice([2, 8, 32])),
        generations=int(rng.choice([4, 6, 10, 15])),
        features=features,
        generator=generator,
        files=str(rng.choice(["own", "other"])),
        independent=independent,
        walks=WALKS.get(group, ""),
    )


def true_rate(case, same):
    """Drift of the log variances; exact for Gaussian models (theory.md 1.1), else None.

    The axes of the first training set suit the first of the independent models alone, which then
    differs from the later ones: no drift is the truth only where the real set is another.
    """
    odd = case.generator in ("kernel", "rows", "pulled") or case.walks or case.loop.memory > 1
    if odd or case.loop.n_real or (case.independent and same):
        return None
    if case.independent:
        return 0.0
    m = case.loop.n_synth - 1
    return math.log(case.loop.bias) + float(special.digamma(m / 2)) - math.log(m / 2)


def step_rate(case):
    """Drift of the log variance where synthetic data come from the last `memory` models."""
    m, k = max(2, case.loop.n_synth - 1), case.loop.memory
    each = case.loop.bias * math.exp(float(special.digamma(m / 2)) - math.log(m / 2))
    if k == 1 or case.loop.bias == 1:
        return math.log(each) if k == 1 else 0.0
    # c' = each (mean of the last k c) has the course r^t with this r.
    return math.log(optimize.brentq(lambda r: r**k - each / k * sum(r**j for j in range(k)), 0, 1))


def setting_of(case, series):
    """What the best test may know of a loop, all of it true, and its share of real data."""
    loop = case.loop
    n, share = loop.n_train, loop.n_real / loop.n_train
    if case.independent:
        n, share = loop.n_synth, 1.0
    seen = n / loop.n_synth
    if case.files == "own" and loop.memory == 1 and not case.independent:
        seen = 0.0
        if loop.n_real:
            n = 1 / (1 / loop.n_synth + share**2 / loop.n_real)
    rows = n * float((1 / series.rows).mean())
    known = Setting(
        means=series.mean_count,
        shapes=0.0 if case.walks else series.near_count or series.shape_count,
        noise=min(seen, rows),
        rows=rows,
        offset=n / series.real_rows,
        least=n * least_step(series, GROWTH),
        rate=0.0 if case.walks else step_rate(case),
        level=2 / n * series.sharing,
        memory=loop.memory,
    )
    return known, share


def known_of(case):
    """What a user may say of the loop; None where a part of the directions is another loop.

    That no real data enter is said of independent models too: a loop of which nothing grows.
    """
    loop = case.loop
    if case.walks == "half":
        return None
    if loop.pool == "accumulate":
        return Known(LONGEST)
    return Known(loop.memory, 0.0 if case.independent else loop.n_real / loop.n_train)


def best_power(case, mad, series, said=None):
    """How often the best test decides such loops; None where no law of theirs is known to it.

    `said`: what it is told. Nothing is to be decided where it is told that real data enter.
    """
    odd = case.walks == "half" or case.loop.pool == "accumulate" or case.generator == "pulled"
    if odd or not np.isfinite(series.log_variance).all():
        return None
    known, share = setting_of(case, series)
    if said is not None:
        if said.share:
            return None
        known = known._replace(known=True, alone=True)
    T = len(series.log_variance)
    if mad:
        return mad_power(known, T, ALPHA)
    return not_mad_power(known, max(audit.MARGIN, share), T, ALPHA)


def judge(group, seed):
    """One loop: case, what is found and the best test's power, both as is and where the loop is
    known, and whether the intervals hold the truth."""
    rng = np.random.default_rng(seed)
    case = case_of(group, rng)
    real, same, files = simulate(case, rng)
    series = audit.series_of(audit.axes_of(real), files)
    found = audit.infer(series, None, LEVEL, ALPHA)
    rate, holds = true_rate(case, same), {}
    if rate is not None:
        holds["rate"] = found.rate.low <= rate <= found.rate.high
        if not case.independent:
            holds["bias"] = found.bias.low <= case.loop.bias <= found.bias.high
    each, said, mad = (
        [(found, best_power(case, GROUPS[group][1], series))],
        known_of(case),
        GROUPS[group][1],
    )
    if said is not None:
        told = audit.infer(series, None, LEVEL, ALPHA, said)
        each.append((told, best_power(case, mad, series, said)))
    return case, each, holds


# -------------------------------------------------------------------------------------- the table
def bound(errors, n):
    """Upper end of the one-sided 95 % Clopper-Pearson interval."""
    return float(stats.beta.ppf(0.95, errors + 1, n - errors)) if errors < n else 1.0


def counted(verdicts, mad, best):
    """Verdicts of n loops, false ones, and those of the best test."""
    n, wrong = sum(verdicts.values()), verdicts["not_mad" if mad else "mad"]
    return {
        "loops": n,
        "mad": verdicts["mad"],
        "not_mad": verdicts["not_mad"],
        "undecided": verdicts["undecided"],
        "false": wrong,
        "false_rate_upper_95": round(bound(wrong, n), 4),
        "best_test": {
            "loops": len(best),
            "power": round(float(np.mean([b for b, _ in best])), 4) if best else None,
            "right": sum(right for _, right in best),
        },
    }


def run(group, n, start=0):
    """Verdicts and coverage of n loops of a group."""
    mad = GROUPS[group][1]
    verdicts, covered, seen = (Counter(), Counter()), Counter(), Counter()
    power, best = {}, ([], [])
    for i in range(n):
        case, each, holds = judge(group, [start, seed_of(group), i])
        for k, (found, bounded) in enumerate(each):
            verdicts[k][found.verdict] += 1
            right = found.verdict == ("mad" if mad else "not_mad")
            if bounded is not None:
                best[k].append((bounded, right))
            if k == 0:
                large = "large" if case.loop.n_train * case.dim >= 4800 else "small"
                long = "10 or 15" if case.generations >= 10 else "4 or 6"
                cell = power.setdefault(f"{large}, {long} generations", Counter())
                cell["loops"] += 1
                cell["right"] += right
        for name, hit in holds.items():
            covered[name] += bool(hit)
            seen[name] += 1
    return {
        **counted(verdicts[0], mad, best[0]),
        "covered": {name: [covered[name], seen[name]] for name in sorted(seen)},
        "right_by_size": {name: dict(power[name]) for name in sorted(power)},
        "known": counted(verdicts[1], mad, best[1]) if verdicts[1] else None,
    }


def main(share=1.0):
    start = time.perf_counter()
    with one_thread():
        groups = {}
        for name, (n, *_) in GROUPS.items():
            groups[name] = run(name, max(1, round(n * share)))
            print(
                name, json.dumps(groups[name]), f"{time.perf_counter() - start:.0f} s", flush=True
            )
    if share < 1:
        return
    record = {
        "script": "tests/golden/audit/errors.py",
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
        "alpha": ALPHA,
        "level": LEVEL,
        "margin": audit.MARGIN,
        "tolerance": audit.TOLERANCE,
        "groups": groups,
    }
    TABLE.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(float(x) for x in sys.argv[1:]))
