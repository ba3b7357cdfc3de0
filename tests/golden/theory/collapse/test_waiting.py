"""The time to collapse, d > 1, against simulated loops that did not set its declared error."""

import numpy as np
import pytest

from tests.golden.theory.collapse.waiting import compared

#: Held-out loops that take milliseconds: (3, 7), (6, 15), (7, 5), spiked ones, and large samples.
QUICK = (1, 2, 5, 9, 11, 15, 18, 19, 20, 22, 24)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, float]]:
    return compared("held", QUICK)


def test_the_declared_error_covers(rows: list[dict[str, float]]) -> None:
    outside = [row for row in rows if row["off"] > row["declared"]]
    assert len(rows) > 250
    assert not outside


def test_it_is_nearer_than_it_declares(rows: list[dict[str, float]]) -> None:
    late = [row for row in rows if row["eps"] <= 0.01]
    found = [abs(row["time"] / row["simulated"] - 1) for row in late]
    assert np.median(found) < 0.02
    assert np.median([row["declared"] for row in late]) < 0.08
    medians = [row["time"] / row["simulated"] - 1 for row in late if row["q"] == 0.5]
    assert abs(np.mean(medians)) < 0.02
