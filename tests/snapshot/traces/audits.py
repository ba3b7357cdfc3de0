"""Audits and metrics of small sets of features that reach the branches of their verdicts.

As in ``theory.py`` the answers go into the traces, with all that lies behind them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madtheory import audit, metrics
from madtheory._holm import holm
from madtheory.audit import drift, inference, known, paths, power, pull, row_noise, run, scoring
from madtheory.claims import claim, verify
from tests.snapshot.traces.theory import Answers, ask

Array = NDArray[np.float64]


def loop(
    seed: int,
    *,
    n: int = 120,
    d: int = 4,
    T: int = 6,
    bias: float = 1.0,
    real: int = 0,
    memory: int = 1,
    drawn: int | None = None,
    shift: float = 0.0,
) -> tuple[Array, list[Array]]:
    """Real set and files of a Gaussian loop; `drawn`: files are rows of their own, so many."""
    rng = np.random.default_rng(seed)
    first = rng.standard_normal((n, d))
    x, files, models = first, [], []
    for _ in range(T):
        S = np.atleast_2d(np.cov(x, rowvar=False)) + 1e-9 * np.eye(d)
        models.append((x.mean(axis=0) + shift, np.linalg.cholesky(S)))
        last = models[-memory:]
        at = [last[i] for i in rng.integers(len(last), size=n)]
        rows = np.array([m + math.sqrt(bias) * S @ rng.standard_normal(d) for m, S in at])
        new = rng.standard_normal((real, d))
        x = np.concatenate([rows[: n - real], new]) if real else rows
        files.append(rows)
        if drawn:
            m, S = models[-1]
            files[-1] = m + math.sqrt(bias) * rng.standard_normal((drawn, d)) @ S.T
    return first, files


def words(seed: int, *, n: int = 90, real: int = 0, T: int = 6) -> tuple[Array, list[Array]]:
    """The same of a loop of categories, one-hot."""
    rng, p, eye = np.random.default_rng(seed), np.array([0.4, 0.3, 0.2, 0.1]), np.eye(4)
    first, files, now = eye[rng.choice(4, n, p=p)], [], p
    for _ in range(T):
        files.append(eye[rng.choice(4, n, p=now)])
        share = real / n
        now = share * p + (1 - share) * files[-1].mean(axis=0)
        now = now / now.sum()
    return first, files


def says(pair: tuple[Any, Any], **options: Any) -> Any:
    """The whole audit."""
    return ask(audit.audit, *pair, **{"k": 3, **options})


def infers(
    pair: tuple[Array, list[Array]],
    *,
    n_synth: Any = None,
    n_real: int | None = None,
    memory: Any = None,
    apart: bool = False,
    alpha: float = 0.02,
) -> Any:
    """The verdict alone: most of the time goes into power and forecast."""
    sizes = run._sizes(n_synth, len(pair[1]))
    of = known.Known(known.memory_of(memory), known.share_of(n_real, sizes), apart)
    series = audit.series_of(audit.axes_of(pair[0]), pair[1])
    return ask(audit.infer, series, known.training_sizes(n_real, sizes), 0.95, alpha, of)


def walks() -> Answers:
    """Loops without real data."""
    yield says(loop(1))
    yield infers(loop(2, bias=0.8), n_synth=120)
    yield says(loop(3, bias=0.97, T=12), n_synth=[120] * 12, n_real=0)
    yield infers(loop(4, d=2, T=5), n_real=0, apart=True)
    yield infers(loop(5, memory=3, T=9), memory=3)
    yield says(loop(6, memory=9, T=8), memory="all", n_real=0)
    yield infers(loop(7, drawn=200, T=8), alpha=0.2)
    yield infers(loop(8, d=1, T=7))
    yield says(loop(9, T=1)), says(loop(9, T=1), n_synth=50)
    yield infers(loop(9, T=2)), infers(loop(9, T=3)), infers(loop(9, T=2), n_real=0)
    yield infers(loop(10, shift=0.3, T=6))
    yield infers(loop(10, n=30, d=40, T=5))


def held() -> Answers:
    """Loops that real data hold, or a model that errs."""
    yield infers(loop(11, real=60, T=10)), says(loop(12, real=60, T=10), n_real=60, n_synth=60)
    yield infers(loop(13, real=110, T=14, n=200))
    yield infers(loop(14, real=6, T=8), n_real=6, n_synth=114)
    yield infers(loop(15, real=60, T=10), n_real=60, n_synth=list(range(60, 70)))
    yield infers(loop(16, real=60, bias=0.3, T=8), n_real=60, n_synth=60, memory=1)
    yield infers(loop(17, real=60, T=8, shift=0.4))
    yield infers(loop(18, real=40, T=9, memory=2, drawn=150), memory=2, n_real=40, n_synth=80)
    rng = np.random.default_rng(19)
    still = [rng.standard_normal((150, 6)) for _ in range(12)]
    real = rng.standard_normal((150, 6))
    yield (
        infers((real, still)),
        infers((real, still), n_real=0),
        infers((real, still), n_real=0, apart=True),
    )
    large = [rng.standard_normal((4000, 3)) for _ in range(8)]
    yield infers((rng.standard_normal((4000, 3)), large))
    yield infers((rng.standard_normal((4000, 3)), large), n_real=0, apart=True, n_synth=4000)
    part = [
        np.hstack([x[:, :3], y]) for x, y in zip(still, loop(20, n=150, d=3, T=12)[1], strict=True)
    ]
    yield infers((real, part)), infers((real, part), n_real=75, n_synth=75)


def odd() -> Answers:
    """Few distinct rows, lost directions, scales, refusals."""
    yield says(words(31)), infers(words(32, real=45, T=9)), infers(words(33, n=12))
    yield says(words(34), n_real=45, n_synth=45), says(words(35), n_real=0, horizon=2)
    real, files = loop(36, T=6)
    gone = [x.copy() for x in files]
    for x in gone[3:]:
        x[:, 1] = x[0, 1]
    yield says((real, gone)), infers((real, gone), n_real=0), infers((real, gone), n_synth=40)
    yield infers((real, gone[::-1])), infers((real, [gone[0], gone[4], gone[1]]))
    few = real.copy()
    few[1:, 2] = few[0, 2]
    few[0, 2] += 1.0
    yield infers((few, [x * [1, 1, 0, 1] for x in files])), infers((few, files))
    dead = [np.tile(x[:1], (len(x), 1)) for x in files]
    yield says((real, dead)), says((real, [files[0], *dead[:3]]))
    yield says((real * 1e-130, [x * 1e-130 for x in files])), says((real * 1e140, files))
    yield says((real * 1e200, files)), says((real, [x * 1e-8**t for t, x in enumerate(files)]))
    yield infers((real, [x * 3.0**t for t, x in enumerate(files)]))
    same = [files[0], *files]
    for bad in (
        ((real, []), {}), ((real, same), {}), ((real, files), {"names": ["a"]}),
        ((real, files[:2]), {"names": ["a1", "a3"]}), ((real, files[:2]), {"names": ["a1", "a2"]}),
        ((real, files[:3]), {"names": ["a1b1", "a2b1", "a3b2"]}), ((real, files[:1]), {"k": 200}),
        ((real, [files[0][:, :2]]), {}), ((real, files), {"n_real": 5}),
        ((real, files), {"alpha": 0.5}),
        ((real, files), {"n_synth": [9]}), ((real, files), {"n_synth": 1}),
        ((real, files), {"memory": "x"}),
        ((np.ones((30, 3)), [np.ones((30, 3))]), {}), ((real, files), {"horizon": 2001}),
        ((real, files), {"level": 1.0}), ((real, files[:2]), {"n_synth": [50, 60], "n_real": 0}),
    ):  # fmt: skip
        yield says(bad[0], **bad[1])


def insides() -> Answers:
    """What few audits reach: thresholds, sizes that leave float64, each memory."""
    real, files = loop(40, T=9, real=30)
    axes = audit.axes_of(real)
    series = audit.series_of(axes, files)
    whole = drift.drift(series)
    for share in (0.0, 0.1, 0.5, 1.0):
        for memory in (1, 2, 3, known.LONGEST):
            yield pull.pull(series, share, np.ones(3), memory), pull.course(series, share, memory)
            yield pull.echoes(share, memory)
        for steps in (1, 4, 8):
            yield drift.held_drift(series, whole, share, steps)
    for step in (0.0, -1.0, 1e-9, 1e-6, 0.01, 1.0, 40.0, math.inf):
        yield drift.training_size(step), drift.size_correction(max(step, 1e-3))
    for T in (2, 3):
        yield infers(loop(42, d=1, T=T)), infers(loop(43, d=2, T=T), n_synth=120)
    rng = np.random.default_rng(41)
    residual = rng.standard_normal((7, 4))
    for sharing in (0.0, 0.3, 7.0):
        for memory in (1, 3, 9):
            yield [pull.noise_of(residual, sharing, p, 0.5, memory) for p in (0.0, 0.4, 1.0)]
        yield pull.noise_of(residual[:1], sharing, 0.2, 0.5)
    for some in (None, known.Known(), known.Known(share=0.3), known.Known(1, 0.07), known.Known(2)):
        for free in (None, series):
            if free is not None and some is not None:
                found = inference.infer(free, None, 0.95, 0.02, some)
                yield found, power.power(free, found, 0.02, some)
    for setting in (
        power.Setting(4.0, 9.0, 0.5, 1.0, 1.0, 0.1, -0.01, 0.3),
        power.Setting(4.0, 0.0, 0.0, 1.0, 0.0, 0.1, 0.01, 0.3, 2, True),
        power.Setting(2.0, 3.0, 1.0, 1.0, 2.0, 0.5, -0.05, 0.3, 1, False, True),
    ):
        for T in (3, 8):
            yield power.mad_power(setting, T, 0.02)
            yield [power.not_mad_power(setting, share, T, 0.1) for share in (0.1, 1.0)]
    for size in (-1.0, 0.0, 2.0):
        yield paths.unseen(size, np.array([0.0, 1.0, 3.0]))
    singular = np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 2.0]]])
    yield row_noise.root(singular), row_noise.whitened(np.ones((9, 2)) * np.arange(9.0)[:, None])
    yield row_noise.weights(rng, np.array([[1e-9, 2e-9], [1.0, 3.0]]))
    x = row_noise.whitened(rng.standard_normal((600, 3)))
    yield row_noise.sample(rng, x, np.tile(np.eye(3), (2, 1, 1)), np.array([9.0, 1e6]))
    yield known.memory_of(50), known.share_of(9, [9, 9]), ask(known.memory_of, 0)
    gram = np.cov(rng.standard_normal((5, 40)))
    parts = np.stack([np.eye(5), np.ones((5, 5)), np.diag(np.arange(5.0))])
    for high in (np.inf, 0.3):
        bounds = np.array([1e-6, 0.0, 0.0]), np.full(3, high)
        yield scoring.scored(parts, gram, *bounds, np.array([0.3, 0.0, 0.1]))
    yield (
        run.n_eff(real, metrics.fid_unbiased(real, files[0])),
        run.n_eff(real, metrics.Measured(-1.0, -2.0, 0.0)),
    )


def measures() -> Answers:
    """Metrics of pairs: equal, repeated, dead, wide, far, tiny."""
    rng = np.random.default_rng(50)
    x, y = rng.standard_normal((60, 4)), 0.7 * rng.standard_normal((45, 4)) + 0.2
    tied = np.round(x * 2) / 2
    line = np.outer(rng.standard_normal(30), [1.0, 2.0, -1.0, 0.0])
    pairs = (
        (x, y), (y, x), (x, x), (x, np.repeat(y[:9], 5, axis=0)), (tied, tied[::-1]), (tied, x),
        (x, np.ones((20, 4))), (np.ones((20, 4)), np.ones((9, 4))), (x, line), (line, line[:7]),
        (x * 1e-150, y * 1e-150), (x * 1e150, y * 1e150), (x + 1e9, y + 1e9), (x[:2], y[:2]),
        (rng.standard_normal((9, 30)), rng.standard_normal((12, 30))), (x[:, :1], y[:, :1]),
        (x, y[:, :2]), (x, y + 30), (rng.standard_normal((700, 3)), rng.standard_normal((900, 3))),
        (x, np.full((9, 4), math.nan)), (x[:1], y), (x, [["a"]]), (x[0], y), (x.astype(int), y),
    )  # fmt: skip
    for a, b in pairs:
        for level in (0.95, 0.5):
            yield ask(metrics.fid, a, b, level=level), ask(metrics.fid_unbiased, a, b, level=level)
            yield ask(metrics.kernel_distance, a, b, level=level)
            for k in (1, 5):
                yield ask(metrics.precision_recall, a, b, k=k, level=level, threads=1)
        yield ask(metrics.direction_variances, a, [b, b]), ask(metrics.direction_variances, b, [])
    for level in (0.0, 0.5, 0.95, 1.0):
        yield ask(metrics.normal_quantile, level)
    yield ask(metrics.fid, x, y, level=1.0), ask(metrics.precision_recall, x, y, k=0)
    yield ask(metrics.precision_recall, x[:5], y, k=5), ask(metrics.precision_recall, x, y[:6], k=5)
    for m in (metrics.Measured.around(2.0, 0.5), metrics.Measured.around(0.1, 0.5, 0.0)):
        yield m, m.in_units(3), m.map(math.exp), metrics.Measured.exactly(2.0)


def judged() -> Answers:
    """The verifier's rules at estimates on either side of a claim, and few of its claims."""
    from madtheory.claims import CLAIMS

    sides = {c.side: c for c in CLAIMS} | {c.status: c for c in CLAIMS}
    for one in sides.values():
        for truth in (0.9, 1.0, 1.1):
            for error in (0.0, 0.05):
                yield verify.excess(one, truth, value=1.0, error=error)
                said = claim.Prediction(1.0, 0.2, error)
                for se in (0.01, 0.3):
                    how = {"truth": truth, "se": se, "alpha": 0.01}
                    yield ask(verify.power, one, said, **how)
                    yield ask(verify.smallest_error, one, said, **how)
        for z in (-4.0, -1.0, 0.0, 2.5, 9.0, 60.0):
            yield verify.p_value(one, z)
        yield verify.critical(one, 0.01), verify.claim_seed(one, 3)
    for p in ([], [0.01], [0.5, 0.01, 0.02, 0.9], [0.04, 0.04, 0.04], [1.0, 0.0]):
        yield ask(holm, p, 0.01)
    yield verify.number_of_tests(), claim.relative(0.1)(2.0), claim.shift(0.1)(2.0)
    yield claim.final([1.0, 3.0]), claim.final(2.0)
    for one in CLAIMS[::9]:
        yield one.id, one.predict()


BANKS: Mapping[str, tuple[Callable[[], Answers], ...]] = {
    "audit": (walks, held, odd),
    "audit-insides": (insides,),
    "metrics": (measures,),
    "claims": (judged,),
}


def bank(name: str) -> Callable[[], Answers]:
    """Ask everything of one bank."""
    return lambda: chain.from_iterable(answers() for answers in BANKS[name])
