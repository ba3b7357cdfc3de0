"""Simulated W2 fidelity of the fresh data loop: the ground of distance.fresh's rel_error.

Run ``python tests/golden/theory/distance/fresh.py PART`` for PART = 0..3 (about a minute each on
one core); each rewrites its share of fresh.json. The sampler is its own (Bartlett
factors, batches of replicates, eigenvalues of Sigma_0^{1/2} Sigma Sigma_0^{1/2}) and shares no code
with madtheory.simulate. Where the spread is moderate, tr Sigma, (tr Sigma)^2 and tr Sigma^2, whose
means are exact, serve as control variates.
"""

import json
import sys
from itertools import product
from pathlib import Path

import numpy as np

from madtheory.loop import fresh_data
from madtheory.theory import moments

TABLE = Path(__file__).with_suffix(".json")
PARTS = 4
DIMS = (1, 2, 3, 10, 30, 100)
N_REAL = (2, 5, 20, 100, 1000)
N_SYNTH = (1, 10, 100, 1000, 10_000)
BIASES = (0.0, 0.5, 0.9, 1.0)
PROFILES = ("flat", "harmonic")
COLUMNS = ["dim", "n_real", "n_synth", "bias", "n_initial", "t", "profile", "fidelity", "se"]


def profile(name, dim):
    return np.ones(dim) if name == "flat" else 1 / np.arange(1.0, dim + 1)


def bartlett(rng, size, dim, dof):
    if dof <= 0:
        return np.zeros((size, dim, 1))
    if dof < dim:
        return rng.standard_normal((size, dim, dof))
    L = np.tril(rng.standard_normal((size, dim, dim)), -1)
    i = np.arange(dim)
    L[:, i, i] = np.sqrt(rng.chisquare(dof - i, size=(size, dim)))
    return L


def square(F):
    return F @ F.transpose(0, 2, 1)


def root(Sigma):
    try:
        return np.linalg.cholesky(Sigma)
    except np.linalg.LinAlgError:
        w, V = np.linalg.eigh(Sigma)
        return V * np.sqrt(np.maximum(w, 0))[:, None, :]


def next_model(rng, mu, Sigma, loop):
    (size, dim), n_r, n_s, lam = mu.shape, loop.n_fresh, loop.n_synth, loop.bias
    F = np.sqrt(lam) * root(Sigma) if lam else np.zeros_like(Sigma)
    real = rng.standard_normal((size, dim)) / np.sqrt(n_r)
    synth = mu + (F @ rng.standard_normal((size, dim, 1)))[..., 0] / np.sqrt(n_s)
    scatter = square(bartlett(rng, size, dim, n_r - 1)) + square(
        F @ bartlett(rng, size, dim, n_s - 1)
    )
    delta, n = real - synth, n_r + n_s
    scatter += n_r * n_s / n * delta[:, :, None] * delta[:, None, :]
    return (n_r * real + n_s * synth) / n, scatter / (n - 1)


def estimate(y, controls):
    """Mean and its error, with centred controls."""
    X = np.column_stack([np.ones(len(y)), *controls])
    scale = np.abs(X).max(axis=0)
    X = X[:, scale > 1e-12] / scale[scale > 1e-12]
    beta, *_ = np.linalg.lstsq(X, y, rcond=None)
    spread = (y - X @ beta).std(ddof=X.shape[1])
    return float(beta[0]), float(spread * np.sqrt(np.linalg.pinv(X.T @ X)[0, 0]))


def observe(mu, Sigma, exact, name):
    """E tr(Sigma_0^{1/2} Sigma Sigma_0^{1/2})^{1/2}/tr Sigma_0, whitened Sigma."""
    dim = Sigma.shape[1]
    s = profile(name, dim)
    values = np.linalg.eigvalsh(Sigma * s[:, None] * s[None, :])
    fidelity = np.sqrt(np.maximum(values, 0)).sum(axis=1) / s.sum()
    trace, of_square = np.trace(Sigma, axis1=1, axis2=2), (Sigma**2).sum(axis=(1, 2))
    moderate = exact[6] * dim < 3 * exact[1] ** 2
    controls = [trace - exact[1], trace**2 - exact[5], of_square - exact[6]] if moderate else []
    return estimate(fidelity, controls)


def simulate(loop, dim, at, size, seed):
    rng = np.random.default_rng(seed)
    exact = moments.second_moments(loop, dim, generations=max(at))
    mu = rng.standard_normal((size, dim)) / np.sqrt(loop.n_initial)
    Sigma = square(bartlett(rng, size, dim, loop.first_dof)) / loop.first_dof
    for t in range(2, max(at) + 1):
        mu, Sigma = next_model(rng, mu, Sigma, loop)
        if t in at:
            for name in PROFILES[: 1 if dim == 1 else 2]:
                yield t, name, *observe(mu, Sigma, exact[t - 1], name)


def rows(part):
    grid = list(product(DIMS, N_REAL, N_SYNTH, BIASES, (None, 2, 10)))
    chosen = np.random.default_rng(7).choice(len(grid), 600, replace=False)
    for seed in chosen[part::PARTS]:
        dim, n_r, n_s, lam, start = grid[seed]
        loop = fresh_data(n_r, n_s, bias=lam, n_initial=start)
        at = (2, 8, 40) if dim < 100 else (2, 8, 25)
        size = int(np.clip(20_000 / dim**1.5, 40, 20_000))
        for t, name, mean, se in simulate(loop, dim, at, size, int(seed)):
            yield [dim, n_r, n_s, lam, loop.n_initial, t, name, round(mean, 8), round(se, 8)]


def main(part):
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    table["columns"] = COLUMNS
    table[f"part {part}"] = list(rows(part))
    text = json.dumps(table, sort_keys=True).replace("], [", "],\n[")
    TABLE.write_text(text + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
