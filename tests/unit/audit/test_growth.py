"""Growth of the distance where no real data enter: the test's law, its power, what it compares."""

import dataclasses
import sys

import numpy as np
import pytest
from scipy import stats

from madtheory import audit
from madtheory.audit import inference
from madtheory.audit.anchor import Anchor
from madtheory.audit.drift import Drift
from madtheory.audit.known import NOTHING, Known
from madtheory.audit.series import Series, axes_of, series_of
from tests.unit.audit.test_audit import FILES, REAL

growth = sys.modules["madtheory.audit.growth"]


def series(x, K, level=None):
    """Series of which the first K columns of x (T, n) are means, the others shapes."""
    T, one = len(x), np.ones(len(x))
    logs = np.zeros((T, K)) if level is None else np.tile(np.asarray(level)[:, None], K)
    flat = np.tile(np.eye(K), (T, 1, 1)) * np.exp(logs)[:, :, None]
    return Series(
        logs, x[:, :K], x[:, K:], flat, one, 100 * one, 2.0, 1 / K, one, float(K),
        float(x.shape[1] - K),
    )  # fmt: skip


def at_rest(rng, keep, home, T, n):
    """Stationary series about a place: each keeps `keep` of its last deviation."""
    x = np.empty((T, n))
    x[0] = rng.standard_normal(n) / np.sqrt(1 - keep**2)
    for t in range(1, T):
        x[t] = keep * x[t - 1] + rng.standard_normal(n)
    return x + home


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("home", [0.0, 3.0])
def test_what_is_at_rest_is_called_growing_as_often_as_said(keep, home):
    # 2,000 series of one kind: Student's law is exact; 4 binomial errors.
    rng = np.random.default_rng([3, int(10 * keep), int(home)])
    p = [
        growth._root_p_value([growth._gain(at_rest(rng, keep, home, 8, 12), 12.0)])
        for _ in range(2000)
    ]
    for level in (0.02, 0.2):
        assert abs(np.mean(np.array(p) <= level) - level) < 4 * np.sqrt(level / 2000)


def test_a_few_large_series_count_for_few():
    """Two of 40 series are 30 times the others: what is at rest is called growing as often."""
    rng, sizes = np.random.default_rng(8), np.where(np.arange(40) < 2, 30.0, 1.0)
    gains = [growth._gain(sizes * at_rest(rng, 0.5, 0.0, 8, 40), 40.0) for _ in range(2000)]
    p = np.array([growth._root_p_value([gain]) for gain in gains])
    assert (p <= 0.02).mean() < 0.04  # Student's law has 1 to 3 degrees there; 39: a fifth
    assert np.median([gain.number for gain in gains]) < 6
    # Of series all alike, at rest or walking, nearly all count.
    for keep in (0.0, 0.5, 0.999):
        x = [at_rest(rng, keep, 0.0, 8, 40) for _ in range(300)]
        assert np.median([growth._gain(one, 40.0).number for one in x]) > 33


def test_one_gain_is_the_test_of_two_variances():
    """Morgan and Pitman by another route: the correlation of difference and sum, about 0."""
    x = np.random.default_rng(5).standard_normal((2, 15)) * np.array([[1.0], [2.0]])
    u, v = x[1] - x[0], x[1] + x[0]
    # The slope of u on v through 0, over its standard error.
    slope = (u @ v) / (v @ v)
    error = np.sqrt(((u - slope * v) ** 2).sum() / 14 / (v @ v))
    found = growth._root_p_value([growth._gain(x, 15.0)])
    assert found == pytest.approx(stats.t.sf(slope / error, 14), rel=1e-10)
    assert growth._root_p_value([]) == 1.0
    assert growth._gain(np.zeros((4, 3)), 3.0) is None


def test_ends_are_single_files_where_these_are_few():
    x = np.arange(12.0).reshape(6, 2)
    assert [e.tolist() for e in growth._ends(x[:5])] == [[0, 1], [8, 9]]
    assert [e.tolist() for e in growth._ends(x)] == [[1, 2], [9, 10]]


