"""Kernels against plain numpy and mpmath; with and without JIT; the rank-one path twice."""

import json
import math
import os
import subprocess
import sys
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest

from madtheory.simulate.kernels import categories, collapse, fresh, modes, piles
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels.measure import QUANTITIES, near_distance
from madtheory.simulate.kernels.nuclear_norm import nuclear_norm
from madtheory.simulate.kernels.root_trace import WIDE
from madtheory.simulate.kernels.spec import Spec
from madtheory.simulate.kernels.tally import Tally

RNG = np.random.default_rng(2024)


def _lower(rows, cols):
    return np.tril(RNG.standard_normal((rows, cols)))


def _matrices(d):
    graded = np.tril(RNG.standard_normal((d, d))) * 10.0 ** -np.arange(d)
    half = np.r_[np.ones(d // 2), 1e-8 * np.ones(d - d // 2)]
    return {
        "dense": RNG.standard_normal((d, d)),
        "tall": RNG.standard_normal((d + 3, d)),
        "near identity": np.eye(d) + 1e-3 * _lower(d, d),
        "identity": np.eye(d),
        "graded": graded,
        "rank two": RNG.standard_normal((d, 2)) @ RNG.standard_normal((2, d)),
        "rank one": np.ones((d, d)),
        "zero": np.zeros((d, d)),
        "two clusters": half * np.linalg.qr(RNG.standard_normal((d, d)))[0],
        "lower": np.tril(RNG.standard_normal((d, d))),
        "lower, graded": np.tril(RNG.standard_normal((d, d))) * 10.0 ** np.linspace(0, -6, d),
        "lower, singular": np.tril(RNG.standard_normal((d, d)), -1),
        "lower, small": 1e-58 * np.tril(RNG.standard_normal((d, d))) * np.linspace(1, 1e-6, d),
        "huge ratio": RNG.standard_normal((d, d)) * 10.0 ** np.linspace(0, -300, d),
        # Its square is known to four digits beside the largest: no root of an eigenvalue will do.
        "one small": np.linalg.qr(RNG.standard_normal((d, d)))[0] * np.r_[np.ones(d - 1), 1e-6],
    }


@pytest.mark.parametrize("d", [1, 2, 3, 5, 10, 23, 24, 60])
def test_nuclear_norm_is_right_on_singular_matrices(d):
    for name, A in _matrices(d).items():
        sigma = np.linalg.svd(A, compute_uv=False)
        found = nuclear_norm(A.copy(), *A.shape, np.zeros((A.shape[0], A.shape[0])))
        # A few rounding errors of the largest singular value for each of the d.
        assert found == pytest.approx(sigma.sum(), rel=0, abs=1e-14 * d * sigma[0]), name


def test_nuclear_norm_of_many_small_matrices():
    for _ in range(3000):
        rows = int(RNG.integers(1, 9))
        cols = int(RNG.integers(1, rows + 1))
        A = np.round(RNG.standard_normal((rows, cols)) * 2, int(RNG.integers(0, 8)))
        A = A * 10.0 ** RNG.uniform(-RNG.choice([0, 3, 20]), 0, cols)
        sigma = np.linalg.svd(A, compute_uv=False)
        found = nuclear_norm(A.copy(), rows, cols, np.zeros((rows, rows)))
        # Of a Gram matrix sigma_i has an error of some roundings of sigma_1^2 / sigma_i.
        gram = rows == cols and sigma[-1] ** 2 > WIDE * sigma[0] ** 2
        tolerance = 1e-14 * sigma[0] + (4e-16 * (sigma[0] ** 2 / sigma).sum() if gram else 0.0)
        assert found == pytest.approx(sigma.sum(), rel=0, abs=max(tolerance, 1e-314))


@pytest.mark.parametrize(("rows", "k", "k_next"), [(1, 1, 1), (5, 5, 5), (9, 6, 4), (7, 3, 3)])
@pytest.mark.parametrize("trapezoidal", [True, False])
def test_times_lower(rows, k, k_next, trapezoidal):
    G = _lower(rows, k) if trapezoidal else RNG.standard_normal((rows, k))
    T = _lower(k, k_next)
    room, expected = np.zeros((rows, rows)), np.zeros((rows, k))
    room[:, :k] = G
    expected[:, :k_next] = G @ T
    la.times_lower(room, T, rows, k, k_next, trapezoidal, np.zeros(rows))
    np.testing.assert_allclose(room[:, :k], expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (4, 4), (9, 9), (10, 6), (6, 11)])
@pytest.mark.parametrize("trapezoidal", [True, False])
def test_add_gram(rows, cols, trapezoidal):
    F = _lower(rows, cols) if trapezoidal else RNG.standard_normal((rows, cols))
    out = np.ones((rows, rows))
    la.add_gram(F, rows, cols, trapezoidal, out)
    np.testing.assert_allclose(np.tril(out), np.tril(1 + F @ F.T), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("size", [1, 2, 4, 5, 8, 13])
def test_cholesky(size):
    F = RNG.standard_normal((size, size + 3))
    M = F @ F.T
    assert la.cholesky(M, size)
    np.testing.assert_allclose(np.tril(M), np.linalg.cholesky(F @ F.T), rtol=1e-11, atol=1e-12)


def test_cholesky_refuses_a_tiny_pivot_and_reflections_take_over():
    F = np.concatenate([RNG.standard_normal((5, 2)), 1e-9 * RNG.standard_normal((5, 5))], axis=1)
    assert not la.cholesky(F @ F.T, 5)
    L = np.zeros((5, 5))
    la.lower_factor(F.copy(), 5, 7, L)
    with mpmath.workdps(60):
        exact = mpmath.matrix(F.tolist())
        log_det = float(mpmath.log(mpmath.det(exact * exact.T)))
    # 2 log |L_ii| of a Gram matrix of condition number 1e18, from the factor.
    assert 2 * np.log(np.abs(np.diag(L))).sum() == pytest.approx(log_det, abs=1e-6)
    np.testing.assert_allclose(L @ L.T, F @ F.T, rtol=0, atol=1e-14)


def test_lower_factor_of_a_singular_stack():
    F = np.zeros((4, 6))
    F[:, 0] = 1.0
    L = np.zeros((4, 4))
    la.lower_factor(F.copy(), 4, 6, L)
    np.testing.assert_allclose(L @ L.T, np.ones((4, 4)), atol=1e-15)


def _mp_bures(s, E):
    """Bures distance^2 between S and S^(1/2) (I + E) S^(1/2), 60 digits."""
    with mpmath.workdps(60):
        X = mpmath.matrix(E.tolist()) + mpmath.eye(s.size)
        root = mpmath.diag([mpmath.sqrt(float(x)) for x in s])
        Sigma = root * X * root
        values = mpmath.eigsy(root * Sigma * root, eigvals_only=True)
        fidelity = mpmath.fsum(mpmath.sqrt(x) for x in values)
        trace = mpmath.fsum(Sigma[i, i] for i in range(s.size))
        return float(trace + mpmath.fsum(s.tolist()) - 2 * fidelity)


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("scale", [1e-2, 1e-5, 1e-9])
def test_near_distance_does_not_cancel(size, scale):
    s = 10.0 ** -(np.arange(size, dtype=float) ** 2)
    E = _lower(size, size) * scale
    E = E + E.T
    assert near_distance(E, s, size) == pytest.approx(_mp_bures(s, E), rel=1e-12)


def test_powers_of_two_saturate():
    assert la.power_of_two(-5000) == 0.0
    assert la.power_of_two(5000) == math.inf
    assert la.power_of_two(-3) == 0.125
    assert la.scaled(1e-300, 1200) == pytest.approx(1e-300 * 2.0**600 * 2.0**600, rel=1e-15)
    assert la.scaled(0.0, 5000) == 0.0


def test_rescale_changes_nothing_but_the_scale():
    G = _lower(5, 4) * 10.0 ** np.array([0.0, -60, 40, -200])
    kept, e, ratio = G.copy(), np.zeros(4, np.int64), np.zeros((5, 5))
    room = np.zeros((5, 5))
    room[:, :4] = G
    la.rescale(room, e, ratio, 5, 4)
    np.testing.assert_array_equal(np.ldexp(room[:, :4], e), kept)
    assert np.abs(room[:, :4]).max(axis=0) == pytest.approx(np.full(4, 0.75), abs=0.25)
    assert ratio[3, 1] == 2.0 ** float(e[3] - e[1])


def _chunk(kernel, spec, s, slots, quantities, replicates, seed):
    shape = (len(quantities), int(slots.max()) + 1)
    paths = np.zeros((replicates, *shape))
    rng = np.random.Generator(np.random.PCG64(seed))
    wanted = np.array(quantities, dtype=np.int64)
    tally = Tally(0, replicates, slots, wanted, np.zeros(shape), np.zeros(shape), paths)
    kernel(rng, spec._replace(log_det=float(np.log(s).sum())), s, tally)
    return paths


NONE = dict.fromkeys({*Spec._fields} - {*Spec._field_defaults}, 0.0) | {
    "memory": 1,
    "cap": 1,
    "weight": -1.0,
}


COLLAPSE = (collapse.collapse_line_chunk, collapse.collapse_chunk)
FRESH = (fresh.fresh_line_chunk, fresh.fresh_chunk)


@pytest.mark.parametrize(
    ("kernels", "loop"),
    [
        (COLLAPSE, {"n_initial": 5.0, "n_synth": 4.0, "ddof": 1.0}),
        (COLLAPSE, {"n_initial": 5.0, "n_synth": 2.0}),
        (FRESH, {"n_initial": 5.0, "n_fresh": 3.0, "n_synth": 4.0, "ddof": 1.0}),
        (FRESH, {"n_initial": 2.0, "n_fresh": 1.0, "n_synth": 1.0}),
    ],
)
@pytest.mark.parametrize("biases", [(1.0, 0.9), (0.9, 0.9), (1.0, 0.0), (0.0, 0.0)])
def test_rank_one_path_agrees_with_the_general_kernel(kernels, loop, biases):
    s, slots = np.array([2.5]), np.arange(60)
    spec = Spec(**NONE | loop | {"first_bias": biases[0], "bias": biases[1]})
    a, b = (_chunk(kernel, spec, s, slots, range(len(QUANTITIES)), 5, 3) for kernel in kernels)
    # W2^2 near 0 cancels in the general kernel: absolute there.
    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


SCRIPT = """
import json, sys
import numpy as np
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.simulate import QUANTITIES, simulate
loops = [fully_synthetic(4, bias=0.9), fresh_data(3, 4, bias=0.8), fresh_data(9, 5, n_initial=3)]
loops += [
    Loop(n_initial=7, n_fixed=4, n_fresh=2, n_synth=9, memory=3, pool="accumulate", pool_cap=2),
    Loop(n_initial=3, n_fixed=4, n_synth=2, memory=None, shrinkage=0.1, floor=0.1, weight=0.5),
    Loop(n_initial=6, n_synth=6, memory=2, pool="accumulate", bias=0.5),
]
cases = [(loop, s) for loop in loops for s in ([2.0], [2.0, 1.0, 0.5, 0.0], [1.0] * 6)]
out = []
for loop, s in cases:
    run = simulate(loop, s, generations=6, replicates=4, threads=1, record=QUANTITIES)
    out.append([run.mean[name].tolist() for name in QUANTITIES])
print(json.dumps(out))
"""


def _states(disable_jit):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": disable_jit}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return np.array(json.loads(done.stdout))


def test_without_jit_the_states_agree():
    np.testing.assert_allclose(_states("0"), _states("1"), rtol=1e-12, atol=1e-14)


def test_merged_parts_have_the_scatter_of_their_union():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((5, 3)), 2.0 + rng.standard_normal((4, 3))
    pile = piles.new_pile.py_func(3)
    for part in (x, y):
        centred = (part - part.mean(axis=0)).T.copy()
        pile.M[:] += np.tril(centred @ centred.T)
        piles.add_part.py_func(
            pile, float(len(part)), part.mean(axis=0), centred, len(part), len(part) - 1.0
        )
    both = np.concatenate([x, y])
    scatter = np.cov(both.T) * (len(both) - 1)
    F = pile.F[:, : int(pile.size[piles.WIDTH])]
    np.testing.assert_allclose(pile.mean, both.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(pile.M, np.tril(scatter), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(F @ F.T, scatter, rtol=1e-12)


def test_measures_of_counts_are_those_of_their_shares():
    counts, p = np.array([3, 0, 6, 1]), np.array([0.2, 0.1, 0.4, 0.3])
    out, share = np.zeros(6), np.array([0.3, 0.6, 0.1])
    categories.measure.py_func(counts, np.array([0, 2, 3]), 3, 10.0, p, 2, out)
    entropy = -(share * np.log(share)).sum()
    expected = [3, 0.9, 1 - (share**2).sum(), 0.6, entropy, 0.6]
    np.testing.assert_allclose(out, expected, rtol=1e-14)


def test_a_mode_s_mean_is_that_of_all_its_samples(monkeypatch):
    """Drawn without deviations, the parts' means are their centres."""

    def centre(rng, count, center, root, scale, T, mean, F, start):
        mean[:] = center

    monkeypatch.setattr(modes, "draw_part", centre)
    monkeypatch.setattr(modes, "normalise", lambda *_: None)
    spec = SimpleNamespace(centers=np.array([[8.0, 0.0]]), ddof=1.0, floor=0.0)
    flat = np.zeros((2, 2))
    state = SimpleNamespace(counts=np.array([0]), means=np.array([[0.0, 4.0]]), roots=[flat.copy()])
    room = SimpleNamespace(
        synthetic=[3], real=[1], real_root=flat, T=flat.copy(), mean=flat.copy(), F=np.zeros((2, 7))
    )
    modes.fit_mode.py_func(np.random.default_rng(0), spec, 0, 1.0, state, room)
    np.testing.assert_allclose(state.means[0], [2.0, 3.0], rtol=1e-15)
