"""Simulators, and commands but theory's, answer what they did when the snapshot was recorded.

In one file, so that one worker compiles the kernels and not two side by side.
"""

import pytest

from tests.snapshot import record


def test_simulators() -> None:
    assert not record.changes("simulator")


def test_some_commands() -> None:
    assert not record.changes("command", lambda x: record.often(x) and not x.startswith("theory "))


@pytest.mark.full
def test_all_other_commands() -> None:
    assert not record.changes(
        "command", lambda x: not record.often(x) and not x.startswith("theory ")
    )
