"""The forecast: its noises by direct draws, its parameters by known loops, its bands as numbers."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import optimize, stats

from madtheory import audit, metrics
from madtheory.audit import classes, forecast, paths, pull, row_noise, run
from madtheory.audit.anchor import LONGEST, SHARES, Anchor
from madtheory.audit.known import Known
from madtheory.audit.series import Axes, Series
from madtheory.laws.bures import w2_squared


def own_axes(paths):
    """Real ones of two directions."""
    return (np.repeat(np.eye(2)[None], paths, axis=0),) * 2


def collapse(rng, n=120, dim=3, generations=6):
    x, files = rng.standard_normal((n, dim)), []
    for _ in range(generations):
        F = np.linalg.cholesky(np.cov(x, rowvar=False))
        x = x.mean(axis=0) + 0.9 * rng.standard_normal((n, dim)) @ F.T
        files.append(x)
    return files


def words(rng, n=200, generations=6, p=(0.5, 0.3, 0.15, 0.05)):
    files, p = [], np.array(p)
    for _ in range(generations):
        counts = rng.multinomial(n, p)
        files.append(np.repeat(np.eye(len(p)), counts, axis=0))
        p = counts / n
    return files


RNG = np.random.default_rng(12)
REAL = RNG.standard_normal((150, 3)) * [3.0, 2.0, 1.0]
FILES = [x * [3.0, 2.0, 1.0] for x in collapse(RNG)]
WORDS = [np.repeat(np.eye(4), [100, 60, 30, 10], axis=0), *words(RNG)]
#: A likelihood that says little of the share.
HELD = Anchor(np.array([0.0, -0.1, -0.2, -0.4, -0.9, -1.8, -3.0, -5.0, -9.0]), 0.0, 1.0, 1.0, 1.0)


# --------------------------------------------------------------------------- noise of a few rows
def test_weights_have_the_noise_of_draws_of_the_rows():
    """Mean and covariance of n rows: their means, spreads and how they move together."""
    rng, n, draws = np.random.default_rng(0), 30, 20_000
    x = rng.exponential(size=(40, 2))
    rows = row_noise.whitened(x)
    F = np.array([[2.0, 0.0], [1.0, 0.5]])
    mean, S = row_noise.sample(rng, rows, np.repeat(F[None], draws, 0), np.full(draws, float(n)))
    z = rows.rows[rng.integers(40, size=(draws, n))] @ F.T
    centred = z - z.mean(axis=1, keepdims=True)
    direct = centred.transpose(0, 2, 1) @ centred / (n - 1)
    seen = np.hstack([mean, S.reshape(draws, 4)])
    known = np.hstack([z.mean(axis=1), direct.reshape(draws, 4)])
    error = known.std(axis=0) / math.sqrt(draws / 2)
    # 4.5 standard errors; n + 1 for n in the weights' variance would be 1.6 % of a spread.
    assert (np.abs(seen.mean(axis=0) - known.mean(axis=0)) < 4.5 * error).all()
    np.testing.assert_allclose(seen.std(axis=0), known.std(axis=0), rtol=0.1)
    assert np.corrcoef(seen.T)[0, 2] == pytest.approx(np.corrcoef(known.T)[0, 2], abs=0.05)
    assert np.corrcoef(known.T)[0, 2] > 0.3


def white(rows):
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(rows.T @ rows / len(rows), np.eye(rows.shape[1]), atol=1e-12)


def test_rows_are_white_whatever_the_rank():
    x = np.random.default_rng(1).standard_normal((500, 2))
    rows = row_noise.whitened(x).rows
    assert len(rows) == 250
    white(rows)
    white(row_noise.whitened(np.column_stack([x, x[:, 0]])).rows)
    white(row_noise.whitened(x[:6].reshape(2, 6)).rows)


@pytest.mark.parametrize("rows", [8, 200])
def test_files_that_span_few_directions_lose_no_more_than_noise(rows):
    """Files of fewer rows than columns, and of few distinct rows among many."""
    rng = np.random.default_rng(4)
    real = rng.standard_normal((300, 12))
    files = [rng.standard_normal((8, 12))[rng.permutation(np.arange(rows) % 8)] for _ in range(8)]
    ahead = audit.audit(real, files).forecast.trace
    assert 0.7 < ahead[0].value / np.trace(np.cov(files[-1].T)) < 1.4
    assert ahead[0].low < 12 < ahead[0].high


def test_a_singular_covariance_stays_singular():
    rng = np.random.default_rng(5)
    rows = row_noise.whitened(rng.standard_normal((4, 6)))
    A = rng.standard_normal((6, 3))
    many = np.full(400, 50.0)
    _, S = row_noise.sample(rng, rows, np.repeat(row_noise.root((A @ A.T)[None]), 400, 0), many)
    values = np.linalg.eigvalsh(S)
    assert np.all(values[:, :3] < 1e-9 * values[:, -1:])
    np.testing.assert_allclose(S.mean(axis=0), A @ A.T, atol=0.1 * np.trace(A @ A.T))


@pytest.mark.parametrize(
    "S", [np.eye(2), np.ones((2, 2)), np.diag([1e-40, 1e40]), np.zeros((2, 2))]
)
def test_root_of_any_covariance(S):
    F = row_noise.root(S[None])[0]
    scale = np.sqrt(np.maximum(np.diag(S), 1e-100))
    units = np.outer(scale, scale)
    np.testing.assert_allclose(F @ F.T / units, S / units, atol=2e-12)


def test_weights_too_small_for_float64_fall_on_one_row():
    w = row_noise.weights(np.random.default_rng(0), np.array([[1e-320, 2e-320, 0.0]]))
    assert w.tolist() == [[0.0, 1.0, 0.0]]


# ------------------------------------------------------------------------------- what shares say
def loop_series(share, growth, step, file, T=4000, K=2, seed=0, memory=1):
    """Long series of log variances and means near the plateau of a held loop."""
    rng = np.random.default_rng(seed)
    logs, means = np.zeros((T, K)), np.zeros((T, K))
    xs, ms = [np.zeros(K)], [np.zeros(K)]
    home = np.array([0.5, -0.25, 0.0, 0.0])[:K]
    for t in range(T):
        old, mean = np.mean(np.exp(xs), axis=0), np.mean(ms, axis=0)
        x = np.log(growth * (share + (1 - share) * old)) + step * rng.standard_normal(K)
        m = share * home + (1 - share) * mean + 0.1 * rng.standard_normal(K)
        logs[t] = x + file * rng.standard_normal(K)
        means[t] = m
        xs, ms = [*xs, x][-memory:], [*ms, m][-memory:]
    S = np.exp(logs)[:, :, None] * np.eye(K)
    one = np.ones(T)
    return Series(logs, means, means, S, one, 100 * one, 2.0, 1 / K, one, float(K), 1.0)


def test_the_true_share_gives_noise_growth_and_home():
    found = pull.pull(loop_series(0.3, 0.95, 0.05, 0.04), 0.3, np.ones(2))
    q, r = 0.05**2, 0.04**2
    assert found.noise.file == pytest.approx(r, rel=0.15)
    assert found.noise.spread == pytest.approx(q + (1 + 0.7**2) * r, rel=0.1)
    # Noise in c bends log(p + (1 - p) c) by less than 1e-3.
    np.testing.assert_allclose(found.growth, math.log(0.95), atol=4e-3)
    np.testing.assert_allclose(found.home.mean, [0.5, -0.25], atol=0.03)
    assert found.home.free.tolist() == [1.0, 1.0]
    assert found.home.error == pytest.approx(0.1**2 / 0.3**2 / 4000, rel=0.1)
    np.testing.assert_allclose(found.shape, np.eye(2), atol=0.05)


def test_a_loop_with_memory_gives_its_noise_growth_and_home():
    found = pull.pull(loop_series(0.3, 0.95, 0.05, 0.04, memory=3), 0.3, np.ones(2), 3)
    q, r = 0.05**2, 0.04**2
    assert found.noise.file == pytest.approx(r, rel=0.2)
    assert found.noise.spread == pytest.approx(q + (1 + 0.7**2 / 3) * r, rel=0.1)
    np.testing.assert_allclose(found.growth, math.log(0.95), atol=4e-3)
    np.testing.assert_allclose(found.home.mean, [0.5, -0.25], atol=0.03)
    # As one of the last model only, what the older ones say is taken for noise of the files.
    assert (
        pull.pull(loop_series(0.3, 0.95, 0.05, 0.04, memory=3), 0.3, np.ones(2)).noise.file
        > 1.8 * r
    )


def likeliest(series: Series, share: float, memory: int, parts: list[np.ndarray]) -> float:
    """By the density itself, of the first file and all steps: its greatest over the parts' sizes.

    `parts`: covariances beside the steps' own noise, of sizes that are free; the files' at most.
    """
    logs = series.log_variance
    at = logs[0] - logs[0].mean()
    old = (1 - share) * pull.recalled(np.exp(logs), memory)[:-1]
    steps = logs[1:] - (np.log(share * np.exp(at) + old) - share * at)
    seen = np.vstack([at, steps - steps.mean()]).T
    bounds = [(-14, 0), (0, pull.file_noise(series)), *[(0, None)] * (len(parts) - 1)]

    def missing(sizes: np.ndarray) -> float:
        V = np.exp(sizes[0]) * np.eye(len(logs))
        V = V + sum(size * part for size, part in zip(sizes[1:], parts, strict=True))
        return -float(stats.multivariate_normal(np.zeros(len(logs)), V).logpdf(seen).sum())

    starts = [[-6, 0.001, *[size] * (len(parts) - 1)] for size in (0.001, 0.1)]
    best = min(optimize.minimize(missing, x, bounds=bounds, method="Nelder-Mead",
                                 options={"maxiter": 4000, "xatol": 1e-7, "fatol": 1e-7}).fun
               for x in starts)  # fmt: skip
    return -best + seen.size / 2 * math.log(2 * math.pi)


def test_the_course_of_the_variances_is_a_likelihood_of_its_residuals():
    series = loop_series(0.2, 0.9, 0.05, 0.04, T=6, memory=2)
    A = np.eye(6)
    A[1:] -= 0.8 * pull.recalled(np.eye(6), 2)[:-1]
    error, step = np.array([1.0, *[0.2] * 5]), np.array([0.0, *[1.0] * 5])
    parts = [A @ A.T, np.outer(error, error)]
    assert pull.course(series, 0.2, 2) == pytest.approx(likeliest(series, 0.2, 2, parts), abs=0.02)
    assert pull.course(loop_series(0.0, 0.9, 0.1, 0.0, T=2), 0.0, 1) == 0.0
    # With growth of each axis' own, of a variance that is free.
    series.log_variance[1:] += np.array([0.4, -0.4])
    known = likeliest(series, 0.2, 2, [*parts, np.outer(step, step)])
    assert pull.course(series, 0.2, 2, own=True) == pytest.approx(known, abs=0.02)
    assert pull.course(series, 0.2, 2) < known - 1


def test_the_real_set_errs_along_its_own_axes():
    """Held by .7 of its rows, whose variances along its axes are .45 to 2 times its own.

    By the real set's own variances such files were those of a loop without real data.
    """
    rng, K, share = np.random.default_rng(18), 40, 0.7
    level = np.linspace(-0.8, 0.7, K)
    x = [level + 0.06 * rng.standard_normal(K)]
    for _ in range(6):
        x.append(np.log(share * np.exp(level) + (1 - share) * np.exp(x[-1])))
        x[-1] += 0.06 * rng.standard_normal(K)
    logs = np.array(x) + 0.13 * rng.standard_normal((7, K))
    still, one = np.zeros((7, K)), np.ones(7)
    S = np.exp(logs)[:, :, None] * np.eye(K)
    series = Series(logs, still, still, S, one, 110 * one, 2.0, 1 / K, one, float(K), 1.0)
    for own in (False, True):
        each = {p: pull.course(series, p, 1, own=own) for p in (0.0, 0.1, 0.7)}
        assert each[0.7] > max(each.values()) - 2


def test_axes_that_grow_by_themselves_add_no_noise():
    """Of biases that differ, or of the real set's own axes: .05 a step about -.3, 0 and .3."""
    rng, one = np.random.default_rng(16), np.ones(9)
    steps = np.repeat([-0.3, 0.0, 0.3], 20) + 0.05 * rng.standard_normal((8, 60))
    logs = np.cumsum(np.vstack([np.zeros(60), steps]), axis=0)
    S = np.exp(logs)[:, :, None] * np.eye(60)
    still = np.zeros((9, 60))
    series = Series(logs, still, still, S, one, 1e4 * one, 2.0, 1 / 60, one, 60.0, 1.0)
    assert pull.pull(series, 0.0, np.ones(60)).noise.spread == pytest.approx(0.05**2, rel=0.15)


