"""Variances along the eigenvectors of real data."""

import numpy as np
import pytest

from madtheory.audit import audit
from madtheory.metrics import direction_variances


def test_by_the_eigenvectors_of_the_covariance():
    rng = np.random.default_rng(0)
    real, later = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=(9, 4))
    found = direction_variances(real, [later, 2 * later])
    values, vectors = np.linalg.eigh(np.cov(real.T))
    np.testing.assert_allclose(found.real, values[::-1], rtol=1e-12)
    along = np.diag(vectors.T @ np.cov(later.T) @ vectors)[::-1]
    np.testing.assert_allclose(found.generations, [along, 4 * along], rtol=1e-12)


def test_fewer_rows_than_columns_leave_the_rest_without_variance():
    rng = np.random.default_rng(1)
    real = rng.normal(size=(3, 5))
    found = direction_variances(real, [rng.normal(size=(7, 5))])
    assert (found.real[2:] == 0).all()
    assert found.generations.shape == (1, 2)


def test_units_do_not_matter():
    rng = np.random.default_rng(2)
    real, later = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    huge = direction_variances(real * 2.0**400, [later * 2.0**400])
    plain = direction_variances(real, [later])
    np.testing.assert_allclose(huge.generations, np.ldexp(plain.generations, 800), rtol=1e-13)


def test_another_width_is_refused():
    with pytest.raises(ValueError, match="generation 2 must have 2 columns like real, got 3"):
        direction_variances(np.eye(2), [np.eye(2), np.eye(3)])


def test_real_data_without_variance_are_refused():
    rows = np.tile([3.3043707618338715e-06, -1.3031572316043611e-05], (7, 1))  # their mean rounds
    with pytest.raises(ValueError, match="real must have rows that differ, got 7 equal ones"):
        direction_variances(rows, [np.eye(2)])
    with pytest.raises(ValueError, match="real must have rows that differ, got 5 equal ones"):
        direction_variances(np.ones((5, 2)), [np.eye(2)])


@pytest.mark.parametrize("size", [1e-300, 1e200])
def test_variances_beyond_float64_are_refused(size):
    x = np.random.default_rng(3).normal(size=(9, 2)) * size
    with pytest.raises(ValueError, match="features must have variances that float64 can hold"):
        direction_variances(x, [x])


def test_a_direction_of_a_millionth_of_the_variance_is_one():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(40, 2)) * [1.0, 1e-4]
    found = direction_variances(real, [real])
    np.testing.assert_allclose(found.generations[0], found.real, rtol=1e-9)
    assert found.real[1] > 0


def test_rows_that_differ_by_nothing_beside_a_generation_are_not_equal():
    real = np.random.default_rng(3).normal(size=(9, 2))
    with pytest.raises(ValueError, match="features must have variances that float64 can hold"):
        direction_variances(real, [real * 1e200])


@pytest.mark.parametrize("given", [None, 5, {"a": 1}, iter([])])
def test_generations_are_a_list(given):
    real = np.random.default_rng(3).normal(size=(9, 2))
    for ask in (direction_variances, audit):
        with pytest.raises(TypeError, match="generations must be a list of sets, one a generation"):
            ask(real, given)


@pytest.mark.parametrize("place", [0.0, 1e3, 1e8])
def test_equal_rows_have_no_variance_wherever_they_lie(place):
    rng = np.random.default_rng(0)
    real = rng.normal(size=(500, 8)) + place
    found = direction_variances(real, [real[::2], np.tile(real[7], (300, 1))])
    assert (found.generations[1] == 0.0).all()
    assert (found.generations[0] > 0.5).all()
