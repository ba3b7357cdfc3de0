"""Reading feature files: .npy, .npz, .parquet and .csv, checked before they are unpacked.

A file is read in blocks into the one float64 matrix that is returned: memory is that of the matrix
and of a block, whatever a header promises or an archive unpacks to.
"""

from __future__ import annotations

import csv
import errno
import io
import itertools
import math
import re
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from madtheory import _check
from madtheory._types import Array

if TYPE_CHECKING:
    import pandas as pd

#: Largest data set that a feature file may hold, in bytes as float64: 131,072 rows of 2,048.
MAX_FEATURE_BYTES = 2**31
#: Bytes that are read at once, and in which the first two rows of a .csv file must lie.
BLOCK_BYTES = 2**24
#: Eigenvalues below this fraction of the largest are rounding, and set to exact zeros.
RANK_TOLERANCE = 1e-12
#: Bounds of a variance: theory squares it, and sums those squares.
VARIANCES = 2.0**-480, 2.0**480
#: Characters of a cell that is no number, shown.
SHOWN = 40
#: What to do about a damaged file.
ANEW = "save the array anew"
#: What zipfile raises on damaged archives; OSError where a damaged offset lies before the file.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, UnicodeDecodeError)
NOT_UTF8 = "must be text in UTF-8, got other bytes; save it in that encoding"
#: Names under which an .npz file of several arrays holds its features, first match wins.
NPZ_KEYS = ("features", "arr_0")


def _check_size(n_bytes: int) -> None:
    if n_bytes > MAX_FEATURE_BYTES:
        raise ValueError(
            f"must hold at most {MAX_FEATURE_BYTES} bytes, got {n_bytes} as float64; "
            "keep fewer rows or columns"
        )


def _check_numeric(kind: Any, *, good: bool, column: str | None = None) -> None:
    if not good:
        where = "dtype" if column is None else f"column {column!r} of type"
        raise ValueError(f"must be numeric, got {where} {kind}")


