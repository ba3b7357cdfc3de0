"""Loops that begin with few samples, at generations 2, 3 and 4, simulated.

Run ``python -m tests.golden.theory.distance.begun PART`` for PART = 0, 1, 2 (two minutes each on
one core). Part 0 set by how much a diluted first fit counts. Part 1 showed that more is to be
declared where n_synth is 2 to 4, which was set on part 0; part 2 was drawn afterwards. 300,000
replicates (100,000 from d = 6 on) of the package's exact sampler, E |mu|^2 and E tr Sigma exact;
tr Sigma less its exact mean is a control of one half with the coefficient of the other.
"""

import json
import sys
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from madtheory.simulate import simulate
from madtheory.theory import moments
from tests.golden.theory.distance.controls import halved

PARTS = (101, 202, 303)
COUNT, AT = 60, (2, 3, 4)
NAMES = ("w2_squared", "mean_sq", "trace")


def table(part):
    """Its file."""
    return Path(__file__).with_name(f"begun_{('set', 'held', 'last')[part]}.json")


def drawn(part):
    """(eigenvalues, fields of the loop) of every case."""
    rng = np.random.default_rng(PARTS[part])

    def one(*of):
        return of[int(rng.integers(len(of)))]

    for _ in range(COUNT):
        dim, first = one(1, 2, 2, 3, 3, 4, 6, 10), one(2, 2, 2, 3, 4, 6)
        fields = {"n_initial": first, "n_synth": one(2, 4, 6, 10, 30)}
        fields |= {"n_fixed": one(0, 0, 2, 6, 20, 40), "n_fresh": one(4, 10, 20, 40)}
        fields["bias"] = one(0.5, 0.9, 1.0)
        kind = one("plain", "plain", "plain", "memory", "pool", "weight")
        if kind == "memory":
            fields["memory"] = one(2, 3)
        elif kind == "pool":
            fields |= {"pool": "accumulate", "pool_cap": one(2, 3)}
        elif kind == "weight":
            fields["weight"] = one(0.3, 0.5, 0.8)
        yield one([1.0] * dim, [1.0] * dim, [round(0.6**i, 4) for i in range(dim)]), fields


def simulated(loop, s, seed):
    """E W2^2 and its standard error at generations `AT`."""
    size, d = 300_000 if len(s) < 6 else 100_000, sum(s)
    options = {"replicates": size, "seed": seed, "record": NAMES, "keep_paths": True}
    paths = simulate(loop, s, generations=AT[-1], at=AT, **options).paths
    first = moments.first_moments(loop, AT[-1])
    for k, t in enumerate(AT):
        w2, mean, trace = (paths[name][:, k] for name in NAMES)
        y, control = w2 - mean + d * first.mean_sq[t - 1], trace - d * first.trace[t - 1]
        yield [round(x, 7) for x in halved(y, control)]


if __name__ == "__main__":
    part = int(sys.argv[1])
    rows = [
        json.dumps([s, fields, *simulated(Loop(**fields), s, 1000 * part + i)])
        for i, (s, fields) in enumerate(drawn(part))
    ]
    table(part).write_text("[\n" + ",\n".join(rows) + "\n]\n")
