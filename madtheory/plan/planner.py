"""The planner: what a loop may add, what that gains, and what holds it (theory.md 1.9, 2.4-2.9).

Every number comes from the theory, with the interval that its declared errors leave and its
status; where there is none a sentence says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from madtheory import _check
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic, require_loop
from madtheory.plan import search
from madtheory.plan.answer import Answer, covered, unknown
from madtheory.theory import collapse, distance, verdicts, worth

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory.results import Estimate

#: Memories that are looked at.
MEMORIES = (1, 2, 3, 5, 10, 20)
#: Quantiles of the time to collapse.
QUANTILES = (0.05, 0.5, 0.95)
#: Where more synthetic samples always help: as many as bring the gain this near to its supremum.
NEAR = 0.95

#: n_synth up to this multiple of n_real are looked at, and n_real up to this one of n_synth
#: (for gains below 1, all that are counts).
MOST, FARTHEST = 10**5, 1000
NO_REAL = "without fresh data no loop is worth real samples: it goes MAD"
_ONE = Answer.exact(1.0)


@dataclass(frozen=True, slots=True)
class CollapseTime:
    """Quantiles of the first t with tr Sigma_t < eps tr Sigma_0 were the fresh data to stop.

    `lower` and `upper` are rigorous, and equal where the law is exact; `rel_error` is declared.
    """

    eps: float
    q: tuple[float, ...]
    quantiles: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    rel_error: tuple[float, ...]

    @property
    def status(self) -> str:
        """Exact where every quantile is."""
        return "exact" if self.lower == self.upper else "asymptotic"


@dataclass(frozen=True, slots=True)
class Plan:
    """What :func:`plan_loop` answers.

    Attributes
    ----------
    loop : Loop
        With the n_synth that was asked for, or else is advised.
    fate : str
        Its regime (:func:`madtheory.theory.verdicts.regime`), or "not computed".
    answers : mapping of str to Answer
        By the keys that ``madtheory plan --json`` has.
    collapse_time : CollapseTime or None
        None where a generation of n_synth samples has no covariance.
    remarks : tuple of str
        What a number alone does not say, a sentence each.
    """

    loop: Loop
    fate: str
    answers: Mapping[str, Answer]
    collapse_time: CollapseTime | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked, checked; `limit` is E W2^2 at a loop's limit, each computed once."""

    s: Spectrum
    n_real: int
    bias: float
    n_synth: int | None
    target: float | None
    eps: float
    limit: Callable[[Loop], Estimate]

    def loop(self, n_synth: int) -> Loop:
        """The loop with so many synthetic samples."""
        if not self.n_real:
            return fully_synthetic(n_synth, bias=self.bias)
        return fresh_data(self.n_real, n_synth, bias=self.bias)


def plan_loop(
    eigenvalues: ArrayLike,
    *,
    n_real: int,
    bias: float = 1.0,
    n_synth: int | None = None,
    target_gain: float | None = None,
    eps: float = 0.01,
) -> Plan:
    """Plan a loop of fresh data, memory 1: what to add, what it gains, what would hold it.

    Parameters
    ----------
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; an integer d stands for I.
    n_real : int
        Fresh real samples a generation; 0 for none, and then `n_synth` must be given.
    bias : float
        Sampling bias lambda, in [0, 1].
    n_synth : int or None
        Synthetic samples a generation. None: as few as reach the target gain, if it is given and
        in reach; else the number that is worth most.
    target_gain : float or None
        Wanted n_e/n_real, above 0; None wants no loss (1).
    eps : float
        A loop has collapsed when tr Sigma_t < eps tr Sigma_0; in (0, 1).

    Examples
    --------
    >>> found = plan_loop(10, n_real=100, bias=0.9, n_synth=300)
    >>> found.fate, round(found.answers["gain"].value, 2)
    ('better than real', 1.24)
    """
    request = _checked(Spectrum.of(eigenvalues), n_real, bias, n_synth, target_gain, eps)
    known = _before(request) if request.n_real else {}
    loop = request.loop(_used(request, known))
    for names, question in (_QUESTIONS if request.n_real else _ALONE).items():
        known |= covered(names.split(), partial(question, request, loop))
    time = _collapse_time(request, loop)
    return Plan(loop, _fate(request, loop), known, time, _remarks(request, loop, known))


