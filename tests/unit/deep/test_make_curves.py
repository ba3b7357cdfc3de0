"""The list of committed curves: names, states, a run that goes on, a check."""

import json
from pathlib import Path

import pytest

from madtheory.deep import config, curves, make_curves
from madtheory.deep.make_curves import jobs, main, state

PRESET = """
family = "linear"
data = "gaussian-2"
generations = 2
seconds = 1
loop = { kind = "synthetic", n_synth = 50 }
model = { steps = 20 }
"""
LIST = """
[[curves]]
preset = "{preset}"
bias = [1.0, 0.5]
seeds = [0, 1]
set = ["model.steps=30"]
loops = [
    {{ kind = "synthetic", n_synth = 40 }},
    {{ kind = "fresh", n_real = 20, n_synth = 20 }},
]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.toml").write_text(PRESET)
    (tmp_path / "reports" / "data").mkdir(parents=True)
    (tmp_path / "reports" / "data" / "curves.toml").write_text(LIST.format(preset="p.toml"))
    return tmp_path


def test_a_list_is_every_loop_at_every_bias_and_seed(place: Path) -> None:
    found = jobs(LIST.format(preset="p.toml"))
    assert [job.name for job in found] == [
        f"linear-gaussian-2-{kind}-{bias}-s{seed}"
        for seed in (0, 1)
        for bias in ("1", "0.5")
        for kind in ("synthetic", "fresh")
    ]
    preset = config.read("p.toml", found[3].words[4::2])
    assert (preset.loop.n_fresh, preset.loop.bias, preset.model.steps) == (20, 0.5, 30)
    assert preset.table == found[3].table


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("seeds = [0, 1]", ""), "curves must have seeds"),
        (("seeds = [0, 1]", "seeds = [0, 0]"), "must have a name of their own"),
        (("n_real", "n_rael"), "must have keys among .*n_real.*, got n_rael"),
    ],
)
def test_a_list_that_cannot_be(change: tuple[str, str], error: str, place: Path) -> None:
    with pytest.raises(ValueError, match=error):
        jobs(LIST.format(preset="p.toml").replace(*change))


@pytest.mark.full
def test_curves_are_made_once_and_checked(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, name = place / "reports" / "data" / "curves", "linear-gaussian-2-fresh-0.5-s1"
    assert main([name, "--jobs", "1"]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: ")
    made = curves.read(data / f"{name}.json")
    assert (made.name, made.seed, made.loop["n_fresh"]) == (name, 1, 20)
    # Nothing is left to do.
    assert main([name]) == 0
    assert capsys.readouterr().out == ""
    assert main(["--check", name]) == 0
    assert "digest is the same" in capsys.readouterr().out
    main(["--list"])
    assert capsys.readouterr().out.split().count("missing") == 7
    # Another digest is seen: of a curve whose numbers were changed, and are sealed anew.
    made.metrics["trace"][0] += 1e-9
    seal = curves.digest(made.generations, made.metrics)
    object.__setattr__(made, "digest", seal)
    curves.write(made, data / f"{name}.json")
    assert main(["--check", name]) == 1
    assert "digest differs" in capsys.readouterr().out


@pytest.mark.full
def test_a_curve_of_another_preset_is_said(place: Path) -> None:
    job, data = jobs(LIST.format(preset="p.toml"))[0], place / "reports" / "data" / "curves"
    assert state(job, data) == "missing"
    make_curves.make(job, data, place / "work")
    assert state(job, data) == "made"
    (place / "p.toml").write_text(PRESET.replace("generations = 2", "generations = 3"))
    assert state(jobs(LIST.format(preset="p.toml"))[0], data) == "of another preset"


@pytest.mark.full
def test_a_run_that_fails_does_not_end_the_others(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "out" / "curves" / "linear-gaussian-2-fresh-1-s0"
    folder.mkdir(parents=True)
    (folder / "stranger").write_text("")
    names = ["linear-gaussian-2-fresh-1-s0", "linear-gaussian-2-synthetic-1-s0"]
    assert main([*names, "--jobs", "1"]) == 1
    said = sorted(capsys.readouterr().out.splitlines())
    assert said[0].startswith("failed: linear-gaussian-2-fresh-1-s0 ended with 2: ")
    assert "holds stranger" in said[0]
    assert said[1].startswith("linear-gaussian-2-synthetic-1-s0: ")


def test_the_committed_list_and_its_curves() -> None:
    folder = Path(make_curves.__file__).parents[1] / "reports" / "data"
    found = {job.name: job for job in jobs((folder / "curves.toml").read_text())}
    for path in (folder / "curves").glob("*.json"):
        curve = curves.read(path)
        assert curve.name == path.stem
        assert path.stem in found, f"{path} is on no list"
        assert state(found[path.stem], folder / "curves") == "made"
        assert json.loads(path.read_text())["digest"] == curve.digest
