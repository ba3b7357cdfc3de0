"""Marks and axes that figures of several topics share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from madtheory.reports._types import Array, Numbers
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, MARKERS, figure


def array(values: Any) -> Array:
    """Numbers as they come from JSON; null becomes NaN, which is not drawn."""
    return np.asarray(values, dtype=np.float64)


def columns(rows: list[Numbers], *keys: str) -> Array:
    """The values of each key over the rows, one array a key."""
    return array([[row[key] for row in rows] for key in keys])


def series(i: int | str) -> Numbers:
    """Colour and dashes of series `i`; a colour itself stands for a line without dashes."""
    return {"color": i} if isinstance(i, str) else {"color": COLOURS[i], "ls": DASHES[i]}


def line(ax: Axes, x: Any, y: Any, i: int | str, **style: Any) -> None:
    """A line in the style of :func:`series`, as far as `style` says nothing else."""
    ax.plot(array(x), array(y), **{**series(i), **style})


def level(ax: Axes, y: float, i: int | str = BLACK, **style: Any) -> None:
    """A thin line across the panel."""
    ax.axhline(y, **{**series(i), "lw": 0.8, **style})


def band(ax: Axes, x: Any, low: Any, high: Any, i: int | str, **style: Any) -> None:
    """What lies between two curves, in the colour of series `i`."""
    style = {"color": series(i)["color"], "alpha": 0.2, "lw": 0, **style}
    ax.fill_between(array(x), array(low), array(high), **style)


def error_points(ax: Axes, x: Any, y: Any, error: Any, i: int, label: str | None = None) -> None:
    """Simulated points with 95 % intervals, in the colour and marker of series `i`."""
    interval_points(ax, x, y, 1.96 * array(error), i, label)


def interval_points(
    ax: Axes, x: Any, y: Any, bars: Any, i: int, label: str | None = None, **style: Any
) -> None:
    """Points with bars, in the colour and marker of series `i`."""
    style = {"fmt": MARKERS[i], "color": COLOURS[i], "mfc": "white", "zorder": 3,
             "elinewidth": 0.9, **style}  # fmt: skip
    ax.errorbar(array(x), array(y), yerr=bars, ms=4, capsize=2, label=label, **style)


def plain_log(ax: Axes, **ticks: list[float]) -> None:
    """Make axes x, y logarithmic and label them at the given values, as plain numbers."""
    for axis, values in ticks.items():
        getattr(ax, f"set_{axis}scale")("log")
        target = getattr(ax, f"{axis}axis")
        target.set_major_locator(FixedLocator(values))
        target.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        target.set_minor_formatter(NullFormatter())


def panels(
    height: float, numbers: Numbers, *parts: Callable[[Axes, Numbers], None], rows: int = 1
) -> Figure:
    """A figure whose panels, from left to right, are drawn by `parts`."""
    fig = figure(height)
    axes = fig.subplots(rows, len(parts) // rows).ravel()
    for ax, part in zip(axes, parts, strict=True):
        part(ax, numbers)
    return fig


def legend_below(fig: Figure, ax: Axes, columns: int, **style: Any) -> None:
    """Put the legend of one panel below all of them."""
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncol=columns, **style)


# ------------------------------------------------------------------- is synthetic data worth it
def shade(ax: Axes, x: Any, y: Any, gain: Any, *, span: float = 1.0) -> Any:
    """log2 of the gain up to +- span: blue where synthetic data helps, orange where it hurts."""
    colours = LinearSegmentedColormap.from_list("gain", [COLOURS[5], "#FFFFFF", COLOURS[0]])
    norm = TwoSlopeNorm(vmin=-span, vcenter=0.0, vmax=span)
    value = np.clip(np.log2(np.maximum(array(gain), 1e-9)), -span, span)
    return ax.pcolormesh(array(x), array(y), value, cmap=colours, norm=norm, shading="gouraud",
                         rasterized=True)  # fmt: skip


def gain_bar(fig: Figure, mesh: Any, axes: Any, labels: Mapping[Any, str], **style: Any) -> None:
    """The colour bar of :func:`shade`, ticks by log2 of the gain."""
    bar = fig.colorbar(mesh, ax=axes, ticks=list(labels), extend="both", pad=0.02, **style)
    bar.ax.set_yticklabels(list(labels.values()))
    bar.set_label("$n_e/n_r$ (effective over real sample size)")


#: Marker and face of a simulated verdict: helps, hurts, undecided.
VERDICT_MARKS = (("o", BLACK), ("s", "white"), ("d", GREY))


def verdict_point(ax: Axes, x: float, y: float, mark: tuple[str, str]) -> None:
    """One simulated verdict, one of VERDICT_MARKS."""
    ax.plot(x, y, marker=mark[0], mfc=mark[1], mec=BLACK, ms=5, ls="none", zorder=4,
            clip_on=False)  # fmt: skip


def black_line(**style: Any) -> Line2D:
    """An entry of a legend."""
    return Line2D([], [], color=BLACK, **style)


def verdict_entries() -> list[Line2D]:
    """The entries of VERDICT_MARKS in a legend."""
    return [black_line(ls="none", marker=m, mfc=face) for m, face in VERDICT_MARKS]
