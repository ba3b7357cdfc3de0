"""What all models of torch weights share: saving, loading, drawing rows in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from madtheory._types import Numbers
from madtheory.deep import train
from madtheory.deep.checkpoint import below

#: Samples that go through a network at once.
ROWS = 2048


def pack(weights: Mapping[str, Tensor] | None, **arrays: Any) -> dict[str, Any]:
    """Weights by path, and other arrays."""
    return {f"weights/{name}": value for name, value in (weights or {}).items()} | arrays


def unpack(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """Undo :func:`pack` for the weights."""
    return {k: torch.as_tensor(np.array(v)) for k, v in below("weights", arrays).items()}


def in_batches(n: int, shape: tuple[int, ...], draw: Callable[[Tensor], Tensor]) -> Numbers:
    """Rows `draw(index)` of indices 0..n-1, so many at once, as one array of float32.

    SIGTERM ends it between two parts: the model is kept, and its samples are drawn again.
    """
    parts = []
    for start in range(0, n, ROWS):
        train.end_if_asked()
        parts.append(draw(torch.arange(start, min(start + ROWS, n))).float().cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, *shape), np.float32)
