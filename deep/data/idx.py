"""IDX files (the format of MNIST and Fashion-MNIST), plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from madtheory._types import Numbers

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path | str) -> Numbers:
    """Return the array of an IDX file; a damaged one is named in one sentence.

    Raises
    ------
    ValueError
        The file is no IDX file, is cut, or holds more than its header says.
    FileNotFoundError
        There is none.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"data must be a whole gzip file, got {path}: {error}") from None
    if len(data) < 4 or data[:2] != b"\x00\x00" or data[2] not in TYPES or data[3] == 0:
        raise ValueError(f"data must be an IDX file, got {path}, which begins with {data[:4]!r}")
    dtype, n_axes = np.dtype(TYPES[data[2]]), data[3]
    start = 4 + 4 * n_axes
    if len(data) < start:
        raise ValueError(f"data must be a whole IDX file, got {path}, cut within its header")
    shape = struct.unpack(f">{n_axes}I", data[4:start])
    wanted = start + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if len(data) != wanted:
        words = f"data must have the {wanted} bytes that the header says"
        raise ValueError(f"{words}, got {len(data)} in {path}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
