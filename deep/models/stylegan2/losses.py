"""Losses of StyleGAN2, and the options that keep small or long runs stable."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from madtheory.deep.parallel.rows import average, rows_of, size


def logistic(real: Tensor, fake: Tensor, relativistic: bool) -> tuple[Tensor, Tensor]:
    """Losses of discriminator and generator: non-saturating, or of pairs (Jolicoeur-Martineau)."""
    if relativistic:
        return F.softplus(fake - real).mean(), F.softplus(real - fake).mean()
    return (F.softplus(fake) + F.softplus(-real)).mean(), F.softplus(-fake).mean()


def gradient_penalty(discriminator: nn.Module, x: Tensor) -> Tensor:
    """Mean squared gradient at x: R1 on real images, R2 on generated ones (Mescheder 2018)."""
    x = x.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return (slopes**2).flatten(1).sum(1).mean()


def path_length(images: Tensor, w: Tensor, mean: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Penalty on the length of the Jacobian's image of noise, and the new running mean."""
    weighted = (images * noise).sum() / math.sqrt(images.shape[2] * images.shape[3])
    (slopes,) = torch.autograd.grad(weighted, w, create_graph=True)
    lengths = slopes.norm(dim=1)
    average([length := lengths.detach().mean()])
    new = mean + 0.01 * (length - mean)
    return ((lengths - new) ** 2).mean(), new


def augment(x: Tensor, p: float, source: torch.Generator) -> Tensor:
    """Flips, shifts, brightness and contrast, each with probability p (a part of ADA's list)."""
    if p <= 0.0:
        return x
    n = size() * len(x)
    drawn = torch.rand(n, 4, generator=source) < p, torch.randn(n, 2, generator=source)
    chosen, z = (rows_of(y).to(x.device)[:, :, None, None, None] for y in drawn)
    x = torch.where(chosen[:, 0], x.flip(3), x)
    step = int(torch.randint(-1, 2, (), generator=source))
    x = torch.where(chosen[:, 1], torch.roll(x, step, dims=3), x)
    x = torch.where(chosen[:, 2], x + 0.2 * z[:, 0], x)
    return torch.where(chosen[:, 3], x * torch.exp(0.2 * z[:, 1]), x)
