"""Simulated E tr(Sigma_0 W_t Sigma_0)^{1/2} where a few directions dominate Sigma_0.

    python tests/golden/spectrum/spiked.py calibration    # and: held-out; some minutes each

Two tables of random spectra, 1 to 3 spikes 3 to 10^4 times as large as a flat or an uneven bulk:
`calibration` set the declared error of madtheory.spectrum, `held-out` tests it. Early on a plain
mean with controls of known mean (the diagonals of Sigma_0 W and of the triangle Sigma_0 L) is
sharp; where the degrees of freedom are soon used up, rare paths carry the mean and the tilted law
of sqrt_trace.py beside it takes over. Nothing here uses madtheory.
"""

import json
import math
import pathlib
import sys

import numpy as np
from scipy.special import gammaln
from sqrt_trace import simulate as tilted

SEEDS = {"calibration": 1, "held-out": 2}
ROWS = 70
GENERATIONS = (1, 2, 3, 5, 8, 12, 20)
#: Generations per degree of freedom up to which the plain mean serves.
EARLY = 0.3


def triangle(rng, size, rows, dof):
    """Bartlett factors (size, rows, min(rows, dof)) over sqrt(dof)."""
    columns = min(rows, dof)
    factor = np.zeros((size, rows, columns))
    below = np.tril_indices(rows, -1, columns)
    factor[:, below[0], below[1]] = rng.standard_normal((size, below[0].size))
    for i in range(columns):
        factor[:, i, i] = np.sqrt(rng.chisquare(dof - i, size))
    return factor / math.sqrt(dof)


def log_root(dof):
    """log E (chi2_dof / dof)^{1/2} of each dof."""
    return gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(dof / 2)


def regressed(y, controls):
    """Mean of y and its error, less what centred controls explain."""
    X = np.column_stack([np.ones(len(y)), *controls])
    X = X / np.abs(X).max(axis=0)
    beta, *_ = np.linalg.lstsq(X, y, rcond=None)
    spread = (y - X @ beta).std(ddof=X.shape[1])
    return float(beta[0]), float(spread * math.sqrt(np.linalg.pinv(X.T @ X)[0, 0]))


def plain(s, first, later, generations, size, seed):
    """Mean and standard error at `generations`, with controls."""
    rng = np.random.default_rng([seed, 1])
    chunk = max(1, min(size, int(2e6 / s.size**2)))
    parts = [walk(rng, s, first, later, generations, chunk) for _ in range(-(-size // chunk))]
    return [regressed(*zip_controls([p[i] for p in parts])) for i in range(len(generations))]


def zip_controls(parts):
    """One vector of values and one of each control."""
    joined = np.concatenate(parts, axis=1)
    return joined[0], joined[1:]


def walk(rng, s, first, later, generations, size):
    """Per generation: nuclear norm, and three controls of mean zero, shape (4, size)."""
    factor, expected, out = np.broadcast_to(np.eye(s.size), (size, s.size, s.size)), 0.0, []
    for t in range(1, max(generations) + 1):
        dof = first if t == 1 else later
        factor = factor @ triangle(rng, size, factor.shape[2], dof)
        index = np.arange(factor.shape[2])
        shift = 0.5 * np.log1p(-index / dof) + log_root(dof - index)
        expected = (expected[: index.size] if t > 1 else 0.0) + shift
        if t in generations:
            value = np.linalg.svd(s[None, :, None] * factor, compute_uv=False).sum(axis=1)
            diagonal = s[index] * (factor[:, index, index] - np.exp(expected))
            linear = ((factor**2).sum(axis=2) - 1) @ s
            out.append(np.stack([value, diagonal[:, 0], diagonal.sum(axis=1), linear]))
    return out


def case(rng):
    """Random spectrum and chain: spikes, dim, whether the bulk is uneven, degrees of freedom."""
    dim = round(math.exp(rng.uniform(math.log(5), math.log(300))))
    count = int(rng.integers(1, 4))
    spikes = np.exp(rng.uniform(math.log(3), math.log(1e4), count))
    if rng.random() < 0.3:  # spikes of one size
        spikes[:] = spikes[0]
    dof = max(2, round(dim * math.exp(rng.uniform(math.log(0.4), math.log(20)))) - 1)
    first = dof if rng.random() < 0.7 else max(2, round(dof * math.exp(rng.uniform(-1, 1))))
    return sorted(spikes.round(2).tolist(), reverse=True), dim, bool(rng.random() < 0.4), first, dof


def eigenvalues(spikes, dim, uneven):
    """Sigma_0's, the bulk from 1 down to 1 or to 1/5."""
    rest = dim - len(spikes)
    return np.concatenate([spikes, np.linspace(1.0, 0.2 if uneven else 1.0, rest)])


def row(rng, seed):
    """One row of the table."""
    spikes, dim, uneven, first, later = case(rng)
    s = eigenvalues(spikes, dim, uneven)
    early = [t for t in GENERATIONS if t == 1 or t <= EARLY * min(first, later)]
    late = [t for t in GENERATIONS if t not in early]
    size = int(np.clip(2e5 / dim**1.5, 50, 5000))
    found = plain(s, first, later, early, size, seed)
    if late:
        found += list(zip(*tilted(s, first, later, late, size, seed), strict=True))
    mean, se = zip(*found, strict=True)
    return {
        "spikes": spikes, "dim": dim, "uneven": uneven, "first": first, "later": later,
        "bias": round(float(rng.uniform(0.7, 1.0)), 3), "seed": seed,
        "mean": [float(f"{x:.9g}") for x in mean], "se": [float(f"{x:.3g}") for x in se],
    }  # fmt: skip


def main(name):
    """Write one of the two tables."""
    rng = np.random.default_rng(SEEDS[name])
    rows = [row(rng, 1000 * SEEDS[name] + i) for i in range(ROWS)]
    path = pathlib.Path(__file__).with_suffix(".json")
    tables = json.loads(path.read_text()) if path.exists() else {}
    tables |= {name: rows, "generations": list(GENERATIONS)}
    path.write_text(json.dumps(tables, sort_keys=True).replace("}, {", "},\n{") + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
