"""Table of memory, augmentation, growing pools and weights."""

from __future__ import annotations

from madtheory.reports._types import Numbers
from madtheory.reports.formats import Column, Table, number, plus_minus, words


def digits_loops(numbers: Numbers) -> Table:
    """The other loops on the digits at their last generation."""
    columns = [
        Column("loop", "loop", words, 20),
        Column("$\\lambda$", "bias", number(), 6),
        Column("$t$", "t", number(), 5),
        Column("$E\\,\\mathrm{tr}\\,\\Sigma_t$ / tr $\\Sigma_0$", "trace", number(5), 13),
        Column("simulation", "trace_simulated", plus_minus(5), 18),
        Column("$E\\,W_2^2$", "theory", number(5)),
        Column("declared error", "declared", number(2), 10),
        Column("simulation ", "simulation", plus_minus(5), 18),
        Column("$z$", "z", number(2), 6),
        Column("$n_e/n_r$ at the limit", "gain", number(3), 10),
    ]
    return Table(columns, numbers["rows"])
