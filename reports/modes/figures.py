"""Figures of mixtures and vocabularies: fits, metrics, modes alive, words alive."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse

from madtheory.reports import plotting
from madtheory.reports._types import Numbers
from madtheory.reports.plotting import array, band, error_points, level, line, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, MARKERS, figure, panel

_NAMES = {"anew": "EM anew", "continued": "EM continued", "idealised": "idealised loop"}
_WHOLE = 1.6  # radius of a disc of weight 1, in units of the data


# ------------------------------------------------------------------------------- fitted mixtures
def _ellipse(ax: Axes, mean: Any, covariance: Any, scale: float, **style: Any) -> None:
    """The curve at `scale` standard deviations; a collapsed component is a point."""
    values, vectors = np.linalg.eigh(covariance)
    wide, high = 2 * scale * np.sqrt(values.clip(0.0))[::-1]
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    ax.add_patch(Ellipse(tuple(mean), wide, high, angle=angle, **style))


def _mixture(ax: Axes, components: list[Numbers], centres: Any, scale: float, colour: str) -> None:
    """A disc a mode, its area the weight; an ellipse and a dot a component."""
    weights, means = (array([c[key] for c in components]) for key in ("weight", "mean"))
    cell = np.square(means[:, None] - centres).sum(axis=2).argmin(axis=1)
    for k in set(cell):
        radius = _WHOLE * np.sqrt(weights[cell == k].sum())
        ax.add_patch(Circle(tuple(means[cell == k][0]), radius, fc=colour, alpha=0.4, lw=0))
    for item in components:
        _ellipse(ax, item["mean"], array(item["covariance"]), scale, fc="none", ec=BLACK, lw=0.7)
    ax.plot(*means.T, ls="none", marker=".", ms=2.5, color=BLACK)


def draw_fits(numbers: Numbers) -> Figure:
    """The paper's Figure 14: EM above, the idealised loop below."""
    fig = figure(4.2)
    pictures = numbers["pictures"]
    axes = fig.subplots(2, len(pictures), sharex=True, sharey=True)
    centres = array(numbers["centres"])
    edge = 1.45 * np.abs(centres).max()
    for column, item in enumerate(pictures):
        for row, key in enumerate(("em", "idealised")):
            ax = axes[row, column]
            ax.plot(*centres.T, ls="none", marker="+", ms=4, mew=0.7, color=GREY)
            _mixture(ax, item[key], centres, numbers["ellipse"], COLOURS[row])
            letter, alive = "abcdef"[3 * row + column], f"{item[f'alive_{key}']:g} modes alive"
            panel(ax, letter, f"$t$ = {item['t']:,}: {alive}" if row == 0 else alive)
            ax.set_aspect("equal")
            ax.set(xlim=(-edge, edge), ylim=(-edge, edge), xticks=[-4, 0, 4], yticks=[-4, 0, 4])
        theory = f"theory: {item['expected']:.1f} ± {item['deviation']:.1f} alive"
        axes[0, column].set_xlabel(theory)
        axes[1, column].set_xlabel("$x_1$ (units of the data)")
    axes[0, 0].set_ylabel("EM: $x_2$")
    axes[1, 0].set_ylabel("idealised: $x_2$")
    return fig


# --------------------------------------------------------------------------------------- metrics
def _marked(ax: Axes, t: Any, mean: Any, i: int, label: str, markevery: float = 0.09) -> None:
    """A curve with a marker here and there."""
    style = {"marker": MARKERS[i], "ms": 3.2, "mfc": "white", "mew": 0.8, "markevery": markevery}
    line(ax, t, mean, COLOURS[i], lw=1.2, label=label, **style)


def _measured(ax: Axes, t: Any, curve: Numbers, i: int, label: str) -> None:
    low, high = curve["band"]
    band(ax, t, low, high, i, alpha=0.18)
    _marked(ax, t, curve["mean"], i, label)


def _loops(ax: Axes, numbers: Numbers, name: str) -> None:
    """EM of both kinds and the idealised loop: means, 5-95 % bands."""
    t = numbers["generations"]
    for i, key in enumerate(("anew", "continued")):
        _measured(ax, t, numbers["em"][key][name], i, _NAMES[key])
    ideal = numbers["idealised"][name]
    _measured(ax, ideal.get("at", t), ideal, 2, _NAMES["idealised"])


def _modal_panel(ax: Axes, numbers: Numbers) -> None:
    theory = numbers["theory"]
    _loops(ax, numbers, "modal")
    component = numbers["em"]["anew"]["component"]["mean"]
    _marked(ax, numbers["generations"], component, 5, "EM anew, per component", 0.12)
    for key, dash, divisor in (("unbiased", 2, "$N_k-1$"), ("em", 1, "$N_k$")):
        style = {"ls": DASHES[dash], "lw": 1.1}
        line(ax, theory["t"], theory["modal"][key], BLACK, **style, label=f"theory: {divisor}")
        line(ax, theory["t"], theory["typical"][key], GREY, **style, label=f"typical: {divisor}")
    ax.set(yscale="log", ylim=(5e-6, 1.5e-2))


