"""JSON and digests."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory import files

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def plain(value: object) -> object:
    """The obvious second route: recursion with math.isfinite only."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@given(json_values)
def test_json_keeps_all_but_nan_and_infinity(value: object) -> None:
    assert json.loads(files.canonical_json(value)) == plain(value)


@dataclasses.dataclass
class Row:
    rate: float
    path: Path


def test_numpy_dataclasses_and_paths_become_plain() -> None:
    given_ = {
        "b": np.array([[1.0, np.nan], [-np.inf, 2.0]]),
        "a": (np.int64(3), np.bool_(True), np.float32("inf"), np.array(0.5)),
        "c": Row(math.inf, Path("x")),
    }
    expected = {
        "a": [3, True, None, 0.5],
        "b": [[1.0, None], [None, 2.0]],
        "c": {"rate": None, "path": "x"},
    }
    assert files.jsonable(given_) == expected
    assert list(json.loads(files.canonical_json(given_))) == ["a", "b", "c"]


@pytest.mark.parametrize("value", [1j, {1}, object(), np.array(["x"]), Row])
def test_what_json_cannot_say_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="JSON-like"):
        files.jsonable(value)


def test_sha256_of_bytes_text_and_file(tmp_path: Path) -> None:
    # FIPS 180-4, the digest of "abc".
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "x").write_bytes(b"abc")
    assert (
        files.sha256(b"abc") == files.sha256("abc") == files.sha256_file(tmp_path / "x") == expected
    )


def test_letters_stay_as_they_are() -> None:
    assert files.canonical_json({"λ": "Σ"}) == '{"λ": "Σ"}'
