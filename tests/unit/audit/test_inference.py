"""Intervals, p-values and the verdict, from given tests: every constant as a literal."""

import dataclasses
import math
import sys

import numpy as np
import pytest
from scipy import optimize, special

from madtheory import audit
from madtheory.audit.anchor import Anchor, Kept
from madtheory.audit.drift import Drift
from madtheory.audit.known import Known
from tests.unit.audit.test_audit import walks

inference = sys.modules["madtheory.audit.inference"]
#: Dyadic, so that hand and machine agree: a drift of -.1 with eight degrees of freedom.
NOISE = Drift(-0.1, 0.02, 8.0, 0.01, 0.015, 0.2, 0.02)
#: Student's quantiles: .975 and .95 of eight degrees of freedom.
T975, T95 = 2.3060041350333704, 1.8595480375228424
HELD = Anchor(np.zeros(9), share=0.5, walk=0.001, slow=0.001, held=1.0)


def test_constants():
    assert (audit.MARGIN, audit.TOLERANCE, audit.STRICT_TOLERANCE) == (0.1, 0.03, 0.01)
    assert (audit.GROWTH, inference.FEWEST) == (0.001, 3)
    assert inference._WEIGHTS == (0.77, 0.05, 0.14)
    assert inference._PARTLY_HELD == 0.05


# -------------------------------------------------------------------------------------- intervals
def test_rate_has_students_interval():
    for level, t in ((0.95, T975), (0.9, T95)):
        found = inference._student(NOISE, -0.3, 0.05, level)
        half = t * 0.05
        assert (found.low, found.value, found.high) == pytest.approx(
            (-0.3 - half, -0.3, -0.3 + half), rel=1e-9
        )


def test_bias_with_an_unknown_training_size():
    found, size = inference._bias(NOISE, None, 0.95)
    m = optimize.brentq(lambda m: special.zeta(2, m / 2) - 0.01, 10, 1000, xtol=1e-10)
    assert size == pytest.approx(m + 1, rel=1e-9)
    centre = -0.1 + math.log(m / 2) - float(special.digamma(m / 2))
    # The step is a variance of eight terms: half of it errs by .0075 sqrt(2/8).
    half = T975 * math.sqrt(0.02**2 + 0.00375**2)
    expected = math.exp(centre), math.exp(centre - half), math.exp(centre + half)
    assert (found.value, found.low, found.high) == pytest.approx(expected, rel=1e-8)


def test_bias_with_known_training_sizes():
    found, size = inference._bias(NOISE, [7, 51, 101], 0.95)
    assert size == 76
    centre = -0.1 + np.mean([math.log(x) - float(special.digamma(x)) for x in (25, 50)])
    expected = [math.exp(centre + s * T975 * 0.02) for s in (0, -1, 1)]
    assert [found.value, found.low, found.high] == pytest.approx(expected, rel=1e-9)
    assert inference.exponential(701.0) == math.inf


# ------------------------------------------------------------------------------ from tests to p
#: Log variances of four directions that fall by .05 a generation, with 4 x 5 - 1 degrees.
FALL = -0.05 * np.arange(6)[:, None] + np.array([[0, 0, 0, 0], [1, -1, 1, -1]] * 3) * 0.01


def inferred(monkeypatch, held, curve=1.0, log_variance=FALL, alpha=0.02):
    """What `infer` makes of given tests, and what it asked them."""
    asked = []
    monkeypatch.setattr(inference, "anchor", lambda s, *how: asked.append(how) or held)
    monkeypatch.setattr(
        inference, "curve_p_value", lambda s, noise, *how, errs: asked.append(how) or curve
    )
    return inference.infer(walks(log_variance), None, 0.95, alpha), asked