def test_the_first_file_counts_where_the_real_set_is_other_data():
    x = np.random.default_rng(1).standard_normal((5, 20))
    x[0] = 0
    seen = growth.growth(series(x, 4), 0.02, apart=True)
    assert (seen.first, seen.p_value < 1e-6) == (1, True)
    safe = growth.growth(series(x, 4), 0.02, apart=False)
    assert (safe.first, safe.p_value > 0.05) == (2, True)
    assert growth.growth(series(x[:2], 4), 0.02, apart=False).first == 1


def test_the_rate_is_that_of_the_distance():
    """Means grow from 1 to 3 in squares 1 and 9, shapes of 4 directions by (K + 1)/4 of theirs."""
    x = np.ones((5, 14))
    x[-1, :4], x[-1, 4:] = 3.0, 2.0
    found = growth.growth(series(x, 4), 0.02, apart=True)
    assert found.rate == pytest.approx((8 + 5 / 4 * 3) / 4)
    # u and v are parallel: the correlations are 1, and the errors sqrt(u.u v.v)/n/sqrt(number).
    error = np.hypot(8 / 2, 5 / 4 * 3 / np.sqrt(10)) / 4
    assert found.most == pytest.approx(found.rate + stats.t.ppf(0.98, 12) * error)
    assert (found.before, found.after) == (1.0, 9.0)


def test_a_root_near_one_has_its_own_tail():
    gains = [growth._Gain(4.0, 1 - 1e-8, 1.0, 1.0)]
    assert growth._root_p_value(gains) == pytest.approx(stats.t.sf(np.sqrt(3 / 2e-8), 3), rel=1e-6)


def test_the_rate_of_two_files_at_either_end_is_over_the_steps_between_them():
    x = np.ones((7, 14))
    x[-2:, :4], x[-2:, 4:] = 3.0, 2.0
    found = growth.growth(series(x, 4), 0.02, apart=True)
    assert found.rate == pytest.approx((8 + 5 / 4 * 3) / 5)
    assert growth.growth(series(x[4:], 4), 0.02, apart=False).first == 2


def test_growth_of_the_means_alone_is_seen_by_its_own_part_of_alpha():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((8, 208))
    x[:2, :8] *= 0.1
    x[-2:, :8] *= 9
    given = series(x, 8)
    gains, found = growth._gains(given), growth.growth(given, 0.02, apart=True)
    both, means = growth._root_p_value(gains) / 0.6, growth._root_p_value(gains[:1]) / 0.15
    assert found.p_value == pytest.approx(means, rel=1e-12)
    assert means < 0.5 * both < 0.5


def test_what_comes_nearer_does_not_grow():
    """Means leave the real ones, but variances come back to them by more."""
    x = np.ones((8, 14)) * np.linspace(0.1, 0.4, 8)[:, None]
    level = np.linspace(3, 0, 8)
    found = growth.growth(series(x, 4, level), 0.02, apart=True)
    assert found.before > found.after
    assert (found.p_value, found.rate > 0) == (1.0, True)


def test_a_level_without_noise_is_surely_growing():
    level = np.linspace(0, 1, 5)
    still = Drift(0.25, 0.0, 5.0, 0.0, 0.0, 0.25, 0.0)
    assert growth._level_p_value(level, still) == 0.0
    assert growth._level_p_value(level[::-1], still) == 1.0
    p = growth._level_p_value(level, still._replace(error=0.1))
    assert p == pytest.approx(2 * stats.t.sf(2.5, 5), rel=1e-12)


@pytest.mark.parametrize(("level", "grows"), [(-0.3, True), (0.3, True), (0.0, False)])
def test_a_level_that_leaves_the_real_one_is_growth(level, grows):
    rng = np.random.default_rng(4)
    x = rng.standard_normal((8, 14)) * 0.01 + 1
    given = series(x, 4, level * np.arange(8))
    given = dataclasses.replace(
        given, log_variance=given.log_variance + 0.05 * rng.standard_normal((8, 4))
    )
    assert (growth.growth(given, 0.02, apart=True).p_value <= 0.02) is grows
    # Back to the real one is no growth.
    back = dataclasses.replace(given, log_variance=given.log_variance[::-1])
    assert (
        growth._level_p_value(back.log_variance.mean(axis=1), growth.drift(back)) == 1.0
        or not grows
    )


