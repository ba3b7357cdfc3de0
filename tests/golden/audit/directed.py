"""What bands of the forecast cover on loops that were chosen to be hard, for docs/audit.md.

Run ``python tests/golden/audit/directed.py``; it rewrites directed.json (some minutes, one core;
with names of tables only those are made anew). Loops are those of bands.py, of other seeds, which
set nothing. They go on for HORIZON generations: a loop counts at each of them.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy

from madtheory import audit
from madtheory._threads import one_thread
from madtheory.audit.directions import directions
from madtheory.audit.forecast import forecast
from madtheory.audit.known import NOTHING, Known
from tests.golden.audit.bands import Case, ahead, root, shown, simulate, spread

TABLE = Path(__file__).with_suffix(".json")
LEVEL, HORIZON, SEED = 0.95, 5, 13
NO_REAL = Known(share=0.0)


class Kind(NamedTuple):
    """A kind of loop: its case, drawn from a generator, how many, and what is said of it."""

    case: Callable[[np.random.Generator], Case]
    loops: int
    known: Known = NOTHING


BASE = Case("gaussian", "full", dim=8, n=400, generations=6, bias=1.0, share=0.0, files="other")


def like(**given):
    """Cases of BASE with these fields; of a tuple one is drawn."""

    def case(rng):
        def drawn(x):
            return x[int(rng.integers(len(x)))] if isinstance(x, tuple) else x

        return replace(BASE, **{name: drawn(x) for name, x in given.items()})

    return case


def drifts():
    """Means that move by the same each time, along the first of few or many axes."""
    case = like(
        dim=(2, 4, 8, 15, 24),
        n=(120, 300, 1000),
        generations=(4, 6, 10, 15),
        files=("own", "other"),
        drift=(0.05, 0.1, 0.15, 0.3),
        spectrum=("equal", "power"),
    )
    return {"nothing said": Kind(case, 130), "no real data, said": Kind(case, 130, NO_REAL)}


def biases():
    """Biases of .7, .8 or .9 in every second direction, along REAL's axes or along others."""
    return {
        f"{n} rows, {d} dimensions, {spectrum}, {'others' if turned else 'its axes'}": Kind(
            like(
                dim=d,
                n=n,
                generations=(6, 10),
                small=(0.7, 0.8, 0.9),
                turned=turned,
                spectrum=spectrum,
            ),
            16,
        )
        for n in (600, 2000)
        for d in (8, 20)
        for spectrum in ("equal", "power")
        for turned in (True, False)
    }


def held_biases():
    """The same along axes that REAL's cut across, beside real data or older models."""
    return {
        f"{n} rows, {d} dimensions, {loop}": Kind(
            like(
                loop=loop,
                dim=d,
                n=n,
                generations=(6, 10, 15),
                share=(0.1, 0.3, 0.6),
                small=(0.7, 0.8, 0.9),
                turned=True,
                spectrum=("equal", "power"),
            ),
            16,
        )
        for n in (600, 2000)
        for d in (8, 20)
        for loop in ("fresh", "fixed", "memory", "pool")
    }


def correlations():
    """Models that lose the correlations along axes that REAL's cut across."""
    spectra = ("spiked", "power", "geometric")
    return {
        f"{d} dimensions, {files} files, {loop}": Kind(
            like(
                loop=loop,
                dim=d,
                generations=files,
                share=(0.2, 0.5),
                lost=1.0,
                turned=True,
                spectrum=spectra,
            ),
            18 if d < 60 else 12,
        )
        for d in (8, 20, 60)
        for files in (6, 12, 20)
        for loop in ("full", "fresh")
    }


def some_correlations():
    """Models that lose a part of the correlations each time, so that files come to rest."""
    case = like(
        dim=(4, 8, 12, 16, 20, 24),
        n=(200, 350, 600, 1000),
        generations=(5, 8, 12, 16),
        lost=(0.1, 0.25, 0.4),
        turned=True,
        spectrum=("power", "spiked", "geometric"),
    )
    said = NO_REAL._replace(memory=1)
    return {"nothing said": Kind(case, 40), "no real data, memory 1, said": Kind(case, 40, said)}