@pytest.mark.parametrize(
    ("held", "means", "curve", "p"),
    [
        (0.015, 1.0, 1.0, 1 / (0.77 / 0.015 + 0.19)),
        (0.5, 0.002, 0.5, 1 / (1.82 + 0.05 / 0.002)),
        (0.5, 0.5, 0.003, 1 / (1.64 + 0.14 / 0.003)),
        # Several that are small are less than the smallest over its part.
        (0.02, 0.02, 0.02, 0.02 / 0.96),
        (0.3, 0.0, 1.0, 0.0),
        (1.0, 1.0, 1.0, 1.0),
    ],
)
def test_p_value_is_the_harmonic_mean_by_weight(monkeypatch, held, means, curve, p):
    given = HELD._replace(held=held, held_means=means)
    found, asked = inferred(monkeypatch, given, curve)
    assert found.p_value == pytest.approx(p, rel=1e-12)
    assert found.p_value_walk == given.slow
    assert asked == [(0.1, 0.001, None), (0.1,)]


def test_harmonic_mean_of_independent_p_values_keeps_the_error_rate():
    """P(sum w/p >= 1/alpha), p uniform: by quadrature, given two of them the third has a bound."""
    alpha, (a, b, c) = 0.02, inference._WEIGHTS
    # Quantiles of 1/p: even in the logarithm of p, down to where the rest cannot matter.
    edges = np.exp(np.linspace(math.log(1e-7), 0, 1501))
    p, mass = np.sqrt(edges[1:] * edges[:-1]), np.diff(edges)
    rest = 1 / alpha - b / p[:, None] - c / p
    with np.errstate(divide="ignore"):
        least = np.where(rest > a, a / rest, 1.0)
    size = float(mass @ least @ mass) + float(edges[0]) * 2
    assert 0.019 < size <= alpha


def test_too_few_generations_ask_no_test(monkeypatch):
    low = HELD._replace(held=0.0, held_means=0.0)
    found, _ = inferred(monkeypatch, low, 0.0, FALL[:2])
    assert (found.p_value, found.p_value_walk, found.verdict) == (1.0, 1.0, "undecided")
    assert inferred(monkeypatch, low._replace(slow=1.0), 0.0, FALL[:3])[0].verdict == "mad"


def test_a_held_loop_has_the_interval_of_one(monkeypatch):
    walk, _ = inferred(monkeypatch, HELD._replace(walk=0.021, share=0.5))
    held, _ = inferred(monkeypatch, HELD._replace(walk=0.02, share=0.5))
    value, D = float(FALL[-1].mean()) / 5, 0.25
    assert walk.rate.value == held.rate.value == pytest.approx(value, rel=1e-12)
    residual = np.diff(FALL, axis=0) - value
    spread = float(np.square(residual).mean()) / (1 - D / 5)
    assert (walk.noise.dof, held.noise.dof) == pytest.approx((19, 38 / 3), rel=1e-12)
    # 1 + 1/2 + ... + 1/16 increments of 5; Student's quantile by the beta function.
    y = float(special.betaincinv(19 / 3, 0.5, 0.05))
    half = math.sqrt(38 / 3 * (1 / y - 1)) * math.sqrt(D * spread * 1.9375) / 5
    assert held.rate.high - held.rate.value == pytest.approx(half, rel=1e-5)
    # Four times four products of neighbours: a standard error of their mean is a quarter of it.
    noise = max(0.0, (spread - walk.noise.step) / 2 - spread / 4)
    half = 2.093024 * math.sqrt(D * (5 * spread - 8 * noise)) / 5
    assert walk.rate.high - walk.rate.value == pytest.approx(half, rel=1e-5)


@pytest.mark.parametrize(
    ("known", "slow", "dof"),
    [
        (Known(), 0.3, 38 / 3),
        (Known(share=0.05), 0.3, 38 / 3),
        (Known(share=0.1), 0.0, 38 / 3),  # nothing is left to test
        (Known(share=0.0), 0.3, 19.0),  # a walk, whatever the test says
    ],
)
def test_what_is_known_of_real_data_stands(monkeypatch, known, slow, dof):
    held = HELD._replace(walk=0.001, slow=0.3)
    monkeypatch.setattr(inference, "anchor", lambda s, *how: held)
    monkeypatch.setattr(inference, "curve_p_value", lambda s, noise, *how, errs: 1.0)
    found = inference.infer(walks(FALL), None, 0.95, 0.02, known)
    assert (found.p_value_walk, found.noise.dof) == (slow, pytest.approx(dof, rel=1e-12))
    assert (found.grown is None) is (known.share != 0)
    # No test of growth of two files.
    assert inference.infer(walks(FALL[:2]), None, 0.95, 0.02, known).grown is None


