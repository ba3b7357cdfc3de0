"""Simulated W2 fidelity of the fresh data loop: the ground of distance.fresh's rel_error.

Run ``python -m tests.golden.theory.distance.fresh PART`` for PART = 0..3 (about a minute each on
one core); each rewrites its share of fresh.json. The sampler is its own (Bartlett factors, batches
of replicates, eigenvalues of Sigma_0^{1/2} Sigma Sigma_0^{1/2}), and so are the means of its
control variates (controls.py): of the package it takes nothing but a loop's numbers.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from madtheory.loop import fresh_data
from tests.golden.theory.distance.controls import (
    Controls,
    Part,
    estimate,
    fidelity,
    profile,
    union,
    write,
)

TABLE = Path(__file__).with_suffix(".json")
PARTS = 4
DIMS = (1, 2, 3, 10, 30, 100)
N_REAL = (2, 5, 20, 100, 1000)
N_SYNTH = (1, 10, 100, 1000, 10_000)
BIASES = (0.0, 0.5, 0.9, 1.0)
PROFILES = ("flat", "harmonic")
COLUMNS = ["dim", "n_real", "n_synth", "bias", "n_initial", "t", "profile", "fidelity", "se"]


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


def foreseen(mu, Sigma, loop):
    """Parts of the next fit, and the quadratic form of their means."""
    unit, n = 1 / (loop.n_train - 1), np.array([loop.n_fresh, loop.n_synth])
    real = np.broadcast_to(np.eye(mu.shape[1]), Sigma.shape)
    parts = [
        Part(n[0], np.zeros_like(mu), unit, S=real),
        Part(n[1], mu, unit, S=loop.bias * Sigma),
    ]
    return parts, unit * union(n)


def simulate(loop, dim, at, size, seed):
    rng, controls = np.random.default_rng(seed), Controls(loop.bias * loop.n_synth / loop.n_train)
    mu = rng.standard_normal((size, dim)) / np.sqrt(loop.n_initial)
    m = loop.n_initial - 1
    Sigma = square(bartlett(rng, size, dim, m)) / m
    start = Part(m + 1, np.zeros_like(mu), 1 / m, S=np.broadcast_to(np.eye(dim), Sigma.shape))
    controls.add(Sigma, [start], np.zeros((1, 1)))
    for t in range(2, max(at) + 1):
        foretold = foreseen(mu, Sigma, loop)
        mu, Sigma = next_model(rng, mu, Sigma, loop)
        controls.add(Sigma, *foretold)
        if t in at:
            for name in PROFILES[: 1 if dim == 1 else 2]:
                found = fidelity(Sigma, profile(name, dim))
                yield t, name, *estimate(found, controls.columns(Sigma))


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


if __name__ == "__main__":
    write(TABLE, int(sys.argv[1]), COLUMNS, list(rows(int(sys.argv[1]))))
