"""Figures of memory, augmentation, growing pools and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from madtheory.reports import plotting
from madtheory.reports._types import Numbers
from madtheory.reports.plotting import array, band, error_points, level, line, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, figure, panel


def _gain_points(
    ax: Axes, points: list[Numbers], key: str, i: int, label: str | None = None
) -> None:
    """Simulated n_e/n_r with 95 % intervals."""
    x, middle, *ends = plotting.columns(points, key, "gain", "low", "high")
    plotting.interval_points(ax, x, middle, np.abs(ends - middle), i, label)


def _gain_curve(ax: Axes, x: Any, gain: Any, i: int, **style: Any) -> None:
    """n_e/n_r with its declared interval."""
    low, value, high = array(gain).T
    band(ax, x, low, high, i)
    line(ax, x, value, i, **style)


def _declared(ax: Axes, x: Any, value: Any, rel_error: Any, i: int) -> None:
    """E W2^2 with its declared error."""
    value, error = array(value), array(rel_error)
    band(ax, x, value * (1 - error), value * (1 + error), i)
    line(ax, x, value, i)


# ---------------------------------------------------------------------------------------- memory
def draw_memory(numbers: Numbers) -> Figure:
    """The paper's Figure 30."""
    fig = figure(3.2)
    left, right = fig.subplots(1, 2)
    K = numbers["memories"]
    for i, curve in enumerate(numbers["curves"]):
        name = rf"$\lambda$ = {curve['bias']:g}"
        dash = (*DASHES[:2], *DASHES[3:])[i]
        line(left, K, curve["mean_part"], i, ls=dash, label=name)
        level(left, curve["mean_part_all"], i, ls=DASHES[2])
        _gain_curve(right, K, curve["gain"], i, ls=dash)
        _gain_points(right, curve["points"], "memory", i, name)
    for ax in (left, right):
        plain_log(ax, x=[1, 3, 10, 30, 100])
        ax.set_xlabel("memory $K$ (models)")
    plain_log(left, y=[2, 3, 5, 7, 10])
    plain_log(right, y=[0.01, 0.03, 0.1, 0.3, 1, 3, 10])
    left.set_ylabel("$n_e/n_r$")
    panel(left, "a", r"the mean alone; dotted: $K \to \infty$")
    panel(right, "b", r"mean and covariance, $E\,W_2^2$")
    left.legend(loc="upper left")
    right.legend(loc="center right", bbox_to_anchor=(1.0, 0.38))
    return fig


# ---------------------------------------------------------------------------------- augmentation
def _loops_panel(ax: Axes, numbers: Numbers, bias: float) -> None:
    t = array(numbers["generations"])
    curves = [c for c in numbers["curves"] if c["bias"] == bias]
    for i, curve in enumerate(curves):
        _declared(ax, t, curve["theory"], curve["rel_error"], i)
        at = np.unique(np.geomspace(1, len(t), 9).astype(int)) - 1
        error_points(ax, t[at], array(curve["mean"])[at], array(curve["se"])[at], i, curve["loop"])
    level(ax, numbers["baseline"], GREY, label="real samples only")
    ax.set_xlabel("generation $t$")
    plain_log(ax, x=[1, 3, 10, 30, 100], y=[0.3, 1, 3, 10, 30])


def _shrinkage_panel(ax: Axes, item: Numbers) -> None:
    _declared(ax, item["n_synth"], item["value"], item["rel_error"], 1)
    mean, se = array([p["value"] for p in item["points"]]).T
    error_points(ax, [p["n_synth"] for p in item["points"]], mean, se, 1)
    level(ax, item["baseline"], GREY)
    ax.set_xlabel("synthetic samples $n_s$")


