"""Drift of log Sigma_t, d = 1, with K models in memory: python tests/golden/theory/memory_rate.py.

Held out: the constants of madtheory/theory/collapse/memory.py were fitted to other runs (bias 1:
n = 2, 3, 4, 6, 10, 20, K = 2, 3, 4, 5, 8, 16; bias < 1: n = 4, 10, 30, K = 2, 4, 8, 16). Each row
is one run of 30 million samples, drawn one by one and rescaled in each generation, in 39 blocks.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numba as nb
import numpy as np

from madtheory import __version__

PATH = Path(__file__).with_suffix(".json")
SAMPLES, BLOCKS, ROWS, SEED = 30_000_000, 40, 60, 2027


@nb.njit
def blocks(
    n: int, memory: int, bias: float, generations: int, rng: np.random.Generator
) -> np.ndarray:
    """Mean growth of log Sigma_t a generation, by block."""
    mean, std = np.zeros(memory), np.ones(memory)
    out, size, grown = np.zeros(BLOCKS), generations // BLOCKS, 0.0
    for t in range(size * BLOCKS):
        m, squares = 0.0, 0.0
        for i in range(n):
            k = rng.integers(0, memory)
            x = mean[k] + math.sqrt(bias) * std[k] * rng.standard_normal()
            off = x - m
            m += off / (i + 1)
            squares += off * (x - m)
        scale = math.sqrt(squares / (n - 1))
        grown += 2 * math.log(scale)
        for k in range(memory - 1):
            mean[k], std[k] = (mean[k + 1] - m) / scale, std[k + 1] / scale
        mean[memory - 1], std[memory - 1] = 0.0, 1.0
        if (t + 1) % size == 0:
            out[t // size] = grown / size
            grown = 0.0
    return out


def row(rng: np.random.Generator, seed: int) -> dict[str, float]:
    """A random loop near where its drift vanishes, and its drift without the first block."""
    n, K = int(np.exp(rng.uniform(np.log(2), np.log(200)))), int(rng.choice([2, 3, 6, 7, 12, 24]))
    bias = 1.0 if rng.random() < 0.5 else float(np.exp(-rng.uniform(0.0, 1.5) / n))
    found = blocks(n, K, bias, SAMPLES // n, np.random.default_rng(seed))[1:]
    error = float(found.std(ddof=1) / math.sqrt(len(found)))
    return {"n": n, "memory": K, "bias": bias, "drift": float(found.mean()), "error": error}


def main() -> None:
    """Write the table."""
    rng = np.random.default_rng(SEED)
    rows = [row(rng, SEED + i) for i in range(ROWS)]
    versions = {"madtheory": __version__, "numpy": np.__version__, "numba": nb.__version__}
    head = {"command": "python tests/golden/theory/memory_rate.py", "seed": SEED}
    text = ",\n  ".join(json.dumps(one) for one in rows)
    PATH.write_text(json.dumps(head | versions)[:-1] + f', "rows": [\n  {text}\n]}}\n')


if __name__ == "__main__":
    main()
