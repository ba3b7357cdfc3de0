"""Measured curves of deep loops: one JSON file a run, with all that it takes to run it again.

Keys of a file: `command`, `versions`, `seed`, `seconds`, `date`, `digest` (of the results alone, as
``madtheory deep run`` prints it), `preset` (its TOML), `loop` (fields of
:class:`madtheory.loop.Loop`), `n_params`, `real` (the metrics of real training data of the size of
one generation, the floor), `generations`, `metrics` ({name: (T, ...)}), `processor` (older files do
not name theirs: a digest repeats on one kind of them), and `seal`, of all of these: what compares
a curve with theory reads its loop and preset too. No torch is needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from madtheory import files
from madtheory._types import Array, Ints
from madtheory.deep.folder import read_about
from madtheory.engine import read_curves, samples
from madtheory.engine.store import timed
from madtheory.files import run_folder, seal

#: Bytes of the largest file that is read; committed curves have some tens of thousands.
_LARGEST = 2**28


def digest(generations: Ints, metrics: Mapping[str, Array]) -> str:
    """SHA-256 of all that was measured."""
    return samples.digest({"generations": generations, **metrics})


@dataclass(frozen=True, slots=True)
class Curve:
    """One run of a deep loop as it is committed; metrics have shape (T, ...), `real` (...)."""

    command: str
    versions: dict[str, str]
    seed: int
    seconds: float
    date: str
    digest: str
    preset: dict[str, Any]
    loop: dict[str, Any]
    n_params: int
    real: dict[str, Array]
    generations: Ints
    metrics: dict[str, Array]
    processor: str = ""

    @property
    def family(self) -> str:
        """Family of the model."""
        return str(self.preset["family"])

    @property
    def kind(self) -> str:
        """Kind of the loop: synthetic, augmentation, fresh, any."""
        return str(self.preset["loop"].get("kind", "any"))

    @property
    def bias(self) -> float:
        """The loop's lambda."""
        return float(self.loop["bias"])

    @property
    def name(self) -> str:
        """Name of its file: family-data-kind-lambda-seed."""
        return curve_name(self.preset, self.seed)


def curve_name(preset: Mapping[str, Any], seed: int) -> str:
    """Name of the curve of a preset's table and a seed.

    Examples
    --------
    >>> table = {"family": "ddpm", "data": "fashion-8", "loop": {"kind": "fresh", "bias": 0.5}}
    >>> curve_name(table, 0)
    'ddpm-fashion-8-fresh-0.5-s0'
    """
    loop = preset["loop"]
    data = Path(preset["data"]).name.replace(":", "-")
    kind, bias = loop.get("kind", "any"), loop.get("bias", 1.0)
    return f"{preset['family']}-{data}-{kind}-{bias:g}-s{seed}"


def _arrays(values: Mapping[str, Any]) -> dict[str, Array]:
    """Lists as arrays; null is not a number."""
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}


def _seconds(folder: Path) -> float:
    """Time that the finished generations took, each as it was last run."""
    path = folder / "timings.jsonl"
    try:
        found = dict(map(timed, path.read_bytes().splitlines()))
    except (OSError, ValueError):
        raise ValueError(
            f"{path} must be the timings of this run, got a damaged or missing file; "
            "give the run's command again, which mends it"
        ) from None
    return round(sum(found.values()), 1)


def of_run(folder: Path | str) -> Curve:
    """Return the curve of a run folder, as far as it has come.

    Raises
    ------
    ValueError
        The folder is not that of a deep run with a finished generation, or is damaged.
    """
    folder = Path(folder)
    about, curves = read_about(folder), read_curves(folder)
    if not curves.reached:
        raise ValueError(f"the run must have finished a generation, got none in {folder}")
    environment = run_folder.read_json(folder / "environment.json")
    return Curve(
        command=about["command"],
        versions=environment["versions"] | {"python": environment["python"]},
        seed=curves.seed,
        seconds=_seconds(folder),
        date=date.fromtimestamp((folder / "state").stat().st_mtime).isoformat(),
        digest=digest(curves.generations, curves.metrics),
        preset=about["preset"],
        loop=run_folder.read_json(folder / "config.json")["loop"],
        n_params=about["n_params"],
        real=_arrays(about["real"]),
        generations=curves.generations,
        metrics=curves.metrics,
        processor=environment.get("processor", ""),
    )


def write(curve: Curve, path: Path | str) -> None:
    """Write a curve as JSON, sealed: all of it or nothing."""
    told = json.loads(files.canonical_json(curve))
    files.atomic_write_json(path, told | {"seal": seal(told)})


def read(path: Path | str) -> Curve:
    """Return the curve in a JSON file.

    Raises
    ------
    ValueError
        It is no such file, or its seal is not that of what it says.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f"curve must be a file, got a folder, a pipe or a device, {path}")
    try:
        if Path(path).stat().st_size > _LARGEST:
            raise ValueError("too large")
        given = json.loads(Path(path).read_text(encoding="utf-8"))
        sealed = given.pop("seal", None) == seal(given)
        given["real"], given["metrics"] = _arrays(given["real"]), _arrays(given["metrics"])
        given["generations"] = np.asarray(given["generations"], dtype=np.int64)
        curve = Curve(**given)
        curve_name(curve.preset, curve.seed)  # all that a name needs is there
        float(curve.loop["bias"])
    except OSError as error:
        raise ValueError(f"curve must be a readable file, got {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError(f"curve must be a file that deep curve wrote, got {path}") from None
    if not sealed:
        raise ValueError(f"curve must have the seal of all that it says, got another one in {path}")
    return curve
