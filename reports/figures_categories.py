"""Figure of the section on categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory.reports.figures import array, error_points, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, figure, panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]


def _power(n: int) -> str:
    """10^6 for a million, other numbers in full."""
    exponent = round(np.log10(n))
    return f"$10^{{{exponent}}}$" if n == 10**exponent else f"{n:,}"


def _points(item: Mapping[str, Any], key: str) -> Any:
    """Where the simulated points lie, their means and standard errors."""
    return array([[p[key], *p["value"]] for p in item["points"]]).T


def _survivors(ax: Axes, numbers: Mapping[str, Any]) -> None:
    for i, item in enumerate(numbers["survivors"]):
        t, size = np.arange(1, len(item["number"]) + 1), item["size"]
        low, value, high = (array(item[key]) / size for key in ("lower", "number", "upper"))
        ax.fill_between(t, low, high, color=COLOURS[i], alpha=0.3, lw=0)
        ax.plot(t, value, color=COLOURS[i], ls=DASHES[i])
        error_points(ax, item["at"], array(item["mean"]) / size, array(item["se"]) / size, i,
                     f"{item['name']}, $n$ = {_power(item['n'])}")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    plain_log(ax, "x", [1, 3, 10, 30, 100])
    plain_log(ax, "y", [0.01, 0.03, 0.1, 0.3, 1])
    ax.set_xlabel("generation $t$")
    ax.set_ylabel("share of the vocabulary")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.22))
    panel(ax, "a", "words alive")


def _wins(ax: Axes, numbers: Mapping[str, Any]) -> None:
    for i, item in enumerate(numbers["wins"]):
        ax.plot(numbers["temperatures"], item["probability"], color=COLOURS[i], ls=DASHES[i])
        at, mean, se = _points(item, "temperature")
        error_points(ax, at, mean, se, i, f"$n$ = {item['n']:,}")
    ax.axhline(
        numbers["config"]["favoured"],
        color=BLACK,
        lw=0.8,
        ls=DASHES[2],
        label="its share of real text",
    )
    ax.set_ylim(0.5, 1.02)
    ax.set_xlabel(r"temperature $\lambda$")
    ax.set_ylabel("probability")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.22))
    panel(ax, "b", "favoured token wins")


def _held(ax: Axes, numbers: Mapping[str, Any]) -> None:
    for i, item in enumerate(numbers["held"]):
        colour, x = COLOURS[(1, 3)[i]], 100 * array(item["shares"])
        label = f"{item['name']}, {_power(item['n'])}"
        ax.fill_between(
            x, array(item["lower"]), array(item["upper"]), color=colour, alpha=0.3, lw=0
        )
        ax.plot(x, array(item["number"]), color=colour, ls=DASHES[0])
        ax.plot(x, array(item["mass"]), color=colour, ls=DASHES[1], label=f"{label}: of text")
        at, mean, se = _points(item, "share")
        error_points(ax, 100 * at, mean, se, (1, 3)[i], f"{label}: of words")
    ax.set_xscale("log")
    plain_log(ax, "x", [0.01, 0.1, 1, 10])
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("fresh tokens (% of all)")
    ax.set_ylabel("share alive at rest")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.22))
    panel(ax, "c", "held by fresh text")


def draw(numbers: Mapping[str, Any]) -> Figure:
    """Words that survive, tokens that win, vocabularies that fresh text holds."""
    fig = figure(3.9)
    for ax, part in zip(fig.subplots(1, 3), (_survivors, _wins, _held), strict=True):
        part(ax, numbers)
    return fig
