"""The general first-moment system: against its own map as a dense matrix, and known special cases.

Its truth against simulation is in tests/property/theory/moments/test_any_loop.py.
"""

import math

import numpy as np
import pytest

from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import collapse, moments
from madtheory.theory.moments import first
from madtheory.theory.moments.first import _Lags, moment_limit, moment_path, moment_radius
from madtheory.theory.moments.first_step import State, System


def _dense(loop):
    """The step as a matrix over all pairs of objects, and its shift."""
    system = System(loop)
    i, j = np.triu_indices(system.size, 1)
    free = ~((i == 0) & (j == system.fixed))
    i, j = i[free], j[free]

    def vector(state):
        return np.concatenate([state.D[i, j], state.c, state.q])

    def state(x):
        D = np.zeros((system.size, system.size))
        D[i, j] = x[: i.size]
        if system.fixed:
            D[0, 1] = 1 / loop.n_fixed
        c = x[i.size : i.size + system.n_models]
        return State(D + D.T, c, x[i.size + system.n_models :], 2**60)

    size = i.size + system.n_models + system.n_batches
    shift = vector(system.step(state(np.zeros(size))))
    A = np.array([vector(system.step(state(e))) - shift for e in np.eye(size)]).T
    return A, shift, i, j, system


LOOPS = {
    "fixed": Loop(n_initial=4, n_fixed=4, n_synth=6, bias=0.8),
    "memory": Loop(n_initial=5, n_fresh=3, n_synth=6, memory=4),
    "both": Loop(n_initial=3, n_fixed=5, n_fresh=3, n_synth=6, memory=3, bias=0.9, ddof=0),
    "window": Loop(
        n_initial=4, n_fixed=2, n_synth=5, pool="accumulate", pool_cap=3, memory=2, bias=0.7
    ),
    "budget": Loop(
        n_initial=4, n_fixed=6, n_synth=5, pool="accumulate", pool_cap=4, budget=9, n_fresh=2
    ),
    "weight": Loop(n_initial=4, n_fixed=2, n_fresh=2, n_synth=5, weight=0.2, memory=3, floor=0.1),
    "one fixed": Loop(n_initial=5, n_fixed=1, n_synth=4, memory=3, bias=0.3, ddof=0),
    "stays": fully_synthetic(6, bias=0.4),
    "no bias": Loop(n_initial=4, n_fixed=4, n_synth=6, bias=0.0, memory=2),
}


@pytest.mark.parametrize("name", LOOPS)
def test_lags_have_the_radius_of_the_whole_map(name: str) -> None:
    A = _dense(LOOPS[name])[0]
    # Eigenvalues of a non-symmetric matrix of this size.
    assert moment_radius(LOOPS[name]) == pytest.approx(
        np.abs(np.linalg.eigvals(A)).max(), rel=1e-10
    )


@pytest.mark.parametrize("name", [name for name in LOOPS if name != "stays"])
def test_lags_have_the_fixed_point_of_the_whole_map(name: str) -> None:
    A, shift, i, j, system = _dense(LOOPS[name])
    x = np.linalg.solve(np.eye(shift.size) - A, shift)
    mean_sq = x[: i.size][(i == 0) & (j == system.model)][0]
    np.testing.assert_allclose(moment_limit(LOOPS[name]), (mean_sq, x[i.size]), atol=1e-12)


@pytest.mark.parametrize("name", LOOPS)
def test_paths_go_to_the_limit(name: str) -> None:
    mean_sq, trace = moment_path(LOOPS[name], 4000)
    np.testing.assert_allclose(moment_limit(LOOPS[name]), (mean_sq[-1], trace[-1]), atol=1e-12)


def test_long_paths_are_the_short_ones() -> None:
    loop = LOOPS["fixed"]
    system = System(loop)
    state, steps = system.first(), []
    for _ in range(50):
        steps.append((state.D[0, system.model], state.c[0]))
        state = system.step(state)
    np.testing.assert_allclose(np.transpose(moment_path(loop, 50)), steps, rtol=1e-12)


