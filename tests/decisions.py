"""Constants and defaults of a room as they are, for tests that name them as they were decided.

A calibrated constant or a default that moves changes answers by less than most tests allow. Each
room's `test_decisions.py` has them as literals: who moves one says so there, with the reason.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import madtheory

#: Longer arrays are made by a formula, and tested by what is made of them.
_LONGEST = 16


def _modules(room: str) -> Iterator[tuple[str, ast.Module, ModuleType]]:
    """Name, syntax tree and module of every file of a room, a folder or a module."""
    path = Path(madtheory.__file__).parent / room.replace(".", "/")
    for file in sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]:
        if file.stem != "__init__":
            inside = f"{room}.{file.stem}" if path.is_dir() else room
            module = importlib.import_module(f"madtheory.{inside}")
            yield file.stem, ast.parse(file.read_text(encoding="utf-8")), module


def _plain(value: Any) -> Any:
    """Numbers in the tuples, lists and mappings that tests write them as; None: no numbers."""
    match value:
        case np.ndarray() if value.size <= _LONGEST:
            return value.tolist()
        case tuple() | list() | frozenset() if value and len(value) <= _LONGEST:
            parts = [_plain(x) for x in value]
            return None if None in parts else type(value)(parts)
        case dict() if value:
            return None if None in (x := {k: _plain(v) for k, v in value.items()}).values() else x
        case bool() | int() | float() | str():
            return value
    return None


def _named(node: ast.stmt) -> Iterator[str]:
    """Names that a statement gives a value with a number in it."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        held = (x.value for x in ast.walk(node.value) if isinstance(x, ast.Constant))
        if any(isinstance(x, int | float) and not isinstance(x, bool) for x in held):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (x.id for t in targets for x in ast.walk(t) if isinstance(x, ast.Name))


def constants(room: str) -> dict[str, Any]:
    """Numbers that stand at the top of the files of a room."""
    return {
        f"{file}.{name}": value
        for file, tree, module in _modules(room)
        for node in tree.body
        for name in _named(node)
        if (value := _plain(getattr(module, name))) is not None
    }


def _callables(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Functions and classes that a module defines, and the methods of these."""
    for name, thing in vars(module).items():
        if getattr(thing, "__module__", "") != module.__name__:
            continue
        if inspect.isclass(thing):
            if dataclasses.is_dataclass(thing):
                yield name, thing
            yield from ((f"{name}.{k}", v) for k, v in vars(thing).items() if inspect.isfunction(v))
        elif inspect.isfunction(inspect.unwrap(thing) if callable(thing) else thing):
            yield name, thing


def defaults(room: str) -> dict[str, dict[str, Any]]:
    """Arguments that need not be given, by function, with what they are then; None left out."""
    out = {}
    for file, _, module in _modules(room):
        for name, thing in _callables(module):
            if name.rpartition(".")[2].startswith("__"):
                continue
            given = inspect.signature(thing).parameters.values()
            found = {p.name: _plain(p.default) for p in given if p.default is not p.empty}
            if found := {k: v for k, v in found.items() if v is not None}:
                out[f"{file}.{name}"] = found
    return out
