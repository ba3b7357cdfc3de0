"""Figures of the section on all loops: regimes and other estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from madtheory.reports import plotting
from madtheory.reports._types import Numbers
from madtheory.reports.plotting import array, band, black_line, level, line
from madtheory.reports.style import BLACK, COLOURS, DASHES, figure, panel

_SPAN = 2.0  # colours end at gains of 2^-2 and 2^2
_LOWEST = -12.0  # further down the straight lines go on, and the floor would be one line


#: Face of a cell and its mark: collapse, no collapse, not decided.
_ANSWERS = {True: (COLOURS[1], "yes"), False: (COLOURS[4], "no"), None: ("#F2F2F2", "?")}


def draw_definitions(numbers: Numbers) -> Figure:
    """Loops against definitions of collapse: the picture of a table."""
    names = [d["name"] for d in numbers["definitions"]]
    loops = numbers["loops"]
    fig = figure(0.9 + 0.19 * len(loops))
    ax = fig.subplots()
    for row in numbers["rows"]:
        x, y = names.index(row["definition"]), loops.index(row["loop"])
        face, mark = _ANSWERS[row["collapses"]]
        mark += "*" if row["status"] == "conjecture" and row["collapses"] is not None else ""
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc=face, ec="white", lw=1.2, alpha=0.75))
        ax.text(x, y, mark, ha="center", va="center")
    ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(loops) - 0.5, -0.5))
    ax.set_xticks(range(len(names)), [n.split("-")[0] for n in names], rotation=40, ha="left")
    ax.set_yticks(range(len(loops)), loops)
    ax.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    ax.spines[:].set_visible(False)
    return fig


def _undecided(ax: Axes, x: Any, y: Any, item: Numbers) -> None:
    """Stipple where the declared interval of the gain holds 1."""
    inside = np.minimum(np.log2(array(item["high"])), -np.log2(array(item["low"])))
    if inside.max() > 0:
        ax.contourf(x, y, inside, levels=[0.0, np.inf], colors="none", hatches=["......"])


def _verdicts(ax: Axes, points: list[Numbers], n_real: int) -> None:
    """Simulated verdicts."""
    order = ("better than real", "worse than real", "undecided")
    for point in points:
        mark = plotting.VERDICT_MARKS[order.index(point["simulated"])]
        plotting.verdict_point(ax, point["n_synth"] / n_real, point["bias"], mark)


def _regime_legend(ax: Axes) -> None:
    handles = [
        black_line(lw=1.6),
        black_line(ls=DASHES[1], lw=0.9),
        black_line(ls=DASHES[2], lw=0.9),
        Patch(fc="white", ec=BLACK, hatch="......", lw=0.5),
        *plotting.verdict_entries(),
    ]
    labels = ["$n_e = n_r$", "$n_e = 2 n_r$", "$n_e = n_r/2$",
              "equal to real within\ndeclared error", "simulated: better",
              "simulated: worse", "simulated: undecided"]  # fmt: skip
    ax.axis("off")
    ax.legend(handles, labels, loc="center left", borderaxespad=0.0)


def draw_regimes(numbers: Numbers) -> Figure:
    """One map a family: the worth of the loop's limit against its real data."""
    fig = figure(4.1)
    axes = fig.subplots(2, 3, sharex=True, sharey=True).ravel()
    x, y = array(numbers["ratio"]), array(numbers["bias"])
    for i, (ax, item) in enumerate(zip(axes, numbers["maps"], strict=False)):
        ax.set_xscale("log")
        log_gain = np.log2(array(item["gain"]))
        mesh = plotting.shade(ax, x, y, item["gain"], span=_SPAN)
        _undecided(ax, x, y, item)
        for value, width, dash in ((0.0, 1.6, 0), (1.0, 0.9, 1), (-1.0, 0.9, 2)):
            if log_gain.min() < value < log_gain.max():
                ax.contour(x, y, log_gain, levels=[value], colors=[BLACK], linewidths=width,
                           linestyles=[DASHES[dash]])  # fmt: skip
        _verdicts(ax, item["points"], numbers["config"]["n_real"])
        ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
        panel(ax, "abcde"[i], item["name"])
        ax.set(xlabel="$n_s/n_r$" if i > 1 else "",
               ylabel="" if i % 3 else r"sampling bias $\lambda$")  # fmt: skip
        ax.tick_params(labelbottom=i > 1)
        plotting.plain_log(ax, x=[0.1, 1, 10, 100])
    _regime_legend(axes[-1])
    names = {-2: "¼", -1: "½", 0: "1", 1: "2", 2: "4"}
    plotting.gain_bar(fig, mesh, list(axes), names, aspect=30)
    return fig


def _scale_panel(ax: Axes, numbers: Numbers) -> None:
    t = numbers["generations"]
    for i, run in enumerate(numbers["runs"]):
        low, median, high = array(run["quantiles"])
        band(ax, t, low, high, i, alpha=0.25)
        line(ax, t, median, i, lw=2.2, label=run["name"])
        if run["log_mean"] is not None:
            line(ax, t, run["log_mean"], BLACK, lw=0.8)
        for value in run["stationary"] or ():
            level(ax, value)
    line(ax, [], [], BLACK, lw=0.8, label="theory")
    ax.set(xlim=(0, t[-1]), ylim=(max(_LOWEST, ax.get_ylim()[0]), 1.0))
    ax.set(xlabel="generation $t$", ylabel=r"$\log_{10}\,\mathrm{tr}\,\Sigma_t$")
    panel(ax, "a", "variance: median, 5–95 %")


def _walk_panel(ax: Axes, numbers: Numbers) -> None:
    t = array(numbers["generations"])
    marks = np.geomspace(1, t[-1], 14)
    some = np.unique([int(np.abs(t - mark).argmin()) for mark in marks])
    for i, run in enumerate(numbers["runs"]):
        line(ax, t, run["walk"], i, lw=1.6)
        every = some[i % 2 :: 2] if len(some) > 3 else some
        mean, se = array(run["mean_sq"]), array(run["mean_sq_se"])
        plotting.error_points(ax, t[every], mean[every], se[every], i)
    ax.set(xscale="log", yscale="log", xlabel="generation $t$", ylabel=r"$E\,\|\mu_t-\mu_0\|^2$")
    panel(ax, "b", "drift of the mean")


def draw_estimators(numbers: Numbers) -> Figure:
    """What the estimator of the covariance changes: the variance, and not the drift."""
    fig = plotting.panels(3.3, numbers, _scale_panel, _walk_panel)
    plotting.legend_below(fig, fig.axes[0], 4)
    return fig
