"""Values as text that depends on nothing but the values: canonical JSON, and its digests."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from madtheory._types import Numbers


def _finite_list(array: Numbers) -> Any:
    """Nested lists of a real array, None where it is not finite."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    values = array.astype(object)
    values[~np.isfinite(array)] = None
    return values.tolist()


def jsonable(obj: Any) -> Any:
    """Turn numpy, dataclasses, paths and tuples into plain JSON values; NaN and inf into None.

    Examples
    --------
    >>> jsonable({"rate": np.float64("-inf"), "path": np.arange(2)})
    {'rate': None, 'path': [0, 1]}
    """
    if obj is None or isinstance(obj, (str, bool, int)):
        return obj
    if isinstance(obj, float):
        return float(obj) if math.isfinite(obj) else None
    if isinstance(obj, (np.ndarray, np.generic)) and obj.dtype.kind in "fiub":
        return _finite_list(np.array(obj))
    if isinstance(obj, Mapping):
        return {str(key): jsonable(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [jsonable(value) for value in obj]
    if isinstance(obj, Path):
        return str(obj)
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: jsonable(getattr(obj, f.name)) for f in dataclasses.fields(obj)}
    raise TypeError(f"obj must be JSON-like, got {type(obj).__name__}")


def canonical_json(obj: Any, *, indent: int | None = None) -> str:
    """JSON text of `obj` that depends on its value only: sorted keys, null for NaN and inf.

    Examples
    --------
    >>> canonical_json({"b": math.nan, "a": (1, 2.5)})
    '{"a": [1, 2.5], "b": null}'
    """
    return json.dumps(
        jsonable(obj), sort_keys=True, allow_nan=False, ensure_ascii=False, indent=indent
    )


def json_text(obj: Any) -> str:
    """What a JSON file holds: :func:`canonical_json` of `obj`, indented, with a final newline."""
    return canonical_json(obj, indent=2) + "\n"


def sha256(data: bytes | str) -> str:
    """Hexadecimal SHA-256 of bytes, or of the UTF-8 of a text."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def seal(told: Any) -> str:
    """SHA-256 of all that a JSON file says: what it carries beside that, or another file of it."""
    return sha256(json_text(told))


def sha256_file(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
