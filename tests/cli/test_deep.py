"""`madtheory deep`: what it lists, what it refuses, a run cut short to seconds."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from madtheory import cli

pytest.importorskip("torch")

from madtheory.deep.data import sets
from madtheory.deep.measures import OF_CLASSES, PLAIN
from madtheory.deep.models import LinearGaussian
from madtheory.deep.train import Stopped

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


#: What each generation is measured by.
METRICS = {*PLAIN, *OF_CLASSES}
#: A Gaussian loop of exact fits, which takes no time.
GAUSSIAN = """
family = "linear"
data = "gaussian-3"
generations = 12
seconds = 1
loop = { kind = "synthetic", n_synth = 60, bias = 0.8 }
model = { }
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
    assert first["generations"][0].keys() == METRICS | {"generation"}
    assert first["real"].keys() == METRICS | {"n_measured", "feature_spectrum"}
    run = tmp_path / "new" / "run"
    kept = {path.name for folder in ("samples", "grids") for path in (run / folder).iterdir()}
    assert kept == {f"{t}.{suffix}" for t in range(3) for suffix in ("npz", "png")}
    assert first["figure"] == str(run / "figure.pdf")
    drawn = {suffix: (run / f"figure.{suffix}").read_bytes() for suffix in ("pdf", "png")}
    assert json.loads(said(capsys, *words, "--json")[1]) == first
    for suffix, content in drawn.items():
        assert (run / f"figure.{suffix}").read_bytes() == content
    table = said(capsys, *words)[1].splitlines()
    assert "recall" in table[2]
    assert table[-1] == f"Figure: {run / 'figure.pdf'}, and as .png."


def test_images_without_classes_by_a_network_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from PIL import Image

    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for i in range(100):
        image = Image.fromarray(rng.integers(0, 256, size=(8, 8), dtype=np.uint8))
        image.save(tmp_path / "images" / f"{i}.png")
    pool = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Flatten())
    dim = ({0: torch.export.Dim("n")},)
    program = torch.export.export(pool, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=dim)
    torch.export.save(program, tmp_path / "pool.pt2")
    small = SMALL.replace("digits", f"images:{tmp_path / 'images'}").replace("0.5", "1.0")
    (tmp_path / "small.toml").write_text(small)
    words = ["deep", "run", str(tmp_path / "small.toml"), "--out", str(tmp_path / "x"), "--json"]
    words += ["--set", f"features={tmp_path / 'pool.pt2'}"]
    code, out, err = said(capsys, *words)
    assert (code, err) == (0, "")
    digest = hashlib.sha256((tmp_path / "pool.pt2").read_bytes()).hexdigest()
    about = json.loads((tmp_path / "x" / "deep.json").read_text())
    assert (about["features"], "lenet_accuracy" in about) == (digest, False)
    assert len(about["real"]["feature_spectrum"]) == 4
    assert set(json.loads(out)["generations"][0]) == {"generation", *PLAIN}
    code, out, err = said(capsys, *words[:-2])
    assert (code, out) == (2, "")
    assert "features must be those that" in err


def test_a_table_shows_the_value_of_an_interval(capsys: pytest.CaptureFixture[str]) -> None:
    from madtheory.cli.deep import show_run

    real, one = {"fid": [0.5, 0.25, 0.75], "trace": 6.0}, {"fid": [2.0, 1.0, 4.0], "trace": 7.0}
    generations = [{"generation": 1, **one}]
    show_run({"preset": "p", "seed": 3, "real": real, "generations": generations, "figure": "f"})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["real", "0.5", "6"] in rows
    assert ["1", "2", "7"] in rows


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("family", "famly"),
            "must have keys among data, device, family, features, generations, loop, model",
        ),
        (('"ddpm"', '"gan"'), "family must be one of ddpm, stylegan2, wgan_gp, glow, linear"),
        (('"synthetic"', '"other"'), "kind must be one of synthetic, augmentation, fresh, any"),
        (("width", "widht"), "must have keys among"),
        (("n_synth = 60", ""), "loop of preset small must have n_synth, got none"),
        (("bias = 0.5", "bias = -1"), "bias must be"),
        (("seconds = 5", ""), "preset small must have seconds, got none"),
        (("seconds = 5", "seconds = 5\nfeatures = 3"), "features must be a word, got 3"),
        (("seconds = 5", "seconds = 5\nfeatures = 'no.pt2'"), "that exists, got no.pt2"),
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


@pytest.fixture
def gaussian(tmp_path: Path) -> str:
    (tmp_path / "gaussian.toml").write_text(GAUSSIAN)
    return str(tmp_path / "gaussian.toml")


