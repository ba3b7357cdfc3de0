"""Simulators, and commands but theory's, answer what they did when the snapshot was recorded.

In one file, so that one worker compiles the kernels and not two side by side.
"""

from tests.snapshot import record


def test_simulators() -> None:
    assert not record.changes("simulator")


def test_commands() -> None:
    assert not record.changes("command", lambda line: not line.startswith("theory "))
