"""`madtheory plan`: the contract, the table, the figure, and what is refused."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madtheory import plan
from madtheory.cli import options
from madtheory.plan import plan_loop

Answer = Callable[..., dict[str, Any]]
Command = Callable[..., tuple[int, str, str]]

PLAIN = "plan --dim 3 --n-real 50 --bias 0.9 --n-synth 20"
LINES = [
    PLAIN,
    "plan --dim 3 --n-real 50 --bias 0.9",
    "plan --dim 3 --n-real 50 --bias 0.9 --target-gain 9",
    "plan --dim 3 --n-real 50 --bias 0.9 --target-gain 1.05",
    "plan --dim 1 --n-real 50 --bias 0 --eps 0.1",
    "plan --dim 40 --n-real 10 --n-synth 1",
    "plan --dim 3 --n-real 1 --bias 0.9",
    "plan --dim 3 --n-real 0 --bias 0.9 --n-synth 20",
    "plan --dim 1 --n-real 0 --bias 1 --n-synth 20",
    "plan --dim 1 --n-real 1 --target-gain 0.95",
]
#: The contract, and what is beside it.
PROMISED = {
    "admissible_n_synth", "n_eff", "gain", "floor", "optimal_weight", "memory", "required_n_real",
}  # fmt: skip
MORE = {
    "admissible_n_synth_limit", "best_n_synth", "best_gain", "w2_squared", "optimal_weight_gain",
    "memory_gain",
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def each_plan_once() -> Iterator[None]:
    """Tables, JSON and figures of one plan: it is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "plan_loop", once(plan_loop))
        yield


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what a function gave for arguments of the same text."""
    known: dict[str, Any] = {}

    @functools.wraps(function)
    def remembered(*args: Any, **options: Any) -> Any:
        key = repr((args, sorted(options.items())))
        if key not in known:
            known[key] = function(*args, **options)
        return known[key]

    return remembered


@pytest.mark.thinned(4)
@pytest.mark.parametrize("line", LINES)
def test_keys_intervals_statuses_and_reasons(answer: Answer, line: str) -> None:
    got = answer(*line.split())
    numbers = PROMISED | MORE | ({"target_n_synth"} if "target" in line else set())
    ends = {f"{name}_{end}" for name in numbers for end in ("lower", "upper")}
    head = {"loop", "dim", "trace_real", "rank_real", "n_real", "bias", "n_synth", "eps"}
    assert set(got) == numbers | ends | head | {
        "collapse_time", "fate", "remarks", "status", "reason", "target_gain"
    }  # fmt: skip
    assert set(got["status"]) == numbers | ends | {"collapse_time"}
    assert set(got["status"].values()) <= {"exact", "asymptotic", "bound", "not computed"}
    assert {name for name in numbers | ends if got[name] is None} == set(got["reason"]) - {
        "collapse_time"
    }
    for name in numbers:
        low, value, high = got[f"{name}_lower"], got[name], got[f"{name}_upper"]
        if value is not None:
            assert low is not None
            assert low <= value
            assert high is None or value <= high
    assert got["loop"]["n_synth"] == got["n_synth"]


def test_the_numbers_are_the_library_s(answer: Answer) -> None:
    got, found = answer(*PLAIN.split()), plan_loop(3, n_real=50, bias=0.9, n_synth=20)
    for name, x in found.answers.items():
        assert (got[f"{name}_lower"], got[name], got[f"{name}_upper"]) == (
            x.lower, x.value, x.upper,
        )  # fmt: skip
        assert got["status"][name] == x.status
    assert found.collapse_time is not None
    assert got["collapse_time"] == {
        "eps": 0.01,
        "q": [0.05, 0.5, 0.95],
        "quantiles": list(found.collapse_time.quantiles),
        "lower": list(found.collapse_time.lower),
        "upper": list(found.collapse_time.upper),
        "rel_error": list(found.collapse_time.rel_error),
    }
    assert got["status"]["collapse_time"] == "asymptotic"


def test_counts_are_integers_that_an_option_takes(answer: Answer) -> None:
    line = "plan --dim 3 --n-real 100 --bias 0.9 --target-gain 1.1"
    got = answer(*line.split())
    for name in ("target_n_synth", "best_n_synth", "required_n_real", "memory"):
        for end in ("", "_lower", "_upper"):
            assert isinstance(got[name + end], int)
    again = answer(*line.split(), "--n-synth", str(got["target_n_synth"]))
    assert again["gain"] >= 1.1


def test_in_one_dimension_the_time_to_collapse_is_exact(answer: Answer) -> None:
    got = answer("plan", "--dim", 1, "--n-real", 0, "--n-synth", 10, "--bias", 1)
    time_ = got["collapse_time"]
    assert time_["quantiles"] == time_["lower"] == time_["upper"] == [13, 36, 98]
    assert got["status"]["collapse_time"] == "exact"
    assert "collapse_time" not in got["reason"]


def test_real_data_stand_for_dimension_and_covariance(answer: Answer, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(80, 3)) * [3.0, 1.0, 0.2]
    np.save(tmp_path / "real.npy", rows)
    got = answer("plan", "--features", tmp_path / "real.npy", "--n-real", 50, "--bias", 0.9)
    values = np.linalg.eigvalsh(np.cov(rows, rowvar=False))
    found = plan_loop(values, n_real=50, bias=0.9).answers
    assert got["dim"] == 3
    assert got["gain"] == pytest.approx(found["gain"].value, rel=1e-6)


@pytest.mark.thinned(4)
@pytest.mark.parametrize("line", LINES)
def test_a_table_fits_eighty_columns(command: Command, line: str) -> None:
    code, out, err = command(*line.split())
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "Fate: " in out
    assert "What may be added" in out
    assert ("What would serve better" in out) == ("--n-real 0" not in line)


def test_a_fate_that_an_interval_leaves_open_says_so(command: Command) -> None:
    out = " ".join(command("plan", "--dim", "1", "--n-real", "1")[1].split())
    assert "Fate: equivalent to real, as far as is known: the interval of its gain holds 1." in out
    assert "Fate: better than real. " in " ".join(command(*LINES[0].split())[1].split())


def test_a_table_says_why_numbers_are_missing(command: Command) -> None:
    out = " ".join(command(*LINES[2].split())[1].split())
    assert "n_synth for the target: a gain of 9 is out of reach: it is at most 1." in out
    out = " ".join(command(*LINES[7].split())[1].split())
    assert "without fresh data the loop goes MAD: variances halve every" in out


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_a_figure_is_drawn(answer: Answer, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"plan.{ending}"
    answer(*PLAIN.split(), "--figure", target)
    assert target.read_bytes()[:4] == {"png": b"\x89PNG", "pdf": b"%PDF"}[ending]


def test_figures_show_the_loop_and_the_edge() -> None:
    from madtheory.reports import style
    from madtheory.reports.fresh.one_plan import draw_plan

    for bias, edges in ((0.9, 1), (1.0, 0)):
        found = plan_loop(3, n_real=50, bias=bias, n_synth=20)
        with style.styled():
            left, right = draw_plan(found, 3).axes
        points = {tuple(map(float, np.ravel(line.get_xydata()))) for line in right.lines}
        assert (50.0, 20.0) in points
        assert (20.0, found.answers["gain"].value) in {
            tuple(map(float, np.ravel(line.get_xydata()))) for line in left.lines
        }
        labels = right.get_legend_handles_labels()[1]
        assert labels.count("edge $n_e = n_r$") == labels.count("limit $n_s^*$") == edges


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("plan --dim 3", "Missing option '--n-real'; try madtheory plan --help"),
        ("plan --n-real 5", "exactly one of --dim and --features must be given, got neither"),
        (
            "plan --dim 3 --n-real 0",
            "n_synth must be given without fresh data, got n_real = 0 alone",
        ),
        ("plan --dim 3 --n-real 5 --bias 2", "bias must be a finite number in [0, 1], got 2"),
        ("plan --dim 3 --n-real 5 --eps 0", "eps must be a finite number in (0, 1), got 0"),
        ("plan --dim 3 --n-real 5 --figure a.svg", "figure must end in .pdf or .png, got 'a.svg'"),
        (
            "plan --dim 3 --n-real 0 --n-synth 5 --figure a.png",
            "a figure must be of a loop with fresh data, got n_real = 0",
        ),
    ],
)  # fmt: skip
def test_bad_input(refusal: Callable[..., str], line: str, why: str) -> None:
    assert refusal(*line.split()) == why


def test_a_real_process_takes_about_a_second_and_warns_of_nothing() -> None:
    line = [sys.executable, "-W", "error", "-m", "madtheory", *PLAIN.split(), "--json"]
    start = sum(os.times()[2:4])
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)
    assert sum(os.times()[2:4]) - start < 15  # some 1.5 s of an idle machine


def test_endings_may_be_in_capitals(tmp_path: Path) -> None:
    assert options.figure_target(tmp_path / "A.PDF") == tmp_path / "A.PDF"
    with pytest.raises(options.Refused, match=r"figure must end in \.pdf or \.png, got "):
        options.figure_target(tmp_path / "A.svg")
