"""Every simulator of the Python interface at fixed seeds: digests and means.

One table, id -> callable; a rename of the package edits only this file and its two neighbours.
Sizes are small, but every kernel, every family of loops and every recorded quantity is in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madtheory import engine, modes, simulate
from madtheory.engine import models
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation

Array = NDArray[np.float64]
Run = Callable[[], Any]

# --- a fixed list of loops, and of spectra ------------------------------------------------------

GENERAL = Loop(
    n_initial=8, n_fixed=5, n_fresh=3, n_synth=4, memory=2, pool="accumulate", pool_cap=3, bias=0.5
)
LOOPS: Mapping[str, Loop] = {
    "synthetic": fully_synthetic(8, bias=0.9),
    "synthetic-unbiased": fully_synthetic(6),
    "synthetic-initial": fully_synthetic(6, bias=0.7, n_initial=13),
    "synthetic-literal": fully_synthetic(8, bias=0.8, first_generation="biased", ddof=0),
    "synthetic-dead": fully_synthetic(5, bias=0.0),
    "synthetic-hot": fully_synthetic(8, bias=1.2, allow_overdispersion=True),
    "shrinkage": fully_synthetic(8, bias=0.9, shrinkage=0.3),
    "shrinkage-whole": fully_synthetic(8, bias=0.9, shrinkage=1.0, ddof=0),
    "floor": fully_synthetic(8, bias=0.9, floor=0.1),
    "shrinkage-floor": fully_synthetic(8, bias=0.9, shrinkage=0.2, floor=0.1),
    "synthetic-memory": replace(fully_synthetic(8, bias=0.9), memory=3),
    "synthetic-memory-all": replace(fully_synthetic(8, bias=0.9), memory=None),
    "synthetic-pool": replace(fully_synthetic(8, bias=0.9), pool="accumulate"),
    "fresh": fresh_data(6, 9, bias=0.9),
    "fresh-one": fresh_data(1, 9),
    "fresh-initial": fresh_data(6, 9, n_initial=20, ddof=0),
    "fresh-literal": fresh_data(6, 9, bias=0.6, first_generation="biased"),
    "fresh-memory": fresh_data(6, 9, bias=0.9, memory=3),
    "fresh-memory-all": fresh_data(6, 9, bias=0.9, memory=None),
    "fresh-weight": fresh_data(6, 9, bias=0.9, weight=0.4),
    "fresh-weight-memory": fresh_data(6, 9, bias=0.9, weight=0.7, memory=2, ddof=0),
    "fresh-weight-none": fresh_data(6, 9, bias=0.9, weight=0.0),
    "fresh-weight-all": fresh_data(6, 9, bias=0.9, weight=1.0),
    "augmentation": synthetic_augmentation(7, 5, bias=0.9),
    "augmentation-memory": synthetic_augmentation(7, 5, memory=2, ddof=0),
    "augmentation-weight": synthetic_augmentation(7, 5, bias=0.8, weight=0.5),
    "augmentation-fresh": replace(synthetic_augmentation(7, 5, bias=0.9), n_fresh=4),
    "augmentation-floor": replace(synthetic_augmentation(7, 5), floor=0.1, shrinkage=0.1),
    "pool": synthetic_augmentation(7, 5, pool="accumulate"),
    "pool-cap": synthetic_augmentation(7, 5, pool="accumulate", pool_cap=2, bias=0.9),
    "pool-budget": synthetic_augmentation(7, 5, pool="accumulate", budget=9, bias=0.9),
    "pool-weight": synthetic_augmentation(7, 5, pool="accumulate", weight=0.3, bias=0.9),
    "pool-memory-all": synthetic_augmentation(7, 5, pool="accumulate", memory=None),
    "general": GENERAL,
    "general-literal": replace(GENERAL, first_generation="biased", ddof=0, memory=None),
}
SPECTRA: Mapping[str, Array] = {
    "flat": np.ones(3),
    "line": np.array([2.0]),
    "spiked": np.array([5.0, 1.0, 0.25, 0.0]),
}
#: More dimensions than samples, and enough dimensions for the blocked kernels.
WIDE = ("synthetic", "fresh", "augmentation", "pool-cap", "shrinkage-floor", "general")
SIZES: Mapping[str, int] = {"generations": 5, "replicates": 24}


# --- what an entry says -------------------------------------------------------------------------


def paths(result: Any) -> dict[str, Any]:
    """Digest (of standard errors too) and means of a simulation; how the kept paths end."""
    found = {
        "digest": result.digest,
        "generations": result.generations,
        "mean": result.mean,
    }
    if result.paths is not None:
        found["last_path"] = {name: values[-1] for name, values in result.paths.items()}
    return found


def curves(result: Any) -> dict[str, Any]:
    """Digest and curves of one run of the engine."""
    return {
        "digest": result.digest,
        "generations": result.generations,
        "metrics": result.metrics,
        "seed": result.seed,
        "reached": result.reached,
    }


def bands(result: Any) -> dict[str, Any]:
    """Digest, means and quantiles of the runs of several seeds."""
    return {
        "digest": result.digest,
        "generations": result.generations,
        "seeds": result.seeds,
        "mean": result.mean,
        "se": result.se,
        "levels": result.levels,
        "quantiles": result.quantiles,
    }


# --- Gaussian loops -----------------------------------------------------------------------------


def exact(loop: Loop, spectrum: Array, **options: Any) -> dict[str, Any]:
    sizes = {**SIZES, "record": simulate.QUANTITIES, **options}
    return paths(simulate.simulate(loop, spectrum, **sizes))


def plain(loop: Loop, spectrum: Array, **options: Any) -> dict[str, Any]:
    """Only what is no rounding noise where a covariance is singular."""
    record = ("mean_sq", "trace", "trace_squared", "squared_trace", "mean_fourth")
    sizes = {"generations": 4, "replicates": 8, "record": record, **options}
    return paths(simulate.simulate_plain(loop, spectrum, **sizes))


def tilted(loop: Loop, spectrum: Array, **options: Any) -> dict[str, Any]:
    return paths(simulate.simulate_size_biased(loop, spectrum, **{**SIZES, **options}))


def stored(loop: Loop, spectrum: Array) -> dict[str, Any]:
    """Written to a file, then read again."""
    with tempfile.TemporaryDirectory() as folder:
        once, again = (
            exact(loop, spectrum, store=Path(folder) / "run.parquet", seed=5) for _ in range(2)
        )
    return {"once": once, "again": again["digest"]}


def gaussian_runs() -> dict[str, Run]:
    table: dict[str, Run] = {}
    for name, loop in LOOPS.items():
        for kind, spectrum in SPECTRA.items():
            table[f"simulate {name} {kind}"] = lambda a=loop, b=spectrum: exact(a, b)
        table[f"simulate_plain {name}"] = lambda a=loop: plain(a, np.array([3.0, 1.0]))
    for name in WIDE:
        wide = np.linspace(0.5, 2.0, 20)
        table[f"simulate {name} wide"] = lambda a=LOOPS[name], b=wide: exact(a, b, replicates=8)
        table[f"simulate_plain {name} line"] = lambda a=LOOPS[name]: plain(a, np.ones(1))
    plain_loop, fresh, flat = LOOPS["synthetic"], LOOPS["fresh"], SPECTRA["flat"]
    return table | {
        "simulate many-samples": lambda: exact(fully_synthetic(10**9), flat),
        "simulate large": lambda: exact(fresh_data(90, 90), np.ones(70), replicates=3),
        "simulate long": lambda: exact(plain_loop, flat, generations=900, at=(1, 30, 900)),
        "simulate at": lambda: exact(fresh, flat, generations=9, at=(9, 2)),
        "simulate seed": lambda: exact(fresh, flat, seed=2**40 + 1),
        "simulate chunk": lambda: exact(fresh, flat, chunk=5),
        "simulate threads": lambda: exact(fresh, flat, threads=2, replicates=100),
        "simulate one-replicate": lambda: exact(fresh, flat, replicates=1),
        "simulate default-record": lambda: paths(simulate.simulate(fresh, flat, **SIZES)),
        "simulate keep-paths": lambda: exact(fresh, flat, keep_paths=True),
        "simulate store": lambda: stored(fresh, flat),
        "simulate_plain keep-paths": lambda: plain(fresh, flat, keep_paths=True, at=(1, 4)),
        "simulate_plain distance": lambda: plain(
            fresh_data(20, 20), flat, record=simulate.QUANTITIES, chunk=3
        ),
        "size_biased flat": lambda: tilted(plain_loop, flat),
        "size_biased spiked": lambda: tilted(
            LOOPS["synthetic-literal"], SPECTRA["spiked"], record=simulate.QUANTITIES, seed=3
        ),
        "size_biased line": lambda: tilted(LOOPS["synthetic-unbiased"], SPECTRA["line"]),
        "size_biased long": lambda: tilted(plain_loop, flat, generations=400, at=(400,)),
        "size_biased keep-paths": lambda: tilted(plain_loop, flat, keep_paths=True, chunk=7),
    }


# --- modes and categories -----------------------------------------------------------------------


def grid(*counts: int, **options: Any) -> dict[str, Any]:
    return paths(simulate.simulate_modes(*counts, **{**SIZES, **options}))


def mode_states() -> dict[str, Any]:
    """States of the modes, and the recall that theory predicts for them."""
    run = simulate.simulate_modes(9, 60, generations=6, replicates=4, seed=2, snapshots=(1, 6))
    states = run.states
    assert states is not None
    return {
        **paths(run),
        "weights": states.weights,
        "means": states.means[:2],
        "covariances": states.covariances[:2],
        "recall": modes.predicted_recall(states, 80, seed=4),
    }


def tokens(p: Any, n: int, **options: Any) -> dict[str, Any]:
    return paths(simulate.simulate_categories(p, n, **{**SIZES, **options}))


def other_runs() -> dict[str, Run]:
    zipf = modes.zipf(50)
    return {
        "modes plain": lambda: grid(9, 40),
        "modes mle": lambda: grid(4, 12, ddof=0.0, bias=0.7, spacing=2.0, deviation=1.0),
        "modes floor": lambda: grid(9, 40, floor=1e-3, ddof=0.5, dim=3),
        "modes fresh": lambda: grid(9, 40, n_fresh=10, seed=8),
        "modes at": lambda: grid(9, 40, generations=12, at=(12, 1), keep_paths=True, chunk=5),
        "modes few-samples": lambda: grid(16, 3),
        "modes line": lambda: grid(4, 30, dim=1),
        "modes defaults": lambda: paths(
            simulate.simulate_modes(generations=3, replicates=4, threads=2)
        ),
        "modes states": mode_states,
        "categories zipf": lambda: tokens(zipf, 30),
        "categories temperature": lambda: tokens(zipf, 30, temperature=0.7, seed=6),
        "categories fresh": lambda: tokens(zipf, 30, n_fresh=5, temperature=1.3),
        "categories cold": lambda: tokens([0.5, 0.3, 0.2], 9, temperature=0.0),
        "categories at": lambda: tokens(zipf, 30, at=(5, 1), keep_paths=True, threads=2),
        "categories record": lambda: tokens(zipf, 30, record=("survivors", "entropy")),
        "categories many": lambda: tokens(modes.zipf(2000, 1.1), 500, replicates=6),
    }


# --- the engine ---------------------------------------------------------------------------------


def cloud(n: int, dim: int) -> Array:
    return np.random.default_rng(12).standard_normal((n, dim)) * np.linspace(0.5, 2.0, dim)


def moments(model: Any, rows: Any, rng: np.random.Generator) -> Array:
    """Mean and variance of the training sample, and of new samples of its model."""
    new = model.sample(20, 1.0, rng)
    parts = [rows, new] if not isinstance(rows, dict) else [rows["x"], new["x"]]
    return np.concatenate([[np.mean(part), np.var(part)] for part in parts])


def saved(model: Any, rows: Any, rng: np.random.Generator) -> Array:
    """Sums of every array of the model."""
    return np.array([np.abs(array).sum() for _, array in sorted(model.save().items())])


METRICS = {"moments": moments, "saved": saved}


def run(loop: Loop, model: Any, data: Any, **options: Any) -> dict[str, Any]:
    sizes = {"generations": 5, "metrics": METRICS, **options}
    return curves(engine.run_loop(loop, model, data, **sizes))


def run_stored(loop: Loop, model: Any, data: Any) -> dict[str, Any]:
    """Run into a folder, and read it again: the curves and the last model."""
    with tempfile.TemporaryDirectory() as folder:
        found = run(loop, model, data, out=Path(folder) / "run", every=2)
        last = engine.read_model(Path(folder) / "run", model)
        again = engine.read_curves(Path(folder) / "run")
    return {"run": found, "again": again.digest, "model": last.save()}


def several(loop: Loop, model: Any, data: Any, **options: Any) -> dict[str, Any]:
    sizes = {"generations": 4, "seeds": (0, 1, 5), "metrics": METRICS, "workers": 1, **options}
    return bands(engine.run_seeds(loop, model, data, **sizes))


def engine_runs() -> dict[str, Run]:
    rows, source = cloud(80, 2), models.Gaussian.standard(2)
    table: dict[str, Run] = {}
    for name, loop in LOOPS.items():
        if name != "synthetic-dead":
            table[f"engine gaussian {name}"] = lambda a=loop: run(a, models.Gaussian.of(a), source)
    kinds: dict[str, tuple[int, Any]] = {
        "gaussian": (1, models.Gaussian()),
        "bootstrap": (1, models.Bootstrap()),
        "density-scott": (1, models.KernelDensity()),
        "density-absolute": (1, models.KernelDensity(0.3, units="absolute")),
        "mixture": (0, models.GaussianMixture(2)),
        "mixture-warm": (0, models.GaussianMixture(2, warm_start=True, max_iter=5)),
    }
    for name, (ddof, model) in kinds.items():
        for family in ("synthetic", "fresh", "augmentation", "pool-cap", "fresh-weight"):
            loop = replace(LOOPS[family], ddof=ddof, n_synth=20, n_initial=30)
            table[f"engine {name} {family}"] = lambda a=loop, b=model: run(a, b, rows)
    fresh, grown = fresh_data(15, 30, bias=0.9), models.Gaussian()
    grid, labelled = models.grid_mixture(2), models.labelled_grid(2)
    words = models.Categorical.of(modes.zipf(12))
    fed = fresh_data(20, 40, bias=0.8, ddof=0)
    return table | {
        "engine mixture grid": lambda: run(fed, models.GaussianMixture(4), grid),
        "engine mixture floor": lambda: run(fed, models.GaussianMixture(4, reg_covar=0.01), grid),
        "engine labelled grid": lambda: run(fresh, models.LabelledMixture(4), labelled),
        "engine labelled weight": lambda: run(
            replace(fresh, weight=0.5), models.LabelledMixture(4), labelled
        ),
        "engine categorical": lambda: run(fresh, models.Categorical(12), words),
        "engine categorical synthetic": lambda: run(
            fully_synthetic(30, bias=0.8), models.Categorical(12), words
        ),
        "engine rows every": lambda: run(fresh, grown, rows, every=2, seed=9),
        "engine stored": lambda: run_stored(fresh, grown, rows),
        "engine seeds": lambda: several(fresh, grown, rows),
        "engine seeds threads": lambda: several(fresh, grown, source, workers=2),
        "engine seeds levels": lambda: several(LOOPS["synthetic"], grown, rows, levels=(0.1, 0.5)),
    }


def table() -> dict[str, Run]:
    return gaussian_runs() | other_runs() | engine_runs()


def entries() -> Iterator[tuple[str, Any]]:
    for name, ask in table().items():
        yield name, ask()