def test_the_fresh_loop_is_the_rational_route() -> None:
    for loop in (fresh_data(5, 7), fresh_data(100, 900, bias=0.9), fresh_data(1, 50, bias=0.2)):
        np.testing.assert_allclose(
            moment_path(loop, 60), moments.first_moments(loop, 60), rtol=1e-12
        )
        np.testing.assert_allclose(
            moment_limit(loop), moments.first_moments_limit(loop), rtol=1e-12
        )
        assert moment_radius(loop) == pytest.approx(moments.forgetting_rate(loop), rel=1e-12)


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_fully_synthetic_loop_keeps_its_digits_while_it_dies(ddof: int) -> None:
    loop = fully_synthetic(6, bias=0.3, n_initial=9, ddof=ddof)
    first = moments.first_moments(loop, 300)
    np.testing.assert_allclose(
        first.trace, collapse.mean_trace(loop, [1.0], generations=300), rtol=1e-12
    )
    np.testing.assert_allclose(
        first.mean_sq, collapse.mean_walk(loop, [1.0], generations=300), rtol=1e-12
    )
    limit = moments.first_moments_limit(loop)
    assert limit.trace == 0
    assert limit.mean_sq == pytest.approx(collapse.mean_walk_limit(loop, [1.0]), rel=1e-12)


def test_without_real_data_nothing_pulls_back() -> None:
    assert moments.first_moments_limit(fully_synthetic(6)) == (math.inf, 1.0)
    literal = fully_synthetic(6, bias=0.5, floor=0.1)
    limit = moments.first_moments_limit(literal)
    assert limit.mean_sq == math.inf
    assert limit.trace == pytest.approx(0.2, rel=1e-12)
    # Models that differ feed the covariance of what is drawn from all of them.
    assert moments.first_moments_limit(Loop(n_initial=6, n_synth=6, memory=2)) == (
        math.inf,
        math.inf,
    )
    assert moments.forgetting_rate(fully_synthetic(6)) == pytest.approx(1.0, rel=1e-12)
    with pytest.raises(UnsupportedLoop, match="finite memory only"):
        moments.first_moments_limit(Loop(n_initial=6, n_synth=6, memory=None, bias=0.5))
    slow = Loop(n_initial=6, n_synth=10**6, memory=2, bias=1 - 1e-6)
    with pytest.raises(UnsupportedLoop, match="comes to rest within"):
        moments.first_moments_limit(slow)


def test_one_generation_in_the_pool_is_a_replaced_pool() -> None:
    kept = Loop(n_initial=4, n_fixed=3, n_synth=5, memory=2, pool="accumulate", pool_cap=1)
    replaced = Loop(n_initial=4, n_fixed=3, n_synth=5, memory=2)
    np.testing.assert_allclose(moment_path(kept, 30), moment_path(replaced, 30), rtol=1e-12)


def test_memory_and_pool_beyond_the_run_are_memory_and_pool_of_all() -> None:
    fields = {"n_initial": 4, "n_fixed": 3, "n_fresh": 2, "n_synth": 5, "bias": 0.8}
    for budget in (None, 11):
        some = Loop(**fields, memory=30, pool="accumulate", pool_cap=30, budget=budget)
        every = Loop(**fields, memory=None, pool="accumulate", budget=budget)
        np.testing.assert_allclose(moment_path(some, 30), moment_path(every, 30), rtol=1e-12)


def test_the_weight_of_sample_shares_is_the_pooled_mean() -> None:
    pooled = Loop(n_initial=4, n_fixed=3, n_fresh=2, n_synth=5, ddof=0)
    weighted = Loop(n_initial=4, n_fixed=3, n_fresh=2, n_synth=5, ddof=0, weight=0.5)
    # With ddof = 0 pooled and weighted moments are the same formula.
    np.testing.assert_allclose(moment_path(pooled, 30), moment_path(weighted, 30), rtol=1e-12)


def test_cost_does_not_depend_on_counts_and_huge_counts_are_right() -> None:
    limit = moment_limit(fresh_data(10**9, 10**9, memory=3))
    assert limit[1] == pytest.approx(1.0, rel=1e-8)
    # Leading order at K = 1: n_e = 1.5 n_r.
    assert 1e9 * moment_limit(fresh_data(10**9, 10**9))[0] == pytest.approx(1 / 1.5, rel=1e-8)


def test_divergence_without_contraction() -> None:
    loop = Loop(
        n_initial=3,
        n_synth=7,
        n_fixed=1,
        memory=2,
        pool="accumulate",
        pool_cap=3,
        budget=6,
        floor=0.1,
    )
    assert moment_radius(loop) > 1
    assert moments.first_moments_limit(loop) == (math.inf, math.inf)


