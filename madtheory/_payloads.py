"""What each command answers, as one mapping of JSON keys; no printing, no parsing.

Values are numpy arrays and floats; NaN and infinities become null when they are written. Every
mapping has a `status` for its quantities: exact, asymptotic (with a declared error), bound, or
"not computed"; and a `reason`, one sentence, for each quantity that is null.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from madtheory.loops import Loop, UnsupportedLoop, is_fresh_memory_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from madtheory.wishart import Estimate

    Array = NDArray[np.float64]

__all__ = [
    "baseline",
    "collapse",
    "effective",
    "modes",
    "real_data",
    "report",
    "simulation",
    "verification",
]

Payload = dict[str, Any]
Answer = TypeVar("Answer")

#: Why a quantity is infinite, where "it is unbounded" says too little.
_UNBOUNDED = {
    "n_eff_upper": "the declared error of the distance reaches 0",
    "admissible_n_synth": "no n_synth is too many",
    "admissible_n_synth_limit": "no n_synth is too many",
}


class _Entry(NamedTuple):
    """A quantity with its status and, where it is null, the sentence that says why."""

    value: Any
    status: str = "exact"
    reason: str | None = None


_Entries = dict[str, _Entry]


def _head(loop: Loop, eigenvalues: Array) -> Payload:
    """What was asked, repeated: loop, dimension, real covariance."""
    return {
        "loop": dataclasses.asdict(loop),
        "dim": eigenvalues.size,
        "trace_real": float(eigenvalues.sum()),
        "rank_real": int(np.count_nonzero(eigenvalues)),
    }


def _asked(question: Callable[[], Answer]) -> Answer | str:
    """Ask the theory; where it does not cover the loop, its sentence is the answer."""
    try:
        return question()
    except UnsupportedLoop as refusal:
        return str(refusal)


def _unknown(reason: str, value: Any = math.nan) -> _Entry:
    return _Entry(value, "not computed", reason)


def _reason(name: str, entry: _Entry) -> str | None:
    """Why `entry` has nulls, or None where it has none."""
    values = np.asarray(entry.value, dtype=np.float64)
    if np.isfinite(values).all():
        return None
    default = "it is undefined" if np.isnan(values).any() else "it is unbounded"
    return entry.reason or _UNBOUNDED.get(name, default)


def _notes(entries: _Entries) -> Payload:
    """`status` and `reason` of all entries."""
    reasons = {name: _reason(name, entry) for name, entry in entries.items()}
    return {
        "status": {name: entry.status for name, entry in entries.items()},
        "reason": {name: why for name, why in reasons.items() if why},
    }


def _values(entries: _Entries) -> Payload:
    return {name: entry.value for name, entry in entries.items()}


def _distance_status(estimate: Estimate) -> str:
    return "asymptotic" if np.any(estimate.rel_error > 0) else "exact"


# --- fully synthetic loop -----------------------------------------------------------------------


def _collapse_moments(loop: Loop, eigenvalues: Array, generations: int) -> _Entries:
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
    return {name: _Entry(values) for name, values in lists.items()}


def _collapse_rates(loop: Loop, eigenvalues: Array) -> _Entries:
    from madtheory import collapse as law

    return {
        "lyapunov": _Entry(law.lyapunov_spectrum(loop, eigenvalues.size)),
        "rate": _Entry(law.rate(loop)),
        "critical_bias": _Entry(law.critical_bias(loop)),
        "half_life": _Entry(law.half_life(loop)),
    }


def _collapse_distance(w2: Estimate | str, generations: int) -> _Entries:
    """The four lists of E W2^2, or as many nulls."""
    names = ("w2_squared", "w2_squared_lower", "w2_squared_upper", "w2_squared_rel_error")
    if isinstance(w2, str):
        return {name: _unknown(w2, np.full(generations, np.nan)) for name in names}
    status = _distance_status(w2)
    values = (w2.value, w2.lower, w2.upper, w2.rel_error)
    kinds = (status, "bound", "bound", status)
    return {name: _Entry(x, kind) for name, x, kind in zip(names, values, kinds, strict=True)}


def collapse(loop: Loop, eigenvalues: Array, generations: int) -> Payload:
    """Answer `theory collapse` (theory.md 1.1-1.7)."""
    from madtheory import collapse_distance

    if loop.shrinkage or loop.floor:
        return _regularised(loop, eigenvalues, generations)
    entries = {
        **_collapse_moments(loop, eigenvalues, generations),
        **_collapse_rates(loop, eigenvalues),
        **_collapse_distance(
            collapse_distance.w2_squared(loop, eigenvalues, generations=generations), generations
        ),
    }
    return {**_head(loop, eigenvalues), **_values(entries), **_notes(entries)}


# --- fully synthetic loop with shrinkage or a floor ---------------------------------------------


def _regularised_moments(loop: Loop, eigenvalues: Array, generations: int) -> _Entries:
    from madtheory import estimators as law

    second = law.second_moments(loop, eigenvalues, generations=generations)
    # The law of the determinant has no closed form once the fit is changed.
    unknown = _unknown(
        "the log-determinant law is computed for shrinkage = 0 and floor = 0 only",
        np.full(generations, np.nan),
    )
    return {
        "mean_trace": _Entry(law.mean_trace(loop, eigenvalues, generations=generations)),
        "mean_walk": _Entry(law.mean_walk(loop, eigenvalues, generations=generations)),
        "mean_trace_squared": _Entry(second.trace_squared),
        "mean_squared_trace": _Entry(second.squared_trace),
        "log_det_mean": unknown,
        "log_det_variance": unknown,
    }


def _bounded_rate(loop: Loop, dim: int) -> _Entries:
    """Rate, half-life and critical bias where the bounds of shrinkage meet, and the bounds."""
    from madtheory import estimators

    bare = dataclasses.replace(loop, floor=0.0)
    low, high = dataclasses.astuple(estimators.shrinkage_rate(bare, dim))
    unit = estimators.shrinkage_rate(dataclasses.replace(bare, bias=1.0), dim)
    bounds = {"rate_lower": _Entry(low, "bound"), "rate_upper": _Entry(high, "bound")}
    if low != high:
        open_ = _unknown("the rate is computed for shrinkage = 0 or 1 only; bounds are given")
        return dict.fromkeys(("rate", "half_life", "critical_bias"), open_) | bounds
    known = {"critical_bias": _Entry(math.exp(-unit.lower)), **bounds}
    half_life = math.log(2) / abs(low) if low else math.inf
    return {"rate": _Entry(low), "half_life": _Entry(half_life), **known}


def _floor_entries(loop: Loop, eigenvalues: Array) -> _Entries:
    """What a floor adds: the trace settles, the mean walks on."""
    from madtheory import estimators

    ended = _unknown(
        "with a floor the covariance does not collapse; rate_lower and rate_upper are without it"
    )
    trace = float(eigenvalues.sum()) * estimators.stationary_mean(loop)
    return {
        "rate": ended,
        "half_life": ended,
        "stationary_trace": _Entry(trace),
        "mean_walk_growth": _Entry(estimators.mean_walk_growth(loop, eigenvalues)),
    }


def _regularised(loop: Loop, eigenvalues: Array, generations: int) -> Payload:
    """Answer `theory collapse` with shrinkage or a floor: what estimators.py knows."""
    from madtheory import recursions

    w2 = _asked(lambda: recursions.w2_squared(loop, eigenvalues, generations=generations))
    entries = {
        **_regularised_moments(loop, eigenvalues, generations),
        **_bounded_rate(loop, eigenvalues.size),
        **(_floor_entries(loop, eigenvalues) if loop.floor else {}),
        **_collapse_distance(w2, generations),
        "lyapunov": _unknown(
            "the Lyapunov spectrum is computed for shrinkage = 0 and floor = 0 only"
        ),
    }
    return {**_head(loop, eigenvalues), **_values(entries), **_notes(entries)}


# --- loops with real data -----------------------------------------------------------------------


def _limit_first(loop: Loop, total: float) -> _Entries:
    """E |mu|^2, E tr Sigma and the forgetting rate (theory.md 2.2, 2.8, 3)."""
    from madtheory import recursions

    first = _asked(lambda: recursions.first_moments_limit(loop))
    rate = {"forgetting_rate": _Entry(recursions.forgetting_rate(loop))}
    if isinstance(first, str):
        return dict.fromkeys(("mean_sq", "trace"), _unknown(first)) | rate
    return {"mean_sq": _Entry(first.mean_sq * total), "trace": _Entry(first.trace * total), **rate}


def _second_limit(loop: Loop, dim: int) -> tuple[float, float] | None:
    """(E tr Sigma^2, E (tr Sigma)^2) at the limit and Sigma_0 = I; None where they diverge."""
    from madtheory import recursions

    if loop.memory is None or (loop.pool, loop.pool_cap) == ("accumulate", None):
        raise UnsupportedLoop(
            "second moments at the limit are computed for a pool and a memory that forget only"
        )
    second = recursions.second_moments_limit(loop, dim)
    if second is None:
        return None
    at = {name: float(x) for name, x in zip(recursions.INVARIANTS, second, strict=True)}
    return at["trace_squared"], at["squared_trace"]


def _limit_second(loop: Loop, eigenvalues: Array) -> _Entries:
    """E tr Sigma^2 and E (tr Sigma)^2 at any Sigma_0 (theory.md 2.3)."""
    from madtheory import _general, _tensors

    names = "trace_squared", "squared_trace"
    squares = _asked(lambda: _second_limit(loop, eigenvalues.size))
    if isinstance(squares, str):
        return dict.fromkeys(names, _unknown(squares))
    status = "exact" if _tensors.is_exact(loop) else "asymptotic"
    if squares is None:
        return dict.fromkeys(names, _Entry(math.nan, status, "second moments diverge"))
    values = _general.conjugated_second_moments(*squares, eigenvalues=eigenvalues)
    return {name: _Entry(x, status) for name, x in zip(names, values, strict=True)}


def _radius(loop: Loop, dim: int) -> _Entries:
    from madtheory import recursions

    radius = _asked(lambda: recursions.second_moment_radius(loop, dim))
    entry = _unknown(radius) if isinstance(radius, str) else _Entry(radius)
    return {"second_moment_radius": entry}


def _worth(w2: Estimate, eigenvalues: Array) -> tuple[float, float, float]:
    """Lower, best and upper effective size: it falls as the distance grows."""
    from madtheory import effective as size

    if math.isinf(w2.value):
        return 0.0, 0.0, 0.0
    distances = float(w2.value) * np.array([1 + float(w2.rel_error), 1, 1 - float(w2.rel_error)])
    low, n_eff, high = (
        size.effective_sample_size(max(float(x), 0.0), eigenvalues) for x in distances
    )
    return low, n_eff, high


def _limit_distance(loop: Loop, eigenvalues: Array) -> _Entries:
    """E W2^2 at the limit and what it is worth in real samples (theory.md 2.4, 2.5)."""
    from madtheory import recursions

    w2 = _asked(lambda: recursions.w2_squared_limit(loop, eigenvalues))
    if isinstance(w2, str):
        names = ("w2_squared", "w2_squared_rel_error", "n_eff", "n_eff_lower", "n_eff_upper")
        return dict.fromkeys((*names, "gain"), _unknown(w2))
    low, n_eff, high = _worth(w2, eigenvalues)
    status = _distance_status(w2)
    return {
        "w2_squared": _Entry(float(w2.value), status),
        "w2_squared_rel_error": _Entry(float(w2.rel_error), status),
        "n_eff": _Entry(n_eff, "asymptotic"),
        "n_eff_lower": _Entry(low, "asymptotic"),
        "n_eff_upper": _Entry(high, "asymptotic"),
        "gain": _Entry(n_eff / loop.n_real, "asymptotic"),
    }


def _admissible(loop: Loop, eigenvalues: Array) -> _Entries:
    """How much synthetic data helps (theory.md 2.6)."""
    from madtheory import _general
    from madtheory import effective as size

    plain = is_fresh_memory_one(loop)
    most = _asked(
        lambda: (
            _general.admissible_n_synth(loop, eigenvalues)
            if plain
            else size.admissible_n_synth_of(loop, eigenvalues)
        )
    )
    limit = _general.admissible_n_synth_limit(loop.bias, eigenvalues)
    only_plain = _unknown(
        "the limit n_real -> infinity is computed for the fresh data loop with memory 1, "
        "weight = None and ddof = 1 only"
    )
    return {
        "admissible_n_synth": (
            _unknown(most) if isinstance(most, str) else _Entry(most, "asymptotic")
        ),
        "admissible_n_synth_limit": _Entry(limit, "asymptotic") if plain else only_plain,
    }


def _path(loop: Loop, eigenvalues: Array, generations: int) -> _Entries:
    """Lists over t = 1..T: first moments of every loop, and the distance where it is computed."""
    from madtheory import recursions

    first = recursions.first_moments(loop, generations)
    w2 = _asked(lambda: recursions.w2_squared(loop, eigenvalues, generations=generations))
    total = float(eigenvalues.sum())
    distance = _collapse_distance(w2, generations)
    return {
        "mean_sq": _Entry(first.mean_sq * total),
        "trace": _Entry(first.trace * total),
        "w2_squared": distance["w2_squared"],
        "w2_squared_rel_error": distance["w2_squared_rel_error"],
    }


def real_data(loop: Loop, eigenvalues: Array, generations: int | None) -> Payload:
    """Answer `theory fresh` and `theory augmentation`: the limit, and the path if asked for.

    What has no limit, or none that is computed, is null and has its reason.
    """
    entries = {
        **_limit_first(loop, float(eigenvalues.sum())),
        **_limit_second(loop, eigenvalues),
        **_radius(loop, eigenvalues.size),
        **_limit_distance(loop, eigenvalues),
        **_admissible(loop, eigenvalues),
    }
    path = {} if generations is None else _path(loop, eigenvalues, generations)
    inner = {f"path.{name}": entry for name, entry in path.items()}
    return {
        **_head(loop, eigenvalues),
        **_values(entries),
        **({"path": _values(path)} if path else {}),
        **_notes(entries | inner),
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


# --- modes of a mixture --------------------------------------------------------------------------


def _modes_fate(K: int, n_synth: int) -> _Entries:
    """Without fresh data: when one mode is left."""
    from madtheory import mixture

    time = mixture.fixation_time(np.full(K, 1 / K), n_synth)
    return {"fixation_time": _Entry(float(time.value), _distance_status(time))}


def _modes_kept(K: int, n_synth: int, n_fresh: int) -> _Entries:
    """With fresh data: the stationary law."""
    from madtheory import mixture

    alive = mixture.all_modes_alive(K, n_synth, n_fresh)
    mean = mixture.stationary_surviving_mean(K, n_synth, n_fresh)
    return {
        "stationary_surviving_mean": _Entry(mean),
        "all_modes_alive": _Entry(float(alive.value)),
        "all_modes_alive_rel_error": _Entry(float(alive.rel_error)),
    }


def _modes_alive(K: int, n_synth: int, generations: int, n_fresh: int) -> _Entries:
    """How many modes are alive, and the end of it."""
    from madtheory import mixture

    alive = mixture.surviving_mean(K, n_synth, generations, n_fresh=n_fresh)
    status = _distance_status(alive)
    return {
        "surviving_mean": _Entry(alive.value, status),
        "surviving_mean_rel_error": _Entry(alive.rel_error, status),
        **(_modes_kept(K, n_synth, n_fresh) if n_fresh else _modes_fate(K, n_synth)),
    }


def _modes_beyond(generations: int) -> _Entries:
    """The chain of a mode's founders is too long: only the heterozygosity is known."""
    from madtheory import mixture

    why = f"surviving modes are computed for n_synth + n_fresh up to {mixture.FRESH_LIMIT} only"
    paths = ("surviving_mean", "surviving_mean_rel_error")
    single = ("stationary_surviving_mean", "all_modes_alive", "all_modes_alive_rel_error")
    return {
        **dict.fromkeys(paths, _unknown(why, np.full(generations, np.nan))),
        **dict.fromkeys(single, _unknown(why)),
    }


def modes(K: int, n_synth: int, generations: int, *, n_fresh: int) -> Payload:
    """Answer `theory modes` (theory.md 4.1)."""
    from madtheory import mixture

    even = mixture.heterozygosity(K, n_synth, generations, n_fresh=n_fresh)
    entries = {"heterozygosity": _Entry(even)}
    if n_fresh:
        settled = mixture.stationary_heterozygosity(K, n_synth, n_fresh)
        entries["stationary_heterozygosity"] = _Entry(settled)
        entries["fixation_time"] = _Entry(math.inf, "exact", "fresh data bring every mode back")
    beyond = n_fresh and n_synth + n_fresh > mixture.FRESH_LIMIT
    entries |= (
        _modes_beyond(generations) if beyond else _modes_alive(K, n_synth, generations, n_fresh)
    )
    head = {"modes": K, "n_synth": n_synth, "n_fresh": n_fresh}
    return {**head, **_values(entries), **_notes(entries)}


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
    """Answer the `simulate` commands; a finished `out` is read, not repeated."""
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
    from madtheory.claims.verify import verify

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
