"""Values of any kind in few numbers and words, of which any change of an entry moves one."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

#: Shorter arrays are written out.
WHOLE = 8
#: Significant digits that are kept.
DIGITS = 7


def rounded(x: float) -> float | str:
    """A number as far as it is compared; what is no finite one in letters."""
    return float(f"{x:.{DIGITS}g}") if math.isfinite(x) else str(x)


def _weights(n: int) -> Any:
    """Weights that no two places share, in [1, 2): moving an entry is seen as changing one."""
    return 1 + np.mod(np.arange(1, n + 1) * (math.sqrt(5) - 1) / 2, 1)


def told(values: ArrayLike) -> Any:
    """An array: written out, or its shape, ends and extremes, and two weighted means.

    The second is of squares: what a first moment misses by cancellation it does not.
    """
    x = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    flat = x.ravel()
    if flat.size <= WHOLE:
        return [rounded(float(v)) for v in flat]
    finite = np.isfinite(flat)
    seen, weights = flat[finite], _weights(flat.size)[finite]
    found: dict[str, Any] = {"shape": list(x.shape), "finite": int(finite.sum())}
    if seen.size:
        parts = {
            "first": flat[0],
            "last": flat[-1],
            "least": seen.min(),
            "most": seen.max(),
            "mean": weights @ seen / weights.sum(),
            "square": weights @ seen**2 / weights.sum(),
        }
        found |= {name: rounded(float(v)) for name, v in parts.items()}
    return found


def whole(value: Any) -> Any:
    """Arrays and tensors by :func:`told`, objects field by field, other things by their names."""
    if hasattr(value, "detach"):
        value = value.detach().float().numpy()
    if isinstance(value, float):
        return rounded(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fiub":
        kind = [value.dtype.name] if isinstance(value, np.ndarray) else []
        return [*kind, told(value)] if np.ndim(value) else rounded(float(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {x.name: getattr(value, x.name) for x in dataclasses.fields(value)}
        return {"class": type(value).__name__, **whole(parts)}
    if isinstance(value, Mapping):
        return {str(key): whole(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole(x) for x in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value.name if isinstance(value, Path) else type(value).__name__


def answer(ask: Callable[[], Any]) -> Any:
    """What is answered, or the sentence of the refusal."""
    try:
        return whole(ask())
    except Exception as error:
        return {type(error).__name__: re.sub(" at 0x[0-9a-f]+", "", str(error))}


def several(name: str, ask: Callable[..., Any], *given: Any) -> Iterator[tuple[str, Any]]:
    """Answers of one function to several arguments; tuples are several of them."""
    found = [answer(lambda x=x: ask(*x) if isinstance(x, tuple) else ask(x)) for x in given]
    yield name, found


@contextmanager
def put(thing: Any, **values: Any) -> Iterator[None]:
    """Give attributes other values for a while."""
    before = {name: getattr(thing, name) for name in values}
    for name, value in values.items():
        setattr(thing, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(thing, name, value)
