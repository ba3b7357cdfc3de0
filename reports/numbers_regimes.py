"""Section on all loops: definitions of collapse, the regime map, and other estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from madtheory import definitions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from madtheory.loops import Loop

__all__ = ["compute_definitions"]


# --- definitions ----------------------------------------------------------------------------------


def _row(entry: definitions.Entry) -> dict[str, Any]:
    finding = entry.finding
    return {
        "loop": entry.loop,
        "definition": entry.definition,
        "collapses": entry.collapses,
        "verdict": finding.verdict,
        "quantity": finding.quantity,
        "value": finding.value,
        "status": finding.status,
        "reason": finding.reason,
        "claim": finding.claim,
    }


def _loops(config: Mapping[str, Any]) -> dict[str, Loop]:
    """The loops of the table, or those named."""
    loops = definitions.default_loops(n=config["n"])
    return {name: loops[name] for name in config.get("loops") or loops}


def _deciders(
    loops: Mapping[str, Loop], entries: Sequence[definitions.Entry], name: str
) -> list[dict[str, Any]]:
    """Claims that decide one definition, each with the families for which it does."""
    grouped: dict[str, list[str]] = {}
    for entry in entries:
        claim = entry.finding.claim
        if entry.definition == name and entry.collapses is not None and claim is not None:
            grouped.setdefault(claim, []).append(definitions.family(loops[entry.loop]))
    return [{"claim": c, "families": list(dict.fromkeys(f))} for c, f in grouped.items()]


def compute_definitions(config: Mapping[str, Any]) -> dict[str, Any]:
    """Which loop collapses under which definition, and the claims that decide it."""
    loops = _loops(config)
    entries = definitions.definitions_table(config["dim"], loops)
    answers = [entry.collapses for entry in entries]
    rows = [_row(entry) for entry in entries]
    per_loop = [[r["collapses"] for r in rows if r["loop"] == name] for name in loops]
    return {
        "rows": rows,
        "loops": list(loops),
        "definitions": [
            {
                "name": d.name,
                "paper": d.paper,
                "question": d.question,
                "collapse_if": d.collapse_if,
                "deciders": _deciders(loops, entries, d.name),
            }
            for d in definitions.DEFINITIONS
        ],
        "count": len(entries),
        "loop_count": len(loops),
        "definition_count": len(definitions.DEFINITIONS),
        "collapse": sum(a is True for a in answers),
        "no_collapse": sum(a is False for a in answers),
        "undecided": sum(a is None for a in answers),
        "conjectures": sum(
            e.finding.status == "conjecture" and e.collapses is not None for e in entries
        ),
        # Loops on which the definitions contradict each other: some say yes, some no.
        "disputed": sum(True in row and False in row for row in per_loop),
        "config": dict(config),
    }
