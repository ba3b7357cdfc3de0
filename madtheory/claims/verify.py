"""Say with known power whether theory and simulation agree.

Every claim is one z-test of the mean of independent observations against a predicted value, on a
scale whose variance is finite and, where possible, known from theory. The same observations test
the claim's mutant, the statement changed by an amount that matters. A claim passes when

- Holm's procedure over all tests, at family-wise level :data:`ALPHA`, does not reject it,
- its mutant is rejected at the level ``ALPHA / number of tests``, the strictest that Holm uses,
- the power of that rejection is at least :data:`POWER`.

A check without power fails: it has verified nothing. How far a check sees is said by its smallest
error: the least relative change of the statement that would be rejected with power :data:`POWER`.

A claim that is *computed* compares two routes of the theory and draws nothing: it stands when they
agree within its declared error. That is no test, has no z or p, and does not count for Holm.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from scipy.stats import norm

from madtheory import _check
from madtheory._holm import holm
from madtheory._types import Array
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

    `se` is the standard error of `estimate`, from theory where the claim gives it, and 0 where the
    estimate is `computed`; `z` and `p` are None there. `error` is the declared absolute error of
    `predicted`, 0 where the claim is exact. `smallest_error` is the least relative change of the
    statement that the check would notice.
    """

    id: str
    reference: str
    statement: str
    status: str
    computed: bool
    scale: str
    observations: int
    predicted: float
    error: float
    estimate: float
    se: float
    z: float | None
    p: float | None
    power: float
    smallest_error: float
    mutant: str
    mutant_predicted: float
    mutant_rejected: bool
    refuted: bool
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


# --- one claim -----------------------------------------------------------------------------------


def excess(claim: Claim, estimate: float, *, value: float, error: float) -> float:
    """Distance of `estimate` from what `value` allows, with its sign.

    Within the declared `error`, and on the allowed side of a bound, the distance is 0.
    """
    gap = estimate - value
    beyond = math.copysign(max(abs(gap) - error, 0.0), gap)
    if claim.side == "at_most":
        return max(beyond, 0.0)
    return min(beyond, 0.0) if claim.side == "at_least" else beyond


def p_value(claim: Claim, z: float) -> float:
    """Two-sided p-value of `z`; one-sided for a bound, where only one side refutes.

    Nothing beyond the bound or the declared error (z = 0) has p = 1: a conservative p-value.
    """
    if z == 0.0:
        return 1.0
    tail = float(norm.sf(abs(z)))
    return min(2 * tail, 1.0) if claim.side == "both" else tail


def critical(claim: Claim, alpha: float) -> float:
    """|z| from which a test at level `alpha` rejects."""
    return float(norm.isf(alpha / 2 if claim.side == "both" else alpha))


def power(claim: Claim, prediction: Prediction, *, truth: float, se: float, alpha: float) -> float:
    """Probability of rejecting the mutant at level `alpha` when the mean is really `truth`."""
    mutant = claim.mutant.mutate(prediction.value)
    shift = max(abs(truth - mutant) - prediction.error, 0.0) / se
    if claim.side == "at_most" and truth <= mutant:
        return 0.0
    if claim.side == "at_least" and truth >= mutant:
        return 0.0
    return float(norm.sf(critical(claim, alpha) - shift))


def smallest_error(
    claim: Claim, prediction: Prediction, *, truth: float, se: float, alpha: float
) -> float:
    """Return the least relative change of the statement rejected with power POWER.

    What separates the statement from the truth (a bound may be loose) must be crossed first.
    """
    seen = (critical(claim, alpha) + float(norm.isf(1 - POWER))) * se
    slack = abs(truth - prediction.value)
    return (slack + prediction.error + seen) / claim.unit(prediction.value)


def claim_seed(claim: Claim, seed: int) -> int:
    """Seed of one claim: the same whether it runs alone or with the others."""
    return int(np.random.SeedSequence([seed, zlib.crc32(claim.id.encode())]).generate_state(1)[0])


