"""WGAN-GP (Gulrajani et al. 2017): a critic with a gradient penalty, five of its steps to one.

Sampling bias: latent vectors are drawn from N(0, lambda I), so lambda = 1 is unbiased.
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

from madtheory.deep import noise, train
from madtheory.deep.models.weights import in_batches, pack, unpack
from madtheory.deep.parallel import processes
from madtheory.deep.parallel.rows import average_gradients, rows_of
from madtheory.deep.train import Device
from madtheory.engine.protocol import Rng


def perceptron(n_in: int, width: int, depth: int, n_out: int) -> nn.Sequential:
    """Linear layers with leaky rectifiers between."""
    sizes = [n_in, *[width] * depth]
    hidden = [
        layer
        for a, b in itertools.pairwise(sizes)
        for layer in (nn.Linear(a, b), nn.LeakyReLU(0.2))
    ]
    return nn.Sequential(*hidden, nn.Linear(width, n_out))


def grow(latent: int, width: int, shape: tuple[int, ...]) -> nn.Sequential:
    """A generator of images: a grid a quarter as wide, doubled twice."""
    c, h, w = shape
    return nn.Sequential(
        nn.Linear(latent, 2 * width * (h // 4) * (w // 4)),
        nn.Unflatten(1, (2 * width, h // 4, w // 4)),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(width, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, c, 3, padding=1),
    )


def shrink(width: int, shape: tuple[int, ...]) -> nn.Sequential:
    """A critic of images: halved twice."""
    c, h, w = shape
    return nn.Sequential(
        nn.Conv2d(c, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * (h // 4) * (w // 4), 1),
    )


@dataclass(frozen=True, slots=True)
class WganGp:
    """A Wasserstein GAN of arrays (n, *shape): images by convolutions, vectors by an MLP.

    `network` is "conv" or "mlp", which takes images as vectors: at 8 x 8 a step is seven times
    as fast.
    """

    network: Literal["conv", "mlp"] = "conv"
    width: int = 64
    depth: int = 2
    latent: int = 32
    steps: int = 3000
    critic_steps: int = 5
    batch: int = 64
    rate: float = 1e-3
    penalty: float = 10.0
    decay: float = 0.995
    device: Device = field(default=Device())
    #: Of a fitted model.
    weights: dict[str, Tensor] | None = field(default=None, repr=False)
    shape: tuple[int, ...] = field(default=(), repr=False)

    keeps_checkpoints = True

    def build(self, shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
        """Generator and critic, untrained."""
        if len(shape) == 3 and self.network == "conv":
            nets = grow(self.latent, self.width, shape), shrink(self.width, shape)
        else:
            size = math.prod(shape)
            nets = (
                perceptron(self.latent, self.width, self.depth, size),
                nn.Sequential(nn.Flatten(), *perceptron(size, self.width, self.depth, 1)),
            )
        return nets[0].to(self.device.name), nets[1].to(self.device.name)

    def slope(self, critic: nn.Module, real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
        """Mean of (|gradient| - 1)^2 on lines between real and generated samples."""
        u = share.reshape(-1, *[1] * (real.ndim - 1))
        between = (u * real + (1.0 - u) * fake).requires_grad_()
        (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return ((slopes.flatten(1).norm(dim=1) - 1.0) ** 2).mean()

    def fit(self, samples: Any, rng: Rng, /, folder: Path | None = None) -> WganGp:
        """Train both; a step is `critic_steps` steps of the critic and one of the generator."""
        return processes.fit(self, samples, int(rng.integers(2**62)), folder)

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> WganGp:
        """Fit as one of the processes that share it, with whatever is random a function of key."""
        place = self.device.name
        x = torch.as_tensor(np.asarray(samples, np.float32))
        with self.device.use(key):
            generator, critic = self.build(tuple(x.shape[1:]))
            up = torch.optim.Adam(generator.parameters(), betas=(0.0, 0.9), fused=True)
            down = torch.optim.Adam(critic.parameters(), betas=(0.0, 0.9), fused=True)
            average = train.Average.of(generator, self.decay)
            work = train.Fit({"g": generator, "d": critic}, {"g": up, "d": down}, {"g": average})

            def update(step: int) -> Tensor:
                source = train.generator(key, step)
                for optimiser in (up, down):
                    train.set_rate(optimiser, train.one_cycle(step, self.steps, self.rate, 0.02))
                for inner in range(self.critic_steps):
                    turn = step * self.critic_steps + inner
                    rows = x[torch.as_tensor(train.minibatch(key, turn, len(x), self.batch))]
                    drawn = torch.randn(len(rows), self.latent, generator=source), rows
                    share = rows_of(torch.rand(len(rows), generator=source)).to(place)
                    z, rows = (rows_of(x).to(place) for x in drawn)
                    with torch.no_grad(), self.device.autocast():
                        fake = generator(z).float().reshape(rows.shape)
                    with self.device.autocast():
                        loss = critic(fake).float().mean() - critic(rows).float().mean()
                    loss = loss + self.penalty * self.slope(critic, rows, fake, share)
                    down.zero_grad()
                    loss.backward()
                    average_gradients(critic)
                    down.step()
                z = rows_of(torch.randn(self.batch, self.latent, generator=source)).to(place)
                with self.device.autocast():
                    seen = critic(generator(z).reshape(-1, *x.shape[1:])).float()
                up.zero_grad()
                (-seen.mean()).backward()
                average_gradients(generator)
                up.step()
                return loss.detach()

            train.run(work, update, self.steps, train.checkpoint_in(folder, self, key, [samples]))
            weights = average.copy_to(generator).cpu().state_dict()
        return replace(self, weights=weights, shape=tuple(x.shape[1:]))

    def sample(self, n: int, bias: float, rng: Rng, /) -> Any:
        """Draw latent vectors from N(0, bias I) and map them."""
        return in_batches(self, n, self.shape, int(rng.integers(2**62)), math.sqrt(bias))

    def sampling(self, key: int, spread: float) -> Callable[[Tensor], Tensor]:
        """The map of indices to samples of latent vectors of this deviation."""
        generator, _ = self.build(self.shape)
        generator.load_state_dict(self.weights or {})
        return lambda i: self._map(generator, key, i, spread)

    def _map(self, generator: nn.Module, key: int, index: Tensor, spread: float) -> Tensor:
        z = spread * noise.normals(key, index, 0, (self.latent,))
        with self.device.autocast():
            out: Tensor = generator(z.to(self.device.name)).float()
        return out.reshape(len(index), *self.shape)

    def save(self) -> dict[str, Any]:
        """Weights of the generator by name, and the shape of a sample."""
        return pack(self.weights, shape=np.array(self.shape))

    def load(self, arrays: dict[str, Any], /) -> WganGp:
        """Return the fitted model that :meth:`save` wrote."""
        shape = tuple(int(size) for size in arrays["shape"])
        return replace(self, weights=unpack(arrays), shape=shape)
