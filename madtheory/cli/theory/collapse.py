"""`theory collapse`: the fully synthetic loop (theory.md 1.1-1.7), its fits regularised or not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from madtheory.cli import answer, options, table, times
from madtheory.cli.answer import Entries, Entry, Payload

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.loop import Loop


def _moments(loop: Loop, eigenvalues: Array, generations: int) -> Entries:
    """Lists over t = 1..T that are exact (theory.md 1.5, 1.6)."""
    from madtheory.theory import collapse

    second = collapse.second_moments(loop, eigenvalues, generations=generations)
    return {
        "mean_trace": Entry(collapse.mean_trace(loop, eigenvalues, generations=generations)),
        "mean_walk": Entry(collapse.mean_walk(loop, eigenvalues, generations=generations)),
        "mean_trace_squared": Entry(second.trace_squared),
        "mean_squared_trace": Entry(second.squared_trace),
    }


def _log_det(loop: Loop, eigenvalues: Array, generations: int) -> Entries:
    """Mean and variance of log det Sigma_t (1.3)."""
    import numpy as np

    from madtheory.theory import collapse

    mean = collapse.log_det_mean(loop, eigenvalues, generations=generations)
    variance = collapse.log_det_variance(loop, eigenvalues, generations=generations)
    # A determinant that is surely 0 has no log-variance to speak of: null beside a null mean.
    variance = np.where(np.isinf(mean), np.nan, variance)
    return {"log_det_mean": Entry(mean), "log_det_variance": Entry(variance)}


def _plain(loop: Loop, eigenvalues: Array, generations: int, how: options.Given) -> Entries:
    from madtheory.directions import Directions
    from madtheory.theory import collapse, distance

    rates = ("rate", "critical_bias")
    alive = Directions.of(loop, eigenvalues)
    w2 = partial(distance.w2_squared, loop, eigenvalues, generations=generations, **how)
    return {
        **_moments(loop, eigenvalues, generations),
        **_log_det(loop, eigenvalues, generations),
        **{name: Entry(getattr(collapse, name)(alive.loop)) for name in rates},
        "half_life": _half_life(collapse.rate(alive.loop)),
        "lyapunov": Entry(collapse.lyapunov_spectrum(alive.loop, alive.values.size)),
        **(_directions(loop, eigenvalues) if loop.has_spectrum else {}),
        **answer.distance_path(w2, generations),
    }


def _directions(loop: Loop, eigenvalues: Array) -> Entries:
    """What a spectrum of biases says of each direction, counted from 1 (8)."""
    from madtheory.theory import collapse

    left = collapse.dominance(loop, eigenvalues)
    return {
        "direction_rates": Entry(collapse.direction_rates(loop, eigenvalues)),
        "dominant_direction": Entry(left.direction + 1),
        "dominant_from": Entry(left.generation),
    }


def _half_life(rate: float) -> Entry:
    """Generations in which log Sigma falls by log 2 at this rate."""
    if rate > 0:
        return answer.unknown(
            f"log Σ grows by {rate:.4g} per generation: it has no half-life above the critical bias"
        )
    return Entry(math.log(2) / -rate if rate else math.inf)


def _bounded_rate(loop: Loop, dim: int) -> Entries:
    """Rate, half-life and critical bias where the bounds of shrinkage meet, and the bounds."""
    from madtheory.theory.collapse import shrinkage_rate

    bare = dataclasses.replace(loop, floor=0.0)
    low, high = dataclasses.astuple(shrinkage_rate(bare, dim))
    unit = shrinkage_rate(dataclasses.replace(bare, bias=1.0), dim)
    bounds = {"rate_lower": Entry(low, "bound"), "rate_upper": Entry(high, "bound")}
    if low != high:
        why = "the rate is computed for shrinkage = 0 or 1 only; bounds are given"
        return dict.fromkeys(("rate", "half_life", "critical_bias"), answer.unknown(why)) | bounds
    known = {"rate": low, "critical_bias": math.exp(-unit.lower)}
    entries = {name: Entry(value) for name, value in known.items()}
    return {**entries, "half_life": _half_life(low), **bounds}


def _floor(loop: Loop, eigenvalues: Array) -> Entries:
    """What a floor adds: the trace settles, the mean walks on."""
    from madtheory.theory.collapse import mean_walk_growth, stationary_mean

    ended = answer.unknown(
        "with a floor the covariance does not collapse; rate_lower and rate_upper are without it"
    )
    return {
        "rate": ended,
        "half_life": ended,
        "stationary_trace": Entry(float(eigenvalues.sum()) * stationary_mean(loop)),
        "mean_walk_growth": Entry(mean_walk_growth(loop, eigenvalues)),
    }


def _regularised(loop: Loop, eigenvalues: Array, generations: int, how: options.Given) -> Entries:
    from madtheory.theory import distance

    w2 = partial(distance.w2_squared, loop, eigenvalues, generations=generations, **how)
    plain = "is computed for shrinkage = 0 and floor = 0 only"
    log_det = answer.unknown(f"the log-determinant law {plain}", generations=generations)
    return {
        **_moments(loop, eigenvalues, generations),
        **dict.fromkeys(("log_det_mean", "log_det_variance"), log_det),
        **_bounded_rate(loop, eigenvalues.size),
        **(_floor(loop, eigenvalues) if loop.floor else {}),
        **answer.distance_path(w2, generations),
        "lyapunov": answer.unknown(f"the Lyapunov spectrum {plain}"),
    }


_RATES = {
    "rate": "rate of collapse, log Σ per generation",
    "rate_lower": "rate without a floor, at least",
    "rate_upper": "rate without a floor, at most",
    "half_life": "half-life, generations",
    "dominant_direction": "direction that is left in the end",
    "dominant_from": "the largest from generation",
    "critical_bias": "critical bias λ_c",
    "stationary_trace": "E tr Σ, t → ∞",
    "mean_walk_growth": "E|μ-μ0|² per generation, t → ∞",
}
#: Shares of runs whose time to collapse is told.
_SHARES = (0.05, 0.5, 0.95)
_PATH = {
    "mean_trace": "E tr Σ",
    "mean_walk": "E|μ-μ0|²",
    "log_det_mean": "E log det Σ",
    "log_det_sd": "sd log det",
    "w2_squared": "E W2²",
}
_MISSING = _RATES | {
    "lyapunov": "Lyapunov spectrum",
    "log_det_mean": "log det Σ",
    "w2_squared": "E W2²",
}


def _time(loop: Loop, eigenvalues: Array, eps: float) -> Payload | None:
    """Quantiles of the time until tr Sigma < eps tr Sigma_0; None where not computed (1.9)."""
    from madtheory.loop import UnsupportedLoop
    from madtheory.theory.collapse import collapse_time

    try:
        found = collapse_time(loop, eigenvalues.size, eps=eps, q=_SHARES, eigenvalues=eigenvalues)
    except UnsupportedLoop:
        return None
    parts = (found.value, found.lower, found.upper, found.rel_error)
    return times.nested(eps, _SHARES, [x.tolist() for x in parts])


def _lyapunov(values: Sequence[float]) -> str:
    first = ", ".join(table.number(float(x)) for x in values[:3])
    return first if len(values) <= 3 else f"{first}, …, {table.number(float(values[-1]))}"


def show_collapse(payload: Payload) -> None:
    """Print `theory collapse`."""
    import numpy as np

    page, status = table.console(), payload["status"]
    page.print(f"Fully synthetic loop: {table.loop_line(payload)}", style="bold")
    # Bounds say nothing beside a rate that is known.
    hidden = {"rate_lower", "rate_upper"} if status["rate"] == "exact" else set()
    rates = {key: word for key, word in _RATES.items() if key not in hidden}
    page.print(table.quantities("Rates", rates, payload, status=status))
    if status["lyapunov"] == "exact":
        page.print(f"Lyapunov spectrum (exact): {_lyapunov(payload['lyapunov'])}")
    if "direction_rates" in payload:
        page.print(f"Rates by direction (exact): {_lyapunov(payload['direction_rates'])}")
    lists = payload | {"log_det_sd": np.sqrt(payload["log_det_variance"])}
    page.print(table.path(_PATH, lists, errors="w2_squared_rel_error"))
    table.print_reasons(page, payload, _MISSING)
    scope = "Path exact" if "rate_lower" in payload else "All exact"
    approximate = status["w2_squared"] == "asymptotic"
    page.print(f"{scope} but E W2²: asymptotic, error declared." if approximate else f"{scope}.")
    if payload.get("collapse_time"):
        page.print(times.rows("Generations until collapse", payload["collapse_time"]))


@click.command()
@options.collapse
@options.generations
@options.precise
@click.option(
    "--eps",
    type=float,
    help="Collapse: the share of the real variance that is left [default: no times].",
)
@answer.shown_by(show_collapse)
def collapse(*, eps: float | None, **given: Any) -> Payload:
    """Fully synthetic loop: rate of collapse, moments, log-determinant, distance, time."""
    eigenvalues = options.eigenvalues(given)
    loop = options.collapse_loop(options.with_biases(given, eigenvalues.size))
    length = options.length(given["generations"])
    if loop.has_spectrum and (loop.shrinkage or loop.floor):
        name = "shrinkage" if loop.shrinkage else "floor"
        raise options.Refused(
            f"bias_file must be left out with {name}, got both; simulate collapse takes them"
        )
    of = _regularised if loop.shrinkage or loop.floor else _plain
    entries = of(loop, eigenvalues, length, options.how(given))
    if eps is None:
        return answer.head(loop, eigenvalues) | answer.body(entries)
    time = _time(loop, eigenvalues, eps)
    known = {**entries, "collapse_time": times.entry(time)}
    return answer.head(loop, eigenvalues) | answer.body(known) | {"collapse_time": time}
