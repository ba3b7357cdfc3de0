"""Simulated W2 fidelity of general loops: the ground of distance.mixed's rel_error.

Run ``python tests/golden/theory/distance/mixed.py PART`` for PART = 0..7 (a minute each on one
core); each rewrites its share of mixed.json. The sampler draws every sample and
shares no code with the package. tr Sigma, whose mean is exact for every loop, and, where they are
exact and the spread is moderate, (tr Sigma)^2 and tr Sigma^2 serve as control variates.
"""

import json
import sys
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from madtheory.results import SecondMoments
from madtheory.theory.moments import generation
from madtheory.theory.moments.second import invariant_path

TABLE = Path(__file__).with_suffix(".json")
PARTS = 8
CASES = 240
COLUMNS = ["dim", "loop", "t", "profile", "fidelity", "se"]
GRID = {
    "n_fixed": (0, 5, 20, 100),
    "n_fresh": (0, 0, 5, 20, 100),
    "n_synth": (5, 20, 100, 300),
    "bias": (0.0, 0.5, 0.9, 1.0),
    "memory": (1, 1, 1, 3, None),
    "pool": ("replace", "replace", "accumulate"),
    "weight": (None, None, 0.2, 0.6),
    "ddof": (1, 1, 0),
    "shrinkage": (0.0, 0.0, 0.0, 0.3),
    "floor": (0.0, 0.0, 0.0, 0.1),
}
DIMS = (1, 2, 3, 10, 30, 100)


def profile(name, dim):
    return np.ones(dim) if name == "flat" else 1 / np.arange(1.0, dim + 1)


def cases():
    """(seed, dim, fields of a loop) of every case."""
    rng = np.random.default_rng(11)
    for seed in range(CASES):
        fields = {k: v[rng.integers(len(v))] for k, v in GRID.items()}
        dim, start = DIMS[rng.integers(len(DIMS))], (None, 5, 50)[rng.integers(3)]
        cap = (None, 4)[rng.integers(2)]
        real = fields["n_fixed"] + fields["n_fresh"]
        fields["n_initial"] = start or max(real, 5)
        if fields["pool"] == "accumulate":
            fields["pool_cap"] = cap
        if not real:
            fields["weight"] = None
        yield seed, dim, {k: v for k, v in fields.items() if v is not None or k == "memory"}


def root(Sigma):
    w, V = np.linalg.eigh(Sigma)
    return V * np.sqrt(np.maximum(w, 0))[:, None, :]


def stats(Y):
    mean = Y.mean(axis=1)
    Z = Y - mean[:, None]
    return Y.shape[1], mean, Z.transpose(0, 2, 1) @ Z


def union(parts):
    n = sum(k for k, _, _ in parts)
    mean = sum(k * m for k, m, _ in parts) / n
    between = sum(k * (m - mean)[:, :, None] * (m - mean)[:, None, :] for k, m, _ in parts)
    return n, mean, between + sum(S for _, _, S in parts)


def fit(loop, real, synth):
    if loop.weight is None or not synth:
        n, mean, S = union(real + synth)
        S = S / (n - loop.ddof)
    else:
        w, (n, m, A), (k, p, B) = loop.weight, union(real), union(synth)
        delta, mean = m - p, w * m + (1 - w) * p
        S = w * A / (n - loop.ddof) + (1 - w) * B / (k - loop.ddof)
        S += w * (1 - w) * delta[:, :, None] * delta[:, None, :]
    eye = np.eye(mean.shape[1])
    trace = np.trace(S, axis1=1, axis2=2)[:, None, None] / len(eye)
    return mean, (1 - loop.shrinkage) * S + (loop.shrinkage * trace + loop.floor) * eye


def sample(rng, loop, models):
    """Synthetic samples, each from a uniformly drawn one of the models."""
    size, dim = models[0][0].shape
    which = rng.integers(len(models), size=(size, loop.n_synth, 1))
    Z = np.sqrt(loop.bias) * rng.standard_normal((size, loop.n_synth, dim))
    Y = np.zeros_like(Z)
    for k, (mean, F) in enumerate(models):
        drawn = mean[:, None] + Z @ F.transpose(0, 2, 1)
        Y = drawn if len(models) == 1 else np.where(which == k, drawn, Y)
    return Y