def test_parts_of_alpha_add_up():
    assert growth.WEIGHTS == (0.6, 0.15, 0.25)
    assert sum(growth.WEIGHTS) == pytest.approx(1)


# ---------------------------------------------------------------------------------- the verdict
def test_a_walk_that_cannot_be_told_from_a_held_loop_is_mad_where_no_real_data_enter():
    plain = audit.audit(REAL, FILES[:5])
    told = audit.audit(REAL, FILES[:5], n_real=0, memory=1, n_synth=300)
    assert told.verdict == "mad"
    assert told.reason.startswith("no real data enter, and the squared distance from them has")
    assert told.p_value < plain.p_value
    assert told.known == Known(1, 0.0)
    assert plain.known == NOTHING


def alone(held, grown, x=None):
    given = series(np.zeros((6, 8)) if x is None else x, 4)
    return inference._alone(given, held, grown, 0.02)[0]


def test_what_surely_grows_by_less_than_matters_is_not_mad():
    held = Anchor(np.zeros(9), 1.0, 0.01, 0.02, 1.0)
    level = Drift(0.0, 0.0, 5.0, 0.0, 0.0, 0.25, 0.0)
    grown = growth.Growth(0.021, 1, 0.1, 0.2, 0.0, 0.0099, level)
    assert alone(held, grown) == "not_mad"
    assert alone(held, grown._replace(p_value=0.02)) == "mad"
    assert alone(held, grown._replace(most=0.01)) == "undecided"
    assert alone(held._replace(slow=0.021), grown) == "undecided"
    assert alone(held._replace(partial=0.05), grown) == "undecided"
    assert alone(held, grown._replace(level=level._replace(spread=0.1))) == "undecided"


def test_a_level_is_at_rest_since_the_first_file_that_counts_within_the_lax_tolerance():
    held = Anchor(np.zeros(9), 1.0, 0.01, 0.02, 1.0)
    level = Drift(0.0, 0.0, 5.0, 0.0, 0.0, 0.25, 0.0)
    grown = growth.Growth(0.021, 2, 0.1, 0.2, 0.0, 0.0099, level)

    def verdict(logs, first=2):
        given = series(np.zeros((6, 8)), 4, np.array(logs))
        return inference._alone(given, held, grown._replace(first=first), 0.02)[0]

    early = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert (verdict(early), verdict(early, first=1)) == ("not_mad", "undecided")
    for slope, found in ((0.0299, "not_mad"), (0.0301, "undecided")):
        assert verdict(slope * np.arange(6)) == found


def test_three_files_at_least():
    found = audit.audit(REAL, FILES[:2], n_real=0)
    assert (found.verdict, found.p_value) == ("undecided", 1.0)


def test_a_lost_direction_is_what_models_at_rest_lack_by_chance_alone():
    # .1 of the real rows vary: 100 rows lack that with .9^100, two files running with its square.
    given = dataclasses.replace(series(np.ones((3, 2)), 1), varied=np.array([0.1]))
    lost = np.array([[False], [True], [True]])
    p = inference.lost_p_value(given, lost, 200.0, alone=True)
    assert p == pytest.approx(0.9**200)
    assert inference.lost_p_value(given, lost, 20.0, alone=True) == pytest.approx(0.9**40)
    assert inference.lost_p_value(given, ~lost, 20.0, alone=True) == 1.0


# ------------------------------------------------------------------- real data are known to enter
def mixed(x, known):
    """Verdict and reason of means x (T, 8) in a loop that is half real."""
    given = series(np.hstack([x, np.zeros((len(x), 4))]), 8)
    held, drift = (
        Anchor(np.zeros(9), 1.0, 0.01, 0.02, 1.0),
        Drift(0.0, 0.0, 50.0, 0.0, 0.0, 0.125, 0.0),
    )
    return inference._mixed(given, drift, held, 0.02, known)


def courses(size):
    """Means of eight files whose squared distance is size^2, up to noise."""
    noise = np.random.default_rng(4).standard_normal((8, 8)) * 0.01
    return np.asarray(size)[:, None] + noise


