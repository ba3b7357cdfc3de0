"""A model that keeps a checkpoint: killed within a fit, it goes on from there to the same bits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from madtheory.engine import run_loop
from madtheory.loop import fully_synthetic

DATA = np.random.default_rng(1).normal(size=(100, 2))


class Killed(BaseException):
    """What no handler of the engine may catch."""


class Told:
    """What models are told and say here: no setting of theirs."""

    taken: ClassVar[list[str]] = []
    kill_at: ClassVar[int] = -1


@dataclass(frozen=True)
class Slow:
    """A mean that is approached in four steps, each kept on disk."""

    mean: Any = None

    keeps_checkpoints: ClassVar[bool] = True

    def fit(self, samples: Any, rng: np.random.Generator, folder: Path | None = None) -> Slow:
        place, start, value = None, 0, np.zeros(2)
        target = samples.mean(0) + rng.normal(size=2)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            place = folder / "kept.npy"
            if place.exists():
                start, *value = np.load(place).tolist()
        for step in range(int(start), 4):
            if len(Told.taken) == Told.kill_at:
                raise Killed
            Told.taken.append(folder.name if folder is not None else "none")
            value = np.asarray(value) + target / 4
            if place is not None:
                np.save(place, [step + 1, *value])
        return replace(self, mean=np.asarray(value))

    def sample(self, n: int, bias: float, rng: np.random.Generator) -> Any:
        return self.mean + rng.normal(size=(n, 2))

    def save(self) -> dict[str, Any]:
        return {"mean": self.mean}

    def load(self, arrays: dict[str, Any]) -> Slow:
        return replace(self, mean=np.array(arrays["mean"]))


def run(out: Path | None) -> list[float]:
    metrics = {"x": lambda model, rows, rng: model.mean[0]}
    found = run_loop(fully_synthetic(50), Slow(), DATA, generations=3, metrics=metrics, out=out)
    return found.metrics["x"].tolist()


@pytest.mark.parametrize("at", range(12))
def test_a_fit_goes_on_where_it_was_killed(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Told, "taken", [])
    whole = run(None)
    assert Told.taken == ["none"] * 12
    monkeypatch.setattr(Told, "taken", [])
    monkeypatch.setattr(Told, "kill_at", at)
    with pytest.raises(Killed):
        run(tmp_path / "run")
    monkeypatch.setattr(Told, "kill_at", -1)
    assert run(tmp_path / "run") == whole
    assert Told.taken == ["1"] * 4 + ["2"] * 4 + ["3"] * 4
    assert list((tmp_path / "run" / "fit").iterdir()) == []


def test_a_checkpoint_that_a_kill_left_after_the_last_save_is_removed(tmp_path: Path) -> None:
    whole = run(tmp_path / "run")
    left = tmp_path / "run" / "fit" / "3"
    left.mkdir()
    (left / "kept.npy").write_bytes(b"left")
    assert run(tmp_path / "run") == whole
    assert list((tmp_path / "run" / "fit").iterdir()) == []