def test_exponents_without_overflow():
    assert inference.exponential(699.0) == math.exp(699.0)
    assert inference.exponential(700.0) == math.inf


def test_rows_of_training_sets_are_told_by_moves_of_three_files_at_least():
    """Moves of .3 in two of five means: 1/.036 rows; of half the variance, of twice as many."""
    means = np.zeros((4, 5))
    means[1::2, :2] = 0.3
    given = dataclasses.replace(walks(np.zeros((4, 5))), means=means)
    assert inference.training_rows(given, None, 3) == pytest.approx(1 / 0.036)
    assert inference.training_rows(given, None, 2) == 100.0
    half = dataclasses.replace(given, scale=np.array([1.0, 0.5, 9.0, 9.0]))
    assert inference.training_rows(half, None, 3) == pytest.approx(1 / (0.036 * 1.5))
    # No more than the files have, and no more than the smallest set that is given.
    small = dataclasses.replace(given, means=means / 10)
    assert inference.training_rows(small, None, 3) == 100.0
    assert inference.training_rows(small, [30, 20, 40], 3) == 20.0


def test_a_loss_is_mad_up_to_alpha_itself():
    level = np.zeros((4, 3))
    level[3, 1] = -np.inf
    given = dataclasses.replace(walks(level), means=np.zeros((4, 3)))
    p = inference.infer(given, [40] * 4, 0.95, 0.02).p_value
    # One of three lacks four real rows, once: 3 exp(-4).
    assert p == pytest.approx(3 * math.exp(-4), rel=1e-12)
    assert inference.infer(given, [40] * 4, 0.95, p).verdict == "mad"
    assert inference.infer(given, [40] * 4, 0.95, p * 0.999).verdict == "undecided"


# ---------------------------------------------------------------------------------------- verdict
def steps(*increments):
    level = np.cumsum([0.0, *increments])
    return walks(np.repeat(level[:, None], 4, axis=1))


#: alpha .02, three degrees of freedom: 3.481909 errors of .002 leave .003036 of the .01.
@pytest.mark.parametrize(
    ("value", "settled"), [(0.003, True), (0.0031, False), (-0.003, True), (-0.0031, False)]
)
def test_a_loop_not_seen_to_be_held_is_settled_by_the_strict_tolerance(value, settled):
    whole = Drift(value, 0.002, 3.0, 1e-4, 1e-4, 0.25, 0.002)
    free = HELD._replace(walk=0.0201)
    series = steps(*[-0.5] * 7)  # its own drift is not looked at again
    assert inference._settled(series, whole, free, 0.02) is settled


#: The later half of nine files: 4 steps of 1.875 increments, error sqrt(.25 .0004 1.875)/4.
@pytest.mark.parametrize(
    ("dof", "value", "settled"),
    [
        # 33 1/3 degrees: 2.1362 errors of .003423 are .007313; they leave .02269 of the tolerance
        # upwards, and downwards .01 more than themselves: a surely falling variance is not at rest.
        *((50.0, v, ok) for v, ok in ((0.0226, True), (0.0228, False))),
        *((50.0, -v, ok) for v, ok in ((0.0172, True), (0.0174, False))),
        # 2, two thirds of 3: 4.849 errors are .0166, less than which is noise.
        *((3.0, s * v, ok) for v, ok in ((0.0165, True), (0.0167, False)) for s in (-1, 1)),
    ],
)
def test_a_held_loop_is_settled_by_the_tolerance_of_its_later_half(dof, value, settled):
    whole = Drift(-0.3, 9.0, dof, 4e-4, 4e-4, 0.25, 9.0)
    late = steps(*[-0.5] * 4, *[value] * 4)
    assert inference._settled(late, whole, HELD._replace(walk=0.02), 0.02) is settled


@pytest.mark.parametrize(
    ("increments", "settled"),
    [((-0.5,) * 4 + (0.0,) * 4, True), ((0.0,) * 4 + (-0.1,) * 4, False)],
)
def test_what_a_held_loop_did_early_does_not_count(increments, settled):
    whole = Drift(-0.3, 9.0, 50.0, 1e-6, 1e-6, 0.25, 9.0)
    assert inference._settled(steps(*increments), whole, HELD, 0.02) is settled