# --- .npy and .npz -------------------------------------------------------------------------------


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type that an .npy stream promises, checked."""
    try:
        version = np.lib.format.read_magic(stream)
    except ValueError:
        raise ValueError(f"must begin as .npy files do, got other bytes; {ANEW}") from None
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"must be .npy format 1.0 or 2.0, got {version[0]}.{version[1]}")
    try:
        shape, fortran, dtype = read[version](stream)
    except Exception:  # numpy reads it as Python, whose parser has many kinds of errors
        raise ValueError(
            f"must have a header of shape, order and type, got a damaged one; {ANEW}"
        ) from None
    _check_numeric(dtype, good=dtype.kind in "fiub")
    if len(shape) != 2 or min(shape) < 0:
        column = "; one feature is a matrix of one column" if len(shape) == 1 else ""
        raise ValueError(f"must be a matrix with rows as samples, got shape {shape}{column}")
    _check_size(8 * math.prod(shape))
    return shape, fortran, dtype


def _read_npy(stream: IO[bytes], size: int) -> Array:
    """Read one .npy stream of `size` bytes after checking what its header promises."""
    shape, fortran, dtype = _header(stream)
    promised = math.prod(shape) * dtype.itemsize
    whole = np.empty(math.prod(shape) if promised <= size else 0)
    step, got = max(BLOCK_BYTES // dtype.itemsize, 1), size
    for start in range(0, whole.size, step):
        part = whole[start : start + step]
        data = stream.read(part.size * dtype.itemsize)
        got = start * dtype.itemsize + len(data)
        if len(data) != part.size * dtype.itemsize:
            break
        with np.errstate(over="ignore"):  # more than float64 can hold: infinite, and refused
            part[:] = np.frombuffer(data, dtype)
    if got < promised:
        raise ValueError(f"must hold the {promised} bytes that its header promises, got {got}")
    if stream.read(1):  # and an archive compares its checksum at the end
        raise ValueError(f"must hold one array, got more after the {promised} bytes of the first")
    return whole.reshape(shape[::-1]).T if fortran else whole.reshape(shape)


def _load_npy(path: Path) -> Array:
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
    raise ValueError(
        f"must hold one array or one named features or arr_0, got {found}; name one features"
    )


def _load_npz(path: Path) -> Array:
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_npz(archive)
    except DAMAGED:
        raise ValueError(f"must be an archive of numpy, got a damaged one; {ANEW}") from None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise ValueError(f"must be an archive of numpy, got a damaged one; {ANEW}") from None


def _read_npz(archive: zipfile.ZipFile) -> Array:
    names = [name for name in archive.namelist() if name.endswith(".npy")]
    info = archive.getinfo(_npz_member(names))
    # A small file may unpack to terabytes; zipfile never reads beyond the declared size.
    with archive.open(info) as stream:
        return _read_npy(stream, info.file_size)


# --- .parquet ------------------------------------------------------------------------------------


def _index_columns(schema: Any) -> list[str]:
    """Columns that pandas says are an index: one with a name has no other mark."""
    try:
        found = schema.pandas_metadata["index_columns"]
    except (TypeError, KeyError, ValueError):  # written by others, or damaged
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _parquet_columns(schema: Any) -> list[int]:
    """Places of the columns that are features, all numeric."""
    import pyarrow as pa

    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    places, index = [], _index_columns(schema)
    for i, column in enumerate(schema):
        # pandas stores an index that is not 0, 1, 2, ... as such a column; it is no feature.
        if column.name not in index and not re.fullmatch(r"__index_level_\d+__", column.name):
            good = any(is_type(column.type) for is_type in numeric)
            _check_numeric(column.type, good=good, column=column.name)
            places.append(i)
    if not places:
        raise ValueError("must have at least one column, got none")
    return places


def _load_parquet(path: Path) -> Array:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        places, meta, done = _parquet_columns(file.schema_arrow), file.metadata, 0
        _check_size(8 * meta.num_rows * len(places))
        # What the pages of a few rows unpack to, the dictionaries of their values included.
        _check_size(sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)))
        whole = np.empty((meta.num_rows, len(places)))
        rows = max(BLOCK_BYTES // (8 * len(places)), 1)
        for batch in file.iter_batches(batch_size=rows):
            for j, i in enumerate(places):
                name, column = batch.schema.names[i], batch.column(i)
                if empty := column.null_count:
                    raise ValueError(f"must have no empty cells, got {empty} in {name!r}")
                whole[done : done + len(column), j] = column.to_numpy(zero_copy_only=False)
            done += batch.num_rows
    return whole[:done]


# --- .csv ----------------------------------------------------------------------------------------


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell.strip()
    return True


def _named(first: list[str]) -> list[str]:
    """Names in a header: without a name, the first column is the index that pandas writes."""
    return first[not first[0].strip() :]


def _has_header(first: list[str]) -> bool:
    """Whether the first row names the columns: any word in it, or 0, 1, 2, ... as pandas writes."""
    if not all(map(_is_number, first)):
        return True
    labels = _named(first)
    return len(labels) > 2 and labels == [str(i) for i in range(len(labels))]


def _says_something(row: list[str]) -> bool:
    """Whether a row is more than an empty line."""
    return len(row) > 1 or bool(row and row[0].strip())


def _first_rows(path: Path) -> list[list[str]]:
    """The first two rows, which must have as many cells; one for a file without a second."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            head = csv.reader(io.StringIO(stream.read(BLOCK_BYTES)))
    except UnicodeDecodeError:
        raise ValueError(NOT_UTF8) from None
    try:
        rows = [row for _, row in zip(range(2), filter(_says_something, head), strict=False)]
    except csv.Error:
        raise ValueError(
            "must have lines that end in a line feed and no other control characters; save it anew"
        ) from None
    if not rows:
        raise ValueError("must not be empty")
    if len(rows[0]) != len(rows[-1]):
        # pandas takes the surplus columns for an index, and drops them.
        raise ValueError(
            f"must have as many columns in all rows, got {len(rows[0])} in the first and "
            f"{len(rows[1])} in the second; remove titles, name every column or none"
        )
    return rows


