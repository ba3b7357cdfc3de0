"""Figures of the fully synthetic loop: numbers in, one matplotlib figure out."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from madtheory.reports import plotting
from madtheory.reports._types import Numbers
from madtheory.reports.plotting import array, band, error_points, level, line, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, MARKERS, figure, panel


def _quantiles(ax: Axes, t: Any, quantiles: Any, label: str) -> None:
    """Median, 25-75 % and 5-95 % bands."""
    low, lower, median, upper, high = array(quantiles)
    band(ax, t, low, high, 0, alpha=0.18, label=f"{label}, 5–95 %")
    band(ax, t, lower, upper, 0, alpha=0.3, label=f"{label}, 25–75 %")
    line(ax, t, median, 0, lw=1.8, label=f"{label}, median")


def _collapse_paths(ax: Axes, numbers: Numbers) -> None:
    t = numbers["generations"]
    _quantiles(ax, numbers["grid"], numbers["quantiles"], "exact")
    for path in numbers["paths"]:
        line(ax, t, path, GREY, lw=0.6, alpha=0.8)
    line(ax, [], [], GREY, lw=0.6, label="single paths (simulated)")
    line(ax, t, numbers["mean"], BLACK, ls=DASHES[1], lw=1.6, label="exact mean")
    ax.set(yscale="log", xlabel="generation $t$", ylabel=r"$u^T\Sigma_t u\,/\,u^T\Sigma_0 u$")
    ax.set_ylim(bottom=max(1e-12, float(array(numbers["quantiles"])[0].min())))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    panel(ax, "a", "variance along a direction")


def _collapse_mean(ax: Axes, numbers: Numbers) -> None:
    t, mean, se = (array(numbers[k]) for k in ("generations", "naive_mean", "naive_se"))
    level(ax, 1, ls=DASHES[1], lw=1.6, label="exact mean")
    line(ax, t, mean, COLOURS[1], lw=1.4, label="average of simulated paths")
    label = "its naive 95 % interval"
    band(ax, t, mean - 1.96 * se, mean + 1.96 * se, 1, alpha=0.4, label=label)
    label = "exact share of paths above mean"
    line(ax, numbers["grid"], numbers["above_mean"], 2, lw=1.8, label=label)
    label = "exact share of the mean carried\nby the top 1 % of paths"
    line(ax, numbers["grid"], numbers["share"], 3, label=label)
    ax.set(ylim=(0, None), xlabel="generation $t$", ylabel="mean, or share (both pure numbers)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    panel(ax, "b", "why an average misses the mean")


def draw_collapse(numbers: Numbers) -> Figure:
    """Typical path beside the mean (theory.md 1.1, 1.5)."""
    return plotting.panels(4.1, numbers, _collapse_paths, _collapse_mean)


def _spectrum_values(ax: Axes, numbers: Numbers) -> None:
    for i, item in enumerate(numbers["series"]):
        axis = np.arange(1, len(item["theory"]) + 1)
        line(ax, axis, item["theory"], i)
        error_points(ax, axis, item["simulated"], item["se"], i, f"$n_s$ = {item['n_synth']}")
    ylabel = "growth of log $\\sigma_i(\\Sigma_t)$ per generation"
    ax.set(xlabel="axis $i$ (largest first)", ylabel=ylabel)
    level(ax, 0, GREY, lw=0.7)
    ax.legend(loc="lower left")
    panel(ax, "a", "Lyapunov spectrum")


def _spectrum_path(ax: Axes, numbers: Numbers) -> None:
    item = numbers["series"][0]
    path, rates, variances = (array(item[key]) for key in ("path", "theory", "variance"))
    t = np.arange(1, len(path) + 1)
    for k, i in enumerate((0, len(rates) // 2, len(rates) - 1)):
        spread = 1.96 * np.sqrt(variances[i] * t)
        band(ax, t, rates[i] * t - spread, rates[i] * t + spread, k)
        line(ax, t, rates[i] * t, k, label=f"axis {i + 1}")
        line(ax, t, path[:, i], COLOURS[k], lw=0.7)
    ax.set(xlabel="generation $t$", ylabel=r"log $\sigma_i(\Sigma_t)$ (nats)")
    ax.legend(loc="lower left")
    panel(ax, "b", f"to a line, then to a point ($n_s$ = {item['n_synth']})")


def draw_spectrum(numbers: Numbers) -> Figure:
    """Lyapunov exponents and one path (theory.md 1.4)."""
    return plotting.panels(2.9, numbers, _spectrum_values, _spectrum_path)


def _share_band(ax: Axes, x: Any, share: Any, half: float, i: int, alpha: float) -> None:
    """The simulated share of runs with its band."""
    low, high = (np.clip(array(share) + sign * half, 0, 1) for sign in (-1, 1))
    band(ax, x, low, high, i, alpha=alpha)


def _passage_cdf(ax: Axes, numbers: Numbers) -> None:
    t = numbers["generations"]
    for i, item in enumerate(numbers["distributions"]):
        _share_band(ax, t, item["simulated"], numbers["band"], i, 0.3)
        label = f"$n_s$ = {item['n_synth']}, $\\lambda$ = {item['bias']:g}"
        line(ax, t, item["cdf"], i, label=label)
    ylabel = f"P(collapsed by $t$), $\\varepsilon$ = {numbers['config']['eps']:g}"
    ax.set(xscale="log", xlabel="generation $t$", ylabel=ylabel, xlim=(1, t[-1]))
    ax.legend(loc="upper left", borderaxespad=0.2)
    panel(ax, "a", "one dimension: exact")


def _passage_medians(ax: Axes, numbers: Numbers) -> None:
    rows = numbers["medians"]
    series = sorted({(row["dim"], row["bias"]) for row in rows}, key=lambda s: (s[0], -s[1]))
    for i, (dim, bias) in enumerate(series):
        some = [row for row in rows if (row["dim"], row["bias"]) == (dim, bias)]
        keys = ("n_synth", "lower", "upper", "law", "simulated", "low", "high")
        n, lower, upper, law, mid, *ends = plotting.columns(some, *keys)
        n *= 1.05 ** (i - len(series) / 2)
        band(ax, n, lower, upper, i)
        line(ax, n, law, i)
        plotting.interval_points(ax, n, mid, np.abs(ends - mid), i, elinewidth=None, zorder=2,
                                 label=f"$d$ = {dim}, $\\lambda$ = {bias:g}")  # fmt: skip
    ax.set_yscale("log")
    plain_log(ax, x=sorted({row["n_synth"] for row in rows}))
    ax.set(xlabel="samples a generation $n_s$", ylabel="median time to collapse (generations)")
    ax.set_ylim(top=8 * max(row["upper"] for row in rows))
    ax.legend(loc="upper left", borderaxespad=0.2)
    panel(ax, "b", "law, bounds and simulation")


def draw_passage(numbers: Numbers) -> Figure:
    """First-passage times (theory.md 1.9)."""
    return plotting.panels(3.0, numbers, _passage_cdf, _passage_medians)


def draw_typical(numbers: Numbers) -> Figure:
    """E W2^2 and what a typical path does (theory.md 1.7, 1.8)."""
    fig = figure(3.0)
    ax = fig.subplots()
    t = array(numbers["generations"])
    _quantiles(ax, t, numbers["quantiles"], "simulated paths")
    for i, path in enumerate(numbers["paths"]):
        line(ax, t, path, GREY, lw=0.6, label=None if i else "single paths")
    # Later the average of paths says nothing (heavy tails), nor does its interval.
    some = slice(0, numbers["config"]["averaged"])
    error_points(ax, t[some], numbers["mean"][some], numbers["se"][some], 5, "simulated mean, 95 %")
    line(ax, t, numbers["theory"], BLACK, ls=DASHES[1], label=r"exact $E\,W_2^2$")
    top = float(max(array(numbers["theory"]).max(), array(numbers["quantiles"]).max()))
    ax.set(ylim=(0, 1.05 * top), xlabel="generation $t$", ylabel=r"$W_2^2$ (units of $\sigma_0^2$)")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def _note(ax: Axes, text: str, spot: tuple[float, float], offset: tuple[float, float]) -> None:
    """Write beside a spot, so many points away."""
    ax.annotate(text, spot, xytext=offset, textcoords="offset points")


def _overshoot_curve(ax: Axes, numbers: Numbers) -> None:
    curve, points = numbers["curve"], numbers["simulated"]
    line(ax, curve["generations"], curve["per_dimension"], 0, label="high-dimension limit")
    error_points(ax, points["generations"], points["mean"], points["se"], 1, "simulation, 95 %")
    level(ax, curve["limit"], ls=DASHES[1], lw=1.1, label=f"limit {curve['limit']:.2f}")
    for name, offset in (("top", (-14, 7)), ("bottom", (-8, -13))):
        spot = curve[name]
        _note(ax, f"{spot['value']:.3f}", (spot["t"], spot["value"]), offset)
    ax.set(xscale="log", xlabel="generation $t$", ylabel=r"$E\,W_2^2/d$", ylim=(0, 1.4))
    ax.legend(loc="lower right")
    panel(ax, "a", "overshoot at $d$ = 300, $n$ = 3000")


def _overshoot_map(ax: Axes, numbers: Numbers) -> None:
    rows = [row for row in numbers["intervals"] if row["low"] is not None]
    dims, low, high = plotting.columns(rows, "dim", "low", "high")
    ax.fill_betweenx(dims, low, high, color=COLOURS[1], alpha=0.35, lw=0)
    line(ax, low, dims, COLOURS[5])
    line(ax, high, dims, COLOURS[5], ls=DASHES[1])
    plain_log(ax, x=[1, 3, 10, 30, 100], y=[50, 100, 200, 500, 1000])
    ax.set(xlim=(0.8, 150), ylim=(50, float(dims.max())))
    ax.text(6, 620, "falls somewhere", ha="center")
    ax.text(6, 75, "increases", ha="center")
    ax.plot([5], [300], marker="*", color=BLACK, markersize=8, ls="none")
    _note(ax, "panel (a)", (5, 300), (-6, 8))
    ax.set(xlabel=r"$a = n(1-\lambda)$", ylabel="dimension $d$")
    panel(ax, "b", r"many samples, $d/n \to 0$")


def _overshoot_step(ax: Axes, numbers: Numbers) -> None:
    gamma, bias, step = (array(numbers[k]) for k in ("gamma", "bias", "step"))
    ax.contourf(gamma, bias, step, levels=[-10, 0], colors=[COLOURS[1]], alpha=0.35)
    ax.contour(gamma, bias, step, levels=[0], colors=[COLOURS[5]], linewidths=1.4)
    ax.axvline(numbers["threshold"], color=BLACK, ls=DASHES[2], lw=1.0)
    spot = (numbers["threshold"], 0.9)
    _note(ax, rf"$\gamma$ = {numbers['threshold']:.3f}", spot, (4, 0))
    ax.text(5.5, 0.4, "falls from\n$t$ = 1 to 2", ha="center", va="center")
    ax.set(xlim=(gamma[0], gamma[-1]), ylim=(0, 1))
    ax.set(xlabel=r"$\gamma = d/(n_s-1)$", ylabel=r"sampling bias $\lambda$")
    panel(ax, "c", "more dimensions than samples")


def _overshoot_two(ax: Axes, numbers: Numbers) -> None:
    two = numbers["two"]
    line(ax, two["bias"], two["first"], 0, marker=MARKERS[0], ms=3.5, ls=DASHES[2])
    for x, name in ((two["low"], r"$2/\pi$"), (two["high"], "2/3")):
        ax.axvline(x, color=BLACK, ls=DASHES[1], lw=1.0)
        ax.annotate(name, (x, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom")
    plain_log(ax, y=[200, 300, 500, 1000, 2000, 4000])
    ax.set(xlabel=r"sampling bias $\lambda$", ylabel="first generation that falls")
    ax.set_title("(d) two samples, $d$ = 1: exact", pad=14)


def draw_overshoot(numbers: Numbers) -> Figure:
    """Where E W2^2 does not increase (theory.md 1.8)."""
    parts = (_overshoot_curve, _overshoot_map, _overshoot_step, _overshoot_two)
    return plotting.panels(4.7, numbers, *parts, rows=2)


def _appendix_cdf(ax: Axes, numbers: Numbers) -> None:
    names = {"equal": "equal weights", "halving": "weights 1, ½, ¼, …", "one": "one direction"}
    for i, item in enumerate(numbers["distributions"]):
        _share_band(ax, item["y"], item["empirical"], numbers["band"], i, 0.35)
        line(ax, item["y"], item["cdf"], i, label=names[item["name"]])
    ax.set(xlabel="$y$", ylabel=r"P($Y_t \leq y$)", xlim=(0, 3))
    ax.legend(loc="lower right")
    panel(ax, "a", "one step of the trace")


def _appendix_constants(ax: Axes, numbers: Numbers) -> None:
    for i, item in enumerate(numbers["constants"]):
        label = f"$d$ = {item['dim']}, $m$ = {item['dof']}"
        style: Numbers = {"marker": MARKERS[i], "ms": 4}
        line(ax, item["eps"], item["minimum"], COLOURS[i], **style, label=f"minimum, {label}")
        style |= {"ls": DASHES[1], "lw": 1.0, "mfc": "white", "label": f"explicit $c$, {label}"}
        line(ax, item["eps"], item["bound"], COLOURS[i], **style)
    ax.set_yscale("log")
    ax.set(ylim=(max(1e-12, ax.get_ylim()[0]), 1.5), xlim=(0, 1))
    ax.set(xlabel=r"$\varepsilon$", ylabel=r"P($|Y_t-1|>\varepsilon$)")
    panel(ax, "b", "the constant of Appendix A")


def draw_appendix(numbers: Numbers) -> Figure:
    """Appendix A with numbers (theory.md 1.10)."""
    fig = plotting.panels(3.5, numbers, _appendix_cdf, _appendix_constants)
    plotting.legend_below(fig, fig.axes[1], 3, columnspacing=1.2)
    return fig
