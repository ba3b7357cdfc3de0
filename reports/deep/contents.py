"""What the report says on real models: every committed curve, as far as they are there.

The curves' digests are arguments of the section, so that a new curve is a new computation.
"""

from __future__ import annotations

from typing import Final

from madtheory.reports.deep import compared, figures, numbers, tables
from madtheory.reports.section import Section

SECTIONS: Final = (
    Section(
        "deep", numbers.compute,
        {"curves": compared.digests(), "listed": compared.listed(), "grids": compared.grids(),
         "maps": compared.maps()},
        figures={
            "deep_ddpm": figures.draw_ddpm,
            "deep_wgan_gp": figures.draw_wgan_gp,
            "deep_stylegan2": figures.draw_stylegan2,
            "deep_ladder": figures.draw_ladder,
            "deep_plane": figures.draw_plane,
            "deep_spectra": figures.draw_spectra,
            "deep_grids": figures.draw_grids,
            "deep_maps": figures.draw_maps,
        },
        tables={
            "deep_totals": tables.totals,
            "deep_first": tables.first,
            "deep_spectra_table": tables.spectra,
            "deep_trends": tables.trends,
            "deep_predictions": tables.predictions,
        },
        seconds=(4, 4),
    ),
)  # fmt: skip
