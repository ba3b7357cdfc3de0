"""The figure that a deep run ends in: what it measured, and what its samples look like."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from madtheory.deep.curves import Curve, of_run
from madtheory.deep.folder import grid, read_samples, sample_files
from madtheory.reports._types import Array, Numbers
from madtheory.reports.plotting import interval_points, level, line
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, MARKERS, figure, panel

#: Sets of samples side by side, the real one among them; rows and columns of each.
SETS = 6
ROWS, COLUMNS = 10, 5
#: Points of a scatter plot.
POINTS = 500


def _curve(ax: Axes, curve: Curve, name: str, i: int, label: str) -> None:
    """A metric by generation, with its interval where it has one, and its level of real data."""
    t, values = curve.generations, curve.metrics[name]
    if values.ndim == 2:
        value, low, high = values.T
        interval_points(ax, t, value, [value - low, high - value], i, label)
        line(ax, t, value, i, ls="-", lw=0.9)
    else:
        line(ax, t, values, i, ls="-", marker=MARKERS[i], mfc="white", label=label)
    floor = float(np.atleast_1d(curve.real[name])[0])
    level(ax, floor, COLOURS[i], ls=DASHES[2], lw=1.1)


def _axes(ax: Axes, letter: str, title: str, label: str) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set(xlabel="generation $t$", ylabel=label)
    panel(ax, letter, title)


def draw_fid(ax: Axes, curve: Curve) -> None:
    """FID, on a logarithmic axis where all of it is positive."""
    _curve(ax, curve, "fid", 0, "FID")
    if min(curve.metrics["fid"].min(), curve.real["fid"].min()) > 0:
        ax.set_yscale("log")
    _axes(ax, "a", "FID", "FID (squared units of features)")


def draw_near(ax: Axes, curve: Curve) -> None:
    """Precision and recall."""
    for i, name in enumerate(("precision", "recall"), 1):
        _curve(ax, curve, name, i, name)
    ax.set_ylim(0.0, 1.05)
    _axes(ax, "b", "precision and recall", "share of samples")


def draw_traces(ax: Axes, curve: Curve) -> None:
    """Total variance, all and within classes."""
    named = {"trace": "tr Σ", "trace_within": "tr Σ within classes"}
    for i, name in zip((3, 5), named, strict=True):
        if name in curve.metrics:
            _curve(ax, curve, name, i, named[name])
    ax.set_ylim(bottom=0.0)
    _axes(ax, "c", "total variance", "tr Σ (squared units of data)")


def _title(t: int) -> str:
    return "real" if t == 0 else f"$t = {t}$"


def _limits(x: Array) -> tuple[float, float]:
    """From the lowest to the highest of real points, a little wider."""
    low, high = float(x.min()), float(x.max())
    return low - 0.1 * (high - low), high + 0.1 * (high - low)


def _points(ax: Axes, arrays: Mapping[str, Any], real: Mapping[str, Any]) -> None:
    """The first two coordinates, within the limits of real data."""
    ax.plot(*arrays["x"][:POINTS, :2].T, ls="none", marker=".", ms=1.6, mew=0, color=COLOURS[0])
    ax.set(xlim=_limits(real["x"][:, 0]), ylim=_limits(real["x"][:, 1]), box_aspect=1)


def _images(ax: Axes, arrays: Mapping[str, Any]) -> None:
    """A grid of images."""
    wide = grid(arrays["x"], arrays.get("labels"), ROWS, COLUMNS, gap=1)
    ax.imshow(wide, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.spines[:].set_visible(False)


def draw_samples(axes: Any, sets: Mapping[int, Numbers]) -> None:
    """Samples by generation: images, or points of the plane."""
    for ax, (t, arrays) in zip(axes, sets.items(), strict=True):
        if arrays["x"].ndim == 4:
            _images(ax, arrays)
        else:
            _points(ax, arrays, sets[0])
        ax.set(xticks=[], yticks=[])
        ax.set_title(_title(t), loc="center", color=BLACK)


def shown(generations: int) -> list[int]:
    """Generations whose samples are drawn: the real data, the first, the last, some between.

    Examples
    --------
    >>> shown(5), shown(21)
    ([0, 1, 2, 3, 4, 5], [0, 1, 6, 11, 16, 21])
    """
    places = np.linspace(1, generations, min(SETS - 1, generations))
    return [0, *sorted({round(float(t)) for t in places})]


def draw_run(curve: Curve, sets: Mapping[int, Numbers]) -> Figure:
    """Metrics by generation above, samples by generation below; vectors of one number have none."""
    x = sets[0]["x"]
    images, plane = x.ndim == 4, x.ndim == 2 and x.shape[1] >= 2
    strip = 2.5 if images else 1.5 if plane else 0.0
    fig = figure(2.6 + strip)
    upper: Any = fig
    if strip:
        halves: Any = fig.subfigures(2, 1, height_ratios=(2.6, strip))
        upper, lower = halves
        draw_samples(lower.subplots(1, len(sets), squeeze=False)[0], sets)
        rows = "a row a class" if images and "labels" in sets[0] else "drawn at the loop's own bias"
        lower.suptitle(f"(d) samples by generation, {rows}", x=0.01, ha="left", fontsize=9)
    axes = upper.subplots(1, 3)
    for ax, draw in zip(axes, (draw_fid, draw_near, draw_traces), strict=True):
        draw(ax, curve)
    entries = [ax.get_legend_handles_labels() for ax in axes]
    real = Line2D([], [], color=GREY, ls=DASHES[2], lw=1.1)
    upper.legend(
        [*itertools.chain.from_iterable(handles for handles, _ in entries), real],
        [*itertools.chain.from_iterable(labels for _, labels in entries), "real data"],
        loc="outside lower center",
        ncol=6,
        columnspacing=1.2,
    )
    return fig


def figure_of(folder: Path) -> Figure:
    """The figure of a run folder."""
    curve, files = of_run(folder), sample_files(folder)
    return draw_run(curve, {t: read_samples(files[t]) for t in shown(len(curve.generations))})
