"""The mean law that a generation leaves as it is (theory.md 5.2; asymptotic)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from madtheory._types import Array
from madtheory.spectrum.mean_law import GRID, NODES, SHARE, SMOOTH, MeanLaw, constant_law, reading
from madtheory.spectrum.next_law import Pooling, Step, advance, next_law, one_fit

#: Newton steps, the relative step that is small enough, and the largest that is an answer.
_STEPS, _SMALL, _LARGEST = 40, 1e-6, 1e-3
#: What a shape counts in E tr S^{1/2}, roughly.
_WEIGHT = np.sqrt(NODES) / (1 + NODES)


def _size(x: Array) -> float:
    """Of a shape, as the square root feels it."""
    return float(np.abs(_WEIGHT * x).max())


def _corrected(law: MeanLaw, step: Step) -> MeanLaw:
    """One step of Newton's method without the derivative of the 1/d terms.

    The deterministic equivalent is stationary, so the next log-determinant at s changes as the last
    one does at z(s), and E mu' (S + s)^-1 mu follows that at z(s): two linear maps of the nodes.
    """
    read, unit = reading(step.z), np.eye(len(GRID))
    moved = SMOOTH @ ((1 / (1 + step.z) / SHARE)[:, None] ** 2 * read)
    shape = np.linalg.solve(unit - moved, step.law.shape - law.shape)
    pull = np.linalg.solve(unit - step.follows[:, None] * read, step.law.pull - law.pull)
    return replace(law, shape=law.shape + shape, pull=law.pull + pull)


def settled_law(
    by: Pooling, dim: int, *, scale: float, mean_sq: float, real: bool = True
) -> tuple[MeanLaw, float] | None:
    """The fixed point of :func:`madtheory.spectrum.next_law.advance`, and the last step's size.

    Parameters
    ----------
    by : Pooling
        A generation.
    dim : int
        d.
    scale, mean_sq : float
        E tr S/d and E |mu|^2 at the limit (exact; theory.md 2.2).
    real : bool
        Whether with the 1/d term of real samples.

    Returns
    -------
    (MeanLaw, float) or None
        The step is relative to the shape, and an estimate of the error; None where no fixed point
        is found: a few rare paths make the second moments there.

    Examples
    --------
    >>> law, step = settled_law(one_fit(33, bias=0.0), 8, scale=0.0, mean_sq=0.0)
    Traceback (most recent call last):
    ...
    ValueError: scale must be positive, got 0
    """
    if scale <= 0:
        raise ValueError(f"scale must be positive, got {scale:g}")
    start = next_law(constant_law(dim), one_fit(max(by.real[0], 1.0) + 1), real=real)
    law = replace(start, scale=scale, mean_sq=mean_sq, pull=np.ones_like(GRID))
    best: tuple[MeanLaw, float] | None = None
    for _ in range(_STEPS):
        with np.errstate(all="ignore"):
            step = advance(law, by, real=real)
            if not np.isfinite(step.z).all():
                break
            new = _corrected(law, step)
        size = _size(new.shape - law.shape) / _size(law.shape)
        if not np.isfinite(size):
            break
        if size < (_LARGEST if best is None else best[1]):
            best = new, size
        elif best is not None:
            break
        if size < _SMALL:
            break
        law = new
    return best
