"""What a simulator is asked: the work and memory of it, by hand, and its parts."""

import dataclasses
import time
from collections.abc import Iterator

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.simulate import request, runs
from madtheory.simulate.kernels.tally import Tally, tally_one
from madtheory.simulate.request import Gaussian, asked, bytes_of, is_plain, make_plan
from madtheory.simulate.runs import Moments

S = np.array([2.0, 1.0, 0.0])
#: Nanoseconds of a generation of one state, of rank two and of three.
TWO, THREE = 200 + 30 * 4 + 0.4 * 8, 200 + 30 * 9 + 0.4 * 27


@pytest.mark.parametrize(
    ("loop", "parts", "each"),
    [
        (fully_synthetic(10), 1, TWO),
        (fresh_data(5, 10), 1, TWO),
        (fully_synthetic(10, floor=0.1), 6, THREE),
        (fully_synthetic(10, shrinkage=0.1), 6, THREE),
        (fresh_data(5, 10, memory=3), 8, TWO),
        (fresh_data(5, 10, memory=None), 4 + 7 + 1, TWO),
        (fresh_data(5, 2, memory=None), 4 + 2 + 1, TWO),
        (synthetic_augmentation(5, 10), 6, TWO),
        (synthetic_augmentation(5, 10, pool="accumulate", pool_cap=3), 4 + 1 + 3, TWO),
        (synthetic_augmentation(5, 10, pool="accumulate", pool_cap=30), 4 + 1 + 7, TWO),
    ],
)
def test_work_of_a_replicate(loop: Loop, parts: int, each: float) -> None:
    assert Gaussian(loop, S).work(7) == pytest.approx(parts * 7 * each, rel=1e-12)
    assert is_plain(loop) is (parts == 1)


#: Nanoseconds of a model or batch of rank two, and W2^2 at a generation.
PART, SEEN = 5 * 4 + 0.06 * 8, 300 + 12 * 4 + 0.1 * 8


@pytest.mark.parametrize(
    ("loop", "each"),
    [
        (fully_synthetic(10), 300 + PART),
        (fresh_data(5, 10), 300 + 2 * PART),
        (fresh_data(5, 10, memory=3), 2000 + 4 * (500 + PART)),
        (fresh_data(5, 10, memory=30), 2000 + 8 * (500 + PART)),
        (fresh_data(5, 10, memory=None), 2000 + 5 * (500 + PART)),
        (fresh_data(5, 2, memory=None), 2000 + 3 * (500 + PART)),
        (synthetic_augmentation(5, 10), 2000 + 2 * (500 + PART)),
        (synthetic_augmentation(5, 10, pool="accumulate"), 2000 + 2 * (500 + PART)),
        (synthetic_augmentation(5, 10, pool="accumulate", pool_cap=3), 2000 + 4 * (500 + PART)),
        (synthetic_augmentation(5, 10, pool="accumulate", pool_cap=30), 2000 + 8 * (500 + PART)),
        (
            Loop(n_initial=5, n_fresh=5, n_synth=10, pool="accumulate", budget=12),
            150e3 + 25 * 2 * (10 + 5 + 12),
        ),
    ],
)
def test_processor_time_of_a_replicate(loop: Loop, each: float) -> None:
    assert Gaussian(loop, S).nanoseconds(7, 2) == pytest.approx(7 * each + 2 * SEEN, rel=1e-12)


@pytest.mark.parametrize(
    ("loop", "matrices", "samples"),
    [
        (fresh_data(5, 10), 16 + 1, 5 + 5 + 10),
        (fresh_data(5, 10, memory=3, n_initial=9), 16 + 3, 9 + 5 + 10),
        (fresh_data(5, 10, memory=None), 16 + 6, 5 + 5 + 10),
        (synthetic_augmentation(5, 10, pool="accumulate"), 16 + 1, 5 + 5 + 60),
        (synthetic_augmentation(5, 10, pool="accumulate", pool_cap=4), 16 + 1 + 8, 5 + 5 + 40),
        (synthetic_augmentation(5, 10, pool="accumulate", pool_cap=9), 16 + 1 + 12, 5 + 5 + 60),
    ],
)
def test_memory_of_a_request(loop: Loop, matrices: int, samples: int) -> None:
    """Two positive directions; two quantities at three of seven generations, the last the sixth."""
    plan, how = make_plan(
        loop, S, record=("trace", "mean_sq"), generations=7, replicates=11, at=[2, 6, 4], threads=2
    )
    assert (plan.last, plan.recorded.tolist(), how["threads"]) == (6, [2, 4, 6], 2)
    one = matrices * 4 + 12
    assert bytes_of(plan, 2, data=False) == 8 * (2 * one + 7 * 12)
    kept = bytes_of(plan, 2, data=True, keep_paths=True)
    assert kept == 8 * (2 * (one + 2 * 2 * samples) + 7 * 12 + 11 * 6)


