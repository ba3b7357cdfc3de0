"""Tables of real models: predictions, generation 1, spectra, trends."""

from __future__ import annotations

from typing import Any

from madtheory.reports._types import Numbers
from madtheory.reports.deep.names import MODELS, loop_name, subject
from madtheory.reports.deep.numbers import LADDER, VERSIONS
from madtheory.reports.formats import Column, Table, number, to_markdown, words

_METRICS = (
    ("fid", "FID"),
    ("trace", "tr Σ"),
    ("trace_within", "tr Σ within"),
    ("recall", "recall"),
)

#: Which curves a row is of.
_WHICH = (
    Column("model", "model", words, 13),
    Column("loop", "loop", words, 13),
    Column("λ", "bias", number(), 4),
    Column("seeds", "seeds", number(), 5),
)

#: What the table of generation 1 divides by its real value.
_RATIOS = ("fid", "w2_squared", "trace", "trace_within")


def _model(group: Numbers) -> Numbers:
    return {
        "model": subject(group["family"], group["data"]),
        "loop": loop_name(group["kind"]),
        "bias": group["bias"],
        "seeds": len(group["seeds"]),
    }


def _cell(group: Numbers, found: Numbers, name: str) -> Any:
    """Predicted and measured at the last generation, mean |error|, held of judged."""
    one = found["metrics"].get(name)
    if one is None or not one["judged"]:
        return None
    last = [one["predicted"][-1], group["measured"][name]["middle"][-1]]
    return [*last, one["error"], one["held"], one["judged"]]


def _show(value: Any) -> str:
    if value is None:
        return "–"
    predicted, measured, error, held, judged = value
    return f"{predicted:.3g} ({measured:.3g}), {100 * error:.0f}\u00a0%, {held}/{judged}"


def predictions(numbers: Numbers) -> Table:
    """Predicted, measured, error, within the band, by loop and version."""
    rows = [
        _model(g) | {"version": x["version"], "numbers": "its own" if which == "own" else "lent"}
        | {name: _cell(g, x, name) for name, _ in _METRICS}
        for g in numbers["groups"]
        for which in ("own", "lent")
        for x in g[which]
    ]  # fmt: skip
    columns = [
        Column("model", "model", words, 11),
        Column("loop", "loop", words, 13),
        Column("λ", "bias", number(), 5),
        Column("seeds", "seeds", number(), 6),
        Column("numbers", "numbers", words, 9),
        Column("version", "version", words, 9),
        *(Column(heading, name, _show, 16) for name, heading in _METRICS),
    ]
    return Table(columns, rows)


def _judged(found: Numbers) -> str:
    """Mean |error| in percent, and held of judged: FID, total variance, recall."""
    known = (found["metrics"].get(name) for name in ("fid", "trace", "recall"))
    return ", ".join(
        "–" if one is None or one["error"] is None
        else f"{100 * one['error']:.0f} ({one['held']}/{one['judged']})"
        for one in known
    )  # fmt: skip


def images(numbers: Numbers) -> Table:
    """Loops of images in short, for the documentation."""
    rows = []
    for g in numbers["groups"]:
        by = {x["version"]: x for x in g["own"]}
        if g["data"] in LADDER or "pooled" not in by:
            continue
        start = (g["measured"][name]["middle"][0] for name in ("fid", "trace"))
        rows.append(_model(g) | {
            "model": MODELS.get(g["family"], g["family"]),
            "first": ", ".join(map(number(3), start)),
            "n_fit": ", ".join(map(number(4), by["pooled"]["n_fit"])),
            "found": ", ".join(number(3)(one[0]) for one in by["pooled"]["bias"]),
        } | {version: _judged(found) for version, found in by.items()})  # fmt: skip
    columns = [
        *_WHICH,
        Column("t = 1: FID, tr Σ", "first", words, 12),
        Column("n_fit", "n_fit", words, 9),
        Column("λ found", "found", words, 9),
        *(Column(f"*{version}*", version, words, 17) for version in VERSIONS),
    ]
    return Table(columns, rows)


