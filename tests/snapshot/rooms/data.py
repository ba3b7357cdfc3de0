"""Data sets, IDX files and folders of images."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

from madtheory.deep.data import idx, images, make_fashion, sets
from tests.snapshot.rooms.small import RNG, Found
from tests.snapshot.told import answer, several, whole


def write_idx(path: Path, array: Any, code: int, *, packed: bool = False) -> None:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    data = head + array.tobytes()
    path.write_bytes(gzip.compress(data) if packed else data)


def data(here: Path) -> Found:
    for name in ("rosenbrock", "modes-25", "gaussian-3", "spectrum-4", "digits", "fashion-8"):
        found = sets.load(name)
        drawn = found.train.sample(9, 0.5, RNG(3)) if hasattr(found.train, "sample") else None
        yield f"data {name}", whole([found, drawn])
    names = ("gaussian-0", "spectrum-x", "none", "idx:", "images:", "idx:absent", "images:absent")
    yield from several("data refused", sets.load, *names)
    for code, kind in idx.TYPES.items():
        write_idx(
            here / "a.idx", np.arange(24).reshape(2, 3, 4).astype(kind), code, packed=code < 11
        )
        yield f"idx {code}", answer(lambda: idx.read_idx(here / "a.idx"))
    whole_file = (here / "a.idx").read_bytes()
    for name, content in {
        "cut": whole_file[:-1],
        "more": whole_file + b"0",
        "head": whole_file[:9],
        "code": b"\0\0\1\1",
        "none": b"",
        "gzip": b"\x1f\x8b1",
        "axes": b"\0\0\x08\0",
    }.items():
        (here / "b.idx").write_bytes(content)
        yield f"idx {name}", answer(lambda: idx.read_idx(Path("b.idx")))
    pictures(here)
    for name in ("grey", "colour", "classes", "mixed", "empty", "text"):
        yield f"images {name}", answer(lambda name=name: images.read_images(Path(name)))
        yield f"images {name} as data", answer(lambda name=name: sets.load(f"images:{name}"))
    mnist(here / "mnist")
    yield "idx folder", answer(lambda: sets.load("idx:mnist"))
    write_idx(here / "mnist/train-labels-idx1-ubyte", np.arange(3, dtype="u1"), 8)
    yield "idx labels", answer(lambda: sets.load("idx:mnist"))
    yield "pooled", whole(make_fashion.pooled(RNG(0).integers(0, 256, (2, 28, 28))))
    yield (
        "pixels",
        whole(
            [
                sets.pixels(np.arange(12).reshape(1, 3, 4)),
                sets.pixels(np.arange(36).reshape(1, 3, 4, 3)),
            ]
        ),
    )


def mnist(here: Path) -> None:
    here.mkdir()
    for prefix, n in (("train", 6), ("t10k", 4)):
        x = RNG(n).integers(0, 256, (n, 3, 3)).astype("u1")
        write_idx(here / f"{prefix}-images-idx3-ubyte", x, 8)
        write_idx(
            here / f"{prefix}-labels-idx1-ubyte.gz", np.arange(n, dtype="u1") % 3, 8, packed=True
        )


def pictures(here: Path) -> None:
    """Folders of images: grey, in colours, by class, of two shapes, none, no images."""
    from PIL import Image

    def save(path: Path, seed: int, *shape: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG(seed).integers(0, 256, shape).astype("u1")).save(path)

    for i in range(12):
        save(here / f"grey/{i:02d}.png", i, 4, 5)
        save(here / f"colour/{i:02d}.bmp", i, 4, 5, 3)
        save(here / f"classes/{'ba'[i % 2]}/{i:02d}.PNG", i, 4, 4)
        save(here / f"mixed/{i:02d}.png", i, 4 + i // 7, 5)
    (here / "grey/notes.txt").write_text("no image")
    (here / "empty").mkdir()
    (here / "text").mkdir()
    (here / "text/0.png").write_text("no image")
