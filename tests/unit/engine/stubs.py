"""Models that the engine's tests run, and what they have seen."""

from dataclasses import dataclass, field, replace

import numpy as np

from madtheory.engine import run_loop
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation


class Normal:
    """The ten-line model: a normal law in one dimension."""

    def __init__(self, mean=0.0, std=1.0):
        self.mean, self.std = mean, std

    def fit(self, samples, rng):
        return type(self)(samples.mean(), samples.std(ddof=1))

    def sample(self, n, bias, rng):
        return rng.normal(self.mean, bias**0.5 * self.std, n)

    def save(self):
        return {"mean": np.array(self.mean), "std": np.array(self.std)}

    def load(self, arrays):
        return type(self)(arrays["mean"][()], arrays["std"][()])

    def fit_weighted(self, real, synthetic, weight, rng):
        mean = weight * real.mean() + (1 - weight) * synthetic.mean()
        return type(self)(mean, weight * real.std() + (1 - weight) * synthetic.std())


class Labelled:
    """A normal law in each of three classes, in the plane; samples carry their label."""

    def __init__(self, share=None, means=None):
        self.share, self.means = share, means

    def fit(self, samples, rng):
        x, label = samples["x"], samples["label"]
        share = np.bincount(label, minlength=3) / len(label)
        weight = np.maximum(share * len(label), 1.0)[:, None]
        sums = np.stack([x[label == k].sum(axis=0) for k in range(3)])
        return Labelled(share, sums / weight)

    def sample(self, n, bias, rng):
        label = rng.choice(3, n, p=self.share)
        return {"x": self.means[label] + bias * rng.normal(size=(n, 2)), "label": label}

    def save(self):
        return {"share": self.share, "means": self.means}

    def load(self, arrays):
        return Labelled(arrays["share"], arrays["means"])


class TorchLine:
    """A tiny torch model with a warm start: scale and shift of standard noise, by gradient."""

    warm_start = True

    def __init__(self, weights=None, steps=20):
        self.steps, self._weights = steps, weights

    def fit(self, samples, rng):
        import torch

        x = torch.as_tensor(samples, dtype=torch.float32)
        start = torch.zeros(2) if self._weights is None else self._weights
        w = start.clone().requires_grad_(True)
        for _ in range(self.steps):
            loss = ((x - w[0]) ** 2).mean() / w[1].exp() + w[1]
            (slope,) = torch.autograd.grad(loss, w)
            w = (w - 0.1 * slope).detach().requires_grad_(True)
        return TorchLine(w, self.steps)

    def sample(self, n, bias, rng):
        import torch

        noise = torch.as_tensor(rng.standard_normal(n), dtype=torch.float32)
        return self._weights[0] + (self._weights[1] / 2).exp() * bias**0.5 * noise

    def save(self):
        return {"weights": self._weights}

    def load(self, arrays):
        import torch

        return TorchLine(torch.as_tensor(arrays["weights"]), self.steps)


@dataclass
class Fit:
    """What one call of fit saw: rows (kind, generation of the model or call of the source, id)."""

    rows: np.ndarray
    weight: float | None = None
    n_real: int | None = None


@dataclass
class Spy:
    """Rows say where they come from: (1, generation of the model, serial number)."""

    _log: list = field(default_factory=list)
    _bias: list = field(default_factory=list)
    _generation: int = 0

    def _next(self, fit):
        self._log.append(fit)
        return Spy(self._log, self._bias, len(self._log))

    def fit(self, samples, rng):
        assert self._generation == 0, "fit must be called on the prototype"
        seen = Fit(samples.copy())
        samples[:] = -7  # A model may spoil what it is given.
        return self._next(seen)

    def fit_weighted(self, real, synthetic, weight, rng):
        return self._next(Fit(np.concatenate([real, synthetic]), weight, len(real)))

    def sample(self, n, bias, rng):
        self._bias.append(bias)
        serial = rng.integers(2**50, size=n)
        return np.stack([np.full(n, 1), np.full(n, self._generation), serial], axis=1)

    def save(self):
        return {"generation": np.array(self._generation)}

    def load(self, arrays):
        return Spy(self._log, self._bias, int(arrays["generation"]))