def _check_words(column: pd.Series[Any], place: int, path: Path, before: int) -> None:
    """Say which cell of a column is no number; rows `before` these have been read."""
    import pandas as pd

    if getattr(column.dtype, "kind", "O") in "fiub":
        return
    words = (pd.to_numeric(column, errors="coerce").isna() & column.notna()).to_numpy()
    if words.any():
        at = int(words.argmax())
        cell = str(column.iloc[at])
        shown = cell if len(cell) <= SHOWN else cell[:SHOWN] + "…"
        with suppress(csv.Error):  # its line is not found where a cell is longer than csv reads
            _, line = _row(path, before + at)
            raise ValueError(f"must be numeric, got {shown!r} in column {place} of line {line}")
    _check_numeric(column.dtype, good=False, column=str(column.name))


def _frame_matrix(frame: pd.DataFrame, path: Path, before: int, *, index: bool) -> Array:
    """The numbers of some rows; rows `before` these have been read, and an `index` beside them."""
    for i, (_, column) in enumerate(frame.items()):
        _check_words(column, 1 + index + i, path, before)
    return frame.to_numpy(dtype=np.float64)


def _stacked(parts: list[Array], columns: int) -> Array:
    """Rows of all parts, each of which is given up when it is copied."""
    whole = np.empty((sum(map(len, parts)), columns))
    stop = len(whole)
    while parts:
        part = parts.pop()
        whole[stop - len(part) : stop] = part
        stop -= len(part)
    return whole


