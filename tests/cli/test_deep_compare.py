"""`madtheory deep compare`: its JSON and table, both ways to say what is compared, refusals."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from madtheory import cli
from madtheory.deep import curves
from madtheory.deep.compare import rules
from madtheory.loop import fresh_data, fully_synthetic
from tests.unit.deep.compare.loops import gaussian_curve, mixture_curve


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "REPLICATES", 200)
    monkeypatch.setattr(rules, "N_RECALL", 300)
    monkeypatch.setattr(rules, "SEEDS_RECALL", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Curves as files: synthetic, fresh, mixture."""
    found = tmp_path_factory.mktemp("curves")
    own = gaussian_curve(fully_synthetic(300), 0, biases=[0.9] * 4)
    curves.write(own, found / "own.json")
    curves.write(gaussian_curve(fresh_data(150, 300), 1, biases=[0.9] * 3), found / "fresh.json")
    mixture = mixture_curve(fully_synthetic(1000), 0, bias=0.6, push=1.0, generations=3)
    curves.write(mixture, found / "mixture.json")
    return found


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = cli.run(["deep", "compare", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_contract(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, folder / "own.json", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    lists = ("predicted", "low", "high", "measured", "relative_error", "within_band")
    assert all(len(found[name]) == 4 for name in lists)
    assert found["within_band"][:2] == [None, None]
    assert all(isinstance(mark, bool) for mark in found["within_band"][2:])
    assert 0.8 < found["bias"] < 1
    assert 50 < found["n_fit"] < 5000
    assert (found["metric"], found["version"]) == ("fid", "pooled")
    assert found["versions"].keys() == {"pooled", "spectrum"}
    pooled = found["versions"]["pooled"]
    assert pooled["metrics"].keys() == {"fid", "trace", "recall", "w2_squared"}
    assert pooled["metrics"]["fid"] == {name: found[name] for name in lists}
    assert pooled["bias_interval"][0] < pooled["bias"] < pooled["bias_interval"][1]
    assert len(found["versions"]["spectrum"]["biases"]) == 7
    assert found["predicts"] in found["versions"]
    assert said(capsys, folder / "own.json", "--json")[1] == out


def test_numbers_from_another_curve(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (folder / "fresh.json", "--calibrate", folder / "own.json")
    found = json.loads(said(capsys, *words, "--json")[1])
    own = json.loads(said(capsys, folder / "own.json", "--json")[1])
    assert (found["n_fit"], found["bias"]) == (own["n_fit"], own["bias"])
    assert None not in found["within_band"]
    assert found["calibrated_by"] == own["curve"]


def test_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, folder / "mixture.json")
    assert (code, err) == (0, "")
    for words in (
        "n_fit",
        "FID",
        "tr Σ within classes",
        "λ by direction",
        "Smallest error: classes",
    ):
        assert words in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("none.json",), "curve must be a run folder or a curve that exists, got none.json"),
        (("{own}", "--calibrate", "none"), "calibrate must be a run folder or a curve that exists"),
        (("{bad}",), "curve must be a file that deep curve wrote, got"),
        (("{folder}",), "must be that of a deep run with a finished generation, got"),
        (("{own}", "--seed", "-1"), "seed must be"),
        (("{short}",), "must have 2 generations or more to be compared, got 1"),
    ],
)
def test_bad_input_is_one_line(
    words: tuple[str, ...],
    error: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"own": folder / "own.json", "bad": tmp_path / "bad.json", "folder": tmp_path}
    places["bad"].write_text("{}")
    places["short"] = tmp_path / "short.json"
    curves.write(gaussian_curve(fully_synthetic(50), 0, biases=[0.9]), places["short"])
    code, out, err = said(capsys, *(word.format(**places) for word in words))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert error in err


def test_the_half_life_of_a_direction() -> None:
    life = {"biases": [0.5, 0.25, 1.0], "biases_low": [0.4] * 3, "biases_high": [0.6] * 3}
    table = sys.modules["madtheory.cli.compare"]._directions(life)
    assert [*table.columns[3].cells] == ["1", "0.5"]
