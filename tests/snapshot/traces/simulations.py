"""Simulators at the loops and spectra that `simulators.py` beside leaves out; for the traces.

Every loop of ``theory.py`` at one, two, three and more dimensions, with a singular Sigma_0
and more dimensions than samples, by the compiled kernels and by the plain loop of numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import numpy as np

from madtheory import simulate
from madtheory.loop import fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.simulate import request
from tests.snapshot.traces.theory import LOOPS, Answers, ask

SPECTRA = ([1.5], [2.0, 1.0], [3.0, 1.0, 0.5, 0.0], np.linspace(0.5, 2.0, 6), np.ones(11))
SMALL = {"generations": 4, "replicates": 6, "record": simulate.QUANTITIES}
#: The many samples of a loop that the plain simulator would draw one by one.
LONG = ("large", "huge", "augmentation-many")


def answered(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    # Threads call in any order.
    found = ask(function, *arguments, **{"threads": 1, **options})
    return found if isinstance(found, str) else [*found.mean.values(), *found.se.values()]


def kernels() -> Answers:
    for one in LOOPS.values():
        for s in SPECTRA:
            yield answered(simulate.simulate, one, s, **SMALL)
    for s in SPECTRA:
        yield answered(simulate.simulate_size_biased, LOOPS["three-of-two"], s, **SMALL)
        yield answered(simulate.simulate_size_biased, LOOPS["hot-mle"], s, **SMALL)
    for one in (
        *(fully_synthetic(150), fully_synthetic(40, bias=0.9), fresh_data(60, 60, memory=2)),
        *(synthetic_augmentation(50, 70, weight=0.4), synthetic_augmentation(50, 7)),
        synthetic_augmentation(60, 60, pool="accumulate", budget=70, bias=0.9),
    ):
        for d in (64, 100):
            few = {"generations": 2, "replicates": 2, "record": ("trace", "w2_squared", "mean_sq")}
            yield answered(simulate.simulate, one, np.linspace(0.5, 2, d), **few)


def plain() -> Answers:
    few = {"generations": 4, "replicates": 2, "record": ("mean_sq", "trace", "trace_squared")}
    for name, one in LOOPS.items():
        if name not in LONG:
            for s in SPECTRA[:3]:
                yield answered(simulate.simulate_plain, one, s, **few)
    yield answered(simulate.simulate_plain, LOOPS["fresh-mle"], [1.0, 2.0], **{**SMALL, "chunk": 4})


def others() -> Answers:
    sizes: Mapping[str, Any] = {"generations": 4, "replicates": 6}
    for k, n in ((1, 5), (4, 1), (4, 30), (9, 2000)):
        for how in ({}, {"n_fresh": 3, "floor": 0.01}, {"dim": 1, "ddof": 0.0, "bias": 0.5}):
            yield answered(simulate.simulate_modes, k, n, **sizes, **how)
    for temperature in (0.0, 0.5, 1.0, 1.5):
        for extra in (0, 4):
            how = {"temperature": temperature, "n_fresh": extra}
            yield answered(simulate.simulate_categories, [0.5, 0.3, 0.2, 0.0], 20, **sizes, **how)
    one = fully_synthetic(9)
    for bad in (
        *({"generations": 0}, {"replicates": 0}, {"seed": -1}, {"at": (0,)}, {"at": (5,)}),
        *({"at": ()}, {"at": (2, 2)}, {"record": ()}, {"record": ("size",)}, {"chunk": 0}),
        *({"record": ("trace", "trace")}, {"threads": 0}, {"seed": 2**200}, {"at": (4, 1)}),
    ):
        yield answered(simulate.simulate, one, [1.0], **{**sizes, **bad})
        yield answered(simulate.simulate_plain, one, [1.0], **{**sizes, **bad})
        yield answered(simulate.simulate_modes, 4, 9, **{**sizes, **bad})
    yield answered(simulate.simulate_size_biased, fresh_data(9, 9), [1.0], **sizes)
    yield answered(simulate.simulate, fully_synthetic(9, bias=1e-300), [1e-300], generations=2000,
                   replicates=2)  # fmt: skip
    for one in LOOPS.values():
        yield request.is_plain(one)
        for s in SPECTRA[:3]:
            plan = ask(request.make_plan, one, s, record=("trace",), generations=3, replicates=2)
            if not isinstance(plan, str):
                plan = plan[0]
                yield plan.problem.positive, plan.problem.work(3), plan.last, plan.recorded
                yield request.bytes_of(plan, 2, data=True), request.bytes_of(plan, 1, data=False)


BANKS: Mapping[str, tuple[Callable[[], Answers], ...]] = {"simulate": (kernels, plain, others)}


def bank(name: str) -> Callable[[], Answers]:
    """Ask everything of one bank."""
    return lambda: chain.from_iterable(answers() for answers in BANKS[name])
