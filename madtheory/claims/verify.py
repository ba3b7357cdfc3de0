"""Say with known power whether theory and simulation agree.

Every claim is one z-test of the mean of independent observations against a predicted value, on a
scale whose variance is finite and, where possible, known from theory. The same observations test
the claim's mutant, the statement changed by an amount that matters. A claim passes when

- Holm's procedure over all claims, at family-wise level :data:`ALPHA`, does not reject it,
- its mutant is rejected at the level ``ALPHA / number of claims``, the strictest that Holm uses,
- the power of that rejection is at least :data:`POWER`.

A check without power fails: it has verified nothing.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from madtheory import _check
from madtheory.claims.claim import Claim, Prediction
from madtheory.claims.table import CLAIMS

Level = Literal["quick", "full"]

#: Declared family-wise error: the chance that one run refutes any claim of a true theory.
ALPHA = 0.01
#: A mutant must be rejected with at least this probability.
POWER = 0.99
#: The full level takes this many times the quick level's observations.
FULL_FACTOR = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one claim's test said.

    `se` is the standard error of `estimate`, from theory where the claim gives it; `error` is the
    declared absolute error of `predicted`, 0 where the claim is exact.
    """

    id: str
    reference: str
    statement: str
    status: str
    scale: str
    observations: int
    predicted: float
    error: float
    estimate: float
    se: float
    z: float
    p: float
    power: float
    mutant: str
    mutant_predicted: float
    mutant_rejected: bool
    passed: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """All verdicts of one run, with the declared family-wise error."""

    claims: tuple[Verdict, ...]
    family_wise_error: float
    level: Level
    seed: int

    @property
    def passed(self) -> bool:
        """Whether every claim passed."""
        return all(verdict.passed for verdict in self.claims)


def z_score(claim: Claim, estimate: float, *, value: float, error: float, se: float) -> float:
    """Distance of `estimate` from what `value` allows, in standard errors, with its sign.

    Within the declared `error`, and on the allowed side of a bound, the distance is 0.
    """
    gap = estimate - value
    excess = math.copysign(max(abs(gap) - error, 0.0), gap)
    if claim.side == "at_most":
        excess = max(excess, 0.0)
    if claim.side == "at_least":
        excess = min(excess, 0.0)
    return excess / se


def p_value(claim: Claim, z: float) -> float:
    """Two-sided p-value of `z`; one-sided for a bound, where only one side refutes.

    Nothing beyond the bound or the declared error (z = 0) has p = 1: a conservative p-value.
    """
    if z == 0.0:
        return 1.0
    tail = float(norm.sf(abs(z)))
    return min(2 * tail, 1.0) if claim.side == "both" else tail


def power(claim: Claim, prediction: Prediction, *, truth: float, se: float, alpha: float) -> float:
    """Probability of rejecting the mutant at level `alpha` when the mean is really `truth`."""
    mutant = claim.mutant.mutate(prediction.value)
    critical = float(norm.isf(alpha / 2 if claim.side == "both" else alpha))
    shift = max(abs(truth - mutant) - prediction.error, 0.0) / se
    if claim.side == "at_most" and truth <= mutant:
        return 0.0
    if claim.side == "at_least" and truth >= mutant:
        return 0.0
    return float(norm.sf(critical - shift))


def claim_seed(claim: Claim, seed: int) -> int:
    """Seed of one claim: the same whether it runs alone or with the others."""
    return int(np.random.SeedSequence([seed, zlib.crc32(claim.id.encode())]).generate_state(1)[0])


def judge(claim: Claim, *, level: Level = "quick", seed: int = 0, n_claims: int = 1) -> Verdict:
    """Test one claim and its mutant (without the multiplicity rule: `passed` ignores p)."""
    size = claim.size * (FULL_FACTOR if level == "full" else 1)
    prediction = claim.predict()
    x = claim.observe.draw(size, claim_seed(claim, seed))
    estimate = float(x.mean())
    deviation = float(x.std(ddof=1)) if prediction.deviation is None else prediction.deviation
    se = deviation / math.sqrt(x.size)
    z = z_score(claim, estimate, value=prediction.value, error=prediction.error, se=se)
    alpha = ALPHA / n_claims
    mutant = claim.mutant.mutate(prediction.value)
    mutant_z = z_score(claim, estimate, value=mutant, error=prediction.error, se=se)
    # A bound may be loose: its mutant is judged against the truth, as far as the estimate tells.
    truth = prediction.value if claim.side == "both" else estimate
    power_ = power(claim, prediction, truth=truth, se=se, alpha=alpha)
    rejected = p_value(claim, mutant_z) < alpha
    return Verdict(
        id=claim.id,
        reference=claim.reference,
        statement=claim.statement,
        status=claim.status,
        scale=claim.observe.words,
        observations=x.size,
        predicted=prediction.value,
        error=prediction.error,
        estimate=estimate,
        se=se,
        z=z,
        p=p_value(claim, z),
        power=power_,
        mutant=claim.mutant.words,
        mutant_predicted=mutant,
        mutant_rejected=rejected,
        passed=rejected and power_ >= POWER,
    )


def _select(ids: Iterable[str] | None) -> list[Claim]:
    by_id = {claim.id: claim for claim in CLAIMS}
    every = tuple(by_id)
    return [by_id[_check.one_of("claim", name, every)] for name in (every if ids is None else ids)]


def holm(p_values: list[float]) -> list[bool]:
    """Which hypotheses Holm's step-down procedure rejects at family-wise level ALPHA."""
    return [bool(r) for r in multipletests(p_values, alpha=ALPHA, method="holm")[0]]


def verify(
    *,
    level: Level = "quick",
    claims: Iterable[str] | None = None,
    seed: int = 0,
    progress: Callable[[Claim], None] | None = None,
) -> Verification:
    """Test claims and their mutants.

    Parameters
    ----------
    level : {"quick", "full"}
        Number of observations; the full level takes :data:`FULL_FACTOR` times the quick one's.
    claims : iterable of str, optional
        Claim ids; all by default.
    seed : int
        The verdict is a pure function of it.
    progress : callable, optional
        Called with each claim before its test.
    """
    _check.one_of("level", level, get_args(Level))
    verdicts = []
    for claim in _select(claims):
        if progress is not None:
            progress(claim)
        verdicts.append(judge(claim, level=level, seed=seed, n_claims=len(CLAIMS)))
    refuted = holm([verdict.p for verdict in verdicts])
    return Verification(
        claims=tuple(
            replace(verdict, passed=verdict.passed and not false)
            for verdict, false in zip(verdicts, refuted, strict=True)
        ),
        family_wise_error=ALPHA,
        level=level,
        seed=seed,
    )
