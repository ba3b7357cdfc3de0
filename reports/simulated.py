"""Simulations as the sections run them: sizes and seed from the configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from madtheory.loop import Loop
from madtheory.reports._types import Array, Numbers
from madtheory.simulate import Paths, simulate


def run(loop: Loop, values: Array, config: Numbers, *record: str, **more: Any) -> Paths:
    """Simulate a loop from the eigenvalues `values`; `more` goes to the simulator."""
    sizes = {key: config[key] for key in ("generations", "replicates", "seed")}
    return simulate(loop, values, record=record, **sizes, **more)


def paths(
    loop: Loop, values: Array, config: Numbers, *record: str, **more: Any
) -> Mapping[str, Array]:
    """Return every simulated path of the quantities recorded, each of shape (R, T)."""
    found = run(loop, values, config, *record, keep_paths=True, **more).paths
    assert found is not None
    return found


def mean_se(values: Array) -> tuple[Array, Array]:
    """Mean over runs and its standard error, NaN for one run."""
    n = len(values)
    se = values.std(axis=0, ddof=1) / math.sqrt(n) if n > 1 else np.full(values.shape[1:], np.nan)
    return values.mean(axis=0), se
