"""Simulators answer what they did when the snapshot was recorded (see record.py)."""

from tests.snapshot import record


def test_nothing_has_changed() -> None:
    assert not record.changes("simulator")
