"""One fit on several devices: a process each, which takes its rows of every batch.

Every process draws the whole batch with its noise, a function of key and step alone, keeps its own
rows, and averages its gradients with the others'. So a fit is that of one device up to rounding,
unless its network compares the rows it is given, as StyleGAN2's discriminator does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import distributed

from madtheory.deep import train
from madtheory.engine.samples import n_rows

#: Seconds between looks at whether the fit was asked to end.
LOOK = 0.5


class Divisible(Protocol):
    """A model whose fit may be divided."""

    batch: int
    device: train.Device

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> Any:
        """Fit as one process of all."""

    def save(self) -> dict[str, Any]:
        """Arrays by name."""

    def load(self, arrays: dict[str, Any], /) -> Any:
        """The fitted model."""


@dataclass(frozen=True, slots=True)
class Task:
    """What each process is given."""

    model: Divisible
    samples: Any
    key: int
    folder: Path | None
    meeting: str


def _end_with_parent() -> None:
    """End this process as soon as the one that started it has ended, however it did."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _work(rank: int, task: Task, said: connection.Connection) -> None:
    """Fit as process `rank`; the first one says what became of it."""
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if rank else train.ask_to_stop)
    device = task.model.device
    cuda = device.name == "cuda"
    if cuda:
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        "nccl" if cuda else "gloo",
        init_method=f"file://{task.meeting}",
        rank=rank,
        world_size=device.count,
    )
    try:
        fitted = task.model.fit_here(task.samples, task.key, task.folder)
        arrays = {name: np.asarray(value) for name, value in fitted.save().items()}
        said.send(("fitted", arrays if rank == 0 else {}))
    except (train.Stopped, ValueError) as error:
        said.send((type(error).__name__, str(error)))
    except RuntimeError as error:
        # One whose partner has ended: what became of that one is to be said first.
        time.sleep(4 * LOOK)
        said.send(("Stopped", f"process {rank} of the fit: {str(error).splitlines()[0]}"))
    distributed.destroy_process_group()


def _check_batches(model: Divisible, n: int) -> None:
    """Refuse batches that do not divide evenly."""
    count = model.device.count
    for batch in (model.batch, min(model.batch, n)):
        if batch % count:
            raise ValueError(f"batch must be a multiple of {count} devices, got {batch} rows")


def _outcome(
    said: list[connection.Connection], processes: list[multiprocessing.process.BaseProcess]
) -> dict[str, Any]:
    """Arrays of the fitted model, as soon as the first process has it.

    Raises
    ------
    Stopped, ValueError
        What one of the processes raised.
    """
    asked = False
    while True:
        if train.stopping() and not asked:
            processes[0].terminate()
            asked = True
        connection.wait([*said, *(p.sentinel for p in processes if p.exitcode is None)], LOOK)
        for rank, pipe in enumerate(said):
            if pipe.poll():
                kind, what = pipe.recv()
                if kind != "fitted":
                    raise train.Stopped(what) if kind == "Stopped" else ValueError(what)
                if rank == 0:
                    return dict(what)
        for process in processes:
            if process.exitcode in (train.TERMINATED, -signal.SIGTERM):
                train.end_if_asked()
            if process.exitcode:
                raise train.Stopped(
                    f"process {process.name} of the fit ended with {process.exitcode}"
                )


def fit(model: Any, samples: Any, key: int, folder: Path | None) -> Any:
    """Fit a model on as many devices as it names."""
    count = model.device.count
    if count == 1:
        return model.fit_here(samples, key, folder)
    _check_batches(model, n_rows(samples))
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as meeting:
        task = Task(model, samples, key, folder, str(Path(meeting) / "meeting"))
        pipes = [context.Pipe(duplex=False) for _ in range(count)]
        processes: list[multiprocessing.process.BaseProcess] = [
            context.Process(target=_work, args=(rank, task, pipes[rank][1]), name=str(rank))
            for rank in range(count)
        ]
        try:
            for process in processes:
                process.start()
            return model.load(_outcome([receive for receive, _ in pipes], processes))
        finally:
            for process in processes:
                if process.pid is not None:
                    process.kill()
                    process.join()
