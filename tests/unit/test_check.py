"""The checks on arguments: their limits, to the last digit."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from madtheory import _check
from madtheory.loop import fresh_data
from madtheory.simulate import simulate
from madtheory.theory.distance import w2_squared, w2_squared_limit
from tests.decisions import constants, defaults


@pytest.mark.parametrize("flag", [True, np.True_])
def test_a_flag_is_no_count(flag: object) -> None:
    with pytest.raises(TypeError, match="n must be an integer, got"):
        _check.count("n", flag)


def test_both_ends_of_a_count_are_inside() -> None:
    assert [_check.count("n", n, minimum=2, maximum=5) for n in (2, 5)] == [2, 5]
    with pytest.raises(ValueError, match="at most 5, got 6"):
        _check.count("n", 6, minimum=2, maximum=5)


def test_events_may_be_sure_and_impossible() -> None:
    assert _check.probabilities("p", [0.0, 1.0]).tolist() == [0.0, 1.0]
    for p in (-1e-16, 1.0 + 1e-15, np.nan):
        with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
            _check.probabilities("p", [p])


def test_a_sum_may_be_off_by_rounding_only() -> None:
    assert _check.distribution("p", [0.5, 0.5 + 9e-10]).sum() == pytest.approx(1.0, abs=1e-15)
    for off in (-2e-9, 2e-9):
        with pytest.raises(ValueError, match="must sum to 1"):
            _check.distribution("p", [0.5, 0.5 + off])


# ------------------------------------------------------------------ what is refused, and in words
REFUSED = {
    "x must be an integer, got 1.5": lambda: _check.count("x", 1.5),
    "x must be at least 2, got 1": lambda: _check.count("x", 1, minimum=2),
    "x must be at most 5, got 6": lambda: _check.count("x", 6, maximum=5),
    "x must be at least 1, got 0": lambda: _check.count("x", 0),
    f"x must be at most 9007199254740992, got {2**53 + 1}": lambda: _check.count("x", 2**53 + 1),
    "x must be a number, got 'a'": lambda: _check.number("x", "a"),
    "x must be a number, got '0.5'": lambda: _check.number("x", "0.5"),
    "x must be a number, got b'0.5'": lambda: _check.number("x", b"0.5"),
    "x must be a number, got True": lambda: _check.number("x", value=True),
    "x must be a number, got np.complex128(1+0j)": lambda: _check.number("x", np.complex128(1.0)),
    "x must be a number, got masked": lambda: _check.number("x", np.ma.masked),
    "x must be a number, got None": lambda: _check.number("x", None),
    "x must be a finite number, got inf": lambda: _check.number("x", math.inf),
    "x must be a finite number, got nan": lambda: _check.number("x", math.nan),
    "x must be a finite number, got -inf": lambda: _check.number("x", -(10**400)),
    "x must be a finite number of at least 0, got -1": lambda: _check.number("x", -1, low=0),
    "x must be a finite number above 0, got 0": lambda: _check.number("x", 0, low=0, open_=True),
    "x must be a finite number in [0, 1], got 1.0000001": lambda: _check.number(
        "x", 1.0000001, low=0, high=1
    ),
    "x must be a finite number in (0, 1), got 1": lambda: _check.number(
        "x", 1, low=0, high=1, open_=True
    ),
    "x must be a finite number in [-inf, 1], got 2": lambda: _check.number("x", 2, high=1),
    "x[1] must be a finite number in [0, 1], got 2": lambda: _check.number_or_numbers(
        "x", [0.5, 2], low=0, high=1
    ),
    "x must be a number or a non-empty vector of them, got shape (0,)": lambda: (
        _check.number_or_numbers("x", [])
    ),
    "x must be a number or a non-empty vector of them, got shape (1, 1)": lambda: (
        _check.number_or_numbers("x", [[1.0]])
    ),
    "x must be one of a, b, got 'c'": lambda: _check.one_of("x", "c", ("a", "b")),
    "x must be in [0, 1], got 1.5": lambda: _check.probabilities("x", 1.5),
    "x must be in [0, 1], got nan": lambda: _check.probabilities("x", math.nan),
    "x must be a non-empty vector, got shape ()": lambda: _check.distribution("x", 1.0),
    "x must be a non-empty vector, got shape (0,)": lambda: _check.distribution("x", []),
    "x must be finite and non-negative, got minimum -0.5": lambda: _check.distribution(
        "x", [1.5, -0.5]
    ),
    "x must be numeric, got dtype complex128": lambda: _check.sample("x", [[1j], [2]]),
    "x must be a matrix with rows as samples, got shape (2,)": lambda: _check.sample("x", [1, 2]),
    "x must be a matrix with rows as samples, got shape (2, 0)": lambda: _check.sample(
        "x", [[], []]
    ),
    "x must have at least 2 rows, got 1": lambda: _check.sample("x", [[1.0]]),
    "x must be finite, got a NaN or infinity in row 2; remove such rows": lambda: _check.sample(
        "x", [[1.0, 2], [0, math.inf], [math.nan, 3]]
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_refusal_names_argument_rule_and_value(words: str) -> None:
    with pytest.raises((ValueError, TypeError)) as error:
        REFUSED[words]()
    assert str(error.value) == words
    assert isinstance(error.value, TypeError) is ("an integer" in words or "a number, got" in words
                                                  or "numeric" in words)  # fmt: skip


def test_what_is_taken_is_returned_in_its_own_type() -> None:
    assert (_check.count("x", 2**53), _check.count("x", np.int8(3))) == (2**53, 3)
    assert [_check.number("x", v, low=0, high=1) for v in (0, 1, 0.5)] == [0.0, 1.0, 0.5]
    assert _check.number("x", math.nextafter(0, 1), low=0, high=1, open_=True) > 0
    assert _check.number("x", 10**300) == 1e300
    assert _check.number_or_numbers("x", 0.5) == 0.5
    assert _check.number_or_numbers("x", [0.5, 0.5]) == 0.5
    assert _check.number_or_numbers("x", (0.5, 0.25)) == (0.5, 0.25)
    assert _check.one_of("x", "b", ("a", "b")) == "b"
    flags = _check.sample("x", np.array([[True], [False]]))
    assert (flags.dtype, flags.tolist()) == (np.float64, [[1.0], [0.0]])
    assert _check.sample("x", [[1.0]], minimum_rows=1).shape == (1, 1)
    own = np.ones((2, 2))
    assert not np.shares_memory(_check.sample("x", own), own)
    assert _check.sample("x", own, copy=False) is own


def test_of_many_words_the_nearest_are_said() -> None:
    words = tuple(f"word{i}" for i in range(17))
    with pytest.raises(ValueError, match=", ".join(words[:16])):
        _check.one_of("x", "word", words[:16])
    with pytest.raises(ValueError, match="one of 17 words such as word16, word6, word1, got") as no:
        _check.one_of("x", "ord16", words)
    assert str(no.value).count("word") == 4


def test_decisions_of_the_ground_floor() -> None:
    assert constants("_check") == {
        "_check.MAX_COUNT": 2**53,
        "_check.MANY": 16,
        "_check.LONGEST": 200,
    }
    assert defaults("_check") == {
        "_check.count": {"minimum": 1, "maximum": 2**53},
        "_check.number": {"low": -math.inf, "high": math.inf, "open_": False, "infinite": False},
        "_check.number_or_numbers": {"low": -math.inf, "high": math.inf},
        "_check.sample": {"minimum_rows": 2, "copy": True},
    }


# ------------------------------------------------------------------ arrays of any shape
NO_NUMBERS = {
    "x must have rows of one length, got a ragged list": [[1, 2], [3]],
    "x must be numeric, got dtype <U1": "3",
    "x must be numeric, got dtype complex128": [1 + 2j],
    "x must hold numbers in the range of float64, got others": [10**400, 1],
    "x must have no masked entries, got 1; remove such rows": np.ma.masked_array(
        [1.0, 2.0], mask=[0, 1]
    ),
}


@pytest.mark.parametrize("sentence", NO_NUMBERS)
def test_what_is_no_array_of_numbers_is_named(sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^x must") as refused:
        _check.floats("x", NO_NUMBERS[sentence])
    assert str(refused.value) == sentence


def test_numbers_of_every_kind_become_floats() -> None:
    for value in ([Fraction(1, 2), 1], [Decimal("0.5"), 1], np.array([0.5, 1.0], dtype=">f2")):
        assert _check.floats("x", value).tolist() == [0.5, 1.0]
    assert _check.floats("x", np.longdouble("1e4000")) == math.inf
    assert str(_check.number("x", -0.0)) == "0.0"


def test_rows_of_a_sample_are_neither_ragged_nor_masked() -> None:
    with pytest.raises(ValueError, match=r"^real must have rows of one length, got a ragged list$"):
        _check.sample("real", [[1, 2], [3]])
    with pytest.raises(ValueError, match=r"^real must have no masked entries, got 2; remove"):
        _check.sample("real", np.ma.masked_greater(np.arange(6.0).reshape(3, 2), 3))


@pytest.mark.parametrize(
    "value", ["x" * 9999, [1.0] * 2000, {k: k for k in range(999)}, np.ones((300, 2))], ids=type
)
def test_a_long_value_is_shown_by_its_ends_on_one_line(value: object) -> None:
    for check in (_check.count, _check.number):
        with pytest.raises(TypeError, match="got ") as caught:
            check("n", value)
        assert len(str(caught.value)) < 250
        assert "\n" not in str(caught.value)


def test_a_value_of_moderate_length_is_shown_whole() -> None:
    assert _check.shown("x" * 198) == repr("x" * 198)
    assert _check.shown("x" * 199) == "'" + "x" * 99 + "..." + "x" * 99 + "'"


class OfTorch:
    """As a tensor with a gradient answers numpy."""

    def __array__(self, dtype: object = None, copy: object = None) -> object:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def test_what_numpy_cannot_read_is_named() -> None:
    for check in (_check.floats, _check.sample, _check.number_or_numbers, _check.probabilities):
        with pytest.raises(TypeError, match=r"^n must be an array, got a OfTorch that numpy"):
            check("n", OfTorch())  # type: ignore[operator]


def test_a_word_is_a_word() -> None:
    for value in (pd.NA, pd.Series(["a"]), np.array(["a", "b"]), None, 3):
        with pytest.raises(ValueError, match=r"^by must be one of a, b, got "):
            _check.one_of("by", value, ("a", "b"))  # type: ignore[arg-type]


def test_an_infinite_number_is_taken_where_it_means_something() -> None:
    assert _check.number("x", math.inf, low=0, infinite=True) == math.inf
    for x in (-math.inf, math.nan):
        with pytest.raises(ValueError, match="x must be a finite number of at least 0"):
            _check.number("x", x, low=0, infinite=True)


@pytest.mark.parametrize("value", [None, 1, 0.0, "yes", pd.NA, float("nan"), np.array([True])])
def test_a_truth_value_is_true_or_false_and_nothing_else(value):
    assert _check.truth("precise", np.bool_(True)) is True
    with pytest.raises(TypeError, match="precise must be True or False, got"):
        _check.truth("precise", value)
    loop = fresh_data(9, 9)
    for ask in (
        lambda: w2_squared(loop, [1.0], generations=2, precise=value),
        lambda: w2_squared_limit(loop, [1.0], precise=value),
    ):
        with pytest.raises(TypeError, match="precise must be True or False, got"):
            ask()
    with pytest.raises(TypeError, match="keep_paths must be True or False, got"):
        simulate(loop, [1.0], generations=2, replicates=3, keep_paths=value)
