"""Features by a network of the user's own."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from madtheory.deep.data.sets import DataSet
from madtheory.deep.features import Eyes, exported, eyes, read_exported

IMAGES = np.random.default_rng(0).uniform(-1, 1, size=(7, 1, 8, 8)).astype(np.float32)


def write(path: Path, network: nn.Module, *, batches: bool = True) -> Path:
    """Export a network of images (n, 1, 8, 8)."""
    shapes = ({0: torch.export.Dim("n")},) if batches else None
    example = torch.zeros(2, 1, 8, 8)
    torch.export.save(torch.export.export(network, (example,), dynamic_shapes=shapes), path)
    return path


class Means(nn.Module):
    """Mean of the rows of an image, twice."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2.0 * x.mean(dim=3).flatten(1)


def test_features_are_those_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "means.pt2", Means())
    found = read_exported(path)
    wanted = 2.0 * IMAGES[:, 0].astype(float).mean(axis=2)
    np.testing.assert_allclose(found.features(IMAGES), wanted, atol=1e-6)
    monkeypatch.setattr(exported, "ROWS", 3)
    np.testing.assert_allclose(found.features(IMAGES), wanted, atol=1e-6)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["missing.pt2", "net.pt", "text.pt2", "zip.pt2"])
def test_what_is_no_program_is_named(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if name == "zip.pt2":
        np.savez(tmp_path / "zip.npz", x=np.ones(3))
        (tmp_path / "zip.npz").rename(path)
    elif name != "missing.pt2":
        path.write_text("none")
    with pytest.raises(ValueError, match=rf"features must be a .*, got .*{name}"):
        read_exported(path)
    assert capfd.readouterr() == ("", "")


def test_a_network_for_other_images_is_named(tmp_path: Path) -> None:
    found = read_exported(write(tmp_path / "means.pt2", Means()))
    with pytest.raises(ValueError, match=r"takes images \(7, 3, 8, 8\) in batches of any size"):
        found.features(np.repeat(IMAGES, 3, axis=1))
    fixed = read_exported(write(tmp_path / "fixed.pt2", Means(), batches=False))
    with pytest.raises(ValueError, match=r"in batches of any size, got .*fixed.pt2"):
        fixed.features(IMAGES)
    flat = read_exported(write(tmp_path / "flat.pt2", nn.Flatten(0)))
    with pytest.raises(ValueError, match=r"a row for each of 7 images, got \(448,\)"):
        flat.features(IMAGES)
    images = read_exported(write(tmp_path / "pool.pt2", nn.AvgPool2d(2)))
    with pytest.raises(ValueError, match=r"a row for each of 7 images, got \(7, 1, 4, 4\)"):
        images.features(IMAGES)


class Counted:
    """A LeNet that notes when it was trained."""

    trained = 0

    def __init__(self, _: Any) -> None:
        type(self).trained += 1

    def features(self, images: Any) -> Any:
        return np.zeros((len(images), 1))

    def labels(self, images: Any) -> Any:
        return np.zeros(len(images), dtype=np.int64)


def test_a_lenet_is_trained_once_and_only_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "trained", 0)
    monkeypatch.setattr(eyes, "train_lenet", Counted)
    found = Eyes(DataSet("d", None, IMAGES, None, classes=2))
    assert Counted.trained == 0
    assert found.features(IMAGES).shape == (7, 1)
    assert found.labels(IMAGES).tolist() == [0] * 7
    assert Counted.trained == 1


def test_a_network_of_ones_own_needs_no_lenet_without_classes(tmp_path: Path) -> None:
    own = read_exported(write(tmp_path / "means.pt2", Means()))
    found = Eyes(DataSet("d", None, IMAGES), own)
    assert found.labels(IMAGES) is None
    np.testing.assert_array_equal(found.features(IMAGES), own.features(IMAGES))
