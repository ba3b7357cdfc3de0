"""Claims, the functions that they test, and the figures of the report that show these.

A claim's functions are those that its row in `madtheory/claims` refers to; a figure's are those
that its section and its drawing in `reports` refer to (see :mod:`madsite.reached`). A claim and a
figure belong together where they name the same figure of the paper, or share a function of the
theory; functions that many figures show count for little.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from madsite.public import children, defined, tree
from madsite.reached import reached
from madtheory.claims import CLAIMS, Claim

#: Rooms that serve every statement and make none.
SERVANTS = ("madtheory.loop.", "madtheory.results.", "madtheory.covariance.", "madtheory.files.")
SIMULATORS = "madtheory.simulate."
#: A figure is named at a claim where it has this share or more of the best figure's score.
NEAR = 0.5
MOST = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """One claim with where it is written and the functions that it refers to."""

    claim: Claim
    topic: str
    functions: tuple[str, ...]

    @property
    def tested(self) -> tuple[str, ...]:
        """Functions of the theory, in the prediction or in what it is compared with."""
        return tuple(name for name in self.functions if not name.startswith(SIMULATORS))

    @property
    def simulators(self) -> tuple[str, ...]:
        """Functions that draw what is observed."""
        return tuple(name for name in self.functions if name.startswith(SIMULATORS))

    @property
    def statements(self) -> tuple[str, ...]:
        """Return the numbers of the statements of the theory page that it refers to."""
        parts = [part.strip() for part in self.claim.reference.split(";")]
        return tuple(part for part in parts if re.fullmatch(r"\d(\.\d+)?", part))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the report: its name and the functions that it shows."""

    name: str
    section: str
    functions: tuple[str, ...]


def _says(node: ast.Call, claim: str, *, literally: bool) -> bool:
    """Whether the first argument of a call is the name of a claim."""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Constant):
        return literally and first.value == claim
    if literally or not isinstance(first, ast.JoinedStr):
        return False
    parts = (re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in first.values)
    return re.fullmatch("".join(parts), claim) is not None


def _row(module: str, claim: str, *, literally: bool) -> dict[str, list[ast.AST]] | None:
    """Return the arguments of the calls that make a row of the table, by the call's name."""
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    starts = [node for node in calls if _says(node, claim, literally=literally)]
    if not starts:
        return None
    row: dict[str, list[ast.AST]] = {"start": [starts[0].func, *starts[0].args[1:]]}
    within: ast.AST = starts[0]
    while step := next(
        (c for c in calls if isinstance(c.func, ast.Attribute) and c.func.value is within), None
    ):
        row.setdefault(step.func.attr, []).extend([*step.args, *(k.value for k in step.keywords)])  # type: ignore[attr-defined]
        within = step
    return row


def _evidence(claim: Claim) -> Evidence:
    modules = children("madtheory.claims")
    found = ((m, _row(m, claim.id, literally=how)) for how in (True, False) for m in modules)
    module, row = next((m, row) for m, row in found if row)

    steps = ("start", "says", "expects", "happens", "observes", "of", "computes")
    pieces = ((node, module) for step in steps for node in row.get(step, ()))
    functions = (name for name in reached(pieces) if not name.startswith(SERVANTS))
    return Evidence(claim, module.rpartition(".")[2], tuple(functions))


@cache
def evidence() -> dict[str, Evidence]:
    """Return every claim by its name."""
    return {claim.id: _evidence(claim) for claim in CLAIMS}


def _source(function: Callable[..., object]) -> tuple[ast.AST, str]:
    module = function.__module__
    return defined(module)[function.__name__], module


@cache
def figures() -> dict[str, Figure]:
    """Return every figure of the report by its name, in the report's order."""
    from madtheory.reports.contents import SECTIONS

    found = {}
    for section in SECTIONS:
        for name, draw in section.figures.items():
            pieces = (_source(f) for f in (section.compute, draw))
            functions = (
                item for item in reached(pieces) if not item.startswith((*SERVANTS, SIMULATORS))
            )
            found[name] = Figure(name, section.name, tuple(functions))
    return found


@cache
def _paper_figures(name: str) -> frozenset[str]:
    """Return the figures of the paper that a caption names."""
    from madtheory.reports.captions import figure_captions

    caption = figure_captions()[name]
    text = f"{caption.shows} {caption.claim}"
    lists = re.findall(r"Figures? ((?:\d+(?:, | and )?)+)", text)
    return frozenset(n for found in lists for n in re.findall(r"\d+", found))


def _of_paper(claim: Claim) -> frozenset[str]:
    lists = re.findall(r"Fig\. ((?:\d+(?:, )?)+)", claim.reference)
    return frozenset(n for found in lists for n in re.findall(r"\d+", found))


@cache
def shown_in(claim: str) -> tuple[str, ...]:
    """Return the figures that show what a claim says, the closest first."""
    found = evidence()[claim]
    use = Counter(name for figure in figures().values() for name in figure.functions)
    scores = {}
    for figure in figures().values():
        shared = set(found.tested) & set(figure.functions)
        named = bool(_of_paper(found.claim) & _paper_figures(figure.name))
        scores[figure.name] = sum(1 / use[name] for name in shared) + named
    best = max(scores.values())
    near = [name for name in sorted(scores, key=lambda name: -scores[name]) if scores[name] > 0]
    return tuple(name for name in near if scores[name] >= NEAR * best)[:MOST]


@cache
def claims_of_functions() -> dict[str, tuple[str, ...]]:
    """Return the claims that refer to each function, in the order of the table."""
    found: dict[str, list[str]] = {}
    for item in evidence().values():
        for name in item.functions:
            found.setdefault(name, []).append(item.claim.id)
    return {name: tuple(ids) for name, ids in found.items()}


@cache
def claims_of_statements() -> dict[str, tuple[str, ...]]:
    """Return the claims on each numbered statement of the theory page."""
    found: dict[str, list[str]] = {}
    for item in evidence().values():
        for number in item.statements:
            found.setdefault(number, []).append(item.claim.id)
    return {number: tuple(ids) for number, ids in found.items()}


@cache
def claims_of_figures() -> dict[str, tuple[str, ...]]:
    """Return the claims whose functions a figure shows."""
    found: dict[str, list[str]] = {}
    for claim in evidence():
        for name in shown_in(claim):
            found.setdefault(name, []).append(claim)
    return {name: tuple(ids) for name, ids in found.items()}
