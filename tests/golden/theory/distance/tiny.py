"""Precise limits of fresh data loops of a few samples in a few dimensions: what decides there.

Run ``python -m tests.golden.theory.distance.tiny PART`` for PART = 0, 1 (three minutes each on one
core); each rewrites its share of tiny.json. Part 0 set how exact second moments count in
distance.equivalent, part 1 set nothing. 200,000 replicates of the package's exact sampler at a
generation at which 2e-5 of the start is left, E |mu|^2 and E tr Sigma exact, tr Sigma less its
exact mean a control with the coefficient of 20,000 others.
"""

import math
import sys
from pathlib import Path

import numpy as np

from madtheory.loop import fresh_data
from madtheory.simulate import simulate
from madtheory.theory import moments
from tests.golden.theory.distance.controls import write

TABLE = Path(__file__).with_suffix(".json")
COLUMNS = ["dim", "n_real", "n_synth", "bias", "t", "w2_squared", "se"]
PARTS = ((11, 34), (12, 30))
NAMES = ("w2_squared", "mean_sq", "trace")


def cases(part):
    """(dim, n_real, n_synth, bias) of every case."""
    seed, count = PARTS[part]
    rng = np.random.default_rng(seed)
    for _ in range(count):
        dim, n_real = int(rng.integers(1, 4)), int(rng.integers(2, 7))
        n_synth = int(np.exp(rng.uniform(np.log(3), np.log(31))))
        yield dim, n_real, n_synth, float(rng.choice([0.9, 0.95, 1.0, 1.0]))


def simulated(loop, dim, seed):
    """Generation, E W2^2 there, and its standard error."""
    t = max(6, math.ceil(math.log(2e-5) / math.log(max(moments.forgetting_rate(loop), 0.01))))
    first = moments.first_moments(loop, t)
    mean, trace = dim * first.mean_sq[-1], dim * first.trace[-1]
    found, share = [], None
    for batch, size in enumerate((20_000, 100_000, 100_000)):
        paths = simulate(
            loop,
            np.ones(dim),
            generations=t,
            replicates=size,
            seed=1000 * seed + batch,
            at=[t],
            record=NAMES,
            keep_paths=True,
        ).paths
        w2, own_mean, own_trace = (paths[name][:, 0] for name in NAMES)
        y, control = w2 - own_mean - own_trace + mean + trace, own_trace - trace
        if share is None:
            share = np.polyfit(control, y, 1)[0]
        else:
            found.append(y - share * control)
    y = np.concatenate(found)
    return t, y.mean(), y.std() / math.sqrt(y.size)


def rows(part):
    """One a case."""
    for i, (dim, n_real, n_synth, bias) in enumerate(cases(part)):
        loop = fresh_data(n_real, n_synth, bias=bias)
        t, mean, se = simulated(loop, dim, i + 1)
        yield [dim, n_real, n_synth, bias, t, round(mean, 7), round(se, 7)]


if __name__ == "__main__":
    write(TABLE, int(sys.argv[1]), COLUMNS, list(rows(int(sys.argv[1]))))
