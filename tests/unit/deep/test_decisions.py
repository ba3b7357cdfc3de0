"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("deep") == {
        "checkpoint.SAVE_EVERY": 20.0,
        "checkpoint.SAVE_SHARE": 0.02,
        "config.SMALL": {
            "steps": 8,
            "epochs": 1,
            "batch": 16,
            "width": 8,
            "hidden": 8,
            "depth": 1,
            "latent": 8,
            "couplings": 2,
            "critic_steps": 2,
            "timesteps": 10,
            "sampling_steps": 5,
        },
        "config.SMALL_LOOP": 200,
        "config.SMALL_GENERATIONS": 2,
        "curves._LARGEST": 2**28,
        "folder.N_KEPT": 1000,
        "folder.GRID": 10,
        "folder.SIDE": 32,
        "measures.N_MEASURED": 4000,
        "measures.N_NEIGHBOURS": 2000,
        "measures.N_DIRECTIONS": 32,
        "measures.FLOOR_SEED": 2025,
        "measures.SIDE": 32,
        "measures.FEWEST": 64,
        "noise.MASK": 4294967295,
        "noise.MULTIPLIERS": (3528531795, 3449720151),
        "noise.INCREMENTS": (2654435769, 3144134277),
        "noise.ROUNDS": 10,
        "train.TERMINATED": 143,
        "train.LOOK_EVERY": 50,
    }


def test_defaults():
    assert defaults("deep") == {
        "config.Preset": {"features": ""},
        "curves.Curve": {"processor": ""},
        "folder._of_run": {"generation": ""},
        "folder.grid": {"rows": 10, "columns": 10, "gap": 0},
        "gaussian.simulate_torch": {
            "device": "cpu",
            "record": ("mean_sq", "trace", "w2_squared", "log_det"),
        },
        "measures.leading": {"k": 32},
        "measures.Measures": {"n": 4000},
        "run.on_device": {"count": 1},
        "run.run": {"seed": 0, "command": ""},
        "train.Device": {"name": "cpu", "mixed": False, "threads": 1, "count": 1},
        "train.Average": {"steps": 0},
        "train.one_cycle": {"warm": 0.1},
    }


def test_constants_compare():
    assert constants("deep.compare") == {
        "comparison.SETTING": 2,
        "frame._MORE": 6,
        "frame._NODES": 9,
        "frame._COURSE_SPAN": (0.3, 2.0),
        "frame._NOISE_SPAN": (0.7, 1.4),
        "observed._CURVE_LEVEL": 0.95,
        "observed._NOTHING": 1e-09,
        "rules.LEVEL": 0.95,
        "rules.REPLICATES": 1000,
        "rules.GOAL": 0.1,
        "rules.N_MOST": 1000000,
        "rules.BIAS_LEAST": 1e-06,
        "rules.BIAS_MOST": 16.0,
        "rules.N_RECALL": 2000,
        "rules.K_RECALL": 5,
        "rules.SEEDS_RECALL": 2,
        "rules.SCALES_RECALL": (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0),
        "rules.LOOPS_RECALL": 8,
        "rules.N_LOOPED": 500,
        "rules.N_MEASURED": 4000,
    }


def test_defaults_compare():
    assert defaults("deep.compare") == {
        "bands.prediction": {"seed": 0},
        "comparison.compare": {"seed": 0},
        "frame.fitted_size": {"seen": 0.0},
        "observed.observed": {"least": 1},
    }


def test_constants_data():
    assert constants("deep.data") == {
        "idx.TYPES": {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"},
        "make_fashion.N_TRAIN": 20000,
        "sets.N_TEST": 10000,
        "sets.TEST_SEED": 2024,
        "sets.WIDEST": 4096,
    }


def test_defaults_data():
    assert defaults("deep.data") == {
        "sets.DataSet": {"classes": 0},
    }


def test_constants_features():
    assert constants("deep.features") == {
        "lenet.WIDTH": 64,
    }


def test_defaults_features():
    assert defaults("deep.features") == {
        "lenet.train_lenet": {"epochs": 3, "batch": 128, "seed": 0},
    }


def test_constants_models():
    assert constants("deep.models") == {
        "ddpm.BETAS": (0.0001, 0.02),
        "glow.BOUND": 2.0,
        "weights.ROWS": 2048,
    }


def test_defaults_models():
    assert defaults("deep.models") == {
        "ddpm.Ddpm": {
            "network": "mlp",
            "target": "noise",
            "width": 128,
            "depth": 3,
            "classes": 10,
            "timesteps": 500,
            "steps": 4000,
            "batch": 128,
            "rate": 0.002,
            "decay": 0.999,
            "dropout": 0.1,
            "gradient": 1.0,
            "sampler": "ddim",
            "sampling_steps": 50,
            "spacing": 1.0,
            "clip": 1.0,
        },
        "glow.Glow": {
            "couplings": 8,
            "hidden": 64,
            "epochs": 20,
            "batch": 256,
            "rate": 0.002,
            "decay": 0.99,
            "gradient": 5.0,
            "dim": 0,
        },
        "glow.LinearFlow": {
            "couplings": 0,
            "hidden": 64,
            "epochs": 20,
            "batch": 256,
            "rate": 0.002,
            "decay": 0.99,
            "gradient": 5.0,
            "dim": 0,
        },
        "linear.LinearGaussian": {"steps": 200, "rate": 0.2},
        "wgan_gp.WganGp": {
            "network": "conv",
            "width": 64,
            "depth": 2,
            "latent": 32,
            "steps": 3000,
            "critic_steps": 5,
            "batch": 64,
            "rate": 0.001,
            "penalty": 10.0,
            "decay": 0.995,
        },
    }
