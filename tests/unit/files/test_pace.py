"""When a long run saves."""

import pytest

from madtheory.files import pace
from madtheory.files.pace import Pace


def test_saves_are_apart_and_take_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])

    def due_after(seconds: float) -> bool:
        now[0] = saved + seconds
        return found.due()

    found, saved = Pace(10.0, 0.25), 100.0
    found.rest(saved)
    assert not due_after(9.9)
    assert due_after(10.0)
    # A save of one second waits the ten all the same; one of five seconds waits twenty.
    for took, pause in ((1.0, 10.0), (5.0, 20.0)):
        saved = now[0] = now[0] + took
        found.rest(saved - took)
        assert not due_after(pause - 0.1)
        assert due_after(pause)
