"""Claims on categories with temperature (paper, Section 2.3; theory.md 4.2): the loss of words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Final

import numpy as np

from madtheory import modes
from madtheory._types import Array
from madtheory.claims.claim import Observation, exact, final, lower_bound, recorded, relative
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

    def draws(self, quantity: str, words: str) -> Observation:
        """Observe what is :func:`recorded` at t."""
        loop = partial(
            simulate_categories, self.p, self.n, temperature=self.temperature, n_fresh=self.n_fresh
        )
        return recorded(self.words(words), partial(loop, record=(quantity,)), quantity, (self.t,))

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


def _alive() -> Observation:
    """The rare of two words is alive where the favoured one lacks something."""
    words = "word alive, p = .1, {n}, {t}, {λ}"
    return _RARE.draws("favoured_share", words).of(lambda share: share < 1)


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
    .happens(lambda: modes.token_survival(0.1, _RARE.n, _RARE.t).value)
    .observes(_alive)
    .against("lines of descent never meet: the branching bound", lambda _: _branching_bound()),
    lower_bound("category-survival-bound", "Section 2.3; 4.2", size=400)
    .says("1 - (1 - p c_t)^n, c -> 1 - (1 - c/n)^n, bounds the survival from below")
    .expects(lambda: modes.survival_bounds(0.1, _RARE.n, _RARE.t)[0])
    .observes(_alive)
    .against("the upper bound of one generation, 1 - (1-p)^n", lambda _: 1 - 0.9**_RARE.n),
    exact("category-martingale", "Section 2.3; 4.2", size=16_000)
    .says("λ = 1: the expected share of every word stays what it was")
    .expects(lambda: 0.6)
    .observes(_TWO.draws, "favoured_share", "share of the favoured word, p = .6, {n}, {t}")
    .against("two per cent more", relative(0.02)),
    exact("temperature-selects", "Section 2.3; 4.2", size=400)
    .says("λ < 1 selects: the favoured of two words wins with the probability of the chain")
    .happens(lambda: modes.fixation(0.6, 100, temperature=0.9).probability.value)
    .observes(_SELECTED.draws, "favoured_share", "favoured word wins, p = .6, {n}, {λ}, {t}")
    .of(lambda x: x == 1.0)
    .against("no selection: it wins as often as it was there", lambda _: 0.6),
    exact("temperature-time", "Section 2.3; 4.2", size=400)
    .says("λ < 1: one of two words is lost by t with the probability of the chain")
    .happens(lambda: _decided(0.9))
    .observes(_DECIDED.draws, "survivors", "one word is left, p = .6, {n}, {λ}, {t}")
    .of(lambda x: x == 1.0)
    .against("as slow as without temperature", lambda _: _decided(1.0)),
    exact("vocabulary-survivors", "Section 2.3; 4.2", size=1_200)
    .says("the words of a vocabulary that are alive at t are a sum over its probabilities")
    .expects(lambda: modes.support(_ZIPF.p, _ZIPF.n, _ZIPF.t).number)
    .observes(_ZIPF.draws, "survivors", "words alive of {modes} (Zipf), {n}, {t}, {λ}")
    .against("two per cent more", relative(0.02)),
    exact("vocabulary-fresh", "Sections 2.3, 5; 4.2", size=600)
    .says("fresh words keep a stationary support, the sum over founders' laws")
    .expects(
        lambda: modes.stationary_support(_ZIPF_FRESH.p, _ZIPF_FRESH.n, _ZIPF_FRESH.n_fresh).number
    )
    .observes(
        _ZIPF_FRESH.draws, "survivors", "words alive of {modes} (Zipf), {n}, {n_fresh}, {t}, {λ}"
    )
    .against("two per cent more", relative(0.02)),
)
