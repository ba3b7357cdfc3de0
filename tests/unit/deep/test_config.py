"""Presets: which there are, what a file may say, rehearsals."""

from dataclasses import fields
from importlib import resources
from pathlib import Path

import pytest

from madtheory.deep import config
from madtheory.deep.train import Device

LADDER = {f"{family}-gaussian" for family in ("linear", "flow", "glow", "ddpm", "wgan_gp")} | {
    "glow-modes"
}
FAMILIES = ("ddpm", "stylegan2", "wgan_gp", "glow")
each = pytest.mark.parametrize("name", config.names())


def test_every_family_has_three_sizes_and_the_ladder_its_rungs() -> None:
    sizes = {f"{family}-{size}" for family in FAMILIES for size in ("quick", "cpu", "paper")}
    assert set(config.names()) == sizes | LADDER


@each
def test_a_preset_is_short_and_named_after_its_family(name: str) -> None:
    text = (resources.files("madtheory.deep") / "presets" / f"{name}.toml").read_text("utf-8")
    found = config.parse(name, text)
    assert len(text.splitlines()) <= 25
    assert name.rpartition("-")[0] == found.family
    limit = {"quick": 120.0, "cpu": 2400.0}.get(name.rpartition("-")[2], float("inf"))
    assert found.seconds <= limit
    assert found.generations >= (3 if name.endswith("quick") else 5)


@each
def test_a_rehearsal_is_the_same_in_small(name: str) -> None:
    whole = config.read(name)
    small = config.rehearsal(whole)
    assert small.generations == config.SMALL_GENERATIONS
    assert max(small.loop.n_initial, small.loop.n_synth) <= config.SMALL_LOOP
    cut = {f.name for f in fields(whole.model)} & config.SMALL.keys()
    assert cut
    for item in fields(whole.model):
        mine, given = getattr(small.model, item.name), getattr(whole.model, item.name)
        assert mine == (min(given, config.SMALL[item.name]) if item.name in cut else given)
    assert (small.loop.bias, small.kind, small.family) == (
        whole.loop.bias,
        whole.kind,
        whole.family,
    )


def test_a_rehearsal_keeps_proportions_and_the_data_that_are_there(tmp_path: Path) -> None:
    text = f"""
    family = "glow"
    data = "images:{tmp_path}"
    generations = 9
    seconds = 1
    [loop]
    kind = "fresh"
    n_real = 30_000
    n_synth = 10_000
    [model]
    [device]
    threads = 2
    """
    small = config.rehearsal(config.parse("x", text))
    assert (small.loop.n_initial, small.loop.n_fresh, small.loop.n_synth) == (200, 200, 67)
    assert small.data == f"images:{tmp_path}"
    gone = config.rehearsal(config.parse("x", text.replace(str(tmp_path), "/no/such/folder")))
    assert gone.data == "fashion-8"


def test_a_preset_on_another_device_computes_as_it_says() -> None:
    found = config.read("ddpm-paper").on(Device("meta"))
    assert found.model.device == Device("meta", mixed=True)
    assert config.read("linear-gaussian").on(Device("meta")) == config.read("linear-gaussian")


def test_a_device_is_checked() -> None:
    text = '[device]\nname = "cuda"\n'
    whole = (resources.files("madtheory.deep") / "presets" / "glow-quick.toml").read_text("utf-8")
    with pytest.raises(ValueError, match="device of preset x must have keys among mixed, threads"):
        config.parse("x", whole + text)
