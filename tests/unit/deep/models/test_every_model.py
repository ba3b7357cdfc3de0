"""What holds for every model: new objects, save and load, a killed fit goes on, shapes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from madtheory.deep import checkpoint, train
from madtheory.deep.models import Ddpm, Glow, LinearGaussian, WganGp, glow
from madtheory.deep.models.stylegan2 import StyleGan2

RNG = np.random.default_rng
IMAGES = RNG(0).uniform(-1, 1, size=(40, 1, 8, 8)).astype(np.float32)
VECTORS = RNG(1).normal(size=(60, 3)).astype(np.float32)
LABELLED = {"x": IMAGES, "y": np.arange(40) % 10}
SMALL: dict[str, tuple[Any, Any]] = {
    "ddpm mlp": (Ddpm(width=16, depth=1, steps=12, batch=8, sampling_steps=3), LABELLED),
    "ddpm unet": (
        Ddpm(network="unet", width=8, depth=1, steps=12, batch=8, sampling_steps=3),
        LABELLED,
    ),
    "ddpm velocity": (
        Ddpm(target="velocity", width=16, depth=1, steps=12, batch=8, sampling_steps=3),
        LABELLED,
    ),
    "ddpm vectors": (Ddpm(classes=0, width=16, depth=1, steps=12, clip=None), VECTORS),
    "stylegan2": (StyleGan2(width=8, latent=8, steps=12, batch=8), IMAGES),
    "stylegan2, all options": (
        StyleGan2(width=8, latent=8, steps=12, batch=8, relativistic=True, path=2.0, ada=0.6),
        IMAGES,
    ),
    "wgan_gp": (WganGp(width=8, latent=8, steps=12, critic_steps=2, batch=8), IMAGES),
    "wgan_gp mlp": (
        WganGp(network="mlp", width=8, latent=8, steps=12, critic_steps=2, batch=8),
        IMAGES,
    ),
    "wgan_gp vectors": (WganGp(width=8, latent=8, steps=12, critic_steps=2), VECTORS),
    "glow": (Glow(couplings=2, hidden=8, epochs=12, batch=64), VECTORS),
    "linear": (LinearGaussian(), VECTORS),
}
each = pytest.mark.parametrize("name", SMALL)
trained = pytest.mark.parametrize("name", [name for name in SMALL if name != "linear"])


def flat(samples: Any) -> Any:
    return samples["x"] if isinstance(samples, dict) else samples


@each
def test_fit_sample_save_load(name: str) -> None:
    model, data = SMALL[name]
    before = repr(model)
    fitted = model.fit(data, RNG(3))
    assert repr(model) == before
    found = fitted.sample(5, 1.0, RNG(4))
    assert flat(found).shape == (5, *flat(data).shape[1:])
    assert np.isfinite(flat(found)).all()
    saved = {key: np.asarray(value) for key, value in fitted.save().items()}
    again = model.load(saved).sample(5, 1.0, RNG(4))
    assert np.array_equal(flat(found), flat(again))
    assert len(flat(fitted.sample(0, 1.0, RNG(4)))) == 0


@trained
def test_half_precision_is_used_and_is_near(name: str) -> None:
    # bfloat16 has 8 bits: samples move by some percent, not to the bit; weights stay in float32.
    model, data = SMALL[name]
    if isinstance(model, Glow):
        pytest.skip("Glow's densities need full precision")
    half = replace(model, device=replace(model.device, mixed=True))
    plain, mixed = (flat(one.fit(data, RNG(3)).sample(64, 1.0, RNG(4))) for one in (model, half))
    assert mixed.dtype == np.float32
    assert not np.array_equal(plain, mixed)
    assert ((plain - mixed) ** 2).mean() < 0.1**2 * (plain**2).mean()


@each
def test_sigterm_ends_sampling(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = SMALL[name]
    fitted = model.fit(data, RNG(3))
    monkeypatch.setattr(train, "_stop", True)
    if isinstance(model, LinearGaussian):
        assert len(fitted.sample(5, 1.0, RNG(4))) == 5  # microseconds
        return
    with pytest.raises(SystemExit) as stop:
        fitted.sample(5, 1.0, RNG(4))
    assert stop.value.code == 143


@trained
def test_a_killed_fit_goes_on_to_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data = SMALL[name]
    whole = model.fit(data, RNG(3)).save()
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(checkpoint.Checkpoint, "due", lambda self: True)
    save, saves = checkpoint.Checkpoint.save, []

    def dying(self: checkpoint.Checkpoint, step: int, tensors: Any) -> None:
        save(self, step, tensors)
        saves.append(step)
        if step == 7:
            raise SystemExit

    monkeypatch.setattr(checkpoint.Checkpoint, "save", dying)
    with pytest.raises(SystemExit):
        model.fit(data, RNG(3), folder=tmp_path)
    again = model.fit(data, RNG(3), folder=tmp_path).save()
    assert saves[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    for key, value in whole.items():
        assert np.array_equal(np.asarray(value), np.asarray(again[key])), key


@trained
def test_a_loss_that_is_no_number_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = SMALL[name]
    broken = {"x": data["x"] * np.nan, "y": data["y"]} if isinstance(data, dict) else data * np.nan
    with pytest.raises(train.Stopped, match=r"the loss at step \d+ of \d+ is nan"):
        model.fit(broken, RNG(3))


def batches(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    from madtheory.deep.models import weights

    monkeypatch.setattr(weights, "ROWS", rows)


@trained
def test_samples_do_not_depend_on_the_batch(
    name: str, monkeypatch: pytest.MonkeyPatch, fitted: Callable[[str], Any]
) -> None:
    found = []
    for rows in (2, 3, 2048):
        batches(monkeypatch, rows)
        found.append(flat(fitted(name).sample(6, 1.0, RNG(4))))
    # The noise is the same; sums of a matrix product may be in another order.
    np.testing.assert_allclose(found[0], found[2], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[1], found[2], rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def fitted() -> Callable[[str], Any]:
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            model, data = SMALL[name]
            known[name] = model.fit(data, RNG(3))
        return known[name]

    return of


def test_a_couplings_scale_is_bounded() -> None:
    layer = glow.Coupling(4, 3)
    torch.nn.init.constant_(layer.net[-1].bias, 50.0)
    log_scale, shift = layer.parts(torch.zeros(1, 2))
    assert log_scale.detach().numpy() == pytest.approx(2.0)
    assert shift.detach().numpy() == pytest.approx(50.0)
