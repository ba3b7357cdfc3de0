"""The tables of the report: numbers in, one description of a table out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from madtheory.reports.captions import errata as all_errata
from madtheory.reports.tables import Column, Table, number, plus_minus, pretty, words

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "claims",
    "constants",
    "digits",
    "digits_loops",
    "errata",
    "fraction_points",
    "limits",
    "points",
    "times",
]


def claims(numbers: Mapping[str, Any]) -> Table:
    """Theory, simulation, z, power and status of every claim."""
    columns = [
        Column("claim", "statement", pretty, 27),
        Column("where", "reference", words, 12),
        Column("status", "status", words, 12),
        Column("theory", "predicted", number(4), 10),
        Column("simulation", "estimate_se", plus_minus(4), 17),
        Column("$z$", "z", number(2), 7),
        Column("power", "power", number(3), 8),
        Column("mutant", "mutant", pretty, 17),
        Column("rejected", "mutant_rejected", words, 9),
        Column("passed", "passed", words, 8),
    ]
    return Table(columns, numbers["claims"])


def times(numbers: Mapping[str, Any]) -> Table:
    """Bounds and simulated medians of the time to collapse."""
    columns = [
        Column("$d$", "dim", number()),
        Column("$\\lambda$", "bias", number()),
        Column("$n_s$", "n_synth", number()),
        Column("lower bound", "lower", number()),
        Column("simulated median", "simulated", number()),
        Column("95 % from", "low", number()),
        Column("to", "high", number()),
        Column("upper bound", "upper", number()),
    ]
    return Table(columns, numbers["medians"])


def limits(numbers: Mapping[str, Any]) -> Table:
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


def points(numbers: Mapping[str, Any]) -> Table:
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


def fraction_points(numbers: Mapping[str, Any]) -> Table:
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


def digits(numbers: Mapping[str, Any]) -> Table:
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


def digits_loops(numbers: Mapping[str, Any]) -> Table:
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


def constants(numbers: Mapping[str, Any]) -> Table:
    """Bound and minimum at a few eps."""
    rows = []
    for item in numbers["constants"]:
        for i in range(0, len(item["eps"]), max(1, len(item["eps"]) // 4)):
            keys = ("eps", "bound", "minimum", "largest_weight")
            rows.append({"dim": item["dim"], "dof": item["dof"], **{k: item[k][i] for k in keys}})
    columns = [
        Column("$d$", "dim", number()),
        Column("$m$", "dof", number()),
        Column("$\\varepsilon$", "eps", number()),
        Column("explicit $c$", "bound", number(3)),
        Column("minimum", "minimum", number(3)),
        Column("largest weight there", "largest_weight", number(3), 14),
    ]
    return Table(columns, rows)


def errata(_numbers: Mapping[str, Any]) -> Table:
    """The errata; their placeholders are filled later, from all sections."""
    columns = [
        Column("where", "where", words, 13),
        Column("printed", "printed", words, 28),
        Column("right", "correct", words, 28),
        Column("shown by", "evidence", words, 26),
        Column("claim", "claim", lambda c: str(c) or "–", 16),
    ]
    return Table(columns, [asdict(item) for item in all_errata()])
