"""Tables: one description, written as Markdown, booktabs LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from madtheory.reports._types import Numbers

#: Signs that pdfTeX knows in mathematics only: those of the page's layout, and five more.
_UNICODE: Final = {
    sign: f"${formula}$"
    for sign, formula in re.findall(
        r"\\newunicodechar\{(.)\}\{\\ensuremath\{(.*)\}\}\n",
        files("madtheory.reports").joinpath("templates", "page.tex").read_text(encoding="utf-8"),
    )
} | {"±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "½": r"$\tfrac12$", "–": "--"}
_SPECIAL: Final = {c: "\\" + c for c in "&%#_{}"} | {"~": r"\textasciitilde{}", "^": r"\^{}"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: heading, key of the row, how a value is printed, and its relative width."""

    heading: str
    key: str
    show: Callable[[Any], str] = str
    width: int = 10


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns and one mapping a row; text may hold ``$mathematics$``."""

    columns: Sequence[Column]
    rows: Sequence[Numbers]


def number(digits: int = 4) -> Callable[[Any], str]:
    """Return a printer with `digits` significant digits (counts in full); a dash for None."""

    def show(value: Any) -> str:
        if value is None:
            return "–"
        if isinstance(value, (bool, str)):
            return words(value)
        if isinstance(value, int):
            return f"{value:,}"
        text = f"{value + 0.0:.{digits}g}"  # -0 is 0
        mantissa, _, exponent = text.partition("e")
        return f"${mantissa}\\cdot 10^{{{int(exponent)}}}$" if exponent else text.replace("-", "−")

    return show


def words(value: Any) -> str:
    """Print text as it is, a truth value as yes or no, a missing one as a dash."""
    if value is None:
        return "–"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def plus_minus(digits: int = 4) -> Callable[[Any], str]:
    """Return a printer of (value, standard error) pairs."""
    show = number(digits)

    def pair(value: Any) -> str:
        estimate, error = value
        if estimate is None:
            return "–"
        return show(estimate) if error is None else f"{show(estimate)} ± {number(2)(error)}"

    return pair


def to_csv(table: Table) -> str:
    """Return the raw values, full precision, one heading line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([column.key for column in table.columns])
    for row in table.rows:
        values = (row.get(column.key) for column in table.columns)
        writer.writerow(["" if value is None else value for value in values])
    return buffer.getvalue()


def _cells(table: Table) -> list[list[str]]:
    return [[column.show(row.get(column.key)) for column in table.columns] for row in table.rows]


def _bar(text: str) -> str:
    """A cell of a pipe table: in a formula an escaped bar would become a double one."""
    parts = re.split(r"(\$[^$]+\$)", text.replace("\n", " "))
    return "".join(p.replace("|", r"\vert{}" if p.startswith("$") else r"\|") for p in parts)


def to_markdown(table: Table) -> str:
    """Return a pandoc pipe table; the dashes set the relative widths."""
    head = "| " + " | ".join(_bar(column.heading) for column in table.columns) + " |"
    rule = "|" + "|".join(":" + "-" * column.width for column in table.columns) + "|"
    body = ["| " + " | ".join(map(_bar, row)) + " |" for row in _cells(table)]
    return "\n".join([head, rule, *body])


def _latex_text(text: str) -> str:
    return "".join(_UNICODE.get(c, _SPECIAL.get(c, c)) for c in text)


def _latex_cell(text: str) -> str:
    """Escape all but the ``$...$`` parts; emphasis and code keep their meaning."""
    parts = re.split(r"(\$[^$]+\$)", text)
    latex = "".join(part if part.startswith("$") else _latex_text(part) for part in parts)
    return re.sub(r"`([^`]+)`", r"\\texttt{\1}", re.sub(r"\*([^*]+)\*", r"\\emph{\1}", latex))


def to_latex(table: Table) -> str:
    """Return a booktabs ``tabular`` with wrapping columns, 0.98 of the line wide in all."""
    total = sum(column.width for column in table.columns)
    share = [0.98 * column.width / total for column in table.columns]
    spec = "".join(rf">{{\raggedright\arraybackslash}}p{{{s:.3f}\linewidth}}" for s in share)
    lines = [rf"\begin{{tabular}}{{@{{}}{spec}@{{}}}}", r"\toprule"]
    lines.append(" & ".join(_latex_cell(column.heading) for column in table.columns) + r" \\")
    lines.append(r"\midrule")
    lines += [" & ".join(map(_latex_cell, row)) + r" \\" for row in _cells(table)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])
