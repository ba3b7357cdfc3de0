"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("engine") == {
        "curves.LEVELS": (0.05, 0.25, 0.5, 0.75, 0.95),
        "generation.DATA": 0,
        "generation.SYNTHETIC": 1,
        "generation.FIT": 2,
        "generation.METRICS": 3,
        "request.MAX_GENERATIONS": 10000000,
        "store.SAVE_EVERY": 1.0,
        "store.SAVE_SHARE": 0.005,
    }


def test_defaults():
    assert defaults("engine") == {
        "curves.bands": {"levels": (0.05, 0.25, 0.5, 0.75, 0.95)},
        "run.run_loop": {"seed": 0, "every": 1},
        "run.run_seeds": {"every": 1, "levels": (0.05, 0.25, 0.5, 0.75, 0.95), "processes": False},
        "state.State": {"generation": 0},
        "store._flat": {"prefix": ""},
        "store._plain": {"deeper": True},
        "store.Mark": {
            "size": 0,
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        },
        "store.RunFolder": {"_size": 0},
    }


def test_defaults_models():
    assert defaults("engine.models") == {
        "_shared.two_samples": {"minimum_rows": 1},
        "gaussian.Gaussian": {"ddof": 1, "shrinkage": 0.0, "floor": 0.0, "real_variance": 1.0},
        "gaussian_mixture.GaussianMixture": {
            "reg_covar": 1e-06,
            "ddof": 0,
            "tol": 0.001,
            "max_iter": 100,
            "warm_start": False,
        },
        "gaussian_mixture.grid_mixture": {"side": 5, "spacing": 2.0, "sigma": 0.05},
        "labelled.LabelledMixture": {"ddof": 1},
        "labelled.labelled_grid": {"side": 5, "spacing": 2.0, "sigma": 0.05, "ddof": 1},
        "resampling.KernelDensity": {"bandwidth": "scott", "units": "data"},
    }
