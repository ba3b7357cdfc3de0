"""What `audit` says of its numbers, by numbers made up."""

from types import SimpleNamespace
from typing import Any

import pytest

from madtheory.cli import data


def test_power_and_generations_are_those_of_each_verdict() -> None:
    best = SimpleNamespace(
        mad=0.1, not_mad=0.2, share=0.3, mad_generations=5, not_mad_generations=None
    )
    found: Any = SimpleNamespace(power=best)
    assert data._power(found) == {
        "power": {"mad": 0.1, "not_mad": 0.2, "share": 0.3},
        "generations_needed": {"mad": 5, "not_mad": None},
    }


@pytest.mark.parametrize(
    ("mad", "not_mad", "said"),
    [
        (6, 9, "; with 2 more for MAD or 5 more for not MAD it would decide 90 %."),
        (6, None, "; with 2 more for MAD it would decide 90 %."),
        (4, 3, "with 30 %."),
    ],
)
def test_how_many_more_generations(mad: int, not_mad: int | None, said: str) -> None:
    payload = {
        **{"verdict": "undecided", "generations": [{}] * 4},
        "power": {"mad": 0.1, "not_mad": 0.2, "share": 0.3},
        "generations_needed": {"mad": mad, "not_mad": not_mad},
        "known": {"n_real": None},
    }
    assert data._decided(payload).endswith(said)
    alone = payload | {"known": {"n_real": 0}}
    assert "those of which nothing grows" in data._decided(alone)


@pytest.mark.parametrize(
    ("n_real", "walk", "said"),
    [
        (None, 0.3, "p = 0.01 of a loop that real data hold, 0.3 of one without; each"),
        (0, 0.3, "p = 0.01 that nothing grows, 0.3 that the loop walks; each"),
        (5, 0.0, "p = 0.01 of a loop that real data hold, each"),
        (5, 0.3, "p = 0.01 of a loop that real data hold, 0.3 of one without; each"),
    ],
)
def test_what_p_values_are_of(n_real: int | None, walk: float, said: str) -> None:
    payload = {"p_value": 0.01, "p_value_walk": walk, "error_rate": 0.02}
    assert data._p_values(payload | {"known": {"n_real": n_real}}).startswith(said)


@pytest.mark.parametrize(
    ("limit", "said"), [(7.9, "up to 7 synthetic samples"), (float("inf"), "any number of")]
)
def test_how_much_synthetic_data_do_no_harm(limit: float, said: str) -> None:
    fresh = {"admissible_n_synth": limit, "n_synth": 5, "required_n_real": None}
    assert said in data._needed(fresh)


def test_half_an_interval_stands_beside_a_value() -> None:
    assert data._short({"value": 3.0, "interval": [2.8, 3.2]}) == "3.00 ± 0.20"


def test_what_is_foreseen_worst_is_said_below_the_bands() -> None:
    said = data._sharpened({"fid": 0.665, "trace": 0.74})
    assert "without real data" in said
    assert said.endswith("bands of FID hold 66 %, of total variance 74 %.")


def test_the_title_of_a_forecast_tells_the_worst_class_from_all() -> None:
    payload = {
        "forecast": {"generations": [], "fid": [], "trace": []},
        "coverage": {"dimensions": 30, "fid": {"all": 0.98, "worst": 0.92}},
        "directions": {"trace": None, "bands": [{"directions": 9}] * 3, "left_out": 3},
        "level": 0.9,
    }
    said = "Forecast, 90 % bands (those of FID, of 95 %, hold: 98 %, in the worst class 92 %"
    assert data._forecast_table(payload).title == f"{said})"
    payload["directions"]["left_out"] = 4  # more than loops of the table had
    assert data._forecast_table(payload).title == f"{said}; in up to 30 dimensions, fewer in 31)"