def in_docs(numbers: Numbers) -> str:
    """What docs/deep.md says of the curves that are there."""
    there, missing = numbers["count"], numbers["missing"]
    rest = f"; of {missing['words']} some are missing" if missing["words"] else ""
    text = (
        f"{there} of the {missing['listed']} curves that reports/data/curves.toml lists are there"
    )
    return f"{text}{rest}.\n\n{to_markdown(images(numbers))}\n"


def totals(numbers: Numbers) -> Table:
    """Errors and bands over all loops, by version."""
    headings = dict(_METRICS)
    rows = [
        {**row, "data": "ladder" if row["ladder"] else "images", "metric": headings[row["metric"]],
         "numbers": "its own" if row["numbers"] == "own" else "lent",
         "share": f"{row['held']}/{row['judged']}"}
        for row in numbers["totals"]
    ]  # fmt: skip
    columns = [
        Column("data", "data", words, 8),
        Column("version", "version", words, 9),
        Column("numbers", "numbers", words, 8),
        Column("metric", "metric", words, 12),
        Column("loops", "loops", number(), 6),
        Column("median error", "median", number(2), 10),
        Column("worst", "worst", number(2), 8),
        Column("within the band", "share", words, 12),
    ]
    return Table(columns, rows)


def first(numbers: Numbers) -> Table:
    """Generation 1 beside real data: the excess of training."""

    def ratio(g: Numbers, name: str) -> float | None:
        seen = g["measured"].get(name)
        return None if seen is None else seen["middle"][0] / seen["real"]

    def spread(g: Numbers) -> Any:
        gains = g["gains"]
        return f"{gains['least']:.2f} to {gains['largest']:.2f}"

    rows = [
        _model(g) | {name: ratio(g, name) for name in _RATIOS}
        | {"recall": g["measured"]["recall"]["middle"][0], "gains": spread(g)}
        for g in numbers["groups"]
        if g["kind"] == "synthetic"
    ]  # fmt: skip
    columns = [
        Column("model", "model", words, 14),
        Column("λ", "bias", number(), 4),
        Column("seeds", "seeds", number(), 5),
        Column("FID / floor", "fid", number(3), 9),
        Column("$W_2^2$ / floor", "w2_squared", number(3), 9),
        Column("tr Σ / real", "trace", number(3), 9),
        Column("within classes", "trace_within", number(3), 9),
        Column("recall", "recall", number(3), 7),
        Column("directions / real", "gains", words, 13),
    ]
    return Table(columns, rows)


def spectra(numbers: Numbers) -> Table:
    """Spectra of biases: range, law of the share, agreement of seeds, forecasts."""
    rows = []
    for g in numbers["groups"]:
        s = g["spectrum"]
        if s is not None:
            ahead = s["forecast"] or [None, None]
            rows.append(_model(g) | {
                "leading": s["leading"], "range": f"{s['least']:.2f} to {s['largest']:.2f}",
                "below": f"{s['dying']}, {s['growing']} of {s['directions']}",
                "rho": s["by_share"]["rho"], "p": s["by_share"]["p"], "agreement": s["agreement"],
                "lines": ahead[0], "scalar": ahead[1]})  # fmt: skip
    columns = [
        *_WHICH,
        Column("leading", "leading", number(3), 7),
        Column("all", "range", words, 11),
        Column("below, above 1", "below", words, 10),
        Column("ρ with share", "rho", number(2), 7),
        Column("p", "p", number(2), 7),
        Column("between seeds", "agreement", number(2), 9),
        Column("error, spectrum", "lines", number(2), 10),
        Column("error, scalar", "scalar", number(2), 8),
    ]
    return Table(columns, rows)


def trends(numbers: Numbers) -> Table:
    """Trend tests of the paper's findings."""
    rows = [_model(g) | test for g in numbers["groups"] for test in g["trends"]]
    columns = [
        *_WHICH,
        Column("asked of", "metric", words, 8),
        Column("question", "question", words, 8),
        Column("test", "test", words, 8),
        Column("p", "p", number(2), 8),
        Column("power", "power", number(2), 7),
        Column("smallest", "smallest", number(2), 8),
        Column("trend found", "found", words, 8),
    ]
    return Table(columns, rows)