@pytest.mark.full
def test_a_run_folder_is_audited(
    gaussian: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    assert said(capsys, "deep", "run", gaussian, "--out", run)[0] == 0
    code, out, err = said(capsys, "audit", run, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["verdict"] == "mad"
    assert found["bias"]["interval"][0] < 0.8 < found["bias"]["interval"][1]
    files = [str(Path(run) / "samples" / f"{t}.npz") for t in range(13)]
    assert found["files"] == files[1:]
    assert found["known"]["n_real"] == 0
    assert found["known"]["memory"] == 1
    assert found["null"] == "nothing grows"
    told = ["--n-real", "0", "--memory", "1", "--n-synth", str(found["known"]["n_synth"][0])]
    assert json.loads(said(capsys, "audit", run, *told, "--json")[1]) == found
    same = json.loads(said(capsys, "audit", *files, *told, "--json")[1])
    # Of files it is not known that the real set is not the first training set.
    assert same["forecast"] == found["forecast"]
    assert same["p_value"] != found["p_value"]
    for flag, value in (("--n-real", "7"), ("--memory", "all"), ("--n-synth", "7")):
        code, out, err = said(capsys, "audit", run, flag, value)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"{flag} must be" in err
        assert f"as the run folder says, got {value}" in err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("run", "run/gen1.npy"), "a run folder must be given alone, got run/gen1.npy beside it"),
        (("run",), "must be that of a deep run with a finished generation, got run"),
        (("gone",), "the run folder must exist, got gone"),
        (("real.npy",), "Missing argument 'GENERATIONS...'"),
    ],
)
def test_what_is_no_run_folder(
    words: tuple[str, ...],
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    code, out, err = said(capsys, "audit", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert error in err


def test_a_curve_of_a_changed_preset(
    gaussian: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, curve = str(tmp_path / "run"), tmp_path / "curve.json"
    changes = ("--set", "loop={kind='fresh', n_real=50, n_synth=30}", "--set", "generations=2")
    words = ("deep", "run", gaussian, "--out", run, "--seed", "3", *changes)
    answer = json.loads(said(capsys, *words, "--json")[1])
    code, out, err = said(capsys, "deep", "curve", run, "--out", str(curve))
    assert (code, err) == (0, "")
    assert out.startswith("linear-gaussian-3-fresh-1-s3, 2 generations:")
    found = json.loads(curve.read_text())
    assert found["digest"] == answer["digest"]
    assert found["loop"]["n_fresh"] == 50
    assert found["real"] == answer["real"]
    # The command of a curve runs it again.
    again = [*shlex.split(found["command"])[1:], "--out", str(tmp_path / "again"), "--json"]
    assert json.loads(said(capsys, *again)[1])["digest"] == answer["digest"]
    code, out, err = said(capsys, "deep", "curve", run, "--out", str(tmp_path / "no" / "c.json"))
    assert (code, out) == (2, "")
    assert "out must lie in an existing folder" in err
    kept = {path: path.read_bytes() for path in (tmp_path / "run").glob("*.json")}
    for inside in (tmp_path / "run" / "deep.json", tmp_path / "no" / ".." / "run" / "c.json"):
        (tmp_path / "no").mkdir(exist_ok=True)
        code, out, err = said(capsys, "deep", "curve", run, "--out", str(inside))
        assert (code, out) == (2, "")
        assert err.endswith(f"out must lie outside the run folder, got {inside}\n")
    assert {path: path.read_bytes() for path in (tmp_path / "run").glob("*.json")} == kept


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("model.stps=3", "model of preset gaussian must have keys among"),
        ("model.steps=many", "steps of preset gaussian must be an integer, got 'many'"),
        ("model.steps=1.5", "steps of preset gaussian must be an integer, got 1.5"),
        ("model.rate=true", "rate of preset gaussian must be a number, got True"),
        ("model=3", "model of preset gaussian must be a table, got 3"),
        ("loop.bias=2", "bias must be a finite number in [0, 1], got 2"),
        ("loop.kind=fresh", "loop of preset gaussian must have"),
        ("loop.bais=1", "loop of preset gaussian must have keys among"),
        ("generations", "set must be KEY=VALUE, loop.KEY=VALUE or model.KEY=VALUE, got"),
        ("a.b.c=1", "set must be KEY=VALUE"),
        ("data.x=1", "set must be KEY=VALUE"),
        ("generations=0", "generations must be at least 1, got 0"),
        ("data=nothing", "data must be fashion-8"),
    ],
)
def test_a_change_that_cannot_be(
    change: str,
    error: str,
    gaussian: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("deep", "run", gaussian, "--out", str(tmp_path / "x"), "--set", change)
    code, out, err = said(capsys, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert error in err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--out", "file"), "out must be a folder, got the file file"),
        (("--out", "file/x"), "is no folder"),
        (("--out", "x", "--seed", "-1"), "seed must be at least 0, got -1"),
        (("--out", "x", "--generations", "0"), "generations must be at least 1, got 0"),
        (("--out", "x", "--device", "tpu"), "device must be one of this machine, cpu"),
    ],
)
def test_what_is_refused_before_any_data_are_read(
    words: tuple[str, ...],
    error: str,
    gaussian: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sets, "load", lambda name: pytest.fail("data were read"))
    (tmp_path / "file").write_text("")
    code, out, err = said(capsys, "deep", "run", gaussian, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert error in err


def test_a_fit_that_fails_is_one_line(
    gaussian: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def stopped(self: object, samples: object, rng: object) -> None:
        raise Stopped("the loss at step 3 of 9 is nan")

    monkeypatch.setattr(LinearGaussian, "fit", stopped)
    code, out, err = said(capsys, "deep", "run", gaussian, "--out", str(tmp_path / "x"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "the loss at step 3 of 9 is nan; what was finished is kept in" in err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("nope", "--out", "x"), "or a .toml file, got 'nope'"),
        (("no.toml", "--out", "x"), "preset must be a file that exists, got no.toml"),
        (
            ("ddpm-quick", "--out", "x", "--device", "tpu"),
            "device must be one of this machine, cpu",
        ),
    ],
)
def test_bad_words_are_refused(
    words: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "deep", "run", *words)
    assert (code, out) == (2, "")
    assert error in err


def test_a_rehearsal_says_so_in_its_command() -> None:
    from madtheory.cli.deep import _command

    assert _command("ddpm-digits", 2, "cpu", 1, 3, (), True) == (
        "madtheory deep run ddpm-digits --seed 3 --rehearse --generations 2"
    )
