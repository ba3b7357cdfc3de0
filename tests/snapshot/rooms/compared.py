"""Committed curves beside the theory, step by step; the simulator in torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from madtheory.deep import (
    curves,
    gaussian,
)
from madtheory.deep.compare import (
    bands,
    compare,
    comparison,
    frame,
    observed,
    recall,
    rules,
    versions,
)
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.simulate import QUANTITIES
from tests.snapshot.rooms.runs import loops
from tests.snapshot.rooms.small import COMMITTED, Found
from tests.snapshot.told import answer, put, whole

FEW = {"REPLICATES": 40, "N_RECALL": 150, "SEEDS_RECALL": 1, "LOOPS_RECALL": 2, "N_LOOPED": 80}


CURVES = {
    "linear-spectrum-8-synthetic-0.95-s4": None,
    "ddpm-fashion-8-synthetic-0.5-s0": None,
    "ddpm-fashion-8-fresh-0.5-s0": "ddpm-fashion-8-synthetic-0.5-s0",
}


def compared() -> Found:
    with put(rules, **FEW):
        for name, source in CURVES.items():
            curve = cut_curve(name)
            other = None if source is None else cut_curve(source)
            found = compare(curve, calibrate=other, seed=1)
            parts = [(x.errors, x.error, x.share_within, x.reaches_goal) for x in found.readings]
            yield f"compare {name}", whole([found, parts, found.predicts])
        for name in ("ddpm-fashion-8-synthetic-0.5-s0", "ddpm-fashion-8-fresh-0.5-s0"):
            yield from parts_of(name)
    yield "frames", whole({name: framed(loop) for name, loop in loops().items()})
    yield (
        "ratios",
        whole(
            {
                name: frame.bias_of_ratio(loop, np.array([-9.0, 0.5, 0.9, 1.0, 1.2, 99.0]))
                for name, loop in loops().items()
            }
        ),
    )
    s = frame.Spectrum.of(np.array([2.0, 1.0, 0.5]))
    yield (
        "added",
        whole(
            [
                frame.added(n, b, s, x)
                for n in (2, 9, 400)
                for b, x in ((1.0, 0.0), (0.5, 0.7), (2.0, 50.0))
            ]
        ),
    )
    yield (
        "sizes",
        whole(
            [
                frame.fitted_size(e, b, np.array([2.0, 1.0]), x)
                for e in (9.0, 0.3, 1e-3, 1e-9, -1.0)
                for b, x in ((1.0, 0.0), (0.6, 0.5))
            ]
        ),
    )
    yield (
        "smooth",
        whole(
            [
                frame.Smooth.of(lambda b: np.array([b, b**2]), 0.5, 1.5, 4),
                frame.Smooth.of(lambda b: np.array([b, b**2]), 0.5, 1.5, 4)(
                    np.array([0.1, 0.7, 2.0])
                ),
            ]
        ),
    )
    for name, loop in loops().items():
        given = (
            np.arange(8.0).reshape(2, 4) + 1,
            np.array([0.1, -0.2]),
            np.array([2.0, 0.0]),
            1 + 0.1 * np.arange(8.0).reshape(2, 4),
        )
        yield f"between {name}", whole(versions.between_path(loop, *given))
    yield (
        "filled",
        whole(
            [
                observed.filled(np.array(d), t)
                for d, t in (([4.0, 2.0], 11.0), ([1.0, 0.0, 3.0], 4.0), ([2.0], 2.5))
            ]
        ),
    )
    yield (
        "ends",
        whole(
            [
                comparison._ends(2.0, np.array([1.0, 4.0, 2.0])),
                bands._quantiles(np.arange(12.0).reshape(4, 3)),
                bands._padded(np.array([1.0, 2.0]), 4),
                bands._padded(np.ones(4), 4),
            ]
        ),
    )
    yield from refused_curves()


def framed(loop: Loop) -> Any:
    at = frame.Frame(loop, np.array([2.0, 1.0]), 4, 0.5, 20.0, np.array([0.9, 0.8]))
    biases = np.array([[0.9], [0.5]])
    return [
        frame.scaled(loop, 0.1, 0.7),
        frame.scaled(loop, 1e9, 1.2),
        at.course(biases),
        at.course_of_class(3)(biases),
        at.distance(0.8, at.spectrum),
        at.noise_in(at.spectrum, 0.9)(biases),
    ]


def cut_curve(name: str) -> curves.Curve:
    """A committed curve's first generations: a comparison takes less."""
    curve = curves.read(COMMITTED / f"{name}.json")
    metrics = {key: x[:4] for key, x in curve.metrics.items()}
    return replace(curve, generations=curve.generations[:4], metrics=metrics)


