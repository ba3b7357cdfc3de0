"""One generation of mean laws: against exact Wishart laws, free products and exact moments."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data
from madtheory.spectrum import sqrt_trace_limit
from madtheory.spectrum.mean_law import GRID, MeanLaw, constant_law
from madtheory.spectrum.next_law import (
    Part,
    Pooling,
    _Columns,
    _fluctuation,
    advance,
    next_law,
    one_fit,
)
from madtheory.spectrum.one_wishart import root_deficit
from madtheory.theory.distance.equivalent import pooling_of
from madtheory.theory.moments import first_moments, second_moments

PRODUCTS = json.loads((Path(__file__).parents[2] / "golden/spectrum/sqrt_trace.json").read_text())[
    "rows"
]


def fit(dim: int, dof: int, *, real: bool = True) -> MeanLaw:
    return next_law(constant_law(dim), one_fit(dof + 1), real=real)


@pytest.mark.parametrize(("share", "most"), [(2.0, 0.3), (10.0, 0.06), (0.5, 0.17)])
def test_one_fit_errs_by_order_two(share: float, most: float) -> None:
    # error times dim^2 tends to a constant; without the 1/d term error times dim does
    errors, plain = [], []
    for dim in (4, 8, 16, 32, 64):
        dof = round(share * dim)
        exact = root_deficit(dim, dof)
        errors.append((fit(dim, dof).root_deficit / exact - 1) * dim**2)
        plain.append((fit(dim, dof, real=False).root_deficit / exact - 1) * dim)
    assert 0 < errors[0] < errors[-1] < most
    assert errors[-1] == pytest.approx(errors[-2], rel=0.03)
    assert plain[-1] == pytest.approx(plain[-2], rel=0.05)
    assert plain[-1] < -0.2


def test_one_fit_on_the_verge() -> None:
    # dim = dof: the hard edge adds log(dim) to the order
    scaled = [(fit(d, d).root_deficit / root_deficit(d, d) - 1) * d**2 for d in (4, 8, 16, 32, 64)]
    assert np.diff(scaled) == pytest.approx(0.285, abs=0.02)


def test_first_term_is_the_law_of_free_products() -> None:
    law = constant_law(50)
    for t in range(1, 9):
        law = next_law(law, one_fit(101), real=False)
        # the closed form of theory.md 5.1; the grid leaves 1e-7
        assert law.root_deficit == pytest.approx(1 - sqrt_trace_limit(t, 0.5), rel=1e-6)


def test_products_of_simulation() -> None:
    seen = 0
    for row in PRODUCTS:
        dim, ones = len(row["eigenvalues"]), row["name"] == "I"
        if not ones or not 30 <= dim <= 100 or seen > 40:
            continue
        law = constant_law(dim)
        for t in range(1, 9):
            law = next_law(law, one_fit((row["first"] if t == 1 else row["later"]) + 1))
            if t in row["generations"]:
                i = row["generations"].index(t)
                truth, se = 1 - row["mean"][i] / dim, row["se"][i] / dim
                assert abs(law.root_deficit - truth) < 0.003 * truth + 4 * se
                seen += 1
    assert seen > 15


def at(loop: Loop, dim: int, t: int) -> MeanLaw:
    law = next_law(constant_law(dim), one_fit(loop.n_initial, ddof=loop.ddof))
    for _ in range(1, t):
        law = next_law(law, pooling_of(loop))
    return law


@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(30, 70, bias=0.8),
        fresh_data(30, 70, weight=0.4),
        fresh_data(30, 70, bias=0.6, ddof=0),
        fresh_data(30, 70, weight=0.7, ddof=0),
        fresh_data(50, 1),
        fresh_data(20, 60, bias=0.0),
    ],
)
def test_moments_are_the_exact_ones(loop: Loop) -> None:
    dim, t = 24, 4
    law, first = at(loop, dim, t), first_moments(loop, t)
    assert law.mean_sq == pytest.approx(dim * first.mean_sq[-1], rel=1e-12)
    assert law.scale == pytest.approx(first.trace[-1], rel=1e-12)
    x = second_moments(loop, dim, generations=t)[-1]
    exact = x[6] / dim / law.scale**2 - 1
    # what is left out is of relative order 1/(n d)
    assert law.spread == pytest.approx(exact, rel=2 / dim / loop.n_fresh)


def test_means_pull_is_exact_where_the_mean_is_free() -> None:
    # one fit: mu ~ N(0, S_0/n), independent of the covariance, so E mu' R mu = tr R/n
    law = next_law(constant_law(6), one_fit(31), real=False)
    z = np.array([0.3, 5.0])
    t = law.traces(z)
    assert t.pull == pytest.approx(t.plain / 31, rel=1e-6)


def test_mean_and_gap_are_correlated() -> None:
    # n_s = 1, bias 0: Sigma' = A/(n - 1) + gamma delta delta', both means known
    dim, n_r, draws = 3, 12, 40_000
    by = pooling_of(fresh_data(n_r, 1, bias=0.0))
    mu = np.sqrt(0.5) * np.random.default_rng(1).standard_normal((draws, dim))
    rng = np.random.default_rng(2)
    Z = rng.standard_normal((draws, n_r, dim))
    X = np.concatenate([Z, mu[:, None]], axis=1)
    mean, centred = X.mean(axis=1), X - X.mean(axis=1, keepdims=True)
    S = centred.transpose(0, 2, 1) @ centred / n_r
    law = next_law(constant_law(dim, 0.5 * dim), by)
    s = 0.5 * law.scale
    solved = np.linalg.solve(S + s * np.eye(dim), mean[..., None])[..., 0]
    values = (mean * solved).sum(axis=1)
    got = float(law.traces(np.array([0.5])).pull[0]) / law.scale
    noise = values.std() / math.sqrt(draws)
    assert abs(got - values.mean()) < 4 * noise + 0.02 * got  # leading order in 1/d = 1/3
    assert got == pytest.approx(values.mean(), rel=0.06)


def test_real_term_vanishes_far_out_like_the_second_moment() -> None:
    # v at infinity: E tr (S/c - 1)^2 = d (d + 1)/k, of which d/k is the term of real samples
    d, k = 7, 20
    assert fit(d, k).shape[-1] == pytest.approx(d * (d + 1) / k, rel=1e-3)
    assert fit(d, k, real=False).shape[-1] == pytest.approx(d * d / k, rel=1e-3)


def test_step_says_where_the_last_law_was_read() -> None:
    # the equivalent is stationary: shifting the last log-determinant moves the next one at z alone
    law, by = at(fresh_data(40, 60), 30, 2), one_fit(80, bias=0.9)
    step = advance(law, by, real=False)
    bump = 1e-5 * np.exp(-np.square(GRID + 1))
    moved = MeanLaw(law.dim, law.scale, law.mean_sq, law.shape + bump, law.pull)
    change = advance(moved, by, real=False).law.shape - step.law.shape
    z = step.z
    share = (1 + np.exp(GRID)) / (1 + z)
    expected = 1e-5 * np.exp(-np.square(np.log(z) + 1)) * share**2
    assert change == pytest.approx(expected, abs=2e-9)


def test_pull_follows() -> None:
    law, by = at(fresh_data(40, 60), 30, 2), pooling_of(fresh_data(40, 60))
    step = advance(law, by)
    bump = 1e-5 * np.exp(-np.square(GRID + 1))
    moved = MeanLaw(law.dim, law.scale, law.mean_sq, law.shape, law.pull + bump)
    change = advance(moved, by).law.pull - step.law.pull
    expected = step.follows * 1e-5 * np.exp(-np.square(np.log(step.z) + 1))
    assert change == pytest.approx(expected, abs=2e-9)


def test_without_noise_of_the_model_nothing_of_it_is_used() -> None:
    none = Part(0.0, 0.0)
    by = Pooling((19.0, Part(0.02, 0.0)), (9.0, none), none, 0.0, Part(0.01, 0.0), none, 0.5)
    assert not by.uses_model
    a = next_law(at(fresh_data(5, 5), 10, 2), by)
    b = next_law(constant_law(10, a.mean_sq), one_fit(20))
    assert a.shape == pytest.approx(b.shape, rel=1e-12)


def test_fluctuation_is_a_determinant_over_columns() -> None:
    parts = Part(0.02, 0.0), Part(0.0, 0.03), Part(0.05, 0.04)
    columns = _Columns((12.0, 20.0, 1.0), parts)
    _, point = columns.solve(fit(6, 15))
    deltas = [w / point.B for w in point.w]
    for node in (0, 20, 40, 55):
        plain, mixed, model = (
            float(x[node]) / float(point.B[node]) ** 2
            for x in (point.at.plain_2, point.at.mixed_2, point.at.model_2)
        )
        K = [
            [
                (p.x * q.x * plain + (p.x * q.y + p.y * q.x) * mixed + p.y * q.y * model)
                * k
                / (1 + float(delta[node])) ** 2
                for q, k, delta in zip(parts, columns.k, deltas, strict=True)
            ]
            for p in parts
        ]
        expected = 0.5 * np.linalg.slogdet(np.eye(3) - K)[1]
        got = float(_fluctuation(columns, deltas, point)[node])
        assert got == pytest.approx(expected, rel=1e-9)
