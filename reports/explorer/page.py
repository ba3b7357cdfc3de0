"""The explorer's page: template, generated laws, grids and script in one file."""

from __future__ import annotations

from functools import cache
from typing import Final

from madtheory.files import canonical_json
from madtheory.reports._types import Numbers
from madtheory.reports.explorer import laws
from madtheory.reports.text import template

#: What the page needs of the section's numbers.
_SHOWN: Final = ("ratios", "biases", "sizes", "times", "by_dim", "errors")


@cache
def _laws() -> str:
    """The generated functions, the same in every page."""
    return laws.source()


def script(numbers: Numbers) -> str:
    """All of the page's script, without a document too."""
    shown = canonical_json({name: numbers[name] for name in _SHOWN})
    return f"{_laws()}\nconst grid = {shown};\n{template('explorer.js')}"


def page(numbers: Numbers) -> str:
    """Return one HTML file that needs nothing else."""
    head, tail = template("explorer.html").split("/*SCRIPT*/")
    return head + script(numbers) + tail