@pytest.mark.parametrize("n", [400, 1000])
def test_independent_models_beside_the_first_training_set(n):
    """File 1 is nearer to the real set than all later ones, which are equally far: no walk."""
    rng, files = np.random.default_rng(17), []
    real = x = rng.standard_normal((n, 30))
    for _ in range(5):
        F = np.linalg.cholesky(np.cov(x, rowvar=False))
        files.append(x.mean(axis=0) + rng.standard_normal((n, 30)) @ F.T)
        x = rng.standard_normal((n, 30))
    seen = [metrics.fid(real, file).value for file in files]
    assert 2 * seen[0] < min(seen[1:])
    axes = audit.axes_of(real)
    series = audit.series_of(axes, files)
    held = audit.infer(series, None, 0.95, 0.02).held
    found = forecast.forecast(real, files, axes, series, held, (30.0, seen[-1]), 5, 0.95)
    assert all(band.low < np.mean(seen[1:]) < band.high for band in found.fid)


@pytest.mark.parametrize(("share", "memory"), [(0.0, 1), (0.0, 3), (0.5, 1), (0.0, LONGEST)])
def test_a_bending_course_tells_memory_and_share(share, memory):
    """Start of a loop of bias .7, by its own recursion: the likeliest pair is its own."""
    rng, c = np.random.default_rng(14), [np.full(20, 0.7)]
    for _ in range(7):
        old = np.mean(c[-memory:], axis=0)
        c.append(0.7 * (share + (1 - share) * old) * np.exp(0.02 * rng.standard_normal(20)))
    T, K, one = 8, 20, np.ones(8)
    S = np.array(c)[:, :, None] * np.eye(K)
    still = np.zeros((T, K))
    series = Series(np.log(c), still, still, S, one, 1e4 * one, 2.0, 1 / K, one, 20.0, 1.0)
    each = {pair: pull.course(series, *pair) for pair in pull.PAIRS}
    assert max(each, key=each.get) == (share, memory)


def test_echoes_of_a_file_are_those_of_direct_draws():
    e = np.random.default_rng(11).standard_normal(400_000)
    for share, memory in ((0.0, 1), (0.4, 2), (0.1, 3), (1.0, 3)):
        past = np.mean([e[3 - j : -j] for j in range(1, memory + 1)], axis=0)
        left = e[3:] - (1 - share) * past
        direct = [np.mean(left[lag:] * left[: len(left) - lag]) for lag in range(memory + 1)]
        np.testing.assert_allclose(pull.echoes(share, memory), direct, atol=0.01)


