"""The general sampler: against exact moments, the special kernels, and the data themselves.

As in test_simulate: |z| < 4.5 passes (two-sided 7e-6), and a test with power demands that its
error (2 % unless it says otherwise) would lie 6.9 standard errors away: seen with probability
above 0.99.
"""

import dataclasses
import math

import numpy as np
import pytest
from scipy.special import digamma, polygamma

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.simulate import QUANTITIES, simulate, simulate_plain

ACCEPT, NEED = 4.5, 6.9
S = (1.3, 1.0, 0.7)
#: First moments average over directions: of eight, half the time shows as much as of three.
MANY = (1.5, 1.3, 1.2, 1.0, 0.9, 0.8, 0.7, 0.6)
FIRST = ("mean_sq", "trace")


def _check(estimate, se, exact, *, error=0.02):
    z = (estimate - exact) / se
    assert np.abs(z).max() < ACCEPT, z
    assert (error * np.abs(exact) / se).min() > NEED, "no power"


def _replicates(s):
    """Fewer where the squared norm of a mean averages over more directions."""
    return int(390_000 * sum(x * x for x in s) / sum(s) ** 2)


def _check_first(loop, s, mean_sq, trace):
    options = {"generations": len(trace), "replicates": _replicates(s), "seed": 1}
    run = simulate(loop, s, record=FIRST, **options)
    _check(run.mean["trace"], run.se["trace"], np.array(trace) * sum(s))
    _check(run.mean["mean_sq"], run.se["mean_sq"], np.array(mean_sq) * sum(s))


# --- closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loop", "s"),
    [
        (synthetic_augmentation(20, 10), MANY),
        (synthetic_augmentation(10, 25, bias=0.7), (2.0,)),
        (synthetic_augmentation(10, 25, bias=0.7), MANY),
        (synthetic_augmentation(10, 25, bias=0.7, ddof=0), MANY),
    ],
)
def test_fixed_real_set(loop, s):
    """theory.md 3.1, with D = E |mu - x_r|^2."""
    n_r, n_s, n, lam = loop.n_fixed, loop.n_synth, loop.n_train, loop.bias
    D, C, mean_sq, trace = 0.0, (n_r - 1) / (n_r - loop.ddof), [], []
    for _ in range(4):
        mean_sq.append(1 / n_r + D)
        trace.append(C)
        gap = D + lam * C / n_s
        D, C = (n_s / n) ** 2 * gap, (n_r - 1) + (n_s - 1) * lam * C + n_r * n_s / n * gap
        C /= n - loop.ddof
    _check_first(loop, s, mean_sq, trace)


@pytest.mark.parametrize("bias", [1.0, 0.6])
@pytest.mark.parametrize(("n_r", "n_s"), [(12, 12), (20, 7)])
def test_growing_pool(bias, n_r, n_s):
    """theory.md 3.2: the mean for every bias, the trace as its power law."""
    loop = synthetic_augmentation(n_r, n_s, bias=bias, pool="accumulate")
    M, C, N, mean_sq, trace = 1 / n_r, 1.0, n_r, [], []
    for _ in range(6):
        mean_sq.append(M)
        trace.append(C)
        M += bias * n_s * C / (N + n_s) ** 2
        C *= ((N - 1) + bias * (n_s - 1 + N / (N + n_s))) / (N + n_s - 1)
        N += n_s
    _check_first(loop, MANY, mean_sq, trace)


def _memory_moments(loop, generations):
    """theory.md 2.8 with all cross moments R_ij = E mu_i' mu_j, per unit of tr Sigma_0."""
    n_r, n_s, n, lam = loop.n_fresh, loop.n_synth, loop.n_train, loop.bias
    R, C = np.zeros((generations, generations)), np.zeros(generations)
    R[0, 0], C[0] = loop.first_bias / loop.n_initial, loop.first_scale
    for t in range(1, generations):
        last = slice(0 if loop.memory is None else max(t - loop.memory, 0), t)
        R[t, :t] = R[:t, t] = n_s / n * R[last, :t].mean(axis=0)
        middle = R[last, last].mean()
        scatter = lam * C[last].mean() + np.diag(R)[last].mean() - middle
        synthetic = middle + scatter / n_s
        R[t, t] = n_r / n**2 + (n_s / n) ** 2 * synthetic
        gap = (1 / n_r if n_r else 0.0) + synthetic
        C[t] = (max(n_r - 1, 0) + (n_s - 1) * scatter + n_r * n_s / n * gap) / (n - loop.ddof)
    return np.diag(R), C


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(12, 20, bias=0.9, memory=3),
        fresh_data(12, 4, memory=None, n_initial=5, first_generation="biased", bias=0.8),
        fresh_data(9, 20, bias=0.9, memory=10, ddof=0),
        fully_synthetic(15, bias=0.9, n_initial=6),
        fully_synthetic(15, bias=0.9, n_initial=6, ddof=0),
    ],
)
def test_memory(loop):
    loop = dataclasses.replace(loop, memory=2) if loop.n_real == 0 and loop.ddof else loop
    _check_first(loop, MANY, *_memory_moments(loop, 5))


