"""What all models of torch weights share: saving, loading, drawing rows in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain, zip_longest
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from madtheory._types import Numbers
from madtheory.deep import train
from madtheory.deep.checkpoint import below
from madtheory.deep.parallel import processes
from madtheory.deep.parallel.rows import rows_of

#: Samples that go through a network at once.
ROWS = 2048


def pack(weights: Mapping[str, Tensor] | None, **arrays: Any) -> dict[str, Any]:
    """Weights by path, and other arrays."""
    return {f"weights/{name}": value for name, value in (weights or {}).items()} | arrays


def unpack(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """Undo :func:`pack` for the weights."""
    return {k: torch.as_tensor(np.array(v)) for k, v in below("weights", arrays).items()}


class Drawable(Protocol):
    """A fitted model whose samples may be drawn by several processes."""

    @property
    def device(self) -> train.Device:
        """Where it computes."""

    def sampling(self, *told: Any) -> Callable[[Tensor], Tensor]:
        """The map of indices to samples; `told` is what all of them share."""


def _batches(model: Drawable, n: int, told: tuple[Any, ...]) -> list[Numbers]:
    """This process's batches of the samples 0..n-1, so many rows each.

    SIGTERM ends it between two of them: the model is kept, and its samples are drawn again.
    """
    draw, found = model.sampling(*told), []
    with model.device.use(), torch.no_grad():
        for start in rows_of(range(0, n, ROWS)):
            train.end_if_asked()
            found.append(draw(torch.arange(start, min(start + ROWS, n))).float().cpu().numpy())
    return found


def in_batches(model: Drawable, n: int, shape: tuple[int, ...], *told: Any) -> Numbers:
    """Samples 0..n-1 as one array of float32, by all devices that the model names.

    They take whole batches in turn, so that each is rounded as on one device.
    """
    shares = processes.together(model.device, partial(_batches, model, n, told))
    parts = [part for part in chain(*zip_longest(*shares)) if part is not None]
    return np.concatenate(parts) if parts else np.zeros((0, *shape), np.float32)
