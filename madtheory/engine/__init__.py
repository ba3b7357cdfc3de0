"""One engine for every model and every loop: fit, sample, mix with real data, fit again.

:func:`run_loop` runs what a :class:`~madtheory.loop.Loop` says with any object that has the four
methods of :class:`GenerativeModel`; :func:`run_seeds` runs it for several seeds and gives bands.
Generation t draws from four generators of its own, children of (seed, t), for real data, synthetic
data, fitting and metrics; so a run that was killed goes on to the same bits. Ready-made models
are in :mod:`madtheory.engine.models`.

Bad arguments raise ValueError or TypeError with one sentence that names the argument, the rule and
the value; so does a run folder that is damaged, held by another process or of another
configuration.
"""

from madtheory.engine.curves import Bands, Curves, bands
from madtheory.engine.protocol import GenerativeModel, LoopStopped
from madtheory.engine.run import read_curves, read_model, run_loop, run_seeds
from madtheory.engine.samples import Samples

__all__ = [
    "Bands",
    "Curves",
    "GenerativeModel",
    "LoopStopped",
    "Samples",
    "bands",
    "read_curves",
    "read_model",
    "run_loop",
    "run_seeds",
]
