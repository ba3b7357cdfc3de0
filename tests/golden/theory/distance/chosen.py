"""Loops that choose: samples of a pool (a budget), models that a sample is drawn from (memory).

Run ``python -m tests.golden.theory.distance.chosen`` (five minutes on one core). The first four
were missed by what was declared, and showed what a budget passes on and that choices of models move
a batch's mean in no new direction; the others are drawn by a seed, of few dimensions and samples
with a budget and of low bias with memory (one had been missed, too). Replicates of the package's
exact sampler (with a budget every sample is drawn), E |mu|^2 and E tr Sigma exact, with tr Sigma as
in begun.py.
"""

import json
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from madtheory.simulate import simulate
from madtheory.theory import moments
from tests.golden.theory.distance.controls import halved

TABLE = Path(__file__).with_suffix(".json")
NAMES = ("w2_squared", "mean_sq", "trace")
SEED, COUNT, AT = 20261127, 12, (3, 6, 10)
POOL = {"pool": "accumulate"}
FOUND = [
    ("flat", 40, {"n_initial": 5, "n_fixed": 17, "n_synth": 108, "memory": 6, "bias": 0.0}),
    (
        "harmonic",
        40,
        {"n_initial": 18, "n_fixed": 3, "n_fresh": 6, "n_synth": 10, "memory": 8, "bias": 0.0}
        | {"pool_cap": 3, **POOL},
    ),
    ("flat", 1, {"n_initial": 50, "n_fresh": 5, "n_synth": 4, "budget": 13, **POOL}),
    (
        "flat",
        4,
        {"n_initial": 4, "n_fixed": 2, "n_fresh": 2, "n_synth": 2, "budget": 4, "bias": 0.99}
        | POOL,
    ),
]


def drawn():
    """(profile, dim, fields) of random loops."""
    rng = np.random.default_rng(SEED)

    def one(*of):
        return of[int(rng.integers(len(of)))]

    for i in range(COUNT):
        n_fixed, n_fresh = one((0, 5), (3, 3), (12, 0), (0, 10), (4, 2))
        fields = {"n_initial": one(4, 10, 50), "n_fixed": n_fixed, "n_fresh": n_fresh}
        if i % 2:
            fields |= {"n_synth": one(2, 4, 8), "bias": one(0.9, 1.0, 1.0), **POOL}
            fields["budget"] = n_fixed + int(fields["n_synth"] * one(1.5, 2.5, 3.5))
            yield "flat", one(1, 1, 2, 3), fields
        else:
            fields |= {"n_synth": one(10, 30, 100), "bias": one(0.0, 0.01, 0.1)}
            fields["memory"] = one(2, 4, 6)
            yield one("flat", "harmonic"), one(5, 12, 20), fields


def spectrum(name, dim):
    """Eigenvalues of Sigma_0."""
    return np.ones(dim) if name == "flat" else 1 / np.arange(1.0, dim + 1)


def simulated(loop, s, seed):
    """E W2^2 and its standard error at generations `AT`."""
    size = 60_000 if len(s) < 5 else 12_000
    options = {"replicates": size, "seed": seed, "record": NAMES, "keep_paths": True, "threads": 1}
    paths = simulate(loop, s, generations=AT[-1], at=AT, **options).paths
    first = moments.first_moments(loop, AT[-1], eigenvalues=s)
    for k, t in enumerate(AT):
        w2, mean, trace = (paths[name][:, k] for name in NAMES)
        off = trace - s.sum() * first.trace[t - 1]
        own, se = halved(w2 - mean - off + s.sum() * first.mean_sq[t - 1], off)
        yield [round(own, 7), round(se, 7)]


if __name__ == "__main__":
    rows = [
        json.dumps([name, dim, fields, *simulated(Loop(**fields), spectrum(name, dim), i)])
        for i, (name, dim, fields) in enumerate([*FOUND, *drawn()])
    ]
    TABLE.write_text("[\n" + ",\n".join(rows) + "\n]\n")