@pytest.mark.parametrize("weight", [0.25, 1.0, 0.0])
@pytest.mark.parametrize("ddof", [0, 1])
def test_weights(weight, ddof):
    """theory.md 2.9: the first moments of the weighted fit."""
    loop = fresh_data(12, 20, bias=0.9, weight=weight, ddof=ddof)
    n_r, n_s, w = loop.n_fresh, loop.n_synth, weight
    M, C, mean_sq, trace = 1 / n_r, loop.first_scale, [], []
    for _ in range(4):
        mean_sq.append(M)
        trace.append(C)
        synthetic = M + 0.9 * C / n_s
        within = w * (n_r - 1) / (n_r - ddof) + (1 - w) * (n_s - 1) / (n_s - ddof) * 0.9 * C
        M = w**2 / n_r + (1 - w) ** 2 * synthetic
        C = within + w * (1 - w) * (1 / n_r + synthetic)
    _check_first(loop, MANY, mean_sq, trace)


@pytest.mark.parametrize(("s", "ddof"), [(MANY, 0), (MANY, 1), ((2.0, 1.0, 0.0, 0.0), 0)])
def test_shrinkage_and_floor(s, ddof):
    """First moments, and E tr Sigma_t^2 by (1.5) with shrinkage and floor in between."""
    loop = fully_synthetic(20, bias=0.9, shrinkage=0.3, floor=0.2, ddof=ddof)
    d, total, ridge, a = len(s), sum(s), 0.2 * sum(s) / len(s), 0.3
    C, M, p, q = total, 0.0, sum(x * x for x in s), total**2
    record = ("mean_sq", "trace", "trace_squared", "squared_trace")
    exact = []
    for t in range(4):
        m, lam = loop.dof, loop.bias if t else 1.0
        M += lam * C / loop.n_synth
        scale = lam * m / (loop.n_synth - ddof)
        C *= scale
        p, q = scale**2 * (p + (p + q) / m), scale**2 * (q + 2 * p / m)
        p = (1 - a) ** 2 * p + (1 - (1 - a) ** 2) * q / d
        p, q, C = (
            p + 2 * ridge * C + d * ridge**2,
            q + 2 * d * ridge * C + (d * ridge) ** 2,
            C + d * ridge,
        )
        exact.append((M, C, p, q))
    run = simulate(loop, s, generations=4, replicates=_replicates(s), seed=2, record=record)
    for name, value in zip(record, np.array(exact).T, strict=True):
        _check(run.mean[name], run.se[name], value)


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plain", "general"),
    [
        (fresh_data(8, 6, bias=0.8), {"pool": "accumulate", "pool_cap": 1}),
        (fully_synthetic(9, bias=0.8), {"pool": "accumulate", "pool_cap": 1}),
        (fully_synthetic(9, bias=0.8, n_initial=5), {"n_fresh": 3, "weight": 0.0}),
        (fresh_data(8, 6, bias=0.8, ddof=0), {"pool": "accumulate", "pool_cap": 1}),
    ],
)
@pytest.mark.parametrize("s", [S, pytest.param((1.0,) * 12, marks=pytest.mark.full)])
def test_general_kernel_has_the_law_of_the_special_ones(plain, general, s):
    """Two independent implementations, in full also where d > n; 5 % would be seen."""
    options = {"generations": 4, "replicates": 50_000, "record": QUANTITIES}
    a = simulate(plain, s, seed=3, **options)
    b = simulate(dataclasses.replace(plain, **general), s, seed=4, **options)
    for name in QUANTITIES:
        sure = np.isfinite(a.mean[name])
        np.testing.assert_array_equal(sure, np.isfinite(b.mean[name]))
        gap = np.abs(a.mean[name][sure] - b.mean[name][sure])
        assert (gap < ACCEPT * np.hypot(a.se[name], b.se[name])[sure]).all(), name
    for name in ("trace", "w2_squared"):
        assert (0.05 * a.mean[name] > NEED * np.hypot(a.se[name], b.se[name])).all()


MIXED = Loop(
    n_initial=9, n_fixed=6, n_fresh=4, n_synth=5, memory=2, pool="accumulate", pool_cap=3, bias=0.9
)


