"""Simulated W2 fidelity of general loops: the ground of distance.mixed's rel_error.

Run ``python -m tests.golden.theory.distance.mixed PART`` for PART = 0..7 (a minute each on one
core); each rewrites its share of mixed.json. The sampler draws every sample, and the means of its
control variates are its own (controls.py): of the package it takes nothing but a loop's numbers.
"""

import sys
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from tests.golden.theory.distance.controls import (
    Controls,
    Part,
    estimate,
    fidelity,
    profile,
    write,
)
from tests.golden.theory.distance.controls import union as between

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
    """Mean and covariance before it is regularised."""
    if loop.weight is None or not synth:
        n, mean, S = union(real + synth)
        return mean, S / (n - loop.ddof)
    w, (n, m, A), (k, p, B) = loop.weight, union(real), union(synth)
    delta, mean = m - p, w * m + (1 - w) * p
    S = w * A / (n - loop.ddof) + (1 - w) * B / (k - loop.ddof)
    return mean, S + w * (1 - w) * delta[:, :, None] * delta[:, None, :]


def regularised(loop, S):
    eye = np.eye(S.shape[1])
    trace = np.trace(S, axis1=1, axis2=2)[:, None, None] / len(eye)
    return (1 - loop.shrinkage) * S + (loop.shrinkage * trace + loop.floor) * eye


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


def synthetic(rng, loop, models):
    """Statistics of a generation's synthetic samples."""
    return stats(sample(rng, loop, models))


def law(models, bias):
    """Mean and covariance of a sample of a uniformly drawn one of the models."""
    means = np.stack([mean for mean, _ in models])
    gaps = means - means.mean(axis=0)
    own = bias * np.mean([F @ F.transpose(0, 2, 1) for _, F in models], axis=0)
    return means.mean(axis=0), own + np.einsum("ksd,kse->sde", gaps, gaps) / len(models)


def foreseen(loop, fixed, batches, models):
    """Parts of the next fit, and the quadratic form of their means.

    With several models in memory the batch is no normal sample: moments of first order only.
    """
    mean, S = law(models, loop.bias)
    real = [(k, m, V, None) for k, m, V in fixed]
    if loop.n_fresh:
        eye = np.broadcast_to(np.eye(mean.shape[1]), S.shape)
        real.append((loop.n_fresh, np.zeros_like(mean), None, eye))
    synth = [*((k, m, V, None) for k, m, V in batches), (loop.n_synth, mean, None, S)]
    n_r, n_s = (np.array([k for k, *_ in group]) for group in (real, synth))
    k, split = np.concatenate([n_r, n_s]), len(real)
    if loop.weight is None:
        a = np.full(len(k), 1 / (k.sum() - loop.ddof))
        G = a[0] * between(k)
    else:
        w, apart = loop.weight, np.concatenate([n_r / n_r.sum(), -n_s / n_s.sum()])
        shares = w / (n_r.sum() - loop.ddof), (1 - w) / (n_s.sum() - loop.ddof)
        a = np.repeat(shares, [split, len(synth)])
        G = w * (1 - w) * np.outer(apart, apart)
        G[:split, :split] += shares[0] * between(n_r)
        G[split:, split:] += shares[1] * between(n_s)
    parts = [
        Part(n, m, share, V, S) for share, (n, m, V, S) in zip(a, [*real, *synth], strict=True)
    ]
    return parts, G


def run(loop, dim, size, generations, rng, controls=None, draw=synthetic):
    """Yield (t, mean, covariance) of `size` replicates."""

    def real(n):
        return rng.standard_normal((size, n, dim))

    def model(mean, S, foretold):
        if controls:
            controls.add(S, *foretold)
        return mean, regularised(loop, S)

    shared = real(loop.n_shared)
    rest = np.sqrt(loop.first_bias) * real(loop.n_initial - loop.n_shared)
    first = stats(np.concatenate([shared, rest], axis=1))
    other = real(loop.n_fixed - loop.n_shared)
    fixed = [stats(np.concatenate([shared, other], axis=1))] if loop.n_fixed else []
    unit, eye = 1 / (loop.n_initial - loop.ddof), np.broadcast_to(np.eye(dim), (size, dim, dim))
    # All first data are of one law, or the biased ones are all there are.
    start = Part(loop.n_initial, np.zeros((size, dim)), unit, S=loop.first_bias * eye)
    mean, Sigma = model(*fit(loop, [first], []), ([start], np.zeros((1, 1))))
    models, batches = [(mean, root(Sigma))], []
    yield 1, mean, Sigma
    for t in range(2, generations + 1):
        kept = 1 if loop.pool == "replace" else loop.pool_cap
        old = batches[-kept + 1 :] if kept and kept > 1 else batches if not kept else []
        foretold = foreseen(loop, fixed, old, models) if controls else None
        batches = [*old, draw(rng, loop, models)]
        batches = batches if kept else [union(batches)]
        fresh = [stats(real(loop.n_fresh))] if loop.n_fresh else []
        mean, Sigma = model(*fit(loop, fixed + fresh, batches), foretold)
        models = [*models, (mean, root(Sigma))][-(loop.memory or t) :]
        yield t, mean, Sigma


def fading(loop):
    """Share of a fluctuation of the covariance that the next fit passes on, roughly."""
    if loop.weight is not None:
        return (1 - loop.weight) * loop.bias
    return loop.bias * loop.n_synth / loop.n_train


def simulate(loop, dim, at, size, seed, names):
    rng = np.random.default_rng(seed)
    controls = Controls(fading(loop), 3 if loop.memory == 1 else 1)
    for t, _, Sigma in run(loop, dim, size, max(at), rng, controls):
        if t in at:
            columns = controls.columns(Sigma)
            for name in names:
                yield t, name, *estimate(fidelity(Sigma, profile(name, dim)), columns)


def profiles(loop, dim, *others):
    """Spectra of Sigma_0: the flat one alone where the loop adds multiples of I."""
    return ("flat", *others)[: 1 if dim == 1 or loop.shrinkage or loop.floor else None]


def rows(part):
    for seed, dim, fields in list(cases())[part::PARTS]:
        loop = Loop(**fields)
        models = loop.memory or 20
        work = dim * (loop.n_synth * models + loop.n_fixed + loop.n_fresh) + dim**2.5
        size = int(np.clip(1.2e6 / work, 40, 4_000))
        names = profiles(loop, dim, "harmonic")
        for t, name, mean, se in simulate(loop, dim, (2, 6, 20), size, seed, names):
            yield [dim, fields, t, name, round(mean, 8), round(se, 8)]


if __name__ == "__main__":
    write(TABLE, int(sys.argv[1]), COLUMNS, list(rows(int(sys.argv[1]))))
