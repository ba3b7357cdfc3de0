"""What every generation is trained on."""

import itertools
import json
import zlib

import numpy as np
import pytest
from scipy import stats

from madtheory.engine import LoopStopped, run_loop
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from tests.unit.engine.stubs import LOOPS, Normal, Tap, ids, people, run_spy


@pytest.mark.parametrize("source", ["rows", "tap"])
@pytest.mark.parametrize("name", LOOPS)
def test_every_generation_sees_what_the_loop_says(name, source, tmp_path):
    loop, data = LOOPS[name], people(40) if source == "rows" else Tap()
    log, biases = run_spy(loop, data, out=tmp_path / "run")
    assert len(log) == 12
    assert set(biases) == {loop.bias}
    first = log[0].rows
    assert len(first) == len(ids(first)) == loop.n_initial
    assert (first[:, 0] == 0).all()
    text = (tmp_path / "run" / "stats.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    fixed = None
    for t, seen in enumerate(log[1:], start=2):
        real, synthetic = seen.rows[seen.rows[:, 0] == 0], seen.rows[seen.rows[:, 0] == 1]
        assert lines[t - 1]["n_real"] == len(real)
        assert lines[t - 1]["n_synth"] == len(synthetic)
        kept = 1 if loop.pool == "replace" else min(t - 1, loop.pool_cap or t)
        pooled = loop.n_fixed + kept * loop.n_synth
        if loop.budget is not None and pooled > loop.budget:
            assert len(seen.rows) == loop.budget + loop.n_fresh
            continue
        assert len(real) == loop.n_real
        assert len(synthetic) == kept * loop.n_synth
        # The fixed set comes first, the fresh one last, or both before a weighted synthetic one.
        now = ids(seen.rows[: loop.n_fixed])
        assert now == (now if fixed is None else fixed)
        fixed = now
        assert seen.weight == loop.weight
        if loop.weight is not None:
            assert seen.n_real == loop.n_real
    if fixed:
        assert len(fixed & ids(first)) == loop.n_shared


@pytest.mark.parametrize("cap", [None, 1, 4])
def test_a_pool_keeps_the_newest_batches(cap):
    log, _ = run_spy(synthetic_augmentation(7, 3, pool="accumulate", pool_cap=cap), people(20))
    for t, seen in enumerate(log[1:], start=2):
        synthetic = seen.rows[seen.rows[:, 0] == 1]
        oldest = 1 if cap is None else max(t - cap, 1)
        # Each batch comes from the model of its time, oldest first.
        assert synthetic[:, 1].tolist() == np.repeat(np.arange(oldest, t), 3).tolist()
        if t > 2:
            before = log[t - 2].rows
            assert len(ids(synthetic) & ids(before)) == len(synthetic) - 3


@pytest.mark.parametrize("memory", [1, 3, None])
def test_samples_come_from_uniformly_drawn_models(memory):
    """Counts by model against the multinomial; a window off by one fails at once."""
    T, n = 60, 200
    log, _ = run_spy(fully_synthetic(n), people(300), T)
    assert all((seen.rows[:, 1] == t - 1).all() for t, seen in enumerate(log[1:], start=2))
    log, _ = run_spy(Loop(n_initial=9, n_synth=n, memory=memory), people(300), T)
    square, dof = 0.0, 0
    for t, seen in enumerate(log[1:], start=2):
        window = range(max(1, t - (memory or t)), t)
        counts = np.array([(seen.rows[:, 1] == g).sum() for g in window])
        assert counts.sum() == n
        expected = n / len(window)
        square += ((counts - expected) ** 2 / expected).sum()
        dof += len(window) - 1
    if dof:
        # Both tails: equal shares for all models, without multinomial noise, fail the lower one.
        assert 1e-3 < stats.chi2.sf(square, dof) < 1 - 1e-3


def test_a_budget_draws_uniformly_without_replacement():
    """Inclusion of each fixed row over 1500 generations: 12/22 each, sd .0129."""
    loop = synthetic_augmentation(10, 3, pool="accumulate", pool_cap=4, budget=12)
    log, _ = run_spy(loop, people(10), 1505)
    later = [seen.rows for seen in log[5:]]
    assert all(len(rows) == len(ids(rows)) == 12 for rows in later)
    real = np.concatenate([rows[rows[:, 0] == 0, 2] for rows in later])
    share = np.bincount(real, minlength=10) / len(later)
    assert np.abs(share - 12 / 22).max() < 4.5 * np.sqrt(12 / 22 * 10 / 22 / len(later))
    # Of the synthetic rows, each of the four batches has the same chance.
    age = [t - rows[rows[:, 0] == 1, 1] for t, rows in enumerate(later, start=6)]
    counts = np.bincount(np.concatenate(age))[1:]
    assert len(counts) == 4
    # Hypergeometric: 3 of 22 rows in 12 draws.
    spread = np.sqrt(3 * (12 / 22) * (10 / 22) * (19 / 21) / len(later))
    assert np.abs(counts / len(later) - 3 * 12 / 22).max() < 4.5 * spread


def test_fresh_rows_are_drawn_uniformly_and_independently():
    """2000 batches of 5 of 20: each row a quarter of the time, sd .0097; none twice in a batch."""
    log, _ = run_spy(fresh_data(5, 2), people(20), 2001)
    batches = [seen.rows[seen.rows[:, 0] == 0, 2] for seen in log[1:]]
    assert all(len(set(batch)) == 5 for batch in batches)
    share = np.bincount(np.concatenate(batches), minlength=20) / 2000
    assert np.abs(share - 0.25).max() < 4.5 * 0.0097
    overlap = np.mean([len(set(a) & set(b)) for a, b in itertools.pairwise(batches)])
    assert abs(overlap - 1.25) < 5 * np.sqrt(0.74 / 2000)


def test_a_biased_first_generation_needs_a_source():
    loop = fully_synthetic(6, bias=0.5, first_generation="biased")
    tap = Tap()
    run_spy(loop, tap)
    assert tap._calls == [(6, 0.5)]
    with pytest.raises(ValueError, match="data must have a method sample for a biased first"):
        run_loop(loop, Normal(), np.arange(30.0), generations=2)


def test_a_biased_first_sample_is_not_the_fixed_set():
    loop = Loop(n_initial=6, n_fixed=4, n_synth=3, bias=0.5, first_generation="biased")
    tap = Tap()
    log, _ = run_spy(loop, tap)
    assert tap._calls == [(6, 0.5), (4, 1.0)]
    assert not ids(log[0].rows) & ids(log[1].rows[:4])


def test_a_source_that_sorts_its_samples_is_nested_at_random():
    """Six shared of ten: were one sorted batch cut, the first sample would hold the low half."""

    class Sorted:
        def sample(self, n, bias, rng):
            return np.sort(rng.random(n))

    seen = []
    loop = Loop(n_initial=50, n_fixed=100, n_synth=5)
    run_loop(
        loop, Normal(), Sorted(), generations=1, metrics={"x": lambda m, x, r: seen.append(x) or 0}
    )
    assert seen[0].max() > 0.8


def test_bias_one_half_halves_the_variance():
    """The engine passes lambda on as it is: E std_2 / std_1 at lambda = 1/4 is 1/2, sd .007."""
    curves = run_loop(
        fully_synthetic(10_000, bias=0.25),
        Normal(),
        np.random.default_rng(0).normal(size=20_000),
        generations=2,
        metrics={"std": lambda model, samples, rng: model.std},
    )
    one, two = curves.metrics["std"]
    assert abs(two / one - 0.5) < 0.02


class Dice:
    """Every sample is the first number of the generator that it is drawn from."""

    def __init__(self, fitted: float = 0.0) -> None:
        self.fitted = fitted

    def fit(self, samples, rng):
        return Dice(rng.random())

    def sample(self, n, bias, rng):
        return np.full(n, rng.random())

    def save(self):
        return {"fitted": np.array(self.fitted)}

    def load(self, arrays):
        return Dice(float(arrays["fitted"]))


def test_each_generation_draws_from_four_generators_of_its_own() -> None:
    """Data, synthetic samples, fit and metrics: children of the seed by generation and stream."""

    def seen(model, rows, rng):
        return [rows[0], rows[-1], model.fitted, rng.random()]

    found = run_loop(
        fresh_data(2, 3, n_initial=2), Dice(), Dice(), generations=3, metrics={"seen": seen}, seed=5
    )

    def first(*key):
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(5, spawn_key=key))
        ).random()

    name = zlib.crc32(b"seen")
    expected = [[first(1, 0), first(1, 0), first(1, 2), first(1, 3, name)]]
    # Synthetic rows come first, fresh ones last.
    expected += [[first(t, 1), first(t, 0), first(t, 2), first(t, 3, name)] for t in (2, 3)]
    np.testing.assert_array_equal(found.metrics["seen"], expected)


def test_a_model_that_is_fitted_in_place_is_refused():
    class InPlace(Normal):
        def fit(self, samples, rng):
            self.mean, self.std = samples.mean(), samples.std(ddof=1)
            return self

    with pytest.raises(LoopStopped, match="must return a new model, got the one it was called on"):
        run_loop(fully_synthetic(5), InPlace(), np.arange(9.0), generations=2)
