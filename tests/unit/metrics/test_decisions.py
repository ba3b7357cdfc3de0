"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("metrics") == {
        "_neighbours.STRIP": 64,
        "directions._RANK_TOLERANCE": 1e-12,
        "features.ROWS": 4096,
        "features._FEW": 5,
        "features._SMALL": 6.223015277861142e-61,
        "features._LARGE": 1.6069380442589903e60,
        "frechet._DEALS": 16,
        "frechet._DEALS_BY_DIM": 256,
        "frechet._NOTHING": 1e-300,
        "kernel_distance._BLOCK_ROWS": 512,
        "precision_recall._BLOCK": 512,
        "precision_recall._SHELLS": 32,
        "precision_recall._SURE": 2.0,
        "precision_recall._CENTRE_ROWS": 1001,
    }


def test_defaults():
    assert defaults("metrics") == {
        "features.features": {"minimum_rows": 2},
        "features.pair": {"minimum_rows": 2},
        "frechet.fid": {"level": 0.95},
        "frechet.fid_unbiased": {"level": 0.95},
        "kernel_distance.kernel_distance": {"level": 0.95},
        "precision_recall.precision_recall": {"k": 5, "level": 0.95},
    }
