"""Claims on the Fréchet distance: of two finite samples, and of two covariances."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from madtheory._types import Array
from madtheory.claims.claim import Observation, exact
from madtheory.laws import bures, chi_square
from madtheory.metrics import fid

_N = 60
_SHIFT, _SCALE = 2.0, 2.0


def _expected_fid() -> float:
    """E FID of samples of N(0, 1) and N(shift, scale^2), `_N` of each: d = 1 is a closed form."""
    c4 = float(chi_square.c4(_N))
    squares = 1 + _SCALE**2
    return _SHIFT**2 + squares / _N + squares - 2 * _SCALE * c4**2


def _fids(size: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    real = rng.standard_normal((size, _N, 1))
    synth = _SHIFT + _SCALE * rng.standard_normal((size, _N, 1))
    found = np.array([fid(x, y).value for x, y in zip(real, synth, strict=True)])
    # What the difference of the means adds to its square has mean 0: a control variate.
    return np.asarray(found - 2 * _SHIFT * (synth.mean(axis=(1, 2)) - _SHIFT - real.mean((1, 2))))


_ONE = np.array([[2.0, 0.6], [0.6, 1.0]])
_OTHER = np.array([[0.5, -0.3], [-0.3, 3.0]])


def _plane_distance() -> float:
    """W2^2 in the plane: tr (A^(1/2) B A^(1/2))^(1/2) squared is tr A B + 2 (det A det B)^(1/2)."""
    dets = math.sqrt(np.linalg.det(_ONE) * np.linalg.det(_OTHER))
    root = math.sqrt(np.trace(_ONE @ _OTHER) + 2 * dets)
    return float(np.trace(_ONE) + np.trace(_OTHER) - 2 * root) + 1.0


CLAIMS: Final = (
    exact("fid-of-samples", "Section 2.4; 1.7", size=700)
    .says("FID is W2² of the fits to two finite samples, and too large on average by a known bias")
    .expects(_expected_fid)
    .observes(Observation, f"FID of {_N} and {_N} samples, d = 1, less a control variate", _fids)
    .against("without the bias of finite samples", lambda _: _SHIFT**2 + (_SCALE - 1) ** 2),
    exact("bures-plane", "Section 2.4; 1.7")
    .says("W2² of two Gaussians, in the plane by trace and determinant")
    .expects(_plane_distance, error=1e-12)
    .computes(
        "W2² of two Gaussians in the plane, means 1 apart",
        lambda: bures.w2_squared(np.zeros(2), _ONE, np.array([1.0, 0.0]), _OTHER),
    ),
)
