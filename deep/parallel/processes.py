"""Fits and samples on several devices: a process each.

In a fit every process draws the whole batch with its noise, a function of key and step alone, keeps
its own rows, and averages its gradients with the others'. So a fit is that of one device up to
rounding, unless its network compares the rows it is given, as StyleGAN2's discriminator does.
Samples are drawn in the batches of one device, which the processes take in turn: to the same bits.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import distributed

from madtheory.deep import train
from madtheory.deep.parallel.rows import first
from madtheory.engine.samples import n_rows

#: Seconds between looks at whether the work was asked to end.
LOOK = 0.5

#: What every process does: a function that can be pickled, and so what it returns.
Task = Callable[[], Any]


class Divisible(Protocol):
    """A model whose fit may be divided."""

    @property
    def batch(self) -> int:
        """Rows of a step."""

    @property
    def device(self) -> train.Device:
        """Where it computes."""

    def fit_here(self, samples: Any, key: int, folder: Path | None) -> Any:
        """Fit as one process of all."""


# --- in a process --------------------------------------------------------------------------------


def _end_with_parent() -> None:
    """End this process as soon as the one that started it has ended, however it did."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _join(rank: int, device: train.Device, meeting: str) -> None:
    """Become process `rank` of those that share the work."""
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if rank else train.ask_to_stop)
    cuda = device.name == "cuda"
    if cuda:
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        "nccl" if cuda else "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=device.count,
    )


def _answer(rank: int, task: Task) -> Any:
    """What a task returns, or the error that it raised."""
    try:
        return task()
    except Exception as error:
        if not isinstance(error, RuntimeError) or isinstance(error, train.Stopped):
            return error
        # One whose partner has ended: what became of that one is to be said first.
        time.sleep(4 * LOOK)
        return train.Stopped(f"process {rank} of the run: {str(error).splitlines()[0]}")


def _work(rank: int, device: train.Device, meeting: str, pipe: connection.Connection) -> None:
    """Do task after task as process `rank`, until the one that started it ends."""
    _join(rank, device, meeting)
    with contextlib.suppress(EOFError, OSError):
        while True:
            task = pickle.loads(pipe.recv_bytes())
            pipe.send_bytes(pickle.dumps(_answer(rank, task)))


# --- around the processes ------------------------------------------------------------------------


@dataclass(slots=True)
class Crew:
    """Processes that do tasks together, a device each; started with the first task."""

    device: train.Device
    processes: list[BaseProcess] = field(default_factory=list)
    pipes: list[connection.Connection] = field(default_factory=list)
    _meeting: Any = None

    def start(self) -> None:
        """Start them; they meet in a file."""
        context = multiprocessing.get_context("spawn")
        self._meeting = tempfile.TemporaryDirectory()
        for rank in range(self.device.count):
            mine, theirs = context.Pipe()
            told = (rank, self.device, str(Path(self._meeting.name) / "meeting"), theirs)
            process = context.Process(target=_work, args=told, name=str(rank))
            self.pipes.append(mine)
            self.processes.append(process)
            process.start()
            theirs.close()

    def end(self) -> None:
        """Kill them; what they have not said is lost."""
        for process in self.processes:
            if process.pid is not None:
                process.kill()
                process.join()
        for pipe in self.pipes:
            pipe.close()
        if self._meeting is not None:
            self._meeting.cleanup()
        self.processes, self.pipes, self._meeting = [], [], None

    def do(self, task: Task) -> list[Any]:
        """What each of them answers, the first one's first; an error ends them all.

        Raises
        ------
        Exception
            What the task raised in one of them.
        Stopped
            One of them has ended.
        """
        try:
            if not self.processes:
                self.start()
            told = pickle.dumps(task)
            for pipe in self.pipes:
                with contextlib.suppress(OSError):  # one that has ended is said below
                    pipe.send_bytes(told)
            return self._answers()
        except BaseException:
            self.end()
            raise

    def _answers(self) -> list[Any]:
        """Wait for all answers; once SIGTERM came for the first process's, which keeps the fit."""
        found: dict[int, Any] = {}
        asked = False
        while len(found) < len(self.processes):
            if train.stopping() and 0 in found:
                train.end_if_asked()
            if train.stopping() and not asked:
                self.processes[0].terminate()
                asked = True
            connection.wait([*self.pipes, *(p.sentinel for p in self._alive())], LOOK)
            for rank, pipe in enumerate(self.pipes):
                with contextlib.suppress(EOFError, OSError):
                    if rank not in found and pipe.poll():
                        found[rank] = pickle.loads(pipe.recv_bytes())
                if isinstance(found.get(rank), Exception):
                    raise found[rank]
            self._see_all_alive()
        return [found[rank] for rank in range(len(found))]

    def _alive(self) -> list[BaseProcess]:
        return [process for process in self.processes if process.exitcode is None]

    def _see_all_alive(self) -> None:
        """Refuse to go on without one of them."""
        for process in self.processes:
            if process.exitcode in (train.TERMINATED, -signal.SIGTERM):
                train.end_if_asked()
            if process.exitcode is not None:
                raise train.Stopped(
                    f"process {process.name} of the run ended with {process.exitcode}"
                )


_here: ContextVar[Crew | None] = ContextVar("crew", default=None)


@contextlib.contextmanager
def crew(device: train.Device) -> Iterator[Crew]:
    """The processes of a device: those of a block around this one, or new ones that end with it."""
    around = _here.get()
    if around is not None and around.device == device:
        yield around
        return
    new = Crew(device)
    token = _here.set(new)
    try:
        yield new
    finally:
        _here.reset(token)
        new.end()


def together(device: train.Device, task: Task) -> list[Any]:
    """What each process of a device answers; one does the task here."""
    if device.count == 1:
        return [task()]
    with crew(device) as found:
        return found.do(task)


# --- a fit ---------------------------------------------------------------------------------------


def _check_batches(model: Divisible, n: int) -> None:
    """Refuse batches that do not divide evenly."""
    count = model.device.count
    for batch in (model.batch, min(model.batch, n)):
        if batch % count:
            raise ValueError(f"batch must be a multiple of {count} devices, got {batch} rows")


def _fitted(model: Divisible, samples: Any, key: int, folder: Path | None) -> Any:
    """Fit as one of the processes; the first one hands over the fitted model."""
    found = model.fit_here(samples, key, folder)
    return found if first() else None


def fit(model: Divisible, samples: Any, key: int, folder: Path | None) -> Any:
    """Fit a model on as many devices as it names."""
    _check_batches(model, n_rows(samples))
    return together(model.device, partial(_fitted, model, samples, key, folder))[0]
