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


# --- fully synthetic loop: divisor, shrinkage, floor --------------------------------------------


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


# --- memory, weights, divisor -------------------------------------------------------------------


def close_to(found: Any, expected: Any, rel: float) -> None:
    assert found == pytest.approx([float(x) for x in expected], rel=rel)


@pytest.mark.parametrize(("memory", "bias"), [(1, 0.9), (2, 1.0), (3, 0.8), ("all", 0.9)])
def test_memory_path_by_products_of_means(answer: Answer, memory: Any, bias: float) -> None:
    """E mu_s.mu_t of all models, and samples of the mixture of the last ones, d = 1."""
    n_r, n_s, n = 6, 9, 15
    options = ("--n-real", n_r, "--n-synth", n_s, "--memory", memory, "--bias", bias)
    got = answer("theory", "fresh", "--dim", 1, *options, "--generations", T)
    G, C = np.zeros((T, T)), np.ones(T)
    G[0, 0] = 1 / n_r
    for t in range(1, T):
        last = slice(0 if memory == "all" else max(0, t - memory), t)
        common = G[last, last].mean()
        own = bias * C[last].mean() + np.diag(G)[last].mean() - common  # of one sample
        batch = common + own / n_s
        G[t, :t] = G[:t, t] = n_s / n * G[last, :t].mean(axis=0)
        G[t, t] = (n_r / n) ** 2 / n_r + (n_s / n) ** 2 * batch
        C[t] = (n_r - 1 + (n_s - 1) * own + n_r * n_s / n * (1 / n_r + batch)) / (n - 1)
    close_to(got["path"]["mean_sq"], np.diag(G), 1e-12)
    close_to(got["path"]["trace"], C, 1e-12)


@pytest.mark.parametrize("weight", [0.25, 0.618, 1.0])
@pytest.mark.parametrize("ddof", [0, 1])
def test_weights_and_divisors_by_iteration(answer: Answer, weight: float, ddof: int) -> None:
    """theory.md 2.9, each side divided by its own count less ddof."""
    n_r, n_s, bias = 12, 30, 0.9
    options = ("--n-real", n_r, "--n-synth", n_s, "--bias", bias, "--ddof", ddof)
    got = answer("theory", "fresh", "--dim", 2, *options, "--weight", weight, "--generations", T)
    M, C, path = 1 / n_r, (n_r - 1) / (n_r - ddof), []
    for _ in range(600):
        path.append((2 * M, 2 * C))
        batch = M + bias * C / n_s
        real, synthetic = (n_r - 1) / (n_r - ddof), (n_s - 1) / (n_s - ddof) * bias * C
        C = weight * real + (1 - weight) * synthetic + weight * (1 - weight) * (1 / n_r + batch)
        M = weight**2 / n_r + (1 - weight) ** 2 * batch
    close_to(got["path"]["mean_sq"], [x for x, _ in path[:T]], 1e-12)
    close_to(got["path"]["trace"], [y for _, y in path[:T]], 1e-12)
    close_to([got["mean_sq"], got["trace"]], path[-1], 1e-12)


# --- synthetic augmentation ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dim", "n_r", "n_s", "bias"),
    [(1, 10, 20, 0.5), (5, 100, 300, 1.0), (3, 2, 10, 1.0), (4, 9, 1, 0)],
)
def test_augmentation_first_moments_by_iteration(
    answer: Answer, close: Close, dim: int, n_r: int, n_s: int, bias: float
) -> None:
    """theory.md 3.1: D = E |mu - x_r|^2 and C = E tr Sigma, around the fixed sample mean."""
    options = ("--dim", dim, "--n-real", n_r, "--n-synth", n_s, "--bias", bias)
    got = answer("theory", "augmentation", *options, "--generations", T)
    n, lam = mp.mpf(n_r + n_s), mp.mpf(bias)
    D, C, path = mp.mpf(0), mp.mpf(1), []
    for _ in range(4000):
        path.append((dim * (mp.mpf(1) / n_r + D), dim * C))
        batch = D + lam * C / n_s
        C = ((n_r - 1) + (n_s - 1) * lam * C + n_r * n_s / n * batch) / (n - 1)
        D = (n_s / n) ** 2 * batch
    close(got["path"]["mean_sq"], [x for x, _ in path[:T]])
    close(got["path"]["trace"], [y for _, y in path[:T]])
    close(got["mean_sq"], path[-1][0])
    close(got["trace"], path[-1][1])
    # (D, C) forgets at the spectral radius of its map.
    b = mp.mpf(n_s) / n
    A = mp.matrix(
        [[b * b, b * b * lam / n_s], [n_r * b / (n - 1), (n_s - 1 + n_r / n) * lam / (n - 1)]]
    )
    radius = max(abs(value) for value in mp.eig(A, left=False, right=False))
    # An eigenvalue of the mean around the fixed set, b, is that of its own covariance with it.
    close(got["forgetting_rate"], max(radius, b))


