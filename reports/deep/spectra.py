"""Spectra of biases of the committed curves, and what they forecast beside one bias for all."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from madtheory.deep.curves import Curve
from madtheory.reports._types import Array, Numbers
from madtheory.theory import collapse

#: Directions below this share of the variance are not asked for a law of the share.
LEAST_SHARE = 1e-9


def _logs(curve: Curve, T: int) -> Array:
    """Log-variances of the generations 1..T along the real directions."""
    return np.log(np.maximum(curve.metrics["directions"][:T], 1e-300))


def forecast(logs: Array, traces: Array, known: int) -> tuple[float, float]:
    """Mean |log error| of later variances from generations 1..known, by spectrum and scalar."""
    ahead = np.arange(1, len(logs) - known + 1)[:, None]
    steps = max(known - 1, 1)
    lines = (logs[known - 1] - logs[0]) / steps
    scalar = np.log(traces[known - 1] / traces[0]) / steps
    later = logs[known:] - logs[known - 1]
    return float(np.abs(ahead * lines - later).mean()), float(np.abs(ahead * scalar - later).mean())


def _synthetic(curve: Curve, T: int) -> Array:
    """Bias of each direction with its interval from all generations, (3, K)."""
    found = collapse.estimate_biases(np.exp(_logs(curve, T)))
    return np.array([found.bias, found.lower, found.upper])


def _with_real(found: Numbers) -> Array | None:
    """The same from generations 1 and 2, by the rules; what the directions leave is left out."""
    lines = [x["biases"] for x in found["own"] if x["version"] == "spectrum"]
    return np.asarray(lines[0], dtype=np.float64)[:, :-1] if lines else None


def _agreement(rows: list[Array]) -> float | None:
    """Correlation of log lambda_k between seeds, the mean over pairs."""
    logs = [np.log(row[0]) for row in rows]
    pairs = [
        np.corrcoef(a, b)[0, 1] for i, a in enumerate(logs) for b in logs[i + 1 :] if len(a) > 2
    ]
    return float(np.mean(pairs)) if pairs else None


def _by_share(shares: Array, biases: Array) -> Numbers:
    """Rank correlation of lambda_k with the direction's share, and its p."""
    if len(shares) < 4:
        return {"rho": None, "p": None}
    rho, p = stats.spearmanr(shares, biases)
    return {"rho": float(rho), "p": float(p)}


def of_group(curves: list[Curve], found: list[Numbers]) -> Numbers | None:
    """Spectra of the seeds of one loop."""
    T = min(len(curve.generations) for curve in curves)
    synthetic = curves[0].kind == "synthetic"
    if T < 3 and synthetic:
        return None
    rows: list[Any] = [
        _synthetic(curve, T) if synthetic else _with_real(one)
        for curve, one in zip(curves, found, strict=True)
    ]
    rows = [row for row in rows if row is not None]
    if not rows:
        return None
    shares = curves[0].real["directions"] / curves[0].real["trace"]
    biases = np.exp(np.mean([np.log(row[0]) for row in rows], axis=0))
    ahead = [forecast(_logs(c, T), c.metrics["trace"], T // 2) for c in curves if T >= 4]
    low, high = (np.stack([row[i] for row in rows]) for i in (1, 2))
    return {
        "shares": shares,
        "rows": [{"bias": r[0], "low": r[1], "high": r[2]} for r in rows],
        "from": "all generations" if synthetic else "generations 1 and 2",
        "dying": int((high < 1).all(axis=0).sum()),
        "growing": int((low > 1).all(axis=0).sum()),
        "directions": len(shares),
        "least": float(biases.min()),
        "largest": float(biases.max()),
        "leading": float(biases[0]),
        "by_share": _by_share(shares, biases),
        "agreement": _agreement(rows),
        "forecast": [float(x) for x in np.mean(ahead, axis=0)] if synthetic and ahead else None,
        "known": T // 2,
    }


def exactness(curves: list[Curve]) -> Numbers | None:
    """Mean ratio of successive variances of a loop of exact fits against theory (8; exact).

    Along a fixed direction v_(t+1)/v_t = lambda chi2_(n-1)/n where the fit divides by n, all
    independent; what is measured on N samples adds 2/N to the mean and 4/N to the variance, to
    first order. `smallest`: relative error that |z| > 3 notices with probability .99.
    """
    if not curves:
        return None
    ratios: list[Any] = []
    for curve in curves:
        n, logs = float(curve.loop["n_synth"]), _logs(curve, len(curve.generations))
        ratios.append(np.exp(np.diff(logs, axis=0)) / curve.bias / (1 - 1 / n))
    N = float(curves[0].real["n_measured"])
    # Curves of one seed at two lambdas have the same noise: one of them counts.
    one = {curve.seed: r for curve, r in zip(curves, ratios, strict=True)}
    every = np.concatenate([r.ravel() for r in one.values()])
    se = float(np.sqrt((2 / (n - 1) + 4 / N) / every.size))
    mean = float(every.mean()) / (1 + 2 / N)
    by_seed = [float((r.mean() / (1 + 2 / N) - 1) / se * (r.size / every.size) ** 0.5)
               for r in one.values()]  # fmt: skip
    return {"mean": mean, "se": se, "z": (mean - 1) / se, "smallest": (3 + 2.326) * se,
            "seeds": by_seed, "ratios": every.size, "loops": len(one)}  # fmt: skip
