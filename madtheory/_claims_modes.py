"""Claims on mixtures and categories, a part of :mod:`madtheory.claims` (theory.md 4).

Modes that lie far apart are categories at temperature 1: one simulator serves both.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from madtheory import modes
from madtheory._claim import (
    Array,
    Claim,
    Observe,
    Prediction,
    Reduce,
    declared,
    final,
    probability,
    relative,
)
from madtheory.simulate import simulate_categories, simulate_modes

__all__ = ["CLAIMS"]


def _resampled(
    reduce: Reduce,
    p: Array,
    n: int,
    *,
    at: tuple[int, ...],
    record: str,
    temperature: float = 1.0,
    n_fresh: int = 0,
) -> Observe:
    """Observations of the loop of categories: `reduce` gets {record: (size, len(at))}."""

    def observe(size: int, seed: int) -> Array:
        paths = simulate_categories(
            p,
            n,
            temperature=temperature,
            generations=max(at),
            replicates=size,
            seed=seed,
            n_fresh=n_fresh,
            at=at,
            record=(record,),
            keep_paths=True,
        ).paths
        assert paths is not None  # keep_paths was asked for
        return reduce(paths)

    return observe


def _first(name: str) -> Reduce:
    return lambda paths: paths[name][:, 0]


def _is(name: str, value: float) -> Reduce:
    return lambda paths: (paths[name][:, 0] == value).astype(np.float64)


# --- modes: 4.1 ----------------------------------------------------------------------------------

_GRID = np.full(25, 1 / 25)
_FEW = np.full(5, 1 / 5)


_MODES = (
    Claim(
        id="modes-alive",
        reference="Fig. 14; 4.1",
        statement="a mode of weight p is gone with probability E (1-p)^A, A the real ancestors",
        status="exact",
        scale="modes alive of 25, n_synth = 50, t = 20",
        predict=lambda: declared(modes.surviving_mean(25, 50, 20)),
        observe=_resampled(_first("survivors"), _GRID, 50, at=(20,), record="survivors"),
        mutant="one generation fewer",
        mutate=lambda _: declared(modes.surviving_mean(25, 50, 19)).value,
        size=3_000,
    ),
    Claim(
        id="modes-heterozygosity",
        reference="Fig. 14; 4.1",
        statement="E (1 - Σ p_k²) = (1 - 1/K)(1 - 1/n)^t",
        status="exact",
        scale="heterozygosity, 25 modes, n_synth = 50, t = 20",
        predict=lambda: Prediction(final(modes.heterozygosity(25, 50, 20))),
        observe=_resampled(_first("heterozygosity"), _GRID, 50, at=(20,), record="heterozygosity"),
        mutant="the first model costs nothing: (1 - 1/n)^(t-1)",
        mutate=lambda value: value / (1 - 1 / 50),
        size=6_000,
    ),
    Claim(
        id="modes-fixation",
        reference="Fig. 14; 4.1",
        statement="one mode is left with probability E Σ p_k^A",
        status="exact",
        scale="one of 5 modes is left, n_synth = 20, t = 40",
        predict=lambda: probability(final(modes.fixation_cdf(_FEW, 20, 40).value)),
        observe=_resampled(_is("survivors", 1.0), _FEW, 20, at=(40,), record="survivors"),
        mutant="two per cent more",
        mutate=relative(0.02),
        size=60_000,
    ),
    Claim(
        id="modes-fresh",
        reference="Section 5; 4.1",
        statement="with fresh data the modes alive settle at K (1 - E (1 - 1/K)^F), F the founders",
        status="exact",
        scale="modes alive of 25, n_synth = 50, n_fresh = 5, t = 80",
        predict=lambda: Prediction(modes.stationary_surviving_mean(25, 50, 5)),
        observe=_resampled(_first("survivors"), _GRID, 50, at=(80,), record="survivors", n_fresh=5),
        mutant="two per cent more",
        mutate=relative(0.02),
        size=3_500,
    ),
    Claim(
        id="modes-fresh-heterozygosity",
        reference="Section 5; 4.1",
        statement="with fresh data the heterozygosity settles where loss and supply balance",
        status="exact",
        scale="heterozygosity, 25 modes, n_synth = 50, n_fresh = 5, t = 80",
        predict=lambda: Prediction(modes.stationary_heterozygosity(25, 50, 5)),
        observe=_resampled(
            _first("heterozygosity"), _GRID, 50, at=(80,), record="heterozygosity", n_fresh=5
        ),
        mutant="two per cent less",
        mutate=relative(-0.02),
        size=1_500,
    ),
    Claim(
        id="modes-all-alive",
        reference="Section 5; 4.1",
        statement="all modes are in a stationary training set with the probability of inclusion"
        " and exclusion over founders",
        status="exact",
        scale="all of 5 modes alive, n_synth = 30, n_fresh = 2, t = 150",
        predict=lambda: probability(float(modes.all_modes_alive(5, 30, 2).value)),
        observe=_resampled(
            _is("survivors", 5.0), _FEW, 30, at=(150,), record="survivors", n_fresh=2
        ),
        mutant="modes are gone independently of each other",
        mutate=lambda _: (modes.stationary_surviving_mean(5, 30, 2) / 5) ** 5,
        size=11_000,
    ),
)

# --- variances of the idealised loop: 4.1 --------------------------------------------------------

#: Traces of the covariance of a real mode, and of the real mixture on a 3 x 3 grid of spacing 1.
_MODAL, _TOTAL = 2 * 0.25**2, 2 * 0.25**2 + 4 / 3


def _variances(ddof: float = 0.0, floor: float = 0.0) -> modes.VariancePath:
    """Nine modes, 90 samples a generation, t = 1..10."""
    return modes.modal_variance(
        9, 90, 10, real_modal=_MODAL, real_total=_TOTAL, ddof=ddof, floor_trace=2 * floor
    )


def _idealised(reduce: Reduce, ddof: float = 0.0, floor: float = 0.0) -> Observe:
    """Observations of the idealised loop at t = 10: `reduce` gets {quantity: (size, 1)}."""

    def observe(size: int, seed: int) -> Array:
        paths = simulate_modes(
            9,
            90,
            generations=10,
            replicates=size,
            seed=seed,
            ddof=ddof,
            floor=floor,
            deviation=0.25,
            at=(10,),
            keep_paths=True,
        ).paths
        assert paths is not None  # keep_paths was asked for
        return reduce(paths)

    return observe


def _sum_of_modes(path: modes.VariancePath) -> float:
    """E of the sum of the variances of the modes alive, which is linear in each."""
    return 9 * final(path.alive) * final(path.modal)


_VARIANCES = (
    Claim(
        id="mixture-total-variance",
        reference="Fig. 15; 4.1",
        statement="each EM fit with known labels takes 1/n of the expected total variance",
        status="exact",
        scale="trace of the mixture's covariance, 9 modes, n_synth = 90, 1/N_k, t = 10",
        predict=lambda: Prediction(final(_variances().total)),
        observe=_idealised(_first("total_variance")),
        mutant="the variance within modes alone is taken, as the unbiased fit would add it back",
        mutate=lambda _: final(_variances(ddof=1.0).total),
        size=3_000,
    ),
    Claim(
        id="mixture-modal-variance",
        reference="Fig. 15; 4.1",
        statement="the variance within modes follows the chain of a mode's count, with 1/N_k",
        status="exact",
        scale="sum of the modes' variances, 9 modes, n_synth = 90, 1/N_k, t = 10",
        predict=lambda: Prediction(_sum_of_modes(_variances())),
        observe=_idealised(_first("modal_sum")),
        mutant="every mode keeps n/K samples: (1 - K/n)^t",
        mutate=lambda _: 9 * _MODAL * (1 - 9 / 90) ** 10,
        size=3_000,
    ),
    Claim(
        id="mixture-floor",
        reference="Fig. 14; 4.1",
        statement="a floor in every fit (reg_covar) adds to the variance of the modes alive",
        status="exact",
        scale="sum of the modes' variances, 9 modes, n_synth = 90, 1/N_k, floor .01, t = 10",
        predict=lambda: Prediction(_sum_of_modes(_variances(floor=0.01))),
        observe=_idealised(_first("modal_sum"), floor=0.01),
        mutant="the floor is added in one direction only",
        mutate=lambda _: _sum_of_modes(_variances(floor=0.005)),
        size=500,
    ),
)

# --- categories and temperature: 4.2 -------------------------------------------------------------

_RARE = np.array([0.1, 0.9])
_TWO = np.array([0.6, 0.4])
_ZIPF = modes.zipf(1_000)


def _branching_bound() -> float:
    """theory.md's lower bound on survival, n = 20, p = .1, t = 20."""
    c = 1.0
    for _ in range(19):
        c = 1 - math.exp(-c)
    return 1 - (1 - 0.1 * c) ** 20


