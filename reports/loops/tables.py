"""Table of memory, augmentation, growing pools and weights."""

from __future__ import annotations

from madtheory.reports._types import Numbers
from madtheory.reports.formats import Column, Table, number, plus_minus, words


def three(numbers: Numbers) -> Table:
    """The three loops of the paper: what it says of them, and what the theory says."""
    one, less = numbers["verdicts"]
    many, few = number(3), number(2)
    dies = "MAD: every path dies, half-life {} generations"
    rows = [
        {
            "loop": "fully synthetic",
            "paper": "quality or diversity decreases (Section 3)",
            "one": dies.format(few(one["half_life"])) + "; $E\\,W_2^2$ grows for ever",
            "less": dies.format(few(less["half_life"]))
            + f"; $E\\,W_2^2 \\to$ {many(less['dead_limit'])}",
        },
        {
            "loop": "augmentation, replaced",
            "paper": "fixed real data only delay the inevitable (Section 4)",
            "one": f"held, at a loss: worth {many(one['fixed'])} of its real data for ever",
            "less": f"held, at a loss: worth {many(less['fixed'])} of them",
        },
        {
            "loop": "augmentation, growing pool",
            "paper": "the same (Section 4)",
            "one": f"held: the mean is worth {many(one['pool_mean'])} of the real data",
            "less": f"dies slowly, like $t^{{-{less['exponent']:.2g}}}$: delayed indeed",
        },
        {
            "loop": "fresh data",
            "paper": "with enough of it no degradation (Section 5)",
            "one": f"held, at a gain: worth {many(one['fresh'])} of its real data",
            "less": f"held: worth {many(less['fresh'])} of them",
        },
    ]
    columns = [
        Column("loop", "loop", words, 13),
        Column("the paper says", "paper", words, 22),
        Column(f"theory, $\\lambda$ = {one['bias']:g}", "one", words, 28),
        Column(f"theory, $\\lambda$ = {less['bias']:g}", "less", words, 28),
    ]
    return Table(columns, rows)


def digits_loops(numbers: Numbers) -> Table:
    """The other loops on the digits at their last generation."""
    columns = [
        Column("loop", "loop", words, 20),
        Column("$\\lambda$", "bias", number(), 6),
        Column("$t$", "t", number(), 5),
        Column(
            "$E\\,\\mathrm{tr}\\,\\Sigma_t$ / $\\mathrm{tr}\\,\\Sigma_0$", "trace", number(5), 13
        ),
        Column("simulation", "trace_simulated", plus_minus(5), 18),
        Column("$E\\,W_2^2$", "theory", number(5)),
        Column("declared error", "declared", number(2), 10),
        Column("simulation ", "simulation", plus_minus(5), 18),
        Column("$z$", "z", number(2), 6),
        Column("$n_e/n_r$ at the limit", "gain", number(3), 10),
    ]
    return Table(columns, numbers["rows"])
