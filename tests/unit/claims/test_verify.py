"""The verifier's own rules, on claims whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from madtheory.claims import CLAIMS, Claim, Mutant, Observation, Prediction, verify
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


def test_holm_refutes_at_the_declared_family_wise_level():
    p = [verify.ALPHA / 4 * 0.99, *[0.5] * 3]
    assert verify.holm(p) == [True, False, False, False]
    assert verify.holm([verify.ALPHA / 4 * 1.01, *[0.5] * 3]) == [False] * 4


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
