"""Points of a grid: how they are said, told apart, and given a seed of their own."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import _check, files

if TYPE_CHECKING:
    from types import CodeType

#: One point: the value of each argument.
Point = dict[str, Any]
#: What a function of a point is called with, or a grid: values of each argument, or the points.
Grid = Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]]

#: Digits of a seed that every simulator takes (:data:`madtheory._check.MAX_COUNT`).
_SEED_BITS = 53


def points_of(grid: Grid) -> list[Point]:
    """Every point of a grid, the last argument running fastest, as plain numbers and words.

    Parameters
    ----------
    grid : mapping or iterable of mapping
        Values of each argument, all combinations of which are points; or the points themselves,
        all with the same arguments.

    Examples
    --------
    >>> points_of({"n_real": [10, 20], "bias": [0.9, 1.0]})[1:3]
    [{'n_real': 10, 'bias': 1.0}, {'n_real': 20, 'bias': 0.9}]
    """
    if isinstance(grid, Mapping):
        axes = [_axis(name, values) for name, values in grid.items()]
        found = [dict(zip(grid, values, strict=True)) for values in itertools.product(*axes)]
    else:
        found = list(map(dict, _mappings(grid)))
    if not found or not found[0]:
        raise ValueError(f"grid must have a point with an argument, got {len(found)} points")
    points = [{name: _plain(name, value) for name, value in point.items()} for point in found]
    _check_points(points)
    return points


def _axis(name: str, values: Any) -> list[Any]:
    """Values of one argument; a word is one value."""
    if isinstance(values, str):
        return [values]
    if not isinstance(values, Iterable):
        raise ValueError(f"values of {name} in a grid must be a list of them, got {values!r}")
    return list(values)


def _mappings(grid: Any) -> list[Mapping[str, Any]]:
    """The points that are said one by one."""
    points = list(grid) if isinstance(grid, Iterable) else [grid]
    for point in points:
        if not isinstance(point, Mapping):
            raise ValueError(f"grid must be a mapping, or a list of mappings, got {point!r}")
    return points


def _plain(name: str, value: Any) -> Any:
    """A number, a word, a truth value or None, as Python has it."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, int) and not -(2**63) <= plain < 2**63:
        raise ValueError(f"values of {name} in a grid must fit into 64 bits, got {plain}")
    if isinstance(plain, str) and not plain.isascii():
        _check_text(name, plain)
    if plain is None or isinstance(plain, (bool, int, str)):
        return plain
    if isinstance(plain, float) and math.isfinite(plain):
        return plain
    raise ValueError(
        f"values of {name} in a grid must be finite numbers, words, booleans or None, got {value!r}"
    )


def _check_text(name: str, word: str) -> None:
    """Refuse half of a surrogate pair: no file holds it."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise ValueError(f"words of {name} in a grid must be UTF-8, got {word!r}") from None


def _check_points(points: list[Point]) -> None:
    """Refuse points of different arguments, and the same one twice."""
    names, seen = points[0].keys(), set()
    for point in points:
        if point.keys() != names:
            raise ValueError(
                f"all points of a grid must have the arguments {', '.join(names)}, "
                f"got one with {', '.join(point)}"
            )
        content = tuple(point[name] for name in names)
        if content in seen:
            text = files.canonical_json(point)
            raise ValueError(f"a grid must have no point twice, got {text} again")
        seen.add(content)


def seed_of(point: Point, seed: int) -> int:
    """Seed of a point: of its content and the sweep's seed, wherever it stands in the grid.

    Examples
    --------
    >>> seed_of({"a": 1}, 0) == seed_of({"a": 1}, 0), seed_of({"a": 1}, 0) == seed_of({"a": 2}, 0)
    (True, False)
    """
    words = np.frombuffer(bytes.fromhex(files.sha256(files.canonical_json(point))), dtype="<u4")
    seed = _check.count("seed", seed, minimum=0)
    state = np.random.SeedSequence(seed, spawn_key=tuple(map(int, words))).generate_state(1, "u8")
    return int(state[0]) >> (64 - _SEED_BITS)


# --- the function --------------------------------------------------------------------------------


def described(function: Callable[..., Any]) -> Point:
    """What tells one function from another: its name, its code, and arguments bound by partial.

    Examples
    --------
    >>> described(functools.partial(seed_of, seed=3))["bound"]
    {'seed': 3}
    """
    bare, bound = function, {}
    if isinstance(function, functools.partial) and not function.args:
        bare, bound = function.func, function.keywords
    module, name = getattr(bare, "__module__", None), getattr(bare, "__qualname__", None)
    here = getattr(sys.modules.get(str(module)), str(name), None)
    if here is not bare or not callable(bare):
        raise ValueError(
            "function must be one that is defined by name in a module, or a functools.partial "
            f"of it by keywords, so that every worker finds it, got {function!r}"
        )
    plain = {key: _plain(key, value) for key, value in sorted(bound.items())}
    return {"name": f"{module}.{name}", "code": _code(bare), "bound": plain}


def _code(function: Any) -> str | None:
    """Digest of a function's own code; None where it has none in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else files.sha256(repr(_parts(code)))


def _parts(code: CodeType) -> tuple[Any, ...]:
    """All that a code object does, and not where it stands."""
    return code.co_code, code.co_names, tuple(map(_constant, code.co_consts))


def _constant(value: Any) -> Any:
    """A constant of a code object; the order of a set is another one in each process."""
    if hasattr(value, "co_code"):
        return _parts(value)
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def check_arguments(function: Callable[..., Any], point: Point, *, seeded: bool) -> None:
    """Refuse a grid whose arguments the function does not take."""
    try:
        inspect.signature(function).bind(**point, **({"seed": 0} if seeded else {}))
    except (TypeError, ValueError) as error:  # a ValueError where Python cannot say them
        raise ValueError(f"grid must have the arguments of the function: {error}") from None
