"""Planner, sweeps, the engine's folders and files answer what they did (see record.py)."""

from tests.snapshot import record


def test_nothing_has_changed() -> None:
    assert not record.changes("plan")
