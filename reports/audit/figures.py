"""Figures of audits: one of the reader's, and loops whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from madtheory.audit import Audit, Bands, Forecast
from madtheory.metrics import Measured
from madtheory.reports import plotting
from madtheory.reports._types import Numbers
from madtheory.reports.plotting import array, band, interval_points, line
from madtheory.reports.style import BLACK, DASHES, GREY, MARKERS, figure, panel

FATES = {
    "dying": "dying", "growing": "growing", "holds": "holds", "undecided": "cannot tell",
}  # fmt: skip
VERDICTS = {"mad": "MAD", "not_mad": "not MAD", "undecided": "undecided"}


def _columns(estimates: list[Numbers]) -> Any:
    """Values, lower and upper ends."""
    return array([[e["value"], e["low"], e["high"]] for e in estimates]).T


def _seen(ax: Axes, item: Numbers, i: int) -> None:
    """FID of the files with intervals."""
    value, low, high = _columns([g["fid"] for g in item["generations"]])
    t = np.arange(1, len(value) + 1)
    interval_points(ax, t, value, [value - low, high - value], i, "seen, 95 %", zorder=2)


def _ahead(ax: Axes, item: Numbers, i: int) -> None:
    """The forecast, and what the loop did afterwards."""
    t, bands = item["forecast"]["generations"], item["forecast"]["fid"]
    value, low, high = _columns(bands)
    band(ax, t, low, high, GREY, alpha=0.25, label="forecast, 95 %")
    line(ax, t, value, GREY, ls=DASHES[1], lw=1.0)
    line(ax, t, item["later"], i, ls="none", marker=MARKERS[i], ms=4, label="came later")
    ax.axvline(t[0] - 0.5, color=BLACK, lw=0.6, ls=DASHES[2])


def _verdicts(item: Numbers) -> str:
    """The verdict, and the one of whoever says how many real data enter."""
    return f"{VERDICTS[item['verdict']]}; told $n_r$: {VERDICTS[item['told']]}"


def draw_known(numbers: Numbers) -> Figure:
    """FID by generation of three loops, with verdicts and forecasts."""
    fig = figure(2.9)
    shown = numbers["shown"]
    axes = fig.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for i, (ax, item) in enumerate(zip(axes, shown, strict=True)):
        _seen(ax, item, i)
        _ahead(ax, item, i)
        ax.set(yscale="log", xlabel="generation $t$")
        panel(ax, "abc"[i], f"{item['name']}\n{_verdicts(item)}")
    plotting.plain_log(axes[0], y=[0.01, 0.03, 0.1, 0.3, 1, 3, 10])
    axes[0].set_ylabel("FID")
    plotting.legend_below(fig, axes[0], 3)
    return fig


def draw_found(numbers: Numbers) -> Figure:
    """Share of loops without real data called MAD, and the best test's, by generations."""
    fig = figure(2.6)
    ax = fig.subplots()
    for i, said in enumerate(dict.fromkeys(row["said"] for row in numbers["found"])):
        rows = [row for row in numbers["found"] if row["said"] == said]
        t, share, low, high, best = plotting.columns(
            rows, "generations", "share", "low", "high", "best"
        )
        line(ax, t, best, i, ls=DASHES[i], lw=1.0, label=f"{said} said: best test")
        # Points of one number of generations are set apart a little.
        at = t + 0.15 * (2 * i - 1)
        interval_points(ax, at, share, [share - low, high - share], i, f"{said} said: audit")
    ax.set(xlabel="generations", ylabel="share called MAD", ylim=(-0.02, 1.02), xticks=t)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


# ---------------------------------------------------------------------------------- one audit
def _measured(ax: Axes, estimates: Sequence[Measured], i: int, label: str | None = None) -> None:
    """Measured values over t = 1, 2, ... with their intervals."""
    value, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
    bars = np.maximum([value - low, high - value], 0)
    # Neighbouring curves are set apart a little, so that their bars do not cover each other.
    t = np.arange(1, len(value) + 1) + 0.1 * i
    interval_points(ax, t, value, bars, i, label, ls=DASHES[i], lw=0.9)


def _continued(ax: Axes, last: Measured, forecast: Forecast, ahead: Sequence[Measured]) -> None:
    """Median and band of the next generations, from the last measured value on."""
    t = [forecast.generations[0] - 1, *forecast.generations]
    middle, low, high = np.array(
        [[last.value] * 3, *([e.value, e.low, e.high] for e in ahead)], dtype=float
    ).T
    band(ax, t, low, high, BLACK, alpha=0.15)
    line(ax, t, middle, BLACK, ls=DASHES[1], lw=1.0)


def _title(found: Audit) -> str:
    """The verdict, and what it rests on."""
    words = f"Verdict: {VERDICTS[found.verdict]} (p = {found.p_value:.2g} of a loop that is held, "
    words += f"{found.p_value_walk:.2g} of one without real data)"
    if found.rate is not None and np.isfinite(found.rate.value):
        rate = found.rate
        words += f"\nlog variance a generation: {rate.value:.3g}"
        if np.isfinite(rate.high - rate.low):
            words += f" [{rate.low:.3g}, {rate.high:.3g}]"
    return words


def _bands(ax: Axes, found: Bands | None) -> None:
    """Effective bias of each band over its share of variance, by its fate."""
    bands = () if found is None else found.bands
    for i, (fate, word) in enumerate(FATES.items()):
        mine = [one for one in bands if one.fate == fate and np.isfinite(one.bias.high)]
        if mine:
            share = [one.share / one.directions for one in mine]
            value, low, high = np.array([(b.bias.value, b.bias.low, b.bias.high) for b in mine]).T
            bars = np.maximum([value - low, high - value], 0)
            interval_points(ax, share, value, bars, i, word, ls="none")
    ax.axhline(1.0, color=BLACK, lw=0.6, ls=DASHES[2])
    ax.set(xscale="log", xlabel="share of variance of a direction, %")
    if bands and max(b.share for b in bands) < 100 * min(b.share for b in bands):
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="best")


def draw_audit(found: Audit) -> Figure:
    """Metrics by generation, and the effective bias by direction (docs/audit.md)."""
    fig = figure(4.6)
    *axes, last = fig.subplots(2, 2).ravel()
    shown = found.generations
    _measured(axes[0], [g.fid for g in shown], 0)
    _measured(axes[1], [g.precision for g in shown], 0, "precision")
    _measured(axes[1], [g.recall for g in shown], 1, "recall")
    _measured(axes[2], [g.trace for g in shown], 0)
    if found.forecast is not None:
        _continued(axes[0], shown[-1].fid, found.forecast, found.forecast.fid)
        _continued(axes[2], shown[-1].trace, found.forecast, found.forecast.trace)
    for ax in axes:
        ax.set_xlabel("generation $t$")
        ax.set_ylim(bottom=0)
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[1].set_ylim(0, 1.02)
    axes[1].legend(loc="best")
    panel(axes[0], "a", "FID")
    panel(axes[1], "b", "precision, recall")
    panel(axes[2], "c", "total variance")
    panel(last, "d", "effective bias λ of directions")
    _bands(last, found.directions)
    fig.suptitle(_title(found), fontsize=9, x=0.01, ha="left")
    return fig
