"""Neighbours by generation, as t-SNE: python -m madtheory.reports.deep.make_maps FOLDER.

FOLDER is a run folder of a curve of labelled samples. Real features are laid out once, samples of
later generations are placed among them. In reports/data/maps lies FAMILY-DATA-KIND-LAMBDA.json.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from madtheory.deep.curves import Curve, of_run
from madtheory.deep.folder import read_samples, sample_files
from madtheory.files import atomic_write_json
from madtheory.reports._types import Array, Numbers
from madtheory.reports.deep.compared import DATA
from madtheory.reports.deep.make_grids import about, main
from madtheory.reports.deep.one_run import shown

#: How many real samples count as neighbours, and the seed of the layout.
PERPLEXITY, SEED = 30, 0
#: Of so many samples one is kept.
EVERY = 2


def layout(real: Array, others: list[Array]) -> list[Array]:
    """Places (n, 2) of real rows, and of the rows of each other set among them."""
    from openTSNE import TSNE

    settings = {"perplexity": PERPLEXITY, "random_state": SEED, "n_jobs": 1, "neighbors": "exact"}
    placed = TSNE(**settings).fit(real)
    return [np.asarray(placed), *(np.asarray(placed.transform(x)) for x in others)]


def tenths(x: Array) -> str:
    """Coordinates in tenths, in one line.

    Examples
    --------
    >>> tenths(np.array([[1.0, -2.26]]))
    '10 -23'
    """
    return " ".join(map(str, np.round(10 * x.ravel()).astype(int)))


def between_classes(x: Array, labels: Array) -> float:
    """Share of the variance that lies between classes.

    Examples
    --------
    >>> between_classes(np.array([[0.0], [0.0], [2.0], [2.0]]), np.array([0, 0, 1, 1]))
    1.0
    """
    means = np.stack([x[labels == c].mean(axis=0) for c in np.unique(labels)])
    each = means[np.searchsorted(np.unique(labels), labels)]
    return float(((each - x.mean(axis=0)) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum())


def write(folder: Path) -> Path:
    """Write the map of a run folder; return its path."""
    curve: Curve = of_run(folder)
    chosen, files = shown(len(curve.generations)), sample_files(folder)
    sets: list[Numbers] = [read_samples(files[t]) for t in chosen]
    features = [np.asarray(one["features"], np.float64) for one in sets]
    path = DATA / "maps" / f"{curve.name.rsplit('-s', 1)[0]}.json"
    found = {
        **about(curve, chosen),
        "made_by": f"openTSNE {version('openTSNE')}, perplexity {PERPLEXITY}, seed {SEED}",
        "between": [
            between_classes(x, one["labels"]) for x, one in zip(features, sets, strict=True)
        ],
        "labels": ["".join(map(str, one["labels"][::EVERY])) for one in sets],
        "places": [tenths(x[::EVERY]) for x in layout(features[0], features[1:])],
    }
    atomic_write_json(path, found)
    return path


if __name__ == "__main__":
    sys.exit(main(write))
