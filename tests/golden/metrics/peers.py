"""What POT and torchmetrics say of ordinary sets: the numbers that madtheory.metrics is held to.

    pip install POT torchmetrics
    python tests/golden/metrics/peers.py     # from the root of the repository, writes its .json

POT alone is 177 MB, so neither is among the development tools. The sets are written down too,
rounded to three decimals.
"""

import importlib.metadata
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[3]))

from benchmarks.accuracy.peers import pot_fid, torchmetrics_fid, torchmetrics_kernel


def rows(rng):
    """Four pairs of sets: shifted, stretched and turned, heavy-tailed, equal law."""
    for n, dim in ((40, 2), (30, 5), (60, 3), (25, 4)):
        turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0] * np.linspace(1, 3, dim)
        x = rng.standard_normal((n, dim))
        yield x, 0.5 + rng.standard_normal((n, dim))
        yield x, rng.standard_normal((n, dim)) @ turn
        yield x, rng.standard_t(4, (n, dim))
        yield x, rng.standard_normal((n, dim))


def row(x, y):
    x, y = np.round(x, 3), np.round(y, 3)
    return {
        "real": x.tolist(),
        "synth": y.tolist(),
        "fid": {"pot": pot_fid(x, y), "torchmetrics": torchmetrics_fid(x, y)},
        "kernel_distance": torchmetrics_kernel(x, y),
    }


def main():
    packages = ("POT", "torchmetrics", "torch", "numpy")
    out = {
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "rows": [row(x, y) for x, y in rows(np.random.default_rng(0))],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
