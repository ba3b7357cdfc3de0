"""A preset put to work: what the model is told, what the engine is asked for."""

import dataclasses
import signal
from typing import Any

import numpy as np
import pytest

from madtheory.deep import run as room
from madtheory.deep import train
from madtheory.deep.config import Preset
from madtheory.deep.data.sets import DataSet
from madtheory.deep.measures import Measures
from madtheory.deep.models import Ddpm, Glow, LinearGaussian
from madtheory.loop import fully_synthetic

DATA = DataSet("d", {"x": np.ones((4, 2)), "y": np.arange(4)}, np.ones((3, 2)), None, 4)
PRESET = Preset("p", "linear", "any", "d", 3, 1.0, fully_synthetic(4, bias=0.5), LinearGaussian())


def test_labels_are_for_models_that_take_them() -> None:
    assert room.training_data(DATA, Ddpm(classes=4)) is DATA.train
    for model in (Ddpm(classes=0), Glow(), LinearGaussian()):
        assert room.training_data(DATA, model) is DATA.train["x"]
    told = room.fitted_to(dataclasses.replace(PRESET, model=Ddpm()), DATA)
    assert told.model.classes == 4
    assert room.fitted_to(PRESET, DATA) is PRESET


@pytest.mark.parametrize(("asked", "wanted"), [(None, 3), (1, 1)])
def test_what_the_engine_is_asked_for(
    asked: int | None, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def run_loop(loop: Any, model: Any, data: Any, **how: Any) -> None:
        seen.update(how, loop=loop, data=data)

    def measures(data: DataSet, bias: float) -> Measures:
        seen["bias"] = bias
        return Measures(data, bias, n=3)

    monkeypatch.setattr(room, "run_loop", run_loop)
    monkeypatch.setattr(room, "measures", measures)
    monkeypatch.setattr(room.sets, "load", lambda name: DATA)
    room.run(PRESET, generations=asked, seed=7)
    assert (seen["generations"], seen["seed"], seen["bias"]) == (wanted, 7, 0.5)
    assert (seen["loop"], seen["data"]) == (PRESET.loop, DATA.train["x"])


def test_sigterm_is_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with room.ending_well():
        assert signal.getsignal(signal.SIGTERM) is train.ask_to_stop
    assert signal.getsignal(signal.SIGTERM) == before
