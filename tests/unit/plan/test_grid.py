"""Points, their seeds, and what tells one function from another."""

import functools
import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from madtheory.plan import grid
from tests.unit.plan import functions


def test_all_combinations_the_last_argument_running_fastest() -> None:
    found = grid.points_of({"a": [1, 2], "b": np.array([0.5, 1.0]), "c": "x"})
    assert found == [{"a": a, "b": b, "c": "x"} for a in (1, 2) for b in (0.5, 1.0)]
    assert all(type(point["b"]) is float for point in found)


def test_points_may_be_said_one_by_one() -> None:
    said = [{"a": 1, "b": None}, {"a": True, "b": "all"}]
    assert grid.points_of(said) == said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "grid must have a point"),
        ({"a": []}, "grid must have a point"),
        ([{}], "grid must have a point"),
        ([{}, {"a": 1}], "grid must have a point"),
        ({"a": [math.nan]}, "values of a in a grid must be finite"),
        ({"a": [(1, 2)]}, r"booleans or None, got \(1, 2\)"),
        ([{"a": 1}, {"b": 1}], "must have the arguments a, got one with b"),
        ({"a": [1, 2, 1]}, 'no point twice, got {"a": 1} again'),
        ({"a": [1, 1.0]}, 'no point twice, got {"a": 1.0} again'),
        ({"a": 5}, "values of a in a grid must be a list of them, got 5"),
        ({"a": [2**63]}, "values of a in a grid must fit into 64 bits, got 9223372036854775808"),
        ({"a": ["\ud800"]}, r"words of a in a grid must be UTF-8, got '\\ud800'"),
        ([("a", 1)], r"grid must be a mapping, or a list of mappings, got \('a', 1\)"),
        (None, "grid must be a mapping, or a list of mappings, got None"),
    ],
)
def test_what_is_no_grid(said: grid.Grid, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        grid.points_of(said)


def test_a_word_is_one_value() -> None:
    assert grid.points_of({"a": "fresh", "b": [1]}) == [{"a": "fresh", "b": 1}]


def test_seeds_are_of_content_and_differ() -> None:
    points = grid.points_of({"a": range(200), "b": [1, 2]})
    seeds = [grid.seed_of(point, 3) for point in points]
    assert len(set(seeds)) == len(points)
    assert max(seeds) < 2**53
    assert max(seeds) > 2**52, "half of all seeds are above"
    assert grid.seed_of({"b": 1, "a": 0}, 3) == seeds[0]
    assert grid.seed_of(points[0], 4) != seeds[0]


def test_a_seed_is_philox_s_word_of_a_spawned_sequence() -> None:
    """The same by a second route: SHA-256 of the point as eight little-endian words."""
    import hashlib

    words = hashlib.sha256(b'{"a": 1}').digest()
    key = tuple(int.from_bytes(words[i : i + 4], "little") for i in range(0, 32, 4))
    state = np.random.SeedSequence(7, spawn_key=key).generate_state(2)
    assert grid.seed_of({"a": 1}, 7) == (int(state[0]) + (int(state[1]) << 32)) >> 11


def test_functions_are_told_apart_by_name_code_and_bound_arguments() -> None:
    plain = grid.described(functions.product)
    bound = grid.described(functools.partial(functions.product, y=3.0))
    assert plain["name"] == "tests.unit.plan.functions.product"
    assert bound == plain | {"bound": {"y": 3.0}}
    assert grid.described(functions.fussy)["code"] != plain["code"]
    assert grid.described(math.hypot) == {"name": "math.hypot", "code": None, "bound": {}}


def test_code_is_what_it_does_and_not_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = ("return 2 * x", "\n    # twice\n    return 2 * x", "return 3 * x")
    codes = []
    for body in (*bodies, "return (lambda: 2 * x)()", "return (lambda: 3 * x)()"):
        source = f"def f(x):\n    {body}"
        names: dict[str, object] = {"__name__": functions.__name__}
        exec(source, names)
        monkeypatch.setattr(functions, "f", names["f"], raising=False)
        codes.append(grid.described(names["f"])["code"])  # type: ignore[arg-type]
    assert codes[0] == codes[1]
    assert len(set(codes)) == 4


@pytest.mark.parametrize("function", [max, dict])
def test_a_function_whose_arguments_python_cannot_say(function: Any) -> None:
    with pytest.raises(ValueError, match="grid must have the arguments of the function: no sig"):
        grid.check_arguments(function, {"x": 1}, seeded=False)


def test_the_code_of_a_function_is_the_same_in_every_process() -> None:
    """Also with a set in it, whose order is another one in each process."""
    text = (
        "from madtheory.plan.grid import _code; print(_code(lambda x: x in {'a', 'b', 'c', 'd'}))"
    )
    digests = set()
    for hash_seed in "1234":
        line, here = [sys.executable, "-c", text], os.environ | {"PYTHONHASHSEED": hash_seed}
        digests.add(subprocess.run(line, env=here, check=True, capture_output=True).stdout)
    assert len(digests) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x,
        None,
        3,
        functools.partial(functions.product, 1.0),
        functools.partial(lambda x: x),
        {}.get,
    ],
)
def test_a_function_that_no_worker_finds(function: object) -> None:
    with pytest.raises(ValueError, match="function must be one that is defined by name in a mod"):
        grid.described(function)  # type: ignore[arg-type]


def test_the_seed_of_a_point_is_a_count() -> None:
    for value in (1.5, None, [0.0]):
        with pytest.raises(TypeError, match=r"^seed must be an integer, got "):
            grid.seed_of({"a": 1}, value)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^seed must be at least 0, got -1"):
        grid.seed_of({"a": 1}, -1)
