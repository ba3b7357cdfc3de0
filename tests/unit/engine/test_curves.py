"""Seeds side by side, and bands over them."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from madtheory.engine import Curves, LoopStopped, bands, read_curves, run_seeds
from tests.unit.engine.stubs import LOOPS, Normal, start, std


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


def test_an_infinite_value_leaves_the_quantile_below_it_as_it_is():
    one, two, lost = (Curves(np.array([1]), {"x": np.array([x])}, 0, 1) for x in (1, 2, np.inf))
    found = bands([lost, one, two], levels=(0.0, 0.5, 0.75, 1.0))
    assert found.quantiles["x"][:, 0].tolist() == [1.0, 2.0, np.inf, np.inf]


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


def test_a_digest_tells_shapes_apart():
    one, other = (
        Curves(np.arange(1, 3), {"m": np.arange(4.0).reshape(shape)}, 0, 2)
        for shape in ((2, 2), (4, 1))
    )
    assert one.digest != other.digest


@pytest.mark.parametrize("levels", [(5.0,), 0.5, "half"])
def test_levels_are_refused_before_any_work(levels, tmp_path):
    class Untouched(Normal):
        def fit(self, samples, rng):
            raise AssertionError

    with pytest.raises((TypeError, ValueError), match="levels must be a"):
        seeds(range(2), model=Untouched(), out=tmp_path / "runs", levels=levels)
    assert not (tmp_path / "runs").exists()
