"""The Gaussian model, every sample drawn by the engine, against theory and the exact simulators.

Each comparison is judged as :mod:`madtheory.claims.verify` judges a claim: Holm at family-wise
level 1 % over all of them, and the same observations must refute, with power .99 at least, a
covariance 5 % off (10 % for the squared distance of the mean). Predictions are exact theory where
there is one, and a run of the simulator elsewhere; standard deviations are the simulator's.
"""

import math
from functools import cache

import numpy as np
import pytest

from madtheory._holm import holm
from madtheory.claims import Claim, Mutant, Observation, Prediction
from madtheory.claims.claim import relative, shift
from madtheory.claims.verify import ALPHA, POWER, judge
from madtheory.engine import run_seeds
from madtheory.engine.models import Gaussian
from madtheory.loop import (
    Loop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.simulate import simulate
from madtheory.theory import collapse
from madtheory.theory.moments import first_moments

DIM, GENERATIONS, SEEDS, REPLICATES = 20, 4, 560, 4_000
#: Mean variance 2: a floor in other units shows.
SPECTRUM = np.linspace(1.0, 3.0, DIM)
MU = np.linspace(-3.0, 8.0, DIM)

LOOPS = {
    "fully synthetic": fully_synthetic(50, bias=0.9),
    "maximum likelihood": fully_synthetic(
        40, n_initial=30, bias=0.9, ddof=0, first_generation="biased"
    ),
    "regularised": fully_synthetic(30, bias=0.7, ddof=0, shrinkage=0.3, floor=0.2),
    "fresh": fresh_data(30, 40, bias=0.9),
    "memory": fresh_data(20, 50, bias=0.8, memory=3, ddof=0),
    "weight": fresh_data(30, 40, bias=0.9, weight=0.6),
    "replace": synthetic_augmentation(30, 50, bias=0.8),
    "everything": Loop(
        n_initial=40, n_fixed=20, n_fresh=10, n_synth=30, memory=2, pool="accumulate", bias=0.7
    ),
}
QUANTITIES = ("trace", "mean_sq", "log_det")
METRICS = {
    "trace": lambda model, samples, rng: np.square(model.factor).sum(),
    "mean_sq": lambda model, samples, rng: np.square(model.mean - MU).sum(),
    "log_det": lambda model, samples, rng: np.linalg.slogdet(model.covariance)[1],
}


@cache
def by_engine(name):
    """Values of the last generation, shape (SEEDS,), by quantity."""
    bands = run_seeds(
        LOOPS[name],
        Gaussian.of(LOOPS[name], real_variance=SPECTRUM.mean()),
        Gaussian.from_moments(MU, np.diag(SPECTRUM)),
        generations=GENERATIONS,
        seeds=range(SEEDS),
        metrics=METRICS,
        every=GENERATIONS,
        workers=1,
    )
    return {quantity: values[:, -1] for quantity, values in bands.values.items()}


@cache
def by_simulator(name):
    """(mean, standard deviation) at the last generation, by quantity."""
    paths = simulate(
        LOOPS[name],
        SPECTRUM,
        generations=GENERATIONS,
        replicates=REPLICATES,
        seed=1,
        record=QUANTITIES,
        at=(GENERATIONS,),
    )
    root = math.sqrt(REPLICATES)
    return {q: (float(paths.mean[q][0]), float(paths.se[q][0]) * root) for q in QUANTITIES}


def in_theory(name, quantity):
    """Exact expectation at the last generation, or None."""
    loop = LOOPS[name]
    if quantity in ("trace", "mean_sq"):
        moments = first_moments(loop, GENERATIONS)
        return float(getattr(moments, quantity)[-1] * SPECTRUM.sum())
    if quantity == "log_det" and loop.is_fully_synthetic:
        return float(collapse.log_det_mean(loop, SPECTRUM, generations=GENERATIONS)[-1])
    return None


def predict(name, quantity):
    mean, deviation = by_simulator(name)[quantity]
    exact = in_theory(name, quantity)
    if exact is not None:
        return Prediction(exact, deviation)
    # The simulator's own error joins the engine's.
    return Prediction(mean, deviation * math.sqrt(1 + SEEDS / REPLICATES))


def claim(name, quantity):
    change = 0.10 if quantity == "mean_sq" else 0.05
    log_scale = shift(DIM * math.log1p(change))
    return Claim(
        id=f"{name}/{quantity}",
        reference="theory.md 1-3",
        statement="the engine draws what theory says",
        status="exact",
        predict=lambda: predict(name, quantity),
        observe=Observation(quantity, lambda size, seed: by_engine(name)[quantity]),
        mutant=Mutant(
            f"{change:.0%} more", log_scale if quantity == "log_det" else relative(change)
        ),
        size=SEEDS,
    )


@pytest.fixture(scope="module")
def verdicts():
    """Verdict and Holm's rejection, by (loop, quantity)."""
    keys = [(name, quantity) for name in LOOPS for quantity in QUANTITIES]
    judged = [judge(claim(*key), n_claims=len(keys)) for key in keys]
    refuted = holm([verdict.p for verdict in judged], ALPHA)
    return dict(zip(keys, zip(judged, refuted, strict=True), strict=True))


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("name", LOOPS)
def test_the_engine_draws_what_theory_says(name, quantity, verdicts):
    verdict, refuted = verdicts[name, quantity]
    assert not refuted, verdict
    assert verdict.mutant_rejected, verdict
    assert verdict.power >= POWER, verdict


@pytest.mark.parametrize("name", LOOPS)
def test_the_simulator_and_theory_are_two_routes_to_one_number(name):
    for quantity in QUANTITIES:
        exact, (mean, deviation) = in_theory(name, quantity), by_simulator(name)[quantity]
        if exact is not None:
            assert abs(mean - exact) < 4.5 * deviation / math.sqrt(REPLICATES), quantity


def test_deviations_are_those_that_theory_knows():
    """Where second moments are known: the simulator's, to 6 errors of a normal's deviation."""
    loop = LOOPS["fully synthetic"]
    square = collapse.mean_squared_trace(loop, SPECTRUM, generations=GENERATIONS)[-1]
    trace = collapse.mean_trace(loop, SPECTRUM, generations=GENERATIONS)[-1]
    log_det = collapse.log_det_variance(loop, SPECTRUM, generations=GENERATIONS)[-1]
    for quantity, variance in (("trace", square - trace**2), ("log_det", log_det)):
        ratio = by_simulator("fully synthetic")[quantity][1] / math.sqrt(variance)
        assert abs(ratio - 1) < 6 / math.sqrt(2 * REPLICATES)
