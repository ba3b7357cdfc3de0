"""What bands are said to hold is what their tables measured, and of the loops that they are of."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from madtheory import audit
from madtheory.audit.forecast import Forecast
from madtheory.audit.known import NOTHING, Known


def table(file, rows):
    """Kinds of loops of a table of the golden ones."""
    path = Path(__file__).parents[2] / "golden" / "audit" / f"{file}.json"
    return json.loads(path.read_text(encoding="utf-8"))[rows]


def shares(counts):
    """Share of all that was held, and of the worst kind."""
    hits, seen = map(sum, zip(*counts, strict=True))
    return round(hits / seen, 3), round(min(a / b for a, b in counts), 3)


@pytest.mark.parametrize(
    ("printed", "least", "known"),
    [(audit.COVERAGE, 0.94, False), (audit.COVERAGE_KNOWN, 0.92, True)],
)
def test_coverage_beside_the_bands_is_the_measured_one(printed, least, known):
    kinds = table("bands", "classes").values()
    for name, (whole, worst) in printed.items():
        each = [t["known"] if known and name != "n_eff" else t for t in kinds]
        assert (whole, worst) == shares(
            [t[name] if name == "n_eff" else t[name]["covered"] for t in each]
        )
        assert whole >= 0.95
        assert worst >= least


@pytest.mark.parametrize(
    ("printed", "kinds", "kind", "among", "least"),
    [
        (audit.COVERAGE_LOW_RANK, table("directed", "tables")["low rank"], "low rank", 1.0, 0.0),
        (audit.COVERAGE_WILD, table("rare", "loops"), "wild", 0.8, 0.9),
        (audit.COVERAGE_DISCRETE, table("discrete", "loops"), "discrete", 1.0, 0.95),
    ],
)
def test_coverage_of_special_loops_is_the_measured_one(printed, kinds, kind, among, least):
    loops = sum(each["loops"] for each in kinds.values())
    assert sum(each[kind] for each in kinds.values()) >= among * loops
    for name in ("fid", "trace"):
        assert printed[name] == shares([each[name]["covered"] for each in kinds.values()])
        assert printed[name][0] >= least


def test_coverage_of_models_that_sharpen_is_the_measured_one():
    kinds = table("sharpened", "loops").values()
    for name, printed in audit.SHARPENED.items():
        assert printed == shares([each[name]["covered"] for each in kinds])[1]
        assert all(each["loops"] == 40 for each in kinds)
    # They are foreseen worse than any loop of the other tables of as many directions.
    assert audit.SHARPENED["trace"] < audit.COVERAGE_WILD["trace"][1]


def test_coverage_is_that_of_the_loops_that_these_are_among():
    plain = Forecast((), (), (), low_rank=False, wild=False, discrete=False)
    of = audit.coverage
    assert of(None, NOTHING) is of(plain, NOTHING) is audit.COVERAGE
    for known in (Known(1), Known(share=0.0)):
        assert of(None, known) is of(plain, known) is audit.COVERAGE_KNOWN
        wild = replace(plain, wild=True)
        assert of(wild, known) is audit.COVERAGE_WILD
        low = replace(wild, low_rank=True)
        assert of(low, known) is audit.COVERAGE_LOW_RANK
        assert of(replace(low, discrete=True), known) is audit.COVERAGE_DISCRETE
    assert of(plain, Known(apart=True)) is audit.COVERAGE
