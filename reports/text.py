"""From templates with placeholders to the one Markdown source of all pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from madtheory.reports.formats import number

_PLACEHOLDER: Final = re.compile(r"\{\{([a-z0-9_:./|+\-\[\] %]+)\}\}")


#: What stands for a number, or a section's numbers, that are not there yet.
LATER: Final = "…"


@cache
def template(name: str) -> str:
    """Return the text of a template file, the same during a whole build."""
    return files("madtheory.reports").joinpath("templates", name).read_text(encoding="utf-8")


def lookup(numbers: Mapping[str, Any], path: str) -> Any:
    """Return ``numbers["a"]["b"][2]`` for the path ``a.b.2``; LATER where that is on the way."""
    value: Any = numbers
    for part in path.split("."):
        if value is LATER:
            return LATER
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def show(numbers: Mapping[str, Any], expression: str) -> str:
    """Print ``path`` or ``path|digits``: a number to so many significant digits."""
    path, _, digits = expression.partition("|")
    return number(int(digits or 3))(lookup(numbers, path))


def fill(text: str, numbers: Mapping[str, Any], special: Mapping[str, Callable[[str], str]]) -> str:
    """Replace ``{{kind:name}}`` by ``special[kind](name)`` and ``{{path|digits}}`` by a number."""

    def replace(match: re.Match[str]) -> str:
        kind, colon, name = match[1].partition(":")
        return special[kind](name) if colon else show(numbers, match[1])

    return _PLACEHOLDER.sub(replace, text)
