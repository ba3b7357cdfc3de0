"""Real data: files as users have them, whole and damaged."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from madtheory.deep.data import sets
from madtheory.deep.data.idx import read_idx
from madtheory.deep.data.images import read_images
from madtheory.deep.data.make_fashion import pooled


def idx(array: np.ndarray, kind: int = 0x08) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, size=(6, 5, 4), dtype=np.uint8)


def test_idx_files_plain_and_gzipped(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(idx(IMAGES))
    (tmp_path / "b.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "c").write_bytes(idx(IMAGES.astype(">i4"), 0x0C))
    for name in ("a", "b.gz", "c"):
        assert np.array_equal(read_idx(tmp_path / name), IMAGES)


@pytest.mark.parametrize(
    ("kind", "dtype"), [(0x09, "i1"), (0x0B, ">i2"), (0x0D, ">f4"), (0x0E, ">f8")]
)
def test_idx_files_of_each_type(kind: int, dtype: str, tmp_path: Path) -> None:
    wanted = np.array([[-3, 2], [100, -128]], dtype)
    (tmp_path / "a").write_bytes(idx(wanted, kind))
    assert read_idx(tmp_path / "a").tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must be an IDX file"),
        (b"PNG nothing", "must be an IDX file"),
        (idx(IMAGES)[:10], "cut within its header"),
        (idx(IMAGES)[:16], "must have the 136 bytes that the header says, got 16"),
        (idx(IMAGES)[:-1], "must have the 136 bytes that the header says, got 135"),
        (idx(IMAGES) + b"x", "must have the 136 bytes that the header says, got 137"),
        (gzip.compress(idx(IMAGES))[:-9], "must be a whole gzip file"),
    ],
)
def test_damaged_idx_files_are_named(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_idx(tmp_path / "x")


def mnist(folder: Path) -> None:
    for prefix in ("train", "t10k"):
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(IMAGES))
        labels = np.arange(6, dtype=np.uint8) % 3
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))


def test_a_folder_like_mnist(tmp_path: Path) -> None:
    mnist(tmp_path)
    data = sets.load(f"idx:{tmp_path}")
    assert data.classes == 3
    assert data.train["x"].shape == (6, 1, 5, 4)
    assert data.train["x"][2, 0, 3, 1] == pytest.approx(IMAGES[2, 3, 1] / 127.5 - 1)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(ValueError, match=r"holds t10k-images-idx3-ubyte\[.gz\], got"):
        sets.load(f"idx:{tmp_path}")


def test_folders_of_images(tmp_path: Path) -> None:
    from PIL import Image

    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for i in range(10):
            Image.fromarray(np.full((4, 4), 20 * i, np.uint8)).save(tmp_path / label / f"{i}.png")
    data = sets.load(f"images:{tmp_path}")
    assert data.train["x"].shape == (18, 1, 4, 4)
    assert data.test.shape == (2, 1, 4, 4)
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1]
    Image.fromarray(np.zeros((5, 4), np.uint8)).save(tmp_path / "dog" / "odd.png")
    with pytest.raises(ValueError, match=r"images of one shape, \(4, 4\), got \(5, 4\) in .*odd"):
        sets.load(f"images:{tmp_path}")
    (tmp_path / "dog" / "odd.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"data must be readable images, got .*odd"):
        sets.load(f"images:{tmp_path}")


def test_a_folder_without_classes_has_no_labels(tmp_path: Path) -> None:
    from PIL import Image

    for i in range(20):
        Image.fromarray(np.full((4, 4), 10 * i, np.uint8)).save(tmp_path / f"{i:02}.png")
    data = sets.load(f"images:{tmp_path}")
    assert data.train.shape == (18, 1, 4, 4)
    assert (data.test.shape, data.labels, data.classes) == ((2, 1, 4, 4), None, 0)


def test_suffixes_in_capitals_are_images_and_others_are_not(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("a.PNG", "b.png"):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("none")
    x, labels = read_images(tmp_path)
    assert (x.shape, labels.tolist()) == ((2, 4, 4), [0, 0])


def test_digits_fill_the_range_of_pixels() -> None:
    data = sets.load("digits")
    x = data.train["x"]
    assert (x.shape, data.test.shape, data.classes) == ((1297, 1, 8, 8), (500, 1, 8, 8), 10)
    assert (float(x.min()), float(x.max())) == (-1.0, 1.0)


def test_modes_are_25() -> None:
    x = sets.modes(5000, np.random.default_rng(0))
    centres, counts = np.unique(x.round(), axis=0, return_counts=True)
    assert centres.tolist() == [[a, b] for a in range(-2, 3) for b in range(-2, 3)]
    assert counts.min() > 140  # 200 each, standard error 14
    assert (x - x.round()).std() == pytest.approx(0.05, rel=0.03)


def test_the_set_that_ships() -> None:
    data = sets.load("fashion-8")
    assert data.train["x"].shape == (20_000, 1, 8, 8)
    assert data.test.shape == (10_000, 1, 8, 8)
    assert np.bincount(data.labels).tolist() == [1000] * 10
    assert float(data.train["x"].min()) == -1.0


def test_pooling_is_a_mean_over_blocks() -> None:
    image = np.arange(28 * 28).reshape(1, 28, 28) % 251
    found = pooled(image.astype(np.uint8))
    assert found[0, 1, 2] == round(float(image[0, 2:6, 6:10].mean()))
    assert found[0, 0, 0] == round(float(image[0, :2, :2].sum() / 16))


def test_rosenbrock_has_its_density() -> None:
    # E x2 = 1, Var x2 = 5/2, Cov(x1, x2) = 0; 10^5 points, 4 standard errors.
    x = sets.rosenbrock(100_000, np.random.default_rng(0))
    assert abs(x[:, 0].var() - 1) < 0.02
    assert abs(x[:, 1].mean() - 1) < 0.02
    assert abs(x[:, 1].var() - 2.5) < 0.1
    assert abs((x[:, 1] - x[:, 0] ** 2).var() - 0.5) < 0.01


def test_a_spectrum_halves() -> None:
    # 10,000 points: the standard error of a variance is 1.4 %.
    variances = np.asarray(sets.load("spectrum-8").test, np.float64).var(axis=0)
    np.testing.assert_allclose(variances, 0.5 ** np.arange(8), rtol=0.06)
    np.testing.assert_allclose(sets.load("gaussian-3").test.var(axis=0), 1.0, rtol=0.06)


def test_unknown_sets_are_refused() -> None:
    for name in ("mnist", "gaussian-0", "spectrum-", "idx:", "gaussian-x", "gaussian-²"):
        with pytest.raises(ValueError, match="data must be fashion-8, digits, rosenbrock"):
            sets.load(name)


@pytest.mark.parametrize("dim", ["4097", "99999", "9" * 5000])
def test_data_too_wide_are_refused(dim: str) -> None:
    with pytest.raises(ValueError, match="data must have at most 4096 dimensions, got 'spectrum-"):
        sets.load(f"spectrum-{dim}")
    assert sets.load("gaussian-0002").test.shape[1] == 2
