"""The anchor test: its covariances by hand, what its p-values compare, and each verdict."""

import dataclasses
import math
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pytest
from scipy import optimize, stats

from madtheory.audit import anchor, inference
from madtheory.audit.drift import Drift, drift
from madtheory.audit.scoring import independent
from madtheory.spectrum.baseline import baseline
from tests.unit.audit.test_audit import walks

STEPS = np.array([1.0, 0.5, 2.0, 0.25, 3.0])


# ------------------------------------------------------------------------------------ covariances
@pytest.mark.parametrize(("keep", "memory"), [(1.0, 1), (0.6, 1), (1.0, 3), (0.6, 2)])
def test_walk_with_memory_is_the_covariance_of_its_draws(keep, memory):
    # 200,000 draws of the recursion as it is said: 5 standard errors of each entry.
    rng, n = np.random.default_rng(0), 200_000
    x: list[np.ndarray] = []
    for step in STEPS:
        mean = np.mean(x[-memory:], axis=0) if x else 0.0
        x.append(keep * mean + math.sqrt(step) * rng.standard_normal(n))
    seen, expected = np.cov(x), anchor.walk(keep, STEPS, memory)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / n)
    assert (np.abs(seen - expected) < 5 * error).all()


#: Generation 1 has nearly no step of its own: a hundredth.
FIRST = np.array([0.01, 1.0, 1.0, 1.0, 1.0])


def test_components_are_offset_shift_noise_return_error_and_a_part_that_walks():
    keep, noise = 0.6, np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    how = {"free": 0.25, "slower": 0.8, "errs": True, "partial": True}
    parts = anchor.components(keep, STEPS, noise, 0.3, **how)
    t = np.arange(5)
    fading, error = keep**t, np.array([sum(keep**k for k in range(i + 1)) for i in t])
    expected = [
        0.75 * anchor.walk(keep, FIRST * STEPS) + 0.2 * anchor.walk(1.0, FIRST * STEPS),
        np.ones((5, 5)),
        np.outer(fading, fading),
        np.diag(noise),
        0.3 * np.outer(1 - fading, 1 - fading),
        np.outer(error, error),
        anchor.walk(1.0, FIRST * STEPS),
    ]
    np.testing.assert_allclose(parts, expected, rtol=1e-13)
    assert len(anchor.components(keep, STEPS, noise)) == 5


