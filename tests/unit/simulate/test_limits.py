"""Absurd sizes are refused before they are begun; whatever fits is not."""

import math

import numpy as np
import pytest

from madtheory.loop import fresh_data, synthetic_augmentation
from madtheory.simulate import limits, request, simulate, simulate_plain


def test_a_year_is_the_most(monkeypatch):
    limits.check_work(limits.YEAR)
    for work in (1.01 * limits.YEAR, math.inf, math.nan):
        with pytest.raises(ValueError, match="at most a year of one processor, got some"):
            limits.check_work(work)
    for route in (simulate, simulate_plain):
        for sizes in (
            {"generations": 2**53, "replicates": 1},
            {"generations": 1, "replicates": 2**53},
        ):
            with pytest.raises(ValueError, match="at most a year of one processor"):
                route(fresh_data(9, 9), np.ones(2), **sizes)


@pytest.mark.parametrize("n_bytes", [0.0, 2.0**30, 1.01 * 2.0**30, math.inf])
def test_memory_of_the_machine(monkeypatch, n_bytes):
    monkeypatch.setattr(limits, "machine_bytes", lambda: 2.0**30)
    if n_bytes <= 2**30:
        limits.check_memory(n_bytes)
        return
    with pytest.raises(ValueError, match=r"must fit into 1 GiB of memory, got some (inf|1.01) GiB"):
        limits.check_memory(n_bytes)
    with pytest.raises(ValueError, match=r"^n_synth, dim, generations and threads must fit"):
        limits.check_memory(n_bytes, data=True)
    assert limits.machine_bytes() > 0


def test_what_is_counted():
    """Matrices of a thread, lists of chunks that wait, paths, and the data of a budget."""

    def size(loop, threads=1, *, dim=2, replicates=1, T=3, **how):
        given = {"generations": T, "replicates": replicates, "record": ["trace"]}
        plan, _ = request.make_plan(loop, np.ones(dim), **given)
        return request.bytes_of(plan, threads, **{"data": False, **how}) / 8

    plain = fresh_data(9, 9)
    one = (16 + 1) * 4 + 2 * 3
    assert size(plain) == one + 5 * 2 * 3
    assert size(plain, 4) == 4 * one + 11 * 2 * 3
    assert size(plain, keep_paths=True, replicates=50) == size(plain) + 50 * 3
    assert size(fresh_data(9, 9, memory=2)) == size(plain) + 4
    assert size(fresh_data(9, 9, memory=None)) == size(plain) + 2 * 4
    pool = {"pool": "accumulate", "budget": 20}
    drawn = synthetic_augmentation(9, 100, **pool)
    assert size(drawn, data=True) == size(drawn) + 2 * 2 * (9 + 9 + 3 * 100)
    capped = synthetic_augmentation(9, 100, pool="accumulate", pool_cap=2)
    assert size(capped) == size(synthetic_augmentation(9, 100, pool="accumulate")) + 2 * 2 * 4
