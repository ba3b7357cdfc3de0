"""Every JSON number of the theory commands by a second route, written out here."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp
from scipy import integrate, optimize, stats

Answer = Callable[..., dict[str, Any]]
Close = Callable[..., None]

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
    nodes, weights = np.polynomial.legendre.leggauss(60)
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
    assert abs(value - exact) <= error * value + 1e-9
    assert got["w2_squared_lower"][0] - 1e-9 <= exact <= got["w2_squared_upper"][0] + 1e-9
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


# --- fresh data loop ----------------------------------------------------------------------------

FRESH = [
    # dim, n_real, n_synth, bias, n_initial
    (1, 10, 20, 0.5, None),
    (5, 100, 300, 1.0, None),
    (100, 100, 900, 0.9, 50),
    (3, 2, 10, 1.0, None),
    (4, 30, 7, 0.0, 1000),
]


def fresh_options(loop: tuple[int, int, int, float, int | None]) -> list[object]:
    dim, n_real, n_synth, bias, n_initial = loop
    initial = [] if n_initial is None else ["--n-initial", n_initial]
    return [
        *("theory", "fresh", "--dim", dim, "--n-real", n_real, "--n-synth", n_synth),
        *("--bias", bias, *initial),
    ]


def fresh_map(n_r: int, n_s: int, bias: float) -> tuple[Any, Any]:
    """(M, C) -> A (M, C) + b in units of d: two groups pooled, written out by their sums."""
    n = n_r + n_s
    A = mp.matrix(
        [
            [mp.mpf(n_s) ** 2 / n**2, n_s * mp.mpf(bias) / n**2],
            [mp.mpf(n_r * n_s) / (n * (n - 1)), n_s * mp.mpf(bias) / n],
        ]
    )
    return A, mp.matrix([mp.mpf(n_r) / n**2, mp.mpf(n_r) / n])


@pytest.mark.parametrize("loop", FRESH)
def test_fresh_first_moments_by_iteration(answer: Answer, close: Close, loop: Any) -> None:
    dim, n_r, n_s, bias, n_initial = loop
    got = answer(*fresh_options(loop), "--generations", T)
    A, b = fresh_map(n_r, n_s, bias)
    x = mp.matrix([mp.mpf(1) / (n_initial or n_r), mp.mpf(1)])
    path = []
    for _ in range(T):
        path.append(x)
        x = A * x + b
    close(got["path"]["mean_sq"], [dim * y[0] for y in path])
    close(got["path"]["trace"], [dim * y[1] for y in path])
    for _ in range(4000):
        x = A * x + b
    close(got["mean_sq"], dim * x[0])
    close(got["trace"], dim * x[1])
    radius = max(abs(value) for value in mp.eig(A, left=False, right=False))
    close(got["forgetting_rate"], radius)


@pytest.mark.parametrize("n", [3, 50])
def test_fresh_second_moments_without_synthetic_influence(
    answer: Answer, close: Close, n: int
) -> None:
    """At lambda = 0 and one synthetic sample, which is the previous mean, d = 1, by hand."""
    got = answer(*fresh_options((1, n, 1, 0.0, None)))
    N = mp.mpf(n + 1)
    # (N-1) S = (n-1) s_r + n/N delta^2, delta = xbar - mu, mu normal of variance v.
    v = mp.mpf(1) / n / (1 - 1 / N**2) * (n / N) ** 2
    delta2 = mp.mpf(1) / n + v
    mean = ((n - 1) + n / N * delta2) / (N - 1)
    second = (
        (n - 1) ** 2 + 2 * (n - 1) + 2 * (n - 1) * n / N * delta2 + 3 * (n / N * delta2) ** 2
    ) / (N - 1) ** 2
    close(got["mean_sq"], v)
    close(got["trace"], mean)
    close(got["trace_squared"], second)
    close(got["squared_trace"], second)


def test_fresh_second_moments_that_diverge_are_null(answer: Answer) -> None:
    got = answer("theory", "fresh", "--dim", 2, "--n-real", 1, "--n-synth", 10)
    assert got["trace_squared"] is None
    assert got["squared_trace"] is None
    assert got["trace"] > 0
    assert got["second_moment_radius"] > 1


def second_order_w2(dim: int, n_r: int, n_s: int, bias: float) -> float:
    """theory.md 2.4, written out, from the exact first moments."""
    A, b = fresh_map(n_r, n_s, bias)
    M, c = mp.lu_solve(mp.eye(2) - A, b)
    n = n_r + n_s
    s = mp.mpf(n_r) / (n - bias * n_s)
    V = dim * (dim + 1) * (n_r + (bias * s) ** 2 * n_s) / mp.mpf(n) ** 2
    V /= 1 - (mp.mpf(bias) * n_s / n) ** 2
    return float(dim * M + dim * (1 - mp.sqrt(c)) ** 2 + V / (4 * c ** (mp.mpf(3) / 2)))


@pytest.mark.parametrize(
    "loop", [(10, 2000, 2000, 0.5), (3, 10**4, 3000, 0.9), (100, 100, 900, 0.9), (1, 500, 100, 1.0)]
)
def test_fresh_distance_agrees_with_the_second_order(answer: Answer, loop: Any) -> None:
    got = answer(*fresh_options((*loop, None)))
    reference = second_order_w2(*loop)
    # Both are asymptotic in d/n_real: they differ by no more than the next order.
    slack = got["w2_squared_rel_error"] + 3 * loop[0] / loop[1] / 10 + 2e-3
    assert got["w2_squared"] == pytest.approx(reference, rel=slack)
    assert 0 <= got["w2_squared_rel_error"] < 0.3


def test_fresh_distance_of_the_paper(answer: Answer) -> None:
    """d = 100, n_r = 100, n_s = 900: simulated once, 13.415 +- .002 (.9), 12.287 +- .007 (1)."""
    for bias, simulated in ((0.9, 13.415), (1.0, 12.287)):
        got = answer(*fresh_options((100, 100, 900, bias, None)))
        assert got["w2_squared"] == pytest.approx(simulated, rel=got["w2_squared_rel_error"])


def leading_order_size(w2: float, dim: int) -> float:
    """Invert d/n + d(d+1)/(4(n-1))."""
    return float(
        optimize.brentq(lambda n: dim / n + dim * (dim + 1) / (4 * (n - 1)) - w2, 1 + 1e-9, 1e15)
    )


@pytest.mark.parametrize("loop", [(1, 500, 100, 1.0, None), (5, 10**4, 300, 0.9, None)])
def test_fresh_effective_size_inverts_the_baseline(answer: Answer, loop: Any) -> None:
    got = answer(*fresh_options(loop))
    # The baseline may carry more than the leading order, which is right to d/n.
    expected = leading_order_size(got["w2_squared"], loop[0])
    assert got["n_eff"] == pytest.approx(expected, rel=1e-3)
    assert got["gain"] == pytest.approx(got["n_eff"] / loop[1], rel=1e-12)


def test_fresh_effective_size_carries_the_error_of_the_distance(
    answer: Answer, close: Close
) -> None:
    got = answer(*fresh_options((5, 1000, 300, 0.9, None)))
    assert got["n_eff_lower"] <= got["n_eff"] <= (got["n_eff_upper"] or math.inf)
    for end, sign in (("lower", 1), ("upper", -1)):
        w2 = max(got["w2_squared"] * (1 + sign * got["w2_squared_rel_error"]), 0.0)
        at = answer("theory", "effective", "--dim", 5, "--w2-squared", repr(w2))
        close(got[f"n_eff_{end}"], at["n_eff"])


@pytest.mark.parametrize(("dim", "bias"), [(1, 0.5), (5, 0.5), (20, 0.8), (100, 0.9), (2, 0.0)])
def test_admissible_synthetic_samples(answer: Answer, close: Close, dim: int, bias: float) -> None:
    limit = 4 / (1 - bias) ** 2 * ((2 - bias) + (dim + 1) / 4 * (1 + 3 * bias - 2 * bias**2) / 2)
    n_real = round(300 * limit)
    got = answer(*fresh_options((dim, n_real, 1, bias, None)))
    close(got["admissible_n_synth_limit"], limit)
    # The relative error of the limit is O(n_s*/n_r), here 1/300.
    assert got["admissible_n_synth"] == pytest.approx(limit, rel=0.02)


def test_at_no_bias_any_amount_is_admissible(answer: Answer) -> None:
    got = answer(*fresh_options((2, 1000, 10, 1.0, None)))
    assert got["admissible_n_synth"] is None
    assert got["admissible_n_synth_limit"] is None


# --- real data only -----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 20, 10**6])
def test_baseline_in_one_dimension(answer: Answer, n: int) -> None:
    got = answer("theory", "baseline", "--dim", 1, "--n", n)
    m = mp.mpf(n - 1)
    c4 = mp.sqrt(2 / m) * mp.gammaprod([(m + 1) / 2], [m / 2])
    exact = float(mp.mpf(1) / n + 2 - 2 * c4)
    error = got["w2_squared_rel_error"]
    assert got["w2_squared"] == pytest.approx(exact, rel=error + 1e-9)
    assert error < 0.5


@pytest.mark.parametrize(("dim", "n"), [(2, 100), (10, 1000), (50, 10**6)])
def test_baseline_leading_order(answer: Answer, dim: int, n: int) -> None:
    got = answer("theory", "baseline", "--dim", dim, "--n", n)
    leading = dim / n + dim * (dim + 1) / (4 * (n - 1))
    assert got["w2_squared"] == pytest.approx(leading, rel=dim / n)
    assert got["w2_squared_rel_error"] < dim / n


@pytest.mark.parametrize("dim", [1, 10])
@pytest.mark.parametrize("n", [50, 10**5])
def test_effective_size_inverts_the_baseline(answer: Answer, dim: int, n: int) -> None:
    w2 = answer("theory", "baseline", "--dim", dim, "--n", n)["w2_squared"]
    got = answer("theory", "effective", "--dim", dim, "--w2-squared", repr(w2))
    assert got["n_eff"] == pytest.approx(n, rel=1e-9)


def test_no_distance_takes_infinitely_many_samples(answer: Answer) -> None:
    assert answer("theory", "effective", "--dim", 2, "--w2-squared", 0)["n_eff"] is None


# --- real data ----------------------------------------------------------------------------------


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
