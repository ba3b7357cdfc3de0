"""What all answers share: one mapping of JSON keys, printed as a table or as JSON.

Values are numpy arrays and floats; NaN and infinities become null when they are written. An answer
has a `status` for its quantities: exact, asymptotic (with a declared error), bound, or
"not computed"; and a `reason`, one sentence, for each quantity that is null.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.loop import Loop
    from madtheory.results import Estimate


Payload = dict[str, Any]

#: Why a quantity is infinite, where "it is unbounded" says too little.
_UNBOUNDED = {
    "n_eff_upper": "the declared error of the distance reaches 0",
    "admissible_n_synth": "no n_synth is too many",
    "admissible_n_synth_lower": "no n_synth is too many",
    "admissible_n_synth_upper": "no n_synth is too many for certain",
    "admissible_n_synth_limit": "no n_synth is too many",
}


# --- quantities ---------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A quantity with its status and, where it is null, the sentence that says why."""

    value: Any
    status: str = "exact"
    reason: str | None = None


Entries = dict[str, Entry]


def unknown(reason: str, *, generations: int | None = None) -> Entry:
    """A number that is not computed, or a list of as many as there are generations."""
    import numpy as np

    value = math.nan if generations is None else np.full(generations, np.nan)
    return Entry(value, "not computed", reason)


def covered(
    names: Iterable[str], theory: Callable[[], Entries], *, generations: int | None = None
) -> Entries:
    """Ask the theory; where it does not cover the loop, its sentence is the reason of all names."""
    from madtheory.loop import UnsupportedLoop

    try:
        return theory()
    except UnsupportedLoop as refusal:
        return dict.fromkeys(names, unknown(str(refusal), generations=generations))


def status_of(estimate: Estimate) -> str:
    """Whether an estimate declares an error."""
    import numpy as np

    return "asymptotic" if np.any(estimate.rel_error > 0) else "exact"


_PATH = ("w2_squared", "w2_squared_lower", "w2_squared_upper", "w2_squared_rel_error")


def distance_path(w2_squared: Callable[[], Estimate], generations: int) -> Entries:
    """The four lists of E W2^2 over generations, or as many nulls."""

    def known() -> Entries:
        w2 = w2_squared()
        status = status_of(w2)
        values = (w2.value, w2.lower, w2.upper, w2.rel_error)
        kinds = (status, "bound", "bound", status)
        return {name: Entry(x, kind) for name, x, kind in zip(_PATH, values, kinds, strict=True)}

    return covered(_PATH, known, generations=generations)


def _reason(name: str, entry: Entry) -> str | None:
    """Why `entry` has nulls, or None where it has none."""
    import numpy as np

    values = np.asarray(entry.value, dtype=np.float64)
    if np.isfinite(values).all():
        return None
    if np.isnan(values).any():
        default = "it is undefined"
    else:  # of generations: a finite number, but for logarithms of 0
        late = values.ndim > 0 and np.isposinf(values).any()
        default = "it is too large for float64" if late else "it is unbounded"
    return entry.reason or _UNBOUNDED.get(name, default)


def head(loop: Loop, eigenvalues: Array) -> Payload:
    """What was asked, repeated: loop, dimension, real covariance."""
    return {
        "loop": dataclasses.asdict(loop),
        "dim": eigenvalues.size,
        "trace_real": float(eigenvalues.sum()),
        "rank_real": int((eigenvalues != 0).sum()),
    }


def body(entries: Entries, **nested: Entries) -> Payload:
    """Values of all entries, `status` and `reason`; those of a nested mapping as path.trace."""
    inner = {f"{of}.{name}": x for of, part in nested.items() for name, x in part.items()}
    every = entries | inner
    reasons = {name: _reason(name, entry) for name, entry in every.items()}
    return {
        **{name: entry.value for name, entry in entries.items()},
        **{of: {name: x.value for name, x in part.items()} for of, part in nested.items()},
        "status": {name: entry.status for name, entry in every.items()},
        "reason": {name: why for name, why in reasons.items() if why},
    }


# --- printing -----------------------------------------------------------------------------------


def shown_by(
    show: Callable[[Payload], None],
) -> Callable[[Callable[..., Payload]], Callable[..., None]]:
    """Add --json to a command that returns its answer, and print that: as JSON or by `show`.

    It is printed all at once, so that nothing precedes an error. One that is `passed: false` ends
    with exit code 1.
    """

    def decorate(command: Callable[..., Payload]) -> Callable[..., None]:
        @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
        @functools.wraps(command)
        def printing(*, as_json: bool, **given: Any) -> None:
            payload = command(**given)
            (_print_json if as_json else show)(payload)
            if not payload.get("passed", True):
                raise click.exceptions.Exit(1)

        return printing

    return decorate


def _print_json(payload: Payload) -> None:
    from madtheory.files import canonical_json

    text = canonical_json(payload)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # a stream of fewer letters, or a file name that is no text
        text = json.dumps(json.loads(text), sort_keys=True)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def mute_matplotlib() -> None:
    """Let it say nothing of a home that it cannot write to: it draws all the same."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def watched() -> bool:
    """Whether somebody watches: progress goes to a terminal only, and not beside JSON."""
    there = sys.stderr is not None and sys.stderr.isatty()  # None where it is closed
    return there and not click.get_current_context().params["as_json"]
