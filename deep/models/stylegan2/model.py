"""StyleGAN2 as a generative model of images: training, truncated sampling.

Sampling bias: truncation w -> mean + psi (w - mean) with psi = lambda (Karras et al. 2019).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from madtheory.deep import noise, train
from madtheory.deep.models.stylegan2 import losses
from madtheory.deep.models.stylegan2.networks import Discriminator, Generator
from madtheory.deep.models.weights import in_batches, pack, unpack
from madtheory.deep.parallel import processes
from madtheory.deep.parallel.rows import average, average_gradients, rows_of, size
from madtheory.deep.train import Device
from madtheory.engine.protocol import Rng

#: Latent vectors whose mean is the centre of truncation.
CENTRE = 4096
#: Steps between changes of the augmentation's probability, and how fast it changes.
ADA_EVERY, ADA_SPEED = 4, 0.02


@dataclass(frozen=True, slots=True)
class StyleGan2:
    """A GAN of images (n, channels, side, side); a prototype until it is fitted.

    `relativistic` is the loss of pairs with R1 and R2, steadier than the plain one with R1;
    `ada` a target for the share of real images seen as real, above which images are augmented.
    """

    width: int = 32
    latent: int = 32
    depth: int = 2
    steps: int = 3000
    batch: int = 32
    rate: float = 2e-3
    penalty: float = 1.0
    penalty_every: int = 16
    relativistic: bool = False
    path: float = 0.0
    path_every: int = 8
    ada: float | None = None
    decay: float = 0.998
    device: Device = field(default=Device())
    #: Of a fitted model: averaged weights, centre of truncation, shape of an image.
    weights: dict[str, Tensor] | None = field(default=None, repr=False)
    centre: Any = field(default=None, repr=False)
    shape: tuple[int, ...] = field(default=(), repr=False)

    keeps_checkpoints = True

    def build(self, shape: tuple[int, ...]) -> Generator:
        """The generator, untrained."""
        return Generator(shape, self.width, self.latent, self.depth).to(self.device.name)

    def fit(self, samples: Any, rng: Rng, /, folder: Path | None = None) -> StyleGan2:
        """Train generator and discriminator in turn, penalties every few steps (lazily)."""
        return processes.fit(self, samples, int(rng.integers(2**62)), folder)

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> StyleGan2:
        """Fit as one of the processes that share it, with whatever is random a function of key."""
        place = self.device.name
        x = torch.as_tensor(np.asarray(samples, np.float32))
        with self.device.use(key):
            generator = self.build(tuple(x.shape[1:]))
            discriminator = Discriminator(tuple(x.shape[1:]), self.width).to(place)
            up = torch.optim.Adam(generator.parameters(), betas=(0.0, 0.99), fused=True)
            down = torch.optim.Adam(discriminator.parameters(), betas=(0.0, 0.99), fused=True)
            average = train.Average.of(generator, self.decay)
            turn = Turn(self, generator, discriminator, up, down)
            modules = {"g": generator, "d": discriminator, "turn": turn}
            work = train.Fit(modules, {"g": up, "d": down}, {"g": average})

            def update(step: int) -> Tensor:
                for optimiser in (up, down):
                    train.set_rate(optimiser, train.one_cycle(step, self.steps, self.rate, 0.02))
                chosen = torch.as_tensor(train.minibatch(key, step, len(x), self.batch))
                return turn.take(step, rows_of(x[chosen]).to(place), train.generator(key, step))

            train.run(work, update, self.steps, train.checkpoint_in(folder, self, key, [samples]))
            mean = average.copy_to(generator)
            assert isinstance(mean, Generator)
            with torch.no_grad():
                z = noise.normals(key, torch.arange(CENTRE), 0, (self.latent,)).to(place)
                centre = mean.mapping(z).mean(0).cpu().numpy()
            weights = mean.cpu().state_dict()
        return replace(self, weights=weights, centre=centre, shape=tuple(x.shape[1:]))

    def sample(self, n: int, bias: float, rng: Rng, /) -> Any:
        """Map latent vectors drawn around the centre at psi = bias."""
        return in_batches(self, n, self.shape, int(rng.integers(2**62)), bias)

    def sampling(self, key: int, psi: float) -> Callable[[Tensor], Tensor]:
        """The map of indices to samples at psi."""
        generator = self.build(self.shape)
        generator.load_state_dict(self.weights or {})
        return lambda i: self._map(generator, key, i, psi)

    def _map(self, generator: Generator, key: int, index: Tensor, psi: float) -> Tensor:
        place = self.device.name
        centre = torch.as_tensor(self.centre, device=place)
        z = noise.normals(key, index, 0, (self.latent,)).to(place)
        grids = noise.normals(key, index, 1, (generator.synthesis.noise_size,)).to(place)
        with self.device.autocast():
            w = generator.mapping(z)
            out: Tensor = generator.synthesis(centre + psi * (w - centre), grids).float()
        return out

    def save(self) -> dict[str, Any]:
        """Weights of the generator by name, centre of truncation, shape of an image."""
        return pack(self.weights, centre=self.centre, shape=np.array(self.shape))

    def load(self, arrays: dict[str, Any], /) -> StyleGan2:
        """Return the fitted model that :meth:`save` wrote."""
        shape = tuple(int(size) for size in arrays["shape"])
        centre = np.array(arrays["centre"])
        return replace(self, weights=unpack(arrays), centre=centre, shape=shape)


class Turn(nn.Module):
    """One step of both players; what it remembers (path length, augmentation) is its state."""

    length: Tensor
    p: Tensor

    def __init__(
        self,
        model: StyleGan2,
        generator: Generator,
        discriminator: Discriminator,
        up: torch.optim.Optimizer,
        down: torch.optim.Optimizer,
    ) -> None:
        super().__init__()
        self.model, self.players = model, (generator, discriminator, up, down)
        self.register_buffer("length", torch.zeros(()))
        self.register_buffer("p", torch.zeros(()))

    def draw(self, n: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latent vectors and noise for n rows of each process."""
        widths, place = (self.model.latent, self.players[0].synthesis.noise_size), self.model.device
        z, grids = (torch.randn(n * size(), k, generator=source) for k in widths)
        return rows_of(z).to(place.name), rows_of(grids).to(place.name)

    def take(self, step: int, real: Tensor, source: torch.Generator) -> Tensor:
        """Discriminator first, then generator; return the discriminator's loss."""
        model, (generator, discriminator, _, down) = self.model, self.players
        n, p = len(real), float(self.p)
        with torch.no_grad(), model.device.autocast():
            fake = generator(*self.draw(n, source)).float()
        shown = losses.augment(real, p, source), losses.augment(fake, p, source)
        with model.device.autocast():
            score, fooled = (discriminator(x).float() for x in shown)
        loss, _ = losses.logistic(score, fooled, model.relativistic)
        whole = loss
        if step % model.penalty_every == 0:
            extra = losses.gradient_penalty(discriminator, shown[0])
            if model.relativistic:
                extra = extra + losses.gradient_penalty(discriminator, shown[1])
            whole = loss + 0.5 * model.penalty * model.penalty_every * extra
        down.zero_grad()
        whole.backward()
        average_gradients(discriminator)
        down.step()
        if model.ada is not None and step % ADA_EVERY == 0:
            average([seen := torch.sign(score.detach()).mean()])
            more = float(seen) > model.ada
            self.p.add_(ADA_SPEED if more else -ADA_SPEED).clamp_(0.0, 0.8)
        self.rise(step, real, source)
        return loss.detach()

    def rise(self, step: int, real: Tensor, source: torch.Generator) -> None:
        """The generator's step."""
        model, (generator, discriminator, up, _) = self.model, self.players
        z, grids = self.draw(len(real), source)
        measured = model.path > 0.0 and step % model.path_every == 0
        # Lengths are derivatives, which are derived again: in full precision.
        with contextlib.nullcontext() if measured else model.device.autocast():
            w = generator.mapping(z)
            images = generator.synthesis(w, grids).float()
            score = discriminator(losses.augment(images, float(self.p), source)).float()
            seen = discriminator(real).float().detach() if model.relativistic else score.detach()
        _, loss = losses.logistic(seen, score, model.relativistic)
        if measured:
            shape = (size() * len(images), *images.shape[1:])
            probe = rows_of(torch.randn(shape, generator=source)).to(images.device)
            extra, self.length = losses.path_length(images, w, self.length, probe)
            loss = loss + model.path * model.path_every * extra
        up.zero_grad()
        loss.backward()
        average_gradients(generator)
        up.step()
