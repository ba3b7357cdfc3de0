"""Bad arguments are named: the argument, the rule and the value."""

import math

import numpy as np
import pytest

from madtheory import modes
from madtheory.modes.bounds import stationary_bounds
from madtheory.modes.fresh import stationary_count_law, stationary_survival
from madtheory.modes.selection import fixation_limit
from madtheory.modes.tempering import full_chain, stationary_law, token_chain


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: modes.surviving_mean(0, 5, 5), "modes must be at least 1, got 0"),
        (lambda: modes.surviving_mean(2, 2.5, 5), "n_synth must be an integer, got 2.5"),
        (lambda: modes.mode_survival(1.5, 5, 5), r"p must be in \[0, 1\], got 1.5"),
        (lambda: modes.mode_survival(math.nan, 5, 5), r"p must be in \[0, 1\], got nan"),
        (lambda: modes.fixation_time([0.5, 0.4], 5), "weights must sum to 1, got 0.9"),
        (
            lambda: modes.fixation_time([], 5),
            r"weights must be a non-empty vector, got shape \(0,",
        ),
        (lambda: modes.surviving_law(2, 9_000, [1]), "n_synth must be at most 8192, got 9000"),
        (
            lambda: stationary_survival(0.1, 16_000, 500),
            r"n_synth \+ n_fresh must be at most 16384, got 16500",
        ),
        (lambda: stationary_count_law(0.1, 9, 0), "n_fresh must be at least 1, got 0"),
        (lambda: modes.typical_variance(2, 5, 5, bias=0.0), "bias must be positive .* got 0"),
        (
            lambda: modes.modal_variance(2, 5, 5, real_modal=1.0, real_total=0.5),
            r"real_total must be a finite number of at least 1, got 0.5",
        ),
    ],
)
def test_bad_arguments_of_modes(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: modes.zipf(0), "size must be at least 1, got 0"),
        (lambda: modes.tempered([0.5, 0.4], 1), "p must sum to 1, got 0.9"),
        (lambda: modes.tempered([0.5, 0.5 + 1e-8], 1), "p must sum to 1, got 1.00000001"),
        (lambda: modes.tempered([1.5, -0.5], 1), "p must be finite and non-negative, got"),
        (lambda: modes.tempered([], 1), "p must be a non-empty vector, got shape"),
        (lambda: modes.tempered([math.nan, 1], 1), "p must be finite and non-negative"),
        (lambda: modes.tempered([1.0], -1), "temperature must be a finite number of at least 0"),
        (
            lambda: modes.tempered([1.0], math.inf),
            "temperature must be a finite number of at least 0",
        ),
        (lambda: modes.token_survival(1.5, 3, 2), r"p must be in \[0, 1\], got 1.5"),
        (lambda: modes.token_survival(0.5, 0, 2), "n must be at least 1, got 0"),
        (lambda: token_chain(0.5, 1001), "n must be at most 1000, got 1001"),
        (lambda: stationary_law(0.5, 5, 0), "n_fresh must be at least 1, got 0"),
        (lambda: stationary_bounds(0.5, 5, 0), "n_fresh must be at least 1, got 0"),
        (lambda: modes.stationary_support([1.0], 5, 0), "n_fresh must be at least 1, got 0"),
        (lambda: modes.fixation(0.5, 1000, temperature=1e9), "temperature must let the loop"),
        (lambda: modes.fixation(0.5, 10**6, temperature=2), "temperature must be at most 1."),
        (lambda: fixation_limit(0.5, 9, temperature=1), "temperature must be below 1"),
        (lambda: modes.fresh_for_support([1.0], 9, 0.5, by="x"), "by must be one of number"),
        (
            lambda: modes.expected_recall(3, [0.0, 0.0], np.eye(2)),
            "means must have a row of 2 for each of counts, got shape",
        ),
        (
            lambda: modes.expected_recall([3], [0.0, 0.0], np.eye(2)),
            r"means must have a row of 2 for each of counts, got shape \(2,\)",
        ),
        (
            lambda: modes.expected_recall([3], [[0.0, 0.0]], np.eye(2)),
            r"covariances must be 2 x 2 for each mean, got shape \(2, 2\)",
        ),
        (
            lambda: full_chain([0.5, 0.5], 3_000, generations=1),
            "p and n must give at most 3000 states, got 3001",
        ),
    ],
)
def test_bad_arguments_of_words(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
