"""Theory and simulation of E W2^2 side by side: over the generations, and late in a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from madtheory import spectrum
from madtheory.loop import Loop
from madtheory.reports._types import Array, Numbers
from madtheory.reports.simulated import run
from madtheory.theory import distance, moments


def log_grid(limits: Sequence[float], count: int) -> list[int]:
    """At most `count` whole numbers, evenly spread in the logarithm."""
    return [int(n) for n in np.unique(np.geomspace(limits[0], limits[1], count).astype(int))]


@cache
def inverse_baseline(dim: int, largest: float, count: int) -> Callable[[Array], Array]:
    """n_e as a function of E W2^2: the baseline at `count` sizes, log-linear between."""
    sizes = np.array(log_grid([2, largest], count))
    values = np.array([float(spectrum.baseline(int(n), np.ones(dim)).value) for n in sizes])
    x, y = np.log(values[::-1]), np.log(sizes[::-1])
    return lambda w2: np.exp(np.interp(np.log(w2), x, y))


def compared(loop: Loop, values: Array, config: Numbers) -> Numbers:
    """Theory and simulation of E W2^2 over the generations."""
    theory = distance.w2_squared(loop, values, generations=config["generations"])
    runs = run(loop, values, config, "w2_squared")
    return {
        "bias": loop.bias,
        "theory": theory.value,
        "rel_error": theory.rel_error,
        "mean": runs.mean["w2_squared"],
        "se": runs.se["w2_squared"],
    }


def horizon(loop: Loop, shortest: int, longest: int) -> int:
    """Return the generation after which all but a thousandth of the start is forgotten."""
    rate = max(moments.forgetting_rate(loop), 1e-9)
    return int(np.clip(np.log(1e-3) / np.log(rate), shortest, longest))


def first_and_late(loop: Loop, values: Array, config: Numbers) -> tuple[int, Array, Array]:
    """Simulated E W2^2 of generation 1 and of a late one: (late t, means (2,), errors (2,)).

    Late: all but a thousandth of the start is forgotten, or config["longest"] generations.
    """
    late = horizon(loop, 10, config["longest"])
    runs = run(loop, values, {**config, "generations": late}, "w2_squared", at=(1, late))
    return late, runs.mean["w2_squared"], runs.se["w2_squared"]
