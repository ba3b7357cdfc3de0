"""What the report holds: every section, figure, table, caption and erratum."""

import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from madtheory.reports import captions, contents, text
from madtheory.reports.section import LEVELS


def test_every_figure_and_table_is_captioned_and_placed():
    source = text.template("report.md")
    for name in (name for section in contents.SECTIONS for name in section.figures):
        caption = captions.figure_captions()[name]
        assert any(word in caption.status for word in captions.STATUSES), name
        assert all((caption.shows, caption.claim, caption.read))
        assert source.count("{{figure:" + name + "}}") == 1
    for name in (name for section in contents.SECTIONS for name in section.tables):
        assert name in captions.table_captions()
        assert source.count("{{table:" + name + "}}") == 1


def test_errata_cover_the_list_and_name_real_claims():
    from madtheory.claims import CLAIMS

    entries = captions.errata()
    assert len(entries) >= 25
    known = {claim.id for claim in CLAIMS}
    for entry in entries:
        assert entry.evidence
        named = {name.strip() for name in entry.claim.split(",")} - {""}
        assert named <= known, named - known


def test_levels_cover_every_section():
    for section in contents.SECTIONS:
        assert all(section.config(level, 3) for level in LEVELS)
    assert json.dumps([section.config("quick", 3) for section in contents.SECTIONS])
    assert Path(text.files("madtheory.reports") / "templates" / "page.html").is_file()
