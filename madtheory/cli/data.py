"""`madtheory metrics` and `madtheory audit`: what feature files of one's own say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload

if TYPE_CHECKING:
    from rich.table import Table

    from madtheory._types import Array
    from madtheory.audit import Audit, Bands, Forecast
    from madtheory.metrics import Measured

_measure_options = options.stack(
    options.defaulted("--k", default=5, help="Neighbour of the k-NN balls."),
    options.defaulted("--level", default=0.95, help="Level of the intervals."),
)


def _measured(estimate: Measured | None) -> Payload:
    """A measured value with its interval, where there is one."""
    if estimate is None:
        return {"value": None, "interval": [None, None]}
    return {"value": estimate.value, "interval": [estimate.low, estimate.high]}


def _interval(measured: Payload) -> str:
    """Both ends, or a dash where they are unknown."""
    low, high = measured["interval"]
    if low is None and high is None:
        return "–"
    return f"{table.number(low)} to {table.number(high)}"


def _intervals(
    title: str, columns: Sequence[str], payload: Payload, *, words: Mapping[str, str]
) -> Table:
    """Value and interval of each quantity."""
    rows = table.plain(title, columns)
    for name, word in words.items():
        rows.add_row(word, table.number(payload[name]["value"]), _interval(payload[name]))
    return rows


# --- metrics ------------------------------------------------------------------------------------


def _kernel_distance(x: Array, y: Array, level: float) -> tuple[Payload, dict[str, str]]:
    """The kernel distance, or null with the reason: its sixth powers overflow first."""
    from madtheory.metrics import kernel_distance

    try:
        return _measured(kernel_distance(x, y, level=level)), {}
    except ValueError as error:
        return _measured(None), {"kernel_distance": str(error)}


_METRICS = {
    "fid": "FID, W2² of the Gaussian fits",
    "fid_unbiased": "FID less its bias at these sizes",
    "kernel_distance": "kernel distance, unbiased",
    "precision": "precision",
    "recall": "recall",
}


def show_metrics(payload: Payload) -> None:
    """Print `metrics`."""
    page, level = table.console(), f"{100 * payload['level']:g} %"
    page.print(
        f"{payload['n_real']} real and {payload['n_synth']} synthetic samples, "
        f"d = {payload['dim']}, k = {payload['k']}",
        style="bold",
    )
    columns = ("metric", "value", f"{level} interval")
    page.print(_intervals("Metrics", columns, payload, words=_METRICS))
    for name, reason in payload["reason"].items():
        page.print(f"– {_METRICS[name]}: {reason}.", markup=False)
    page.print("The interval of FID is for its mean at these sizes, bias included.")


@click.command()
@click.argument("real", type=options.PATH)
@click.argument("synth", type=options.PATH)
@_measure_options
@answer.shown_by(show_metrics)
def metrics(*, real: Path, synth: Path, k: int, level: float) -> Payload:
    """FID, kernel distance, precision and recall of two feature files, with intervals.

    REAL and SYNTH are .npy, .npz, .parquet or .csv files; rows are samples.
    """
    from madtheory import metrics as measure
    from madtheory.files import load_sets

    x, y = load_sets([real, synth])
    both = measure.precision_recall(x, y, k=k, level=level)
    fid, unbiased = measure.fid(x, y, level=level), measure.fid_unbiased(x, y, level=level)
    kernel, reason = _kernel_distance(x, y, level)
    return {
        "fid": _measured(fid),
        "fid_unbiased": _measured(unbiased),
        "kernel_distance": kernel,
        "precision": _measured(both.precision),
        "recall": _measured(both.recall),
        "n_real": len(x),
        "n_synth": len(y),
        "dim": x.shape[1],
        "k": k,
        "level": level,
        "reason": reason,
    }


# --- audit: answer ------------------------------------------------------------------------------

#: What is measured of each generation, and how a table calls it.
_GENERATION = {
    "fid": "FID",
    "precision": "precision",
    "recall": "recall",
    "trace": "total variance",
}
_FORECAST = ("fid", "trace")
#: What may be known of a loop, by the options that say it.
_KNOWN = {"memory": "--memory", "n_real": "--n-real", "n_synth": "--n-synth"}


def _forecast(forecast: Forecast | None) -> Payload | None:
    if forecast is None:
        return None
    bands = {name: [_measured(e) for e in getattr(forecast, name)] for name in _FORECAST}
    return {"generations": list(forecast.generations), **bands}


def _audit_reasons(found: Audit) -> dict[str, str]:
    """Why something is null."""
    from madtheory.audit import MARGIN

    reasons = {}
    if found.rate is None:
        reasons = dict.fromkeys(
            ("rate", "bias", "forecast", "fresh_data", "directions"),
            "two generations at least are needed, got 1",
        )
    elif math.isinf(found.rate.value):
        reasons["rate"] = "a direction has lost all variance: the rate is minus infinity"
    if found.directions is not None and found.directions.trace is None:
        why = "variances change along other directions than the real ones"
        if len(found.generations) < 3:
            why = "three generations are needed, got 2"
        reasons["directions.trace"] = reasons.get("rate", why)
    if math.isinf(found.training_size):
        reasons["training_size"] = reasons.get("rate", "no noise between generations is seen")
    if found.power is None and found.known.mixed(MARGIN):
        reasons["power"] = "real data are known to enter, which leaves nothing to test"
    elif found.power is None:
        reasons["power"] = "the noise between generations is not known"
    if found.known.mixed(MARGIN):
        reasons["coverage.sharpened"] = "measured where no real data enter, which they are known to"
    elif found.forecast is not None and found.forecast.discrete:
        reasons["coverage.sharpened"] = "the loops of fid and trace are ones whose models sharpen"
    if math.isinf(found.n_eff.value):
        reasons["n_eff"] = "the last generation cannot be told from the real data"
    if found.fresh_data is not None and found.fresh_data.required_n_real is None:
        reasons["fresh_data.required_n_real"] = (
            "no number of fresh samples is known to hold this distance"
        )
    return reasons


def _directions(found: Bands | None) -> Payload | None:
    """Bands of directions, largest variance first."""
    if found is None:
        return None
    bands = [
        {
            "directions": one.directions,
            "share": one.share,
            "left": one.left,
            "rate": _measured(one.drift),
            "bias": _measured(one.bias),
            "half_life": _measured(one.half_life),
            "fate": one.fate,
            "p_value": one.p_value,
        }
        for one in found.bands
    ]
    trace = None if found.trace is None else [_measured(one) for one in found.trace]
    return {**dataclasses.asdict(found), "bands": bands, "trace": trace}


def _power(found: Audit) -> Payload:
    """What the best test would decide, and from which generation on."""
    best = found.power
    if best is None:
        return {"power": None, "generations_needed": None}
    return {
        "power": {"mad": best.mad, "not_mad": best.not_mad, "share": best.share},
        "generations_needed": {
            "mad": best.mad_generations,
            "not_mad": best.not_mad_generations,
        },
    }


def answer_audit(
    found: Audit, *, files: Sequence[str], k: int, known: Mapping[str, Any]
) -> Payload:
    """Answer `audit REAL GEN1 GEN2 ...`; `known` is what was said of the loop."""
    from madtheory.audit import MEASURED, SHARPENED, coverage

    fresh, held = found.fresh_data, coverage(found.forecast, found.known)
    reasons = _audit_reasons(found)
    return {
        "generations": [
            {name: _measured(getattr(one, name)) for name in _GENERATION}
            for one in found.generations
        ],
        "files": files,
        **{name: _measured(getattr(found, name)) for name in _AUDIT},
        "verdict": found.verdict,
        "verdict_reason": found.reason,
        "p_value": found.p_value,
        "p_value_walk": found.p_value_walk,
        "null": "nothing grows" if found.known.alone else "real data hold the loop",
        "error_rate": found.error_rate,
        "known": {name: known.get(name) for name in _KNOWN},
        **_power(found),
        "training_size": found.training_size,
        "directions": _directions(found.directions),
        "forecast": _forecast(found.forecast),
        "fresh_data": None if fresh is None else dataclasses.asdict(fresh),
        "k": k,
        "level": found.level,
        "coverage": {
            "level": 0.95,
            "dimensions": MEASURED,
            **{name: {"all": a, "worst": b} for name, (a, b) in held.items()},
            "sharpened": None if "coverage.sharpened" in reasons else SHARPENED,
        },
        "reason": reasons,
    }


# --- audit: tables ------------------------------------------------------------------------------

_AUDIT = {
    "rate": "drift of log variance a generation",
    "bias": "effective bias λ",
    "n_eff": "last generation, in real samples",
}
#: Columns of the directions, and words for their fates.
_DIRECTIONS = ("axes", "share", "left", "bias λ", "half-life", "fate")
_FATES = {
    "dying": "[bold red]dying[/]",
    "growing": "[bold red]growing[/]",
    "holds": "[green]holds[/]",
    "undecided": "[yellow]cannot tell[/]",
}
_VERDICTS = {
    "mad": "[bold red]MAD[/]",
    "not_mad": "[green]not MAD[/]",
    "undecided": "[yellow]not enough data[/]",
}


def _short(measured: Payload) -> str:
    """Value ± half the width of its interval."""
    low, high = measured["interval"]
    return table.plus_minus(float(measured["value"]), float((high - low) / 2))


def _band(measured: Payload) -> str:
    """Median and both ends of a band."""
    low, high = measured["interval"]
    return f"{measured['value']:.3g} ({low:.3g} to {high:.3g})"


def _generation_table(payload: Payload) -> Table:
    title = f"Generations, value ± half the {100 * payload['level']:g} % interval"
    rows = table.plain(title, ("t", *_GENERATION.values()), left=0)
    for t, one in enumerate(payload["generations"], 1):
        rows.add_row(str(t), *(_short(one[name]) for name in _GENERATION))
    return rows


def _beyond(payload: Payload) -> str:
    """Where features have more dimensions than bands were measured in: in how many they were."""
    found, most = payload["directions"], payload["coverage"]["dimensions"]
    dim = sum(one["directions"] for one in found["bands"]) + found["left_out"]
    return f"; in up to {most} dimensions, fewer in {dim}" if dim > most else ""


def _forecast_table(payload: Payload) -> Table:
    forecast, columns = payload["forecast"], [_GENERATION[name] for name in _FORECAST]
    by_bands = payload["directions"]["trace"]
    if by_bands is not None:
        columns.append("by directions")
    held, where = payload["coverage"]["fid"], _beyond(payload)
    title = (
        f"Forecast, {100 * payload['level']:g} % bands (those of FID, of 95 %, hold: "
        f"{100 * held['all']:.0f} %, in the worst class {100 * held['worst']:.0f} %{where})"
    )
    rows = []
    for i, t in enumerate(forecast["generations"]):
        cells = [forecast[name][i] for name in _FORECAST]
        shown = cells if by_bands is None else [*cells, by_bands[i]]
        rows.append([str(t), *map(_band, shown)])
    return table.numbers(title, ("t", *columns), rows)


def _sharpened(held: Payload) -> str:
    """What bands hold in the loops that they foresee worst."""
    fid, trace = (f"{100 * held[name]:.0f} %" for name in ("fid", "trace"))
    return (
        "Models that sharpen what they draw (a temperature below 1, guidance), without real data: "
        f"bands of FID hold {fid}, of total variance {trace}."
    )


def _left_out(found: Payload) -> str:
    """How sure the fates are, and of which directions nothing is said."""
    words = f"Any false fate of directions at most {100 * found['error_rate']:g} % of the time"
    if found["left_out"]:
        words += f"; {found['left_out']} of least variance left out: too few real rows"
    if found["without_variance"]:
        words += f"; real data do not vary along {found['without_variance']} more"
    return words + "."


def _direction_table(payload: Payload) -> Table:
    """Fate of each band of directions."""
    title = f"Directions of real data, {100 * payload['level']:g} % intervals"
    rows = table.plain(title, _DIRECTIONS, left=0)
    first = 1
    for one in payload["directions"]["bands"]:
        last = first + one["directions"] - 1
        rows.add_row(
            str(first) if last == first else f"{first} to {last}",
            f"{100 * one['share']:.3g} %",
            f"{one['left']:.3g}",
            _ranged(one["bias"]),
            _short_number(one["half_life"]["value"]),
            _FATES[one["fate"]],
        )
        first = last + 1
    return rows


def _ranged(measured: Payload) -> str:
    """Value and both ends, to three digits."""
    value, low, high = map(_short_number, (measured["value"], *measured["interval"]))
    return value if value == low == high else f"{value} ({low} to {high})"


def _short_number(x: float | None) -> str:
    """Three digits, a dash where there is no finite value."""
    return f"{x:.3g}" if x is not None and math.isfinite(x) else table.number(x)


def _decided(payload: Payload) -> str:
    """What any test can decide with so many generations, and how many more it takes."""
    from madtheory.audit import ENOUGH

    best, needed, T = payload["power"], payload["generations_needed"], len(payload["generations"])
    held = f"with {_percent(best['share'])}"
    if payload["known"]["n_real"] == 0:
        held = "of which nothing grows"
    said = (
        f"At best, a test of {T} generations finds {_percent(best['mad'])} of such loops without "
        f"real data, and clears {_percent(best['not_mad'])} of those {held}"
    )
    if payload["verdict"] != "undecided":
        return said + "."
    more = [
        f"{needed[name] - T} more for {words}"
        for name, words in (("mad", "MAD"), ("not_mad", "not MAD"))
        if needed[name] is not None and needed[name] > T
    ]
    if not more:
        return said + "."
    return f"{said}; with {' or '.join(more)} it would decide {_percent(ENOUGH)}."


def _p_values(payload: Payload) -> str:
    """Both p-values, and what they are of."""
    known, walk = payload["known"]["n_real"], f"{payload['p_value_walk']:.2g} of one without; "
    if known == 0:
        walk = f"{payload['p_value_walk']:.2g} that the loop walks; "
    elif known and payload["p_value_walk"] == 0:
        walk = ""
    null = {True: "that nothing grows", False: "of a loop that real data hold"}[known == 0]
    return (
        f"p = {payload['p_value']:.2g} {null}, {walk}"
        f"each false verdict at most {100 * payload['error_rate']:g} % of the time."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _needed(fresh: Payload) -> str:
    """What fresh data would hold the loop."""
    limit = fresh["admissible_n_synth"]
    most = f"up to {math.floor(limit)}" if math.isfinite(limit) else "any number of"
    harmless = f"with much fresh data, {most} synthetic samples a generation do no harm"
    if fresh["n_synth"] is None or fresh["required_n_real"] is None:
        return f"Fresh data: {harmless}."
    return (
        f"Fresh data: {fresh['required_n_real']} real samples a generation beside "
        f"{fresh['n_synth']} synthetic ones hold the distance where it is; {harmless}."
    )


def show_audit(payload: Payload) -> None:
    """Print `audit`: the verdict first."""
    from rich.markup import escape

    page = table.console()
    page.print(f"Verdict: {_VERDICTS[payload['verdict']]}, {escape(payload['verdict_reason'])}.")
    page.print(_p_values(payload))
    if payload["power"] is not None:
        page.print(_decided(payload))
    page.print(_generation_table(payload))
    page.print(_intervals("Loop", ("quantity", "value", "interval"), payload, words=_AUDIT))
    if payload["directions"] is not None:
        page.print(_direction_table(payload))
        page.print(_left_out(payload["directions"]))
    if payload["forecast"] is not None:
        page.print(_forecast_table(payload))
        if payload["coverage"]["sharpened"] is not None:
            page.print(_sharpened(payload["coverage"]["sharpened"]))
    if payload["fresh_data"] is not None:
        page.print(_needed(payload["fresh_data"]))


# --- audit: figure and command ------------------------------------------------------------------


def _draw(path: Path, found: Audit) -> None:
    """Draw an audit into a file."""
    answer.mute_matplotlib()
    from madtheory.files import atomic_write_bytes
    from madtheory.reports import style
    from madtheory.reports.audit.figures import draw_audit

    with style.styled():
        atomic_write_bytes(path, style.render(draw_audit(found), path.suffix[1:].lower()))


def _audited(real: Path, generations: tuple[Path, ...]) -> list[Path]:
    """Files of real data and of generations: as given, or those that a deep run keeps."""
    if real.is_dir() and not generations:
        from madtheory.deep.folder import sample_files

        return sample_files(real)
    if real.is_dir():
        raise options.Refused(f"a run folder must be given alone, got {generations[0]} beside it")
    if not (generations or real.suffix or real.exists()):
        raise options.Refused(f"the run folder must exist, got {real}")
    if not generations:
        raise click.MissingParameter(
            ctx=click.get_current_context(), param_hint="'GENERATIONS...'", param_type="argument"
        )
    return [real, *generations]


def _told(folder: Path, generations: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's configuration says of its loop; an option that says something else is refused.

    Its real samples are test data: apart from the first training set.
    """
    from madtheory.deep.folder import said

    told = said(folder, generations)._asdict()
    for name, flag in _KNOWN.items():
        mine, own = given[name], told[name]
        if mine is None or own is None or mine == own or own == [mine] * generations:
            continue
        own = own[-1] if isinstance(own, list) else own
        raise options.Refused(f"{flag} must be {own}, as the run folder says, got {mine}")
    return {name: given[name] if own is None else own for name, own in told.items()} | {
        "apart": True
    }


