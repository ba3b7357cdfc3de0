"""Limits with a weight on a fixed set, simulated: python -m tests.golden.theory.distance.weighted.

Drawn by a seed; none of them set what is declared. Simulated as `precise` does (exact moments as
controls), to a standard error of some .03 %. Two minutes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.loop import Loop
from madtheory.theory.distance import any_loop, precise, w2_squared_limit

TABLE = Path(__file__).with_suffix(".json")
KINDS = ("fixed", "mixed", "memory", "fixed", "few")
SEED, COUNT = 21, 30


def drawn() -> list[tuple[int, dict[str, float]]]:
    """(d, fields of the loop), without looking at any answer."""
    rng, found = np.random.default_rng(SEED), []
    for i in range(COUNT):
        kind = KINDS[i % len(KINDS)]
        d, bias = int(rng.choice([1, 2, 3, 4, 6, 10])), float(rng.choice([0.8, 0.9, 1.0]))
        weight = round(float(rng.uniform(0.15, 0.6)), 2)
        n_fixed = int(rng.integers(5, 25) if kind == "few" else rng.integers(15, 150))
        n_fresh = int(rng.integers(3, 60)) if kind == "mixed" else 0
        fields = {"n_initial": n_fixed, "n_fixed": n_fixed, "n_fresh": n_fresh}
        fields |= {"n_synth": int(rng.integers(8, 80)), "memory": 2 if kind == "memory" else 1}
        found.append((d, fields | {"weight": weight, "bias": bias}))
    return found


def nearly(loop: Loop, ones: Array, T: int | None) -> Array:
    """A path, or the limit, by one formula: what it moves by from late generations on counts."""
    if T is None:
        return any_loop.resummed_limit(loop, ones).value
    return any_loop.resummed(loop, ones, generations=T).value


def main() -> None:
    """Simulate all."""
    precise._ENOUGH, precise._WORK = 1e-3, 1.2e10
    rows = []
    for d, fields in drawn():
        loop, ones = Loop(**fields), np.ones(d)
        found = w2_squared_limit(loop, ones)
        about = replace(found, rel_error=np.asarray(np.inf))
        sharp = precise.precise_limit(
            loop, Spectrum(ones), about, SEED, nearly=partial(nearly, loop, ones)
        )
        rows.append([d, fields, float(sharp.value), float(sharp.rel_error) / 3])
    TABLE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
