"""Simulated W2 fidelity of loops with a budget: the ground of their declared error.

Run ``python -m tests.golden.theory.distance.subsampled SET PART`` for SET = set, held, drawn,
last and PART = 0..3 (a minute each on one core); each rewrites its share of subsampled_SET.json.
The constants were set on the first three, as the first two left the third covered to 97 % only; the
last was drawn after that, and tests them. Every sample is
drawn and chosen from; controls are tr Sigma, its square and tr Sigma^2 less their exact means,
which the unit tests hold against the definition.
"""

import sys
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from tests.golden.theory.distance.controls import write
from tests.golden.theory.distance.families import count, estimates

PARTS, CASES = 4, 48
SEEDS = {"set": 61, "held": 67, "drawn": 71, "last": 73}
COLUMNS = ["dim", "loop", "t", "profile", "fidelity", "se"]


def table(name):
    """The file of a set."""
    return Path(__file__).with_name(f"subsampled_{name}.json")


def fields_of(rng, dim):
    """Fields of a random loop whose budget binds."""
    real, fixed = count(rng, dim, 0.3, 6), float(rng.choice([1.0, 1.0, 0.5, 0.0]))
    fields = {"n_synth": count(rng, dim, 0.3, 6), "ddof": int(rng.integers(4) > 0)}
    fields["bias"] = 1.0 if rng.random() < 0.5 else round(rng.uniform(0.3, 1.0), 2)
    fields["n_fixed"] = int(fixed * real)
    fields["n_fresh"] = real - fields["n_fixed"]
    fields["memory"] = (1, 1, 2, None)[rng.integers(4)]
    fields["pool"], fields["pool_cap"] = "accumulate", (None, None, 2, 4)[rng.integers(4)]
    most = fields["n_fixed"] + 2 * fields["n_synth"]
    fields["budget"] = max(2, int(most * rng.uniform(0.2, 1.0)) - 1)
    fields["n_initial"] = max(real, 2)
    return fields


def cases(name):
    """(seed, dim, fields, profiles) of every case."""
    rng = np.random.default_rng(SEEDS[name])
    for seed in range(CASES):
        dim = int(np.exp(rng.uniform(np.log(2), np.log(21))))
        yield seed, dim, fields_of(rng, dim), ("flat", ("harmonic", "10", "300")[rng.integers(3)])


def fit(Y, ddof):
    """Mean, covariance and its root of samples (replicates, n, d)."""
    mean = Y.mean(axis=1)
    Z = Y - mean[:, None]
    Sigma = Z.transpose(0, 2, 1) @ Z / (Y.shape[1] - ddof)
    values, vectors = np.linalg.eigh(Sigma)
    return mean, Sigma, vectors * np.sqrt(np.maximum(values, 0))[:, None, :]


def batch(rng, loop, models):
    """Synthetic samples, each from a uniformly drawn one of the models."""
    size, dim = models[0][0].shape
    which = rng.integers(len(models), size=(size, loop.n_synth, 1))
    Z = np.sqrt(loop.bias) * rng.standard_normal((size, loop.n_synth, dim))
    Y = np.zeros_like(Z)
    for k, (mean, _, F) in enumerate(models):
        Y = np.where(which == k, mean[:, None] + Z @ F.transpose(0, 2, 1), Y)
    return Y


def run(loop, dim, size, generations, rng):
    """Yield (t, Sigma) of `size` replicates."""
    most = max(loop.n_initial, loop.n_fixed)
    real = rng.standard_normal((size, most, dim))
    fixed, batches, models = real[:, : loop.n_fixed], [], []
    data = real[:, : loop.n_initial]
    for t in range(1, generations + 1):
        models.append(fit(data, loop.ddof))
        yield t, models[-1][1]
        models = models[-loop.memory :] if loop.memory else models
        batches.append(batch(rng, loop, models))
        batches = batches[-loop.pool_cap :] if loop.pool_cap else batches
        data = np.concatenate([fixed, *batches], axis=1)
        if data.shape[1] > loop.budget:
            order = np.argpartition(rng.random(data.shape[:2]), loop.budget - 1, axis=1)
            data = np.take_along_axis(data, order[:, : loop.budget, None], axis=1)
        data = np.concatenate([data, rng.standard_normal((size, loop.n_fresh, dim))], axis=1)


def rows(name, part):
    for seed, dim, fields, names in list(cases(name))[part::PARTS]:
        loop = Loop(**fields)
        work = dim * (loop.n_fixed + loop.n_initial + 6 * loop.n_synth)
        size = int(np.clip(5e6 / work, 500, 8_000))
        path = run(loop, dim, size, 8, np.random.default_rng([SEEDS[name], seed]))
        for t, kind, mean, se in estimates(path, loop, dim, (3, 8), names):
            yield [dim, fields, t, kind, round(mean, 9), round(se, 9)]


if __name__ == "__main__":
    chosen, share = sys.argv[1], int(sys.argv[2])
    write(table(chosen), share, COLUMNS, list(rows(chosen, share)))
