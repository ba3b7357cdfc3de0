"""Constants of one direction's chain, as literals."""

from tests.decisions import constants


def test_constants():
    assert constants("theory.distance.one_direction") == {
        "floored._MANY": 4000,
        "floored._FARTHEST": 500,
        "floored._STEP": 0.2,
        "floored._PER_SD": 0.5,
        "floored._BELOW": 24.0,
        "floored._ABOVE": 60.0,
        "floored._ERROR": 1e-09,
        "floored._LARGEST": 1000000000.0,
        "projective._DECLARED": 2.0,
        "projective._LEAST": 0.0001,
        "projective._KINKED": 5.0,
        "projective._FAR": 9.0,
        "projective._FRESH": ((16, 9, 8, 10, 1, 1), (22, 12, 10, 16, 1, 1)),
        "projective._FIXED": ((11, 9, 9, 12, 6, 5), (14, 12, 10, 14, 8, 6)),
        "projective._MADE_OF": 150,
        "projective._AT_ONCE": 16,
        "projective._TYPICAL": 0.25,
        "series._DEGREES": ((20000.0, 4), (200.0, 6), (0.0, 8)),
        "series._BESIDE": 6,
        "series._AT_ONCE": 500,
        "series._LEFT_OUT": 3.0,
        "series._ROUNDING": 1e-10,
    }
