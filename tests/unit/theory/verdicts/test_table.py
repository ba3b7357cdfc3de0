"""The table of definitions and loops, and its claims."""

from dataclasses import replace

import pytest

from madtheory.claims import CLAIMS
from madtheory.loop import fresh_data, fully_synthetic
from madtheory.theory.verdicts import (
    CLAIM_IDS,
    DEFINITIONS,
    Entry,
    Finding,
    default_loops,
    definitions_table,
    heats_up,
    table_text,
    variance_vanishes,
)


def test_every_family_has_a_claim_for_every_definition() -> None:
    names = {definition.name for definition in DEFINITIONS}
    assert len(names) == len(DEFINITIONS)
    for claims in CLAIM_IDS.values():
        assert set(claims) == names


def test_every_claim_exists() -> None:
    known = {claim.id for claim in CLAIMS}
    named = {claim for claims in CLAIM_IDS.values() for claim in claims.values()}
    assert not named - known


def test_claims_of_the_two_old_families_exist() -> None:
    known = {claim.id for claim in CLAIMS} | {"real-part-bound", "weighted-w2"}
    for family in ("synthetic", "fresh"):
        assert not set(CLAIM_IDS[family].values()) - known


def test_what_hangs_on_a_distance_is_decided_by_a_claim_about_it() -> None:
    for family, claims in CLAIM_IDS.items():
        if family != "floor":  # there the mean walks on, and with it the distance
            assert "w2" in claims["mad"], family
            assert "w2" in claims["ratio"], family
    assert CLAIM_IDS["fresh"]["strong-collapse"] == "fraction-floor"
    assert CLAIM_IDS["synthetic"]["strong-collapse"] == "w2-limit"


@pytest.mark.parametrize("n", [20, 21])
def test_the_nine_loops(n: int) -> None:
    loops = default_loops(n=n)
    assert len(loops) == 18
    for name, loop in loops.items():
        assert loop.n_synth == n
        assert loop.n_real == (0 if name.startswith(("fully", "floor")) else n), name
        assert loop.bias == float(name.rpartition(" ")[2])
    mixed = loops["fixed + fresh, λ = 1"]
    assert (mixed.n_fixed, mixed.n_fresh) == (10, n - 10)
    assert loops["floor, λ = 0.9"].floor == 0.01
    assert loops["memory, λ = 1"].memory == 3
    assert loops["subsample, λ = 1"].budget == n


def test_the_table_has_every_cell_once_and_says_what_the_functions_say() -> None:
    loops = {"a": fully_synthetic(20), "b": fresh_data(20, 20)}
    table = definitions_table(2, loops)
    assert [(e.loop, e.definition) for e in table] == [
        (name, d.name) for name in loops for d in DEFINITIONS
    ]
    cell = {(e.loop, e.definition): e for e in table}
    assert cell["a", "divergence"].collapses is True  # not bounded
    assert cell["b", "divergence"].collapses is False
    assert cell["a", "late-collapse"].finding == variance_vanishes(loops["a"])
    assert cell["a", "weighting"].collapses is None


@pytest.mark.full
def test_the_default_table_shows_that_the_definitions_disagree() -> None:
    table = definitions_table(2)
    cell = {(e.loop, e.definition): e.collapses for e in table}
    assert len(table) == 18 * len(DEFINITIONS)
    # Three loops on which two definitions contradict each other, by arithmetic done by hand.
    assert cell["fully synthetic, λ = 0.9", "late-collapse"] is True
    assert cell["fully synthetic, λ = 0.9", "divergence"] is False
    assert cell["floor, λ = 1", "late-collapse"] is False
    assert cell["floor, λ = 1", "divergence"] is True
    assert cell["growing pool, λ = 0.9", "late-collapse"] is True
    assert cell["growing pool, λ = 0.9", "rate"] is False
    for entry in table:
        assert isinstance(entry.finding, Finding)
        assert entry.finding.reason
        # Only what hangs on E W2^2 may be undecided.
        assert entry.collapses is not None or entry.definition in ("mad", "ratio", "weighting")


def test_table_text_marks_conjectures_and_gaps() -> None:
    finding = variance_vanishes(fully_synthetic(5))
    entries = (
        Entry("x", "a", True, finding),
        Entry("x", "b", None, finding),
        Entry("x", "c", False, replace(finding, status="conjecture")),
    )
    assert table_text(entries).splitlines()[1:] == ["|---|---|---|---|", "| x | yes | ? | no* |"]


def test_a_definition_takes_its_loop_by_name() -> None:
    loop = fully_synthetic(20)
    assert heats_up(loop=loop) == heats_up(loop)
