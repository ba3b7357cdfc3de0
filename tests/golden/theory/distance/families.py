"""Precise simulations of loops whose fits share data: do the equivalent's small errors cover them?

Run ``python -m tests.golden.theory.distance.families SET PART`` for SET = set, held, last, drawn
and PART = 0..7 (some ten seconds each on one core); each rewrites its share of families_SET.json.
The constants of the declared error were set on the first three (of the third parts 0 to 3). The
last (parts 0, 2 and 3) holds other loops; coverage.json set the term of crowded mixtures. Loops
with a fixed set, fixed and fresh data, memory, pools and weights, with standard errors of some
.05 % of E W2^2: synthetic samples are drawn by Bartlett factors, and the controls are tr Sigma, its
square and tr Sigma^2 less their exact means (theory.md 3, tested to 1e-9 elsewhere), with
coefficients from the same sample: where rare paths make them (n_synth = 2) that can be off by 2 %.
"""

import sys
from pathlib import Path

import numpy as np

from madtheory.loop import Loop
from madtheory.theory.moments import second_moments
from tests.golden.theory.distance.controls import estimate, fidelity, observed, profile, write
from tests.golden.theory.distance.fresh import bartlett, square
from tests.golden.theory.distance.mixed import run, synthetic

PARTS, CASES = 8, 96
SEEDS = {"set": 41, "held": 43, "last": 47, "drawn": 53}
COLUMNS = ["dim", "loop", "t", "profile", "fidelity", "se"]
KINDS = ("fixed", "both", "memory", "all", "growing", "capped")


def table(name):
    """The file of a set."""
    return Path(__file__).with_name(f"families_{name}.json")


def count(rng, dim, low, high):
    """An integer between multiples of dim, uniform in its logarithm."""
    return int(dim * np.exp(rng.uniform(np.log(low), np.log(high)))) + 2


def fields_of(rng, kind, dim):
    """Fields of a random loop of one kind."""
    real = count(rng, dim, 0.3, 8)
    fields = {"n_synth": count(rng, dim, 0.3, 8), "ddof": int(rng.integers(4) > 0)}
    fields["bias"] = 1.0 if rng.random() < 0.4 else round(rng.uniform(0.2, 1.0), 2)
    share = {"fixed": 1.0, "both": rng.uniform(0.2, 0.8)}.get(kind, float(rng.integers(2)))
    fields["n_fixed"] = int(share * real)
    fields["n_fresh"] = real - fields["n_fixed"]
    if kind == "memory":
        fields["memory"] = (2, 3, 5)[rng.integers(3)]
    if kind == "all":
        fields["memory"] = None
    if kind in ("growing", "capped"):
        fields["pool"] = "accumulate"
    if kind == "capped":
        fields["pool_cap"] = (2, 4)[rng.integers(2)]
        fields["memory"] = (1, 1, 2)[rng.integers(3)]
    if rng.random() < 0.2:
        fields["weight"] = round(rng.uniform(0.1, 0.9), 2)
    fields["n_initial"] = real if rng.random() < 0.6 else count(rng, dim, 0.5, 4)
    return fields


def cases(name):
    """(seed, dim, fields, profiles) of every case."""
    rng = np.random.default_rng(SEEDS[name])
    for seed in range(CASES):
        dim = int(np.exp(rng.uniform(np.log(2), np.log(41))))
        fields = fields_of(rng, KINDS[seed % len(KINDS)], dim)
        yield seed, dim, fields, ("flat", ("harmonic", "10", "300")[rng.integers(3)])


def quick(rng, loop, models):
    """Statistics of a generation's synthetic samples, of one model by Bartlett factors."""
    if len(models) > 1:
        return synthetic(rng, loop, models)
    (mean, F), n = models[0], loop.n_synth
    F = np.sqrt(loop.bias) * F
    noise = (F @ rng.standard_normal((*mean.shape, 1)))[..., 0]
    return n, mean + noise / np.sqrt(n), square(F @ bartlett(rng, *mean.shape, n - 1))


def centred(Sigma, s, exact):
    """tr Sigma, its square, tr Sigma^2, sum s_i Sigma_ii and its square, less their means."""
    d, (C, square_of, of_square) = len(s), exact
    b = (d * of_square - square_of) / (d * (d - 1) * (d + 2))
    a = (square_of - 2 * b * d) / d**2  # E S_ij S_kl = a d_ij d_kl + b (d_ik d_jl + d_il d_jk)
    own = np.einsum("sii,i->s", Sigma, s)
    means = [C, square_of, of_square, C / d * s.sum(), a * s.sum() ** 2 + 2 * b * (s * s).sum()]
    columns = np.stack([*observed(Sigma), own, own**2]) - np.array(means)[:, None]
    return columns[: 3 if (s == s[0]).all() else 5]


def estimates(path, loop, dim, at, names):
    """(t, profile, fidelity, se) of those generations of a path of (t, ..., Sigma)."""
    exact = second_moments(loop, dim, generations=max(at))[:, [1, 5, 6]]
    for t, *_, Sigma in path:
        if t in at:
            for name in names:
                s = profile(name, dim)
                yield t, name, *estimate(fidelity(Sigma, s), centred(Sigma, s, exact[t - 1]))


def simulate(loop, dim, at, size, seed, names):
    path = run(loop, dim, size, max(at), np.random.default_rng(seed), draw=quick)
    return estimates(path, loop, dim, at, names)


def rows(name, part):
    for seed, dim, fields, names in list(cases(name))[part::PARTS]:
        loop = Loop(**fields)
        models = loop.memory or 8
        work = 40 * dim**2 + dim**3 + (dim * loop.n_synth * models if models > 1 else 0)
        size = int(np.clip(3e7 / work, 500, 20_000))
        for t, kind, mean, se in simulate(loop, dim, (3, 8), size, [SEEDS[name], seed], names):
            yield [dim, fields, t, kind, round(mean, 9), round(se, 9)]


if __name__ == "__main__":
    chosen, share = sys.argv[1], int(sys.argv[2])
    write(table(chosen), share, COLUMNS, list(rows(chosen, share)))