def _verdict(claim: Claim, prediction: Prediction, x: Array) -> Verdict:
    """Return what is the same for a test and a comparison; nothing is decided yet."""
    return Verdict(
        id=claim.id,
        reference=claim.reference,
        statement=claim.statement,
        status=claim.status,
        computed=claim.computed,
        scale=claim.observe.words,
        observations=0 if claim.computed else x.size,
        predicted=prediction.value,
        error=prediction.error,
        estimate=float(x.mean()),
        se=0.0,
        z=None,
        p=None,
        power=0.0,
        smallest_error=math.inf,
        mutant=claim.mutant.words,
        mutant_predicted=claim.mutant.mutate(prediction.value),
        mutant_rejected=False,
        refuted=False,
        passed=False,
    )


def _compared(claim: Claim, prediction: Prediction, verdict: Verdict) -> Verdict:
    """Compare two routes of the theory: no chance, no z."""
    computed, error = verdict.estimate, prediction.error
    off = excess(claim, computed, value=prediction.value, error=error) != 0
    rejected = excess(claim, computed, value=verdict.mutant_predicted, error=error) != 0
    noticed = error + abs(computed - prediction.value)
    return replace(
        verdict,
        power=float(rejected),
        smallest_error=noticed / claim.unit(prediction.value),
        mutant_rejected=rejected,
        refuted=off,
        passed=rejected and not off,
    )


def _tested(
    claim: Claim, prediction: Prediction, verdict: Verdict, *, se: float, alpha: float
) -> Verdict:
    """Test a claim and its mutant by the same observations."""
    estimate, error = verdict.estimate, prediction.error
    z = excess(claim, estimate, value=prediction.value, error=error) / se
    mutant_z = excess(claim, estimate, value=verdict.mutant_predicted, error=error) / se
    # A bound may be loose: its mutant is judged against the truth, as far as the estimate tells.
    truth = prediction.value if claim.side == "both" else estimate
    found = power(claim, prediction, truth=truth, se=se, alpha=alpha)
    rejected = p_value(claim, mutant_z) < alpha
    return replace(
        verdict,
        se=se,
        z=z,
        p=p_value(claim, z),
        power=found,
        smallest_error=smallest_error(claim, prediction, truth=truth, se=se, alpha=alpha),
        mutant_rejected=rejected,
        passed=rejected and found >= POWER,
    )


def judge(claim: Claim, *, level: Level = "quick", seed: int = 0, n_claims: int = 1) -> Verdict:
    """Test one claim and its mutant, as one of `n_claims` tests.

    Without the multiplicity rule: `refuted` and `passed` ignore p.
    """
    size = claim.size * (FULL_FACTOR if level == "full" else 1)
    prediction = claim.predict()
    x = claim.observe.draw(size, claim_seed(claim, seed))
    verdict = _verdict(claim, prediction, x)
    if claim.computed:
        return _compared(claim, prediction, verdict)
    deviation = float(x.std(ddof=1)) if prediction.deviation is None else prediction.deviation
    se = deviation / math.sqrt(x.size)
    return _tested(claim, prediction, verdict, se=se, alpha=ALPHA / n_claims)


# --- all of them ---------------------------------------------------------------------------------


def _select(ids: Iterable[str] | None) -> list[Claim]:
    by_id = {claim.id: claim for claim in CLAIMS}
    every = tuple(by_id)
    return [by_id[_check.one_of("claim", name, every)] for name in (every if ids is None else ids)]


def number_of_tests() -> int:
    """Return how many claims are tested by sampling: those among which Holm's rule shares ALPHA."""
    return sum(not claim.computed for claim in CLAIMS)


def _by_holm(verdicts: list[Verdict]) -> tuple[Verdict, ...]:
    """Refute what Holm's rule rejects among the claims that were tested."""
    p_values = {verdict.id: verdict.p for verdict in verdicts if verdict.p is not None}
    refuted = dict(zip(p_values, holm(list(p_values.values()), ALPHA), strict=True))
    return tuple(
        replace(v, refuted=True, passed=False) if refuted.get(v.id, False) else v for v in verdicts
    )


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
        verdicts.append(judge(claim, level=level, seed=seed, n_claims=number_of_tests()))
    return Verification(
        claims=_by_holm(verdicts),
        family_wise_error=ALPHA,
        level=level,
        seed=seed,
    )
