"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("files") == {
        "features.MAX_FEATURE_BYTES": 2147483648,
        "features.BLOCK_BYTES": 16777216,
        "features.RANK_TOLERANCE": 1e-12,
        "features.SHOWN": 40,
        "features.VARIANCES": (3.2033329522929615e-145, 3.1217485503159922e144),
    }


def test_defaults():
    assert defaults("files") == {
        "atomic.sweep": {"held": False},
        "run_folder.damaged": {"got": "a damaged or missing file"},
        "run_folder.read_sealed": {"unsealed": False},
    }
