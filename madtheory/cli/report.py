"""`madtheory report`: the figures, tables and pages."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Payload


def show_report(payload: Payload) -> None:
    """Print `report`: every page, and how many figures and tables."""
    page = table.console(soft_wrap=True)
    for path in payload["pages"]:
        page.print(str(path), markup=False)
    page.print(f"{len(payload['figures'])} figures, {len(payload['tables'])} tables")


@click.command()
@click.option("--out", type=options.PATH, required=True, help="Folder to write.")
@options.level
@answer.shown_by(show_report)
def report(*, out: Path, level: Literal["quick", "full"]) -> Payload:
    """Write the figures, tables and pages; what has not changed is kept."""
    answer.mute_matplotlib()
    from madtheory.reports.build import build

    made = build(out, level=level)
    return {"figures": made.figures, "tables": made.tables, "pages": made.pages}