@pytest.mark.parametrize("change", [{}, {"weight": 0.4}, {"ddof": 0}, {"pool_cap": None}])
def test_affine_equivariance(change):
    """The same variates with any Sigma_0: exactly the conjugated loop."""
    loop = dataclasses.replace(MIXED, **change)
    options = {"generations": 5, "replicates": 5, "seed": 5, "chunk": 5, "keep_paths": True}
    record = ("mean_sq", "trace", "log_det")
    one = simulate(loop, (1.0, 1.0), record=record, **options).paths
    two = simulate(loop, (4.0, 4.0), record=record, **options).paths
    for name in ("mean_sq", "trace"):
        np.testing.assert_allclose(two[name], 4 * one[name], rtol=1e-12)
    other = simulate(loop, (5.0, 0.1), record=record, **options).paths
    # Cholesky of a Gram matrix: log det is right to the condition number times rounding.
    np.testing.assert_allclose(other["log_det"], one["log_det"] + math.log(0.5), rtol=0, atol=1e-9)


def test_raw_coordinates_meet_whitened_ones():
    """A floor of 1e-12 changes nothing that can be seen: both coordinate systems, same variates."""
    options = {"generations": 5, "replicates": 5, "seed": 5, "chunk": 5, "keep_paths": True}
    white = simulate(MIXED, S, record=QUANTITIES, **options).paths
    raw = simulate(dataclasses.replace(MIXED, floor=1e-12), S, record=QUANTITIES, **options).paths
    for name in QUANTITIES:
        np.testing.assert_allclose(raw[name], white[name], rtol=1e-9, atol=1e-9, err_msg=name)


def test_a_memory_that_reaches_back_to_the_start_is_all_of_it():
    loop = dataclasses.replace(MIXED, memory=None)
    digests = {
        simulate(
            dataclasses.replace(loop, memory=k), S, generations=5, replicates=20, seed=6, chunk=9
        ).digest
        for k in (None, 4, 5, 50)
    }
    assert len(digests) == 1


def test_a_cap_or_budget_that_never_binds_is_none():
    loop = dataclasses.replace(MIXED, pool_cap=None)
    changes = ({}, {"pool_cap": 4}, {"pool_cap": 9}, {"budget": 6 + 4 * 5})
    digests = {
        simulate(
            dataclasses.replace(loop, **change), S, generations=5, replicates=20, seed=6, chunk=9
        ).digest
        for change in changes
    }
    assert len(digests) == 1


def test_a_long_collapse_keeps_its_rank():
    """(1.3) at t = 3000, log det near -15,000, with theoretical errors, in the general kernel."""
    n, d, t, replicates = 9, 4, 3000, 40
    loop = Loop(n_initial=n, n_synth=n, bias=0.5, pool="accumulate", pool_cap=1)
    run = simulate(
        loop, np.ones(d), generations=t, replicates=replicates, at=(t,), seed=1, record=QUANTITIES
    )
    half = (n - 1 - np.arange(d)) / 2
    exact = d * (t - 1) * math.log(0.5) + t * (digamma(half) - math.log((n - 1) / 2)).sum()
    se = math.sqrt(t * polygamma(1, half).sum() / replicates)
    _check(run.mean["log_det"], se, np.array([exact]))
    assert run.mean["trace"][0] == 0.0
    assert run.mean["w2_squared"][0] == pytest.approx(run.mean["mean_sq"][0] + d, rel=1e-13)


@pytest.mark.parametrize(
    "change", [{"memory": 2}, {"memory": 3, "pool": "accumulate", "pool_cap": 2}]
)
def test_a_long_collapse_with_memory_has_constant_rates(change):
    """log det and log tr fall as fast late as early: neither ends in rounding; 16 % is seen."""
    loop = dataclasses.replace(fully_synthetic(8, bias=0.9), **change)
    at = (500, 1000, 2000)
    run = simulate(
        loop,
        np.ones(5),
        generations=2000,
        replicates=100,
        at=at,
        seed=2,
        record=("log_det", "log_trace"),
        keep_paths=True,
    )
    for values in run.paths.values():
        early, late = (values[:, 1] - values[:, 0]) / 500, (values[:, 2] - values[:, 1]) / 1000
        gap = early - late
        se = gap.std(ddof=1) / math.sqrt(len(gap))
        assert abs(gap.mean()) < ACCEPT * se
        assert NEED * se < 0.16 * abs(late.mean()), "no power"


# --- the data -------------------------------------------------------------------------------------

