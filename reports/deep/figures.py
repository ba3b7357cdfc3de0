"""Figures of real models: curves by loop beside the theory, and spectra of biases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from madtheory.reports._types import Numbers
from madtheory.reports.deep import compared
from madtheory.reports.deep.names import MODELS, loop_name, subject
from madtheory.reports.plotting import array, band, level, line, plain_log
from madtheory.reports.style import BLACK, COLOURS, DASHES, GREY, MARKERS, figure, panel

#: Rows of the curves' figures: metric, label.
ROWS = (
    ("fid", "FID"),
    ("trace_within", "tr Σ within\nclasses"),
    ("recall", "recall"),
)
#: FID of samples that are their own features is the distance itself.
FLAT = (("fid", "$W_2^2$"), ("trace", "tr Σ"), ("recall", "recall"))
#: Dashes of a version's line.
LINES = {"pooled": DASHES[1], "classes": DASHES[2], "spectrum": DASHES[3]}
#: Colours of ten classes that the colour-blind can tell apart, as far as ten can be (P. Tol).
CLASSES = ("#332288", "#CC6677", "#DDCC77", "#117733", "#88CCEE", "#882255", "#44AA99", "#999933",
           "#AA4499", "#000000")  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _missing(text: str) -> Figure:
    """What is drawn where there is no curve yet."""
    fig = figure(0.5)
    fig.text(0.5, 0.5, text, ha="center", va="center", color=GREY)
    return fig


# --- curves --------------------------------------------------------------------------------------


def _seeds(ax: Axes, group: Numbers, metric: str, i: int) -> None:
    """Measured values: every seed thin, their median with markers, the real level dotted."""
    seen, t = group["measured"][metric], group["generations"]
    for row in seen["rows"] if len(seen["rows"]) > 1 else ():
        line(ax, t, row, COLOURS[i], ls="-", lw=0.5, alpha=0.6)
    line(ax, t, seen["middle"], COLOURS[i], ls="-", marker=MARKERS[i], mfc="white", zorder=3)
    level(ax, seen["real"], GREY, ls=DASHES[2])


def _theory(ax: Axes, group: Numbers, metric: str, i: int) -> None:
    """Predictions: of another loop's numbers where there are some; the band of *pooled*."""
    t = array(group["generations"])
    for found in group["lent"] or group["own"]:
        one = found["metrics"].get(metric)
        if one is None:
            continue
        first = 0 if group["lent"] else 2
        style: Numbers = {"ls": LINES[found["version"]], "lw": 1.0}
        line(ax, t, one["predicted"], COLOURS[i], **style)
        if found["version"] == ("classes" if metric == "trace_within" else "pooled"):
            band(ax, t[first:], one["low"][first:], one["high"][first:], COLOURS[i], alpha=0.16)


def _column(axes: Any, groups: list[Numbers], rows: Any) -> None:
    """A loop: its metrics one below the other, a colour a lambda."""
    for ax, (metric, _) in zip(axes, rows, strict=True):
        for i, group in enumerate(groups):
            if metric in group["measured"]:
                _theory(ax, group, metric, i)
                _seeds(ax, group, metric, i)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.margins(y=0.08)


def _entries(biases: list[float]) -> list[Line2D]:
    """Entries of the legend: colours, then what lines mean."""
    shown = [
        Line2D(
            [], [], color=COLOURS[i], marker=MARKERS[i], mfc="white", label=f"measured, λ = {b:g}"
        )
        for i, b in enumerate(biases)
    ]
    theory = [
        Line2D([], [], color=BLACK, ls=dash, lw=1.0, label=f"predicted, {name}")
        for name, dash in LINES.items()
    ]
    return [*shown, *theory, Line2D([], [], color=GREY, ls=DASHES[2], lw=0.8, label="real data")]


def _limits(axes: Sequence[Axes], groups: list[Numbers], metric: str) -> None:
    """Show what was measured, and as much above it; a band may go on."""
    seen = [v for g in groups if metric in g["measured"]
            for v in (*g["measured"][metric]["middle"], g["measured"][metric]["real"])]  # fmt: skip
    if not seen:
        return
    if metric == "recall":
        axes[0].set_ylim(min(0.5, 0.9 * min(seen)), 1.02)
    elif metric == "fid":
        axes[0].set_yscale("log")
        positive = [v for v in seen if v > 0]
        axes[0].set_ylim(0.6 * min(positive), 2.5 * max(positive))
        _plain(axes[0])
    else:
        axes[0].set_ylim(0, 1.35 * max(seen))


