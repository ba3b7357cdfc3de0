"""Data of units far from 1: drawn in units of a power of four, and what is recorded put back.

A loop and its law are equivariant under scales, but tests of convergence and squares within the
kernels are not, where variances are beyond 10^±30 or so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from madtheory._types import Array
from madtheory.simulate.request import Gaussian, Plan
from madtheory.simulate.runs import Paths

#: Largest variances within 4^-_FAR to 4^_FAR are drawn as they are.
_FAR = 50
#: Degrees of what is recorded in Sigma; None: its logarithm.
_DEGREES = {
    "mean_sq": 1,
    "trace": 1,
    "w2_squared": 1,
    "log_det": None,
    "log_trace": None,
    "log_direction": 0,
    "trace_squared": 2,
    "squared_trace": 2,
    "mean_fourth": 2,
    "mean_quadratic": 2,
}


def exponent_of(eigenvalues: Array) -> int:
    """Return e, where the data are drawn with Sigma_0 / 4^e."""
    largest = float(eigenvalues.max(initial=0.0))
    e = int(np.frexp(largest)[1]) // 2 if largest > 0 else 0
    return e if abs(e) > _FAR else 0


def drawn(plan: Plan) -> Plan:
    """The plan in the units in which its data are drawn."""
    problem, e = plan.problem, exponent_of(plan.problem.eigenvalues)
    if not e:
        return plan
    return replace(plan, problem=Gaussian(problem.loop, np.ldexp(problem.eigenvalues, -2 * e)))


def put_back(result: Paths, plan: Plan) -> Paths:
    """What a plan's run recorded in those units, in the plan's own."""
    s = plan.problem.eigenvalues
    e = exponent_of(s)
    if not e:
        return result

    def back(name: str, x: Array, *, spread: bool = False) -> Array:
        degree = _DEGREES[name]
        if degree is None:
            shift = 2 * e * np.log(2.0) * (s.size if name == "log_det" else 1)
            return x if spread else x + shift
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.ldexp(x, 2 * e * degree))

    paths = result.paths
    return replace(
        result,
        mean={name: back(name, x) for name, x in result.mean.items()},
        se={name: back(name, x, spread=True) for name, x in result.se.items()},
        paths=None if paths is None else {name: back(name, x) for name, x in paths.items()},
    )
