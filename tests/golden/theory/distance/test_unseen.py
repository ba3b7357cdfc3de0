"""Random points of every family: do declared errors cover the truth, and are they small?"""

import json
from collections import Counter

import numpy as np
import pytest

from madtheory.loop import Loop
from tests.golden.theory.distance import unseen

#: Seconds that the formula took when recorded, up to which it is asked anew.
QUICK = 0.015
ROWS = [
    row
    for key, part in json.loads(unseen.TABLE.read_text()).items()
    if key.startswith("part")
    for row in part
]


@pytest.fixture(scope="module")
def answers():
    """The formula's answers: anew where that is quick, else as recorded."""
    found = []
    for _, dim, spikes, fields, t, formula, *_ in ROWS:
        quick = formula[2] <= QUICK
        s = unseen.profile(dim, spikes)
        found.append(unseen.answer(Loop(**fields), s, t) if quick else formula)
    return found


def best(row, formula):
    """The precise answer where there is one."""
    return row[6] or formula


def test_the_points_are_those_drawn():
    drawn = [json.dumps(case[1:5], sort_keys=True) for case in unseen.cases()]
    found = [json.dumps(tuple(row[:4]), sort_keys=True) for row in ROWS]
    assert sorted(found) == sorted(drawn)
    assert len(set(found)) == len(found) == 80
    assert set(Counter(row[0] for row in ROWS).values()) == {10}


def noises():
    """Relative errors of the simulations, declared ones, and the bounds of these."""
    noise = np.array([row[8] / row[7] for row in ROWS])
    declared = np.array([best(row, row[5])[1] for row in ROWS])
    return noise, declared, np.array([unseen.BOUNDS[row[1] >= 20] for row in ROWS])


def test_simulations_are_sharper_than_what_they_judge():
    noise, declared, bounds = noises()
    assert (noise <= bounds / 10).all()
    assert (noise <= bounds / 30).sum() >= 71
    assert (noise <= declared / 10).sum() >= 27


def test_controlled_means_are_those_of_plain_runs():
    """Of the same runs; and the controls' own means are the exact ones."""
    apart = np.array([(row[7] - row[9]) / row[10] for row in ROWS if row[11]])
    assert (np.abs(apart) < 4).all()
    assert 0.7 < apart.std() < 1.3
    # The farthest of up to ten controls a point.
    assert max(row[11] for row in ROWS) < 4.5


WHICH = pytest.mark.parametrize(
    "which", [lambda _, formula: formula, best], ids=["formula", "precise"]
)


def beyond(answers, which, least=0.0):
    """By how many errors of simulation answers lie outside, `least` being declared at least."""
    found = []
    for row, formula in zip(ROWS, answers, strict=True):
        value, error, _ = which(row, formula)
        found.append(unseen.outside([value, max(error, least)], *row[7:9]))
    return np.array(found)


@WHICH
def test_declared_errors_cover_what_is_simulated(answers, which):
    assert (beyond(answers, which) <= 2).mean() >= 0.97


@WHICH
def test_they_do_where_noise_is_less_than_declared(answers, which):
    noise, declared, _ = noises()
    assert (noise <= declared).sum() >= 43
    assert (beyond(answers, which)[noise <= declared] <= 2).mean() >= 0.97


@WHICH
def test_what_is_not_covered_is_faint(answers, which):
    """With 1e-4 of each answer declared at least, a thirtieth of the bound, all are covered."""
    assert (beyond(answers, which, 1e-4) <= 2).mean() >= 0.97
    assert (beyond(answers, which, 1e-4) <= 3).all()


def test_declared_errors_are_small(answers):
    bounds = np.array([unseen.BOUNDS[row[1] >= 20] for row in ROWS])
    formula = np.array([x[1] for x in answers])
    precise = np.array([best(*x)[1] for x in zip(ROWS, answers, strict=True)])
    assert np.median(formula) < 2e-5
    # The rest are a handful of samples, or weigh few: theory.md 5.2 lists them.
    assert (formula <= bounds).sum() >= 64
    assert (precise <= bounds).all()


def test_what_the_simulations_would_notice(answers):
    """Values a third of a bound off, or a tenth of what is declared, lie outside at many points."""
    shares = []
    for off, error in ((1 / 3, 1.0), (0.0, 0.1)):
        beyond = [
            unseen.outside(
                [x[0] * (1 + off * unseen.BOUNDS[row[1] >= 20]), x[1] * error], *row[7:9]
            )
            for row, x in zip(ROWS, map(best, ROWS, answers), strict=True)
        ]
        shares.append(np.mean(np.array(beyond) > 2))
    assert shares[0] > 0.7
    assert shares[1] > 0.03