def _plain(ax: Axes) -> None:
    """Label a logarithmic axis by plain numbers."""
    low, high = ax.get_ylim()
    ticks = [m * 10.0**k for k in range(-5, 5) for m in (1, 3)]
    plain_log(ax, y=[x for x in ticks if low <= x <= high])
    ax.set_ylim(low, high)


def draw_curves(numbers: Numbers, *, columns: Sequence[tuple[str, str, str]], rows: Any) -> Figure:
    """Curves of the loops (family, data, kind), a column each."""
    found = [
        [g for g in numbers["groups"] if (g["family"], g["data"], g["kind"]) == key]
        for key in columns
    ]
    shown = [(key, groups) for key, groups in zip(columns, found, strict=True) if groups]
    if not shown:
        return _missing("No curve of this family has been committed yet.")
    fig = figure(1.05 * len(rows) + 0.7)  # two of three rows share a page in print
    axes = fig.subplots(len(rows), len(shown), sharex="col", sharey="row", squeeze=False)
    # What all columns share is the caption's to say.
    families, data = ({key[i] for key, _ in shown} for i in (0, 1))
    for k, (key, groups) in enumerate(shown):
        _column(axes[:, k], groups, rows)
        seeds = sorted({len(g["seeds"]) for g in groups})
        number = " to ".join(map(str, dict.fromkeys((seeds[0], seeds[-1]))))
        title = subject(*key[:2]) if len(data) > 1 else MODELS.get(key[0], key[0])
        title = loop_name(key[2]) if len(families) == len(data) == 1 else title
        panel(axes[0, k], _LETTERS[k], f"{title}\n{number} seed{'s' if seeds[-1] > 1 else ''}")
        axes[-1, k].set_xlabel("generation $t$")
    every = [g for _, groups in shown for g in groups]
    for ax, (metric, label) in zip(axes, rows, strict=True):
        _limits(ax, every, metric)
        ax[0].set_ylabel(label)
    longest = max((groups for _, groups in shown), key=len)
    fig.legend(handles=_entries([g["bias"] for g in longest]), loc="outside lower center", ncol=3)
    return fig


_KINDS = ("synthetic", "augmentation", "fresh")


def _images(numbers: Numbers, family: str) -> Figure:
    columns = [(family, "fashion-8", kind) for kind in _KINDS]
    return draw_curves(numbers, columns=columns, rows=ROWS)


def draw_ddpm(numbers: Numbers) -> Figure:
    """DDPM on images."""
    return _images(numbers, "ddpm")


def draw_wgan_gp(numbers: Numbers) -> Figure:
    """WGAN-GP on images."""
    return _images(numbers, "wgan_gp")


def draw_stylegan2(numbers: Numbers) -> Figure:
    """StyleGAN2 on images."""
    return _images(numbers, "stylegan2")


def draw_ladder(numbers: Numbers) -> Figure:
    """Models on Gaussian data."""
    families = ("linear", "flow", "glow", "ddpm", "wgan_gp")
    columns = [(family, "spectrum-8", "synthetic") for family in families]
    return draw_curves(numbers, columns=columns, rows=FLAT)


def draw_plane(numbers: Numbers) -> Figure:
    """Glow in the plane."""
    columns = [("glow", data, "synthetic") for data in ("rosenbrock", "modes-25")]
    return draw_curves(numbers, columns=columns, rows=FLAT)


# --- spectra -------------------------------------------------------------------------------------


def _spectrum(ax: Axes, groups: list[Numbers]) -> None:
    """Bias of each direction against its share, a marker a loop, all seeds."""
    for i, group in enumerate(groups):
        found: Any = group["spectrum"]
        style: Any = {"marker": MARKERS[i], "color": COLOURS[i]}
        for j, row in enumerate(found["rows"]):
            x, y, low, high = (
                array(v) for v in (found["shares"], row["bias"], row["low"], row["high"])
            )
            whole = group["kind"] == "synthetic"  # of two generations bars would fill the panel
            bars = np.clip([y - low, high - y], 0, None) if whole else None
            label = f"{loop_name(group['kind'])}, λ = {group['bias']:g}" if j == 0 else None
            place = x * 1.06 ** (i - 1) * 1.02**j
            ax.errorbar(place, y, bars, ls="none", ms=2.6, mew=0.7, mfc="white",
                        elinewidth=0.4, alpha=0.85, label=label, **style)  # fmt: skip
    level(ax, 1.0, GREY, ls=DASHES[2])
    ax.set_xscale("log")
    ax.set_xlim(0.6 * min(min(g["spectrum"]["shares"]) for g in groups if g["spectrum"]), 1.0)
    if ax.get_xlim()[0] > 0.1:
        plain_log(ax, x=[0.2, 0.3, 0.5, 1.0])
    # All estimates, and the bars drawn.
    rows = [row for group in groups for row in group["spectrum"]["rows"]]
    sure = [row for g in groups if g["kind"] == "synthetic" for row in g["spectrum"]["rows"]]
    seen = [array(row["bias"]) for row in rows]
    least = float(np.concatenate([*seen, *(array(row["low"]) for row in sure)]).min())
    most = float(np.concatenate([*seen, *(array(row["high"]) for row in sure)]).max())
    # The legend, a line a group, stands above the bars.
    room = 0.08 + 0.14 * len(groups) + 0.02 * len(groups) ** 2
    ax.set_ylim(max(0.0, least - 0.02), most + room * (most - least))
    ax.legend(loc="upper right", handletextpad=0.2, borderpad=0.1, fontsize=7)


