"""`theory fresh` and `theory augmentation`: limit and path of the loops with real data."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Entries, Entry, Payload

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.loop import Loop


def _first(loop: Loop, eigenvalues: Array) -> Entries:
    """E |mu|^2 and E tr Sigma (theory.md 2.2, 3)."""
    from madtheory.theory import moments

    total = float(eigenvalues.sum())
    first = moments.first_moments_limit(loop, eigenvalues=eigenvalues)
    return {"mean_sq": Entry(first.mean_sq * total), "trace": Entry(first.trace * total)}


_SECOND = ("trace_squared", "squared_trace")
_SECOND_ERRORS = tuple(f"{name}_rel_error" for name in _SECOND)


def _second(loop: Loop, eigenvalues: Array) -> Entries:
    """E tr Sigma^2 and E (tr Sigma)^2 at any Sigma_0 (theory.md 2.3), and their declared errors."""
    from madtheory.loop import UnsupportedLoop
    from madtheory.theory import moments

    if not loop.is_stationary:
        raise UnsupportedLoop(
            "second moments at the limit are computed for a pool and a memory that forget only"
        )
    dim = eigenvalues.size
    errors = _named(moments.second_moments_rel_error(loop, dim))
    status = "asymptotic" if any(errors) else "exact"
    second = moments.second_moments_limit(loop, dim)
    if second is None:
        none = Entry(math.nan, status, "second moments diverge")
        return dict.fromkeys(_SECOND + _SECOND_ERRORS, none)
    values, errors = _conjugated(_named(second), errors, eigenvalues)
    numbers = zip(_SECOND + _SECOND_ERRORS, values + errors, strict=True)
    return {name: Entry(x, status) for name, x in numbers}


def _named(invariants: Array) -> list[float]:
    """The two that are printed."""
    from madtheory.theory import moments

    return [float(invariants[moments.INVARIANTS.index(name)]) for name in _SECOND]


def _conjugated(
    known: list[float], errors: list[float], eigenvalues: Array
) -> tuple[list[float], list[float]]:
    """Both at Sigma_0, and the largest relative error that those at Sigma_0 = I allow."""
    from madtheory.theory.moments.second import conjugated_second_moments

    def at(*signs: int) -> list[float]:
        moved = (x * (1 + s * e) for x, e, s in zip(known, errors, signs, strict=True))
        return list(conjugated_second_moments(*moved, eigenvalues=eigenvalues))

    values = at(0, 0)
    if not any(errors):
        return values, [0.0, 0.0]
    ends = [at(i, j) for i in (-1, 1) for j in (-1, 1)]
    return values, [
        max(abs(e[k] / x - 1) for e in ends) if x else 0.0 for k, x in enumerate(values)
    ]


def _radius(loop: Loop, eigenvalues: Array) -> Entries:
    from madtheory.theory import moments

    radius = moments.second_moment_radius(loop, eigenvalues.size)
    return {"second_moment_radius": Entry(radius)}


_DISTANCE = ("w2_squared", "w2_squared_rel_error", "n_eff", "n_eff_lower", "n_eff_upper", "gain")


def _distance(loop: Loop, eigenvalues: Array, how: options.Given) -> Entries:
    """E W2^2 at the limit and what it is worth in real samples (theory.md 2.4, 2.5)."""
    from madtheory.theory import distance, worth

    w2 = distance.w2_squared_limit(loop, eigenvalues, **how)
    n_eff = worth.effective_sample_size(float(w2.value), eigenvalues)
    ends = worth.effective_interval(w2, eigenvalues)
    errors = (float(w2.value), float(w2.rel_error))
    values = (*errors, n_eff, ends.lower, ends.upper, n_eff / loop.n_real)
    kinds = [answer.status_of(w2)] * 2 + ["asymptotic"] * 4
    return {name: Entry(x, kind) for name, x, kind in zip(_DISTANCE, values, kinds, strict=True)}


_ADMISSIBLE = ("admissible_n_synth", "admissible_n_synth_lower", "admissible_n_synth_upper")


def _admissible(loop: Loop, eigenvalues: Array) -> Entries:
    """How much synthetic data helps (theory.md 2.6)."""
    from madtheory.theory import worth

    most = worth.admissible_interval(loop, eigenvalues)
    values = (float(x) for x in (most.value, most.lower, most.upper))
    return {name: Entry(x, "asymptotic") for name, x in zip(_ADMISSIBLE, values, strict=True)}


def _admissible_limit(loop: Loop, eigenvalues: Array) -> Entries:
    """The same as n_real grows."""
    from madtheory.loop import UnsupportedLoop
    from madtheory.theory import worth

    if not loop.is_fresh_memory_one:
        raise UnsupportedLoop(
            "the limit n_real -> infinity is computed for the fresh data loop with memory 1, "
            "no weight and ddof = 1 only"
        )
    limit = worth.admissible_n_synth_limit(loop.scalar_bias, eigenvalues)
    return {"admissible_n_synth_limit": Entry(limit, "asymptotic")}


#: What is asked of the theory, and what its answer has.
_QUESTIONS = {
    _first: ("mean_sq", "trace"),
    _second: _SECOND + _SECOND_ERRORS,
    _radius: ("second_moment_radius",),
    _admissible: _ADMISSIBLE,
    _admissible_limit: ("admissible_n_synth_limit",),
}


def _path(loop: Loop, eigenvalues: Array, generations: int, how: options.Given) -> Entries:
    """Lists over t = 1..T: first moments of every loop, and the distance where it is computed."""
    from madtheory.theory import distance, moments

    total = float(eigenvalues.sum())
    first = moments.first_moments(loop, generations, eigenvalues=eigenvalues)
    ask = partial(distance.w2_squared, loop, eigenvalues, generations=generations, **how)
    w2 = answer.distance_path(ask, generations)
    return {
        "mean_sq": Entry(first.mean_sq * total),
        "trace": Entry(first.trace * total),
        **{name: w2[name] for name in ("w2_squared", "w2_squared_rel_error")},
    }


def _answer(loop_of: Callable[[options.Given], Loop], given: options.Given) -> Payload:
    """The limit, and the path if asked for; what is null has its reason."""
    from madtheory.directions import Directions
    from madtheory.theory import moments

    eigenvalues = options.eigenvalues(given)
    length = None if given["generations"] is None else options.length(given["generations"])
    loop = loop_of(options.with_biases(given, eigenvalues.size))
    for name in ("memory", "pool_cap"):
        kept = getattr(loop, name)
        if kept is not None and kept > options.MAX_KEPT:
            raise options.Refused(
                f"{name} must be at most {options.MAX_KEPT} in theory, or all, got {kept}"
            )
    alive = Directions.of(loop, eigenvalues).loop
    rate = Entry(moments.forgetting_rate(alive), moments.forgetting_status(alive))
    how = options.how(given)
    entries = {"forgetting_rate": rate}
    for question, names in _QUESTIONS.items():
        entries |= answer.covered(names, partial(question, loop, eigenvalues))
    entries |= answer.covered(_DISTANCE, partial(_distance, loop, eigenvalues, how))
    path = {} if length is None else {"path": _path(loop, eigenvalues, length, how)}
    return answer.head(loop, eigenvalues) | answer.body(entries, **path)


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
_PATH = {name: _LIMIT[name] for name in ("mean_sq", "trace", "w2_squared")}


def _statuses(payload: Payload) -> dict[str, str]:
    """The declared error stands beside the status."""
    status = dict(payload["status"])
    if status["w2_squared"] != "not computed":
        low, high = (f"{payload[f'n_eff_{end}']:.4g}" for end in ("lower", "upper"))
        status["w2_squared"] += f", {table.percent(payload['w2_squared_rel_error'])}"
        status["n_eff"] += f", {low} to {high}"
    for name, error in zip(_SECOND, _SECOND_ERRORS, strict=True):
        if 0 < payload[error] < math.inf:
            status[name] += f", {table.percent(payload[error])}"
    if status["admissible_n_synth"] != "not computed":
        status["admissible_n_synth"] += _range(payload, "admissible_n_synth")
    return status


def _range(payload: Payload, name: str) -> str:
    """Lower and upper end, where they say more than the value."""
    low, value, high = (payload[f"{name}{end}"] for end in ("_lower", "", "_upper"))
    if low == value == high:
        return ""
    return f", {low:.4g} to {high:.4g}" if math.isfinite(high) else f", {low:.4g} or more"


def show_real_data(payload: Payload) -> None:
    """Print limit and path of a loop with real data, and why something is missing."""
    page, loop = table.console(), payload["loop"]
    title = "Synthetic augmentation loop" if loop["n_fixed"] else "Fresh data loop"
    title += " with fresh data" if loop["n_fixed"] and loop["n_fresh"] else ""
    page.print(f"{title}: {table.loop_line(payload)}", style="bold")
    page.print(table.quantities("Limit", _LIMIT, payload, status=_statuses(payload)))
    if "path" in payload:
        page.print(table.path(_PATH, payload["path"], errors="w2_squared_rel_error"))
    table.print_reasons(page, payload, _LIMIT | {"path.w2_squared": "E W2² of the path"})


@click.command()
@options.fresh
@options.counted("--generations", help="Also give the path over this many [default: none].")
@options.precise
@answer.shown_by(show_real_data)
def fresh(**given: Any) -> Payload:
    """Fresh data loop: its limit, effective sample size, admissible synthetic data."""
    return _answer(options.fresh_loop, given)


@click.command()
@options.augmentation
@options.generations
@options.precise
@answer.shown_by(show_real_data)
def augmentation(**given: Any) -> Payload:
    """Synthetic augmentation loop: a fixed real set; its path, limit, effective sample size."""
    return _answer(options.augmentation_loop, given)
