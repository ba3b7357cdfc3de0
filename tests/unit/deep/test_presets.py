"""Presets at work: rehearsals of the paper's, and cuts of the quick ones that show the effect."""

import functools
import gzip
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madtheory import cli, metrics
from madtheory.deep import config
from madtheory.deep.data import sets
from madtheory.deep.features.lenet import train_lenet
from madtheory.deep.run import fitted_to, training_data
from madtheory.engine import run_loop

RNG = np.random.default_rng(0)


def write_idx(folder: Path, side: int, n: int) -> None:
    """Files as MNIST has them, of noise."""
    for prefix in ("train", "t10k"):
        parts = (
            ("images-idx3", RNG.integers(0, 256, (n, side, side), np.uint8)),
            ("labels-idx1", np.arange(n, dtype=np.uint8) % 3),
        )
        for name, array in parts:
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            raw = gzip.compress(head + array.tobytes())
            (folder / f"{prefix}-{name}-ubyte.gz").write_bytes(raw)


@pytest.mark.thinned(4)
@pytest.mark.parametrize("name", [x for x in config.names() if x.endswith("-paper")][::-1])
def test_a_paper_preset_can_be_rehearsed_here(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if name.startswith("ddpm"):
        (tmp_path / "mnist").mkdir()
        write_idx(tmp_path / "mnist", 8, 220)
    assert cli.run(["deep", "run", name, "--rehearse", "--out", "run", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["generations"]
    assert [line["generation"] for line in lines] == [1, 2]
    assert all(np.isfinite(line["fid"]).all() for line in lines)
    assert (tmp_path / "run" / "state").exists()


def rows(samples: Any) -> Any:
    """Samples as rows of numbers."""
    x = samples["x"] if isinstance(samples, dict) else samples
    return np.asarray(x, np.float64).reshape(len(x), -1)


def inner(x: Any, labels: Any) -> float:
    """Mean standard deviation within classes: of the mean trace over classes, by coordinate."""
    parts = [x[labels == c] for c in np.unique(labels) if (labels == c).sum() > 1]
    sizes = [len(part) for part in parts]
    traces = [part.var(axis=0, ddof=1).mean() for part in parts]
    return float(np.sqrt(np.average(traces, weights=sizes)))


@functools.cache
def classifier(name: str) -> Any:
    """A LeNet of a data set: trained once for both GANs."""
    return train_lenet(sets.load(name))


class Look:
    """Standard deviation within classes and recall of a model's samples at a bias."""

    def __init__(self, data: sets.DataSet, labelled: bool, n: int = 1500) -> None:
        self.n, self.near = n, rows(data.test)[:n]
        self.extractor = classifier(data.name) if data.classes and not labelled else None
        real = {"x": data.test, "y": data.labels} if labelled else data.test
        self.std = inner(rows(real), self.labels(real))

    def labels(self, samples: Any) -> Any:
        """Given labels, those that the LeNet sees, or one class."""
        if isinstance(samples, dict):
            return samples["y"]
        return self.extractor.labels(samples) if self.extractor else np.zeros(len(samples), int)

    def at(self, bias: float) -> Any:
        """The metric for the engine: both numbers at a bias."""

        def look(model: Any, _: Any, rng: np.random.Generator) -> Any:
            samples = model.sample(self.n, bias, rng)
            recall = metrics.precision_recall(self.near, rows(samples)).recall.value
            return np.array([inner(rows(samples), self.labels(samples)), recall])

        return look


#: What the quick presets are cut to: samples, generations, fields of the model.
CUTS: dict[str, tuple[int, int, dict[str, int]]] = {
    "ddpm-quick": (2000, 2, {"steps": 1000}),
    "stylegan2-quick": (2000, 2, {"steps": 300}),
    "wgan_gp-quick": (2000, 2, {"steps": 600}),
    "glow-quick": (2000, 3, {"epochs": 40}),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_quick_preset_collapses_from_near_the_data(name: str) -> None:
    n, generations, sizes = CUTS[name]
    preset = config.read(name)
    data = sets.load(preset.data)
    preset = fitted_to(replace(preset, model=replace(preset.model, **sizes)), data)
    look = Look(data, labelled=hasattr(preset.model, "classes"))
    curves = run_loop(
        replace(preset.loop, n_initial=n, n_synth=n),
        preset.model,
        training_data(data, preset.model),
        generations=generations,
        metrics={"plain": look.at(1.0), "biased": look.at(preset.loop.bias)},
        seed=0,
    )
    std, recall = curves.metrics["biased"].T
    assert curves.metrics["plain"][0, 0] == pytest.approx(look.std, rel=0.15)
    assert (np.diff(std) < 0.0).all()
    assert (np.diff(recall) < 0.0).all()
