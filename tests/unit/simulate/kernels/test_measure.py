"""What is measured of a state against numpy, of any rank and on a line."""

import math

import numpy as np
import pytest
from scipy import linalg

from madtheory._types import Array
from madtheory.simulate.kernels import measure as room

RNG = np.random.default_rng(4)
ALL = np.ones(len(room.QUANTITIES), np.bool_)


def by_numpy(mean: Array, factor: Array, s: Array) -> dict[str, float]:
    """All quantities of N(mean, factor factor^T) beside N(0, diag(s)) but log_det."""
    cov, root = factor @ factor.T, np.linalg.svd(np.sqrt(s)[:, None] * factor)[1].sum()
    square, trace = float(mean @ mean), float(np.trace(cov))
    return {
        "mean_sq": square,
        "trace": trace,
        "w2_squared": square + trace + s.sum() - 2 * root,
        "log_trace": math.log(trace),
        "log_direction": math.log(cov[0, 0] / s[0]),
        "trace_squared": float((cov**2).sum()),
        "squared_trace": trace**2,
        "mean_fourth": square**2,
        "mean_quadratic": float(mean @ cov @ mean),
    }


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 3), (4, 2), (5, 5)])
def test_a_state_is_measured_as_numpy_does(rows: int, columns: int) -> None:
    s, nu, e = RNG.uniform(0.5, 3.0, rows), RNG.normal(size=rows), RNG.integers(-3, 4, columns)
    G = np.tril(RNG.normal(size=(rows, columns)))
    factor = np.sqrt(s)[:, None] * G * 2.0**e
    out, work = np.zeros(len(ALL)), np.zeros((2, rows, rows))
    room.measure(ALL, nu, G, e, s, float(np.log(s).sum()), *work, out)
    found = dict(zip(room.QUANTITIES, out.tolist(), strict=True))
    log_det = found.pop("log_det")
    expected = linalg.det(factor) ** 2 if rows == columns else 0.0
    assert math.exp(log_det) == pytest.approx(expected, rel=1e-12)
    assert found == pytest.approx(by_numpy(np.sqrt(s) * nu, factor, s), rel=1e-11)


@pytest.mark.parametrize("step", [0.003, 0.1, 0.5, 1.0])
def test_the_distance_is_right_near_the_start_and_beyond(step: float) -> None:
    """Near Sigma_0 it is a fixed point's, which does not converge farther away."""
    s, flags = np.array([1.0, 2.0, 0.5, 3.0]), ALL & False
    flags[room.W2] = True
    out, work, G = np.zeros(len(ALL)), np.zeros((2, 4, 4)), np.eye(4) + step * np.tri(4)
    room.measure(flags, np.zeros(4), G, np.zeros(4, np.int64), s, 0.0, *work, out)
    expected = by_numpy(np.zeros(4), np.sqrt(s)[:, None] * G, s)["w2_squared"]
    assert out[room.W2] == pytest.approx(expected, rel=1e-9)


def test_a_line_is_measured_as_a_matrix_of_one() -> None:
    """Two generations; what stands for log_det is that of Sigma_0 and the path's own."""
    s, line = 2.5, np.array([[0.3, -2.0], [1.3, 0.7], [1.0, -4.0]])
    expected = [
        by_numpy(
            np.array([math.sqrt(s) * nu]), np.array([[math.sqrt(s) * g * 2.0**e]]), np.array([s])
        )
        | {"log_det": -7.0 + 2 * math.log(g * 2.0**e)}
        for nu, g, e in line.T
    ]
    for q, name in enumerate(room.QUANTITIES):
        out = np.zeros(2)
        room.measure_line(q, line, s, -7.0, out)
        assert out.tolist() == pytest.approx([x[name] for x in expected], rel=1e-12), name
