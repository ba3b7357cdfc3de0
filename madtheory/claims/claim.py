"""What a claim is: a statement, its prediction, what is observed, and its mutant.

A row of the table reads ``exact(id, reference, size=..).says(..).expects(..).observes(..)``, and
``.against(..)`` where the mutant is another than "2 % larger".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, ParamSpec

import numpy as np

from madtheory._types import Array
from madtheory.results import Estimate

Status = Literal["exact", "asymptotic", "bound", "paper", "conjecture"]
Side = Literal["both", "at_least", "at_most"]
P = ParamSpec("P")


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

    def of(self, function: Callable[..., Any]) -> Observation:
        """Observe a function of what is drawn; what it says yes or no to becomes 1 or 0."""

        def draw(size: int, seed: int) -> Array:
            return np.asarray(function(*np.atleast_2d(self.draw(size, seed))), dtype=np.float64)

        return replace(self, draw=draw)


#: A number, a path of them, or either with its declared error.
Said = Prediction | Estimate | Array | float


def recorded(
    words: str, simulator: Callable[..., Any], quantities: str, at: tuple[int, ...]
) -> Observation:
    """Observe what a simulator keeps of each path, quantities parted by blanks.

    One vector of replicates for each quantity and each generation in `at`, to make a function of.
    """

    def draw(size: int, seed: int) -> Array:
        sizes = {"generations": max(at), "replicates": size, "seed": seed, "at": at}
        paths = simulator(**sizes, keep_paths=True).paths
        columns = [paths[name][:, k] for name in quantities.split() for k in range(len(at))]
        return np.array(columns if len(columns) > 1 else columns[0], dtype=np.float64)

    return Observation(words, draw)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong version of a claim, in words; `mutate` maps the predicted value to the mutant's.

    `change` is the mutant's relative change of what the claim states, where that is not what is
    observed: of a quantile behind a probability, of a bias behind a drift that should be 0.
    """

    words: str
    mutate: Callable[[float], float]
    change: float | None = None


def relative(change: float) -> Callable[[float], float]:
    """Mutate by a relative change."""
    return lambda value: value * (1 + change)


def shift(change: float) -> Callable[[float], float]:
    """Mutate by an absolute change."""
    return lambda value: value + change


def final(path: Array | float) -> float:
    """Last entry: the value at the generation that was asked for."""
    return float(np.ravel(path)[-1])


def predicted(said: Said) -> Prediction:
    """What theory says, of a path its last entry; a declared error is made absolute."""
    if isinstance(said, Prediction):
        return said
    if isinstance(said, Estimate):
        value = final(said.value)
        return Prediction(value, error=value * final(said.rel_error))
    return Prediction(final(said))


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement, its prediction, the simulation that tests it, and its mutant.

    `side` says which means the claim allows: equal to the prediction ("both"), or on one side of
    it (a bound). `size` is the number of observations at the verifier's quick level. What is
    `computed` has no observations: two routes of the theory are compared. The methods return the
    claim with one more part.
    """

    id: str
    reference: str
    status: Status
    size: int = 1
    side: Side = "both"
    statement: str = ""
    predict: Callable[[], Prediction] = lambda: Prediction(math.nan)
    observe: Observation = Observation("nothing", lambda _size, _seed: np.array([math.nan]))
    mutant: Mutant = Mutant("2 % larger", relative(0.02))
    computed: bool = False

    def unit(self, value: float) -> float:
        """Change of the predicted value for each relative change of what is stated."""
        change = self.mutant.change
        return abs(value) if change is None else abs(self.mutant.mutate(value) - value) / change

    def says(self, statement: str) -> Claim:
        """State it."""
        return replace(self, statement=statement)

    def expects(
        self,
        said: Callable[[], Said],
        deviation: float | None = None,
        error: float | None = None,
    ) -> Claim:
        """Say what theory expects of one observation."""
        more = {"deviation": deviation, "error": error}
        known = {name: value for name, value in more.items() if value is not None}
        return replace(self, predict=lambda: replace(predicted(said()), **known))

    def happens(self, chance: Callable[[], Said]) -> Claim:
        """Give the probability of an event, of which 0 or 1 is observed."""

        def predict() -> Prediction:
            p = predicted(chance()).value
            return Prediction(p, math.sqrt(p * (1 - p)))

        return replace(self, predict=predict)

    def observes(self, make: Callable[P, Observation], *args: P.args, **options: P.kwargs) -> Claim:
        """Say what is observed: what `make` makes of the other arguments."""
        return replace(self, observe=make(*args, **options))

    def of(self, function: Callable[..., Any]) -> Claim:
        """Observe a function of that."""
        return replace(self, observe=self.observe.of(function))

    def computes(self, words: str, value: Callable[[], float]) -> Claim:
        """Say what a second route of the theory computes, where nothing is simulated."""
        once = self.observes(Observation, words, lambda _size, _seed: np.array([float(value())]))
        return replace(once, computed=True)

    def against(
        self, words: str, mutate: Callable[[float], Said], change: float | None = None
    ) -> Claim:
        """Set another mutant."""
        mutant = Mutant(words, lambda value: predicted(mutate(value)).value, change)
        return replace(self, mutant=mutant)


exact = partial(Claim, status="exact")
asymptotic = partial(Claim, status="asymptotic")
conjecture = partial(Claim, status="conjecture")
lower_bound = partial(Claim, status="bound", side="at_least")
upper_bound = partial(Claim, status="bound", side="at_most")