class Tap:
    """Real data without end: rows (0, call, id), and the bias of every call."""

    def __init__(self):
        self._calls = []

    def sample(self, n, bias, rng):
        self._calls.append((n, bias))
        return np.stack([np.zeros(n), np.full(n, len(self._calls)), np.arange(n)], axis=1)


def people(n):
    """A finite population of n rows (0, 0, id)."""
    return np.stack([np.zeros(n, int), np.zeros(n, int), np.arange(n)], axis=1)


def run_spy(loop, data, generations=12, **options):
    spy = Spy()
    run_loop(loop, spy, data, generations=generations, **options)
    return spy._log, spy._bias


def ids(rows):
    return {tuple(row) for row in rows.tolist()}


GENERAL = Loop(
    n_initial=8, n_fixed=5, n_fresh=3, n_synth=4, memory=2, pool="accumulate", pool_cap=3, bias=0.5
)

LOOPS = {
    "synthetic": fully_synthetic(6, bias=0.7, n_initial=9),
    "augmentation": synthetic_augmentation(7, 3),
    "accumulate": synthetic_augmentation(7, 3, pool="accumulate"),
    "capped": synthetic_augmentation(7, 3, pool="accumulate", pool_cap=4),
    "one batch": synthetic_augmentation(7, 3, pool="accumulate", pool_cap=1),
    "budget": synthetic_augmentation(7, 3, pool="accumulate", budget=15),
    "fresh": fresh_data(5, 8, n_initial=11),
    "memory": fresh_data(5, 8, memory=3),
    "all models": fresh_data(5, 8, memory=None),
    "weighted": fresh_data(5, 8, weight=0.25),
    "weighted pool": synthetic_augmentation(7, 3, pool="accumulate", weight=0.6),
    "small first": Loop(n_initial=4, n_fixed=10, n_synth=3),
    "large first": Loop(n_initial=10, n_fixed=4, n_fresh=2, n_synth=3),
    "general": GENERAL,
    "general budget": replace(GENERAL, pool_cap=None, budget=9),
}


def labelled_data(n=60):
    rng = np.random.default_rng(1)
    label = rng.integers(3, size=n)
    return {"x": rng.normal(size=(n, 2)) + 4.0 * label[:, None], "label": label}


def trace(model, samples, rng):
    return model._weights  # As a tensor that wants a gradient.


CASES = {
    "normal": (Normal, lambda: np.random.default_rng(0).normal(size=60), lambda m, x, r: m.std),
    "labelled": (
        Labelled,
        labelled_data,
        lambda m, x, r: np.append(m.share, x["x"].mean() + r.random()),
    ),
    "torch": (TorchLine, lambda: np.random.default_rng(0).normal(size=60), trace),
}


def run_case(case, loop, **options):
    model, data, metric = CASES[case]
    rows = data()
    return run_loop(loop, model(), rows, metrics={"m": metric}, **{"generations": 9, **options})


class Stop(BaseException):
    """An interrupt of our own."""


def stop_at(t):
    def progress(generation, _):
        if generation == t:
            raise Stop

    return progress


def content(folder):
    """All that must not depend on where a run was interrupted."""
    names = ("config.json", "stats.jsonl")
    return [(folder / name).read_bytes() for name in names]


def start(out, **changes):
    options = {
        "loop": LOOPS["capped"],
        "model": Normal(),
        "data": np.arange(50.0),
        "generations": 6,
        "metrics": {"std": lambda m, x, r: m.std},
        "seed": 0,
        "every": 1,
        **changes,
    }
    return run_loop(
        options.pop("loop"), options.pop("model"), options.pop("data"), out=out, **options
    )


def std(model, samples, rng):
    return model.std
