"""Models for the engine: each fits, samples at a bias, saves and loads."""

from typing import Any

from madtheory.deep.models.ddpm import Ddpm
from madtheory.deep.models.glow import Glow, LinearFlow
from madtheory.deep.models.linear import LinearGaussian
from madtheory.deep.models.stylegan2 import StyleGan2
from madtheory.deep.models.wgan_gp import WganGp

#: Models by family.
FAMILIES: dict[str, type[Any]] = {
    "ddpm": Ddpm,
    "stylegan2": StyleGan2,
    "wgan_gp": WganGp,
    "glow": Glow,
    "linear": LinearGaussian,
    "flow": LinearFlow,
}

#: Families that fit points alone, and images alone.
OF_POINTS, OF_IMAGES = ("linear", "flow", "glow"), ("stylegan2",)

__all__ = [
    "FAMILIES",
    "OF_IMAGES",
    "OF_POINTS",
    "Ddpm",
    "Glow",
    "LinearFlow",
    "LinearGaussian",
    "WganGp",
]