def low_rank():
    """Models of a part of the principal components, without any noise along the others."""
    return {
        f"{loop}, REAL {'the first training set' if first else 'other data'}": Kind(
            like(
                loop=loop,
                dim=(8, 12, 20, 32),
                n=(400, 800, 2000),
                generations=(4, 6, 10, 15),
                share=(0.1, 0.2, 0.35, 0.5),
                files=("own", "other"),
                spectrum=("equal", "power", "geometric"),
                kept=(0.5, 0.8),
                first=first,
            ),
            24,
        )
        for loop in ("full", "fresh", "fixed", "independent")
        for first in (False, True)
    }


def dimensions():
    """Six files in hundreds of directions, of variances 1/i or all equal."""
    rows = {"bias 1": {}, "bias .9": {"bias": 0.9}, "fresh": {"loop": "fresh", "share": 0.3}}
    many = {
        f"power, {d} dimensions, {n} rows, {name}": Kind(like(dim=d, n=n, **each), 8)
        for d, n in ((100, 400), (200, 1500))
        for name, each in rows.items()
    }
    rows = {
        "bias .95": {"bias": 0.95},
        "memory 3": {"loop": "memory"},
        "fixed": {"loop": "fixed", "share": 0.3},
        "fresh": {"loop": "fresh", "share": 0.3},
    }
    equal = {
        f"equal, 100 dimensions, 400 rows, {name}": Kind(like(dim=100, spectrum="equal", **each), 8)
        for name, each in rows.items()
    }
    return many | equal


TABLES = {
    "drifts": drifts,
    "biases": biases,
    "held biases": held_biases,
    "correlations": correlations,
    "low rank": low_rank,
    "dimensions": dimensions,
    "some correlations": some_correlations,
}


def judge(kind, seed):
    """One loop: which of its distances and total variances are in the bands, their widths, and
    whether its last file lacks rank; the same of the total variance by directions."""
    rng = np.random.default_rng(seed)
    case = kind.case(rng)
    real, files, _, state = simulate(case, rng)
    truth = ahead(real, state, case, rng)[:HORIZON, ::-1]
    axes = audit.axes_of(real)
    series = audit.series_of(axes, files)
    last = shown((real.mean(axis=0), root(spread(real, 1))), files[-1])[::-1]
    held = audit.infer(series, None, LEVEL, 0.02, kind.known).held
    found = forecast(real, files, axes, series, held, last, HORIZON, LEVEL, kind.known)
    row = {"low_rank": found.low_rank}
    by = directions(axes, series, last=last[0], horizon=HORIZON, level=LEVEL, known=kind.known)
    bands = {"trace": found.trace, "fid": found.fid, "by directions": by.trace}
    for name, values in zip(bands, truth[:, [0, 1, 0]].T, strict=True):
        if bands[name] is None:
            continue
        band = np.array([(b.low, b.high) for b in bands[name]])
        row[name] = ((band[:, 0] <= values) & (values <= band[:, 1])).tolist()
        row[f"{name} width"] = float(np.median(np.log(band[:, 1] / band[:, 0])))
    return row


def covered(rows):
    """Of loops: how many, how many lack rank, and what their bands cover."""
    out = {"loops": len(rows), "low rank": sum(row["low_rank"] for row in rows)}
    for name in ("fid", "trace", "by directions"):
        hits = np.array([row[name] for row in rows if name in row])
        if not len(hits):
            continue
        widths = [row[f"{name} width"] for row in rows if name in row]
        out[name] = {
            "covered": [int(hits.sum()), hits.size],
            "width": round(float(np.median(widths)), 3),
        }
    return out


def run(name):
    """Tables of all kinds of a name."""
    found, begin = {}, time.perf_counter()
    for i, (each, kind) in enumerate(TABLES[name]().items()):
        seeds = [[SEED, list(TABLES).index(name), i, j] for j in range(kind.loops)]
        found[each] = covered([judge(kind, seed) for seed in seeds])
        print(
            f"{name}: {each}: {json.dumps(found[each])} {time.perf_counter() - begin:.0f} s",
            flush=True,
        )
    return found


def main(*names):
    record = (
        json.loads(TABLE.read_text(encoding="utf-8"))
        if names and TABLE.exists()
        else {"tables": {}}
    )
    with one_thread():
        found = {name: run(name) for name in names or TABLES}
    record = {
        "script": "tests/golden/audit/directed.py",
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
        "level": LEVEL,
        "generations ahead": HORIZON,
        "tables": record["tables"] | found,
    }
    TABLE.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
