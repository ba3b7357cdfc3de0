"""The audit on data that are not Gaussian samples: an answer, all of it finite or meant."""

import math
import warnings

import numpy as np
import pytest

from madtheory import audit
from madtheory.audit import run, scoring
from madtheory.metrics import Measured

RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((120, 4))
FILES = [0.9**t * RNG.standard_normal((120, 4)) for t in range(1, 6)]
POINT = np.full((120, 4), 1.5)
WIDE, LARGE = RNG.standard_normal((6, 20, 50)), RNG.integers(0, 10**9, (6, 120, 3))


def balanced(dim):
    """Attributes of +-1, as many of each: no variance moves at all."""
    return np.array([RNG.permutation(np.repeat([-1.0, 1.0], 60)) for _ in range(dim)]).T


def hot(*p):
    return np.eye(len(p))[RNG.choice(len(p), size=120, p=p)]


#: Real set and files, by what is odd.
ODD = {
    "balanced attributes, 1": (balanced(1), [balanced(1) for _ in range(5)]),
    "balanced attributes, 3": (balanced(3), [balanced(3) for _ in range(5)]),
    "balanced attributes, 9": (balanced(9), [balanced(9) for _ in range(5)]),
    "the same, shrinking": (REAL, [0.8**t * REAL for t in range(1, 7)]),
    "the same, shrinking and moving": (REAL, [0.8**t * REAL + t for t in range(1, 7)]),
    "the same, growing": (REAL, [1.3**t * REAL for t in range(1, 7)]),
    "the same rows in another order": (REAL, [RNG.permutation(REAL) for _ in range(4)]),
    "real and a breath of noise": (REAL, [REAL + 1e-9 * x for x in FILES]),
    "files far larger": (REAL, [1e8 * x for x in FILES]),
    "files far smaller": (REAL, [1e-8 * x for x in FILES]),
    "one file whose variance has no square": (REAL, [*FILES[:3], 1e-150 * FILES[3], FILES[4]]),
    "one file far larger": (REAL, [*FILES[:3], 1e8 * FILES[3], FILES[4]]),
    "one file far smaller": (REAL, [*FILES[:3], 1e-8 * FILES[3], FILES[4]]),
    "explosion": (REAL, [1e4**t * x for t, x in enumerate(FILES)]),
    "implosion": (REAL, [1e-4**t * x for t, x in enumerate(FILES)]),
    "columns far apart": (REAL * [1, 1e8, 1e-8, 1], [x * [1, 1e8, 1e-8, 1] for x in FILES]),
    "a constant column": (REAL * [1, 1, 1, 0] + 3, [x * [1, 1, 1, 0] + 3 for x in FILES]),
    "a constant column that moves": (REAL * [1, 1, 1, 0], FILES),
    "columns twice": (np.hstack([REAL] * 2), [np.hstack([x] * 2) for x in FILES]),
    "more columns than rows": (WIDE[0], list(WIDE[1:])),
    "a class that real lacks": (hot(0.5, 0.3, 0.2, 0), [hot(0.5, 0.3, 0.1, 0.1) for _ in range(5)]),
    "a class that nobody has": (hot(0.5, 0.3, 0.2, 0), [hot(0.5, 0.3, 0.2, 0) for _ in range(5)]),
    "a class that dies": (hot(0.5, 0.3, 0.1, 0.1), [hot(0.5, 0.3, 0.2, 0) for _ in range(5)]),
    "one class left": (hot(0.5, 0.5), [hot(0.7, 0.3), hot(0.9, 0.1), hot(1.0, 0.0)]),
    "counts": (RNG.poisson(2, (120, 3)), [RNG.poisson(2, (120, 3)) for _ in range(5)]),
    "large integers": (LARGE[0], list(LARGE[1:])),
    "collapsed from the start": (REAL, [POINT] * 4),
    "collapsed later": (REAL, [*FILES, POINT, POINT]),
    "collapsed for a while": (REAL, [*FILES[:2], POINT, *FILES[2:]]),
    "one generation": (REAL, FILES[:1]),
    "two generations": (REAL, FILES[:2]),
    "two generations of one column": (REAL[:, :1], [x[:, :1] for x in FILES[:2]]),
    "six rows": (REAL[:6], [x[:6] for x in FILES]),
    "two different rows": (REAL, [np.repeat(x[:2], 3, axis=0) for x in FILES]),
    "another line": (np.outer(REAL[:, 0], [1, 2]), [np.outer(x[:, 0], [2, 1]) for x in FILES]),
    "the other column": (REAL * [1, 0, 0, 0], [x * [0, 1, 0, 0] for x in FILES]),
    "a row far out": (REAL, [np.vstack([x, [[1e12, 0, 0, 0]]]) for x in FILES]),
    "a real row far out": (np.vstack([REAL, [[1e12, 0, 0, 0]]]), FILES),
    "a place far away": (REAL + 1e12, [x + 1e12 for x in FILES]),
    "no second moment": (RNG.standard_cauchy((120, 3)), list(RNG.standard_cauchy((5, 120, 3)))),
}  # fmt: skip


