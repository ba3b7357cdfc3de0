"""The engine: what every generation is trained on, what lies on disk, how a run goes on."""

import itertools
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from madtheory.engine import (
    Curves,
    LoopStopped,
    bands,
    read_curves,
    read_model,
    run_loop,
    run_seeds,
    store,
)
from madtheory.engine import samples as rows
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def save_always(monkeypatch):
    """A state after every generation."""
    monkeypatch.setattr(store, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(store, "SAVE_SHARE", 1e12)


# --- models --------------------------------------------------------------------------------------


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


# --- what a generation is trained on -------------------------------------------------------------

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


@pytest.mark.parametrize("source", ["rows", "tap"])
@pytest.mark.parametrize("name", LOOPS)
def test_every_generation_sees_what_the_loop_says(name, source, tmp_path):
    loop, data = LOOPS[name], people(40) if source == "rows" else Tap()
    log, biases = run_spy(loop, data, out=tmp_path / "run")
    assert len(log) == 12
    assert set(biases) == {loop.bias}
    first = log[0].rows
    assert len(first) == len(ids(first)) == loop.n_initial
    assert (first[:, 0] == 0).all()
    text = (tmp_path / "run" / "stats.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    fixed = None
    for t, seen in enumerate(log[1:], start=2):
        real, synthetic = seen.rows[seen.rows[:, 0] == 0], seen.rows[seen.rows[:, 0] == 1]
        assert lines[t - 1]["n_real"] == len(real)
        assert lines[t - 1]["n_synth"] == len(synthetic)
        kept = 1 if loop.pool == "replace" else min(t - 1, loop.pool_cap or t)
        pooled = loop.n_fixed + kept * loop.n_synth
        if loop.budget is not None and pooled > loop.budget:
            assert len(seen.rows) == loop.budget + loop.n_fresh
            continue
        assert len(real) == loop.n_real
        assert len(synthetic) == kept * loop.n_synth
        # The fixed set comes first, the fresh one last, or both before a weighted synthetic one.
        now = ids(seen.rows[: loop.n_fixed])
        assert now == (now if fixed is None else fixed)
        fixed = now
        assert seen.weight == loop.weight
        if loop.weight is not None:
            assert seen.n_real == loop.n_real
    if fixed:
        assert len(fixed & ids(first)) == loop.n_shared


@pytest.mark.parametrize("cap", [None, 1, 4])
def test_a_pool_keeps_the_newest_batches(cap):
    log, _ = run_spy(synthetic_augmentation(7, 3, pool="accumulate", pool_cap=cap), people(20))
    for t, seen in enumerate(log[1:], start=2):
        synthetic = seen.rows[seen.rows[:, 0] == 1]
        oldest = 1 if cap is None else max(t - cap, 1)
        # Each batch comes from the model of its time, oldest first.
        assert synthetic[:, 1].tolist() == np.repeat(np.arange(oldest, t), 3).tolist()
        if t > 2:
            before = log[t - 2].rows
            assert len(ids(synthetic) & ids(before)) == len(synthetic) - 3


@pytest.mark.parametrize("memory", [1, 3, None])
def test_samples_come_from_uniformly_drawn_models(memory):
    """Counts by model against the multinomial; a window off by one fails at once."""
    T, n = 60, 200
    log, _ = run_spy(fully_synthetic(n), people(300), T)
    assert all((seen.rows[:, 1] == t - 1).all() for t, seen in enumerate(log[1:], start=2))
    log, _ = run_spy(Loop(n_initial=9, n_synth=n, memory=memory), people(300), T)
    square, dof, lag = 0.0, 0, 0.0
    for t, seen in enumerate(log[1:], start=2):
        window = range(max(1, t - (memory or t)), t)
        counts = np.array([(seen.rows[:, 1] == g).sum() for g in window])
        assert counts.sum() == n
        expected = n / len(window)
        square += ((counts - expected) ** 2 / expected).sum()
        dof += len(window) - 1
        lag += counts[-1] - expected
    if dof:
        # Both tails: equal shares for all models, without multinomial noise, fail the lower one.
        assert 1e-3 < stats.chi2.sf(square, dof) < 1 - 1e-3


def test_a_budget_draws_uniformly_without_replacement():
    """Inclusion of each fixed row over 1500 generations: 12/22 each, sd .0129."""
    loop = synthetic_augmentation(10, 3, pool="accumulate", pool_cap=4, budget=12)
    log, _ = run_spy(loop, people(10), 1505)
    later = [seen.rows for seen in log[5:]]
    assert all(len(rows) == len(ids(rows)) == 12 for rows in later)
    real = np.concatenate([rows[rows[:, 0] == 0, 2] for rows in later])
    share = np.bincount(real, minlength=10) / len(later)
    assert np.abs(share - 12 / 22).max() < 4.5 * np.sqrt(12 / 22 * 10 / 22 / len(later))
    # Of the synthetic rows, each of the four batches has the same chance.
    age = [t - rows[rows[:, 0] == 1, 1] for t, rows in enumerate(later, start=6)]
    counts = np.bincount(np.concatenate(age))[1:]
    assert len(counts) == 4
    assert np.abs(counts / len(later) - 3 * 12 / 22).max() < 0.15


def test_fresh_rows_are_drawn_uniformly_and_independently():
    """2000 batches of 5 of 20: each row a quarter of the time, sd .0097; none twice in a batch."""
    log, _ = run_spy(fresh_data(5, 2), people(20), 2001)
    batches = [seen.rows[seen.rows[:, 0] == 0, 2] for seen in log[1:]]
    assert all(len(set(batch)) == 5 for batch in batches)
    share = np.bincount(np.concatenate(batches), minlength=20) / 2000
    assert np.abs(share - 0.25).max() < 4.5 * 0.0097
    overlap = np.mean([len(set(a) & set(b)) for a, b in itertools.pairwise(batches)])
    assert abs(overlap - 1.25) < 5 * np.sqrt(0.74 / 2000)


def test_a_biased_first_generation_needs_a_source():
    loop = fully_synthetic(6, bias=0.5, first_generation="biased")
    tap = Tap()
    run_spy(loop, tap)
    assert tap._calls == [(6, 0.5)]
    with pytest.raises(ValueError, match="data must have a method sample for a biased first"):
        run_loop(loop, Normal(), np.arange(30.0), generations=2)


def test_a_biased_first_sample_is_not_the_fixed_set():
    loop = Loop(n_initial=6, n_fixed=4, n_synth=3, bias=0.5, first_generation="biased")
    tap = Tap()
    log, _ = run_spy(loop, tap)
    assert tap._calls == [(6, 0.5), (4, 1.0)]
    assert not ids(log[0].rows) & ids(log[1].rows[:4])


def test_a_source_that_sorts_its_samples_is_nested_at_random():
    """Six shared of ten: were one sorted batch cut, the first sample would hold the low half."""

    class Sorted:
        def sample(self, n, bias, rng):
            return np.sort(rng.random(n))

    seen = []
    loop = Loop(n_initial=50, n_fixed=100, n_synth=5)
    run_loop(
        loop, Normal(), Sorted(), generations=1, metrics={"x": lambda m, x, r: seen.append(x) or 0}
    )
    assert seen[0].max() > 0.8


def test_bias_one_half_halves_the_variance():
    """The engine passes lambda on as it is: E std_2 / std_1 at lambda = 1/4 is 1/2, sd .007."""
    curves = run_loop(
        fully_synthetic(10_000, bias=0.25),
        Normal(),
        np.random.default_rng(0).normal(size=20_000),
        generations=2,
        metrics={"std": lambda model, samples, rng: model.std},
    )
    one, two = curves.metrics["std"]
    assert abs(two / one - 0.5) < 0.02


# --- every kind of model -------------------------------------------------------------------------


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


PAIRS = [
    *(("normal", name) for name in ("capped", "accumulate", "general", "memory")),
    *((case, "general budget") for case in CASES),
]


@pytest.mark.parametrize(("case", "name"), PAIRS)
def test_interrupted_runs_go_on_to_the_same_bits(case, name, tmp_path, save_always):
    loop, model = LOOPS[name], CASES[case][0]()
    whole = run_case(case, loop, out=tmp_path / "whole")
    assert whole.digest == run_case(case, loop).digest
    # At every generation once, all in one run.
    for t in range(1, 9):
        with pytest.raises(Stop):
            run_case(case, loop, out=tmp_path / "parts", progress=stop_at(t))
        assert read_curves(tmp_path / "parts").reached == t
    parts = run_case(case, loop, out=tmp_path / "parts")
    assert parts.digest == whole.digest
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    ends = [
        rows.digest(rows.as_arrays("model", read_model(tmp_path / name, model).save()))
        for name in ("whole", "parts")
    ]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("case", CASES)
def test_weights_and_warm_starts(case, tmp_path):
    if case != "normal":
        with pytest.raises(TypeError, match="model must have a method fit_weighted"):
            run_case(case, LOOPS["weighted"])
        return
    assert run_case(case, LOOPS["weighted pool"]).reached == 9


def test_a_warm_start_is_fitted_by_the_model_before():
    started = []

    class Warm(Normal):
        warm_start = True

        def fit(self, samples, rng):
            started.append(self)
            return super().fit(samples, rng)

    prototype, fitted = Warm(), []
    run_loop(
        fully_synthetic(5),
        prototype,
        np.arange(30.0),
        generations=4,
        metrics={"m": lambda model, x, r: fitted.append(model) or 0.0},
    )
    assert started[0] is prototype
    assert all(a is b for a, b in zip(started[1:], fitted, strict=False))


def test_seeds_and_metrics_have_streams_of_their_own():
    noise = {"a": lambda m, x, r: r.random(), "b": lambda m, x, r: r.random()}
    options = {"generations": 5, "metrics": noise}
    loop, data = fully_synthetic(5), np.arange(30.0)
    both = run_loop(loop, Normal(), data, **options)
    assert both.digest == run_loop(loop, Normal(), data, **options).digest
    assert both.digest != run_loop(loop, Normal(), data, seed=1, **options).digest
    alone = run_loop(loop, Normal(), data, generations=5, metrics={"b": noise["b"]})
    assert np.array_equal(alone.metrics["b"], both.metrics["b"])
    assert not np.array_equal(both.metrics["a"], both.metrics["b"])
    assert len(np.unique(both.metrics["a"])) == 5


def test_generations_are_measured_as_asked():
    options = {"metrics": {"t": lambda m, x, r: m._generation}}
    curves = run_loop(fully_synthetic(5), Spy(), people(9), generations=23, every=10, **options)
    assert curves.generations.tolist() == [1, 10, 20, 23]
    assert curves.metrics["t"].tolist() == [1.0, 10.0, 20.0, 23.0]


# --- the folder ----------------------------------------------------------------------------------


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


class Untouchable(Normal):
    """Any call is one too many."""

    __qualname__ = "Normal"

    def fit(self, samples, rng):
        raise AssertionError

    sample = save = load = fit


def test_a_finished_run_is_read_and_the_model_not_called(tmp_path):
    first = start(tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    again = start(tmp_path / "run", model=Untouchable())
    assert again.digest == first.digest == read_curves(tmp_path / "run").digest
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before
    expected = {"arrays-0.npz", "config.json", "environment.json", "lock", "state", "stats.jsonl"}
    assert expected <= set(before)
    # Only what is needed to go on is kept, in few files.
    assert len(before) <= 9


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": 1}, "seed"),
        ({"generations": 7}, "generations"),
        ({"every": 2}, "every"),
        ({"loop": replace(LOOPS["capped"], bias=0.5)}, r"loop\.bias"),
        ({"data": np.arange(51.0)}, r"data\.(rows|sha256)"),
        ({"model": Normal(std=2.0)}, r"model\.std"),
        ({"metrics": {"other": lambda m, x, r: 0.0}}, "metrics"),
    ],
)
def test_another_configuration_is_refused_by_name(changes, field, tmp_path):
    start(tmp_path / "run")
    kept = content(tmp_path / "run")
    with pytest.raises(ValueError, match=rf"same configuration, got one with another {field};"):
        start(tmp_path / "run", **changes)
    assert content(tmp_path / "run") == kept


def test_lines_beyond_the_state_are_cut(tmp_path, save_always):
    whole = start(tmp_path / "whole")
    with pytest.raises(Stop):
        start(tmp_path / "run", progress=stop_at(3))
    with (tmp_path / "run" / "stats.jsonl").open("a") as stream:
        stream.write('{"generation": 4, "metrics": {}, "n_real": 7, "n_synth": 9}\n{"gener')
    assert read_curves(tmp_path / "run").reached == 3
    assert start(tmp_path / "run").digest == whole.digest
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def unfinished(tmp_path):
    with pytest.raises(Stop):
        start(tmp_path / "run", progress=stop_at(4))
    return tmp_path / "run"


def refused(folder, name):
    """The run is refused in one sentence that names the file; nothing is written over."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match=re.escape(name)) as caught:
        start(folder)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["state", "arrays-0.npz", "arrays-4.npz", "stats.jsonl"])
def test_any_flipped_byte_is_damage(name, tmp_path, save_always):
    folder = unfinished(tmp_path)
    whole = (folder / name).read_bytes()
    for place in np.linspace(0, len(whole) - 1, 15).astype(int):
        spoiled = bytearray(whole)
        spoiled[place] ^= 0x10
        (folder / name).write_bytes(spoiled)
        refused(folder, name)


@pytest.mark.parametrize(
    "name", ["state", "arrays-0.npz", "arrays-4.npz", "stats.jsonl", "environment.json"]
)
@pytest.mark.parametrize("left", [None, 0, 0.6])
def test_a_missing_or_short_file_is_damage(name, left, tmp_path, save_always):
    folder = unfinished(tmp_path)
    whole = (folder / name).read_bytes()
    if left is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(whole[: int(left * len(whole))])
    refused(folder, name)


def test_a_folder_without_its_configuration_is_refused(tmp_path):
    folder = unfinished(tmp_path)
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"without config.json that holds \w+"):
        start(folder)
    with pytest.raises(ValueError, match="out must be the folder of an engine run"):
        read_curves(folder)


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("all of it")
    with pytest.raises(ValueError, match=r"without config.json that holds thesis.tex"):
        start(tmp_path / "run")
    with pytest.raises(ValueError, match="out must lie in an existing folder"):
        start(tmp_path / "missing" / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="out must be a writable folder"):
        start(tmp_path / "file")


def test_a_start_that_was_killed_is_a_start(tmp_path):
    """Up to config.json, which is written last."""
    whole = start(tmp_path / "run")
    for name in ("config.json", "stats.jsonl", "timings.jsonl"):
        (tmp_path / "run" / name).unlink()
    for path in (tmp_path / "run").glob("arrays-[1-9]*"):
        path.unlink()
    assert start(tmp_path / "run").digest == whole.digest


def test_a_second_process_is_refused(tmp_path):
    held = []

    def second(generation, _):
        if generation == 2:
            with pytest.raises(ValueError, match="must be used by one process, got a second one"):
                start(tmp_path / "run")
            code = (
                "import sys\nfrom madtheory.engine.store import open_folder\n"
                "from pathlib import Path\n"
                "with open_folder(Path(sys.argv[1]), {'seed': 0}): pass\n"
            )
            command = [sys.executable, "-c", code, str(tmp_path / "run")]
            held.append(subprocess.run(command, capture_output=True, text=True, check=False))

    start(tmp_path / "run", progress=second)
    assert held[0].returncode == 1
    assert "must be used by one process" in held[0].stderr


def test_other_versions_are_refused(tmp_path):
    folder = unfinished(tmp_path)
    path = folder / "environment.json"
    path.write_text(path.read_text().replace(f'"numpy": "{np.__version__}"', '"numpy": "1.0"'))
    with pytest.raises(ValueError, match=r"was begun with numpy 1\.0 and must go on with it"):
        start(folder)


def test_a_growing_pool_is_not_rewritten(tmp_path, save_always):
    """Bytes written are those of the batches, not of their sum: 30 batches of 80 kB each."""
    written = []

    def watch(generation, _):
        written.extend(
            (path.name, path.stat().st_size)
            for path in (tmp_path / "run").glob(f"arrays-{generation - 1}.npz")
        )

    loop = synthetic_augmentation(10, 10_000, pool="accumulate")
    start(tmp_path / "run", loop=loop, generations=30, progress=watch)
    assert len(written) == 30
    assert max(size for _, size in written) < 82_000
    assert (tmp_path / "run" / "state").stat().st_size < 20_000


def test_saving_keeps_to_its_share(tmp_path, monkeypatch):
    """Generations of no length: a state at the start, one a tenth of a second, one at the end."""
    saved = []
    write = store.RunFolder._write

    def slow(self, snapshot):
        write(self, snapshot)
        saved.append(snapshot.generation)

    monkeypatch.setattr(store.RunFolder, "_write", slow)
    monkeypatch.setattr(store, "SAVE_EVERY", 0.1)
    began = time.monotonic()
    start(tmp_path / "run", generations=400)
    assert saved[0] == 0
    assert saved[-1] == 400
    assert len(saved) <= 2 + (time.monotonic() - began) / 0.1


def test_a_model_without_parameters_is_a_model(tmp_path):
    class Noise(Normal):
        def save(self):
            return {}

        def load(self, arrays):
            assert arrays == {}
            return Noise()

    start(tmp_path / "run", model=Noise())
    assert read_model(tmp_path / "run", Noise()).std == 1.0
    with pytest.raises(ValueError, match="generation must be one whose model is kept, got 7"):
        read_model(tmp_path / "run", Noise(), 7)


def test_data_frames_and_tensors_are_rows():
    import pandas as pd
    import torch

    expected = start(None, generations=1, data=np.arange(50.0)[:, None]).digest
    assert start(None, generations=1, data=pd.DataFrame({"x": np.arange(50.0)})).digest == expected
    assert (
        start(None, generations=1, data=torch.arange(50.0, dtype=torch.float64)[:, None]).digest
        == expected
    )


def test_only_models_that_are_needed_stay(tmp_path, save_always):
    start(tmp_path / "run", loop=LOOPS["memory"], generations=20)
    assert read_model(tmp_path / "run", Normal(), 18).std > 0
    for t in (0, 17, 21):
        with pytest.raises(
            ValueError, match=f"generation must be one whose model is kept, got {t}"
        ):
            read_model(tmp_path / "run", Normal(), t)
    assert len(list((tmp_path / "run").glob("arrays-*"))) == 1 + 3


# --- what can go wrong ---------------------------------------------------------------------------


@dataclass
class Broken:
    """A normal law whose fit number 4, or whose samples for generation 4, are spoiled."""

    how: str
    _count: list = field(default_factory=lambda: [0])
    _std: float = 1.0

    def fit(self, samples, rng):
        self._count[0] += 1
        if self._count[0] == 4:
            if self.how == "fit":
                raise np.linalg.LinAlgError("singular\nmatrix")
            if self.how in ("self", "none"):
                return self if self.how == "self" else None
        nan = self._count[0] == 4 and self.how == "nan"
        return Broken(self.how, self._count, np.nan if nan else samples.std())

    def sample(self, n, bias, rng):
        x = rng.normal(0.0, self._std, n)
        if self._count[0] == 3:
            if self.how in ("sample nan", "sample inf"):
                x[2] = np.nan if self.how == "sample nan" else np.inf
            if self.how == "rows":
                return x[1:]
            if self.how == "shape":
                return x[:, None]
            if self.how == "dict":
                return {"x": x}
            if self.how == "object":
                return x.astype(object)
            if self.how == "sample":
                raise RuntimeError("out of memory")
        return x

    def save(self):
        return {"std": np.array(self._std)}

    def load(self, arrays):
        return Broken(self.how, self._count, float(arrays["std"]))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("fit", "fit raised LinAlgError: singular matrix"),
        ("nan", "fit must give finite parameters, got a NaN in std"),
        ("self", "fit must return a new model, got the one it was called on"),
        ("none", "fit must return a new model, got nothing"),
        ("sample nan", "sample of model 3 must be finite, got a NaN or infinity in row 2"),
        ("sample inf", "sample of model 3 must be finite, got a NaN or infinity in row 2"),
        ("rows", "sample of model 3 must have 3 rows, got 2"),
        ("shape", r"sample of model 3 must have rows like the data, \(\), got \(1,\)"),
        ("dict", "sample of model 3 must have rows like the data"),
        ("object", "sample of model 3 must be an array of plain values"),
        ("sample", "sample of model 3 raised RuntimeError: out of memory"),
        ("metric", "metric std raised ZeroDivisionError"),
        ("length", r"metric std must keep its shape \(\), got \(2,\)"),
    ],
)
def test_a_model_that_cannot_go_on_stops_the_loop_there(how, reason, tmp_path):
    def metric(model, samples, rng):
        if how == "metric" and model._count[0] == 4:
            return 1 / 0
        return [1.0, 2.0] if how == "length" and model._count[0] == 4 else model._std

    good = start(None, model=Broken("no", [9]), metrics={"std": metric})
    with pytest.raises(LoopStopped, match=reason) as caught:
        start(tmp_path / "run", model=Broken(how), metrics={"std": metric})
    assert (caught.value.generation, caught.value.seed) == (4, 0)
    assert "\n" not in str(caught.value)
    curves = read_curves(tmp_path / "run")
    assert curves.reached == 3
    assert curves.stopped == caught.value.reason
    assert np.array_equal(curves.metrics["std"], good.metrics["std"][:3])
    lines = (tmp_path / "run" / "stats.jsonl").read_text().splitlines()
    assert [json.loads(line)["generation"] for line in lines] == [1, 2, 3, 4]
    assert json.loads(lines[-1]) == {"generation": 4, "stopped": caught.value.reason}
    # The cause was outside: once it is gone, the run goes on.
    healed = start(tmp_path / "run", model=Broken(how, [9]), metrics={"std": metric})
    assert healed.digest == good.digest


def test_the_first_data_can_stop_a_loop_too():
    class Dry:
        def sample(self, n, bias, rng):
            return np.full(n, np.nan)

    with pytest.raises(LoopStopped, match="generation 1: data must be finite"):
        start(None, data=Dry())


def test_ctrl_c_leaves_a_run_that_goes_on(tmp_path):
    def interrupt(generation, _):
        if generation == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "run", progress=interrupt)
    assert read_curves(tmp_path / "run").reached == 3
    assert start(tmp_path / "run").digest == start(None).digest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loop": "fresh"}, "loop must be a Loop, got str"),
        ({"model": object()}, "model must have a method fit, got object"),
        ({"data": np.arange(5.0)}, "data must have at least 7 rows, got 5"),
        (
            {"data": np.array([1.0, np.nan] * 9)},
            "data must be finite, got a NaN or inf",
        ),
        ({"data": np.array([None] * 9)}, "data must be an array of plain values"),
        ({"data": {}}, "data must have rows, got none"),
        ({"data": {"x": np.zeros(9), "y": np.zeros(8)}}, r"data\['y'\] must have 9 rows, got 8"),
        ({"data": 3.0}, "data must have rows, got none"),
        ({"generations": 0}, "generations must be at least 1, got 0"),
        ({"every": 0}, "every must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"metrics": {"x": 3}}, "metrics must map names to functions, got 'x': 3"),
        ({"loop": fully_synthetic(9, shrinkage=0.1)}, "model must have shrinkage 0.1 as the loop"),
        (
            {"loop": fully_synthetic(9, floor=0.2)},
            "model must have floor 0.2 as the loop",
        ),
    ],
)
def test_bad_input_is_one_sentence(changes, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        start(None, **changes)
    assert "\n" not in str(caught.value)


def test_a_model_and_its_loop_agree():
    class Ridged(Normal):
        ddof, shrinkage = 0, 0.1

    loop = fully_synthetic(9, ddof=0, shrinkage=0.1)
    assert start(None, loop=loop, model=Ridged()).reached == 6
    with pytest.raises(ValueError, match="model must have ddof 1 as the loop has, got 0"):
        start(None, loop=fully_synthetic(9, shrinkage=0.1), model=Ridged())
    with pytest.raises(ValueError, match=r"model must have shrinkage 0 as the loop has, got 0\.1"):
        start(None, loop=fully_synthetic(9, ddof=0), model=Ridged())
    # A model that has no ddof does what it does.
    assert start(None, loop=fully_synthetic(9, ddof=0)).reached == 6


# --- seeds and bands -----------------------------------------------------------------------------


def std(model, samples, rng):
    return model.std


def seeds(seeds=(0, 1, 4), **options):
    options = {"generations": 5, "metrics": {"std": std}, **options}
    return run_seeds(
        LOOPS["capped"], options.pop("model", Normal()), np.arange(50.0), seeds=seeds, **options
    )


def test_seeds_side_by_side_are_the_runs_of_each(tmp_path):
    found = seeds(out=tmp_path / "runs", workers=2)
    assert found.seeds == (0, 1, 4)
    each = [start(None, seed=s, generations=5) for s in found.seeds]
    for row, curves in zip(found.values["std"], each, strict=True):
        assert np.array_equal(row, curves.metrics["std"])
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["seed-0", "seed-1", "seed-4"]
    assert read_curves(tmp_path / "runs" / "seed-4").digest == each[2].digest
    assert seeds(workers=1).digest == found.digest
    # More seeds later: those that are there are read.
    more = seeds((0, 1, 4, 7), out=tmp_path / "runs")
    assert np.array_equal(more.values["std"][:3], found.values["std"])


PROCESSES = """
import sys
import numpy as np
from madtheory.engine import run_seeds
from madtheory.loop import fully_synthetic

class Normal:
    def __init__(self, mean=0.0, std=1.0):
        self.mean, self.std = mean, std
    def fit(self, samples, rng):
        return Normal(samples.mean(), samples.std())
    def sample(self, n, bias, rng):
        return rng.normal(self.mean, self.std, n)
    def save(self):
        return {"mean": np.array(self.mean), "std": np.array(self.std)}
    def load(self, arrays):
        return Normal(arrays["mean"], arrays["std"])

def std(model, samples, rng):
    return model.std

def told(done, total):
    print(done, total)

if __name__ == "__main__":
    for processes in (True, False):
        found = run_seeds(
            fully_synthetic(40), Normal(), np.arange(50.0), generations=4, seeds=[0, 1],
            metrics={"std": std}, processes=processes, workers=2, progress=told,
        )
        print(found.digest)
"""


def test_processes_give_the_same_bits_as_threads(tmp_path):
    (tmp_path / "script.py").write_text(PROCESSES)
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["1 2", "2 2"]
    assert lines[2] == lines[-1]


def test_bands_against_numpy():
    found = seeds(range(6))
    values = found.values["std"]
    assert found.mean["std"] == pytest.approx(values.mean(axis=0), rel=1e-12)
    assert found.se["std"] == pytest.approx(stats.sem(values, axis=0), rel=1e-12)
    assert found.levels == (0.05, 0.25, 0.5, 0.75, 0.95)
    expected = np.quantile(values, found.levels, axis=0)
    assert found.quantiles["std"] == pytest.approx(expected, rel=1e-12)


def test_bands_of_infinite_and_undefined_values():
    def curve(seed, *values):
        return Curves(np.array([1, 2, 3]), {"x": np.array(values)}, seed, 3)

    inf, nan = np.inf, np.nan
    found = bands([curve(0, -inf, -inf, nan), curve(1, -inf, 1.0, 2.0)], levels=(0.0, 0.5, 1.0))
    assert found.mean["x"][:2].tolist() == [-inf, -inf]
    assert found.se["x"][0] == 0.0
    assert found.quantiles["x"][:, :2].tolist() == [[-inf, -inf], [-inf, -inf], [-inf, 1.0]]
    assert np.isnan(found.quantiles["x"][:, 2]).all()
    one = bands([curve(0, 1.0, 2.0, 3.0)])
    assert np.isnan(one.se["x"]).all()
    assert one.quantiles["x"][0].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="at least one seed"):
        bands([])
    with pytest.raises(ValueError, match="equal generations and metrics"):
        bands([curve(0, 1.0, 2.0, 3.0), Curves(np.array([1]), {"x": np.ones(1)}, 1, 1)])


def test_one_failing_seed_ends_the_others(tmp_path):
    class Picky(Normal):
        def fit(self, samples, rng):
            if rng.random() < 0.02:
                raise FloatingPointError("unlucky")
            return super().fit(samples, rng)

    with pytest.raises(LoopStopped, match="unlucky") as caught:
        seeds(range(6), model=Picky(), generations=5_000, out=tmp_path / "runs", workers=2)
    ends = {p.name: read_curves(p) for p in (tmp_path / "runs").iterdir()}
    assert ends[f"seed-{caught.value.seed}"].reached == caught.value.generation - 1
    assert all(curves.reached < 5_000 for curves in ends.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": []}, "seeds must be different and at least one"),
        ({"seeds": [1, 1]}, "seeds must be different and at least one"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"levels": [2.0]}, "levels must be a finite number in"),
        ({"out": "/missing/folder"}, "out must lie in an existing folder"),
    ],
)
def test_bad_seeds_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        seeds(**options)


def test_progress_is_told_of_all_seeds():
    told = []
    seeds(progress=lambda done, total: told.append((done, total)), workers=1)
    assert told == [(i, 15) for i in range(1, 16)]


# --- samples, documentation, cost ----------------------------------------------------------------


def test_digests_tell_types_shapes_and_names_apart():
    base = np.arange(6, dtype=np.int64)
    variants = [
        {"a": base},
        {"b": base},
        {"a": base.reshape(2, 3)},
        {"a": base.view(np.uint64)},
        {"a": base, "b": base},
        {"a": base + 1},
    ]
    assert len({rows.digest(arrays) for arrays in variants}) == len(variants)
    assert rows.digest({"a": base, "b": base}) == rows.digest({"b": base, "a": base})


def test_large_finite_samples_are_no_infinity():
    x = np.full(10, 1e308)
    assert rows.as_samples("x", x) is x
    assert not rows.has_nan(np.array([np.inf, 1.0]))
    assert rows.has_nan(np.array([np.inf, np.nan]))


def test_the_model_of_the_documentation_runs():
    text = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    model = next(block for block in blocks if "def fit" in block)
    lines = [
        line for line in model.split("class ")[1].split("\n\n")[0].splitlines() if line.strip()
    ]
    assert len(lines) <= 11, "a model in ten lines and the line of its class"
    scope = {}
    for block in blocks:
        exec(compile(block, "engine.md", "exec"), scope)
    assert scope["curves"].reached == 30
    assert scope["curves"].metrics["trace"][-1] < scope["curves"].metrics["trace"][0]
