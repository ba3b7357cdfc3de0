"""A preset put to work: what the model is told, and SIGTERM."""

import dataclasses
import signal

import numpy as np

from madtheory.deep import run as room
from madtheory.deep import train
from madtheory.deep.config import Preset
from madtheory.deep.data.sets import DataSet
from madtheory.deep.models import Ddpm, Glow, LinearGaussian
from madtheory.loop import fully_synthetic

DATA = DataSet("d", {"x": np.ones((4, 2)), "y": np.arange(4)}, np.ones((3, 2)), None, 4)
PRESET = Preset(
    "p", "linear", "any", "d", 3, 1.0, fully_synthetic(4, bias=0.5), LinearGaussian(), {}
)


def test_labels_are_for_models_that_take_them() -> None:
    assert room.training_data(DATA, Ddpm(classes=4)) is DATA.train
    for model in (Ddpm(classes=0), Glow(), LinearGaussian()):
        assert room.training_data(DATA, model) is DATA.train["x"]
    told = room.fitted_to(dataclasses.replace(PRESET, model=Ddpm()), DATA)
    assert told.model.classes == 4
    assert room.fitted_to(PRESET, DATA) is PRESET


def test_sigterm_is_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with room.ending_well():
        assert signal.getsignal(signal.SIGTERM) is train.ask_to_stop
    assert signal.getsignal(signal.SIGTERM) == before