LOOPS = {
    "mixed": MIXED,
    "fixed in first": Loop(n_initial=14, n_fixed=6, n_synth=8, bias=0.9),
    "first in fixed": Loop(n_initial=4, n_fixed=14, n_synth=8, bias=0.9, ddof=0),
    "apart": Loop(n_initial=6, n_fixed=8, n_synth=8, bias=0.7, first_generation="biased"),
    "memory": Loop(n_initial=9, n_synth=9, memory=3, bias=0.9),
    "all models": Loop(n_initial=9, n_fixed=5, n_synth=3, memory=None, bias=0.9),
    "pool": Loop(n_initial=9, n_fresh=5, n_synth=6, memory=2, pool="accumulate", bias=0.9),
    "cap": Loop(n_initial=9, n_synth=9, memory=None, pool="accumulate", pool_cap=2, bias=0.9),
    "weight": dataclasses.replace(MIXED, weight=0.3, ddof=0),
    "weight and pool": Loop(
        n_initial=9, n_fixed=7, n_synth=8, weight=0.6, pool="accumulate", bias=0.8
    ),
    "shrinkage": dataclasses.replace(MIXED, shrinkage=0.3),
    "floor": Loop(n_initial=9, n_fresh=6, n_synth=8, memory=2, floor=0.2, weight=0.4, bias=0.9),
    "both": Loop(n_initial=9, n_fixed=6, n_synth=8, shrinkage=0.2, floor=0.1, ddof=0, bias=0.9),
    "one sample each": Loop(n_initial=9, n_fixed=1, n_fresh=8, n_synth=1, memory=2, bias=0.9),
    "no bias": Loop(n_initial=9, n_fixed=6, n_fresh=6, n_synth=4, bias=0.0, memory=2),
}
RECORD = ("mean_sq", "trace", "w2_squared", "trace_squared", "log_det", "mean_quadratic")


def _against_the_data(loop, s, replicates, errors):
    exact = simulate(
        loop,
        s,
        generations=4,
        replicates=max(30_000, 2 * replicates),
        at=(1, 2, 4),
        seed=7,
        record=RECORD,
    )
    plain = simulate_plain(
        loop, s, generations=4, replicates=replicates, at=(1, 2, 4), seed=8, record=RECORD
    )
    for name in RECORD:
        sure = np.isfinite(exact.mean[name])
        assert sure.all() or name == "log_det"
        se = np.hypot(exact.se[name], plain.se[name])
        gap = np.abs(exact.mean[name][sure] - plain.mean[name][sure])
        assert (gap < ACCEPT * se[sure]).all(), (name, gap / se[sure])
        if name in errors:
            # Of a log-determinant: what 2 % on every eigenvalue does to it.
            size = len(s) if name == "log_det" else exact.mean[name]
            assert (errors[name] * size > NEED * se)[sure].all(), (name, se / size)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_against_the_data(loop):
    """Same law as drawing every sample; 12 % of the trace would be seen, 20 % of W2^2."""
    errors = {"trace": 0.12, "w2_squared": 0.2, "log_det": 0.2}
    _against_the_data(loop, S, 1_500, errors)


@pytest.mark.thinned(3)
@pytest.mark.parametrize("name", ["mixed", "both", "weight and pool", "floor"])
def test_singular_reference_against_the_data(name):
    _against_the_data(LOOPS[name], (2.0, 0.5, 0.0), 1_500, {"trace": 0.15, "w2_squared": 0.2})


@pytest.mark.full
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_against_the_data_with_power(loop):
    """2 % would be seen in every quantity."""
    errors = dict.fromkeys(RECORD[:-1], 0.02)
    _against_the_data(loop, (1.3, 1.2, 1.1, 1.0, 0.9, 0.8), 75_000, errors)


def test_budget_against_the_definition():
    """A budget of all real and one synthetic sample more, drawn anew: exact first moments.

    With n_f fixed and P pooled samples, a subsample of b has E |mean|^2 = q/b + (b - 1)/b c, with
    q and c the mean square and mean cross product in the pool, taken from the unsubsampled loop.
    """
    loop = Loop(n_initial=8, n_fixed=8, n_synth=6, pool="accumulate", budget=9, bias=0.8)
    run = simulate(loop, (1.0,) * 8, generations=2, replicates=4_000, seed=9, record=FIRST)
    C, n_f, n_s, b = 1.0, 8, 6, 9
    N = n_f + n_s
    # Of the N points: E |x|^2, and E x'y of two different ones, given gen. 1 = the fixed set.
    square = (n_f * 1.0 + n_s * (1 / n_f + 0.8 * C)) / N
    total = (n_f + n_s) ** 2 / n_f + n_s * 0.8 * C
    cross = (total - N * square) / (N * (N - 1))
    mean_sq = square / b + (b - 1) / b * cross
    trace = square - cross
    _check(run.mean["trace"][1], run.se["trace"][1], np.array([8 * trace]), error=0.03)
    _check(run.mean["mean_sq"][1], run.se["mean_sq"][1], np.array([8 * mean_sq]), error=0.06)
