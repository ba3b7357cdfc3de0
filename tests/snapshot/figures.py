"""What a matplotlib figure shows, in numbers and words: nothing is rendered, no font matters.

Arrays are told as in ``told.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.container import Container
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.transforms import Transform

from tests.snapshot.told import WHOLE, rounded, told

# --- artists -------------------------------------------------------------------------------------


def _colour(value: Any) -> Any:
    """A colour, or several, as letters and digits; `none` stays."""
    if isinstance(value, str) and value.lower() == "none":
        return "none"
    rows = np.asarray(value, dtype=object)
    if rows.ndim == 2:
        names = [to_hex(row, keep_alpha=True) for row in value]
        return names if len(names) <= WHOLE else {x: names.count(x) for x in sorted(set(names))}
    return to_hex(value, keep_alpha=True)


def _line(x: Line2D) -> dict[str, Any]:
    return {
        "x": told(np.asarray(x.get_xdata(), dtype=np.float64)),
        "y": told(np.asarray(x.get_ydata(), dtype=np.float64)),
        "style": [
            _colour(x.get_color()), str(x.get_linestyle()), rounded(x.get_linewidth()),
            str(x.get_marker()), rounded(x.get_markersize()), _colour(x.get_markerfacecolor()),
        ],
        "dashes": repr(x._unscaled_dash_pattern),  # type: ignore[attr-defined]
    }  # fmt: skip


def _collection(x: Collection, ax: Axes | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "face": _colour(x.get_facecolor()),
        "edge": _colour(x.get_edgecolor()),
        "width": told(x.get_linewidth()),
    }
    if isinstance(x, PathCollection):
        found["offsets"], found["sizes"] = told(x.get_offsets()), told(x.get_sizes())
    elif isinstance(x, LineCollection):
        parts = x.get_segments()
        found["segments"] = told(np.concatenate(parts)) if parts else []
    else:
        found["paths"] = [told(path.vertices) for path in x.get_paths()]
    if isinstance(x, ContourSet):
        found["levels"] = told(x.levels)
    return found | _mapped(x)


def _mapped(x: Any) -> dict[str, Any]:
    """Values that are shown as colours, and the colours."""
    values = x.get_array()
    if values is None:
        return {}
    colours = x.to_rgba(np.asarray(values).ravel()) if np.ndim(values) < 3 else values
    return {"values": told(values), "limits": told(x.get_clim()), "colours": told(colours)}


def _image(x: AxesImage) -> dict[str, Any]:
    return {"extent": told(x.get_extent()), "origin": x.origin, **_mapped(x)}


def _place(x: Artist, transform: Transform, ax: Axes | None) -> str:
    """In which units an artist stands."""
    if ax is not None:
        for name in ("transData", "transAxes"):
            if transform == getattr(ax, name):
                return name
    return type(transform).__name__


def _text(x: Text, ax: Axes | None) -> dict[str, Any]:
    place = told(np.asarray(x.get_position(), dtype=np.float64))
    return {"text": x.get_text(), "at": place, "units": _place(x, x.get_transform(), ax),
            "aligned": f"{x.get_horizontalalignment()} {x.get_verticalalignment()}",
            "colour": _colour(x.get_color()), "size": rounded(x.get_fontsize()),
            "turned": rounded(x.get_rotation())}  # fmt: skip


def _legend(x: Legend) -> dict[str, Any]:
    handles = [
        [type(h).__name__, _colour(h.get_color()) if isinstance(h, Line2D) else ""]
        for h in x.legend_handles
    ]
    return {"words": [t.get_text() for t in x.get_texts()], "handles": handles,
            "title": x.get_title().get_text(), "columns": x._ncols,  # type: ignore[attr-defined]
            "place": str(x._loc)}  # type: ignore[attr-defined]  # fmt: skip


def artist(x: Artist, ax: Axes | None) -> dict[str, Any]:
    """What one artist shows."""
    match x:
        case Line2D():
            found = _line(x)
        case AxesImage():
            found = _image(x)
        case Collection():
            found = _collection(x, ax)
        case Patch():
            vertices = x.get_transform().transform(x.get_path().vertices)
            inside = (x.get_transform() - ax.transData) if ax is not None else None
            shown = inside.transform(x.get_path().vertices) if inside is not None else vertices
            found = {"face": _colour(x.get_facecolor()), "path": told(shown)}
        case Text():
            found = _text(x, ax)
        case Legend():
            found = _legend(x)
        case _:
            found = {}
    label = x.get_label()
    words = {} if not label or str(label).startswith("_") else {"label": str(label)}
    layer = {"alpha": x.get_alpha(), "layer": rounded(x.get_zorder())}
    return {"kind": type(x).__name__, **words, **found, **layer}


def _axis(ax: Axes, name: str) -> dict[str, Any]:
    """Label, scale, limits and ticks of an axis."""
    axis = getattr(ax, f"{name}axis")
    low, high = getattr(ax, f"get_{name}lim")()
    return {
        "label": getattr(ax, f"get_{name}label")(),
        "scale": getattr(ax, f"get_{name}scale")(),
        "limits": told([low, high]),
        "ticks": told([t for t in axis.get_majorticklocs() if low <= t <= high]),
        "words": [t.get_text() for t in axis.get_ticklabels()],
    }


def _titles(ax: Axes) -> list[str]:
    return [text for where in ("left", "center", "right") if (text := ax.get_title(where))]


def axes(ax: Axes) -> dict[str, Any]:
    """All that one panel shows."""
    own = {ax.patch, ax.title, ax._left_title, ax._right_title}  # type: ignore[attr-defined]
    own |= {ax.xaxis, ax.yaxis, *ax.spines.values()}
    shown = [x for x in ax.get_children() if x not in own and x.get_visible()]
    legend = ax.get_legend()
    found = {
        "title": _titles(ax),
        "x": _axis(ax, "x"),
        "y": _axis(ax, "y"),
        "drawn": [artist(x, ax) for x in shown if x is not legend],
        "bars": [type(c).__name__ for c in ax.containers if isinstance(c, Container)],
        "shown": ax.axison,
    }
    return found | ({"legend": artist(legend, ax)} if legend is not None else {})


def _more(fig: FigureBase) -> Iterator[dict[str, Any]]:
    """What a figure shows beside its panels; parts of it that are figures, likewise."""
    own: Iterable[Any] = (fig.patch, *fig.axes)
    for x in fig.get_children():
        if isinstance(x, FigureBase):
            yield {"kind": "part", "beside": list(_more(x))}
        elif x not in own:
            yield artist(x, None)


def figure(fig: Figure) -> dict[str, Any]:
    """All that a figure shows: its size, panels, and what lies beside them."""
    return {
        "size": told(fig.get_size_inches()),
        "panels": [axes(ax) for ax in fig.axes],
        "places": [repr(ax.get_subplotspec()) for ax in fig.axes],
        "beside": list(_more(fig)),
    }
