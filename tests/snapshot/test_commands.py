"""Commands answer what they did when the snapshot was recorded; theory's are in a file beside."""

from tests.snapshot import record


def test_nothing_has_changed() -> None:
    assert not record.changes("command", lambda line: not line.startswith("theory "))
