"""Build the documentation as HTML, or bring its generated parts up to date.

    python docs/build.py out/docs     every page as HTML, with the API taken from docstrings
    python docs/build.py --refresh    rerun the console examples and rewrite the table of claims

Console examples are fenced blocks named `console`: a line `$ command`, then what it prints.
`[...]` stands for text that may differ between machines.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?<=```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
CLAIMS = re.compile(r"(?<=--refresh -->\n).*?(?=<!-- end of claims -->)", re.DOTALL)


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


def claims_table() -> str:
    """Markdown table of all claims, in the order of the verifier."""
    from madtheory.claims import CLAIMS as claims

    rows = ["| claim | reference | status | statement |", "|---|---|---|---|"]
    for claim in claims:
        statement = " ".join(claim.statement.split()).replace("|", "\\|")
        rows.append(f"| `{claim.id}` | {claim.reference} | {claim.status} | {statement} |")
    return "\n".join(rows) + "\n"


def refresh() -> None:
    """Bring README and docs up to date."""
    for page in PAGES:
        text = CLAIMS.sub(lambda _: claims_table(), page.read_text(encoding="utf-8"))
        page.write_text(refreshed(text), encoding="utf-8")


def public_modules() -> list[str]:
    """Modules without an underscore, theory only."""
    package = importlib.import_module("madtheory")
    names = [info.name for info in pkgutil.iter_modules(package.__path__)]
    return [name for name in names if not name.startswith("_") and name not in ("cli", "reports")]


def api_page() -> str:
    """Signatures and docstrings of everything public, as Markdown."""
    parts = ["# API\n"]
    for name in public_modules():
        module = importlib.import_module(f"madtheory.{name}")
        parts.append(f"## madtheory.{name}\n\n{inspect.getdoc(module)}\n")
        for public in getattr(module, "__all__", ()):
            item = getattr(module, public)
            if not callable(item):
                continue
            signature = str(inspect.signature(item)) if inspect.isroutine(item) else ""
            doc = inspect.getdoc(item) or ""
            parts.append(f"### {public}\n\n```\n{public}{signature}\n\n{doc}\n```\n")
    return "\n".join(parts)


def html(markdown: str, target: Path, *, title: str) -> None:
    """Write one page; links to .md files become links to the .html beside it."""
    import pypandoc

    linked = re.sub(r"\]\((?:docs/)?([\w-]+)\.md(#[\w-]*)?\)", r"](\1.html\2)", markdown)
    arguments = ["--standalone", "--mathml", "--metadata", f"pagetitle={title}"]
    text = pypandoc.convert_text(linked, "html", format="gfm", extra_args=arguments)
    target.write_text(text, encoding="utf-8")


def build(folder: Path) -> None:
    """Write every page and the API into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        name = "index" if page.name == "README.md" else page.stem
        html(page.read_text(encoding="utf-8"), folder / f"{name}.html", title=f"madtheory: {name}")
    html(api_page(), folder / "reference.html", title="madtheory: API")


if __name__ == "__main__":
    if sys.argv[1:] == ["--refresh"]:
        refresh()
    elif len(sys.argv) == 2:
        build(Path(sys.argv[1]))
    else:
        sys.exit(__doc__)
