"""Real data by name: what a loop is trained on, and a test set to measure against.

====================  ============================================================================
fashion-8             Fashion-MNIST at 8 x 8, 20,000 + 10,000, ten classes; ships with the package
digits                scikit-learn's digits at 8 x 8, 1,297 + 500, ten classes
rosenbrock            density exp(-x1^2/2 - (x2 - x1^2)^2) on the plane
modes-25              25 Gaussians of standard deviation .05 on the grid {-2, ..., 2}^2
gaussian-D            N(0, I_D)
spectrum-D            N(0, diag(1, 1/2, 1/4, ...)), D variances that halve: which directions die?
idx:FOLDER            IDX files as MNIST has them (train-images-idx3-ubyte[.gz], ...)
images:FOLDER         a folder of images, or a folder of one a class
====================  ============================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from madtheory._types import Array, Numbers
from madtheory.deep.data.idx import read_idx
from madtheory.deep.data.images import read_images
from madtheory.engine.protocol import Rng

HERE = Path(__file__).parent
#: Most dimensions of Gaussian data: their covariance has a hundred megabytes.
WIDEST = 4096
#: Points of a test set that is drawn, and its seed.
N_TEST, TEST_SEED = 10_000, 2024


@dataclass(frozen=True, slots=True)
class DataSet:
    """Training data (rows, or a source) and test rows; `classes` is 0 without labels."""

    name: str
    train: Any
    test: Numbers
    labels: Numbers | None = None
    classes: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A law to draw from; the engine takes it as data without end."""

    name: str
    draw: Callable[[int, Rng], Array]

    def sample(self, n: int, bias: float, rng: Rng, /) -> Numbers:
        """Draw n points; real data have bias 1."""
        return self.draw(n, rng).astype(np.float32)


def rosenbrock(n: int, rng: Rng) -> Array:
    """x1 ~ N(0, 1), x2 ~ N(x1^2, 1/2): density proportional to exp(-x1^2/2 - (x2 - x1^2)^2)."""
    x, e = rng.standard_normal((2, n))
    return np.stack((x, x**2 + np.sqrt(0.5) * e), axis=1)


def modes(n: int, rng: Rng) -> Array:
    """25 modes on a grid, standard deviation .05."""
    centres = rng.integers(-2, 3, size=(n, 2))
    return centres + 0.05 * rng.standard_normal((n, 2))


def _law(name: str, draw: Callable[[int, Rng], Array]) -> DataSet:
    source = Drawn(name, draw)
    return DataSet(name, source, source.sample(N_TEST, 1.0, np.random.default_rng(TEST_SEED)))


def pixels(images: Numbers) -> Numbers:
    """Grey levels 0..255, (n, h, w) or (n, h, w, 3), as (n, c, h, w) in [-1, 1]."""
    x = images[:, None] if images.ndim == 3 else np.moveaxis(images, 3, 1)
    return np.ascontiguousarray(x.astype(np.float32) / 127.5 - 1.0)


def _labelled(name: str, arrays: dict[str, Numbers]) -> DataSet:
    """Grey levels with labels; one class is none."""
    labels = {part: arrays[f"{part}_y"].astype(np.int64) for part in ("train", "test")}
    x, test = pixels(arrays["train_x"]), pixels(arrays["test_x"])
    classes = int(labels["train"].max()) + 1
    if classes == 1:
        return DataSet(name, x, test)
    return DataSet(name, {"x": x, "y": labels["train"]}, test, labels["test"], classes)


def fashion() -> DataSet:
    """Fashion-MNIST at 8 x 8."""
    with np.load(HERE / "fashion_8x8.npz") as arrays:
        return _labelled("fashion-8", dict(arrays))


def digits() -> DataSet:
    """scikit-learn's digits, 500 of them for the test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(TEST_SEED).permutation(len(images))
    x, y = images[order].reshape(-1, 8, 8) * (255.0 / 16.0), labels[order]
    return _labelled(
        "digits", {"train_x": x[500:], "train_y": y[500:], "test_x": x[:500], "test_y": y[:500]}
    )


def _idx(folder: Path, stem: str) -> Numbers:
    found = [path for path in (folder / stem, folder / f"{stem}.gz") if path.exists()]
    if not found:
        raise ValueError(f"data must be a folder that holds {stem}[.gz], got {folder}")
    return read_idx(found[0])


def idx_folder(folder: Path) -> DataSet:
    """IDX files of images and labels, training and test."""
    arrays: dict[str, Numbers] = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        x = _idx(folder, f"{prefix}-images-idx3-ubyte")
        y = _idx(folder, f"{prefix}-labels-idx1-ubyte")
        if x.ndim != 3 or y.shape != x.shape[:1]:
            raise ValueError(
                f"data must have a label an image, got {x.shape}, {y.shape} in {folder}"
            )
        arrays |= {f"{part}_x": x, f"{part}_y": y}
    return _labelled(f"idx:{folder}", arrays)


def image_folder(folder: Path) -> DataSet:
    """A folder of images; a tenth of them (every tenth) is the test set."""
    x, y = read_images(folder)
    test = np.arange(len(x)) % 10 == 9
    parts = {"train_x": x[~test], "train_y": y[~test], "test_x": x[test], "test_y": y[test]}
    return _labelled(f"images:{folder}", parts)


def load(name: str) -> DataSet:
    """Return a data set by its name.

    Raises
    ------
    ValueError
        There is no such set, or its files are missing or damaged.
    """
    kind, _, rest = name.partition(":")
    if kind in ("idx", "images") and rest:
        return idx_folder(Path(rest)) if kind == "idx" else image_folder(Path(rest))
    law, _, dim = name.rpartition("-")
    if law in ("gaussian", "spectrum") and dim.isdecimal() and dim.strip("0"):
        if len(dim.lstrip("0")) > len(str(WIDEST)) or int(dim) > WIDEST:
            raise ValueError(f"data must have at most {WIDEST} dimensions, got {name!r}")
        scale = np.sqrt((0.5 if law == "spectrum" else 1.0) ** np.arange(int(dim)))
        return _law(name, lambda n, rng: scale * rng.standard_normal((n, len(scale))))
    laws = {"rosenbrock": rosenbrock, "modes-25": modes}
    if name in laws:
        return _law(name, laws[name])
    if name in ("fashion-8", "digits"):
        return fashion() if name == "fashion-8" else digits()
    raise ValueError(
        "data must be fashion-8, digits, rosenbrock, modes-25, gaussian-D, spectrum-D, idx:FOLDER "
        f"or images:FOLDER, got {name!r}"
    )
