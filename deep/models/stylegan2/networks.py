"""Networks of StyleGAN2: mapping, synthesis by modulated convolutions with noise, discriminator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GAIN = math.sqrt(2.0)


class Scaled(nn.Module):
    """A linear layer or convolution whose weights are scaled at run time (equalised rate)."""

    def __init__(self, c_in: int, c_out: int, size: int = 0, bias: float = 0.0) -> None:
        super().__init__()
        window = (size, size) if size else ()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, *window))
        self.bias = nn.Parameter(torch.full((c_out,), bias))
        self.scale, self.padding = 1.0 / math.sqrt(c_in * max(size, 1) ** 2), size // 2

    def forward(self, x: Tensor) -> Tensor:
        weight = self.scale * self.weight
        if weight.ndim == 2:
            return F.linear(x, weight, self.bias)
        return F.conv2d(x, weight, self.bias, padding=self.padding)


def active(x: Tensor) -> Tensor:
    """Leaky rectifier that keeps the variance."""
    return GAIN * F.leaky_relu(x, 0.2)


class Mapping(nn.Module):
    """z on the sphere -> w."""

    def __init__(self, latent: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Scaled(latent, latent) for _ in range(depth)])

    def forward(self, z: Tensor) -> Tensor:
        w = z * torch.rsqrt((z**2).mean(1, keepdim=True) + 1e-8)
        for layer in self.layers:
            w = active(layer(w))
        return w


class Modulated(nn.Module):
    """Convolution whose weights are scaled by a style, then normalised (demodulated)."""

    def __init__(self, c_in: int, c_out: int, size: int, latent: int, demodulate: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, size, size))
        self.style = Scaled(latent, c_in, bias=1.0)
        self.scale, self.padding = 1.0 / math.sqrt(c_in * size**2), size // 2
        self.demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        # Scaling inputs and outputs is the same as scaling weights, and needs no grouped layers.
        style, weight = self.style(w), self.scale * self.weight
        x = F.conv2d(x * style[:, :, None, None], weight, padding=self.padding)
        if self.demodulate:
            power = torch.einsum("oikl,bi->bo", weight**2, style**2)
            x = x * torch.rsqrt(power + 1e-8)[:, :, None, None]
        return x


class Layer(nn.Module):
    """Modulated convolution, noise, bias, rectifier."""

    def __init__(self, c_in: int, c_out: int, latent: int) -> None:
        super().__init__()
        self.conv = Modulated(c_in, c_out, 3, latent, True)
        self.noise = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(c_out, 1, 1))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        return active(self.conv(x, w) + self.noise * noise + self.bias)


def sides(size: int) -> list[int]:
    """Widths of the grids: the size halved down to 8 at most, then doubled."""
    found = [size]
    while found[0] > 8 or (found[0] > 4 and found[0] % 2 == 0):
        found.insert(0, (found[0] + 1) // 2)
    return found


class Synthesis(nn.Module):
    """w -> image: from a learned constant, doubled at each block, images summed over blocks."""

    def __init__(self, shape: tuple[int, ...], width: int, latent: int) -> None:
        super().__init__()
        self.sides = sides(shape[1])
        self.start = nn.Parameter(torch.randn(1, width, self.sides[0], self.sides[0]))
        n = len(self.sides)
        self.layers = nn.ModuleList([Layer(width, width, latent) for _ in range(2 * n - 1)])
        self.images = nn.ModuleList(
            [Modulated(width, shape[0], 1, latent, False) for _ in range(n)]
        )

    @property
    def noise_size(self) -> int:
        """Numbers of noise an image takes."""
        return sum((1 if i == 0 else 2) * side**2 for i, side in enumerate(self.sides))

    def forward(self, w: Tensor, noise: Tensor) -> Tensor:
        x, image = self.start.expand(len(w), -1, -1, -1), torch.zeros((), device=w.device)
        layers, place = iter(self.layers), 0
        for i, side in enumerate(self.sides):
            if i > 0:
                x = F.interpolate(x, size=(side, side), mode="bilinear")
                image = F.interpolate(image, size=(side, side), mode="bilinear")
            for _ in range(1 if i == 0 else 2):
                grid = noise[:, place : place + side**2].reshape(-1, 1, side, side)
                x, place = next(layers)(x, w, grid), place + side**2
            image = image + self.images[i](x, w)
        return image


class Generator(nn.Module):
    """z and noise -> image."""

    def __init__(self, shape: tuple[int, ...], width: int, latent: int, depth: int) -> None:
        super().__init__()
        self.mapping, self.synthesis = Mapping(latent, depth), Synthesis(shape, width, latent)

    def forward(self, z: Tensor, noise: Tensor) -> Tensor:
        out: Tensor = self.synthesis(self.mapping(z), noise)
        return out


def shrunk(x: Tensor, side: int) -> Tensor:
    """Average down to so many pixels a side; plain halving is much the faster."""
    even = x.shape[-1] == 2 * side
    return F.avg_pool2d(x, 2) if even else F.adaptive_avg_pool2d(x, side)


class Discriminator(nn.Module):
    """Residual blocks, each halving the grid; the last sees how much the batch varies."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        grids = sides(shape[1])
        self.sides = grids[::-1]
        self.enter = Scaled(shape[0], width, 1)
        self.blocks = nn.ModuleList(
            [
                nn.ModuleList(
                    [Scaled(width, width, 3), Scaled(width, width, 3), Scaled(width, width, 1)]
                )
                for _ in self.sides[1:]
            ]
        )
        self.last = Scaled(width + 1, width, 3)
        self.flat, self.leave = Scaled(width * self.sides[-1] ** 2, width), Scaled(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = active(self.enter(x))
        for block, side in zip(self.blocks, self.sides[1:], strict=True):
            assert isinstance(block, nn.ModuleList)
            first, second, short = block
            inner = shrunk(active(second(active(first(h)))), side)
            h = (inner + short(shrunk(h, side))) / GAIN
        spread = torch.sqrt(h.var(0, correction=0) + 1e-8).mean().expand(len(h), 1, *h.shape[2:])
        h = active(self.last(torch.cat((h, spread), dim=1)))
        out: Tensor = self.leave(active(self.flat(h.flatten(1))))
        return out
