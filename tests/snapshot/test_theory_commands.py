"""`madtheory theory ...` answers what it did when the snapshot was recorded (see record.py)."""

from tests.snapshot import record


def test_nothing_has_changed() -> None:
    assert not record.changes("command", lambda line: line.startswith("theory "))
