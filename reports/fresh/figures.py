"""Figures of the fresh data loop and of the real images."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from madtheory.reports.plotting import (
    VERDICT_MARKS,
    Numbers,
    array,
    black_line,
    columns,
    error_points,
    gain_bar,
    legend_below,
    plain_log,
    shade,
    verdict_entries,
    verdict_point,
)
from madtheory.reports.style import BLACK, COLOURS, DASHES, MARKERS, figure, panel


def _forgetting_panel(ax: Axes, numbers: Numbers, which: int) -> None:
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
    ax.set(yscale="log", xlabel="generation $t$", ylabel=r"$E\,W_2^2$")
    name = "unbiased" if limit["bias"] == 1 else "biased"
    panel(ax, "ab"[which], f"{name}, $\\lambda$ = {limit['bias']:g}")


def draw_forgetting(numbers: Numbers) -> Figure:
    """The paper's Figure 10."""
    fig = figure(3.6)
    axes = fig.subplots(1, 2, sharey=True)
    for which, ax in enumerate(axes):
        _forgetting_panel(ax, numbers, which)
        plain_log(ax, "y", [0.3, 1, 3, 10, 30, 100])
    legend_below(fig, axes[0], 4)
    return fig


def _points(ax: Axes, points: list[dict[str, Any]], key: str) -> None:
    """Simulated verdicts."""
    for point in points:
        mark = 2 if abs(point["z"]) <= 3 else int(point["z"] < 0)
        verdict_point(ax, point[key], point["n_synth"], VERDICT_MARKS[mark])


def _inside(points: list[dict[str, Any]], n_real: int, bias: Any) -> list[dict[str, Any]]:
    """Simulated points at `n_real` whose bias lies on the axis."""
    return [p for p in points if p["n_real"] == n_real and bias[0] <= p["bias"] <= bias[-1]]


def _key(fig: Figure, mesh: Any, axes: Any) -> None:
    """Colour bar and legend of the maps."""
    gain_bar(fig, mesh, axes, {-1: "½", -0.5: "0.71", 0: "1", 0.5: "1.41", 1: "2"})
    handles = [black_line(lw=1.6), black_line(ls=DASHES[1], lw=1.4), *verdict_entries()]
    labels = ["edge $n_e = n_r$", "limit $n_s^*$", "simulated: helps", "hurts", "undecided"]
    fig.legend(handles, labels, loc="outside lower center", ncol=5, columnspacing=1.2)


def draw_phase_real(numbers: Numbers) -> Figure:
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
        ax.set(xscale="log", yscale="log",
               xlim=(numbers["n_real"][0], numbers["n_real"][-1]),
               ylim=(numbers["n_synth"][0], numbers["n_synth"][-1]),
               xlabel="real samples $n_r$")  # fmt: skip
        panel(ax, "abc"[i], rf"$\lambda$ = {item['bias']:g}")
    axes[0].set_ylabel("synthetic samples $n_s$")
    _key(fig, mesh, axes)
    return fig


def draw_phase_bias(numbers: Numbers) -> Figure:
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
        ax.set(yscale="log", xlim=(bias[0], bias[-1]),
               ylim=(numbers["n_synth"][0], numbers["n_synth"][-1]),
               xlabel=r"sampling bias $\lambda$")  # fmt: skip
        panel(ax, "abc"[i], f"$n_r$ = {item['n_real']:,}")
    axes[0].set_ylabel("synthetic samples $n_s$")
    _key(fig, mesh, axes)
    return fig


def _fraction_lines(ax: Axes, curves: list[dict[str, Any]], name: str, symbol: str) -> None:
    for i, curve in enumerate(curves):
        ax.plot(array(curve["n"]), array(curve["theory"]), color=COLOURS[i], ls=DASHES[i])
        n, mean, se = columns(curve["simulated"], "n", "mean", "se")
        error_points(ax, n, mean, se, i, f"${symbol}$ = {curve[name]:g}")
        if curve["floor"]:
            ax.axhline(curve["floor"], color=COLOURS[i], lw=0.8, ls=DASHES[2])
    ax.set(xscale="log", yscale="log", xlabel="data set size $n$", ylabel=r"limit of $E\,W_2^2$")
    ax.legend(loc="lower left")


def draw_fractions(numbers: Numbers) -> Figure:
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


def _digits_panel(ax: Axes, numbers: Numbers, run: Numbers) -> None:
    t = array(numbers["generations"])
    scale = numbers["trace"]
    for i, (name, item) in enumerate(run["quantities"].items()):
        theory = array(item["theory"]) / scale
        ax.plot(t, theory, color=COLOURS[i], ls=DASHES[i])
        every = slice(i, None, max(1, len(t) // 8))
        error_points(ax, t[every], (array(item["mean"]) / scale)[every],
                     (array(item["se"]) / scale)[every], i, _NAMES[name])  # fmt: skip
    ax.set(yscale="log", xlabel="generation $t$")


def draw_digits(numbers: Numbers) -> Figure:
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
    legend_below(fig, axes[0, 0], 3)
    return fig
