"""The table of definitions and loops: which loop collapses under which (docs/related.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from madtheory import _check
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.theory import worth
from madtheory.theory.verdicts import compared, risk, vanishing  # noqa: F401 (they register)
from madtheory.theory.verdicts.finding import CLAIM_IDS, REGISTERED, Definition, Finding


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of the table; `collapses` is None where theory does not decide."""

    loop: str
    definition: str
    collapses: bool | None
    finding: Finding


#: Every definition, in the order of docs/related.md.
DEFINITIONS: tuple[Definition, ...] = tuple(REGISTERED[name] for name in CLAIM_IDS["synthetic"])


def _optimal(loop: Loop) -> Loop:
    """The loop at the weight that is best for the mean."""
    return replace(loop, weight=worth.best_mean_weight(loop).weight)


def default_loops(*, n: int = 100) -> dict[str, Loop]:
    """The nine loops of the table, each at bias 1 and .9, with n real and n synthetic samples.

    The weighted loop has the weight that is best for the mean; the subsampled one trains on n
    samples; the floor is .01; the memory 3.

    Examples
    --------
    >>> len(default_loops(n=20))
    18
    """
    n = _check.count("n", n, minimum=4)
    loops: dict[str, Loop] = {}
    for bias in (1.0, 0.9):
        families = {
            "fully synthetic": fully_synthetic(n, bias=bias),
            "augmentation": synthetic_augmentation(n, n, bias=bias),
            "fresh data": fresh_data(n, n, bias=bias),
            "growing pool": synthetic_augmentation(n, n, bias=bias, pool="accumulate"),
            "subsample": synthetic_augmentation(n, n, bias=bias, pool="accumulate", budget=n),
            "weighted": _optimal(fresh_data(n, n, bias=bias)),
            "fixed + fresh": replace(
                synthetic_augmentation(n // 2, n, bias=bias), n_fresh=n - n // 2
            ),
            "floor": fully_synthetic(n, bias=bias, floor=0.01),
            "memory": fresh_data(n, n, bias=bias, memory=3),
        }
        loops |= {f"{name}, λ = {bias:g}": loop for name, loop in families.items()}
    return loops


def definitions_table(dim: int, loops: Mapping[str, Loop] | None = None) -> tuple[Entry, ...]:
    """Which loop collapses under which definition, Sigma_0 = I; computed, loop by loop.

    Loops in the order given, :func:`default_loops` if none are, each with all of
    :data:`DEFINITIONS`.

    Examples
    --------
    >>> table = definitions_table(2, {"fully synthetic": fully_synthetic(20)})
    >>> [entry.definition for entry in table if entry.collapses is False]
    ['heat-death']
    """
    s = Spectrum.of(_check.count("dim", dim))
    chosen = default_loops() if loops is None else loops
    return tuple(
        _entry(name, loop, definition, s)
        for name, loop in chosen.items()
        for definition in DEFINITIONS
    )


def _entry(name: str, loop: Loop, definition: Definition, s: Spectrum) -> Entry:
    """One cell."""
    finding = definition.ask(loop, s)
    undecided = finding.verdict is None
    collapses = None if undecided else finding.verdict == definition.collapse_if
    return Entry(name, definition.name, collapses, finding)


def table_text(entries: tuple[Entry, ...]) -> str:
    """The table as Markdown: yes, no or ? for each definition, * where it is a conjecture.

    Examples
    --------
    >>> print(table_text(definitions_table(1, {"synthetic": fully_synthetic(20)})[:2]))
    | loop | late-collapse | early-collapse |
    |---|---|---|
    | synthetic | yes | yes |
    """
    names = list(dict.fromkeys(entry.definition for entry in entries))
    rows = [f"| loop | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for loop in dict.fromkeys(entry.loop for entry in entries):
        cells = [_cell(entry) for entry in entries if entry.loop == loop]
        rows.append(f"| {loop} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(entry: Entry) -> str:
    if entry.collapses is None:
        return "?"
    mark = "*" if entry.finding.status == "conjecture" else ""
    return f"{'yes' if entry.collapses else 'no'}{mark}"
