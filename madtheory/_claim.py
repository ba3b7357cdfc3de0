"""What a claim is, and the building blocks of the table in :mod:`madtheory.claims`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from madtheory.loop import Loop
from madtheory.results import Estimate
from madtheory.simulate import Paths, simulate

__all__ = ["Claim", "Prediction", "Side", "Status"]

Array = NDArray[np.float64]
Status = Literal["exact", "asymptotic", "bound", "paper", "conjecture"]
Side = Literal["both", "at_least", "at_most"]
Observe = Callable[[int, int], Array]
Reduce = Callable[[dict[str, Array]], Array]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted mean of one observation.

    `deviation` is the standard deviation of one observation where theory knows it; otherwise the
    verifier estimates it. `error` is the declared absolute error of `value`.
    """

    value: float
    deviation: float | None = None
    error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement, its prediction, the simulation that tests it, and its mutant.

    `observe(size, seed)` returns `size` independent observations. `side` says which means the
    claim allows: equal to the prediction ("both"), or on one side of it (a bound). `mutate` maps
    the predicted value to the mutant's.
    """

    id: str
    reference: str
    statement: str
    status: Status
    scale: str
    predict: Callable[[], Prediction]
    observe: Observe
    mutant: str
    mutate: Callable[[float], float]
    size: int
    side: Side = "both"


# --- building blocks ----------------------------------------------------------------------------


def simulated(
    reduce: Reduce,
    loop: Loop,
    eigenvalues: Array,
    *,
    at: tuple[int, ...],
    record: tuple[str, ...],
    sampler: Callable[..., Paths] = simulate,
) -> Observe:
    """Observations from a sampler, the exact one if not said: `reduce` gets {quantity: (size, T)}.

    T = len(at) generations are recorded.
    """

    def observe(size: int, seed: int) -> Array:
        result = sampler(
            loop,
            eigenvalues,
            generations=max(at),
            replicates=size,
            seed=seed,
            record=record,
            keep_paths=True,
            at=at,
        )
        assert result.paths is not None  # keep_paths was asked for
        return reduce(result.paths)

    return observe


def observed(
    quantity: str,
    loop: Loop,
    eigenvalues: Array,
    *,
    t: int,
    sampler: Callable[..., Paths] = simulate,
) -> Observe:
    """Observe `quantity` at generation `t`."""
    return simulated(
        lambda paths: paths[quantity][:, 0],
        loop,
        eigenvalues,
        at=(t,),
        record=(quantity,),
        sampler=sampler,
    )


def declared(estimate: Estimate) -> Prediction:
    """An estimate (its last entry, if it is a path) with its declared error made absolute."""
    value = float(np.ravel(estimate.value)[-1])
    return Prediction(value, error=value * float(np.ravel(estimate.rel_error)[-1]))


def relative(change: float) -> Callable[[float], float]:
    """Mutate by a relative change."""
    return lambda value: value * (1 + change)


def shift(change: float) -> Callable[[float], float]:
    """Mutate by an absolute change."""
    return lambda value: value + change


def square_deviation(x: Array, mean: float) -> Array:
    return (x - mean) ** 2


def final(array: Array) -> float:
    """Last entry: the value at the generation that was asked for."""
    return float(array[-1])


def indicator(quantity: str, threshold: Callable[[], float]) -> Reduce:
    return lambda paths: (paths[quantity][:, 0] <= threshold()).astype(np.float64)


def probability(p: float) -> Prediction:
    return Prediction(p, math.sqrt(p * (1 - p)))
