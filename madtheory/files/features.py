"""Reading feature files: .npy, .npz, .parquet and .csv, checked before they are unpacked."""

from __future__ import annotations

import csv
import math
import re
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from madtheory import _check
from madtheory._types import Array, Numbers

#: Largest array that a feature file may hold, in bytes once unpacked.
MAX_FEATURE_BYTES = 2**32
#: Eigenvalues below this fraction of the largest are rounding, and set to exact zeros.
RANK_TOLERANCE = 1e-12
#: Names under which an .npz file of several arrays holds its features, first match wins.
NPZ_KEYS = ("features", "arr_0")


def _check_size(n_bytes: int) -> None:
    if n_bytes > MAX_FEATURE_BYTES:
        raise ValueError(f"must hold at most {MAX_FEATURE_BYTES} bytes, got {n_bytes}")


def _read_npy(stream: IO[bytes], size: int) -> Numbers:
    """Read one .npy stream of `size` bytes after checking what its header promises."""
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"must be .npy format 1.0 or 2.0, got {version[0]}.{version[1]}")
    shape, fortran, dtype = read[version](stream)
    if dtype.kind not in "fiub":
        raise ValueError(f"must be numeric, got dtype {dtype}")
    n_bytes = math.prod(shape) * dtype.itemsize
    _check_size(n_bytes)
    if n_bytes > size:
        raise ValueError(f"must hold the {n_bytes} bytes that its header promises, got {size}")
    data = stream.read(n_bytes)
    if len(data) != n_bytes:
        raise ValueError(f"must hold the {n_bytes} bytes that its header promises, got {len(data)}")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran else "C")


def _load_npy(path: Path) -> Numbers:
    with path.open("rb") as stream:
        return _read_npy(stream, path.stat().st_size)


def _npz_member(names: list[str]) -> str:
    """Choose the array: the only one, else `features`, else `arr_0`."""
    if len(names) == 1:
        return names[0]
    for key in NPZ_KEYS:
        if f"{key}.npy" in names:
            return f"{key}.npy"
    found = ", ".join(sorted(name.removesuffix(".npy") for name in names)) or "none"
    raise ValueError(f"must hold one array or one named features or arr_0, got {found}")


def _load_npz(path: Path) -> Numbers:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        info = archive.getinfo(_npz_member(names))
        # A small file may unpack to terabytes; zipfile never reads beyond the declared size.
        _check_size(info.file_size)
        with archive.open(info) as stream:
            return _read_npy(stream, info.file_size)


def _matrix(columns: list[tuple[str, Any]]) -> Numbers:
    """Stack columns side by side; one that is not numeric is named."""
    arrays = [(name, np.asarray(column)) for name, column in columns]
    for name, array in arrays:
        if array.dtype.kind not in "fiub":
            raise ValueError(f"must be numeric, got column {name!r} of type {array.dtype}")
    if not arrays:
        raise ValueError("must have at least one column, got none")
    return np.column_stack([array.astype(np.float64) for _, array in arrays])


def _load_parquet(path: Path) -> Numbers:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        _check_size(8 * file.metadata.num_rows * file.metadata.num_columns)
        table = file.read()
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        # pandas stores an index that is not 0, 1, 2, ... as such a column; it is no feature.
        if re.fullmatch(r"__index_level_\d+__", name):
            continue
        if not any(is_type(column.type) for is_type in numeric):
            raise ValueError(f"must be numeric, got column {name!r} of type {column.type}")
        if column.null_count:
            raise ValueError(f"must have no empty cells, got {column.null_count} in {name!r}")
        columns.append((name, column.to_numpy()))
    return _matrix(columns)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell.strip()
    return True


def _has_header(first: list[str]) -> bool:
    """Whether the first row names the columns: any word in it, or 0, 1, 2, ... as pandas writes."""
    if not all(map(_is_number, first)):
        return True
    labels = first[not first[0].strip() :]
    return len(labels) > 2 and labels == [str(i) for i in range(len(labels))]


def _load_csv(path: Path) -> Numbers:
    import pandas as pd

    _check_size(path.stat().st_size)
    with path.open(newline="", encoding="utf-8-sig") as stream:
        first = next((row for row in csv.reader(stream) if row), None)
    if first is None:
        raise ValueError("must not be empty")
    header = 0 if _has_header(first) else None
    # Without a name, the first column is the index that pandas writes: no feature.
    index = 0 if header == 0 and not first[0].strip() else None
    try:
        frame = pd.read_csv(path, header=header, index_col=index, encoding="utf-8-sig")
    except pd.errors.ParserError:
        raise ValueError("must have rows of one length") from None
    return _matrix([(str(name), frame[name].to_numpy()) for name in frame.columns])


_LOADERS = {".npy": _load_npy, ".npz": _load_npz, ".parquet": _load_parquet, ".csv": _load_csv}


def _reason(error: BaseException) -> str:
    """First line of an error, without a final stop."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")


def load_features(path: str | Path) -> Array:
    """Read a data set, all finite, shape (n, dim) and n >= 2, from .npy, .npz, .parquet or .csv.

    Parameters
    ----------
    path : str or Path
        A file of a numeric matrix. An .npz file holds one array, or one named ``features`` or
        ``arr_0``. A .csv file may have a header: its first row is one when any cell is a word,
        or when it counts 0, 1, 2, ... over three or more columns; a column without a name is
        an index and dropped. A vector is refused: n samples of one feature are a matrix of
        shape (n, 1). Nothing in a file is executed, and arrays of more than `MAX_FEATURE_BYTES`
        are refused before they are unpacked.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _LOADERS:
        raise ValueError(f"{path} must end in {', '.join(_LOADERS)}, got {suffix or 'no ending'!r}")
    try:
        raw = _LOADERS[suffix](path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {_reason(error)}") from None
    except MemoryError:
        raise ValueError(f"{path} does not fit into memory") from None
    # The readers of four formats raise dozens of kinds of errors on damaged files.
    except Exception as error:
        raise ValueError(f"{path} is no usable {suffix} file: {_reason(error)}") from None
    try:
        return _check.sample(str(path), raw)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _covariance_eigenvalues(x: Array) -> Array:
    """Eigenvalues of the sample covariance (ddof = 1) by singular values, largest first."""
    n, dim = x.shape
    # Subtracting a row first makes a constant column exactly zero.
    centred = x - x[0]
    centred -= centred.mean(axis=0)
    if n > dim:
        centred = np.linalg.qr(centred, mode="r")
    squares = np.linalg.svd(centred, compute_uv=False) ** 2 / (n - 1)
    squares[squares < RANK_TOLERANCE * squares[0]] = 0.0
    return np.pad(squares, (0, dim - squares.size))


def feature_eigenvalues(path: str | Path) -> Array:
    """Eigenvalues of the covariance (ddof = 1) of a feature file, shape (dim,), largest first.

    Those below `RANK_TOLERANCE` = 1e-12 of the largest are rounding errors of a rank-deficient
    covariance, and are returned as exact zeros. Rows that do not differ are refused.
    """
    x = load_features(path)
    scale = float(np.abs(x).max())
    if scale == 0.0 or not (x != x[0]).any():
        raise ValueError(f"{path} must have rows that differ, got {x.shape[0]} equal ones")
    # Scaled before squaring: entries of 1e200 are finite, their squares are not.
    values = _covariance_eigenvalues(x / scale)
    with np.errstate(over="ignore", under="ignore"):
        values = values * scale * scale
    if not np.isfinite(values).all() or values[0] < np.finfo(np.float64).tiny:
        raise ValueError(f"{path} must have variances that float64 can hold, got scale {scale:g}")
    return values
