"""How often the intervals of the metrics hold: python -m benchmarks.accuracy.coverage [REPLICATES].

Prints the table of docs/metrics.md. The target of fid_unbiased is the distance of the two laws,
known here; of every other metric it is the mean of its value, taken over the replicates.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from madtheory import metrics

Array = NDArray[np.float64]
METRICS: dict[str, Callable[[Array, Array], list[metrics.Measured]]] = {
    "fid": lambda x, y: [metrics.fid(x, y)],
    "fid_unbiased": lambda x, y: [metrics.fid_unbiased(x, y)],
    "precision, recall": lambda x, y: shares(metrics.precision_recall(x, y, threads=1)),
    "kernel_distance": lambda x, y: [metrics.kernel_distance(x, y)],
}
#: (shift of the first coordinate, scale) of the synthetic law.
EQUAL, DIFFERENT, PARTLY = (0.0, 1.0), (0.5, 0.8), (2.0, 0.8)
#: As the table calls them.
LAWS = {EQUAL: "equal", DIFFERENT: "different", PARTLY: "partly apart"}


def shares(both: metrics.PrecisionRecall) -> list[metrics.Measured]:
    return [both.precision, both.recall]


def draw(rng: np.random.Generator, heavy: bool, n: int, dim: int) -> Array:
    """Rows of variance 1 a column: Gaussian, or Student with 6 degrees of freedom."""
    if heavy:
        return rng.standard_t(6, (n, dim)) / np.sqrt(1.5)
    return rng.standard_normal((n, dim))


def estimates(
    heavy: bool, dim: int, n: int, m: int, law: tuple[float, float], replicates: int
) -> Array:
    """(replicates, metrics, 3): value, low, high."""
    rng, out = np.random.default_rng(1), []
    for _ in range(replicates):
        x, y = draw(rng, heavy, n, dim), law[1] * draw(rng, heavy, m, dim)
        y[:, 0] += law[0]
        found = [e for run in METRICS.values() for e in run(x, y)]
        out.append([(e.value, e.low, e.high) for e in found])
    return np.array(out)


def row(heavy: bool, dim: int, n: int, m: int, law: tuple[float, float], replicates: int) -> str:
    """One line of the table."""
    found = estimates(heavy, dim, n, m, law, replicates)
    value, low, high = np.moveaxis(found, 2, 0)
    true = law[0] ** 2 + dim * (1 - law[1]) ** 2
    target = value.mean(axis=0)
    target[1] = true
    covered = ((low <= target) & (target <= high)).mean(axis=0)
    names = ["t6" if heavy else "Gaussian", str(dim), f"{n}, {m}"]
    names += [LAWS[law]]
    means = [f"{v:.3g}" for v in (true, value[:, 0].mean(), value[:, 1].mean())]
    return "| " + " | ".join(names + means + [f"{c:.3f}" for c in covered]) + " |"


def main() -> None:
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    heads = ["features", "dim", "n, m", "laws", "true", "mean fid", "mean fid_unbiased"]
    heads += ["fid", "fid_unbiased", "precision", "recall", "kernel_distance"]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for heavy in (False, True):
        for dim in (2, 16, 64):
            for n, m in ((1000, 1000), (200, 500)):
                for law in LAWS if dim == 2 else (EQUAL, DIFFERENT):
                    print(row(heavy, dim, n, m, law, replicates), flush=True)


if __name__ == "__main__":
    main()
