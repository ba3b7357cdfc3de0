"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("theory.moments") == {
        "any_loop._NEAR": 1e-06,
        "at_rest._SOLVED": 1200,
        "at_rest._DENSE": 600,
        "at_rest._FEW": 150,
        "at_rest._AT_ONCE": 64,
        "at_rest._ROUGH": 1e-06,
        "at_rest._ROUNDED": 1e-09,
        "at_rest._BLURRED": 0.001,
        "at_rest._SURE": 0.01,
        "at_rest._ARNOLDI": 60,
        "at_rest._KRYLOV": 400,
        "at_rest._RESIDUAL": 1e-07,
        "at_rest._ROUNDS": 3,
        "closure._STILL": 1e-15,
        "closure._DOUBLINGS": 42,
        "families._TINY": 2.0**-900,
        "first._PATIENCE": 100000,
        "first._UNIT": 1e-12,
        "first._TINY": 1e-300,
        "first._HUGE": 1e280,
        "first._LATE": 1152921504606846976,
        "first._SAME": 1e-06,
        "first._TURNS": 8,
        "first._TURN": 0.8,
        "first._LEAST_TURN": 1e-09,
        "first._INWARDS": 0.5,
        "first._GROWING": 1.5,
        "first._MOST_TURNS": 8192,
        "first._LARGE": 1e100,
        "generation.ID": 0,
        "generation.ROUNDINGS": 8.881784197001252e-16,
        "generation._SPOKEN_OF": 1e-09,
        "generation._NOTHING": 0.0005,
        "growing_limits._FIRST": 16,
        "growing_limits._LAST": 8192,
        "growing_limits._SETTLED": 1e-07,
        "growing_pool._TERMS": (4096, 131072),
        "second._SHORT": (14, 9),
        "second._SAFETY": [0.0, 0.0, 2.5, 1.6, 1.6, 1.6, 1.6],
        "second._LEAST": 0.001,
        "several.MOST": 24,
        "several._STILL": 1e-15,
        "tensors.NEAR": 1e-12,
        "tensors._MANY": 6,
    }


def test_defaults():
    assert defaults("theory.moments") == {
        "at_rest.several_radius": {"tolerance": 0.0},
        "closure.followed": {"drawn": 2},
        "families.augmentation_limit": {"bias": 1.0},
        "families.memory_limit": {"bias": 1.0},
        "families.memory_limit_all": {"bias": 1.0},
        "families.weighted_limit": {"bias": 1.0},
        "first._Lags.expand": {"rho": 1.0},
        "first._Lags.step": {"rho": 1.0},
        "first._Lags.map": {"rho": 1.0},
        "generation.held_by": {"scale": 1.0},
        "generation.kept_as": {"scale": 1.0},
    }
