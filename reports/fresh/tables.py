"""Tables of the fresh data loop."""

from __future__ import annotations

from madtheory.reports._types import Numbers
from madtheory.reports.formats import Column, Table, number, plus_minus, words


def limits(numbers: Numbers) -> Table:
    """Limit, rate and effective size beside what the simulation ends with."""
    rows = []
    for limit, last, spread in zip(
        numbers["limits"], numbers["last"], numbers["spread"], strict=True
    ):
        rows += [
            {**limit, "spread": spread, "n_initial": item["n_initial"],
             "simulation": [item["value"], item["se"]]}
            for item in last
        ]  # fmt: skip
    columns = [
        Column("$\\lambda$", "bias", number()),
        Column("$n_{ini}$", "n_initial", number(6)),
        Column("limit of $E\\,W_2^2$", "value", number(), 14),
        Column("declared relative error", "rel_error", number(2), 14),
        Column("simulation", "simulation", plus_minus(), 18),
        Column("forgetting rate", "forgetting_rate", number(), 12),
        Column("half-life", "half_life", number(3)),
        Column("$n_e$", "n_eff", number()),
    ]
    return Table(columns, rows)


def points(numbers: Numbers) -> Table:
    """Simulated points of Figures 11 and 12."""
    columns = [
        Column("$n_r$", "n_real", number(6)),
        Column("$n_s$", "n_synth", number(6)),
        Column("$\\lambda$", "bias", number()),
        Column("limit, theory", "theory", number(), 13),
        Column("limit, simulated", "limit", plus_minus(), 20),
        Column("$n_r$ real samples only", "baseline", plus_minus(), 20),
        Column("$z$", "z", number(3)),
    ]
    return Table(columns, numbers["points"])


def fraction_points(numbers: Numbers) -> Table:
    """Simulated points of Figure 31."""
    curves = numbers["fractions"] + numbers["biases"][1:]
    columns = [
        Column("$p$", "p", number()),
        Column("$\\lambda$", "bias", number()),
        Column("$n$", "n", number(7)),
        Column("theory", "theory", number()),
        Column("declared relative error", "rel_error", number(2), 14),
        Column("simulation", "simulation", plus_minus(), 20),
    ]
    return Table(columns, [point for curve in curves for point in curve["simulated"]])


_QUANTITIES = {
    "mean_sq": "$E\\,\\Vert\\mu_t-\\mu_0\\Vert^2$",
    "trace": "$E\\,\\mathrm{tr}\\,\\Sigma_t$",
    "w2_squared": "$E\\,W_2^2$",
}


def digits(numbers: Numbers) -> Table:
    """Both loops on the digits at three generations."""
    columns = [
        Column("loop", "loop", words, 15),
        Column("$\\lambda$", "bias", number()),
        Column("quantity", "quantity", _QUANTITIES.__getitem__, 14),
        Column("$t$", "t", number()),
        Column("theory", "theory", number(5)),
        Column("declared error", "declared", number(2), 12),
        Column("simulation", "simulation", plus_minus(5), 20),
        Column("$z$", "z", number(2)),
    ]
    return Table(columns, numbers["rows"])
