"""Second moments of loops that remember much: the declared error against exact values."""

import json
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from madtheory.theory.moments import INVARIANTS, second_moments_limit, second_moments_rel_error

ROWS = json.loads(Path(__file__).with_name("closure.json").read_text(encoding="utf-8"))
#: The two that the command line prints.
PRINTED = [INVARIANTS.index(name) for name in ("trace_squared", "squared_trace")]


def test_the_declared_error_covers_on_a_table_that_did_not_set_it_and_is_tight():
    # The first twenty: each takes some .3 s.
    off, declared = [], []
    for row in ROWS[:20]:
        loop, dim = Loop(**row["loop"]), row["dim"]
        found = second_moments_limit(loop, dim)
        off.append(np.abs(found / np.array(row["exact"]) - 1))
        declared.append(second_moments_rel_error(loop, dim))
    off, declared = np.array(off), np.array(declared)
    np.testing.assert_allclose(off[:, :2], 0, atol=1e-10)
    covered = off[:, 2:] <= declared[:, 2:]
    assert covered.mean() >= 0.97
    # Printed errors: small at the median, and what is off is not a small part of the largest.
    assert np.median(declared[:, PRINTED]) < 0.03
    assert (off / np.maximum(declared, 1e-300))[:, PRINTED].max() > 0.3
