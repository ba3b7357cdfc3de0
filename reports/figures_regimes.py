"""Figures of the section on all loops: regimes and other estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory.reports.figures import array, error_points, plain_log
from madtheory.reports.figures_fresh import shade
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, figure, panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_estimators", "draw_regimes"]

_SPAN = 2.0  # colours end at gains of 2^-2 and 2^2
_LOWEST = -12.0  # further down the straight lines go on, and the floor would be one line


def _level(ax: Axes, x: Any, y: Any, field: Any, level: float, **style: Any) -> None:
    """One contour line, where the field crosses the level."""
    if field.min() < level < field.max():
        ax.contour(x, y, field, levels=[level], colors=[BLACK], **style)


def _undecided(ax: Axes, x: Any, y: Any, item: Mapping[str, Any]) -> None:
    """Stipple where the declared interval of the gain holds 1."""
    inside = np.minimum(np.log2(array(item["high"])), -np.log2(array(item["low"])))
    if inside.max() > 0:
        ax.contourf(x, y, inside, levels=[0.0, np.inf], colors="none", hatches=["......"])


def _verdicts(ax: Axes, points: list[dict[str, Any]], n_real: int) -> None:
    """Simulated verdicts: filled where synthetic data helps, open where it hurts."""
    marks = {"better than real": ("o", BLACK), "worse than real": ("s", "white"),
             "undecided": ("d", GREY)}  # fmt: skip
    for point in points:
        marker, face = marks[point["simulated"]]
        ax.plot(point["n_synth"] / n_real, point["bias"], marker=marker, mfc=face, mec=BLACK, ms=5,
                ls="none", zorder=4, clip_on=False)  # fmt: skip


def _regime_legend(ax: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def item(**style: Any) -> Line2D:
        return Line2D([], [], color=BLACK, **style)

    handles = [
        item(lw=1.6),
        item(ls=DASHES[1], lw=0.9),
        item(ls=DASHES[2], lw=0.9),
        Patch(fc="white", ec=BLACK, hatch="......", lw=0.5),
        item(ls="none", marker="o"),
        item(ls="none", marker="s", mfc="white"),
        item(ls="none", marker="d", mfc=GREY),
    ]
    labels = ["$n_e = n_r$", "$n_e = 2 n_r$", "$n_e = n_r/2$",
              "equal to real within\ndeclared error", "simulated: better",
              "simulated: worse", "simulated: undecided"]  # fmt: skip
    ax.axis("off")
    ax.legend(handles, labels, loc="center left", borderaxespad=0.0)


def draw_regimes(numbers: Mapping[str, Any]) -> Figure:
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
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(y[0], y[-1])
        panel(ax, "abcde"[i], item["name"])
        ax.set_xlabel("$n_s/n_r$" if i > 1 else "")
        ax.set_ylabel("" if i % 3 else r"sampling bias $\lambda$")
        ax.tick_params(labelbottom=i > 1)
        plain_log(ax, "x", [0.1, 1, 10, 100])
    _regime_legend(axes[-1])
    bar = fig.colorbar(mesh, ax=list(axes), ticks=[-2, -1, 0, 1, 2], extend="both", pad=0.02,
                       aspect=30)  # fmt: skip
    bar.ax.set_yticklabels(["¼", "½", "1", "2", "4"])
    bar.set_label("$n_e/n_r$ (effective over real sample size)")
    return fig


def _scale_panel(ax: Axes, numbers: Mapping[str, Any]) -> None:
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
    ax.set_xlim(0, t[-1])
    ax.set_ylim(max(_LOWEST, ax.get_ylim()[0]), 1.0)
    ax.set_xlabel("generation $t$")
    ax.set_ylabel(r"$\log_{10}\,\mathrm{tr}\,\Sigma_t$")
    panel(ax, "a", "variance: median, 5–95 %")


def _walk_panel(ax: Axes, numbers: Mapping[str, Any]) -> None:
    t = array(numbers["generations"])
    marks = np.geomspace(1, t[-1], 14)
    some = np.unique([int(np.abs(t - mark).argmin()) for mark in marks])
    for i, run in enumerate(numbers["runs"]):
        ax.plot(t, array(run["walk"]), color=COLOURS[i], ls=DASHES[i], lw=1.6)
        every = some[i % 2 :: 2] if len(some) > 3 else some
        error_points(ax, t[every], array(run["mean_sq"])[every], array(run["mean_sq_se"])[every],
                     i)  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("generation $t$")
    ax.set_ylabel(r"$E\,\|\mu_t-\mu_0\|^2$")
    panel(ax, "b", "drift of the mean")


def draw_estimators(numbers: Mapping[str, Any]) -> Figure:
    """What the estimator of the covariance changes: the variance, and not the drift."""
    fig = figure(3.3)
    left, right = fig.subplots(1, 2)
    _scale_panel(left, numbers)
    _walk_panel(right, numbers)
    handles, labels = left.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncol=4)
    return fig
