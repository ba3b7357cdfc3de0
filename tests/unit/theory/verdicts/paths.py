"""An independent simulator: n x d data, nothing from the package."""

import math

import numpy as np
from numpy.typing import NDArray

from madtheory.loop import Loop

Array = NDArray[np.float64]


def root(S: Array) -> Array:
    """Symmetric square root; singular covariances are normal here."""
    w, V = np.linalg.eigh(S)
    return np.asarray((V * np.sqrt(np.maximum(w, 0))) @ V.T)


def brute(loop: Loop, dim: int, generations: int, rng: np.random.Generator) -> list[Array]:
    """Covariances of generations 1..T of one path, Sigma_0 = I, from the samples themselves."""

    def fit(x: Array) -> tuple[Array, Array]:
        return x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False, ddof=loop.ddof))

    fixed = rng.standard_normal((max(loop.n_fixed, loop.n_initial), dim))
    models, batches = [fit(fixed[: loop.n_initial])], []
    fixed = fixed[: loop.n_fixed]
    for _ in range(generations - 1):
        kept = models[-(loop.memory or len(models)) :]
        which = rng.integers(len(kept), size=loop.n_synth)
        roots = [root(S) for _, S in kept]
        noise = rng.standard_normal((loop.n_synth, dim)) * math.sqrt(loop.bias)
        batch = np.array([kept[k][0] + roots[k] @ z for k, z in zip(which, noise, strict=True)])
        batches = [*batches, batch] if loop.pool == "accumulate" else [batch]
        pool = np.concatenate([fixed, *batches])
        if loop.budget is not None and len(pool) > loop.budget:
            pool = rng.permutation(pool)[: loop.budget]
        fresh = rng.standard_normal((loop.n_fresh, dim))
        mean, S = fit(np.concatenate([pool, fresh]))
        models.append((mean, S + loop.floor * np.eye(dim)))
    return [S for _, S in models]