@pytest.mark.parametrize("bias", [1.0, 0.8])
def test_a_growing_pool_by_iteration(answer: Answer, close: Close, bias: float) -> None:
    """theory.md 3.2: one pool, to which every model adds n samples."""
    n_r, n_s = 10, 8
    options = ("--dim", 2, "--n-real", n_r, "--n-synth", n_s, "--bias", bias)
    got = answer("theory", "augmentation", *options, "--pool", "accumulate")
    lam, M, C, means, traces = mp.mpf(bias), mp.mpf(1) / n_r, mp.mpf(1), [], []
    for t in range(20):
        means.append(2 * M)
        traces.append(2 * C)
        N = mp.mpf(n_r + t * n_s)
        M += lam * n_s * C / (N + n_s) ** 2
        C *= ((N - 1) + lam * (n_s - 1 + N / (N + n_s))) / (N + n_s - 1)
    close(got["path"]["mean_sq"], means)
    close(got["path"]["trace"], traces)
    assert got["forgetting_rate"] == 1
    assert means[-1] < got["mean_sq"] < means[-1] + 2 * bias / (n_r + 19 * n_s)
    if bias < 1:
        assert got["trace"] == 0
    else:
        assert 0.8 * traces[-1] < got["trace"] < traces[-1]
    assert {"trace_squared", "squared_trace"} <= set(got["reason"])
    if bias < 1:
        assert got["w2_squared"] == pytest.approx(2 + got["mean_sq"], rel=1e-12)
        assert got["w2_squared_rel_error"] == 0
    else:
        assert "admissible_n_synth" in got["reason"]


def test_a_pool_of_one_generation_is_replaced(answer: Answer, close: Close) -> None:
    line = "theory augmentation --dim 3 --n-real 20 --n-synth 30 --bias 0.9"
    plain = answer(*line.split())
    one = answer(*line.split(), "--pool", "accumulate", "--pool-cap", 1)
    for name in ("mean_sq", "trace", "trace_squared", "squared_trace", "forgetting_rate"):
        close(one[name], plain[name], rel=1e-10)
    for name in ("mean_sq", "trace"):
        close(one["path"][name], plain["path"][name], rel=1e-12)


def test_a_budget_that_is_never_reached_changes_nothing(answer: Answer, close: Close) -> None:
    line = "theory augmentation --dim 3 --n-real 20 --n-synth 30 --pool accumulate"
    free, bound = answer(*line.split()), answer(*line.split(), "--budget", 10**4)
    free, bound = free["path"], bound["path"]
    for name in ("mean_sq", "trace"):
        close(bound[name], free[name])
    tight = answer(*line.split(), "--budget", 40)["path"]
    # 40 of the 50 samples of generation 2: their variance is unbiased, their mean strays.
    close(tight["trace"][1], free["trace"][1])
    close(tight["mean_sq"][1], free["mean_sq"][1] + free["trace"][1] * (1 / 40 - 1 / 50))


