"""Claims on categories with temperature (paper, Section 2.3; theory.md 4.2): the loss of words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Final

import numpy as np

from madtheory import modes
from madtheory._types import Array
from madtheory.claims import lines
from madtheory.claims.claim import (
    Observation,
    Prediction,
    asymptotic,
    exact,
    final,
    lower_bound,
    recorded,
    relative,
)
from madtheory.modes import diversity, survival
from madtheory.results import Estimate
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


_SOME = Resampling(modes.zipf(20), n=50, t=20)
_THREE = np.array([0.5, 0.3, 0.2])


#: Probability of the favoured of two words, and tokens of each generation.
_MANY = 0.505, 20_000
_AT_MANY = "p = .505, n = 20,000, λ = .8"
_NEAR = np.array([0.337, 0.333, 0.33])
_among_many = partial(lines.until_alone, np.array([0.505, 0.495]), 20_000, temperature=0.8)


def _favourite() -> Prediction:
    """Chance of the first of three words among many tokens."""
    found = modes.winners(_NEAR, _MANY[1], temperature=0.8)
    return Prediction(found.value[0], error=found.value[0] * found.rel_error[0])


def _time(estimate: Estimate) -> float:
    return float(estimate.value)


@cache
def _fed() -> Resampling:
    """A vocabulary with as many fresh words as keep three of five alive."""
    p = modes.zipf(100)
    fresh = modes.fresh_for_support(p, 300, 0.6).sufficient
    return Resampling(p, n=300, t=60, n_fresh=fresh)


@cache
def _as_asked() -> float:
    """Temperature at which the favoured of two words wins four times of five."""
    return modes.temperature_for(0.8, 0.6, 100)


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
    exact("category-survival", "Section 2.3; 4.2", size=100_000)
    .says("a word of probability p is alive at t with probability 1 - E (1-p)^A")
    .happens(lambda: modes.token_survival(0.1, _RARE.n, _RARE.t).value)
    .observes(_alive)
    .against("lines of descent never meet: the branching bound", lambda _: _branching_bound()),
    lower_bound("category-survival-bound", "Section 2.3; 4.2", size=20_000)
    .says("1 - (1 - p c_t)^n, c -> 1 - (1 - c/n)^n, bounds the survival from below")
    .expects(lambda: modes.survival_bounds(0.1, _RARE.n, _RARE.t)[0])
    .observes(_alive)
    .against("a third larger", relative(1 / 3)),
    exact("category-martingale", "Section 2.3; 4.2", size=16_000)
    .says("λ = 1: the expected share of every word stays what it was")
    .expects(lambda: 0.6)
    .observes(_TWO.draws, "favoured_share", "share of the favoured word, p = .6, {n}, {t}")
    .against("two per cent more", relative(0.02)),
    exact("temperature-selects", "Section 2.3; 4.2", size=15_000)
    .says("λ < 1 selects: the favoured of two words wins with the probability of the chain")
    .happens(lambda: modes.fixation(0.6, 100, temperature=0.9).probability.value)
    .observes(_SELECTED.draws, "favoured_share", "favoured word wins, p = .6, {n}, {λ}, {t}")
    .of(lambda x: x == 1.0)
    .against("no selection: it wins as often as it was there", lambda _: 0.6),
    exact("temperature-time", "Section 2.3; 4.2", size=20_000)
    .says("λ < 1: one of two words is lost by t with the probability of the chain")
    .happens(lambda: _decided(0.9))
    .observes(_DECIDED.draws, "survivors", "one word is left, p = .6, {n}, {λ}, {t}")
    .of(lambda x: x == 1.0)
    .against("a temperature of .896", lambda _: _decided(0.896)),
    exact("temperature-duration", "Section 2.3; 4.2", size=40_000)
    .says("λ < 1: the expected generation at which one of two words is left, from the chain")
    .expects(lambda: modes.fixation(0.6, 100, temperature=0.9).time)
    .observes(
        Observation,
        "generation at which one word is left, p = .6, n = 100, λ = .9",
        partial(lines.until_alone, _TWO.p, _TWO.n, temperature=0.9),
    )
    .of(lambda time, _: time)
    .against("as slow as without temperature", lambda _: modes.fixation(0.6, 100).time),
    asymptotic("temperature-selects-many", "Section 2.3; 4.2", size=20_000)
    .says("many tokens: who wins of two words is decided in the first generations, λ < 1")
    .expects(lambda: modes.fixation(*_MANY, temperature=0.8).probability)
    .observes(Observation, f"favoured word wins, {_AT_MANY}", _among_many)
    .of(lambda _, won: won)
    .against("5 % less often", relative(-0.05)),
    asymptotic("temperature-duration-many", "Section 2.3; 4.2", size=4_000)
    .says("the expected generation at which one of two words is left among many tokens")
    .expects(lambda: modes.fixation(*_MANY, temperature=0.8).time)
    .observes(Observation, f"generation at which one word is left, {_AT_MANY}", _among_many)
    .of(lambda time, _: time)
    .against("5 % later", relative(0.05)),
    asymptotic("winners", "Section 2.3; 4.2", size=30_000)
    .says("many tokens: who wins of several words is decided in the first generations, λ < 1")
    .expects(_favourite)
    .observes(
        Observation,
        "favoured word wins, p = .337, .333, .33, n = 20,000, λ = .8",
        partial(lines.until_alone, _NEAR, _MANY[1], temperature=0.8),
    )
    .of(lambda _, won: won)
    .against("5 % less often", relative(-0.05)),
    exact("temperature-for", "Section 2.3; 4.2", size=40_000)
    .says("the temperature at which the favoured of two words wins with a given probability")
    .happens(lambda: 0.8)
    .observes(
        Observation,
        "favoured word wins, p = .6, n = 100, at the temperature for .8",
        lambda size, seed: lines.until_alone(_TWO.p, _TWO.n, size, seed, temperature=_as_asked()),
    )
    .of(lambda _, won: won)
    .against("5 % less often", relative(-0.05)),
    exact("category-fixation-time", "Fig. 14; 4.1", size=30_000)
    .says("λ = 1: the expected generation at which one of three modes or words is left")
    .expects(lambda: modes.fixation_time(_THREE, 20))
    .observes(
        Observation,
        "generation at which one of three is left, p = .5, .3, .2, n = 20",
        partial(lines.until_alone, _THREE, 20),
    )
    .of(lambda time, _: time)
    .against(
        "the diffusion limit, -2 n sum (1 - p) log (1 - p)",
        lambda _: -40 * float(np.sum((1 - _THREE) * np.log(1 - _THREE))),
    ),
    exact("category-absorption-time", "Fig. 14; 4.1", size=30_000)
    .says("the expected generation at which a given mode or word is lost or alone")
    .expects(lambda: survival.absorption_time(0.2, 20))
    .observes(
        Observation,
        "generation at which it is lost or alone, p = .2, n = 20",
        partial(lines.until_alone, np.array([0.2, 0.8]), 20),
    )
    .of(lambda time, _: time)
    .against("5 % later", relative(0.05)),
    asymptotic("category-absorption-limit", "Fig. 14; 4.1")
    .says("large n: a word of probability p is lost or alone after -2 n (p log p + q log q)")
    .expects(lambda: survival.absorption_time_limit(0.2, 1000), error=5.0)
    .computes(
        "the exact time, p = .2, n = 1000", lambda: _time(survival.absorption_time(0.2, 1000))
    ),
    asymptotic("category-fixation-limit", "Fig. 14; 4.1")
    .says("large n: one of several words is left after -2 n Σ (1 - p) log (1 - p)")
    .expects(lambda: survival.fixation_time_limit(_THREE, 1000), error=5.0)
    .computes(
        "the exact time, p = .5, .3, .2, n = 1000", lambda: _time(modes.fixation_time(_THREE, 1000))
    ),
    exact("category-heterozygosity", "Section 2.3; 4.2", size=8_000)
    .says("the chance that two words of a generation differ, whatever their probabilities")
    .expects(lambda: diversity.token_heterozygosity(_SOME.p, _SOME.n, _SOME.t))
    .observes(_SOME.draws, "heterozygosity", "1 - Σ share², {modes} words (Zipf), {n}, {t}, {λ}"),
    exact("vocabulary-survivors", "Section 2.3; 4.2", size=1_200)
    .says("the words of a vocabulary that are alive at t are a sum over its probabilities")
    .expects(lambda: modes.support(_ZIPF.p, _ZIPF.n, _ZIPF.t).number)
    .observes(_ZIPF.draws, "survivors", "words alive of {modes} (Zipf), {n}, {t}, {λ}")
    .against("two per cent more", relative(0.02)),
    lower_bound("vocabulary-fresh-needed", "Sections 2.3, 5; 4.2", size=1_000)
    .says("so many fresh words keep three words of five alive on average")
    .expects(lambda: 0.6)
    .observes(
        Observation,
        "share of 100 words (Zipf) alive, n = 300, t = 60, with the fresh words for three of five",
        lambda size, seed: _fed().draws("survivors", "").draw(size, seed),
    )
    .of(lambda alive: alive / 100)
    .against("5 % more", relative(0.05)),
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
