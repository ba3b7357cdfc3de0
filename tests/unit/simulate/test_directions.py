"""A spectrum of biases in the simulators: the same variates as one bias, and the plain sampler."""

from dataclasses import replace

import numpy as np
import pytest

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.simulate import simulate, simulate_plain, simulate_size_biased
from madtheory.simulate.kernels.measure import QUANTITIES
from madtheory.theory import moments

S = [3.0, 1.0, 0.5]
NEXT = float(np.nextafter(0.8, 1))
KERNELS = [
    fully_synthetic(9, bias=0.8, first_generation="biased"),
    fresh_data(5, 9, bias=0.8),
    synthetic_augmentation(5, 9, bias=0.8, memory=2),
    fresh_data(5, 9, bias=0.8, first_generation="biased", memory=2),
    fully_synthetic(9, bias=0.8, floor=0.1),
    synthetic_augmentation(9, 5, bias=0.8, pool="accumulate", budget=12),
]


@pytest.mark.parametrize("loop", KERNELS)
def test_equal_biases_are_one_bias_to_rounding(loop):
    how = {"generations": 4, "replicates": 20, "seed": 5, "record": QUANTITIES}
    one = simulate(loop, S, **how)
    many = simulate(replace(loop, bias=(0.8, NEXT, 0.8)), S, **how)
    for name in QUANTITIES:
        np.testing.assert_allclose(many.mean[name], one.mean[name], rtol=1e-9)


def test_order_of_the_directions_does_not_matter():
    how = {"generations": 3, "replicates": 50, "seed": 1}
    one = simulate(fresh_data(5, 9, bias=(1.0, 0.5, 0.2)), S, **how)
    other = simulate(fresh_data(5, 9, bias=(0.5, 0.2, 1.0)), [1.0, 0.5, 3.0], **how)
    assert one.digest == other.digest


def test_directions_without_variance_do_not_count():
    how = {"generations": 3, "replicates": 50, "seed": 1, "record": ("trace", "w2_squared")}
    flat = simulate(fully_synthetic(9, bias=(0.5, 0.5, 0.9)), [2.0, 1.0, 0.0], **how)
    one = simulate(fully_synthetic(9, bias=0.5), [2.0, 1.0, 0.0], **how)
    assert flat.digest == one.digest


def test_the_singular_line_has_its_own_bias():
    loop = fully_synthetic(9, bias=(0.9, 0.5))
    how = {"generations": 3, "replicates": 50, "seed": 1}
    line = simulate(fully_synthetic(9, bias=0.5), [0.0, 2.0], **how)
    assert simulate(loop, [0.0, 2.0], **how).digest == line.digest


@pytest.mark.parametrize(
    "loop",
    [
        fully_synthetic(9, bias=(1.0, 0.4, 0.7), first_generation="biased"),
        fresh_data(5, 9, bias=(1.0, 0.4, 0.7)),
        synthetic_augmentation(6, 9, bias=(1.0, 0.4, 0.7), memory=2),
    ],
)
@pytest.mark.parametrize("sampler", [simulate, simulate_plain])
def test_both_samplers_have_the_exact_first_moments(loop: Loop, sampler):
    size = 20_000 if sampler is simulate else 2000
    record = ("mean_sq", "trace")
    found = sampler(loop, S, generations=3, replicates=size, seed=2, record=record, at=(3,))
    law = moments.first_moments(loop, 3, eigenvalues=S)
    for name in record:
        off = found.mean[name][0] - sum(S) * getattr(law, name)[-1]
        assert abs(off) < 4 * found.se[name][0], (name, off / found.se[name][0])


def test_what_is_not_simulated_is_refused():
    how = {"generations": 3, "replicates": 5}
    remembered = replace(fully_synthetic(9, bias=(1.0, 0.5)), memory=2)
    with pytest.raises(UnsupportedLoop, match="memory 1 and pool = replace only, got memory 2"):
        simulate(remembered, [1.0, 1.0], **how)
    assert simulate_plain(remembered, [1.0, 1.0], **how).replicates == 5
    with pytest.raises(UnsupportedLoop, match="where all are positive, got a 0"):
        simulate(fully_synthetic(9, bias=(1.0, 0.0)), [1.0, 1.0], **how)
    far = fully_synthetic(9, bias=(1.0, 0.5))
    with pytest.raises(UnsupportedLoop, match=r"at most e\^500 apart in standard deviation"):
        simulate(far, [1.0, 1.0], generations=1500, replicates=5)
    late = simulate(far, [1.0, 1.0], generations=1400, replicates=5, at=(1400,))
    assert np.isfinite(late.mean["log_det"]).all()
    with pytest.raises(UnsupportedLoop, match="the size-biased law is computed for one bias"):
        simulate_size_biased(far, [1.0, 1.0], **how)
    with pytest.raises(ValueError, match="one number for each of the 3 eigenvalues, got 2"):
        simulate(far, [1.0, 1.0, 1.0], **how)
