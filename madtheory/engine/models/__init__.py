"""Generative models for the loop engine: Gaussian, mixtures, categories, kernel density, bootstrap.

A model is a frozen dataclass. With its hyper-parameters alone it is a prototype; ``fit`` returns a
new, fitted one and leaves the prototype as it was. A fitted model draws samples, saves itself as
plain arrays, and serves as a source of real data that are exactly independent. Every model
multiplies the covariance of its samples by `bias` (the mixtures: of each component), except
:class:`Categorical`, where `bias` is a temperature. Factors, not covariances, are kept: singular
covariances and more dimensions than samples are ordinary. (paper, Section 3 and Appendix B.2;
theory.md 0, 2.9, 4)
"""

from madtheory.engine.models.categorical import Categorical
from madtheory.engine.models.gaussian import Gaussian
from madtheory.engine.models.gaussian_mixture import GaussianMixture, grid_mixture
from madtheory.engine.models.labelled import LabelledMixture, labelled_grid
from madtheory.engine.models.resampling import Bootstrap, KernelDensity

__all__ = [
    "Bootstrap",
    "Categorical",
    "Gaussian",
    "GaussianMixture",
    "KernelDensity",
    "LabelledMixture",
    "grid_mixture",
    "labelled_grid",
]
