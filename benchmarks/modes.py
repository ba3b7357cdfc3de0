"""Speed of the loop of modes and of its exact theory; both ratios against plain numpy."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.timing import best
from madtheory.modes import ancestry as chain
from madtheory.modes import mode_grid, survival, surviving_mean
from madtheory.simulate import simulate_modes


def _plain_generations(generations: int, *, modes: int = 25, n: int = 1_000) -> None:
    """Draw all samples of a labelled loop, mode by mode, and fit with numpy."""
    rng = np.random.default_rng(0)
    p, means = np.full(modes, 1.0 / modes), mode_grid(modes)
    covs = np.tile(0.0025 * np.eye(2), (modes, 1, 1))
    for _ in range(generations):
        counts = rng.multinomial(n, p)
        for k in np.flatnonzero(counts):
            x = rng.multivariate_normal(means[k], covs[k], counts[k], method="cholesky")
            means[k] = x.mean(axis=0)
            covs[k] = np.cov(x.T) if counts[k] > 2 else 1e-12 * np.eye(2)
        p = counts / n


def idealised_loop() -> dict[str, float]:
    """25 modes, 1,000 samples, 2,000 generations, 100 replicates: the bar is 10 s.

    The plain loop is timed over the first 50 generations, while most modes are alive, and so is
    the loop that its ratio is taken with; both on one thread.
    """
    bar = best(lambda: simulate_modes(25, 1_000, generations=2_000, replicates=100), 3)
    early = best(lambda: simulate_modes(25, 1_000, generations=50, replicates=100, threads=1), 5)
    plain = best(lambda: _plain_generations(50), 3)
    return {"seconds": bar, "seconds_plain_50": plain, "ratio": 100 * plain / early}


def wright_fisher_exact() -> dict[str, float]:
    """n = 2,000, 2,000 generations, exact: the bar is 5 s.

    By ancestors (`seconds`, nothing kept from run to run), by the chain of one count on bands
    (`seconds_band`), and by the same chain as a dense matrix in numpy (over 100 generations).
    """
    n, length = 2_000, 2_000
    count = np.arange(n + 1)

    def by_ancestors() -> object:
        survival._ancestors.cache_clear()
        return surviving_mean(25, n, length)

    def by_band() -> object:
        band = chain.binomial_band(n, count / n)
        law = chain.transition(n, np.array([1 / 25]))[0]
        return chain.expectations(band, law, (count > 0).astype(np.float64)[None], length - 1)

    start = time.perf_counter()
    dense, law = chain.transition(n, count / n), chain.transition(n, np.array([1 / 25]))[0]
    for _ in range(100):
        law = law @ dense
    plain = (time.perf_counter() - start) * length / 100
    seconds, band = best(by_ancestors), best(by_band, 3)
    return {
        "seconds": seconds,
        "seconds_band": band,
        "seconds_plain": plain,
        "ratio": plain / seconds,
        "ratio_band": plain / band,
    }