def test_memory_keeps_a_first_shift_and_an_error_as_it_keeps_all_else():
    """Of two models, the older one twice the size: x' = .6 (2 x_old + x)/3, by hand."""
    weights = 2.0 ** -np.arange(5)
    parts = anchor.components(0.6, STEPS, STEPS, 0.3, memory=2, weights=weights, errs=True)
    shift, error = [1.0, 0.6], [1.0, 1.6]
    for _ in range(3):
        shift.append(0.6 * (2 * shift[-2] + shift[-1]) / 3)
        error.append(1 + 0.6 * (2 * error[-2] + error[-1]) / 3)
    back = 1 - np.array(shift)
    np.testing.assert_allclose(parts[2], np.outer(shift, shift), rtol=1e-12)
    np.testing.assert_allclose(parts[4], 0.3 * np.outer(back, back), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(parts[5], np.outer(error, error), rtol=1e-12)


@pytest.mark.parametrize("memory", [1, 3])
def test_a_walk_from_the_real_set_itself_fits_as_well_as_any(memory):
    """The first training set is the real set: x_0 = 0, the rest walks on; files of as many rows."""
    steps = np.ones(8)
    truth = anchor.walk(1.0, np.array([0.0, *steps[1:]]), memory) + np.eye(8)
    parts = anchor.components(0.0 + 1.0, steps, steps, memory=memory)
    value = anchor.fit(parts, truth).value
    unit = np.trace(truth) / 8
    best = -(np.linalg.slogdet(truth / unit)[1] + 8) / 2
    assert best - 1e-3 < value <= best + 1e-9


def test_a_mixture_of_real_and_erring_samples_is_spread():
    # Mean and variance of training sets that are real by p, a model off by delta each time.
    p, delta, mean, variance, seen = 0.3, 0.01, 0.0, 1.0, []
    for _ in range(5):
        seen.append((variance - 1) / delta**2)
        off = mean + delta
        variance = (1 - p) * variance + p + p * (1 - p) * off**2
        mean = (1 - p) * off
    parts = anchor.components(1 - p, STEPS, np.ones(5), errs=True, mixes=True)
    np.testing.assert_allclose(parts[6], np.outer(seen, seen), rtol=1e-9, atol=1e-12)
    # Nothing is mixed without real data.
    assert not anchor.components(1.0, STEPS, np.ones(5), errs=True, mixes=True)[6].any()


def test_fit_finds_the_law_that_the_data_have_and_keeps_its_bounds():
    # The Gram matrix is the covariance itself: the greatest likelihood is that of the truth.
    steps, noise = np.ones(6), np.full(6, 0.5)
    parts = anchor.components(0.5, steps, noise, 0.2)
    truth = np.tensordot([2.0, 0.3, 0.4, 0.7, 0.5], parts, 1)
    value, law, weights = anchor.fit(parts, truth)
    unit = np.trace(truth) / 6  # log-likelihoods are in this unit
    assert value == pytest.approx(-(np.linalg.slogdet(truth / unit)[1] + 6) / 2, abs=1e-5)
    np.testing.assert_allclose(law, truth, atol=0.02)
    np.testing.assert_allclose(np.tensordot(weights, parts, 1), law, rtol=1e-12)
    # Noise of twice the rows' own is not allowed, nor are steps below the least.
    loud = truth + 2 * np.diag(noise)
    unit = np.trace(loud) / 6
    assert anchor.fit(parts, loud)[0] < -(np.linalg.slogdet(loud / unit)[1] + 6) / 2 - 1e-3
    assert anchor.fit(parts, truth, least=4.0)[0] < value - 1e-2


# --------------------------------------------------------------------------------------- p-values
def test_best_of_takes_each_kind_whatever_the_memory():
    alone = -np.arange(len(anchor.GRID), dtype=float)  # falls with the share
    memory = np.full((len(anchor.MEMORIES), len(anchor.REMEMBERED)), -99.0)
    at = int(np.argmin(np.abs(anchor.GRID - 0.1)))
    assert anchor.best_of(alone, memory, 0.1) == (0.0, 0.0, -at)
    memory[1, 0], memory[0, 2] = 2.0, 1.0
    assert anchor.best_of(alone, memory, 0.1) == (2.0, 2.0, 1.0)
    assert anchor.best_of(alone[::-1], memory, 0.1).little == 2.0
    memory[1, 0] = -99.0
    assert anchor.best_of(alone[::-1], memory, 0.1).walk == alone[-1]
    assert anchor.best_of(alone[::-1], memory, 0.1).held == 1.0
    memory[0, 2] = -99.0
    assert anchor.best_of(alone[::-1], memory, 0.1).held == 0.0  # at a share of 1, not at .1
    memory[1, 1] = 5.0  # the margin itself is held, and is not less than it
    assert anchor.best_of(alone[::-1], memory, 0.1) == (-10.0, -8.0, 5.0)


def even(best):
    """Half of the directions walk, and series vary as if all were alike."""
    return anchor.Halves(best, 1.0, 1.0)


def part(log_likelihood=(), slow=0.0, partial=0.0, count=10.0, halves=(0.0, 1.0, 1.0)):
    ll = np.zeros(len(anchor.GRID))
    ll[: len(log_likelihood)] = log_likelihood
    memory = np.full((len(anchor.MEMORIES), len(anchor.REMEMBERED)), -9.0)
    return anchor.Part(ll, memory, slow, anchor.Halves(*halves), partial, count, count, 11)


def test_the_likeliest_share_and_memory():
    alone, memory = np.full(len(anchor.GRID), -2.0), np.full((2, 4), -3.0)
    alone[4] = -1.0
    assert anchor._likeliest(alone, memory, 7) == (0.15, 7)
    memory[1, 2] = -1.0  # no likelier
    assert anchor._likeliest(alone, memory, 7) == (0.15, 7)
    memory[1, 2] = -0.5
    assert anchor._likeliest(alone, memory, 7) == (0.2, 3)


def test_p_values_are_signed_roots_of_likelihood_ratios():
    # Ten series of eleven generations: fifty degrees of freedom.
    expected = float(stats.t.sf(math.sqrt(2 * 10 * 0.3), 50))
    assert anchor._against_walk(part((0.3,)), 0.0) == pytest.approx(expected, rel=1e-12)
    assert anchor._against_still(part(partial=0.3)) == pytest.approx(expected, rel=1e-12)
    best = anchor.Best(0.0, 3.0, 0.0)
    assert anchor._against_held(best, 50.0) == pytest.approx(expected, rel=1e-12)
    # Half of the directions walk in both kinds: gains and degrees of freedom are added.
    both = part((0.3,), halves=(0, 2, 3)), part((0.1,), halves=(0.05, 5, 7.5), count=4.0)
    # They vary by half more than series that are all alike; 1.5 times the p-value of the root.
    expected = 1.5 * float(stats.t.sf(math.sqrt((2 * 10 * 0.3 + 2 * 4 * 0.05) / 1.5), 70))
    assert anchor._against_halves(both) == pytest.approx(expected, rel=1e-12)
    # By a third less: the gain counts for more.
    less = [part((0.3,), halves=(0, 3, 2))]
    expected = 1.5 * float(stats.t.sf(math.sqrt(2 * 10 * 0.3 * 1.5), 50))
    assert anchor._against_halves(less) == pytest.approx(expected, rel=1e-12)
    # The better hypothesis itself is never rejected, nor one that is the same.
    assert anchor._against_halves([part(halves=(0.1, 1, 1))]) == 1.0
    assert anchor._against_halves([part(halves=(0, 0, 0))]) == 1.0
    assert anchor._against_walk(part(), 0.1) == 1.0
    assert anchor._against_still(part(partial=-0.1)) == 1.0
    assert anchor._against_held(best._replace(held=3.0), 50.0) == 1.0


def test_a_gain_over_a_half_that_walks_varies_as_much_as_is_said():
    """Of 40 series a quarter walks: the gain of a fixed law over the average one, drawn."""
    rng, T, n = np.random.default_rng(11), 8, 40
    steps, draws = np.ones(T), 3000
    kind = anchor.Kind(np.zeros((T, n)), steps, 0.5 * steps, 0.0, steps, 0.0, n, n, 0.25, 3.0)
    V, W = (anchor.walk(keep, steps) + 0.5 * np.eye(T) for keep in (0.5, 1.0))
    held = anchor.fit(kind.parts(0.5), 0.75 * V + 0.25 * W).covariance
    found = kind.halves(0.75 * V + 0.25 * W, held, memory=1)
    x = [np.linalg.cholesky(L) @ rng.standard_normal((draws, T, k)) for L, k in ((V, 30), (W, 10))]
    H = 0.75 * V + 0.25 * W
    gap = np.linalg.inv(H) - np.linalg.inv(held)
    gain = sum(np.einsum("rti,ts,rsi->r", y, gap, y) for y in x)
    # 2 n times; a variance of 3,000 draws errs by 2.6 %.
    assert gain.var() == pytest.approx(2 * n * found.uneven, rel=0.15)
    assert found.uneven > 1.1 * found.even
    # Series all alike vary by what their average law says.
    assert found.even == pytest.approx(np.einsum("ij,ji->", gap @ H, gap @ H), rel=0.1)


def test_half_that_walks_may_step_less():
    """Directions of half replaced sets step by 7/4 of what those that walk do."""
    rng, T, n = np.random.default_rng(12), 12, 4000
    steps = np.ones(T)
    laws = anchor.walk(0.5, 1.75 * steps), anchor.walk(1.0, steps)
    x = np.hstack([np.linalg.cholesky(L) @ rng.standard_normal((T, n // 2)) for L in laws])
    kind = anchor.Kind(x, steps, 0 * steps, 0.0, steps, 0.0, n, n, 0.5, 3.0)
    gram = (laws[0] + laws[1]) / 2
    unit = np.trace(gram) / T
    best = -(np.linalg.slogdet(gram / unit)[1] + T) / 2
    found = kind.halves(gram, kind.covariance(gram, 0.5), memory=1).best
    assert best - 2e-3 < found <= best + 1e-9
    assert fit_of_halves(kind, gram) < best - 4e-3


def fit_of_halves(kind, gram):
    """The same of steps all alike."""
    each = [kind.best(gram, p, free=kind.free) for p, _ in anchor.HALVES]
    return max(each)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_a_part_of_the_first_training_set_that_is_kept(share):
    """x' = p h + (1 - p) (x + e), h the mean of p n of the n rows of the first training set."""
    T, n = 12, 100
    first = np.zeros((T, T + 2))  # of h, of the others' mean, of each draw
    x = np.zeros(T + 2)
    x[:2] = share, 1 - share
    for t in range(T):
        first[t] = x
        x = (1 - share) * x
        x[0] += share
        x[2 + t] += 1 - share
    each = np.concatenate([[1 / (share * n)], np.full(T + 1, 1 / ((1 - share) * n))])
    V, steps = (first * each) @ first.T, np.ones(T)
    kind = anchor.Kind(V, steps, 0 * steps, 0.0, steps, 0.0, 1.0, 1.0, 0.5, 3.0)
    unit = np.trace(V) / T
    best = -(np.linalg.slogdet(V / unit)[1] + T) / 2
    assert best - 0.01 < kind.best(V, share, kept=1.0) < best + 1e-3
    # Fresh rows, of any share from a tenth on, move otherwise.
    assert max(kind.best(V, p) for p in anchor.GRID if p >= 0.1) < best - 0.02


def keeping(log_likelihood, kept, count, near):
    """A part with a rule for loops that keep a part of their first training set."""
    ll, them = np.full(len(anchor.GRID), -9.0), dict(zip(anchor.KEPT, kept, strict=True))
    ll[: len(log_likelihood)] = log_likelihood
    kind = SimpleNamespace(best=lambda gram, p, **_: them[p], pull=4.0)
    source = anchor.Source(kind, np.eye(11), 1)
    return part(ll, count=count)._replace(near=near, source=source)


def test_what_is_kept_counts_among_the_held_and_against_the_walk():
    """Shares of 0, .02 and .05 are no tenth; the likeliest loop that keeps shares its share."""
    means = keeping([-2.0, -1.5, -1.0], [-3.0, -0.5, *[-9.0] * 4], 4.0, 5.0)
    shapes = keeping([-1.0, -1.25, -1.5], [-0.75, -0.5, *[-9.0] * 4], 6.0, 7.0)
    found = anchor.kept((means, shapes), 0.1)
    assert found.gain == pytest.approx(5 * (-0.5 + 2) + 7 * (-0.5 + 1))
    assert (found.held, found.held_means) == (1.0, 1.0)
    less = means._replace(source=keeping([], [-3.0, -1.25, *[-9.0] * 4], 4.0, 5.0).source)
    root = math.sqrt(2 * 5 * (1.25 - 1.0))
    # Ten parts of eleven generations, of which half count: 4 10/2.
    assert anchor.kept((less,), 0.1).held == pytest.approx(float(stats.t.sf(root, 20)), rel=1e-12)
    assert anchor.kept((less, shapes), 0.1).held_means == pytest.approx(
        float(stats.t.sf(root, 20)), rel=1e-12
    )
    # Another held loop is likelier.
    held = keeping([-2.0, -1.5, -1.0, -1.05], [-1.25] * 6, 4.0, 5.0)
    other = float(stats.t.sf(math.sqrt(2 * 5 * 0.05), 20))
    assert anchor.kept((held,), 0.1).held == pytest.approx(other, rel=1e-12)
    assert anchor.kept((), 0.1) == (0.0, 0.0, -math.inf)


@pytest.mark.parametrize(("share", "T"), [(0.1, 9), (0.4, 9), (0.4, 3)])
def test_curve_test_is_a_weighted_least_squares_fit(share, T):
    """c'/c = a/c + b by scipy: relative errors alike, so weights are one over the ratios."""
    rng = np.random.default_rng(5)
    level = -1.2 + np.cumsum(-0.1 + 0.1 * rng.standard_normal((T, 3)), axis=0)
    noise = Drift(0.0, 0.0, 6.0, 0.01, 0.03, 0.4, 0.0)
    c = np.exp(level.mean(axis=1))
    ratio = c[1:] / c[:-1]
    (a, b), cov = optimize.curve_fit(
        lambda x, a, b: a * x + b, 1 / c[:-1], ratio, sigma=ratio, absolute_sigma=True
    )
    contrast = np.array([1 - share, -share])
    # The average log variance steps by .4 of a variance of .03.
    t = contrast @ [a, b] / math.sqrt(0.4 * 0.03 * contrast @ cov @ contrast)
    expected = float(stats.t.cdf(t, 6))
    assert 1e-4 < expected < 0.9999
    found = anchor.curve_p_value(walks(level), noise, share)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("share", "held"), [(0.2, True), (0.1, True), (0.0, False)])
def test_curve_test_of_models_that_err_by_the_same_each_time(share, held):
    """c' = g (p + (1 - p) c + p (1 - p) x^2), x' = (1 - p) x + e: without the last term a loop
    whose error has still to add up bends as if hardly any real data were there."""
    c, x, level = np.ones(6), np.zeros(6), np.zeros((25, 6))
    means, error, g = np.zeros((25, 6)), 0.25 * np.array([1, -1, 1, 1, -1, 1]), 0.9
    for t in range(25):
        x = (1 - share) * x + error
        level[t], means[t] = np.log(c), x
        c = g * (share + (1 - share) * c + share * (1 - share) * x**2)
    noise = Drift(0.0, 0.0, 50.0, 1e-4, 4e-4, 0.2, 0.0)
    series = dataclasses.replace(walks(level), means=means)
    assert (anchor.curve_p_value(series, noise, 0.1, errs=True) > 0.02) is held
    if share == 0.1:
        assert anchor.curve_p_value(series, noise, 0.1, errs=True) == pytest.approx(0.5, abs=1e-6)
        assert anchor.curve_p_value(series, noise, 0.1) < 1e-6


def test_curve_test_says_nothing_of_what_does_not_move():
    noise = Drift(0.0, 0.0, 6.0, 1e-4, 1e-4, 0.4, 0.0)
    steep, flat = (walks(s * np.arange(9.0)[:, None] * np.ones((1, 3))) for s in (-1e-5, 0.0))
    assert anchor.curve_p_value(flat, noise, 0.1) == 1.0
    # A hundred-thousandth a generation is a regular fit (condition 1e10), far from any bend.
    assert 0.4 < anchor.curve_p_value(steep, noise, 0.1) < 0.5
    # Two files have one ratio, for two unknowns; without noise the sign decides.
    assert anchor.curve_p_value(walks(np.array([[0.0], [-1.0]])), noise, 0.1) == 1.0
    line = walks(-0.2 * np.arange(9.0)[:, None])
    assert anchor.curve_p_value(line, noise._replace(spread=0.0), 0.1) == 0.0


@pytest.mark.parametrize("fall", [1.0, 4.6, 12.0, 40.0])
def test_curve_test_sees_a_steep_fall_as_a_slow_one(fall):
    """c_(t+1) = a + b c_t by weighted least squares, in 500 digits: no scale is too far out."""
    rng = np.random.default_rng(3)
    level = -fall * np.arange(7.0) + 0.03 * rng.standard_normal(7)
    with mp.workdps(500):
        c = [mp.exp(mp.mpf(float(x))) for x in level]
        rows = mp.matrix([[c[t] / c[t + 1] / c[t], c[t] / c[t + 1]] for t in range(6)])
        inverse = (rows.T * rows) ** -1
        contrast = mp.matrix([0.9, -0.1])
        value = (contrast.T * (inverse * (rows.T * mp.matrix([1] * 6))))[0]
        t = float(value / mp.sqrt(0.01 * 0.25 * (contrast.T * (inverse * contrast))[0]))
    noise = Drift(-fall, 0.1, 23.0, 0.01, 0.01, 0.25, 0.1)
    found = anchor.curve_p_value(walks(level[:, None] * np.ones((1, 4))), noise, 0.1)
    assert found == pytest.approx(float(stats.t.cdf(t, 23)), rel=1e-6)
    assert found < 1e-6


@pytest.mark.parametrize("K", [1, 7, 24])
def test_least_step_is_the_growth_of_the_baseline(K):
    """Steps of variance q are fits of 1/q samples: the growth is the baseline of that many."""
    base = walks(np.zeros((4, K)))
    q = anchor.least_step(base, 0.001)
    n = 10**7
    assert baseline(n, np.ones(K)).value / K * n * q == pytest.approx(0.001, rel=1e-5)


def test_anchor_by_hand(monkeypatch):
    """All that is made of two parts: means that stand for 6 series, shapes for 20."""
    grid = len(anchor.GRID)
    low = np.full((2, 4), -9.0)
    means = anchor.Part(np.full(grid, -1.0), low.copy(), -1.4, even(-1.3), -0.9, 6.0, 6.0, 9)
    shapes = anchor.Part(np.full(grid, -2.0), low.copy(), -2.2, even(-2.3), -1.9, 20.0, 30.0, 9)
    at = anchor.GRID.tolist()
    means.log_likelihood[[at.index(0.0), at.index(0.02), at.index(0.5)]] = -1.2, -0.95, -0.8
    shapes.log_likelihood[[at.index(0.0), at.index(0.05), at.index(0.5)]] = -2.1, -1.98, -1.97
    means.memory[0] = -1.15, -9.0, -9.0, -0.75
    monkeypatch.setattr(anchor, "parts_of", lambda series, least, memory: (means, shapes))
    found = anchor.anchor(walks(np.zeros((9, 3))), 0.1, 0.001)

    def p(gain, dof):
        return float(stats.t.sf(math.sqrt(2 * gain), dof))

    # Half the entries: 6 x 8/2 and 20 x 8/2 degrees of freedom. The larger of two p-values.
    assert found.walk == pytest.approx(max(p(6 * 0.4, 24), p(20 * 0.13, 80)), rel=1e-12)
    assert found.slow == pytest.approx(max(p(6 * 0.65, 24), p(20 * 0.23, 80)), rel=1e-12)
    # A walk of half of the directions is likelier than each: the largest of three.
    halves = [means._replace(halves=even(-0.9)), shapes._replace(halves=even(-2.0))]
    monkeypatch.setattr(anchor, "parts_of", lambda series, least, memory: halves)
    slow = anchor.anchor(walks(np.zeros((9, 3))), 0.1, 0.001).slow
    assert slow == pytest.approx(1.5 * p(6 * 0.15 + 20 * 0.03, 104), rel=1e-12)
    monkeypatch.setattr(anchor, "parts_of", lambda series, least, memory: (means, shapes))
    # The smaller of two, twice: means -.75 against -.9 does not reject, shapes -1.97 against -1.9.
    assert found.partial == pytest.approx(2 * p(20 * 0.07, 80), rel=1e-12)
    # Of less than the margin .05 is the best of 6, 20 series, near the data of 6, 30.
    little, held = 6 * -1.0 + 30 * -1.98, 6 * -0.8 + 30 * -1.97
    assert held > little
    assert found.held == 1.0
    assert found.held_means == 1.0
    assert found.share == 0.5
    assert found.memory == 1
    total = 6 * means.log_likelihood + 20 * shapes.log_likelihood
    # Shares that a forecast draws from are those of the grid but .15 and .85.
    np.testing.assert_allclose(found.log_likelihood, np.delete(total, [4, 9]), rtol=1e-12)
    # A memory of three models is likelier, at a share of .5.
    means.memory[1, 3], shapes.memory[1, 3] = -0.5, -1.9
    found = anchor.anchor(walks(np.zeros((9, 3))), 0.1, 0.001)
    assert (found.memory, found.share) == (3, 0.5)
    np.testing.assert_allclose(found.log_likelihood, np.delete(total, [4, 9]), rtol=1e-12)
    assert found.remembered.shape == (2, 4)
    assert found.remembered[1, 3] == pytest.approx(6 * -0.5 + 20 * -1.9, rel=1e-12)
    assert found.slow == pytest.approx(max(p(6 * 0.9, 24), p(20 * 0.3, 80)), rel=1e-12)


def told(errs_gain=0.0, near=0.0):
    """A kind of six generations whose likelihood is a rule, and all that is asked of it."""
    asked, halves = [], []

    def best(gram, share, least=0.0, *, errs=False, memory=1, partial=False, kept=0.0):
        asked.append((share, least, errs, memory, partial))
        gain = errs_gain * errs + 0.01 * memory + 0.1 * partial + 0.001 * kept
        return -abs(share - 0.35) - least + gain

    def half(gram, likeliest, **how):
        halves.append((likeliest, how))
        return even(-2.0)

    kind = SimpleNamespace(
        x=np.ones((6, 2)), number=10.0, near=near, seen=3.0, least=0.7, best=best, halves=half,
        pull=4.0, covariance=lambda gram, share, **how: (share, how),
    )  # fmt: skip
    return kind, asked, halves


@pytest.mark.parametrize(("errs_gain", "errs"), [(0.149, False), (0.151, True)])
def test_a_part_asks_for_every_loop(monkeypatch, errs_gain, errs):
    """Twice ten series' gain is 2.98 or 3.02 where 3 are asked for."""
    likeliest = 0.35, {"memory": 1, "errs": errs}
    monkeypatch.setattr(anchor, "independent", lambda gram, law, n: n - (law == likeliest))
    kind, asked, halves = told(errs_gain)
    found, more = anchor._part(kind, None), errs_gain * errs
    assert found.errs is errs
    np.testing.assert_allclose(
        found.log_likelihood, 0.01 - np.abs(anchor.GRID - 0.35) + more, rtol=1e-12
    )
    rest = [[0.01 * k - abs(p - 0.35) + more for p in anchor.REMEMBERED] for k in (2, 3)]
    np.testing.assert_allclose(found.memory, rest, rtol=1e-12)
    assert found.slow == pytest.approx(0.03 - 0.35 - 0.7 + more)  # steps of the least size
    assert found.partial == pytest.approx(0.01 + 0.1 + more)  # steps of any
    assert found.pool == pytest.approx(0.06 - 0.35 + more)  # of all six models
    assert (found.number, found.near, found.length) == (9.0, 9.0, 6)
    assert halves == [(likeliest, {"memory": 1, "errs": errs})]
    assert {p for p, *_, partial in asked if partial} == {0.1, 0.2, 0.35, 0.5, 0.7, 1.0}
    asked.clear()  # what is kept is asked for later, if at all
    few = [0.014 - abs(p - 0.35) + more for p in (0.1, 0.15, 0.2, 0.35, 0.5, 0.7)]
    np.testing.assert_allclose(found.kept(), few, rtol=1e-12)
    assert len(asked) == 6


def test_a_part_of_a_known_memory_asks_for_no_other(monkeypatch):
    monkeypatch.setattr(anchor, "independent", lambda gram, law, n: n - 0.5)
    kind, asked, halves = told(near=12.0)
    found = anchor._part(kind, 5)
    assert {memory for *_, memory, _ in asked} == {5}
    assert np.isneginf(found.memory).all()
    assert found.pool == found.log_likelihood[0]
    assert (found.number, found.near) == (9.5, 11.5)
    assert halves[0][0] == (0.35, {"memory": 5, "errs": False})


def test_series_count_by_how_far_their_mean_product_is_off():
    """Of forty draws of N series, by hand at T = 2, and nothing more where they are all alike."""
    rng, T = np.random.default_rng(3), 12
    law = anchor.walk(0.9, np.linspace(1.0, 2.0, T)) + 0.3 * np.eye(T)
    root = np.linalg.cholesky(law) * 1e-3  # at any scale
    found = []
    for _ in range(40):
        x = root @ rng.standard_normal((T, 30))
        found.append(independent(x @ x.T / 30, 1e-6 * law, 900.0))
    # 12 x 13/2 - 4 = 74 of 78 entries that are off by 1/30, and two deviations of so many.
    assert np.median(found) == pytest.approx(30 * (74 + 2 * math.sqrt(148)) / 78, rel=0.05)
    gram = np.eye(3) + np.array([[0.5, 0.2, 0.0], [0.2, -0.2, 0.3], [0.0, 0.3, 0.0]])
    by_hand = (2 + 4) / (0.25 / 2 + 0.04 / 2 + 0.04 + 0.09)
    assert independent(gram, np.eye(3), 50.0) == pytest.approx(by_hand, rel=1e-9)
    assert independent(gram, np.eye(3), 21.0) == 21.0
    assert independent(gram[:2, :2], np.eye(2), 50.0) == pytest.approx(
        (1 + 2 * math.sqrt(2)) / 0.185
    )
    assert independent(law, law, 50.0) == 50.0


def test_means_and_shapes_count_as_their_fits_tell():
    series = walks(np.zeros((9, 3)))
    parts = part()._replace(number=1.5), part()._replace(number=2.5)
    found = anchor.counted(series, parts)
    assert (found.mean_count, found.shape_count) == (1.5, 2.5)
    assert anchor.counted(series, ()) is series


@pytest.mark.parametrize("errs", [False, True])
def test_kinds_are_of_the_last_generations_in_their_units(monkeypatch, errs):
    """Of 42 generations the last 40; steps and noise of means go by the variance, of shapes not."""
    T, kinds = 42, []
    rows, scale, noise = (np.linspace(a, b, T) for a, b in ((50, 91), (2, 1), (0.5, 1.5)))
    given = dataclasses.replace(
        walks(np.zeros((T, 2))), means=np.arange(2.0 * T).reshape(T, 2), rows=rows, scale=scale,
        shapes=np.arange(3.0 * T).reshape(T, 3), shape_noise=noise, mean_count=1.5,
        shape_count=2.5, near_count=2.8, real_rows=80.0, real_noise=1.2,
    )  # fmt: skip
    back = part()._replace(errs=errs)
    monkeypatch.setattr(anchor, "_part", lambda kind, memory: kinds.append(kind) or back)
    anchor.parts_of(given, 0.001)
    means, shapes = kinds
    for kind, x in ((means, given.means), (shapes, given.shapes)):
        np.testing.assert_array_equal(kind.x, x[2:])
        assert kind.least == 0.001
    np.testing.assert_array_equal(means.steps, scale[2:])
    np.testing.assert_array_equal(means.noise, scale[2:] / rows[2:])
    np.testing.assert_array_equal(means.weights, np.ones(40))
    np.testing.assert_array_equal(shapes.steps, np.ones(40))
    np.testing.assert_array_equal(shapes.noise, noise[2:] / rows[2:])
    np.testing.assert_array_equal(shapes.weights, scale[2:])
    assert (means.real, shapes.real) == (1 / 80, pytest.approx(1.2 / 80, rel=1e-15))
    assert (means.number, means.near, means.seen, means.mixes) == (1.5, 0.0, 3.0, False)
    assert (shapes.number, shapes.near, shapes.seen, shapes.mixes) == (2.5, 2.8, 4.0, errs)


def test_what_an_anchor_takes_from_either_part(monkeypatch):
    """Pools and errors add up; a memory is likelier only where it beats the whole grid."""
    grid, low = len(anchor.GRID), np.full((2, 4), -9.0)
    one, other = (
        anchor.Part(np.full(grid, -2.0), low.copy(), -2.0, even(-2.0), -2.0, n, n, 9, errs, pool)
        for n, errs, pool in ((6.0, False, -0.5), (20.0, True, -0.7))
    )
    for p in (one, other):
        p.log_likelihood[5], p.memory[0, 3] = -1.0, -1.5  # likelier than a walk, not than .2
    monkeypatch.setattr(anchor, "parts_of", lambda series, least, memory: (one, other))
    found = anchor.anchor(walks(np.zeros((9, 3))), 0.1, 0.001, 7)
    assert found.pool == pytest.approx(6 * -0.5 + 20 * -0.7, rel=1e-15)
    assert (found.errs, found.memory, found.share) == (True, 7, 0.2)
    for p in (one, other):
        p.memory[1, 3] = -0.9
    found = anchor.anchor(walks(np.zeros((9, 3))), 0.1, 0.001)
    assert (found.memory, found.share) == (3, 0.5)


def test_a_held_loop_is_refuted_by_the_root_of_its_ratio(monkeypatch):
    grid = len(anchor.GRID)
    low = np.full((2, 4), -9.0)
    means = anchor.Part(np.full(grid, -1.0), low, -1.0, even(-1.0), -1.0, 6.0, 6.0, 9)
    shapes = anchor.Part(np.full(grid, -2.0), low, -2.0, even(-2.0), -2.0, 20.0, 30.0, 9)
    at = anchor.GRID.tolist()
    means.log_likelihood[at.index(0.05)] = -0.8  # below the margin
    shapes.log_likelihood[at.index(0.1)] = -1.99  # the margin itself is held
    monkeypatch.setattr(anchor, "parts_of", lambda series, least, memory: (means, shapes))
    found = anchor.anchor(walks(np.zeros((9, 3))), 0.1, 0.001)
    gain = 6 * 0.2 - 30 * 0.01
    assert found.held == pytest.approx(float(stats.t.sf(math.sqrt(2 * gain), 104)), rel=1e-12)
    assert found.held_means == pytest.approx(float(stats.t.sf(math.sqrt(2.4), 24)), rel=1e-12)
    assert found.share == 0.05


def series(rng, means, shapes, T=16, K=24, N=300):
    """Series whose means and shapes keep given parts of the last generation."""
    x = np.zeros((T, K + N))
    for t in range(T):
        keep = np.repeat([means, shapes], [K, N])
        x[t] = (keep * x[t - 1] if t else 0) + 0.1 * rng.standard_normal(K + N)
    base = walks(np.zeros((T, K)))
    return dataclasses.replace(
        base, means=x[:, :K], shapes=x[:, K:], mean_count=float(K), shape_count=float(N)
    )


def refuted(means, shapes, seeds=4):
    """How often a walk is refuted at .02, of means and shapes that keep so much."""
    found = [
        anchor.anchor(series(np.random.default_rng(s), means, shapes), 0.1, 0.001)
        for s in range(seeds)
    ]
    return sum(f.slow <= 0.02 for f in found), sum(f.share >= 0.1 for f in found)


def test_where_half_of_the_directions_walk_a_quarter_of_the_shapes_do(monkeypatch):
    """Of the pairs of many directions a quarter are of two in the same half."""
    kinds = []
    monkeypatch.setattr(anchor, "_part", lambda kind, memory: kinds.append(kind) or part())
    anchor.parts_of(series(np.random.default_rng(0), 1.0, 1.0), 0.001)
    assert [kind.free for kind in kinds] == [0.5, 0.25]


def test_means_that_walk_are_not_outvoted_by_shapes_that_hold():
    # Three of twelve by chance: probability .0015 at a size of .02. The 300 shapes win every sum.
    assert refuted(1.0, 0.2, seeds=12)[0] <= 2
    assert refuted(1.0, 0.2)[1] == 4
    assert refuted(0.2, 1.0)[0] <= 1  # nor are shapes by means
    assert refuted(0.2, 0.2)[0] >= 2


def test_a_part_without_any_motion_says_nothing():
    base = series(np.random.default_rng(1), 0.2, 0.2)
    found = anchor.anchor(dataclasses.replace(base, shapes=0 * base.shapes), 0.1, 0.001)
    assert found.slow < 0.05  # of the means alone
    nothing = dataclasses.replace(base, shapes=0 * base.shapes, means=0 * base.means)
    assert anchor.anchor(nothing, 0.1, 0.001).slow == 1.0


def test_three_tests_of_a_held_loop_share_its_error_rate():
    rng = np.random.default_rng(6)
    level = np.cumsum(-0.02 + 0.05 * rng.standard_normal((8, 24)), axis=0)
    still = dataclasses.replace(series(rng, 0.2, 0.2, T=8), log_variance=level)
    for found in (still, series(rng, 1.0, 0.9, T=8, N=30)):
        held = anchor.anchor(found, 0.1, 0.001)
        curve = anchor.curve_p_value(found, drift(found), 0.1)
        by_hand = min(1.0, 1 / (0.77 / held.held + 0.05 / held.held_means + 0.14 / curve))
        p = inference.infer(found, None, 0.95, 0.02).p_value
        assert p == pytest.approx(by_hand, rel=1e-9)
    assert p < 1.0


# ---------------------------------------------------------------------------------------- verdict
#: A held loop at rest of which everything is known.
HELD = anchor.Anchor(
    log_likelihood=np.zeros(11), share=0.5, walk=0.001, slow=0.001, held=1.0, partial=1.0
)
STILL = Drift(0.0, 0.002, 50.0, 1e-4, 1e-4, 0.25, 0.002)


@pytest.mark.parametrize(
    ("held", "p", "verdict", "words"),
    [
        ({}, 1.0, "not_mad", "real data hold the loop"),
        ({}, 0.02, "undecided", "neither"),
        ({"slow": 0.021}, 0.02, "mad", "no loop held by 10%"),
        ({"slow": 0.021}, 0.021, "undecided", "the data fit a loop that is held"),
        ({"slow": 0.02}, 0.021, "not_mad", "real data hold the loop"),
        ({"partial": 0.05}, 1.0, "undecided", "some directions are held"),
        ({"partial": 0.051}, 1.0, "not_mad", "real data hold the loop"),
        ({"walk": 0.021}, 1.0, "not_mad", "nothing moves"),
    ],
)
def test_every_verdict_at_its_threshold(held, p, verdict, words):
    flat = walks(np.zeros((8, 4)))
    found = inference._verdict(flat, STILL, HELD._replace(**held), p, 0.02)
    assert found[0] == verdict
    assert words in found[1]


@pytest.mark.parametrize(
    ("drift", "spread", "settled"),
    [
        (0.02, 1e-6, True),  # within the tolerance, and surely so
        (-0.009, 1e-6, True),
        (-0.02, 1e-6, False),  # within the tolerance, but surely falling by more than .01
        (-0.035, 1e-6, False),
        (0.035, 1e-6, False),
        (-0.071, 0.04, True),  # the error is .0342, times Student's quantile of .98: .0725
        (-0.074, 0.04, False),
        (0.071, 0.04, True),
        (0.074, 0.04, False),
    ],
)
def test_a_held_loop_is_settled_within_its_tolerance_or_its_noise(drift, spread, settled):
    line = walks(np.repeat(drift * np.arange(9)[:, None], 4, axis=1))
    noise = Drift(drift, 0.0, 50.0, spread, spread, 0.25, 0.0)
    # Error of the later half, by hand: sqrt(.25 spread (1 + .5 + .25 + .125))/4.
    error = math.sqrt(0.25 * spread * 1.875) / 4
    assert spread < 1e-3 or error == pytest.approx(0.0342, rel=2e-3)
    assert inference._settled(line, noise, HELD, 0.02) is settled
