"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("theory.collapse") == {
        "estimated._FEWEST": 0.01,
        "estimated._MOST": 1000000000000000.0,
        "log_trace._MANY": 1000000.0,
        "memory._NEXT": (0.63, 0.92),
        "memory._ERROR": 0.08,
        "memory._ERROR_BIAS": 0.15,
        "memory._ERROR_SMALL": 3.5,
        "stationary._STEP": 0.2,
        "stationary._PER_DEVIATION": 2.5,
        "stationary._CUT": -39.0,
        "stationary._MAX_POINTS": 10000,
        "times._MAX_WORK": 300000000000.0,
        "times._QUICK_WORK": 40000000000.0,
        "times._OCTAVES": 62,
        "traces._FAR": 1e300,
        "waiting._STEPS": 1000,
        "waiting._MOST": 32768,
        "waiting._OVERSHOOT": 0.5826,
        "waiting._MEDIAN": 0.05,
        "waiting._FROM_MEDIAN": 0.04,
        "waiting._SPIKED": 2.0,
    }


def test_defaults():
    assert defaults("theory.collapse") == {
        "estimated.estimate_biases": {"level": 0.95},
        "stationary.stationary_moment": {"dim": 1},
        "stationary.stationary_tail_index": {"dim": 1},
        "stationary._stationary": {"refine": 1.0},
        "stationary.stationary_cdf": {"dim": 1},
        "stationary.stationary_quantiles": {"dim": 1},
        "stationary.stationary_quantiles_limit": {"dim": 1},
        "traces.second_moment_growth": {"dim": 1},
    }
