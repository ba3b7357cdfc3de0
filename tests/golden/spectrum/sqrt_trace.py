"""Simulated E tr(Sigma_0 W_t Sigma_0)^{1/2}: the table that spectrum.mean_sqrt_trace is held to.

    python tests/golden/spectrum/sqrt_trace.py     # writes its .json, 2 minutes

W_t = X_1 ... X_t X_t' ... X_1' / (k_1 ... k_t). A plain average of tr(.)^{1/2} is useless at large
t: rare paths carry the mean. Instead, with phi(M) = E (z'Mz)^{1/2} over z ~ N(0, I),

    E tr M^{1/2} = E[phi(M) r(M)],   r = tr M^{1/2} / phi(M) in [sqrt(pi/2), sqrt(pi/2) / C],

and E[(z'Mz)^{1/2} r] for fixed z is a mean under a tilted law: in the direction Sigma_0 z, every
factor's first chi-square gets one degree of freedom more, nothing else changes. r is bounded and
settles as t grows, so the error stays small at every t. The factors are drawn as Bartlett
triangles; nothing here uses madtheory.
"""

import datetime
import json
import math
import pathlib
import platform

import numpy as np
import scipy
from scipy.special import gammaln
from sklearn.datasets import load_digits

GENERATIONS = [1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 130, 200, 320, 500]
NODES = np.arange(-70.0, 70.0)  # of the trapezoid rule for E sqrt(Q), y = log r


def root_mean(squares):
    """E (sum_i squares_i z_i^2)^{1/2}, rows of `squares` (N, d)."""
    total = squares.sum(axis=1, keepdims=True)
    share = squares / total
    out = np.zeros(len(share))
    for y in NODES:
        out -= np.expm1(-0.5 * np.log1p(2 * math.exp(y) * share).sum(axis=1)) * math.exp(-y / 2)
    return np.sqrt(total[:, 0]) * out / (2 * math.sqrt(math.pi))


def tilted_triangle(rng, replicates, rows, dof):
    """Bartlett factors (N, rows, min(rows, dof)) over sqrt(dof), the first chi-square tilted."""
    columns = min(rows, dof)
    factor = np.zeros((replicates, rows, columns))
    below = np.tril_indices(rows, -1, columns)
    factor[:, below[0], below[1]] = rng.standard_normal((replicates, below[0].size))
    for i in range(columns):
        factor[:, i, i] = np.sqrt(rng.chisquare(dof - i + (i == 0), replicates))
    return factor / math.sqrt(dof)


def start(rng, s, replicates):
    """Sigma_0 times the reflection taking e_1 to the direction of Sigma_0 z; its weights."""
    if np.ptp(s) == 0:
        return np.broadcast_to(np.diag(s), (replicates, s.size, s.size)), np.ones(replicates)
    u = s * rng.standard_normal((replicates, s.size))
    norm = np.linalg.norm(u, axis=1)
    v = u / norm[:, None]
    v[:, 0] -= 1
    mirror = np.eye(s.size) - 2 * v[:, :, None] * v[:, None, :] / (v**2).sum(1)[:, None, None]
    return s[None, :, None] * mirror, norm / root_mean(s[None, :] ** 2)[0]


def simulate(s, first, later, generations, replicates, seed):
    """Mean and standard error of tr(Sigma_0 W_t Sigma_0)^{1/2} at `generations`."""
    rng = np.random.default_rng(seed)
    factor, weight = start(rng, s, replicates)
    log_scale, means, errors = math.log(root_mean(s[None, :] ** 2)[0]), [], []
    for t in range(1, max(generations) + 1):
        dof = first if t == 1 else later
        log_scale += gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * math.log(dof / 2)
        factor = factor @ tilted_triangle(rng, replicates, factor.shape[2], dof)
        factor = factor / np.linalg.norm(factor, axis=(1, 2))[:, None, None]  # r is scale free
        if t in generations:
            singular = np.linalg.svd(factor, compute_uv=False)
            r = weight * singular.sum(axis=1) / root_mean(singular**2)
            if np.ptp(s) > 0:  # the weight has mean 1: a control variate
                r = r - np.cov(r, weight)[0, 1] / weight.var() * (weight - 1)
            means.append(math.exp(log_scale) * float(r.mean()))
            errors.append(math.exp(log_scale) * float(r.std(ddof=1)) / math.sqrt(replicates))
    return means, errors


def spectra():
    """Name, eigenvalues, replicates."""
    digits = np.linalg.eigvalsh(np.cov(load_digits().data.T))[::-1]
    return [
        ("1/i, d = 5", 1 / np.arange(1, 6), 8000),
        ("1/i, d = 20", 1 / np.arange(1, 21), 2500),
        ("1/sqrt(i), d = 10", np.arange(1, 11) ** -0.5, 4000),
        ("2^-i, d = 10", 2.0 ** -np.arange(10), 4000),
        ("one of 1, nine of .01", np.array([1.0] + [0.01] * 9), 4000),
        ("five of 1, five of .1", np.array([1.0] * 5 + [0.1] * 5), 4000),
        ("digits, rank 61", digits[digits > 1e-9 * digits[0]] / digits.sum(), 150),
    ]


def plan():
    """(name, eigenvalues, first, later, replicates, last generation)."""
    for d, n, last in ((2, 8000, 500), (3, 8000, 500), (5, 6000, 500), (10, 3000, 320)):
        for q in (1, 1.5, 3, 10, 40):
            yield "I", np.ones(d), round(q * d), round(q * d), n, last
        for first, later in ((2 * d, d), (5 * d, d), (2 * d, 5 * d)):
            yield "I", np.ones(d), first, later, n, 130
    for d, n, last in ((30, 400, 200), (100, 60, 130)):
        for q in (1, 1.5, 3, 10, 40):
            yield "I", np.ones(d), round(q * d), round(q * d), n, last
        yield "I", np.ones(d), 2 * d, d, n, 50
    for d, first, later in ((10, 4, 4), (10, 20, 4), (10, 3, 7)):  # singular
        yield "I", np.ones(d), first, later, 5000, 130
    for name, s, n in spectra():
        d, last = s.size, 130 if s.size < 50 else 50
        low = max(2, round(0.45 * d))
        for first, later in ((d, d), (3 * d, 3 * d), (16 * d, 16 * d), (low, low), (2 * d, low)):
            yield name, s, first, later, n, last
        yield name, s, low, 2 * d, n, last


def table():
    rows = []
    for seed, (name, s, first, later, replicates, last) in enumerate(plan()):
        # Past 12 times the smallest factor everything has settled.
        stop = min(last, 12 * max(later, 4))
        generations = [t for t in GENERATIONS if t <= stop]
        mean, error = simulate(s, first, later, generations, replicates, seed)
        rows.append(
            {
                "name": name,
                "eigenvalues": [float(x) for x in s],
                "first": first,
                "later": later,
                "generations": generations,
                "mean": mean,
                "se": error,
                "replicates": replicates,
                "seed": seed,
            }
        )
    return rows


if __name__ == "__main__":
    made = {
        "date": datetime.date.today().isoformat(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "scipy": scipy.__version__,
        "script": "tests/golden/spectrum/sqrt_trace.py",
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"made": made, "rows": table()}, sort_keys=True) + "\n")
