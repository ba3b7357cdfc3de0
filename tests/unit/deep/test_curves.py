"""Curves of deep runs: written, read, of a run folder; samples and grids in the folder."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from madtheory.deep import curves, folder
from madtheory.deep.config import parse
from madtheory.deep.measures import OF_CLASSES, PLAIN, Sample
from madtheory.deep.run import run

SMALL = """
family = "{family}"
data = "{data}"
generations = 2
seconds = 1
loop = {{ kind = "synthetic", n_synth = 80, bias = 0.9 }}
model = {{ {model} }}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("deep") / "run"
    text = SMALL.format(family="linear", data="gaussian-3", model="")
    run(parse("small", text, ["loop.bias=0.5"]), out=out, seed=4, command="the command")
    return out


def test_a_curve_is_what_the_run_measured(done: Path, tmp_path: Path) -> None:
    found = curves.of_run(done)
    path = tmp_path / "c.json"
    curves.write(found, path)
    again = curves.read(path)
    assert (again.name, again.family, again.kind) == (
        "linear-gaussian-3-synthetic-0.5-s4",
        "linear",
        "synthetic",
    )
    assert (again.bias, again.seed, again.n_params) == (0.5, 4, 3 + 9)
    assert again.command == "the command"
    assert again.generations.tolist() == [1, 2]
    assert again.metrics.keys() == again.real.keys() == set(PLAIN)
    assert again.metrics["fid"].shape == (2, 3)
    assert again.metrics["directions"].shape == (2, 3)
    lines = [json.loads(line) for line in (done / "stats.jsonl").read_text().splitlines()]
    for name in PLAIN:
        assert again.metrics[name].tolist() == [line["metrics"][name] for line in lines]
    assert again.seconds > 0
    assert "torch" in again.versions
    assert again.loop["n_synth"] == 80
    assert again.digest == found.digest == curves.digest(again.generations, again.metrics)


def test_a_number_that_was_changed_is_seen(done: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    curves.write(curves.of_run(done), path)
    given = json.loads(path.read_text())
    given["metrics"]["trace"][1] *= 1 + 1e-15
    path.write_text(json.dumps(given))
    with pytest.raises(ValueError, match="must have the digest of its metrics"):
        curves.read(path)


def test_a_missing_number_stays_missing(done: Path, tmp_path: Path) -> None:
    found, path = curves.of_run(done), tmp_path / "c.json"
    found.metrics["trace"][0] = np.nan
    digest = curves.digest(found.generations, found.metrics)
    object.__setattr__(found, "digest", digest)
    curves.write(found, path)
    assert np.isnan(curves.read(path).metrics["trace"][0])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"real": 1}'])
def test_what_is_no_curve(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ValueError, match="must be a file that deep curve wrote"):
        curves.read(tmp_path / "c.json")
    with pytest.raises(ValueError, match=r"must be a readable file, got .*none.json"):
        curves.read(tmp_path / "none.json")
    with pytest.raises(ValueError, match="must be that of a deep run"):
        curves.of_run(tmp_path)


def test_the_folder_keeps_samples_of_every_generation(done: Path) -> None:
    files = folder.sample_files(done)
    assert [path.name for path in files] == ["0.npz", "1.npz", "2.npz"]
    found = curves.of_run(done)
    for t, path in enumerate(files):
        arrays = folder.read_samples(path)
        assert arrays["x"].shape == arrays["features"].shape == (1000, 3)
        if t:
            trace = arrays["x"].var(axis=0, ddof=1).sum()
            assert trace == pytest.approx(found.metrics["trace"][t - 1], rel=0.15)
    assert not (done / "grids").exists()


def test_a_missing_file_is_named(done: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(done, copy)
    (copy / "samples" / "1.npz").unlink()
    with pytest.raises(ValueError, match=r"samples/1.npz must be the samples of a generation"):
        folder.sample_files(copy)
    shutil.rmtree(copy / "samples")
    with pytest.raises(ValueError, match=r"samples/0.npz must be the samples of a generation"):
        folder.sample_files(copy)


# --- images --------------------------------------------------------------------------------------


def images(n: int, channels: int = 1) -> Sample:
    x = np.random.default_rng(0).uniform(-1.1, 1.1, (n, channels, 8, 8)).astype(np.float32)
    rows = x.reshape(n, -1).astype(float)
    return Sample(x, rows, rows[:, :4], np.arange(n) % 3)


def test_images_are_kept_as_bytes_with_features_and_labels(tmp_path: Path) -> None:
    sample = images(1200)
    folder.write_samples(tmp_path, 7, sample)
    arrays = folder.read_samples(tmp_path / "samples" / "7.npz")
    assert {name: a.dtype.str for name, a in arrays.items()} == {
        "x": "|u1",
        "features": "<f4",
        "labels": "<i2",
    }
    wanted = np.clip(sample.x[:1000], -1, 1)
    assert np.abs(arrays["x"] / 127.5 - 1.0 - wanted).max() <= 0.5 / 127.5 + 1e-6
    assert np.array_equal(arrays["labels"], sample.labels[:1000])
    assert np.array_equal(arrays["features"], sample.features[:1000].astype(np.float32))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_has_a_row_a_class(channels: int, tmp_path: Path) -> None:
    sample = images(40, channels)
    folder.write_samples(tmp_path, 1, sample)
    with Image.open(tmp_path / "grids" / "1.png") as image:
        seen = np.asarray(image)
    assert seen.shape == (320, 320) if channels == 1 else (320, 320, 3)
    x = folder.as_bytes(sample.x).transpose(0, 2, 3, 1)
    tile = seen[32:64, 64:96].reshape(32, 32, -1)[::4, ::4]  # class 1, its third image: row 7
    assert np.array_equal(tile, x[7])
    assert (seen[3 * 32 :] == 255).all()  # classes that nothing is of
    folder.write_samples(tmp_path, 2, Sample(sample.x[:30], sample.rows, sample.features, None))
    with Image.open(tmp_path / "grids" / "2.png") as image:
        plain = np.asarray(image)
    assert np.array_equal(plain[64:96, :32].reshape(32, 32, -1)[::4, ::4], x[20])
    assert (plain[96:] == 255).all()


def test_the_same_samples_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder.write_samples(tmp_path / name, 1, images(50))
    for part in ("samples/1.npz", "grids/1.png"):
        assert (tmp_path / "a" / part).read_bytes() == (tmp_path / "b" / part).read_bytes()


def test_metrics_of_classes_are_in_the_curve(tmp_path: Path) -> None:
    text = SMALL.format(
        family="ddpm",
        data="digits",
        model="width = 8, depth = 1, steps = 6, batch = 16, sampling_steps = 2",
    )
    run(parse("small", text), out=tmp_path / "run", generations=1)
    found = curves.of_run(tmp_path / "run")
    assert found.metrics.keys() == set(PLAIN + OF_CLASSES)
    assert found.real["class_trace"].shape == (10,)
    assert found.metrics["directions_within"].shape == (1, 32)
    assert (tmp_path / "run" / "grids" / "0.png").exists()