def test_memory_recalls_the_last_ones():
    x = np.array([[1.0, 0.0], [3.0, 1.0], [8.0, 2.0], [1.0, 6.0]])
    assert pull.recalled(x, 1).tolist() == x.tolist()
    assert pull.recalled(x, 3).tolist() == [[1, 0], [2, 0.5], [4, 1], [4, 3]]

    def state(v):
        return np.full((4, 1), v), np.full((4, 1, 1), 10 * v)

    # Three newest first, and two before of sum 9; then one of 8 more. The last path recalls all.
    memory = np.array([1, 2, 3, LONGEST])
    past = paths.Past((state(6.0), state(2.0), state(1.0)), 2, state(9.0), 3)
    two = paths.Past((state(6.0), state(2.0)), 0, state(0.0), 3)
    for each, mean in (
        (past, [6, 4, 3, 18 / 5]),
        (past.then(state(8.0)), [8, 7, 16 / 3, 26 / 6]),
        (two, [6, 4, 4, 4]),
        (two.then(state(1.0)).then(state(1.0)), [1, 1, 8 / 3, 10 / 4]),
    ):
        found = each.recalled(memory)
        np.testing.assert_allclose(found[0][:, 0], mean)
        np.testing.assert_allclose(found[1][:, 0, 0], 10 * np.array(mean))


def test_files_that_are_the_training_sets_have_no_noise_of_their_own():
    found = pull.pull(loop_series(0.0, 0.99, 0.05, 0.0, T=400), 0.0, np.ones(2))
    assert found.noise.file < 0.1 * 0.05**2
    assert found.noise.spread == pytest.approx(0.05**2, rel=0.2)
    # Of 400 steps nothing is left of a mean that is noise.
    assert (found.home.kept, found.home.free.max() < 0.2) == (0.0, True)
    assert (found.shape == np.eye(2)).all()


def test_noise_of_a_file_is_at_most_that_of_its_rows():
    rng = np.random.default_rng(3)
    white = np.diff(rng.standard_normal((300, 2)), axis=0)
    assert pull.noise_of(white, 0.0, 0.0, 10.0).file == pytest.approx(1, rel=0.15)
    assert pull.noise_of(white, 0.0, 0.0, 0.25).file == 0.25
    assert pull.noise_of(white, 0.0, 1.0, 0.5).file == 0.5
    assert pull.noise_of(white[:1], 0.0, 0.0, 0.25) == (np.square(white[0]).mean(), 0.125)
    assert pull.noise_of(white[:1], 1.0, 0.0, 0.25) == (1.0, 0.125)
    # One common mean taken out of K independent directions: K T/(K T - 1).
    few = white[:3] - white[:3].mean()
    assert pull.noise_of(few, 0.5, 0.5, 9.0).spread == pytest.approx(np.square(few).mean() * 6 / 5)


def test_shares_are_drawn_by_their_likelihood():
    likelihood = np.log(np.arange(1, len(SHARES) + 1) / 45)
    held = Anchor(likelihood, 0.0, 1.0, 1.0, 1.0)
    for trust, power in ((1.0, 1.0), (0.5, 0.5)):
        at = pull.shares(np.random.default_rng(0), held, 50_000, trust)
        p = np.arange(1.0, len(SHARES) + 1) ** power
        # 4.5 binomial errors.
        counts = np.bincount(np.searchsorted(SHARES, at), minlength=len(SHARES)) / 50_000
        np.testing.assert_allclose(counts, p / p.sum(), atol=4.5 * math.sqrt(0.25 * 0.75 / 50_000))
    # Of a share the likeliest memory counts; pairs are drawn one by one.
    low = np.full((2, 4), -np.inf)
    low[1, 0] = 0.0
    held = Anchor(np.where(SHARES == 1, 0.0, -np.inf), 1.0, 1.0, 1.0, 1.0, remembered=low)
    at = pull.shares(np.random.default_rng(0), held, 1000)
    assert set(at) == {0.0, 1.0}
    still = loop_series(0.0, 1.0, 0.0, 0.0, T=5)
    at = pull.pairs(np.random.default_rng(0), still, held, 1000)
    assert set(at) == {(1.0, 1), (0.0, 3)}
    assert abs(at.count((0.0, 3)) / 1000 - 0.5) < 4.5 * math.sqrt(0.25 / 1000)
    flat = np.bincount(np.searchsorted(SHARES, pull.shares(np.random.default_rng(0), None, 9000)))
    assert flat.min() > 1000 - 4.5 * 30


def test_growth_is_as_uncertain_as_student_says_and_axes_differ_beyond_noise_only():
    rng, P = np.random.default_rng(5), 40_000
    variance, never = np.full(P, 0.04), np.zeros(P, dtype=bool)
    equal = np.repeat([[0.1, 0.1, 0.1]], P, axis=0)
    logs = np.log(pull._growth(rng, equal, variance, 1 / 3, 20.0, never))
    assert np.ptp(logs, axis=1).max() < 1e-12
    assert logs[:, 0].mean() == pytest.approx(0.1, abs=0.004)
    assert logs[:, 0].var() == pytest.approx(0.04 / 3 * 20 / 18, rel=0.05)
    apart = np.repeat([[1.0, 0.0, -1.0]], P, axis=0)
    logs = np.log(pull._growth(rng, apart, variance, 1 / 3, 1e6, never))
    kept = 1 - 0.04 * (2 / 3) / 1.0
    np.testing.assert_allclose(logs.mean(axis=0), [kept, 0, -kept], atol=0.01)
    assert logs[:, 0].var() == pytest.approx(0.04 / 3 + kept * 0.04, rel=0.05)


