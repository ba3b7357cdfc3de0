"""DDPM with classes and guidance (Ho et al. 2020; Ho and Salimans 2021; Song et al. 2021).

Two conventions of guidance are in use. With the conditional and unconditional predictions c and u,
the guided one is (1 + w) c - w u = c + (1/lambda - 1)(c - u): lambda = 1/(1 + w), w = 1/lambda - 1.
lambda = 1 is w = 0, no guidance; the paper's sampling bias is lambda.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from madtheory._types import Ints
from madtheory.deep import noise, train
from madtheory.deep.models.networks import Mlp, UNet
from madtheory.deep.models.weights import in_batches, pack, unpack
from madtheory.deep.parallel import processes
from madtheory.deep.parallel.rows import average_gradients, rows_of
from madtheory.deep.train import Device
from madtheory.engine.protocol import Rng

#: Noise of the first and last of 1,000 steps (Ho et al. 2020), spread over any number of steps.
BETAS = (1e-4, 2e-2)


def guidance_weight(bias: float) -> float:
    """Return w of a sampling bias lambda in (0, 1]."""
    if not 0.0 < bias <= 1.0:
        raise ValueError(f"bias must be in (0, 1], got {bias}")
    return 1.0 / bias - 1.0


def signal(timesteps: int) -> Tensor:
    """Share of the data's variance left after t steps, alpha-bar, t = 0..timesteps; float64."""
    low, high = (beta * 1000.0 / timesteps for beta in BETAS)
    betas = torch.linspace(low, min(high, 0.999), timesteps, dtype=torch.float64)
    return torch.cat((torch.ones(1, dtype=torch.float64), torch.cumprod(1.0 - betas, dim=0)))


def timesteps(model: Ddpm) -> list[int]:
    """Times that the sampler visits, from the noisiest down to 0."""
    if model.sampler == "ancestral":
        return list(range(model.timesteps, -1, -1))
    x = np.linspace(0.0, 1.0, model.sampling_steps + 1) ** model.spacing
    return sorted({round(float(t)) for t in model.timesteps * x}, reverse=True)


