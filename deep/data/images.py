"""Folders of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from madtheory._types import Ints, Numbers

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def _files(folder: Path) -> tuple[list[Path], list[int]]:
    """Image files in order, and the number of the sub-folder of each (0 without sub-folders)."""
    if not folder.is_dir():
        raise ValueError(f"data must be a folder of images, got {folder}")
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) or [folder]
    pairs = [
        (path, label)
        for label, part in enumerate(folders)
        for path in sorted(part.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    if not pairs:
        raise ValueError(f"data must be a folder with {', '.join(SUFFIXES)} files, got {folder}")
    return [path for path, _ in pairs], [label for _, label in pairs]


def _read(path: Path) -> Numbers:
    """One image: (h, w) when grey, (h, w, 3) otherwise."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"data must be readable images, got {path}: {error}") from None


def read_images(folder: Path) -> tuple[Numbers, Ints]:
    """Return all images, (n, h, w) or (n, h, w, 3), and their labels by sub-folder.

    Raises
    ------
    ValueError
        A file is no image, or they are not all of one shape; the first such file is named.
    """
    paths, labels = _files(folder)
    images: list[Numbers] = []
    for path in paths:
        image = _read(path)
        if images and image.shape != images[0].shape:
            shape, first = image.shape, images[0].shape
            raise ValueError(f"data must be images of one shape, {first}, got {shape} in {path}")
        images.append(image)
    return np.stack(images), np.array(labels, dtype=np.int64)