def run(loop, dim, size, generations, rng):
    """Yield (t, mean, covariance) of `size` replicates."""

    def real(n):
        return rng.standard_normal((size, n, dim))

    shared = real(loop.n_shared)
    rest = np.sqrt(loop.first_bias) * real(loop.n_initial - loop.n_shared)
    first = stats(np.concatenate([shared, rest], axis=1))
    other = real(loop.n_fixed - loop.n_shared)
    fixed = [stats(np.concatenate([shared, other], axis=1))] if loop.n_fixed else []
    mean, Sigma = fit(loop, [first], [])
    models, batches = [(mean, root(Sigma))], []
    yield 1, mean, Sigma
    for t in range(2, generations + 1):
        batches.append(stats(sample(rng, loop, models)))
        kept = 1 if loop.pool == "replace" else loop.pool_cap
        batches = batches[-kept:] if kept else [union(batches)]
        fresh = [stats(real(loop.n_fresh))] if loop.n_fresh else []
        mean, Sigma = fit(loop, fixed + fresh, batches)
        models = [*models, (mean, root(Sigma))][-(loop.memory or t) :]
        yield t, mean, Sigma


def estimate(y, controls):
    """Mean and its error, with centred controls."""
    X = np.column_stack([np.ones(len(y)), *controls])
    scale = np.abs(X).max(axis=0)
    X = X[:, scale > 1e-9] / scale[scale > 1e-9]
    beta, *_ = np.linalg.lstsq(X, y, rcond=None)
    spread = (y - X @ beta).std(ddof=X.shape[1])
    return float(beta[0]), float(spread * np.sqrt(np.linalg.pinv(X.T @ X)[0, 0]))


def observe(Sigma, exact, of_square, name):
    """E tr(Sigma_0^{1/2} Sigma Sigma_0^{1/2})^{1/2}/tr Sigma_0, whitened Sigma."""
    s = profile(name, Sigma.shape[1])
    values = np.linalg.eigvalsh(Sigma * s[:, None] * s[None, :])
    fidelity = np.sqrt(np.maximum(values, 0)).sum(axis=1) / s.sum()
    trace = np.trace(Sigma, axis1=1, axis2=2)
    controls = [trace - exact.trace]
    if of_square and exact.squared_trace < 3 * exact.trace**2:
        controls += [
            trace**2 - exact.squared_trace,
            (Sigma**2).sum(axis=(1, 2)) - exact.trace_squared,
        ]
    return estimate(fidelity, controls)


def simulate(loop, dim, at, size, seed):
    rng = np.random.default_rng(seed)
    exact = invariant_path(loop, dim, generations=max(at))
    names = ["flat", "harmonic"][: 1 if dim == 1 or loop.shrinkage or loop.floor else 2]
    for t, _, Sigma in run(loop, dim, size, max(at), rng):
        if t in at:
            row = SecondMoments(*(x[t - 1] for x in exact))
            for name in names:
                yield t, name, *observe(Sigma, row, generation.is_exact(loop), name)


def rows(part):
    for seed, dim, fields in list(cases())[part::PARTS]:
        loop = Loop(**fields)
        models = loop.memory or 20
        work = dim * (loop.n_synth * models + loop.n_fixed + loop.n_fresh) + dim**2.5
        size = int(np.clip(1.2e6 / work, 40, 4_000))
        for t, name, mean, se in simulate(loop, dim, (2, 6, 20), size, seed):
            yield [dim, fields, t, name, round(mean, 8), round(se, 8)]


def main(part):
    found = list(rows(part))
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    table["columns"] = COLUMNS
    table[f"part {part}"] = found
    text = json.dumps(table, sort_keys=True).replace("], [", "],\n[")
    TABLE.write_text(text + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
