"""The table of definitions and loops: which loop collapses under which (docs/related.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.theory import worth
from madtheory.theory.verdicts.compared import risk_ratio, strong_collapse, weighting_helps
from madtheory.theory.verdicts.finding import Finding
from madtheory.theory.verdicts.risk import (
    expected_distance_increases,
    is_stable,
    risk_grows_linearly,
    risk_is_bounded,
)
from madtheory.theory.verdicts.vanishing import (
    heats_up,
    support_is_lost,
    vanishes_exponentially,
    variance_vanishes,
)

if TYPE_CHECKING:
    from madtheory._types import Array


@dataclass(frozen=True, slots=True)
class Definition:
    """One paper's definition: its question, and the answer that the paper calls collapse."""

    name: str
    paper: str
    question: str
    collapse_if: bool
    ask: Callable[[Loop, Array], Finding]


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of the table; `collapses` is None where theory does not decide."""

    loop: str
    definition: str
    collapses: bool | None
    finding: Finding


#: Every definition, in the order of docs/related.md.
DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "late-collapse",
        "Shumailov et al. 2024",
        "does the variance vanish?",
        True,
        lambda loop, s: variance_vanishes(loop),
    ),
    Definition(
        "early-collapse",
        "Shumailov et al. 2024",
        "is support lost?",
        True,
        lambda loop, s: support_is_lost(loop, int((s > 0).sum())),
    ),
    Definition(
        "mad",
        "Alemohammad et al. 2023",
        "does the expected distance increase?",
        True,
        lambda loop, s: expected_distance_increases(loop, s),
    ),
    Definition(
        "stability",
        "Bertrand et al. 2023",
        "is the loop stable?",
        False,
        lambda loop, s: is_stable(loop),
    ),
    Definition(
        "divergence",
        "Gerstgrasser et al. 2024",
        "is the risk bounded?",
        False,
        lambda loop, s: risk_is_bounded(loop),
    ),
    Definition(
        "linear-growth",
        "Dohmatob et al. 2024a",
        "does the risk grow like t?",
        True,
        lambda loop, s: risk_grows_linearly(loop),
    ),
    Definition(
        "strong-collapse",
        "Dohmatob et al. 2024b",
        "does more data leave a floor?",
        True,
        strong_collapse,
    ),
    Definition(
        "ratio",
        "Kazdan et al. 2024",
        "is the limit worse than the real data alone?",
        True,
        risk_ratio,
    ),
    Definition(
        "rate",
        "Suresh et al. 2024",
        "does the variance vanish geometrically?",
        True,
        lambda loop, s: vanishes_exponentially(loop),
    ),
    Definition(
        "heat-death",
        "Marchi et al. 2024",
        "does the variance grow without bound?",
        True,
        lambda loop, s: heats_up(loop),
    ),
    Definition(
        "weighting",
        "He et al. 2025",
        "does some weight make synthetic data worth having?",
        False,
        weighting_helps,
    ),
)


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

    Parameters
    ----------
    dim : int
        Dimension d.
    loops : mapping of str to Loop, optional
        :func:`default_loops` if not given.

    Returns
    -------
    tuple of Entry
        Loops in the order given, each with all of :data:`DEFINITIONS`.

    Raises
    ------
    ValueError, TypeError
        When `dim` is not a positive integer.

    Examples
    --------
    >>> table = definitions_table(2, {"fully synthetic": fully_synthetic(20)})
    >>> [entry.definition for entry in table if entry.collapses is False]
    ['heat-death']
    """
    s = np.ones(_check.count("dim", dim))
    chosen = default_loops() if loops is None else loops
    return tuple(
        _entry(name, loop, definition, s)
        for name, loop in chosen.items()
        for definition in DEFINITIONS
    )


def _entry(name: str, loop: Loop, definition: Definition, s: Array) -> Entry:
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
