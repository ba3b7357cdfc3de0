"""Committed curves held against the theory; kept beside them, as a comparison takes seconds.

``python -m madtheory.reports.deep.compared`` makes what is missing, or of other rules or curves, in
reports/data/compared. What is not kept is computed when the report is made: nothing stale is read.
"""

from __future__ import annotations

import ast
import functools
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np

from madtheory.deep import curves
from madtheory.deep.compare import Reading, compare
from madtheory.deep.curves import Curve
from madtheory.files import atomic_write_json, run_folder, sha256_file
from madtheory.loop import UnsupportedLoop
from madtheory.reports import cache
from madtheory.reports._types import Numbers

DATA: Final = Path(str(files("madtheory.reports") / "data"))
_RULES: Final = "madtheory.deep.compare"
#: Significant digits of what is kept.
_DIGITS: Final = 7


def paths() -> dict[str, Path]:
    """The committed curves, by name."""
    return {path.stem: path for path in sorted((DATA / "curves").glob("*.json"))}


def digests() -> dict[str, str]:
    """SHA-256 of every committed curve's file, by name."""
    return {name: sha256_file(path) for name, path in paths().items()}


def listed() -> dict[str, int]:
    """How many curves reports/data/curves.toml lists, by family."""
    entries = tomllib.loads((DATA / "curves.toml").read_text(encoding="utf-8"))["curves"]
    found: Counter[str] = Counter()
    for entry in entries:
        count = len(entry["bias"]) * len(entry["seeds"]) * len(entry["loops"])
        found[entry["preset"].split("-")[0]] += count
    return dict(found)


def grids() -> list[Numbers]:
    """Committed pictures of samples, with what they were made from (make_grids)."""
    found = [(path, path.with_suffix(".json")) for path in sorted((DATA / "grids").glob("*.png"))]
    return [
        {"name": png.stem, "sha256": sha256_file(png), **run_folder.read_json(about)}
        for png, about in found
    ]


def maps() -> list[Numbers]:
    """Committed maps of neighbours, with what they were made from (make_maps)."""
    found = sorted((DATA / "maps").glob("*.json"))
    return [{"name": path.stem, "sha256": sha256_file(path)} for path in found]


def read_map(name: str) -> Numbers:
    """A committed map: places (n, 2) and labels (n,) of every generation shown."""
    read = run_folder.read_json(DATA / "maps" / f"{name}.json")
    places = [np.array(text.split(), float).reshape(-1, 2) for text in read["places"]]
    return {**read, "places": places, "labels": [list(map(int, text)) for text in read["labels"]]}


def read_all(names: list[str]) -> dict[str, Curve]:
    """Read committed curves."""
    return {name: curves.read(DATA / "curves" / f"{name}.json") for name in names}


def group_of(curve: Curve) -> tuple[str, str, str, float]:
    """What the seeds of a loop share: family, data, kind and lambda."""
    return curve.family, str(curve.preset["data"]), curve.kind, curve.bias


def lender(curve: Curve, known: Mapping[str, Curve]) -> Curve | None:
    """The fully synthetic loop of the same model and seed, for a loop with real data."""
    if curve.kind == "synthetic":
        return None
    wanted = (*group_of(curve)[:2], "synthetic", curve.bias)
    same = (x for x in known.values() if group_of(x) == wanted and x.seed == curve.seed)
    return next(same, None)


# --- one comparison ------------------------------------------------------------------------------


def _says(text: str) -> str:
    """What a source says to Python: no comments, line breaks or docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [x for x in node.body if not _is_text(x)]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@functools.cache
def code() -> str:
    """Digest of the code of the rules."""
    found = cache.sources(f"{_RULES}.comparison")
    return cache.digest(*(_says(text) for name, text in found if name.startswith(_RULES)))


def _key(curve: Curve, other: Curve | None) -> list[str]:
    return [code(), curve.digest, *([other.digest] if other else [])]


def _rounded(values: Any) -> list[float]:
    return [float(f"{x:.{_DIGITS}g}") for x in values]


def _reading(found: Reading) -> Numbers:
    """What is kept of a version's reading; measured values are the curve's."""
    metrics = {
        name: {
            "predicted": _rounded(one.predicted),
            "low": _rounded(one.low),
            "high": _rounded(one.high),
            "error": _rounded(one.relative_error),
            "within": list(one.within_band),
        }
        for name, one in found.metrics.items()
    }
    spectrum = (found.biases, found.biases_low, found.biases_high)
    return {
        "version": found.version,
        "n_fit": _rounded([found.n_fit, *found.n_fit_interval]),
        "bias": _rounded([found.bias, *found.bias_interval]),
        "biases": None if found.biases is None else [_rounded(x) for x in spectrum],
        "metrics": metrics,
    }


def _compared(curve: Curve, other: Curve | None) -> Numbers:
    """Readings with the curve's own numbers and with another curve's; why not, where refused."""
    try:
        own = [_reading(x) for x in compare(curve).readings]
        lent = None if other is None else compare(curve, calibrate=other).readings
    except (ValueError, UnsupportedLoop) as error:
        return {"refused": str(error), "own": [], "lent": None}
    return {"own": own, "lent": lent and [_reading(x) for x in lent]}


def kept_path(name: str) -> Path:
    """Where the comparison of a curve is kept."""
    return DATA / "compared" / f"{name}.json"


def kept(name: str, key: list[str]) -> Numbers | None:
    """The comparison that is kept, None where there is none of this key."""
    path = kept_path(name)
    if not path.exists():
        return None
    try:
        found = run_folder.read_json(path)
    except ValueError:
        return None
    return found if found.get("key") == key else None


def compared(name: str, known: Mapping[str, Curve]) -> Numbers:
    """The comparison of a curve, kept or computed now."""
    curve, other = known[name], lender(known[name], known)
    key = _key(curve, other)
    return kept(name, key) or {"key": key, **_compared(curve, other)}


def make(name: str) -> str:
    """Compare a curve and keep it; return its name."""
    known = read_all(list(paths()))
    atomic_write_json(kept_path(name), compared(name, known))
    return name


def stale() -> list[str]:
    """Curves whose comparison is missing or of other code or curves."""
    known = read_all(list(paths()))
    keys = {name: _key(curve, lender(curve, known)) for name, curve in known.items()}
    return [name for name, key in keys.items() if kept(name, key) is None]


def main() -> int:
    """Make what is missing, two at a time."""
    with ProcessPoolExecutor(2) as pool:
        for name in pool.map(make, stale()):
            print(name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
