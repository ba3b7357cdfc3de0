"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("claims") == {
        "appendix_a._WEIGHTS": [0.6, 0.3, 0.1],
        "appendix_a._EPSILON": 0.1,
        "appendix_a._MINIMUM_EPSILON": 0.2,
        "augmentation._GOLDEN": 0.6180339887498948,
        "categories._THREE": [0.5, 0.3, 0.2],
        "categories._MANY": (0.505, 20000),
        "categories._NEAR": [0.337, 0.333, 0.33],
        "collapse._LINE": [1.0],
        "directions._FADING": (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5),
        "directions._RISING": (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0),
        "directions._LEVEL": 0.95,
        "distance._HIGH_ERROR": 0.0007507507507507507,
        "distance._FLAT": [1.0, 1.0, 1.0, 1.0],
        "estimators._LINE": [1.0],
        "estimators._LATE": 18,
        "estimators._HIGH": 0.9,
        "estimators._FAR": 1000.0,
        "fresh._SETTLED": 12,
        "fresh._SOON": 6,
        "fresh._LINE": [1.0],
        "high_dimension._SETTLED": 26,
        "metrics._N": 60,
        "metrics._SHIFT": 2.0,
        "metrics._SCALE": 2.0,
        "metrics._ONE": [[2.0, 0.6], [0.6, 1.0]],
        "metrics._OTHER": [[0.5, -0.3], [-0.3, 3.0]],
        "modes._MODAL": 0.125,
        "modes._TOTAL": 1.4583333333333333,
        "modes._MODES": 9,
        "modes._N": 90,
        "modes._T": 10,
        "setting.UNEQUAL": [3.0, 2.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.0],
        "setting.HARMONIC": [
            1.0,
            0.5,
            0.3333333333333333,
            0.25,
            0.2,
            0.16666666666666666,
            0.14285714285714285,
            0.125,
        ],
        "times._SMALL": 0.5,
        "times._TENTH": 0.1,
        "times._TINY": 1e-06,
        "verify.ALPHA": 0.01,
        "verify.POWER": 0.99,
        "verify.FULL_FACTOR": 4,
    }


def test_defaults():
    assert defaults("claims") == {
        "categories.Resampling": {"temperature": 1.0, "n_fresh": 0},
        "claim.Prediction": {"error": 0.0},
        "claim.Claim": {"size": 1, "side": "both", "statement": "", "computed": False},
        "lines.until_alone": {"temperature": 1.0},
        "modes._variances": {"ddof": 0.0, "floor": 0.0},
        "modes._idealised": {"floor": 0.0},
        "setting.Setting.draws": {"words": ""},
        "verify.judge": {"level": "quick", "seed": 0, "n_claims": 1},
        "verify.verify": {"level": "quick", "seed": 0},
    }
