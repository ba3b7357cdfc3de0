"""Inputs that reach the branches of modes, words and the ground floor; for the traces."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import chain

import numpy as np

from madtheory import _check, _search
from madtheory import loop as loops
from madtheory.directions import Directions, as_given, paired
from madtheory.loop import Loop
from madtheory.modes import (
    ancestry,
    bounds,
    contest,
    diversity,
    fresh,
    recall,
    selection,
    survival,
    tempering,
    variance,
    vocabulary,
)
from madtheory.results import Estimate, ModeStates
from tests.snapshot.traces.theory import HOT, LOOPS, Answers, ask


def mixtures() -> Answers:
    for n in (1, 2, 3, 12, 40, 300):
        for p in (0.0, 0.01, 0.3, 1.0):
            for generations in (1, 2, 9):
                yield ask(survival.mode_survival, p, n, generations)
                for extra in (0, 1, 5):
                    yield ask(vocabulary.token_survival, p, n, generations, n_fresh=extra)
                    yield ask(bounds.survival_bounds, [p], n, generations, n_fresh=extra)
            yield (
                ask(fresh.stationary_count_law, p, n, 2),
                ask(fresh.stationary_survival, [p], n, 2),
            )
            yield ask(bounds.stationary_bounds, [p, 0.5], n, 1)
            yield ask(survival.absorption_time, p, n), ask(survival.absorption_time_limit, p, n)
            yield ask(diversity.stationary_weight_limit, p, n, 2)
        for k in (1, 2, 5):
            for extra in (0, 1, 4):
                yield ask(survival.surviving_mean, k, n, 6, n_fresh=extra)
                yield ask(diversity.heterozygosity, k, n, 5, n_fresh=extra)
                yield ask(diversity.stationary_heterozygosity, k, n, extra)
                yield ask(fresh.stationary_surviving_mean, k, n, extra)
                yield ask(fresh.all_modes_alive, k, n, extra)
            yield ask(survival.surviving_law, k, n, [1, 2, 5])
            for chance in (0.1, 0.9, 1.0):
                yield ask(fresh.fresh_for_all_modes, k, n, chance)
            for ddof, bias, floor in ((1.0, 1.0, 0.0), (0.0, 0.7, 0.2), (0.5, 0.0, 0.1)):
                options = {"ddof": ddof, "bias": bias}
                both_ = {"real_modal": 0.5, "real_total": 4.0, "floor_trace": floor, **options}
                yield ask(variance.modal_variance, k, n, 4, **both_)
                yield ask(variance.typical_variance, k, n, 4, **options)
                yield ask(variance.floor_variance, n, floor, **options)
        yield ask(survival.fixation_time, [0.5, 0.3, 0.2], n)
        yield ask(survival.fixation_time_limit, [0.5, 0.3, 0.2, 0.0], n)
        yield ask(survival.fixation_cdf, [0.5, 0.3, 0.2], n, 9)
    for k, n, extra in ((40, 60, 20), (200, 3000, 1000), (3000, 10**5, 30_000), (300, 900, 40)):
        yield ask(fresh.all_modes_alive, k, n, extra)
    for large in (10**4, 10**7):
        yield ask(survival.mode_survival, [1e-6, 1e-3, 0.1], large, 30)
        yield ask(survival.fixation_time, [0.5, 0.3, 0.2], large)
        yield ask(survival.absorption_time, 0.3, large)
        yield ask(vocabulary.token_survival, [1e-6, 0.1], large, 30, n_fresh=large // 100)
    yield ask(ancestry.transition, 5, np.linspace(0, 1, 6)), ask(ancestry.binomial_law, 9, 0.3)
    yield [ask(ancestry.binomial_law, 9, p) for p in (0.0, 1e-12, 1.0)]
    for total, marked, drawn in ((6, 2, 3), (6, 0, 3), (6, 6, 6), (600, 40, 30)):
        yield ask(ancestry.hypergeometric_band, total, marked, drawn)
    for cells, balls in ((1, 3), (5, 1), (7, 30), (300, 40)):
        yield ask(ancestry.occupancy_band, cells, balls)


def words() -> Answers:
    three, zipf = [0.5, 0.3, 0.2], vocabulary.zipf(30, 1.1)
    for temperature in (0.0, 0.7, 1.0, 1.2, math.inf):
        yield ask(tempering.tempered, three, temperature)
        yield ask(tempering.tempered, [0.5, 0.5, 0.0], temperature)
        yield ask(tempering.deterministic, three, temperature, 4)
        yield ask(contest.winners, three, 12, temperature=temperature)
        yield ask(contest.winners, [0.4, 0.4, 0.2], 4000, temperature=temperature)
        for extra in (0, 1, 3):
            for p in (0.0, 0.3, 0.5, 1.0):
                yield ask(tempering.token_chain, p, 5, temperature=temperature, n_fresh=extra)
                how = {"temperature": temperature, "generations": 4, "n_fresh": extra}
                yield ask(tempering.two_tokens, p, 8, **how)
                yield ask(tempering.stationary_law, p, 8, extra, temperature=temperature)
            how = {"temperature": temperature, "generations": 2, "n_fresh": extra}
            yield ask(tempering.full_chain, three, 4, **how)
        for p, n in ((0.3, 1), (0.42, 20), (0.5, 20), (0.0, 9), (1.0, 9), (0.01, 50)):
            yield ask(selection.fixation, p, n, temperature=temperature)
            yield ask(selection.fixation_diffusion, p, n, temperature=temperature)
            yield ask(selection.fixation_limit, p, n, temperature=temperature)
    yield ask(selection.fixation, 0.4, 10**5, temperature=0.95)
    yield ask(selection.fixation, 1e-6, 10**5, temperature=0.5)
    for target in (0.0, 0.4, 0.55, 0.9, 1.0):
        yield ask(selection.temperature_for, target, 0.55, 21)
    for n in (1, 30, 1000):
        for extra in (0, 1, 9):
            yield ask(vocabulary.support, zipf, n, 5, n_fresh=extra)
            yield ask(vocabulary.stationary_support, zipf, n, extra)
            yield ask(diversity.token_heterozygosity, zipf, n, 4, n_fresh=extra)
        for share in (0.0, 0.2, 0.9, 1.0):
            for by in ("number", "mass", "size"):
                yield ask(vocabulary.fresh_for_support, zipf, n, share, by=by)
    yield ask(vocabulary.support, vocabulary.zipf(3000), 500, 4)
    yield ask(vocabulary.zipf, 0), ask(vocabulary.zipf, 3, 0.0), ask(vocabulary.zipf, 3, -1.0)
    counts = np.array([40, 0, 7, 200])
    for k in (1, 3, 5, 50):
        yield ask(recall.mode_recall, counts[0], [1.0, 0.5], [0.2, 0.0], k=k)
        yield ask(recall.mode_recall, counts, [1.0], [0.0], k=k)
    means, covariances = np.zeros((1, 4, 2)), np.tile(np.eye(2) * 0.0025, (1, 4, 1, 1))
    long = np.array([[0.01, 0.002], [0.002, 0.0025]])
    tilted = np.array([long, long[::-1, ::-1], np.diag([0.0, 0.01]), 0 * long])
    off = means[0] + np.array([[0.05, 0.0], [0.0, 0.05], [-0.05, 0.02], [0.3, 0.0]])
    yield ask(recall.expected_recall, counts, off, tilted)
    yield ask(recall.expected_recall, counts, off, tilted, k=1, deviation=0.2)
    state = ModeStates(np.array([3]), np.full((1, 1, 4), 0.25), off[None, None], tilted[None, None])
    yield ask(recall.predicted_recall, state, 80, seed=4)
    yield ask(recall.predicted_recall, state, 80, deviation=0.0)
    yield ask(recall.expected_recall, counts[None], means, covariances)
    yield ask(recall.expected_recall, counts, means[0], covariances[0], k=2, spacing=2.0)


# --- the ground floor ----------------------------------------------------------------------------


def ground() -> Answers:
    for value in (True, 2.0, "3", -1, 0, 1, 5, 6, 2**53, 2**53 + 1, np.int64(3)):
        yield ask(_check.count, "n", value), ask(_check.count, "n", value, minimum=0, maximum=5)
    for value in (
        True,
        "x",
        None,
        -1.0,
        0.0,
        1.0,
        1.0000001,
        math.nan,
        math.inf,
        10**400,
        -(10**400),
    ):
        yield ask(_check.number, "x", value), ask(_check.number, "x", value, low=0.0)
        yield ask(_check.number, "x", value, low=0.0, high=1.0)
        yield ask(_check.number, "x", value, low=0.0, high=1.0, open_=True)
        yield ask(_check.number, "x", value, low=0.0, open_=True)
        yield ask(_check.number_or_numbers, "x", [value, 0.5], low=0.0, high=1.0)
    for value in ([], [[1.0]], [0.5, 0.5], [0.5], 0.5):
        yield ask(_check.number_or_numbers, "x", value)
        yield ask(_check.probabilities, "p", value), ask(_check.distribution, "p", value)
    for value in ([0.2, 0.8], [0.2, 0.8 + 1e-8], [0.2, 0.8 + 1e-10], [-0.1, 1.1], [math.nan, 1.0]):
        yield ask(_check.probabilities, "p", value), ask(_check.distribution, "p", value)
    yield ask(_check.one_of, "w", "b", ("a", "b")), ask(_check.one_of, "w", "c", ("a", "b"))
    for many in (16, 17):
        yield ask(_check.one_of, "w", "w9x", tuple(f"w{i}" for i in range(many)))
    for x in ([[1.0]], [["a"]], [1.0, 2.0], np.ones((3, 0)), [[1.0], [math.nan], [2.0]], np.eye(3)):
        yield ask(_check.sample, "x", x), ask(_check.sample, "x", x, minimum_rows=3)
    for edge in (1, 2, 3, 31, 32, 33, 64, 65):
        yield _search.first(lambda n, edge=edge: n >= edge, most=64)
        yield _search.least(lambda n, edge=edge: n >= edge, 0, 100)
        for at in (
            lambda n, e=edge: e - n - 0.5,
            lambda n, e=edge: math.exp(-n) - math.exp(-e - 0.5),
        ):
            yield _search.neighbours(at, (1, at(1)), (1000, at(1000)))
        far = edge * 10**10
        yield _search.neighbours(lambda n, f=far: n - f, (1, 1.0 - far), (10**13, 10.0**13 - far))
        yield _search.neighbours(
            lambda n, e=edge: math.inf if n > e else -1.0, (1, -1.0), (1000, math.inf)
        )
    for options in (
        {}, {"rel_error": 0.01}, {"value": [1.2, 2.0]},
        {"value": [1.2, 0.0], "rel_error": [0.1, 0.2]},
    ):  # fmt: skip
        e = Estimate.between([1.0, 0.0], [2.0, 3.0], **options)
        yield e, e.status, e.scaled(2.0), e.last(), [e.end(side) for side in (-1, 0, 1)]
    for e in (Estimate.exact([0.0, 2.0]), Estimate.unbounded(), Estimate.declared([3.0], 0.1)):
        yield e, e.status, e.scaled(0.5), [e.end(side) for side in (-1, 0, 1)]
    for s in ([1.0, 3.0, 2.0, 0.0], [1.0, 2.0, 3.0], 4, [5.0, 5.0, 1.0, 1.0]):
        for one in (*LOOPS.values(),):
            yield ask(paired, one, s), ask(as_given, one, s)
            found = ask(Directions.of, one, s)
            if isinstance(found, Directions):
                yield found.biases, found.shares, ask(found.total, lambda x: x.first_scale)
    yield from builders()


def builders() -> Answers:
    base = {"n_initial": 9, "n_synth": 9, "n_fixed": 3, "n_fresh": 3}
    for fields in (
        {"bias": (0.5, 0.5)}, {"bias": (0.5, 1.5)}, {"bias": ()}, {"bias": 1.5, **HOT},
        {"n_synth": 1, "n_fixed": 0, "n_fresh": 0}, {"n_synth": 1}, {"n_synth": 1, "weight": 0.5},
        {"n_synth": 2, "weight": 0.5}, {"n_fixed": 0, "n_fresh": 1, "weight": 0.5},
        {"n_fixed": 0, "n_fresh": 1, "weight": 0.5, "ddof": 0}, {"weight": -0.1}, {"weight": 0.0},
        {"pool": "accumulate", "budget": 2}, {"pool": "accumulate", "budget": 9, "weight": 0.5},
        {"pool": "accumulate", "pool_cap": 0}, {"pool": "replace", "pool_cap": 1}, {"ddof": -1},
        {"shrinkage": 1.0}, {"shrinkage": -0.1}, {"floor": 0.5}, {"memory": None}, {"memory": 2.5},
        {"first_generation": "biased", "bias": 0.5}, {"first_generation": "biased"},
    ):  # fmt: skip
        found = ask(Loop, **{**base, **fields})
        yield found
        if isinstance(found, Loop):
            yield found.n_shared, found.family, found.real_share, found.beyond_plain, found.pooled
    for one in LOOPS.values():
        yield one.n_real, one.n_train, one.n_shared, one.first_is_real, one.has_spectrum, one.family
        yield one.keeps_all, one.is_stationary, one.used, one.real_share, one.beyond_plain
        yield one.is_fully_synthetic, one.is_fresh_memory_one, one.is_chain, one.plain_chain
        for require in (
            loops.require_one_bias, loops.require_fully_synthetic, loops.require_fresh_memory_one,
            loops.require_synthetic, loops.require_floor, loops.require_no_floor,
        ):  # fmt: skip
            yield ask(require, one, "it")


BANKS: Mapping[str, tuple[Callable[[], Answers], ...]] = {
    "modes": (mixtures, words),
    "ground": (ground,),
}


def bank(name: str) -> Callable[[], Answers]:
    """Ask everything of one bank."""
    return lambda: chain.from_iterable(answers() for answers in BANKS[name])
