"""Text for reStructuredText: docstrings are written for readers, with |x|, x_ and * as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_SPAN = re.compile(r"(``.+?``|(?::[\w:]+:)?`[^`]+`_{0,2})")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,2}[^\s*](?:[^*]*[^\s*])?\*{1,2})(?![\w*])")
_SECTION = re.compile(r"-{3,}$")


_THEORY = Path(__file__).resolve().parents[1] / "theory.md"
_CITED = re.compile(r"(theory\.md |(?<=\())(\d(?:\.\d+)?)(?=[;,.)]|$|\s)")


@cache
def statements() -> frozenset[str]:
    """Return the numbers of the statements that the theory page makes."""
    text = _THEORY.read_text(encoding="utf-8")
    return frozenset(re.findall(r"^#{2,3} (\d(?:\.\d+)?)", text, re.MULTILINE))


def cited(text: str) -> str:
    """Link the statements that a summary names: "theory.md 1.3", or "(1.3; exact)"."""

    def linked(match: re.Match[str]) -> str:
        before, number = match.groups()
        if number not in statements() or not (before or "." in number):
            return match[0]
        return link("ref", f"statement-{number.replace('.', '-')}", match[0])

    return _CITED.sub(linked, text)


def heading(text: str, line: str) -> str:
    """Return a heading."""
    return f"{text}\n{line * max(len(text), 3)}\n"


def title(name: str) -> str:
    """Return a file's or a figure's name as a title: "Appendix A" for `appendix_a`."""
    words = name.replace("_", " ").capitalize()
    return re.sub(r" [a-z]$", lambda last: last[0].upper(), words)


def plain(text: str) -> str:
    """Return text for Markdown: a role becomes code."""
    return re.sub(r":[\w:]+:`~?([^`]+)`", r"`\1`", text)


def code(text: str) -> str:
    """Return text as code."""
    return f"``{text}``"


def link(role: str, target: str, text: str) -> str:
    """Return a link."""
    return f":{role}:`{text} <{target}>`"


def _escaped_plain(text: str) -> str:
    text = re.sub(r"(?<=\w)_(?=\W|$)", r"\\_", text)
    parts = _EMPHASIS.split(text.replace("|", r"\|"))
    return "".join(x if i % 2 else x.replace("*", r"\*") for i, x in enumerate(parts))


def escaped(text: str) -> str:
    """Return text whose roles, code and emphasis stand, and in which nothing else is markup."""
    parts = _SPAN.split(text)
    return "".join(x if i % 2 else _escaped_plain(x) for i, x in enumerate(parts))


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def readable(lines: list[str]) -> list[str]:
    """Return the lines of a docstring as reStructuredText: formulas stand apart, as written."""
    done: list[str] = []
    before, in_sections = "", False
    for block in _paragraphs(lines):
        first = not done
        in_sections |= len(block) > 1 and bool(_SECTION.match(block[1].strip()))
        indented = block[0].startswith("  ")
        if block[0].lstrip().startswith(">>>") or (indented and before.endswith("::")):
            done += block
        elif indented and not in_sections and not before.startswith(("- ", "  ")):
            done += [".. code-block:: text", "", *block]
        else:
            done += [escaped(cited(line) if first else line) for line in block]
        done.append("")
        if not indented:
            before = block[-1] if block[-1].endswith("::") else block[0]
    return done
