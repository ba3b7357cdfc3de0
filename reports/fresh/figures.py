"""Figures of the fresh data loop and of the real images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from madtheory.reports import plotting
from madtheory.reports._types import Numbers
from madtheory.reports.plotting import array, band, error_points, level, line, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, MARKERS, figure, panel


def _forgetting_panel(ax: Axes, numbers: Numbers, which: int) -> None:
    limit = numbers["limits"][which]
    t = numbers["generations"]
    paths = [p for p in numbers["paths"] if p["bias"] == limit["bias"]]
    for i, path in enumerate(paths):
        mean, se = array(path["mean"]), array(path["se"])
        band(ax, t, mean - 1.96 * se, mean + 1.96 * se, i, alpha=0.3)
        marks = {"marker": MARKERS[i], "markevery": (i, max(1, len(t) // 10)), "mfc": "white"}
        label = f"$n_{{ini}}$ = {path['n_initial']:,}"
        line(ax, t, mean, COLOURS[i], lw=0.8, ms=4, label=label, **marks)
        line(ax, t, path["theory"], BLACK, ls=DASHES[2], lw=1.0)
    line(ax, [], [], BLACK, ls=DASHES[2], lw=1.0, label="theory path")
    level(ax, limit["value"], ls=DASHES[1], lw=1.2, label="theory limit")
    ax.set(yscale="log", xlabel="generation $t$", ylabel=r"$E\,W_2^2$")
    name = "unbiased" if limit["bias"] == 1 else "biased"
    panel(ax, "ab"[which], f"{name}, $\\lambda$ = {limit['bias']:g}")


def draw_forgetting(numbers: Numbers) -> Figure:
    """The paper's Figure 10."""
    fig = figure(3.6)
    axes = fig.subplots(1, 2, sharey=True)
    for which, ax in enumerate(axes):
        _forgetting_panel(ax, numbers, which)
        plain_log(ax, y=[0.3, 1, 3, 10, 30, 100])
    plotting.legend_below(fig, axes[0], 4)
    return fig


def _points(ax: Axes, points: list[Numbers], key: str) -> None:
    """Simulated verdicts."""
    for point in points:
        mark = 2 if abs(point["z"]) <= 3 else int(point["z"] < 0)
        plotting.verdict_point(ax, point[key], point["n_synth"], plotting.VERDICT_MARKS[mark])


def _maps(
    numbers: Numbers, key: str, x: Any, finish: Callable[[Axes, Numbers], str], xlabel: str
) -> Figure:
    """Gains over (x, n_s) with their edges; `finish` adds the rest of a map, and says its title."""
    fig = figure(2.9)
    axes = np.atleast_1d(fig.subplots(1, len(numbers[key]), sharey=True))
    y = numbers["n_synth"]
    for i, (ax, item) in enumerate(zip(axes, numbers[key], strict=True)):
        mesh = plotting.shade(ax, x, y, item["gain"])
        edge = array(item["edge"])
        line(ax, x, np.where(edge > 0, edge, np.nan), BLACK, lw=1.6)
        panel(ax, "abc"[i], finish(ax, item))
        ax.set(yscale="log", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=xlabel)
    axes[0].set_ylabel("synthetic samples $n_s$")
    plotting.gain_bar(fig, mesh, axes, {-1: "½", -0.5: "0.71", 0: "1", 0.5: "1.41", 1: "2"})
    edges = [plotting.black_line(lw=1.6), plotting.black_line(ls=DASHES[1], lw=1.4)]
    labels = ["edge $n_e = n_r$", "limit $n_s^*$", "simulated: helps", "hurts", "undecided"]
    fig.legend([*edges, *plotting.verdict_entries()], labels, loc="outside lower center", ncol=5,
               columnspacing=1.2)  # fmt: skip
    return fig