def test_a_loop_that_real_data_enter_says_from_where_to_where_it_went():
    early = courses([0.1, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0])
    verdict, reason = mixed(early, Known(share=0.5, apart=True))
    assert verdict == "not_mad"
    ends = [f"{np.square(early[t]).sum() / 8:.3g}" for t in (0, 1, -1)]
    assert reason == (
        "real data are 50% of each training set, and it has settled: the squared distance from "
        f"them went from {ends[0]} to {ends[2]} of their variance since generation 1, and is not "
        "seen to grow over the later half"
    )
    # Where the real set may be the first training set the first file says nothing.
    assert (
        f"from {ends[1]} to {ends[2]} of their variance since generation 2"
        in mixed(early, Known(share=0.5))[1]
    )


def test_what_still_grows_over_the_later_half_is_undecided_whoever_enters():
    late = courses([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    verdict, reason = mixed(late, Known(share=0.5, apart=True))
    assert verdict == "undecided"
    assert reason.endswith("since generation 1, and still grows over the later half")
    # The later half of eight files are the last four: growth before that does not count.
    assert mixed(courses([0.1, 0.2, 0.3, 0.4, *[0.5] * 4]), Known(share=0.5))[0] == "not_mad"
    assert mixed(courses([*[0.5] * 6, 0.7, 0.8]), Known(share=0.5))[0] == "undecided"


@pytest.mark.parametrize(("p", "verdict"), [(0.05, "undecided"), (0.0501, "not_mad")])
def test_growth_is_seen_at_five_per_cent(monkeypatch, p, verdict):
    level = Drift(0.0, 0.0, 5.0, 0.0, 0.0, 0.25, 0.0)
    asked = []

    def found(late, alpha, *, apart):
        asked.append((len(late.means), apart))
        return growth.Growth(p, 1, 0.1, 0.2, 0.0, 0.0, level)

    monkeypatch.setattr(inference, "growth", found)
    assert mixed(courses(np.ones(8)), Known(share=0.5))[0] == verdict
    assert asked == [(4, True)]


def test_the_level_is_tested_on_both_sides():
    level = np.array([0.0, 0.1, 0.4, 0.3, 0.5])
    found = Drift(0.125, 0.1, 3.0, 0.01, 0.015, 0.2, 0.1)
    expected = 2 * stats.t.sf(1.25, 3)
    assert growth._level_p_value(level, found) == pytest.approx(expected, rel=1e-12)
    assert growth._level_p_value(-level, found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.full
def test_one_direction_alone_says_nothing_of_growth() -> None:
    # The correlation of one pair is 1 or -1: half of all models that differ by noise were MAD.
    rng = np.random.default_rng(8)
    for _ in range(4):
        real, *files = rng.normal(size=(7, 100, 1))
        assert audit.audit(real, files, n_real=0).verdict != "mad"


def test_one_direction_that_collapses_is_seen_by_its_level() -> None:
    rng = np.random.default_rng(9)
    real, first = rng.normal(size=(2, 100, 1))
    files = [first * 0.8**t for t in range(10)]
    assert audit.audit(real, files, n_real=0).verdict == "mad"


def test_a_column_that_few_rows_have_does_not_grow():
    """Independent models of features of which one is 3 in .2 % of the rows: five of these twelve
    were MAD, by p-values down to 4e-19."""
    found = []
    for seed in (3, 10, 12, 13, 17, 18, 20, 21, 25, 28, 0, 1):
        rng = np.random.default_rng([20, seed])
        real, files = rare(rng, 2000), []
        for _ in range(10):
            x = rare(rng, 1000)
            values, vectors = np.linalg.eigh(np.cov(x.T))
            deviations = np.sqrt(values.clip(0)) * vectors
            files.append(x.mean(axis=0) + rng.normal(size=x.shape) @ deviations.T)
        given = series_of(axes_of(real), files)
        found.append(inference.infer(given, None, 0.95, 0.02, Known(share=0.0, apart=True)))
    assert "mad" not in {one.verdict for one in found}
    assert min(one.p_value for one in found) > 0.02


def rare(rng, n):
    """Ten Gaussian columns and one that few rows have."""
    return np.column_stack([rng.normal(size=(n, 10)), 3.0 * (rng.random(n) < 0.002)])
