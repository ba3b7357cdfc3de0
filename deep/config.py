"""Presets: a loop of a model on data, in a TOML file of some 20 lines.

```toml
family = "ddpm"          # ddpm, stylegan2, wgan_gp, glow, linear
data = "fashion-8"       # see madtheory.deep.data.sets
generations = 5
seconds = 110            # expected on two cores
features = "net.pt2"     # may be left out: a network that torch.export.save wrote, for FID

[loop]                   # fields of madtheory.loop.Loop, or those of its three builders
kind = "synthetic"       # synthetic, augmentation, fresh
n_synth = 4000
bias = 0.5

[model]                  # fields of the model
steps = 4000

[device]                 # may be left out: mixed (bfloat16), threads
mixed = true
```

Changes replace single values ("model.steps=100", "loop.kind=fresh"), or a whole table
("loop={kind='fresh', n_real=2000, n_synth=2000, bias=0.5}").

A preset of any size can be rehearsed: the same code with all sizes cut (:func:`rehearsal`).
"""

from __future__ import annotations

import inspect
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from madtheory import _check
from madtheory.deep.models import FAMILIES
from madtheory.deep.train import Device
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation

#: What makes the loop of a kind.
KINDS: dict[str, Callable[..., Loop]] = {
    "synthetic": fully_synthetic,
    "augmentation": synthetic_augmentation,
    "fresh": fresh_data,
    "any": Loop,
}
#: Fields of models that may be infinite (no clipping) or 0 (none of it).
BOUNDLESS, MAY_BE_ZERO = {"clip"}, {"depth", "classes"}

#: What a rehearsal cuts fields of a model to, and the samples of a generation and generations.
SMALL: dict[str, int] = {
    "steps": 8,
    "epochs": 1,
    "batch": 16,
    "width": 8,
    "hidden": 8,
    "depth": 1,
    "latent": 8,
    "couplings": 2,
    "critic_steps": 2,
    "timesteps": 10,
    "sampling_steps": 5,
}
SMALL_LOOP, SMALL_GENERATIONS = 200, 2


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
    #: The TOML that says all this, changes included.
    table: dict[str, Any]
    #: File of the network whose features are compared; a LeNet is trained where it is empty.
    features: str = ""

    def on(self, device: Device) -> Preset:
        """The same on another device, as it computes there."""
        if "device" not in {item.name for item in fields(self.model)}:
            return self
        placed = replace(self.model.device, name=device.name, count=device.count)
        return replace(self, model=replace(self.model, device=placed))


def _known(name: str, given: Mapping[str, Any], wanted: set[str]) -> None:
    """Refuse a key that nothing reads."""
    for key in given:
        if key not in wanted:
            raise ValueError(f"{name} must have keys among {', '.join(sorted(wanted))}, got {key}")


def _value(text: str) -> Any:
    """A value as TOML writes it; a word needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def changed(given: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The table of a preset with changes, each KEY=VALUE or TABLE.KEY=VALUE.

    Examples
    --------
    >>> changed({"data": "digits", "loop": {"bias": 1.0}}, ["loop.bias=0.5", "data=fashion-8"])
    {'data': 'fashion-8', 'loop': {'bias': 0.5}}
    """
    found = {key: dict(part) if isinstance(part, dict) else part for key, part in given.items()}
    for change in changes:
        path, equals, text = change.partition("=")
        *tables, key = path.strip().split(".")
        inner = found if not tables else found.get(tables[0])
        if not equals or len(tables) > 1 or not isinstance(inner, dict):
            raise ValueError(
                f"set must be KEY=VALUE, loop.KEY=VALUE or model.KEY=VALUE, got {change!r}"
            )
        inner[key] = _value(text.strip())
    return found


