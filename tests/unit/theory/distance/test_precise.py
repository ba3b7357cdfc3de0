"""E W2^2 by simulation with controls: against exact values, other simulations, at what cost."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.simulate.request import Gaussian
from madtheory.theory import moments
from madtheory.theory.distance import precise, w2_squared, w2_squared_limit
from tests.golden.theory.distance import families
from tests.golden.theory.distance.controls import by_loop, profile


@pytest.mark.parametrize("most", [4000, 40_000])
def test_declared_errors_cover_exact_values(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """At d = 1 all is known: 60 small simulations, after pilots of 200 and of 2,000."""
    monkeypatch.setattr(precise, "_ENOUGH", 0.1)  # the first replicates are enough
    loop, at = fully_synthetic(6, bias=0.9), np.array([1, 3, 8])
    exact = w2_squared(loop, [1.0], generations=8)
    assert (exact.rel_error == 0).all()
    truth, z = exact.value[at - 1], []
    for seed in range(60):
        found = precise._simulated(loop, np.ones(1), at, truth, seed, most=most)
        z.append((found[0] - truth) / found[1])
    # A hundredth is outside at most, of which three standard errors leave a third.
    assert (np.abs(z) > 1).sum() <= 4
    assert 0.7 / 3 < np.std(z) < 1.3 / 3  # neither too large nor too small


def test_a_few_replicates_are_enough_in_many_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 simulations of 67 counted replicates against one of 6,000 that is averaged entirely."""
    loop, s, at = fully_synthetic(6, bias=0.9), np.ones(30), np.array([1, 3, 8])
    about = w2_squared(loop, s, generations=8).value[at - 1]

    def simulated(seed: int, enough: float, most: int) -> tuple[np.ndarray, np.ndarray]:
        monkeypatch.setattr(precise, "_ENOUGH", enough)
        return precise._simulated(loop, s, at, about, seed, most=most)

    truth, noise = simulated(999, 1e-4, 6000)
    few = [simulated(seed, 0.5, 2 * precise._least(s)) for seed in range(60)]
    z = np.array([(value - truth) / error for value, error in few])
    assert (noise < 0.15 * few[0][1]).all()
    assert (np.abs(z) > 1).sum() <= 4
    assert 0.7 / 3 < np.std(z) < 1.3 / 3


def test_controls_have_the_means_that_they_are_said_to_have() -> None:
    loop, s = synthetic_augmentation(6, 9, bias=0.9), np.array([3.0, 1.0, 0.5])
    means, first = precise._means(loop, s, 4)
    assert np.isfinite(means).all()
    assert (means[:2] == first).all()
    at, rows = np.array([2, 4]), []
    for paths in islice(precise._batches(loop, s, at, 5, 200_000), 3):
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


def test_what_a_limit_has_moved_by_is_a_part_of_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise, "_ENOUGH", 0.02)
    at, s = np.array([4, 5]), np.array([2.0, 1.0])
    about, most = w2_squared(LOOP, s, generations=5).value[3:], 40_000
    still, moved, far = (
        precise._simulated(LOOP, s, at, about, 1, most=most, moved=x * about[0])
        for x in (0.0, -0.009, 0.5)
    )
    assert max(still[1] / still[0], moved[1] / moved[0]) <= 0.02
    assert moved[1] - 0.009 * about[0] < 0.85 * still[1]  # more replicates
    assert 0.5 < far[1] / about[0] <= 0.511  # half of what is enough, and no more


def test_batches_double_up_to_what_may_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise, "_BATCH", 4000)
    at, s = np.array([2]), np.array([2.0, 1.0])
    sizes = [
        [len(paths["trace"]) for paths in precise._batches(LOOP, s, at, 1, most)]
        for most in (2300, 3000, 12_000)
    ]
    # 1112 and more are counted before it is asked whether they are enough.
    assert sizes == [[115, 1112, 1073], [150, 1112, 1262, 476], [600, 1112, 1712, 3424, 4000, 1152]]


def test_what_may_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    at, s = np.array([2, 3]), np.array([2.0, 1.0])
    each = Gaussian(LOOP, s).nanoseconds(3, 2)
    assert precise._least(s) == 1112  # nine fifths of a direction
    assert precise._least(np.ones(39)) == 52
    assert precise._least(np.ones(41)) == 50
    for replicates, may in ((2225, 2225), (2224, 2224), (2223, 0)):
        monkeypatch.setattr(precise, "_WORK", (replicates + 0.5) * each)
        assert precise._affordable(LOOP, s, at) == may
    monkeypatch.undo()
    budgeted = replace(LOOP, pool="accumulate", n_synth=10**6, budget=9)  # a million are drawn
    assert precise._affordable(LOOP, s, at) > 10**5
    assert precise._affordable(budgeted, s, at) == 0


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