def parts_of(name: str) -> Found:
    """What a comparison is made of, step by step."""
    seen = observed.observed(cut_curve(name))
    yield f"observed {name}", whole([seen, seen.real.blocks, seen.real.spectrum, seen.real.parts])
    for version in versions.VERSIONS:
        numbers, n = bands.fit(version, seen)
        size = bands.worth_at_most(n, seen)
        at = bands.setting(version, seen, numbers, size / seen.loop.n_initial, size)
        full = bands.estimate(at, bands.start_of(seen), at.own)
        path = versions.course(version, at.frame, seen.real, full, at.own)
        drawn, course, noisy = bands.outcomes(at, full, 3)
        law = recall.recall_path(version, seen.real, path)
        yield (
            f"{version} {name}",
            whole(
                {
                    "numbers": numbers,
                    "n": n,
                    "size": size,
                    "full": full,
                    "path": path,
                    "predicted": bands.predict(at, full, at.own),
                    "drawn": drawn,
                    "course": course,
                    "noisy": noisy,
                    "recall": law,
                    "moved": law.moved(np.full((2, 4), -0.7)),
                    "noise": bands._recall_noise(at, law),
                    "declared": bands._declared(at, full, np.full(4, 0.1)),
                    "sizes": bands._sizes(at, 300.0),
                    "scale": versions.seen_scale(version, seen.real),
                    "spread": versions.Spread.of(seen.real, 50.0),
                }
            ),
        )


def refused_curves() -> Found:
    curve = cut_curve("ddpm-fashion-8-synthetic-0.5-s0")

    def without(key: str) -> curves.Curve:
        return replace(curve, metrics={k: v for k, v in curve.metrics.items() if k != key})

    def bad(key: str) -> curves.Curve:
        return replace(curve, metrics=curve.metrics | {key: curve.metrics[key] * np.nan})

    one = replace(
        curve,
        generations=curve.generations[:1],
        metrics={k: v[:1] for k, v in curve.metrics.items()},
    )
    late = replace(curve, generations=curve.generations + 1)
    other = cut_curve("linear-spectrum-8-synthetic-0.95-s4")
    loop = dict(curve.loop)
    given = [
        one,
        late,
        *(without(k) for k in curve.metrics),
        bad("fid"),
        bad("trace"),
        replace(curve, loop={k: v for k, v in loop.items() if k != "n_synth"}),
        replace(curve, loop=loop | {"first_generation": "biased"}),
        replace(curve, real={k: v for k, v in curve.real.items() if k != "trace"}),
    ]
    yield (
        "curves not compared",
        [answer(lambda c=c: observed.observed(c, least=2).name) for c in given],
    )
    yield "lent refused", answer(lambda: compare(curve, calibrate=other))


def simulated() -> Found:
    for name, loop in {
        "synthetic": fully_synthetic(6, bias=0.9),
        "fresh": fresh_data(4, 5, bias=0.8, ddof=0),
        "biased": fully_synthetic(9, bias=0.7, first_generation="biased", n_initial=5),
    }.items():
        for s in (np.array([2.0, 1.0, 0.5]), np.linspace(1, 2, 8)):

            def ask(lo=loop, e=s):
                return gaussian.simulate_torch(
                    lo, e, record=QUANTITIES, generations=4, replicates=6, chunk=4, seed=2
                )

            yield f"torch {name} {s.size}", answer(lambda a=ask: a().mean)
    yield (
        "torch refused",
        [
            answer(
                lambda: gaussian.simulate_torch(
                    replace(fully_synthetic(6), memory=2), np.ones(2), generations=2, replicates=2
                )
            ),
            answer(
                lambda: gaussian.simulate_torch(
                    fully_synthetic(6), np.ones(2), device="x", generations=2, replicates=2
                )
            ),
        ],
    )
