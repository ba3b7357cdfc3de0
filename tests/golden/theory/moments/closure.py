"""Long memories and pools: second moments at the limit, exact, beside the corrected closure.

`closure.json` holds loops that remember more than the package answers exactly, with the exact
moments all the same: they cost seconds each. The constants of
:mod:`madtheory.theory.moments.second` are calibrated on seed 1, the file is seed 2.

    python tests/golden/theory/moments/closure.py SEED N
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from madtheory.theory.moments import at_rest, several, tensors
from madtheory.theory.moments.generation import layout_of
from madtheory.theory.moments.second import closed_limit, estimated_limit

TABLE = Path(__file__).with_suffix(".json")


def drawn(rng):
    """A loop with 17 to 21 models and batches in sight, and a dimension."""
    while True:
        kept, cap = (int(rng.choice([1, 1, 3, 6, 16, 19])) for _ in range(2))
        n_fixed, n_fresh = (int(rng.random() < 0.6) * int(np.exp(rng.uniform(0, 6))) for _ in "xx")
        if n_fixed + n_fresh < 2:
            continue
        fields = {
            "n_initial": n_fixed + n_fresh,
            "n_fixed": n_fixed,
            "n_fresh": n_fresh,
            "n_synth": int(np.exp(rng.uniform(0.7, 7))),
            "memory": kept,
            "bias": float(rng.choice([1, 0.99, 0.9, rng.random()])),
            "ddof": int(rng.integers(2)),
            "shrinkage": float(rng.choice([0, 0, 0, 0.3])),
            "floor": float(rng.choice([0, 0, 0, 0.1])),
        }
        if cap > 1:
            fields |= {"pool": "accumulate", "pool_cap": cap}
        loop = Loop(**fields)
        if several.MOST < layout_of(loop).vectors <= 21:
            return loop, int(rng.choice([1, 2, 3, 5, 10, 30, 100]))


def exact(loop, dim):
    """The seven invariants at rest, whatever they cost."""
    f = at_rest._late_map(loop, dim, at_rest=True)
    whole = f.held.copy()
    whole[~f.chart.held] = at_rest._fixed(f)
    return tensors.read(at_rest._tensors(f.chart, whole), layout_of(loop).newest)


def table(seed, n):
    """Rows of loop, dim and exact moments, of loops that have a limit."""
    rng, rows = np.random.default_rng(seed), []
    while len(rows) < n:
        loop, dim = drawn(rng)
        if closed_limit(loop, dim) is not None:
            values = exact(loop, dim).tolist()
            rows.append({"loop": dataclasses.asdict(loop), "dim": dim, "exact": values})
            print(len(rows), file=sys.stderr, flush=True)
    return rows


def compared(row):
    """(How far the answer is off, declared error), relative, of the seven; None without answer."""
    found = estimated_limit(Loop(**row["loop"]), row["dim"])
    return None if found is None else (np.abs(found[0] / np.array(row["exact"]) - 1), found[1])


if __name__ == "__main__":
    seed, n = map(int, sys.argv[1:])
    rows = table(seed, n)
    if seed == 2:
        TABLE.write_text(json.dumps(rows, indent=0) + "\n", encoding="utf-8")
    pairs = [p for row in rows if (p := compared(row)) is not None]
    off, error = np.array(pairs).swapaxes(0, 1)
    np.set_printoptions(precision=5, suppress=True, linewidth=140)
    print(
        len(rows), len(pairs), "covered", (off <= error).mean(axis=0), (off <= error)[:, 2:].mean()
    )
    print("off", *np.quantile(off, [0.5, 0.9, 1], axis=0), "declared", sep="\n")
    print(*np.quantile(error, [0.5, 0.9, 1], axis=0), sep="\n")
    with np.errstate(all="ignore"):
        ratio = (off - 1e-3) / ((error - 1e-3) / 1.5)
    print(
        "off above 1e-3 per correction",
        *np.nanquantile(ratio, [0.5, 0.9, 0.97, 1], axis=0),
        sep="\n",
    )
