"""Numbers of the audit's result that need no loop: total variance, its interval, its units."""

import math

import numpy as np
import pytest
from scipy import stats

from madtheory import audit, metrics
from madtheory.audit import run
from madtheory.laws.bures import bures_squared
from madtheory.metrics.frechet import own_error
from madtheory.spectrum import baseline
from madtheory.theory import worth

X = np.random.default_rng(4).exponential(size=(7, 3)) * [1.0, 2.0, 4.0]


@pytest.mark.parametrize(("level", "quantile"), [(0.95, 1.959964), (0.8, 1.281552)])
def test_total_variance_has_the_normal_interval_of_its_rows(level, quantile):
    found = run._trace(X, level)
    assert found.value == pytest.approx(np.trace(np.cov(X.T)), rel=1e-12)
    squares = np.square(X - X.mean(axis=0)).sum(axis=1)
    half = quantile * float(stats.sem(squares))
    assert found.high == pytest.approx(found.value + half, rel=1e-6)
    assert found.low == pytest.approx(max(0.0, found.value - half), rel=1e-6)


def test_total_variance_is_covered():
    """2,000 sets of 400 rows of a Gaussian: coverage .95 less .003 or so, 4.5 errors of .0049."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(2000):
        found = run._trace(rng.standard_normal((400, 2)) * [1.0, 2.0], 0.95)
        hits += found.low < 5 < found.high
    assert hits / 2000 == pytest.approx(0.947, abs=0.022)


def test_a_generation_in_the_units_of_the_data():
    real, x = (np.random.default_rng(i).standard_normal((40, 2)) for i in (1, 2))
    found, plain = (run._generation(real, x, e, 5, 0.9) for e in (3, 0))
    both = metrics.precision_recall(real, x, k=5, level=0.9)
    assert (found.precision, found.recall) == (both.precision, both.recall)
    assert found.fid.value == 64 * metrics.fid(real, x, level=0.9).value == 64 * plain.fid.value
    assert (found.trace.low, found.trace.high) == (64 * plain.trace.low, 64 * plain.trace.high)


def test_worth_where_the_distance_is_none():
    # All columns but two are the sum of these: rounding along the other axes is left out.
    columns = np.hstack([np.eye(2), np.ones((2, 6))])
    real = np.random.default_rng(3).standard_normal((50, 2)) @ columns
    far, near = (run.n_eff(real, metrics.Measured(v, v / 2, 2 * v)) for v in (0.4, 0.2))
    assert math.isinf(run.n_eff(real, metrics.Measured(-0.1, -0.2, 0.3)).value)
    assert far.low < far.value < far.high
    assert far.value < near.value
    two = real @ np.linalg.svd(real - real.mean(axis=0))[2][:2].T
    assert run.n_eff(two, metrics.Measured(0.4, 0.2, 0.8)).value == pytest.approx(
        far.value, rel=1e-9
    )


def test_worth_where_the_real_set_has_the_same_error():
    """REAL is the first training set: the last file walks from it, and shares its error."""
    rng, d, n = np.random.default_rng(5), 6, 200
    real = rng.standard_normal((n, d))
    distance = metrics.Measured(0.01, 0.005, 0.02)
    plain, shared = run.n_eff(real, distance), run.n_eff(real, distance, shares=True)
    assert (shared.value, shared.high) == (plain.value, plain.high)
    # 2 E W2^2 of the n rows more, by halves of these a tenth more: 1/n_e is 1/n_e + 2/n.
    own = own_error(real) / float(baseline(n, np.ones(d)).value)
    assert 1 / shared.low == pytest.approx(1 / plain.low + max(1, own) * 2 / n, rel=0.05)
    # Whatever the first file says: a model fitted to a part of its rows is as far as other data.
    far = rng.standard_normal((n, d)) + 0.3
    found = [audit.audit(real, [far], apart=apart).n_eff for apart in (False, True)]
    assert found[0].high == found[1].high
    assert 1 / found[0].low == pytest.approx(1 / found[1].low + max(1, own) * 2 / n, rel=0.05)


def test_worth_allows_for_the_error_of_rows_with_outliers():
    """3 % of rows are five times as far out: covariances of their fits err by five times more."""
    rng, d, n, draws = np.random.default_rng(6), 6, 400, 200

    def rows(n):
        return rng.standard_normal((n, d)) * np.where(rng.random((n, 1)) < 0.03, 5.0, 1.0)

    law = np.eye(d) * (0.97 + 0.03 * 25)
    true = np.mean([
        np.square(x.mean(axis=0)).sum() + bures_squared(np.cov(x.T), law)
        for x in (rows(n) for _ in range(draws))
    ])  # fmt: skip
    told = [own_error(rows(n)) for _ in range(draws)]
    assert np.mean(told) == pytest.approx(true, rel=0.1)
    assert true > 2.5 * float(baseline(n, np.diag(law)).value)
    real, distance = rows(n), metrics.Measured(0.01, 0.005, 0.02)
    shared = run.n_eff(real, distance, shares=True).low
    whole = worth.effective_sample_size(
        0.02 + 2 * own_error(real), np.linalg.eigvalsh(np.cov(real.T))
    )
    assert shared == pytest.approx(whole, rel=0.05)


def test_rows_enough_for_the_neighbour_and_sizes_of_one_set():
    found = audit.audit(X[:6], [X[:6] + 1], k=5, n_synth=[50])
    assert (found.training_size, found.p_value, found.p_value_walk) == (50.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="at least 6 rows"):
        audit.audit(X[:6], [X[:5] + 1], k=5)
    assert math.isinf(audit.audit(X, [X + 1]).training_size)
    with pytest.raises(ValueError, match="n_synth must be at least 2, got 1"):
        audit.audit(X, [X + 1], n_synth=[1])


@pytest.mark.parametrize("exponent", [500, -500])
def test_features_that_are_too_far_out_are_refused(exponent):
    for e, fine in ((exponent, True), (exponent + (1 if exponent > 0 else -1), False)):
        one = [np.full((2, 1), math.ldexp(0.75, e))]
        if fine:
            assert run._unit(one) == e
        else:
            with pytest.raises(ValueError, match="must be within 1e-150 and 1e150"):
                run._unit(one)
