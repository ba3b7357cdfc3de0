"""What the commands on data files answer, as one mapping of JSON keys: `metrics` and `audit`.

The conventions are those of :mod:`madtheory._payloads`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from madtheory._io import load_features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from madtheory.metrics import Estimate

    Array = NDArray[np.float64]

__all__ = ["metrics"]

Payload = dict[str, Any]


def _estimate(estimate: Estimate) -> Payload:
    """A measured value with its interval."""
    return {"value": estimate.value, "interval": [estimate.low, estimate.high]}


def _kernel_distance(x: Array, y: Array, level: float) -> tuple[Payload, dict[str, str]]:
    """The kernel distance, or null with the reason: its sixth powers overflow first."""
    from madtheory.metrics import kernel_distance

    try:
        return _estimate(kernel_distance(x, y, level=level)), {}
    except ValueError as error:
        nothing = {"value": None, "interval": [None, None]}
        return nothing, {"kernel_distance": str(error)}


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
