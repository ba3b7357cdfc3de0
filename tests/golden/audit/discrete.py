"""What bands of the forecast cover of rows of several discrete columns, for docs/audit.md.

Run ``python -m tests.golden.audit.discrete``; it rewrites discrete.json (some minutes, one core).
Rows are several categorical variables (one-hot), attributes (0 or 1) or documents, of which the
roots of their counts of words are seen. A latent class ties columns together. Models are trees of
variables (Chow and Liu) or chains of words; they are sampled as they are or at a temperature below
1, that is their probabilities are raised to a power above 1. Half of the files are the training
sets; REAL is the first training set in half of the loops. They go on for HORIZON generations: a
loop counts at each of them. ``python -m tests.golden.audit.discrete setting`` prints the loops that
the width of the bands was set on, and writes nothing.
"""

import json
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

from madtheory._threads import one_thread
from madtheory.audit.known import NOTHING, Known
from tests.golden.audit.rare import HORIZON, covered, judged, record

TABLE = Path(__file__).with_suffix(".json")
LOOPS = 24
#: Seeds of the loops that the width was set on, and of those of the table.
SETTING, PRINTED = 21, 22
LAWS = ("categories", "attributes", "words")
#: Name: share of real rows (drawn anew), powers of the probabilities.
KINDS = {
    "no real data": ((0.0,), (1.0,)),
    "no real data, lower temperature": ((0.0,), (1.05, 1.1, 1.25)),
    "fresh data": ((0.1, 0.2, 0.4), (1.0,)),
    "fresh data, lower temperature": ((0.1, 0.2, 0.4), (1.05, 1.1, 1.25)),
    "independent models": ((1.0,), (1.0, 1.1)),
}
#: Words of a document, and added to each count of a pair of them.
LENGTH, SMOOTH = 25, 0.02


def picked(rng, p):
    """One index for each row of probabilities p (n, K)."""
    at = (rng.random((len(p), 1)) > np.cumsum(p, axis=1)).sum(axis=1)
    return np.minimum(at, p.shape[1] - 1)


def powered(p, power):
    """Probabilities (..., K) of counts or weights, raised to a power."""
    p = p**power
    return p / p.sum(axis=-1, keepdims=True)


def variables(rng, sizes):
    """Draws n rows of categorical variables that a latent class of three ties together."""
    weights = rng.dirichlet([4.0] * 3)
    tables = [rng.dirichlet([1.2] * k, 3) for k in sizes]

    def rows(n):
        latent = rng.choice(3, n, p=weights)
        return np.column_stack([picked(rng, t[latent]) for t in tables])

    return rows


def documents(rng, words):
    """Draws n documents of a chain of words, which a topic of two ties together."""
    usual = rng.dirichlet([0.5] * words)
    chains = 0.7 * rng.dirichlet([0.3] * words, (2, words)) + 0.3 * usual
    first = rng.uniform(0.5, 0.8)

    def rows(n):
        topic = (rng.random(n) > first).astype(int)
        out = [rng.choice(words, n, p=usual)]
        for _ in range(LENGTH - 1):
            out.append(picked(rng, chains[topic, out[-1]]))
        return np.column_stack(out)

    return rows


def pairs(x, y, K, L):
    """Counts (K, L) of pairs of values."""
    return np.bincount(x * L + y, minlength=K * L).reshape(K, L).astype(float)


def information(counts):
    """Mutual information of the two variables of a table."""
    p = counts / counts.sum()
    free = np.outer(p.sum(axis=1), p.sum(axis=0))
    return float((p * np.log(np.where(p > 0, p, 1) / np.where(p > 0, free, 1))).sum())


