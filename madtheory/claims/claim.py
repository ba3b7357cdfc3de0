"""What a claim is: a statement, its prediction, what is observed, and its mutant.

A row of the table reads ``exact(id, reference, size=..).says(..).predict(..).observe(..)``, and
``.against(..)`` where the mutant is another than "2 % larger".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from madtheory.results import Estimate

Array = NDArray[np.float64]
Status = Literal["exact", "asymptotic", "bound", "paper", "conjecture"]
Side = Literal["both", "at_least", "at_most"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted mean of one observation.

    `deviation` is the standard deviation of one observation where theory knows it; otherwise the
    verifier estimates it. `error` is the declared absolute error of `value`.
    """

    value: float
    deviation: float | None = None
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """What is observed, in words, and `draw(size, seed)`: `size` independent values of it."""

    words: str
    draw: Callable[[int, int], Array]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong version of a claim, in words; `mutate` maps the predicted value to the mutant's."""

    words: str
    mutate: Callable[[float], float]


def relative(change: float) -> Callable[[float], float]:
    """Mutate by a relative change."""
    return lambda value: value * (1 + change)


def shift(change: float) -> Callable[[float], float]:
    """Mutate by an absolute change."""
    return lambda value: value + change


TWO_PERCENT = Mutant("2 % larger", relative(0.02))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement, its prediction, the simulation that tests it, and its mutant.

    `side` says which means the claim allows: equal to the prediction ("both"), or on one side of
    it (a bound). `size` is the number of observations at the verifier's quick level.
    """

    id: str
    reference: str
    statement: str
    status: Status
    predict: Callable[[], Prediction]
    observe: Observation
    size: int
    mutant: Mutant = TWO_PERCENT
    side: Side = "both"

    def against(self, words: str, mutate: Callable[[float], float]) -> Claim:
        """Return the claim with another mutant."""
        return replace(self, mutant=Mutant(words, mutate))


# --- how a row of the table is written -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A claim in the making; `observe` or `compute` ends it."""

    id: str
    reference: str
    status: Status
    size: int = 1
    side: Side = "both"
    statement: str = ""
    prediction: Callable[[], Prediction | float] = lambda: math.nan

    def says(self, statement: str) -> Row:
        """State it."""
        return replace(self, statement=statement)

    def predict(self, prediction: Callable[[], Prediction | float]) -> Row:
        """Say what theory expects of one observation; a bare number has no declared error."""
        return replace(self, prediction=prediction)

    def observe(self, observation: Observation) -> Claim:
        """Say what is observed."""

        def predict() -> Prediction:
            said = self.prediction()
            return said if isinstance(said, Prediction) else Prediction(said)

        return Claim(
            id=self.id,
            reference=self.reference,
            statement=self.statement,
            status=self.status,
            predict=predict,
            observe=observation,
            size=self.size,
            side=self.side,
        )

    def compute(self, words: str, value: Callable[[], float]) -> Claim:
        """Say what a second route of the theory computes, where nothing is simulated."""
        number = Observation(words, lambda _size, _seed: np.array([value()], dtype=np.float64))
        return self.observe(number)


exact = partial(Row, status="exact")
asymptotic = partial(Row, status="asymptotic")
conjecture = partial(Row, status="conjecture")
lower_bound = partial(Row, status="bound", side="at_least")
upper_bound = partial(Row, status="bound", side="at_most")


def final(array: Array) -> float:
    """Last entry: the value at the generation that was asked for."""
    return float(array[-1])


def declared(estimate: Estimate) -> Prediction:
    """An estimate (its last entry, if it is a path) with its declared error made absolute."""
    value = float(np.ravel(estimate.value)[-1])
    return Prediction(value, error=value * float(np.ravel(estimate.rel_error)[-1]))


def probability(p: float) -> Prediction:
    """The probability of an event, of which 0 or 1 is observed."""
    return Prediction(p, math.sqrt(p * (1 - p)))
