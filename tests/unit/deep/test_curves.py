"""Curves of deep runs: written, read, of a run folder."""

import json
from pathlib import Path

import numpy as np
import pytest

from madtheory.deep import curves
from madtheory.deep.config import parse
from madtheory.deep.measures import OF_CLASSES, PLAIN
from madtheory.deep.run import run

SMALL = """
family = "ddpm"
data = "digits"
generations = 2
seconds = 1
loop = { kind = "synthetic", n_synth = 80, bias = 0.9 }
model = { width = 8, depth = 1, steps = 6, batch = 16, sampling_steps = 2 }
"""


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
    assert again.metrics.keys() == set(PLAIN)
    assert again.real.keys() == {*PLAIN, "n_measured", "feature_spectrum"}
    assert again.metrics["fid"].shape == (2, 3)
    assert again.metrics["directions"].shape == (2, 3)
    lines = [json.loads(line) for line in (done / "stats.jsonl").read_text().splitlines()]
    for name in PLAIN:
        assert again.metrics[name].tolist() == [line["metrics"][name] for line in lines]
    assert again.seconds > 0
    assert "torch" in again.versions
    environment = json.loads((done / "environment.json").read_text())
    assert again.processor == environment["processor"] != ""
    assert again.loop["n_synth"] == 80
    assert again.digest == found.digest == curves.digest(again.generations, again.metrics)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("metrics", "trace", 1), None),
        (("real", "trace"), None),
        (("loop", "n_synth"), 81),
        (("preset", "loop", "bias"), 0.6),
        (("n_params",), 13),
        (("seed",), 5),
        (("digest",), "0" * 64),
    ],
)
def test_whatever_was_changed_is_seen(
    place: tuple[str | int, ...], value: object, done: Path, tmp_path: Path
) -> None:
    path = tmp_path / "c.json"
    curves.write(curves.of_run(done), path)
    curves.read(path)
    given = json.loads(path.read_text())
    *way, last = place
    inner = given
    for key in way:
        inner = inner[key]
    inner[last] = inner[last] * (1 + 1e-15) if value is None else value
    path.write_text(json.dumps(given))
    with pytest.raises(ValueError, match="must have the seal of all that it says"):
        curves.read(path)


def test_a_curve_without_a_seal_is_refused(done: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    curves.write(curves.of_run(done), path)
    given = json.loads(path.read_text())
    del given["seal"]
    path.write_text(json.dumps(given))
    with pytest.raises(ValueError, match="must have the seal of all that it says"):
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
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(2**40)  # no memory holds it
    with pytest.raises(ValueError, match=r"must be a file that deep curve wrote, got .*large.json"):
        curves.read(tmp_path / "large.json")
    with pytest.raises(ValueError, match=r"must be a readable file, got .*none.json"):
        curves.read(tmp_path / "none.json")
    with pytest.raises(ValueError, match="must be that of a deep run"):
        curves.of_run(tmp_path)


def test_metrics_of_classes_are_in_the_curve(tmp_path: Path) -> None:
    run(parse("small", SMALL), out=tmp_path / "run", generations=1)
    found = curves.of_run(tmp_path / "run")
    assert found.metrics.keys() == set(PLAIN + OF_CLASSES)
    assert found.real["class_trace"].shape == (10,)
    assert found.metrics["directions_within"].shape == (1, 32)
    assert (tmp_path / "run" / "grids" / "0.png").exists()
