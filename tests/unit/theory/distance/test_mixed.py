"""Where second moments are exact, and what is declared where a closure has them."""

from dataclasses import replace

import numpy as np
import pytest

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, fresh_data, synthetic_augmentation
from madtheory.results import Estimate
from madtheory.spectrum.unrolled import last_law, up_to
from madtheory.theory import distance, moments
from madtheory.theory.distance import deficit, mixed, shared_equivalent
from madtheory.theory.distance.fidelity import second_order_deficit
from madtheory.theory.distance.shared_data import unrolled
from madtheory.theory.moments import generation
from madtheory.theory.moments.second import closed_limit, estimated_limit

POOL = {"pool": "accumulate"}
#: Slow loops, at which a closure errs most; drawn by a seed of their own (none set a constant).
HELD = [
    (2, fresh_data(31, 8111, memory=5)),
    (5, fresh_data(12, 5209, memory=5)),
    (1, Loop(n_initial=3, n_fresh=3, n_synth=2041, pool_cap=6, **POOL)),
    (3, fresh_data(12, 331, memory=4)),
    (20, Loop(n_initial=30, n_fixed=15, n_fresh=15, n_synth=321, pool_cap=4, **POOL)),
    (1, synthetic_augmentation(32, 9, bias=0.92, pool_cap=5, **POOL)),
    (100, synthetic_augmentation(105, 1801, memory=3, pool_cap=2, **POOL)),
    (3, synthetic_augmentation(39, 11, memory=2, pool_cap=4, **POOL)),
]


def _spreads(loop: Loop, d: int) -> tuple[mixed.Spread, mixed.Spread]:
    """By the closure and exactly."""
    closed, exact = closed_limit(loop, d), estimated_limit(loop, d)
    assert closed is not None
    assert exact is not None
    assert not exact[1].any()
    return (
        mixed._to_spread(d, mixed._closed_rows(closed, d)),
        mixed._to_spread(d, mixed._from_invariants(exact[0], d, 0.0)),
    )


def test_what_a_closure_declares_covers_what_it_misses(monkeypatch) -> None:
    shares = []
    for d, loop in HELD:
        closed, exact = _spreads(loop, d)
        s, memory = Spectrum.of(np.ones(d)), mixed.limit_memory(loop, d)
        missed = float(second_order_deficit(exact, s) / second_order_deficit(closed, s)) - 1
        monkeypatch.setattr(mixed, "is_closed", lambda _: True)
        declared = float(deficit._several_error(loop, closed, memory))
        monkeypatch.undo()
        shares.append(abs(missed) / declared)
        # Where it is exact, that part is not declared.
        assert float(deficit._several_error(loop, exact, memory)) < declared
    assert max(shares) < 1
    assert max(shares) > 0.5
    assert np.median(shares) > 0.15


@pytest.mark.parametrize(("d", "loop"), HELD[:3])
def test_second_moments_are_exact_where_that_takes_little(d, loop) -> None:
    found = mixed.limit_parts(loop, d)
    assert found is not None
    np.testing.assert_allclose(found[0], _spreads(loop, d)[1], rtol=1e-9, atol=1e-12)
    T = 40
    path = mixed.path_parts(loop, d, T)[0]
    second = moments.second_moments(loop, d, generations=T)
    var = second[:, 5] - second[:, 1] ** 2
    total = second[:, 6] - second[:, 1] ** 2 / d
    np.testing.assert_allclose(path.total, total / d / (second[:, 1] / d) ** 2, rtol=1e-7)
    if d == 1:
        np.testing.assert_allclose(path.diagonal, var / second[:, 1] ** 2, rtol=1e-7)


def test_a_closure_where_exact_moments_are_faint_rounded_or_many() -> None:
    many = fresh_data(10, 10, memory=9)
    assert mixed.is_closed(many)
    assert not mixed.is_closed(fresh_data(10, 10, memory=7))
    assert not mixed.is_closed(fresh_data(10, 10))
    rounded = synthetic_augmentation(100, 10**9, pool_cap=3, **POOL)
    assert generation.second_rounding(rounded) > 0.1
    assert mixed.is_closed(rounded)
    # 10^12 samples: exact moments about 0 would leave four digits of the spread.
    faint = fresh_data(10**12, 10**12, memory=2)
    found, closed = mixed.limit_parts(faint, 3), closed_limit(faint, 3)
    assert found is not None
    assert closed is not None
    expected = mixed._to_spread(3, mixed._closed_rows(closed, 3))
    assert float(found[0].total) == float(expected.total) < mixed.FAINT


def test_a_slow_loop_that_remembers() -> None:
    """Simulated with exact controls: .00676316 +- 1.1e-6; the closure alone was .4 % too low."""
    loop = fresh_data(58, 2556, memory=3, ddof=0)
    found = distance.w2_squared_limit(loop, [1.0])
    truth, noise = 0.00676316286597544, 1.1033e-6
    assert abs(float(found.value) - truth) < float(found.rel_error * found.value) + 2 * noise
    assert float(found.rel_error) < 0.003
    assert float(found.value) == pytest.approx(truth, rel=6e-4)


NEARLY_A_POINT = Loop(n_initial=256213, n_fixed=61563, n_fresh=194650, n_synth=101, bias=0.588)


