"""The network that FID looks through."""

import numpy as np
import pytest
import torch

from madtheory.deep.data.sets import DataSet
from madtheory.deep.features import lenet

IMAGES = np.random.default_rng(0).uniform(-1, 1, size=(7, 1, 8, 8)).astype(np.float32)


def test_features_and_labels_of_all_images_whatever_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    found = lenet.Classifier(lenet.LeNet((1, 8, 8), 3).eval(), 0.0)
    features, labels = found.features(IMAGES), found.labels(IMAGES)
    assert features.shape == (7, 64)
    monkeypatch.setattr(lenet, "ROWS", 3)
    np.testing.assert_allclose(found.features(IMAGES), features, rtol=1e-5, atol=1e-6)
    assert np.array_equal(found.labels(IMAGES), labels)


def test_accuracy_is_that_on_the_test_set() -> None:
    # Dark and bright images are told apart; a fifth of the test labels is wrong on purpose.
    x = np.concatenate([np.full((10, 1, 4, 4), -1.0), np.full((10, 1, 4, 4), 1.0)])
    x = x.astype(np.float32)
    y = np.repeat([0, 1], 10)
    wrong = np.where(np.arange(20) % 5 == 0, 1 - y, y)
    data = DataSet("two", {"x": x, "y": y}, x, wrong, 2)
    assert lenet.train_lenet(data, epochs=1, batch=4).accuracy == pytest.approx(0.8)
