"""As many fixed as fresh samples at bias 1: a hair better than the real data alone."""

import pytest

from madtheory import spectrum
from madtheory.loop import Loop
from madtheory.simulate import simulate
from madtheory.theory.verdicts import compared


@pytest.mark.parametrize(
    ("n_real", "n_synth", "dim"), [(10, 10, 2), (10, 40, 2), (20, 20, 5), (40, 200, 4)]
)
def test_the_risk_is_below_that_of_the_real_data(n_real, n_synth, dim):
    loop = Loop(n_initial=n_real, n_fixed=n_real // 2, n_fresh=n_real // 2, n_synth=n_synth)
    base = float(spectrum.baseline(n_real, dim).value)
    T = 12 if n_synth <= n_real else 50  # Less than 10^-3 of the start is left.
    run = simulate(
        loop, [1.0] * dim, generations=T, replicates=20_000, seed=11, record=["w2_squared"], at=[T]
    )
    ratio, se = run.mean["w2_squared"][-1] / base, run.se["w2_squared"][-1] / base
    gap = sum(compared.third_order_gap(loop, dim)) / base
    assert ratio < 1 - 3 * se
    # What follows the third order is a quarter of it here.
    assert abs(ratio - 1 - gap) < 3 * se + abs(gap) / 4
