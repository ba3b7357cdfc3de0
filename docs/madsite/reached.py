"""Which public functions a piece of source refers to, itself or through helpers of its room.

Names are followed as the source has them: through module constants, local functions, imports and
the methods of :class:`madtheory.claims.setting.Setting`. Nothing is run.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from madsite.public import defined, public_name, tree

#: What is followed; anything else is theory, where a public name ends the search.
FOLLOWED = ("madtheory.claims.", "madtheory.reports.")
SETTING = "madtheory.claims.setting"


@cache
def imports(module: str) -> dict[str, tuple[str, str]]:
    """Map a local name to (module, name) for every `from module import name`."""
    found = {}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {a.asname or a.name: (node.module, a.name) for a in node.names}
    return found


@cache
def methods() -> dict[str, ast.AST]:
    """Return the methods of a claim's setting, by name."""
    body = defined(SETTING)["Setting"].body  # type: ignore[attr-defined]
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _names(node: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """Yield the names in a piece of source; those in annotations and whole classes are no use."""
    if isinstance(node, ast.ClassDef):
        return
    if isinstance(node, ast.Name | ast.Attribute):
        yield node
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns", "decorator_list"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from _names(part)


def _chain(node: ast.Attribute) -> tuple[ast.expr, list[str]]:
    """Split `a.b.c` into its root and the names after it."""
    names: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        names.insert(0, inner.attr)
        inner = inner.value
    return inner, names


class Search:
    """One search: what was found, and what has been looked at."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        self._seen: set[tuple[str, str]] = set()

    def node(self, node: ast.AST, module: str) -> Search:
        """Take in all names of a piece of a module."""
        for part in _names(node):
            if isinstance(part, ast.Name):
                self.name(part.id, module)
            else:
                self._attribute(part, module)
        return self

    def _attribute(self, node: ast.Attribute, module: str) -> None:
        root, names = _chain(node)
        known = vars(importlib.import_module(module))
        item: Any = known.get(root.id) if isinstance(root, ast.Name) else None
        if isinstance(item, ModuleType):
            for name in names:
                if isinstance(item, ModuleType):
                    module, item = item.__name__, getattr(item, name, None)
            self._item(item, module, node.attr)
        elif node.attr in methods() and ("Setting", node.attr) not in self._seen:
            self._seen.add(("Setting", node.attr))
            self.node(methods()[node.attr], SETTING)

    def name(self, name: str, module: str) -> None:
        """Take in one name of a module, and what it stands for there."""
        if name in defined(module):
            self._item(getattr(importlib.import_module(module), name, None), module, name)
        elif name in imports(module):
            self.name_of_import(*imports(module)[name])

    def name_of_import(self, module: str, name: str) -> None:
        """Take in an imported name."""
        if module.startswith("madtheory"):
            self._item(getattr(importlib.import_module(module), name, None), module, name)

    def _item(self, item: Any, module: str, name: str) -> None:
        known = public_name(item)
        if known and not known.startswith(FOLLOWED):
            self.found.setdefault(known)
        elif module.startswith(FOLLOWED) and (module, name) not in self._seen:
            self._seen.add((module, name))
            if name in defined(module):
                self.node(defined(module)[name], module)
            elif name in imports(module):
                self.name_of_import(*imports(module)[name])


def reached(nodes: Iterator[tuple[ast.AST, str]]) -> tuple[str, ...]:
    """Return the public names that some pieces of source refer to, in their order."""
    search = Search()
    for node, module in nodes:
        search.node(node, module)
    return tuple(search.found)
