"""One Markdown source, three pages: self-contained HTML, LaTeX, and a PDF by Typst."""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pypandoc
import typst

from madtheory.reports.text import template

_MARKDOWN: Final = (
    "markdown+implicit_figures+pipe_tables+tex_math_dollars-smart-superscript-subscript"
)
#: Seconds after which an unfinished page loads itself anew.
_REFRESH: Final = 10
#: What stands where a figure will be.
_LATER: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 63 12"><rect width="63" height="12" '
    b'fill="#f3f3f3"/><text x="31.5" y="6.5" font-size="2" text-anchor="middle" '
    b'font-family="sans-serif" fill="#555">not computed yet</text></svg>'
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
        options = [
            "--standalone",
            f"--template={layout}",
            f"--default-image-extension={extension}",
            "--columns=40",
            "--wrap=preserve",
            *extra,
        ]
        to = "html5" if target == "html" else target
        try:
            return str(pypandoc.convert_text(source, to, format=_MARKDOWN, extra_args=options))
        except RuntimeError as error:  # it was killed, or found no memory
            words = " ".join(str(error).split()).rstrip(" :")
            raise ChildProcessError(f"the page was not written: {words}") from None


def html(
    markdown: str, figures: Mapping[str, bytes], *, waiting: str = "", refresh: bool = False
) -> str:
    """Return one HTML file that needs nothing else.

    `figures` holds the PNG of every figure drawn; `waiting` says what is missing; with `refresh`
    the page loads itself anew.
    """
    extra = ["--mathml", "--toc", "--toc-depth=1"]
    if waiting:
        extra.append(f"--metadata=waiting:{waiting}")
    if refresh:
        extra.append(f"--metadata=refresh:{_REFRESH}")
    page = _convert(_numbered(markdown), "html", "png", extra)

    def embedded(match: re.Match[str]) -> str:
        png = figures.get(match[1])
        kind, data = ("png", png) if png else ("svg+xml", _LATER)
        return f'src="data:image/{kind};base64,{base64.b64encode(data).decode()}"'

    return re.sub(r'src="figures/([a-z0-9_]+)\.png"', embedded, page)


def document(markdown: str, target: str) -> str:
    """Return a "latex" or "typst" document whose figures are ``figures/*.pdf`` beside it."""
    return _convert(markdown, target, "pdf", [])


def pdf(source: Path) -> bytes:
    """Compile a Typst file whose figures lie beside it."""
    result: bytes = typst.compile(str(source), root=str(source.parent))
    return result
