"""Tables of the section on all loops."""

from __future__ import annotations

from madtheory.reports._types import Numbers
from madtheory.reports.formats import Column, Table, words


def _answer(row: Numbers) -> str:
    """yes, no or ?, with * where it is a conjecture."""
    if row["collapses"] is None:
        return "?"
    return words(row["collapses"]) + ("*" if row["status"] == "conjecture" else "")


def definitions(numbers: Numbers) -> Table:
    """Loops against definitions; a heading is the first word of the definition's name."""
    names = [d["name"] for d in numbers["definitions"]]
    rows = []
    for loop in numbers["loops"]:
        name, _, bias = loop.partition(", λ = ")
        cells = {r["definition"]: _answer(r) for r in numbers["rows"] if r["loop"] == loop}
        rows.append({"loop": name, "bias": bias, **cells})
    columns = [
        Column("loop", "loop", words, 14),
        Column("λ", "bias", words, 5),
        *(Column(word, name, words, max(6, len(word) + 1))
          for name, word in ((name, name.split("-")[0]) for name in names)),
    ]  # fmt: skip
    return Table(columns, rows)


def _grouped(item: Numbers) -> str:
    """`claim`: families, claim by claim; one claim that decides all families stands alone."""
    deciders = item["deciders"]
    if len(deciders) == 1:
        return f"`{deciders[0]['claim']}`"
    return "; ".join(f"`{d['claim']}`: {', '.join(d['families'])}" for d in deciders)


def definition_claims(numbers: Numbers) -> Table:
    """What each definition asks, and which claim's test decides it for which family."""
    rows = [{**item, "claims": _grouped(item)} for item in numbers["definitions"]]
    columns = [
        Column("definition", "name", words, 12),
        Column("paper", "paper", words, 14),
        Column("question", "question", words, 18),
        Column("collapse if", "collapse_if", words, 8),
        Column("decided by (claim: families)", "claims", words, 48),
    ]
    return Table(columns, rows)