def checked(m: Measured, *, infinite: bool) -> None:
    assert not math.isnan(m.value)
    assert m.low <= m.high
    assert infinite or (math.isfinite(m.low) and math.isfinite(m.high))


@pytest.mark.thinned(2)
@pytest.mark.parametrize("case", ODD)
def test_an_answer(case):
    real, files = ODD[case]
    found = audit.audit(real, files)
    assert found.verdict in ("mad", "not_mad", "undecided")
    assert 0 <= found.p_value <= 1
    assert 0 <= found.p_value_walk <= 1
    for g in found.generations:
        for m in (g.fid, g.trace, g.precision, g.recall):
            checked(m, infinite=False)
    checked(found.n_eff, infinite=True)
    assert found.n_eff.low >= 0
    if found.forecast:
        for m in (*found.forecast.fid, *found.forecast.trace):
            checked(m, infinite=False)
            assert 0 <= m.low <= m.value <= m.high


def test_far_ahead():
    found = audit.audit(REAL[:, :2], [x[:, :2] for x in FILES], horizon=1000)
    assert found.forecast.generations[-1] == 1005
    for m in (*found.forecast.fid, *found.forecast.trace):
        checked(m, infinite=False)


def test_what_shrinks_exactly_is_seen_to():
    real, files = ODD["the same, shrinking"]
    found = audit.audit(real, files)
    # Log variances fall by 2 log .8 a generation, without noise.
    for value in (found.rate.low, found.rate.value, found.rate.high):
        assert value == pytest.approx(2 * math.log(0.8), rel=1e-6)
    assert found.bias.value == pytest.approx(0.64, rel=1e-6)


def test_equal_rows_have_no_variance_at_all():
    series = audit.series_of(audit.axes_of(REAL), [np.full((300, 4), 0.1), POINT])
    assert np.isneginf(series.log_variance).all()
    np.testing.assert_allclose(
        series.means[1], (1.5 - REAL.mean(axis=0)) @ audit.axes_of(REAL).vectors
        / audit.axes_of(REAL).scales, rtol=1e-12,
    )  # fmt: skip


def test_inverse_of_scales_far_apart():
    V = np.array([[4.0, 2.0], [2.0, 1.0]])  # singular
    inverse = np.zeros((2, 2))
    log_determinant = scoring._inverse(V, inverse)
    assert np.isfinite(inverse).all()
    # The correlation 1 is regular by 1e-12 on the diagonal: determinant 2e-12.
    assert log_determinant == pytest.approx(math.log(2e-12 * 4), rel=1e-4)
    log_determinant = scoring._inverse(np.diag([4.0, 2.0]), inverse)
    np.testing.assert_allclose(inverse, np.diag([0.25, 0.5]), rtol=1e-11)
    assert log_determinant == pytest.approx(math.log(8))


def test_variances_that_fall_out_of_float64_fit_a_walk_as_well():
    rng, scales = np.random.default_rng(0), [1.0, 1e-20, 1e-20, 1e-20, 1e-20]
    real, files = rng.standard_normal((200, 3)), [s * rng.standard_normal((100, 3)) for s in scales]
    found = audit.infer(audit.series_of(audit.axes_of(real), files), None, 0.95, 0.02)
    assert np.isfinite(found.held.log_likelihood).all()
    assert np.isfinite(found.held.remembered).all()


def test_worth_leaves_out_directions_that_are_rounding():
    x = RNG.standard_normal((50, 1))
    line, plane = x * [1.0, 2.0, 3.0], x * [math.sqrt(14)]
    there, alone = (run.n_eff(z, Measured(0.5, 0.25, 1.0)) for z in (line, plane))
    assert (there.value, there.low, there.high) == pytest.approx(
        (alone.value, alone.low, alone.high), rel=1e-9
    )


@pytest.mark.parametrize("which", ["real data", "last file"])
def test_scales_apart_by_more_than_rounding_are_answered(which):
    rng = np.random.default_rng(0)
    real = rng.normal(size=(60, 3))
    files = [rng.normal(size=(60, 3)) * 0.9**t for t in range(6)]
    if which == "real data":
        real = real * 1e18
    else:
        files[-1] = files[-1] / 1e30
    found = audit.audit(real, files, horizon=6)
    assert found.verdict == "undecided"
    assert np.isfinite([band.high for band in found.forecast.fid]).all()


@pytest.mark.parametrize("growth", [1e20, 1e40])
def test_what_grows_beyond_the_squares_of_float64_is_refused(growth):
    rng = np.random.default_rng(0)
    real = rng.standard_normal((60, 3))
    files = [rng.standard_normal((60, 3)) * growth**t for t in range(4)]
    if growth == 1e20:
        files[-1] /= 10
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert audit.audit(real, files).verdict != "not_mad"
        return
    with pytest.raises(ValueError, match=r"within 1e\+60 deviations of real, got generation 4"):
        audit.audit(real, files)
