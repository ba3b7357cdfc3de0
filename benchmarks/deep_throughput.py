"""What a step and a sample of the deep models cost, and the engine beside a bare training loop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.engine import cpu_seconds
from madtheory.deep import config
from madtheory.deep.data import sets
from madtheory.deep.models.ddpm import Ddpm, signal
from madtheory.deep.run import fitted_to, training_data
from madtheory.engine import run_loop
from madtheory.loop import fully_synthetic

#: Presets whose models are timed here; those of the paper's sizes take a GPU.
TIMED = [
    name for name in config.names() if not name.endswith("-paper") and name != "linear-gaussian"
]
SAMPLES = 1000


def rows(preset: config.Preset) -> tuple[config.Preset, Any]:
    """The preset told its classes, and 1,000 rows to train on."""
    data = sets.load(preset.data)
    preset = fitted_to(preset, data)
    train = training_data(data, preset.model)
    if hasattr(train, "sample"):
        return preset, train.sample(SAMPLES, 1.0, np.random.default_rng(0))
    if isinstance(train, dict):
        return preset, {key: value[:SAMPLES] for key, value in train.items()}
    return preset, train[:SAMPLES]


def least(run: Callable[[], object], repeats: int = 2) -> float:
    """Seconds of the processor, the least of some runs: what others do counts little."""
    return min(cpu_seconds(run) for _ in range(repeats))


def throughput(name: str, *, device: str = "cpu") -> dict[str, float]:
    """Milliseconds a step and a thousand samples, by the CPU clock of one thread; parameters.

    A step is the difference between a longer and a shorter fit: no start of either counts.
    """
    preset, x = rows(config.read(name))
    field = "epochs" if "epochs" in {item.name for item in fields(preset.model)} else "steps"
    model = replace(preset.model, device=replace(preset.model.device, name=device))
    unit = 8 if field == "epochs" else 40  # some 40 steps either way
    steps = unit * (-(-SAMPLES // model.batch) if field == "epochs" else 1)

    def fit(n: int) -> Any:
        return replace(model, **{field: n}).fit(x, np.random.default_rng(0))

    fitted = fit(1)
    step = (least(lambda: fit(3 * unit)) - least(lambda: fit(unit))) / 2
    drawn = least(lambda: fitted.sample(SAMPLES, preset.loop.bias, np.random.default_rng(0)))
    return {
        "parameters": float(sum(weight.numel() for weight in fitted.weights.values())),
        "ms_step": 1e3 * step / steps,
        "ms_1000_samples": 1e3 * drawn,
    }


def bare_fit(model: Ddpm, given: dict[str, Any]) -> Ddpm:
    """Training of a DDPM as one writes it by hand: no checkpoints, one stream of noise."""
    x, y = torch.as_tensor(given["x"]), torch.as_tensor(given["y"])
    alpha, net = signal(model.timesteps).float(), model.build(tuple(x.shape[1:]))
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.0, fused=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, model.rate, model.steps)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(model.decay)
    )
    for _ in range(model.steps):
        chosen = torch.randint(0, len(x), (model.batch,))
        t, eps = torch.randint(1, model.timesteps + 1, (model.batch,)), torch.randn_like(x[chosen])
        label = torch.where(torch.rand(model.batch) < model.dropout, model.classes, y[chosen])
        share = alpha[t].reshape(-1, *[1] * (x.ndim - 1))
        noisy = torch.sqrt(share) * x[chosen] + torch.sqrt(1.0 - share) * eps
        loss = F.mse_loss(net(noisy, t / model.timesteps, label), eps)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), model.gradient)
        optimiser.step()
        rate.step()
        average.update_parameters(net)
    shares = np.bincount(given["y"], minlength=model.classes) / len(x)
    weights = average.module.state_dict()
    return replace(model, weights=weights, shares=shares, shape=tuple(x.shape[1:]))


def bare(model: Ddpm, given: dict[str, Any], generations: int) -> None:
    """The fully synthetic loop by hand."""
    rng = np.random.default_rng(0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    for t in range(generations):
        given = bare_fit(model, given)
        given = given.sample(SAMPLES, 1.0, rng) if t + 1 < generations else given
    torch.set_num_threads(before)


def engine(model: Ddpm, given: dict[str, Any], generations: int) -> None:
    """The same through the engine, with a run folder and checkpoints within each fit."""
    with tempfile.TemporaryDirectory() as folder:
        run_loop(
            fully_synthetic(SAMPLES), model, given, generations=generations, out=Path(folder) / "x"
        )


def overhead(steps: int = 600, generations: int = 2, repeats: int = 4) -> dict[str, float]:
    """CPU seconds of the engine's loop against those of the bare one, run in turn: the least."""
    preset, given = rows(config.read("ddpm-quick"))
    model = replace(preset.model, steps=steps)
    times: dict[str, list[float]] = {"bare": [], "engine": []}
    for _ in range(repeats):
        for name, run in (("bare", bare), ("engine", engine)):
            times[name].append(cpu_seconds(partial(run, model, given, generations)))
    hand, ours = min(times["bare"]), min(times["engine"])
    return {"s_bare": hand, "s_engine": ours, "ratio": ours / hand}
