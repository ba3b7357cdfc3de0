"""Where a claim is tested: one setting makes its prediction, its observation and its words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from madtheory._types import Array
from madtheory.claims.claim import Observation, Prediction, Said, final, predicted, recorded
from madtheory.loop import Loop
from madtheory.simulate import Paths, simulate
from madtheory.theory import moments
from madtheory.theory.distance import w2_squared, w2_squared_limit

#: A law of the loop, law(loop, eigenvalues, generations=t): the path up to generation t.
Law = Callable[..., Said]
Moment = Literal["mean_sq", "trace"]

#: Two spectra that are not flat; the first is singular.
UNEQUAL = np.array([3.0, 2.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.0])
HARMONIC = 1 / np.arange(1.0, 9.0)

#: What the simulators record, in the words of a scale.
_WORDS = {
    "mean_sq": "squared distance",
    "trace": "trace",
    "squared_trace": "(tr Σ)²",
    "trace_squared": "tr Σ²",
    "w2_squared": "W2²",
    "log_det": "log det",
    "log_direction": "log of a direction",
}


def _number(x: float) -> str:
    """Print as the paper does: .9 for 0.9, and 10^4 for 10000."""
    power = round(math.log10(x)) if x >= 10_000 else 0
    if power and x == 10**power:
        return f"10^{power}"
    text = f"{x:.3g}" if x < 1 else f"{x:g}"
    return text.removeprefix("0") or "0"


def _biases(bias: float | tuple[float, ...]) -> str:
    """One bias, or the ends of a spectrum of them."""
    ends = (bias,) if isinstance(bias, float) else (bias[0], bias[-1])
    return " … ".join(_number(x) for x in ends)


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A loop, the eigenvalues of Sigma_0, a generation t, and the sampler (the exact one).

    Words are templates: `{d}`, `{n}`, `{λ}`, ... stand for what the setting says ("d = 20"),
    `{at}` for the bare t, and `{all}` for everything that is not as in the plainest loop.
    """

    loop: Loop
    eigenvalues: Array
    t: int
    sampler: Callable[..., Paths] = simulate

    def but(self, **changes: Any) -> Setting:
        """Return the same setting of a loop with other fields."""
        return replace(self, loop=replace(self.loop, **changes))

    def at(self, t: int) -> Setting:
        """Return the same setting at another generation."""
        return replace(self, t=t)

    # --- predictions ---

    @property
    def trace(self) -> float:
        """Trace of Sigma_0."""
        return float(self.eigenvalues.sum())

    def value(self, law: Law) -> float:
        """Value of a law at generation t."""
        return self.law(law)().value

    def law(self, law: Law, *, variance: Law | None = None) -> Callable[[], Prediction]:
        """Predict by a law at generation t, and one observation's variance by another."""

        def predict() -> Prediction:
            said = predicted(law(self.loop, self.eigenvalues, generations=self.t))
            return replace(said, deviation=math.sqrt(self.value(variance)) if variance else None)

        return predict

    def moment(self, name: Moment) -> float:
        """E |mu_t|^2 or E tr Sigma_t, from the system assembled from the spec."""
        path = moments.first_moments(self.loop, self.t, eigenvalues=self.eigenvalues)
        return self.trace * final(getattr(path, name))

    def moment_limit(self, name: Moment) -> float:
        """The same as t grows."""
        limit = moments.first_moments_limit(self.loop, eigenvalues=self.eigenvalues)
        return self.trace * float(getattr(limit, name))

    def distance(self) -> Prediction:
        """E W2^2 at generation t, within its declared error."""
        return self.law(w2_squared)()

    def distance_limit(self) -> Prediction:
        """The same as t grows."""
        return predicted(w2_squared_limit(self.loop, self.eigenvalues))

    # --- observations ---

    def draws(self, quantities: str, words: str = "", at: tuple[int, ...] = ()) -> Observation:
        """Observe what is :func:`recorded`, at t if not said."""
        sampler = partial(self.sampler, self.loop, self.eigenvalues, record=quantities.split())
        said = self.words(words or f"{_WORDS[quantities]}, {{all}}")
        return recorded(said, sampler, quantities, at or (self.t,))

    def growth(self, quantity: str, words: str, *, start: int, end: int) -> Observation:
        """Observe the growth of a quantity a generation, from `start` to `end`."""
        path = self.draws(quantity, words, at=(start, end))
        return path.of(lambda first, last: (last - first) / (end - start))

    # --- words ---

    def words(self, template: str) -> str:
        """Fill in a template."""
        said = self._said()
        special = ", ".join(text for text, is_plain in said.values() if not is_plain)
        texts = {name: text for name, (text, _) in said.items()}
        return template.format(at=self.t, all=special, **texts)

    def _said(self) -> dict[str, tuple[str, bool]]:
        """What is said by each name, and whether it is as in the plainest loop."""
        loop = self.loop
        by_default = (loop.n_real, loop.n_synth, loop.n_fixed)
        memory = f"K = {loop.memory}" if loop.memory else "memory of everything"
        return {
            "d": (f"d = {_number(self.eigenvalues.size)}", False),
            "n": (self._samples(), False),
            "n_synth": (f"n_synth = {_number(loop.n_synth)}", True),
            "n_initial": (f"n_initial = {loop.n_initial}", loop.n_initial in by_default),
            "λ": (f"λ = {_biases(loop.bias)}", loop.bias == 1),
            "w": (f"w = {_number(loop.weight or 0)}", loop.weight is None),
            "K": (memory, loop.memory == 1),
            "B": (f"B = {loop.budget}", loop.budget is None),
            "floor": (f"floor {_number(loop.floor)}", loop.floor == 0),
            "shrinkage": (f"shrinkage {_number(loop.shrinkage)}", loop.shrinkage == 0),
            "t": (f"t = {self.t}", False),
        }

    def _samples(self) -> str:
        loop, synthetic = self.loop, _number(self.loop.n_synth)
        if loop.n_fixed and loop.n_fresh:
            return f"{loop.n_fixed} fixed, {loop.n_fresh} fresh, {synthetic} synthetic"
        if not loop.n_real:
            return f"n = {synthetic}"
        if loop.n_real == loop.n_synth:
            return f"n_real = n_synth = {synthetic}"
        return f"n_real = {_number(loop.n_real)}, n_synth = {synthetic}"
