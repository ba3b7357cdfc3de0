"""The simulator of Gaussian loops in torch: all replicates of a chunk at once, on any device.

The law of :func:`madtheory.simulate.simulate`, for large matrices where a graphics processor is at
hand; on a processor the kernels of :mod:`madtheory.simulate` are faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check
from madtheory.loop import Loop, UnsupportedLoop
from madtheory.simulate import DEFAULT_RECORD
from madtheory.simulate.kernels.tally import Tally
from madtheory.simulate.request import Asked, Plan, is_plain, make_plan
from madtheory.simulate.runs import Paths, record_all, run

try:
    import torch
    from torch import Tensor

    from madtheory.deep.run import devices
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError("deep.gaussian needs torch, of madtheory[deep]") from missing


class _Noise:
    """Normals of a device's generator, gammas of numpy's: both by the chunk."""

    def __init__(self, rng: np.random.Generator, device: str, replicates: int) -> None:
        self._rng, self._replicates = rng, replicates
        self._torch = torch.Generator(device).manual_seed(int(rng.integers(2**63)))

    def normals(self, *shape: int) -> Tensor:
        """Shape (replicates, *shape)."""
        g, size = self._torch, (self._replicates, *shape)
        return torch.randn(size, generator=g, device=g.device, dtype=torch.float64)

    def bartlett(self, dim: int, dof: int) -> Tensor:
        """Lower factors of W_dim(I, dof), shape (replicates, dim, min(dim, dof))."""
        m = min(dim, dof)
        halves = (dof - np.arange(m)) / 2
        chi = np.sqrt(2 * self._rng.standard_gamma(halves, (self._replicates, m)))
        factor = self.normals(dim, m).tril(-1)
        factor.diagonal(dim1=1, dim2=2).copy_(torch.from_numpy(chi))
        return factor


class _Model(NamedTuple):
    """Models of all replicates: Sigma = factor factor^T, lower, shape (replicates, d, rank)."""

    mean: Tensor
    factor: Tensor


def _sample(noise: _Noise, n: int, of: _Model, bias: float) -> _Model:
    """Mean of n samples of N(mean, bias Sigma), and factor of their scatter."""
    root = math.sqrt(bias) * of.factor
    step = (root @ noise.normals(root.shape[2], 1))[..., 0]
    return _Model(of.mean + step / math.sqrt(n), root @ noise.bartlett(root.shape[2], n - 1))


def _pooled(loop: Loop, real: _Model, synthetic: _Model) -> _Model:
    """Fresh and synthetic samples together; QR, so that a singular scatter loses nothing."""
    n_r, n_s = loop.n_fresh, loop.n_synth
    n = n_r + n_s
    gap = (real.mean - synthetic.mean)[..., None] * math.sqrt(n_r * (n_s / n))
    wide = torch.cat([real.factor, synthetic.factor, gap], dim=2)
    lower = torch.linalg.qr(wide.mT, mode="r").R.mT
    return _Model((n_r * real.mean + n_s * synthetic.mean) / n, lower)


def _next(noise: _Noise, loop: Loop, model: _Model | None, true: _Model) -> _Model:
    """The next generation, or the first."""
    if model is None:
        n, fit = loop.n_initial, _sample(noise, loop.n_initial, true, loop.first_bias)
    else:
        n, fit = loop.n_real + loop.n_synth, _sample(noise, loop.n_synth, model, loop.scalar_bias)
    if model and loop.n_fresh:
        fit = _pooled(loop, _sample(noise, loop.n_fresh, true, 1.0), fit)
    return fit._replace(factor=fit.factor / math.sqrt(n - loop.ddof))


def _measured(model: _Model, root: Tensor, record: Sequence[str]) -> Tensor:
    """Quantities in their order, shape (replicates, len(record)); root = Sigma_0^{1/2}."""
    mu, L = model
    square, trace = mu.square().sum(1), L.square().sum((1, 2))

    def distance() -> Tensor:
        cross = torch.linalg.svdvals(root[:, None] * L).sum(1)
        return (square + trace + root.square().sum() - 2 * cross).clamp(min=0)

    def log_det() -> Tensor:
        logs = L.diagonal(dim1=1, dim2=2).abs().log().sum(1)
        return 2 * logs if L.shape[2] == len(root) else torch.full_like(logs, -math.inf)

    table: dict[str, Callable[[], Tensor]] = {
        "mean_sq": lambda: square,
        "trace": lambda: trace,
        "w2_squared": distance,
        "log_det": log_det,
        "log_trace": trace.log,
        "log_direction": lambda: (L[:, 0] / root[0]).square().sum(1).log(),
        "trace_squared": lambda: (L.mT @ L).square().sum((1, 2)),
        "squared_trace": trace.square,
        "mean_fourth": square.square,
        "mean_quadratic": lambda: (mu[:, None] @ L).square().sum((1, 2)),
    }
    return torch.stack([table[name]() for name in record], dim=1)


def _draw(plan: Plan, device: str, rng: np.random.Generator, tally: Tally) -> None:
    """Run the replicates of a chunk side by side."""
    loop, noise = plan.problem.loop, _Noise(rng, device, tally.replicates)
    root = torch.from_numpy(np.sqrt(plan.problem.eigenvalues)).to(device)
    true = _Model(torch.zeros_like(root).expand(tally.replicates, -1), torch.diag(root)[None])
    model = None
    values = np.zeros((tally.replicates, *tally.mean.shape))
    for slot in tally.slots:
        model = _next(noise, loop, model, true)
        if slot >= 0:
            values[:, :, slot] = _measured(model, root, plan.record).cpu().numpy()
    record_all(tally, values)


def simulate_torch(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    device: str = "cpu",
    record: Sequence[str] = DEFAULT_RECORD,
    **how: Unpack[Asked],
) -> Paths:
    """Simulate a fully synthetic or fresh data loop of memory 1 and one bias in torch.

    Law, parameters and result are those of :func:`madtheory.simulate.simulate`, variates are not;
    `device` is a name as "cpu" or "cuda:0", and `chunk` replicates are in its memory at once.
    A loop without real data ends where covariances leave the range of float64.

    Examples
    --------
    >>> paths = simulate_torch(fresh_data(9, 5), [1.0, 2.0], generations=3, replicates=50)
    >>> sorted(paths.mean)
    ['log_det', 'mean_sq', 'trace', 'w2_squared']
    """
    _check.one_of("device", device, tuple(devices()))
    plan, _ = make_plan(loop, eigenvalues, record=record, **how)
    if not is_plain(loop) or loop.has_spectrum:
        raise UnsupportedLoop(
            "simulate_torch draws fully synthetic and fresh data loops of memory 1 and one bias, "
            f"got a loop of the family {loop.family}"
        )
    return run(plan, lambda rng, tally: _draw(plan, device, rng, tally), threads=1)
