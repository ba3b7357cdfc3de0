"""What is known of the loop: read, refused, and taken by tests, paths and power."""

import sys

import numpy as np
import pytest

from madtheory import audit
from madtheory.audit import inference, pull
from madtheory.audit.anchor import SHARES, Anchor, anchor
from madtheory.audit.known import LONGEST, Known, memory_of, share_of
from tests.unit.audit.test_audit import FILES, REAL

power = sys.modules["madtheory.audit.power"]
SERIES = audit.series_of(audit.axes_of(REAL), FILES)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"n_real": -1}, "n_real must be at least 0, got -1"),
        ({"n_real": 10}, "n_synth must be given beside n_real"),
        ({"memory": 0}, "memory must be at least 1, got 0"),
        ({"memory": "some"}, "memory must be a number of models or all, got 'some'"),
    ],
)
def test_what_cannot_be_known_is_refused(how, words):
    with pytest.raises(ValueError, match=words):
        audit.audit(REAL, FILES, **how)


def test_real_and_synthetic_rows_make_the_training_sets():
    assert audit.audit(REAL, FILES, n_real=100, n_synth=300).training_size == 400
    assert share_of(100, [300] * 3) == 0.25
    assert share_of(100, [300, 600]) is None
    assert Known(share=0.1).mixed(0.1)
    assert not Known(share=0.09).mixed(0.1)
    assert not Known().mixed(0.1)
    assert (memory_of(60), memory_of("all")) == (LONGEST, LONGEST)


def test_a_memory_that_is_known_has_no_rivals():
    free, one, three = (anchor(SERIES, 0.1, 0.001, k) for k in (None, 1, 3))
    assert np.isneginf(one.remembered).all()
    np.testing.assert_array_equal(one.log_likelihood, free.log_likelihood)
    # Of three models: what was one of the rivals.
    assert three.log_likelihood[0] == pytest.approx(free.remembered[1, 0], rel=1e-9)
    assert (one.memory, three.memory) == (1, 3)
    # Fewer loops to refute.
    assert one.slow <= free.slow
    assert one.held <= free.held


def test_paths_are_those_of_what_is_known():
    held = anchor(SERIES, 0.1, 0.001)
    rng = np.random.default_rng(0)
    alone = pull.pairs(rng, SERIES, held, 200, Known(share=0.0))
    assert np.mean([p == 0.0 for p, _ in alone]) > 0.9
    assert {k for _, k in pull._likely(held, Known(share=0.0))[0]} == {1, 2, 3, LONGEST}
    assert {k for _, k in pull.pairs(rng, SERIES, held, 50, Known(5, 0.3))} == {5}
    assert {k for _, k in pull.pairs(rng, SERIES, held, 50, Known(2))} == {2}
    them, logs = pull._likely(held, Known(share=0.12))
    assert them[:3] == ((0.12, 1), (0.12, 2), (0.12, 3))
    assert logs[0] == held.log_likelihood[list(SHARES).index(0.1)]
    assert logs[1:3].tolist() == held.remembered[:, 1].tolist()
    assert them[3:] == pull.PAIRS
    assert (pull.shares(rng, held, 3, known=0.4) == 0.4).all()


def test_a_memory_of_five_is_followed():
    found = audit.audit(REAL, FILES, n_real=0, memory=5)
    assert found.forecast.trace[0].low < found.forecast.trace[0].high


def test_power_of_what_is_known():
    free = audit.infer(SERIES, None, 0.95, 0.02)
    said = Known(1, 0.0)
    told = power.power(SERIES, audit.infer(SERIES, None, 0.95, 0.02, said), 0.02, said)
    assert told.mad > power.power(SERIES, free, 0.02).mad
    assert told.share == 1.0
    assert power.power(SERIES, free, 0.02, Known(share=0.1)) is None
    assert power.power(SERIES, free, 0.02, Known(share=0.05)).share == 0.05


def verdict(held, p, known):
    T = np.zeros((8, 4))
    flat = SERIES.__class__(
        T, T, T, np.tile(np.eye(4), (8, 1, 1)), np.ones(8), np.ones(8), 2.0, 0.25, np.ones(8),
        4.0, 4.0,
    )  # fmt: skip
    noise = inference.Drift(0.0, 1e-3, 5.0, 1e-4, 1e-4, 0.25, 1e-3)
    return inference._verdict(flat, noise, held, p, 0.02, known)


def test_where_real_data_are_known_to_enter_nothing_is_mad_and_rest_is_enough():
    walking = Anchor(np.zeros(9), 0.0, 1.0, 1.0, 1.0)
    assert verdict(walking, 1.0, Known(share=0.1))[0] == "not_mad"
    assert verdict(walking, 1.0, Known(share=0.09))[0] == "undecided"
    assert verdict(walking._replace(partial=0.05), 1.0, Known(share=0.5))[0] == "undecided"
    for share in (0.05, 0.5):
        assert verdict(walking, 0.02, Known(share=share))[0] == "undecided"
    assert verdict(walking, 0.02, Known())[0] == "mad"


def test_a_constant_error_leaves_it_open_what_holds_the_loop():
    held = Anchor(np.zeros(9), 1.0, 0.01, 0.01, 1.0)
    assert verdict(held, 1.0, Known())[0] == "not_mad"
    found = verdict(held._replace(errs=True), 1.0, Known())
    assert found[0] == "undecided"
    assert "err by the same" in found[1]
    assert verdict(held._replace(errs=True), 1.0, Known(share=0.2))[0] == "not_mad"
