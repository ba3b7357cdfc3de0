"""What a preset, a curve or a run folder may not hold: one sentence each."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from madtheory.deep import config, curves, folder

TABLE = """
family = "{family}"
data = "spectrum-2"
generations = 1
seconds = 1
[loop]
kind = "synthetic"
n_synth = 20
[model]
"""
DEEP = "[" * 5000 + "]" * 5000


def preset(*changes: str, family: str = "linear") -> config.Preset:
    """The preset with changes."""
    return config.parse("x", TABLE.format(family=family), changes)


@pytest.mark.parametrize(
    ("family", "change", "error"),
    [
        ("linear", "data=1", "data must be a word, got 1"),
        ("linear", "loop.n_real=5", r"loop of preset x must have keys among .*, got n_real"),
        ("linear", "loop={kind='fresh'}", "loop of preset x must have n_real, got none"),
        ("linear", "loop={}", "loop of preset x must have n_initial, got none"),
        ("linear", "loop.ddof=1", "ddof must be 0, as the model has it, got 1"),
        ("linear", "loop.n_synth=1e3", "loop of preset x: n_synth must be an integer, got 1000.0"),
        ("linear", "seconds=long", "seconds of preset x must be a number, got 'long'"),
        ("linear", "seconds=true", "seconds of preset x must be a number, got True"),
        ("linear", "seconds=-1", "seconds must be a finite number of at least 0, got -1"),
        ("linear", "seconds=nan", "seconds must be a finite number of at least 0, got nan"),
        ("linear", "generations=0", "generations must be at least 1, got 0"),
        ("linear", "device={mixed=true}", "device of preset x must be left out for the family lin"),
        ("linear", "device={}", "device of preset x must be left out for the family linear"),
        ("linear", "device=3", "device of preset x must be a table, got 3"),
        ("ddpm", "device={threads=0}", "threads must be at least 1, got 0"),
        ("ddpm", "device={threads='2'}", "threads of device of preset x must be an integer, got"),
        ("ddpm", "device={mixed=1}", "mixed of device of preset x must be true or false, got 1"),
        ("linear", "model.rate=-1", r"rate must be a finite number of at least 0, got -1"),
        ("linear", "model.rate=nan", "rate must be a finite number"),
        ("linear", "model.steps=0", "steps must be at least 1, got 0"),
        ("ddpm", "model.network=None", "network of preset x must be one of mlp, unet, got 'None'"),
        ("ddpm", "model.target=''", "target of preset x must be one of noise, velocity, got ''"),
        ("ddpm", "model.width=-1", "width must be at least 1, got -1"),
        ("ddpm", "model.depth=-1", "depth must be at least 0, got -1"),
        ("ddpm", "model.clip=nan", "clip must be a finite number"),
        ("stylegan2", "model.ada=''", "ada of preset x must be a number, got ''"),
    ],
)
def test_a_change_that_cannot_be(family: str, change: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        preset(change, family=family)


@pytest.mark.parametrize("value", ["long", "1.5", "true", "[]"])
def test_generations_are_counted(value: str) -> None:
    with pytest.raises(TypeError, match="generations must be an integer, got"):
        preset(f"generations={value}")


def test_seconds_are_kept_as_they_are_written() -> None:
    assert repr(preset("seconds=2").seconds) == "2"


def test_what_may_be_boundless_or_left_out() -> None:
    assert preset("model.clip=inf", family="ddpm").model.clip == float("inf")
    assert preset("model.ada=1", "model.path=0", family="stylegan2").model.ada == 1
    assert preset("loop.ddof=0").loop.ddof == 0


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xff\xfea\0", "preset must be text in UTF-8, got .*x.toml"),
        (f"a = {DEEP}".encode(), "preset x must be TOML, got tables nested too deeply"),
    ],
)
def test_a_file_that_is_no_preset(data: bytes, error: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=error):
        config.read(str(path))


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TABLE.format(family="linear").encode())
    assert config.read(str(path)).family == "linear"


@pytest.mark.parametrize(("at", "to"), [(100, None), (200, 0)])
def test_damaged_samples_are_named(at: int, to: int | None, tmp_path: Path) -> None:
    path = tmp_path / "1.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).normal(size=300))
    body = bytearray(path.read_bytes())
    if to is None:
        del body[at:]
    else:
        body[at : at + 40] = bytes(40)
    path.write_bytes(body)
    with pytest.raises(ValueError, match=r"1.npz must be samples of a deep run, got a damaged"):
        folder.read_samples(path)


@pytest.mark.parametrize("text", ["", '{"generation": 1, "fit": ', "5\n", '{"fit": 1}\n'])
def test_damaged_timings_are_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "timings.jsonl").write_text(text)
    if text:
        with pytest.raises(ValueError, match=r"timings\.jsonl must be the timings of this run"):
            curves._seconds(tmp_path)
    else:
        assert curves._seconds(tmp_path) == 0.0


def curve(tmp_path: Path, **changes: object) -> Path:
    """A curve's file."""
    generations, metrics = np.arange(1, 3), {"fid": np.ones(2)}
    table = {"family": "linear", "data": "spectrum-2", "loop": {"bias": 1.0}}
    given: dict[str, object] = {
        "command": "x",
        "versions": {},
        "seed": 0,
        "seconds": 1.0,
        "date": "2026-01-01",
        "digest": curves.digest(generations, metrics),
        "preset": table,
        "loop": {"bias": 1.0, "n_synth": 20, "n_initial": 20},
        "n_params": 1,
        "real": {"fid": 1.0},
        "generations": generations.tolist(),
        "metrics": {"fid": [1.0, 1.0]},
    }
    path, told = tmp_path / "c.json", given | changes
    path.write_text(json.dumps(told | {"seal": curves.seal(told)}))
    return path


@pytest.mark.parametrize(
    "changes",
    [{"loop": 5}, {"loop": []}, {"loop": {}}, {"preset": 5}, {"preset": {"family": "linear"}}],
)
def test_a_curve_without_what_it_needs(changes: dict[str, object], tmp_path: Path) -> None:
    assert curves.read(curve(tmp_path)).bias == 1.0
    with pytest.raises(ValueError, match="curve must be a file that deep curve wrote, got"):
        curves.read(curve(tmp_path, **changes))


def test_a_curve_nested_too_deeply(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="curve must be a file that deep curve wrote, got"):
        curves.read(path)


@pytest.mark.parametrize("place", ["/dev/zero", "pipe"])
def test_a_curve_is_no_device(place: str, tmp_path: Path) -> None:
    """A pipe was waited for, and a device that has no end was read."""
    path = tmp_path / place
    if place == "pipe":
        os.mkfifo(path)
    with pytest.raises(ValueError, match="curve must be a file, got a folder, a pipe or a device"):
        curves.read(path)
