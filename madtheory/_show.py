"""Results as tables for a person: title, status, declared errors; readable at 80 columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = [
    "audit",
    "augmentation",
    "baseline",
    "collapse",
    "effective",
    "fresh",
    "metrics",
    "modes",
    "progress",
    "report",
    "simulation",
    "verification",
]

Payload = Mapping[str, Any]

#: Generations that a table shows; all of them are in the JSON.
ROWS = 12


def _number(x: float | None) -> str:
    """Six significant digits; a dash where there is no finite value."""
    if x is None or math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞" if x > 0 else "-∞"
    return f"{x:.6g}"


def _percent(x: float) -> str:
    return "0" if x == 0 else f"±{100 * x:.2g} %" if math.isfinite(x) else "–"


def _chosen(length: int) -> list[int]:
    """Up to ROWS of the indices 0..length-1, denser at the start, both ends included."""
    if length <= ROWS:
        return list(range(length))
    return sorted({round(length ** (i / (ROWS - 1))) - 1 for i in range(ROWS)})


def _console() -> Console:
    return Console(highlight=False)


def _table(title: str, columns: Iterable[str], *, left: int = 1) -> Table:
    """Build a table whose first `left` columns hold words and the others numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < left else "right", overflow="fold")
    return table


def _values(title: str, rows: Sequence[tuple[str, str, str]]) -> Table:
    """Quantity, value, status."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("quantity", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("status", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _real(payload: Payload) -> str:
    """Describe the real covariance."""
    d, rank, trace = payload["dim"], payload["rank_real"], payload["trace_real"]
    if rank == d and trace == d:
        return f"d = {d}, Σ0 = I"
    return f"d = {d}, Σ0 of rank {rank}, tr Σ0 = {_number(trace)}"


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


def _loop_line(payload: Payload) -> str:
    """Describe the loop: its samples, its bias, and whatever is not plain."""
    loop = payload["loop"]
    fixed, fresh_ = loop["n_fixed"], loop["n_fresh"]
    if fixed and fresh_:
        parts = [f"n_fixed = {fixed}", f"n_fresh = {fresh_}"]
    else:
        parts = [f"n_real = {fixed or fresh_}"] if fixed or fresh_ else []
    parts += [f"n_synth = {loop['n_synth']}", f"λ = {loop['bias']:g}"]
    for name, (plain, text) in _OPTIONS.items():
        if loop[name] != plain:
            parts.append(text.format("all" if loop[name] is None else loop[name]))
    return ", ".join([*parts, _real(payload)])


def _print_reasons(console: Console, payload: Payload, words: Mapping[str, str]) -> None:
    """Say why quantities are missing, one line for each reason; infinite ones are in the table."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in payload.get("reason", {}).items():
        if name in words and payload["status"][name] == "not computed":
            by_reason.setdefault(reason, []).append(words[name])
    for reason, names in by_reason.items():
        console.print(f"– {escape(', '.join(names))}: {escape(reason)}.")


# --- theory -------------------------------------------------------------------------------------


def _lyapunov(values: Sequence[float]) -> str:
    shown = ", ".join(_number(float(x)) for x in values[:3])
    return shown if len(values) <= 3 else f"{shown}, …, {_number(float(values[-1]))}"


def _collapse_path(payload: Payload) -> Table:
    table = _table(
        "Path over generations t",
        ("t", "E tr Σ", "E|μ-μ0|²", "E log det Σ", "sd log det", "E W2²", "error"),
        left=0,
    )
    for i in _chosen(len(payload["mean_trace"])):
        table.add_row(
            str(i + 1),
            _number(float(payload["mean_trace"][i])),
            _number(float(payload["mean_walk"][i])),
            _number(float(payload["log_det_mean"][i])),
            _number(math.sqrt(float(payload["log_det_variance"][i]))),
            _number(float(payload["w2_squared"][i])),
            _percent(float(payload["w2_squared_rel_error"][i])),
        )
    return table


_RATES = {
    "rate": "rate of collapse, log Σ per generation",
    "rate_lower": "rate without a floor, at least",
    "rate_upper": "rate without a floor, at most",
    "half_life": "half-life, generations",
    "critical_bias": "critical bias λ_c",
    "stationary_trace": "E tr Σ, t → ∞",
    "mean_walk_growth": "E|μ-μ0|² per generation, t → ∞",
}


