"""The figure of one plan: what n_synth is worth, and where one stands in the phase diagram."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from madtheory.plan import Plan, edge, log_counts, worth_of
from madtheory.reports.plotting import band, level, line
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, figure, panel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Points of a curve.
_CURVE, _EDGE = 30, 20


def _span(found: Plan) -> tuple[float, float]:
    """Range of n_synth: around what is asked, what is best and what is admissible."""
    n_real, known = found.loop.n_real, found.answers
    marks = [float(found.loop.n_synth), float(n_real)]
    names = ("best_n_synth", "admissible_n_synth", "admissible_n_synth_limit")
    marks += [known[name].value for name in names if 1 <= known[name].value < math.inf]
    return max(min(marks) / 10, 1.0), max(marks) * 4


def _gain_panel(ax: Axes, found: Plan, eigenvalues: ArrayLike) -> None:
    """n_e/n_real against n_synth; the admissible range is shaded."""
    n_synth = log_counts(*_span(found), _CURVE)
    curve = [worth_of(found.loop, eigenvalues, n) for n in n_synth]
    value, low, high = np.array([(x.value, x.lower, x.upper) for x in curve]).T
    most = min(found.answers["admissible_n_synth"].value, n_synth[-1])
    if most >= n_synth[0]:
        ax.axvspan(n_synth[0], most, color=COLOURS[0], alpha=0.10, lw=0, label="admissible")
    band(ax, n_synth, low, high, COLOURS[0], alpha=0.35)
    line(ax, n_synth, value, COLOURS[0], label="$n_e/n_r$, with its interval")
    level(ax, 1.0, GREY, ls=DASHES[2])
    here = found.answers["gain"].value
    ax.plot(found.loop.n_synth, here, "o", color=BLACK, ms=5, zorder=4, label="you are here")
    ax.set(xscale="log", xlim=(n_synth[0], n_synth[-1]), ylim=(0, None))
    ax.set(xlabel="synthetic samples $n_s$", ylabel="worth $n_e/n_r$")
    panel(ax, "a", "what synthetic data is worth")
    ax.legend(loc="lower left")


def _phase_panel(ax: Axes, found: Plan, eigenvalues: ArrayLike) -> None:
    """The edge of the admissible region over n_real, its limit, and the loop."""
    loop = found.loop
    n_real = log_counts(max(loop.n_real / 30, 2), max(loop.n_real, 2) * 100, _EDGE)
    low, high = _span(found)
    edges = edge(eigenvalues, loop.scalar_bias, n_real=n_real)
    # No n_synth is too many: an edge far above the panel.
    shown = [min(float(e.value), 1e3 * high) for e in edges]
    band(
        ax, n_real, np.full(len(shown), low), shown, COLOURS[0], alpha=0.15, label="$n_e \\geq n_r$"
    )
    if min(shown) <= high:
        line(ax, n_real, shown, BLACK, lw=1.6, label="edge $n_e = n_r$")
    limit = found.answers["admissible_n_synth_limit"].value
    if limit < math.inf:
        level(ax, limit, ls=DASHES[1], lw=1.2, label="limit $n_s^*$")
    ax.plot(loop.n_real, loop.n_synth, "o", color=BLACK, ms=5, zorder=4, label="you are here")
    ax.set(xscale="log", yscale="log", xlim=(n_real[0], n_real[-1]), ylim=(low, high))
    ax.set(xlabel="real samples $n_r$", ylabel="synthetic samples $n_s$")
    panel(ax, "b", "where you stand")
    ax.legend(loc="lower right")


def draw_plan(found: Plan, eigenvalues: ArrayLike) -> Figure:
    """Gain against n_synth, and the phase diagram, of a loop with fresh data (docs/plan.md)."""
    fig = figure(2.9)
    left, right = fig.subplots(1, 2)
    _gain_panel(left, found, eigenvalues)
    _phase_panel(right, found, eigenvalues)
    bias = f"$\\lambda$ = {found.loop.scalar_bias:g}"
    title = f"{bias}, $n_r$ = {found.loop.n_real:,}, $n_s$ = {found.loop.n_synth:,}: {found.fate}"
    fig.suptitle(title, fontsize=9, x=0.01, ha="left")
    return fig
