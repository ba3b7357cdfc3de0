"""Samples as the engine handles them: one array, or a dict of arrays that share the first axis.

Tensors become numpy arrays without their library being imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from madtheory._types import Ints, Numbers

#: One array, or arrays by name, rows (the first axis) are samples.
Samples = Numbers | dict[str, Numbers]
Arrays = dict[str, Numbers]


class Unusable(ValueError):
    """What a model or a data source returned is no sample; one sentence says why."""


def as_array(name: str, value: object) -> Numbers:
    """Return `value` (array, number or tensor) as a numpy array without objects in it."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        raise Unusable(f"{name} must be an array, got a ragged {type(value).__name__}") from None
    if array.dtype.hasobject:
        raise Unusable(f"{name} must be an array of plain values, got {type(value).__name__}")
    if np.ma.is_masked(value):  # what lies below the mask would be taken for data
        masked = int(np.ma.count_masked(value))  # type: ignore[no-untyped-call]
        raise Unusable(f"{name} must have no masked entries, got {masked}; remove such rows")
    return array


def as_arrays(name: str, value: object) -> Arrays:
    """Return a mapping of names to arrays."""
    if not isinstance(value, Mapping):
        raise Unusable(f"{name} must be a dict of arrays, got {type(value).__name__}")
    return {str(key): as_array(f"{name}[{key!r}]", part) for key, part in value.items()}


def _parts(samples: Samples) -> Iterable[tuple[str, Numbers]]:
    """(name, array) pairs; a single array has an empty name."""
    return samples.items() if isinstance(samples, dict) else [("", samples)]


def _map(function: Callable[..., Numbers], *samples: Samples) -> Samples:
    """Apply a function of several arrays to those of the same name."""
    if isinstance(samples[0], dict):
        return {key: function(*(part[key] for part in samples)) for key in samples[0]}
    return function(*samples)


def n_rows(samples: Samples) -> int:
    """Length of the first axis."""
    return len(next(iter(samples.values()))) if isinstance(samples, dict) else len(samples)


def take(samples: Samples, rows: slice | Ints) -> Samples:
    """Return some rows."""
    return _map(lambda array: array[rows], samples)


def concat(*parts: Samples | None) -> Samples:
    """Join samples along the first axis, always a copy; None stands for no rows."""
    return _map(lambda *arrays: np.concatenate(arrays), *(p for p in parts if p is not None))


def _finite(array: Numbers) -> bool:
    """Whether no entry is NaN or infinite; one sum answers for nearly every array."""
    if array.dtype.kind not in "fc":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())


def has_nan(array: Numbers) -> bool:
    """Whether an entry is NaN."""
    return not _finite(array) and bool(np.isnan(array).any())


def as_samples(
    name: str, value: object, n: int | None = None, like: Samples | None = None
) -> Samples:
    """Return `value` as samples: finite, `n` rows, shaped as those of `like`.

    Otherwise :class:`Unusable` says so in one sentence that begins with `name`.
    """
    samples = as_arrays(name, value) if isinstance(value, Mapping) else as_array(name, value)
    parts = list(_parts(samples))
    if not parts or any(array.ndim == 0 for _, array in parts):
        raise Unusable(f"{name} must have rows, got none")
    for key, array in parts:
        label = f"{name}[{key!r}]" if key else name
        if len(array) != (len(parts[0][1]) if n is None else n):
            wanted = len(parts[0][1]) if n is None else n
            raise Unusable(f"{label} must have {wanted} rows, got {len(array)}")
        if not _finite(array):
            bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
            row = int(bad.argmax()) + 1
            raise Unusable(f"{label} must be finite, got a NaN or infinity in row {row}")
    if like is not None and _form(samples) != _form(like):
        raise Unusable(f"{name} must have rows like the data, {_form(like)}, got {_form(samples)}")
    return samples


def _form(samples: Samples) -> dict[str, tuple[int, ...]] | tuple[int, ...]:
    """Shape of one row, by name."""
    form = {key: array.shape[1:] for key, array in sorted(_parts(samples))}
    return form if isinstance(samples, dict) else form[""]


def digest(arrays: Mapping[str, Numbers]) -> str:
    """SHA-256 of names, types, shapes and contents."""
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        state.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        state.update(array.tobytes())
    return state.hexdigest()
