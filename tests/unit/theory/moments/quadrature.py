"""Gauss-Hermite nodes, and the fit of a loop's model to samples at the nodes."""

from itertools import product

import numpy as np

# Every invariant has degree 4 in the data, once the noise of a generation is averaged out: three
# nodes a coordinate integrate them without error.
NODES, WEIGHTS = np.array([-np.sqrt(3), 0, np.sqrt(3)]), np.array([1, 4, 1]) / 6


def grid(size):
    """All (3^size, size) nodes and their weights."""
    index = np.indices((3,) * size).reshape(size, -1).T
    return NODES[index], WEIGHTS[index].prod(axis=1)


def factor(Sigma):
    """Cholesky factors of 1 x 1 or 2 x 2 matrices, singular ones included."""
    L = np.zeros_like(Sigma)
    L[:, 0, 0] = np.sqrt(Sigma[:, 0, 0])
    if Sigma.shape[1] == 2:
        safe = np.where(L[:, 0, 0] > 0, L[:, 0, 0], 1)
        L[:, 1, 0] = Sigma[:, 1, 0] / safe
        L[:, 1, 1] = np.sqrt(np.maximum(Sigma[:, 1, 1] - L[:, 1, 0] ** 2, 0))
    return L


def centred(X):
    mean = X.mean(axis=1)
    Z = X - mean[:, None]
    return mean, Z.transpose(0, 2, 1) @ Z


def fit(loop, real, synth):
    """The model from (replicate, sample, coordinate) arrays."""
    X = np.concatenate([real, synth], axis=1)
    mean, S = centred(X)
    S = S / (X.shape[1] - loop.ddof)
    if loop.weight is not None and synth.shape[1]:
        w, (a, A), (b, B) = loop.weight, centred(real), centred(synth)
        A, B = A / (real.shape[1] - loop.ddof), B / (synth.shape[1] - loop.ddof)
        delta = a - b
        mean = w * a + (1 - w) * b
        S = w * A + (1 - w) * B + w * (1 - w) * delta[:, :, None] * delta[:, None, :]
    d, s = S.shape[1], loop.shrinkage
    trace = np.trace(S, axis1=1, axis2=2)[:, None, None] / d
    return mean, (1 - s) * S + (s * trace + loop.floor) * np.eye(d)


def invariants(mean, Sigma, weight):
    """Expectations of the seven invariants."""
    M, C = (mean**2).sum(axis=1), np.trace(Sigma, axis1=1, axis2=2)
    sandwich = np.einsum("ri,rij,rj->r", mean, Sigma, mean)
    return np.array([M, C, M**2, M * C, sandwich, C**2, (Sigma**2).sum(axis=(1, 2))]) @ weight


def by_quadrature(loop, dim, generations):
    """The seven invariants at generation T: every sample is a coordinate to integrate over.

    And every choice of the models that a generation's samples come from is a case.
    """
    n_first, n_fixed, shared = loop.n_initial, loop.n_fixed, loop.n_shared
    real = n_first + n_fixed - shared
    later = loop.n_fresh + loop.n_synth
    Z, weight = grid((real + (generations - 1) * later) * dim)
    Z = Z.reshape(len(Z), -1, dim)
    bias = np.sqrt(loop.first_bias)
    first = np.concatenate([Z[:, :shared], bias * Z[:, shared:n_first]], axis=1)
    fixed = np.concatenate([Z[:, :shared], Z[:, n_first:real]], axis=1)

    def after(models, pool):
        """Average over what follows."""
        if len(models) == generations:
            return invariants(*models[-1], weight)
        at = real + (len(models) - 1) * later
        fresh, noise = np.split(Z[:, at : at + later], [loop.n_fresh], axis=1)
        seen = models if loop.memory is None else models[-loop.memory :]
        cases = list(product(seen, repeat=loop.n_synth))
        return sum(one(models, pool, fresh, noise, case) for case in cases) / len(cases)

    def one(models, pool, fresh, noise, case):
        """The same, the models of the samples given."""
        samples = [
            mean + np.sqrt(loop.bias) * np.einsum("rij,rj->ri", factor(Sigma), noise[:, i])
            for i, (mean, Sigma) in enumerate(case)
        ]
        pool = [*pool, np.stack(samples, axis=1)]
        pool = pool if loop.pooled is None else pool[-loop.pooled :]
        real_samples = np.concatenate([fixed, fresh], axis=1)
        return after([*models, fit(loop, real_samples, np.concatenate(pool, axis=1))], pool)

    return after([fit(loop, first, Z[:, :0])], [])
