"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("theory.distance") == {
        "by_direction._NODES": 9,
        "by_direction._SHARED": 0.5,
        "cumulants._MOST_SYNTH": 10000,
        "deficit._NODES": 256,
        "deficit._LAGUERRE": 20,
        "deficit._FRESH": (0.04, 0.4, 0.0, 0.0),
        "deficit._OTHERS": (0.03, 0.02, 0.015, 0.2),
        "deficit._SKEWED": 4.0,
        "deficit._CLOSURE": (3.0, 0.4),
        "equivalent._BY_FIT": 1.3,
        "equivalent._BY_SIZE": 0.15,
        "equivalent._BY_SPREAD": 0.001,
        "equivalent._BY_GRID": 1e-06,
        "equivalent._ROUNDED": 2e-14,
        "equivalent._AT_REST": 1e-05,
        "equivalent._TURNS": 3,
        "equivalent._SHORT": 8,
        "equivalent._LONGEST": 300,
        "fidelity.WIDEST": 1000000000000.0,
        "fidelity.HEAVY": 20.0,
        "precise._ENOUGH": 0.003,
        "precise._WIDTH": 3.0,
        "precise._WORK": 4000000000.0,
        "precise._LEAST": 2000,
        "precise._BATCH": 20000,
        "precise._KEPT": 4000000.0,
        "precise._MODERATE": 3.0,
        "precise._LEFT": 0.001,
        "precise._TIMES": 5,
        "precise._FARTHEST": 1000,
        "remembered._BY_MIXTURE": 1.0,
        "shared_data._HELD": 3,
        "shared_data._WITHIN": 1e-09,
        "shared_equivalent._BY_FIT": 0.3,
        "shared_equivalent._BY_SIZE": 0.3,
        "shared_equivalent._BY_SECOND": 1.0,
        "shared_equivalent._BY_UNEVEN": 0.4,
        "shared_equivalent._BY_CLOSED": 0.5,
        "shared_equivalent._BY_MEANS": 3.0,
        "shared_equivalent._BY_COUNTS": 3.0,
        "shared_equivalent._BY_CROWD": 0.08,
        "shared_equivalent._BY_GRID": 1e-06,
        "shared_equivalent._CROWD": 2.0,
        "shared_equivalent._ROUNDED": 2e-14,
        "shared_equivalent._AT": (2, 3, 4, 5, 6, 8, 10, 12, 16, 24),
        "shared_equivalent._MOST": 8,
        "shared_equivalent._LEFT": 0.001,
        "shared_equivalent._SLOW": 0.8,
    }


def test_defaults():
    assert defaults("theory.distance") == {
        "any_loop.w2_squared": {"precise": False, "seed": 0},
        "any_loop.w2_squared_limit": {"precise": False, "seed": 0},
        "equivalent.deficit_by_law": {"step": 0.0},
        "remembered.limit": {"sharp": True},
    }
