"""Simulated fresh loops near their largest admissible n_synth, and the fit that they meet there.

    python tests/golden/theory/worth/admissible.py    # writes its .json, some minutes

Rows: a random fresh data loop with memory 1 near n_e = n_real (n_synth is the root that the
theory names, times a random factor), E tr(Sigma_0^{1/2} Sigma Sigma_0^{1/2})^{1/2} over tr Sigma_0
at the limit and of one fit to the real data. The sampler is that of the table of distances; paths
start at E Sigma and are averaged over time, and traces of exact mean serve as controls. Nothing
of the theory's was set by this table.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "distance"))
from fresh import bartlett, estimate, next_model, square

from madtheory.loop import fresh_data
from madtheory.theory import moments
from madtheory.theory.worth import admissible_n_synth

TABLE = Path(__file__).with_suffix(".json")
SEED, ROWS = 5, 40
#: Relaxation times before the first look and between looks, and looks.
BURN, APART, LOOKS = 4.0, 1.0, 6


def spectrum(name, dim):
    """Sigma_0: flat, harmonic, or one direction of ten times the rest."""
    s = np.ones(dim)
    if name == "harmonic":
        s = 1 / np.arange(1.0, dim + 1)
    if name == "spiked":
        s[0] = 10.0
    return s


def fidelity(Sigma, s):
    """Of each replicate, per unit of tr Sigma_0."""
    values = np.linalg.eigvalsh(Sigma * np.sqrt(s[:, None] * s[None, :]) ** 2)
    return np.sqrt(np.maximum(values, 0)).sum(axis=1) / s.sum()


def controls(Sigma, exact):
    """Traces less their exact means."""
    trace, of_square = np.trace(Sigma, axis1=1, axis2=2), (Sigma**2).sum(axis=(1, 2))
    return [trace - exact[0], trace**2 - exact[1], of_square - exact[2]]


def limit(loop, s, size, seed):
    """Mean fidelity at the limit and its error."""
    rng, dim = np.random.default_rng(seed), s.size
    m = moments.second_moments_limit(loop, dim)
    first = moments.first_moments_limit(loop)
    # The mean starts at its stationary variance, and the covariance forgets at this rate.
    relax = 1 / (1 - loop.bias * loop.n_synth / loop.n_train)
    mu = rng.standard_normal((size, dim)) * math.sqrt(first.mean_sq)
    Sigma = np.broadcast_to(np.eye(dim) * first.trace, (size, dim, dim))
    exact, rows = [float(x) for x in (m[1], m[5], m[6])], []
    for look in range(LOOKS):
        for _ in range(math.ceil((BURN if look == 0 else APART) * relax)):
            mu, Sigma = next_model(rng, mu, Sigma, loop)
        rows.append([fidelity(Sigma, s), *controls(Sigma, exact)])
    mean = np.mean(rows, axis=0)
    return estimate(mean[0], mean[1:])


def one_fit(n, s, size, seed):
    """Mean fidelity of one fit to n real samples."""
    rng, dim, k = np.random.default_rng([seed, 1]), s.size, n - 1
    Sigma = square(bartlett(rng, size, dim, k)) / k
    exact = [dim, dim**2 + 2 * dim / k, dim + dim * (dim + 1) / k]
    return estimate(fidelity(Sigma, s), controls(Sigma, exact))


def case(rng):
    """dim, profile, n_real, bias and a factor on n_synth."""
    dim = round(math.exp(rng.uniform(math.log(2), math.log(120))))
    n_real = max(3, round(dim * math.exp(rng.uniform(math.log(0.4), math.log(8)))))
    profile = ["flat", "flat", "harmonic", "spiked"][int(rng.integers(4))]
    return dim, profile, n_real, round(float(rng.uniform(0.3, 0.95)), 3), rng.uniform(0.8, 1.6)


def row(rng, seed):
    """One row, or None where no n_synth is too many."""
    dim, profile, n_real, bias, factor = case(rng)
    s = spectrum(profile, dim)
    found = admissible_n_synth(fresh_data(n_real, 1, bias=bias), s)
    if not 1 <= found < 1e7:
        return None
    loop = fresh_data(n_real, max(2, round(factor * found)), bias=bias)
    size = int(np.clip(4e4 / dim**1.5, 40, 2500))
    mean, se = limit(loop, s, size, seed)
    fit, fit_se = one_fit(n_real, s, 4 * size, seed)
    names = ("dim", "profile", "n_real", "n_synth", "bias", "limit", "limit_se", "fit", "fit_se")
    values = (
        dim,
        profile,
        n_real,
        loop.n_synth,
        bias,
        *(round(x, 9) for x in (mean, se, fit, fit_se)),
    )
    return dict(zip(names, values, strict=True))


def main():
    """Write the table."""
    rng, rows = np.random.default_rng(SEED), []
    while len(rows) < ROWS:
        rows += [r for r in [row(rng, len(rows))] if r is not None]
        print(rows[-1], flush=True)
    TABLE.write_text(json.dumps(rows, sort_keys=True).replace("}, {", "},\n{") + "\n")


if __name__ == "__main__":
    main()
