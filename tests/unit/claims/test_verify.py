"""The verifier's own rules, on claims whose truth is known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from madtheory.claims import CLAIMS, Claim, Mutant, Observation, Prediction, verify
from madtheory.claims.claim import recorded
from madtheory.claims.memory import without_scatter
from madtheory.theory import moments


def _normal(mean: float):
    return Observation(
        "normal, deviation 1",
        lambda size, seed: np.random.default_rng(seed).normal(mean, 1.0, size),
    )


TRUE = Claim(
    id="a-normal-mean",
    reference="none",
    statement="the mean is 1",
    status="exact",
    predict=lambda: Prediction(1.0, 1.0),
    observe=_normal(1.0),
    mutant=Mutant("2 % larger", lambda value: 1.02 * value),
    size=120_000,
)


def test_true_claim_passes_and_its_mutant_is_rejected():
    verdict = verify.judge(TRUE, n_claims=50)
    assert verdict.passed
    assert verdict.mutant_rejected
    assert verdict.power >= 0.99
    assert abs(verdict.z) < 4
    assert verdict.se == pytest.approx(1 / np.sqrt(120_000), rel=1e-12)


def test_false_claim_is_refuted():
    verdict = verify.judge(replace(TRUE, observe=_normal(1.02)), n_claims=50)
    assert verdict.p < 1e-6
    assert abs(verdict.z) > 5


def test_claim_without_power_fails():
    verdict = verify.judge(replace(TRUE, size=10_000), n_claims=50)
    assert verdict.power < 0.5
    assert not verdict.passed
    assert not verdict.refuted


def _power(size: int) -> float:
    """Of rejecting a mean 2 % off at level .01 / 50, deviation 1: 3.7190 is its quantile."""
    return float(norm.cdf(0.02 * np.sqrt(size) - 3.7190164854557))


@pytest.mark.parametrize(("size", "passes"), [(91_000, False), (92_000, True)])
def test_a_mutant_must_be_rejected_with_power_99(size, passes):
    # .9897 and .9905: either way the mutant is rejected.
    verdict = verify.judge(replace(TRUE, size=size), n_claims=50)
    assert verdict.power == pytest.approx(_power(size), rel=1e-9)
    assert verdict.mutant_rejected
    assert verdict.passed is passes


def test_power_is_what_the_declared_error_leaves():
    # Of a mutant 3 % off, 1 % is declared and 2 % can be seen.
    vague = replace(
        TRUE,
        predict=lambda: Prediction(1.0, 1.0, error=0.01),
        mutant=Mutant("3 % larger", lambda value: 1.03 * value),
        size=60_000,
    )
    assert verify.judge(vague, n_claims=50).power == pytest.approx(_power(60_000), rel=1e-9)


def test_a_claim_that_is_rejected_and_has_low_power_fails_for_both(monkeypatch):
    weak = replace(TRUE, size=40_000, observe=_normal(1.06))
    monkeypatch.setattr(verify, "CLAIMS", (weak, replace(TRUE, id="other")))
    verdict = verify.verify(claims=[TRUE.id]).claims[0]
    assert verdict.mutant_rejected
    assert 0.6 < verdict.power < 0.99
    assert (verdict.refuted, verdict.passed) == (True, False)


def test_a_low_power_fails_even_where_the_mutant_is_rejected():
    claim = replace(TRUE, size=30_000)
    verdicts = [verify.judge(claim, seed=seed, n_claims=50) for seed in range(20)]
    lucky = [verdict for verdict in verdicts if verdict.mutant_rejected]
    assert lucky
    assert all(verdict.power < 0.99 and not verdict.passed for verdict in lucky)


def test_the_smallest_error_is_what_is_rejected_with_power_99():
    # Quantiles of the normal law at 1 - 1e-4 (two sides of .01 / 50) and at .99.
    least = (3.7190164854557 + 2.3263478740408) / np.sqrt(120_000)
    verdict = verify.judge(TRUE, n_claims=50)
    assert verdict.smallest_error == pytest.approx(least, rel=1e-9)
    at_it = replace(TRUE, mutant=Mutant("at it", lambda value: value * (1 + least)))
    assert verify.judge(at_it, n_claims=50).power == pytest.approx(0.99, rel=1e-9)


def test_the_smallest_error_grows_by_the_declared_one_and_by_what_a_bound_leaves():
    certain = verify.judge(TRUE, n_claims=50).smallest_error
    vague = replace(TRUE, predict=lambda: Prediction(1.0, 1.0, error=0.03))
    assert verify.judge(vague, n_claims=50).smallest_error == pytest.approx(certain + 0.03)
    loose = replace(TRUE, side="at_least", observe=_normal(1.2))
    verdict = verify.judge(loose, n_claims=50)
    # One side: the quantile at 1 - .01 / 50.
    seen = (3.5400837992061 + 2.3263478740408) / np.sqrt(120_000)
    assert verdict.smallest_error == pytest.approx(verdict.estimate - 1 + seen, rel=1e-9)


def test_an_error_is_relative_to_what_is_stated():
    # A prediction of 0 whose mutant is 20 % off: there a shift of .01 is an error of 1 %.
    claim = replace(
        TRUE,
        predict=lambda: Prediction(0.0, 1.0),
        observe=_normal(0.0),
        mutant=Mutant("20 % more", lambda value: value - 0.2, change=0.2),
    )
    verdict = verify.judge(claim, n_claims=50)
    assert verdict.smallest_error == pytest.approx(
        verify.judge(TRUE, n_claims=50).smallest_error, rel=1e-9
    )


def test_a_deviation_that_theory_does_not_give_is_estimated():
    # Of 1, 2, 3, 6 the sum of squared deviations is 14: variance 14 / 3.
    few = Observation("four numbers", lambda _size, _seed: np.array([1.0, 2.0, 3.0, 6.0]))
    claim = replace(TRUE, observe=few, predict=lambda: Prediction(1.0))
    assert verify.judge(claim).se == pytest.approx(np.sqrt(14 / 3 / 4), rel=1e-12)


def test_every_claim_draws_by_itself():
    other = replace(TRUE, id="another")
    assert verify.judge(TRUE).estimate != verify.judge(other).estimate
    assert verify.judge(TRUE).estimate != verify.judge(TRUE, seed=1).estimate
    assert verify.judge(TRUE).estimate == verify.judge(TRUE).estimate


@pytest.mark.parametrize(("level", "size"), [("quick", 25), ("full", 100)])
def test_the_full_level_takes_four_times_the_observations(level, size):
    assert verify.judge(replace(TRUE, size=25), level=level).observations == size


def test_power_is_the_rejection_rate_of_the_mutant():
    claim = replace(TRUE, size=30_000)
    verdicts = [verify.judge(claim, seed=seed, n_claims=50) for seed in range(400)]
    rate = np.mean([verdict.mutant_rejected for verdict in verdicts])
    expected = verdicts[0].power
    assert 0.2 < expected < 0.8
    assert abs(rate - expected) < 4 * np.sqrt(expected * (1 - expected) / 400)


def test_p_values_are_uniform_under_the_null():
    p = np.array([verify.judge(replace(TRUE, size=100), seed=s).p for s in range(2000)])
    grid = np.linspace(0.05, 0.95, 19)
    worst = np.abs((p[:, None] <= grid).mean(axis=0) - grid).max()
    assert worst < 1.95 / np.sqrt(2000)  # Kolmogorov, level 1e-3


@pytest.mark.parametrize(
    ("side", "truth", "refuted"),
    [
        ("at_least", 1.05, False),
        ("at_least", 0.95, True),
        ("at_most", 0.95, False),
        ("at_most", 1.05, True),
    ],
)
def test_a_bound_is_refuted_on_one_side_only(side, truth, refuted):
    verdict = verify.judge(replace(TRUE, side=side, observe=_normal(truth)))
    assert (verdict.p < 1e-6) is refuted


def test_a_bound_whose_mutant_still_holds_has_no_power():
    verdict = verify.judge(replace(TRUE, side="at_least", observe=_normal(1.2)))
    assert verdict.power == 0
    assert not verdict.passed


def test_within_the_declared_error_nothing_is_refuted():
    claim = replace(
        TRUE,
        predict=lambda: Prediction(1.0, 1.0, error=0.05),
        mutant=Mutant("20 % larger", lambda value: 1.2 * value),
    )
    verdict = verify.judge(replace(claim, observe=_normal(1.04)))
    assert verdict.z == 0
    assert verdict.passed


def test_a_mutant_within_the_declared_error_is_not_rejected():
    # Seen from 1.04 the mutant 1.08 is as good as 1: both are within .05.
    claim = replace(
        TRUE,
        predict=lambda: Prediction(1.0, 1.0, error=0.05),
        observe=_normal(1.04),
        mutant=Mutant("8 % larger", lambda value: 1.08 * value),
    )
    verdict = verify.judge(claim)
    assert (verdict.z, verdict.p) == (0, 1)
    assert not verdict.mutant_rejected
    assert not verdict.passed


def _compares(value: float, **changes) -> Claim:
    """A claim that 1 is `value`, within .001."""
    claim = replace(TRUE, id="computed", predict=lambda: Prediction(1.0, error=0.001))
    return replace(claim.computes("another route", lambda: value), **changes)


def test_two_routes_are_compared_without_z():
    verdict = verify.judge(_compares(1.0004))
    assert (verdict.computed, verdict.observations) == (True, 0)
    assert (verdict.z, verdict.p, verdict.se, verdict.power) == (None, None, 0, 1)
    assert (verdict.refuted, verdict.mutant_rejected, verdict.passed) == (False, True, True)
    assert verdict.smallest_error == pytest.approx(0.0014, rel=1e-9)


def test_two_routes_that_differ_refute_and_a_near_mutant_has_no_power():
    verdict = verify.judge(_compares(1.0011))
    assert (verdict.refuted, verdict.passed) == (True, False)
    near = _compares(1.0004, mutant=Mutant("near", lambda value: value * 1.0012))
    verdict = verify.judge(near)
    assert (verdict.mutant_rejected, verdict.power, verdict.passed) == (False, 0, False)
    assert not verdict.refuted


def test_only_what_is_sampled_counts_for_holm(monkeypatch):
    # Three tests beside two comparisons: .01 / 3 a mutant, and .01 / 3 the smallest p.
    at = float(norm.isf(0.0032 / 2)) / np.sqrt(100)
    fixed = Observation("fixed mean", lambda size, _seed: np.full(size, 1.0 + at))
    odd = replace(TRUE, id="odd", size=100, observe=fixed)
    table = (odd, replace(TRUE, id="b"), replace(TRUE, id="c"), _compares(1.0))
    monkeypatch.setattr(verify, "CLAIMS", (*table, _compares(1.0, id="computed too")))
    assert verify.number_of_tests() == 3
    found = {verdict.id: verdict for verdict in verify.verify().claims}
    assert found["odd"].p == pytest.approx(0.0032, rel=1e-9)
    assert found["odd"].refuted
    assert found["computed"].passed
    assert found["b"].power == verify.judge(table[1], n_claims=3).power
    # One test more, and the same p stands.
    monkeypatch.setattr(verify, "CLAIMS", (*table, replace(TRUE, id="d")))
    assert not verify.verify().claims[0].refuted


def test_a_run_without_tests_has_verdicts_too(monkeypatch):
    monkeypatch.setattr(verify, "CLAIMS", (_compares(1.0),))
    report = verify.verify()
    assert report.passed
    assert report.family_wise_error == 0.01


def test_a_refuted_claim_fails_the_whole_run(monkeypatch):
    false = replace(TRUE, id="b-false", observe=_normal(1.1))
    monkeypatch.setattr(verify, "CLAIMS", (TRUE, false))
    report = verify.verify()
    assert [verdict.passed for verdict in report.claims] == [True, False]
    assert not report.passed


def test_one_claim_alone_gets_the_verdict_it_gets_among_all(monkeypatch):
    other = replace(TRUE, id="another")
    monkeypatch.setattr(verify, "CLAIMS", (TRUE, other))
    alone = verify.verify(claims=["another"]).claims[0]
    assert alone == verify.verify().claims[1]


def test_unknown_claim_and_level_are_named():
    with pytest.raises(ValueError, match="got 'nonsense'"):
        verify.verify(claims=["nonsense"])
    with pytest.raises(ValueError, match="level must be one of quick, full, got 'slow'"):
        verify.verify(level="slow")


def test_every_claim_is_complete():
    assert len(CLAIMS) >= 100
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        value = claim.predict().value
        assert np.isfinite(value), claim.id
        assert claim.mutant.mutate(value) != value, claim.id
        assert claim.statement
        assert claim.reference
        # Two routes agree within something that is said; a test has a size.
        assert claim.computed is (claim.size == 1), claim.id
        assert claim.predict().error > 0 or not claim.computed, claim.id


def test_every_mutant_can_be_refuted():
    # A looser bound cannot, and what lies within the declared error cannot either.
    for claim in CLAIMS:
        prediction = claim.predict()
        step = claim.mutant.mutate(prediction.value) - prediction.value
        if claim.side != "both":
            step *= 1 if claim.side == "at_least" else -1
            assert step > prediction.error, claim.id
        assert abs(step) > prediction.error, claim.id


def test_a_single_model_has_no_scatter_to_leave_out():
    single = 20 * moments.memory_limit(20, 20, memory=1).trace
    assert without_scatter(1) == pytest.approx(single, rel=1e-12)
    # Of several models it is a part of the covariance, and the larger the more there are.
    missing = [
        20 * moments.memory_limit(20, 20, memory=k).trace - without_scatter(k) for k in (2, 3)
    ]
    assert 0 < missing[0] < missing[1]


def test_what_is_observed_is_simulated_up_to_the_last_generation_asked() -> None:
    seen = {}

    def simulator(**how: object) -> SimpleNamespace:
        seen.update(how)
        return SimpleNamespace(paths={"x": np.array([[1.0, 2.0], [3.0, 4.0]])})

    drawn = recorded("", simulator, "x", (3, 7)).draw(2, 11)
    assert drawn.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    wanted = {"generations": 7, "replicates": 2, "seed": 11, "at": (3, 7), "keep_paths": True}
    assert seen == wanted


def test_one_claim_that_fails_fails_all():
    good, bad = SimpleNamespace(passed=True), SimpleNamespace(passed=False)
    for verdicts, passed in (((good, good), True), ((good, bad), False), ((bad, good), False)):
        assert verify.Verification(verdicts, 0.01, "quick", 0).passed is passed
