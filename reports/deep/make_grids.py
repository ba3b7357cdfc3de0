"""Samples by generation as one small picture: python -m madtheory.reports.deep.make_grids FOLDER.

FOLDER is a run folder of a curve. In reports/data/grids lie FAMILY-DATA-KIND-LAMBDA.png and, beside
it, a .json that says which curve, of which digest, it was made from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from madtheory.deep.curves import Curve, of_run
from madtheory.deep.folder import grid, read_samples, sample_files
from madtheory.files import atomic_stream, atomic_write_json
from madtheory.reports._types import Array, Numbers
from madtheory.reports.deep.compared import DATA
from madtheory.reports.deep.names import loop_name, subject
from madtheory.reports.deep.one_run import shown

#: Rows of classes and images a class; bins of a density a side; white pixels between generations.
ROWS, COLUMNS, BINS, GAP = 10, 7, 56, 4


def density(x: Array, real: Array) -> Array:
    """Points of the plane as grey levels, dark where they are many, within the limits of real."""
    low, high = real[:, :2].min(axis=0) - 0.3, real[:, :2].max(axis=0) + 0.3
    ends = [[low[0], high[0]], [low[1], high[1]]]
    counts = np.histogram2d(x[:, 0], x[:, 1], bins=BINS, range=ends)[0].T[::-1]
    grey = 255 - np.minimum(255, 60 * np.sqrt(counts))
    return np.asarray(grey, dtype=np.uint8)


def tile(arrays: Numbers, real: Numbers) -> Array:
    """One generation: images, a row a class, or a density."""
    if arrays["x"].ndim == 4:
        return grid(arrays["x"], arrays.get("labels"), ROWS, COLUMNS)
    return density(arrays["x"], real["x"])


def picture(sets: list[Numbers]) -> Array:
    """Generations side by side."""
    parts = [np.pad(tile(one, sets[0]), ((0, 0), (GAP, GAP)), constant_values=255) for one in sets]
    return np.concatenate(parts, axis=1)


def write(folder: Path) -> Path:
    """Write the picture of a run folder; return its path."""
    curve: Curve = of_run(folder)
    chosen, files = shown(len(curve.generations)), sample_files(folder)
    name = curve.name.rsplit("-s", 1)[0]
    path = DATA / "grids" / f"{name}.png"
    with atomic_stream(path) as stream:
        Image.fromarray(picture([read_samples(files[t]) for t in chosen])).save(stream, "PNG")
    atomic_write_json(path.with_suffix(".json"), about(curve, chosen))
    return path


def about(curve: Curve, chosen: list[int]) -> Numbers:
    """What a committed file says of the curve that it was made from."""
    words = subject(curve.family, str(curve.preset["data"])), loop_name(curve.kind)
    return {
        "curve": curve.name,
        "digest": curve.digest,
        "generations": chosen,
        "title": f"{', '.join(words)}, λ = {curve.bias:g}",
    }


def main(write: Callable[[Path], Path]) -> int:
    """Write what is made of all run folders that are named."""
    for folder in sys.argv[1:]:
        print(write(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main(write))