def collapse(payload: Payload) -> None:
    """Print `theory collapse`."""
    console, status = _console(), payload["status"]
    console.print(f"Fully synthetic loop: {_loop_line(payload)}", style="bold")
    # Bounds say nothing beside a rate that is known.
    hidden = ("rate_lower", "rate_upper") if status["rate"] == "exact" else ()
    rows = [
        (word, _number(payload[key]), status[key])
        for key, word in _RATES.items()
        if key in payload and key not in hidden
    ]
    console.print(_values("Rates", rows))
    if status["lyapunov"] == "exact":
        console.print(f"Lyapunov spectrum (exact): {_lyapunov(payload['lyapunov'])}")
    console.print(_collapse_path(payload))
    words = {**_RATES, "lyapunov": "Lyapunov spectrum", "log_det_mean": "log det Σ"}
    _print_reasons(console, payload, words | {"w2_squared": "E W2²"})
    scope = "Path exact" if "rate_lower" in payload else "All exact"
    approximate = status["w2_squared"] == "asymptotic"
    console.print(f"{scope} but E W2²: asymptotic, error declared." if approximate else f"{scope}.")


_LIMIT = {
    "mean_sq": "E|μ-μ0|²",
    "trace": "E tr Σ",
    "trace_squared": "E tr Σ²",
    "squared_trace": "E (tr Σ)²",
    "w2_squared": "E W2²",
    "n_eff": "effective sample size n_e",
    "gain": "gain n_e / n_real",
    "forgetting_rate": "forgetting rate per generation",
    "admissible_n_synth": "admissible n_synth (n_e ≥ n_real)",
    "admissible_n_synth_limit": "admissible n_synth, n_real → ∞",
}


def _limit_rows(payload: Payload) -> list[tuple[str, str, str]]:
    """Quantity, value, status; the declared error stands beside the status."""
    status = dict(payload["status"])
    if status["w2_squared"] != "not computed":
        low, high = (f"{payload[f'n_eff_{end}']:.4g}" for end in ("lower", "upper"))
        status["w2_squared"] += f", {_percent(payload['w2_squared_rel_error'])}"
        status["n_eff"] += f", {low} to {high}"
    return [(word, _number(payload[key]), status[key]) for key, word in _LIMIT.items()]


def _path_table(path: Payload) -> Table:
    table = _table("Path over generations t", ("t", "E|μ-μ0|²", "E tr Σ", "E W2²", "error"), left=0)
    for i in _chosen(len(path["trace"])):
        values = (path[key][i] for key in ("mean_sq", "trace", "w2_squared"))
        error = _percent(float(path["w2_squared_rel_error"][i]))
        table.add_row(str(i + 1), *(_number(float(x)) for x in values), error)
    return table


def _with_real_data(title: str, payload: Payload) -> None:
    """Print limit and path of a loop with real data, and why something is missing."""
    console = _console()
    console.print(f"{title}: {_loop_line(payload)}", style="bold")
    console.print(_values("Limit", _limit_rows(payload)))
    if "path" in payload:
        console.print(_path_table(payload["path"]))
    _print_reasons(console, payload, _LIMIT | {"path.w2_squared": "E W2² of the path"})


def fresh(payload: Payload) -> None:
    """Print `theory fresh`."""
    _with_real_data("Fresh data loop", payload)


def augmentation(payload: Payload) -> None:
    """Print `theory augmentation`."""
    both = payload["loop"]["n_fresh"]
    _with_real_data(f"Synthetic augmentation loop{' with fresh data' if both else ''}", payload)


def baseline(payload: Payload) -> None:
    """Print `theory baseline`."""
    status = f"{payload['status']['w2_squared']}, {_percent(payload['w2_squared_rel_error'])}"
    title = f"{payload['n']} real samples in dimension {payload['dim']}"
    _console().print(_values(title, [("E W2²", _number(payload["w2_squared"]), status)]))


def effective(payload: Payload) -> None:
    """Print `theory effective`."""
    title = f"E W2² = {_number(payload['w2_squared'])} in dimension {payload['dim']}"
    row = ("effective sample size n_e", _number(payload["n_eff"]), payload["status"]["n_eff"])
    _console().print(_values(title, [row]))


