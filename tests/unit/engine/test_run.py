"""Every kind of model runs, goes on to the same bits, and stops where it must."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from madtheory.engine import LoopStopped, read_curves, read_model, run_loop
from madtheory.engine import samples as rows
from madtheory.loop import fresh_data, fully_synthetic
from tests.unit.engine.stubs import (
    CASES,
    LOOPS,
    Normal,
    Spy,
    Stop,
    content,
    people,
    run_case,
    start,
    stop_at,
)

ROOT = Path(__file__).resolve().parents[3]

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
        ("sample nan", "sample of model 3 must be finite, got a NaN or infinity in row 3"),
        ("sample inf", "sample of model 3 must be finite, got a NaN or infinity in row 3"),
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

    with pytest.raises(LoopStopped, match=r"^loop of seed 3 stopped at generation 1: data must"):
        start(None, data=Dry(), seed=3)


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
            {"loop": fresh_data(12, 5, n_initial=3), "data": np.arange(11.0)},
            "data must have at least 12 rows, got 11",
        ),
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
        ({"metrics": 3}, "metrics must map names to functions, got 3"),
        ({"metrics": []}, r"metrics must map names to functions, got \[\]"),
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


def test_a_metric_of_one_number_is_none_of_two():
    sizes = iter([2, 1])
    with pytest.raises(LoopStopped, match=r"metric m must keep its shape \(2,\), got \(1,\)"):
        start(None, generations=3, metrics={"m": lambda *_: np.ones(next(sizes))})
