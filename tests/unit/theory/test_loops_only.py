"""What is asked of a loop says so where it is given something else: arguments get swapped."""

import inspect
from typing import Any

import numpy as np
import pytest

from madtheory.theory import collapse, distance, moments, verdicts, worth

#: What other arguments may be, by their names.
OTHERS: dict[str, Any] = {
    "eigenvalues": [1.0, 0.5], "dim": 2, "generations": 3, "t": 2, "q": 0.5, "eps": 0.1, "x": 0.5,
    "log_x": 0.0, "power": 1, "generation": 3,
}  # fmt: skip
ASKED = {
    name: function
    for room in (collapse, distance, moments, verdicts, worth)
    for name, function in vars(room).items()
    if inspect.isfunction(function) and "loop" in inspect.signature(function).parameters
}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_something_else_is_no_loop(name: str) -> None:
    told = inspect.signature(ASKED[name]).parameters
    needed = [p for p in told.values() if p.default is p.empty]
    given = {p.name: np.ones(2) if p.name == "loop" else OTHERS[p.name] for p in needed}
    first = [given.pop(p.name) for p in needed if p.kind is not p.KEYWORD_ONLY]
    with pytest.raises(TypeError, match=r"^loop must be a Loop, got ndarray$"):
        ASKED[name](*first, **given)


def test_there_are_many() -> None:
    assert len(ASKED) > 80
