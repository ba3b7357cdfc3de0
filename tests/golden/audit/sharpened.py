"""What bands of the forecast cover of models that sharpen what they draw, for docs/audit.md.

Run ``python -m tests.golden.audit.sharpened``; it rewrites sharpened.json (some minutes, one core).
Seeds set nothing. Chains of words and trees of categorical variables are sampled at temperatures
below 1 and trained on nothing else, as in discrete.py, but what is seen of their rows is not all of
few values: counts of words by their rarity (tf-idf, of unit length), shares of words in documents
of 15 to 25, variables beside one number whose mean follows the first of them (small, or as large as
they are). Drift becomes faster, then stops.
"""

import time
from functools import partial
from pathlib import Path

import numpy as np

from madtheory._threads import one_thread
from tests.golden.audit import discrete
from tests.golden.audit.rare import record

TABLE = Path(__file__).with_suffix(".json")
LOOPS, SEED = 40, 29
#: Share of real rows, powers of the probabilities.
DRAWN = (0.0,), (1.05, 1.1, 1.25)


def documents(law, rng):
    """Documents and, last in a row, how many of their words are seen."""
    words = int(rng.choice([8, 12, 20]))
    texts, rarity = discrete.documents(rng, words), 1 + rng.uniform(0, 3, words)

    def real_rows(n):
        return np.column_stack([texts(n), rng.integers(15, discrete.LENGTH + 1, n)])

    def model(x, n, power):
        new = discrete.chain(rng, x[:, :-1], n, words, power)
        return np.column_stack([new, rng.choice(x[:, -1], n)])

    def see(x):
        if law == "tf-idf":
            rows = rarity * (x[:, :-1, None] == np.arange(words)).sum(axis=1)
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)
        kept = np.arange(discrete.LENGTH) < x[:, -1:]
        counts = ((x[:, :-1, None] == np.arange(words)) & kept[..., None]).sum(axis=1)
        return counts / counts.sum(axis=1, keepdims=True)

    return real_rows, model, see


def beside(scale, rng):
    """Categorical variables and, last in a row, a number."""
    sizes = [int(k) for k in rng.integers(2, 6, int(rng.choice([4, 5, 6])))]
    codes, means, deviation = (
        discrete.variables(rng, sizes),
        rng.standard_normal(sizes[0]),
        rng.uniform(0.4, 1),
    )

    def real_rows(n):
        x = codes(n)
        return np.column_stack([x, means[x[:, 0]] + deviation * rng.standard_normal(n)])

    def model(x, n, power):
        old, number = x[:, :-1].astype(int), x[:, -1]
        new = discrete.tree(rng, old, n, sizes, power)
        fits = np.tile([number.mean(), number.std()], (sizes[0], 1))
        for k in range(sizes[0]):
            of = number[old[:, 0] == k]
            if len(of) > 3:
                fits[k] = of.mean(), of.std()
        mean, spread = fits[new[:, 0]].T
        return np.column_stack([new, mean + spread * rng.standard_normal(n)])

    def see(x):
        return np.column_stack([discrete.one_hot(x[:, :-1].astype(int), sizes), scale * x[:, -1]])

    return real_rows, model, see


WORLDS = {
    "tf-idf": partial(documents, "tf-idf"),
    "shares of words": partial(documents, "shares"),
    "beside a small number": partial(beside, 0.1),
    "beside a number": partial(beside, 1.0),
}


def main():
    found, begin = {}, time.perf_counter()
    with one_thread():
        for i, (name, world) in enumerate(WORLDS.items()):
            seeds = ([SEED, i, k] for k in range(LOOPS))
            rows = [discrete.judge("discrete", world, *DRAWN, one) for one in seeds]
            found |= discrete.told(name, rows, begin)
    record(TABLE, found)


if __name__ == "__main__":
    main()
