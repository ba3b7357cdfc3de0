"""Every JSON number of `theory collapse` by a second route, written out here."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp
from scipy import integrate, stats

from madtheory.loop import fully_synthetic
from madtheory.theory.collapse import collapse_time

Answer = Callable[..., dict[str, Any]]

Close = Callable[..., None]

Refusal = Callable[..., str]

LOOPS = [
    # dim, n_synth, bias, first_generation
    (1, 2, 1.0, "real"),
    (1, 10, 0.9, "real"),
    (3, 10, 0.9, "real"),
    (3, 10, 0.9, "biased"),
    (5, 3, 0.5, "real"),
    (2, 2, 1.0, "biased"),
    (4, 8, 0.0, "real"),
    (4, 8, 0.0, "biased"),
    (2, 10**9, 1.0, "real"),
]

T = 6

mp.dps = 40


def biases(bias: float, first: str) -> list[Any]:
    """The factor of the covariance at t = 1..T: 1, lambda, lambda, ... or lambda throughout."""
    return [mp.mpf(bias if first == "biased" or t else 1.0) for t in range(T)]


def log(x: Any) -> Any:
    return mp.log(x) if x else -mp.inf


def collapse(answer: Answer, dim: int, n: int, bias: float, first: str) -> dict[str, Any]:
    return answer(
        *("theory", "collapse", "--dim", dim, "--n-synth", n, "--bias", bias),
        *("--generations", T, "--first-generation", first),
    )


@pytest.mark.parametrize(("dim", "n", "bias", "first"), LOOPS)
def test_collapse_rates(
    answer: Answer, close: Close, dim: int, n: int, bias: float, first: str
) -> None:
    got = collapse(answer, dim, n, bias, first)
    m = mp.mpf(n - 1)
    spectrum = [
        log(mp.mpf(bias)) + mp.digamma((m - i) / 2) - mp.log(m / 2) for i in range(min(dim, n - 1))
    ]
    close(got["lyapunov"], spectrum)
    close(got["rate"], spectrum[0])
    close(got["critical_bias"], m / 2 / mp.exp(mp.digamma(m / 2)))
    close(got["half_life"], mp.log(2) / abs(spectrum[0]) if bias else 0)


@pytest.mark.parametrize(("dim", "n", "bias", "first"), LOOPS)
def test_collapse_moments(
    answer: Answer, close: Close, dim: int, n: int, bias: float, first: str
) -> None:
    got = collapse(answer, dim, n, bias, first)
    m, d = mp.mpf(n - 1), mp.mpf(dim)
    trace, walk, squares = d, mp.mpf(0), (d, d * d)
    traces, walks, firsts, seconds = [], [], [], []
    for factor in biases(bias, first):
        trace *= factor
        walk += trace / n
        # E tr W^2 and E (tr W)^2 of one Wishart step, by Isserlis' theorem.
        a, b = squares
        squares = factor**2 * (a + (a + b) / m), factor**2 * (b + 2 * a / m)
        traces.append(trace)
        walks.append(walk)
        firsts.append(squares[0])
        seconds.append(squares[1])
    close(got["mean_trace"], traces)
    close(got["mean_walk"], walks)
    close(got["mean_trace_squared"], firsts)
    close(got["mean_squared_trace"], seconds)


@pytest.mark.parametrize(("dim", "n", "bias", "first"), LOOPS)
def test_collapse_log_determinant(
    answer: Answer, close: Close, dim: int, n: int, bias: float, first: str
) -> None:
    got = collapse(answer, dim, n, bias, first)
    m, total = mp.mpf(n - 1), mp.mpf(0)
    means, variances = [], []
    for t, factor in enumerate(biases(bias, first), start=1):
        if dim > n - 1:
            total = -mp.inf
        else:
            halves = [(m - i) / 2 for i in range(dim)]
            total += dim * log(factor) + sum(mp.digamma(h) - mp.log(m / 2) for h in halves)
        means.append(total)
        one = sum(mp.polygamma(1, (m - i) / 2) for i in range(dim)) if dim <= n - 1 else 0
        variances.append(t * one if mp.isfinite(total) else mp.nan)
    close(got["log_det_mean"], means)
    close(got["log_det_variance"], variances)


@pytest.mark.parametrize(("dim", "n", "bias", "first"), [loop for loop in LOOPS if loop[0] == 1])
def test_collapse_distance_in_one_dimension(
    answer: Answer, close: Close, dim: int, n: int, bias: float, first: str
) -> None:
    got = collapse(answer, dim, n, bias, first)
    m = mp.mpf(n - 1)
    c4 = mp.sqrt(2 / m) * mp.gammaprod([(m + 1) / 2], [m / 2])
    expected = [
        sum(mp.mpf(bias) ** k for k in range(t)) / n
        + 1
        + mp.mpf(bias) ** (t - 1)
        - 2 * mp.mpf(bias) ** (mp.mpf(t - 1) / 2) * c4**t
        for t in range(1, T + 1)
    ]
    # 1 + 1 - 2 c4: the float64 sum cancels down to 1/n.
    close(got["w2_squared"], expected, rel=1e-12)
    close(got["w2_squared_lower"], expected, rel=1e-9)
    close(got["w2_squared_upper"], expected, rel=1e-9)
    assert got["w2_squared_rel_error"] == [0] * T
    assert got["status"]["w2_squared"] == "exact"


def mean_root_trace_2x2(m: int) -> float:
    """E tr W^{1/2} in two dimensions: sqrt((a+c)^2 + b^2) of the Bartlett factor, integrated."""
    a, c, b = stats.chi(m), stats.chi(m - 1), stats.norm()

    top = 6 + math.sqrt(m)
    nodes, weights = np.polynomial.legendre.leggauss(150)
    grids = [
        (0.5 * (hi - lo) * nodes + 0.5 * (hi + lo), 0.5 * (hi - lo) * weights)
        for lo, hi in ((0, top), (0, top), (-8, 8))
    ]
    (xa, wa), (xc, wc), (xb, wb) = grids
    values = np.hypot((xa[:, None, None] + xc[:, None]), xb) * b.pdf(xb) * wb
    density = (a.pdf(xa) * wa)[:, None, None] * (c.pdf(xc) * wc)[:, None]
    return float((values * density).sum()) / math.sqrt(m)


@pytest.mark.parametrize("n", [3, 5, 20, 100])
def test_collapse_distance_in_two_dimensions_is_within_its_declared_error(
    answer: Answer, n: int
) -> None:
    got = answer("theory", "collapse", "--dim", 2, "--n-synth", n, "--generations", 1)
    exact = 2 / n + 2 + 2 - 2 * mean_root_trace_2x2(n - 1)
    (value,), (error,) = got["w2_squared"], got["w2_squared_rel_error"]
    assert abs(value - exact) <= error * value + 1e-6  # of the quadrature
    assert got["w2_squared_lower"][0] - 1e-6 <= exact <= got["w2_squared_upper"][0] + 1e-6
    assert error < 0.1


@pytest.mark.parametrize(("dim", "n"), [(2, 5), (10, 4), (50, 30), (100, 1000)])
def test_collapse_distance_lies_between_its_bounds(answer: Answer, dim: int, n: int) -> None:
    got = answer(
        "theory", "collapse", "--dim", dim, "--n-synth", n, "--bias", 0.9, "--generations", 30
    )
    low, value, high = (np.array(got[f"w2_squared{end}"]) for end in ("_lower", "", "_upper"))
    error = np.array(got["w2_squared_rel_error"])
    assert (low <= value * (1 + 1e-12)).all()
    assert (value <= high * (1 + 1e-12)).all()
    assert ((error >= 0) & (error < 1)).all()


def test_over_dispersion_needs_its_flag_and_reaches_the_critical_bias(answer: Answer) -> None:
    at = "theory collapse --dim 1 --n-synth 10 --generations 1 --bias"
    critical = answer(*at.split(), 1)["critical_bias"]
    assert critical > 1
    above = answer(*at.split(), critical * 1.01, "--allow-overdispersion")
    assert above["rate"] == pytest.approx(math.log(1.01), rel=1e-9)
    for more in ((), ("--shrinkage", 1)):
        grown = answer(*at.split(), critical * 1.01, "--allow-overdispersion", *more)
        assert grown["rate"] > 0
        assert grown["half_life"] is None
        assert "no half-life" in grown["reason"]["half_life"]


@pytest.mark.parametrize(("dim", "n", "bias"), [(1, 10, 0.9), (3, 4, 1.0), (2, 50, 0.5)])
def test_collapse_divided_by_n(answer: Answer, close: Close, dim: int, n: int, bias: float) -> None:
    """Maximum likelihood: every fit is (n-1)/n of the other, which the means do not see."""
    options = ("--dim", dim, "--n-synth", n, "--bias", bias, "--generations", T, "--ddof", 0)
    got = answer("theory", "collapse", *options)
    m, shrink = mp.mpf(n - 1), mp.mpf(n - 1) / n
    top = log(mp.mpf(bias)) + log(shrink) + mp.digamma(m / 2) - log(m / 2)
    close(got["rate"], top)
    close(got["critical_bias"], mp.mpf(bias) / mp.exp(top))
    close(got["half_life"], mp.log(2) / abs(top))
    trace, walk, traces, walks = mp.mpf(dim), mp.mpf(0), [], []
    for t in range(T):
        factor = mp.mpf(bias if t else 1)
        walk += factor * trace / n
        trace *= factor * shrink
        traces.append(trace)
        walks.append(walk)
    close(got["mean_trace"], traces)
    close(got["mean_walk"], walks)
    one = sum(mp.digamma((m - i) / 2) for i in range(dim)) + dim * log(shrink) - dim * log(m / 2)
    expected = [t * one + (t - 1) * dim * log(mp.mpf(bias)) for t in range(1, T + 1)]
    close(got["log_det_mean"], expected)


@pytest.mark.parametrize(
    ("shrinkage", "floor", "ddof"), [(1.0, 0.0, 1), (0.3, 0.2, 0), (0, 0.1, 1)]
)
def test_collapse_with_shrinkage_and_a_floor(
    answer: Answer, close: Close, shrinkage: float, floor: float, ddof: int
) -> None:
    """Moments fit by fit: S by Isserlis' theorem, then (1-a) S + a tr S/d, then the floor."""
    dim, n, bias = 3, 10, mp.mpf("0.75")
    options = (*("--dim", dim, "--n-synth", n, "--bias", 0.75, "--generations", T), "--ddof", ddof)
    got = answer("theory", "collapse", *options, "--shrinkage", shrinkage, "--floor", floor)
    a, e, m = mp.mpf(shrinkage), mp.mpf(floor), mp.mpf(n - 1)
    trace, walk, s, q = mp.mpf(dim), mp.mpf(0), mp.mpf(dim), mp.mpf(dim * dim)
    lists: dict[str, list[Any]] = {name: [] for name in ("trace", "walk", "squared", "square")}
    for t in range(T):
        factor = bias if t else mp.mpf(1)
        walk += factor * trace / n
        h = factor * m / (n - ddof)
        trace, s, q = h * trace, h * h * (s + (s + q) / m), h * h * (q + 2 * s / m)
        s = (1 - a) ** 2 * s + (2 * a - a * a) * q / dim
        s, q = s + 2 * e * trace + e * e * dim, q + 2 * e * dim * trace + (e * dim) ** 2
        trace += e * dim
        for name, value in zip(lists, (trace, walk, s, q), strict=True):
            lists[name].append(value)
    close(got["mean_trace"], lists["trace"])
    close(got["mean_walk"], lists["walk"])
    close(got["mean_trace_squared"], lists["squared"])
    close(got["mean_squared_trace"], lists["square"])
    assert got["log_det_mean"] == [None] * T


