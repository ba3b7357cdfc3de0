"""Claims on separated modes (theory.md 4.1): which are alive, and their variances."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Final

import numpy as np

from madtheory import modes
from madtheory.claims import lines
from madtheory.claims.categories import Resampling
from madtheory.claims.claim import Observation, exact, final, recorded, relative
from madtheory.laws import chi_square
from madtheory.simulate import simulate_modes

# --- weights -------------------------------------------------------------------------------------

_GRID = Resampling(np.full(25, 1 / 25), n=50, t=20)
_FED = _GRID.but(n_fresh=5, t=80)
_FEW = Resampling(np.full(5, 1 / 5), n=20, t=40)
_FEW_FRESH = _FEW.but(n=30, n_fresh=2, t=150)


@cache
def _fed() -> Resampling:
    """Five modes with the fresh data that keep all of them with probability .9."""
    return _FEW_FRESH.but(n_fresh=modes.fresh_for_all_modes(5, _FEW_FRESH.n, 0.9).n_fresh, t=60)


WEIGHTS: Final = (
    exact("modes-alive", "Fig. 14; 4.1", size=10_000)
    .says("a mode of weight p is gone with probability E (1-p)^A, A the real ancestors")
    .expects(lambda: modes.surviving_mean(25, _GRID.n, _GRID.t))
    .observes(_GRID.draws, "survivors", "modes alive of {modes}, {n_synth}, {t}")
    .against("one generation fewer", lambda _: modes.surviving_mean(25, _GRID.n, _GRID.t - 1)),
    exact("modes-law", "Fig. 14; 4.1", size=60_000)
    .says("the number of modes alive has the law of inclusion and exclusion over ancestors")
    .happens(lambda: modes.surviving_law(5, _FEW.n, [10])[0, 3])
    .observes(_FEW.but(t=10).draws, "survivors", "3 of {modes} modes alive, {n_synth}, {t}")
    .of(lambda x: x == 3.0)
    .against("5 % larger", relative(0.05)),
    exact("modes-heterozygosity", "Fig. 14; 4.1", size=6_000)
    .says("E (1 - Σ p_k²) = (1 - 1/K)(1 - 1/n)^t")
    .expects(lambda: modes.heterozygosity(25, _GRID.n, _GRID.t))
    .observes(_GRID.draws, "heterozygosity", "heterozygosity, {modes} modes, {n_synth}, {t}")
    .against(
        "the first model costs nothing: (1 - 1/n)^(t-1)", lambda value: value / (1 - 1 / _GRID.n)
    ),
    exact("modes-fixation", "Fig. 14; 4.1", size=60_000)
    .says("one mode is left with probability E Σ p_k^A")
    .happens(lambda: modes.fixation_cdf(_FEW.p, _FEW.n, _FEW.t).value)
    .observes(_FEW.draws, "survivors", "one of {modes} modes is left, {n_synth}, {t}")
    .of(lambda x: x == 1.0)
    .against("two per cent more", relative(0.02)),
    exact("modes-fresh", "Section 5; 4.1", size=3_500)
    .says("with fresh data the modes alive settle at K (1 - E (1 - 1/K)^F), F the founders")
    .expects(lambda: modes.stationary_surviving_mean(25, _FED.n, _FED.n_fresh))
    .observes(_FED.draws, "survivors", "modes alive of {modes}, {n_synth}, {n_fresh}, {t}")
    .against("two per cent more", relative(0.02)),
    exact("modes-fresh-heterozygosity", "Section 5; 4.1", size=1_500)
    .says("with fresh data the heterozygosity settles where loss and supply balance")
    .expects(lambda: modes.stationary_heterozygosity(25, _FED.n, _FED.n_fresh))
    .observes(
        _FED.draws, "heterozygosity", "heterozygosity, {modes} modes, {n_synth}, {n_fresh}, {t}"
    )
    .against("two per cent less", relative(-0.02)),
    exact("modes-fresh-needed", "Section 5; 4.1", size=4_000)
    .says("the least fresh data with which all modes are there with a given probability")
    .happens(lambda: modes.fresh_for_all_modes(5, _FEW_FRESH.n, 0.9).probability)
    .observes(
        Observation,
        "all of 5 modes alive, n_synth = 30, t = 60, with the fresh data for .9",
        lambda size, seed: _fed().draws("survivors", "").draw(size, seed),
    )
    .of(lambda x: x == 5.0)
    .against("5 % less often", relative(-0.05)),
    exact("modes-all-alive", "Section 5; 4.1", size=18_000)
    .says(
        "all modes are in a stationary training set with the probability of inclusion"
        " and exclusion over founders"
    )
    .happens(lambda: modes.all_modes_alive(5, _FEW_FRESH.n, _FEW_FRESH.n_fresh).value)
    .observes(
        _FEW_FRESH.draws, "survivors", "all of {modes} modes alive, {n_synth}, {n_fresh}, {t}"
    )
    .of(lambda x: x == 5.0)
    .against(
        "modes are gone independently of each other",
        lambda _: (modes.stationary_surviving_mean(5, 30, 2) / 5) ** 5,
    ),
)

# --- variances of the idealised loop -------------------------------------------------------------

#: Traces of the covariance of a real mode, and of the real mixture on a 3 x 3 grid of spacing 1.
_MODAL, _TOTAL = 2 * 0.25**2, 2 * 0.25**2 + 4 / 3
_MODES, _N, _T = 9, 90, 10


def _variances(ddof: float = 0.0, floor: float = 0.0) -> modes.VariancePath:
    """Laws of nine modes, 90 samples a generation, t = 1..10."""
    return modes.modal_variance(
        _MODES, _N, _T, real_modal=_MODAL, real_total=_TOTAL, ddof=ddof, floor_trace=2 * floor
    )


def _idealised(quantity: str, words: str, *, floor: float = 0.0) -> Observation:
    """Observe the same loop at t = 10."""
    simulator = partial(simulate_modes, _MODES, _N, ddof=0.0, floor=floor, deviation=0.25)
    added = f", floor {floor:g}".replace("0.", ".") if floor else ""
    said = f"{words}, {_MODES} modes, n_synth = {_N}, 1/N_k{added}, t = {_T}"
    return recorded(said, simulator, quantity, (_T,))


def _sum_of_modes(path: modes.VariancePath) -> float:
    """E of the sum of the variances of the modes alive, which is linear in each."""
    return _MODES * final(path.alive) * final(path.modal)


def _floored_square() -> float:
    """E v^2 of the stationary variance of a mode that keeps 40 samples."""
    mean, variance = modes.floor_variance(40, 1.0, bias=0.5)
    return mean**2 + variance


VARIANCES: Final = (
    exact("mixture-total-variance", "Fig. 15; 4.1", size=3_000)
    .says("each EM fit with known labels takes 1/n of the expected total variance")
    .expects(lambda: _variances().total)
    .observes(_idealised, "total_variance", "trace of the mixture's covariance")
    .against(
        "the variance within modes alone is taken, as the unbiased fit would add it back",
        lambda _: _variances(ddof=1.0).total,
    ),
    exact("mixture-modal-variance", "Fig. 15; 4.1", size=20_000)
    .says("the variance within modes follows the chain of a mode's count, with 1/N_k")
    .expects(lambda: _sum_of_modes(_variances()))
    .observes(_idealised, "modal_sum", "sum of the modes' variances")
    .against(
        "every mode keeps n/K samples: (1 - K/n)^t",
        lambda _: _MODES * _MODAL * (1 - _MODES / _N) ** _T,
    ),
    exact("mixture-typical-variance", "Fig. 15; 4.1", size=60_000)
    .says("log of a mode's variance, where no count was below 2, from the chain of its count")
    .expects(lambda: math.log(final(modes.typical_variance(_MODES, _N, _T, ddof=0.0))))
    .observes(
        Observation,
        f"log of a mode's variance, {_MODES} modes, n_synth = {_N}, 1/N_k, t = {_T}",
        partial(lines.mode_log_variances, _MODES, _N, t=_T, ddof=0.0),
    )
    .against(
        "every mode keeps n/K samples",
        lambda _: _T * float(chi_square.log_chi_square_mean(_N / _MODES - 1, _N / _MODES)),
    ),
    exact("mixture-floor-variance", "Fig. 14; 4.1", size=60_000)
    .says("the variance of a mode that keeps its samples, with a floor: mean and variance")
    .expects(_floored_square)
    .observes(
        Observation,
        "v² of a direction, N = 40, λ = .5, 1/N, floor 1, t = 30",
        partial(lines.floored_variances, 40, bias=0.5, floor=1.0, ddof=0.0, t=30),
    )
    .of(lambda x: x**2),
    exact("mixture-floor", "Fig. 14; 4.1", size=2_500)
    .says("a floor in every fit (reg_covar) adds to the variance of the modes alive")
    .expects(lambda: _sum_of_modes(_variances(floor=0.01)))
    .observes(_idealised, "modal_sum", "sum of the modes' variances", floor=0.01)
    .against(
        "the floor is added in one direction only", lambda _: _sum_of_modes(_variances(floor=0.005))
    ),
)
