"""Functions return what they did when the traces were recorded (see traces/tracing.py)."""

import numpy as np
import pytest

from madtheory.loop import fully_synthetic
from tests.snapshot.traces import tracing

BANKS = tracing.banks()


@pytest.mark.full
@pytest.mark.parametrize("bank", BANKS)
def test_no_function_returns_something_else(bank: str) -> None:
    if not tracing.here():
        pytest.skip("traces repeat on the processor and versions that recorded them")
    assert not tracing.changes(bank, tracing.rows_of(BANKS[bank]))


def test_a_change_anywhere_is_seen() -> None:
    values = (1.0, -2.0, 1e-9, 0.0, float("inf"), float("nan"), np.arange(3.0), "a", None, True)
    whole = tracing.total(values)
    for i, x in enumerate(values):
        for other in (0.25, None if x is not None else 3, "b"):
            assert tracing.total([*values[:i], other, *values[i + 1 :]]) != whole
    assert tracing.total([1.0, 2.0]) != tracing.total([2.0, 1.0])
    for x in (1e-9, 0.3, 1e200):
        assert abs(tracing.total(x) - tracing.total(x * (1 + 1e-6))) > 1e-7 > 0
    assert tracing.same([2, 1.0], [2, 1.0 + 1e-12])
    assert not tracing.same([2, 1.0], [2, 1.0 + 1e-10])
    assert not tracing.same([2, 1.0], [3, 1.0])


def test_tracing_leaves_nothing_behind() -> None:
    from madtheory.theory.collapse import rates

    before = rates.rate
    with tracing.tracing() as trace:
        assert rates.rate is not before
        rates.critical_bias(fully_synthetic(9))
    assert rates.rate is before
    assert trace.rows["theory.collapse.rates.critical_bias"][0] == 1
