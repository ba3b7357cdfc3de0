"""One place for the checks that every public function makes on its arguments.

Each check returns the validated value or raises ``ValueError``/``TypeError`` with one sentence
that names the argument, the rule and the value.
"""

from __future__ import annotations

import difflib
import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

#: Beyond 2**53 a float64 no longer tells n from n + 1, and every law here needs n - 1.
MAX_COUNT = 2**53
#: More words than these are not listed.
MANY = 16
#: A value with more characters is shown by its two ends, of that length together.
LONGEST = 200


def shown(value: object) -> str:
    """Return a value as a message has it: on one line, and of a long one the two ends.

    Examples
    --------
    >>> shown("half"), len(shown([1.0] * 2000))
    ("'half'", 203)
    """
    text = repr(value)
    if "\n" in text:  # arrays and tables
        text = " ".join(text.split())
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}...{text[-half:]}"


def count(name: str, value: object, *, minimum: int = 1, maximum: int = MAX_COUNT) -> int:
    """Return `value` as an int in [`minimum`, `maximum`]."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    try:
        number_ = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {shown(value)}") from None
    if number_ < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number_}")
    if number_ > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {number_}")
    return number_


def number(
    name: str,
    value: object,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_: bool = False,
    infinite: bool = False,
) -> float:
    """Return `value` as a finite float in [`low`, `high`] (in the open interval with `open_`).

    With `infinite` an end that is infinite may be met.
    """
    # float() would take them, and of complex ones a part.
    if isinstance(value, (str, bytes, bool, np.bool_, np.complexfloating, np.ma.MaskedArray)):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        x = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {shown(value)}") from None
    except OverflowError:  # an integer beyond float64
        x = math.inf if value > 0 else -math.inf  # type: ignore[operator]
    inside = low < x < high if open_ else low <= x <= high
    if not (inside and (infinite or math.isfinite(x))):
        where = _interval(low, high, open_=open_)
        raise ValueError(f"{name} must be a finite number{where}, got {_digits(x)}")
    return x + 0.0  # of zeros the positive one: no answer shows λ = -0


def _digits(x: float) -> str:
    """Six digits, or all where these are another number: 1.0000001 is not 1."""
    return short if float(short := f"{x:g}") == x else repr(x)


def _interval(low: float, high: float, *, open_: bool) -> str:
    """Words for an interval; an end that is infinite is none."""
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f" above {low:g}" if open_ else f" of at least {low:g}"
    return f" in ({low:g}, {high:g})" if open_ else f" in [{low:g}, {high:g}]"


def number_or_numbers(
    name: str, value: object, *, low: float = -math.inf, high: float = math.inf
) -> float | tuple[float, ...]:
    """Return one finite float, or several that differ, each in [`low`, `high`]."""
    array = _array(name, value, np.dtype(object))
    if array.ndim == 0:
        return number(name, value, low=low, high=high)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} must be a number or a non-empty vector of them, got shape {array.shape}"
        )
    several = [number(f"{name}[{k}]", x, low=low, high=high) for k, x in enumerate(array)]
    return tuple(several) if len(set(several)) > 1 else several[0]


def truth(name: str, value: object) -> bool:
    """Return `value`, True or False and nothing else."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of the `allowed` words; of many, a refusal names the nearest."""
    if isinstance(value, str) and value in allowed:  # a table would compare cell by cell
        return value
    words = ", ".join(allowed)
    if len(allowed) > MANY:
        near = difflib.get_close_matches(str(value), allowed, 3, 0.0) or allowed[:3]
        words = f"{len(allowed)} words such as {', '.join(near)}"
    raise ValueError(f"{name} must be one of {words}, got {shown(value)}")


def floats(name: str, value: object) -> Array:
    """Return `value` as an array of float64, whatever its shape and its finiteness."""
    array = _numeric(name, value, "fiubO")
    try:
        with np.errstate(over="ignore"):  # a longer float may be beyond these
            return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must hold numbers in the range of float64, got others") from None


def _array(name: str, value: object, dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
    """Return `value` as an array, or refuse what is none."""
    try:
        return np.asarray(value, dtype)
    except ValueError:
        ragged = type(value).__name__
        raise ValueError(f"{name} must have rows of one length, got a ragged {ragged}") from None
    except RuntimeError:  # of torch, for what has a gradient
        kind = type(value).__name__
        raise TypeError(f"{name} must be an array, got a {kind} that numpy cannot read") from None


def _numeric(name: str, value: object, kinds: str) -> NDArray[Any]:
    """Return `value` as an array of one of these `kinds` of dtype, without a masked entry."""
    array = _array(name, value)
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} must be numeric, got dtype {array.dtype}")
    if np.ma.is_masked(value):
        masked = int(np.ma.count_masked(value))  # type: ignore[no-untyped-call]
        raise ValueError(f"{name} must have no masked entries, got {masked}; remove such rows")
    return array


def probabilities(name: str, value: ArrayLike) -> Array:
    """Return an array of any shape, each entry in [0, 1]."""
    p = floats(name, value)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"{name} must be in [0, 1], got {shown(value)}")
    return p


def distribution(name: str, value: ArrayLike) -> Array:
    """Return a probability vector, normalised; its sum must be 1 to 1e-9."""
    p = floats(name, value)
    if p.ndim != 1 or p.size == 0:
        raise ValueError(f"{name} must be a non-empty vector, got shape {p.shape}")
    if not (np.isfinite(p).all() and (p >= 0).all()):
        raise ValueError(f"{name} must be finite and non-negative, got minimum {p.min():g}")
    if abs(p.sum() - 1.0) > 1e-9:
        raise ValueError(f"{name} must sum to 1, got {p.sum():.12g}")
    return np.asarray(p / p.sum())


def sample(name: str, value: ArrayLike, *, minimum_rows: int = 2, copy: bool = True) -> Array:
    """Return a data set of shape (n, dim), rows are samples, all finite; a copy unless told not."""
    array = _numeric(name, value, "fiub")
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{name} must be a matrix with rows as samples, got shape {array.shape}")
    if array.shape[0] < minimum_rows:
        raise ValueError(f"{name} must have at least {minimum_rows} rows, got {array.shape[0]}")
    array = array.astype(np.float64, copy=copy)
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).argmax()) + 1
        raise ValueError(
            f"{name} must be finite, got a NaN or infinity in row {bad}; remove such rows"
        )
    return array
