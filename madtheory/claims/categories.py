"""Claims on categories with temperature (paper, Section 2.3; theory.md 4.2): the loss of words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np

from madtheory import modes
from madtheory.claims.claim import (
    Array,
    Observation,
    declared,
    exact,
    final,
    lower_bound,
    probability,
    relative,
)
from madtheory.simulate import simulate_categories


@dataclass(frozen=True, slots=True, eq=False)
class Resampling:
    """Where a claim on categories is tested: probabilities p, n samples a generation, t.

    Modes that lie far apart are categories at temperature 1: one simulator serves both.
    """

    p: Array
    n: int
    t: int
    temperature: float = 1.0
    n_fresh: int = 0

    def but(self, **changes: Any) -> Resampling:
        """Return the same setting with other fields."""
        return replace(self, **changes)

    def draws(
        self, quantity: str, words: str, *, of: Callable[[Array], Any] = lambda x: x
    ) -> Observation:
        """Observe a function of a recorded quantity; what it says yes or no to becomes 1 or 0."""

        def draw(size: int, seed: int) -> Array:
            paths = simulate_categories(
                self.p,
                self.n,
                temperature=self.temperature,
                generations=self.t,
                replicates=size,
                seed=seed,
                n_fresh=self.n_fresh,
                at=(self.t,),
                record=(quantity,),
                keep_paths=True,
            ).paths
            assert paths is not None  # keep_paths was asked for
            return np.asarray(of(paths[quantity][:, 0]), dtype=np.float64)

        return Observation(self.words(words), draw)

    def words(self, template: str) -> str:
        """Fill in a template: `{n}` stands for "n = 20", `{modes}` for the bare number of them."""
        return template.format(
            modes=f"{self.p.size:,}",
            n=f"n = {self.n}",
            n_synth=f"n_synth = {self.n}",
            n_fresh=f"n_fresh = {self.n_fresh}",
            λ=f"λ = {self.temperature:g}".replace("0.", "."),
            t=f"t = {self.t}",
        )


_RARE = Resampling(np.array([0.1, 0.9]), n=20, t=20)
_TWO = Resampling(np.array([0.6, 0.4]), n=100, t=20)
_SELECTED = _TWO.but(temperature=0.9, t=600)
_DECIDED = _TWO.but(temperature=0.9, t=25)
_ZIPF = Resampling(modes.zipf(1_000), n=500, t=10)
_ZIPF_FRESH = _ZIPF.but(n_fresh=50, t=120)

# The rare of two words is alive where the favoured one lacks something.
_RARE_ALIVE = _RARE.draws(
    "favoured_share", "word alive, p = .1, {n}, {t}, {λ}", of=lambda share: share < 1
)


def _branching_bound() -> float:
    """theory.md's lower bound on survival, n = 20, p = .1, t = 20."""
    c = 1.0
    for _ in range(19):
        c = 1 - math.exp(-c)
    return 1 - (1 - 0.1 * c) ** 20


@cache
def _decided(temperature: float) -> float:
    """P(one of two words is lost by t = 25), from the law of one count."""
    path = modes.two_tokens(0.6, 100, temperature=temperature, generations=25)
    return final(path.alone + 1 - path.alive)


CLAIMS: Final = (
    exact("category-survival", "Section 2.3; 4.2", size=6_000)
    .says("a word of probability p is alive at t with probability 1 - E (1-p)^A")
    .predict(lambda: probability(final(modes.token_survival(0.1, _RARE.n, _RARE.t).value)))
    .observe(_RARE_ALIVE)
    .against("lines of descent never meet: the branching bound", lambda _: _branching_bound()),
    lower_bound("category-survival-bound", "Section 2.3; 4.2", size=400)
    .says("1 - (1 - p c_t)^n, c -> 1 - (1 - c/n)^n, bounds the survival from below")
    .predict(lambda: final(modes.survival_bounds(0.1, _RARE.n, _RARE.t)[0]))
    .observe(_RARE_ALIVE)
    .against("the upper bound of one generation, 1 - (1-p)^n", lambda _: 1 - 0.9**_RARE.n),
    exact("category-martingale", "Section 2.3; 4.2", size=16_000)
    .says("λ = 1: the expected share of every word stays what it was")
    .predict(lambda: 0.6)
    .observe(_TWO.draws("favoured_share", "share of the favoured word, p = .6, {n}, {t}"))
    .against("two per cent more", relative(0.02)),
    exact("temperature-selects", "Section 2.3; 4.2", size=400)
    .says("λ < 1 selects: the favoured of two words wins with the probability of the chain")
    .predict(
        lambda: probability(float(modes.fixation(0.6, 100, temperature=0.9).probability.value))
    )
    .observe(
        _SELECTED.draws(
            "favoured_share",
            "favoured word wins, p = .6, {n}, {λ}, {t}",
            of=lambda share: share == 1.0,
        )
    )
    .against("no selection: it wins as often as it was there", lambda _: 0.6),
    exact("temperature-time", "Section 2.3; 4.2", size=400)
    .says("λ < 1: one of two words is lost by t with the probability of the chain")
    .predict(lambda: probability(_decided(0.9)))
    .observe(
        _DECIDED.draws(
            "survivors", "one word is left, p = .6, {n}, {λ}, {t}", of=lambda alive: alive == 1.0
        )
    )
    .against("as slow as without temperature", lambda _: _decided(1.0)),
    exact("vocabulary-survivors", "Section 2.3; 4.2", size=1_200)
    .says("the words of a vocabulary that are alive at t are a sum over its probabilities")
    .predict(lambda: declared(modes.support(_ZIPF.p, _ZIPF.n, _ZIPF.t).number))
    .observe(_ZIPF.draws("survivors", "words alive of {modes} (Zipf), {n}, {t}, {λ}"))
    .against("two per cent more", relative(0.02)),
    exact("vocabulary-fresh", "Sections 2.3, 5; 4.2", size=600)
    .says("fresh words keep a stationary support, the sum over founders' laws")
    .predict(
        lambda: declared(
            modes.stationary_support(_ZIPF_FRESH.p, _ZIPF_FRESH.n, _ZIPF_FRESH.n_fresh).number
        )
    )
    .observe(
        _ZIPF_FRESH.draws("survivors", "words alive of {modes} (Zipf), {n}, {n_fresh}, {t}, {λ}")
    )
    .against("two per cent more", relative(0.02)),
)
