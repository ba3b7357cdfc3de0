"""The generated pages: rooms with their public names, claims, figures of the report."""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.pycode import ModuleAnalyzer

import madtheory
from madsite import evidence as ev
from madsite.public import SHORT, File, Room, holder, public, room, rooms
from madsite.text import cited, code, escaped, heading, link, plain, title
from madtheory.claims import Claim

#: More claims than this at one function are counted, not listed.
MANY = 12


# --- rooms ---------------------------------------------------------------------------------------


def _member(name: str, file: File) -> str:
    """Return the directive that documents one public name."""
    item = public()[name]
    if inspect.isclass(item):
        return f".. autoclass:: {name}\n   :members:\n"
    if callable(item) and hasattr(item, "__name__"):
        return f".. autofunction:: {name}\n"
    return _value(name, item, file)


def _value(name: str, item: Any, file: File) -> str:
    """Document a constant by the comment above it, and its value where that is short."""
    comments = ModuleAnalyzer.for_module(file.module).find_attr_docs()
    comment = " ".join(comments.get(("", name.rpartition(".")[2]), ())).strip()
    shown = repr(item)
    value = f"   :value: {shown}\n" if len(shown) <= SHORT else ""
    module, _, last = name.rpartition(".")
    return f".. py:data:: {last}\n   :module: {module}\n{value}\n   {escaped(comment)}\n"


def _file(r: Room, file: File) -> str:
    """Return the section on one file of a room."""
    members = "\n".join(_member(f"{holder(r, file)}.{name}", file) for name in file.names)
    if file.module == r.module:
        return members
    stem = file.module.rpartition(".")[2]
    return f"{heading(f'{stem}.py', '-')}\n{escaped(cited(file.sentence))}\n\n{members}"


def _contents(r: Room) -> str:
    """Return the table of a room's files and of the rooms inside."""
    inner = [
        (link("doc", room(name).page, room(name).title), room(name).sentence) for name in r.inner
    ]
    files = [(code(f.module.rpartition(".")[2] + ".py"), f.sentence) for f in r.files if f.sentence]
    rows = "".join(
        f"   * - {where}\n     - {escaped(cited(what))}\n" for where, what in inner + files
    )
    return f".. list-table::\n   :widths: 25 75\n   :class: files\n\n{rows}\n" if rows else ""


def room_page(r: Room) -> str:
    """Return the page of one room: what lives there, file by file, then its public names."""
    said = f".. automodule:: {r.module}\n   :no-members:\n"
    targets = (f.module for f in r.files if f.module != r.module and f.module not in public())
    hidden = "".join(f".. py:module:: {name}\n   :no-index-entry:\n\n" for name in targets)
    sections = "\n".join(_file(r, file) for file in r.files if file.names)
    back = f".. py:currentmodule:: {r.module}\n"
    return "\n".join((heading(r.title, "="), said, hidden, back, _contents(r), sections))


def rooms_page() -> str:
    """Return the list of all rooms, in Markdown."""
    tops = [r for r in rooms() if r.title.count(".") == 0]
    where = "generated/api"
    rows = "".join(
        f"| {{doc}}`{r.title} <{where}/{r.page}>` | {plain(r.sentence)} |\n" for r in tops
    )
    pages = "".join(f"{r.title} <{where}/{r.page}>\n" for r in rooms())
    return (
        f"| room | what lives there |\n|---|---|\n{rows}\n```{{toctree}}\n:hidden:\n\n{pages}```\n"
    )


# --- claims and figures --------------------------------------------------------------------------


def references(names: tuple[str, ...]) -> str:
    """Link functions, by their names without `madtheory`."""
    shown = (re.sub(r"^madtheory\.(theory\.)?", "", name) for name in names)
    return ", ".join(f":py:obj:`{text} <{name}>`" for text, name in zip(shown, names, strict=True))


def claim_links(ids: tuple[str, ...]) -> str:
    """Link claims."""
    return ", ".join(link("ref", f"claim-{name}", name) for name in ids)


def figure_links(names: tuple[str, ...]) -> str:
    """Link figures of the report."""
    return ", ".join(link("ref", f"figure-{name}", name) for name in names)


def _statements(numbers: tuple[str, ...]) -> str:
    return ", ".join(link("ref", f"statement-{n.replace('.', '-')}", n) for n in numbers)


def _claim(item: ev.Evidence) -> str:
    """Return the entry of one claim."""
    claim = item.claim
    side = {"both": "", "at_least": " (at least)", "at_most": " (at most)"}[claim.side]
    fields = {
        "Reference": escaped(claim.reference),
        "Theory": _statements(item.statements),
        "Functions": references(item.tested),
        "Observed": escaped(claim.observe.words) + side,
        "Drawn by": references(item.simulators),
        "Mutant": escaped(claim.mutant.words),
        "Sees": _sees(claim),
        "Figures": figure_links(ev.shown_in(claim.id)),
    }
    listed = "".join(f":{name}: {text}\n" for name, text in fields.items() if text)
    return (
        f".. _claim-{claim.id}:\n\n.. rubric:: {claim.id} :status:`{claim.status}`\n"
        f"   :class: claim\n\n{escaped(claim.statement)}\n\n{listed}\n"
    )


@cache
def _smallest_errors() -> dict[str, float]:
    """Smallest error that each claim noticed when the snapshot of the tests was recorded."""
    file = Path(madtheory.__file__).parents[1] / "tests" / "snapshot" / "snapshot.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {
        name.removeprefix("verdict/"): verdict["smallest_error"]
        for name, verdict in found.items()
        if name.startswith("verdict/") and "smallest_error" in verdict
    }


