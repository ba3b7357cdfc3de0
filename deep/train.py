"""The training loop of all models: steps, averaged weights, checkpoints, an end in words."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from madtheory._types import Ints
from madtheory.deep.checkpoint import Checkpoint, below, flat
from madtheory.deep.parallel.rows import first

#: Exit code of a process that SIGTERM ended.
TERMINATED = 143
#: Steps between looks at the loss: each look waits for the device.
LOOK_EVERY = 50


class Stopped(RuntimeError):
    """Training that cannot go on; what was reached is kept."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where and how a model computes."""

    name: str = "cpu"
    #: Compute in bfloat16 where that is safe.
    mixed: bool = False
    #: Processor threads of a process; the bits of a fit depend on them.
    threads: int = 1
    #: Devices that share fits and samples (madtheory.deep.parallel), a process each.
    count: int = 1

    def autocast(self) -> Any:
        """Mixed precision, or nothing."""
        return torch.autocast(self.name.split(":")[0], torch.bfloat16, enabled=self.mixed)

    @contextlib.contextmanager
    def use(self, seed: int | None = None) -> Iterator[None]:
        """Compute deterministically with so many threads; memory that runs out is said so.

        With a seed torch's own generator, which first weights are drawn from, starts there, and is
        given back as it was.
        """
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.random.fork_rng(devices=[], enabled=seed is not None):
                if seed is not None:
                    torch.manual_seed(seed)
                yield
        except torch.OutOfMemoryError as error:
            reason = str(error).split(".")[0]
            raise Stopped(f"out of memory ({reason}): lower `batch` or `width`") from None
        finally:
            torch.set_num_threads(before)


@dataclass(slots=True)
class Average:
    """Exponential average of weights, less what it still holds of its start.

    An average that starts at zero with decay b has weight 1 - b^t after t steps; dividing by it
    leaves no share of the untrained weights.
    """

    decay: float
    weights: dict[str, Tensor]
    steps: int = 0

    @classmethod
    def of(cls, module: nn.Module, decay: float) -> Average:
        """Start at zero."""
        state = {k: torch.zeros_like(v) for k, v in module.state_dict().items()}
        return cls(decay, state)

    def update(self, module: nn.Module) -> None:
        """Take in the weights after a step."""
        self.steps += 1
        mine, new = list(self.weights.values()), list(module.state_dict().values())
        torch._foreach_lerp_(mine, new, 1.0 - self.decay)

    def copy_to(self, module: nn.Module) -> nn.Module:
        """Return a copy of the module with the averaged weights."""
        share = 1.0 - self.decay**self.steps
        copied = deepcopy(module)
        copied.load_state_dict({k: v / share for k, v in self.weights.items()})
        return copied


@dataclass(slots=True)
class Fit:
    """A fit at work: modules and optimisers by name, and the averages of some modules."""

    modules: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    averages: dict[str, Average]

    def tensors(self) -> dict[str, Tensor]:
        """All that the rest of the fit depends on."""
        found: dict[str, Tensor] = {}
        for name, module in self.modules.items():
            found |= flat(f"module/{name}", module.state_dict())
        for name, optimiser in self.optimisers.items():
            found |= flat(f"optimiser/{name}", optimiser.state_dict()["state"])
        for name, average in self.averages.items():
            found |= flat(f"average/{name}", average.weights)
            found[f"average-steps/{name}"] = torch.tensor(average.steps)
        return found

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take in what :meth:`tensors` gave."""
        for name, module in self.modules.items():
            module.load_state_dict(below(f"module/{name}", tensors))
        for name, optimiser in self.optimisers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for path, tensor in below(f"optimiser/{name}", tensors).items():
                number, key = path.split("/")
                state.setdefault(int(number), {})[key] = tensor
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": state, "param_groups": groups})
        for name, average in self.averages.items():
            found = below(f"average/{name}", tensors)
            average.weights = {k: found[k].to(v.device) for k, v in average.weights.items()}
            average.steps = int(tensors[f"average-steps/{name}"])


def run(
    fit: Fit, update: Callable[[int], Tensor], steps: int, checkpoint: Checkpoint | None = None
) -> None:
    """Take `steps` steps of `update`, which changes the modules and returns a loss.

    A fit that was interrupted goes on from its checkpoint to the same bits, since an update draws
    from nothing but its step. A loss that is not finite ends it at that step. Of the processes that
    share a fit the first one keeps it.
    """
    start, keeps = 0, checkpoint if first() else None
    if checkpoint is not None:
        start, tensors = checkpoint.load()
        if tensors:
            fit.load(tensors)
    for step in range(start, steps):
        loss = update(step)
        for name, average in fit.averages.items():
            average.update(fit.modules[name])
        look = (step + 1) % LOOK_EVERY == 0 or step + 1 == steps
        if look and not math.isfinite(float(loss)):
            raise Stopped(f"the loss at step {step + 1} of {steps} is {float(loss)}")
        if keeps is not None and (keeps.due() or stopping()):
            keeps.save(step + 1, fit.tensors())
        end_if_asked()
    if keeps is not None:
        keeps.save(steps, fit.tensors())


_stop = False


def stopping() -> bool:
    """Whether the process was asked to end."""
    return _stop


def end_if_asked() -> None:
    """End the process if SIGTERM was received."""
    if stopping():
        raise SystemExit(TERMINATED)


def ask_to_stop(*_: object) -> None:
    """Handle SIGTERM: the fit keeps its state at the end of its step."""
    global _stop
    _stop = True


def one_cycle(step: int, steps: int, peak: float, warm: float = 0.1) -> float:
    """Learning rate of a step: a linear rise to the peak, then half a cosine down to zero."""
    x = (step + 0.5) / steps
    return peak * (
        x / warm if x < warm else 0.5 * (1.0 + math.cos(math.pi * (x - warm) / (1.0 - warm)))
    )


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all groups."""
    for group in optimiser.param_groups:
        group["lr"] = rate


# --- what an update draws from -------------------------------------------------------------------


def generator(key: int, step: int) -> torch.Generator:
    """The generator of one step."""
    digest = hashlib.sha256(f"{key} {step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


@lru_cache(maxsize=4)
def _permutation(key: int, epoch: int, n: int) -> Ints:
    return np.random.default_rng([key, epoch]).permutation(n)


def minibatch(key: int, step: int, n: int, size: int) -> Ints:
    """Rows of a step's batch, n at most: epochs are permutations, a rest is carried over."""
    size = min(size, n)
    first = step * size
    epochs = range(first // n, (first + size - 1) // n + 1)
    order = np.concatenate([_permutation(key, epoch, n) for epoch in epochs])
    return order[first % n :][:size]


def purpose(model: object, key: int, arrays: list[Any]) -> str:
    """What a checkpoint is of: settings, key and data."""
    state = hashlib.sha256(f"{model!r} {key}".encode())
    for array in arrays:
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def checkpoint_in(
    folder: Path | None, model: object, key: int, arrays: list[Any]
) -> Checkpoint | None:
    """The checkpoint of a fit in a folder, or none."""
    return None if folder is None else Checkpoint(folder, purpose(model, key, arrays))
