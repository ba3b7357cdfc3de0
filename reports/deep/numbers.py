"""Numbers of the section on real models: committed curves beside what the theory predicts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from madtheory.deep.curves import Curve
from madtheory.reports._types import Array, Numbers
from madtheory.reports.deep import compared, spectra, trends
from madtheory.reports.deep.names import MODELS

#: Metrics of curves and tables; those that are predicted.
SHOWN = ("fid", "trace", "trace_within", "precision", "recall", "w2_squared")
PREDICTED = ("fid", "trace", "trace_within", "recall")
#: The data of the ladder, and the families in the order of the text.
LADDER = ("spectrum-8", "rosenbrock", "modes-25")
FAMILIES = ("linear", "flow", "ddpm", "stylegan2", "wgan_gp", "glow")
#: Versions of the theory, the simplest first.
VERSIONS = ("pooled", "classes", "spectrum")


def _first(values: Array) -> Array:
    """Values without their intervals, shape (T,)."""
    return values[:, 0] if values.ndim == 2 else values


def seeds_of(known: dict[str, Curve]) -> Iterable[tuple[Any, list[str]]]:
    """Names of the curves that differ in the seed alone, loop by loop."""
    order = sorted(known, key=lambda n: (_order(known[n]), known[n].seed))
    for group, names in itertools.groupby(order, lambda n: compared.group_of(known[n])):
        yield group, list(names)


def _order(curve: Curve) -> tuple[int, str, int, float]:
    kinds = ("synthetic", "augmentation", "fresh")
    kind = kinds.index(curve.kind) if curve.kind in kinds else len(kinds)
    family = FAMILIES.index(curve.family) if curve.family in FAMILIES else len(FAMILIES)
    return family, str(curve.preset["data"]), kind, -curve.bias


def _shared(curves: list[Curve]) -> int:
    """Generations that all seeds have."""
    return min(len(curve.generations) for curve in curves)


def _measured(curves: list[Curve]) -> Numbers:
    """Every metric of all seeds and their median, with the real level."""
    T, found = _shared(curves), {}
    for name in SHOWN:
        if all(name in curve.metrics for curve in curves):
            rows = np.stack([_first(curve.metrics[name])[:T] for curve in curves])
            real = np.mean([np.atleast_1d(curve.real[name])[0] for curve in curves])
            found[name] = {"rows": rows, "middle": np.median(rows, axis=0), "real": float(real)}
    return found


def _classes(curves: list[Curve]) -> Numbers | None:
    """Variance of the least and the largest class over its real one, by generation.

    Of the classes that have samples, at one seed at least.
    """
    if not all("class_trace" in curve.metrics for curve in curves):
        return None
    T = _shared(curves)
    shares = np.stack([c.metrics["class_trace"][:T] / c.real["class_trace"] for c in curves])
    middle = np.ma.masked_invalid(shares).mean(axis=0).filled(np.nan)
    return {"least": np.nanmin(middle, axis=1), "largest": np.nanmax(middle, axis=1)}


def _band(readings: list[Numbers], name: str, T: int) -> Numbers | None:
    """A version's prediction, over seeds the median of values and of the ends of bands."""
    if not all(name in one["metrics"] for one in readings):
        return None
    found = [one["metrics"][name] for one in readings]
    middle = {
        key: np.median([x[key][:T] for x in found], axis=0) for key in ("predicted", "low", "high")
    }
    judged = [x["within"][:T] for x in found]
    marks = [mark for row in judged for mark in row if mark is not None]
    errors = [
        abs(e) for x, row in zip(found, judged, strict=True)
        for e, mark in zip(x["error"], row, strict=False) if mark is not None
    ]  # fmt: skip
    error = float(np.mean(errors)) if errors else None
    return {**middle, "error": error, "held": sum(marks), "judged": len(marks)}


def _versions(found: list[Numbers], which: str, T: int) -> list[Numbers]:
    """Predictions of each version over seeds."""
    by: dict[str, list[Numbers]] = {}
    for reading in (x for one in found for x in one[which] or ()):
        by.setdefault(reading["version"], []).append(reading)
    return [
        {
            "version": version,
            "n_fit": [x["n_fit"][0] for x in readings],
            "bias": [x["bias"] for x in readings],
            "metrics": {name: _band(readings, name, T) for name in PREDICTED},
        }
        for version, readings in by.items()
    ]


def _group(group: Any, curves: list[Curve], found: list[Numbers]) -> Numbers:
    """One loop of one model: what was measured, predicted, and found by trend tests."""
    T = _shared(curves)
    return {
        "family": group[0],
        "data": group[1],
        "kind": group[2],
        "bias": group[3],
        "seeds": [curve.seed for curve in curves],
        "generations": np.arange(1, T + 1),
        "measured": _measured(curves),
        "classes": _classes(curves),
        "gains": _gains(curves),
        "refused": [one["refused"] for one in found if "refused" in one],
        "own": _versions(found, "own", T),
        "lent": _versions(found, "lent", T),
        "spectrum": spectra.of_group(curves, found),
        "trends": trends.of_group(curves),
    }


def _totals(groups: list[Numbers]) -> list[Numbers]:
    """Errors and bands by version over all groups: images and the ladder by themselves."""
    rows = []
    for ladder, version in itertools.product((False, True), VERSIONS):
        for which, name in itertools.product(("own", "lent"), PREDICTED):
            found = [
                x["metrics"][name]
                for g in groups
                if (g["data"] in LADDER) == ladder
                for x in g[which]
                if x["version"] == version and x["metrics"][name] is not None
            ]
            errors = [x["error"] for x in found if x["error"] is not None]
            if errors:
                rows.append({
                    "ladder": ladder, "version": version, "numbers": which, "metric": name,
                    "loops": len(errors), "median": float(np.median(errors)),
                    "worst": max(errors), "held": sum(x["held"] for x in found),
                    "judged": sum(x["judged"] for x in found),
                })  # fmt: skip
    return rows


def _gains(curves: list[Curve]) -> Numbers:
    """Variances of generation 1 along the real directions over the real ones."""
    ratios = [c.metrics["directions"][0] / c.real["directions"] for c in curves]
    mean = np.mean(ratios, axis=0)
    return {"least": float(mean.min()), "largest": float(mean.max()), "values": mean}


def _missing(known: dict[str, Curve], listed: dict[str, int]) -> Numbers:
    """How many curves are listed, of which families some are not there, and both in words."""
    there = Counter(curve.family for curve in known.values())
    words = [
        f"{MODELS.get(family, family)} ({there[family]} of {count})"
        for family, count in listed.items()
        if there[family] < count
    ]
    total, rest = sum(listed.values()), ", ".join(words)
    said = (
        f"{len(known)} of {total} planned curves are there; still missing: {rest}."
        if words
        else f"All {total} planned curves are there."
    )
    return {"listed": total, "words": rest, "said": said}


def compute(config: Numbers) -> Numbers:
    """All committed curves, loop by loop."""
    known = compared.read_all(list(config["curves"]))
    found = {name: compared.compared(name, known) for name in known}
    groups = [
        _group(group, [known[n] for n in names], [found[n] for n in names])
        for group, names in seeds_of(known)
    ]
    return {
        "groups": groups,
        "totals": _totals(groups),
        "missing": _missing(known, config["listed"]),
        "grids": config["grids"],
        "maps": config["maps"],
        "between": {
            one["name"]: compared.read_map(one["name"])["between"] for one in config["maps"]
        },
        "rung": spectra.exactness([c for c in known.values() if c.family == "linear"]),
        "count": len(known),
    }
