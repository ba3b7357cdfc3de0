"""`madtheory theory ...` answers what it did when the snapshot was recorded (see record.py)."""

import pytest

from tests.snapshot import record


def test_of_some_commands_nothing_has_changed() -> None:
    assert not record.changes("command", lambda x: record.often(x) and x.startswith("theory "))


@pytest.mark.full
def test_of_all_others_nothing_has_changed() -> None:
    assert not record.changes("command", lambda x: not record.often(x) and x.startswith("theory "))