def test_rates_with_shrinkage_and_a_floor(answer: Answer, close: Close) -> None:
    line = "theory collapse --dim 3 --n-synth 10 --bias 0.75 --generations 2"
    whole = answer(*line.split(), "--shrinkage", 1)
    # The trace is multiplied by a chi-square of 3 x 9 degrees of freedom.
    unit = mp.digamma(mp.mpf(27) / 2) - mp.log(mp.mpf(27) / 2)
    close(whole["rate"], mp.log(mp.mpf(0.75)) + unit)
    close(whole["half_life"], mp.log(2) / abs(mp.log(mp.mpf(0.75)) + unit))
    close(whole["critical_bias"], mp.exp(-unit))
    part = answer(*line.split(), "--shrinkage", 0.4)
    assert [part[name] for name in ("rate", "half_life", "critical_bias")] == [None] * 3
    plain = answer(*line.split())
    assert plain["rate"] < part["rate_lower"] < part["rate_upper"] <= whole["rate"] * (1 - 1e-12)
    floor = answer(*line.split(), "--floor", 0.25)
    assert floor["rate"] is None
    close(floor["rate_lower"], plain["rate"])
    close(floor["critical_bias"], plain["critical_bias"])
    # E tr = 0.75 E tr + 0.25 d, and the mean then walks by bias E tr/n a generation.
    close(floor["stationary_trace"], 3.0)
    close(floor["mean_walk_growth"], 0.75 * 3 / 10)
    unbiased = answer(*line.split(), "--floor", 0.25, "--bias", 1)
    assert (unbiased["stationary_trace"], unbiased["mean_walk_growth"]) == (None, None)


