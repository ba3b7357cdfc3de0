"""One loop, and one place for its results, as every kernel of a Gaussian loop takes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from madtheory._types import Array


class Spec(NamedTuple):
    """A Gaussian loop as the kernels read it; sample counts are floats."""

    n_initial: float
    n_fixed: float
    n_fresh: float
    n_synth: float
    n_shared: float
    first_bias: float
    bias: float
    ddof: float
    #: Weight of the real data; -1 pools sample by sample.
    weight: float
    shrinkage: float
    #: What is added to the diagonal, floor tr Sigma_0/d.
    ridge: float
    #: Models that are sampled from.
    memory: int
    #: Batches in the pool; 0 merges them for good.
    cap: int
    #: Dimensions that the first model, and all samples of generation 2 less its fresh ones, span.
    first_rank: float
    next_rank: float
    #: log det Sigma_0, -inf when singular.
    log_det: float
    #: Run under the law of density tr Sigma_t / E tr Sigma_t.
    tilted: bool = False
    #: Roots of a spectrum of biases by coordinate, `bias` being 1 then; empty for one bias.
    roots: Array = np.empty(0)
    #: Whether they act on the first sample too.
    rooted_first: bool = False
