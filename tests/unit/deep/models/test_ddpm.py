"""DDPM: what its network is trained on, what guidance and clipping do."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from madtheory.deep import noise
from madtheory.deep.models import Ddpm
from madtheory.deep.models.ddpm import signal
from madtheory.deep.models.networks import Condition, Mlp, UNet, time_features

RNG = np.random.default_rng


class Told(nn.Module):
    """A network that predicts the label, or -1 for no class, and notes what it is told."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes, self.times, self.labels = classes, [], []
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        self.times += t.tolist()
        self.labels += label.tolist()
        value = torch.where(label == self.classes, -1.0, label.float())
        return self.one * value[:, None].expand_as(x)


def test_training_takes_every_time_and_drops_a_share_of_the_labels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, model = Told(2), Ddpm(classes=2, timesteps=4, steps=100, batch=20, dropout=0.25)
    monkeypatch.setattr(Ddpm, "build", lambda self, shape: net)
    model.fit({"x": np.zeros((20, 3), np.float32), "y": np.arange(20) % 2}, RNG(0))
    assert sorted(set(net.times)) == [0.25, 0.5, 0.75, 1.0]
    # 2,000 draws: four standard errors of a quarter are .039.
    assert np.mean(np.array(net.labels) == 2) == pytest.approx(0.25, abs=0.039)


def test_guidance_leads_away_from_no_class() -> None:
    model, x = Ddpm(classes=4, timesteps=10), torch.zeros(2, 3)
    for w, wanted in ((0.0, [1.0, 3.0]), (1.0, [3.0, 7.0]), (3.0, [7.0, 15.0])):
        found = model._predict(Told(4), x, 5, torch.tensor([1, 3]), w)  # (1 + w) c + w
        assert found[:, 0].tolist() == wanted


def test_a_clipped_sample_has_the_noise_that_is_left() -> None:
    model = Ddpm(classes=4, timesteps=10, sampling_steps=2, clip=0.5, shape=(1,))
    share, net = signal(10).tolist(), Told(4)
    found = model._denoise(net, 3, torch.arange(50), torch.full((50,), 3), 0.0).detach()
    # By hand: from time 10 over 5 to 0, predicted noise 3.
    z = noise.normals(3, torch.arange(50), 0, (1,)).double()
    for a, b in ((share[10], share[5]), (share[5], share[0])):
        clean = ((z - math.sqrt(1 - a) * 3.0) / math.sqrt(a)).clamp(-0.5, 0.5)
        z = math.sqrt(b) * clean + math.sqrt((1 - b) / (1 - a)) * (z - math.sqrt(a) * clean)
    assert float(found.abs().max()) <= 0.5
    torch.testing.assert_close(found.double(), z, rtol=1e-4, atol=1e-5)


def test_a_predicted_velocity_turns_sample_and_noise() -> None:
    """v = sqrt(a) noise - sqrt(1 - a) sample: by hand from time 10 over 5 to 0."""
    model = Ddpm(
        classes=4, timesteps=10, sampling_steps=2, clip=None, target="velocity", shape=(1,)
    )
    share, v = signal(10).tolist(), 3.0
    found = model._denoise(Told(4), 3, torch.arange(9), torch.full((9,), 3), 0.0).detach()
    z = noise.normals(3, torch.arange(9), 0, (1,)).double()
    for a, b in ((share[10], share[5]), (share[5], share[0])):
        clean, eps = (
            math.sqrt(a) * z - math.sqrt(1 - a) * v,
            math.sqrt(1 - a) * z + math.sqrt(a) * v,
        )
        z = math.sqrt(b) * clean + math.sqrt(1 - b) * eps
    torch.testing.assert_close(found.double(), z, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["mlp", "unet"])
def test_networks_hear_of_time_and_class(kind: str) -> None:
    torch.manual_seed(0)
    net: Any = Mlp((1, 8, 8), 16, 1, 3) if kind == "mlp" else UNet((1, 8, 8), 8, 1, 3)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.3)
    x, t, label = torch.randn(2, 1, 8, 8), torch.tensor([0.2, 0.2]), torch.tensor([1, 1])
    plain = net(x, t, label)
    assert (plain - net(x, t + 0.5, label)).abs().max() > 1e-3
    assert (plain - net(x, t, label + 2)).abs().max() > 1e-3


def test_features_of_time_are_waves_of_many_lengths() -> None:
    found = time_features(torch.tensor([0.0, 0.3]), 6)
    angle = 2 * math.pi * 0.3 * np.array([1.0, 1000.0**0.5, 1000.0]) / 10
    assert found[0].tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(found[1], [*np.sin(angle), *np.cos(angle)], atol=1e-4)
    assert Condition(8, 3).label.num_embeddings == 4