def tree(rng, x, n, sizes, power):
    """n samples of the tree of most information fit to x."""
    dim = len(sizes)
    counts = {
        (a, b): pairs(x[:, a], x[:, b], sizes[a], sizes[b])
        for a in range(dim)
        for b in range(dim)
        if a != b
    }
    told = {pair: information(c) for pair, c in counts.items()}
    out = np.empty((n, dim), dtype=int)
    p = powered(np.bincount(x[:, 0], minlength=sizes[0]).astype(float), power)
    out[:, 0], inside = rng.choice(sizes[0], n, p=p), [0]
    while len(inside) < dim:
        a, b = max(
            (pair for pair in told if pair[0] in inside and pair[1] not in inside), key=told.get
        )
        out[:, b] = picked(rng, powered(counts[a, b] + 1e-9, power)[out[:, a]])
        inside.append(b)
    return out


def chain(rng, x, n, words, power):
    """n samples of the chain of words fit to x."""
    counts = pairs(x[:, :-1].ravel(), x[:, 1:].ravel(), words, words) + SMOOTH
    out = [rng.choice(words, n, p=powered(np.bincount(x[:, 0], minlength=words) + SMOOTH, 1.0))]
    for _ in range(LENGTH - 1):
        out.append(picked(rng, powered(counts, power)[out[-1]]))
    return np.column_stack(out)


def one_hot(x, sizes):
    return np.hstack([np.eye(k)[x[:, j]] for j, k in enumerate(sizes)])


def roots_of_counts(x, words):
    return np.sqrt((x[:, :, None] == np.arange(words)).sum(axis=1))


def world(law, rng):
    """What draws real rows, what draws n rows of a model fit to x, and what is seen of rows."""
    if law == "words":
        words = int(rng.choice([8, 12, 20]))
        return (
            documents(rng, words),
            lambda x, n, power: chain(rng, x, n, words, power),
            lambda x: roots_of_counts(x, words),
        )
    if law == "attributes":
        sizes = [2] * int(rng.choice([8, 12, 20]))
    else:
        sizes = [int(k) for k in rng.integers(2, 6, int(rng.choice([4, 5, 6])))]
    see = (lambda x: one_hot(x, sizes)) if law == "categories" else (lambda x: x.astype(float))
    return variables(rng, sizes), lambda x, n, power: tree(rng, x, n, sizes, power), see


def judge(name, world, shares, powers, seed):
    """One loop of a world, nothing said and all; `name`: the loops that it should be taken for."""
    rng = np.random.default_rng(seed)
    real_rows, model, see = world(rng)
    n, T = int(rng.choice([200, 400, 800, 1500, 3000])), int(rng.choice([5, 7, 10, 14]))
    share, power = float(rng.choice(shares)), float(rng.choice(powers))
    own, first = rng.random(2) < 0.5
    training, mine, files = real_rows(n), round(share * n), []
    real = see(training if first else real_rows(n))
    for _ in range(T + HORIZON):
        synthetic = model(training, n, power)
        files.append(see(synthetic if own else model(training, n, power)))
        training = np.concatenate([real_rows(mine), synthetic[: n - mine]])
    everything = Known(1, mine / n, apart=not first)
    return [judged(name, real, files, known) for known in (NOTHING, everything)]


def told(name, rows, begin):
    """Of loops judged: what bands cover, by what was said, which is printed."""
    found = {}
    for said, each in zip(("", ", all known"), zip(*rows, strict=True), strict=True):
        found[name + said] = covered(next(iter(each[0])), each)
        seconds = time.perf_counter() - begin
        print(f"{name}{said}: {json.dumps(found[name + said])} {seconds:.0f} s", flush=True)
    return found


def main(arguments):
    seed, found, begin = SETTING if arguments else PRINTED, {}, time.perf_counter()
    with one_thread():
        for i, law in enumerate(LAWS):
            for j, (kind, drawn) in enumerate(KINDS.items()):
                seeds = ([seed, i, j, k] for k in range(LOOPS))
                rows = [judge("discrete", partial(world, law), *drawn, one) for one in seeds]
                found |= told(f"{law}, {kind}", rows, begin)
    if not arguments:
        record(TABLE, found)


if __name__ == "__main__":
    main(sys.argv[1:])
