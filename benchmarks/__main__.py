"""Ratios measured in one run: python -m benchmarks [ROOM ...] [--memory] [--json F] [--figure F].

Every ratio compares two things timed one after the other on the same machine; each time is the
least of several. A busy machine still spoils the ratio of threads.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import cli, deep_throughput, engine, figure, metrics, modes, scale, simulate

#: Benchmarks by room and name; `memory` is added below.
BENCHMARKS: dict[str, dict[str, Callable[[], dict[str, float]]]] = {
    "simulate": {
        "fresh_d100_n11000": simulate.fresh_against_plain,
        "collapse_d1": simulate.one_dimension,
        "collapse_d100": simulate.shares,
        "two_threads": simulate.threads,
        "free_of_n": simulate.free_of_n,
        "every_field": simulate.every_field,
    },
    "scale": {
        "limit_d100": scale.limit,
        "figure_11": scale.figure_11,
        "baseline_d100": scale.baseline_100,
        "plain_point": scale.plain_point,
        "small_d3": scale.small,
        "against_d": scale.against_d,
        "against_n": scale.against_n,
    },
    "cli": {"start_up": cli.start_up},
    "engine": {"engine": engine.bookkeeping},
    "modes": {
        "idealised_modes": modes.idealised_loop,
        "wright_fisher": modes.wright_fisher_exact,
    },
    "metrics": {
        "precision_recall": metrics.precision_recall_vs_prdc,
        "fid": metrics.fid_speed,
        "metrics_1e5": metrics.memory_1e5,
    },
    "deep": {
        "overhead": deep_throughput.overhead,
        **{name: partial(deep_throughput.throughput, name) for name in deep_throughput.TIMED},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help="one of " + ", ".join(BENCHMARKS))
    parser.add_argument("--memory", action="store_true", help="10^5 replicates: some minutes")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    parser.add_argument("--figure", type=Path, help="draw cost against d and n (room scale) here")
    options = parser.parse_args()
    if unknown := set(options.rooms) - set(BENCHMARKS):
        parser.error(f"no room {', '.join(sorted(unknown))}: {', '.join(BENCHMARKS)}")
    replicates = 100_000 if options.memory else 2_000
    BENCHMARKS["simulate"]["memory"] = lambda: simulate.memory(replicates)
    results = {}
    for room in options.rooms or BENCHMARKS:
        for name, run in BENCHMARKS[room].items():
            results[name] = run()
            line = "  ".join(f"{key} {value:.3g}" for key, value in results[name].items())
            print(f"{name:18} {line}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    if options.figure:
        figure.draw(results, options.figure)


main()
