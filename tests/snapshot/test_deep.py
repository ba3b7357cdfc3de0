"""Deep models, their data, measures and comparisons answer what they did (see record.py)."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from tests.snapshot import record


@pytest.mark.full
def test_nothing_has_changed() -> None:
    assert not record.changes("deep")
