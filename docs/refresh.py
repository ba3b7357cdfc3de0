"""Rerun the console examples of README and docs, and rewrite outputs that no longer match.

So is what docs/deep.md says of the committed curves, between two comments.

Console examples are fenced blocks named `console`: a line `$ command`, then what it prints.
`[...]` stands for text that may differ between machines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CURVES = re.compile(r"(?<=<!-- curves -->\n).*?(?=<!-- end of curves -->)", re.DOTALL)
BLOCK = re.compile(r"(?<=```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)


def examples(text: str) -> list[tuple[str, str]]:
    """(command, expected output) of every console example in a page."""
    found = []
    for block in BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output.strip("\n")))
    return found


def output_of(command: str) -> str:
    """What a command prints into a pipe, stderr included, without trailing blanks."""
    folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "COLUMNS": "80"}
    done = subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


def matches(expected: str, found: str) -> bool:
    """Whether `found` is `expected`, where [...] stands for any text."""
    pattern = ".*".join(re.escape(part) for part in expected.split("[...]"))
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def refreshed(text: str) -> str:
    """Rewrite the outputs that no longer match."""

    def rewrite(block: re.Match[str]) -> str:
        parts = []
        for command, expected in examples(f"```console\n{block[0]}```"):
            found = output_of(command)
            kept = expected if matches(expected, found) else found
            parts.append(f"$ {command}\n{kept}\n" if kept else f"$ {command}\n")
        return "".join(parts)

    return BLOCK.sub(rewrite, text)


def with_curves(text: str) -> str:
    """Rewrite what is said of the curves."""
    from madtheory.reports.deep import contents, tables

    section = contents.SECTIONS[0]
    said = tables.in_docs(section.compute(section.config("quick", 0)))
    return CURVES.sub(lambda _: said, text)


if __name__ == "__main__":
    for page in PAGES:
        text = refreshed(page.read_text(encoding="utf-8"))
        page.write_text(with_curves(text) if CURVES.search(text) else text, encoding="utf-8")
