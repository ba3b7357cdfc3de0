"""E W2^2 at random points of every family that set no constant: formula, precise, simulated.

Run ``python -m tests.golden.theory.distance.unseen PART`` for PART = 0..18 (a minute each on one
core; 17 has not been run); each rewrites its share of unseen.json. Dimension, counts, bias and
spectrum are drawn over the whole range for which answers are given, by a seed of their own. The
truth is a plain mean over runs of the simulators, without controls: of W2^2, or, where a few rare
paths make tr Sigma, of the fidelity beside exact first moments. A limit is seen late (1e-5 of the
start is left at most), a run's later generations count together; where that takes too long, and
where there is no limit, a generation is asked for. It is run until its error is a tenth of what is
declared, or for 6 s (parts 1 and 3 for 25 s, 0, 2 and 4 for 12, 5 to 13 for 8). ``unseen again``
simulates what then lies outside by more than two errors alone for 30 s by another seed, and that
counts, whatever it says; one of two such points was (2.8 errors, then .1), the other stands (2.1).
``unseen answers`` asks theory alone anew: what is simulated stays as it is, and sets nothing.
"""

import json
import math
import sys
import time
from operator import itemgetter
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from madtheory.simulate import simulate
from madtheory.simulate.request import Gaussian
from madtheory.theory import distance, moments
from tests.golden.theory.distance.controls import write

TABLE = Path(__file__).with_suffix(".json")
PARTS, EACH, SEED = 18, 9, 20261127
FAMILIES = ("synthetic", "fresh", "augmentation", "growing", "both", "memory", "weight", "capped")
COLUMNS = ["family", "dim", "spikes", "loop", "t", "formula", "precise", "truth", "se", "how"]
#: Of the start a limit's first simulated generation has this; simulator's work of one run to there.
LEFT, MOST_WORK = 1e-5, 3e8
#: Seconds of a point; error of a simulation over the declared one; most runs at once.
SECONDS, SHARE, BATCH = 6.0, 0.1, 20_000
#: Declared errors that are asked for, below d = 20 and from there on.
BOUNDS = (0.01, 0.003)


def count(rng, low, high):
    """An integer, uniform in its logarithm."""
    return round(math.exp(rng.uniform(math.log(low), math.log(high))))


def fields_of(rng, family, dim):
    """Fields of a random loop of a family."""
    least = 2 if family in ("synthetic", "weight") else 1
    real = max(count(rng, max(dim / 4, 1), 1e6), least)
    fields = {"n_synth": max(count(rng, 1, 1e7), least), "n_initial": max(real, 2)}
    fields["bias"] = (1.0, 1.0, 1.0, 0.0, *[round(rng.uniform(), 3)] * 6)[rng.integers(10)]
    fields["ddof"] = int(rng.random() < 0.8)
    kept = {"augmentation": 1.0, "both": rng.uniform(0.1, 0.9), "fresh": 0.0}
    fixed = round(real * kept.get(family, (0.0, 1.0, 0.5)[rng.integers(3)]))
    if family != "synthetic":
        fields |= {"n_fixed": fixed, "n_fresh": real - fixed}
    if family == "memory":
        fields["memory"] = (2, 3, 5, None)[rng.integers(4)]
    if family == "weight":
        fields["weight"] = round(rng.uniform(0.05, 0.95), 2)
    if family in ("growing", "capped"):
        fields["pool"] = "accumulate"
    if family == "capped":
        fields |= {"pool_cap": (2, 3, 6)[rng.integers(3)], "memory": (1, 1, 2)[rng.integers(3)]}
    return fields


def cases():
    """(seed, family, dim, spikes, fields, t) of every point; a limit may be asked for instead."""
    rng = np.random.default_rng(SEED)
    for seed in range((EACH + 1) * len(FAMILIES)):
        family = FAMILIES[seed % len(FAMILIES)]
        dim = count(rng, 1, 300) if seed < EACH * len(FAMILIES) else 1
        spikes = [int(rng.integers(1, 4)), round(math.exp(rng.uniform(1, 7)), 1)]
        spikes = spikes if rng.random() < 0.5 and dim > spikes[0] else [0, 1.0]
        yield seed, family, dim, spikes, fields_of(rng, family, dim), count(rng, 2, 40)


def share(part):
    """The points of a part; the last part has those of d = 1, of which none had been drawn."""
    found, most = list(cases()), EACH * len(FAMILIES)
    return found[part:most:PARTS] if part < PARTS else found[most:]


def profile(dim, spikes):
    """Eigenvalues of Sigma_0: some directions of the same larger variance, and ones."""
    return np.r_[np.full(spikes[0], spikes[1]), np.ones(dim - spikes[0])]


