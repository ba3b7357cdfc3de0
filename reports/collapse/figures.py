"""Figures of the fully synthetic loop: numbers in, one matplotlib figure out."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from madtheory.reports.plotting import Numbers, array, error_points, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, MARKERS, figure, panel


def _band(ax: Axes, t: Any, quantiles: Any, colour: str, label: str) -> None:
    """Median, 25-75 % and 5-95 % bands."""
    low, lower, median, upper, high = array(quantiles)
    ax.fill_between(t, low, high, color=colour, alpha=0.18, lw=0, label=f"{label}, 5–95 %")
    ax.fill_between(t, lower, upper, color=colour, alpha=0.3, lw=0, label=f"{label}, 25–75 %")
    ax.plot(t, median, color=colour, lw=1.8, label=f"{label}, median")


def _collapse_paths(ax: Axes, numbers: Numbers) -> None:
    t = array(numbers["generations"])
    _band(ax, array(numbers["grid"]), numbers["quantiles"], COLOURS[0], "exact")
    for path in array(numbers["paths"]):
        ax.plot(t, path, color=GREY, lw=0.6, alpha=0.8)
    ax.plot([], [], color=GREY, lw=0.6, label="single paths (simulated)")
    ax.plot(t, array(numbers["mean"]), color=BLACK, ls=DASHES[1], lw=1.6, label="exact mean")
    ax.set_yscale("log")
    ax.set_ylim(bottom=max(1e-12, float(array(numbers["quantiles"])[0].min())))
    ax.set_xlabel("generation $t$")
    ax.set_ylabel(r"$u^T\Sigma_t u\,/\,u^T\Sigma_0 u$")
    panel(ax, "a", "variance along a direction")


def _collapse_mean(ax: Axes, numbers: Numbers) -> None:
    t, mean, se = (array(numbers[k]) for k in ("generations", "naive_mean", "naive_se"))
    ax.axhline(1, color=BLACK, ls=DASHES[1], lw=1.6, label="exact mean")
    ax.plot(t, mean, color=COLOURS[1], lw=1.4, label="average of simulated paths")
    ax.fill_between(t, mean - 1.96 * se, mean + 1.96 * se, color=COLOURS[1], alpha=0.4, lw=0,
                    label="its naive 95 % interval")  # fmt: skip
    grid = array(numbers["grid"])
    ax.plot(grid, array(numbers["above_mean"]), color=COLOURS[2], ls=DASHES[2], lw=1.8,
            label="exact share of paths above mean")  # fmt: skip
    ax.plot(grid, array(numbers["share"]), color=COLOURS[3], ls=DASHES[3],
            label="exact share of the mean carried\nby the top 1 % of paths")  # fmt: skip
    ax.set(ylim=(0, None), xlabel="generation $t$", ylabel="mean, or share (both pure numbers)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    panel(ax, "b", "why an average misses the mean")


def draw_collapse(numbers: Numbers) -> Figure:
    """Typical path beside the mean (theory.md 1.1, 1.5)."""
    fig = figure(4.6)
    left, right = fig.subplots(1, 2)
    _collapse_paths(left, numbers)
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    _collapse_mean(right, numbers)
    return fig


def _spectrum_values(ax: Axes, numbers: Numbers) -> None:
    for i, item in enumerate(numbers["series"]):
        axis = np.arange(1, len(item["theory"]) + 1)
        ax.plot(axis, array(item["theory"]), color=COLOURS[i], ls=DASHES[i])
        error_points(ax, axis, item["simulated"], item["se"], i, f"$n_s$ = {item['n_synth']}")
    ax.set(xlabel="axis $i$ (largest first)",
           ylabel="growth of log $\\sigma_i(\\Sigma_t)$ per generation")  # fmt: skip
    ax.axhline(0, color=GREY, lw=0.7)
    ax.legend(loc="lower left")
    panel(ax, "a", "Lyapunov spectrum")


def _spectrum_path(ax: Axes, numbers: Numbers) -> None:
    item = numbers["series"][0]
    path = array(item["path"])
    t = np.arange(1, len(path) + 1)
    rates, variances = array(item["theory"]), array(item["variance"])
    for k, i in enumerate((0, len(rates) // 2, len(rates) - 1)):
        spread = 1.96 * np.sqrt(variances[i] * t)
        ax.fill_between(t, rates[i] * t - spread, rates[i] * t + spread, color=COLOURS[k],
                        alpha=0.2, lw=0)  # fmt: skip
        ax.plot(t, rates[i] * t, color=COLOURS[k], ls=DASHES[k], label=f"axis {i + 1}")
        ax.plot(t, path[:, i], color=COLOURS[k], lw=0.7)
    ax.set(xlabel="generation $t$", ylabel=r"log $\sigma_i(\Sigma_t)$ (nats)")
    ax.legend(loc="lower left")
    panel(ax, "b", f"to a line, then to a point ($n_s$ = {item['n_synth']})")


def draw_spectrum(numbers: Numbers) -> Figure:
    """Lyapunov exponents and one path (theory.md 1.4)."""
    fig = figure(2.9)
    left, right = fig.subplots(1, 2)
    _spectrum_values(left, numbers)
    _spectrum_path(right, numbers)
    return fig


def _passage_cdf(ax: Axes, numbers: Numbers) -> None:
    t = array(numbers["generations"])
    for i, item in enumerate(numbers["distributions"]):
        simulated = array(item["simulated"])
        ax.fill_between(t, np.clip(simulated - numbers["band"], 0, 1),
                        np.clip(simulated + numbers["band"], 0, 1),
                        color=COLOURS[i], alpha=0.3, lw=0)  # fmt: skip
        label = f"$n_s$ = {item['n_synth']}, $\\lambda$ = {item['bias']:g}"
        ax.plot(t, array(item["cdf"]), color=COLOURS[i], ls=DASHES[i], label=label)
    ax.set(xscale="log", xlabel="generation $t$",
           ylabel=f"P(collapsed by $t$), $\\varepsilon$ = {numbers['config']['eps']:g}",
           xlim=(1, t[-1]))  # fmt: skip
    ax.legend(loc="upper left", borderaxespad=0.2)
    panel(ax, "a", "one dimension: exact")


def _passage_medians(ax: Axes, numbers: Numbers) -> None:
    rows = numbers["medians"]
    series = sorted({(row["dim"], row["bias"]) for row in rows}, key=lambda s: (s[0], -s[1]))
    for i, (dim, bias) in enumerate(series):
        some = [row for row in rows if (row["dim"], row["bias"]) == (dim, bias)]
        n = array([row["n_synth"] for row in some]) * 1.05 ** (i - len(series) / 2)
        low, high = array([r["lower"] for r in some]), array([r["upper"] for r in some])
        ax.fill_between(n, low, high, color=COLOURS[i], alpha=0.2, lw=0)
        ax.plot(n, low, color=COLOURS[i], ls=DASHES[i], lw=1.0)
        ax.plot(n, high, color=COLOURS[i], ls=DASHES[i], lw=1.0)
        mid = array([r["simulated"] for r in some])
        error = np.abs(array([[r["low"], r["high"]] for r in some]).T - mid)
        ax.errorbar(n, mid, yerr=error, fmt=MARKERS[i], color=COLOURS[i], markerfacecolor="white",
                    capsize=2, label=f"$d$ = {dim}, $\\lambda$ = {bias:g}")  # fmt: skip
    ax.set_yscale("log")
    plain_log(ax, "x", sorted({row["n_synth"] for row in rows}))
    ax.set(xlabel="samples a generation $n_s$", ylabel="median time to collapse (generations)")
    ax.set_ylim(top=8 * max(row["upper"] for row in rows))
    ax.legend(loc="upper left", borderaxespad=0.2)
    panel(ax, "b", "bounds (bands) and simulation")


def draw_passage(numbers: Numbers) -> Figure:
    """First-passage times (theory.md 1.9)."""
    fig = figure(3.0)
    left, right = fig.subplots(1, 2)
    _passage_cdf(left, numbers)
    _passage_medians(right, numbers)
    return fig


def draw_typical(numbers: Numbers) -> Figure:
    """E W2^2 and what a typical path does (theory.md 1.7, 1.8)."""
    fig = figure(3.0)
    ax = fig.subplots()
    t = array(numbers["generations"])
    _band(ax, t, numbers["quantiles"], COLOURS[0], "simulated paths")
    for i, path in enumerate(array(numbers["paths"])):
        ax.plot(t, path, color=GREY, lw=0.6, label=None if i else "single paths")
    # Later the average of paths says nothing (heavy tails), nor does its interval.
    some = slice(0, numbers["config"]["averaged"])
    error_points(ax, t[some], numbers["mean"][some], numbers["se"][some], 5, "simulated mean, 95 %")
    ax.plot(t, array(numbers["theory"]), color=BLACK, ls=DASHES[1], label=r"exact $E\,W_2^2$")
    top = float(max(array(numbers["theory"]).max(), array(numbers["quantiles"]).max()))
    ax.set(ylim=(0, 1.05 * top), xlabel="generation $t$", ylabel=r"$W_2^2$ (units of $\sigma_0^2$)")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def _overshoot_curve(ax: Axes, numbers: Numbers) -> None:
    curve, simulated = numbers["curve"], numbers["simulated"]
    ax.plot(array(curve["generations"]), array(curve["per_dimension"]), color=COLOURS[0],
            label="high-dimension limit")  # fmt: skip
    error_points(ax, simulated["generations"], simulated["mean"], simulated["se"], 1,
                 "simulation, 95 %")  # fmt: skip
    ax.axhline(curve["limit"], color=BLACK, ls=DASHES[1], lw=1.1,
               label=f"limit {curve['limit']:.2f}")  # fmt: skip
    for name, offset in (("top", (-14, 7)), ("bottom", (-8, -13))):
        spot = curve[name]
        ax.annotate(f"{spot['value']:.3f}", (spot["t"], spot["value"]), xytext=offset,
                    textcoords="offset points")  # fmt: skip
    ax.set(xscale="log", xlabel="generation $t$", ylabel=r"$E\,W_2^2/d$", ylim=(0, 1.4))
    ax.legend(loc="lower right")
    panel(ax, "a", "overshoot at $d$ = 300, $n$ = 3000")


def _overshoot_map(ax: Axes, numbers: Numbers) -> None:
    rows = [row for row in numbers["intervals"] if row["low"] is not None]
    dims = array([row["dim"] for row in rows])
    low, high = array([row["low"] for row in rows]), array([row["high"] for row in rows])
    ax.fill_betweenx(dims, low, high, color=COLOURS[1], alpha=0.35, lw=0)
    ax.plot(low, dims, color=COLOURS[5])
    ax.plot(high, dims, color=COLOURS[5], ls=DASHES[1])
    plain_log(ax, "x", [1, 3, 10, 30, 100])
    plain_log(ax, "y", [50, 100, 200, 500, 1000])
    ax.set(xlim=(0.8, 150), ylim=(50, float(dims.max())))
    ax.text(6, 620, "falls somewhere", ha="center")
    ax.text(6, 75, "increases", ha="center")
    ax.plot([5], [300], marker="*", color=BLACK, markersize=8, ls="none")
    ax.annotate("panel (a)", (5, 300), xytext=(-6, 8), textcoords="offset points")
    ax.set(xlabel=r"$a = n(1-\lambda)$", ylabel="dimension $d$")
    panel(ax, "b", r"many samples, $d/n \to 0$")


def _overshoot_step(ax: Axes, numbers: Numbers) -> None:
    gamma, bias, step = (array(numbers[k]) for k in ("gamma", "bias", "step"))
    ax.contourf(gamma, bias, step, levels=[-10, 0], colors=[COLOURS[1]], alpha=0.35)
    ax.contour(gamma, bias, step, levels=[0], colors=[COLOURS[5]], linewidths=1.4)
    ax.axvline(numbers["threshold"], color=BLACK, ls=DASHES[2], lw=1.0)
    ax.annotate(rf"$\gamma$ = {numbers['threshold']:.3f}", (numbers["threshold"], 0.9),
                xytext=(4, 0), textcoords="offset points")  # fmt: skip
    ax.text(5.5, 0.4, "falls from\n$t$ = 1 to 2", ha="center", va="center")
    ax.set(xlim=(gamma[0], gamma[-1]), ylim=(0, 1), xlabel=r"$\gamma = d/(n_s-1)$",
           ylabel=r"sampling bias $\lambda$")  # fmt: skip
    panel(ax, "c", "more dimensions than samples")


def _overshoot_two(ax: Axes, numbers: Numbers) -> None:
    two = numbers["two"]
    first = array(two["first"])
    ax.plot(array(two["bias"]), first, marker=MARKERS[0], ms=3.5, ls=DASHES[2], color=COLOURS[0])
    for x, name in ((two["low"], r"$2/\pi$"), (two["high"], "2/3")):
        ax.axvline(x, color=BLACK, ls=DASHES[1], lw=1.0)
        ax.annotate(name, (x, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom")
    plain_log(ax, "y", [200, 300, 500, 1000, 2000, 4000])
    ax.set(xlabel=r"sampling bias $\lambda$", ylabel="first generation that falls")
    ax.set_title("(d) two samples, $d$ = 1: exact", pad=14)


def draw_overshoot(numbers: Numbers) -> Figure:
    """Where E W2^2 does not increase (theory.md 1.8)."""
    fig = figure(5.4)
    axes = fig.subplots(2, 2)
    _overshoot_curve(axes[0, 0], numbers)
    _overshoot_map(axes[0, 1], numbers)
    _overshoot_step(axes[1, 0], numbers)
    _overshoot_two(axes[1, 1], numbers)
    return fig


def _appendix_cdf(ax: Axes, numbers: Numbers) -> None:
    names = {"equal": "equal weights", "halving": "weights 1, ½, ¼, …", "one": "one direction"}
    for i, item in enumerate(numbers["distributions"]):
        y, empirical = array(item["y"]), array(item["empirical"])
        low, high = (np.clip(empirical + sign * numbers["band"], 0, 1) for sign in (-1, 1))
        ax.fill_between(y, low, high, color=COLOURS[i], alpha=0.35, lw=0)
        ax.plot(y, array(item["cdf"]), color=COLOURS[i], ls=DASHES[i], label=names[item["name"]])
    ax.set(xlabel="$y$", ylabel=r"P($Y_t \leq y$)", xlim=(0, 3))
    ax.legend(loc="lower right")
    panel(ax, "a", "one step of the trace")


def _appendix_constants(ax: Axes, numbers: Numbers) -> None:
    for i, item in enumerate(numbers["constants"]):
        eps, label = array(item["eps"]), f"$d$ = {item['dim']}, $m$ = {item['dof']}"
        style: dict[str, Any] = {"color": COLOURS[i], "marker": MARKERS[i], "ms": 4}
        ax.plot(eps, array(item["minimum"]), **style, label=f"minimum, {label}")
        ax.plot(eps, array(item["bound"]), **style, ls=DASHES[1], lw=1.0, mfc="white",
                label=f"explicit $c$, {label}")  # fmt: skip
    ax.set_yscale("log")
    ax.set(ylim=(max(1e-12, ax.get_ylim()[0]), 1.5), xlim=(0, 1),
           xlabel=r"$\varepsilon$", ylabel=r"P($|Y_t-1|>\varepsilon$)")  # fmt: skip
    panel(ax, "b", "the constant of Appendix A")


def draw_appendix(numbers: Numbers) -> Figure:
    """Appendix A with numbers (theory.md 1.10)."""
    fig = figure(3.5)
    left, right = fig.subplots(1, 2)
    _appendix_cdf(left, numbers)
    _appendix_constants(right, numbers)
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncol=3,
               columnspacing=1.2)  # fmt: skip
    return fig
