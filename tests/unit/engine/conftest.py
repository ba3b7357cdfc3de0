"""States after every generation."""

import pytest

from madtheory.engine import store


@pytest.fixture
def save_always(monkeypatch):
    """A state after every generation."""
    monkeypatch.setattr(store, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(store, "SAVE_SHARE", 1e12)