def late(loop, s):
    """Generations at which a limit is looked at; None where there is none, or too late."""
    if not loop.is_stationary or not loop.n_real:
        return None
    rate = moments.forgetting_rate(loop)
    if not rate < 1:
        return None
    T = max(math.ceil(math.log(LEFT) / math.log(rate)), 4) if rate > 0 else 4
    # A fixed set is never forgotten: other generations of the same run say little more.
    at = T + max(T // 12, 1) * np.arange(4 if loop.n_fixed else 20)
    return at if Gaussian(loop, s).work(int(at[-1])) < MOST_WORK else None


def answer(loop, s, t, precise=False):
    """[value, declared relative error, seconds] of a generation, or of the limit."""
    start = time.process_time()
    if t is None:
        found = distance.w2_squared_limit(loop, s, precise=precise)
    else:
        found = distance.w2_squared(loop, s, generations=t, precise=precise)
    took = time.process_time() - start
    return [float(found.value.flat[-1]), float(found.rel_error.flat[-1]), round(took, 3)]


def runs(loop, s, at, size, seed):
    """W2^2, and it less |mu|^2 and tr Sigma, and tr Sigma, of runs; means over generations."""
    record = ("w2_squared", "mean_sq", "trace")
    found = simulate(
        loop, s, generations=int(at[-1]), replicates=size, seed=seed, threads=1,
        record=record, at=at.tolist(), keep_paths=True,
    ).paths  # fmt: skip
    W, m, C = (found[name].mean(axis=1) for name in record)
    return np.stack([W, W - m - C, C])


def estimate(x, exact):
    """Mean, its error and how: of W2^2, or of fidelity beside exact first moments."""
    mean, se = x.mean(axis=1), x.std(axis=1, ddof=1) / math.sqrt(x.shape[1])
    trace, first = exact
    rare = x[2].var() > 0.5 * mean[2] ** 2 or abs(mean[2] - trace) > 4 * se[2] + 1e-9 * trace
    return (mean[1] + first, se[1], "fidelity") if rare else (mean[0], se[0], "w2")


def truth(loop, s, at, declared, seed, seconds=SECONDS):
    """Mean, standard error, how, and number of runs."""
    first = moments.first_moments(loop, int(at[-1]), eigenvalues=s)
    total = s.sum() * np.array([first.trace, first.trace + first.mean_sq])[:, at - 1].mean(axis=1)
    runs(loop, s, at[:1], 2, 0)  # compiles
    start, parts, size = time.process_time(), [], 30
    while True:
        parts.append(runs(loop, s, at, size, 1000 * seed + len(parts)))
        x, took = np.concatenate(parts, axis=1), time.process_time() - start
        mean, se, how = estimate(x, total)
        left = min((se / max(SHARE * declared * mean, 1e-100)) ** 2, seconds / took) - 1
        if left < 0.1:
            return mean, se, how, x.shape[1]
        size = int(np.clip(left * x.shape[1], 30, min(3 * x.shape[1], BATCH)))


def outside(answer, mean, se):
    """By how many errors of the simulation an answer lies beyond what it declares."""
    return (abs(answer[0] - mean) - answer[1] * answer[0]) / se


def again(row, seed):
    """The same point with another simulation, if one of its answers is far outside."""
    _, dim, spikes, fields, t, formula, precise, mean, se, _ = row
    if max(outside(x, mean, se) for x in (formula, precise or formula)) <= 2:
        return row
    loop, s = Loop(**fields), profile(dim, spikes)
    at = late(loop, s) if t is None else np.array([t])
    mean, se, how, size = truth(loop, s, at, (precise or formula)[1], 2 * SEED + seed, 30.0)
    print(*row, "again", mean, se, flush=True)
    return [*row[:7], mean, se, f"{how}, {size} runs, again"]


def answers(loop, s, t):
    """The formula's answer, and where that is beyond the bounds the precise one."""
    formula = min((answer(loop, s, t) for _ in range(2)), key=itemgetter(2))  # imported, compiled
    if s.size == 1 or formula[1] <= BOUNDS[s.size >= 20]:
        return formula, None
    runs(loop, s, np.array([2]), 2, 0)  # compiles
    return formula, answer(loop, s, t, precise=True)


def answered(row, _seed):
    """The same point with the answers that are given now."""
    family, dim, spikes, fields, t, *old = row
    found = answers(Loop(**fields), profile(dim, spikes), t)
    if found[0][:2] != old[0][:2] or found[1] != old[1]:
        print(family, dim, spikes, fields, t, *old[:2], "now", *found, *old[2:4], flush=True)
    return [*row[:5], *found, *old[2:]]


def row(seed, family, dim, spikes, fields, t):
    """One point; see COLUMNS."""
    loop, s = Loop(**fields), profile(dim, spikes)
    at = late(loop, s)
    t = t if at is None else None
    at = np.array([t]) if at is None else at
    formula, precise = answers(loop, s, t)
    mean, se, how, size = truth(loop, s, at, (precise or formula)[1], SEED + seed)
    print(family, dim, spikes, fields, t, formula, precise, mean, se, how, size, flush=True)
    return [family, dim, spikes, fields, t, formula, precise, mean, se, f"{how}, {size} runs"]


def main(asked):
    """Rewrite one part, or of all parts what is simulated again, or what theory answers."""
    change = {"again": again, "answers": answered}.get(asked)
    if change is None:
        part = int(asked)
        write(TABLE, part, COLUMNS, [row(*case) for case in share(part)])
        return
    table = json.loads(TABLE.read_text())
    for part in (x for x in range(PARTS + 1) if f"part {x}" in table):
        seeds = (case[0] for case in share(part))
        rows = [change(*x) for x in zip(table[f"part {part}"], seeds, strict=True)]
        if rows != table[f"part {part}"]:
            write(TABLE, part, COLUMNS, rows)


if __name__ == "__main__":
    main(sys.argv[1])
