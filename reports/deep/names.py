"""Names of models, data and loops in print."""

from __future__ import annotations

from typing import Final

MODELS: Final = {
    "linear": "linear",
    "flow": "linear flow",
    "ddpm": "DDPM",
    "stylegan2": "StyleGAN2",
    "wgan_gp": "WGAN-GP",
    "glow": "Glow",
}
DATA: Final = {
    "fashion-8": "images",
    "spectrum-8": "Gaussian",
    "rosenbrock": "Rosenbrock",
    "modes-25": "25 modes",
}
_LOOPS: Final = {
    "synthetic": "fully synthetic",
    "augmentation": "augmentation",
    "fresh": "fresh data",
}


def loop_name(kind: str) -> str:
    """A loop's kind in words."""
    return _LOOPS.get(kind, kind)


def subject(family: str, data: str) -> str:
    """Model and data in words."""
    return f"{MODELS.get(family, family)}, {DATA.get(data, data)}"