_MODES = {
    "fixation_time": "generations until one mode is left",
    "stationary_surviving_mean": "modes alive, t → ∞",
    "stationary_heterozygosity": "heterozygosity, t → ∞",
    "all_modes_alive": "P(all modes alive), t → ∞",
}


def modes(payload: Payload) -> None:
    """Print `theory modes`."""
    console, status = _console(), payload["status"]
    counts = ", ".join(
        f"{name} = {payload[name]}"
        for name in ("modes", "n_synth", "n_fresh")
        if payload[name] or name != "n_fresh"
    )
    console.print(f"Mixture of equal, well separated modes: {counts}", style="bold")
    rows = [
        (word, _number(payload[key]), status[key]) for key, word in _MODES.items() if key in payload
    ]
    console.print(_values("In the long run", rows))
    table = _table("Path over generations t", ("t", "modes alive", "heterozygosity"), left=0)
    for i in _chosen(len(payload["heterozygosity"])):
        values = (payload["surviving_mean"][i], payload["heterozygosity"][i])
        table.add_row(str(i + 1), *(_number(float(x)) for x in values))
    console.print(table)
    _print_reasons(console, payload, _MODES | {"surviving_mean": "modes alive"})
    if status["surviving_mean"] == "asymptotic":
        error = _percent(float(payload["surviving_mean_rel_error"][-1]))
        console.print(f"All exact but modes alive: asymptotic, {error}.")


# --- simulation ---------------------------------------------------------------------------------


def _plus_minus(quantity: Payload, i: int) -> str:
    """Mean ± standard error, to the second digit of the error."""
    mean, se = float(quantity["mean"][i]), float(quantity["se"][i])
    if not (math.isfinite(mean) and 0 < se < math.inf):
        return _number(mean)
    decimals = 1 - math.floor(math.log10(se))
    if 0 <= decimals <= 6 and abs(mean) < 1e6:
        return f"{mean:.{decimals}f} ± {se:.{decimals}f}"
    return f"{mean:.3g} ± {se:.1g}"


def simulation(payload: Payload) -> None:
    """Print the `simulate` commands."""
    console = _console()
    console.print(f"Simulated loop: {_loop_line(payload)}", style="bold")
    names = ("mean_sq", "trace", "w2_squared", "log_det")
    table = _table(
        f"Mean ± standard error of {payload['replicates']} replicates, seed {payload['seed']}",
        ("t", "|μ-μ0|²", "tr Σ", "W2²", "log det Σ"),
        left=0,
    )
    generations = payload["generations"]
    for i in _chosen(len(generations)):
        cells = (_plus_minus(payload[name], i) for name in names)
        table.add_row(str(int(generations[i])), *cells)
    console.print(table)
    console.print(f"digest {payload['digest']}")


# --- data files ---------------------------------------------------------------------------------


_METRICS = {
    "fid": "FID, W2² of the Gaussian fits",
    "fid_unbiased": "FID less its bias at these sizes",
    "kernel_distance": "kernel distance, unbiased",
    "precision": "precision",
    "recall": "recall",
}


def _interval(estimate: Payload) -> str:
    """Both ends, or a dash where they are unknown."""
    low, high = estimate["interval"]
    if low is None and high is None:
        return "–"
    return f"{_number(low)} to {_number(high)}"


def metrics(payload: Payload) -> None:
    """Print `metrics`."""
    console, level = _console(), f"{100 * payload['level']:g} %"
    console.print(
        f"{payload['n_real']} real and {payload['n_synth']} synthetic samples, "
        f"d = {payload['dim']}, k = {payload['k']}",
        style="bold",
    )
    table = _table("Metrics", ("metric", "value", f"{level} interval"))
    for name, word in _METRICS.items():
        table.add_row(word, _number(payload[name]["value"]), _interval(payload[name]))
    console.print(table)
    for name, reason in payload["reason"].items():
        console.print(f"– {_METRICS[name]}: {escape(reason)}.")
    console.print("The interval of FID is for its mean at these sizes, bias included.")


_AUDIT = {
    "rate": "drift of log variance a generation",
    "bias": "effective bias λ",
    "n_eff": "last generation, in real samples",
}
_VERDICTS = {
    "mad": "[bold red]MAD[/]",
    "not_mad": "[green]not MAD[/]",
    "undecided": "[yellow]not enough data[/]",
}