@pytest.mark.parametrize(
    ("known", "seen", "settled"),
    [
        (0.1, 0.5, True),
        (0.5, 0.1, False),
        (0.05, 0.5, False),
        (None, 0.5, False),
        (None, 0.1, True),
    ],
)
def test_a_share_that_is_known_says_how_much_increments_undo(known, seen, settled):
    """Noise of the later half, 2.1362 sqrt(.25 .012 s)/4: .0540 at a share of .1, .0400 at .5."""
    loud = Drift(-0.3, 9.0, 50.0, 0.012, 0.012, 0.25, 9.0)
    late, held = steps(*[-0.5] * 4, *[-0.05] * 4), HELD._replace(share=seen)
    assert inference._settled(late, loud, held, 0.02, Known(share=known)) is settled


STILL = Drift(0.0, 0.002, 50.0, 1e-4, 1e-4, 0.25, 0.002)


@pytest.mark.parametrize("alpha", [0.02, 0.1])
@pytest.mark.parametrize(
    ("p", "slow", "walk", "verdict", "reason"),
    [
        (1, 1, 1, "undecided", "the generations behave neither as a held loop nor as one without"),
        (1, 1.01, 1, "mad", "no loop held by 10% real data or more moves like this"),
        (1, 1.01, 1.01, "mad", "no loop held by 10% real data or more moves like this"),
        (1.01, 1.01, 1, "undecided", "the data fit a loop that is held by real data and one that"),
        (1.01, 1, 1, "not_mad", "real data hold the loop, and its variance has settled"),
        (1.01, 1, 1.01, "not_mad", "nothing moves, or by less than matters"),
    ],
)
def test_each_p_value_is_compared_with_alpha(alpha, p, slow, walk, verdict, reason):
    held = HELD._replace(slow=slow * alpha, walk=walk * alpha)
    found = inference._verdict(steps(*[0.0] * 7), STILL, held, p * alpha, alpha)
    assert found[0] == verdict
    assert found[1].startswith(reason)


@pytest.mark.parametrize(
    ("kept", "verdict", "words"),
    [
        ((0.9, 0.9, 2.99), "mad", "may: --n-real settles it"),
        (
            (0.9, 0.9, 3.0),
            "undecided",
            "fits better than a loop without real data: --n-real settles",
        ),
        ((0.0033, 0.9, -2.0), "mad", "may: --n-real settles it"),
        ((0.0033, 0.9, 9.0), "mad", "may: --n-real settles it"),
        ((1e-6, 0.9, 9.0), "mad", ""),
        ((0.9, 1e-6, 9.0), "mad", ""),
    ],
)
def test_a_part_of_the_first_training_set_that_may_be_kept(monkeypatch, kept, verdict, words):
    """Harmonic mean of .0033, .9 and 1 by weights .77, .05 and .14: .0043, of .002 to .02."""
    monkeypatch.setattr(inference, "kept", lambda parts, share: Kept(*kept))
    monkeypatch.setattr(inference, "curve_p_value", lambda *_, errs: 1.0)
    held = HELD._replace(slow=1.0, held=1e-6)
    found, reason = inference._verdict(steps(*[0.0] * 7), STILL, held, 1e-3, 0.02)
    assert found == verdict
    assert reason.startswith("no loop held by 10% real data or more moves like this")
    assert ("keeps a small part of its first training set" in reason) is bool(words)
    assert words in reason


@pytest.mark.parametrize(
    ("share", "kept", "p"),
    [(0.1, (0.9, 0.9), 0.951), (0.1, (1e-6, 0.9), 1.3e-6), (0.09, (0.9, 0.9), 1.3e-6)],
)
def test_real_data_that_are_known_to_enter_may_always_be_the_same(monkeypatch, share, kept, p):
    """A hundred of a thousand rows: their own error draws the loop away, until it comes to rest."""
    monkeypatch.setattr(inference, "kept", lambda parts, share: Kept(*kept, 0.0))
    monkeypatch.setattr(inference, "curve_p_value", lambda *_, errs: 1.0)
    monkeypatch.setattr(inference, "anchor", lambda *_: HELD._replace(held=1e-6))
    found = inference.infer(walks(np.zeros((9, 3))), None, 0.95, 0.02, Known(1, share))
    assert found.p_value == pytest.approx(p, rel=0.05)
    moves = "real data enter, but the generations move as in no loop they hold"
    assert (found.reason == moves) is (p < 0.02)