def _checked(
    s: Spectrum, n_real: int, bias: float, n_synth: int | None, target: float | None, eps: float
) -> _Request:
    """Check what a Loop does not."""
    # What is worth more than n_real samples is compared with as many.
    n_real = _check.count("n_real", n_real, minimum=0, maximum=_check.MAX_COUNT // 2)
    if n_synth is not None:
        n_synth = _check.count("n_synth", n_synth, minimum=1 if n_real else 2)
    elif not n_real:
        raise ValueError("n_synth must be given without fresh data, got n_real = 0 alone")
    if target is not None:
        target = _check.number("target_gain", target, low=0.0, open_=True)
        if target * max(n_real, 2) > _check.MAX_COUNT:
            raise ValueError(
                f"target_gain times n_real must be at most {_check.MAX_COUNT}, "
                f"got target_gain = {target:g}"
            )
    eps = _check.number("eps", eps, low=0.0, high=1.0, open_=True)
    bias = _check.number("bias", bias, low=0.0, high=1.0)
    limit = cache(lambda loop: distance.w2_squared_limit(loop, s))
    return _Request(s, n_real, bias, n_synth, target, eps, limit)


def _fate(request: _Request, loop: Loop) -> str:
    """The loop's regime."""
    try:
        return verdicts.regime(loop, request.s).name
    except UnsupportedLoop:
        return "not computed"


def _used(request: _Request, known: Mapping[str, Answer]) -> int:
    """The n_synth that is asked for, or that reaches the target, or that is worth most."""
    if request.n_synth is not None:
        return request.n_synth
    for name in ("target_n_synth", "best_n_synth"):
        if name in known and 1 <= known[name].value < math.inf:
            return int(known[name].value)
    if known["best_n_synth"].value == math.inf:
        near = max(NEAR * known["best_gain"].value, 1.0)
        return int(_sufficient_n_synth(request, near).value)
    return 1


# --- before n_synth is chosen ---------------------------------------------------------------------


def _before(request: _Request) -> dict[str, Answer]:
    """What does not depend on n_synth."""
    asked = {
        "admissible_n_synth admissible_n_synth_limit": _admissible,
        "best_n_synth best_gain": _best,
    }
    known: dict[str, Answer] = {}
    for names, question in asked.items():
        known |= covered(names.split(), partial(question, request))
    if request.target is not None:
        target = partial(_target, request, known["best_n_synth"], known["best_gain"])
        known |= covered(["target_n_synth"], target)
    return known


def _admissible(request: _Request) -> dict[str, Answer]:
    """How many synthetic samples do no harm, now and with any number of real ones (2.6)."""
    most = Answer.of(worth.admissible_interval(request.loop(1), request.s))
    limit = worth.admissible_n_synth_limit(request.bias, request.s)
    return {
        "admissible_n_synth": replace(most, status="asymptotic", reason=_no_end(most.value)),
        "admissible_n_synth_limit": Answer(limit, limit, limit, "asymptotic", _no_end(limit)),
    }


def _no_end(value: float) -> str | None:
    """Why a largest n_synth is infinite."""
    return "no n_synth is too many" if value == math.inf else None


def _risk(request: _Request) -> Callable[[int], Estimate]:
    """E W2^2 at the limit against n_synth."""
    return lambda n: request.limit(request.loop(n))


def _best(request: _Request) -> dict[str, Answer]:
    """The n_synth that is worth most, and n_e/n_real there."""
    risk, top = _risk(request), min(MOST * request.n_real, _check.MAX_COUNT // 2)
    at = search.least(risk, top)
    if search.log_ratio(risk(at), search.allowed_risk(request.n_real, 1.0, request.s)) > 0:
        return _none_helps(request, top)
    gain = _gain(request, risk(at))
    found = search.not_worse(lambda n: risk(int(n)), at, 1, top, whole=True)
    if at >= top / 2:
        most = Answer(math.inf, found.lower, math.inf, reason="more always helps")
        return {"best_n_synth": most, "best_gain": gain}
    upper = found.upper if found.upper < top else math.inf  # beyond `top` nothing is looked at
    return {"best_n_synth": Answer(found.value, found.lower, upper), "best_gain": gain}


def _none_helps(request: _Request, top: int) -> dict[str, Answer]:
    """No synthetic data is best by value; what errors leave open is scanned."""
    risk, allowed = _risk(request), search.allowed_risk(request.n_real, 1.0, request.s)
    counts = search.doubled(top)
    may = [i for i, n in enumerate(counts) if search.log_ratio(risk(n), allowed, -1) < 0]
    if not may:
        reason = "synthetic data never helps here"
        return {"best_n_synth": Answer(0.0, 0.0, 0.0), "best_gain": replace(_ONE, reason=reason)}
    most = max(1.0, *(_gain(request, risk(counts[i])).upper for i in may))
    beyond = (*counts[1:], math.inf)[may[-1]]
    reason = "no n_synth is known to help here"
    return {
        "best_n_synth": Answer(0.0, 0.0, beyond), "best_gain": Answer(1.0, 1.0, most, reason=reason)
    }  # fmt: skip


def _n_eff(s: Spectrum, risk: Estimate) -> Answer:
    """Real samples that this E W2^2 is worth."""
    value = worth.effective_sample_size(float(risk.value), s)
    return Answer.within(value, worth.effective_interval(risk, s))


def _gain(request: _Request, risk: Estimate) -> Answer:
    """n_e/n_real of a loop with this E W2^2."""
    return _n_eff(request.s, risk).over(request.n_real)


def worth_of(loop: Loop, eigenvalues: ArrayLike, n_synth: int) -> Answer:
    """n_e/n_real of a loop with real data, had it `n_synth` synthetic samples.

    Examples
    --------
    >>> round(worth_of(fresh_data(100, 1, bias=0.9), 10, 300).value, 2)
    1.24
    """
    s = Spectrum.of(eigenvalues)
    if require_loop(loop).n_real == 0:
        raise UnsupportedLoop("n_eff/n_real is computed for loops with real data only, got none")
    risk = distance.w2_squared_limit(replace(loop, n_synth=n_synth), s)
    return _n_eff(s, risk).over(loop.n_real)


def _sufficient_n_synth(request: _Request, gain: float) -> search.Range:
    """The least n_synth whose loop is worth `gain` n_real, as far as the best one."""
    risk, allowed = _risk(request), search.allowed_risk(request.n_real, gain, request.s)
    top = search.least(risk, min(MOST * request.n_real, _check.MAX_COUNT // 2))
    return search.first_sufficient(lambda n, side: search.log_ratio(risk(n), allowed, side), 1, top)


def _target(request: _Request, best: Answer, gain: Answer) -> dict[str, Answer]:
    """The least n_synth that reaches the target gain."""
    target = request.target or 1.0
    found = _sufficient_n_synth(request, target)
    if math.isnan(found.value):
        return {"target_n_synth": unknown(_missed(target, best, gain), status="asymptotic")}
    return {"target_n_synth": Answer.within(found.value, found)}


def _missed(target: float, best: Answer, gain: Answer) -> str:
    """Why there is no n_synth for a target."""
    if target <= 1:
        return (
            f"no n_synth from 1 on is known to reach a gain of {target:g}: "
            "it is 1 without synthetic data"
        )
    where = "however many there are" if best.value == math.inf else f"at n_synth = {best.value:.6g}"
    known = ", as far as is known" if gain.upper >= target else ""
    return f"a gain of {target:g} is out of reach{known}: it is at most {gain.value:.4g}, {where}"


# --- at the n_synth that is used ------------------------------------------------------------------


def _worth(request: _Request, loop: Loop) -> dict[str, Answer]:
    """E W2^2 at the limit and its worth (2.4, 2.5)."""
    risk = request.limit(loop)
    n_eff = _n_eff(request.s, risk)
    return {"w2_squared": Answer.of(risk), "n_eff": n_eff, "gain": n_eff.over(request.n_real)}


def _floor(request: _Request, loop: Loop) -> dict[str, Answer]:
    """E W2^2 that stays however large n is at this share of real data (2.7)."""
    return {"floor": _sure(worth.fraction_floor(loop.real_share, request.bias, request.s))}


def _sure(value: float) -> Answer:
    """A limit in n that is known as such."""
    return Answer(value, value, value)


def _weight(request: _Request, loop: Loop) -> dict[str, Answer]:
    """The weight on real data that is worth most (2.9)."""

    def risk(w: float) -> Estimate:
        return request.limit(replace(loop, weight=w))

    best = worth.best_weight(loop, request.s).weight
    found = search.not_worse(risk, best, 1e-6, 1.0, whole=False)
    return {
        "optimal_weight": Answer.within(found.value, found),
        "optimal_weight_gain": _gain(request, risk(best)),
    }


def _memory(request: _Request, loop: Loop) -> dict[str, Answer]:
    """The memory, of those in MEMORIES, that is worth most (2.8)."""
    risks = {K: request.limit(replace(loop, memory=K)) for K in MEMORIES}
    best = min(risks, key=lambda K: float(risks[K].value))
    open_ = [K for K in MEMORIES if search.log_ratio(risks[K], risks[best], -1) <= 0]
    return {
        "memory": Answer(best, open_[0], open_[-1]),
        "memory_gain": _gain(request, risks[best]),
    }


def _required(request: _Request, loop: Loop) -> dict[str, Answer]:
    """The least n_real from which on n_synth is held: worth the target gain, by default 1."""
    return {"required_n_real": required_n_real(
        request.s, n_synth=loop.n_synth, bias=request.bias, gain=request.target or 1.0
    )}  # fmt: skip


def required_n_real(
    eigenvalues: ArrayLike, *, n_synth: int, bias: float = 1.0, gain: float = 1.0
) -> Answer:
    """Fresh n_real from which on a loop with `n_synth` is worth `gain` n_real: the inverse of 2.6.

    Gains of at most 1 are reached by every larger n_real too. Gains above 1 are reached up to some
    n_real only: it is the beginning of the last range. Both are found downwards by factors of two.
    At n_real = 1 nothing can be lost, and 2 is the least.

    Examples
    --------
    >>> found = required_n_real(10, n_synth=700, bias=0.9)
    >>> inverse = worth.admissible_n_synth(fresh_data(int(found.value), 1, bias=0.9), 10)
    >>> abs(inverse / 700 - 1) < 0.02
    True
    """
    s, limit = Spectrum.of(eigenvalues), worth.admissible_n_synth_limit(bias, eigenvalues)
    n_synth = _check.count("n_synth", n_synth)
    if gain == 1 and n_synth >= limit:
        return unknown(
            f"ever more real samples do not hold n_synth = {n_synth}: as n_real grows, only up to "
            f"{limit:.4g} synthetic ones do no harm", status="asymptotic",
        )  # fmt: skip

    @cache
    def pair(n: int) -> tuple[Estimate, Estimate]:
        risk = distance.w2_squared_limit(fresh_data(n, n_synth, bias=bias), s)
        return risk, search.allowed_risk(n, gain, s)

    # Every gain below 1 is reached in the end, and lasts: at n_real of the order of n_synth^2.
    most = int(_check.MAX_COUNT / max(gain, 2.0))
    top = most if gain < 1 else min(FARTHEST * max(n_synth, s.rank), most)
    found = search.last_sufficient(
        lambda n, side: search.log_ratio(*pair(n), side), 2, top, lasting=gain <= 1
    )
    if math.isnan(found.value):
        reason = f"no n_real is worth {gain:g} times itself with n_synth = {n_synth}"
        if gain <= 1:
            reason = (
                f"n_real = {top}, the largest that is looked at, is not worth {gain:g} times "
                f"itself with n_synth = {n_synth}"
            )
        return unknown(reason, status="asymptotic")
    return Answer.within(found.value, found)


def _collapse_time(request: _Request, loop: Loop) -> CollapseTime | None:
    """How long the loop lasts without, or were it not for, its fresh data (1.9)."""
    if loop.n_synth < 2:
        return None
    first = loop.n_initial if request.n_real else loop.n_synth
    alone = fully_synthetic(loop.n_synth, bias=request.bias, n_initial=first)
    s = request.s.values
    found = collapse.collapse_time(alone, s.size, eps=request.eps, q=QUANTILES, eigenvalues=s)
    parts = (found.value, found.lower, found.upper, found.rel_error)
    return CollapseTime(request.eps, QUANTILES, *(tuple(x.tolist()) for x in parts))


# --- without fresh data ---------------------------------------------------------------------------


def _nothing(request: _Request, loop: Loop) -> dict[str, Answer]:
    """What only fresh data could give."""
    names = "gain best_n_synth best_gain optimal_weight optimal_weight_gain memory memory_gain"
    if request.target is not None:
        names += " target_n_synth"
    found = dict.fromkeys(names.split(), unknown(NO_REAL))
    none = Answer.exact(0.0, NO_REAL)
    return {**found, "admissible_n_synth": none, "admissible_n_synth_limit": none}


def _alone(request: _Request, loop: Loop) -> dict[str, Answer]:
    """E W2^2 at the end, which is the floor too; what it is worth (1.8)."""
    risk = request.limit(loop)
    known = Answer.of(risk)
    if known.value == math.inf:
        known = Answer.exact(math.inf, "the mean walks for ever")
    return {"w2_squared": known, "floor": known, "n_eff": _n_eff(request.s, risk)}


#: By the keys that they answer.
_QUESTIONS = {
    "w2_squared n_eff gain": _worth,
    "floor": _floor,
    "optimal_weight optimal_weight_gain": _weight,
    "memory memory_gain": _memory,
    "required_n_real": _required,
}
_ALONE = {"": _nothing, "w2_squared n_eff floor": _alone, "required_n_real": _required}


def _remarks(request: _Request, loop: Loop, known: Mapping[str, Answer]) -> tuple[str, ...]:
    """Sentences that go with the numbers."""
    half_life = math.inf
    if not request.n_real and request.bias > 0:
        half_life = collapse.half_life(loop)
    gain, required = request.target or 1.0, known["required_n_real"].value
    weighted, plain = (
        known[x].value if x in known else math.nan for x in ("optimal_weight_gain", "gain")
    )
    rules = (
        (not request.n_real and request.bias > 0, "without fresh data the loop goes MAD: "
         f"variances halve every {half_life:.4g} generations; a larger n_synth only delays it"),
        (not request.n_real and request.bias == 0, "without fresh data and at λ = 0 nothing is "
         "left after generation 1"),
        (request.n_real > 0 and request.bias == 1, "without bias no n_synth is too many, and n_e "
         "is at most twice n_real where n_real is far above d"),
        (0 < request.n_real <= request.s.rank, "n_real is at most the rank of Σ0, so that real "
         "data alone give a singular fit: gains are mostly those of shrinkage"),
        (gain == 1 and required == 2, f"every n_real from 2 on holds n_synth = "
         f"{loop.n_synth}: the loop is worth no less than its real data"),
        (gain > 1 and math.isfinite(required), f"a gain of {gain:g} is reached from n_real = "
         f"{required:.6g} on up to some n_real only: with more the gain falls to 1, or below"),
        (weighted < plain, f"the best weight of real data serves no better than one fit to all "
         f"samples without a weight: the gain is {weighted:.5g} with it, {plain:.5g} without"),
        ("memory" in known and known["memory"].value == MEMORIES[-1], f"longer memory than "
         f"{MEMORIES[-1]} may help more; it is the longest that is looked at"),
    )  # fmt: skip
    return tuple(text for holds, text in rules if holds)