@pytest.mark.parametrize("memory", [1, 3, None])
@pytest.mark.parametrize(
    "pool", [{}, {"pool": "accumulate"}, {"pool": "accumulate", "pool_cap": 3}]
)
def test_with_all_weight_on_real_data_the_first_model_is_forgotten_at_once(memory, pool) -> None:
    # Every later model is a fit to real samples alone, whatever the first one was.
    loop, other = (
        Loop(n_initial=n, n_fresh=50, n_synth=20, memory=memory, weight=1.0, **pool)
        for n in (50, 5)
    )
    for a, b in zip(moment_path(loop, 9), moment_path(other, 9), strict=True):
        assert a[0] != b[0] or np.ptp(a) == 0  # the trace of a fit is that of the truth
        np.testing.assert_allclose(a[1:], b[1:], rtol=1e-12)
    assert moments.forgetting_rate(loop) == 0
    if loop.is_stationary:
        assert not np.linalg.matrix_power(_dense(loop)[0], 20).any()


@pytest.mark.parametrize("memory", [3, 60, 100])
def test_long_memories_with_little_weight_on_them(memory: int) -> None:
    # Lags to the power of the memory leave the range of float64 at the bracket's lower end.
    loop = Loop(n_initial=9, n_fresh=9, n_synth=10**9, memory=memory, weight=1 - 1e-6, bias=0.5)
    # Where n_synth is large, traces follow their own mean over the memory: times (1 - w) bias.
    polynomial = [1.0, *[-(1 - loop.weight) * loop.bias / memory] * memory]
    expected = np.abs(np.roots(polynomial)).max()
    assert moment_radius(loop) == pytest.approx(expected, rel=1e-8)


def test_a_floor_feeds_one_unbiased_model_for_good() -> None:
    assert moments.first_moments_limit(fully_synthetic(6, floor=0.1)) == (math.inf, math.inf)


def test_samples_shared_by_the_first_fit_and_the_fixed_set() -> None:
    # Means of 5 of 8 samples and of all 8: 1/5 - 1/8 apart; of other samples, the sum.
    for n_initial, n_fixed in ((5, 8), (8, 5)):
        shared = System(Loop(n_initial=n_initial, n_fixed=n_fixed, n_synth=4)).first()
        assert shared.D[1, 2] == pytest.approx(3 / 40, rel=1e-15)
    loop = Loop(n_initial=5, n_fixed=8, n_synth=4, bias=0.5, first_generation="biased")
    assert System(loop).first().D[1, 2] == pytest.approx(0.5 / 5 + 1 / 8, rel=1e-15)


@pytest.mark.parametrize("weight", [1e-12, 1e-300, 5e-324])
def test_a_weight_that_rounding_takes_for_none_is_refused(weight: float) -> None:
    loop = Loop(n_initial=60, n_fixed=60, n_synth=77, weight=weight, memory=3, bias=0.5)
    with pytest.raises(UnsupportedLoop, match="per unit of its weight, got"):
        moment_limit(loop)


ENDING = [
    Loop(n_initial=6, n_synth=5, memory=5, bias=0.7),
    Loop(n_initial=6, n_synth=5, memory=2, bias=0.6, first_generation="biased", ddof=0),
    Loop(n_initial=9, n_synth=6, memory=3, bias=0.7, pool="accumulate", pool_cap=3),
    Loop(n_initial=9, n_synth=6, memory=3, bias=0.7, pool="accumulate", pool_cap=3, budget=8),
    Loop(n_initial=9, n_synth=6, n_fixed=4, n_fresh=3, memory=4, bias=0.8, weight=0.0),
]


@pytest.mark.parametrize("loop", ENDING)
def test_where_chance_leads_to_is_where_long_paths_are(loop, monkeypatch) -> None:
    limit, late = moments.first_moments_limit(loop), moment_path(loop, 1500).mean_sq[-1]
    assert limit == (pytest.approx(late, rel=1e-12), 0.0)
    monkeypatch.setattr(first, "_SOLVED", 0)  # by a path as loops of more objects are
    assert moments.first_moments_limit(loop) == (pytest.approx(late, rel=1e-12), 0.0)


@pytest.mark.parametrize(("memory", "bias"), [(45, 0.9), (60, 0.5)])
def test_many_models_come_to_rest_where_they_are_solved_to(memory, bias, monkeypatch) -> None:
    """A path of as many steps as lags at rest grow by was 1 to 6 % off, and called exact."""
    loop = Loop(n_initial=50, n_synth=50, memory=memory, bias=bias)
    walked = moments.first_moments_limit(loop).mean_sq
    monkeypatch.setattr(first, "_SOLVED", 100)
    assert walked == pytest.approx(moments.first_moments_limit(loop).mean_sq, rel=1e-11)