def test_an_error_that_is_seen_counts_in_the_bend_of_the_variances(monkeypatch):
    seen = []
    monkeypatch.setattr(
        inference, "curve_p_value", lambda *_, errs: seen.append(errs) or (0.5 if errs else 1e-6)
    )
    small = inference._held_p_value(steps(0.0), STILL, HELD._replace(held_means=1.0))
    large = inference._held_p_value(steps(0.0), STILL, HELD._replace(held_means=1.0, errs=True))
    assert seen == [False, True]
    assert small < 1e-5
    assert large > 0.5


@pytest.mark.parametrize("walk", [0.001, 0.5])
def test_variance_that_moves_is_no_verdict(walk):
    moving = STILL._replace(value=-0.1)
    found = inference._verdict(steps(*[-0.1] * 7), moving, HELD._replace(walk=walk), 1.0, 0.02)
    assert found == (
        "undecided",
        "the loop does not walk away, but its variance may still be moving",
    )


@pytest.mark.parametrize("T", [2, 3])
def test_three_generations_are_enough(T):
    found = inference._verdict(steps(*[0.0] * (T - 1)), STILL, HELD, 1.0, 0.02)
    assert found[0] == ("undecided" if T == 2 else "not_mad")
    assert (found[1] == "3 generations at least are needed, got 2") is (T == 2)


@pytest.mark.parametrize(
    ("lost", "verdict", "reason"),
    [
        ((0, 0, 1, 1), "mad", "a direction that varies in real loses all variance by generation 3"),
        ((0, 0, 0, 1), "mad", "a direction that varies in real loses all variance by generation 4"),
        ((1, 1, 1, 1), "undecided", "a direction that varies in real has no variance from the fir"),
    ],
)
def test_lost_directions(lost, verdict, reason):
    level = np.zeros((4, 3))
    level[np.array(lost) == 1, 1] = -np.inf
    found = inference.infer(walks(level), None, 0.95, 0.02)
    assert found.verdict == verdict
    assert found.reason.startswith(reason)
    assert found.p_value < 1e-3 if verdict == "mad" else found.p_value == 1.0
    assert found.p_value_walk == 1.0
    assert dataclasses.astuple(found.rate) == (-math.inf,) * 3
    assert dataclasses.astuple(found.bias) == (0.0,) * 3
    assert (found.training_size, found.noise, found.held) == (math.inf, None, None)
    given = inference.infer(walks(level), [40, 50, 60, 70], 0.95, 0.02)
    assert given.training_size == 60.0


def test_what_was_lost_for_a_while_is_not_what_is_lost_in_the_end():
    """One direction in generation 2 alone, another one from generation 4 on."""
    level = np.zeros((5, 3))
    level[1, 0] = level[3:, 2] = -np.inf
    found = inference.infer(walks(level), None, 0.95, 0.02)
    assert found.reason == "a direction that varies in real loses all variance by generation 4"
    level[4, 0] = -np.inf
    assert inference.infer(walks(level), None, 0.95, 0.02).reason == found.reason


@pytest.mark.parametrize(("share", "walk"), [(0.5, 0.0), (0.1, 0.0), (0.05, 1.0)])
def test_a_lost_direction_beside_real_data_is_no_verdict(share, walk):
    """What is said to hold the loop is trusted, as where no direction is lost."""
    level = np.zeros((4, 3))
    level[3, 1] = -np.inf
    found = inference.infer(walks(level), [400] * 4, 0.95, 0.02, Known(1, share))
    assert (found.verdict, found.p_value_walk) == ("undecided", walk)
    assert found.p_value < 1e-3
    assert found.reason == (
        "real data enter, but a direction that varies in real loses all variance by generation 4, "
        "as in no loop they hold"
    )
    alone = inference.infer(walks(level), [400] * 4, 0.95, 0.02, Known(1, 0.0))
    assert (alone.verdict, alone.p_value_walk) == ("mad", 1.0)
