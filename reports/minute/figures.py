"""The first figure: what dies, what settles, what helps."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from madtheory.reports._types import Numbers
from madtheory.reports.plotting import array, band, level, line, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, figure, panel


def _dies(ax: Axes, item: Numbers) -> None:
    low, median, high = array(item["quantiles"])
    band(ax, item["t"], low, high, 0, label="90 % of loops")
    line(ax, item["t"], median, 0, lw=1.8, label="typical loop")
    level(ax, 1, ls=DASHES[1], lw=1.2, label="mean of all")
    ax.set(yscale="log", ylim=(1e-6, 1e6), xlabel="generation $t$")
    ax.set_ylabel("variance, real data = 1")
    ax.legend(loc="upper right", borderaxespad=0.0)
    panel(ax, "a", f"no real data: it dies\n($n_s$ = {item['n_synth']}, $\\lambda$ = 1)")


def _settles(ax: Axes, item: Numbers) -> None:
    line(ax, item["t"], item["alone"], 5, lw=1.8)
    for path in item["fresh"]:
        line(ax, item["t"], path, COLOURS[0], lw=1.2)
    ax.set(xscale="log", yscale="log", xlabel="generation $t$", ylabel=r"distance, $E\,W_2^2$")
    plain_log(ax, x=[1, 3, 10, 30, 100], y=[0.01, 0.1, 1, 10])
    ax.text(1.1, 20, "no real data", color=COLOURS[5])
    ax.text(110, 0.03, "fresh data,\nany start", color=COLOURS[0], ha="right")
    ax.set_ylim(top=60)
    panel(ax, "b", f"fresh data: it settles\n($n_r$ = {item['n_real']}, $\\lambda$ = 1)")


def _helps(ax: Axes, item: Numbers) -> None:
    ratio = array(item["n_synth"]) / item["n_real"]
    for i, (bias, gain) in enumerate(zip(item["biases"], item["gains"], strict=True)):
        line(ax, ratio, gain, i, label=f"$\\lambda$ = {bias:g}")
    level(ax, 1, BLACK, lw=0.8)
    ax.set(xscale="log", xlabel="synthetic per real sample", ylim=(0, 2.4))
    ax.set_ylabel("worth, $n_e/n_r$")
    plain_log(ax, x=[0.1, 1, 10, 100])
    ax.legend(loc="upper right", bbox_to_anchor=(1.04, 0.78), borderaxespad=0.0)
    panel(ax, "c", "synthetic data help,\nand hurt where biased")


def draw_minute(numbers: Numbers) -> Figure:
    """The report at a glance."""
    fig = figure(2.6)
    for ax, draw, key in zip(
        fig.subplots(1, 3), (_dies, _settles, _helps), ("dies", "settles", "helps"), strict=True
    ):
        draw(ax, numbers[key])
    return fig
