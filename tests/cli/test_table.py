"""What all tables and answers share: numbers in words, statuses, reasons, lines."""

import dataclasses
import math
import sys

import numpy as np
import pytest

from madtheory.cli import answer, table, times, verify
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.results import Estimate


@pytest.mark.parametrize(
    ("mean", "se", "said"),
    [
        (1.23456, 0.0123, "1.235 ± 0.012"),
        (1.23456, 0.5, "1.23 ± 0.50"),
        (123.456, 12.3, "123 ± 12"),
        (0.5, 1e-9, "0.5 ± 1e-09"),
        (2.0, 0.0, "2"),
        (math.inf, 1.0, "∞"),
    ],
)
def test_two_digits_of_a_standard_error(mean: float, se: float, said: str) -> None:
    assert table.plus_minus(mean, se) == said


def test_numbers_and_errors_in_words() -> None:
    assert [table.number(x) for x in (None, math.nan, -math.inf, 1 / 3)] == [
        *("–", "–", "-∞", "0.333333")
    ]
    assert [table.percent(x) for x in (0.0, 0.0123, math.inf)] == ["0", "±1.2 %", "–"]
    said = [table.percent(x) for x in (0.09949, 0.994, 0.9951, 1.0, 25.3, 1e5)]
    assert said == ["±9.9 %", "±99 %", "±100 %", "±100 %", "±2530 %", "±1e+07 %"]


def test_the_generations_that_a_table_shows() -> None:
    assert table.chosen(12) == list(range(12))
    for length in (13, 50, 1000, 10**6):
        found = table.chosen(length)
        assert found == sorted(set(found))
        assert (found[0], found[-1]) == (0, length - 1)
        assert len(found) <= table.ROWS
        assert len(found) > 6


def test_the_real_covariance_in_words() -> None:
    loop = {"n_fixed": 0, "n_fresh": 0, "n_synth": 5, "bias": 1.0}
    plain = {name: usual for name, (usual, _) in table._OPTIONS.items()}
    payload = {"loop": loop | plain, "dim": 3, "rank_real": 3, "trace_real": 3.0}
    assert table.loop_line(payload) == "n_synth = 5, λ = 1, d = 3, Σ0 = I"
    payload["trace_real"] = 4.0
    assert table.loop_line(payload).endswith("d = 3, Σ0 of rank 3, tr Σ0 = 4")
    other = {"memory": None, "budget": 7, "n_fixed": 8, "weight": 0.5}
    said = table.loop_line(payload | {"loop": loop | plain | other})
    assert said.startswith("n_real = 8, n_synth = 5, λ = 1, memory = all, budget = 7, weight = 0.5")


def test_an_error_stands_beside_its_own_generation(capsys: pytest.CaptureFixture[str]) -> None:
    payload = {"x": np.array([1.0, 2.0]), "error": np.array([0.0, 0.25])}
    table.console().print(table.path({"x": "value"}, payload, errors="error"))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["1", "1", "0"] in rows
    assert ["2", "2", "±25", "%"] in rows


@pytest.mark.parametrize("columns", ["1", "20", "59"])
def test_cells_are_whole_in_a_narrow_terminal(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    words = {name: name for name in "abcde"}
    payload = {name: np.array([0.25 + k]) for k, name in enumerate(words)}
    table.console().print(table.path(words, payload | {"error": [1.0]}, errors="error"))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["1", "0.25", "1.25", "2.25", "3.25", "4.25", "±100", "%"] in rows
    assert max(map(len, map(" ".join, rows))) <= table.NARROWEST


def test_numbers_are_not_broken_at_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = {"a": "E tr Σ", "b": "E|μ-μ0|²", "c": "E log det Σ", "d": "sd log det", "e": "E W2²"}
    payload = {key: np.array([1.23456e-57]) for key in words}
    table.console().print(table.path(words, payload | {"error": [1.2e-9]}, errors="error"))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["1", *["1.23456e-57"] * 5, "±1.2e-07", "%"] in rows


def test_columns_are_close_only_where_they_have_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for width, padding in ((24, 1), (25, 0)):
        cells = ["x" * 23, "x" * 23, "x" * width]  # and 3 * 3 + 1 between them
        assert table.numbers("", "abc", [cells]).padding[1] == padding


def test_a_wide_terminal_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "131")
    assert table.console().width == 131


