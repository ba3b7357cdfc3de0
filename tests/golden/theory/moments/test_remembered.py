"""Second moments of loops that remember more than is exact: does the declared error cover?"""

import json
from pathlib import Path

import numpy as np

from tests.golden.theory.moments.remembered import compared

LINES = Path(__file__).with_name("remembered.jsonl").read_text(encoding="utf-8").splitlines()


def test_the_declared_error_covers_on_a_table_that_set_nothing_and_is_tight():
    # Every third one: each takes some .3 s.
    rows = [json.loads(line) for line in LINES[::3]]
    pairs = [compared(row) for row in rows]
    assert all(pair is not None for pair in pairs)
    off, declared = np.array(pairs).swapaxes(0, 1)
    noise = np.array([row["error"] for row in rows])
    assert (off[:, :2] <= 1e-9 + 4 * noise[:, :2]).all()
    covered = (off <= declared + 3 * noise)[:, 2:]
    assert covered.mean() >= 0.99
    # What is off is no small part of what is declared, where that is large.
    assert np.median(declared[:, 2:]) < 0.01
    solved = noise[:, 2:].max(axis=1) == 0
    assert (off / np.maximum(declared, 1e-300))[solved, 2:].max() > 0.3
