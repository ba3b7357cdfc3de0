"""What a generation is trained on: caps and blends."""

from itertools import product

import numpy as np

from madtheory.loop import synthetic_augmentation
from madtheory.theory.moments import generation
from madtheory.theory.moments.generation import is_exact
from madtheory.theory.moments.second import invariant_path


def test_a_cap_of_one_is_replacement():
    loop = synthetic_augmentation(6, 9, bias=0.9, pool="accumulate", pool_cap=1)
    other = synthetic_augmentation(6, 9, bias=0.9)
    assert is_exact(loop)
    a, b = (invariant_path(x, 3, generations=7) for x in (loop, other))
    np.testing.assert_array_equal(a, b)


def test_blend_keeps_the_mean_age_and_the_sum_of_squares():
    for kept, t in product((1, 2, 5, 40), (3, 2000)):
        weights, share = np.zeros(t), 0.0
        for u in range(1, t + 1):
            share = generation._share(kept, u)
            weights[: u - 1] *= 1 - share
            weights[u - 1] = share
        np.testing.assert_allclose(weights.sum(), 1)
        if t > 1000:
            np.testing.assert_allclose(weights @ weights, 1 / kept, rtol=1e-9)
            np.testing.assert_allclose(weights @ np.arange(t)[::-1], (kept - 1) / 2, atol=1e-9)
        assert share == max(1 / t, 2 / (kept + 1))
