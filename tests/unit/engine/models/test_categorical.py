"""Categories and temperatures, against mpmath."""

import mpmath
import numpy as np
import pytest

from madtheory.engine.models import Categorical
from tests.unit.engine.models.numbers import close, rng


@pytest.mark.parametrize("bias", [1e-3, 0.1, 0.7, 0.999, 2.0])
def test_temperature_against_fifty_digits(bias):
    p = [0.5, 0.3, 0.15, 0.05 - 1e-9, 1e-9, 0.0]
    with mpmath.workdps(50):
        powers = [mpmath.mpf(x) ** (1 / mpmath.mpf(bias)) for x in Categorical.of(p).probabilities]
        exact = [float(x / mpmath.fsum(powers)) for x in powers]
    # An exponent of 1/bias magnifies the rounding of the logarithm as often.
    np.testing.assert_allclose(Categorical.of(p).tempered(bias), exact, rtol=1e-14 * (9 + 9 / bias))


def test_temperature_at_its_ends():
    model = Categorical.of([0.4, 0.4, 0.2, 0.0])
    assert model.tempered(0.0).tolist() == [0.5, 0.5, 0.0, 0.0]
    assert model.tempered(1e-300).tolist() == [0.5, 0.5, 0.0, 0.0]
    assert model.tempered(5e-324).tolist() == [0.5, 0.5, 0.0, 0.0]
    assert (model.tempered(1.0) == model.probabilities).all()
    assert set(model.sample(1000, 0.0, rng())) == {0, 1}
    assert Categorical.of([0.3, 0.2999, 0.3, 0.1001]).tempered(0.0).tolist() == [0.5, 0.0, 0.5, 0.0]


def test_categorical_frequencies_and_weights():
    a, b = np.array([0, 0, 1, 3]), np.array([2, 2])
    assert Categorical(5).fit(a, rng()).probabilities.tolist() == [0.5, 0.25, 0.0, 0.25, 0.0]
    # Weight 2/3 on four real rows is pooling with the two others.
    pool = Categorical(5).fit(np.concatenate([a, b]), rng()).probabilities
    close(Categorical(5).fit_weighted(a, b, 2 / 3, rng()).probabilities, pool)


def test_categorical_samples_have_these_frequencies():
    """Chi-square with 3 degrees of freedom, 1e-6 beyond 30.7; a 5 % error adds 190 at least."""
    p, n = Categorical.of([0.1, 0.2, 0.3, 0.4]).tempered(0.5), 10**6
    counts = np.bincount(Categorical.of([0.1, 0.2, 0.3, 0.4]).sample(n, 0.5, rng(1)), minlength=4)
    assert (np.square(counts - n * p) / (n * p)).sum() < 30.7
