"""The figure of a deep run: its points are the curve's, its floor that of real data."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from madtheory.deep.curves import Curve
from madtheory.reports import style
from madtheory.reports.deep.one_run import draw_run, shown

T = 4


def curve(classes: bool) -> Curve:
    rng = np.random.default_rng(0)
    rows = np.sort(rng.random((4, T, 3)), axis=2)[..., [1, 0, 2]]
    names = ("fid", "w2_squared", "precision", "recall")
    metrics: dict[str, Any] = dict(zip(names, rows, strict=True))
    metrics |= {name: rng.random(T) for name in ("trace", *["trace_within"] * classes)}
    real = {name: values[0] * 0.5 for name, values in metrics.items()}
    return Curve("", {}, 0, 1.0, "", "", {}, {}, 1, real, np.arange(1, T + 1), metrics)


def lines(ax: Any) -> list[list[float]]:
    return [np.asarray(line.get_ydata()).tolist() for line in ax.lines]


def samples(*shape: int) -> dict[int, dict[str, Any]]:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 255, shape).astype(np.uint8) if len(shape) == 4 else rng.random(shape)
    return {t: {"x": x, "labels": np.arange(len(x)) % 10} for t in shown(T)}


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    ("shape", "panels"),
    [((60, 1, 8, 8), 3 + 5), ((60, 3, 8, 8), 3 + 5), ((60, 2), 3 + 5), ((60, 1), 3)],
)
@pytest.mark.parametrize("classes", [True, False])
def test_panels_hold_the_curve(shape: tuple[int, ...], panels: int, classes: bool) -> None:
    found = curve(classes)
    with style.styled():
        fig = draw_run(found, samples(*shape))
        assert style.render(fig, "png")[1:4] == b"PNG"
    axes = {ax.get_title(loc="left"): ax for ax in fig.axes}
    assert len(fig.axes) == panels
    for title, names in (
        ("(a) FID", ["fid"]),
        ("(b) precision and recall", ["precision", "recall"]),
        ("(c) total variance", ["trace", "trace_within"] if classes else ["trace"]),
    ):
        drawn = lines(axes[title])
        for name in names:
            values = found.metrics[name]
            assert (values if values.ndim == 1 else values[:, 0]).tolist() in drawn
            assert [np.atleast_1d(found.real[name])[0]] * 2 in drawn
    assert axes["(c) total variance"].get_ylim()[0] == 0.0
