"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    assert constants("theory.verdicts") == {
        "compared._MANY": 1000000,
        "compared._LATE": 1000,
        "risk.STILL": 1e-08,
    }


def test_defaults():
    assert defaults("theory.verdicts") == {
        "finding._ids": {"kept": "real-part-bound"},
        "finding.say": {"status": "exact"},
        "on_paths.rate_on_paths": {"margin": 0.0, "alpha": 0.01},
        "on_paths.distance_increases_on_paths": {"alpha": 0.01},
        "on_paths.risk_growth_on_paths": {"alpha": 0.01},
        "on_paths.ratio_on_paths": {"alpha": 0.01},
        "on_paths.loop_forgets_on_paths": {"alpha": 0.01},
        "risk.expected_distance_increases": {"generations": 50},
        "table.default_loops": {"n": 100},
    }
