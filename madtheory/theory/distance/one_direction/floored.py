"""E W2^2 of the fully synthetic loop of one direction with a floor (theory.md 2.10).

X_t = Sigma_t / s_0 is the chain X_{t+1} = step_bias q X_t + floor, q a chi-square over its degrees
of freedom (`collapse.shrinkage`); at shrinkage 1 it is that of every dimension d, with d times the
degrees of freedom. Its law lies on a grid of log(X - floor), where the density of log q is a step
of the chain by the trapezoidal rule: it converges geometrically, as that density and the square
root are analytic in a strip.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory._types import Array
from madtheory.laws.chi_square import log_chi_square_mass
from madtheory.loop import Loop
from madtheory.theory.distance.fidelity import Spread

#: Degrees of freedom up to which the chain is followed, and generations.
_MANY, _FARTHEST = 4000, 500
#: Step of the grid, and in units of the standard deviation of log q; logs beyond the floor and the
#: mean where it ends; error that is declared of the deficit.
_STEP, _PER_SD, _BELOW, _ABOVE, _ERROR = 0.2, 0.5, 24.0, 60.0, 1e-9
#: Means up to where the chain is followed.
_LARGEST = 1e9


def _dofs(loop: Loop, rank: int) -> tuple[int, int]:
    """Degrees of freedom of the first fit and of all others."""
    times = rank if loop.shrinkage == 1 else 1
    return loop.first_dof * times, loop.dof * times


def covers(loop: Loop, rank: int) -> bool:
    """Whether the loop is such a chain, of few samples: from many on the resummed order serves."""
    alone = not (loop.n_real or loop.has_spectrum or loop.budget)
    alone = alone and loop.memory == 1 and loop.pooled == 1 and loop.weight is None
    scalar = rank == 1 or loop.shrinkage == 1
    return bool(
        alone
        and scalar
        and loop.floor > 0
        and loop.step_bias > 0
        and min(_dofs(loop, rank)) <= _MANY
    )


def _grid_step(dof: int) -> float:
    """Step of a trapezoidal rule for log q."""
    return min(_STEP, _PER_SD * math.sqrt(2.0 / dof))


def _ends(dof: int) -> tuple[float, float]:
    """Logs of q between which all but some e^-40 of its law lies."""
    sd = math.sqrt(200.0 / dof)
    return -min(sd + 80.0 / dof, 2 * _BELOW), min(sd, 4.6)


def _grid(loop: Loop, dof: int, c: Array) -> tuple[Array, float]:
    """Logs of X - floor, and their step: wide enough for what fits of `dof` multiply by."""
    step, log_floor = _grid_step(dof), math.log(loop.floor)
    low = max(log_floor - _BELOW, log_floor + math.log(loop.step_bias) + _ends(dof)[0])
    wide = 2.0 * len(c) / dof
    high = math.log(float(np.max(c))) + min(6 + 9 * math.sqrt(wide) + wide, _ABOVE)
    return np.arange(low, high, step), step


def _roots(loop: Loop, rank: int, c: Array) -> Array:
    """E sqrt X_t at t = 1..len(c)."""
    first, later = _dofs(loop, rank)
    step = _grid_step(first)
    u = np.arange(*_ends(first), step)
    weights, x = log_chi_square_mass(u, first, step), loop.first_scale * np.exp(u) + loop.floor
    roots = [weights @ np.sqrt(x)]
    if len(c) == 1:
        return np.array(roots)
    v, step = _grid(loop, later, c)

    def kernel(x: Array) -> Array:
        return log_chi_square_mass(v - np.log(loop.step_bias * x)[:, None], later, step)

    law, x = weights @ kernel(x), np.exp(v) + loop.floor
    moves = kernel(x)
    for _ in c[1:]:
        roots.append(law @ np.sqrt(x))
        law = law @ moves
    return np.array(roots)


def sharper_path(loop: Loop, rank: int, spread: Spread, rows: Array) -> Array:
    """Rows value, lower, upper, error of the deficits, by the chain as far as it is followed."""
    c = 1 + spread.shift
    first, later = _dofs(loop, rank)
    t = np.arange(1, len(c) + 1)
    followed = (t <= _FARTHEST) & (np.maximum.accumulate(c) < _LARGEST)
    followed &= np.where(t == 1, first, later) <= _MANY
    if not followed.any():
        return rows
    n = int(t[followed][-1])
    value = np.clip(1 - _roots(loop, rank, c[:n]) / np.sqrt(c[:n]), *rows[1:3, :n])
    sharp = rows.copy()
    sharp[0, :n], sharp[3, :n] = value, _ERROR
    return np.where(followed & (rows[2] > _ERROR), sharp, rows)
