"""Loops that begin with few samples, against simulations of which a third set two constants."""

import json

import numpy as np
import pytest

from madtheory.loop import Loop
from madtheory.theory import distance
from tests.golden.theory.distance.begun import AT, table


def compared(part):
    """Relative errors, what is declared and noise, shape (3, loops, len(AT))."""
    rows = []
    for s, fields, *found in json.loads(table(part).read_text()):
        e = distance.w2_squared(Loop(**fields), s, generations=AT[-1])
        w2, se = np.array(found).T
        i = np.array(AT) - 1
        rows.append([np.abs(e.value[i] / w2 - 1), e.rel_error[i], se / w2])
    return np.array(rows).transpose(1, 0, 2)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_declared_errors_cover_first_fits_to_few_samples(part):
    off, declared, noise = compared(part)
    assert (off <= declared + 3 * noise).all()