def _row(path: Path, at: int) -> tuple[list[str], int]:
    """The cells of a row, counted from 0 with the header, and the line where it ends."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream)
        rows = filter(_says_something, reader)
        return next(itertools.islice(rows, at, None), []), reader.line_num


def _check_cells(path: Path, whole: Array, first: list[str], *, header: bool) -> None:
    """Say what a file has where pandas has read no number: a short row, or an empty cell."""
    bad = np.isnan(whole).any(axis=1)
    if not bad.any():
        return
    with suppress(csv.Error):
        row, line = _row(path, int(bad.argmax()) + header)
        if row and len(row) < len(first):
            raise ValueError(
                f"must have {len(first)} cells in every row as in the first, got {len(row)} in "
                f"line {line}"
            )
        empty = [i for i, cell in enumerate(row, 1) if not cell.strip()]
        if empty and np.isnan(whole[:, -1]).all():
            raise ValueError("must have lines that end in a number, got a comma; remove it")
        if empty:
            raise ValueError(
                f"must have no empty cells, got one in column {empty[-1]} of line {line}"
            )


def _load_csv(path: Path) -> Array:
    import pandas as pd

    _check_size(path.stat().st_size)
    first, *_ = _first_rows(path)
    header = 0 if _has_header(first) else None
    # Without a name, the first column is the index that pandas writes: no feature.
    index = 0 if header == 0 and not first[0].strip() else None
    names = first[index is not None :]
    if not names:
        raise ValueError("must have at least one column, got none")
    nameless = [i for i, name in enumerate(first) if not name.strip()][index is not None :]
    if header == 0 and nameless:
        # A title from a spreadsheet is followed by empty cells.
        raise ValueError(
            f"must name every column or none, got no name for column {nameless[0] + 1}; "
            "remove titles, and commas at the ends of lines"
        )
    columns = len(names)
    parts: list[Array] = []
    rows = max(BLOCK_BYTES // (8 * columns), 1)
    how: dict[str, Any] = {"header": header, "index_col": index, "encoding": "utf-8-sig"}
    try:
        with pd.read_csv(path, chunksize=rows, **how) as reader:
            for frame in reader:
                if not len(frame):  # a header alone says nothing of what columns hold
                    break
                before = (header == 0) + sum(map(len, parts))
                parts.append(_frame_matrix(frame, path, before, index=index is not None))
                _check_size(8 * columns * sum(map(len, parts)))
    except pd.errors.ParserError:
        raise ValueError("must have rows of one length") from None
    except UnicodeDecodeError:
        raise ValueError(NOT_UTF8) from None
    whole = _stacked(parts, columns)
    _check_cells(path, whole, first, header=header == 0)
    return whole


# --- any of them ---------------------------------------------------------------------------------

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
        or when it counts 0, 1, 2, ... over three or more columns; it names every column, and a
        first one without a name is an index and dropped. A vector is refused: n samples of one
        feature are a matrix of shape (n, 1). Nothing in a file is executed. Data of more than
        `MAX_FEATURE_BYTES` as float64 are refused before they are unpacked; others are read in
        blocks. Only regular files are read: a pipe may never end.
    """
    try:
        return _check.sample(str(path), _read(Path(path)), copy=False)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _column_names(path: Path) -> list[str] | None:
    """Names that a file gives its columns; None where it gives none."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        schema = pq.read_schema(path)
        return [schema.names[i] for i in _parquet_columns(schema)]
    if path.suffix.lower() == ".csv":
        first, *_ = _first_rows(path)
        return _named(first) if _has_header(first) else None
    return None


def load_sets(paths: Sequence[str | Path]) -> list[Array]:
    """Read data sets as :func:`load_features` does, refusing columns of other names than before."""
    sets, named = [], None
    for path in map(Path, paths):
        sets.append(load_features(path))
        names = _column_names(path)
        if names is None:
            continue
        if named is None:
            named = path, names
        pairs = zip(names, named[1], strict=False)
        other = next((x for x in enumerate(pairs, 1) if x[1][0] != x[1][1]), None)
        if other is not None:
            at, (got, wanted) = other
            raise ValueError(
                f"{path} must have the columns of {named[0]} in the same order, got {got!r} for "
                f"{wanted!r} in column {at}"
            )
    return sets


def load_numbers(path: str | Path) -> Array:
    """Return the numbers of a file as :func:`load_features` reads it, shape (n,).

    Parameters
    ----------
    path : str or Path
        A .npy, .npz, .parquet or .csv file of a matrix of one row or one column.
    """
    raw = _read(Path(path))
    if raw.size == 0 or 1 not in raw.shape:
        raise ValueError(f"{path} must hold one row or column of numbers, got shape {raw.shape}")
    return np.asarray(raw.ravel(), dtype=np.float64)


def _read(path: Path) -> Array:
    """Read a file by its ending, unchecked."""
    suffix = path.suffix.lower()
    if suffix not in _LOADERS:
        endings = ", ".join(_LOADERS)
        got = repr(suffix) if suffix else "no ending"
        raise ValueError(f"{path} must end in {endings}, got {got}; save it as one of these")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path} must be a regular file, got a pipe or a device; copy it first")
    try:
        return _LOADERS[suffix](path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {_reason(error)}") from None
    except MemoryError:
        raise ValueError(f"{path} does not fit into memory") from None
    # The readers of four formats raise dozens of kinds of errors on damaged files.
    except Exception as error:
        raise ValueError(f"{path} is no usable {suffix} file: {_reason(error)}") from None


def _covariance_eigenvalues(centred: Array) -> Array:
    """Eigenvalues of the sample covariance (ddof = 1) by singular values, largest first.

    The data are centred in place.
    """
    n, dim = centred.shape
    # Subtracting a row first makes a constant column exactly zero.
    centred -= centred[0].copy()
    centred -= centred.mean(axis=0)
    if n > dim:
        centred = np.asarray(np.linalg.qr(centred, mode="r"))
    squares = np.linalg.svd(centred, compute_uv=False) ** 2 / (n - 1)
    squares[squares < RANK_TOLERANCE * squares[0]] = 0.0
    return np.pad(squares, (0, dim - squares.size))


def feature_eigenvalues(path: str | Path) -> Array:
    """Eigenvalues of the covariance (ddof = 1) of a feature file, shape (dim,), largest first.

    Those below `RANK_TOLERANCE` = 1e-12 of the largest are rounding errors of a rank-deficient
    covariance, and are returned as exact zeros. Rows that do not differ are refused.
    """
    x = load_features(path)
    scale = float(max(x.max(), -x.min()))
    if scale == 0.0 or not (x != x[0]).any():
        raise ValueError(f"{path} must have rows that differ, got {x.shape[0]} equal ones")
    # Scaled before squaring: entries of 1e200 are finite, their squares are not.
    x /= scale
    values = _covariance_eigenvalues(x)
    with np.errstate(over="ignore", under="ignore"):
        values = values * scale * scale
    if not VARIANCES[0] < values[0] < VARIANCES[1]:
        raise ValueError(
            f"{path} must have variances whose squares float64 can hold, got {values[0]:g}; "
            f"divide by {scale:g}"
        )
    return values
