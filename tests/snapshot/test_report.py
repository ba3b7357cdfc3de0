"""Figures, tables and pages of recorded numbers are what they were (see record.py)."""

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")
pytest.importorskip("sympy")
pytest.importorskip("pypandoc")

from tests.snapshot import record


@pytest.mark.full
def test_nothing_has_changed() -> None:
    assert not record.changes("report")
