"""A LeNet trained on the real training set; its last hidden layer is what FID compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from madtheory._types import Array, Ints, Numbers
from madtheory.deep import train
from madtheory.deep.models.weights import ROWS

WIDTH = 64


class LeNet(nn.Module):
    """Two convolutions, each followed by a halving, and a hidden layer of 64."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        c, h, w = shape
        self.conv_1, self.conv_2 = nn.Conv2d(c, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.hidden = nn.Linear(32 * (h // 4) * (w // 4), WIDTH)
        self.leave = nn.Linear(WIDTH, classes)

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer, shape (batch, 64)."""
        h = F.max_pool2d(F.relu(self.conv_1(x)), 2)
        h = F.max_pool2d(F.relu(self.conv_2(h)), 2)
        return F.relu(self.hidden(h.flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.leave(self.features(x))
        return out


@dataclass(frozen=True, slots=True)
class Classifier:
    """Features and labels of images by a trained network; `accuracy` is that on the test set."""

    network: LeNet
    accuracy: float

    def _batches(self, images: Numbers, of: Any) -> Numbers:
        x = torch.as_tensor(np.asarray(images, np.float32))
        with torch.no_grad():
            return np.concatenate([of(part).numpy() for part in x.split(ROWS)])

    def features(self, images: Numbers) -> Array:
        """Features, shape (n, 64)."""
        return self._batches(images, self.network.features).astype(np.float64)

    def labels(self, images: Numbers) -> Ints:
        """The likeliest class of each image."""
        return self._batches(images, lambda part: self.network(part).argmax(1))


def train_lenet(data: Any, *, epochs: int = 3, batch: int = 128, seed: int = 0) -> Classifier:
    """Train on a labelled data set."""
    x, y = torch.as_tensor(data.train["x"]), torch.as_tensor(data.train["y"])
    steps = max(300, epochs * len(x) // batch)
    with train.Device().use(seed):
        network = LeNet(tuple(x.shape[1:]), data.classes)
        optimiser = torch.optim.Adam(network.parameters())

        def update(step: int) -> Tensor:
            rows = torch.as_tensor(train.minibatch(seed, step, len(x), batch))
            train.set_rate(optimiser, train.one_cycle(step, steps, 3e-3))
            loss = F.cross_entropy(network(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            return loss.detach()

        train.run(train.Fit({"net": network}, {"net": optimiser}, {}), update, steps)
    found = Classifier(network.eval(), 0.0)
    right = float((found.labels(data.test) == data.labels).mean())
    return Classifier(network, right)
