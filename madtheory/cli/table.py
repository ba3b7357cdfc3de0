"""What all tables share: title, status, declared errors; readable at 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from madtheory.cli.answer import Payload

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Generations that a table shows; all of them are in the JSON.
ROWS = 12

#: Columns of the narrowest page: below that cells would be cut to nothing.
NARROWEST = 60

#: What a loop's line says of its options, where they are not the plain ones: plain, text.
_OPTIONS: Mapping[str, tuple[Any, str]] = {
    "memory": (1, "memory = {}"),
    "pool": ("replace", "pool = {}"),
    "pool_cap": (None, "cap = {}"),
    "budget": (None, "budget = {}"),
    "weight": (None, "weight = {:g}"),
    "ddof": (1, "ddof = {}"),
    "shrinkage": (0.0, "shrinkage = {:g}"),
    "floor": (0.0, "floor = {:g}"),
}


# --- cells --------------------------------------------------------------------------------------


def number(x: float | None) -> str:
    """Six significant digits; a dash where there is no finite value."""
    if x is None or math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞" if x > 0 else "-∞"
    return f"{x:.6g}"


def percent(x: float) -> str:
    """A declared error to two digits, or to a whole percent.

    Examples
    --------
    >>> percent(0.0), percent(0.0217), percent(0.995), percent(12.34)
    ('0', '±2.2 %', '±100 %', '±1234 %')
    """
    if x == 0 or not math.isfinite(x):
        return "0" if x == 0 else "–"
    hundredths = 100 * x
    return f"±{hundredths:.0f} %" if 99.5 <= hundredths < 1e6 else f"±{hundredths:.2g} %"


def plus_minus(mean: float, se: float) -> str:
    """Mean ± standard error, to the second digit of the error."""
    if not (math.isfinite(mean) and 0 < se < math.inf):
        return number(mean)
    decimals = 1 - math.floor(math.log10(se))
    if 0 <= decimals <= 6 and abs(mean) < 1e6:
        return f"{mean:.{decimals}f} ± {se:.{decimals}f}"
    return f"{mean:.3g} ± {se:.1g}"


# --- tables -------------------------------------------------------------------------------------


def console(**how: Any) -> Console:
    """Where a table goes: stdout, unless it says otherwise."""
    from rich.console import Console

    class Page(Console):
        """A console that says when nobody reads on: rich's own would end with exit code 1."""

        def on_broken_pipe(self) -> None:
            """Raise what the caller answers with its own exit code."""
            raise BrokenPipeError

    page = Page(highlight=False, **how)
    page.width = max(page.width, NARROWEST)
    return page


def plain(title: str, columns: Iterable[str], *, left: int = 1, **how: Any) -> Table:
    """Build a table whose first `left` columns hold words and the others numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, **how)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < left else "right", overflow="fold")
    return table


def quantities(
    title: str, words: Mapping[str, str], payload: Payload, *, status: Mapping[str, str]
) -> Table:
    """Quantity, value, status of those that the answer has."""
    from rich.markup import escape

    table = plain(title, ["quantity"])
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("status", overflow="fold")
    for key, word in words.items():
        if key in payload:
            table.add_row(word, number(payload[key]), escape(status[key]))
    return table


def numbers(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Build a table of numbers, its columns close together where the page is too narrow.

    A number that goes on in the next line, 1.2345e-5 and then a 7, would be read as another one.
    """
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    fits = sum(widths) + 3 * len(widths) + 1 <= console().width
    table = plain(title, columns, left=0, padding=(0, 1 if fits else 0))
    for row in rows:
        table.add_row(*row)
    return table


def chosen(length: int) -> list[int]:
    """Up to ROWS of the indices 0..length-1, denser at the start, both ends included."""
    if length <= ROWS:
        return list(range(length))
    return sorted({round(length ** (i / (ROWS - 1))) - 1 for i in range(ROWS)})


def path(words: Mapping[str, str], payload: Payload, *, errors: str | None = None) -> Table:
    """Lists over generations; beside the last of them its declared `errors`."""
    names = ("t", *words.values(), *(("error",) if errors else ()))
    rows = []
    for i in chosen(len(payload[next(iter(words))])):
        cells = [number(float(payload[key][i])) for key in words]
        cells += [percent(float(payload[errors][i]))] if errors else []
        rows.append([str(i + 1), *cells])
    return numbers("Path over generations t", names, rows)


# --- lines --------------------------------------------------------------------------------------


def real_line(payload: Payload) -> str:
    """Describe the real covariance."""
    d, rank, trace = payload["dim"], payload["rank_real"], payload["trace_real"]
    if rank == d and trace == d:
        return f"d = {d}, Σ0 = I"
    return f"d = {d}, Σ0 of rank {rank}, tr Σ0 = {number(trace)}"


def _bias(bias: float | tuple[float, ...]) -> str:
    """One bias, or the range of a spectrum of them."""
    return f"{bias:g}" if isinstance(bias, float) else f"{min(bias):g} to {max(bias):g}"


def loop_line(payload: Payload) -> str:
    """Describe the loop: its samples, its bias, and whatever is not plain."""
    loop = payload["loop"]
    fixed, fresh = loop["n_fixed"], loop["n_fresh"]
    if fixed and fresh:
        parts = [f"n_fixed = {fixed}", f"n_fresh = {fresh}"]
    else:
        parts = [f"n_real = {fixed or fresh}"] if fixed or fresh else []
    parts += [f"n_synth = {loop['n_synth']}", f"λ = {_bias(loop['bias'])}"]
    for name, (usual, text) in _OPTIONS.items():
        if loop[name] != usual:
            parts.append(text.format("all" if loop[name] is None else loop[name]))
    return ", ".join([*parts, real_line(payload)])


def print_reasons(page: Console, payload: Payload, words: Mapping[str, str]) -> None:
    """Say why quantities are missing, one line for each reason; infinite ones are in the table."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in payload["reason"].items():
        if name in words and payload["status"][name] == "not computed":
            by_reason.setdefault(reason, []).append(words[name])
    for reason, names in by_reason.items():
        page.print(f"– {', '.join(names)}: {reason}.", markup=False)