def _kind_of(value: Any) -> str:
    """What a person calls values of this sort."""
    kinds = ((bool, "true or false"), (int, "an integer"), (float, "a number"), (str, "a word"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "a table")


def _word(name: str, value: Any) -> str:
    """A value that must be a word."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a word, got {value!r}")
    return value


def _check_size(key: str, value: float, wanted: float) -> None:
    """Refuse a size or a rate that no model has; a bound that is infinite is none."""
    if isinstance(wanted, int):
        _check.count(key, value, minimum=0 if key in MAY_BE_ZERO else 1)
    elif not (key in BOUNDLESS and value == math.inf):
        _check.number(key, value, low=0.0)


def _check_sorts(name: str, given: Mapping[str, Any], prototype: Any) -> None:
    """Refuse a value of another sort than the prototype's; an integer is a number."""
    hints = get_type_hints(type(prototype))
    for key, value in given.items():
        wanted, full = getattr(prototype, key), f"{key} of {name}"
        if get_origin(hints[key]) is Literal:
            _check.one_of(full, _word(full, value), get_args(hints[key]))
            continue
        if wanted is None and float in get_args(hints[key]):
            wanted = 0.0  # a number that may be left out
        if wanted is None:
            continue
        number = isinstance(wanted, float) and type(value) is int
        if not number and _kind_of(value) != _kind_of(wanted):
            raise ValueError(f"{full} must be {_kind_of(wanted)}, got {value!r}")
        if type(value) in (int, float):
            _check_size(key, value, wanted)


def _loop(name: str, kind: str, given: Mapping[str, Any], ddof: int) -> Loop:
    """The loop that a table says, as a model that divides by n - ddof takes it."""
    asked = inspect.signature(KINDS[kind]).parameters
    _known(f"loop of preset {name}", given, set(asked))
    for key, one in asked.items():
        if one.default is one.empty and key not in given:
            raise ValueError(f"loop of preset {name} must have {key}, got none")
    told = {"ddof": 0} if ddof == 0 else {}
    if ddof == 0 and given.get("ddof", 0) != 0:
        raise ValueError(f"ddof must be 0, as the model has it, got {given['ddof']}")
    try:
        return KINDS[kind](**(dict(given) | told))
    except TypeError as error:
        raise ValueError(f"loop of preset {name}: {error}") from None


def _seconds(name: str, value: Any) -> float:
    """What a run is expected to take, as it is written."""
    if type(value) not in (int, float):
        raise ValueError(f"seconds of preset {name} must be a number, got {value!r}")
    _check.number("seconds", value, low=0.0)
    return value


def _device(name: str, family: str, given: Mapping[str, Any], prototype: Any) -> Device:
    """What a table says of where a model computes, if it can be told."""
    if not hasattr(prototype, "device"):
        raise ValueError(f"device of preset {name} must be left out for the family {family}")
    _known(f"device of preset {name}", given, {"mixed", "threads"})
    _check_sorts(f"device of preset {name}", given, Device())
    return Device(**given)


def parse(name: str, text: str, changes: Sequence[str] = ()) -> Preset:
    """Return the preset in a TOML text, with changes.

    Raises
    ------
    ValueError
        The text is no TOML, or a key or value is not what a preset has.
    """
    try:
        given = changed(tomllib.loads(text), changes)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"preset {name} must be TOML: {error}") from None
    except RecursionError:
        raise ValueError(f"preset {name} must be TOML, got tables nested too deeply") from None
    wanted = {"family", "data", "generations", "seconds", "loop", "model"}
    _known(f"preset {name}", given, wanted | {"device", "features"})
    for key in wanted - given.keys():
        raise ValueError(f"preset {name} must have {key}, got none")
    if given["family"] not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {given['family']!r}")
    for key in ("loop", "model", "device"):
        if not isinstance(given.get(key, {}), dict):
            raise ValueError(f"{key} of preset {name} must be a table, got {given[key]!r}")
    loop = dict(given["loop"])
    kind = loop.pop("kind", "any")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    prototype = FAMILIES[given["family"]]()
    _known(f"model of preset {name}", given["model"], {item.name for item in fields(prototype)})
    _check_sorts(f"preset {name}", given["model"], prototype)
    built = _loop(name, kind, loop, getattr(prototype, "ddof", 1))
    model = replace(prototype, **given["model"])
    if "device" in given:
        model = replace(model, device=_device(name, given["family"], given["device"], prototype))
    return Preset(
        name=name,
        family=given["family"],
        kind=kind,
        data=_word("data", given["data"]),
        generations=_check.count("generations", given["generations"]),
        seconds=_seconds(name, given["seconds"]),
        loop=built,
        model=model,
        table=given,
        features=_word("features", given.get("features", "")),
    )


def _small_loop(loop: Loop) -> Loop:
    """The loop with samples in the same proportions, `SMALL_LOOP` at most."""
    sizes = {name: getattr(loop, name) for name in ("n_initial", "n_synth", "n_fixed", "n_fresh")}
    share = min(1.0, SMALL_LOOP / max(sizes.values()))
    return replace(loop, **{name: math.ceil(share * n) for name, n in sizes.items()})


def rehearsal(preset: Preset) -> Preset:
    """The same preset with all sizes cut: the path of the code, in seconds.

    Where the folder of its data is missing, it runs on Fashion-MNIST at 8 x 8.
    """
    model = {item.name: getattr(preset.model, item.name) for item in fields(preset.model)}
    small = {key: min(model[key], value) for key, value in SMALL.items() if key in model}
    folder = preset.data.partition(":")[2]
    data = "fashion-8" if folder and not Path(folder).is_dir() else preset.data
    loop, generations = _small_loop(preset.loop), min(preset.generations, SMALL_GENERATIONS)
    said = {"data": data, "generations": generations, "loop": asdict(loop)}
    return replace(
        preset,
        data=data,
        generations=generations,
        loop=loop,
        model=replace(preset.model, **small),
        table=preset.table | said | {"model": preset.table["model"] | small},
    )


def names() -> list[str]:
    """Names of the presets that ship with the package."""
    folder = resources.files("madtheory.deep") / "presets"
    return sorted(path.name.removesuffix(".toml") for path in folder.iterdir())


def read(name: str, changes: Sequence[str] = ()) -> Preset:
    """Return a preset by its name, or from a TOML file, with changes."""
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise ValueError(f"preset must be a file that exists, got {name}")
        try:
            text = Path(name).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"preset must be text in UTF-8, got {name}") from None
        return parse(Path(name).stem, text, changes)
    if name not in names():
        raise ValueError(
            f"preset must be one of {', '.join(names())}, or a .toml file, got {name!r}"
        )
    path = resources.files("madtheory.deep") / "presets" / f"{name}.toml"
    return parse(name, path.read_text(encoding="utf-8"), changes)
