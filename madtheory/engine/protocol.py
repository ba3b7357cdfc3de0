"""What a user brings to the engine, and how a loop ends that cannot go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from madtheory.engine.samples import Arrays, Samples, Unusable

Rng = np.random.Generator


class Source(Protocol):
    """Real data without end: independent samples. Every fitted model is one."""

    def sample(self, n: int, bias: float, rng: Rng, /) -> Samples:
        """Draw `n` samples; real data have bias 1."""
        ...


class GenerativeModel(Protocol):
    """What the engine asks of a model; samples are an array, or a dict of arrays of equal length.

    The object given to :func:`run_loop` is a prototype: it holds hyper-parameters and is never
    changed. All randomness comes from the `rng` of the call.

    A loop with a `weight` needs ``fit_weighted(real, synthetic, weight, rng)`` too. A prototype
    with ``warm_start = True`` has each generation fitted by the model of the one before. One with
    ``keeps_checkpoints = True`` is fitted by ``fit(samples, rng, folder=folder)``: a folder (None
    without a run folder; it may not exist yet) where a long fit keeps and finds its checkpoint.
    It is the same for the same fit, and is removed once its generation is saved.
    """

    def fit(self, samples: Any, rng: Rng, /) -> GenerativeModel:
        """Return a new fitted model; this one stays as it is."""
        ...

    def sample(self, n: int, bias: float, rng: Rng, /) -> Any:
        """Draw `n` samples with sampling bias lambda = `bias`; 1 is unbiased."""
        ...

    def save(self) -> dict[str, Any]:
        """Return plain arrays (or tensors): all that the fitted model needs."""
        ...

    def load(self, arrays: Arrays, /) -> GenerativeModel:
        """Return the fitted model that `save` wrote; called on the prototype."""
        ...


Metric = Callable[[Any, Any, Rng], Any]
#: Told of every generation and its fitted model before it counts as finished.
Keep = Callable[[int, Any], None]
ShowProgress = Callable[[int, int], None] | bool | None


class LoopStopped(RuntimeError):
    """A model that cannot go on: `generation` was not finished, for `reason`; earlier ones were."""

    def __init__(self, generation: int, reason: str, seed: int = 0) -> None:
        super().__init__(generation, reason, seed)
        self.generation, self.reason, self.seed = generation, reason, seed

    def __str__(self) -> str:
        return f"loop of seed {self.seed} stopped at generation {self.generation}: {self.reason}"


def call(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a user's function; whatever goes wrong in it becomes one sentence."""
    try:
        return function(*arguments)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise Unusable(f"{what} raised {type(error).__name__}: {reason}") from error
