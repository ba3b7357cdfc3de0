"""Samples and grids in a run's folder: what is kept, the same bytes, what is missing."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from madtheory.deep import curves, folder
from madtheory.deep.config import parse
from madtheory.deep.measures import Sample
from madtheory.deep.models import LinearGaussian
from madtheory.deep.run import run
from tests.unit.deep.conftest import PRESET


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
    copy = tmp_path / "run"
    shutil.copytree(done, copy)
    (copy / "samples" / "2.npz").unlink()
    with pytest.raises(ValueError, match=r"samples/2.npz must be the samples of a generation"):
        folder.sample_files(copy)
    (copy / "samples" / "1.npz").unlink()
    with pytest.raises(ValueError, match=r"samples/1.npz must be the samples of a generation") as e:
        folder.sample_files(copy)
    assert str(e.value).endswith(f"; remove {copy} to start again")
    shutil.rmtree(copy / "samples")
    with pytest.raises(ValueError, match=r"samples/0.npz must be the samples of a generation"):
        folder.sample_files(copy)


def test_a_run_that_stopped_has_the_samples_up_to_there(done: Path, tmp_path: Path) -> None:
    """The line that says why is that of no generation."""
    copy = tmp_path / "run"
    shutil.copytree(done, copy)
    with (copy / "stats.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"generation":3,"stopped":"the loss is NaN"}\n')
    assert len(folder.sample_files(copy)) == 3


# --- a run that goes on -------------------------------------------------------------------------


class Stop(Exception):
    """An interrupt of our own."""


def begin(out: Path, progress: Callable[[int, int], None] | None = None) -> str:
    """Run the preset of three generations in a folder, or go on; the digest of its curves."""
    preset = parse("small", PRESET, ["generations=3"])
    found = run(preset, out=out, seed=4, command="the command", progress=progress)
    return curves.digest(found.generations, found.metrics)


def stopped(out: Path) -> Path:
    """Begin, and stop after two generations."""

    def stop(generation: int, _: int) -> None:
        if generation == 2:
            raise Stop

    with pytest.raises(Stop):
        begin(out, stop)
    return out


@pytest.mark.thinned(2)
@pytest.mark.parametrize("how", ["missing", "cut", "flipped"])
@pytest.mark.parametrize("name", ["samples/0.npz", "samples/1.npz", "samples/2.npz", "deep.json"])
def test_damage_is_found_before_anything_is_trained(
    name: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And to do what the refusal says is of use."""
    out = stopped(tmp_path / "run")
    whole = (out / name).read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    if how == "missing":
        (out / name).unlink()
    else:
        (out / name).write_bytes(flipped if how == "flipped" else whole[: len(whole) // 2])
    with monkeypatch.context() as patch:
        patch.setattr(LinearGaussian, "fit", lambda *_: pytest.fail("a generation was trained"))
        with pytest.raises(ValueError, match=rf"{name} must be .*; remove (.*) to start") as caught:
            begin(out)
    removed = re.findall("; remove (.*) to start again$", str(caught.value))
    assert removed == [str(out)]
    shutil.rmtree(removed[0])
    assert begin(out) == begin(tmp_path / "whole")
    assert len(folder.sample_files(out)) == 4


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("samples/1.npz", "arrays-1.npz"),
        ("deep.json", "config.json"),
        ("deep.json", "environment.json"),
    ],
)
def test_another_file_of_the_folder_is_not_taken_for_one(
    name: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = stopped(tmp_path / "run")
    if other.startswith("arrays"):
        other = next(path.name for path in out.glob("arrays-*.npz"))
    shutil.copy(out / other, out / name)
    monkeypatch.setattr(LinearGaussian, "fit", lambda *_: pytest.fail("a generation was trained"))
    with pytest.raises(ValueError, match=rf"{name} must be .*; remove {out} to start again"):
        begin(out)


def test_samples_of_generations_that_are_run_again_may_be_damaged(tmp_path: Path) -> None:
    out = stopped(tmp_path / "run")
    (out / "samples" / "3.npz").write_bytes(b"half")
    begin(out)
    assert folder.read_samples(out / "samples" / "3.npz")["x"].shape == (1000, 3)


def test_a_torn_line_of_timings_ends_no_run(tmp_path: Path) -> None:
    """As a kill or a full disk leaves one."""
    out = stopped(tmp_path / "run")
    path = out / "timings.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    begin(out)
    assert curves.of_run(out).seconds > 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["generation"] for line in lines] == [1, 3]
    # Of a finished run too.
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="give the run's command again, which mends it"):
        curves.of_run(out)
    begin(out)
    assert curves.of_run(out).seconds > 0


