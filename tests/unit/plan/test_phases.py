"""Phase diagrams: edges, and the approach to the transition's limit."""

import math
from pathlib import Path

import numpy as np
import pytest

from madtheory.loop import fresh_data
from madtheory.plan import admissible, approach, edge, log_counts, run_sweep
from madtheory.theory import worth

MULTIPLES = (30, 100, 300, 1000)


@pytest.mark.parametrize("bias", [0.9, 0.99])
@pytest.mark.parametrize("dim", [1, 10, 100])
def test_roots_approach_the_limit_formula_and_their_error_falls_like_one_over_n(
    bias: float, dim: int
) -> None:
    """Predicted: relative error c n_s*/n_real + O((n_s*/n_real)^2), c of order 1."""
    found = [approach(bias, dim, k) for k in MULTIPLES]
    below = np.array([float(e.value) for e in found])
    assert (below > 0).all()
    assert below[-1] < 2.1e-3
    # What errors leave open is a hundredth of what is looked at.
    assert all(e.upper - e.lower < 0.01 * e.value for e in found)
    scaled = below * np.array(MULTIPLES)
    # c k^-1 (1 - b/k): the next order, taken off by two points, leaves a constant.
    limits = (scaled[1:] * MULTIPLES[1:] - scaled[:-1] * MULTIPLES[:-1]) / np.diff(MULTIPLES)
    assert np.ptp(limits) < 0.02 * limits.mean()
    assert 1.5 < limits[-1] < 2.1
    slope = np.diff(np.log(below)) / np.diff(np.log(MULTIPLES))
    assert slope[-1] == pytest.approx(-1, abs=0.02)


def test_ends_of_the_approach_are_those_of_the_root() -> None:
    found, limit = approach(0.9, 10, 50), worth.admissible_n_synth_limit(0.9, 10)
    root = worth.admissible_interval(fresh_data(round(50 * limit), 1, bias=0.9), 10)
    ends = (found.upper, found.value, found.lower)
    assert [float((1 - x) * limit) for x in ends] == pytest.approx(
        [float(x) for x in (root.lower, root.value, root.upper)], rel=1e-12
    )


def test_the_admissible_count_is_that_of_the_loop_with_its_memory() -> None:
    for memory in (1, 3):
        loop = fresh_data(40, 1, bias=0.8, memory=memory)
        assert admissible(40, 0.8, 5, memory).value == worth.admissible_n_synth(loop, 5)


def test_an_edge_at_any_spectrum() -> None:
    s = [3.0, 1.0, 0.2]
    found = edge(s, 0.9, n_real=[50, 500])
    for e, n in zip(found, (50, 500), strict=True):
        assert e.value == worth.admissible_n_synth(fresh_data(n, 1, bias=0.9), s)


def test_a_phase_diagram_is_a_sweep(tmp_path: Path) -> None:
    points = {"n_real": [50, 200], "bias": [0.5, 1.0], "dim": [3]}
    found = run_sweep(admissible, points, folder=tmp_path / "a", values=("value", "rel_error"))
    assert found["value"].tolist() == [
        worth.admissible_n_synth(fresh_data(n, 1, bias=b), 3) for n in (50, 200) for b in (0.5, 1.0)
    ]


@pytest.mark.parametrize(
    ("bias", "multiple", "why"),
    [(1.0, 10, "bias must be below 1"), (1.5, 10, r"bias must be a finite number in \[0, 1\]"),
     (0.5, 0, "multiple must be a finite number above 0")],
)  # fmt: skip
def test_bad_input(bias: float, multiple: float, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        approach(bias, 3, multiple)


def test_counts_are_whole_and_ordered() -> None:
    assert log_counts(2, 6, 20) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, 9, 3), "low must be a finite number above 0, got 0"),
        ((2, math.inf, 3), "high must be a finite number above 0, got inf"),
        ((2, 9, -1), "number must be at least 1, got -1"),
        ((2, 9, 2**63), "number must be at most 1000000, got 9223372036854775808"),
    ],
)
def test_counts_by_logarithms_are_of_positive_numbers(arguments, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        log_counts(*arguments)


def test_one_real_sample_approaches_nothing() -> None:
    with pytest.raises(ValueError, match=r"two real samples of n_s\* = 9.5, got 0.1"):
        approach(0.0, 2, 0.1)


def test_no_limit_is_approached_where_any_number_is_held() -> None:
    with pytest.raises(ValueError, match=r"got 0.1: n_real = 2 may be held by any number"):
        approach(0.0, 25, 0.1)
