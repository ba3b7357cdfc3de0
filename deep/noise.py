"""Noise that is a function of where it is used: Philox-4x32-10 by seed, sample, step and place.

One sample's noise depends on its seed and its index, not on batch size, rank or number of devices;
and a fit that was killed draws again what it drew, so that no generator's state is kept. The
counter is that of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

MASK = 0xFFFFFFFF
#: Multipliers of the two words that are multiplied, and increments of the key.
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
INCREMENTS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10


def _multiply(a: Tensor, b: int) -> tuple[Tensor, Tensor]:
    """High and low words of the product of 32-bit words, in wrapping 64-bit integers."""
    product = a * b
    return (product >> 32) & MASK, product & MASK


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: int) -> tuple[Tensor, ...]:
    """Four random 32-bit words (as int64) of four words of a counter and a 64-bit key."""
    a, b, c, d = counter
    left, right = key & MASK, (key >> 32) & MASK
    for _ in range(ROUNDS):
        high_0, low_0 = _multiply(a, MULTIPLIERS[0])
        high_1, low_1 = _multiply(c, MULTIPLIERS[1])
        a, b, c, d = high_1 ^ b ^ left, low_1, high_0 ^ d ^ right, low_0
        left, right = (left + INCREMENTS[0]) & MASK, (right + INCREMENTS[1]) & MASK
    return a, b, c, d


def _words(key: int, index: Tensor, step: int, n: int) -> Tensor:
    """At least n random words a sample, shape (index.size, >= n): counter (place, step, index)."""
    place = torch.arange((n + 3) // 4, device=index.device)
    low, high = (index & MASK)[:, None], (index >> 32)[:, None]
    zero = torch.zeros_like(low + place)
    blocks = philox((zero + place, zero + step, zero + low, zero + high), key)
    return torch.stack(blocks, dim=-1).flatten(1)


def uniforms(key: int, index: Tensor, step: int, n: int) -> Tensor:
    """Uniform numbers in (0, 1) by sample: shape (index.size, n), float64."""
    return (_words(key, index, step, n)[:, :n].to(torch.float64) + 0.5) / 2.0**32


def normals(key: int, index: Tensor, step: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers by sample: shape (index.size, *shape), float32 (Box-Muller)."""
    n = math.prod(shape)
    u = uniforms(key, index, step, n + n % 2)
    radius, angle = torch.sqrt(-2.0 * torch.log(u[:, 0::2])), 2.0 * math.pi * u[:, 1::2]
    z = torch.stack((radius * torch.cos(angle), radius * torch.sin(angle)), dim=-1).flatten(1)
    return z[:, :n].to(torch.float32).reshape(-1, *shape)


def integers(key: int, index: Tensor, step: int, n: int, high: int) -> Tensor:
    """Integers in [0, high) by sample, shape (index.size, n); high is at most 2^31."""
    return (_words(key, index, step, n)[:, :n] * high) >> 32
