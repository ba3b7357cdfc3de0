"""E W2^2 of loops whose Sigma_0 has dominant directions, against a simulated table held out."""

import json
import math
import pathlib

import numpy as np
import pytest

from madtheory.loop import Loop
from madtheory.spectrum import chain_deficit
from madtheory.theory import collapse

TABLES = json.loads(pathlib.Path(__file__).with_name("spiked.json").read_text())
T = np.array(TABLES["generations"])
#: Standard errors of the simulation that a comparison grants.
SIGMAS = 2.5


def sigma_0(row: dict[str, object]) -> np.ndarray:
    rest = int(row["dim"]) - len(row["spikes"])  # type: ignore[call-overload, arg-type]
    bulk = np.linspace(1.0, 0.2 if row["uneven"] else 1.0, rest)
    return np.concatenate([row["spikes"], bulk])  # type: ignore[arg-type]


def compared(row: dict[str, object]) -> np.ndarray:
    """Value, declared error, simulated value and its error of E W2^2, at each t."""
    s, bias = sigma_0(row), float(row["bias"])  # type: ignore[arg-type]
    first, later = int(row["first"]), int(row["later"])  # type: ignore[call-overload]
    loop = Loop(n_initial=first + 1, n_synth=later + 1, bias=bias)
    e = collapse.w2_squared(loop, s, generations=int(T.max()))
    value, error = e.value[T - 1], (e.value * e.rel_error)[T - 1]
    # (1.7), written anew: walk, both traces, and the fidelity simulated at bias 1.
    steps = np.array([sum(bias**k for k in range(1, t)) for t in T])
    walk = s.sum() * (1 / (first + 1) + steps / (later + 1))
    shrunk = bias ** (T - 1.0)
    truth = walk + s.sum() * (1 + shrunk) - 2 * np.sqrt(shrunk) * np.array(row["mean"])
    return np.stack([value, error, truth, 2 * np.sqrt(shrunk) * np.array(row["se"])])


@pytest.mark.parametrize("name", ["calibration", "held-out"])
def test_declared_error_covers_and_is_tight(name: str) -> None:
    found = np.concatenate([compared(row) for row in TABLES[name]], axis=1)
    value, error, truth, se = found
    off = np.abs(value - truth)
    covered = off <= error + SIGMAS * se + 1e-9 * truth
    assert covered.mean() >= 0.97
    # What is off is off by little: relative to E W2^2, less what simulation leaves open.
    assert np.quantile(np.maximum(off - SIGMAS * se, 0) / truth, 0.99) < 0.008
    assert np.median(off / truth) < 2e-3
    assert np.quantile(off / truth, 0.9) < 0.01
    # And the declaration is not loose.
    assert np.median(error / truth) < 0.015
    assert (error / truth).max() < 0.16


def test_the_issues_examples() -> None:
    # By simulation: 46.1, 82.1, 110.8 at t = 1, 2, 3, and 46.6 at t = 4.
    one = np.array([1000.0] + [1.0] * 99)
    e = collapse.w2_squared(Loop(n_initial=102, n_synth=102), one, generations=3)
    assert e.value == pytest.approx([46.34, 82.1, 112.5], abs=0.1)
    two = np.array([100.0] + [1.0] * 29)
    e = collapse.w2_squared(Loop(n_initial=32, n_synth=32), two, generations=4)
    assert e.value[3] == pytest.approx(46.43, abs=0.05)
    assert math.isclose(46.6, e.value[3], rel_tol=e.rel_error[3])


def test_flat_spectra_are_not_split() -> None:
    flat, near = np.ones(30), np.linspace(1.5, 1.0, 30)
    for s in (flat, near):
        e = chain_deficit(s, [2, 5], first=40, later=40)
        assert (e.rel_error < 0.1).all()
