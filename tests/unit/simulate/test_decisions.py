"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("simulate") == {
        "categories.CHUNK_WORK": 100000000.0,
        "gaussian._FARTHEST": 500.0,
        "limits.YEAR": 3.2e16,
        "request.CHUNK_WORK": 200000000.0,
        "request.WORKING": 16,
        "store.SAVE_EVERY": 1.0,
        "units._FAR": 50,
    }


def test_defaults():
    assert defaults("simulate") == {
        "limits.check_memory": {"data": False},
        "categories.simulate_categories": {
            "temperature": 1.0,
            "seed": 0,
            "n_fresh": 0,
            "record": (
                "survivors",
                "mass",
                "heterozygosity",
                "top_share",
                "entropy",
                "favoured_share",
            ),
            "keep_paths": False,
        },
        "gaussian.simulate": {
            "seed": 0,
            "record": ("mean_sq", "trace", "w2_squared", "log_det"),
            "keep_paths": False,
            "progress": False,
        },
        "modes.simulate_modes": {
            "modes": 25,
            "n_synth": 1000,
            "seed": 0,
            "dim": 2,
            "ddof": 1.0,
            "spacing": 1.0,
            "deviation": 0.05,
            "n_fresh": 0,
            "floor": 0.0,
            "bias": 1.0,
            "keep_paths": False,
        },
        "plain.simulate_plain": {"record": ("mean_sq", "trace", "w2_squared", "log_det")},
        "request.asked": {"seed": 0, "most_work": 200000000.0},
        "request.make_plan": {"keep_paths": False, "progress": False},
        "request.bytes_of": {"keep_paths": False},
        "runs.run": {"keep_paths": False, "progress": False},
        "size_biased.simulate_size_biased": {"record": ("log_trace", "trace", "log_direction")},
    }


def test_constants_kernels():
    assert constants("simulate.kernels") == {
        "collapse_lanes.LOW": 7.006492321624085e-46,
        "collapse_lanes.HIGH": 1.42724769270596e45,
        "linear_algebra.LOG_2": 0.6931471805599453,
        "linear_algebra.PIVOT_LOW": 6.223015277861142e-61,
        "linear_algebra.PIVOT_HIGH": 1.6069380442589903e60,
        "linear_algebra.SMALL_PIVOT": 1e-08,
        "measure.NEAR": 0.05,
        "measure_lanes.LANES": 32,
        "piles.COUNT": 0,
        "piles.WIDTH": 1,
        "piles.RANK": 2,
        "root_trace.WIDE": 1e-08,
        "root_trace.WIDE_POLES": 40,
        "root_trace.NARROW": 0.001,
        "root_trace.NARROW_POLES": 20,
        "root_trace.NEGLIGIBLE": 1e-290,
        "scales.LARGEST": 1e300,
        "scales.FAR": 0.0009765625,
        "side_by_side.MOST_DIM": 6,
        "side_by_side.MOST_DRAWN": 8388608,
        "tally.SMALL_SPREAD": 1e-150,
    }