def test_one_declared_error_makes_an_estimate_asymptotic() -> None:
    two = np.ones(2)
    assert answer.status_of(Estimate(two, two, two, np.array([0.0, 0.1]))) == "asymptotic"
    assert answer.status_of(Estimate(two, two, two, np.zeros(2))) == "exact"


def test_bounds_of_a_distance_are_bounds() -> None:
    two = np.ones(2)
    found = answer.distance_path(lambda: Estimate(two, two, two, 0.1 * two), 2)
    assert [entry.status for entry in found.values()] == [
        *("asymptotic", "bound", "bound", "asymptotic")
    ]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([1.0, 2.0], None),
        ([1.0, math.nan], "it is undefined"),
        ([1.0, math.inf], "it is too large for float64"),
        ([1.0, -math.inf], "it is unbounded"),
        (math.inf, "it is unbounded"),
        ([math.nan, math.inf], "it is undefined"),
    ],
)
def test_why_a_value_is_null(value: list[float] | float, why: str | None) -> None:
    found = answer.body({"x": answer.Entry(np.array(value)), "y": answer.Entry(1.0)})
    assert found["reason"] == ({} if why is None else {"x": why})


def test_a_spectrum_of_biases_is_said_by_its_range() -> None:
    assert table._bias((0.9, 0.5, 0.7)) == "0.5 to 0.9"


def test_errors_too_small_for_two_digits() -> None:
    assert [verify._percent(x) for x in (9e-6, 1e-5, 0.0182, 1.2)] == [
        *("<.001%", "0.001%", "1.8%", "120%")
    ]


def test_a_text_is_cut_in_its_middle_from_its_limit_on() -> None:
    main = sys.modules["madtheory.cli.main"]  # the package has a function of this name
    assert main._shown("x" * main.LONGEST) == "x" * main.LONGEST
    assert " … " in main._shown("x" * (main.LONGEST + 1))


def test_the_loop_in_words_says_what_is_not_plain() -> None:
    def said(loop: Loop) -> str:
        real = {"dim": 2, "rank_real": 2, "trace_real": 2.0}
        return table.loop_line({"loop": dataclasses.asdict(loop), **real})

    assert said(fully_synthetic(9)) == "n_synth = 9, λ = 1, d = 2, Σ0 = I"
    assert said(synthetic_augmentation(4, 9)).startswith("n_real = 4, n_synth = 9, λ = 1, d")
    assert said(fresh_data(4, 9, bias=0.5)).startswith("n_real = 4, n_synth = 9, λ = 0.5, d")
    every = Loop(
        n_initial=4, n_fixed=4, n_fresh=2, n_synth=9, bias=0.5, memory=None, pool="accumulate",
        pool_cap=3, budget=20, ddof=0,
    )  # fmt: skip
    assert said(every) == (
        "n_fixed = 4, n_fresh = 2, n_synth = 9, λ = 0.5, memory = all, pool = accumulate, "
        "cap = 3, budget = 20, ddof = 0, d = 2, Σ0 = I"
    )
    fits = fully_synthetic(9, shrinkage=0.25, floor=0.5)
    assert said(fits).endswith("λ = 1, shrinkage = 0.25, floor = 0.5, d = 2, Σ0 = I")
    assert "weight = 0.25" in said(fresh_data(4, 9, weight=0.25))


def test_quantiles_of_a_time_in_json_and_words() -> None:
    exact = times.nested(0.01, (0.5,), ((3.0,), (3.0,), (3.0,), (0.0,)))
    assert exact == {
        "eps": 0.01, "q": [0.5], "quantiles": [3.0], "lower": [3.0], "upper": [3.0],
        "rel_error": [0.0],
    }  # fmt: skip
    wide = {**exact, "upper": [4.0]}
    assert [times.entry(x).status for x in (exact, wide)] == ["exact", "asymptotic"]
    assert times.entry(exact).reason == "this share of runs may never collapse"
    assert times.entry(None).reason.startswith("the time to collapse is computed for one bias")
    assert times.entry(None, "why").reason == "why"
    assert times._known(12.5, 0.0) == "12.5"
    assert times._known(math.inf, 0.1) == "∞"
    assert times._known(12.5, 0.034) == "12.5 ± 3.4 %"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.0, 1.0, ""),
        (math.nan, math.nan, ""),
        (1.0, math.inf, "1 to ∞"),
        (1.23456, 2, "1.235 to 2"),
    ],
)
def test_an_interval_of_a_plan_in_words(low: float, high: float, words: str) -> None:
    assert sys.modules["madtheory.cli.plan"]._interval(low, high) == words
