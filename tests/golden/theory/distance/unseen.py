"""E W2^2 at random points of every family that set no constant: formula, precise, simulated.

Run ``python -m tests.golden.theory.distance.unseen PART`` for PART = 0..18; each rewrites its share
of unseen.json. Dimension, counts, bias and spectrum are drawn over the whole range for which
answers are given, by a seed of their own. The truth is simulated with exact means as controls
(sharp.py), beside the plain mean of the same runs. A limit is seen late (1e-5 of the start is left
at most, a hundredth of what is declared where that is less), a run's later generations count
together; where that takes too long, and where there is no limit, a generation is asked for. Its
error shall be a tenth of what is declared. At points that declare 1e-4 to 1e-9 that takes more than
40 s by the simulators' own estimate: there it is a thirtieth of the bound, or what six seconds
give. Two tables before this one, by other seeds, each found what theory said wrong (a weight; slow
memory, by a closure; laws of many samples, by rounding). That was mended, and this table was drawn
when all of it had been: nothing was set on it.
``unseen truth PART`` simulates alone, ``unseen answers PART`` asks theory alone anew. All of it
took 12 minutes of one core.
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
from tests.golden.theory.distance import sharp
from tests.golden.theory.distance.controls import write

TABLE = Path(__file__).with_suffix(".json")
PARTS, EACH, SEED = 18, 9, 20261203
#: Of the simulations.
RUNS = 20261204
FAMILIES = ("synthetic", "fresh", "augmentation", "growing", "both", "memory", "weight", "capped")
COLUMNS = ["family", "dim", "spikes", "loop", "t", "formula", "precise", *sharp.Truth._fields]
#: Of the start a limit's first simulated generation has this; the simulator's work to there.
LEFT, MOST_WORK = 1e-5, 3e8
#: Seconds, as sharp.SECONDS, of a point whose error is beyond a tenth of the bound then.
LONGER = (2.0, 6.0, 160.0)
#: Error of a simulation over the declared one or, beyond reach, the bound; least LEFT, and share.
SHARE, CLOSER = 0.1, (1e-9, 0.01)
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


def late(loop, s, left=LEFT):
    """Generations at which a limit is looked at; None where there is none, or too late."""
    if not loop.is_stationary or not loop.n_real:
        return None
    rate = moments.forgetting_rate(loop)
    if not rate < 1:
        return None
    T = max(math.ceil(math.log(left) / math.log(rate)), 4) if rate > 0 else 4
    # A fixed set is never forgotten: other generations of the same run say little more.
    at = T + max(T // 12, 1) * np.arange(4 if loop.n_fixed else 20)
    return at if left < LEFT or Gaussian(loop, s).work(int(at[-1])) < MOST_WORK else None


def answer(loop, s, t, precise=False):
    """[value, declared relative error, seconds] of a generation, or of the limit."""
    start = time.process_time()
    if t is None:
        found = distance.w2_squared_limit(loop, s, precise=precise)
    else:
        found = distance.w2_squared(loop, s, generations=t, precise=precise)
    took = time.process_time() - start
    return [float(found.value.flat[-1]), float(found.rel_error.flat[-1]), round(took, 3)]


def outside(answer, mean, se):
    """By how many errors of the simulation an answer lies beyond what it declares."""
    return (abs(answer[0] - mean) - answer[1] * answer[0]) / se


def answers(loop, s, t):
    """The formula's answer, and where that is beyond the bounds the precise one."""
    formula = min((answer(loop, s, t) for _ in range(2)), key=itemgetter(2))  # imported, compiled
    if formula[1] <= BOUNDS[s.size >= 20]:
        return formula, None
    simulate(loop, s, generations=2, replicates=2, threads=1)  # compiles
    return formula, answer(loop, s, t, precise=True)


def simulated(seed, dim, spikes, fields, t, declared):
    """The truth of one point: a tenth of what is declared or, beyond reach, of the bound."""
    loop, s = Loop(**fields), profile(dim, spikes)
    closer = min(max(CLOSER[1] * declared, CLOSER[0]), LEFT)
    at = late(loop, s, closer) if t is None else np.array([t])
    errors = SHARE * max(declared, 1e-15), SHARE * BOUNDS[dim >= 20] / 3
    found = sharp.truth(loop, s, at, RUNS + seed, errors)
    if found.se > BOUNDS[dim >= 20] / 10 * found.mean:
        found = sharp.truth(loop, s, at, RUNS + seed, errors, LONGER)
    return list(found)


def answered(_seed, row):
    """The same point with the answers that are given now."""
    _, dim, spikes, fields, t, *old = row
    found = answers(Loop(**fields), profile(dim, spikes), t)
    if found[0][:2] != old[0][:2] or found[1] != old[1]:
        print(*row[:5], *old[:2], "now", *found, *old[2:4], flush=True)
    return [*row[:5], *found, *old[2:]]


def resimulated(seed, row):
    """The same point simulated anew."""
    _, dim, spikes, fields, t, formula, precise, *_ = row
    found = simulated(seed, dim, spikes, fields, t, (precise or formula)[1])
    print(*row[:7], *found, flush=True)
    return [*row[:7], *found]


def drawn(seed, family, dim, spikes, fields, t):
    """One point without its truth; see COLUMNS."""
    loop, s = Loop(**fields), profile(dim, spikes)
    t = t if late(loop, s) is None else None
    return [family, dim, spikes, fields, t, *answers(loop, s, t)]


def main(asked, part):
    """Rewrite one part: whole, or what is simulated, or what theory answers."""
    cases, table = share(part), json.loads(TABLE.read_text())
    rows = table.get(f"part {part}") if asked else [drawn(*case) for case in cases]
    change = answered if asked == "answers" else resimulated
    write(TABLE, part, COLUMNS, [change(case[0], x) for case, x in zip(cases, rows, strict=True)])


if __name__ == "__main__":
    main("".join(sys.argv[1:-1]), int(sys.argv[-1]))