@pytest.mark.parametrize(
    ("each", "replicates", "chunk"),
    [(1e6, 10**5, 200), (1e6, 1600, 200), (1e6, 1599, 200), (1e6, 1592, 199), (1e9, 10, 1),
     (1.0, 8, 1), (1.0, 9, 2)],
)  # fmt: skip
def test_a_chunk_is_a_fifth_of_a_second_or_an_eighth(each, replicates, chunk) -> None:
    found = asked(
        0, ("x",), work=lambda T, last: each, generations=5, replicates=replicates, record=["x"]
    )
    assert found.chunk == chunk


def test_what_is_asked_is_told_the_last_generation_recorded() -> None:
    seen = []

    def work(T: int, last: int) -> float:
        return seen.append((T, last)) or 1.0

    how = {"work": work, "generations": 9, "replicates": 4, "record": ["x", "y", "x"]}
    assert asked(0, ("x", "y"), **how).record == ("x", "y")
    assert asked(0, ("x", "y"), at=[5, 3, 5], **how).at == (3, 5)
    assert seen == [(9, 9), (9, 5)]
    for bad, words in (
        ({"record": "x"}, "record must be a non-empty"), ({"record": []}, "record must be a non-"),
        ({"at": []}, "at must name at least one"), ({"at": [10]}, "at must be at most 9, got 10"),
        ({"seed": -1}, "seed must be at least 0, got -1"), ({"chunk": 0}, "chunk must be at least"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            asked(0, ("x", "y"), **{**how, **bad})


def test_biases_are_those_of_the_positive_directions_unless_these_are_joined() -> None:
    loop = fully_synthetic(10, bias=(0.9, 0.8, 0.7))
    assert Gaussian(loop, S).in_coordinates.bias == (0.9, 0.8)
    for joined in ({"floor": 0.1}, {"shrinkage": 0.1}):
        whole = Gaussian(dataclasses.replace(loop, **joined), S).in_coordinates
        assert whole.bias == (0.9, 0.8, 0.7)
    assert request.CHUNK_WORK == 2e8


def test_places_of_generations() -> None:
    assert runs.slots_of(np.array([2, 5])).tolist() == [-1, 0, -1, -1, 1]
    assert runs.slots_of(np.array([], dtype=np.int64)).tolist() == []


def test_moments_with_infinities_are_those_of_one_chunk() -> None:
    """-inf in one part is the mean of all, as in a chunk that holds both; an overflow wins."""

    def moments(count: int, *values: float) -> Moments:
        return Moments(count, np.array([values]), np.ones((1, len(values))))

    inf = np.inf
    parts = moments(2, 1.0, -inf, inf, -inf, 5.0, -inf, 1e308), moments(
        3, 2.0, -inf, 1.0, 5.0, -inf, inf, -1e308
    )  # fmt: skip
    both = parts[0].merge(parts[1])
    assert both.count == 5
    # Mean 1.6, and 2 + 1 * 2 * 3/5; of two huge numbers the spread is beyond float64.
    assert both.mean.tolist() == [[1.6, -inf, inf, -inf, -inf, inf, 1e308]]
    assert both.m2.tolist() == [[3.2, 2.0, inf, 0.0, 0.0, inf, inf]]
    assert Moments(0, *np.zeros((2, 1, 7))).merge(both) is both
    for values, expected in (([5.0, -inf], (-inf, 0.0)), ([-inf, 5.0], (-inf, 0.0)),
                             ([-inf, inf], (inf, inf))):  # fmt: skip
        mean, m2 = np.zeros(1), np.zeros(1)
        for i, value in enumerate(values):
            tally_one.py_func(value, 1 / (i + 1), mean, m2, 0)
        assert (mean[0], m2[0]) == expected


def test_chunks_are_children_of_a_seed_in_their_order() -> None:
    children = np.random.SeedSequence(7).spawn(3)
    for index, child in enumerate(children):
        found = runs.generator(7, index).random(2)
        np.testing.assert_array_equal(found, np.random.Generator(np.random.PCG64(child)).random(2))
    assert list(runs.in_order(lambda i: i, 2, 9, 2)) == list(range(2, 9))


def test_ctrl_c_does_not_wait_for_the_end_of_a_slow_chunk() -> None:
    """One that is drawn step by step ends at the next step."""
    how = {"generations": 1, "replicates": 2, "chunk": 1, "record": ("trace",)}
    plan, running = make_plan(fully_synthetic(10), S, threads=1, **how)
    slow = []

    def draw(_rng: np.random.Generator, tally: Tally) -> Iterator[None]:
        for _ in range(4000 if tally.first else 1):
            slow.append(tally.first)
            time.sleep(1e-3)
            yield

    def interrupted(_done: int, _moments: Moments) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(plan, draw, save=interrupted, **running)
    assert sum(slow) < 2000