def draw_spectra(numbers: Numbers) -> Figure:
    """Estimated spectra of biases of every committed curve, a panel a model."""
    by: dict[tuple[str, str], list[Numbers]] = {}
    for group in numbers["groups"]:
        if group["spectrum"] is not None:
            by.setdefault((group["family"], group["data"]), []).append(group)
    if not by:
        return _missing("No curve has been committed yet.")
    rows = -(-len(by) // 3)
    fig = figure(2.0 * rows + 0.3)
    axes = fig.subplots(rows, 3, squeeze=False).ravel()
    for k, (ax, (key, groups)) in enumerate(zip(axes, by.items(), strict=False)):
        _spectrum(ax, groups)
        panel(ax, _LETTERS[k], subject(*key))
        ax.set_xlabel("share of the real variance")
        if k % 3 == 0:
            ax.set_ylabel(r"$\lambda_k$ of the direction")
    for ax in axes[len(by) :]:
        ax.set_axis_off()
    return fig


# --- samples -------------------------------------------------------------------------------------


def draw_grids(numbers: Numbers) -> Figure:
    """Samples by generation, as they are committed for each family."""
    shown = numbers["grids"]
    if not shown:
        return _missing("No samples have been committed yet.")
    images = [imread(compared.DATA / "grids" / f"{one['name']}.png") for one in shown]
    ratios = [image.shape[0] / image.shape[1] for image in images]
    fig = figure(min(8.2, 6.3 * sum(ratios) + 0.4 * len(shown)))
    axes = fig.subplots(len(shown), 1, height_ratios=ratios, squeeze=False).ravel()
    for k, (ax, one, image) in enumerate(zip(axes, shown, images, strict=True)):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
        n = len(one["generations"])
        centres = (np.arange(n) + 0.5) * image.shape[1] / n
        ax.set_xticks(centres, ["real" if t == 0 else f"$t$ = {t}" for t in one["generations"]])
        ax.tick_params(length=0)
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
        panel(ax, _LETTERS[k], one["title"])
    return fig


def draw_maps(numbers: Numbers) -> Figure:
    """Samples among their real neighbours (t-SNE), a row a curve, a column a generation."""
    shown = [compared.read_map(one["name"]) for one in numbers["maps"]]
    if not shown:
        return _missing("No map has been committed yet.")
    columns = max(len(one["generations"]) for one in shown)
    fig = figure(1.4 * len(shown))
    axes = fig.subplots(len(shown), columns, squeeze=False)
    for ax in axes.ravel():
        ax.set_axis_off()
    for k, (row, one) in enumerate(zip(axes, shown, strict=True)):
        real = one["places"][0]
        limits = [(c.min() - 3, c.max() + 3) for c in real.T]
        for ax, t, x, labels, share in zip(
            row, one["generations"], one["places"], one["labels"], one["between"], strict=False
        ):
            if t:
                ax.plot(*real.T, ".", color="0.85", ms=1, mew=0, rasterized=True)
            ax.scatter(*x.T, s=1.6, lw=0, zorder=3, c=[CLASSES[c] for c in labels], rasterized=True)
            ax.set(xlim=limits[0], ylim=limits[1])
            where = "real" if t == 0 else f"$t$ = {t}"
            ax.set_title(f"{where}: {share:.2f}", fontsize=7, loc="center", pad=2)
        row[0].set_title(f"\n{row[0].get_title()}", fontsize=7, loc="center", pad=2)  # room above
        name = row[0].annotate(
            f"({_LETTERS[k]}) {one['title']}", (0, 1), (0, 13), xycoords="axes fraction",
            textcoords="offset points", fontsize=8,
        )  # fmt: skip
        name.set_in_layout(False)
    return fig
