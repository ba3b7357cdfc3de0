"""A linear-Gaussian generator x = mu + W^-1 z, fitted by gradient descent on its likelihood.

The first rung between theory and depth: its optimum is the sample mean and covariance (ddof = 0),
so loops of it must follow the exact laws; what gradient descent leaves undone is its excess error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from madtheory.engine.protocol import Rng


@dataclass(frozen=True, slots=True)
class LinearGaussian:
    """Arrays (n, d) as mu + W^-1 z, W lower triangular; a prototype until it is fitted."""

    steps: int = 200
    rate: float = 0.2
    #: Of a fitted model.
    mean: Any = field(default=None, repr=False)
    factor: Any = field(default=None, repr=False)

    ddof = 0

    def fit(self, samples: Any, rng: Rng, /) -> LinearGaussian:
        """Descend -log det W + tr(W S W^T) / 2 at the sample's mean, from its scales on.

        Full batches: a step needs the data's covariance S alone. Coordinates that do not vary stay.
        """
        x = torch.as_tensor(np.asarray(samples, np.float64))
        mean, scale = x.mean(0), x.std(0, correction=0)
        z = (x - mean) / scale.clamp_min(torch.finfo(torch.float64).tiny)
        S, W = z.T @ z / len(z), torch.eye(x.shape[1], dtype=torch.float64)
        for _ in range(self.steps):
            W = descend(W, S, self.rate)
        factor = torch.linalg.inv(W) * scale[:, None]
        return replace(self, mean=mean.numpy(), factor=factor.numpy())

    def sample(self, n: int, bias: float, rng: Rng, /) -> Any:
        """Draw from N(mean, bias factor factor^T)."""
        z = rng.standard_normal((n, len(self.mean)))
        return self.mean + math.sqrt(bias) * z @ self.factor.T

    def save(self) -> dict[str, Any]:
        """Mean and factor."""
        return {"mean": self.mean, "factor": self.factor}

    def load(self, arrays: dict[str, Any], /) -> LinearGaussian:
        """Return the fitted model that :meth:`save` wrote."""
        return replace(self, mean=np.array(arrays["mean"]), factor=np.array(arrays["factor"]))


def descend(W: Tensor, S: Tensor, rate: float) -> Tensor:
    """One step along the relative gradient, (W S W^T - I) W within lower triangles.

    Near its zero the excess shrinks by 1 - rate a step, however S is conditioned.
    """
    excess = W @ S @ W.T - torch.eye(len(S), dtype=S.dtype)
    lower = torch.tril(excess, -1) + 0.5 * torch.diag(excess.diagonal())
    return W - rate / max(1.0, float(excess.abs().sum(1).max())) * lower @ W
