"""The derivation behind the fresh loop's moment maps, and the code generated from it."""

from pathlib import Path

import madtheory
from madtheory.proofs import admissible, fresh_moments


def test_every_residual_is_zero():
    residuals = fresh_moments.prove()
    assert len(residuals) == 5
    assert all(residual == 0 for residual in residuals.values()), residuals


def test_generated_module_is_what_the_derivation_writes():
    path = Path(str(madtheory.__file__)).parent / "theory/moments/fresh_maps.py"
    assert path.read_text() == fresh_moments.source()


def test_brute_force_rejects_a_changed_coefficient(monkeypatch):
    A, b = fresh_moments.derive_second()
    changed = A.copy()
    changed[6, 6] = changed[6, 6] * 51 / 50
    monkeypatch.setattr(fresh_moments, "derive_second", lambda: (changed, b))
    assert any(residual != 0 for residual in fresh_moments.closure_residuals(2))


def test_matchings_of_four_slots():
    # 3 full pairings, 6 with one pair, 1 with none: the ten terms of Isserlis with means.
    assert len(list(fresh_moments.matchings((0, 1, 2, 3)))) == 10


def test_limits_of_worth_and_admissible_size():
    residuals = admissible.prove()
    assert len(residuals) == 7
    assert all(residual == 0 for residual in residuals.values()), residuals


def test_a_changed_limit_is_not_proved(monkeypatch):
    stated = admissible.admissible_limit()
    monkeypatch.setattr(admissible, "admissible_limit", lambda: stated * 51 / 50)
    assert admissible.admissible_residuals()["n_s at order 2 (2.6)"] != 0
