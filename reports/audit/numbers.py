"""Section 15: loops whose truth is known: three of them, how often one is found, and errors."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import stats

from madtheory import metrics
from madtheory.audit import GROWTH, MARGIN, Inference, audit, axes_of, infer, series_of
from madtheory.audit.anchor import least_step
from madtheory.audit.drift import size_correction
from madtheory.audit.known import NOTHING, Known
from madtheory.audit.power import Setting, mad_power
from madtheory.engine import run_loop
from madtheory.engine.models import Gaussian
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.reports._types import Array, Numbers


def _files(loop: Loop, dim: int, config: Numbers, seed: int) -> list[Array]:
    """Features of every generation: fresh samples of its model, as many as it trains on."""
    n = config["n"]

    def samples(model: Any, training: Any, rng: np.random.Generator) -> list[float]:
        return [float(x) for x in model.sample(n, 1.0, rng).ravel()]

    curves = run_loop(
        loop,
        Gaussian.of(loop),
        Gaussian.standard(dim),
        generations=config["generations"],
        metrics={"samples": samples},
        seed=seed,
    )
    return list(curves.metrics["samples"].reshape(-1, n, dim))


def _loops(n: int) -> dict[str, Loop]:
    """Loops whose truth is known, by name."""
    return {
        "fully synthetic, λ = 0.9": fully_synthetic(n, bias=0.9),
        "fully synthetic, λ = 1": fully_synthetic(n),
        "half fresh, λ = 0.9": fresh_data(n, n, bias=0.9),
        "half fresh, λ = 1": fresh_data(n, n),
        "half fixed, λ = 0.9": synthetic_augmentation(n, n, bias=0.9),
        "half fixed, λ = 1": synthetic_augmentation(n, n),
    }


def _truth(loop: Loop) -> str:
    """Without real data a loop is MAD; with half of them it is held (docs/audit.md)."""
    return "not_mad" if loop.n_fresh or loop.n_fixed else "mad"


# ---------------------------------------------------------------------------------- three loops
def _shown(name: str, loop: Loop, config: Numbers) -> Numbers:
    """The audit of one run, and the same loop's own next generations."""
    horizon = config["horizon"]
    longer = {**config, "generations": config["generations"] + horizon}
    files = _files(loop, config["dim"], longer, config["seed"])
    real = np.random.default_rng(config["seed"]).standard_normal((config["n"], config["dim"]))
    result = audit(real, files[:-horizon], horizon=horizon)
    told = _inferred(real, files[:-horizon], config, Known(share=loop.n_real / loop.n_train))
    later = [metrics.fid(real, x).value for x in files[-horizon:]]
    more = {"told": told.verdict, "told_reason": told.reason}
    return {"name": name, "truth": _truth(loop), "later": later, **more, **asdict(result)}


# --------------------------------------------------------------------------------- error rates
def _interval(hits: int, n: int) -> tuple[float, float]:
    """Exact 95 % interval of a share (Clopper and Pearson)."""
    found = stats.binomtest(hits, n).proportion_ci(0.95)
    return float(found.low), float(found.high)


def _inferred(
    real: Array, files: list[Array], config: Numbers, known: Known = NOTHING
) -> Inference:
    """Drift and verdict of one run; metrics and forecast have no say in it."""
    series = series_of(axes_of(real), files)
    return infer(series, None, config["level"], config["alpha"], known)


def _runs(name: str, loop: Loop, config: Numbers) -> list[tuple[Array, list[Array]]]:
    """Real sets and files of several runs."""
    shape = config["n"], config["dim"]
    return [
        (
            np.random.default_rng(int(seed)).standard_normal(shape),
            _files(loop, config["dim"], config, int(seed)),
        )
        for seed in np.random.SeedSequence(config["seed"], spawn_key=(len(name),)).generate_state(
            config["runs"]
        )
    ]


def _errors(name: str, loop: Loop, config: Numbers) -> Numbers:
    """Verdicts over many runs of one loop, and how often the interval of the bias holds it."""
    n = config["runs"]
    found = [_inferred(*run, config) for run in _runs(name, loop, config)]
    verdicts: Counter[str] = Counter(x.verdict for x in found)
    truth = _truth(loop)
    wrong = n - verdicts[truth] - verdicts["undecided"]
    held = sum(x.bias.low <= loop.scalar_bias <= x.bias.high for x in found)
    return {
        "loop": name,
        "truth": truth,
        "runs": n,
        **{verdict: verdicts[verdict] for verdict in ("mad", "not_mad", "undecided")},
        "wrong": wrong,
        "wrong_high": _interval(wrong, n)[1],
        # The bias of a loop with real data is an effective one: no true value to hold.
        "covered": held / n if truth == "mad" else None,
    }


# ------------------------------------------------------------------------- how often one is found
#: What is said of the loop that is to be found.
_SAID = {"nothing": NOTHING, "no real data": Known(share=0.0)}


def _bound(loop: Loop, real: Array, files: list[Array], config: Numbers, known: Known) -> float:
    """Power of the best test for files of the training sets' size, its parameters the true ones."""
    n, dim, series = loop.n_synth, config["dim"], series_of(axes_of(real), files)
    setting = Setting(
        means=dim,
        shapes=dim * (dim + 1) / 2 - 1,
        noise=1.0,
        rows=1.0,
        offset=1.0,
        least=n * least_step(series, GROWTH),
        rate=float(np.log(loop.scalar_bias)) - size_correction(n - 1),
        level=2 / (n - 1) / dim,
        alone=known.alone,
    )
    return mad_power(setting, len(files), config["alpha"])


def _found(name: str, loop: Loop, config: Numbers) -> list[Numbers]:
    """Share of runs called MAD by the number of generations, by what is said, and the bound."""
    runs, out = _runs(name, loop, {**config, "generations": max(config["lengths"])}), []
    for said, known in _SAID.items():
        for T in config["lengths"]:
            verdicts = [_inferred(x, files[:T], config, known).verdict for x, files in runs]
            hits = verdicts.count("mad")
            low, high = _interval(hits, len(runs))
            bound = _bound(loop, runs[0][0], runs[0][1][:T], config, known)
            out.append({
                "said": said, "generations": T, "mad": hits, "share": hits / len(runs), "low": low,
                "high": high, "best": bound, "wrong": verdicts.count("not_mad"),
            })  # fmt: skip
    return out


def compute(config: Numbers) -> Numbers:
    """Audits of known loops."""
    loops = _loops(config["n"])
    shown = [_shown(name, loops[name], config) for name in config["shown"]]
    errors = [_errors(name, loop, config) for name, loop in loops.items()]
    found = _found(config["found"], loops[config["found"]], config)
    runs, wrong = (sum(row[key] for row in errors) for key in ("runs", "wrong"))
    mad = [row for row in errors if row["covered"] is not None]
    return {
        "shown": shown,
        "margin": MARGIN,
        "errors": errors,
        "found": found,
        "found_wrong": sum(row["wrong"] for row in found),
        "runs": runs,
        "wrong": wrong,
        "wrong_high": _interval(wrong, runs)[1],
        "undecided": sum(row["undecided"] for row in errors),
        "covered": sum(row["covered"] * row["runs"] for row in mad) / sum(r["runs"] for r in mad),
        "config": dict(config),
    }
