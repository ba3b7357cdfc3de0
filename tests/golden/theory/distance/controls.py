"""Control variates of a simulated loop from its own one-step means: no moment of the package.

Given the generations so far, a fit is C = fixed part + sum_p a_p W_p + quadratic form of the means,
with independent W_p ~ Wishart(S_p, k_p - 1) and means N(m_p, S_p / k_p) of the new parts. The means
of tr C, (tr C)^2 and tr C^2 are then elementary, and the observed ones less these are martingale
differences: their sums over the generations, with any weights, have mean zero.
"""

import json
import platform
from typing import NamedTuple

import numpy as np
import scipy


class Part(NamedTuple):
    """Samples in a fit: number, their law's mean, share of their scatter, covariance of one.

    `scatter` is known for samples drawn before; new ones have a covariance instead.
    """

    k: float
    mean: np.ndarray  # (size, d)
    a: float
    scatter: np.ndarray | None = None  # (size, d, d)
    S: np.ndarray | None = None  # (size, d, d)


def tr(*matrices):
    """Trace of a product of one or two matrices, one a replicate."""
    if len(matrices) == 1:
        return np.trace(matrices[0], axis1=-2, axis2=-1)
    return np.einsum("...ij,...ji->...", *matrices)


def expected(parts, G):
    """E tr C, E (tr C)^2 and E tr C^2, C = sum a scatter + sum_pq G_pq m_p m_q^T."""
    means = np.stack([p.mean for p in parts], axis=1)  # (size, parts, d)
    pulls = np.einsum("pq,sqd->spd", G, means)
    B = np.einsum("spd,spe->sde", pulls, means)
    var_trace, spread = np.zeros((2, len(B)))
    new = [(i, p) for i, p in enumerate(parts) if p.S is not None]
    for p in parts:
        if p.S is None:
            B = B + p.a * p.scatter
    for i, p in new:
        dof, T, v = p.k - 1, p.S / p.k, pulls[:, i]
        B = B + p.a * dof * p.S + G[i, i] * T
        of_S, vTv = tr(p.S, p.S), np.einsum("sd,sde,se->s", v, T, v)
        var_trace += 2 * p.a**2 * dof * of_S + 2 * G[i, i] ** 2 * tr(T, T) + 4 * vTv
        spread += p.a**2 * dof * (of_S + tr(p.S) ** 2)
        spread += G[i, i] ** 2 * (tr(T, T) + tr(T) ** 2) + 2 * vTv + 2 * (v * v).sum(-1) * tr(T)
    for n, (i, p) in enumerate(new):
        for j, q in new[:n]:
            T, U = p.S / p.k, q.S / q.k
            var_trace += 4 * G[i, j] ** 2 * tr(T, U)
            spread += 2 * G[i, j] ** 2 * (tr(T, U) + tr(T) * tr(U))
    return np.stack([tr(B), tr(B) ** 2 + var_trace, tr(B, B) + spread])


def union(k):
    """The quadratic form of the means that is the scatter between parts of k samples."""
    return np.diag(k) - np.outer(k, k) / sum(k)


def observed(C):
    """tr C, (tr C)^2 and tr C^2."""
    return np.stack([tr(C), tr(C) ** 2, tr(C, C)])


def corner(x):
    """The first entry of a covariance, if there is one."""
    return None if x is None else x[:, :1, :1]


class Controls:
    """Sums of martingale differences: fading like the loop's memory, the last ones, and for good.

    Of the whole covariance and of its first entry, which decides where one direction dominates.
    """

    def __init__(self, fading, orders=3):
        self.weights = np.array([fading, 0.0, 1.0])[:, None] ** np.array([1, 2, 2, 1, 2])
        self.kept = [0, 3] if orders == 1 else [0, 3, 1, 2, 4]
        self.sums = np.zeros(1)

    def add(self, C, parts, G):
        """One generation: its fits, and what they were expected to be."""
        first = [Part(p.k, p.mean[:, :1], p.a, corner(p.scatter), corner(p.S)) for p in parts]
        whole, own = observed(C) - expected(parts, G), observed(corner(C)) - expected(first, G)
        self.sums = self.weights[..., None] * self.sums + np.concatenate([whole, own[:2]])

    def columns(self, C):
        """Those of first order, and of second where a few rare paths do not make the moments."""
        moderate = tr(C, C).mean() * C.shape[1] < 3 * tr(C).mean() ** 2
        kept = self.kept if moderate else [0, 3]
        return list(self.sums[:, kept].reshape(-1, len(C)))


def estimate(y, controls):
    """Mean and its error, with controls of mean zero; a tenth as many as replicates at most."""
    X = np.column_stack([np.ones(len(y)), *controls])[:, : max(2, len(y) // 10)]
    scale = np.abs(X).max(axis=0)
    X = X[:, scale > 1e-12] / scale[scale > 1e-12]
    beta, *_ = np.linalg.lstsq(X, y, rcond=None)
    spread = (y - X @ beta).std(ddof=X.shape[1])
    return float(beta[0]), float(spread * np.sqrt(np.linalg.pinv(X.T @ X)[0, 0]))


def fidelity(Sigma, s):
    """tr(Sigma_0^{1/2} Sigma Sigma_0^{1/2})^{1/2}/tr Sigma_0 of whitened Sigma."""
    values = np.linalg.eigvalsh(Sigma * s[:, None] * s[None, :])
    return np.sqrt(np.maximum(values, 0)).sum(axis=1) / s.sum()


def profile(name, dim):
    """Eigenvalues of Sigma_0."""
    if name == "flat":
        return np.ones(dim)
    if name == "harmonic":
        return 1 / np.arange(1.0, dim + 1)
    return np.r_[float(name), np.ones(dim - 1)]  # one direction that dominates


def by_loop(table):
    """(dim, loop, spectrum) and the simulated (t, fidelity, error) of each, of a whole table."""
    found = {}
    for part in (key for key in table if key.startswith("part")):
        for dim, fields, t, name, fidelity, se in table[part]:
            key = dim, json.dumps(fields, sort_keys=True), name
            found.setdefault(key, []).append((t, fidelity, se))
    return found


def write(path, part, columns, rows):
    """Rewrite one part of a table, and say what made it."""
    table = json.loads(path.read_text()) if path.exists() else {}
    name = f"part {part}"
    made = {
        "numpy": np.__version__,
        "python": platform.python_version(),
        "scipy": scipy.__version__,
        "script": f"tests/golden/theory/distance/{path.stem}.py",
    }
    table |= {"columns": columns, name: rows, "made": table.get("made", {}) | {name: made}}
    path.write_text(json.dumps(table, sort_keys=True).replace("], [", "],\n[") + "\n")


def halved(y, control):
    """Mean of y and its standard error, less a control with the coefficient of the other half."""
    halves = np.split(np.stack([y, control]), 2, axis=1)
    shares = [np.cov(half)[0, 1] / max(half[1].var(), 1e-300) for half in halves]
    y = np.concatenate([h[0] - c * h[1] for h, c in zip(halves, shares[::-1], strict=True)])
    return float(y.mean()), float(y.std() / np.sqrt(len(y)))