def _sees(claim: Claim) -> str:
    """Return from which error on a claim is refuted, where that is known."""
    least = _smallest_errors().get(claim.id)
    if least is None:
        return ""
    size = f"{100 * least:.2g} %" if least >= 1e-5 else "less than .001 %"
    return f"an error of {size}" + ("; computed, nothing is sampled" if claim.computed else "")


def claims_page() -> str:
    """Return the page of all claims, a section a file of `madtheory/claims`."""
    topics: dict[str, list[ev.Evidence]] = {}
    for item in ev.evidence().values():
        topics.setdefault(item.topic, []).append(item)
    text = [
        heading("Claims", "="),
        _CLAIMS.format(number=len(ev.evidence()), share=ev.NEAR, most=ev.MOST),
    ]
    for topic, items in topics.items():
        sentence = room("madtheory.claims")
        said = next(f.sentence for f in sentence.files if f.module.endswith(f".{topic}"))
        text += [heading(title(topic), "-"), escaped(said) + "\n"]
        text += map(_claim, items)
    return "\n".join(text)


_CLAIMS = """\
``madtheory verify`` tests each of these {number} statements against simulation, together with a
*mutant*: the same statement changed by an amount that matters, which the test must reject with a
power of at least 0.99. The multiplicity of tests is dealt with by Holm's procedure. *Sees* is the
smallest relative error of the statement that the test would notice with that power at the quick
level; the full level takes four times the observations, which halves what is due to chance. What is
*computed* compares two routes of the theory and is no test. This page is made from the table that
the verifier reads, :data:`madtheory.claims.CLAIMS`.

.. admonition:: How the links are made
   :class: note

   *Theory*: the numbers in the claim's reference. *Functions* and *Drawn by*: the public functions
   to which the claim's row in ``madtheory/claims`` refers, followed through that folder's own
   helpers and constants, not into the theory. A helper of the test, such as the variance of one
   observation, is among them. *Figures*: figures of the :doc:`report <figures>` whose code refers
   to one of the claim's functions, or which redraw the figure of the paper that the claim names. A
   function that k figures show counts 1/k; at most {most} figures are listed, those with {share:g}
   or more of the best one's count. So a link says that claim and figure speak of the same
   function, not that the figure proves the claim.
"""


def _caption(text: str) -> str:
    """Return a part of a caption without the numbers that only a finished report has."""
    text = re.sub(r"\{\{[^}]*\}\}", "…", text)
    parts = re.split(r"\$([^$]+)\$", text)
    return "".join(f":math:`{x}`" if i % 2 else escaped(x) for i, x in enumerate(parts)).replace(
        "`:math:", "`\\ :math:"
    )


def _figure(figure: ev.Figure, folder: Path) -> str:
    from madtheory.reports.captions import figure_captions

    caption = figure_captions()[figure.name]
    fields = {
        "Claim": _caption(caption.claim),
        "Status": _caption(caption.status),
        "Functions": references(figure.functions),
        "Claims": claim_links(ev.claims_of_figures().get(figure.name, ())),
    }
    listed = "".join(f":{name}: {text}\n" for name, text in fields.items() if text)
    image = f".. image:: /generated/images/{figure.name}.png\n   :alt: {escaped(caption.shows)}\n\n"
    drawn = (folder / "images" / f"{figure.name}.png").exists()
    return (
        f".. _figure-{figure.name}:\n\n{heading(title(figure.name), '-')}\n"
        f"{_caption(caption.shows)}\n\n{image if drawn else ''}{listed}\n"
    )


def figures_page(folder: Path) -> str:
    """Return the page of the report's figures."""
    drawn = (_figure(figure, folder) for figure in ev.figures().values())
    return "\n".join((heading("Figures of the report", "="), _FIGURES, *drawn))


_FIGURES = """\
``make report`` simulates and draws these (``out/report/index.html``), with all numbers in their
captions; an ellipsis stands for one here. Where the report was made before this site, its figures
are shown. The functions are those to which a figure's section and drawing refer; how claims are
joined to figures is said under :doc:`claims`.
"""


# --- what is added to a docstring ----------------------------------------------------------------


def evidence_lines(name: str) -> list[str]:
    """Return the claims and figures of a public function, for the end of its docstring."""
    ids = ev.claims_of_functions().get(name, ())
    shown = tuple(f.name for f in ev.figures().values() if name in f.functions)
    if not ids and not shown:
        return []
    claims = claim_links(ids) if len(ids) <= MANY else f":doc:`{len(ids)} </generated/claims>`"
    fields = {"Claims": claims, "Figures": figure_links(shown)}
    said = " · ".join(f"{key}: {text}" for key, text in fields.items() if text)
    return ["", ".. container:: evidence", "", f"   {said}", ""]


def statement_claims(number: str) -> str:
    """Return the Markdown line with the claims on a statement of the theory page."""
    ids = ev.claims_of_statements().get(number, ())
    return ", ".join(f"{{ref}}`{name} <claim-{name}>`" for name in ids)


def images(folder: Path, report: Path) -> None:
    """Copy the figures of a finished report."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name in ev.figures():
        found = next(iter(report.glob(f"**/{name}.png")), None)
        if found:
            (folder / "images" / found.name).write_bytes(found.read_bytes())


def write(folder: Path, report: Path) -> None:
    """Write all generated pages; those that have not changed keep their time."""
    images(folder, report)
    pages = {f"api/{r.page}.rst": room_page(r) for r in rooms()}
    pages |= {"claims.rst": claims_page(), "figures.rst": figures_page(folder)}
    (folder / "api").mkdir(parents=True, exist_ok=True)
    for old in {*folder.glob("api/*.rst")} - {folder / name for name in pages}:
        old.unlink()
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
