"""Courses of the versions against formulas written out, and what they refuse to add up to."""

from dataclasses import replace

import numpy as np
import pytest

from madtheory.deep.compare.frame import Frame
from madtheory.deep.compare.observed import Real
from madtheory.deep.compare.versions import (
    Numbers,
    Start,
    between_path,
    biases_of,
    block_variances,
    course,
    explained,
    push_of,
)
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.theory import collapse, moments

S = np.array([4.0, 2.0, 1.0])
REAL = Real(S, 7.5, np.array([1.0, 0.5, 0.25]), 2.0, 5, 0.01, 0.02, 0.95, 0.01, None, 4000)


def numbers(biases: list[float], level: float = 0.9, push: float = 0.0) -> Numbers:
    one = np.ones(1)
    return Numbers(np.array([biases]), level * one, push * one, 0.01 * one, one)


def frame() -> Frame:
    return Frame(fully_synthetic(400), REAL.spectrum, 4, 1.0, 400.0, np.array([0.5, 1.1]))


def test_what_the_directions_leave_is_filled_with_the_last_one() -> None:
    assert REAL.spectrum.tolist() == [4.0, 2.0, 1.0, 0.5]
    assert REAL.blocks.tolist() == [4.0, 2.0, 1.0, 0.5]
    w, b = REAL.parts
    assert w.tolist() == [1.0, 0.5, 0.25, 0.25]
    assert (b >= 0).all()
    assert w.sum() + b.sum() == 7.5


def test_pooled_and_spectrum_in_the_synthetic_loop() -> None:
    t = np.arange(1, 5)
    own = block_variances("pooled", REAL)[None]
    pooled = course("pooled", frame(), REAL, numbers([0.9]), own)
    np.testing.assert_allclose(pooled.trace[0], 7.5 * 0.9**t, rtol=1e-9)
    np.testing.assert_allclose(pooled.distance[0], 7.5 * (1 - 0.9 ** (t / 2)) ** 2, rtol=1e-9)
    each = np.array([0.95, 0.9, 0.8, 0.5])
    own = block_variances("spectrum", REAL)[None]
    lines = course("spectrum", frame(), REAL, numbers(each.tolist()), own)
    shares = each ** t[:, None]
    np.testing.assert_allclose(lines.trace[0], shares @ own[0], rtol=1e-9)
    np.testing.assert_allclose(lines.distance[0], (1 - np.sqrt(shares)) ** 2 @ own[0], rtol=1e-8)


def test_classes_in_the_synthetic_loop() -> None:
    own = block_variances("classes", REAL)[None]
    found = course("classes", frame(), REAL, numbers([0.6], push=0.8), own)
    V = 2.0 * 0.6 ** np.arange(1, 5)
    B = 5.5 + 0.8 * np.cumsum(V / 0.6)
    assert found.within is not None
    np.testing.assert_allclose(found.within[0], V, rtol=1e-9)
    np.testing.assert_allclose(found.trace[0], V + B, rtol=1e-9)
    w, b = REAL.parts
    now = w * V[:, None] / 2.0 + b * B[:, None] / 5.5
    distance = ((np.sqrt(w + b) - np.sqrt(now)) ** 2).sum(axis=1)
    np.testing.assert_allclose(found.distance[0], distance, rtol=1e-9)


def path(loop: Loop, push: float, T: int = 4) -> list[float]:
    fitted, one = np.ones((1, T)), np.ones(1)
    return between_path(loop, fitted, push * one, 4.0 * one, np.ones((1, T)))[0].tolist()


def test_class_means_move_with_what_they_are_fitted_to() -> None:
    assert path(fully_synthetic(10), 1.0) == pytest.approx([5.0, 6.0, 7.0, 8.0])
    assert path(fresh_data(10, 30), 0.0) == pytest.approx([4.0] * 4)
    second = (0.25 * 2 + 0.75 * 5**0.5) ** 2 + 1
    third = (0.25 * 2 + 0.75 * second**0.5) ** 2 + 1
    assert path(fresh_data(10, 30), 1.0)[:3] == pytest.approx([5.0, second, third])
    assert path(synthetic_augmentation(10, 30), 1.0)[:2] == pytest.approx([5.0, second])
    pool = synthetic_augmentation(10, 10, pool="accumulate")
    second = ((2 + 5**0.5) / 2) ** 2 + 1
    third = ((2 + 5**0.5 + second**0.5) / 3) ** 2 + 1
    assert path(pool, 1.0)[:3] == pytest.approx([5.0, second, third])
    weighted = fresh_data(10, 30, weight=0.5)
    assert path(weighted, 1.0)[1] == pytest.approx((1 + 0.5 * 5**0.5) ** 2 + 1)
    assert path(fully_synthetic(10), -9.0) == [0.0] * 4


def start() -> Start:
    directions = np.array([[[3.6, 1.6, 0.5], [3.24, 1.28, 0.25]]])
    return Start(
        np.array([[6.0, 4.97]]), np.array([[1.2, 0.72]]), directions, np.ones(1), np.ones(1)
    )


def test_numbers_of_two_generations() -> None:
    loop = fully_synthetic(100)
    biases, level = biases_of("spectrum", loop, start())
    np.testing.assert_allclose(biases[0], [0.9, 0.8, 0.5, 0.2 / 0.3], rtol=1e-9)
    assert level[0] == pytest.approx(4.97 / 6)
    assert biases_of("classes", loop, start())[0][0, 0] == pytest.approx(0.6)
    own = block_variances("classes", REAL)[None]
    assert push_of(loop, start(), own)[0] == pytest.approx((4.25 - 5.5) / (2 + 1.2))
    assert push_of(fresh_data(9, 9), start(), own)[0] == pytest.approx((4.8 - 5.5) / 2)


def test_what_scales_explain_at_generation_one() -> None:
    own = block_variances("pooled", REAL)[None]
    pooled = explained("pooled", REAL, start(), own)
    assert pooled[0] == pytest.approx((7.5**0.5 - 6**0.5) ** 2)
    own = block_variances("spectrum", REAL)[None]
    parts = np.array([3.6, 1.6, 0.5, 0.3])
    lines = explained("spectrum", REAL, start(), own)
    assert lines[0] == pytest.approx(((np.sqrt(own[0]) - np.sqrt(parts)) ** 2).sum())
    w, b = REAL.parts
    own = block_variances("classes", REAL)[None]
    now = w * 1.2 / 2 + b * 4.8 / 5.5
    classes = explained("classes", REAL, start(), own)
    assert classes[0] == pytest.approx(((np.sqrt(w + b) - np.sqrt(now)) ** 2).sum())


def test_a_spectrum_of_two_generations_is_the_theorys_estimate_and_its_course_the_theorys() -> None:
    v = start().directions[0]
    biases, _ = biases_of("spectrum", fully_synthetic(100), start())
    np.testing.assert_allclose(biases[0, :3], collapse.estimate_biases(v, dof=99).bias, rtol=1e-9)
    each = (0.95, 0.9, 0.8, 0.5)
    own = block_variances("spectrum", REAL)[None]
    for loop in (fully_synthetic(400), fresh_data(200, 400)):
        at = Frame(loop, REAL.spectrum, 4, 1.0, 400.0, np.array([0.5, 1.1]))
        blocks = course("spectrum", at, REAL, numbers(list(each)), own).blocks
        lines = [b * moments.first_moments(replace(loop, bias=b), 4).trace for b in each]
        assert blocks is not None
        np.testing.assert_allclose(blocks[0] / own[0], np.stack(lines, axis=1), rtol=1e-7)
