"""Simulated W2 fidelity of loops that no constant was set by: do the declared errors cover them?

Run ``python -m tests.golden.theory.distance.coverage PART`` for PART = 0..3 (a minute or two each
on one core); each rewrites its share of coverage.json. Random loops by the sampler of mixed.py, off
its grid; Sigma_0 is flat, harmonic, or has one direction of 10 or 300 times the others' variance.
"""

import sys
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from tests.golden.theory.distance.controls import write
from tests.golden.theory.distance.mixed import profiles, simulate

TABLE = Path(__file__).with_suffix(".json")
PARTS, CASES = 4, 160
COLUMNS = ["dim", "loop", "t", "profile", "fidelity", "se"]


def count(rng, least, most):
    """An integer, uniform in its logarithm."""
    return int(np.exp(rng.uniform(np.log(least), np.log(most + 1))))


def cases():
    """(seed, dim, fields of a loop) of every case; a third are fresh data loops with memory 1."""
    rng = np.random.default_rng(2026)
    for seed in range(CASES):
        fields = {"n_synth": count(rng, 4, 400), "bias": round(rng.uniform(0.2, 1.0), 3)}
        fields["n_fresh"] = count(rng, 2, 200)
        if seed % 3:
            fields["n_fixed"] = count(rng, 2, 200) if rng.random() < 0.7 else 0
            fields["n_fresh"] *= int(rng.random() < (0.5 if fields["n_fixed"] else 0.9))
            fields["memory"] = (1, 1, 1, 1, 2, 5, None)[rng.integers(7)]
            if rng.random() < 0.4:
                fields |= {"pool": "accumulate", "pool_cap": (None, 2, 6)[rng.integers(3)]}
            if fields["n_fixed"] and rng.random() < 0.3:
                fields["weight"] = round(rng.uniform(0.1, 0.9), 3)
            if rng.random() < 0.12:
                fields["shrinkage"] = round(rng.uniform(0.05, 0.6), 3)
            if rng.random() < 0.12:
                fields["floor"] = round(rng.uniform(0.01, 0.3), 3)
            fields["ddof"] = int(rng.integers(2))
        real = fields.get("n_fixed", 0) + fields["n_fresh"]
        fields["n_initial"] = count(rng, 3, 200) if rng.random() < 0.5 else max(real, 4)
        yield seed, count(rng, 1, 40), fields


def rows(part):
    for seed, dim, fields in list(cases())[part::PARTS]:
        loop = Loop(**fields)
        models = loop.memory or 12
        work = dim * (loop.n_synth * models + loop.n_fixed + loop.n_fresh) + dim**2.5
        size = int(np.clip(2e6 / work, 100, 5_000))
        names = profiles(loop, dim, "harmonic", "10", "300")
        for t, name, mean, se in simulate(loop, dim, (2, 5, 12), size, [2026, seed], names):
            yield [dim, fields, t, name, round(mean, 8), round(se, 8)]


if __name__ == "__main__":
    write(TABLE, int(sys.argv[1]), COLUMNS, list(rows(int(sys.argv[1]))))
