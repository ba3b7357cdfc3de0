"""The rooms of the house and their public names, from the code alone."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import madtheory

ROOT = Path(madtheory.__file__).parent
#: Rooms without a list in their `__init__` whose files are public, with all that they define.
BY_FILE = ("madtheory.laws", "madtheory.proofs")
#: Values that are worth printing beside their name.
SHORT = 60


@dataclass(frozen=True, slots=True)
class File:
    """One file of a room: its module, and the public names that it defines."""

    module: str
    sentence: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """A package, or one file at the top: what it says of itself, its files, its sub-packages."""

    module: str
    doc: str
    files: tuple[File, ...]
    inner: tuple[str, ...]

    @property
    def page(self) -> str:
        """Name of its page: `theory-collapse` for `madtheory.theory.collapse`."""
        return self.module.removeprefix("madtheory.").replace(".", "-")

    @property
    def title(self) -> str:
        """How the room is called from the top: `theory.collapse`."""
        return self.module.removeprefix("madtheory.")

    @property
    def sentence(self) -> str:
        """What lives there, in one sentence."""
        return first_sentence(self.doc)


def first_sentence(doc: str) -> str:
    """Return the first paragraph of a docstring, in one line."""
    return " ".join(inspect.cleandoc(doc).split("\n\n")[0].split())


def children(module: str) -> list[str]:
    """Return the modules right inside a package."""
    path = importlib.import_module(module).__path__
    return [f"{module}.{info.name}" for info in pkgutil.iter_modules(path)]


def is_package(module: str) -> bool:
    """Whether a module has modules inside."""
    return hasattr(importlib.import_module(module), "__path__")


@cache
def tree(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(inspect.getsource(importlib.import_module(module)))


@cache
def defined(module: str) -> dict[str, ast.stmt]:
    """Return what the body of a module defines: functions, classes, values."""
    found: dict[str, ast.stmt] = {}
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {
                name.id: node for t in targets for name in ast.walk(t) if isinstance(name, ast.Name)
            }
    return found


def _own_names(module: str) -> tuple[str, ...]:
    """Return the public functions and classes of a file that is public as a whole."""
    found = defined(module).items()
    wanted = (ast.FunctionDef, ast.ClassDef)
    return tuple(name for name, node in found if isinstance(node, wanted) and name[0] != "_")


def _files(module: str) -> Iterator[File]:
    """Yield the files of a package, each with its share of the package's public list."""
    package = importlib.import_module(module)
    listed = list(getattr(package, "__all__", ()))
    inside = [name for name in children(module) if not is_package(name)]
    for name in inside:
        own = [x for x in listed if x in defined(name) and _same(package, name, x)]
        listed = [x for x in listed if x not in own]
        doc = importlib.import_module(name).__doc__ or ""
        names = _own_names(name) if module in BY_FILE else tuple(own)
        yield File(name, first_sentence(doc), names)
    if listed:  # From a package inside, or written in `__init__` itself.
        yield File(module, "", tuple(listed))


def _same(package: ModuleType, file: str, name: str) -> bool:
    return getattr(package, name) is getattr(importlib.import_module(file), name)


@cache
def room(module: str) -> Room:
    """Read one room."""
    doc = inspect.cleandoc(importlib.import_module(module).__doc__ or "")
    if not is_package(module):
        return Room(module, doc, (File(module, "", _own_names(module)),), ())
    inner = tuple(name for name in children(module) if is_package(name))
    return Room(module, doc, tuple(_files(module)), inner)


@cache
def rooms() -> tuple[Room, ...]:
    """Return every room, a package before those inside it."""

    def walk(module: str) -> Iterator[Room]:
        yield room(module)
        for name in room(module).inner:
            yield from walk(name)

    tops = [name for name in children("madtheory") if not name.split(".")[1].startswith("_")]
    return tuple(r for name in tops for r in walk(name))


def holder(room: Room, file: File) -> str:
    """Return the module under which the names of a file are public."""
    return file.module if room.module in BY_FILE else room.module


@cache
def public() -> dict[str, Any]:
    """Return every public name with its object, under the module that lists it."""
    found = {}
    for r in rooms():
        for file in r.files:
            module = importlib.import_module(holder(r, file))
            found |= {f"{module.__name__}.{name}": getattr(module, name) for name in file.names}
    return found


@cache
def _by_identity() -> dict[int, str]:
    known: dict[int, str] = {}
    for name, item in public().items():
        if callable(item):
            known.setdefault(id(item), name)
    return known


def public_name(item: Any) -> str | None:
    """Return the public name of a function or class, if it has one."""
    return _by_identity().get(id(item))


@cache
def _by_last_name() -> dict[str, list[str]]:
    last: dict[str, list[str]] = {}
    for name in public():
        last.setdefault(name.rpartition(".")[2], []).append(name)
    return last


def lookup(text: str) -> str | None:
    """Return the public name that a text such as `collapse.rate` or `run_loop` stands for.

    A bare name counts when it is unique and can't be an ordinary word or a variable.
    """
    if "." in text:
        names = (
            f"{prefix}{text}"
            for prefix in ("", "madtheory.", "madtheory.theory.", "madtheory.laws.")
        )
        return next((name for name in names if name in public()), None)
    known = _by_last_name().get(text, [])
    plain = "_" not in text.strip("_") and text.lower() == text
    return known[0] if len(known) == 1 and not plain else None
