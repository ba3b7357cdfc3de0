"""Every write, rename, removal fails once: the old state or the new one, then the same bits."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from madtheory import cli
from madtheory.engine import LoopStopped, read_curves, run_loop
from madtheory.engine import store as engine_store
from madtheory.files import run_folder
from madtheory.loop import Loop
from madtheory.simulate import store
from tests.e2e.faulty import KINDS, Died, Faulty, fault


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A save at every step, and no subprocesses."""
    monkeypatch.setattr(engine_store, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(engine_store, "SAVE_SHARE", 1e12)
    monkeypatch.setattr(store, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(run_folder, "_git_state", lambda _: None)


#: The kinds in turn, at every second call; or every kind at every call.
CASES = ["in turn", *(pytest.param(kind, marks=pytest.mark.full) for kind in KINDS)]

Tried = tuple[Faulty, BaseException | None]


def every_call(kind: str, run: Callable[[], object]) -> Iterator[Tried]:
    """Run with a fault at the first call, at the second (third), ..., as long as there is one."""
    one = kind in KINDS
    for i in itertools.count():
        at = i + 1 if one else 2 * i + 1
        raised: BaseException | None = None
        with fault(kind if one else KINDS[i % len(KINDS)], at) as faulty:
            try:
                run()
            except (OSError, ValueError, LoopStopped, Died) as error:
                raised = error
        if not faulty.fired:
            assert raised is None
            print(f"{at - 1} calls")
            assert at > 20, "the run hardly writes: the test has no power"
            return
        yield faulty, raised


def no_fault() -> AbstractContextManager[Faulty]:
    """A disk that waits for nothing, and often takes a part of what is written."""
    return fault("broken", 10**9)


def content(folder: Path) -> dict[str, bytes]:
    """Every file but those that tell of times and of the machine."""
    timed = {"timings.jsonl", "lock"}
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.name not in timed}


# --- simulate ------------------------------------------------------------------------------------

SIMULATE = (
    "simulate fresh --dim 2 --n-real 9 --n-synth 9 --generations 3 --replicates 3 --threads 1"
)


@pytest.mark.parametrize("kind", CASES)
def test_simulations(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def command(out: Path) -> int:
        capfd.readouterr()
        return cli.run([*SIMULATE.split(), "--json", "--out", str(out)])

    assert command(tmp_path / "whole.parquet") == 0
    answer = capfd.readouterr().out
    out = tmp_path / "faulty" / "x.parquet"

    def fresh() -> None:
        shutil.rmtree(out.parent, ignore_errors=True)
        out.parent.mkdir()
        codes.append(command(out))

    codes: list[int] = []
    for faulty, raised in every_call(kind, fresh):
        assert (raised is None) != faulty.dead
        said, complaint = capfd.readouterr()
        if raised is None and codes[-1]:
            assert (codes[-1], said, complaint.count("\n")) == (2, "", 1)
            assert "disk" in complaint or "device" in complaint or "error" in complaint
        elif raised is None:
            assert said == answer
        # Again, without a fault: from the result, from the state, or from the start.
        with no_fault():
            assert command(out) == 0, capfd.readouterr().err
        assert capfd.readouterr().out == answer
        assert [path.name for path in out.parent.iterdir()] == ["x.parquet"]


# --- engine --------------------------------------------------------------------------------------


class Normal:
    """A normal law in one dimension."""

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        self.mean, self.std = mean, std

    def fit(self, samples, rng):
        return Normal(samples.mean(), samples.std(ddof=1))

    def sample(self, n, bias, rng):
        return rng.normal(self.mean, bias**0.5 * self.std, n)

    def save(self):
        return {"mean": np.array(self.mean), "std": np.array(self.std)}

    def load(self, arrays):
        return Normal(arrays["mean"][()], arrays["std"][()])


LOOP = Loop(n_initial=6, n_fixed=5, n_fresh=2, n_synth=4, memory=2, pool="accumulate", pool_cap=3)


def engine(out: Path) -> str:
    metrics = {"std": lambda model, samples, rng: model.std}
    data = np.arange(20.0)
    return run_loop(LOOP, Normal(), data, generations=4, metrics=metrics, out=out).digest


@pytest.mark.parametrize("kind", CASES)
def test_engine_runs(kind: str, tmp_path: Path) -> None:
    digest, out = engine(tmp_path / "whole"), tmp_path / "run"
    whole, curves = content(tmp_path / "whole"), read_curves(tmp_path / "whole")

    def fresh() -> None:
        shutil.rmtree(out, ignore_errors=True)
        assert engine(out) == digest

    for _, raised in every_call(kind, fresh):
        assert raised is None or not isinstance(raised, AssertionError)
        if (out / "config.json").exists():
            reached = read_curves(out)
            known = curves.metrics["std"][: reached.reached]
            assert np.array_equal(reached.metrics.get("std", []), known)
        with no_fault():
            assert engine(out) == digest
        assert content(out) == whole


# --- reports -------------------------------------------------------------------------------------


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch):
    """A report of one section, one figure and one table; everything but the drawing is real."""
    for name in ("matplotlib", "pypandoc", "typst"):
        pytest.importorskip(name)
    from matplotlib.figure import Figure

    from madtheory.reports import build, contents, document, pages
    from madtheory.reports.formats import Column, Table
    from madtheory.reports.section import Section

    section = Section(
        "one",
        lambda config: {"x": [config["seed"], 2.5]},
        {},
        figures={"f": lambda numbers: Figure()},
        tables={"t": lambda numbers: Table([Column("x", "x")], [{"x": numbers["x"][0]}])},
    )
    for module in (build, contents, document):
        monkeypatch.setattr(module, "SECTIONS", (section,))
    for module in (build, document):
        monkeypatch.setattr(module, "template", lambda name: f"{name}: {{{{one.x.0}}}}\n" * 9)
    monkeypatch.setattr(document, "errata", lambda: [0])
    monkeypatch.setattr(build, "render", lambda figure, suffix: suffix.encode() * 999)
    for name in ("html", "document"):
        monkeypatch.setattr(pages, name, lambda markdown, _, **more: markdown * 3)
    monkeypatch.setattr(pages, "pdf", lambda source: source.read_bytes() * 2)
    return build.build


@pytest.mark.parametrize("kind", CASES)
def test_reports(kind: str, tmp_path: Path, build) -> None:
    pages = {}
    for seed in (0, 1):
        build(tmp_path / str(seed), "tiny", seed=seed)
        pages[seed] = content(tmp_path / str(seed))
    assert pages[0].keys() == pages[1].keys()
    out = tmp_path / "report"

    def renewed() -> None:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(tmp_path / "0", out)
        build(out, "tiny", seed=1)

    for _ in every_call(kind, renewed):
        for name, data in content(out).items():
            growing = name == "index.html" and "…".encode() in data
            if not growing and not name.endswith((".tmp", "manifest.json")):
                assert data in (pages[0][name], pages[1][name]), name
        with no_fault():
            build(out, "tiny", seed=1)
        assert content(out) == pages[1]
