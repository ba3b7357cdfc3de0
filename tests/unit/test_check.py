"""The checks on arguments: their limits, to the last digit."""

import numpy as np
import pytest

from madtheory import _check


@pytest.mark.parametrize("flag", [True, np.True_])
def test_a_flag_is_no_count(flag: object) -> None:
    with pytest.raises(TypeError, match="n must be an integer, got"):
        _check.count("n", flag)


def test_both_ends_of_a_count_are_inside() -> None:
    assert [_check.count("n", n, minimum=2, maximum=5) for n in (2, 5)] == [2, 5]
    with pytest.raises(ValueError, match="at most 5, got 6"):
        _check.count("n", 6, minimum=2, maximum=5)


def test_events_may_be_sure_and_impossible() -> None:
    assert _check.probabilities("p", [0.0, 1.0]).tolist() == [0.0, 1.0]
    for p in (-1e-16, 1.0 + 1e-15, np.nan):
        with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
            _check.probabilities("p", [p])


def test_a_sum_may_be_off_by_rounding_only() -> None:
    assert _check.distribution("p", [0.5, 0.5 + 9e-10]).sum() == pytest.approx(1.0, abs=1e-15)
    for off in (-2e-9, 2e-9):
        with pytest.raises(ValueError, match="must sum to 1"):
            _check.distribution("p", [0.5, 0.5 + off])
