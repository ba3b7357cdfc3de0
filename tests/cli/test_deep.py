"""`madtheory deep`: what it lists, what it refuses, a run cut short to seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from madtheory import cli

pytest.importorskip("torch")

#: The quick preset with all sizes cut.
SMALL = """
family = "ddpm"
data = "digits"
generations = 2
seconds = 5

[loop]
kind = "synthetic"
n_synth = 60
bias = 0.5

[model]
width = 8
depth = 1
steps = 6
batch = 16
sampling_steps = 2
"""


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.run(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_presets(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "deep", "presets", "--json")
    assert (code, err) == (0, "")
    found = {one["name"]: one for one in json.loads(out)["presets"]}
    assert found["ddpm-quick"]["family"] == "ddpm"
    assert found["ddpm-quick"]["loop"] == "synthetic"
    assert found["ddpm-quick"]["seconds"] <= 120


def test_a_run_is_a_run_folder_and_a_second_one_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    words = ("deep", "run", str(tmp_path / "small.toml"), "--out", str(tmp_path / "new" / "run"))
    code, out, err = said(capsys, *words, "--json")
    assert (code, err) == (0, "")
    first = json.loads(out)
    assert [line["generation"] for line in first["generations"]] == [1, 2]
    wanted = {"fid", "w2_squared", "precision", "recall", "trace", "trace_within", "labels"}
    assert first["generations"][0].keys() == wanted | {"generation"}
    assert (tmp_path / "new" / "run" / "state").exists()
    assert json.loads(said(capsys, *words, "--json")[1]) == first
    assert "recall" in said(capsys, *words)[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("family", "famly"), "must have keys among data, family, generations, loop, model"),
        (('"ddpm"', '"gan"'), "family must be one of ddpm, stylegan2, wgan_gp, glow, linear"),
        (('"synthetic"', '"other"'), "kind must be one of synthetic, augmentation, fresh, any"),
        (("width", "widht"), "must have keys among"),
        (("n_synth = 60", ""), "loop of preset small must be one that synthetic takes"),
        (("bias = 0.5", "bias = -1"), "bias must be"),
        (("seconds = 5", ""), "preset small must have seconds, got none"),
        (("steps = 6", "steps ="), "preset small must be TOML"),
        (('"digits"', '"mnist"'), "data must be fashion-8, digits"),
    ],
)
def test_a_bad_preset_is_refused_in_one_line(
    change: tuple[str, str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "small.toml").write_text(SMALL.replace(*change, 1))
    code, out, err = said(
        capsys, "deep", "run", str(tmp_path / "small.toml"), "--out", str(tmp_path / "x")
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("nope", "--out", "x"), "preset must be one of ddpm-quick, or a .toml file, got 'nope'"),
        (("no.toml", "--out", "x"), "preset must be a file that exists, got no.toml"),
        (("ddpm-quick", "--out", "x", "--device", "tpu"), "device must be one of this machine"),
    ],
)
def test_bad_words_are_refused(
    words: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "deep", "run", *words)
    assert (code, out) == (2, "")
    assert error in err
