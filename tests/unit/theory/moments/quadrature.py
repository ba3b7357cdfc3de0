"""Gauss-Hermite nodes, and the fit of a loop's model to samples at the nodes."""

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