def _rare_alive(size: int, seed: int) -> Array:
    """Whether the rare of two words is alive: its share is what the favoured one lacks."""
    observe = _resampled(
        lambda paths: (paths["favoured_share"][:, 0] < 1).astype(np.float64),
        _RARE,
        20,
        at=(20,),
        record="favoured_share",
    )
    return observe(size, seed)


@cache
def _decided(temperature: float) -> float:
    """P(one of two words is lost by t = 25), from the law of one count."""
    path = modes.two_tokens(0.6, 100, temperature=temperature, generations=25)
    return final(path.alone + 1 - path.alive)


_CATEGORIES = (
    Claim(
        id="category-survival",
        reference="Section 2.3; 4.2",
        statement="a word of probability p is alive at t with probability 1 - E (1-p)^A",
        status="exact",
        scale="word alive, p = .1, n = 20, t = 20, λ = 1",
        predict=lambda: probability(final(modes.token_survival(0.1, 20, 20).value)),
        observe=_rare_alive,
        mutant="lines of descent never meet: the branching bound",
        mutate=lambda _: _branching_bound(),
        size=6_000,
    ),
    Claim(
        id="category-survival-bound",
        reference="Section 2.3; 4.2",
        statement="1 - (1 - p c_t)^n, c -> 1 - (1 - c/n)^n, bounds the survival from below",
        status="bound",
        scale="word alive, p = .1, n = 20, t = 20, λ = 1",
        predict=lambda: Prediction(final(modes.survival_bounds(0.1, 20, 20)[0])),
        observe=_rare_alive,
        mutant="the upper bound of one generation, 1 - (1-p)^n",
        mutate=lambda _: 1 - 0.9**20,
        size=400,
        side="at_least",
    ),
    Claim(
        id="category-martingale",
        reference="Section 2.3; 4.2",
        statement="λ = 1: the expected share of every word stays what it was",
        status="exact",
        scale="share of the favoured word, p = .6, n = 100, t = 20",
        predict=lambda: Prediction(0.6),
        observe=_resampled(_first("favoured_share"), _TWO, 100, at=(20,), record="favoured_share"),
        mutant="two per cent more",
        mutate=relative(0.02),
        size=16_000,
    ),
    Claim(
        id="temperature-selects",
        reference="Section 2.3; 4.2",
        statement="λ < 1 selects: the favoured of two words wins with the probability of the chain",
        status="exact",
        scale="favoured word wins, p = .6, n = 100, λ = .9, t = 600",
        predict=lambda: probability(
            float(modes.fixation(0.6, 100, temperature=0.9).probability.value)
        ),
        observe=_resampled(
            _is("favoured_share", 1.0),
            _TWO,
            100,
            at=(600,),
            record="favoured_share",
            temperature=0.9,
        ),
        mutant="no selection: it wins as often as it was there",
        mutate=lambda _: 0.6,
        size=400,
    ),
    Claim(
        id="temperature-time",
        reference="Section 2.3; 4.2",
        statement="λ < 1: one of two words is lost by t with the probability of the chain",
        status="exact",
        scale="one word is left, p = .6, n = 100, λ = .9, t = 25",
        predict=lambda: probability(_decided(0.9)),
        observe=_resampled(
            _is("survivors", 1.0), _TWO, 100, at=(25,), record="survivors", temperature=0.9
        ),
        mutant="as slow as without temperature",
        mutate=lambda _: _decided(1.0),
        size=400,
    ),
    Claim(
        id="vocabulary-survivors",
        reference="Section 2.3; 4.2",
        statement="the words of a vocabulary that are alive at t are a sum over its probabilities",
        status="exact",
        scale="words alive of 1,000 (Zipf), n = 500, t = 10, λ = 1",
        predict=lambda: declared(modes.support(_ZIPF, 500, 10).number),
        observe=_resampled(_first("survivors"), _ZIPF, 500, at=(10,), record="survivors"),
        mutant="two per cent more",
        mutate=relative(0.02),
        size=1_200,
    ),
    Claim(
        id="vocabulary-fresh",
        reference="Sections 2.3, 5; 4.2",
        statement="fresh words keep a stationary support, the sum over founders' laws",
        status="exact",
        scale="words alive of 1,000 (Zipf), n = 500, n_fresh = 50, t = 120, λ = 1",
        predict=lambda: declared(modes.stationary_support(_ZIPF, 500, 50).number),
        observe=_resampled(
            _first("survivors"), _ZIPF, 500, at=(120,), record="survivors", n_fresh=50
        ),
        mutant="two per cent more",
        mutate=relative(0.02),
        size=600,
    ),
)


CLAIMS: tuple[Claim, ...] = (*_MODES, *_VARIANCES, *_CATEGORIES)
