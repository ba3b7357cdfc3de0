"""Functions of a point, where every worker finds them."""

import math
import os
import time
from pathlib import Path

from madtheory.results import Estimate


def product(x: float, y: float = 2.0) -> float:
    return x * y


def sum_of(x: float, y: float = 2.0) -> float:
    return x + y


def noted(x: float, folder: str) -> float:
    """Leave a line for every call."""
    with open(Path(folder) / "calls", "a") as stream:
        stream.write(f"{x}\n")
    return x * x


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().split()


def slow(x: float, folder: str) -> float:
    time.sleep(0.002)
    return noted(x, folder)


def draw(x: float, seed: int) -> float:
    return x + seed


def fussy(x: float) -> float:
    if x == 3:
        raise ValueError("x must not\nbe 3")
    return math.sqrt(x)


def estimated(x: float) -> Estimate:
    return Estimate.declared(x, 0.5)


def several(x: float) -> dict[str, float]:
    return {"double": 2 * x, "half": x / 2, "other": 0.0}


def nothing(x: float) -> None:
    """Forget to return."""


def leaving(x: float) -> float:
    raise SystemExit(3)


def unspeakable(x: float) -> float:
    raise ValueError("\ud800")


def pair(x: float) -> list[float]:
    return [x, x]


def deadly(x: float) -> float:
    """End the worker at one point."""
    if x == 5:
        os._exit(1)
    return x


def interrupted(x: float) -> float:
    if x == 40:
        raise KeyboardInterrupt
    return x


def seeded_note(x: int, folder: str, seed: int) -> int:
    time.sleep(0.002)
    with open(Path(folder) / "calls", "a") as stream:
        stream.write(f"{x}\n")
    return x + seed
