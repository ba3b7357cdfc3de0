"""Third and fourth moments of what is not Gaussian: mixtures of models, and finite pools (3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from madtheory.theory.moments.tensors import Cumulants, Seen, Tensors

if TYPE_CHECKING:
    from madtheory._types import Array, Ints


def raw(x: Tensors, at: Ints, bias: float) -> tuple[Array, Array]:
    """(E T_iij v_aj, E T_iijj), T the third and fourth moments of N(v_i, bias M_(i+1)), i of at."""
    i, j = at, at + 1
    three = x.V4[..., i, i, i, :] + bias * np.moveaxis(x.VM, -1, -3)[..., j, i, :]
    three = three + 2 * bias * np.moveaxis(x.VS, -1, -3)[..., j, i, :]
    four = x.V4[..., i, i, i, i] + 2 * bias * (x.VM[..., i, i, j] + 2 * x.VS[..., i, i, j])
    four = four + bias**2 * (x.MM[..., j, j] + 2 * x.MT[..., j, j])
    return three.mean(axis=-2), four.mean(axis=-1)


def central(
    x: Tensors, seen: Seen, mean: Array, moments: tuple[Array, Array]
) -> tuple[Array, Array]:
    """The same about the mean, from raw ones; `seen` is the law's covariance."""
    three, four = moments
    traces, crossed = mean @ seen.VM, mean @ seen.VS  # E (m.v_a) tr P, E m'P v_a
    V3 = x.V4
    for _ in range(3):  # (m.m) m'v_d
        V3 = np.tensordot(V3, mean, axes=(V3.ndim - 2, 0))
    four = four - 4 * three @ mean + (2 * traces + 4 * crossed + 3 * V3) @ mean
    return three - traces - 2 * crossed - V3, four


def cumulants(x: Tensors, seen: Seen, mean: Array, moments: tuple[Array, Array]) -> Cumulants:
    """Third and fourth cumulants, from raw moments."""
    three, four = central(x, seen, mean, moments)
    return Cumulants(three, four - seen.square - 2 * seen.of_square)
