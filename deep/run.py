"""Running a preset: data, features and metrics put together, and the engine called."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from madtheory.deep import train
from madtheory.deep.config import Preset
from madtheory.deep.data import sets
from madtheory.deep.features import Extractor, train_lenet
from madtheory.deep.measures import Measures
from madtheory.deep.train import Device
from madtheory.engine import Curves, run_loop, samples
from madtheory.engine.protocol import ShowProgress


def training_data(data: sets.DataSet, model: Any) -> Any:
    """What the model is trained on: labels only where it takes them."""
    labelled = getattr(model, "classes", 0) > 0
    if isinstance(data.train, dict) and not labelled:
        return data.train["x"]
    return data.train


def fitted_to(preset: Preset, data: sets.DataSet) -> Preset:
    """The model told how many classes the data have."""
    if hasattr(preset.model, "classes"):
        return replace(preset, model=replace(preset.model, classes=data.classes))
    return preset


def measures(data: sets.DataSet, bias: float) -> Measures:
    """Metrics on a LeNet's features for labelled images, on the samples themselves otherwise."""
    extractor: Extractor | None = train_lenet(data) if data.classes else None
    return Measures(data, bias, extractor)


def on_device(preset: Preset, name: str) -> Preset:
    """The preset on a device of this machine."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError):
        raise ValueError(f"device must be one of this machine, got {name!r}") from None
    return preset.on(replace(Device(), name=name))


def digest(curves: Curves) -> str:
    """SHA-256 of all that was measured."""
    return samples.digest({"generations": curves.generations, **curves.metrics})


@contextmanager
def ending_well() -> Iterator[None]:
    """Let SIGTERM end a fit at its next step, its state kept."""
    before = signal.signal(signal.SIGTERM, train.ask_to_stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(
    preset: Preset,
    *,
    out: Path | str | None = None,
    generations: int | None = None,
    seed: int = 0,
    progress: ShowProgress = None,
) -> Curves:
    """Run a preset's loop; a run that was interrupted goes on, within a fit too."""
    data = sets.load(preset.data)
    preset = fitted_to(preset, data)
    found = measures(data, preset.loop.bias)
    with ending_well():
        return run_loop(
            preset.loop,
            preset.model,
            training_data(data, preset.model),
            generations=preset.generations if generations is None else generations,
            metrics=found.all(),
            out=out,
            seed=seed,
            progress=progress,
        )