def draw_augmentation(numbers: Numbers) -> Figure:
    """The paper's Figures 8 and 9 in the Gaussian world."""
    fig = figure(3.0)
    axes = fig.subplots(1, 3)
    for which, bias in enumerate(numbers["config"]["biases"][:2]):
        _loops_panel(axes[which], numbers, bias)
        panel(axes[which], "ab"[which], rf"$\lambda$ = {bias:g}")
    for ax in (axes[0], axes[2]):
        ax.set_ylabel(r"$E\,W_2^2$")
    _shrinkage_panel(axes[2], numbers["shrinkage"])
    panel(axes[2], "c", rf"$d = n_r$ = {numbers['config']['square']}, $\lambda$ = 0")
    plotting.legend_below(fig, axes[0], 3)
    return fig


# ---------------------------------------------------------------------------------- growing pool
def _pool_panel(ax: Axes, runs: list[Numbers], name: str, scale: float, key: str) -> None:
    for i, run in enumerate(runs):
        label = rf"$\lambda$ = {run[key]:g}" if key == "bias" else run[key]
        line(ax, run["t"], scale * array(run["exact"][name]), i)
        mean, se = array(run[name])
        error_points(ax, run["at"], scale * mean, scale * se, i, label)
    ax.set(xscale="log", xlabel="generation $t$")


def draw_pool(numbers: Numbers) -> Figure:
    """Power laws of accumulation, and what caps and subsamples do to the mean."""
    fig = figure(3.3)
    left, right = fig.subplots(1, 2)
    _pool_panel(left, numbers["biased"], "trace", 1.0, "bias")
    plain_log(left, y=[0.01, 0.03, 0.1, 0.3, 1])
    left.set_ylabel(r"$E\,\mathrm{tr}\,\Sigma_t$ / tr $\Sigma_0$")
    left.legend(loc="lower left")
    panel(left, "a", "everything kept")
    _pool_panel(right, numbers["means"], "mean_sq", numbers["config"]["n"], "pool")
    level(right, numbers["leading_limit"], ls=DASHES[2])
    right.annotate(r"$\pi^2/6$", (1, numbers["leading_limit"]), (2, 2), color=BLACK,
                   textcoords="offset points")  # fmt: skip
    plain_log(right, y=[1, 1.5, 2, 3, 5])
    right.set(ylabel=r"$n\,E\,\|\mu_t-\mu_0\|^2$ / tr $\Sigma_0$", ylim=(0.75, 2.6))
    right.legend(loc="lower right")
    panel(right, "b", r"$\lambda$ = 1")
    return fig


# --------------------------------------------------------------------------------------- weights
def draw_weights(numbers: Numbers) -> Figure:
    """Gain against the weight on the real data, and at the best weight."""
    fig = figure(3.2)
    left, right = fig.subplots(1, 2)
    for i, curve in enumerate(numbers["curves"]):
        _gain_curve(left, curve["weight"], curve["gain"], i)
        _gain_points(left, curve["points"], "weight", i, rf"$\lambda$ = {curve['bias']:g}")
        left.plot(curve["best"], curve["best_gain"], marker="*", ms=11, color=COLOURS[i],
                  mec=BLACK, mew=0.6, ls="none", zorder=4)  # fmt: skip
    left.axvline(numbers["golden"], color=BLACK, lw=0.8, ls=DASHES[2])
    left.set(xlabel="weight $w$ on the real data", ylabel="$n_e/n_r$")
    left.legend(loc="upper right")
    panel(left, "a", "stars: best weight")
    names = {
        "gain_weighted": "fresh, best weight",
        "gain_pooled": "fresh, pooled",
        "gain_fixed": "fixed, pooled",
    }
    for i, (key, label) in enumerate(names.items()):
        line(right, numbers["ratio"], numbers[key], COLOURS[i + 2], ls=DASHES[i], label=label)
    plain_log(right, x=[0.1, 1, 10, 100, 1000], y=[0.7, 1, 2, 5, 10, 30])
    right.set_xlabel("$n_s/n_r$")
    right.legend(loc="upper left")
    panel(right, "b", r"$\lambda$ = 1, large $n_r$")
    return fig
