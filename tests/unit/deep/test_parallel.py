"""One fit on two processes: the fit of one, its errors, its end."""

import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import default_rng as RNG

from madtheory.deep import config, run, train
from madtheory.deep.models import Ddpm, Glow, WganGp
from madtheory.deep.models.stylegan2 import StyleGan2
from madtheory.deep.parallel import processes, rows
from madtheory.deep.train import Device

IMAGES = RNG(0).normal(size=(64, 1, 8, 8)).astype(np.float32).clip(-1, 1)
SMALL = {
    "ddpm": (Ddpm(width=8, depth=1, classes=2, steps=6, batch=16), True),
    "glow": (Glow(couplings=2, hidden=8, epochs=2, batch=16), False),
    "wgan_gp": (WganGp(network="mlp", width=8, latent=4, steps=4, batch=16), False),
    "stylegan2": (StyleGan2(width=8, latent=8, steps=4, batch=16, ada=0.6, path=1.0), False),
}


def data(labelled: bool) -> Any:
    """Images with or without labels."""
    return {"x": IMAGES, "y": np.arange(64) % 2} if labelled else IMAGES


@dataclass(frozen=True)
class Every:
    """All families, fitted one after another by the same processes."""

    batch: int = 16
    device: Device = field(default=Device(count=2))
    arrays: Any = None

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> "Every":
        found = {"mean": mean_of_ranks()}
        for name, (model, labelled) in SMALL.items():
            x = samples["x"].reshape(64, 64)[:, :4] if name == "glow" else data(labelled)
            fitted = model.fit_here(x, key, folder and folder / name)
            found |= {f"{name}/{k}": np.asarray(v) for k, v in fitted.save().items()}
        return replace(self, arrays=found)

    def save(self) -> Any:
        return self.arrays

    def load(self, arrays: Any, /) -> "Every":
        return replace(self, arrays=arrays)


def mean_of_ranks() -> Any:
    """What two processes of 0, 1 and their rows average to."""
    rank = 0 if rows.first() else 1
    both = [torch.tensor([1.0 + rank, 4.0]), torch.tensor([[2.0 * rank]])]
    mine = rows.rows_of(torch.arange(5))
    rows.average(both)
    assert mine.tolist() == (list(range(5)) if rows.size() == 1 else [[0, 2, 4], [1, 3]][rank])
    return np.concatenate([x.numpy().ravel() for x in both])


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Fits by one process and by two."""
    folder = tmp_path_factory.mktemp("fit")
    one, samples = Every(), data(True)
    return one.fit_here(samples, 7, None), processes.fit(one, samples, 7, folder), folder


def test_two_processes_make_the_fit_of_one(both):
    alone, shared, _ = both
    # Each takes every second row; means over both are those of the batch.
    assert alone.arrays["mean"].tolist() == [1.0, 4.0, 0.0]
    assert shared.arrays["mean"].tolist() == [1.5, 4.0, 1.0]
    assert shared.arrays.keys() == alone.arrays.keys()
    for name, value in alone.arrays.items():
        if name != "mean":
            # StyleGAN2's discriminator sees how much its own rows vary.
            atol = 0.02 if name.startswith("stylegan2") else 2e-6
            np.testing.assert_allclose(shared.arrays[name], value, atol=atol, err_msg=name)


def test_the_first_process_keeps_the_fit(both):
    *_, folder = both
    for name in SMALL:
        assert [path.name for path in (folder / name).iterdir()] == ["fit.safetensors"]


@dataclass(frozen=True)
class Ending(Every):
    """A model whose fit does not end well in one of the processes."""

    how: str = ""

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> "Every":
        if self.how == "stopped" and rows.first():
            raise train.Stopped("the loss at step 1 of 2 is nan")
        if self.how == "refused":
            raise ValueError("samples must be few, got many")
        if self.how == "killed" and not rows.first():
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "terminated" and rows.first():
            raise SystemExit(train.TERMINATED)
        if self.how == "broken":
            raise RuntimeError("no memory for this")
        mean_of_ranks()
        raise AssertionError


@pytest.mark.full
@pytest.mark.parametrize(
    ("how", "kind", "says"),
    [
        ("stopped", train.Stopped, "the loss at step 1 of 2 is nan"),
        ("refused", ValueError, "samples must be few, got many"),
        ("killed", train.Stopped, "process 1 of the fit ended with -9"),
        ("terminated", SystemExit, "143"),
        ("broken", train.Stopped, "process [01] of the fit: no memory for this"),
    ],
)
def test_a_fit_ends_as_its_processes_do(how, kind, says, monkeypatch):
    monkeypatch.setattr(train, "_stop", how == "terminated")
    with pytest.raises(kind, match=says):
        processes.fit(Ending(how=how), data(True), 7, None)


def test_batches_must_divide():
    for n, batch, got in ((64, 15, 15), (31, 16, 31)):
        model = replace(SMALL["glow"][0], batch=batch if got == 15 else 32, device=Device(count=2))
        with pytest.raises(ValueError, match=f"multiple of 2 devices, got {got} rows"):
            model.fit(np.zeros((n, 2)), RNG(0))


def test_devices_of_a_preset(monkeypatch):
    quick = config.read("ddpm-quick")
    assert run.on_device(quick, "cpu", 3).model.device == Device("cpu", count=3)
    monkeypatch.setattr(run, "devices", lambda: ["cpu", "cuda", "cuda:0", "cuda:1"])
    assert run.on_device(quick, "cuda", 2).model.device == Device("cuda", count=2)
    with pytest.raises(ValueError, match="devices must be at most 2, as this machine has, got 3"):
        run.on_device(quick, "cuda", 3)
    with pytest.raises(ValueError, match=r"device must be cpu or cuda where several .* 'cuda:1'"):
        run.on_device(quick, "cuda:1", 2)
    with pytest.raises(ValueError, match="devices must be 1 for linear, got 2"):
        run.on_device(config.read("linear-gaussian"), "cpu", 2)
