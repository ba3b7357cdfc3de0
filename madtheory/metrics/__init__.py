r"""Frechet distance, precision, recall and kernel distance of two samples, with intervals.

These are the measures that the paper plots (section 2.4): FID is the squared Frechet (W2)
distance of the two sets' means and covariances (theory.md 0), precision and recall are those of
Kynkaanniemi et al. (2019), and the kernel distance is the unbiased companion of FID
(Binkowski et al., 2018). Collapsed sets are ordinary inputs: all rows equal, repeated rows, more
columns than rows, features of size 1e150 or 1e-150.

Every interval is for the *mean of the printed value* over new draws of both sets at these sizes.
FID is biased upwards at finite n (theory.md 5.3); :func:`fid_unbiased` subtracts that, and its
interval is for the distance of the two laws.

Bad arguments raise ValueError or TypeError with one sentence that names the argument, the rule
and the value.
"""

from madtheory.metrics.directions import DirectionVariances, direction_variances
from madtheory.metrics.features import (
    check_order,
    check_repeats,
    features,
    same_width,
    scale,
    successive,
)
from madtheory.metrics.frechet import fid, fid_unbiased
from madtheory.metrics.kernel_distance import kernel_distance
from madtheory.metrics.measured import Measured, normal_quantile
from madtheory.metrics.precision_recall import PrecisionRecall, precision_recall

__all__ = [
    "DirectionVariances",
    "Measured",
    "PrecisionRecall",
    "check_order",
    "check_repeats",
    "direction_variances",
    "features",
    "fid",
    "fid_unbiased",
    "kernel_distance",
    "normal_quantile",
    "precision_recall",
    "same_width",
    "scale",
    "successive",
]
