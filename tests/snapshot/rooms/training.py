"""Noise, batches, rates, averages and checkpoints; fits that several processes share."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from madtheory.deep import (
    checkpoint,
    noise,
    train,
)
from madtheory.deep.models import (
    LinearFlow,
    LinearGaussian,
)
from madtheory.deep.parallel import processes, rows
from tests.snapshot.rooms.small import VECTORS, Found
from tests.snapshot.told import answer, put, several, whole


def random_numbers() -> Found:
    index = torch.tensor([0, 1, 5, 2**32 + 1])
    for key, step in ((0, 0), (2**40 + 3, 7)):
        yield (
            f"noise {key} {step}",
            whole(
                [
                    noise._words(key, index, step, 5)[:, :8].double(),
                    noise.uniforms(key, index, step, 3),
                    noise.normals(key, index, step, (3,)),
                    noise.normals(key, index, step, (2, 2)),
                    noise.integers(key, index, step, 3, 10),
                ]
            ),
        )
    yield (
        "generator",
        whole(
            [torch.rand(3, generator=train.generator(k, s)) for k, s in ((0, 0), (0, 1), (1, 0))]
        ),
    )
    yield (
        "batches",
        whole(
            [
                train.minibatch(k, s, n, b)
                for k, s, n, b in (
                    (0, 0, 10, 4),
                    (0, 2, 10, 4),
                    (0, 3, 10, 4),
                    (1, 0, 10, 4),
                    (0, 9, 3, 8),
                    (0, 5, 7, 7),
                )
            ]
        ),
    )
    yield "rates", whole([[train.one_cycle(s, 10, 2.0, w) for s in range(10)] for w in (0.1, 0.5)])
    yield "rate", train.one_cycle(1, 10, 2.0)
    yield (
        "purpose",
        [train.purpose(LinearGaussian(), k, [VECTORS[:n]]) for k, n in ((0, 2), (1, 2), (0, 3))],
    )


def small_fit(seed: int) -> train.Fit:
    torch.manual_seed(seed)
    net = nn.Linear(2, 1)
    average = train.Average.of(net, 0.9)
    return train.Fit({"n": net}, {"n": torch.optim.Adam(net.parameters(), lr=0.1)}, {"n": average})


def training(here: Path) -> Found:
    fit, told = small_fit(0), list[Any]()

    def update(step: int) -> torch.Tensor:
        loss = (fit.modules["n"](torch.tensor([[1.0, 2.0]])) ** 2).mean()
        fit.optimisers["n"].zero_grad()
        loss.backward()
        fit.optimisers["n"].step()
        told.append((step, float(loss.detach())))
        return loss.detach()

    kept = checkpoint.Checkpoint(here / "fit", "purpose")
    train.run(fit, update, 3, kept)
    yield (
        "steps",
        whole([told, fit.tensors(), fit.averages["n"].copy_to(fit.modules["n"]).state_dict()]),
    )
    again = small_fit(1)
    again.load(kept.load()[1])
    yield "loaded", whole([kept.load(), again.tensors()])
    train.run(fit, update, 5, kept)
    yield "gone on", whole([told, kept.load()[0], sorted(x.name for x in (here / "fit").iterdir())])
    yield "other fit", answer(lambda: checkpoint.Checkpoint(Path("fit"), "other").load())
    (here / "fit/fit.safetensors").write_bytes(b"damaged")
    yield "damaged fit", answer(lambda: checkpoint.Checkpoint(Path("fit"), "purpose").load()[0])
    yield "no fit", answer(lambda: checkpoint.Checkpoint(Path("none"), "purpose").load())
    yield (
        "paths",
        whole(
            [
                checkpoint.flat("a", {"b": {"c": torch.ones(1)}, 0: torch.zeros(1)}),
                checkpoint.below("a", {"a/b": 1, "ab/c": 2, "a/d/e": 3}),
            ]
        ),
    )
    yield (
        "not finite",
        [
            answer(
                lambda n=n: train.run(
                    small_fit(0), lambda s: torch.tensor(math.nan if s >= 1 else 1.0), n
                )
            )
            for n in (1, 2, 60)
        ],
    )
    seen = list[Any]()
    with put(checkpoint.time, monotonic=lambda: 100.0):
        seen.append(checkpoint.Checkpoint(here, "x").due())
    yield "due", seen


def shared() -> Found:
    """Rows and means of the second of three processes that share a fit."""
    calls = list[Any]()

    def reduced(x: torch.Tensor) -> None:
        calls.append(x.clone())
        x.mul_(3).add_(3)

    there = SimpleNamespace(
        is_initialized=lambda: True,
        get_world_size=lambda: 3,
        get_rank=lambda: 1,
        all_reduce=reduced,
    )
    x, y = torch.arange(4.0), torch.ones(2, 2)
    alone = [rows.size(), rows.first(), rows.rows_of(x)]
    with put(rows, distributed=there):
        module = nn.Linear(1, 1)
        for p in module.parameters():
            p.grad = torch.full_like(p, 2.0)
        rows.average([x, y])
        rows.average_gradients(module)
        grads = [p.grad for p in module.parameters()]
        yield (
            "rows",
            whole(
                [
                    alone,
                    rows.size(),
                    rows.first(),
                    rows.rows_of(torch.arange(8)),
                    x,
                    y,
                    grads,
                    calls,
                ]
            ),
        )
    model = LinearFlow(batch=6, device=train.Device(count=4))
    yield from several(
        "batches shared",
        processes._check_batches,
        (model, 60),
        (replace(model, batch=8), 6),
        (replace(model, batch=8), 60),
    )


def device_words() -> Found:
    def out_of_memory() -> None:
        with train.Device().use():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    def seeded(seed: int | None) -> list[float]:
        torch.manual_seed(5)
        with train.Device().use(seed):
            inside = float(torch.rand(()))
        return [inside, float(torch.rand(()))]

    yield "device", [answer(out_of_memory), whole([seeded(None), seeded(1), seeded(2)])]
