"""Networks that predict the noise in a sample: an MLP for vectors, a U-Net for images.

Both take (x, t, label): x (batch, *shape), t (batch,) in [0, 1), label (batch,) with one more class
than there are, the last for "no class".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def time_features(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of t at geometric frequencies, shape (batch, width)."""
    frequencies = torch.exp(torch.linspace(0.0, math.log(1000.0), width // 2, device=t.device))
    angle = 2.0 * math.pi * t[:, None] * frequencies / 10.0
    return torch.cat((torch.sin(angle), torch.cos(angle)), dim=1)


class Condition(nn.Module):
    """What a block is told of time and class: (t, label) -> (batch, width)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width)
        self.width = width

    def forward(self, t: Tensor, label: Tensor) -> Tensor:
        told = self.time(time_features(t, self.width)) + self.label(label)
        return F.silu(told)


class Residual(nn.Module):
    """x + MLP(LayerNorm(x) + condition)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.told = nn.LayerNorm(width), nn.Linear(width, width)
        self.wide, self.back = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        nn.init.zeros_(self.back.weight)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        return x + self.back(F.silu(self.wide(self.norm(x) + self.told(told))))


class Mlp(nn.Module):
    """Residual blocks on flattened samples."""

    def __init__(self, shape: tuple[int, ...], width: int, depth: int, classes: int) -> None:
        super().__init__()
        size = math.prod(shape)
        self.condition = Condition(width, classes)
        self.enter, self.leave = nn.Linear(size, width), nn.Linear(width, size)
        self.blocks = nn.ModuleList([Residual(width) for _ in range(depth)])

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        told, h = self.condition(t, label), self.enter(x.flatten(1))
        for block in self.blocks:
            h = block(h, told)
        return self.leave(h).reshape(x.shape)


class ConvBlock(nn.Module):
    """Two convolutions with the condition between, and a shortcut."""

    def __init__(self, c_in: int, c_out: int, width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.GroupNorm(8, c_in), nn.GroupNorm(8, c_out)
        self.conv_1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv_2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.told = nn.Linear(width, c_out)
        self.short = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv_2.weight)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        h = self.conv_1(F.silu(self.norm_1(x))) + self.told(told)[:, :, None, None]
        return self.short(x) + self.conv_2(F.silu(self.norm_2(h)))


class UNet(nn.Module):
    """A small U-Net: `depth` halvings, `width` channels doubled at each."""

    def __init__(self, shape: tuple[int, ...], width: int, depth: int, classes: int) -> None:
        super().__init__()
        channels = [width * 2**i for i in range(depth + 1)]
        told = 4 * width
        self.condition, self.depth = Condition(told, classes), depth
        self.enter = nn.Conv2d(shape[0], width, 3, padding=1)
        self.down = nn.ModuleList(
            [ConvBlock(a, b, told) for a, b in zip([width, *channels], channels, strict=False)]
        )
        self.middle = ConvBlock(channels[-1], channels[-1], told)
        self.up = nn.ModuleList(
            [
                ConvBlock(c + below, c, told)
                for c, below in zip(channels, [*channels[1:], channels[-1]], strict=True)
            ]
        )
        self.norm, self.leave = nn.GroupNorm(8, width), nn.Conv2d(width, shape[0], 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        told, h = self.condition(t, label), self.enter(x)
        kept = []
        for i, block in enumerate(self.down):
            h = block(h, told)
            kept.append(h)
            h = F.avg_pool2d(h, 2) if i < self.depth else h
        h = self.middle(h, told)
        for i in reversed(range(self.depth + 1)):
            h = self.up[i](torch.cat((h, kept[i]), dim=1), told)
            h = F.interpolate(h, size=kept[i - 1].shape[2:], mode="nearest") if i > 0 else h
        return self.leave(F.silu(self.norm(h)))