def _short(estimate: Payload) -> str:
    """Value ± half the width of its interval."""
    low, high = estimate["interval"]
    return _plus_minus({"mean": [estimate["value"]], "se": [(high - low) / 2]}, 0)


def _band(estimate: Payload) -> str:
    """Median and both ends of a band."""
    low, high = estimate["interval"]
    return f"{estimate['value']:.3g} ({low:.3g} to {high:.3g})"


def _audit_table(payload: Payload) -> Table:
    table = _table(
        f"Generations, value ± half the {100 * payload['level']:g} % interval",
        ("t", "FID", "precision", "recall", "total variance"),
        left=0,
    )
    for t, one in enumerate(payload["generations"], 1):
        cells = (_short(one[name]) for name in ("fid", "precision", "recall", "trace"))
        table.add_row(str(t), *cells)
    return table


def _forecast_table(payload: Payload) -> Table:
    forecast = payload["forecast"]
    table = _table(
        f"Forecast, {100 * payload['level']:g} % bands", ("t", "FID", "total variance"), left=0
    )
    for t, fid, trace in zip(
        forecast["generations"], forecast["fid"], forecast["trace"], strict=True
    ):
        table.add_row(str(t), _band(fid), _band(trace))
    return table


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


def audit(payload: Payload) -> None:
    """Print `audit`: the verdict first."""
    console = _console()
    verdict = _VERDICTS[payload["verdict"]]
    console.print(f"Verdict: {verdict}, {escape(payload['verdict_reason'])}.")
    console.print(
        f"p = {payload['p_value']:.2g} of a loop that real data hold, "
        f"{payload['p_value_walk']:.2g} of one without; "
        f"each false verdict at most {100 * payload['error_rate']:g} % of the time."
    )
    console.print(_audit_table(payload))
    table = _table("Loop", ("quantity", "value", "interval"))
    for name, word in _AUDIT.items():
        table.add_row(word, _number(payload[name]["value"]), _interval(payload[name]))
    console.print(table)
    if payload["forecast"] is not None:
        console.print(_forecast_table(payload))
    if payload["fresh_data"] is not None:
        console.print(_needed(payload["fresh_data"]))


# --- verification and report --------------------------------------------------------------------


def progress(watched: bool) -> Callable[[Any], None] | None:
    """Return a function that says on stderr which claim is under test, where somebody watches."""
    if not watched:
        return None
    console = Console(stderr=True, highlight=False)

    def say(claim: Any) -> None:
        console.print(f"testing {claim.id}", style="dim")

    return say


def _verdict(claim: Payload) -> str:
    if claim["passed"]:
        return "[green]passed[/]"
    return "[bold red]FAILED[/]" if claim["mutant_rejected"] else "[bold red]NO POWER[/]"


def _verdicts(payload: Payload) -> Table:
    """One row a claim, narrow enough for 80 columns with ids of up to 28 letters."""
    error = payload["family_wise_error"]
    table = Table(
        title=f"Claims at level {payload['level']}, family-wise error {error:g}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("claim", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for name in ("predicted", "estimate", "z", "power", "verdict"):
        table.add_column(name, justify="right", no_wrap=True)
    for claim in payload["claims"]:
        numbers = (f"{claim['predicted']:.4g}", f"{claim['estimate']:.4g}", f"{claim['z']:.2f}")
        power = f"{math.floor(1000 * claim['power']) / 1000:.3f}"
        table.add_row(escape(claim["id"]), claim["status"], *numbers, power, _verdict(claim))
    return table


def verification(payload: Payload) -> None:
    """Print `verify`: passed means that the claim stands and its mutant is rejected."""
    console = _console()
    table = _verdicts(payload)
    console.print(table)
    failed = [claim["id"] for claim in payload["claims"] if not claim["passed"]]
    total = len(payload["claims"])
    console.print(f"{total - len(failed)} of {total} claims passed")
    for name in failed:
        console.print(f"[bold red]failed:[/] {escape(name)}")


def report(payload: Payload) -> None:
    """Print `report`: every page, and how many figures and tables."""
    console = Console(highlight=False, soft_wrap=True)
    for page in payload["pages"]:
        console.print(escape(str(page)))
    console.print(f"{len(payload['figures'])} figures, {len(payload['tables'])} tables")
