"""The theory answers what it did when the snapshot was recorded (see record.py)."""

import pytest

from tests.snapshot import record


@pytest.mark.full
def test_nothing_has_changed() -> None:
    assert not record.changes("theory")
