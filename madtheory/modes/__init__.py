"""Modes of a mixture, and words of a vocabulary, in a self-consuming loop (theory.md 4).

The loop is the idealised one: every sample is known to belong to its mode (labels, or modes far
apart; tokens are their own labels), a fit estimates each mode from its own samples, and the first
model sees real samples. Then which modes are alive depends on family trees alone, and one chain
of ancestors answers for all of them. Where to look:

- `survival`: the closed loop, who is alive at t, when one mode is left; `fresh`: with fresh data,
  at rest, and how much of it keeps all modes; `diversity`: heterozygosity, in every loop;
- `variance`: variances within modes and in total; `recall`: recall from the modes alone; `grid`:
  where the modes of Fig. 14 stand;
- `vocabulary`: how many words are alive, with `bounds` at any size; `tempering`: temperature, and
  exact chains at any; `selection`: which of two words wins;
- `ancestry`: the chains behind it all, `_elimination`: their exact solutions.

A bad argument raises ValueError or TypeError with one sentence that names the argument, the rule
and the value; a function has a section `Raises` only where it says more than that.
"""

from madtheory.modes.bounds import stationary_bounds, survival_bounds
from madtheory.modes.diversity import (
    heterozygosity,
    stationary_heterozygosity,
    stationary_weight_limit,
    token_heterozygosity,
)
from madtheory.modes.fresh import (
    FreshNeed,
    all_modes_alive,
    fresh_for_all_modes,
    stationary_count_law,
    stationary_survival,
    stationary_surviving_mean,
)
from madtheory.modes.grid import mode_grid
from madtheory.modes.recall import expected_recall, mode_recall, predicted_recall
from madtheory.modes.selection import (
    Fixation,
    fixation,
    fixation_diffusion,
    fixation_limit,
    temperature_for,
)
from madtheory.modes.survival import (
    absorption_time,
    absorption_time_limit,
    fixation_cdf,
    fixation_time,
    fixation_time_limit,
    mode_survival,
    surviving_law,
    surviving_mean,
)
from madtheory.modes.tempering import (
    FullChain,
    TwoTokens,
    deterministic,
    full_chain,
    stationary_law,
    tempered,
    token_chain,
    two_tokens,
)
from madtheory.modes.variance import (
    VariancePath,
    floor_variance,
    modal_variance,
    typical_variance,
)
from madtheory.modes.vocabulary import (
    FreshTokens,
    Support,
    fresh_for_support,
    stationary_support,
    support,
    token_survival,
    zipf,
)

__all__ = [
    "Fixation",
    "FreshNeed",
    "FreshTokens",
    "FullChain",
    "Support",
    "TwoTokens",
    "VariancePath",
    "absorption_time",
    "absorption_time_limit",
    "all_modes_alive",
    "deterministic",
    "expected_recall",
    "fixation",
    "fixation_cdf",
    "fixation_diffusion",
    "fixation_limit",
    "fixation_time",
    "fixation_time_limit",
    "floor_variance",
    "fresh_for_all_modes",
    "fresh_for_support",
    "full_chain",
    "heterozygosity",
    "modal_variance",
    "mode_grid",
    "mode_recall",
    "mode_survival",
    "predicted_recall",
    "stationary_bounds",
    "stationary_count_law",
    "stationary_heterozygosity",
    "stationary_law",
    "stationary_support",
    "stationary_survival",
    "stationary_surviving_mean",
    "stationary_weight_limit",
    "support",
    "survival_bounds",
    "surviving_law",
    "surviving_mean",
    "temperature_for",
    "tempered",
    "token_chain",
    "token_heterozygosity",
    "token_survival",
    "two_tokens",
    "typical_variance",
    "zipf",
]
