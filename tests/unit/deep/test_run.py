"""A preset put to work: what the model is told, and SIGTERM."""

import dataclasses
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from madtheory.deep import run as room
from madtheory.deep import train
from madtheory.deep.config import Preset
from madtheory.deep.data.sets import DataSet
from madtheory.deep.folder import write_about
from madtheory.deep.models import Ddpm, Glow, LinearGaussian, StyleGan2
from madtheory.loop import fully_synthetic

DATA = DataSet("d", {"x": np.ones((4, 2)), "y": np.arange(4)}, np.ones((3, 2)), None, 4)
PRESET = Preset(
    "p", "linear", "any", "d", 3, 1.0, fully_synthetic(4, bias=0.5, ddof=0), LinearGaussian(), {}
)


def test_labels_are_for_models_that_take_them() -> None:
    assert room.training_data(DATA, Ddpm(classes=4)) is DATA.train
    for model in (Ddpm(classes=0), Glow(), LinearGaussian()):
        assert room.training_data(DATA, model) is DATA.train["x"]
    told = room.fitted_to(dataclasses.replace(PRESET, model=Ddpm()), DATA)
    assert told.model.classes == 4
    assert room.fitted_to(PRESET, DATA) is PRESET


def test_what_sees_the_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = dataclasses.replace(DATA, classes=0)
    assert room.eyes_of(PRESET, rows) is None
    own = SimpleNamespace(sha256="ab")
    monkeypatch.setattr(room, "read_exported", lambda path: own if path == Path("n.pt2") else 0)
    named = dataclasses.replace(PRESET, features="n.pt2")
    found = [room.eyes_of(PRESET, DATA), room.eyes_of(named, rows), room.eyes_of(named, DATA)]
    assert [eyes and eyes.own for eyes in found] == [None, own, own]
    assert [room.features_of(eyes) for eyes in (None, *found)] == ["rows", "lenet", "ab", "ab"]


def test_a_run_that_another_network_saw_is_refused(tmp_path: Path) -> None:
    room.check_features(tmp_path, "rows")
    write_about(tmp_path, {"features": "lenet", "real": {}})
    room.check_features(tmp_path, "lenet")
    with pytest.raises(ValueError, match=r"features must be those that .* with, lenet, got rows"):
        room.check_features(tmp_path, "rows")
    # Folders of earlier versions do not say.
    write_about(tmp_path, {"command": "", "real": {}})
    room.check_features(tmp_path, "rows")


def test_a_loop_is_as_long_as_its_preset_or_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    biases, measures = [], room.Measures

    def spied(data: DataSet, bias: float, eyes: None) -> object:
        biases.append(bias)
        return measures(data, bias, eyes)

    monkeypatch.setattr(room, "Measures", spied)
    preset = dataclasses.replace(PRESET, data="gaussian-3")
    assert [len(room.run(preset, generations=n).generations) for n in (None, 2, 1)] == [3, 2, 1]
    assert biases == [0.5] * 3  # what is measured is told the loop's bias


def test_sigterm_is_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with room.ending_well():
        assert signal.getsignal(signal.SIGTERM) is train.ask_to_stop
    assert signal.getsignal(signal.SIGTERM) == before


def test_parameters_are_the_weights_where_there_are_some() -> None:
    saved = {"weights/a": np.ones((2, 3)), "weights/b": np.ones(4), "centre": np.ones(50)}
    assert room.n_params(SimpleNamespace(save=lambda: saved)) == 10
    assert room.n_params(SimpleNamespace(save=lambda: {"mean": np.ones(3)})) == 3


POINTS, IMAGES = np.ones((3, 4)), np.ones((3, 1, 8, 8))


@pytest.mark.parametrize(
    ("family", "model", "test", "wanted"),
    [
        ("linear", LinearGaussian(), IMAGES, "points for the family linear"),
        ("glow", Glow(), IMAGES, "points for the family glow"),
        ("stylegan2", StyleGan2(), POINTS, "images for the family stylegan2"),
        ("ddpm", Ddpm(network="unet"), POINTS, "images for the family ddpm with the network unet"),
        ("ddpm", Ddpm(network="mlp"), POINTS, None),
        ("ddpm", Ddpm(network="mlp"), IMAGES, None),
        ("linear", LinearGaussian(), POINTS, None),
    ],
)
def test_data_have_the_form_of_the_model(
    family: str, model: object, test: np.ndarray, wanted: str | None
) -> None:
    loop = fully_synthetic(4, ddof=0)
    preset = dataclasses.replace(PRESET, family=family, model=model, loop=loop)
    data = DataSet("these", test, test)
    if wanted is None:
        assert room.fitted_to(preset, data).family == family
        return
    with pytest.raises(ValueError, match=f"^data must be {wanted}, got these$"):
        room.fitted_to(preset, data)


def test_guidance_needs_classes() -> None:
    preset = dataclasses.replace(PRESET, family="ddpm", model=Ddpm(network="mlp"))
    with pytest.raises(ValueError, match="bias must be 1 for the family ddpm on data without clas"):
        room.fitted_to(preset, DataSet("these", POINTS, POINTS))
    assert room.fitted_to(preset, DATA).model.classes == 4
