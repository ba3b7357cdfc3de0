"""Rows of samples, and their digests."""

import numpy as np
import pytest

from madtheory.engine import samples as rows
from tests.unit.engine.stubs import start


def test_data_frames_and_tensors_are_rows():
    import pandas as pd
    import torch

    expected = start(None, generations=1, data=np.arange(50.0)[:, None]).digest
    assert start(None, generations=1, data=pd.DataFrame({"x": np.arange(50.0)})).digest == expected
    assert (
        start(None, generations=1, data=torch.arange(50.0, dtype=torch.float64)[:, None]).digest
        == expected
    )


def test_digests_tell_types_shapes_and_names_apart():
    base = np.arange(6, dtype=np.int64)
    variants = [
        {"a": base},
        {"b": base},
        {"a": base.reshape(2, 3)},
        {"a": base.view(np.uint64)},
        {"a": base, "b": base},
        {"a": base + 1},
    ]
    assert len({rows.digest(arrays) for arrays in variants}) == len(variants)
    assert rows.digest({"a": base, "b": base}) == rows.digest({"b": base, "a": base})


def test_large_finite_samples_are_no_infinity():
    x = np.full(10, 1e308)
    assert rows.as_samples("x", x) is x
    assert not rows.has_nan(np.array([np.inf, 1.0]))
    assert rows.has_nan(np.array([np.inf, np.nan]))


@pytest.mark.parametrize(
    ("like", "value"),
    [
        (np.zeros((0, 2)), np.zeros((4, 3))),
        (np.zeros((0, 2, 3)), np.zeros((4, 3, 2))),
        ({"x": np.zeros((0, 2))}, {"x": np.zeros((4, 1))}),
        ({"x": np.zeros((0, 2))}, {"y": np.zeros((4, 2))}),
    ],
)
def test_rows_keep_their_form(like, value):
    with pytest.raises(rows.Unusable, match=r"^it must have rows like the data, "):
        rows.as_samples("it", value, like=like)
    rows.as_samples("it", value, like=value)


def test_masked_entries_are_no_data():
    """What lies below a mask is often 1e20, or 0."""
    data = np.ma.masked_greater(np.append(np.arange(50.0), 1e20), 1e10)
    for value in (data, {"x": data}):
        with pytest.raises(rows.Unusable, match="must have no masked entries, got 1; remove such"):
            rows.as_samples("data", value)
    clean = rows.as_samples("data", data[:50])
    assert clean.tolist() == list(range(50))
