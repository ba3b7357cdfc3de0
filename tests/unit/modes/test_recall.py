"""Recall of a mode against points."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from madtheory.modes import recall
from madtheory.modes.recall import mode_recall


def recall_of_points(
    rng: np.random.Generator, n: int, widths: NDArray[np.float64], shift: NDArray[np.float64]
) -> float:
    """Draw a synthetic mode and real points, and count those in some 5-NN ball."""
    shares = []
    for _ in range(max(20, 1_200 // n)):
        y = rng.normal(size=(n, 2)) * widths + shift
        radius = cKDTree(y).query(y, 6)[0][:, -1]
        x = rng.normal(size=(300, 2))
        shares.append((np.linalg.norm(x[:, None] - y, axis=-1) <= radius).any(axis=1).mean())
    return float(np.mean(shares))


@pytest.mark.parametrize(("ratio", "allowed"), [(1.0, 0.03), (2.0, 0.05), (10.0, 0.15)])
def test_recall_of_a_mode_against_points(ratio: float, allowed: float) -> None:
    rng, gaps = np.random.default_rng(0), []
    for n, size, far in itertools.product((6, 20, 100), (1.0, 0.5), (0.0, 1.0)):
        widths = size * np.sqrt(2 / (ratio + 1 / ratio)) * np.array([ratio**0.5, ratio**-0.5])
        shift = np.array([far, 0.0])
        gaps.append(float(mode_recall(n, widths, shift)) - recall_of_points(rng, n, widths, shift))
    # Noise of one count is below 0.01.
    assert np.abs(gaps).max() < allowed + 0.01
    assert np.sqrt(np.mean(np.square(gaps))) < 0.6 * allowed


def test_mean_number_of_balls_over_a_point() -> None:
    """Inside a large sample a point lies in k balls on average; counted in a small one."""
    assert recall._covering(20_000, 5)[0] == pytest.approx(5, rel=0.01)
    rng, n, k = np.random.default_rng(1), 12, 5
    y = rng.normal(size=(20_000, n, 2))
    apart = np.linalg.norm(y[:, :, None] - y[:, None], axis=-1)
    radius = np.sort(apart, axis=-1)[:, :, k]
    for i in (0, 10):  # at distances 0 and 2
        x = np.array([recall._REACH[i], 0.0])
        number = (np.linalg.norm(y - x, axis=-1) <= radius).sum(axis=1)
        assert abs(number.mean() - recall._covering(n, k)[i]) < 4.5 * number.std() / 20_000**0.5


def test_recall_at_the_edges() -> None:
    value = mode_recall(
        [0, 1, 5, 40, 40], [[1, 1]] * 4 + [[0, 0]], [[0, 0]] * 3 + [[99, 0], [0, 0]]
    )
    assert value[:3].tolist() == [0, 1, 1]
    assert value[3:].max() < 1e-6
    full = mode_recall(20_000, [1, 1], [0, 0])
    assert 0.99 < full < 1
    with pytest.raises(ValueError, match="count must be finite and non-negative, got -1"):
        mode_recall(-1, [1, 1], [0, 0])
    with pytest.raises(ValueError, match=r"widths and shift must end in 2 axes, got \(3,\)"):
        mode_recall(1, [1, 1, 1], [0, 0])


@pytest.mark.parametrize(
    ("count", "widths", "shift", "value"),
    [
        (6, [0.5, 0.5], [0.0, 0.0], 0.8639219053),
        (20, [2.0, 0.05], [0.5, 0.0], 0.8279855243),
        (40, [1.0, 0.1], [0.0, 0.3], 0.3777004684),
        (200, [0.7, 0.02], [0.2, 0.1], 0.0815389049),
    ],
)
def test_fitted_constants_are_frozen(
    count: int, widths: list[float], shift: list[float], value: float
) -> None:
    """Points are too noisy to see them change by a fifth."""
    assert float(mode_recall(count, widths, shift)) == pytest.approx(value, rel=1e-8)


def test_recall_turns_with_the_mode() -> None:
    """Major axis and shift along y, one deviation apart, are those along x by another name."""
    along = {"counts": np.array([30]), "spacing": 1.0, "deviation": 0.5}
    x = recall.expected_recall(
        means=np.array([[0.4, 0.0]]), covariances=np.array([np.diag([0.25, 0.01])]), **along
    )
    y = recall.expected_recall(
        means=np.array([[0.0, 0.4]]), covariances=np.array([np.diag([0.01, 0.25])]), **along
    )
    by_hand = float(mode_recall(30, [1.0, 0.2], [0.8, 0.0]))
    # The major axis is taken as it comes from 24 angles: the same up to their symmetry.
    assert (float(x), float(y)) == pytest.approx((by_hand, by_hand), rel=1e-9)
