"""Fits and samples of two processes: those of one, their errors, their end."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import default_rng as RNG

from madtheory.deep import config, run, train
from madtheory.deep.models import Ddpm, Glow, WganGp, weights
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
    mean: Any = None
    models: Any = None

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> "Every":
        found = {}
        for name, (model, labelled) in SMALL.items():
            x = samples["x"].reshape(64, 64)[:, :4] if name == "glow" else data(labelled)
            found[name] = model.fit_here(x, key, folder and folder / name)
        return replace(self, mean=mean_of_ranks(), models=found)


def mean_of_ranks() -> Any:
    """What two processes of 0, 1 and their rows average to."""
    rank = 0 if rows.first() else 1
    both = [torch.tensor([1.0 + rank, 4.0]), torch.tensor([[2.0 * rank]])]
    mine = rows.rows_of(torch.arange(5))
    rows.average(both)
    assert mine.tolist() == (list(range(5)) if rows.size() == 1 else [[0, 2, 4], [1, 3]][rank])
    return np.concatenate([x.numpy().ravel() for x in both])


#: Samples that are drawn, in batches of 8: three for the first process, and two, one not full.
DRAWN = 37


def pid_with_batches_of_8() -> int:
    weights.ROWS = 8
    return os.getpid()


def sampled(models: Any, count: int) -> Any:
    """What is drawn of each family, and the next number of its generator."""
    found = {}
    for name, model in models.items():
        there, rng = replace(model, device=Device(count=count)), RNG(4)
        drawn = there.sample(DRAWN, 0.5 if name == "ddpm" else 0.9, rng)
        arrays = drawn if isinstance(drawn, dict) else {"x": drawn}
        found[name] = arrays | {"next": rng.integers(2**32)}
    return found


def die_as_second() -> None:
    if not rows.first():
        os.kill(os.getpid(), signal.SIGKILL)
    rows.average([torch.ones(1)])


@dataclass(frozen=True)
class Seen:
    """The same by one process and by two, which were started once."""

    alone: Every
    shared: Every
    folder: Path
    drawn_alone: Any
    drawn: Any
    shares: Any
    pids: Any
    ended: str
    left: Any


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    one, samples = Every(), data(True)
    alone, device = one.fit_here(samples, 7, None), one.device
    with pytest.MonkeyPatch.context() as patch, processes.crew(device) as crew:
        patch.setattr(weights, "ROWS", 8)
        pids = processes.together(device, pid_with_batches_of_8)
        shared = processes.fit(one, samples, 7, folder)
        glow = alone.models["glow"]
        shares = processes.together(device, partial(weights._batches, glow, DRAWN, (7, 1.0)))
        drawn, drawn_alone = sampled(alone.models, 2), sampled(alone.models, 1)
        pids += processes.together(device, os.getpid)
        with pytest.raises(train.Stopped) as ended:
            processes.together(device, die_as_second)
        left = crew.processes
    told = drawn_alone, drawn, shares, pids, str(ended.value), left
    return Seen(alone, shared, folder, *told)


def test_two_processes_make_the_fit_of_one(both):
    # Each takes every second row; means over both are those of the batch.
    assert both.alone.mean.tolist() == [1.0, 4.0, 0.0]
    assert both.shared.mean.tolist() == [1.5, 4.0, 1.0]
    for name, model in both.alone.models.items():
        mine, other = model.save(), both.shared.models[name].save()
        assert mine.keys() == other.keys()
        for key, value in mine.items():
            # StyleGAN2's discriminator sees how much its own rows vary.
            atol = 0.02 if name.startswith("stylegan2") else 2e-6
            np.testing.assert_allclose(other[key], value, atol=atol, err_msg=f"{name} {key}")


def test_the_first_process_keeps_the_fit(both):
    for name in SMALL:
        kept = [path.name for path in (both.folder / name).iterdir()]
        assert kept == ["fit.safetensors"]


@pytest.mark.parametrize("name", SMALL)
def test_two_processes_draw_the_samples_of_one(name, both):
    mine, other = both.drawn_alone[name], both.drawn[name]
    assert mine.keys() == other.keys()
    for key, value in mine.items():
        assert np.array_equal(value, other[key]), key
    assert len(mine["x"]) == DRAWN
    assert len(np.unique(mine["x"].reshape(DRAWN, -1), axis=0)) == DRAWN


def test_each_process_draws_its_batches(both):
    assert [[len(part) for part in parts] for parts in both.shares] == [[8, 8, 5], [8, 8]]


def test_fits_and_samples_share_one_start(both):
    first, second, *again = both.pids
    assert [first, second] == again
    assert len({first, second, os.getpid()}) == 3


def test_a_process_that_dies_is_said_and_the_others_end(both):
    assert both.ended == "process 1 of the run ended with -9"
    assert both.left == []
    for pid in both.pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


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
        ("killed", train.Stopped, "process 1 of the run ended with -9"),
        ("terminated", SystemExit, "143"),
        ("broken", train.Stopped, "process [01] of the run: no memory for this"),
    ],
)
def test_a_fit_ends_as_its_processes_do(how, kind, says, monkeypatch):
    monkeypatch.setattr(train, "_stop", how == "terminated")
    with pytest.raises(kind, match=says):
        processes.fit(Ending(how=how), data(True), 7, None)


#: Two processes at a task that takes minutes.
PARENT = """
import os, time
from functools import partial
from madtheory.deep.parallel import processes
from madtheory.deep.train import Device

with processes.crew(Device(count=2)) as crew:
    print(*crew.do(os.getpid), flush=True)
    crew.do(partial(time.sleep, 600))
"""


@pytest.mark.full
def test_processes_end_with_the_one_that_started_them():
    command = [sys.executable, "-c", PARENT]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as parent:
        assert parent.stdout is not None
        assert len(parent.stdout.readline().split()) == 2
        parent.kill()
        # All three hold the pipes until they end; nothing is said.
        assert parent.communicate(timeout=60) == ("", "")


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
