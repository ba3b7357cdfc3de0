"""What the processes that share a fit do together: rows of a batch, means over all processes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

Rows = TypeVar("Rows", Tensor, range)


def size() -> int:
    """Processes that share this work."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def first() -> bool:
    """Whether this is the process that keeps what is fitted."""
    return size() == 1 or distributed.get_rank() == 0


def rows_of(batch: Rows) -> Rows:
    """This process's rows of a batch, or its numbers of a range."""
    return batch[distributed.get_rank() :: size()] if size() > 1 else batch


def average(tensors: Iterable[Tensor]) -> None:
    """Put the mean over all processes in the place of each tensor."""
    if size() == 1:
        return
    found = list(tensors)
    flat = torch.cat([tensor.detach().flatten() for tensor in found])
    distributed.all_reduce(flat)
    parts = (flat / size()).split([tensor.numel() for tensor in found])
    for tensor, part in zip(found, parts, strict=True):
        tensor.detach().copy_(part.view_as(tensor))


def average_gradients(module: nn.Module) -> None:
    """Put the mean gradient over all processes in the place of this one's."""
    average(p.grad for p in module.parameters() if p.grad is not None)
