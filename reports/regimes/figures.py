"""Figures of the section on all loops: regimes and other estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from madtheory.reports.plotting import (
    VERDICT_MARKS,
    Numbers,
    array,
    black_line,
    error_points,
    gain_bar,
    legend_below,
    plain_log,
    shade,
    verdict_entries,
    verdict_point,
)
from madtheory.reports.style import BLACK, COLOURS, DASHES, figure, panel

_SPAN = 2.0  # colours end at gains of 2^-2 and 2^2
_LOWEST = -12.0  # further down the straight lines go on, and the floor would be one line


def _level(ax: Axes, x: Any, y: Any, field: Any, level: float, **style: Any) -> None:
    """One contour line, where the field crosses the level."""
    if field.min() < level < field.max():
        ax.contour(x, y, field, levels=[level], colors=[BLACK], **style)


def _undecided(ax: Axes, x: Any, y: Any, item: Numbers) -> None:
    """Stipple where the declared interval of the gain holds 1."""
    inside = np.minimum(np.log2(array(item["high"])), -np.log2(array(item["low"])))
    if inside.max() > 0:
        ax.contourf(x, y, inside, levels=[0.0, np.inf], colors="none", hatches=["......"])


def _verdicts(ax: Axes, points: list[dict[str, Any]], n_real: int) -> None:
    """Simulated verdicts."""
    order = ("better than real", "worse than real", "undecided")
    for point in points:
        mark = VERDICT_MARKS[order.index(point["simulated"])]
        verdict_point(ax, point["n_synth"] / n_real, point["bias"], mark)


def _regime_legend(ax: Axes) -> None:
    handles = [
        black_line(lw=1.6),
        black_line(ls=DASHES[1], lw=0.9),
        black_line(ls=DASHES[2], lw=0.9),
        Patch(fc="white", ec=BLACK, hatch="......", lw=0.5),
        *verdict_entries(),
    ]
    labels = ["$n_e = n_r$", "$n_e = 2 n_r$", "$n_e = n_r/2$",
              "equal to real within\ndeclared error", "simulated: better",
              "simulated: worse", "simulated: undecided"]  # fmt: skip
    ax.axis("off")
    ax.legend(handles, labels, loc="center left", borderaxespad=0.0)


def draw_regimes(numbers: Numbers) -> Figure:
    """One map a family: the worth of the loop's limit against its real data."""
    fig = figure(4.6)
    axes = fig.subplots(2, 3, sharex=True, sharey=True).ravel()
    x, y = array(numbers["ratio"]), array(numbers["bias"])
    for i, (ax, item) in enumerate(zip(axes, numbers["maps"], strict=False)):
        ax.set_xscale("log")
        log_gain = np.log2(array(item["gain"]))
        mesh = shade(ax, x, y, item["gain"], span=_SPAN)
        _undecided(ax, x, y, item)
        _level(ax, x, y, log_gain, 0.0, linewidths=1.6)
        _level(ax, x, y, log_gain, 1.0, linewidths=0.9, linestyles=[DASHES[1]])
        _level(ax, x, y, log_gain, -1.0, linewidths=0.9, linestyles=[DASHES[2]])
        _verdicts(ax, item["points"], numbers["config"]["n_real"])
        ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
        panel(ax, "abcde"[i], item["name"])
        ax.set(xlabel="$n_s/n_r$" if i > 1 else "",
               ylabel="" if i % 3 else r"sampling bias $\lambda$")  # fmt: skip
        ax.tick_params(labelbottom=i > 1)
        plain_log(ax, "x", [0.1, 1, 10, 100])
    _regime_legend(axes[-1])
    names = {-2: "¼", -1: "½", 0: "1", 1: "2", 2: "4"}
    gain_bar(fig, mesh, list(axes), names, aspect=30)
    return fig


def _scale_panel(ax: Axes, numbers: Numbers) -> None:
    t = array(numbers["generations"])
    for i, run in enumerate(numbers["runs"]):
        low, median, high = array(run["quantiles"])
        ax.fill_between(t, low, high, color=COLOURS[i], alpha=0.25, lw=0)
        ax.plot(t, median, color=COLOURS[i], ls=DASHES[i], lw=2.2, label=run["name"])
        if run["log_mean"] is not None:
            ax.plot(t, array(run["log_mean"]), color=BLACK, lw=0.8)
        else:
            for level in array(run["stationary"]):
                ax.axhline(level, color=BLACK, lw=0.8)
    ax.plot([], [], color=BLACK, lw=0.8, label="theory")
    ax.set(xlim=(0, t[-1]), ylim=(max(_LOWEST, ax.get_ylim()[0]), 1.0),
           xlabel="generation $t$", ylabel=r"$\log_{10}\,\mathrm{tr}\,\Sigma_t$")  # fmt: skip
    panel(ax, "a", "variance: median, 5–95 %")


def _walk_panel(ax: Axes, numbers: Numbers) -> None:
    t = array(numbers["generations"])
    marks = np.geomspace(1, t[-1], 14)
    some = np.unique([int(np.abs(t - mark).argmin()) for mark in marks])
    for i, run in enumerate(numbers["runs"]):
        ax.plot(t, array(run["walk"]), color=COLOURS[i], ls=DASHES[i], lw=1.6)
        every = some[i % 2 :: 2] if len(some) > 3 else some
        error_points(ax, t[every], array(run["mean_sq"])[every], array(run["mean_sq_se"])[every],
                     i)  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="generation $t$", ylabel=r"$E\,\|\mu_t-\mu_0\|^2$")
    panel(ax, "b", "drift of the mean")


def draw_estimators(numbers: Numbers) -> Figure:
    """What the estimator of the covariance changes: the variance, and not the drift."""
    fig = figure(3.3)
    left, right = fig.subplots(1, 2)
    _scale_panel(left, numbers)
    _walk_panel(right, numbers)
    legend_below(fig, left, 4)
    return fig
