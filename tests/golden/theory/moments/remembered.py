"""Second moments beyond the exact range, of every family that the closure serves: the truth.

Memories and pools of 24 to 80 models and batches, with and without bounds on the other, weights,
shrinkage, floors and biased first generations; paths to some generations after the first that is
not exact, and limits. The joint moments that the package solves for up to 23 are solved here for up
to 40, seconds each; what remembers more is simulated, its error in the table. The constants of
:mod:`madtheory.theory.moments.second` were set on loops of seed 3 that have 17 to 40 in sight, and
on numbers 0 to 8 modulo 24 of seed 6; `remembered.jsonl` has others of seed 6, which set none.

    python -m tests.golden.theory.moments.remembered SEED PART OF FILE
    python -m tests.golden.theory.moments.remembered FILE...
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np

from madtheory import _check
from madtheory.loop import Loop
from madtheory.simulate import simulate
from madtheory.theory.moments import at_rest, first_moments, several, tensors
from madtheory.theory.moments.generation import layout_of
from madtheory.theory.moments.second import closed_limit, estimated_limit, estimated_path
from tests.golden.theory.distance.controls import estimate

#: Loops, of which every _SIMULATED-th remembers too much to be solved; vectors that are solved.
_LOOPS, _SIMULATED, _SOLVED, _REPLICATES = 144, 12, 40, 40_000


def kept(rng, least, most):
    """A number of models or batches, uniform in its logarithm."""
    return int(np.exp(rng.uniform(np.log(least), np.log(most + 1))))


def bounds(rng, most):
    """Memory, pool and cap: one of them long, both, or one of them without a bound."""
    kind = rng.integers(6)
    memory, cap = kept(rng, several.MOST - 1, most), kept(rng, several.MOST - 1, most)
    pool = {"pool": "accumulate"}
    if kind == 0:
        return {"memory": memory}
    if kind == 1:
        return pool | {"pool_cap": cap}
    if kind == 2:
        return pool | {"memory": None, "pool_cap": cap}
    if kind == 3:
        return pool | {"memory": memory}
    return pool | {"memory": kept(rng, 2, most), "pool_cap": kept(rng, 2, most)}


def real(rng):
    """Fixed and fresh samples, two at least."""
    fixed, fresh = (int(rng.random() < 0.6) * kept(rng, 1, 500) for _ in "xx")
    return (fixed, fresh) if fixed + fresh >= 2 else real(rng)


def drawn(rng, most):
    """(A loop beyond the exact range, dimension, generation or None for the limit)."""
    while True:
        fixed, fresh = real(rng)
        fields = bounds(rng, most) | {
            "n_initial": kept(rng, 2, 300) if rng.random() < 0.5 else fixed + fresh,
            "n_fixed": fixed,
            "n_fresh": fresh,
            "n_synth": kept(rng, 2, 1000),
            "bias": float(rng.choice([1.0, round(rng.uniform(0.3, 1.0), 3)])),
            "ddof": int(rng.integers(2)),
            "shrinkage": 0.3 * (rng.random() < 0.15),
            "floor": 0.1 * (rng.random() < 0.15),
            "first_generation": "biased" if rng.random() < 0.15 else "real",
        }
        if fixed + fresh > 2 and fields["n_synth"] > 2 and rng.random() < 0.2:
            fields["weight"] = round(rng.uniform(0.1, 0.9), 3)
        loop, dim = Loop(**fields), int(rng.choice([1, 2, 3, 5, 10]))
        ends = [x for x in (loop.memory, loop.pool_cap) if x is not None]
        t = max(ends, default=0) + kept(rng, 2, 20)
        vectors = layout_of(several.bounded(loop, t)).vectors
        limit = loop.is_stationary and most <= _SOLVED and rng.random() < 0.5
        if not several.MOST < vectors <= (_SOLVED if most <= _SOLVED else vectors):
            continue
        if not limit or closed_limit(loop, dim) is not None:
            return loop, dim, None if limit else t


def solved(loop, dim, t):
    """The seven invariants, whatever they cost."""
    if t is not None:
        return several.several_path(loop, dim, t)[-1]
    f = at_rest._late_map(loop, dim, at_rest=True)
    whole = f.held.copy()
    whole[~f.chart.held] = at_rest._fixed(f)
    return tensors.read(at_rest._tensors(f.chart, whole), layout_of(loop).newest)


def simulated(loop, dim, t, seed):
    """The same of a path by simulation, exact first moments as controls, and relative errors."""
    run = simulate(
        loop,
        np.ones(dim),
        generations=t,
        replicates=_REPLICATES,
        seed=seed,
        at=[t],
        record=("mean_sq", "trace", "mean_quadratic", "trace_squared"),
        keep_paths=True,
        threads=1,
    )
    M, C, inner, square = (run.paths[name][:, 0] for name in run.paths)
    first = first_moments(loop, t)
    controls = [M - dim * first.mean_sq[-1], C - dim * first.trace[-1]]
    pairs = [estimate(y, controls) for y in (M, C, M * M, M * C, inner, C * C, square)]
    value, error = np.array(pairs).T
    return value, error / value


def row(seed, number):
    """One row: loop, dimension, generation, value, relative error of the value."""
    rng = np.random.default_rng([seed, number])
    far = number % _SIMULATED == 0
    loop, dim, t = drawn(rng, 80 if far else 34)
    if layout_of(several.bounded(loop, t or _check.MAX_COUNT)).vectors <= _SOLVED:
        value, error = solved(loop, dim, t), np.zeros(7)
    else:
        value, error = simulated(loop, dim, t, number)
    # Written short: what differs from the defaults.
    changed = {
        f.name: x for f in dataclasses.fields(Loop) if (x := getattr(loop, f.name)) != f.default
    }
    numbers = [float(f"{x:.12g}") for x in value], [float(f"{x:.2g}") for x in error]
    return {"loop": changed, "dim": dim, "t": t, "value": numbers[0], "error": numbers[1]}


def compared(row):
    """(How far the answer is off, declared error), relative, of the seven; None without answer."""
    loop, value = Loop(**row["loop"]), np.array(row["value"])
    if row["t"] is None:
        found = estimated_limit(loop, row["dim"])
        return None if found is None else (np.abs(found[0] / value - 1), found[1])
    found, declared = estimated_path(loop, row["dim"], row["t"])
    return np.abs(found[-1] / value - 1), declared[-1]


def told(rows):
    """Print what the declared errors cover, and which part of them is used."""
    pairs = [(p, row) for row in rows if (p := compared(row)) is not None]
    off, declared = np.array([p for p, _ in pairs]).swapaxes(0, 1)
    noise = np.array([row["error"] for _, row in pairs])
    covered, used = off <= declared + 3 * noise, off / np.maximum(declared, 1e-300)
    print(f"{len(rows)} rows, {len(pairs)} answered, covered {covered[:, 2:].mean():.4f}")
    np.set_printoptions(precision=4, suppress=True, linewidth=120)
    for name, x in (("off", off), ("declared", declared), ("used", used * (noise == 0))):
        print(name, *np.quantile(x[:, 2:], [0.5, 0.9, 1], axis=0), sep="\n")
    for i in np.flatnonzero(~covered[:, 2:].all(axis=1)):
        print(pairs[i][1]["loop"], pairs[i][1]["dim"], pairs[i][1]["t"])
        print(off[i], declared[i], noise[i], sep="\n")


def read(path):
    """Rows of a file of lines."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        seed, part, of = map(int, sys.argv[1:4])
        for number in range(part, _LOOPS, of):
            with Path(sys.argv[4]).open("a", encoding="utf-8") as out:
                out.write(json.dumps(row(seed, number)) + "\n")
    else:
        told([found for name in sys.argv[1:] for found in read(name)])
