"""Colours, sizes and file settings of every figure, in one place."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Okabe and Ito's palette, ordered so that neighbours also differ in lightness (grey print).
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
BLACK: Final = "#000000"
GREY: Final = "#6B6B6B"
#: Line styles and markers repeat the colours, so that no curve is told by colour alone.
DASHES: Final = ("-", (0, (6, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1)), (0, (8, 3)))
MARKERS: Final = ("o", "s", "^", "D", "v", "P")
#: Text width of the printed page in inches: figures are drawn at print size.
WIDTH: Final = 6.3
DPI: Final = 220

_RC: Final[dict[Any, Any]] = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "pdf.fonttype": 42,
    "image.cmap": "cividis",
    "figure.constrained_layout.use": True,
    "figure.max_open_warning": 0,
}

#: No dates and no program names: the same numbers give the same bytes.
_METADATA: Final[dict[str, dict[str, str | None]]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the settings above, and only them, inside the block."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def figure(height: float) -> Figure:
    """Return an empty figure of the text width and the given height in inches."""
    return Figure(figsize=(WIDTH, height))


def panel(ax: Axes, letter: str, title: str) -> None:
    """Head a panel with its letter and what it shows."""
    ax.set_title(f"({letter}) {title}")


def render(fig: Figure, suffix: str) -> bytes:
    """Return the figure as the bytes of a "pdf" or "png" file."""
    # Every pass of the layout engine moves the axes a little: one pass, then no more, so that the
    # file does not depend on what was rendered before.
    # And none, not a placeholder, which would draw each file twice.
    buffer = io.BytesIO()
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        if fig.get_layout_engine() is not None:
            fig.draw_without_rendering()
            fig.set_layout_engine(None)
        fig.savefig(buffer, format=suffix, dpi=DPI, metadata=_METADATA[suffix])
    return buffer.getvalue()
