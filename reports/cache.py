"""What has to be computed again: keys from the configuration, the sources and the versions."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from madtheory.files import atomic_write_text, canonical_json, run_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from importlib.machinery import ModuleSpec

#: Packages whose release may change a number, a line or a page.
_PACKAGES: Final = ("numpy", "scipy", "numba", "scikit-learn", "statsmodels")


class DamagedCache(ValueError):
    """A cache file whose content does not match the digest it carries."""


def digest(*parts: str | bytes) -> str:
    """Return the SHA-256 of the parts, their borders included."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Statements below a node; what they are made of holds no import."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _statements(child)


def _imported(tree: ast.AST) -> set[str]:
    """Return every madtheory name that a source imports, modules and members alike."""
    names: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in names if name.split(".")[0] == "madtheory"}


@cache
def _spec(name: str) -> ModuleSpec | None:
    """Where a module is; None for what is none. Loads the packages above it, but no module."""
    above = name.rpartition(".")[0]
    if above:
        package = _spec(above)
        if package is None or package.submodule_search_locations is None:
            return None
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a package above needs what is not installed
        return None


@cache
def _read(name: str) -> tuple[str, set[str]]:
    """Return the source of a madtheory module and what it imports; nothing where there is none."""
    spec = _spec(name)
    if spec is None or not spec.origin:
        return "", set()
    text = Path(spec.origin).read_text(encoding="utf-8")
    return text, _imported(ast.parse(text))


@cache
def sources(module: str) -> tuple[tuple[str, str], ...]:
    """Return (name, source text) of a module and of all madtheory modules below it, by name.

    A file is read once: what is edited later is not what Python runs.
    """
    found: dict[str, str] = {}
    todo = {module}
    while todo:
        name = todo.pop()
        found[name], imported = _read(name)
        todo |= imported - found.keys()
    return tuple(sorted((name, text) for name, text in found.items() if text))


@cache
def versions() -> str:
    """Return the versions that a result may depend on, one a line."""
    found = run_folder.versions(_PACKAGES)
    lines = [f"{name} {found.get(name, 'none')}" for name in _PACKAGES]
    return "\n".join([f"python {platform.python_version()}", *lines])


def key(function: Callable[..., object], config: Mapping[str, Any]) -> str:
    """Return what `function(config)` depends on: configuration, source text and versions."""
    text = [part for pair in sources(function.__module__) for part in pair]
    return digest(function.__qualname__, canonical_json(dict(config)), versions(), *text)


def load(path: Path, expected_key: str) -> dict[str, Any] | None:
    """Return the stored numbers, or None where they are absent or of another key."""
    if not path.exists():
        return None
    try:
        entry = run_folder.read_json(path)
        numbers, stored, seal = entry["numbers"], entry["key"], entry["sha256"]
    except (ValueError, KeyError) as error:
        raise DamagedCache(f"{path} is not a cache file of the report") from error
    if not isinstance(stored, str) or seal != digest(stored, canonical_json(numbers)):
        raise DamagedCache(f"{path} does not match its own digest")
    return dict(numbers) if stored == expected_key else None


def store(path: Path, stored_key: str, numbers: Mapping[str, Any]) -> None:
    """Write the numbers of one section, atomically."""
    text = canonical_json(dict(numbers))
    seal = digest(stored_key, text)
    entry = {"key": stored_key, "sha256": seal, "numbers": json.loads(text)}
    atomic_write_text(path, canonical_json(entry))
