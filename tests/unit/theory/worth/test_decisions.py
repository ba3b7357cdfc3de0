"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("theory.worth") == {
        "admissible._FARTHEST": 10000000000.0,
        "admissible._FARTHEST_BIASED": 10000.0,
        "admissible._FARTHEST_UNBIASED": 100000.0,
        "admissible._SCAN": 4,
        "weights._EQUAL": 1e-08,
    }


def test_defaults():
    assert defaults("theory.worth") == {
        "weights._best": {"width": 1},
        "weights.fresh_fraction": {"bias": 1.0},
    }
