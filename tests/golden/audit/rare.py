"""What bands of the forecast cover where few rows vary along some directions, for docs/audit.md.

Run ``python -m tests.golden.audit.rare``; it rewrites rare.json (some minutes, one core). Seeds set
nothing. Features: Gaussian columns beside one or three that are nonzero in .05 to .3 % of the rows,
sparse activations (as they are, or of unit deviations), handwritten digits (as they are, or of
unit deviations). Models are Gaussian, or kernels of Silverman's width that keep the variances; all
data are drawn, and REAL is the first training set in half of the loops. They go on for HORIZON
generations: a loop counts at each of them.
"""

import json
import time
from pathlib import Path

import numpy as np
import scipy
from sklearn.datasets import load_digits

from madtheory import audit
from madtheory._threads import one_thread
from madtheory.audit.forecast import forecast
from madtheory.audit.known import NOTHING
from tests.golden.audit.bands import root, shown, spread

TABLE = Path(__file__).with_suffix(".json")
LEVEL, HORIZON, LOOPS, SEED = 0.95, 5, 16, 14
LAWS = ("rare columns", "sparse", "digits", "scaled")
KINDS = ("full", "fresh", "fixed", "independent")


def sampler(law, rng):
    """Draws n rows of a law, which the generator makes."""
    if law == "rare columns":
        d, p = int(rng.choice([4, 8, 16, 30])), rng.uniform(0.0005, 0.003, int(rng.choice([1, 3])))
        scales = rng.uniform(0.5, 2, d)
        return lambda n: np.hstack(
            [rng.standard_normal((n, d)) * scales, 3.0 * (rng.random((n, len(p))) < p)]
        )
    if law == "digits" or (law == "scaled" and rng.random() < 0.5):
        digits = load_digits().data
        if law == "scaled":
            digits = digits[:, digits.std(axis=0) > 0]
            digits = digits / digits.std(axis=0)
        return lambda n: digits[rng.integers(len(digits), size=n)]
    d = int(rng.choice([8, 12, 16, 24, 64]))
    k = max(2, d // 3)
    W, bias = rng.standard_normal((k, d)) / np.sqrt(k), -rng.uniform(0, 3, d)

    def rows(n):
        noise = 0.3 * rng.standard_normal((n, d))
        return np.maximum(rng.standard_normal((n, k)) @ W + bias + noise, 0)

    if law == "sparse":
        return rows
    deviations = rows(40_000).std(axis=0)
    return lambda n: rows(n) / np.where(deviations > 0, deviations, 1)


def draw(rng, x, n, model):
    """Samples of the model fit to x."""
    noise = rng.standard_normal((n, x.shape[1])) @ root(spread(x, 1)).T
    if model == "gaussian":
        return x.mean(axis=0) + noise
    d = x.shape[1]
    width = (4 / (d + 2)) ** (1 / (d + 4)) * len(x) ** (-1 / (d + 4))
    rows = x[rng.integers(len(x), size=n)] - x.mean(axis=0)
    return x.mean(axis=0) + (rows + width * noise) / np.sqrt(1 + width**2)


def judged(kind, real, files, known=NOTHING):
    """Of files, the last HORIZON to be forecast: which distances and variances are in the bands,
    how wide these are, and whether the loop is taken for one of a `kind`.
    """
    seen = real.mean(axis=0), root(spread(real, 1))
    told, later = files[:-HORIZON], files[-HORIZON:]
    truth = np.array([shown(seen, x) for x in later])
    axes = audit.axes_of(real)
    series = audit.series_of(axes, told)
    held = audit.infer(series, None, LEVEL, 0.02, known).held
    last = shown(seen, told[-1])[::-1]
    found = forecast(real, told, axes, series, held, last, HORIZON, LEVEL, known)
    row = {kind: getattr(found, kind)}
    for name, bands, values in (
        ("fid", found.fid, truth[:, 0]),
        ("trace", found.trace, truth[:, 1]),
    ):
        low, value, high = np.array([(b.low, b.value, b.high) for b in bands]).T
        row[name] = ((low <= values) & (values <= high)).tolist()
        row[f"{name} width"] = float(np.median(np.log(high / low)))
        row[f"{name} ratio"] = float(np.median(values / value))
    return row


def covered(kind, rows):
    """Of loops: how many, how many are of a `kind`, and what their bands cover."""
    out = {"loops": len(rows), kind: sum(row[kind] for row in rows)}
    for name in ("fid", "trace"):
        hits = np.array([row[name] for row in rows])
        out[name] = {
            "covered": [int(hits.sum()), hits.size],
            "five ahead": [int(hits[:, -1].sum()), len(hits)],
            "width": round(float(np.median([row[f"{name} width"] for row in rows])), 3),
            "ratio": round(float(np.median([row[f"{name} ratio"] for row in rows])), 3),
        }
    return out


def record(table, found):
    """Write what was found beside the script that `table` is named after."""
    text = {
        "script": f"tests/golden/audit/{table.stem}.py",
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
        "level": LEVEL,
        "generations ahead": HORIZON,
        "loops": found,
    }
    table.write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")


def judge(law, kind, seed):
    """One loop."""
    rng = np.random.default_rng(seed)
    real_rows = sampler(law, rng)
    n, T = int(rng.choice([300, 500, 1000, 2000])), int(rng.choice([6, 8, 10, 15]))
    share, model = rng.choice([0.1, 0.3, 0.6]), str(rng.choice(["gaussian", "kernel"]))
    own, first = rng.random(2) < 0.5
    training = real_rows(n)
    real = training if first else real_rows(n)
    mine = {"full": 0, "independent": n}.get(kind, round(share * n))
    fixed, files = training[:mine], []
    for _ in range(T + HORIZON):
        synthetic = draw(rng, training, n, model)
        files.append(synthetic if own else draw(rng, training, n, model))
        new = fixed if kind == "fixed" else real_rows(mine)
        training = np.concatenate([new, synthetic[: n - mine]])
    return judged("wild", real, files)


def main():
    found, begin = {}, time.perf_counter()
    with one_thread():
        for i, law in enumerate(LAWS):
            for j, kind in enumerate(KINDS):
                seeds = [[SEED, i, j, k] for k in range(LOOPS)]
                name = f"{law}, {kind}"
                found[name] = covered("wild", [judge(law, kind, seed) for seed in seeds])
                seconds = time.perf_counter() - begin
                print(f"{name}: {json.dumps(found[name])} {seconds:.0f} s", flush=True)
    record(TABLE, found)


if __name__ == "__main__":
    main()
