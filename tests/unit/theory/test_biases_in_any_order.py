"""Biases and eigenvalues say the same in any order, as long as they stay together (theory.md 8)."""

from collections.abc import Callable
from typing import Any

import pytest

from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.results import Estimate
from madtheory.theory import distance, moments, verdicts, worth
from madtheory.theory.distance import any_loop

FALLING, OTHER = [3.0, 1.2, 0.5], [0.5, 3.0, 1.2]
BIASES, BIASES_OTHER = (0.4, 0.7, 0.9), (0.9, 0.4, 0.7)


def synthetic(bias: tuple[float, ...]) -> Loop:
    return fully_synthetic(9, bias=bias)


def fresh(bias: tuple[float, ...]) -> Loop:
    return fresh_data(12, 8, bias=bias)


ASKED: dict[str, tuple[Callable[[tuple[float, ...]], Loop], Callable[[Loop, list[float]], Any]]] = {
    "rises": (synthetic, lambda loop, s: verdicts.expected_distance_increases(loop, s).value),
    "bounded": (fresh, lambda loop, s: verdicts.risk_is_bounded(loop, s).value),
    "heats": (fresh, lambda loop, s: verdicts.heats_up(loop, s).verdict),
    "linear": (fresh, lambda loop, s: verdicts.risk_grows_linearly(loop, s).verdict),
    "ratio": (fresh, lambda loop, s: verdicts.risk_ratio(loop, s).value),
    "regime": (fresh, lambda loop, s: verdicts.regime(loop, s).gain),
}


@pytest.mark.parametrize("asked", ASKED)
def test_any_order_gives_the_same(asked: str) -> None:
    loop, ask = ASKED[asked]
    value = ask(loop(BIASES), FALLING)
    assert value is not None
    assert ask(loop(BIASES_OTHER), OTHER) == pytest.approx(value, rel=1e-9)


def test_the_best_weight_keeps_biases_by_their_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    def risk(loop: Loop, eigenvalues: list[float]) -> Estimate:
        first = moments.first_moments_limit(loop, eigenvalues=eigenvalues)
        return Estimate.exact(first.mean_sq + abs(first.trace - 1))

    monkeypatch.setattr(distance, "w2_squared_limit", risk)
    one, other = (
        (worth.best_weight(fresh(b), s), verdicts.weighting_helps(fresh(b), s))
        for b, s in ((BIASES, FALLING), (BIASES_OTHER, OTHER))
    )
    assert one[0].weight == pytest.approx(other[0].weight, rel=1e-6)
    assert one[1].value == pytest.approx(other[1].value, rel=1e-9)


def test_what_is_simulated_keeps_biases_by_their_directions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    for name in ("precise_path", "precise_limit"):
        monkeypatch.setattr(
            any_loop, name, lambda loop, s, *_, **__: drawn.append((loop.bias, *s.values))
        )
    for bias, s in ((BIASES, FALLING), (BIASES_OTHER, OTHER)):
        distance.w2_squared(fresh(bias), s, generations=2, precise=True)
        distance.w2_squared_limit(fresh(bias), s, precise=True)
    assert drawn == [(BIASES, *FALLING)] * 4


def test_what_needs_one_bias_says_so() -> None:
    with pytest.raises(ValueError, match="for one bias in all directions only"):
        verdicts.large_sample_floor(fresh(BIASES), FALLING)
