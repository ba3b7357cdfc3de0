"""Planner, sweeps, engine, files: what is stored, refused, swept away; and the command's cells.

Runs in an empty folder of its own; rooms/ has what is asked.
"""

from __future__ import annotations

import errno
import itertools
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np

from madtheory import plan
from madtheory.cli import answer as answer_room
from madtheory.cli import table
from madtheory.covariance import Spectrum
from madtheory.loop import fresh_data
from madtheory.plan import phases, planner, search
from madtheory.results import Estimate
from tests.snapshot.rooms.engine_runs import engine_parts, engine_runs
from tests.snapshot.rooms.file_reading import feature_reading, folders, writing
from tests.snapshot.rooms.found import Found
from tests.snapshot.rooms.sweeps import grids, sweeping
from tests.snapshot.told import answer, whole

PLANS: dict[str, tuple[Any, dict[str, Any]]] = {
    "one": (1, {"n_real": 20, "bias": 0.5}),
    "few real": ([3.0, 1.0, 0.0], {"n_real": 1, "bias": 0.9, "n_synth": 4}),
    "out of reach": (2, {"n_real": 10, "bias": 0.9, "target_gain": 9.0}),
    "no bias": (2, {"n_real": 10, "target_gain": 1.1}),
    "alone": (2, {"n_real": 0, "n_synth": 9, "bias": 0.9, "eps": 0.2}),
    "dead": (2, {"n_real": 0, "n_synth": 9, "bias": 0.0}),
    "no fit": (2, {"n_real": 10, "n_synth": 1}),
}


PLANS_REFUSED: tuple[dict[str, Any], ...] = (
    {"n_real": -1},
    {"n_real": 0},
    {"n_real": 0, "n_synth": 1},
    {"n_real": 4, "n_synth": 0},
    {"n_real": 4, "bias": 1.1},
    {"n_real": 4, "bias": -0.1},
    {"n_real": 4, "eps": 1.0},
    {"n_real": 4, "eps": 0.0},
    {"n_real": 4, "target_gain": 0.0},
    {"n_real": 4, "target_gain": 1e16},
    {"n_real": 1, "target_gain": 2.0**52 * 1.01},
)


def estimate(value: float, error: float = 0.1) -> Estimate:
    """A value with errors of so much."""
    return Estimate.between(
        *(np.asarray(x) for x in (value * (1 - error), value * (1 + error), value))
    )


def plans() -> Found:
    for name, (s, how) in PLANS.items():
        found = plan.plan_loop(s, **how)
        yield f"plan {name}", whole([found, found.collapse_time and found.collapse_time.status])
    yield "plan refused", [answer(lambda x=x: plan.plan_loop(2, **x).fate) for x in PLANS_REFUSED]
    yield (
        "required",
        [
            answer(lambda x=x: plan.required_n_real(2, **x))
            for x in (
                {"n_synth": 5, "bias": 0.5},
                {"n_synth": 500, "bias": 0.5},
                {"n_synth": 9, "bias": 0.9, "gain": 1.2},
                {"n_synth": 1},
                {"n_synth": 9, "bias": 0.5, "gain": 3.0},
            )
        ],
    )
    yield "worth of", whole(plan.worth_of(fresh_data(10, 1, bias=0.9), 2, 7))
    yield (
        "phases",
        whole(
            [
                plan.log_counts(1, 1000, 7),
                plan.log_counts(3, 9, 30),
                plan.admissible(10, 0.9, 2, 2),
                plan.edge([2.0, 1.0], 0.8, n_real=[5, 9]),
                plan.approach(0.8, 2, 3.0),
            ]
        ),
    )
    yield (
        "phases refused",
        [
            answer(lambda: plan.approach(1.0, 2, 3.0)),
            answer(lambda: plan.approach(0.5, 2, 0.0)),
            answer(lambda: phases.admissible(10, 1.5, 2)),
        ],
    )
    yield (
        "answers",
        whole(
            [
                plan.Answer.exact(2.0, "why"),
                plan.Answer.of(estimate(2.0)),
                plan.Answer.within(2.0, search.Range(2.0, 1.0, 3.0)),
                plan.Answer.of(estimate(6.0)).over(3),
            ]
        ),
    )
    yield (
        "constants",
        [planner.MEMORIES, planner.QUANTILES, planner.MOST, planner.FARTHEST, planner.NEAR],
    )


