"""Running a preset: data, features and metrics put together, and the engine called."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from madtheory.deep import train
from madtheory.deep.config import Preset
from madtheory.deep.data import sets
from madtheory.deep.features import Eyes, read_exported
from madtheory.deep.folder import check_kept, is_run, read_about, write_about, write_samples
from madtheory.deep.measures import Measures
from madtheory.deep.models import OF_IMAGES, OF_POINTS
from madtheory.deep.parallel import processes
from madtheory.deep.train import Device
from madtheory.engine import Curves, run_loop
from madtheory.engine.protocol import ShowProgress
from madtheory.files import disk


def training_data(data: sets.DataSet, model: Any) -> Any:
    """What the model is trained on: labels only where it takes them."""
    labelled = getattr(model, "classes", 0) > 0
    if isinstance(data.train, dict) and not labelled:
        return data.train["x"]
    return data.train


def _require_form(preset: Preset, data: sets.DataSet) -> None:
    """Refuse images for models of points, and points for models of images."""
    images = data.test.ndim == 4
    unet = getattr(preset.model, "network", None) == "unet"
    if images and preset.family in OF_POINTS:
        raise ValueError(f"data must be points for the family {preset.family}, got {data.name}")
    if not images and (unet or preset.family in OF_IMAGES):
        network = " with the network unet" if unet else ""
        raise ValueError(
            f"data must be images for the family {preset.family}{network}, got {data.name}"
        )
    if preset.family == "ddpm" and not data.classes and preset.loop.bias != 1.0:
        raise ValueError(  # guidance is what its bias is
            f"bias must be 1 for the family ddpm on data without classes, got {preset.loop.bias}"
        )


def fitted_to(preset: Preset, data: sets.DataSet) -> Preset:
    """The model told how many classes the data have.

    Raises
    ------
    ValueError
        It is one of points and these are images, or the other way round; or a biased DDPM and these
        have no classes.
    """
    _require_form(preset, data)
    if hasattr(preset.model, "classes"):
        return replace(preset, model=replace(preset.model, classes=data.classes))
    return preset


def eyes_of(preset: Preset, data: sets.DataSet) -> Eyes | None:
    """What features are of: the network that a preset names, else a LeNet if data have classes.

    None where they are the samples themselves.
    """
    own = read_exported(Path(preset.features)) if preset.features else None
    return Eyes(data, own) if own is not None or data.classes else None


def devices() -> list[str]:
    """Names of this machine's devices."""
    if not torch.accelerator.is_available():
        return ["cpu"]
    kind = torch.accelerator.current_accelerator()
    count = torch.accelerator.device_count()
    return ["cpu", str(kind), *(f"{kind}:{i}" for i in range(count))]


def on_device(preset: Preset, name: str, count: int = 1) -> Preset:
    """The preset on a device of this machine, or on so many of its kind."""
    if name not in (here := devices()):
        raise ValueError(f"device must be one of this machine, {', '.join(here)}, got {name!r}")
    if count > 1:
        if not hasattr(preset.model, "device"):
            raise ValueError(f"devices must be 1 for {preset.family}, got {count}")
        if name not in ("cpu", "cuda"):
            raise ValueError(f"device must be cpu or cuda where several share a fit, got {name!r}")
        found = sum(other.startswith("cuda:") for other in here)
        if name == "cuda" and count > found:
            raise ValueError(f"devices must be at most {found}, as this machine has, got {count}")
    return preset.on(replace(Device(), name=name, count=count))


def features_of(eyes: Eyes | None) -> str:
    """What features are of, in a word: the digest of the user's network, lenet, rows."""
    return "rows" if eyes is None else eyes.own.sha256 if eyes.own else "lenet"


def check_out(out: Path) -> None:
    """Make the folder that holds a run's, and refuse what cannot be one, before anything is read.

    Raises
    ------
    ValueError
        `out` is a file, or a folder of something else.
    """
    disk.make_folder(out.parent)
    if out.exists() and not out.is_dir():
        raise ValueError(f"out must be a folder, got the file {out}")


def check_features(out: Path, wanted: str) -> None:
    """Refuse to go on with a run whose generations were seen by another network.

    Raises
    ------
    ValueError
        They were.
    """
    seen = read_about(out).get("features", wanted) if is_run(out) else wanted
    if seen != wanted:
        raise ValueError(f"features must be those that {out} was begun with, {seen}, got {wanted}")


def n_params(model: Any) -> int:
    """Numbers that a fitted model samples from: its weights."""
    saved = model.save()
    weights = {name: value for name, value in saved.items() if name.startswith("weights/")}
    return sum(math.prod(np.shape(value)) for value in (weights or saved).values())


@dataclass(frozen=True, slots=True)
class Keeper:
    """Writes what a run's folder holds beside the engine's files."""

    folder: Path
    preset: Preset
    found: Measures
    command: str

    def __call__(self, generation: int, model: Any) -> None:
        """Write the samples of a generation; with the first one what was run, and real samples."""
        if generation == 1:
            write_samples(self.folder, 0, self.found.reference.real)
            write_about(self.folder, self.about(model))
        write_samples(self.folder, generation, self.found.last)

    def check(self, generation: int) -> None:
        """Look at what earlier generations left before others are trained."""
        check_kept(self.folder, generation)

    def about(self, model: Any) -> dict[str, Any]:
        """What deep.json holds."""
        told = {
            "command": self.command,
            "name": self.preset.name,
            "preset": self.preset.table,
            "n_params": n_params(model),
            "real": self.found.floor(self.preset.loop.n_train),
            "features": features_of(eyes := self.found.eyes),
        }
        classes = self.found.data.classes
        return told | ({"lenet_accuracy": eyes.lenet.accuracy} if eyes and classes else {})


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
    command: str = "",
    progress: ShowProgress = None,
) -> Curves:
    """Run a preset's loop; a run that was interrupted goes on, within a fit too.

    `out` keeps samples of every generation too (:mod:`madtheory.deep.folder`), and the `command`
    that it is told of.
    """
    if out is not None:
        check_out(Path(out))
    data = sets.load(preset.data)
    preset = fitted_to(preset, data)
    found = Measures(data, preset.loop.scalar_bias, eyes_of(preset, data))
    if out is not None:
        check_features(Path(out), features_of(found.eyes))
    with ending_well(), processes.crew(getattr(preset.model, "device", Device())):
        return run_loop(
            preset.loop,
            preset.model,
            training_data(data, preset.model),
            generations=preset.generations if generations is None else generations,
            metrics=found.all(),
            out=out,
            seed=seed,
            keep=None if out is None else Keeper(Path(out), preset, found, command),
            progress=progress,
        )
