"""Claims in parts: judged as all together, and printed whatever the verifier says of them."""

import math

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from madtheory.claims import CLAIMS
from madtheory.claims.verify import verify
from madtheory.reports.claims import numbers, tables
from madtheory.reports.contents import SECTIONS
from madtheory.reports.formats import to_markdown

SECTION = next(section for section in SECTIONS if section.name == "claims")


def claim(name: str, p: float | None, **more: object) -> dict[str, object]:
    return {"id": name, "p": p, "z": None if p is None else 1.0, "power": 0.999, "status": "exact",
            "mutant_rejected": True, "passed": False, **more}  # fmt: skip


def joined(*claims: dict[str, object]) -> dict[str, bool]:
    parts = [{"claims": [one], "family_wise_error": 0.01} for one in claims]
    return {c["id"]: c["passed"] for c in numbers.join(parts, {"level": "quick"})["claims"]}


def test_parts_hold_every_claim_once_and_in_order():
    for level in ("quick", "full"):
        parts = SECTION.parts(level, 7)
        assert [name for part in parts for name in part["claims"]] == [c.id for c in CLAIMS]
        assert {part["seed"] for part in parts} == {7}
        assert max(len(part["claims"]) for part in parts) == 10


def test_holm_counts_all_claims_and_not_those_of_a_part():
    # .01 / 20 = .0005: .0006 is refuted alone, and not among twenty; .0004 is, .0006 then is not.
    quiet = [claim(str(i), 0.5) for i in range(18)]
    assert joined(claim("a", 0.0006)) == {"a": False}
    assert joined(*quiet, claim("a", 0.0006), claim("b", 0.4))["a"]
    both = joined(*quiet, claim("a", 0.0006), claim("b", 0.0004))
    assert (both["a"], both["b"]) == (True, False)


@pytest.mark.parametrize(("change"), [{"mutant_rejected": False}, {"power": 0.98}])
def test_a_claim_without_power_fails(change):
    assert joined(claim("a", 0.5)) == {"a": True}
    assert joined(claim("a", 0.5, **change)) == {"a": False}


def test_what_is_computed_stands_as_it_was_said():
    found = joined(claim("a", 0.5), claim("b", None, passed=True), claim("c", None))
    assert found == {"a": True, "b": True, "c": False}


def test_parts_say_what_the_verifier_says():
    names = ["proposition-rate", "mean-trace", "fresh-trace-limit", "half-life"]
    config = {**SECTION.config("quick", 0), "claims": names, "together": 3}
    found = numbers.join([numbers.compute(part) for part in numbers.split(config)], config)
    whole = verify(claims=names)
    assert [c["id"] for c in found["claims"]] == names
    assert [c["estimate"] for c in found["claims"]] == [c.estimate for c in whole.claims]
    assert [c["passed"] for c in found["claims"]] == [c.passed for c in whole.claims]
    assert found["largest_z"] == max(abs(c.z) for c in whole.claims)
    assert found["least_power"] == min(math.floor(1e4 * min(c.power for c in whole.claims)) / 1e4,
                                       0.9999)  # fmt: skip


def test_the_smallest_error_is_shown_where_there_is_one():
    row = {"statement": "E tr Σ_t", "reference": "1.5", "status": "exact", "predicted": 1.0,
           "estimate_se": [1.0, None], "z": None, "power": 0.999, "mutant": "2 % larger",
           "mutant_rejected": True, "passed": True}  # fmt: skip
    without = to_markdown(tables.claims({"claims": [row]})).splitlines()
    assert "smallest" not in without[0]
    assert without[2].startswith(r"| $E\,\operatorname{tr}\,\Sigma_t$ | 1.5 | exact | 1 | 1 | – |")
    shown = to_markdown(tables.claims({"claims": [{**row, tables.SMALLEST: 0.0234}, row]}))
    assert "smallest error noticed" in shown
    assert "| 2.3 % |" in shown
    assert "| – | 2 % larger |" in shown.splitlines()[3]
