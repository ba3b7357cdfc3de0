"""Every JSON number of `theory fresh` by a second route, written out here."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp
from scipy import optimize

from tests.cli.theory.fresh_map import fresh_map

Answer = Callable[..., dict[str, Any]]

Close = Callable[..., None]

T = 6

mp.dps = 40

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
    for bias, simulated, noise in ((0.9, 13.415, 0.002), (1.0, 12.287, 0.007)):
        got = answer(*fresh_options((100, 100, 900, bias, None)))
        allowed = got["w2_squared"] * got["w2_squared_rel_error"] + 3 * noise
        assert got["w2_squared"] == pytest.approx(simulated, abs=allowed)
        assert got["w2_squared_rel_error"] < 1e-3


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


def test_admissible_synthetic_samples_have_an_interval(answer: Answer) -> None:
    # Simulated limits at n_synth = 436 and 448 and the exact baseline meet at 448.0.
    got = answer(*fresh_options((30, 30, 1, 0.7, None)))
    assert got["admissible_n_synth_lower"] < 448.0 < got["admissible_n_synth_upper"]
    assert got["admissible_n_synth"] == pytest.approx(448.0, rel=2e-3)
    # None is too many.
    got = answer(*fresh_options((30, 10, 1, 0.9, None)))
    for end in ("", "_lower", "_upper"):
        assert got[f"admissible_n_synth{end}"] is None
    assert got["reason"]["admissible_n_synth_lower"] == "no n_synth is too many"
    assert got["reason"]["admissible_n_synth_upper"] == "no n_synth is too many for certain"


def test_at_no_bias_any_amount_is_admissible(answer: Answer) -> None:
    got = answer(*fresh_options((2, 1000, 10, 1.0, None)))
    assert got["admissible_n_synth"] is None
    assert got["admissible_n_synth_limit"] is None


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


@pytest.mark.parametrize("memory", [1, 3, 60])
def test_with_all_weight_on_real_data_the_loop_forgets_at_once(
    answer: Answer, close: Close, memory: int
) -> None:
    line = "theory fresh --dim 3 --n-real 50 --n-synth 20 --weight 1 --memory"
    got = answer(*line.split(), memory)
    assert got["forgetting_rate"] == 0
    close(got["mean_sq"], 3 / 50)


def test_errors_of_second_moments_at_any_covariance_hold_both_signs() -> None:
    """Sigma_0 = diag(3, 1): E tr Sigma^2 is 4 q + r/2, E (tr Sigma)^2 is q + 7 r/2."""
    from madtheory.cli.theory.fresh import _conjugated

    s = np.array([3.0, 1.0])
    # q = E tr W^2 = 2 and r = E (tr W)^2 = 4 at W = I.
    values, errors = _conjugated([2.0, 4.0], [0.1, 0.0], s)
    assert values == pytest.approx([10.0, 16.0])
    assert errors == pytest.approx([4 * 0.2 / 10, 0.2 / 16])
    _, errors = _conjugated([2.0, 4.0], [0.1, 0.2], s)
    assert errors == pytest.approx([(4 * 0.2 + 0.5 * 0.8) / 10, (0.2 + 3.5 * 0.8) / 16])
    assert _conjugated([2.0, 4.0], [0.0, 0.0], s)[1] == [0.0, 0.0]


def test_the_most_models_that_are_kept_apart(
    answer: Answer, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from madtheory.cli import options

    monkeypatch.setattr(options, "MAX_KEPT", 2)
    line = "theory fresh --dim 2 --n-real 9 --n-synth 5 --memory"
    assert answer(*line.split(), 2)["loop"]["memory"] == 2
    assert "memory must be at most 2 in theory" in refusal(*line.split(), 3)
