"""Precise simulations of a few fresh data loops: do the equivalent's small errors cover them?

Run ``python -m tests.golden.theory.distance.precise PART`` for PART = 0..11 (some ten seconds each
on one core); each rewrites its share of precise.json. The sampler and its control variates are
those of fresh.py; the loops are none of that table, with standard errors of some .01 % of E W2^2.
"""

import sys
from pathlib import Path

import numpy as np

from madtheory.loop import fresh_data
from tests.golden.theory.distance.controls import write
from tests.golden.theory.distance.fresh import COLUMNS, simulate

TABLE = Path(__file__).with_suffix(".json")
PARTS = 12


def case(part):
    """(dim, n_real, n_synth, bias): n_real from a quarter of dim to ten times it."""
    rng = np.random.default_rng([5, part])
    dim = int(np.exp(rng.uniform(np.log(4), np.log(41))))
    n_r, n_s = (int(dim * np.exp(rng.uniform(np.log(0.25), np.log(10)))) + 2 for _ in range(2))
    return dim, n_r, n_s, (1.0, round(rng.uniform(0.3, 1.0), 2))[part % 2]


def rows(part):
    dim, n_r, n_s, lam = case(part)
    loop, size = fresh_data(n_r, n_s, bias=lam), int(np.clip(400_000 / dim**1.6, 500, 20_000))
    for t, name, mean, se in simulate(loop, dim, (2, 8), size, [5, part]):
        yield [dim, n_r, n_s, lam, loop.n_initial, t, name, round(mean, 9), round(se, 9)]


if __name__ == "__main__":
    write(TABLE, int(sys.argv[1]), COLUMNS, list(rows(int(sys.argv[1]))))
