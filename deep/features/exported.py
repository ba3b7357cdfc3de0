"""Features by a network of the user's own: a torch program exported to a .pt2 file."""

from __future__ import annotations

import hashlib
import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from madtheory._types import Array, Numbers
from madtheory.deep.models.weights import ROWS


@dataclass(frozen=True, slots=True)
class Exported:
    """A network from images (n, c, h, w) in [-1, 1] to rows of features; `sha256` is the file's."""

    path: Path
    network: Any
    sha256: str

    def features(self, images: Numbers) -> Array:
        """Features, shape (n, k).

        Raises
        ------
        ValueError
            The network does not take these images, or gives something else than a row for each.
        """
        x = torch.as_tensor(np.asarray(images, np.float32))
        try:
            with torch.no_grad():
                parts = [self.network(part) for part in x.split(ROWS)]
            found = np.concatenate([part.float().numpy() for part in parts]).astype(np.float64)
        except (AssertionError, AttributeError, RuntimeError, TypeError, ValueError) as error:
            told = str(error).strip().split("\n")[0]
            raise ValueError(
                f"features must be of a network that takes images {tuple(x.shape)} in batches of "
                f"any size, got {self.path}: {told}"
            ) from None
        if found.shape[:1] != x.shape[:1] or found.ndim != 2:
            raise ValueError(
                f"features must be a row for each of {len(x)} images, got {found.shape} "
                f"of {self.path}"
            )
        return found


def read_exported(path: Path) -> Exported:
    """Return the network that ``torch.export.save`` wrote; a program is code: read what you trust.

    Raises
    ------
    ValueError
        There is no such file, or it holds no exported program.
    """
    if path.suffix != ".pt2" or not path.is_file():
        raise ValueError(f"features must be a .pt2 file that exists, got {path}")
    held, log = path.read_bytes(), logging.getLogger("torch.export")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)  # it prints the traceback that it raises
    try:
        network = torch.export.load(io.BytesIO(held)).module()
    except Exception:  # of many kinds, as torch reads further or less far
        raise ValueError(
            f"features must be a file that torch.export.save wrote, got {path}"
        ) from None
    finally:
        log.setLevel(before)
    return Exported(path, network, hashlib.sha256(held).hexdigest())
