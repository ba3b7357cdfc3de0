"""Glow on vectors (Kingma and Dhariwal 2018): affine couplings between invertible linear layers.

x = f(z), z ~ N(0, lambda I): lambda is the sampling bias, 1 is unbiased. Without couplings the
flow is linear and its samples are Gaussian.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from madtheory.deep import noise, train
from madtheory.deep.models.weights import in_batches, pack, unpack
from madtheory.deep.parallel import processes
from madtheory.deep.parallel.rows import average_gradients, rows_of
from madtheory.deep.train import Device
from madtheory.engine.protocol import Rng

#: Bound of the logarithm of a coupling's scale.
BOUND = 2.0


class Linear(nn.Module):
    """y = L U x + b with unit lower L and upper U: any matrix whose minors are not zero."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.lower = nn.Parameter(torch.zeros(dim, dim))
        self.upper = nn.Parameter(torch.zeros(dim, dim))
        self.log_scale, self.shift = nn.Parameter(torch.zeros(dim)), nn.Parameter(torch.zeros(dim))

    def factors(self) -> tuple[Tensor, Tensor]:
        """L and U."""
        unit = torch.eye(len(self.shift), device=self.shift.device)
        lower = torch.tril(self.lower, -1) + unit
        return lower, torch.triu(self.upper, 1) + torch.diag(torch.exp(self.log_scale))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Towards the noise: y and log |det|."""
        lower, upper = self.factors()
        return x @ (lower @ upper).T + self.shift, self.log_scale.sum()

    def inverse(self, y: Tensor) -> Tensor:
        """Towards the data."""
        lower, upper = self.factors()
        half = torch.linalg.solve_triangular(lower, (y - self.shift).T, upper=False)
        return torch.linalg.solve_triangular(upper, half, upper=True).T


class Coupling(nn.Module):
    """Scale and shift the second half by functions of the first; halves swap in between."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.kept = dim // 2
        self.net = nn.Sequential(
            nn.Linear(self.kept, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * (dim - self.kept)),
        )
        for parameter in self.net[-1].parameters():
            nn.init.zeros_(parameter)

    def parts(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithm of the scale, and the shift."""
        raw, shift = self.net(kept).chunk(2, dim=1)
        return BOUND * torch.tanh(raw / BOUND), shift

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Towards the noise: y and log |det| of each row."""
        kept, other = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self.parts(kept)
        return torch.cat((kept, (other + shift) * torch.exp(log_scale)), dim=1), log_scale.sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """Towards the data."""
        kept, other = y[:, : self.kept], y[:, self.kept :]
        log_scale, shift = self.parts(kept)
        return torch.cat((kept, other * torch.exp(-log_scale) - shift), dim=1)


class Flow(nn.Module):
    """Linear layers and couplings in turn; the first layer whitens the data it is given."""

    def __init__(self, dim: int, couplings: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [Linear(dim)]
        for _ in range(couplings):
            layers += [Coupling(dim, hidden), Linear(dim)]
        self.layers = nn.ModuleList(layers)

    def log_density(self, x: Tensor) -> Tensor:
        """log p of each row."""
        total = torch.zeros(len(x), device=x.device, dtype=x.dtype)
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return total - 0.5 * (x**2).sum(1) - 0.5 * x.shape[1] * math.log(2.0 * math.pi)

    def inverse(self, z: Tensor) -> Tensor:
        """Samples of latent vectors."""
        for layer in reversed(self.layers):
            assert isinstance(layer, Linear | Coupling)
            z = layer.inverse(z)
        return z


@dataclass(frozen=True, slots=True)
class Glow:
    """A flow of arrays (n, d), fitted by maximum likelihood; a prototype until it is fitted."""

    couplings: int = 8
    hidden: int = 64
    epochs: int = 20
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.99
    gradient: float = 5.0
    device: Device = field(default=Device())
    #: Of a fitted model.
    weights: dict[str, Tensor] | None = field(default=None, repr=False)
    dim: int = field(default=0, repr=False)

    keeps_checkpoints = True

    def build(self, dim: int) -> Flow:
        """The flow, untrained: its couplings are the identity, its matrices random rotations."""
        flow = Flow(dim, self.couplings, self.hidden)
        for layer in flow.layers[1:]:
            if isinstance(layer, Linear):
                nn.init.normal_(layer.lower, std=1.0 / math.sqrt(dim))
                nn.init.normal_(layer.upper, std=1.0 / math.sqrt(dim))
        return flow.to(self.device.name)

    def fit(self, samples: Any, rng: Rng, /, folder: Path | None = None) -> Glow:
        """Maximise the likelihood."""
        return processes.fit(self, samples, int(rng.integers(2**62)), folder)

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> Glow:
        """Fit as one of the processes that share it, with whatever is random a function of key."""
        place = self.device.name
        x = torch.as_tensor(np.asarray(samples, np.float32))
        steps = self.epochs * math.ceil(len(x) / self.batch)
        with self.device.use(key):
            flow = self.build(x.shape[1])
            whiten(flow, x)
            optimiser = torch.optim.Adam(flow.parameters(), lr=self.rate, fused=True)
            average = train.Average.of(flow, self.decay)
            work = train.Fit({"flow": flow}, {"flow": optimiser}, {"flow": average})

            def update(step: int) -> Tensor:
                rows = x[torch.as_tensor(train.minibatch(key, step, len(x), self.batch))]
                train.set_rate(optimiser, train.one_cycle(step, steps, self.rate))
                loss = -flow.log_density(rows_of(rows).to(place)).mean()
                optimiser.zero_grad()
                loss.backward()
                average_gradients(flow)
                nn.utils.clip_grad_norm_(flow.parameters(), self.gradient)
                optimiser.step()
                return loss.detach()

            train.run(work, update, steps, train.checkpoint_in(folder, self, key, [samples]))
            weights = average.copy_to(flow).cpu().state_dict()
        return replace(self, weights=weights, dim=x.shape[1])

    def flow(self) -> Flow:
        """The fitted flow."""
        flow = self.build(self.dim)
        flow.load_state_dict(self.weights or {})
        return flow

    def sample(self, n: int, bias: float, rng: Rng, /) -> Any:
        """Draw latent vectors from N(0, bias I) and map them."""
        return in_batches(self, n, (self.dim,), int(rng.integers(2**62)), math.sqrt(bias))

    def sampling(self, key: int, spread: float) -> Callable[[Tensor], Tensor]:
        """The map of indices to samples of latent vectors of this deviation."""
        flow, place, shape = self.flow(), self.device.name, (self.dim,)
        return lambda i: flow.inverse((spread * noise.normals(key, i, 0, shape)).to(place))

    def save(self) -> dict[str, Any]:
        """Weights by name, and the dimension."""
        return pack(self.weights, dim=np.array(self.dim))

    def load(self, arrays: dict[str, Any], /) -> Glow:
        """Return the fitted model that :meth:`save` wrote."""
        return replace(self, weights=unpack(arrays), dim=int(arrays["dim"]))


@dataclass(frozen=True, slots=True)
class LinearFlow(Glow):
    """A flow without couplings: Gaussian, trained by batches as Glow is.

    The second rung between theory and depth: its best fit is that of :class:`LinearGaussian`, which
    noise of batches and a finite training keep it from.
    """

    couplings: int = 0


def whiten(flow: Flow, x: Tensor) -> None:
    """Let the first layer take the data to mean 0 and variance 1 in each coordinate."""
    first = flow.layers[0]
    assert isinstance(first, Linear)
    scale = x.std(0).clamp_min(1e-6)
    with torch.no_grad():
        first.log_scale.copy_(-torch.log(scale))
        first.shift.copy_(-x.mean(0) / scale)
