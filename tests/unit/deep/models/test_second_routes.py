"""Each model's mathematics by another way."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from madtheory.deep.gain import sampler_gain
from madtheory.deep.models import Ddpm, LinearGaussian, WganGp
from madtheory.deep.models.ddpm import guidance_weight, signal
from madtheory.deep.models.glow import Flow
from madtheory.deep.models.stylegan2 import losses
from madtheory.deep.models.stylegan2.networks import Modulated

RNG = np.random.default_rng


def test_signal_is_the_product_of_a_thousand_steps() -> None:
    # Ho et al. (2020): alpha-bar_1000 = 4.0e-5 at linear betas from 1e-4 to 2e-2.
    assert float(signal(1000)[-1]) == pytest.approx(4.0358e-5, rel=1e-4)
    assert float(signal(500)[-1]) == pytest.approx(float(signal(1000)[-1]), rel=0.2)


def test_both_conventions_of_guidance() -> None:
    assert [guidance_weight(bias) for bias in (1.0, 0.5, 0.25)] == [0.0, 1.0, 3.0]
    with pytest.raises(ValueError, match=r"bias must be in \(0, 1\], got 1.5"):
        guidance_weight(1.5)


class Exact(nn.Module):
    """The noise that N(m, s^2) data would have on average, in closed form."""

    def __init__(self, timesteps: int, mean: float, std: float) -> None:
        super().__init__()
        self.share, self.timesteps, self.law = signal(timesteps), timesteps, (mean, std)

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        a = self.share[(t * self.timesteps).round().long()].float()[:, None]
        mean, std = self.law
        away = x - torch.sqrt(a) * mean
        return torch.sqrt(1 - a) * away / (a * std**2 + 1 - a)


def moments(sampler: str, steps: int, mean: float, std: float) -> tuple[float, float]:
    """Mean and variance of a sampler with an exact denoiser: each step is affine.

    Ancestral steps by the posterior q(x_s | x_t, x_0) as Ho et al. (2020) write it; DDIM by the
    same share of signal and noise at the next time.
    """
    share, m, v = signal(500).double().numpy(), 0.0, 1.0
    times = np.linspace(500, 0, steps + 1).round().astype(int)
    for a, b in zip(share[times], share[times[1:]], strict=False):
        gain = math.sqrt(a) * std**2 / (a * std**2 + 1 - a)  # E[x0 | x] - mean, over x - E x
        if sampler == "ancestral":
            to_clean, to_x = (
                math.sqrt(b) * (1 - a / b) / (1 - a),
                math.sqrt(a / b) * (1 - b) / (1 - a),
            )
            added = (1 - b) / (1 - a) * (1 - a / b)
        else:
            to_x = math.sqrt((1 - b) / (1 - a))
            to_clean, added = math.sqrt(b) - math.sqrt(a) * to_x, 0.0
        m = to_clean * (mean + gain * (m - math.sqrt(a) * mean)) + to_x * m
        v = (to_clean * gain + to_x) ** 2 * v + added
    return m, v


@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 50), ("ancestral", 500)])
@pytest.mark.parametrize("std", [3.0, 0.5, 0.05])
def test_the_gain_of_a_sampler(sampler: str, steps: int, std: float) -> None:
    model = Ddpm(sampler=sampler, sampling_steps=50)  # type: ignore[arg-type]
    _, variance = moments(sampler, steps, 0.3, std)
    assert sampler_gain([std], model)[0] == pytest.approx(variance / std**2, rel=1e-12)


def test_more_and_better_steps_lose_less() -> None:
    std = [1.0, 0.2, 0.05]
    few, late, many = (
        sampler_gain(std, Ddpm(sampling_steps=n, spacing=x))
        for n, x in ((50, 1), (50, 2), (500, 1))
    )
    assert (few < late).all()
    assert (late < many).all()
    assert (many < 1).all()
    with pytest.raises(ValueError, match="std must be positive, got"):
        sampler_gain([0.0], Ddpm())


@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 50), ("ancestral", 500)])
def test_samplers_give_the_law_of_an_exact_denoiser(sampler: str, steps: int) -> None:
    # 4,000 samples: standard errors .008 (mean) and 1.1 % (std).
    model = Ddpm(classes=0, clip=None, sampler=sampler, sampling_steps=50, shape=(1,))  # type: ignore[arg-type]
    index = torch.arange(4000)
    label = torch.zeros(len(index), dtype=torch.long)
    with torch.no_grad():
        x = model._denoise(Exact(500, 0.3, 0.5), 1, index, label, 0.0)
    mean, variance = moments(sampler, steps, 0.3, 0.5)
    assert float(x.mean()) == pytest.approx(mean, abs=0.03)
    assert float(x.std()) == pytest.approx(math.sqrt(variance), rel=0.04)
    # Few steps leave the law too narrow: 50 of DDIM by 6 %, all 500 ancestral ones by 2 %.
    assert 0.94 < math.sqrt(variance) / 0.5 < 0.99


class Velocity(Exact):
    """The velocity sqrt(a) noise - sqrt(1 - a) sample of the same data, in closed form."""

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        eps = super().forward(x, t, label)
        a = self.share[(t * self.timesteps).round().long()].float()[:, None]
        clean = (x - torch.sqrt(1.0 - a) * eps) / torch.sqrt(a)
        return torch.sqrt(a) * eps - torch.sqrt(1.0 - a) * clean


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_noise_and_velocity_give_the_same_samples(sampler: str) -> None:
    model = Ddpm(classes=0, clip=None, sampler=sampler, sampling_steps=50, shape=(1,))  # type: ignore[arg-type]
    index, label = torch.arange(100), torch.zeros(100, dtype=torch.long)
    other = replace(model, target="velocity")
    with torch.no_grad():
        x = model._denoise(Exact(500, 0.3, 0.5), 1, index, label, 0.0)
        y = other._denoise(Velocity(500, 0.3, 0.5), 1, index, label, 0.0)
    # Single precision, where noise is divided by sqrt(a) = .006 at first.
    np.testing.assert_allclose(x, y, atol=2e-3)


def test_training_aims_at_the_velocity() -> None:
    # All samples are 1: the noise is known from x, and so is the velocity, which is all but -1
    # where all is noise, whatever x is; the noise itself would be all but x there.
    data = np.ones((64, 1), np.float32)
    model = Ddpm(classes=0, target="velocity", width=16, depth=1, steps=400, clip=None)
    fitted = model.fit(data, RNG(0))
    network = fitted.build((1,))
    network.load_state_dict(fitted.weights or {})
    x = torch.tensor([[-1.0], [0.0], [1.0]])
    with torch.no_grad():
        found = network(x, torch.ones(3), torch.zeros(3, dtype=torch.long))
    np.testing.assert_allclose(found, -1.0, atol=0.3)


@pytest.mark.parametrize(("d", "n"), [(1, 5), (3, 12), (8, 10), (10, 300)])
def test_gradient_descent_ends_at_the_sample_covariance(d: int, n: int) -> None:
    x = RNG(d).normal(size=(n, d)) @ RNG(d + 1).normal(size=(d, d)) + 3.0
    found = LinearGaussian().fit(x, RNG(0))
    np.testing.assert_allclose(found.mean, x.mean(0), rtol=1e-12)
    wanted = np.cov(x.T, ddof=0).reshape(d, d)
    # Relative to the largest entry: small ones are sums of large terms.
    assert abs(found.factor @ found.factor.T - wanted).max() < 1e-11 * abs(wanted).max()


def test_a_flow_is_its_inverse_and_its_density_is_that_of_the_map() -> None:
    torch.manual_seed(0)
    flow = Flow(3, 2, 8).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.3)
    z = torch.randn(4, 3, dtype=torch.float64)
    x = flow.inverse(z).detach()
    for row, latent in zip(x, z, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow.inverse(v[None])[0], latent)
        wanted = -0.5 * (latent @ latent) - 1.5 * math.log(2 * math.pi)
        wanted = wanted - torch.linalg.slogdet(jacobian)[1]
        assert flow.log_density(row[None]).item() == pytest.approx(wanted.item(), rel=1e-10)


def test_modulation_scales_weights() -> None:
    torch.manual_seed(0)
    layer = Modulated(4, 5, 3, 6, True)
    x, w = torch.randn(2, 4, 7, 7), torch.randn(2, 6)
    found = layer(x, w)
    for i in range(2):
        weight = layer.scale * layer.weight * layer.style(w)[i][None, :, None, None]
        weight = weight / torch.sqrt((weight**2).sum((1, 2, 3), keepdim=True) + 1e-8)
        torch.testing.assert_close(found[i], F.conv2d(x[i : i + 1], weight, padding=1)[0])


class Plane(nn.Module):
    """A critic whose gradient is known."""

    def forward(self, x: Tensor) -> Tensor:
        return 3.0 * x.flatten(1)[:, 0] + 4.0 * x.flatten(1)[:, 1]


def test_penalties_of_a_plane() -> None:
    x = torch.randn(6, 2)
    slope = WganGp().slope(Plane(), x, x + 1.0, torch.rand(6))
    assert float(slope) == pytest.approx((5.0 - 1.0) ** 2)
    assert float(losses.gradient_penalty(Plane(), x)) == pytest.approx(25.0)


def test_losses_of_two_players() -> None:
    real, fake = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.5], [-1.0]])

    def soft(*values: float) -> float:
        return float(np.mean(np.log1p(np.exp(values))))

    down, up = losses.logistic(real, fake, False)
    assert float(down) == pytest.approx(soft(0.5, -1.0) + soft(-1.0, -2.0))
    assert float(up) == pytest.approx(soft(-0.5, 1.0))
    down, up = losses.logistic(real, fake, True)
    assert float(down) == pytest.approx(soft(-0.5, -3.0))
    assert float(up) == pytest.approx(soft(0.5, 3.0))
