"""Declared errors of loops with a budget cover a table that set no constant."""

import json

from madtheory.loop import Loop
from madtheory.theory import distance, moments
from tests.golden.theory.distance.controls import by_loop, profile
from tests.golden.theory.distance.subsampled import table


def test_declared_errors_cover_what_set_none_of_them():
    found = []
    for (dim, fields, name), rows in by_loop(json.loads(table("last").read_text())).items():
        if name == "flat":
            loop, s = Loop(**json.loads(fields)), profile(name, dim)
            w2 = distance.w2_squared(loop, s, generations=8)
            first = moments.first_moments(loop, 8)
            for t, fidelity, se in rows:
                whole = 1 + first.mean_sq[t - 1] + first.trace[t - 1] - 2 * fidelity
                off = abs(w2.value[t - 1] - dim * whole) - 4 * dim * se
                found.append((off, w2.rel_error[t - 1] * w2.value[t - 1], w2.value[t - 1]))
    assert len(found) == 96
    assert sum(off > error for off, error, _ in found) <= 2
    assert sorted(error / value for _, error, value in found)[48] < 0.12
