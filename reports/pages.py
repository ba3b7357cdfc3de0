"""One Markdown source, three pages: self-contained HTML, LaTeX, and a PDF by Typst."""

from __future__ import annotations

import re
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pypandoc
import typst

from madtheory.reports.text import template

_MARKDOWN: Final = (
    "markdown+implicit_figures+pipe_tables+tex_math_dollars-smart-superscript-subscript"
)
_BOX: Final = {
    "html": ('<div class="box">', "</div>"),
    "latex": (r"\begin{summarybox}", r"\end{summarybox}"),
    "typst": ("#summarybox[", "]"),
}


def tool_versions() -> str:
    """Return the releases of pandoc and Typst, which shape the pages."""
    return f"pandoc {pypandoc.get_pandoc_version()} typst {version('typst')}"


def _boxes(markdown: str, target: str) -> str:
    """Turn ``::: box`` fences into the target's own box."""
    begin, end = (f"\n```{{={target}}}\n{raw}\n```\n\n" for raw in _BOX[target])
    return re.sub(
        r"^::: box\n(.*?)^:::$", lambda m: begin + m[1] + end, markdown, flags=re.M | re.S
    )


def _numbered(markdown: str) -> str:
    """Write the numbers of figures and tables into their captions (HTML numbers nothing)."""
    for word, mark in (("Figure", "!["), ("Table", ": ")):
        parts = re.split("^" + re.escape(mark), markdown, flags=re.M)
        markdown = parts[0] + "".join(
            f"{mark}**{word} {i}.** {part}" for i, part in enumerate(parts[1:], start=1)
        )
    return markdown


def _convert(markdown: str, target: str, extension: str, extra: list[str]) -> str:
    source = _boxes(markdown, target)
    suffix = {"html": "html", "latex": "tex", "typst": "typ"}[target]
    with tempfile.TemporaryDirectory() as folder:
        layout = Path(folder) / f"page.{suffix}"
        layout.write_text(template(f"page.{suffix}"), encoding="utf-8")
        return str(
            pypandoc.convert_text(
                source,
                "html5" if target == "html" else target,
                format=_MARKDOWN,
                extra_args=[
                    "--standalone",
                    f"--template={layout}",
                    f"--default-image-extension={extension}",
                    "--columns=40",
                    "--wrap=preserve",
                    *extra,
                ],
            )
        )


def html(markdown: str, folder: Path) -> str:
    """Return one HTML file that needs nothing else; figures are looked up in `folder`."""
    extra = ["--embed-resources", "--mathml", f"--resource-path={folder}", "--toc", "--toc-depth=1"]
    return _convert(_numbered(markdown), "html", "png", extra)


def document(markdown: str, target: str) -> str:
    """Return a "latex" or "typst" document whose figures are ``figures/*.pdf`` beside it."""
    return _convert(markdown, target, "pdf", [])


def pdf(source: Path) -> bytes:
    """Compile a Typst file whose figures lie beside it."""
    result: bytes = typst.compile(str(source), root=str(source.parent))
    return result
