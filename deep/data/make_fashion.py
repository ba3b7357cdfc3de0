"""Make fashion_8x8.npz: python -m madtheory.deep.data.make_fashion FOLDER.

FOLDER holds Fashion-MNIST's four IDX files (Zalando SE, MIT licence). Images are padded to 32 x 32
and averaged over 4 x 4 blocks: 20,000 of the training and all 10,000 test images.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from madtheory._types import Numbers
from madtheory.deep.data.idx import read_idx

N_TRAIN = 20_000


def pooled(images: Numbers) -> Numbers:
    """Average 28 x 28 images over 4 x 4 blocks after two pixels of padding: (n, 8, 8), uint8."""
    wide = np.pad(images, ((0, 0), (2, 2), (2, 2))).astype(np.float64)
    blocks = wide.reshape(len(images), 8, 4, 8, 4).mean(axis=(2, 4))
    return np.asarray(np.rint(blocks).astype(np.uint8))


def main(folder: str) -> None:
    """Read the four files, write one."""
    arrays: dict[str, Numbers] = {}
    for part, prefix, n in (("train", "train", N_TRAIN), ("test", "t10k", None)):
        images = read_idx(Path(folder) / f"{prefix}-images-idx3-ubyte.gz")[:n]
        labels = read_idx(Path(folder) / f"{prefix}-labels-idx1-ubyte.gz")[:n]
        arrays |= {f"{part}_x": pooled(images), f"{part}_y": labels}
    out = Path(__file__).with_name("fashion_8x8.npz")
    np.savez_compressed(out, allow_pickle=False, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
