"""`theory modes`: values by a second route, what it refuses, what it leaves open."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Answer = Callable[..., dict[str, Any]]
Command = Callable[..., tuple[int, str, str]]
Refusal = Callable[..., str]

TWO = "theory modes --modes 2 --n-synth 6 --generations 1"
LARGE = "theory modes --modes 9 --n-synth 1000000 --n-fresh 5 --generations 2"
PLAIN = "theory modes --modes 3 --n-synth 6 --generations 5"
FRESH = f"{PLAIN} --n-fresh 2"


def chain(modes: int, n: int, fresh: int) -> tuple[np.ndarray, np.ndarray]:
    """Law of one mode's count at t = 1, and its transition matrix, by convolution."""
    from scipy.stats import binom

    total = n + fresh
    first = binom.pmf(np.arange(total + 1), total, 1 / modes)
    fed = binom.pmf(np.arange(fresh + 1), fresh, 1 / modes)
    rows = [
        np.convolve(binom.pmf(np.arange(n + 1), n, k / total), fed)[: total + 1]
        for k in range(total + 1)
    ]
    return first, np.array(rows)


@pytest.mark.parametrize(("line", "fresh"), [(PLAIN, 0), (FRESH, 2)])
def test_values_are_those_of_the_chain_of_one_count(
    answer: Answer, close: Callable[..., None], line: str, fresh: int
) -> None:
    got = answer(*line.split())
    law, step = chain(3, 6, fresh)
    alive, even = [], []
    weights = np.arange(law.size) / (law.size - 1)
    for _ in range(5):
        alive.append(3 * (1 - law[0]))
        even.append(1 - 3 * float(law @ weights**2))
        law = law @ step
    close(got["surviving_mean"], alive)
    close(got["heterozygosity"], even)
    assert got["surviving_mean_rel_error"] == [0.0] * 5
    if fresh:
        settled = law @ np.linalg.matrix_power(step, 2000)
        close(got["stationary_surviving_mean"], 3 * (1 - settled[0]), rel=1e-10)
        close(got["stationary_heterozygosity"], 1 - 3 * float(settled @ weights**2), rel=1e-10)


def test_time_to_one_mode_is_that_of_three_categories(answer: Answer) -> None:
    # Two modes: one count, absorbed at 0 and n; the real distribution is generation 0.
    got = answer(*TWO.split())
    law, step = chain(2, 6, 0)
    inner = np.linalg.solve(np.eye(5) - step[1:-1, 1:-1], np.ones(5))
    assert got["fixation_time"] == pytest.approx(1 + law[1:-1] @ inner, rel=1e-12)


def test_fresh_data_leave_no_fixation_and_say_so(answer: Answer) -> None:
    got = answer(*FRESH.split())
    assert got["fixation_time"] is None
    assert got["reason"] == {"fixation_time": "fresh data bring every mode back"}
    assert 0 < got["all_modes_alive"] < 1


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("theory modes --modes 25 --n-synth 60 --n-fresh 3", "asymptotic"),
        ("theory modes --modes 25 --n-synth 1000 --n-fresh 20", "exact"),
        ("theory modes --modes 12 --n-synth 11 --n-fresh 1", "asymptotic"),
    ],
)
def test_the_middle_of_wide_bounds_is_not_exact(
    answer: Answer, command: Command, line: str, status: str
) -> None:
    got = answer(*line.split(), "--generations", "1")
    assert got["status"]["all_modes_alive"] == status
    assert (got["all_modes_alive_rel_error"] < 1e-9) == (status == "exact")
    out = command(*line.split(), "--generations", "1")[1]
    assert ("asymptotic, ±100 %" in out) == (status == "asymptotic")


def test_what_is_too_large_is_null_with_its_reason_not_refused(answer: Answer) -> None:
    got = answer(*LARGE.split())
    assert got["surviving_mean"] == [None, None]
    assert got["reason"].keys() >= {"surviving_mean", "stationary_surviving_mean"}
    assert None not in got["heterozygosity"]


@pytest.mark.parametrize(
    "line",
    [
        *(PLAIN, FRESH, LARGE, "theory modes --modes 25 --n-synth 10000"),
    ],
)
def test_the_table_fits_eighty_columns(command: Command, line: str) -> None:
    code, out, err = command(*line.split())
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "exact" in out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--modes 0 --n-synth 9", "modes must be at least 1, got 0"),
        (f"--modes {10**7 + 1} --n-synth 9", "modes must be at most 10000000, got 10000001"),
        ("--modes 2 --n-synth 0", "n_synth must be at least 1, got 0"),
        ("--modes 2 --n-synth 9 --n-fresh -1", "n_fresh must be at least 0, got -1"),
        ("--modes 2 --n-synth 9 --generations 0", "generations must be at least 1, got 0"),
        ("--modes 2", "Missing option '--n-synth'"),
        ("--n-synth 9", "Missing option '--modes'"),
        (f"--modes 2 --n-synth {10**30}", "n_synth must be at most"),
    ],
)
def test_bad_input_is_one_sentence(refusal: Refusal, line: str, words: str) -> None:
    assert words in refusal("theory", "modes", *line.split())


def test_synthetic_and_fresh_samples_together_are_too_many(answer: Answer) -> None:
    line = "theory modes --modes 9 --n-synth 16384 --n-fresh 5 --generations 2"
    assert answer(*line.split())["surviving_mean"] == [None, None]


def test_a_table_says_that_every_mode_comes_back_for_ever(command: Command) -> None:
    out = " ".join(command(*FRESH.split())[1].split())
    assert "generations until one mode is left ∞" in out


def test_the_declared_error_is_that_of_the_last_generation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from madtheory.cli.theory.modes import show_modes

    two = np.array([1.0, 0.5])
    show_modes(
        {
            **{"modes": 3, "n_synth": 6, "n_fresh": 0, "fixation_time": 4.0},
            **{"surviving_mean": two, "heterozygosity": two, "reason": {}},
            "surviving_mean_rel_error": np.array([0.01, 0.25]),
            "status": {"surviving_mean": "asymptotic", "fixation_time": "exact"},
        }
    )
    assert "asymptotic, ±25 %." in capsys.readouterr().out


def test_as_many_samples_as_a_chain_may_have(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from madtheory.modes import fresh

    monkeypatch.setattr(fresh, "FRESH_LIMIT", 14)
    line = "theory modes --modes 9 --n-synth 9 --n-fresh 5 --generations 2"
    alive = answer(*line.split())
    assert alive["surviving_mean"][0] == pytest.approx(9 * (1 - (8 / 9) ** 14), rel=1e-12)
