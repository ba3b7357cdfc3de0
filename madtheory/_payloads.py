"""What each command answers, as one mapping of JSON keys; no printing, no parsing.

Values are numpy arrays and floats; NaN and infinities become null when they are written. Every
mapping has a `status` for its quantities: exact, asymptotic (with a declared error), or bound.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory.loops import Loop, require_fresh_memory_one, require_fully_synthetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from madtheory.wishart import Estimate

    Array = NDArray[np.float64]

__all__ = ["baseline", "collapse", "effective", "fresh", "report", "simulation", "verification"]

Payload = dict[str, Any]


def _head(loop: Loop, eigenvalues: Array) -> Payload:
    """What was asked, repeated: loop, dimension, real covariance."""
    return {
        "loop": dataclasses.asdict(loop),
        "dim": eigenvalues.size,
        "trace_real": float(eigenvalues.sum()),
        "rank_real": int(np.count_nonzero(eigenvalues)),
    }


def _distance_status(estimate: Estimate) -> str:
    return "asymptotic" if np.any(estimate.rel_error > 0) else "exact"


# --- fully synthetic loop -----------------------------------------------------------------------


def _collapse_moments(loop: Loop, eigenvalues: Array, generations: int) -> Payload:
    """Lists over t = 1..T that are exact (theory.md 1.3, 1.5, 1.6)."""
    from madtheory import collapse as law

    names = (
        "mean_trace",
        "mean_walk",
        "mean_trace_squared",
        "mean_squared_trace",
        "log_det_mean",
        "log_det_variance",
    )
    lists = {name: getattr(law, name)(loop, eigenvalues, generations=generations) for name in names}
    # A determinant that is surely 0 has no log-variance to speak of: null beside a null mean.
    singular = np.isinf(lists["log_det_mean"])
    lists["log_det_variance"] = np.where(singular, np.nan, lists["log_det_variance"])
    return lists


def collapse(loop: Loop, eigenvalues: Array, generations: int) -> Payload:
    """Answer `theory collapse` (theory.md 1.1-1.7)."""
    from madtheory import collapse as law
    from madtheory import collapse_distance

    require_fully_synthetic(loop, "theory collapse")
    moments = _collapse_moments(loop, eigenvalues, generations)
    w2 = collapse_distance.w2_squared(loop, eigenvalues, generations=generations)
    exact = ("lyapunov", "rate", "critical_bias", "half_life", *moments)
    return {
        **_head(loop, eigenvalues),
        **moments,
        "lyapunov": law.lyapunov_spectrum(loop, eigenvalues.size),
        "rate": law.rate(loop),
        "critical_bias": law.critical_bias(loop),
        "half_life": law.half_life(loop),
        "w2_squared": w2.value,
        "w2_squared_lower": w2.lower,
        "w2_squared_upper": w2.upper,
        "w2_squared_rel_error": w2.rel_error,
        "status": {
            **dict.fromkeys(exact, "exact"),
            "w2_squared": _distance_status(w2),
            "w2_squared_lower": "bound",
            "w2_squared_upper": "bound",
        },
    }


# --- fresh data loop ----------------------------------------------------------------------------


def _fresh_moments(loop: Loop, eigenvalues: Array) -> Payload:
    """Exact moments at the limit (theory.md 2.2, 2.3)."""
    from madtheory import _general, recursions

    first = recursions.first_moments_limit(loop)
    total = float(eigenvalues.sum())
    second = recursions.second_moments_limit(loop, eigenvalues.size)
    squares = (math.nan, math.nan)
    if second is not None:
        at = {name: float(x) for name, x in zip(recursions.INVARIANTS, second, strict=True)}
        squares = _general.conjugated_second_moments(
            at["trace_squared"], at["squared_trace"], eigenvalues=eigenvalues
        )
    return {
        "mean_sq": first.mean_sq * total,
        "trace": first.trace * total,
        "trace_squared": squares[0],
        "squared_trace": squares[1],
        "forgetting_rate": recursions.forgetting_rate(loop),
        "second_moment_radius": recursions.second_moment_radius(loop, eigenvalues.size),
    }


def _fresh_path(loop: Loop, eigenvalues: Array, generations: int) -> Payload:
    from madtheory import recursions

    first = recursions.first_moments(loop, generations)
    w2 = recursions.w2_squared(loop, eigenvalues, generations=generations)
    total = float(eigenvalues.sum())
    return {
        "mean_sq": first.mean_sq * total,
        "trace": first.trace * total,
        "w2_squared": w2.value,
        "w2_squared_rel_error": w2.rel_error,
    }


def fresh(loop: Loop, eigenvalues: Array, generations: int | None) -> Payload:
    """Answer `theory fresh` (theory.md 2.2-2.6)."""
    from madtheory import _general, recursions
    from madtheory import effective as size

    require_fresh_memory_one(loop, "theory fresh")
    moments = _fresh_moments(loop, eigenvalues)
    w2 = recursions.w2_squared_limit(loop, eigenvalues)
    # The effective size falls with the distance: the distance's upper end gives its lower one.
    distances = float(w2.value) * np.array([1 + float(w2.rel_error), 1, 1 - float(w2.rel_error)])
    low, n_eff, high = (
        size.effective_sample_size(max(float(x), 0.0), eigenvalues) for x in distances
    )
    path = {} if generations is None else {"path": _fresh_path(loop, eigenvalues, generations)}
    asymptotic = ("n_eff", "gain", "admissible_n_synth", "admissible_n_synth_limit")
    return {
        **_head(loop, eigenvalues),
        **moments,
        **path,
        "w2_squared": float(w2.value),
        "w2_squared_rel_error": float(w2.rel_error),
        "n_eff": n_eff,
        "n_eff_lower": low,
        "n_eff_upper": high,
        "gain": n_eff / loop.n_real,
        "admissible_n_synth": _general.admissible_n_synth(loop, eigenvalues),
        "admissible_n_synth_limit": _general.admissible_n_synth_limit(loop.bias, eigenvalues),
        "status": {
            **dict.fromkeys(moments, "exact"),
            "w2_squared": _distance_status(w2),
            **dict.fromkeys(asymptotic, "asymptotic"),
        },
    }


# --- real data only -----------------------------------------------------------------------------


def baseline(n: int, eigenvalues: Array) -> Payload:
    """Answer `theory baseline` (theory.md 5.3, leading order)."""
    from madtheory import effective as size

    w2 = size.baseline(n, eigenvalues)
    return {
        "dim": eigenvalues.size,
        "n": n,
        "w2_squared": float(w2.value),
        "w2_squared_lower": float(w2.lower),
        "w2_squared_upper": float(w2.upper),
        "w2_squared_rel_error": float(w2.rel_error),
        "status": {"w2_squared": _distance_status(w2)},
    }


def effective(w2_squared: float, eigenvalues: Array) -> Payload:
    """Answer `theory effective` (theory.md 2.5)."""
    from madtheory import _validate
    from madtheory import effective as size

    w2_squared = _validate.number("w2_squared", w2_squared, low=0.0)
    return {
        "dim": eigenvalues.size,
        "w2_squared": w2_squared,
        "n_eff": size.effective_sample_size(w2_squared, eigenvalues),
        "status": {"n_eff": "asymptotic"},
    }


# --- simulation ---------------------------------------------------------------------------------

RECORD = ("mean_sq", "trace", "w2_squared", "log_det")


def simulation(
    loop: Loop,
    eigenvalues: Array,
    *,
    generations: int,
    replicates: int,
    seed: int,
    out: Path | None,
    threads: int | None,
    progress: bool,
) -> Payload:
    """Answer `simulate collapse` and `simulate fresh`; a finished `out` is read, not repeated."""
    from madtheory.simulate import simulate

    if out is not None and out.suffix != ".parquet":
        raise ValueError(f"out must end in .parquet, got {str(out)!r}")
    paths = simulate(
        loop,
        eigenvalues,
        generations=generations,
        replicates=replicates,
        seed=seed,
        threads=threads,
        record=RECORD,
        store=out,
        progress=progress,
    )
    return {
        **_head(loop, eigenvalues),
        **{name: {"mean": paths.mean[name], "se": paths.se[name]} for name in RECORD},
        "generations": paths.generations,
        "replicates": paths.replicates,
        "seed": paths.seed,
        "digest": paths.digest,
    }


# --- verification and report --------------------------------------------------------------------


def verification(
    level: str,
    *,
    claims: Iterable[str],
    seed: int,
    progress: Callable[[Any], None] | None,
) -> Payload:
    """Answer `verify`."""
    from madtheory import _validate
    from madtheory.verify import verify

    chosen = list(claims) or None
    # A SeedSequence takes any non-negative integer.
    seed = _validate.count("seed", seed, minimum=0)
    done = verify(
        level="full" if level == "full" else "quick", claims=chosen, seed=seed, progress=progress
    )
    return {
        "claims": [dataclasses.asdict(verdict) for verdict in done.claims],
        "family_wise_error": done.family_wise_error,
        "level": level,
        "seed": seed,
        "passed": done.passed,
    }


def report(out: Path, level: str) -> Payload:
    """Answer `report`."""
    from madtheory.reports.build import build

    made = build(out, level="full" if level == "full" else "quick")
    return {"figures": made.figures, "tables": made.tables, "pages": made.pages}
