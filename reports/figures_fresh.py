"""Figures of the fresh data loop and of the real images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory.reports.figures import array, error_points, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, MARKERS, figure, panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_digits", "draw_forgetting", "draw_fractions", "draw_phase_bias",
           "draw_phase_real", "shade"]  # fmt: skip


def _forgetting_panel(ax: Axes, numbers: Mapping[str, Any], which: int) -> None:
    limit = numbers["limits"][which]
    t = array(numbers["generations"])
    paths = [p for p in numbers["paths"] if p["bias"] == limit["bias"]]
    for i, path in enumerate(paths):
        mean, se = array(path["mean"]), array(path["se"])
        ax.fill_between(t, mean - 1.96 * se, mean + 1.96 * se, color=COLOURS[i], alpha=0.3, lw=0)
        every = max(1, len(t) // 10)
        ax.plot(t, mean, color=COLOURS[i], lw=0.8, marker=MARKERS[i], markevery=(i, every), ms=4,
                markerfacecolor="white", label=f"$n_{{ini}}$ = {path['n_initial']:,}")  # fmt: skip
        ax.plot(t, array(path["theory"]), color=BLACK, ls=DASHES[2], lw=1.0)
    ax.plot([], [], color=BLACK, ls=DASHES[2], lw=1.0, label="theory path")
    ax.axhline(limit["value"], color=BLACK, ls=DASHES[1], lw=1.2, label="theory limit")
    ax.set_yscale("log")
    ax.set_xlabel("generation $t$")
    ax.set_ylabel(r"$E\,W_2^2$")
    name = "unbiased" if limit["bias"] == 1 else "biased"
    panel(ax, "ab"[which], f"{name}, $\\lambda$ = {limit['bias']:g}")


def draw_forgetting(numbers: Mapping[str, Any]) -> Figure:
    """The paper's Figure 10."""
    fig = figure(3.6)
    axes = fig.subplots(1, 2, sharey=True)
    for which, ax in enumerate(axes):
        _forgetting_panel(ax, numbers, which)
        plain_log(ax, "y", [0.3, 1, 3, 10, 30, 100])
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncol=4)
    return fig


def shade(ax: Axes, x: Any, y: Any, gain: Any, *, span: float = 1.0) -> Any:
    """log2 of the gain up to +- span: blue where synthetic data helps, orange where it hurts."""
    from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm

    colours = LinearSegmentedColormap.from_list("gain", [COLOURS[5], "#FFFFFF", COLOURS[0]])
    norm = TwoSlopeNorm(vmin=-span, vcenter=0.0, vmax=span)
    value = np.clip(np.log2(np.maximum(array(gain), 1e-9)), -span, span)
    return ax.pcolormesh(array(x), array(y), value, cmap=colours, norm=norm, shading="gouraud",
                         rasterized=True)  # fmt: skip


def _points(ax: Axes, points: list[dict[str, Any]], key: str) -> None:
    """Simulated verdicts: filled where synthetic data helps, open where it hurts."""
    for point in points:
        sure = abs(point["z"]) > 3
        face = "white" if point["z"] < 0 else BLACK
        marker = ("o" if point["z"] > 0 else "s") if sure else "d"
        ax.plot(point[key], point["n_synth"], marker=marker, mfc=face if sure else GREY,
                mec=BLACK, ms=5, ls="none", zorder=4, clip_on=False)  # fmt: skip


def _inside(points: list[dict[str, Any]], n_real: int, bias: Any) -> list[dict[str, Any]]:
    """Simulated points at `n_real` whose bias lies on the axis."""
    return [p for p in points if p["n_real"] == n_real and bias[0] <= p["bias"] <= bias[-1]]


def _colour_bar(fig: Figure, mesh: Any, axes: Any) -> None:
    bar = fig.colorbar(mesh, ax=axes, ticks=[-1, -0.5, 0, 0.5, 1], extend="both", pad=0.02)
    bar.ax.set_yticklabels(["½", "0.71", "1", "1.41", "2"])
    bar.set_label("$n_e/n_r$ (effective over real sample size)")


def _legend(fig: Figure) -> None:
    from matplotlib.lines import Line2D

    def item(**style: Any) -> Line2D:
        return Line2D([], [], color=BLACK, **style)

    handles = [
        item(lw=1.6),
        item(ls=DASHES[1], lw=1.4),
        item(ls="none", marker="o"),
        item(ls="none", marker="s", mfc="white"),
        item(ls="none", marker="d", mfc=GREY),
    ]
    labels = ["edge $n_e = n_r$", "limit $n_s^*$", "simulated: helps", "hurts", "undecided"]
    fig.legend(handles, labels, loc="outside lower center", ncol=5, columnspacing=1.2)


