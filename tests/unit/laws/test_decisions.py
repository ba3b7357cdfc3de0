"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("laws") == {
        "bures._TOLERANCE": 1e-08,
        "chi_square._LARGE": 10,
        "chi_square._SMALL_VARIANCE": 1e-06,
        "chi_square._STIRLING": (
            0.08333333333333333,
            -0.002777777777777778,
            0.0007936507936507937,
            -0.0005952380952380953,
            0.0008417508417508417,
            -0.0019175269175269176,
            0.00641025641025641,
        ),
        "chi_square._DIGAMMA": (
            0.08333333333333333,
            -0.008333333333333333,
            0.003968253968253968,
            -0.004166666666666667,
            0.007575757575757576,
            -0.021092796092796094,
            0.08333333333333333,
        ),
        "passage._NODES": 16,
        "passage._WIDTH": 4.5,
        "passage._TINY": 1e-250,
        "passage._CUT": 46.0,
        "tails._MAX_NODES": 16384,
        "tails._FAR": 1e100,
        "tails._SLOPE": 0.8,
        "varying_walk._CELLS": 3.0,
        "varying_walk._REACH": 8.0,
        "varying_walk._TINY": 1e-15,
        "varying_walk._LEAST": 1e-06,
        "varying_walk._FEWEST": 0.01,
        "varying_walk._MOST": 2000.0,
        "wishart._MAX_DIM": 10000000,
    }


def test_defaults():
    assert defaults("laws") == {
        "passage.passage_probabilities": {"enough": 2.0},
    }
