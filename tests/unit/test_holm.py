"""Holm's rule."""

import gc

from madtheory._holm import holm
from madtheory.claims import verify


def test_it_steps_down():
    assert holm([0.02, 0.011, 0.5], 0.03) == [False, False, False]
    assert holm([0.015, 0.01, 0.03], 0.03) == [True, True, True]
    assert holm([], 0.03) == []


def test_at_the_verifier_s_family_wise_level():
    assert holm([0.0024, 0.5, 0.5, 0.5], verify.ALPHA) == [True, False, False, False]
    assert holm([0.0026, 0.5, 0.5, 0.5], verify.ALPHA) == [False] * 4
    assert holm([0.0024, 0.0032, 0.0049, 0.0099], verify.ALPHA) == [True] * 4
    assert holm([0.0024, 0.0034, 0.0049, 0.0099], verify.ALPHA) == [True, False, False, False]


def test_what_a_caller_has_frozen_stays_frozen():
    holm([0.01], 0.05)
    assert gc.get_freeze_count() == 0
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        holm([0.01], 0.05)
        assert gc.get_freeze_count() > before / 2  # a frozen object may die meanwhile
    finally:
        gc.unfreeze()
