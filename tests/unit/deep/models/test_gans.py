"""The two GANs: penalties at their weights, augmentation, sampling bias, the batches they see."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from madtheory.deep import train
from madtheory.deep.models import WganGp
from madtheory.deep.models.stylegan2 import StyleGan2, losses
from madtheory.deep.models.stylegan2 import model as stylegan
from madtheory.deep.models.stylegan2.networks import Discriminator, Synthesis, active

RNG = np.random.default_rng


def test_the_critic_sees_five_batches_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, draw = [], train.minibatch

    def minibatch(key: int, step: int, n: int, size: int) -> Any:
        seen.append(step)
        return draw(key, step, n, size)

    monkeypatch.setattr(train, "minibatch", minibatch)
    WganGp(width=4, latent=4, steps=3, batch=4).fit(RNG(0).normal(size=(20, 2)), RNG(0))
    assert seen == list(range(15))


def test_wgan_draws_its_latent_vectors_at_variance_bias() -> None:
    # Without a hidden layer the generator is affine: samples at bias 0 are its shift.
    model = WganGp(width=3, latent=3, depth=0, shape=(2,))
    model = model.load({"shape": np.array([2]), **weights(model.build((2,))[0])})
    none, quarter, one = (model.sample(6, bias, RNG(1)) for bias in (0.0, 0.25, 1.0))
    np.testing.assert_allclose(quarter - none, 0.5 * (one - none), rtol=1e-5, atol=1e-6)
    assert abs(one - none).max() > 0.1


def weights(module: nn.Module) -> dict[str, Any]:
    """Weights as a model saves them."""
    return {f"weights/{name}": value.numpy() for name, value in module.state_dict().items()}


def test_truncation_is_linear_in_psi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Synthesis, "forward", lambda self, w, grids: w[:, :1, None, None])
    model = StyleGan2(width=4, latent=4, depth=1)
    start = {"shape": np.array([1, 1, 1]), "centre": np.arange(4, dtype=np.float32)}
    model = model.load(start | weights(model.build((1, 1, 1))))
    none, half, one = (model.sample(5, psi, RNG(1)).ravel() for psi in (0.0, 0.5, 1.0))
    assert none.tolist() == [0.0] * 5
    np.testing.assert_allclose(half, 0.5 * one, rtol=1e-5)


# --- losses --------------------------------------------------------------------------------------


def test_length_of_a_path_and_its_running_mean() -> None:
    # images = sum of w over 2 x 3 pixels, noise 1: each slope is 6 / sqrt(6), over 4 coordinates.
    w = torch.ones(2, 4, requires_grad=True)
    images = w.sum(1)[:, None, None, None].expand(2, 1, 2, 3)
    found, new = losses.path_length(images, w, torch.tensor(1.0), torch.ones(2, 1, 2, 3))
    length = 2 * math.sqrt(6.0)
    assert float(new) == pytest.approx(1 + 0.01 * (length - 1), rel=1e-6)
    assert float(found) == pytest.approx((length - float(new)) ** 2, rel=1e-5)


def test_augmentation_keeps_what_does_not_change_from_left_to_right() -> None:
    # Flips and shifts are of columns; brightness and contrast are affine, and keep the order.
    x = torch.linspace(-1, 1, 6)[None, None, :, None].expand(8, 1, 6, 4)
    found = losses.augment(x, 1.0, torch.Generator().manual_seed(0))
    slope = (found - found[:, :, :1]) / (x - x[:, :, :1]).clamp_min(1e-9)
    assert bool((slope[:, :, 1:] > 0.3).all())
    assert float(slope[:, :, 1:].std(dim=(1, 2, 3)).max()) < 1e-5
    assert float(found.mean((1, 2, 3)).std()) > 0.05
    assert losses.augment(x, 0.0, torch.Generator()) is x


# --- networks ------------------------------------------------------------------------------------


def test_the_rectifier_has_gain_sqrt_2() -> None:
    assert active(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([2**0.5, -0.2 * 2**0.5])


def test_every_number_of_noise_is_used_once() -> None:
    torch.manual_seed(0)
    net = Synthesis((1, 16, 16), 4, 4)
    for layer in net.layers:
        nn.init.ones_(layer.noise)  # type: ignore[arg-type]
    noise = torch.randn(1, net.noise_size, requires_grad=True)
    net(torch.randn(1, 4), noise).square().sum().backward()
    assert noise.grad is not None
    assert int((noise.grad != 0).sum()) == net.noise_size == 4**2 + 2 * 8**2 + 2 * 16**2


def test_the_discriminator_sees_how_much_the_batch_varies() -> None:
    torch.manual_seed(0)
    net, seen = Discriminator((1, 8, 8), 4), []
    net.last.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    net(torch.randn(3, 1, 8, 8))
    h, spread = seen[0][:, :-1].double(), seen[0][:, -1]
    wanted = np.sqrt(h.numpy().var(axis=0) + 1e-8).mean()
    assert np.allclose(spread, wanted, rtol=1e-5)


# --- one step of both players --------------------------------------------------------------------


def turn(monkeypatch: pytest.MonkeyPatch, **how: Any) -> tuple[stylegan.Turn, dict[str, Any]]:
    """Two players whose losses are known, and what is asked of them."""
    seen: dict[str, Any] = {"penalty": [], "augmented": []}

    def penalty(net: nn.Module, x: Tensor) -> Tensor:
        seen["penalty"].append(x)
        return 3.0 * net.scale  # type: ignore[operator]

    def augment(x: Tensor, p: float, source: torch.Generator) -> Tensor:
        seen["augmented"].append((x, p))
        return x

    class Player(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return 0.0 * self.scale * x.flatten(1).sum(1, keepdim=True) + 1.0

    monkeypatch.setattr(losses, "gradient_penalty", penalty)
    monkeypatch.setattr(losses, "augment", augment)
    model = StyleGan2(width=4, latent=4, depth=1, **how)
    generator, discriminator = model.build((1, 4, 4)), Player()
    up, down = (torch.optim.SGD(net.parameters(), lr=1.0) for net in (generator, discriminator))
    return stylegan.Turn(model, generator, discriminator, up, down), seen  # type: ignore[arg-type]


@pytest.mark.parametrize("relativistic", [False, True])
def test_lazy_penalties_weigh_as_much_as_if_they_were_not(
    relativistic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"penalty": 2.0, "penalty_every": 4, "relativistic": relativistic}
    both, seen = turn(monkeypatch, **how)
    real = torch.zeros(5, 1, 4, 4)
    for step in range(8):
        both.take(step, real, train.generator(0, step))
    # Two penalties in eight steps, each of 1/2 penalty (3 on real images, and 3 on generated).
    times = 2 if relativistic else 1
    assert float(both.players[1].scale.detach()) == pytest.approx(-2 * 0.5 * 2.0 * 4 * 3 * times)
    assert [bool((x == 0).all()) for x in seen["penalty"]] == [True, False][:times] * 2


def test_the_path_penalty_is_lazy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[Tensor] = []

    def path_length(images: Tensor, w: Tensor, mean: Tensor, probe: Tensor) -> Any:
        lengths.append(mean)
        return images.mean(), mean + 1.0

    monkeypatch.setattr(losses, "path_length", path_length)
    both, _ = turn(monkeypatch, path=3.0, path_every=2)
    bias = both.players[0].synthesis.layers[-1].bias
    taken = []
    for step in range(4):
        before = bias.detach().clone()
        both.rise(step, torch.zeros(5, 1, 4, 4), train.generator(0, step))
        taken.append(float((bias.detach() - before).abs().sum()))
    assert [float(x) for x in lengths] == [0.0, 1.0]
    assert [x > 0 for x in taken] == [True, False, True, False]


def test_augmentation_of_both_players_and_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    both, seen = turn(monkeypatch, ada=0.6)
    real = torch.zeros(5, 1, 4, 4)
    for step in range(4 * 60):  # every fourth step .02 more: real images are seen as real
        both.take(step, real, train.generator(0, step))
    assert float(both.p) == pytest.approx(0.8)
    assert len(seen["augmented"]) == 3 * 240
    assert [p for _, p in seen["augmented"][:4]] == pytest.approx([0.0, 0.0, 0.02, 0.02])


def test_the_critics_slope_is_taken_between_real_and_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[Tensor] = []
    slope = WganGp.slope

    def seen(self: WganGp, critic: nn.Module, real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
        shares.append(share)
        return slope(self, critic, real, fake, share)

    monkeypatch.setattr(WganGp, "slope", seen)
    model = WganGp(network="mlp", width=4, depth=1, latent=2, steps=2, critic_steps=2, batch=64)
    model.fit(np.random.default_rng(0).standard_normal((64, 3)), np.random.default_rng(1))
    every = torch.cat(shares)
    assert float(every.min()) < 0.1
    assert float(every.max()) > 0.9
    assert float(every.mean()) == pytest.approx(0.5, abs=0.1)
