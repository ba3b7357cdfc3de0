"""What a sampler of few steps does to Gaussian data, exactly, where the denoiser is exact.

Along an eigendirection N(m, s^2) of the data the exact noise is affine in the sample, so each step
of DDIM or of ancestral sampling is an affine map with known noise: the sampler's law is Gaussian
again. Its mean is m, but its variance is not s^2. A trained model that were perfect would still
have this bias, and it has a spectrum: small directions lose more (theory.md 8).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from madtheory._types import Array
from madtheory.deep.models.ddpm import Ddpm, signal, timesteps


def sampler_gain(std: ArrayLike, model: Ddpm) -> Array:
    """Return (variance of samples)/s^2 for data N(m, s^2) and the exact denoiser; shape of `std`.

    Exact but for the first draw, N(0, 1) in place of the noised data, which is part of the sampler.

    Examples
    --------
    >>> sampler_gain([2.0, 0.5, 0.1], Ddpm(sampling_steps=50)).round(3)
    array([0.941, 0.889, 0.555])
    >>> sampler_gain([2.0, 0.5, 0.1], Ddpm(sampler="ancestral")).round(3)
    array([0.987, 0.97 , 0.876])
    """
    s2 = np.square(np.asarray(std, dtype=np.float64))
    if not (np.isfinite(s2).all() and (s2 > 0).all()):
        raise ValueError(f"std must be positive, got {std!r}")
    share, variance = signal(model.timesteps).numpy(), np.ones_like(s2)
    times = timesteps(model)
    for a, b in zip(share[times], share[times[1:]], strict=False):
        # x -> sqrt(b) E[x_0 | x] + sqrt(1 - b - added) E[noise | x] + noise of variance `added`.
        total = a * s2 + 1.0 - a
        added = (1.0 - b) / (1.0 - a) * (1.0 - a / b) if model.sampler == "ancestral" else 0.0
        clean, noise = math.sqrt(a) * s2 / total, math.sqrt(1.0 - a) / total
        kept = math.sqrt(max(1.0 - b - added, 0.0))
        variance = (math.sqrt(b) * clean + kept * noise) ** 2 * variance + added
    return np.asarray(variance / s2)