def test_what_noise_drives_apart_is_drawn_together():
    """Of matrices M + N the growths along the eigenvectors of the sum are those of M."""
    rng, K, sd = np.random.default_rng(17), 40, 0.05
    true = np.repeat([-0.6, 0.1], K // 2)
    noise = rng.normal(0, sd / np.sqrt(2), (200, K, K))
    seen = np.diag(true) + np.triu(noise, 1) + np.triu(noise, 1).swapaxes(1, 2)
    seen += np.eye(K) * rng.normal(0, sd, (200, K, 1))
    values, vectors = np.linalg.eigh(seen)
    own = np.einsum("pik,i,pik->pk", vectors, true, vectors)
    found = pull._drawn_together(values, np.full(200, sd**2))
    assert np.abs(found - own).mean() < 0.35 * np.abs(values - own).mean()
    assert np.abs(found - own).mean() < 0.05
    # Of less than the noise of all pairs, 41/2 that of one, nothing is left.
    few = 0.1 * rng.standard_normal((500, K))
    logs = pull._growth(rng, few, np.full(500, 0.002), 0.0, 9, cut=True)
    assert np.ptp(np.log(logs), axis=1).max() < 1e-12


def test_noises_are_drawn_about_their_values():
    rng, P = np.random.default_rng(6), 40_000
    each = [pull.Noise(0.05, 0.01)] * P
    q, r = pull.noises(rng, each, [(0.5, 1)] * P, 200.0, 1.0, 10)
    assert np.median(q + 1.25 * r) == pytest.approx(0.05 * 200 / 199.33, rel=0.01)
    error = 0.05 / math.sqrt(201 * 0.9) / 0.5
    assert np.median(r) == pytest.approx(0.01, rel=0.02)
    # A quarter of a normal above .6745 of its deviation, what 0 cuts off notwithstanding.
    assert np.quantile(r, 0.75) == pytest.approx(0.01 + 0.6745 * error, rel=0.02)
    assert (q > 0).all()
    assert (r >= 0).all()


# ----------------------------------------------------------------------------------------- paths
def test_measures_are_the_distance_of_gaussians():
    rng = np.random.default_rng(7)
    A, R, mean = rng.standard_normal((3, 3)), rng.standard_normal((3, 3)), np.array([1.0, 0.0, 2.0])
    trace, distance = paths.measures(mean[None], (A @ A.T)[None], R)
    assert trace[0] == pytest.approx(np.trace(A @ A.T))
    assert distance[0] == pytest.approx(w2_squared(mean, A @ A.T, np.zeros(3), R @ R.T), rel=1e-9)


def test_a_path_of_a_walk_has_the_noise_of_its_training_sets():
    """One step of a loop without real data, own files: mean and trace step by S/n."""
    P, K, n = 20_000, 2, 50.0
    rng = np.random.default_rng(8)
    rows = row_noise.whitened(rng.standard_normal((256, K)))
    flat, one = np.zeros(P), np.ones((P, K))
    memory, size, shape = np.ones(P, int), np.full(P, n), np.full((P, K, K), 9.0)
    law = pull.Draw(flat, memory, size, flat, 0.8 * one, 0 * one, shape, own_axes(P), flat + 1)
    S = np.repeat(np.diag([4.0, 1.0])[None], P, axis=0)
    mean, out = paths._next(rng, law, rows, 3 * one, S)
    np.testing.assert_allclose(mean.mean(axis=0), 3, atol=0.02)
    np.testing.assert_allclose(mean.var(axis=0), np.array([3.2, 0.8]) / n, rtol=0.06)
    np.testing.assert_allclose(out.mean(axis=0), np.diag([3.2, 0.8]), atol=0.03)
    # What a model that errs adds each time.
    drifted = paths._next(np.random.default_rng(9), law._replace(home=7 * one), rows, 3 * one, S)[0]
    np.testing.assert_allclose(drifted.mean(axis=0), 10, atol=0.02)
    # All real data: home and shape, times the growth.
    law = law._replace(share=np.ones(P), size=np.full(P, 1e9), home=7 * one)
    mean, out = paths._next(rng, law, rows, 3 * one, S)
    np.testing.assert_allclose(mean[0], 7, atol=1e-3)
    np.testing.assert_allclose(out[0], np.full((2, 2), 7.2), rtol=1e-3)


@pytest.mark.parametrize("memory", [1, 3, LONGEST])
def test_paths_remember_as_their_loop_does(memory):
    """Variances c' = g (mean of the last c): from 1, .5 and .2 the courses part."""
    rng, c, n = np.random.default_rng(13), [1.0, 0.5, 0.2, 0.2], 4000
    files = [math.sqrt(v) * rng.standard_normal((n, 2)) for v in c]
    real = rng.standard_normal((n, 2))
    axes = audit.axes_of(real)
    series = audit.series_of(axes, files)
    old = [1.0, 0.5, 0.2] if memory == 1 else [1.0, 0.75, 1.7 / 3]
    growth = float(np.log(np.array(c[1:]) / old).mean())
    at = pull.PAIRS.index((0.0, memory))
    logs = np.where(np.arange(len(pull.PAIRS)) == at, 0.0, -np.inf)
    known = logs[: len(SHARES)], logs[len(SHARES) : -1].reshape(2, 4)
    held = Anchor(known[0], 0.0, 1.0, 1.0, 1.0, remembered=known[1], pool=logs[-1])
    found = paths.paths(rng, axes, series, held, files[-1], 2, 400)
    for _ in range(2):
        c.append(math.exp(growth) * np.mean(c[-memory:]))
    seen = np.median(found.trace, axis=0) / found.start_trace
    np.testing.assert_allclose(seen, np.array(c[-2:]) / c[-3], rtol=0.15)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_model_that_misses_correlations_stays_where_it_rests(share):
    """Along REAL's axes its variances differ a hundredfold, and none of that is noise."""
    rng = np.random.default_rng(11)
    axes = np.linalg.qr(rng.standard_normal((16, 16)))[0]
    deviations = np.array([6.0, 6.0, *[1.0] * 14])

    def real_rows(n):
        return (rng.standard_normal((n, 16)) * deviations) @ axes.T

    files, x = [], real_rows(400)
    for _ in range(12):
        x = rng.standard_normal((400, 16)) * x.std(axis=0, ddof=1) + x.mean(axis=0)
        files.append(x)
        x = np.vstack([x[round(400 * share) :], real_rows(round(400 * share))])
    found = audit.audit(real_rows(400), files, horizon=2).forecast
    trace = float(np.cov(files[-1].T).trace())
    fid = metrics.fid(real_rows(4000), files[-1]).value
    for now, later in ((trace, found.trace), (fid, found.fid)):
        assert [m.value for m in later] == pytest.approx([now] * 2, rel=0.1)
        assert all(m.low < now < m.high for m in later)


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_behind_a_file_are_its_variances_and_correlations_as_far_as_not_noise(kept):
    """A file's own noise is the doubt about what is behind it; where all is noise there is none."""
    rng, n, K = np.random.default_rng(13), 500, 12 if kept else 40
    deviations, rho = np.geomspace(0.2, 5.0, K) ** kept, 0.8 * kept
    common = rng.standard_normal((3, n, 1)) * np.sqrt(rho)
    files = list((common + np.sqrt(1 - rho) * rng.standard_normal((3, n, K))) * deviations)
    series = audit.series_of(Axes(np.zeros(K), np.eye(K), np.ones(K)), files)
    _, S = paths._start(rng, series, row_noise.whitened(files[-1]), np.ones(3000), K)
    variance, own = np.diagonal(S, axis1=1, axis2=2), np.diagonal(series.covariances[-1])
    seen = own if kept else np.exp(np.log(own).mean())
    np.testing.assert_allclose(np.median(variance, axis=0) / seen, 1, atol=0.02 if kept else 0.04)
    R = S[:, 0, 1] / np.sqrt(variance[:, 0] * variance[:, 1])
    own = kept * np.corrcoef(files[-1].T)[0, 1]
    assert np.median(R) == pytest.approx(own, abs=0.01 if kept else 0.03)
    for doubt, full in ((np.log(variance[:, 0]), np.sqrt(2 / n)), (R, (1 - own**2) / np.sqrt(n))):
        assert doubt.std() == pytest.approx(full, rel=0.2) if kept else doubt.std() < 0.4 * full


def test_words_step_as_draws_do():
    """Own files, no real data: the next frequencies are a multinomial of n draws."""
    files = WORDS[1:]
    them = classes.frequencies(WORDS[0], files)
    assert them is not None
    assert them.files.shape == (6, 4)
    np.testing.assert_allclose(them.files[-1][::-1], files[-1].mean(axis=0))
    assert classes.frequencies(REAL, FILES) is None
    assert classes.frequencies(WORDS[0], [*files, REAL[:, [0, 1, 2, 0]]]) is None
    held = Anchor(np.where(SHARES > 0, -1e9, 0.0), 0.0, 1.0, 1.0, 1.0)
    found = classes.class_paths(np.random.default_rng(9), them, held, 200.0, 1, 4000)
    p = them.files[-1]
    assert found.start_trace == pytest.approx(1 - (p**2).sum())
    w = np.random.default_rng(10).multinomial(200, p, size=4000) / 200
    direct = 1 - np.square(w).sum(axis=1)
    assert found.trace.mean() == pytest.approx(direct.mean(), abs=0.01)
    # Of six steps' noise, and of what may be the files' own.
    assert 0.8 < found.trace.std() / direct.std() < 2


# --------------------------------------------------------------------------------- bands, frozen
def bands(real, sets, held=HELD, horizon=6, level=0.95):
    axes = audit.axes_of(real)
    series = audit.series_of(axes, sets)
    return forecast.forecast(real, sets, axes, series, held, (5.0, 2.0), horizon, level)


AXIS = audit.axes_of(REAL).vectors[:, -1]
DEAD = [*FILES[:5], FILES[5] - np.outer(FILES[5] @ AXIS, AXIS)]
CASES = {
    "paths": lambda: bands(REAL, FILES),
    "a level of .5": lambda: bands(REAL, FILES, level=0.5),
    "far ahead": lambda: bands(REAL, FILES, horizon=60),
    "two files": lambda: bands(REAL, FILES[:2]),
    "a dead direction": lambda: bands(REAL, DEAD, held=None, horizon=1),
    "words": lambda: bands(WORDS[0], WORDS[1:]),
    "words, share unknown": lambda: bands(WORDS[0], WORDS[1:], held=None),
}
FROZEN = {
    "paths": [
        (1.881271039, 2.384210752, 2.968827254),
        (2.105556084, 3.856263709, 6.300049593),
        (2.942938582, 3.978967263, 5.432643561),
        (0.3317155512, 1.625674771, 5.375258414),
    ],
    "a level of .5": [
        (2.202674309, 2.384210752, 2.55430687),
        (3.236388085, 3.856263709, 4.403873476),
        (3.563689167, 3.978967263, 4.417723499),
        (0.9860205693, 1.625674771, 2.665809735),
    ],
    "far ahead": [
        (1.824140109, 2.388138042, 2.997541198),
        (2.053046769, 8.181708758, 104.3628665),
        (2.971147041, 3.942244405, 5.701759245),
        (2.532727512e-12, 1.086152245, 5.503101455),
    ],
    "two files": [
        (0.7739243785, 3.730734878, 19.14811598),
        (1.025108537, 9.667299791, 41.27081724),
        (1.09287416, 3.861132277, 10.64433284),
        (0.02649922904, 1.78070416, 31.74819604),
    ],
    "a dead direction": [
        (1.848122105, 2.163221674, 2.448912372),
        (1.848122105, 2.163221674, 2.448912372),
        (2.937346458, 4.08520266, 5.935354819),
        (2.937346458, 4.08520266, 5.935354819),
    ],
    "words": [
        (0.1797731326, 2.30430278, 8.695117756),
        (0.1372788073, 3.621991669, 34.95134954),
        (4.528109457, 4.980001665, 5.276965407),
        (4.179488845, 5.005879514, 5.532871196),
    ],
    "words, share unknown": [
        (0.09666113863, 1.842631569, 8.493504379),
        (0.0687201763, 2.193663889, 34.83467128),
        (4.464380749, 4.950469619, 5.283551055),
        (4.271017297, 4.923354829, 5.577749416),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_bands_are_frozen(case):
    found = CASES[case]()
    numbers = [
        (m.low, m.value, m.high)
        for m in (found.fid[0], found.fid[-1], found.trace[0], found.trace[-1])
    ]
    np.testing.assert_allclose(numbers, FROZEN[case], rtol=1e-6)


def test_nothing_left_stays_as_it_is():
    found = bands(REAL, [*FILES, np.full((9, 3), 2.0)], held=None, horizon=2)
    assert found.generations == (8, 9)
    for band, value in ((found.fid, 2.0), (found.trace, 5.0)):
        assert [(m.low, m.value, m.high) for m in band] == [(value, value, value)] * 2


def test_a_band_by_hand():
    """Quantiles of 1 .. 101 in units of 2, seen less dead; 1.5 times wider below, 2 above."""
    values = np.arange(1.0, 102.0)[:, None]
    (m,) = forecast._band(values, 0.5, 7.0, 4.0, (1.5, 2.0), 0.9)
    middle = 51 * 6.0
    low, high = middle * (6 / 51) ** 1.5, middle * (96 / 51) ** 2
    assert (m.low, m.value, m.high) == pytest.approx((4 + low, 4 + middle, 4 + high), rel=1e-12)
    # Nothing seen: what the paths show is added. A median of 0 counts as a thousandth of the end.
    (m,) = forecast._band(values * 0, 0.0, 7.0, 4.0, (1.5, 2.0), 0.9)
    assert m.value == 7.0
    (m,) = forecast._band(
        np.repeat([[0.0], [3.0]], [60, 40], axis=0), 1.0, 1.0, 0.0, (1.0, 2.0), 0.9
    )
    assert (m.low, m.value) == (0.0, 0.0)
    assert m.high == pytest.approx(3e-3 * 1000**2)


def test_series_of_files_of_unlike_sizes_are_frozen():
    s = audit.series_of(audit.axes_of(REAL), [FILES[0], FILES[1][:80], FILES[2][:40]])
    assert s.log_noise == pytest.approx(1.7990122051560296, rel=1e-9)
    assert s.sharing == pytest.approx(0.2651549156554082, rel=1e-9)
    assert s.mean_count == pytest.approx(2.676068095881844, rel=1e-9)
    assert s.shape_count == pytest.approx(4.657418832298904, rel=1e-9)
    noise = [0.9584154993742564, 0.8776007013221072, 0.7789290010319092]
    np.testing.assert_allclose(s.shape_noise, noise, rtol=1e-9)
    np.testing.assert_allclose(
        s.scale, [0.8348060636450471, 0.6953770240831205, 0.5965732782706141]
    )
    assert s.rows.tolist() == [120, 80, 40]


def test_the_worth_of_a_file_is_frozen():
    distance = metrics.fid_unbiased(REAL, FILES[2])
    numbers = (distance.value, distance.low, distance.high)
    assert numbers == pytest.approx((1.2331962167319, 0.205297950324, 2.2644804938170), rel=1e-9)
    worth = run.n_eff(REAL, distance)
    numbers = (worth.value, worth.low, worth.high)
    assert numbers == pytest.approx(
        (20.682104121169633, 11.381056034106384, 121.68482881262726), rel=1e-8
    )


# ------------------------------------------------------------------------- at their boundaries
def test_few_distinct_rows_are_sixty_four_and_a_quarter_at_most():
    def kinds(n, first=0, rows=128):
        return np.arange(first, first + n, dtype=float)[np.arange(rows) % n][:, None]

    them = classes.frequencies(kinds(64), [kinds(40), kinds(2)])
    assert (len(them.rows), them.files.shape) == (64, (2, 64))
    np.testing.assert_allclose(them.real, 1 / 64, rtol=1e-15)
    assert classes.frequencies(kinds(65, rows=130), [kinds(2)] * 2) is None
    # All sets together count: 40 and 25 others.
    assert classes.frequencies(kinds(40), [kinds(25, 40)] * 2) is None
    # A quarter of all rows.
    assert classes.frequencies(kinds(5, rows=10), [kinds(3, rows=10)]) is not None
    assert classes.frequencies(kinds(6, rows=10), [kinds(3, rows=10)]) is None


def test_where_frequencies_are_pulled_to():
    """Two files say nothing of a home; of three it keeps its sum though one share would be < 0."""
    real, w = np.array([0.9, 0.1, 0.0]), np.array([[0.6, 0.4, 0], [0.3, 0.7, 0], [0.0, 1.0, 0]])
    assert classes._pull(classes.Frequencies(np.eye(3), real, w[:2]), 0.5, 1.0, 0.01).home is real
    found = classes._pull(classes.Frequencies(np.eye(3), real, w), 0.5, 1.0, 0.01)
    # Twice w' less w: (0, 1, 0) and (-.3, 1.3, 0); off by (-1.05, 1.05, 0), error .045.
    kept = 1 - 0.045 / (2 * 1.05**2)
    home = np.maximum(real + kept * np.array([-1.05, 1.05, 0.0]), 0)
    np.testing.assert_allclose(found.home, home / home.sum(), rtol=1e-12)
    assert home.sum() > 1.1


def test_a_distance_is_never_below_nothing():
    rng = np.random.default_rng(3)
    real = rng.standard_normal((3, 3))
    S = np.repeat((real @ real.T)[None], 4, axis=0) * (1 + 1e-16 * np.arange(4))[:, None, None]
    far = [paths.measures(np.zeros((4, 3)), S * k, real * math.sqrt(k))[1] for k in range(1, 40)]
    assert (np.array(far) >= 0).all()


def test_paths_of_a_long_memory_keep_few_states():
    """Memories of all models need but a sum; another of five needs five."""
    series = loop_series(0.0, 0.9, 0.05, 0.04, T=12)
    rows = row_noise.squares(np.random.default_rng(0).standard_normal((20, 2)))
    for memory, longest in (([1, LONGEST], 3), ([5, LONGEST], 5), ([1, 2], 3)):
        law = SimpleNamespace(share=np.zeros(2), memory=np.array(memory), part=np.full(2, 0.5))
        past = paths._past(np.random.default_rng(1), series, rows, law, 2)
        reach = min(max(memory), longest)
        assert (past.longest, len(past.states), past.number) == (longest, reach, 12 - reach)
        np.testing.assert_allclose(past.older[0][0], series.means[: 12 - reach].sum(axis=0))
        np.testing.assert_allclose(past.older[1][1], series.covariances[: 12 - reach].sum(axis=0))


@pytest.mark.parametrize("size", [2.0**120, 2.0**-120])
def test_what_is_far_out_stays(size):
    rows = row_noise.squares(np.random.default_rng(0).standard_normal((40, 2)))
    one = np.ones(1)
    law = pull.Draw(
        share=0 * one,
        memory=np.ones(1, int),
        size=1e9 * one,
        part=one,
        growth=np.ones((1, 2)),
        home=np.zeros((1, 2)),
        shape=np.eye(2)[None],
        axes=own_axes(1),
        faster=one,
    )
    _, S = paths._next(
        np.random.default_rng(0), law, rows, np.zeros((1, 2)), size * np.eye(2)[None]
    )
    edge = 2.0**100 if size > 1 else 2.0**-100
    assert edge / 4 < np.trace(S[0]) / 2 < 4 * edge


def test_noise_of_residuals_by_hand():
    """Three residuals: a memory of three tells of the file, a longer one or one residual not."""
    x = np.array([[0.5, 0.1], [-0.1, 0.3], [0.0, -0.1]])
    size = float(np.square(x).mean())
    spread = size / (1 - 0.3 / 3)
    k = 0.4 / 3  # a model takes so much of each of three
    own, one, two = 1 + 3 * k**2, -k + 2 * k**2, -k + k**2
    rows = np.array([own + one + two, own + 2 * one, own + one + two]) / 3
    taken = 0.3 * rows.mean()  # of the mean; its share in a product is that of both its rows, less
    b0 = own - 0.6 * rows.mean() + taken
    b1 = one - 0.3 * (rows[0] + rows[1]) + taken
    b2 = two - 0.3 * (rows[0] + rows[2]) + taken
    told = np.array([b1, b2]) + 0.1 * b0 / 0.9
    off = [(x[1:] * x[:-1]).mean() + spread * 0.1, (x[2:] * x[:-2]).mean() + spread * 0.1]
    file = float(told @ off / (told @ told))
    found = pull.noise_of(x, 0.3, 0.6, 9.0, 3)
    assert 0 < file < size / b0
    step = (size - file * b0) / 0.9
    assert found == pytest.approx((step + own * file, file), rel=1e-12)
    longer = pull.noise_of(x, 0.3, 0.6, 9.0, 4)
    k = 0.4 / 4  # three steps show two of the four echoes
    own, one, two = 1 + 4 * k**2, -k + 3 * k**2, -k + 2 * k**2
    rows = np.array([own + one + two, own + 2 * one, own + one + two]) / 3
    top = size / (own - 0.3 * rows.mean())
    assert longer.file == pytest.approx(top / 2, rel=1e-12)
    assert longer.spread == pytest.approx(spread / 2 + own * top / 2, rel=1e-12)
    assert pull.noise_of(x, 0.3, 1.0, 9.0) == pytest.approx((spread, spread), rel=1e-12)
    assert pull.noise_of(x, 0.3, 1.0, 0.01) == pytest.approx((spread, 0.01), rel=1e-12)
    # Fewer steps than are taken out with the mean: four times what files give.
    assert pull.noise_of(x[:1], 1.0, 0.6, 0.5) == (2.0, 0.25)
    assert pull.noise_of(x[:1], 0.0, 0.6, 0.5) == pytest.approx((0.13, 0.25), rel=1e-12)


@pytest.mark.parametrize(("steps", "share", "memory"), [(3, 0.0, 1), (4, 0.35, 1), (6, 0.0, 2)])
@pytest.mark.parametrize(("q", "r"), [(1.0, 0.5), (0.3, 2.0), (1.0, 0.0)])
def test_noise_of_few_files_is_told_without_bias(steps, share, memory, q, r):
    """Neighbours undo each other's: their mean has less of it than that of independent residuals,
    and as if it had as much half of the files' noise went to the training sets."""
    rng, axes = np.random.default_rng(15), 400_000
    e = math.sqrt(r) * rng.standard_normal((steps + memory, axes))
    x = math.sqrt(q) * rng.standard_normal((steps, axes))
    for t in range(steps):
        x[t] += e[t + memory] - (1 - share) * e[t : t + memory].mean(axis=0)
    found = pull.noise_of(x - x.mean(axis=0), 1.0, share, 9.0, memory)
    assert found.file == pytest.approx(r, abs=0.05)
    assert found.spread - pull.echoes(share, memory)[0] * found.file == pytest.approx(q, abs=0.1)


def test_two_steps_do_not_tell_a_files_noise():
    """Less their mean they are each other's negative: half of what it may be is taken."""
    x = np.array([[0.5, 0.2, -0.1], [-0.5, -0.2, 0.1]])
    size = float(np.square(x).mean())
    # q/2 and 3 r/2 make that size.
    assert pull.noise_of(x, 1.0, 0.0, 9.0).file == pytest.approx(size / 1.5 / 2, rel=1e-12)
    assert pull.noise_of(x, 1.0, 0.0, 0.01).file == 0.005


def test_noises_of_few_steps_are_as_uncertain_as_the_mean_makes_them():
    """Of four steps and their mean taken out products tell 5/12 of what they do without it."""
    rng, P = np.random.default_rng(16), 40_000
    each = [pull.Noise(0.05, 0.01)] * P
    error = 0.05 / math.sqrt(20_001 * 3 / 4)
    for sharing, told in ((0.0, 1.0), (1.0, 5 / 12)):
        _, r = pull.noises(rng, each, [(0.0, 1)] * P, 20_000.0, 1.0, 4, sharing)
        assert np.std(r) == pytest.approx(error / told, rel=0.03)


@pytest.mark.full
def test_the_forecast_of_small_files_of_larger_training_sets():
    """Files of 96 rows, training sets of 355, 24 dimensions, five files, all said: their noise was
    half taken for that of training sets, and bands of three of these loops were above the truth."""
    rng, d = np.random.default_rng(17), 24
    for _ in range(4):
        real, x, files = rng.standard_normal((500, d)), rng.standard_normal((355, d)), []
        for _ in range(10):
            F = math.sqrt(0.95) * np.linalg.cholesky(np.cov(x, rowvar=False))
            mean = x.mean(axis=0)
            files.append(mean + rng.standard_normal((96, d)) @ F.T)
            x = mean + rng.standard_normal((355, d)) @ F.T
        bands = audit.audit(real, files[:5], n_real=0, n_synth=355, memory=1).forecast.fid
        for band, file in zip(bands, files[5:], strict=True):
            assert band.low < metrics.fid(real, file).value < band.high


def test_growth_of_the_later_half_counts_from_four_steps_on():
    x = np.array([0.0, 0.0, 1.0, 1.0])[:, None] * np.ones((1, 2))
    # Half beyond the mean, of a square of which .3 .2 (1/2 - 1/4) are noise.
    both = 0.5 * (1 - 0.015 / 0.25)
    assert pull._later(x, 0.3, 0.2) == pytest.approx([both, both], rel=1e-12)
    assert pull._later(x[:3], 0.3, 0.2).tolist() == [0.0, 0.0]
    # Beyond what axes share, .7 .2 (1/2 - 1/4) of a square of 1/2 + 1/2 are noise.
    x[:, 0] *= -1
    assert pull._later(x, 0.3, 0.2) == pytest.approx(np.array([-0.5, 0.5]) * (1 - 0.035 / 0.5))


def home_by_hand(seen):
    """Error, probability of each axis to be free (by integration), and what the others keep."""
    steps, K = seen.shape
    error, home = float(seen.var(axis=0, ddof=1).mean()) / steps, seen.mean(axis=0)
    dof = K * (steps - 1)
    wide = math.sqrt(error * (steps + 1))
    either = stats.t.pdf(home / wide, dof) / wide, stats.t.pdf(home / math.sqrt(error), dof)
    odds = either[0] / (either[1] / math.sqrt(error)) / K
    free = odds / (1 + odds)
    size = float((1 - free) @ home**2)
    return error, free, max(0.0, 1 - float((1 - free).sum()) * error / size)


def test_three_files_say_where_real_rows_are():
    series = loop_series(0.5, 1.0, 0.02, 0.0, T=3)
    found = pull.pull(series, 0.5, np.ones(2)).home
    seen = 2 * series.means[1:] - series.means[:-1]
    error, free, kept = home_by_hand(seen)
    assert kept > 0.2
    np.testing.assert_allclose(found.mean, seen.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.free, free, rtol=1e-9)
    assert (found.error, found.kept) == pytest.approx((error, kept), rel=1e-9)
    two = pull.pull(loop_series(0.5, 1.0, 0.02, 0.0, T=2), 0.5, np.ones(2)).home
    assert (two.mean.tolist(), two.error) == ([0.0, 0.0], 0.0)


def test_what_a_model_that_errs_adds_each_time_without_real_data():
    series = loop_series(0.0, 1.0, 0.02, 0.0, T=9)
    series = dataclasses.replace(series, means=series.means + 0.08 * np.arange(9.0)[:, None])
    steps = np.diff(series.means, axis=0)
    error, free, kept = home_by_hand(steps)
    found = pull.pull(series, 0.0, np.ones(2), errs=True)
    assert found.home.kept == pytest.approx(kept, rel=1e-9)
    assert 0.2 < kept < 0.9, (kept, free)
    assert (found.shape == np.eye(2)).all()
    # What no axis has by itself is none where no error is seen.
    assert pull.pull(series, 0.0, np.ones(2)).home.kept == 0
    held = Anchor(np.where(SHARES == 0, 0.0, -np.inf), 0.0, 1.0, 1.0, 1.0)
    for errs in (False, True):
        law = pull.draw(
            np.random.default_rng(0), series, held._replace(errs=errs), np.ones(2), 4000, Known(1)
        )
        part = free + (1 - free) * errs * kept
        off = part * steps.mean(axis=0)
        np.testing.assert_allclose(law.home.mean(axis=0), off, atol=4 * math.sqrt(error / 4000))


def test_one_axis_of_many_drifts_by_itself():
    """By a step of a deviation, ten times: it is free, the others are not, whatever it does."""
    rng = np.random.default_rng(0)
    steps = rng.standard_normal((10, 24)) + np.eye(24)[0]
    x = np.vstack([np.zeros((1, 24)), steps.cumsum(axis=0)])
    found = pull._home(x, x, 0.0, errs=True)
    _, free, kept = home_by_hand(steps)
    np.testing.assert_allclose(found.free, free, rtol=1e-9)
    assert found.kept == pytest.approx(kept, rel=1e-9)
    assert found.free[0] > 0.999
    assert found.free[1:].max() < 0.15
    assert found.kept < 0.15
    # Of means that do not move nothing is free; of one that moves without noise, all.
    still = np.zeros((11, 24))
    found = pull._home(still, still, 0.0, errs=True)
    assert (found.error, found.kept) == (0.0, 0.0)
    assert found.free.max() < 0.05
    x = still + np.arange(11.0)[:, None] * np.eye(24)[0]
    found = pull._home(x, x, 0.0, errs=False)
    assert (found.free > 0.5).tolist() == (np.arange(24) == 0).tolist()


def test_a_drift_that_grows_by_a_factor_is_the_last_one():
    """Increments c_k g^t: the home is that of the last, and least squares by hand with noise."""
    rng = np.random.default_rng(3)
    course, ends = 1.2 ** np.arange(-5.0, 1.0), np.array([0.5, -2.0, 0.0])
    x = np.vstack([np.zeros((1, 3)), np.multiply.outer(course, ends).cumsum(axis=0)])
    found = pull._home(x, x, 0.0, errs=False, factor=1.2)
    np.testing.assert_allclose(found.mean, ends, atol=1e-13)
    assert found.left == pytest.approx(0.0, abs=1e-25)
    steps = np.diff(x, axis=0) + rng.standard_normal((6, 3))
    y = np.vstack([x[:1], steps.cumsum(axis=0)])
    found = pull._home(y, y, 0.0, errs=False, factor=1.2)
    fits = [np.linalg.lstsq(course[:, None], steps[:, k]) for k in range(3)]
    np.testing.assert_allclose(found.mean, [f[0][0] for f in fits], rtol=1e-12)
    left = sum(float(f[1][0]) for f in fits)
    assert found.left == pytest.approx(left, rel=1e-12)
    assert found.error == pytest.approx(left / 15 / float(course @ course), rel=1e-12)
    # Real data pull to one place: there is no factor, and without one nothing is kept.
    assert found.kept > 0 == pull._home(y, y, 0.0, errs=False).kept


def test_factors_are_drawn_where_no_real_data_enter():
    rng = np.random.default_rng(4)
    course = 1.3 ** np.arange(-7.0, 1.0)
    steps = np.multiply.outer(course, 3.0 * rng.standard_normal(12))
    for noise, like in ((0.02, 1.3), (30.0, None)):
        x = np.vstack([np.zeros((1, 12)), steps + noise * rng.standard_normal((8, 12))])
        x, them = x.cumsum(axis=0), [(0.0, 1)] * 300 + [(0.1, 1)] * 100
        homes, factors = pull._faster(rng, x, False, them, [None] * 400)
        assert (factors[300:] == 1).all()
        assert homes[300:] == [None] * 100
        assert None not in homes[:300]
        if like:
            assert (factors[:300] == like).all()
            last = homes[0].mean  # type: ignore[union-attr]
            np.testing.assert_allclose(last, steps[-1], atol=0.05)
        else:
            assert set(factors[:300]) == set(pull._FACTORS)
    # Two files leave nothing to tell by.
    assert (pull._faster(rng, x[:2], False, them, [None] * 400)[1] == 1).all()


def test_paths_of_discrete_columns_go_on_faster():
    """Means that moved by 1.3 times as much each time go on so, of discrete columns."""
    rng, n = np.random.default_rng(5), 1000
    at = 0.06 * np.cumsum(1.3 ** np.arange(12.0))
    real, *files = (rng.standard_normal((n, 4)) + m for m in (0.0, *at[:7]))
    axes = audit.axes_of(real)
    series = audit.series_of(axes, files)
    held = audit.infer(series, None, 0.95, 0.02, Known(1, 0.0)).held
    fid = {}
    for discrete in (True, False):
        found = paths.paths(
            np.random.default_rng(0),
            axes,
            series,
            held,
            files[-1],
            5,
            400,
            Known(1, 0.0),
            discrete=discrete,
        )
        fid[discrete] = np.median(found.fid, axis=0)
    truth = 4 * np.square(at[7:])
    np.testing.assert_allclose(fid[True], truth, rtol=0.25)
    assert fid[False][-1] < 0.5 * truth[-1]


@pytest.mark.parametrize("known", [{}, {"n_real": 0}])
def test_the_distance_of_a_model_that_errs_each_time_goes_on(known):
    """Off by .2 more each time in four directions: .16 t^2 of distance, whatever the noise."""
    rng, d, n = np.random.default_rng(3), 4, 1000
    real, x, files = rng.standard_normal((n, d)), rng.standard_normal((n, d)), []
    for _ in range(15):
        deviations = x.std(axis=0, ddof=1)
        x = x.mean(axis=0) + 0.2 + deviations * rng.standard_normal((n, d))
        files.append(x)
    later = [metrics.fid(real, file).value for file in files[10:]]
    bands = audit.audit(real, files[:10], **known).forecast.fid
    assert all(band.low < value < band.high for band, value in zip(bands, later, strict=True))
    # Twice the distance, and the band is not all there is.
    assert later[-1] > 2 * metrics.fid(real, files[9]).value
    assert bands[-1].high < 2 * bands[-1].low


def test_what_a_direction_that_died_once_adds():
    """Back at a quarter of the variance, a deviation of the mean away: (1 - 1/2)^2 + 1."""
    axes = SimpleNamespace(scales=np.array([3.0, 2.0]))
    series = SimpleNamespace(
        log_variance=np.log([[1.0, 1.0], [0.5, 0.25]]), means=np.array([[0.0, 0.0], [0.2, 1.0]])
    )
    trace, distance = forecast._dead(axes, series, np.array([True, False]))
    assert (trace, distance) == (4 * 0.25, 4 * 1.25)


def test_synthetic_samples_are_those_of_the_training_set_without_the_real_ones():
    found = SimpleNamespace(bias=metrics.Measured(0.9, 0.8, 1.0), training_size=400.0)
    assert forecast.fresh_data(3, found, 0.2, 0).n_synth == 400
    assert forecast.fresh_data(3, found, 0.2, 100).n_synth == 300


def drifting_along_one(rng):
    """A real set, and 13 files off by .2 more each time along the first of 24 directions."""
    d, n = 24, 80
    scales = 1 / np.sqrt(np.arange(1, d + 1))
    real, x, files = (*(scales * rng.standard_normal((n, d)) for _ in range(2)), [])
    for _ in range(13):
        deviations = x.std(axis=0, ddof=1)
        x = x.mean(axis=0) + 0.2 * np.eye(d)[0] + deviations * rng.standard_normal((n, d))
        files.append(x)
    return real, files


def test_the_distance_of_a_model_that_errs_along_one_of_many_axes_goes_on():
    """Shrunk as if along all, FID of the last generation left the band."""
    real, files = drifting_along_one(np.random.default_rng(13))
    later = [metrics.fid(real, file).value for file in files[8:]]
    bands = audit.audit(real, files[:8], n_real=0).forecast.fid
    assert all(band.low < value < band.high for band, value in zip(bands, later, strict=True))


def of_two_components(rng, x, generations):
    """Files of a loop without real data whose models are two principal components of its last."""
    files = []
    for _ in range(generations):
        values, vectors = np.linalg.eigh(np.cov(x.T))
        S = (vectors[:, 3:] * values[3:]) @ vectors[:, 3:].T
        x = rng.multivariate_normal(x.mean(axis=0), S, 300)
        files.append(x)
    return files


def test_files_of_fewer_directions_than_real_are_told():
    """A model of two principal components; its bands of FID hold less, and `coverage` says so."""
    rng = np.random.default_rng(4)
    real, x, files = rng.standard_normal((300, 5)), rng.standard_normal((300, 5)), []
    for _ in range(5):
        values, vectors = np.linalg.eigh(np.cov(x.T))
        flat = rng.standard_normal((300, 2)) * np.sqrt(values[3:]) @ vectors[:, 3:].T
        files.append(flat)
        x = np.concatenate([rng.standard_normal((150, 5)), flat[:150]])
    assert audit.audit(real, files).forecast.low_rank
    assert not audit.audit(REAL, FILES).forecast.low_rank
    # Dropped ones are rounding against the first training set: they stay as they are.
    first = rng.standard_normal((300, 5))
    flat = of_two_components(rng, first, 9)
    band = audit.audit(first, flat[:8]).forecast.fid[0]
    assert band.low < metrics.fid(first, flat[8]).value < band.high < 1.5 * band.low
    # As rows are few, or a constant column is constant in REAL too.
    assert not audit.audit(real, [x[:5] for x in files], k=2).forecast.low_rank
    still = [np.hstack([x, np.ones((len(x), 1))]) for x in (REAL, *FILES)]
    assert not audit.audit(still[0], still[1:]).forecast.low_rank


def test_files_that_are_small_all_along_are_forecast_with_a_band():
    """Their variances are 1e-16 of the real ones, and no rounding of each other."""
    files = [1e-8 * x for x in FILES]
    found = audit.audit(REAL, files).forecast
    plain = audit.audit(REAL, FILES).forecast
    for small, band in zip(found.trace, plain.trace, strict=True):
        assert small.low < small.value < small.high
        assert small.high / small.low == pytest.approx(band.high / band.low, rel=0.5)


def come_to_rest(rng, rest, dim=10, n=600):
    """Real rows, files of models that keep three quarters of the correlations, and later ones."""
    factors = rng.standard_normal((dim, 2))
    x, files = rng.standard_normal((3000, 2)) @ factors.T + rng.standard_normal((3000, dim)), []
    real = x
    for _ in range(10 + rest):
        S = np.cov(x, rowvar=False)
        S = 0.75 * S + 0.25 * np.diag(np.diag(S))
        x = x.mean(axis=0) + rng.standard_normal((n, dim)) @ np.linalg.cholesky(S).T
        files.append(x)
    return real, files[:10], files[10:]


@pytest.mark.full
def test_models_without_real_data_may_come_to_rest_by_themselves():
    """Correlations that are gone fall no more: bands of a walk at its growth are left by half."""
    held = []
    for seed in range(4):
        real, files, later = come_to_rest(np.random.default_rng(seed), 5)
        found = audit.audit(real, files, horizon=5, n_real=0, memory=1).forecast
        distances = [metrics.fid(real, x).value for x in later]
        held += [b.low <= v <= b.high for b, v in zip(found.fid, distances, strict=True)]
    assert sum(held) >= 19, held


@pytest.mark.parametrize("memory", [None, 2])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.3])
def test_another_share_than_is_said_is_against_the_odds(memory, share):
    held = Anchor(-np.arange(len(SHARES)) / 8, 0.0, 1.0, 1.0, 1.0)
    free = dict(zip(*pull._likely(held, Known(memory)), strict=True))
    them, logs = pull._likely(held, Known(memory, share))
    found = dict(zip(them, logs, strict=True))
    assert len(found) == len(them)
    for (p, k), log in free.items():
        if p != share:
            assert found[p, k] == log - 3.0
    near = min(SHARES, key=lambda p: (abs(p - share), p))
    assert found[share, memory or 1] == free[near, memory or 1]


@pytest.mark.parametrize("exponent", [200, -300])
def test_far_units_are_those_of_one_in_many_directions(exponent):
    """The last file's distance stood in units of the data, its parts in others."""
    rng = np.random.default_rng(3)
    real, files = rng.standard_normal((200, 28)), collapse(rng, n=120, dim=28, generations=5)
    near = audit.audit(real, files, horizon=2).forecast
    far = audit.audit(np.ldexp(real, exponent), [np.ldexp(x, exponent) for x in files], horizon=2)
    assert far.forecast.in_units(-exponent) == near
