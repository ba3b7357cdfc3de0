"""Bad sets and bad options, in one sentence."""

import numpy as np
import pytest

from madtheory import metrics

GOOD = np.arange(12.0).reshape(6, 2) ** 2


@pytest.mark.parametrize(
    ("real", "synth", "words"),
    [
        ([1.0, 2.0], GOOD, "real must be a matrix"),
        (GOOD, np.zeros((0, 2)), "synth must have at least"),
        (GOOD, np.zeros((6, 0)), "synth must be a matrix"),
        (GOOD, GOOD[:, :1], "synth must have 2 columns like real, got 1"),
        (GOOD * np.nan, GOOD, "real must be finite"),
        (GOOD, np.where(GOOD > 50, np.inf, GOOD), "synth must be finite"),
        (GOOD.astype(object), GOOD, "real must be numeric"),
        (GOOD, GOOD.astype(complex), "synth must be numeric"),
        (GOOD[:1], GOOD, "real must have at least"),
    ],
)
@pytest.mark.parametrize(
    "metric",
    [metrics.fid, metrics.fid_unbiased, metrics.kernel_distance, metrics.precision_recall],
)
def test_bad_sets(metric, real, synth, words):
    with pytest.raises((ValueError, TypeError), match=words) as error:
        metric(real, synth)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"k": 1.5}, "k must be an integer"),
        ({"k": 6}, "real must have at least 7 rows, got 6"),
        ({"level": 1.0}, "level must be"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        metrics.precision_recall(GOOD, GOOD, **options)