def test_a_law_that_is_nearly_a_point_is_hardly_rounded() -> None:
    """What is left of the start is 4e-7 at generation 2; in the tail 8e-5 were lost."""
    system = unrolled(NEARLY_A_POINT, 8)
    found = [last_law(up_to(system, t), dim=3) for t in (2, 3, 5, 8)]
    spread = np.array([x.law.spread for x in found if x is not None])
    assert spread.size == 4
    assert np.ptp(spread) / spread[0] < 2e-6


def test_what_is_rounded_is_declared(monkeypatch) -> None:
    loop = fresh_data(10**5, 1000, memory=2, bias=0.5)
    declared = float(distance.w2_squared_limit(loop, np.ones(3)).rel_error)
    monkeypatch.setattr(shared_equivalent, "_BY_ROUNDING", 1e-300)
    bare = float(distance.w2_squared_limit(loop, np.ones(3)).rel_error)
    assert 1.4 * bare < declared < 2 * bare


def test_a_small_loop_among_many_samples() -> None:
    """Simulated with exact controls; 1.3e-5 were missed, 8e-7 declared."""
    loop = NEARLY_A_POINT
    found = distance.w2_squared_limit(loop, np.ones(3))
    truth, noise = 2.343006878275649e-05, 1.9345e-11
    assert abs(float(found.value) - truth) < float(found.rel_error * found.value) + 2 * noise
    assert float(found.rel_error) < 5e-6


def test_a_budget_that_does_not_bind_yet_changes_nothing() -> None:
    """Simulated at t = 8: 2.947 +- .003; 3.318 +- .207 was declared."""
    free = Loop(n_initial=3, n_synth=1, n_fixed=1, n_fresh=1, bias=0.0, **POOL)
    late = replace(free, budget=9)  # binds from generation 10 on
    plain = distance.w2_squared(free, np.ones(4), generations=9)
    for T in (1, 5, 9, 12):
        found = distance.w2_squared(late, np.ones(4), generations=T)
        assert len(found.value) == T
        for x in Estimate.__slots__:
            ours, theirs = getattr(found, x), getattr(plain, x)
            np.testing.assert_allclose(ours[:9], theirs[:T], rtol=1e-9, atol=1e-9)
    assert found.rel_error[9] > 0


FEW = {"n_initial": 4, "n_synth": 2, "n_fixed": 2, "n_fresh": 2, **POOL}
#: Dimension, loop, generation, simulated: missed by 1.1 to 1.6 of what was declared.
MISSED = [
    (4, Loop(n_initial=5, n_synth=1, n_fixed=2, n_fresh=1, bias=0.0, budget=8, **POOL), 12, 2.7651),
    (4, Loop(bias=0.99, budget=4, **FEW), 15, 2.6487),
    (
        2,
        Loop(n_initial=3, n_synth=1, n_fixed=1, bias=0.0, memory=2, pool_cap=3, ddof=0, **POOL),
        4,
        2.3459,
    ),
]


@pytest.mark.parametrize(("d", "loop", "t", "truth"), MISSED)
def test_few_samples_and_copies_of_means_are_declared(d, loop, t, truth) -> None:
    """Simulated; copies of means and fits to six samples were declared like any others."""
    found = distance.w2_squared(loop, np.ones(d), generations=t)
    assert abs(found.value[-1] - truth) < found.rel_error[-1] * found.value[-1] + 0.02
    assert found.rel_error[-1] < 0.25


FIRST = {"n_initial": 2, "n_fixed": 2, "pool": "accumulate", "budget": 3}
#: Loop, generation, simulated (.07 %), most that is missed: it was 6.6, 3.0, 2.8 and 2.8 %.
OF_SEVERAL = [
    (Loop(n_fresh=7, n_synth=2, memory=None, **FIRST), 5, 0.47937, 0.035),
    (Loop(n_fresh=13, n_synth=1, memory=None, **FIRST), 8, 0.25662, 0.025),
    (Loop(n_fresh=20, n_synth=3, memory=None, **FIRST | {"n_fixed": 1}), 5, 0.17728, 0.015),
    (Loop(n_fresh=20, n_synth=1, memory=4, **FIRST | {"n_fixed": 1}), 4, 0.17905, 0.03),
]


@pytest.mark.parametrize(("loop", "t", "truth", "most"), OF_SEVERAL)
def test_samples_of_several_models_with_a_budget_are_skewer(loop, t, truth, most) -> None:
    """Each is of one model, the first fit to two samples too; it was taken for their mean."""
    found = distance.w2_squared(loop, np.ones(2), generations=t)
    assert abs(found.value[-1] / truth - 1) < min(most, found.rel_error[-1] + 0.0015)
    assert found.rel_error[-1] < 0.12


def test_a_weight_of_one_leaves_the_real_data() -> None:
    loop = fresh_data(2, 3, weight=1.0)
    for found in (
        distance.w2_squared_limit(loop, np.ones(1)),
        distance.w2_squared(loop, np.ones(1), generations=3),
    ):
        assert np.allclose(found.value, spectrum.baseline(2, [1.0]).value, rtol=1e-12)
        assert not np.any(found.rel_error)