def searches() -> Found:
    yield (
        "log ratio",
        whole(
            [
                search.log_ratio(estimate(a), estimate(b), side)
                for a, b in ((2.0, 1.0), (0.0, 1.0), (1.0, 0.0))
                for side in (-1, 0, 1)
            ]
        ),
    )
    yield (
        "allowed",
        whole(
            [
                search.allowed_risk(n, g, Spectrum.of(np.array([2.0, 1.0])))
                for n, g in ((9, 1.0), (9, 0.95), (1, 0.1), (9, 1.5))
            ]
        ),
    )
    runs = {
        "inside": lambda n: (n - 30) * (n - 2000),
        "none": lambda n: 1,
        "all": lambda n: -1,
        "to the top": lambda n: 50 - n,
        "edge": lambda n: abs(n - 64) - 0.5,
        "low": lambda n: n - 3,
    }
    yield (
        "last run",
        whole(
            {
                k: [search.last_run(f, a, b) for a, b in ((1, 10**6), (2, 64), (5, 99))]
                for k, f in runs.items()
            }
        ),
    )
    yield (
        "first sufficient",
        whole(
            [
                search.first_sufficient(lambda n, side, f=f: f(n) + 40 * side, 1, 10**5)
                for f in runs.values()
            ]
        ),
    )
    risk = lambda c: lambda n: estimate(1 + (math.log(n / c)) ** 2)  # noqa: E731
    yield (
        "least",
        [search.least(risk(c), top) for c in (1, 2, 7, 300, 10**9) for top in (1, 5, 1000, 10**6)],
    )
    yield (
        "not worse",
        whole(
            [
                search.not_worse(risk(c), c, 1, 10**4, whole=w)
                for c in (1, 9, 300.0)
                for w in (False, True)
            ]
        ),
    )


CELLS = (None, math.nan, math.inf, -math.inf, 0.0, 1.0, 1234567.0, 1e-9, -0.125)
ERRORS: tuple[BaseException, ...] = (
    MemoryError(), OverflowError(errno.ERANGE, "x"), OverflowError("y"), ValueError("a\n b"),
    ValueError(), np.linalg.LinAlgError("Singular matrix"), OSError(errno.ENOSPC, "No space", "f"),
    OSError(errno.EDQUOT, "Quota"), OSError(errno.EACCES, "Denied", "f"), OSError("plain"),
    ModuleNotFoundError("m", name="m"), click.ClickException("c\x1b"), click.UsageError("u."),
    ValueError("x" * 1500),
)  # fmt: skip


def printed() -> Found:
    """Cells of the command's tables, and what it says of errors."""
    yield "cells", [[table.number(x), table.percent(x or 0.0)] for x in CELLS]
    pairs = itertools.product((0.0, 1.23456, -250000.0, 3e6, math.nan), (0.0, 1e-9, 0.0123, 45.0))
    yield "pairs", [table.plus_minus(*pair) for pair in pairs]
    yield "rows", [table.chosen(n) for n in (0, 1, 12, 13, 100, 100_000)]
    yield "errors", [import_module("madtheory.cli.main")._one_line(error) for error in ERRORS]
    status = [answer_room.status_of(estimate(2.0, e)) for e in (0.0, 0.1)]
    values = ([1.0, math.nan], [math.inf, 1.0], [1.0, 2.0])
    why = [answer_room._reason("n_eff_upper", answer_room.Entry(np.array(x))) for x in values]
    yield "reasons", [status, why, answer_room._reason("x", answer_room.Entry(math.inf))]


def entries() -> Found:
    """All of them, made in the current folder."""
    here = Path.cwd()
    makers = (
        printed,
        plans,
        searches,
        grids,
        lambda: sweeping(here),
        lambda: engine_runs(here),
        engine_parts,
        lambda: feature_reading(here),
        lambda: writing(here),
        lambda: folders(here),
    )
    return itertools.chain.from_iterable(make() for make in makers)
