"""Small data and presets of the deep entries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

RNG = np.random.default_rng


COMMITTED = Path(__file__).resolve().parents[3] / "reports/data/curves"


Found = Iterator[tuple[str, Any]]


IMAGES = RNG(0).uniform(-1, 1, size=(40, 1, 8, 8)).astype(np.float32)


VECTORS = RNG(1).normal(size=(60, 3)).astype(np.float32)


LABELLED = {"x": IMAGES, "y": np.arange(40) % 10}


TOML = """
family = "{family}"
data = "gaussian-3"
generations = 2
seconds = 1
loop = {{ kind = "synthetic", n_synth = 80, bias = 0.9 }}
model = {{ }}
"""


LINEAR = TOML.format(family="linear")
