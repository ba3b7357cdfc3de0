"""The cost of an answer against d and n, as a figure: python -m benchmarks scale --figure FILE."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Keys before the number in the results, and what they are.
BY_D = {"us_d": "a simulated generation", "us_w2_d": "the same, with W2²", "us_limit_d": "a limit"}
BY_N = {"us_n1e": "a simulated generation, with W2²", "us_limit_n1e": "a limit"}
#: Marks of what takes the time, in both.
MARKS = {"us_d": "C0o-", "us_w2_d": "C1s-", "us_limit_d": "C2^-"}
MARKS |= {"us_n1e": "C1s-", "us_limit_n1e": "C2^-"}


def _lines(ax: Axes, found: dict[str, float], kinds: dict[str, str], *, power: bool) -> None:
    """Seconds of each kind against the number that ends its key."""
    for start, label in kinds.items():
        ends = (key.removeprefix(start) for key in found if key.startswith(start))
        at = sorted(int(end) for end in ends if end.isdigit())
        x = [10.0**k if power else float(k) for k in at]
        ax.loglog(x, [1e-6 * found[f"{start}{k}"] for k in at], MARKS[start], label=label)
    ax.legend(frameon=False)
    ax.grid(alpha=0.3)


def draw(found: dict[str, dict[str, float]], path: Path) -> None:
    """Draw what `against_d` and `against_n` found."""
    with mpl.rc_context({"svg.hashsalt": "madtheory", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _lines(left, found["against_d"], BY_D, power=False)
        left.set(xlabel="d", ylabel="seconds", title="n_real = 10⁴, n_synth = 10⁵")
        _lines(right, found["against_n"], BY_N, power=True)
        right.set(xlabel="n_real = n_synth", title="d = 30", ylim=(1e-6, 1))
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
