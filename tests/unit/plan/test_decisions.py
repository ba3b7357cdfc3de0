"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("plan") == {
        "grid._SEED_BITS": 53,
        "phases._MOST_COUNTS": 1_000_000,
        "planner.MEMORIES": (1, 2, 3, 5, 10, 20),
        "planner.QUANTILES": (0.05, 0.5, 0.95),
        "planner.NEAR": 0.95,
        "planner.MOST": 100000,
        "planner.FARTHEST": 1000,
        "search._SCAN": 4,
        "search._STEP": 2,
        "search._NEAR": 1.05,
        "search._NEIGHBOURS": 8,
        "sweep.WRITE_EVERY": 1.0,
        "sweep.WRITE_SHARE": 0.01,
    }


def test_defaults():
    assert defaults("plan") == {
        "answer.Answer": {"status": "asymptotic"},
        "answer.unknown": {"status": "not computed"},
        "phases.admissible": {"memory": 1},
        "planner.plan_loop": {"bias": 1.0, "eps": 0.01},
        "planner.required_n_real": {"bias": 1.0, "gain": 1.0},
        "search.log_ratio": {"side": 0},
        "sweep.run_sweep": {
            "values": ("value",),
            "batch": 16,
            "pending": 256,
            "retry": False,
            "progress": False,
        },
    }
