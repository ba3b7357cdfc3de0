"""A fit on disk: weights, averages and optimisers as plain tensors in one file, never pickled.

The file has the digest of all that it holds: a fit that went on from another state would end in
other numbers without a word.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from madtheory import files
from madtheory.files import disk
from madtheory.files.pace import Pace

T = TypeVar("T")
#: Seconds between checkpoints, and the share of the time that saving may take.
SAVE_EVERY = 20.0
SAVE_SHARE = 0.02


def flat(prefix: str, state: Any) -> dict[str, Tensor]:
    """Tensors of nested dicts by path."""
    if isinstance(state, Tensor):
        return {prefix: state.detach()}
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        found |= flat(f"{prefix}/{key}", value)
    return found


def below(prefix: str, values: Mapping[str, T]) -> dict[str, T]:
    """Values whose path starts with the prefix, by the rest of their path."""
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in values.items() if k.startswith(start)}


def _seal(tensors: Mapping[str, Tensor]) -> list[int]:
    """SHA-256 of all names, kinds, shapes and bytes."""
    state = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        state.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        state.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return list(state.digest())


@dataclass(slots=True)
class Checkpoint:
    """Where one fit keeps its state: `purpose` says of what data and settings it is."""

    folder: Path
    purpose: str
    _pace: Pace = field(default_factory=lambda: Pace(SAVE_EVERY, SAVE_SHARE))

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "fit.safetensors"

    def load(self) -> tuple[int, dict[str, Tensor]]:
        """Return the step reached and the tensors; 0 and none where there is nothing."""
        if not self.path.exists():
            return 0, {}
        try:
            tensors = load(self.path.read_bytes())
        except (SafetensorError, OSError) as error:
            raise self._damaged(str(error)) from None
        sealed = tensors.pop("seal", torch.empty(0)).tolist()
        if sealed != _seal(tensors):
            raise self._damaged("another content than was written")
        purpose = bytes(tensors.pop("purpose").tolist()).decode()
        if purpose != self.purpose:
            raise ValueError(f"checkpoint must be of this fit, got another one in {self.path}")
        return int(tensors.pop("step")), tensors

    def _damaged(self, what: str) -> ValueError:
        return ValueError(
            f"checkpoint must be a whole file, got {self.path}: {what}; remove it to fit anew"
        )

    def due(self) -> bool:
        """Whether it is time to save again."""
        return self._pace.due()

    def save(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Replace what is there by a new state."""
        started = time.monotonic()
        disk.make_folder(self.folder)
        held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        held["step"] = torch.tensor(step)
        held["purpose"] = torch.tensor(list(self.purpose.encode()), dtype=torch.uint8)
        held["seal"] = torch.tensor(_seal(held), dtype=torch.uint8)
        files.atomic_write_bytes(self.path, save(held))
        self._pace.rest(started)
