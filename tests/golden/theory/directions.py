"""Simulated E W2^2 of loops whose bias has a spectrum: directions.json.

    python tests/golden/theory/directions.py      (three minutes)

The declared error was looked at on the loops of seed 1, with nothing to choose: that of one bias
holds, and half the synthetic noise's share in an entry off the diagonal is added to it. Those of
seed 2, recorded here, test it.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from madtheory.loop import Loop, fresh_data, synthetic_augmentation
from madtheory.simulate import simulate

FILE = Path(__file__).with_suffix(".json")
SEED, CASES, AT = 2, 36, (2, 4, 8)


def loop_of(kind: int, n_real: int, n_synth: int, bias: tuple[float, ...]) -> Loop:
    """One of six families of loops with real data."""
    if kind in (0, 1):
        return fresh_data(n_real, n_synth, bias=bias)
    if kind == 2:
        return synthetic_augmentation(n_real, n_synth, bias=bias)
    if kind == 3:
        return fresh_data(n_real, n_synth, bias=bias, memory=3)
    if kind == 4:
        return synthetic_augmentation(n_real, n_synth, bias=bias, pool="accumulate", pool_cap=3)
    return fresh_data(n_real, n_synth, bias=bias, weight=0.4)


def cases(seed: int, number: int) -> list[tuple[Loop, list[float]]]:
    """Loops and spectra of all kinds, with few and many samples."""
    rng, found = np.random.default_rng(seed), []
    for i in range(number):
        dim = int(rng.choice([2, 4, 10, 25]))
        s = np.sort(rng.gamma(0.7, size=dim) + 0.01)[::-1] if rng.random() < 0.7 else np.ones(dim)
        bias = rng.uniform(rng.choice([0.1, 0.4, 0.7, 0.9]), 1, size=dim)
        bias = np.sort(bias)[::-1] if rng.random() < 0.5 else bias
        n_real = int(rng.choice([dim // 2 + 3, 2 * dim + 2, 10 * dim, 100]))
        n_synth = max(3, int(n_real * rng.choice([0.3, 1, 3, 9])))
        values = np.round(s * dim / s.sum(), 6).tolist()
        found.append((loop_of(i % 6, n_real, n_synth, tuple(np.round(bias, 6).tolist())), values))
    return found


def record() -> list[dict[str, Any]]:
    """Simulate every case."""
    rows = []
    for i, (loop, values) in enumerate(cases(SEED, CASES)):
        size = int(min(40_000, 6e7 / (len(values) ** 3 + 300)))
        run = simulate(
            loop,
            values,
            generations=max(AT),
            replicates=size,
            seed=i,
            at=AT,
            record=("w2_squared",),
        )
        mean, se = (np.asarray(x["w2_squared"]).tolist() for x in (run.mean, run.se))
        rows.append(
            {"loop": dataclasses.asdict(loop), "eigenvalues": values, "mean": mean, "se": se}
        )
    return rows


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(row) for row in record()) + "\n]\n")