def draw_phase_real(numbers: Mapping[str, Any]) -> Figure:
    """The paper's Figure 11: (n_r, n_s) for several biases."""
    fig = figure(2.9)
    maps = numbers["maps"]
    axes = np.atleast_1d(fig.subplots(1, len(maps), sharey=True))
    for i, (ax, item) in enumerate(zip(axes, maps, strict=True)):
        mesh = shade(ax, numbers["n_real"], numbers["n_synth"], item["gain"])
        edge = array(item["edge"])
        ax.plot(array(numbers["n_real"]), np.where(edge > 0, edge, np.nan), color=BLACK, lw=1.6)
        if item["limit"] is not None:
            ax.axhline(item["limit"], color=BLACK, ls=DASHES[1], lw=1.4)
        _points(ax, [p for p in numbers["points"] if p["bias"] == item["bias"]], "n_real")
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(numbers["n_real"][0], numbers["n_real"][-1])
        ax.set_ylim(numbers["n_synth"][0], numbers["n_synth"][-1])
        ax.set_xlabel("real samples $n_r$")
        panel(ax, "abc"[i], rf"$\lambda$ = {item['bias']:g}")
    axes[0].set_ylabel("synthetic samples $n_s$")
    _colour_bar(fig, mesh, axes)
    _legend(fig)
    return fig


def draw_phase_bias(numbers: Mapping[str, Any]) -> Figure:
    """The paper's Figure 12: (lambda, n_s) for several n_r."""
    fig = figure(2.9)
    columns = numbers["columns"]
    axes = np.atleast_1d(fig.subplots(1, len(columns), sharey=True))
    bias = array(numbers["bias_grid"])
    for i, (ax, item) in enumerate(zip(axes, columns, strict=True)):
        mesh = shade(ax, bias, numbers["n_synth"], item["gain"])
        edge = array(item["edge"])
        ax.plot(bias, np.where(edge > 0, edge, np.nan), color=BLACK, lw=1.6)
        ax.plot(bias, array(numbers["limit_line"]), color=BLACK, ls=DASHES[1], lw=1.4)
        _points(ax, _inside(numbers["points"], item["n_real"], bias), "bias")
        ax.set_yscale("log")
        ax.set_xlim(bias[0], bias[-1])
        ax.set_ylim(numbers["n_synth"][0], numbers["n_synth"][-1])
        ax.set_xlabel(r"sampling bias $\lambda$")
        panel(ax, "abc"[i], f"$n_r$ = {item['n_real']:,}")
    axes[0].set_ylabel("synthetic samples $n_s$")
    _colour_bar(fig, mesh, axes)
    _legend(fig)
    return fig


def _fraction_lines(ax: Axes, curves: list[dict[str, Any]], name: str, symbol: str) -> None:
    for i, curve in enumerate(curves):
        ax.plot(array(curve["n"]), array(curve["theory"]), color=COLOURS[i], ls=DASHES[i])
        points = curve["simulated"]
        error_points(ax, [p["n"] for p in points], [p["mean"] for p in points],
                     [p["se"] for p in points], i, f"${symbol}$ = {curve[name]:g}")  # fmt: skip
        if curve["floor"]:
            ax.axhline(curve["floor"], color=COLOURS[i], lw=0.8, ls=DASHES[2])
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("data set size $n$")
    ax.set_ylabel(r"limit of $E\,W_2^2$")
    ax.legend(loc="lower left")


def draw_fractions(numbers: Mapping[str, Any]) -> Figure:
    """The paper's Figure 31."""
    fig = figure(3.2)
    left, right = fig.subplots(1, 2, sharey=True)
    _fraction_lines(left, numbers["fractions"], "p", "p")
    panel(left, "a", r"fraction $p$ of real data, $\lambda$ = 1")
    _fraction_lines(right, numbers["biases"], "bias", r"\lambda")
    panel(right, "b", f"bias, $p$ = {numbers['config']['p']:g}; floors dotted")
    right.set_ylabel("")
    return fig


_NAMES = {
    "mean_sq": r"$E\,\|\mu_t-\mu_0\|^2$",
    "trace": r"$E\,\mathrm{tr}\,\Sigma_t$",
    "w2_squared": r"$E\,W_2^2$",
}


def _digits_panel(ax: Axes, numbers: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    t = array(numbers["generations"])
    scale = numbers["trace"]
    for i, (name, item) in enumerate(run["quantities"].items()):
        theory = array(item["theory"]) / scale
        ax.plot(t, theory, color=COLOURS[i], ls=DASHES[i])
        every = slice(i, None, max(1, len(t) // 8))
        error_points(ax, t[every], (array(item["mean"]) / scale)[every],
                     (array(item["se"]) / scale)[every], i, _NAMES[name])  # fmt: skip
    ax.set_yscale("log")
    ax.set_xlabel("generation $t$")


def draw_digits(numbers: Mapping[str, Any]) -> Figure:
    """Both loops on real image features."""
    fig = figure(5.0)
    axes = fig.subplots(2, len(numbers["synthetic"]), sharex=True, squeeze=False)
    for row, kind in enumerate(("synthetic", "fresh")):
        for column, run in enumerate(numbers[kind]):
            ax = axes[row, column]
            _digits_panel(ax, numbers, run)
            word = "fully synthetic" if kind == "synthetic" else "fresh data"
            panel(ax, "abcd"[2 * row + column], f"{word}, $\\lambda$ = {run['bias']:g}")
            ax.set_xlabel("generation $t$" if row else "")
        axes[row, 0].set_ylabel(r"in units of tr $\Sigma_0$")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncol=3)
    return fig
