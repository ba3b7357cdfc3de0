"""Figure of one audit: the metrics by generation, the forecast and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from madtheory.reports.style import BLACK, COLOURS, DASHES, MARKERS, figure, panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from madtheory.audit import Audit, Forecast
    from madtheory.metrics import Measured

__all__ = ["draw_audit"]

_VERDICTS = {"mad": "MAD", "not_mad": "not MAD", "undecided": "undecided"}


def _points(ax: Axes, estimates: Sequence[Measured], i: int, label: str | None = None) -> None:
    """Measured values over t = 1, 2, ... with their intervals."""
    value, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
    bars = np.maximum([value - low, high - value], 0)
    # Neighbouring curves are set apart a little, so that their bars do not cover each other.
    t = np.arange(1, len(value) + 1) + 0.1 * i
    ax.errorbar(t, value, yerr=bars, fmt=MARKERS[i], color=COLOURS[i], ls=DASHES[i], lw=0.9,
                mfc="white", ms=4, elinewidth=0.9, capsize=2, zorder=3, label=label)  # fmt: skip


def _ahead(ax: Axes, last: Measured, forecast: Forecast, band: Sequence[Measured]) -> None:
    """Median and band of the next generations, from the last measured value on."""
    t = [forecast.generations[0] - 1, *forecast.generations]
    middle, low, high = np.array(
        [[last.value] * 3, *([e.value, e.low, e.high] for e in band)], dtype=float
    ).T
    ax.fill_between(t, low, high, color=BLACK, alpha=0.15, lw=0)
    ax.plot(t, middle, color=BLACK, ls=DASHES[1], lw=1.0)


def _title(found: Audit) -> str:
    """The verdict, and what it rests on."""
    words = f"Verdict: {_VERDICTS[found.verdict]} (p = {found.p_value:.2g} of a loop that is held, "
    words += f"{found.p_value_walk:.2g} of one without real data)"
    if found.rate is not None and np.isfinite(found.rate.value):
        rate = found.rate
        words += f"\nlog variance a generation: {rate.value:.3g}"
        if np.isfinite(rate.high - rate.low):
            words += f" [{rate.low:.3g}, {rate.high:.3g}]"
    return words


def draw_audit(found: Audit) -> Figure:
    """FID, precision and recall, and total variance by generation (docs/audit.md)."""
    fig = figure(2.7)
    axes = fig.subplots(1, 3)
    shown = found.generations
    _points(axes[0], [g.fid for g in shown], 0)
    _points(axes[1], [g.precision for g in shown], 0, "precision")
    _points(axes[1], [g.recall for g in shown], 1, "recall")
    _points(axes[2], [g.trace for g in shown], 0)
    if found.forecast is not None:
        _ahead(axes[0], shown[-1].fid, found.forecast, found.forecast.fid)
        _ahead(axes[2], shown[-1].trace, found.forecast, found.forecast.trace)
    for ax in axes:
        ax.set_xlabel("generation $t$")
        ax.set_ylim(bottom=0)
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[1].set_ylim(0, 1.02)
    axes[1].legend(loc="best")
    panel(axes[0], "a", "FID")
    panel(axes[1], "b", "precision, recall")
    panel(axes[2], "c", "total variance")
    fig.suptitle(_title(found), fontsize=9, x=0.01, ha="left")
    return fig
