"""StyleGAN2 (Karras et al. 2020), small: its networks, its losses, its training."""

from madtheory.deep.models.stylegan2.model import StyleGan2

__all__ = ["StyleGan2"]
