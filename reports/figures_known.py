"""Figure of the section on the audit: loops whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory.reports.figures import array, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, MARKERS, figure, panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["VERDICTS", "draw_known"]

VERDICTS = {"mad": "MAD", "not_mad": "not MAD", "undecided": "undecided"}


def _columns(estimates: list[dict[str, Any]]) -> Any:
    """Values, lower and upper ends."""
    return array([[e["value"], e["low"], e["high"]] for e in estimates]).T


def _seen(ax: Axes, item: Mapping[str, Any], i: int) -> None:
    """FID of the files with intervals."""
    value, low, high = _columns([g["fid"] for g in item["generations"]])
    t = np.arange(1, len(value) + 1)
    ax.errorbar(t, value, yerr=[value - low, high - value], fmt=MARKERS[i], color=COLOURS[i],
                mfc="white", ms=4, elinewidth=0.9, capsize=2, label="seen, 95 %")  # fmt: skip


def _ahead(ax: Axes, item: Mapping[str, Any], i: int) -> None:
    """The forecast, and what the loop did afterwards."""
    t, bands = item["forecast"]["generations"], item["forecast"]["fid"]
    value, low, high = _columns(bands)
    ax.fill_between(t, low, high, color=GREY, alpha=0.25, lw=0, label="forecast, 95 %")
    ax.plot(t, value, color=GREY, ls=DASHES[1], lw=1.0)
    ax.plot(t, item["later"], ls="none", marker=MARKERS[i], color=COLOURS[i], ms=4,
            label="came later")  # fmt: skip
    ax.axvline(t[0] - 0.5, color=BLACK, lw=0.6, ls=DASHES[2])


def draw_known(numbers: Mapping[str, Any]) -> Figure:
    """FID by generation of three loops, with verdicts and forecasts."""
    fig = figure(2.9)
    shown = numbers["shown"]
    axes = fig.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for i, (ax, item) in enumerate(zip(axes, shown, strict=True)):
        _seen(ax, item, i)
        _ahead(ax, item, i)
        ax.set_yscale("log")
        ax.set_xlabel("generation $t$")
        panel(ax, "abc"[i], f"{item['name']}\nverdict: {VERDICTS[item['verdict']]}")
    plain_log(axes[0], "y", [0.01, 0.03, 0.1, 0.3, 1, 3, 10])
    axes[0].set_ylabel("FID")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncol=3)
    return fig