def test_fixed_and_fresh_data_by_iteration(answer: Answer, close: Close) -> None:
    """A fixed set and a fresh one beside it: E mu.x_f is carried too."""
    n_f, n_r, n_s, lam = 10, 5, 20, mp.mpf(0.9)
    line = "theory augmentation --dim 1 --n-real 10 --n-fresh 5 --n-synth 20 --bias 0.9"
    got = answer(*line.split(), "--generations", T)
    n = mp.mpf(n_f + n_r + n_s)
    sizes = (n_f, n_r, n_s)
    M, X, C, path = mp.mpf(1) / n_f, mp.mpf(1) / n_f, mp.mpf(1), []
    for _ in range(1000):
        path.append((M, C))
        batch = M + lam * C / n_s
        # Mean square distances of fixed, fresh and synthetic means, weighted by their counts.
        squares, cross = (mp.mpf(1) / n_f, mp.mpf(1) / n_r, batch), {(0, 2): X}
        gaps = {
            (i, j): squares[i] + squares[j] - 2 * cross.get((i, j), mp.mpf(0))
            for i, j in ((0, 1), (0, 2), (1, 2))
        }
        between = sum(sizes[i] * sizes[j] * gap for (i, j), gap in gaps.items()) / n
        M = sum(k**2 * square for k, square in zip(sizes, squares, strict=True)) / n**2
        M += 2 * n_f * n_s * X / n**2
        X = (n_f * mp.mpf(1) / n_f + n_s * X) / n
        C = ((n_f - 1) + (n_r - 1) + (n_s - 1) * lam * C + between) / (n - 1)
    close(got["path"]["mean_sq"], [x for x, _ in path[:T]])
    close(got["path"]["trace"], [y for _, y in path[:T]])
    close(got["mean_sq"], path[-1][0])
    close(got["trace"], path[-1][1])


AUGMENTED = [
    "--n-real 100 --n-synth 50 --bias 0.9",
    "--n-real 100 --n-synth 300",
    "--n-real 60 --n-synth 40 --n-fresh 40",
    "--n-real 100 --n-synth 100 --pool accumulate",
    "--n-real 100 --n-synth 100 --memory 3",
]


@pytest.mark.parametrize("options", AUGMENTED)
def test_augmentation_effective_size_inverts_the_baseline(
    answer: Answer, close: Close, options: str
) -> None:
    got = answer("theory", "augmentation", "--dim", 2, *options.split())
    n_real = got["loop"]["n_fixed"] + got["loop"]["n_fresh"]
    if got["w2_squared"] is None:
        assert (got["n_eff"], got["gain"]) == (None, None)
        assert got["reason"]["n_eff"] == got["reason"]["w2_squared"]
        return
    size = answer("theory", "effective", "--dim", 2, "--w2-squared", repr(got["w2_squared"]))
    close(got["n_eff"], size["n_eff"])
    close(got["gain"], got["n_eff"] / n_real)
    assert got["admissible_n_synth_limit"] is None


@pytest.mark.parametrize("memory", [1, 4])
def test_second_moments_of_augmentation_are_the_library_s(
    answer: Answer, close: Close, memory: int
) -> None:
    from madtheory.loop import synthetic_augmentation
    from madtheory.theory.moments.second import invariant_limit

    line = "theory augmentation --dim 3 --n-real 20 --n-synth 30 --bias 0.9 --memory"
    got = answer(*line.split(), memory)
    expected = invariant_limit(synthetic_augmentation(20, 30, bias=0.9, memory=memory), 3)
    assert expected is not None
    close(got["trace_squared"], float(expected.trace_squared))
    close(got["squared_trace"], float(expected.squared_trace))
    assert got["status"]["trace_squared"] == ("exact" if memory == 1 else "asymptotic")


@pytest.mark.parametrize("memory", [1, 3, 60])
def test_with_all_weight_on_real_data_the_loop_forgets_at_once(
    answer: Answer, close: Close, memory: int
) -> None:
    line = "theory fresh --dim 3 --n-real 50 --n-synth 20 --weight 1 --memory"
    got = answer(*line.split(), memory)
    assert got["forgetting_rate"] == 0
    close(got["mean_sq"], 3 / 50)


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
