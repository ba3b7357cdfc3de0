"""Presets: a loop of a model on data, in a TOML file of some 20 lines.

```toml
family = "ddpm"          # ddpm, stylegan2, wgan_gp, glow, linear
data = "fashion-8"       # see madtheory.deep.data.sets
generations = 5
seconds = 110            # expected on two cores

[loop]                   # fields of madtheory.loop.Loop, or those of its three builders
kind = "synthetic"       # synthetic, augmentation, fresh
n_synth = 4000
bias = 0.5

[model]                  # fields of the model
steps = 4000
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from madtheory.deep.models import FAMILIES
from madtheory.deep.train import Device
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation

KINDS: dict[str, Callable[..., Loop]] = {
    "synthetic": lambda **given: fully_synthetic(given.pop("n_synth"), **given),
    "augmentation": lambda **given: synthetic_augmentation(
        given.pop("n_real"), given.pop("n_synth"), **given
    ),
    "fresh": lambda **given: fresh_data(given.pop("n_real"), given.pop("n_synth"), **given),
    "any": lambda **given: Loop(**given),
}


@dataclass(frozen=True, slots=True)
class Preset:
    """What is run."""

    name: str
    family: str
    kind: str
    data: str
    generations: int
    seconds: float
    loop: Loop
    model: Any

    def on(self, device: Device) -> Preset:
        """The same with another device."""
        if "device" not in {item.name for item in fields(self.model)}:
            return self
        return replace(self, model=replace(self.model, device=device))


def _known(name: str, given: Mapping[str, Any], wanted: set[str]) -> None:
    """Refuse a key that nothing reads."""
    for key in given:
        if key not in wanted:
            raise ValueError(f"{name} must have keys among {', '.join(sorted(wanted))}, got {key}")


def parse(name: str, text: str) -> Preset:
    """Return the preset in a TOML text.

    Raises
    ------
    ValueError
        The text is no TOML, or a key or value is not what a preset has.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"preset {name} must be TOML: {error}") from None
    wanted = {"family", "data", "generations", "seconds", "loop", "model"}
    _known(f"preset {name}", given, wanted)
    for key in wanted - given.keys():
        raise ValueError(f"preset {name} must have {key}, got none")
    if given["family"] not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {given['family']!r}")
    loop = dict(given["loop"])
    kind = loop.pop("kind", "any")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    prototype = FAMILIES[given["family"]]()
    _known(f"model of preset {name}", given["model"], {item.name for item in fields(prototype)})
    ddof = getattr(prototype, "ddof", 1)
    try:
        built = KINDS[kind](**({"ddof": 0} if ddof == 0 else {}), **loop)
    except (TypeError, KeyError) as error:
        raise ValueError(f"loop of preset {name} must be one that {kind} takes: {error}") from None
    model = replace(prototype, **given["model"])
    return Preset(
        name=name,
        family=given["family"],
        kind=kind,
        data=given["data"],
        generations=given["generations"],
        seconds=given["seconds"],
        loop=built,
        model=model,
    )


def names() -> list[str]:
    """Names of the presets that ship with the package."""
    folder = resources.files("madtheory.deep") / "presets"
    return sorted(path.name.removesuffix(".toml") for path in folder.iterdir())


def read(name: str) -> Preset:
    """Return a preset by its name, or from a TOML file."""
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise ValueError(f"preset must be a file that exists, got {name}")
        return parse(Path(name).stem, Path(name).read_text(encoding="utf-8"))
    if name not in names():
        raise ValueError(
            f"preset must be one of {', '.join(names())}, or a .toml file, got {name!r}"
        )
    path = resources.files("madtheory.deep") / "presets" / f"{name}.toml"
    return parse(name, path.read_text(encoding="utf-8"))