@dataclass(frozen=True, slots=True)
class Ddpm:
    """A denoising diffusion model of {"x": (n, *shape), "y": (n,)}; a prototype until it is fitted.

    With `classes` = 0 samples are arrays (n, *shape), and there is no guidance: bias must be 1.
    `sampler` is "ddim" (deterministic given its first noise, `sampling_steps` of the timesteps)
    or "ancestral" (all of them). DDIM's times are timesteps x^spacing, x even on [0, 1]: above 1
    more of them lie where little noise is left, which keeps small directions wider
    (:func:`madtheory.deep.gain.sampler_gain`). `clip` bounds the predicted sample, as for
    pixels in [-1, 1]; inf does not. `target` is what the network predicts: the noise, or the
    velocity sqrt(a) noise - sqrt(1 - a) sample (Salimans and Ho 2022). Where all is noise, an
    error of the first is magnified by 1/sqrt(a) in the sample, one of the second is not.
    """

    network: Literal["mlp", "unet"] = "mlp"
    target: Literal["noise", "velocity"] = "noise"
    width: int = 128
    depth: int = 3
    classes: int = 10
    timesteps: int = 500
    steps: int = 4000
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.999
    dropout: float = 0.1
    gradient: float = 1.0
    sampler: Literal["ddim", "ancestral"] = "ddim"
    sampling_steps: int = 50
    spacing: float = 1.0
    clip: float | None = 1.0
    device: Device = field(default=Device())
    #: Of a fitted model: averaged weights, shares of the classes, shape of a sample.
    weights: dict[str, Tensor] | None = field(default=None, repr=False)
    shares: Any = field(default=None, repr=False)
    shape: tuple[int, ...] = field(default=(), repr=False)

    keeps_checkpoints = True

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The network, untrained."""
        kind = {"mlp": Mlp, "unet": UNet}[self.network]
        return kind(shape, self.width, self.depth, self.classes).to(self.device.name)

    def fit(self, samples: Any, rng: Rng, /, folder: Path | None = None) -> Ddpm:
        """Train on the mean squared error of the predicted noise; labels are dropped at random."""
        return processes.fit(self, samples, int(rng.integers(2**62)), folder)

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> Ddpm:
        """Fit as one of the processes that share it, with whatever is random a function of key."""
        given = samples if self.classes else {"x": samples, "y": np.zeros(len(samples), np.int64)}
        x = torch.as_tensor(np.asarray(given["x"], np.float32))
        y = torch.as_tensor(np.asarray(given["y"], np.int64))
        alpha, shape, place = signal(self.timesteps).float(), tuple(x.shape[1:]), self.device.name
        with self.device.use(key):
            network = self.build(shape)
            optimiser = torch.optim.AdamW(
                network.parameters(), lr=self.rate, weight_decay=0.0, fused=True
            )
            average = train.Average.of(network, self.decay)
            work = train.Fit({"eps": network}, {"eps": optimiser}, {"eps": average})

            def update(step: int) -> Tensor:
                chosen = torch.as_tensor(train.minibatch(key, step, len(x), self.batch))
                source, rows = train.generator(key, step), x[chosen]
                t = torch.randint(1, self.timesteps + 1, (len(rows),), generator=source)
                kept = torch.rand(len(rows), generator=source) >= self.dropout
                label = torch.where(kept, y[chosen], self.classes)
                eps = torch.randn(rows.shape, generator=source)
                share = alpha[t].reshape(-1, *[1] * len(shape))
                noisy = torch.sqrt(share) * rows + torch.sqrt(1.0 - share) * eps
                train.set_rate(optimiser, train.one_cycle(step, self.steps, self.rate))
                wanted = eps
                if self.target == "velocity":
                    wanted = torch.sqrt(share) * eps - torch.sqrt(1.0 - share) * rows
                with self.device.autocast():
                    told = (rows_of(x).to(place) for x in (noisy, t / self.timesteps, label))
                    loss = F.mse_loss(network(*told).float(), rows_of(wanted).to(place))
                optimiser.zero_grad()
                loss.backward()
                average_gradients(network)
                nn.utils.clip_grad_norm_(network.parameters(), self.gradient)
                optimiser.step()
                return loss.detach()

            kept = train.checkpoint_in(folder, self, key, list(given.values()))
            train.run(work, update, self.steps, kept)
            weights = average.copy_to(network).cpu().state_dict()
        shares = np.bincount(given["y"], minlength=self.classes) / len(x)
        return replace(self, weights=weights, shares=shares, shape=shape)

    def sample(self, n: int, bias: float, rng: Rng, /) -> Any:
        """Draw labels as in the training data, then samples at guidance w = 1/bias - 1."""
        w, key = guidance_weight(bias), int(rng.integers(2**62))
        if w != 0.0 and not self.classes:
            raise ValueError(f"bias must be 1 for a model without classes, got {bias}")
        y = rng.choice(len(self.shares), size=n, p=self.shares)
        x = in_batches(self, n, self.shape, key, y, w)
        return {"x": x, "y": y} if self.classes else x

    def sampling(self, key: int, y: Ints, w: float) -> Callable[[Tensor], Tensor]:
        """The map of indices to samples of labels y at guidance w."""
        network = self.build(self.shape)
        network.load_state_dict(self.weights or {})
        network.eval()
        return lambda i: self._denoise(network, key, i, torch.as_tensor(y[i]), w)

    def _predict(self, network: nn.Module, x: Tensor, t: int, label: Tensor, w: float) -> Tensor:
        """Guided prediction at timestep t."""
        time = torch.full((len(x),), t / self.timesteps, device=x.device)
        with self.device.autocast():
            eps: Tensor = network(x, time, label).float()
            if w != 0.0:
                free = network(x, time, torch.full_like(label, self.classes)).float()
                eps = (1.0 + w) * eps - w * free
        return eps

    def _denoise(
        self, network: nn.Module, key: int, index: Tensor, label: Tensor, w: float
    ) -> Tensor:
        """Run the sampler from pure noise: DDIM at eta = 0, or ancestral steps (eta = 1)."""
        alpha, place = signal(self.timesteps), self.device.name
        x, label = noise.normals(key, index, 0, self.shape).to(place), label.to(place)
        for now, then in itertools.pairwise(timesteps(self)):
            a, b = float(alpha[now]), float(alpha[then])
            eps = self._predict(network, x, now, label, w)
            if self.target == "velocity":
                eps = math.sqrt(a) * eps + math.sqrt(1.0 - a) * x
            clean = (x - math.sqrt(1.0 - a) * eps) / math.sqrt(a)
            if self.clip is not None:
                clean = clean.clamp(-self.clip, self.clip)
                eps = (x - math.sqrt(a) * clean) / math.sqrt(1.0 - a)
            spread = (1.0 - b) / (1.0 - a) * (1.0 - a / b) if self.sampler == "ancestral" else 0.0
            x = math.sqrt(b) * clean + math.sqrt(max(1.0 - b - spread, 0.0)) * eps
            if spread > 0.0:
                x = x + math.sqrt(spread) * noise.normals(key, index, now, self.shape).to(place)
        return x

    def save(self) -> dict[str, Any]:
        """Weights by name, shares of the classes and the shape of a sample."""
        return pack(self.weights, shares=self.shares, shape=np.array(self.shape))

    def load(self, arrays: dict[str, Any], /) -> Ddpm:
        """Return the fitted model that :meth:`save` wrote."""
        shape = tuple(int(size) for size in arrays["shape"])
        return replace(self, weights=unpack(arrays), shares=np.array(arrays["shares"]), shape=shape)
