"""E W2^2 by simulation with controls: against exact values, other simulations, at what cost."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.theory import moments
from madtheory.theory.distance import precise, w2_squared, w2_squared_limit
from tests.golden.theory.distance import families
from tests.golden.theory.distance.controls import by_loop, profile


def test_declared_errors_cover_exact_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """At d = 1 all is known: 40 small simulations of four generations that hardly depend."""
    monkeypatch.setattr(precise, "_ENOUGH", 0.1)  # the first replicates are enough
    loop, at = fully_synthetic(6, bias=0.9), np.array([1, 3, 8])
    exact = w2_squared(loop, [1.0], generations=8)
    assert (exact.rel_error == 0).all()
    truth, z = exact.value[at - 1], []
    for seed in range(60):
        found = precise._simulated(loop, np.ones(1), at, truth, seed, together=False)
        assert found is not None
        z.append((found[0] - truth) / found[1])
    # A hundredth is outside at most, of which three standard errors leave a third.
    assert (np.abs(z) > 1).sum() <= 4
    assert 0.7 / 3 < np.std(z) < 1.3 / 3  # neither too large nor too small


def test_controls_have_the_means_that_they_are_said_to_have() -> None:
    loop, s = synthetic_augmentation(6, 9, bias=0.9), np.array([3.0, 1.0, 0.5])
    means, first = precise._means(loop, s, 4)
    assert np.isfinite(means).all()
    assert (means[:2] == first).all()
    at, rows = np.array([2, 4]), []
    for paths in islice(precise._batches(loop, s, at, 5), 3):
        rows.append(precise._controls(paths, means[:, at - 1]))
    x = np.concatenate(rows, axis=1)
    error = x.std(axis=1) / np.sqrt(x.shape[1])
    assert (np.abs(x.mean(axis=1)) < 4.5 * error).all()
    assert (error < 0.03).all()
    heavy = precise._means(fully_synthetic(4), np.ones(2), 9)[0]
    assert np.isfinite(heavy[:, 0]).all()
    assert np.isnan(heavy[:, -1]).all()


def test_another_simulation_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a sampler that shares no code: three dimensions at most, unequal spectra too."""
    monkeypatch.setattr(precise, "_ENOUGH", 0.01)
    rows = []
    table = by_loop(json.loads(families.table("last").read_text()))
    small = [(key, found) for key, found in table.items() if key[0] <= 3]
    for (dim, fields, kind), simulated in small[::4]:
        loop, s = Loop(**json.loads(fields)), profile(kind, dim)
        T = simulated[0][0]
        e = w2_squared(loop, s, generations=T, precise=True, seed=len(rows))
        first = moments.first_moments(loop, T)
        t, fidelity, se = simulated[0]
        truth = s.sum() * (first.mean_sq[t - 1] + first.trace[t - 1] + 1 - 2 * fidelity)
        rows.append(
            (abs(e.value[t - 1] - truth) / truth, e.rel_error[t - 1], 2 * s.sum() * se / truth)
        )
    off, declared, noise = np.array(rows).T
    assert len(off) >= 4
    assert (off <= np.hypot(declared, 3 * noise)).all()
    assert (declared < 0.012).all()


LOOP, SPECTRUM = synthetic_augmentation(4, 6, bias=0.7), [2.0, 1.0]


def test_a_precise_answer_is_within_what_was_declared_and_sharper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precise, "_ENOUGH", 0.01)
    plain, sharp = (w2_squared(LOOP, SPECTRUM, generations=5, precise=x) for x in (False, True))
    assert (np.abs(sharp.value / plain.value - 1) <= plain.rel_error + sharp.rel_error).all()
    assert plain.rel_error.max() > 0.01
    assert sharp.rel_error.max() <= 0.01
    assert (sharp.lower == plain.lower).all()
    limit, known = (w2_squared_limit(LOOP, SPECTRUM, precise=x) for x in (True, False))
    assert float(limit.rel_error) < 0.012 < float(known.rel_error)
    assert float(limit.value) == pytest.approx(float(sharp.value[-1]), rel=0.02)


def test_a_seed_decides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise, "_ENOUGH", 0.01)
    one, same, other = (
        float(w2_squared(LOOP, SPECTRUM, generations=2, precise=True, seed=x).value[-1])
        for x in (1, 1, 2)
    )
    assert one == same != other
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        w2_squared(LOOP, SPECTRUM, generations=2, precise=True, seed=-1)


def test_what_is_known_or_too_slow_is_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise, "_simulated", None)
    w2_squared(LOOP, [1.0, 1.0], generations=1, precise=True)  # one fit
    loop = fresh_data(300, 300, bias=0.9)
    plain, sharp = (w2_squared_limit(loop, [1.0] * 20, precise=x) for x in (False, True))
    assert (plain.value, plain.rel_error) == (sharp.value, sharp.rel_error)
    slow = synthetic_augmentation(2, 4000)  # forgets one part in two thousand a generation
    plain, sharp = (w2_squared_limit(slow, [1.0] * 2, precise=x) for x in (False, True))
    assert plain.rel_error > 0.01
    assert (plain.value, plain.rel_error) == (sharp.value, sharp.rel_error)


def test_work_beyond_the_stated_cost_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise, "_WORK", 1e6)
    plain, sharp = (w2_squared(LOOP, SPECTRUM, generations=5, precise=x) for x in (False, True))
    assert plain.value.tolist() == sharp.value.tolist()


def test_biases_of_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise, "_ENOUGH", 0.01)
    loop = replace(LOOP, bias=(0.9, 0.5))
    plain, sharp = (w2_squared(loop, SPECTRUM, generations=3, precise=x) for x in (False, True))
    assert (np.abs(sharp.value / plain.value - 1) <= plain.rel_error + sharp.rel_error).all()
    assert (sharp.rel_error <= plain.rel_error).all()
    assert sharp.rel_error[-1] < 0.012
