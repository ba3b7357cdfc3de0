"""Simulated times to collapse, d > 1: the tables that set and test the declared error (1.9).

    python tests/golden/theory/collapse/waiting.py [--compare]

Without the option it simulates both, for a minute or two, and writes waiting.json.

`set` chose the numbers of madtheory/theory/collapse/waiting.py, `held` did not.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np

from madtheory.covariance import Spectrum
from madtheory.loop import Loop, fully_synthetic
from madtheory.theory.collapse import waiting

FILE = Path(__file__).with_suffix(".json")
EPS = (0.5, 0.1, 0.01, 1e-4, 1e-6)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Standard errors of a simulated quantile that its range has on either side.
WIDE = 3.0


class Case(NamedTuple):
    """A loop, the variance of the first tenth of its directions (others: 1), and its simulation."""

    dim: int
    n_synth: int
    bias: float
    spike: float
    replicates: int
    levels: int
    n_initial: int

    @property
    def loop(self) -> Loop:
        """As the theory has it."""
        return fully_synthetic(self.n_synth, bias=self.bias, n_initial=self.n_initial)

    @property
    def eigenvalues(self) -> np.ndarray:
        """Of Sigma_0."""
        first = np.arange(self.dim) < max(1, self.dim // 10)
        return np.where(first, self.spike, 1.0)


SET = (
    Case(2, 5, 1.0, 1, 4000, 5, 5), Case(5, 30, 0.98, 1, 3000, 5, 30),
    Case(30, 12, 1.0, 1, 1500, 5, 12), Case(30, 40, 0.95, 1, 1000, 5, 40),
    Case(10, 100, 0.99, 1, 1000, 5, 100), Case(3, 300, 0.9, 1, 3000, 5, 300),
    Case(10, 20, 1.0, 10, 3000, 5, 20), Case(50, 50, 0.9, 20, 400, 5, 50),
    Case(20, 1000, 0.95, 1, 500, 4, 1000), Case(100, 20, 1.0, 1, 250, 4, 20),
    Case(100, 60, 0.95, 1, 150, 3, 60), Case(4, 8, 0.85, 100, 4000, 5, 40),
    Case(15, 60, 1.0, 1, 800, 4, 60), Case(100, 6, 0.9, 1, 1000, 5, 6),
    Case(2, 100, 1.0, 1, 3000, 4, 100), Case(19, 12, 0.95, 300, 2500, 5, 12),
    Case(9, 30, 1.0, 1000, 1500, 5, 30),
)  # fmt: skip
HELD = (
    Case(2, 1000, 1.0, 1, 1000, 2, 1000), Case(3, 7, 1.0, 1, 4000, 5, 7),
    Case(6, 15, 0.93, 1, 4000, 5, 15), Case(8, 40, 1.0, 5, 1500, 5, 40),
    Case(12, 25, 0.98, 1, 1500, 5, 25), Case(20, 8, 1.0, 1, 2500, 5, 8),
    Case(20, 60, 0.97, 30, 600, 5, 60), Case(40, 30, 1.0, 1, 250, 4, 30),
    Case(50, 100, 0.9, 1, 250, 4, 100), Case(70, 15, 0.95, 1, 500, 5, 15),
    Case(100, 100, 0.95, 1, 120, 3, 100), Case(100, 500, 0.8, 3, 120, 4, 500),
    Case(5, 1000, 0.99, 1, 600, 3, 1000), Case(100, 10, 1.0, 10, 400, 5, 10),
    Case(25, 20, 1.0, 1, 1200, 5, 100), Case(7, 5, 0.8, 1, 4000, 5, 5),
    Case(4, 200, 0.999, 1, 800, 4, 200), Case(90, 25, 1.0, 1, 160, 4, 25),
    Case(2, 20, 1.0, 30, 4000, 5, 20), Case(3, 3, 0.9, 1, 4000, 5, 3),
    Case(5, 2, 1.0, 1, 4000, 4, 2), Case(29, 20, 1.0, 500, 800, 4, 20),
    Case(5, 9, 0.9, 200, 4000, 5, 9), Case(12, 40, 0.97, 2000, 1500, 5, 40),
    Case(6, 7, 0.95, 20, 4000, 5, 7), Case(3, 100, 1.0, 3, 1500, 3, 100),
)  # fmt: skip
TABLES = {"set": (1, SET), "held": (2, HELD)}


@numba.njit(nogil=True)
def _bartlett(rng, rows, columns, dof):  # type: ignore[no-untyped-def]
    """Factor of a Wishart matrix over dof: lower trapezoidal, rows x columns."""
    factor = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(min(i, columns)):
            factor[i, j] = rng.standard_normal() / math.sqrt(dof)
        if i < columns:
            factor[i, i] = math.sqrt(2.0 * rng.standard_gamma((dof - i) / 2.0) / dof)
    return factor


@numba.njit(nogil=True)
def _times(rng, root, dofs, log_bias, levels, horizon, replicates):  # type: ignore[no-untyped-def]
    """First passages of tr Sigma_t below exp(levels); horizon + 1 where later."""
    times = np.full((replicates, levels.size), horizon + 1)
    for r in range(replicates):
        log_trace, below = 0.0, 0
        factor = _bartlett(rng, root.size, min(root.size, dofs[0]), dofs[0]) * root[:, None]
        for t in range(1, horizon + 1):
            if t > 1:
                rank = factor.shape[1]
                factor = factor @ _bartlett(rng, rank, min(rank, dofs[1]), dofs[1])
                log_trace += log_bias
            trace = np.sum(factor * factor)
            log_trace += math.log(trace)
            factor /= math.sqrt(trace)
            while below < levels.size and log_trace < levels[below]:
                times[r, below] = t
                below += 1
            if below == levels.size:
                break
    return times


def simulated(case: Case, rng: np.random.Generator) -> list[list[list[float]]]:
    """By level and quantile: the simulated one, and its range."""
    m = case.n_synth - 1
    horizon = 50 + int(min(840 * m / (1 + 0.5 * m * (1 - case.bias)), 40 * m))
    root = np.sqrt(case.eigenvalues / case.eigenvalues.sum())
    dofs, levels = np.array([case.n_initial - 1, m]), np.log(EPS[: case.levels])
    times = _times(rng, root, dofs, math.log(case.bias), levels, horizon, case.replicates)

    def row(at: np.ndarray, q: float) -> list[float]:
        se = WIDE * math.sqrt(q * (1 - q) / case.replicates)
        ends = np.clip([q, q - se, q + se], 0.0, 1.0)
        return [float(x) for x in np.quantile(at, ends, method="inverted_cdf")]

    return [[row(at, q) for q in QUANTILES] for at in times.T]


def compared(name: str, cases: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """The law beside every simulated quantile: `off` is how far outside of its range it is."""
    known, (_, table) = json.loads(FILE.read_text())[name], TABLES[name]
    rows = []
    for i in range(len(table)) if cases is None else cases:
        case, shares = table[i], Spectrum.of(table[i].eigenvalues).shares
        for eps, quantiles in zip(EPS, known[i], strict=False):
            law = waiting.passage_law(case.loop, shares, math.log(eps), QUANTILES[-1])
            times = np.array([law.quantile(q) for q in QUANTILES])
            error = waiting.declared(case.loop, shares, times, np.array(QUANTILES), math.log(eps))
            for q, t, rel, (value, low, high) in zip(
                QUANTILES, times, error, quantiles, strict=True
            ):
                off = max(low - t, t - high, 0.0) / t
                rows.append({"case": case, "eps": eps, "q": q, "time": t, "simulated": value,
                             "declared": rel, "off": off})  # fmt: skip
    return rows


def main() -> None:
    """Simulate both tables, or compare."""
    if "--compare" not in sys.argv:
        found = {
            name: [
                simulated(case, np.random.default_rng([seed, i])) for i, case in enumerate(cases)
            ]
            for name, (seed, cases) in TABLES.items()
        }
        FILE.write_text(json.dumps(found) + "\n")
    for name in TABLES:
        rows = compared(name)
        outside = [row for row in rows if row["off"] > row["declared"]]
        print(f"{name}: {len(outside)} of {len(rows)} outside", *outside, sep="\n")
        for q in QUANTILES:
            errors = [
                abs(r["time"] / r["simulated"] - 1)
                for r in rows
                if r["q"] == q and r["eps"] <= 0.01
            ]
            told = [r["declared"] for r in rows if r["q"] == q and r["eps"] <= 0.01]
            print(f"  q = {q}, eps <= .01: declared {np.median(told):.3f}, found, median "
                  f"{np.median(errors):.3f}, worst {max(errors):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
