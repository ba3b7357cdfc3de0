"""Models of a few steps, and networks at weights that a formula makes."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from madtheory.deep import (
    gain,
    run,
    train,
)
from madtheory.deep.features import lenet
from madtheory.deep.models import (
    Ddpm,
    Glow,
    LinearFlow,
    LinearGaussian,
    WganGp,
    ddpm,
    glow,
    linear,
    networks,
    wgan_gp,
)
from madtheory.deep.models.stylegan2 import StyleGan2, losses
from madtheory.deep.models.stylegan2 import networks as style
from madtheory.deep.models.weights import in_batches
from tests.snapshot.rooms.small import IMAGES, LABELLED, RNG, VECTORS, Found
from tests.snapshot.told import answer, put, several, whole

SMALL: dict[str, tuple[Any, Any, float]] = {
    "ddpm mlp": (Ddpm(width=16, depth=1, steps=5, batch=8, sampling_steps=3), LABELLED, 0.7),
    "ddpm unet": (
        Ddpm(network="unet", width=8, depth=1, steps=3, batch=8, sampling_steps=3),
        LABELLED,
        0.5,
    ),
    "ddpm velocity": (
        Ddpm(target="velocity", width=16, depth=1, steps=5, batch=8, spacing=2.0, sampling_steps=4),
        LABELLED,
        0.8,
    ),
    "ddpm vectors": (
        Ddpm(classes=0, width=16, depth=2, steps=5, clip=None, sampler="ancestral", timesteps=9),
        VECTORS,
        1.0,
    ),
    "stylegan2": (StyleGan2(width=8, latent=8, steps=5, batch=8), IMAGES, 0.7),
    "stylegan2, all options": (
        StyleGan2(
            width=8,
            latent=8,
            steps=9,
            batch=8,
            relativistic=True,
            path=2.0,
            ada=0.0,
            path_every=2,
            penalty_every=3,
        ),
        IMAGES,
        1.0,
    ),
    "wgan_gp": (WganGp(width=8, latent=8, steps=4, critic_steps=2, batch=8), IMAGES, 0.7),
    "wgan_gp mlp": (
        WganGp(network="mlp", width=8, latent=8, steps=4, critic_steps=2, batch=8),
        IMAGES,
        1.0,
    ),
    "wgan_gp vectors": (WganGp(width=8, latent=8, steps=4, critic_steps=2), VECTORS, 0.5),
    "glow": (Glow(couplings=2, hidden=8, epochs=4, batch=16), VECTORS, 0.7),
    "flow": (LinearFlow(epochs=4, batch=25), VECTORS, 0.7),
    "linear": (LinearGaussian(), VECTORS, 0.7),
}


def fits() -> Found:
    """A few steps of each model, and samples: of one processor to the bit."""
    for name, (model, rows_, bias) in SMALL.items():
        fitted = model.fit(rows_, RNG(3))
        yield (
            f"fit {name}",
            whole([fitted.sample(5, bias, RNG(4)), fitted.save(), run.n_params(fitted)]),
        )
        yield (
            f"refused {name}",
            answer(
                lambda f=fitted: f.sample(2, 1.5, RNG(0)) if "ddpm" in repr(f).lower() else None
            ),
        )
    numbers = SimpleNamespace(device=train.Device(), sampling=lambda: lambda i: i[:, None])
    yield (
        "in batches",
        whole([in_batches(numbers, 0, (2,)), in_batches(numbers, 3, (1,))]),
    )


def filled(module: nn.Module, scale: float = 0.3) -> nn.Module:
    """Weights by a formula, so that values hold on every machine."""
    with torch.no_grad():
        for k, p in enumerate(module.parameters()):
            at = torch.arange(p.numel(), dtype=torch.float64)
            p.copy_((scale * torch.sin(0.7 * at + k)).reshape(p.shape))
    return module.eval()


def forward() -> Found:
    """Values of networks, losses and maps at weights and inputs that a formula makes."""
    x, t = torch.as_tensor(IMAGES[:3]), torch.tensor([0.1, 0.5, 0.9])
    y, v = torch.tensor([0, 3, 10]), torch.as_tensor(VECTORS[:4])
    with torch.no_grad():
        yield "time", whole(networks.time_features(t, 8))
        for name, net in {
            "mlp": networks.Mlp((1, 8, 8), 8, 2, 10),
            "unet": networks.UNet((1, 8, 8), 8, 1, 10),
            "unet 2": networks.UNet((1, 8, 8), 8, 2, 10),
        }.items():
            yield f"network {name}", whole(filled(net)(x, t, y))
        yield "grow", whole(filled(wgan_gp.grow(4, 4, (1, 8, 8)))(torch.ones(2, 4)))
        yield "shrink", whole(filled(wgan_gp.shrink(4, (1, 8, 8)))(x))
        yield "perceptron", whole(filled(wgan_gp.perceptron(3, 5, 2, 2))(v))
        net = lenet.LeNet((1, 8, 8), 10)
        yield (
            "lenet",
            whole([filled(net)(x), net.features(x), lenet.Classifier(net, 0.0).labels(IMAGES[:3])]),
        )
        for side in (8, 7):
            gen = filled(style.Generator((2, side, side), 8, 4, 2))
            z = torch.as_tensor(RNG(5).normal(size=(3, 4)).astype(np.float32))
            grids = torch.ones(3, gen.synthesis.noise_size) * torch.linspace(
                -1, 1, gen.synthesis.noise_size
            )
            shown = gen(z, grids)
            yield (
                f"stylegan2 {side}",
                whole(
                    [gen.mapping(z), shown, filled(style.Discriminator((2, side, side), 8))(shown)]
                ),
            )
        yield "sides", [style.sides(n) for n in (4, 5, 6, 7, 8, 9, 12, 16, 28, 32, 33)]
        flow = filled(glow.Flow(3, 2, 4)).double()
        z = v.double()
        yield (
            "flow",
            whole([flow.log_density(z), flow.inverse(z), flow.layers[0](z), flow.layers[1](z)]),
        )
        glow.whiten(flow, z)
        yield "whitened", whole([flow.layers[0](z)])
        yield (
            "descended",
            whole(linear.descend(torch.eye(3).double(), torch.as_tensor(np.cov(VECTORS.T)), 0.2)),
        )
        for model in (
            Ddpm(),
            Ddpm(timesteps=20, sampling_steps=7, spacing=2.0),
            Ddpm(sampler="ancestral", timesteps=9),
        ):
            yield (
                f"times {model.sampler} {model.timesteps}",
                whole(
                    [
                        ddpm.timesteps(model),
                        ddpm.signal(model.timesteps),
                        gain.sampler_gain([2.0, 0.5, 0.1], model),
                    ]
                ),
            )
        yield from several("guidance", ddpm.guidance_weight, 1.0, 0.5, 0.1, 0.0, 1.5, -1.0)
        yield from several(
            "gain refused", lambda s: gain.sampler_gain(s, Ddpm()), [0.0], [-1.0], [math.inf]
        )
        for k, model in enumerate(
            (
                Ddpm(shape=(2,), sampling_steps=5, timesteps=30),
                Ddpm(shape=(2,), clip=None, sampler="ancestral", timesteps=8),
                Ddpm(shape=(2,), target="velocity", sampling_steps=5, timesteps=30, clip=0.5),
            )
        ):
            net = filled(networks.Mlp((2,), 8, 1, 10))
            yield (
                f"denoised {k}",
                whole(
                    [
                        model._denoise(net, 3, torch.arange(4), torch.arange(4), w)
                        for w in (0.0, 1.0)
                    ]
                ),
            )
        for p in (0.0, 0.3, 1.0):
            yield f"augmented {p}", whole(losses.augment(x, p, train.generator(0, 1)))
    real, fake = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.5], [-1.0]])
    yield "losses", whole([losses.logistic(real, fake, r) for r in (False, True)])
    critic = filled(wgan_gp.shrink(4, (1, 8, 8)))
    yield (
        "slopes",
        whole([WganGp().slope(critic, x, x.flip(0), t), losses.gradient_penalty(critic, x)]),
    )
    gen = filled(style.Generator((1, 8, 8), 8, 4, 1))
    w = torch.ones(2, 4).requires_grad_()
    drawn = gen.synthesis(w, torch.ones(2, gen.synthesis.noise_size))
    yield (
        "path length",
        whole(losses.path_length(drawn, w, torch.tensor(0.5), torch.ones_like(drawn))),
    )
    steps = list[int]()
    train_on = SimpleNamespace(
        train={"x": IMAGES, "y": LABELLED["y"]}, classes=10, test=IMAGES, labels=LABELLED["y"]
    )
    with put(
        lenet.train,
        run=lambda fit, update, n: steps.extend(
            [n, *(0 for s in range(2) if update(s) is not None)]
        ),
    ):
        yield (
            "lenet trained",
            whole(
                [
                    steps,
                    lenet.train_lenet(train_on, epochs=2, batch=8).network.state_dict(),
                    lenet.train_lenet(train_on, epochs=100, batch=8).accuracy,
                ]
            ),
        )
    yield "lenet steps", steps
