"""The interval of the admissible n_synth against simulated loops near it, none used to set it."""

import json
import math
import pathlib

import numpy as np
import pytest

from madtheory.loop import fresh_data
from madtheory.spectrum import baseline
from madtheory.theory import distance, moments
from madtheory.theory.worth import admissible_interval

ROWS = json.loads(pathlib.Path(__file__).with_name("admissible.json").read_text())
#: Standard errors of the simulation that a comparison grants.
SIGMAS = 2.5


def sigma_0(row: dict[str, object]) -> np.ndarray:
    dim = int(row["dim"])  # type: ignore[call-overload]
    if row["profile"] == "harmonic":
        return np.asarray(1 / np.arange(1.0, dim + 1))
    return np.append(10.0 if row["profile"] == "spiked" else 1.0, np.ones(dim - 1))


def met(row: dict[str, object]) -> tuple[float, ...]:
    """Lower, simulated root with its error, upper.

    What theory misses of the difference between loop and fit, at the row's n_synth, moves the root
    by itself over the slope.
    """
    s, n_real, bias = sigma_0(row), int(row["n_real"]), float(row["bias"])  # type: ignore[call-overload, arg-type]
    here = fresh_data(n_real, int(row["n_synth"]), bias=bias)  # type: ignore[call-overload]
    first = moments.first_moments_limit(here)
    limit = s.sum() * (first.mean_sq + first.trace + 1 - 2 * float(row["limit"]))  # type: ignore[arg-type]
    fit = s.sum() * (1 / n_real + 2 - 2 * float(row["fit"]))  # type: ignore[arg-type]
    e = admissible_interval(here, s)
    value = float(e.value)
    near, far = (
        float(distance.w2_squared_limit(fresh_data(n_real, round(x * value), bias=bias), s).value)
        for x in (0.95, 1.05)
    )
    slope = (far - near) / (round(1.05 * value) - round(0.95 * value))
    missed = limit - float(distance.w2_squared_limit(here, s).value)
    # Where the fit is exact, simulation has nothing to add to it.
    base = baseline(n_real, s)
    known = base.status == "exact"
    missed -= 0.0 if known else fit - float(base.value)
    se = 2 * s.sum() * math.hypot(float(row["limit_se"]), 0.0 if known else float(row["fit_se"]))  # type: ignore[arg-type]
    return float(e.lower), value - missed / slope, se / abs(slope), float(e.upper), value


def test_the_interval_holds_the_simulated_root() -> None:
    found = np.array([met(row) for row in ROWS])
    lower, root, error, upper, value = found.T
    held = (root + SIGMAS * error >= lower) & (root - SIGMAS * error <= upper)
    assert held.mean() >= 0.97
    # The value is near, and where the fit is exact the interval is narrow.
    off = np.abs(root - value) - SIGMAS * error
    assert np.quantile(off / value, 0.9) < 0.03
    flat = np.array([row["profile"] == "flat" for row in ROWS])
    assert np.median((upper - lower)[flat] / value[flat]) < 0.05


@pytest.mark.parametrize(
    ("dim", "n_real", "bias", "root"),
    [(100, 100, 0.9, 3919.3), (100, 50, 0.9, 19_453.7), (30, 30, 0.7, 448.0), (3, 6, 0.9, 310.2)],
)
def test_the_examples(dim: int, n_real: int, bias: float, root: float) -> None:
    e = admissible_interval(fresh_data(n_real, 1, bias=bias), dim)
    assert e.lower <= root <= e.upper
    assert float(e.value) == pytest.approx(root, rel=5e-4)
