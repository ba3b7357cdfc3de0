"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("modes") == {
        "ancestry.CUT": 8.271806125530277e-25,
        "ancestry.TINY": 1e-290,
        "bounds.MOST_LINES": 2000000,
        "contest._ERROR": 0.06,
        "contest._CHANCE": 0.001,
        "contest._LEFT": 1e-06,
        "contest._NORMAL": 2 / 3,
        "contest._WARMEST": 0.9999,
        "fresh.DENSE_LIMIT": 2000,
        "fresh.FRESH_LIMIT": 16384,
        "fresh._ROUNDING": 1e-12,
        "recall._MOST_COUNTED": 20000,
        "selection.CALIBRATION": 400,
        "selection.STRONG": 50.0,
        "selection.WEAK": 400.0,
        "survival.EXACT": 8192,
        "survival.ENTRY_ERROR": 1e-08,
        "survival.MOST": 1000000000,
        "tempering.DENSE_LIMIT": 1000,
        "tempering.STATE_LIMIT": 3000,
        "tempering.NEGLIGIBLE": 1e-290,
        "variance.COUNT_LIMIT": 10000,
        "vocabulary.FRESH_LIMIT": 2000,
        "vocabulary.STATIONARY_LIMIT": 8192,
        "vocabulary.NODES": 128,
        "vocabulary.LARGEST": 16,
        "vocabulary.NODE_ERROR": 1e-10,
    }


def test_defaults():
    assert defaults("modes") == {
        "ancestry.evolve": {"steps": 1},
        "bounds._log_q": {"c": 1.0},
        "bounds.survival_bounds": {"n_fresh": 0},
        "diversity.heterozygosity": {"n_fresh": 0},
        "diversity.token_heterozygosity": {"n_fresh": 0},
        "fresh.fresh_counts": {"least": 0, "limit": 1099511627776},
        "grid.mode_grid": {"dim": 2, "spacing": 1.0},
        "recall.mode_recall": {"k": 5},
        "recall.expected_recall": {"spacing": 1.0, "deviation": 0.05, "k": 5},
        "recall.predicted_recall": {"spacing": 1.0, "deviation": 0.05, "k": 5, "seed": 0},
        "selection.fixation": {"temperature": 1.0},
        "survival.surviving_mean": {"n_fresh": 0},
        "tempering.token_counts": {"limit": 1099511627776},
        "tempering.token_chain": {"temperature": 1.0, "n_fresh": 0},
        "tempering.two_tokens": {"temperature": 1.0, "n_fresh": 0},
        "tempering.stationary_law": {"temperature": 1.0},
        "tempering.full_chain": {"temperature": 1.0, "n_fresh": 0},
        "variance.modal_variance": {"ddof": 1.0, "bias": 1.0, "floor_trace": 0.0},
        "variance.typical_variance": {"ddof": 1.0, "bias": 1.0},
        "variance.floor_variance": {"ddof": 0.0, "bias": 1.0},
        "vocabulary.zipf": {"exponent": 1.0},
        "vocabulary.token_survival": {"n_fresh": 0},
        "vocabulary.support": {"n_fresh": 0},
        "vocabulary.fresh_for_support": {"by": "number"},
    }
