"""kill -9 a deep run at any moment, then the same command: the same bytes, samples too."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.e2e.deep.kills import FAMILIES, killed_runs, small


def test_a_killed_run_ends_in_the_same_bytes(tmp_path: Path) -> None:
    found = killed_runs(tmp_path, small(tmp_path, "glow"), kills=2)
    assert found.within_fits >= 1, "too few kills came within a fit: the test has no power"


@pytest.mark.full
@pytest.mark.parametrize("family", FAMILIES)
def test_twenty_kills_of_every_family(family: str, tmp_path: Path) -> None:
    found = killed_runs(tmp_path, small(tmp_path, family), kills=20, seed=2)
    # The linear generator is fitted in no time, and keeps no checkpoint.
    assert family == "linear" or found.within_fits >= 8
