"""`madtheory deep compare`: a measured curve beside what the theory predicts of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload

if TYPE_CHECKING:
    from madtheory.deep.compare import Comparison, Judged, Reading
    from madtheory.deep.curves import Curve

#: Metrics by key, in the order of the tables.
_WORDS = {
    "fid": "FID",
    "trace": "tr Σ",
    "recall": "Recall",
    "w2_squared": "W2² of the samples",
    "trace_within": "tr Σ within classes",
}
#: Directions that the table of biases shows.
_DIRECTIONS = 6


# --- the answer ----------------------------------------------------------------------------------


def _judged(one: Judged) -> Payload:
    """Lists over t = 1..T of one metric."""
    names = ("predicted", "low", "high", "measured", "relative_error")
    return {name: getattr(one, name) for name in names} | {"within_band": list(one.within_band)}


def _version(one: Reading) -> Payload:
    """What one version says."""
    found: Payload = {
        "n_fit": one.n_fit,
        "n_fit_interval": list(one.n_fit_interval),
        "bias": one.bias,
        "bias_interval": list(one.bias_interval),
        "scale": one.scale,
        "metrics": {name: _judged(x) for name, x in one.metrics.items()},
        "errors": one.errors,
        "error": one.error,
        "share_within": one.share_within,
        "reaches_goal": one.reaches_goal,
    }
    if one.biases is not None:
        found["biases"] = one.biases
        found["biases_low"], found["biases_high"] = one.biases_low, one.biases_high
    if one.push is not None:
        found["push"] = one.push
    return found


def answer_compare(found: Comparison) -> Payload:
    """Answer `deep compare`: FID by the pooled theory first, then all versions."""
    from madtheory.deep.compare import rules

    first = found.readings[0]
    reasons = {
        f"versions.{one.version}.n_fit": "the bias explains the distance of generation 1"
        for one in found.readings
        if math.isinf(one.n_fit)
    }
    if math.isinf(first.n_fit):
        reasons["n_fit"] = reasons[f"versions.{first.version}.n_fit"]
    return {
        "curve": found.name,
        "calibrated_by": found.calibrated_by,
        "generations": list(range(1, found.generations + 1)),
        "version": first.version,
        "metric": "fid",
        "n_fit": first.n_fit,
        "bias": first.bias,
        **_judged(first.metrics["fid"]),
        "level": rules.LEVEL,
        "goal": rules.GOAL,
        "predicts": found.predicts,
        "versions": {one.version: _version(one) for one in found.readings},
        "reason": reasons,
    }


# --- tables --------------------------------------------------------------------------------------


def _cell(one: Payload, i: int) -> str:
    """A prediction, its error, and whether the band holds what was measured."""
    error, inside = one["relative_error"][i], one["within_band"][i]
    off = f"{100 * error:+.0f} %" if math.isfinite(error) else "–"
    mark = {None: " ", True: "✓", False: "✗"}[inside]
    return f"{one['predicted'][i]:.4g} {off:>6} {mark}"


def _share(x: float) -> str:
    return "–" if math.isnan(x) else f"{100 * x:.0f} %"


def _numbers(payload: Payload) -> Any:
    """The versions' numbers, errors and verdicts."""
    names = ["version", "n_fit", "λ", "FID", "tr Σ", "recall", "in band", "≤ 10 %"]
    rows = table.plain("Numbers of generations 1 and 2, and mean errors of the others", names)
    for name, one in payload["versions"].items():
        errors = (_share(one["errors"][key]) for key in ("fid", "trace", "recall"))
        size = "∞" if math.isinf(one["n_fit"]) else f"{one['n_fit']:.4g}"
        goal = "yes" if one["reaches_goal"] else "no"
        within = _share(one["share_within"])
        rows.add_row(name, size, f"{one['bias']:.4g}", *errors, within, goal)
    return rows


def _metric(payload: Payload, key: str) -> Any:
    """One metric: measured, and what each version predicts."""
    versions = {n: x["metrics"][key] for n, x in payload["versions"].items() if key in x["metrics"]}
    rows = table.plain(_WORDS[key], ["t", "measured", *versions], left=0)
    some = next(iter(versions.values()))
    for i in table.chosen(len(some["measured"])):
        cells = (_cell(one, i) for one in versions.values())
        rows.add_row(str(i + 1), f"{some['measured'][i]:.4g}", *cells)
    return rows


def _directions(one: Payload) -> Any:
    """Biases of some directions, largest variance first."""
    K = len(one["biases"]) - 1
    rows = table.plain("λ by direction", ["direction", "λ", "interval", "half-life"], left=0)
    for k in sorted({round(i * (K - 1) / (_DIRECTIONS - 1)) for i in range(_DIRECTIONS)}):
        bias = float(one["biases"][k])
        life = f"{math.log(2) / -math.log(bias):.3g}" if bias < 1 else "∞"
        ends = f"{one['biases_low'][k]:.3g} to {one['biases_high'][k]:.3g}"
        rows.add_row(str(k + 1), f"{bias:.3g}", ends, life)
    return rows


def show_compare(payload: Payload) -> None:
    """Print `deep compare`."""
    page, own = table.console(), payload["curve"] == payload["calibrated_by"]
    by = "its own generations 1 and 2" if own else payload["calibrated_by"]
    page.print(f"{payload['curve']}, numbers from {by}", markup=False, soft_wrap=True)
    page.print(_numbers(payload))
    for key in _WORDS:
        if any(key in one["metrics"] for one in payload["versions"].values()):
            page.print(_metric(payload, key))
    if "spectrum" in payload["versions"]:
        page.print(_directions(payload["versions"]["spectrum"]))
    page.print(
        "Predicted, error (recall: in units of the real one), and whether the "
        f"{100 * payload['level']:g} % band holds the measured value.",
        markup=False,
    )
    if payload["predicts"]:
        page.print(f"Smallest error: {payload['predicts']}.", markup=False)


# --- the command ---------------------------------------------------------------------------------


def _curve(name: str, path: Path) -> Curve:
    """The curve of a run folder, or in a file."""
    from madtheory.deep import curves

    if not path.exists():
        raise options.Refused(f"{name} must be a run folder or a curve that exists, got {path}")
    return curves.of_run(path) if path.is_dir() else curves.read(path)


@click.command()
@click.argument("curve", type=options.PATH)
@click.option(
    "--calibrate",
    type=options.PATH,
    help="Fully synthetic run or curve of the same model: its generations 1 and 2 set the numbers.",
)
@options.defaulted("--seed", default=0, help="Of the simulated loops that make the bands.")
@answer.shown_by(show_compare)
def compare(*, curve: Path, calibrate: Path | None, seed: int) -> Payload:
    """Hold a deep loop (a run folder, or a curve's JSON) against the theory.

    Training size and bias come from generations 1 and 2; all later ones are predicted, each with a
    band, by three versions of the theory. The rules are docs/deep_rules.md.
    """
    from madtheory import _check
    from madtheory.deep.compare import compare

    _check.count("seed", seed, minimum=0)
    source = None if calibrate is None else _curve("calibrate", calibrate)
    return answer_compare(compare(_curve("curve", curve), calibrate=source, seed=seed))
