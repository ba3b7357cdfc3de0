"""The Sphinx extension: generated pages, docstrings, links to the API, formulas as MathML."""

from __future__ import annotations

import builtins
import html
import importlib
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from madsite import pages, public, text

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
_STATUS = re.compile(r"\*(exact|asymptotic|bound|paper|conjecture)\*")
_STATEMENT = re.compile(r"^(#{2,3}) (\d(?:\.\d+)?)\.? .*$", re.MULTILINE)


# --- sources -------------------------------------------------------------------------------------


def write_pages(app: Sphinx) -> None:
    """Write the generated pages before Sphinx looks for its sources."""
    pages.write(Path(app.srcdir) / "generated", ROOT / "out" / "report")


def _readme() -> str:
    """Return README as the first page: its links lead within the site."""
    found = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.sub(r"\]\(docs/([\w-]+\.md)(#[\w-]+)?\)", r"](\1\2)", found)
    for file, page in (("CHANGELOG.md", "changes.md"), ("CONTRIBUTING.md", "contributing.md")):
        found = found.replace(f"]({file})", f"]({page})")
    return re.sub(r"\[([^]]+)\]\(CITATION\.cff\)", r"\1", found)


def _theory(source: str) -> str:
    """Give every statement an anchor, its claims, and a label of its status."""
    parts = _STATEMENT.split(source)
    done = [parts[0]]
    headings = _STATEMENT.finditer(source)
    for match, body in zip(headings, parts[3::3], strict=True):
        claims = pages.statement_claims(match[2])
        label = f"(statement-{match[2].replace('.', '-')})="
        first, *rest = re.split(r"(?=^## |^### )", body, maxsplit=1, flags=re.MULTILINE)
        said = f"\n:::{{container}} evidence\nClaims: {claims}\n:::\n\n" if claims else ""
        done += [f"{label}\n{match[0]}", f"{first.rstrip()}\n{said}\n", *rest]
    return _STATUS.sub(r"{status}`\1`", "".join(done))


def read_source(app: Sphinx, docname: str, source: list[str]) -> None:
    """Take README into the index, rooms into the API, and link the statements of the theory."""
    if docname == "index":
        source[0] = source[0].replace("<!-- README -->", _readme())
    if docname == "api":
        source[0] = source[0].replace("<!-- rooms -->", pages.rooms_page())
    if docname == "theory":
        source[0] = _theory(source[0])


# --- docstrings ----------------------------------------------------------------------------------


def before_napoleon(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Make a docstring reStructuredText."""
    lines[:] = text.readable(lines)


def after_napoleon(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Add the claims and figures of a function."""
    lines.extend(pages.evidence_lines(name))


# --- links ---------------------------------------------------------------------------------------


class LinkNames(SphinxTransform):
    """Let every name in code type that is a public one lead to it."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Wrap the names in references."""
        for node in list(self.document.findall(nodes.literal)):
            name = public.lookup(node.astext().removesuffix("()"))
            inside = (addnodes.pending_xref, nodes.reference, nodes.title, addnodes.desc_signature)
            parent = node.parent
            while parent is not None and not isinstance(parent, inside):
                parent = parent.parent
            if name and parent is None and "classes" in node and not node["classes"]:
                node.replace_self(_reference(name, node, self.env.docname))


def _reference(name: str, content: nodes.Node, docname: str) -> addnodes.pending_xref:
    found = addnodes.pending_xref(
        "", refdomain="py", reftype="obj", reftarget=name, refdoc=docname, refwarn=True
    )
    found += content.deepcopy()
    return found


def _evaluate(target: str, module: str | None) -> Any:
    """Return what a name stands for in a module, in one of its files, or by itself."""
    places = [module] if module else []
    if module and public.is_package(module):
        places += public.children(module)
    spots: list[tuple[Any, list[str]]] = []
    spots += [(importlib.import_module(place), target.split(".")) for place in places]
    spots.append((builtins, target.split(".")))
    parts = target.split(".")
    for i in range(len(parts), 0, -1):
        if parts[0] == "madtheory":
            try:
                spots.append((importlib.import_module(".".join(parts[:i])), parts[i:]))
                break
            except ModuleNotFoundError:
                continue
    for start, names in spots:
        item = start
        for name in names:
            item = getattr(item, name, None)
        if item is not None:
            return item
    return None


def resolve(
    app: Sphinx, env: Any, node: addnodes.pending_xref, content: nodes.Element
) -> nodes.Node | None:
    """Resolve what Sphinx does not: public names by another path, private ones as plain code.

    Types in annotations and in numpydoc's lists are prose; a name in a role must exist.
    """
    if node.get("refdomain") != "py":
        return None
    target, module = node["reftarget"], node.get("py:module")
    item = _evaluate(target, module)
    known = public.public_name(item) if item is not None else None
    if known and known != target:
        domain = env.domains["py"]
        return (
            domain.resolve_xref(env, node["refdoc"], app.builder, "obj", known, node, content)
            or content
        )
    prose = not isinstance(content, nodes.literal) and node["reftype"] in ("class", "obj", "exc")
    return content if item is not None or prose else None


# --- formulas ------------------------------------------------------------------------------------


def _mathml(node: nodes.Element, *, block: bool) -> str:
    try:
        return str(tex2mathml(node.astext(), as_block=block))
    except MathError as error:
        logger.warning("formula: %s", error, location=node)
        return f"<code>{html.escape(node.astext())}</code>"


def inline_math(self: Any, node: nodes.math) -> None:
    """Write a formula of the line as MathML."""
    self.body.append(_mathml(node, block=False))
    raise nodes.SkipNode


def block_math(self: Any, node: nodes.math_block) -> None:
    """Write a formula that stands apart as MathML."""
    self.body.append(f'<div class="math">{_mathml(node, block=True)}</div>')
    raise nodes.SkipNode


def status(
    name: str, rawtext: str, label: str, lineno: int, inliner: Any, options: Any = None,
    content: Any = None,
) -> tuple[list[nodes.Node], list[nodes.system_message]]:  # fmt: skip
    """Return the label of a status."""
    return [nodes.inline(rawtext, label, classes=["status", f"status-{label}"])], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect everything."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", read_source)
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
    app.connect("missing-reference", resolve)
    app.add_transform(LinkNames)
    app.add_role("status", status)
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
