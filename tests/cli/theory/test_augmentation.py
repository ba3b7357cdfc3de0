"""Every JSON number of `theory augmentation` by a second route, written out here."""

from collections.abc import Callable
from typing import Any

import pytest
from mpmath import mp

Answer = Callable[..., dict[str, Any]]

Close = Callable[..., None]

T = 6

mp.dps = 40


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
        # Every model adds noise of its own: worth less than the real data, nearly as much at last.
        assert got["admissible_n_synth"] == got["admissible_n_synth_lower"] == 0
        assert "admissible_n_synth_upper" in got["reason"]


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


@pytest.mark.thinned(2)
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


@pytest.mark.parametrize("memory", [1, 4, 30])
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
    declared = [got["trace_squared_rel_error"], got["squared_trace_rel_error"]]
    assert got["status"]["trace_squared"] == ("exact" if memory < 24 else "asymptotic")
    if memory < 16:
        assert declared == [0.0, 0.0]
    else:
        assert 0.0005 < min(declared) < max(declared) < 0.02


def test_one_sample_may_be_kept_of_a_larger_first_set(answer: Answer, close: Close) -> None:
    """The model of generation 2, by hand: one of the ten first samples and twelve of their fit."""
    options = ("--dim", 2, "--n-real", 1, "--n-initial", 10, "--n-synth", 12, "--bias", 0.8)
    got = answer("theory", "augmentation", *options, "--generations", 2)
    assert (got["loop"]["n_initial"], got["loop"]["n_fixed"]) == (10, 1)
    close(got["path"]["mean_sq"][1], 2 * (1 + 2 * 12 / 10 + 12**2 / 10 + 12 * 0.8) / 13**2)