def test_any_flipped_bit_of_samples_is_one_sentence(tmp_path: Path) -> None:
    """Or it changes nothing: an archive says some things that nobody reads."""
    path = tmp_path / "samples" / "1.npz"
    path.parent.mkdir()
    np.savez(path, x=np.arange(6.0), features=np.ones(2))
    whole, known = path.read_bytes(), folder.read_samples(path)
    for place in range(2 * len(whole)):
        spoiled = bytearray(whole)
        spoiled[place // 2] ^= 1 << (place // 2 % 8 if place % 2 else 0)
        path.write_bytes(spoiled)
        words, found = "", known
        try:
            found = folder.read_samples(path)
        except ValueError as error:
            words = str(error)
        assert words == "" or words.endswith(f"; remove {tmp_path} to start again")
        for name in known.keys() & found.keys():
            assert np.array_equal(known[name], found[name])


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


@pytest.mark.parametrize(
    ("loop", "told"),
    [
        ({}, (100, [300, 300, 300], 2)),
        ({"memory": None}, (100, [300, 300, 300], "all")),
        ({"pool": "accumulate"}, (100, [300, 600, 900], "all")),
        ({"pool": "accumulate", "pool_cap": 2}, (100, [300, 600, 600], 2)),
        ({"pool": "accumulate", "budget": 500}, (100, [300, 500, 500], "all")),
        ({"weight": 0.5}, (None, None, 2)),
        ({"weight": 0.5, "n_fixed": 0, "n_fresh": 0}, (0, [300, 300, 300], 2)),
    ],
)
def test_what_a_run_says_of_its_loop(tmp_path: Path, loop: dict[str, object], told: object) -> None:
    given = {
        **{"n_fixed": 60, "n_fresh": 40, "n_synth": 300, "memory": 2, "pool": "replace"},
        **{"pool_cap": None, "budget": None, "weight": None},
    }
    (tmp_path / "config.json").write_text(json.dumps({"loop": given | loop}))
    assert folder.said(tmp_path, 3) == told


def test_what_was_run_is_believed_as_written_only(tmp_path: Path) -> None:
    about = {"command": "x", "real": {"fid": (0.07, float("nan"))}}
    folder.write_about(tmp_path, about)
    path = tmp_path / "deep.json"
    assert folder.read_about(tmp_path) == {"command": "x", "real": {"fid": [0.07, None]}}
    whole = path.read_text()
    path.write_text(whole.replace("0.07", "0.47"))
    with pytest.raises(ValueError, match=r"deep\.json must be as it was written, got a damaged"):
        folder.read_about(tmp_path)
    # Folders of earlier versions have no digest.
    path.write_text('{"real": {}}')
    assert folder.read_about(tmp_path) == {"real": {}}
    # But what they wrote, not another file of theirs.
    path.write_text('{"command": "x"}')
    with pytest.raises(ValueError, match=r"deep\.json must be what a deep run says of itself"):
        folder.read_about(tmp_path)


def test_files_of_another_run_or_generation_are_refused(done: Path, tmp_path: Path) -> None:
    """A copied deep.json gave its own loop to the metrics of another; samples were not asked."""
    copy = shutil.copytree(done, tmp_path / "copy")
    own = {name: (copy / name).read_bytes() for name in ("deep.json", "samples/1.npz")}
    shutil.copy(copy / "samples/2.npz", copy / "samples/1.npz")
    with pytest.raises(ValueError, match=r"1\.npz must be a file of this run and generation"):
        folder.read_samples(copy / "samples/1.npz")
    config = copy / "config.json"
    config.write_text(config.read_text() + " ")  # as of another run
    (copy / "samples/1.npz").write_bytes(own["samples/1.npz"])
    for ask in (folder.read_about, lambda x: folder.read_samples(x / "samples/1.npz")):
        with pytest.raises(ValueError, match=r"got another's; remove .*copy to start again"):
            ask(copy)
    config.unlink()  # samples alone say nothing of a run
    assert folder.read_samples(copy / "samples/1.npz").keys() >= {"x", "features"}


def test_a_changed_configuration_says_nothing(done: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(done, tmp_path / "copy")
    assert folder.said(copy, 3) == folder.said(done, 3)
    path = copy / "config.json"
    path.write_text(path.read_text().replace('"n_synth": ', '"n_synth": 1'))
    with pytest.raises(ValueError, match=r"config\.json must be a part of the state of this run"):
        folder.said(copy, 3)
