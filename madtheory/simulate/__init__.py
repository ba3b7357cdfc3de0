"""Exact simulators: Gaussian loops, mixtures with known modes, vocabularies.

None draws what it need not: counts, means and scatters stand for samples. `seed` and `chunk`
decide every variate, `threads` does not. Bad arguments raise ValueError or TypeError with one
sentence that names the argument, the rule and the value; a loop that a simulator does not cover
raises UnsupportedLoop.
"""

from madtheory.simulate.categories import simulate_categories
from madtheory.simulate.gaussian import simulate
from madtheory.simulate.kernels.measure import QUANTITIES
from madtheory.simulate.modes import simulate_modes
from madtheory.simulate.plain import simulate_plain
from madtheory.simulate.request import DEFAULT_RECORD
from madtheory.simulate.runs import Moments, Paths
from madtheory.simulate.size_biased import simulate_size_biased

__all__ = [
    "DEFAULT_RECORD",
    "QUANTITIES",
    "Moments",
    "Paths",
    "simulate",
    "simulate_categories",
    "simulate_modes",
    "simulate_plain",
    "simulate_size_biased",
]