@pytest.mark.parametrize("name", ["shrinkage", "floor"])
def test_biases_by_direction_and_regularised_fits_are_refused_by_their_names(
    refusal: Refusal, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "b.csv"
    path.write_text("0.5\n0.9\n1\n")
    options = ("--dim", 3, "--n-synth", 30, "--bias-file", path, f"--{name}", 0.2)
    assert refusal("theory", "collapse", *options) == (
        f"bias_file must be left out with {name}, got both; simulate collapse takes them"
    )


def test_quadrature_of_the_two_by_two_root_is_right() -> None:
    """The trace of the root integrated a third way: (a+c) and b in polar coordinates at m = 2."""
    # For m = 2, c = |N(0,1)| and a is Rayleigh.
    value, _ = integrate.nquad(
        lambda b, c, a: (
            math.hypot(a + c, b) * a * math.exp(-(a * a + b * b + c * c) / 2) * 2 / (2 * math.pi)
        ),
        [(-7, 7), (0, 7), (0, 7)],
        opts={"epsabs": 1e-5},
    )
    assert mean_root_trace_2x2(2) * math.sqrt(2) == pytest.approx(value, rel=1e-5)


def test_the_time_to_collapse_where_asked_for(answer: Answer) -> None:
    plain = ("theory", "collapse", "--dim", 4, "--n-synth", 10, "--bias", 0.9, "--generations", 2)
    assert "collapse_time" not in answer(*plain)
    got = answer(*plain, "--eps", 0.1)
    q = [0.05, 0.5, 0.95]
    found = collapse_time(fully_synthetic(10, bias=0.9), 4, eps=0.1, q=q)
    fields = ("value", "lower", "upper", "rel_error")
    names = ("quantiles", "lower", "upper", "rel_error")
    lists = {name: getattr(found, x).tolist() for name, x in zip(names, fields, strict=True)}
    assert got["collapse_time"] == {"eps": 0.1, "q": q, **lists}
    assert got["status"]["collapse_time"] == "asymptotic"
    floored = answer(*plain, "--eps", 0.1, "--floor", 0.1)
    assert floored["collapse_time"] is None
    assert "floor = 0 only" in floored["reason"]["collapse_time"]