def draw_metrics(numbers: Numbers) -> Figure:
    """The paper's Figure 15, theory overlaid."""
    fig = figure(3.3)
    axes = fig.subplots(1, 3)
    theory = numbers["theory"]
    _loops(axes[0], numbers, "total")
    line(axes[0], theory["t"], theory["total"], BLACK, lw=1.4, label="theory: $N_k$, floor")
    axes[0].set_ylim(0, None)
    axes[0].locator_params(axis="y", nbins=6)
    panel(axes[0], "a", "total variance")
    axes[0].set_ylabel("tr covariance (squared units)")
    _modal_panel(axes[1], numbers)
    line(axes[1], theory["t"], theory["modal"]["floor"], BLACK, lw=1.4)
    panel(axes[1], "b", "modal variance")
    _loops(axes[2], numbers, "recall")
    share = array(theory["alive"]) / len(numbers["centres"])
    line(axes[2], theory["t"], share, GREY, ls=DASHES[3], lw=1.1, label="share of modes alive")
    predicted = numbers["idealised"]["predicted"]
    line(axes[2], predicted["at"], predicted["mean"], BLACK, lw=1.4)
    axes[2].set_ylim(0, 1.02)
    panel(axes[2], "c", "recall ($k$ = 5)")
    for ax in axes:
        plain_log(ax, x=[1, 10, 100, 1000])
        ax.set(xlim=(1, numbers["generations"][-1]), xlabel="generation $t$")
    found: Numbers = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    fig.legend(list(found.values()), list(found), loc="outside lower center", ncol=3)
    return fig


# ----------------------------------------------------------------------------------- modes alive
def _lifetimes(ax: Axes, numbers: Numbers, name: str, simulated: str) -> None:
    for i, run in enumerate(numbers["runs"]):
        line(ax, numbers["t"], run[name], i)
        mean, se = array(run[simulated])
        error_points(ax, numbers["at"], mean, se, i, f"$n_s$ = {run['n_synth']:,}")
    plain_log(ax, x=[1, 10, 100, 1000])
    ax.set_xlabel("generation $t$")


def draw_alive(numbers: Numbers) -> Figure:
    """Modes alive, the chance that all are, and the fresh data that keeps them."""
    fig = figure(3.3)
    axes = fig.subplots(1, 3)
    _lifetimes(axes[0], numbers, "mean", "simulated")
    axes[0].set(ylim=(0, numbers["config"]["modes"] * 1.03), ylabel="modes")
    panel(axes[0], "a", "expected modes alive")
    _lifetimes(axes[1], numbers, "all", "simulated_all")
    axes[1].set_ylabel("probability")
    panel(axes[1], "b", "all modes alive")
    for i, need in enumerate(numbers["needs"]):
        style = {"ls": DASHES[i], "marker": MARKERS[i + 3], "mfc": "white"}
        label = f"{need['probability']:g}"
        line(axes[2], numbers["amounts"], need["n_fresh"], COLOURS[i + 3], label=label, **style)
    plain_log(axes[2], x=[100, 300, 1000, 3000], y=[10, 20, 50, 100])
    axes[2].set(xlabel="synthetic samples $n_s$", ylabel="fresh samples a generation")
    axes[2].legend(title="all alive with\nprobability", loc="upper right")
    panel(axes[2], "c", "fresh data needed")
    plotting.legend_below(fig, axes[0], 3)
    return fig


# ------------------------------------------------------------------------------------ vocabularies
def _power(n: int) -> str:
    """10^6 for a million, other numbers in full."""
    exponent = round(np.log10(n))
    return f"$10^{{{exponent}}}$" if n == 10**exponent else f"{n:,}"


def _points(item: Numbers, key: str) -> Any:
    """Where the simulated points lie, their means and standard errors."""
    return array([[p[key], *p["value"]] for p in item["points"]]).T


def _survivors(ax: Axes, numbers: Numbers) -> None:
    for i, item in enumerate(numbers["survivors"]):
        t = np.arange(1, len(item["number"]) + 1)
        keys = ("lower", "number", "upper", "mean", "se")
        low, value, high, mean, se = (array(item[key]) / item["size"] for key in keys)
        band(ax, t, low, high, i, alpha=0.3)
        line(ax, t, value, i)
        error_points(ax, item["at"], mean, se, i, f"{item['name']}, $n$ = {_power(item['n'])}")
    plain_log(ax, x=[1, 3, 10, 30, 100], y=[0.01, 0.03, 0.1, 0.3, 1])
    ax.set(xlabel="generation $t$", ylabel="share of the vocabulary")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.22))
    panel(ax, "a", "words alive")


def _wins(ax: Axes, numbers: Numbers) -> None:
    for i, item in enumerate(numbers["wins"]):
        line(ax, numbers["temperatures"], item["probability"], i)
        at, mean, se = _points(item, "temperature")
        error_points(ax, at, mean, se, i, f"$n$ = {item['n']:,}")
    level(ax, numbers["config"]["favoured"], ls=DASHES[2], label="its share of real text")
    ax.set(ylim=(0.5, 1.02), xlabel=r"temperature $\lambda$", ylabel="probability")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.22))
    panel(ax, "b", "favoured token wins")


def _held(ax: Axes, numbers: Numbers) -> None:
    for i, item in zip((1, 3), numbers["held"], strict=True):
        x, label = 100 * array(item["shares"]), f"{item['name']}, {_power(item['n'])}"
        band(ax, x, item["lower"], item["upper"], i, alpha=0.3)
        line(ax, x, item["number"], COLOURS[i])
        line(ax, x, item["mass"], COLOURS[i], ls=DASHES[1], label=f"{label}: of text")
        at, mean, se = _points(item, "share")
        error_points(ax, 100 * at, mean, se, i, f"{label}: of words")
    plain_log(ax, x=[0.01, 0.1, 1, 10])
    ax.set(ylim=(0, 1.02), xlabel="fresh tokens (% of all)", ylabel="share alive at rest")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.22))
    panel(ax, "c", "held by fresh text")


def draw_categories(numbers: Numbers) -> Figure:
    """Words that survive, tokens that win, vocabularies that fresh text holds."""
    return plotting.panels(3.9, numbers, _survivors, _wins, _held)