def test_aitkens_step_by_hand() -> None:
    """One geometric term left: its end from any three points; what is still stays."""
    path = 5.0 - 0.98 ** np.arange(400)
    assert first._aitken(path) == pytest.approx(5.0, rel=1e-13)
    assert first._aitken(np.full(3, 2.0)) == 2.0
    assert first._aitken(np.array([1.0, 2.0, 2.5])) == pytest.approx(3.0, rel=1e-15)


def test_where_chance_leads_to_takes_no_path(monkeypatch) -> None:
    made = []
    plain = System.step
    monkeypatch.setattr(System, "step", lambda self, x: made.append(0) or plain(self, x))
    moments.first_moments_limit(Loop(n_initial=6, n_synth=5000, memory=5, bias=0.999))
    assert len(made) == 4 + 1 + 2  # until memory is full; of units; of lags


def test_a_loop_that_dies_slowly_has_a_limit() -> None:
    loop = Loop(n_initial=20, n_synth=2000, memory=2, bias=0.99)
    late = moment_path(loop, 6000)
    assert late.trace[-1] < 1e-15
    assert moment_limit(loop).mean_sq == pytest.approx(late.mean_sq[-1], rel=1e-12)


def test_a_radius_is_found_once(monkeypatch):
    """With a hundred models or batches in sight it takes seconds, and a command asks twice."""
    loop, asked, plain = fresh_data(17, 19, memory=5), [], _Lags.growth
    monkeypatch.setattr(_Lags, "growth", lambda self, rho: (asked.append(rho), plain(self, rho))[1])
    rate = moments.forgetting_rate(loop)
    many = len(asked)
    assert many > 1
    assert moments.forgetting_rate(fresh_data(17, 19, memory=5)) == rate
    assert len(asked) == many


def _copied_radius(n_real, n_synth, memory):
    """The radius at bias 0, where samples are copies of means, by E mu_i.mu_j of all pairs."""
    share, pairs = n_synth / (n_real + n_synth), list(zip(*np.triu_indices(memory), strict=True))
    A = np.zeros((len(pairs), len(pairs)))
    for k, (i, j) in enumerate(pairs):
        G, after = np.zeros((memory, memory)), np.zeros((memory, memory))
        G[i, j] = G[j, i] = 1.0
        own, other = np.trace(G) / memory / n_synth, (1 - 1 / n_synth) * G.mean()
        after[0, 0] = share**2 * (own + other)
        after[0, 1:] = after[1:, 0] = share * G.mean(axis=0)[:-1]
        after[1:, 1:] = G[:-1, :-1]
        A[:, k] = [after[pair] for pair in pairs]
    return np.abs(np.linalg.eigvals(A)).max()


@pytest.mark.parametrize(
    "sizes", [(35, 3, 3), (63_339, 42, 3), (15_054, 605, 5), (1_000, 4, 9), (2, 2, 3)]
)
def test_the_radius_of_few_samples_of_several_models(sizes):
    """Lags of no mean squares grew faster: .128 for .118, .0066 for .0038, .217 for .177."""
    moment_radius.cache_clear()
    n_real, n_synth, memory = sizes
    loop = fresh_data(n_real, n_synth, memory=memory, bias=0.0)
    assert moment_radius(loop) == pytest.approx(_copied_radius(*sizes), rel=1e-9)
    moment_radius.cache_clear()


def test_the_radius_of_few_samples_of_many_models():
    """Two roots lie within a twentieth of each other: the smaller one is not taken."""
    loop = fresh_data(10**5, 10, memory=40, bias=0.0)
    assert moment_radius(loop) == pytest.approx(_copied_radius(10**5, 10, 40), rel=1e-7)


