"""Modes of a mixture, and words of a vocabulary, in a self-consuming loop (theory.md 4).

The loop is the idealised one: every sample is known to belong to its mode (labels, or modes far
apart; tokens are their own labels), a fit estimates each mode from its own samples, and the first
model sees real samples. Then which modes are alive depends on family trees alone, and one chain
of ancestors answers for all of them. Listed here is what one asks first; each file has more:

- `survival`: the closed loop, who is alive at t, when one mode is left; `fresh`: with fresh data,
  at rest, and how much of it keeps all modes; `diversity`: heterozygosity, in every loop;
- `variance`: variances within modes and in total; `recall`: recall from the modes alone; `grid`:
  where the modes of Fig. 14 stand;
- `vocabulary`: how many words are alive, with `bounds` at any size; `tempering`: temperature, and
  exact chains at any; `selection`: which of two words wins, `contest`: which of many;
- `ancestry`: the chains behind it all, `_elimination`: their exact solutions.

Everywhere `modes` is the number K of modes of equal real weight, `p` real weights or probabilities,
and `generations` T: arrays run over t = 1..T. A training set holds `n_synth` samples (`n` tokens)
of the last model and `n_fresh` new real ones; the first, as large, is all real. A bad argument
raises ValueError or TypeError with one sentence that names the argument, the rule and the value.
"""

from madtheory.modes.bounds import survival_bounds
from madtheory.modes.contest import winners
from madtheory.modes.diversity import heterozygosity, stationary_heterozygosity
from madtheory.modes.fresh import all_modes_alive, fresh_for_all_modes, stationary_surviving_mean
from madtheory.modes.grid import mode_grid
from madtheory.modes.recall import expected_recall
from madtheory.modes.selection import fixation, temperature_for
from madtheory.modes.survival import (
    fixation_cdf,
    fixation_time,
    mode_survival,
    surviving_law,
    surviving_mean,
)
from madtheory.modes.tempering import tempered, two_tokens
from madtheory.modes.variance import VariancePath, floor_variance, modal_variance, typical_variance
from madtheory.modes.vocabulary import (
    fresh_for_support,
    stationary_support,
    support,
    token_survival,
    zipf,
)

__all__ = [
    "VariancePath",
    "all_modes_alive",
    "expected_recall",
    "fixation",
    "fixation_cdf",
    "fixation_time",
    "floor_variance",
    "fresh_for_all_modes",
    "fresh_for_support",
    "heterozygosity",
    "modal_variance",
    "mode_grid",
    "mode_survival",
    "stationary_heterozygosity",
    "stationary_support",
    "stationary_surviving_mean",
    "support",
    "survival_bounds",
    "surviving_law",
    "surviving_mean",
    "temperature_for",
    "tempered",
    "token_survival",
    "two_tokens",
    "typical_variance",
    "winners",
    "zipf",
]
