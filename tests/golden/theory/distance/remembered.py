"""E W2^2 of loops that remember every model, simulated: writes remembered.json, a minute.

    python -m tests.golden.theory.distance.remembered

Sample by sample, every sample from a model drawn anew; the mean over late generations and runs. No
number of madtheory/theory/distance/remembered.py was set on it. The start is forgotten like
t^-(real share): below a half a simulation takes too long to come to rest.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numba
import numpy as np

FILE = Path(__file__).with_suffix(".json")
#: Eigenvalues, n_real, n_synth, bias, generations (the last half counts) and runs.
LOOPS = (
    ([1.0] * 2, 6, 6, 1.0, 20_000, 8),
    ([1.0] * 2, 6, 12, 0.8, 20_000, 8),
    ([1.0] * 8, 10, 10, 1.0, 6000, 16),
    ([1.0], 5, 20, 0.9, 20_000, 8),
    ([1.0] * 3, 5, 5, 1.0, 20_000, 8),
    ([1.0] * 20, 20, 30, 0.9, 1500, 8),
    ([1.0] * 30, 40, 30, 0.7, 1000, 6),
    ([9.0, 3.0, 1.0, 1.0, 1.0], 30, 30, 1.0, 5000, 8),
)


@numba.njit
def _late(rng, root, n_real, n_synth, bias, generations):  # type: ignore[no-untyped-def]
    """Mean W2^2 over the last half of the generations."""
    d, n = root.size, n_real + n_synth
    means, factors = np.zeros((generations, d)), np.zeros((generations, d, d))
    total = 0.0
    for t in range(generations):
        X = np.zeros((n, d))
        for i in range(n):
            z = rng.standard_normal(d)
            X[i] = root * z
            if i >= n_real and t > 0:
                k = rng.integers(0, t)
                X[i] = math.sqrt(bias) * (factors[k] @ z) + means[k]
        mean = X.sum(axis=0) / n
        centred = X - mean
        S = centred.T @ centred / (n - 1)
        values, vectors = np.linalg.eigh(S)
        means[t], factors[t] = mean, vectors * np.sqrt(np.maximum(values, 0.0))
        if 2 * t >= generations:
            fidelity = np.sqrt(np.maximum(np.linalg.eigvalsh(root[:, None] * S * root), 0.0)).sum()
            total += (mean * mean).sum() + np.trace(S) + (root * root).sum() - 2 * fidelity
    return total / (generations - (generations + 1) // 2)


def main() -> None:
    """Simulate every loop."""
    rows = []
    for i, (s, n_real, n_synth, bias, generations, runs) in enumerate(LOOPS):
        rng = np.random.default_rng([2031, i])
        found = [
            _late(rng, np.sqrt(np.array(s)), n_real, n_synth, bias, generations)
            for _ in range(runs)
        ]
        rows.append({
            "eigenvalues": s, "n_real": n_real, "n_synth": n_synth, "bias": bias,
            "mean": float(np.mean(found)), "se": float(np.std(found, ddof=1) / math.sqrt(runs)),
        })  # fmt: skip
    FILE.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
