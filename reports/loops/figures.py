"""Figures of memory, augmentation, growing pools and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch

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
    left.legend(loc="lower right")
    right.legend(loc="center right", bbox_to_anchor=(1.0, 0.38))
    return fig


# ------------------------------------------------------------------------------- the three loops
#: Loop of a panel, its curves with their colours, and how real data enter it.
_THREE = (
    ("fully synthetic", {"fully synthetic": 5}, "once"),
    ("synthetic augmentation", {"fixed, replaced": 1, "fixed, growing pool": 3}, "the same set"),
    ("fresh data", {"fresh": 0}, "new ones"),
)


def _box(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    style = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": colour, "lw": 1.2}
    ax.text(x, y, text, ha="center", va="center", bbox=style, zorder=3)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    shape = {"arrowstyle": "-|>", "mutation_scale": 9, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, **{**shape, "color": BLACK, **style}))


def _scheme(ax: Axes, name: str, colour: str, words: str) -> None:
    """Real data, model and synthetic data of one loop."""
    ax.set(xlim=(0, 10), ylim=(0, 6))
    ax.axis("off")
    once = words == "once"
    _box(ax, 1.6, 3.9, "real", COLOURS[2])
    _box(ax, 6.2, 3.9, "model", BLACK)
    _box(ax, 6.2, 1.1, "synthetic", colour)
    _arrow(ax, (2.8, 3.9), (4.75, 3.9), color=COLOURS[2], ls=DASHES[1] if once else "-",
           lw=1.0 if once else 1.8)  # fmt: skip
    ax.text(3.75, 4.9, words, ha="center", va="bottom", color=COLOURS[2])
    curve = {"color": colour, "lw": 1.8, "connectionstyle": "arc3,rad=-0.6"}
    _arrow(ax, (7.3, 3.4), (7.3, 1.7), **curve)
    _arrow(ax, (5.1, 1.7), (5.1, 3.4), **curve)


def _loop_panel(ax: Axes, numbers: Numbers, colours: dict[str, int]) -> None:
    """E W2^2 of one loop, with and without bias."""
    t = array(numbers["generations"])
    biases = numbers["config"]["biases"]
    for curve in numbers["curves"]:
        if curve["loop"] not in colours:
            continue
        i, which = colours[curve["loop"]], biases.index(curve["bias"])
        value, error = array(curve["theory"]), array(curve["rel_error"])
        band(ax, t, value * (1 - error), value * (1 + error), i, alpha=0.25)
        line(ax, t, value, COLOURS[i], ls=DASHES[which])
        at = np.unique(np.geomspace(1, len(t), 8).astype(int)) - 1
        mean, se = array(curve["mean"])[at], array(curve["se"])[at]
        face = {} if which else {"mfc": COLOURS[i]}
        plotting.interval_points(ax, t[at], mean, 1.96 * se, i, **face)
    level(ax, numbers["baseline"], GREY)
    ax.set_xlabel("generation $t$")
    plain_log(ax, x=[1, 3, 10, 30, 100], y=[0.3, 1, 3, 10, 30])


def _said(numbers: Numbers) -> list[str]:
    """What the paper and the theory say of each loop, in a few words."""
    one, less = numbers["verdicts"][:2]

    def held(*gains: float) -> str:
        kinds = {"at a gain" if gain > 1 else "at a loss" for gain in gains}
        return "held, " + " or ".join(sorted(kinds))

    return [
        "paper: MAD\ntheory: MAD",
        f"paper: delayed\ntheory: {held(one['fixed'], less['fixed'])};\na growing pool\n"
        f"dies if $\\lambda$ < 1",
        f"paper: held, if enough\ntheory: {held(one['fresh'], less['fresh'])}",
    ]


def draw_three(numbers: Numbers) -> Figure:
    """The paper's Figure 3, with what happens in each loop."""
    fig = figure(4.0)
    grid = fig.add_gridspec(2, 3, height_ratios=[0.42, 1])
    below: Axes | None = None
    for i, ((name, colours, words), said) in enumerate(zip(_THREE, _said(numbers), strict=True)):
        top = fig.add_subplot(grid[0, i])
        _scheme(top, name, COLOURS[next(iter(colours.values()))], words)
        panel(top, "abc"[i], name)
        below = fig.add_subplot(grid[1, i], sharey=below)
        _loop_panel(below, numbers, colours)
        below.text(0.05, 0.98, said, transform=below.transAxes, va="top", linespacing=1.4)
        if i:
            below.tick_params(labelleft=False)
        else:
            below.set_ylabel(r"distance to the real data, $E\,W_2^2$")
    fig.legend(*_three_entries(numbers["config"]["biases"]), loc="outside lower center", ncol=5,
               columnspacing=1.2)  # fmt: skip
    return fig


def _three_entries(biases: list[float]) -> tuple[list[Any], list[str]]:
    """Handles and labels of the legend."""
    handles: list[Any] = [
        plotting.black_line(ls=DASHES[i], marker="o", mfc=("black", "white")[i]) for i in (0, 1)
    ]
    handles += [Patch(fc=COLOURS[i], alpha=0.8) for i in (1, 3)] + [Line2D([], [], color=GREY)]
    labels = [rf"$\lambda$ = {b:g}" for b in biases[:2]]
    return handles, [*labels, "replaced", "growing pool", "real samples only"]


# ---------------------------------------------------------------------------------- augmentation
def draw_augmentation(numbers: Numbers) -> Figure:
    """A fixed real set that synthetic data help."""
    item = numbers["shrinkage"]
    fig = figure(2.5)
    ax = fig.subplots()
    _declared(ax, item["n_synth"], item["value"], item["rel_error"], 1)
    line(ax, [], [], 1, label="theory, declared error")
    mean, se = array([p["value"] for p in item["points"]]).T
    error_points(ax, [p["n_synth"] for p in item["points"]], mean, se, 1, "simulation, 95 %")
    square = numbers["config"]["square"]
    level(ax, item["baseline"], GREY, label=f"the {square} real samples alone")
    ax.set(xlabel="synthetic samples $n_s$", ylabel=r"limit of $E\,W_2^2$")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
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
