"""Figures of memory, augmentation, growing pools and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from madtheory.reports.plotting import (
    Numbers,
    array,
    columns,
    error_points,
    interval_points,
    legend_below,
    plain_log,
)
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, figure, panel


def _gain_points(
    ax: Axes, points: list[dict[str, Any]], key: str, i: int, label: str | None = None
) -> None:
    """Simulated n_e/n_r with 95 % intervals."""
    x, middle, *ends = columns(points, key, "gain", "low", "high")
    interval_points(ax, x, middle, np.abs(ends - middle), i, label)


# ---------------------------------------------------------------------------------------- memory
def draw_memory(numbers: Numbers) -> Figure:
    """The paper's Figure 30."""
    fig = figure(3.2)
    left, right = fig.subplots(1, 2)
    K = array(numbers["memories"])
    for i, curve in enumerate(numbers["curves"]):
        name = rf"$\lambda$ = {curve['bias']:g}"
        dash = (*DASHES[:2], *DASHES[3:])[i]
        left.plot(K, array(curve["mean_part"]), color=COLOURS[i], ls=dash, label=name)
        left.axhline(curve["mean_part_all"], color=COLOURS[i], lw=0.8, ls=DASHES[2])
        low, value, high = array(curve["gain"]).T
        right.fill_between(K, low, high, color=COLOURS[i], alpha=0.2, lw=0)
        right.plot(K, value, color=COLOURS[i], ls=dash)
        _gain_points(right, curve["points"], "memory", i, name)
    for ax in (left, right):
        plain_log(ax, "x", [1, 3, 10, 30, 100])
        ax.set_xlabel("memory $K$ (models)")
    plain_log(left, "y", [2, 3, 5, 7, 10])
    plain_log(right, "y", [0.01, 0.03, 0.1, 0.3, 1, 3, 10])
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
        value, error = array(curve["theory"]), array(curve["rel_error"])
        ax.fill_between(t, value * (1 - error), value * (1 + error), color=COLOURS[i], alpha=0.2,
                        lw=0)  # fmt: skip
        ax.plot(t, value, color=COLOURS[i], ls=DASHES[i])
        at = np.unique(np.geomspace(1, len(t), 9).astype(int)) - 1
        error_points(ax, t[at], array(curve["mean"])[at], array(curve["se"])[at], i, curve["loop"])
    ax.axhline(numbers["baseline"], color=GREY, lw=0.8, label="real samples only")
    ax.set(xscale="log", yscale="log", xlabel="generation $t$")
    plain_log(ax, "x", [1, 3, 10, 30, 100])
    plain_log(ax, "y", [0.3, 1, 3, 10, 30])


def _shrinkage_panel(ax: Axes, item: Numbers) -> None:
    x, value, error = (array(item[name]) for name in ("n_synth", "value", "rel_error"))
    ax.fill_between(x, value * (1 - error), value * (1 + error), color=COLOURS[1], alpha=0.2, lw=0)
    ax.plot(x, value, color=COLOURS[1], ls=DASHES[1])
    mean, se = array([p["value"] for p in item["points"]]).T
    error_points(ax, [p["n_synth"] for p in item["points"]], mean, se, 1)
    ax.axhline(item["baseline"], color=GREY, lw=0.8)
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
    legend_below(fig, axes[0], 3)
    return fig


# ---------------------------------------------------------------------------------- growing pool
def _pool_panel(ax: Axes, runs: list[dict[str, Any]], name: str, scale: float, key: str) -> None:
    for i, run in enumerate(runs):
        label = rf"$\lambda$ = {run[key]:g}" if key == "bias" else run[key]
        ax.plot(array(run["t"]), scale * array(run["exact"][name]), color=COLOURS[i], ls=DASHES[i])
        mean, se = array(run[name])
        error_points(ax, run["at"], scale * mean, scale * se, i, label)
    ax.set(xscale="log", xlabel="generation $t$")


def draw_pool(numbers: Numbers) -> Figure:
    """Power laws of accumulation, and what caps and subsamples do to the mean."""
    fig = figure(3.3)
    left, right = fig.subplots(1, 2)
    _pool_panel(left, numbers["biased"], "trace", 1.0, "bias")
    plain_log(left, "y", [0.01, 0.03, 0.1, 0.3, 1])
    left.set_ylabel(r"$E\,\mathrm{tr}\,\Sigma_t$ / tr $\Sigma_0$")
    left.legend(loc="lower left")
    panel(left, "a", "everything kept")
    _pool_panel(right, numbers["means"], "mean_sq", numbers["config"]["n"], "pool")
    right.axhline(numbers["leading_limit"], color=BLACK, lw=0.8, ls=DASHES[2])
    right.annotate(r"$\pi^2/6$", (1, numbers["leading_limit"]), (2, 2), color=BLACK,
                   textcoords="offset points")  # fmt: skip
    plain_log(right, "y", [1, 1.5, 2, 3, 5])
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
        low, value, high = array(curve["gain"]).T
        w = array(curve["weight"])
        left.fill_between(w, low, high, color=COLOURS[i], alpha=0.2, lw=0)
        left.plot(w, value, color=COLOURS[i], ls=DASHES[i])
        _gain_points(left, curve["points"], "weight", i, rf"$\lambda$ = {curve['bias']:g}")
        left.plot(curve["best"], curve["best_gain"], marker="*", ms=11, color=COLOURS[i],
                  mec=BLACK, mew=0.6, ls="none", zorder=4)  # fmt: skip
    left.axvline(numbers["golden"], color=BLACK, lw=0.8, ls=DASHES[2])
    left.set(xlabel="weight $w$ on the real data", ylabel="$n_e/n_r$")
    left.legend(loc="upper right")
    panel(left, "a", "stars: best weight")
    ratio = array(numbers["ratio"])
    names = {
        "gain_weighted": "fresh, best weight",
        "gain_pooled": "fresh, pooled",
        "gain_fixed": "fixed, pooled",
    }
    for i, (key, label) in enumerate(names.items()):
        right.plot(ratio, array(numbers[key]), color=COLOURS[i + 2], ls=DASHES[i], label=label)
    plain_log(right, "x", [0.1, 1, 10, 100, 1000])
    plain_log(right, "y", [0.7, 1, 2, 5, 10, 30])
    right.set_xlabel("$n_s/n_r$")
    right.legend(loc="upper left")
    panel(right, "b", r"$\lambda$ = 1, large $n_r$")
    return fig