def draw_phase_real(numbers: Numbers) -> Figure:
    """The paper's Figure 11: (n_r, n_s) for several biases."""

    def finish(ax: Axes, item: Numbers) -> str:
        if item["limit"] is not None:
            level(ax, item["limit"], ls=DASHES[1], lw=1.4)
        _points(ax, [p for p in numbers["points"] if p["bias"] == item["bias"]], "n_real")
        ax.set_xscale("log")
        return rf"$\lambda$ = {item['bias']:g}"

    return _maps(numbers, "maps", numbers["n_real"], finish, "real samples $n_r$")


def draw_phase_bias(numbers: Numbers) -> Figure:
    """The paper's Figure 12: (lambda, n_s) for several n_r."""
    bias = numbers["bias_grid"]

    def finish(ax: Axes, item: Numbers) -> str:
        line(ax, bias, numbers["limit_line"], BLACK, ls=DASHES[1], lw=1.4)
        points = [p for p in numbers["points"] if p["n_real"] == item["n_real"]]
        _points(ax, [p for p in points if bias[0] <= p["bias"] <= bias[-1]], "bias")
        return f"$n_r$ = {item['n_real']:,}"

    return _maps(numbers, "columns", bias, finish, r"sampling bias $\lambda$")


def draw_approach(numbers: Numbers) -> Figure:
    """How far admissible n_synth is below its limit."""
    fig, config = figure(2.7), numbers["config"]
    axes = np.atleast_1d(fig.subplots(1, len(config["biases"]), sharey=True))
    x = array(numbers["multiples"])
    for i, (ax, bias) in enumerate(zip(axes, config["biases"], strict=True)):
        curves = [curve for curve in numbers["curves"] if curve["bias"] == bias]
        for j, curve in enumerate(curves):
            label = f"$d$ = {curve['dim']}, $n_s^*$ = {curve['limit']:,.0f}"
            marks = {"marker": MARKERS[j], "mfc": "none", "ms": 8 - 2 * j}
            line(ax, x, curve["below"], COLOURS[j], ls="none", label=label, **marks)
        line(ax, x, curves[-1]["scaled"] / x, BLACK, ls=DASHES[1], lw=1.0, label="slope −1")
        ax.set(xscale="log", yscale="log", xlabel="$n_r/n_s^*$")
        panel(ax, "ab"[i], f"$\\lambda$ = {bias:g}")
        ax.legend(loc="lower left")
    axes[0].set_ylabel("$1 - n_s/n_s^*$")
    return fig


def _fraction_lines(ax: Axes, curves: list[Numbers], name: str, symbol: str) -> None:
    for i, curve in enumerate(curves):
        line(ax, curve["n"], curve["theory"], i)
        n, mean, se = plotting.columns(curve["simulated"], "n", "mean", "se")
        error_points(ax, n, mean, se, i, f"${symbol}$ = {curve[name]:g}")
        if curve["floor"]:
            level(ax, curve["floor"], i, ls=DASHES[2])
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
    for i, (name, item) in enumerate(run["quantities"].items()):
        theory, mean, se = (array(item[k]) / numbers["trace"] for k in ("theory", "mean", "se"))
        line(ax, t, theory, i)
        every = slice(i, None, max(1, len(t) // 8))
        error_points(ax, t[every], mean[every], se[every], i, _NAMES[name])
    ax.set(yscale="log", xlabel="generation $t$")


def draw_digits(numbers: Numbers) -> Figure:
    """Both loops on real image features."""
    fig = figure(4.3)
    axes = fig.subplots(2, len(numbers["synthetic"]), sharex=True, squeeze=False)
    for row, kind in enumerate(("synthetic", "fresh")):
        for column, run in enumerate(numbers[kind]):
            ax = axes[row, column]
            _digits_panel(ax, numbers, run)
            word = "fully synthetic" if kind == "synthetic" else "fresh data"
            panel(ax, "abcd"[2 * row + column], f"{word}, $\\lambda$ = {run['bias']:g}")
            ax.set_xlabel("generation $t$" if row else "")
        axes[row, 0].set_ylabel(r"in units of tr $\Sigma_0$")
    plotting.legend_below(fig, axes[0, 0], 3)
    return fig