@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(35, 9, memory=7, bias=0.01),
        Loop(n_initial=12, n_fixed=12, n_fresh=9, n_synth=5, memory=6, bias=0.0),
        Loop(n_initial=9, n_fresh=9, n_synth=3, bias=0.3, pool="accumulate", pool_cap=5),
    ],
)
def test_eigenvalues_beyond_a_circle_are_counted(loop):
    lags = first._Lags(first.System(loop))
    moduli = np.sort(np.abs(np.linalg.eigvals(_dense(loop)[0])))[::-1]
    circles = [1.01 * moduli[0], *np.sqrt(moduli[:9] * moduli[1:10])]
    apart = [r for r in circles if np.abs(moduli / r - 1).min() > 1e-3]
    assert len(apart) > 3
    assert [lags.beyond(float(r)) for r in apart] == [int((moduli > r).sum()) for r in apart]


def test_turns_between_two_points_of_a_circle_are_seen():
    """A determinant turns by more than half between some of the first points: 10 were counted."""
    loop = Loop(n_initial=1000, n_fresh=3, n_synth=3, memory=2, pool="accumulate", pool_cap=5)
    moduli = np.abs(np.linalg.eigvals(_dense(loop)[0]))
    assert first._Lags(first.System(loop)).beyond(0.5) == int((moduli > 0.5).sum()) == 12


class _TwoNear:
    """Lags with eigenvalues .7 and .7 less a ten-thousandth, which a coarse search misses."""

    least, inwards = 0.0, 0.9

    @staticmethod
    def aged_map(rho):
        return np.diag([0.7, 0.69993, 0.2])

    @staticmethod
    def beyond(rho):
        return int((np.array([0.7, 0.69993, 0.2]) > rho).sum())


def test_two_near_eigenvalues_are_told_apart():
    assert first._first_of_all(_TwoNear(), 0.9) == pytest.approx(0.7, rel=1e-12)


def test_the_radius_of_few_samples_of_a_pool():
    for memory, cap, bias in ((2, 3, 0.0), (2, 4, 0.1), (1, 6, 0.0)):
        pool = {"pool": "accumulate", "pool_cap": cap, "memory": memory, "bias": bias}
        loop = Loop(n_initial=14_771, n_fresh=14_771, n_synth=33, **pool)
        moment_radius.cache_clear()
        A = _dense(loop)[0]
        assert moment_radius(loop) == pytest.approx(np.abs(np.linalg.eigvals(A)).max(), rel=1e-7)
    moment_radius.cache_clear()


def test_the_radius_where_real_samples_outnumber_all_others():
    # E tr Sigma alone: x^m = share bias/m (x^(m-1) + .. + 1) in 60 digits (mpmath).
    for n_real, memory, n_synth, bias, expected in (
        (10**13, 10, 5, 0.001, 0.0234925112018847),
        (10**13, 5, 5, 0.001, 0.00063103700613107),
        (10**9, 20, 3, 0.001, 0.231484508108946),
        (2**53, 3, 2, 0.001, 4.19861820349691e-7),
    ):
        moment_radius.cache_clear()
        found = moment_radius(fresh_data(n_real, n_synth, bias=bias, memory=memory))
        assert found == pytest.approx(expected, rel=1e-6)


def _iterated(n_real, n_synth, memory, bias, steps=4000):
    """The same at any bias by iteration, all of whose terms are positive: no digit is lost."""
    n, share = n_real + n_synth, n_synth / (n_real + n_synth)
    G, c, logs = np.ones((memory, memory)), np.ones(memory), []
    for _ in range(steps):
        scatter = np.trace(G) / memory + bias * c.mean()
        own = share**2 * (scatter / n_synth + (1 - 1 / n_synth) * G.mean())
        row = share * G.mean(axis=0)
        G[1:, 1:] = G[:-1, :-1].copy()
        G[0, 1:] = G[1:, 0] = row[:-1]
        G[0, 0] = own
        c = np.append((n_synth * scatter - n * own) / (n - 1), c[:-1])
        size = G.sum() + c.sum()
        logs.append(math.log(size))
        G, c = G / size, c / size
    return math.exp(np.mean(logs[-2000:]))


@pytest.mark.parametrize(
    "sizes", [(10**9, 7, 10), (10**14, 7, 5), (10**15, 7, 10), (10**14, 7, 20), (10**12, 7, 40)]
)
@pytest.mark.parametrize("bias", [0.0, 1e-9])
def test_the_radius_of_a_handful_beside_very_many(sizes, bias):
    """Roots lie together, and a difference beside the real data's own moments moved them."""
    moment_radius.cache_clear()
    n_real, n_synth, memory = sizes
    found = moment_radius(fresh_data(n_real, n_synth, memory=memory, bias=bias))
    assert found == pytest.approx(_iterated(*sizes, bias), rel=0.02)
