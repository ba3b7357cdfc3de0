"""Real data in place of a dimension."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp

from tests.cli.theory.fresh_map import fresh_map

Answer = Callable[..., dict[str, Any]]

Close = Callable[..., None]

mp.dps = 40


@pytest.fixture
def features(tmp_path: Path) -> Path:
    x = np.random.default_rng(2).normal(size=(40, 3)) @ np.diag([1.0, 2.0, 0.5])
    np.save(tmp_path / "x.npy", np.column_stack([x, x[:, 0] - x[:, 1]]))
    return tmp_path / "x.npy"


def test_features_set_dimension_and_covariance(
    answer: Answer, close: Close, features: Path
) -> None:
    covariance = np.cov(np.load(features), rowvar=False)
    trace, square = float(np.trace(covariance)), float((covariance**2).sum())
    got = answer(
        *("theory", "collapse", "--features", features, "--n-synth", 11, "--bias", 0.8),
        *("--generations", 2),
    )
    assert (got["dim"], got["rank_real"]) == (4, 3)
    close(got["mean_trace"], [trace, 0.8 * trace])
    close(got["mean_walk"], [trace / 11, 1.8 * trace / 11])
    close(got["mean_trace_squared"][0], square * 1.1 + trace**2 / 10)
    close(got["mean_squared_trace"][0], trace**2 + 2 * square / 10)
    assert got["log_det_mean"] == [None, None]
    assert all(x > 0 for x in got["w2_squared"])


def test_features_in_the_fresh_loop(answer: Answer, close: Close, features: Path) -> None:
    trace = float(np.trace(np.cov(np.load(features), rowvar=False)))
    got = answer("theory", "fresh", "--features", features, "--n-real", 100, "--n-synth", 100)
    A, b = fresh_map(100, 100, 1.0)
    M, C = mp.lu_solve(mp.eye(2) - A, b)
    close(got["mean_sq"], trace * M)
    close(got["trace"], trace * C)
    # E (tr Sigma)^2 >= (E tr Sigma)^2, and by Cauchy-Schwarz at most rank times E tr Sigma^2.
    assert float(trace * C) ** 2 < got["squared_trace"] < 3 * got["trace_squared"]


def test_a_floor_settles_in_units_of_the_data(answer: Answer, close: Close, features: Path) -> None:
    trace = float(np.trace(np.cov(np.load(features), rowvar=False)))
    line = ("theory", "collapse", "--features", features, "--n-synth", 11, "--bias", 0.75)
    # E tr = 0.75 E tr + 0.25 tr Sigma_0.
    close(answer(*line, "--floor", 0.25, "--generations", 2)["stationary_trace"], trace)


def test_paths_are_in_units_of_the_data(answer: Answer, close: Close, features: Path) -> None:
    trace = float(np.trace(np.cov(np.load(features), rowvar=False)))
    line = ("theory", "fresh", "--features", features, "--n-real", 10, "--n-synth", 10)
    path = answer(*line, "--generations", 1)["path"]
    close(path["trace"], [trace])
    close(path["mean_sq"], [trace / 10])


def test_bounds_of_a_baseline_hold_its_value(answer: Answer, features: Path) -> None:
    got = answer("theory", "baseline", "--features", features, "--n", 9)
    assert got["w2_squared_lower"] < got["w2_squared"] < got["w2_squared_upper"]


def test_directions_without_variance_have_no_rate(
    answer: Answer, close: Close, features: Path, tmp_path: Path
) -> None:
    """Of four columns one depends on the others, and its bias, the largest, is nothing's."""
    biases = tmp_path / "biases.csv"
    biases.write_text("bias\n0.5\n0.25\n0.4\n1.0\n")
    line = ("theory", "collapse", "--features", features, "--n-synth", 11)
    own = [mp.digamma(mp.mpf(11 - i) / 2) - mp.log(5) for i in (1, 2, 3)]
    close(answer(*line)["lyapunov"], own)
    got = answer(*line, "--bias-file", biases)
    close(got["lyapunov"], [x + mp.log(b) for x, b in zip(own, (0.5, 0.4, 0.25), strict=True)])
    close(got["rate"], own[0] + mp.log(0.5))
    close(got["half_life"], mp.log(2) / -(own[0] + mp.log(0.5)))
    close(got["direction_rates"][:3], [own[0] + mp.log(b) for b in (0.5, 0.25, 0.4)])
    assert (got["direction_rates"][3], got["dominant_direction"]) == (None, 1)
    line = ("theory", "fresh", "--features", features, "--n-real", 20, "--n-synth", 20)
    A, _ = fresh_map(20, 20, 0.5)
    largest = max(abs(x) for x in mp.eig(A, left=False, right=False))
    close(answer(*line, "--bias-file", biases)["forgetting_rate"], largest)