def _memory(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | str | None:
    """A number of models, or the word `all`."""
    if value is None or value == "all":
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not an integer or 'all'.") from None


@click.command()
@click.argument("real", type=options.PATH, metavar="REAL|RUN_FOLDER")
@click.argument("generations", type=options.PATH, nargs=-1)
@_measure_options
@options.defaulted("--alpha", default=0.02, help="Bound on each false verdict.")
@options.defaulted("--horizon", default=5, help="Generations to forecast.")
@options.counted("--n-synth", help="Synthetic training samples of a generation, if known.")
@options.counted("--n-real", help="Real ones beside them, if known; 0: none enter.")
@click.option(
    "--memory", callback=_memory, metavar="K", help="Models they come from, or all, if known."
)
@options.figure
@answer.shown_by(show_audit)
def audit(
    *, real: Path, generations: tuple[Path, ...], figure: Path | None, k: int, **how: Any
) -> Payload:
    """Is my loop going MAD? Feature files of real data and of successive generations.

    REAL and GENERATIONS are .npy, .npz, .parquet or .csv files; rows are samples. RUN_FOLDER is
    that of `madtheory deep run`, which keeps samples of real data and of every generation, and says
    itself what is known of its loop.
    """
    from madtheory.audit import audit as examine
    from madtheory.files import load_sets

    paths = _audited(real, generations)
    target = None if figure is None else options.figure_target(figure, inputs=paths)
    names = [str(path) for path in paths[1:]]
    samples = load_sets(paths)
    known = {name: how.pop(name) for name in _KNOWN}
    if not generations:
        known = _told(real, len(names), known)
    found = examine(samples[0], samples[1:], k=k, names=names, **known, **how)
    payload = answer_audit(found, files=names, k=k, known=known)
    if target is not None:
        _draw(target, found)
    return payload
