"""The Gaussian loop in torch: the same law as the kernels'."""

import subprocess
import sys

import numpy as np
import pytest

from madtheory.deep.gaussian import simulate_torch
from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.simulate import QUANTITIES, simulate

#: Loop, eigenvalues: full rank and singular, with and without real or synthetic data.
LOOPS = {
    "fresh": (fresh_data(12, 30, bias=0.8), [2.0, 1.0, 0.5]),
    "singular": (fresh_data(3, 2, bias=0.8), [1.0] * 6),
    "synthetic": (fully_synthetic(12, bias=0.9, first_generation="biased"), [2.0, 1.0]),
    "falling": (fully_synthetic(4, ddof=0), [1.0] * 5),
    "one": (Loop(n_initial=9, n_fresh=7, n_synth=1, bias=0.5), [1.0, 3.0]),
    "wide": (fresh_data(60, 200, bias=0.8), np.linspace(1.0, 2.0, 20)),
}
AT, MANY = [1, 2, 4], {"wide": 3_000}


@pytest.mark.parametrize("name", LOOPS)
def test_the_law_is_the_kernels(name: str) -> None:
    # Two independent samples; 5 standard errors of 5 x 30 comparisons leave 1e-4 to chance.
    loop, s = LOOPS[name]
    how = {"at": AT, "replicates": MANY.get(name, 10_000), "record": QUANTITIES}
    here = simulate_torch(loop, s, generations=4, seed=1, **how)
    there = simulate(loop, s, generations=4, seed=2, **how)
    for q in QUANTITIES:
        sure = ~np.isfinite(there.mean[q])  # log 0 of a singular covariance
        assert (here.mean[q][sure] == there.mean[q][sure]).all()
        gap = np.abs(here.mean[q][~sure] - there.mean[q][~sure])
        assert (gap <= 5 * np.hypot(here.se[q], there.se[q])[~sure]).all(), q
        # A mean that is 2 % off fails with probability .99: 5 + 2.33 standard errors.
        if name == "wide" and q in ("trace", "w2_squared"):
            assert (7.33 * np.hypot(here.se[q], there.se[q]) < 0.02 * there.mean[q]).all(), q


def test_bits_are_a_function_of_seed_and_chunk() -> None:
    loop, s = LOOPS["fresh"]
    digests = [
        simulate_torch(loop, s, generations=2, replicates=20, seed=seed, chunk=7).digest
        for seed in (0, 0, 1)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_what_is_not_covered_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"device must be one of cpu.*, got 'tpu:9'"):
        simulate_torch(*LOOPS["fresh"], generations=1, replicates=1, device="tpu:9")
    for loop in (fresh_data(5, 5, memory=2), fully_synthetic(5, bias=(0.5, 0.9))):
        with pytest.raises(UnsupportedLoop, match="of memory 1 and one bias"):
            simulate_torch(loop, [1.0, 1.0], generations=1, replicates=1)


def test_without_torch_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['torch'] = None; import madtheory.deep.gaussian"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("deep.gaussian needs torch, of madtheory[deep]\n")
