"""What the commands on data files answer, as one mapping of JSON keys: `metrics` and `audit`.

The conventions are those of :mod:`madtheory._payloads`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madtheory.files import load_features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from madtheory.audit import Audit, Forecast
    from madtheory.metrics import Measured

    Array = NDArray[np.float64]

__all__ = ["audit", "metrics"]

Payload = dict[str, Any]
#: What is measured of each generation.
GENERATION = ("fid", "precision", "recall", "trace")


def _estimate(estimate: Measured) -> Payload:
    """A measured value with its interval."""
    return {"value": estimate.value, "interval": [estimate.low, estimate.high]}


def _maybe(estimate: Measured | None) -> Payload:
    """The same where there may be none."""
    return {"value": None, "interval": [None, None]} if estimate is None else _estimate(estimate)


def _kernel_distance(x: Array, y: Array, level: float) -> tuple[Payload, dict[str, str]]:
    """The kernel distance, or null with the reason: its sixth powers overflow first."""
    from madtheory.metrics import kernel_distance

    try:
        return _estimate(kernel_distance(x, y, level=level)), {}
    except ValueError as error:
        return _maybe(None), {"kernel_distance": str(error)}


def metrics(real: Path, synth: Path, *, k: int, level: float) -> Payload:
    """Answer `metrics REAL SYNTH`."""
    from madtheory import metrics as measure

    x, y = load_features(real), load_features(synth)
    both = measure.precision_recall(x, y, k=k, level=level)
    fid, unbiased = measure.fid(x, y, level=level), measure.fid_unbiased(x, y, level=level)
    kernel, reason = _kernel_distance(x, y, level)
    return {
        "fid": _estimate(fid),
        "fid_unbiased": _estimate(unbiased),
        "kernel_distance": kernel,
        "precision": _estimate(both.precision),
        "recall": _estimate(both.recall),
        "n_real": len(x),
        "n_synth": len(y),
        "dim": x.shape[1],
        "k": k,
        "level": level,
        "reason": reason,
    }


def _forecast(forecast: Forecast | None) -> Payload | None:
    if forecast is None:
        return None
    return {
        "generations": list(forecast.generations),
        "trace": [_estimate(e) for e in forecast.trace],
        "fid": [_estimate(e) for e in forecast.fid],
    }


def _audit_reasons(found: Audit) -> dict[str, str]:
    """Why something is null."""
    reasons = {}
    if found.rate is None:
        reasons["rate"] = reasons["bias"] = reasons["forecast"] = reasons["fresh_data"] = (
            "two generations at least are needed, got 1"
        )
    elif math.isinf(found.rate.value):
        reasons["rate"] = "a direction has lost all variance: the rate is minus infinity"
    if math.isinf(found.training_size):
        reasons["training_size"] = "no noise between generations is seen"
    if math.isinf(found.n_eff.value):
        reasons["n_eff"] = "the last generation cannot be told from the real data"
    if found.fresh_data is not None and found.fresh_data.required_n_real is None:
        reasons["fresh_data.required_n_real"] = (
            "no number of fresh samples is known to hold this distance"
        )
    return reasons


def audit(
    real: Path,
    generations: Sequence[Path],
    *,
    k: int,
    level: float,
    alpha: float,
    horizon: int,
    n_synth: int | None,
) -> tuple[Payload, Audit]:
    """Answer `audit REAL GEN1 GEN2 ...`; the result itself is what the figure shows."""
    from madtheory.audit import audit as examine

    found = examine(
        load_features(real),
        [load_features(path) for path in generations],
        k=k,
        level=level,
        alpha=alpha,
        horizon=horizon,
        n_synth=n_synth,
        names=[str(path) for path in generations],
    )
    fresh = found.fresh_data
    return {
        "generations": [
            {name: _estimate(getattr(one, name)) for name in GENERATION}
            for one in found.generations
        ],
        "files": [str(path) for path in generations],
        "rate": _maybe(found.rate),
        "bias": _maybe(found.bias),
        "n_eff": _maybe(found.n_eff),
        "verdict": found.verdict,
        "verdict_reason": found.reason,
        "p_value": found.p_value,
        "p_value_walk": found.p_value_walk,
        "error_rate": found.error_rate,
        "training_size": found.training_size,
        "forecast": _forecast(found.forecast),
        "fresh_data": None if fresh is None else dataclasses.asdict(fresh),
        "k": k,
        "level": found.level,
        "reason": _audit_reasons(found),
    }, found
