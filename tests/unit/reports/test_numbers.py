"""Numbers that the report computes itself, by a second route."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import digamma, polygamma

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from madtheory import spectrum as spectrum_room
from madtheory.loop import fresh_data, fully_synthetic
from madtheory.reports import limits
from madtheory.reports.audit import numbers as audit
from madtheory.reports.audit import tables as audit_tables
from madtheory.reports.claims import errata
from madtheory.reports.collapse import passage, paths, spectrum
from madtheory.reports.contents import SECTIONS
from madtheory.reports.formats import to_markdown
from madtheory.reports.fresh import numbers as fresh
from madtheory.reports.modes import categories
from madtheory.reports.modes import numbers as modes
from madtheory.reports.modes import tables as modes_tables
from madtheory.reports.regimes import numbers as regimes
from madtheory.theory import distance, moments


def test_stretch_has_the_lyapunov_exponents():
    dim, n, steps, runs = 3, 7, 200, 40
    found = spectrum.stretch(
        n, dim, generations=steps, replicates=runs, rng=np.random.default_rng(1)
    )
    half = (n - 1 - np.arange(dim)) / 2
    theory = digamma(half) - math.log((n - 1) / 2)
    z = (found.mean(axis=(0, 1)) - theory) / np.sqrt(polygamma(1, half) / (steps * runs))
    assert np.abs(z).max() < 4


def test_excess_kurtosis_against_simulation():
    rng = np.random.default_rng(5)
    n, t, size = 10, 4, 400_000
    sigma, total = np.ones(size), np.zeros(size)
    for _ in range(t):
        total += sigma
        sigma = sigma * rng.chisquare(n - 1, size) / (n - 1)
    simulated = 3 * ((total**2).mean() / t**2 - 1)
    assert errata.excess_kurtosis(n, t) == pytest.approx(simulated, rel=0.02)


def test_excess_kurtosis_by_hand():
    # t = 2: V = 1 + Sigma_1, E V^2 = 1 + 2 + (1 + 2/m), (E V)^2 = 4.
    assert errata.excess_kurtosis(10, 2) == pytest.approx(3 * (4 + 2 / 9) / 4 - 3)
    assert errata.excess_kurtosis(10, 1) == 0


def test_top_share_against_simulation():
    rng = np.random.default_rng(2)
    x = (rng.chisquare(9, (400_000, 3)) / 9).prod(axis=1)
    largest = np.sort(x)[-4000:]
    share = paths.top_share(fully_synthetic(10), 3, 0.01)
    assert share == pytest.approx(largest.sum() / x.sum(), rel=0.01)


def test_first_below_and_its_quantile():
    logs = np.array([[0.0, -3.0, -1.0], [-3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    times = passage.first_below(logs, -2.0)
    assert times.tolist() == [2, 1, 4]
    median, low, high = passage.quantile_interval(np.arange(1, 1001), 0.5)
    assert (median, low, high) == pytest.approx((501, 470, 532), abs=1)


def test_a_mode_split_in_two_is_one_mode():
    # Two components of the first mode, one of the last: their means 0.2 apart.
    source = modes.grid_mixture()
    weights = np.array([0.25, 0.25, 0.5] + [0.0] * 22)
    means = np.zeros((25, 2))
    means[:3] = source.means[0] + [0.1, 0], source.means[0] - [0.1, 0], source.means[24]
    factors = np.tile(0.1 * np.eye(2), (25, 1, 1))
    arrays = {"weights": weights, "means": means, "factors": factors}
    model = source.load({**arrays, "converged": np.array(True), "n_iter": np.array(0)})
    rng = np.random.default_rng(0)
    samples = model.sample(400, 1.0, rng)
    measures = modes._Measures(source, 400)
    found = dict(zip(modes.QUANTITIES, measures.numbers(model, samples, rng), strict=True))
    assert found["alive"] == 2
    # Law of total variance: .02 within, .01 between the halves; 8^2 + 8^2 between the modes / 4.
    assert found["modal_sum"] == pytest.approx(0.03 + 0.02, rel=1e-12)
    assert found["component"] == pytest.approx(0.02, rel=1e-12)
    assert found["widest"] == pytest.approx(0.02, rel=1e-12)
    assert found["total"] == pytest.approx(0.5 * 0.03 + 0.5 * 0.02 + 32, rel=1e-12)
    assert 0 < found["recall"] < 2 / 25 + 0.1


def test_ratio_of_means_and_its_error():
    # 95 % intervals hold the ratio 2 in 400 repetitions: 380 expected, deviation 4.4.
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        below = rng.gamma(20.0, 1.0, 200)
        above = 2 * below + rng.standard_normal(200) * np.sqrt(below)
        ratio, se = modes._ratio_se(above[:, None], below[:, None])
        held += abs(ratio[0] - 2) < 1.96 * se[0]
    assert 360 <= held <= 396


def test_misses_are_measured_by_the_spread_of_the_idealised_loop():
    idealised = {"mean": [10.0], "se": [0.1], "runs": 100}  # standard deviation 1
    em = {"mean": [12.0], "se": [0.3], "runs": 4}
    curves = dict.fromkeys(("alive", "total", "modal", "recall", "predicted"), idealised)
    curves = {**curves, "predicted": {**idealised, "at": [1]}}
    theory = {"alive": [10.0], "total": [10.0], "modal": {"floor": [10.0]}}
    four = dict.fromkeys(curves, em)
    rows = modes._misses(theory, curves, {"anew": four, "continued": four}, [1], [1])
    assert [row["anew"]["z"] for row in rows] == pytest.approx([4.0] * 4)
    assert rows[0]["anew"]["percent"] == pytest.approx(20)
    table = to_markdown(modes_tables.misses({"misses": rows}))
    assert "| modes alive | 1 | 10 | 10 ± 0.1 | 0 | 12 ± 0.3 | 20 | 4 |" in table


def test_theory_of_the_modes_at_the_first_generation():
    section = next(s for s in SECTIONS if s.name == "modes")
    theory = modes._theory({**section.config("tiny", 0), "generations": 2}, 25)
    n, p = 100, 1 / 25
    assert theory["alive"][0] == pytest.approx(25 * (1 - (1 - p) ** n), rel=1e-12)
    # E 1 - 1/N over the counts N > 0, by the binomial law.
    N = np.arange(1, n + 1)
    law = np.array([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in N])
    shrunk = 2 * 0.05**2 * (law @ (1 - 1 / N)) / law.sum()
    assert theory["modal"]["em"][0] == pytest.approx(shrunk, rel=1e-10)
    assert theory["modal"]["floor"][0] == pytest.approx(shrunk + 2e-6, rel=1e-10)
    assert theory["total"][0] == pytest.approx((1 - 1 / n) * 16.005 + 2e-6, rel=1e-12)


def test_words_and_tokens_agree_with_their_simulation():
    section = next(s for s in SECTIONS if s.name == "categories")
    many = {"replicates": 400, "replicates_two": 4000, "replicates_fresh": 400, "settle": 6}
    found = categories.compute({**section.config("tiny", 2), **many})
    # 16 points at 4 standard errors: a false alarm in about 1 of 1,000 seeds.
    assert found["largest_z"] < 4
    assert [len(item["number"]) for item in found["survivors"]] == [5] * 4


def test_false_verdicts_are_counted():
    row = {"loop": "x", "truth": "mad", "covered": 0.5}
    assert audit._interval(0, 60)[1] == pytest.approx(1 - 0.025 ** (1 / 60), rel=1e-9)
    loops = audit._loops(40)
    assert [audit._truth(loop) for loop in loops.values()] == ["mad"] * 2 + ["not_mad"] * 4
    counts = {"runs": 3, "mad": 1, "not_mad": 2, "undecided": 0, "wrong": 2, "wrong_high": 0.9}
    table = to_markdown(audit_tables.audit_errors({"errors": [{**row, **counts}]}))
    assert table.splitlines()[2] == "| x | MAD | 3 | 1 | 2 | 0 | 2 | 0.9 | 0.5 |"


def test_scatter_of_a_mixture_whatever_its_weights_sum_to():
    means, traces = np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([1.0, 3.0])
    for whole in (1.0, 4.0):
        assert modes._scatter(whole * np.array([0.5, 0.5]), means, traces) == pytest.approx(3.0)


def test_a_horizon_leaves_a_thousandth_of_the_start():
    loop = fresh_data(20, 80)
    late = limits.horizon(loop, 1, 10**6)
    rate = moments.forgetting_rate(loop)
    assert rate ** (late + 1) < 1e-3 <= rate**late


def test_a_mixture_is_half_fixed_and_begins_with_all():
    loop = regimes._mixture(11, 30, 0.9)
    assert (loop.n_initial, loop.n_fixed, loop.n_fresh, loop.n_real) == (11, 5, 6, 11)


@pytest.mark.parametrize(("off", "beyond"), [(0.5, 0.0), (3.0, 2.0)])
def test_what_lies_beyond_the_declared_error(monkeypatch, off, beyond):
    loop, config = fresh_data(10, 20), {"dim": 2, "longest": 9}
    limit = regimes.w2_squared_limit(loop, np.ones(2))
    value, error = float(limit.value), float(limit.rel_error * limit.value)
    assert error > 0
    found = 9, np.array([1.0, value - off * error]), np.array([1.0, 1e-3])
    monkeypatch.setattr(regimes, "first_and_late", lambda *_: found)
    got = regimes._simulated(loop, config)["beyond"]
    assert got == pytest.approx(beyond * error / 1e-3, rel=1e-9)


def test_modes_that_come_back_are_counted():
    alive = np.array([[5.0, 3.0, 4.0, 4.0], [5.0, 4.0, 3.0, 3.0]])
    numbers = np.ones((2, 4, len(modes.QUANTITIES)))
    numbers[:, :, 0] = alive
    bands = SimpleNamespace(values={"numbers": numbers})
    assert modes._em_curves(bands, 2.0)["revived"] == 0.5


def test_components_without_weight_are_none():
    source = modes.grid_mixture(2, spacing=1.0, sigma=0.05)
    measures, rng = modes._Measures(source, 40), np.random.default_rng(0)
    factors = source.factors.copy()
    factors[3] *= 100
    thin = dataclasses.replace(source, weights=np.array([0.4, 0.3, 0.3, 1e-12]), factors=factors)
    found = measures.numbers(thin, source.sample(40, 1.0, rng), rng)
    assert found[3:5] == pytest.approx([2 * 0.05**2] * 2, rel=1e-12)


def test_every_curve_of_the_forgetting_has_draws_of_its_own(monkeypatch):
    seeds = []

    def compared(loop, ones, config):
        seeds.append(config["seed"])
        return {"bias": loop.bias, "mean": np.ones(2), "se": np.ones(2)}

    monkeypatch.setattr(fresh.limits, "compared", compared)
    fresh.compute_forgetting(
        {"n_real": 9, "n_synth": 9, "biases": [1.0, 0.9], "n_initial": [5, 9], "dim": 2,
         "seed": 3, "generations": 2}
    )  # fmt: skip
    assert len(set(seeds)) == 4


def test_the_edge_is_where_the_risk_passes_that_of_real_data():
    edge = fresh._edge(20, 0.5, 2)
    base = spectrum_room.baseline(20, np.ones(2)).value
    below, above = (
        distance.w2_squared_limit(fresh_data(20, n, bias=0.5), np.ones(2)).value
        for n in (math.floor(edge), math.ceil(edge))
    )
    assert below <= base <= above
