"""What a definition of collapse asks of a loop, what the answer says, which claim decides it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Concatenate, Literal, ParamSpec

from madtheory.loop import Loop, UnsupportedLoop, require_loop

Status = Literal["exact", "asymptotic", "bound", "conjecture"]
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question about one loop.

    Attributes
    ----------
    verdict : bool or None
        Answer to the question that the function's name asks; None where theory does not decide.
    quantity : str
        Name of `value`.
    value : float or None
        The number on which the verdict rests; None where there is none.
    status : {"exact", "asymptotic", "bound", "conjecture"}
    reason : str
        One sentence.
    claim : str or None
        Id of the entry of madtheory.claims whose test decides the verdict.
    """

    verdict: bool | None
    quantity: str
    value: float | None
    status: Status
    reason: str
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """One paper's definition: its question, and the answer that the paper calls collapse.

    `ask` takes a loop and the eigenvalues of Sigma_0.
    """

    name: str
    paper: str
    question: str
    collapse_if: bool
    ask: Callable[..., Finding]


def _ids(limit: str, *, w2: str | None = None, kept: str = "real-part-bound") -> dict[str, str]:
    """Claims of a family with real data whose limit is tested by `limit`."""
    w2 = limit if w2 is None else w2
    moments = ("stability", "divergence", "linear-growth", "strong-collapse", "heat-death")
    return {
        **dict.fromkeys(("late-collapse", "early-collapse", "rate"), kept),
        **dict.fromkeys(moments, limit),
        **dict.fromkeys(("mad", "ratio"), w2),
        "weighting": "weighted-w2",
    }


#: Which claim decides which definition, by family. The claims are in madtheory.claims.
CLAIM_IDS: Mapping[str, Mapping[str, str]] = {
    "synthetic": {
        "late-collapse": "directional-law",
        "early-collapse": "log-det-mean",
        "mad": "w2-estimate",
        "stability": "eq2-martingale",
        "divergence": "mean-walk",
        "linear-growth": "mean-walk",
        "strong-collapse": "w2-limit",
        "ratio": "w2-limit",
        "rate": "proposition-rate",
        "heat-death": "critical-bias",
        "weighting": "eq2-martingale",
    },
    "fresh": {
        **_ids("fresh-mean-limit", w2="fresh-w2-limit"),
        "stability": "fresh-forgetting",
        "strong-collapse": "fraction-floor",
        "heat-death": "fresh-trace-limit",
    },
    "augmentation": _ids("augmentation-limit", w2="augmentation-w2"),
    "mixture": _ids("mixture-limit", w2="mixture-w2"),
    "weighted": _ids("weighted-limit", w2="weighted-w2"),
    "memory": _ids("memory-limit", w2="memory-w2"),
    "capped-pool": _ids("memory-limit", w2="memory-w2"),
    "growing-pool": {
        **_ids("growing-pool-power-law", kept="growing-pool-power-law"),
        "mad": "growing-pool-w2",
        "stability": "growing-pool-mean",
        "divergence": "growing-pool-mean",
        "linear-growth": "growing-pool-mean",
        "ratio": "growing-pool-w2",
    },
    "subsample": {
        **_ids("subsample-growth", kept="subsample-growth"),
        "mad": "subsample-w2",
        "ratio": "subsample-w2",
    },
    "floor": {
        **_ids("floor-walk"),
        "late-collapse": "floor-stationary",
        "early-collapse": "floor-stationary",
        "rate": "floor-stationary",
        "heat-death": "floor-stationary",
    },
}


#: Definitions by name, as their functions are read.
REGISTERED: dict[str, Definition] = {}


def say(
    verdict: bool | None,
    evidence: tuple[str, float | None],
    reason: str,
    status: Status = "exact",
) -> Finding:
    """Build a finding; its definition adds the claim."""
    return Finding(verdict, *evidence, status, reason)


def definition(
    name: str, paper: str, question: str, *, collapse_if: bool
) -> Callable[[Callable[Concatenate[Loop, P], Finding]], Callable[Concatenate[Loop, P], Finding]]:
    """Register the function that answers a paper's question about a loop at a spectrum.

    Its findings name the claim that decides them, and "theory has no answer for this loop" is an
    undecided one. The spectrum has a default where the answer does not depend on it.
    """

    def decorate(
        ask: Callable[Concatenate[Loop, P], Finding],
    ) -> Callable[Concatenate[Loop, P], Finding]:
        @functools.wraps(ask)
        def answer(loop: Loop, *args: P.args, **kwargs: P.kwargs) -> Finding:
            try:
                finding = ask(require_loop(loop), *args, **kwargs)
            except UnsupportedLoop as error:
                finding = say(None, ("none", None), str(error), "conjecture")
            return replace(finding, claim=CLAIM_IDS[loop.family][name])

        REGISTERED[name] = Definition(name, paper, question, collapse_if, answer)
        return answer  # type: ignore[return-value]  # a Callable has no names, and callers use them

    return decorate
