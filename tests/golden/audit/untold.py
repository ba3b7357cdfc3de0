"""What the best test can do for the held loops of errors.py: told the loop, and not told it.

Run ``python -m tests.golden.audit.untold``; it rewrites untold.json (some minutes, one core).

Let f be the law of the series of a held loop, mixed by a prior over what is not told, and f_1, f_2,
... those of loops that walk. A test that calls at most alpha of each of the latter "not MAD" clears
at most

    alpha sum_k v_k + E_f (1 - sum_k v_k f_k / f)_+            for any v_k >= 0

of the former, on average over the prior: so says the duality of linear programs, which has equality
at the best v (then the test clears where sum v f_k < f, and is of size alpha where v_k > 0). With a
prior on one loop this bounds what can be done by whoever knows all of it. v is chosen on some
draws, the bound read off others.

Series are Gaussian and independent, means and shapes of covariance V each (`law`, which holds for
the loops of errors.py exactly in means and in leading order in shapes). Of every V there is a walk
W that is nearest to it, of a memory of 1, 2 or 3, and H where half of the directions walk, of all
that the audit refutes: seven shares of real data in the others, steps as large as theirs or as much
smaller as that share makes them. Walks are (W, V), (V, W), (H, H').

Told: V. Not told: the share of real data, what kind of loop and of files it is, and whether the
real set is the first training set; the rows of files and of the real set are known, the size of the
training sets follows from the share. The prior is what errors.py draws from.
"""

import json
import sys
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy

from madtheory import audit
from madtheory._threads import one_thread
from madtheory.audit.anchor import FREE_MEANS, FREE_SHAPES, least_step
from madtheory.audit.inference import GROWTH
from madtheory.audit.power import Setting, _nearest
from tests.golden.audit import errors

TABLE = Path(__file__).with_suffix(".json")
#: Draws of a loop that is told, of each that may be, and steps of the search for v.
TOLD, EACH, STEPS = 1000, 120, 120


class Held(NamedTuple):
    """A held loop as its means see it; rows: synthetic and real ones, those of the first set."""

    n_synth: float
    n_real: float
    n_initial: float
    kind: str = "fresh"
    same: bool = False
    own: bool = True
    memory: int = 1


def law(loop, T):
    """Covariance (T, T) of the mean of each file less the real set's, at unit variance of a row."""
    own = loop.own and loop.memory == 1
    each = [1 / loop.n_initial] * 2 + [1 / loop.n_synth] * 2 * T + [1 / loop.n_real] * T
    unit = np.eye(2 + 3 * T)
    first, other, (drawn, seen, real) = unit[0], unit[1], unit[2:].reshape(3, T, -1)
    x, share, models, files = first, loop.n_real / (loop.n_real + loop.n_synth), [], []
    for t in range(T):
        models = [*models, x][-loop.memory :]
        synthetic = np.mean(models, axis=0) + drawn[t]
        files.append((synthetic if own else x + seen[t]) - (first if loop.same else other))
        x = real[t] if loop.kind == "independent" else (1 - share) * synthetic
        if loop.kind != "independent":
            x = x + share * (first if loop.kind == "fixed" else real[t])
    moves = np.array(files)
    return (moves * each) @ moves.T


# -------------------------------------------------------------------------------- what is not told
def held_of(case, same):
    """The loop of a case."""
    loop, kind = case.loop, "independent" if case.independent else "fresh"
    real = loop.n_synth if case.independent else loop.n_real
    return Held(
        loop.n_synth, real, loop.n_initial, "fixed" if loop.n_fixed else kind, same,
        case.files == "own", loop.memory,
    )  # fmt: skip


#: Kind, memory and share of the loops of errors.py, with their numbers there.
KINDS = {
    **{("fresh", 1, p): 543 / 4 for p in (0.1, 0.2, 0.5, 0.9)},
    **{("fresh", 3, p): 60 / 4 for p in (0.1, 0.2, 0.5, 0.9)},
    ("fixed", 1, 0.5): 60,
    ("independent", 1, 1.0): 100,
}


def rivals(loop):
    """All that a loop of such files may be, with weights; the loop itself is the first."""
    share = 1.0 if loop.kind == "independent" else loop.n_real / (loop.n_real + loop.n_synth)
    out, weights, gaps = [], [], []
    for (kind, memory, p), weight in KINDS.items():
        files = (True, False) if memory == 1 and kind != "independent" else (False,)
        for same, own in product((True, False), files):
            real = loop.n_synth * (p / (1 - p) if p < 1 else 1.0)
            out.append(loop._replace(n_real=real, kind=kind, same=same, own=own, memory=memory))
            weights.append(weight / 2 / len(files))
            like = (kind, memory, same) == (loop.kind, loop.memory, loop.same)
            like = like and (own == loop.own or len(files) == 1)
            gaps.append(abs(p - share) if like else np.inf)
    at = int(np.argmin(gaps))
    order = [at, *(i for i in range(len(out)) if i != at)]
    weights = np.array(weights)[order] / sum(weights)
    return [loop, *(out[i] for i in order[1:])], weights


# -------------------------------------------------------------------------------------- likelihoods
def grams(rng, V, count, draws):
    """Sums of squares (draws, T, T) of `count` series of covariance V; their number (draws,).

    Where `count` is no whole number, one more series is there as often as the rest says.
    """
    T, root = len(V), np.linalg.cholesky(V)
    number = np.floor(count) + (rng.random(draws) < count - np.floor(count))
    out = np.zeros((draws, T, T))
    for n in np.unique(number):
        at = np.flatnonzero(number == n)
        if n > 2 * T:  # Bartlett's triangle
            L = np.tril(rng.standard_normal((len(at), T, T)), -1)
            L[:, range(T), range(T)] = np.sqrt(rng.chisquare(n - np.arange(T), (len(at), T)))
        else:
            L = rng.standard_normal((len(at), T, int(n)))
        x = root @ L
        out[at] = x @ x.transpose(0, 2, 1)
    return out, number


def likelihoods(G, number, laws):
    """Log-likelihoods (draws, laws)."""
    traces = G.reshape(len(G), -1) @ np.linalg.inv(laws).reshape(len(laws), -1).T
    return -(number[:, None] * np.linalg.slogdet(laws)[1] + traces) / 2


class Laws(NamedTuple):
    """Covariances (J, T, T) of one kind of series: held, walking, half walking."""

    count: float
    V: np.ndarray
    W: np.ndarray
    H: np.ndarray

    def drawn(self, rng, j, draws):
        """Log-likelihoods (3, draws, J) of V, W and H, drawn from a held loop."""
        found = likelihoods(*grams(rng, self.V[j], self.count, draws), np.concatenate(self[1:]))
        return found.reshape(draws, 3, len(self.V)).transpose(1, 0, 2)


def laws_of(loops, series, T, shapes):
    """Laws of means and of shapes, where there are any."""
    # Rows, offset and step in units of the variance of a row.
    rows, least = float((1 / series.rows).mean()), least_step(series, GROWTH)
    setting = Setting(0.0, 0.0, 0.0, rows, 1 / series.real_rows, least, 0.0, 0.0)
    V = [law(one, T) for one in loops]
    W = [_nearest(setting, v, setting.loops(0.0), least) for v in V]
    return [
        Laws(
            count,
            *map(np.array, (V, W, [_nearest(setting, v, setting.halves(f), least) for v in V])),
        )
        for count, f in ((series.mean_count, FREE_MEANS), (shapes, FREE_SHAPES))
        if count
    ]


def ratios(rng, laws, weights, draws):
    """Likelihood of each walk over that of held loops mixed by weights (loops, draws, walks).

    Drawn from each held loop whose weight is not 0.
    """
    out, taken = [], weights > 0
    for j in np.flatnonzero(taken):
        V, *others = sum_of([one.drawn(rng, j, draws) for one in laws])
        held = V[:, taken]
        top = held.max(axis=1)
        mixed = top + np.log(np.exp(held - top[:, None]) @ weights[taken])
        out.append(np.exp(np.minimum(np.hstack(others) - mixed[:, None], 700.0)))
    return np.array(out)


def sum_of(kinds):
    """Log-likelihoods (draws, J) of held loops and of each sort of walk."""
    if len(kinds) == 1:
        return kinds[0]
    (Vm, Wm, Hm), (Vs, Ws, Hs) = kinds
    return Vm + Vs, Wm + Vs, Vm + Ws, Hm + Hs


# ---------------------------------------------------------------------------------------- the bound
def bound(drawn, v, prior, alpha):
    """What no test exceeds on average over the prior."""
    return alpha * float(v.sum()) + float(prior[prior > 0] @ (1 - drawn @ v).clip(0).mean(axis=1))


def multipliers(drawn, prior, alpha):
    """The v that leave the least bound, by steps that lead the sizes of their test to alpha."""
    flat = drawn.reshape(-1, drawn.shape[2])
    each = np.repeat(prior[prior > 0], drawn.shape[1]) / drawn.shape[1]
    best = v = np.full(flat.shape[1], 1.0 / flat.shape[1])
    least = np.inf
    for step in range(STEPS):
        total = flat @ v
        value = alpha * v.sum() + float(each @ (1 - total).clip(0))
        if value < least:
            best, least = v, value
        sizes = (each * (total < 1)) @ flat
        v = v * ((sizes + alpha / 100) / (1.01 * alpha)) ** (0.7 if step < STEPS / 2 else 0.25)
    return best


def bounds(laws, weights, alpha, seed=0):
    """Of the first loop, told; on average over the prior, not told; and how often the latter's test
    clears the first loop."""
    alone = np.zeros_like(weights)
    alone[0] = 1.0
    out = []
    for k, (prior, draws) in enumerate(((alone, TOLD), (weights, EACH))):
        first, second = (
            ratios(np.random.default_rng([seed, k, i]), laws, prior, draws) for i in range(2)
        )
        v = multipliers(first, prior, alpha)
        out.append(bound(second, v, prior, alpha))
    return *out, float((second[0] @ v < 1).mean())


# ---------------------------------------------------------------------------------------- the table
def judge(group, seed):
    """What the audit says of a loop, and the bounds; None where a direction is lost."""
    rng = np.random.default_rng(seed)
    case = errors.case_of(group, rng)
    real, same, files = errors.simulate(case, rng)
    series = audit.series_of(audit.axes_of(real), files)
    if not np.isfinite(series.log_variance).all():
        return None
    found = audit.infer(series, None, errors.LEVEL, errors.ALPHA)
    loops, weights = rivals(held_of(case, same))
    laws = laws_of(loops, series, len(files), series.near_count or series.shape_count)
    return found.verdict == "not_mad", *bounds(laws, weights, errors.ALPHA, seed[-1])


#: Groups of loops that real data hold.
HELD = [
    name for name, (_, mad, *_) in errors.GROUPS.items()
    if not mad and name not in ("fresh data, 5 %", "at rest where models pull")
]  # fmt: skip


def run(group, share=1.0, start=0):
    """Loops of a group, those that the audit clears, and the sums of the bounds."""
    n = max(1, round(errors.GROUPS[group][0] * share))
    rows = [judge(group, [start, errors.seed_of(group), i]) for i in range(n)]
    right, told, average, untold = np.array([r for r in rows if r], dtype=float).T
    return {
        "loops": len(right),
        "right": int(right.sum()),
        "told": round(float(told.sum()), 2),
        "not_told": round(float(untold.sum()), 2),
        "not_told_over_prior": round(float(average.sum()), 2),
    }


def main(share=1.0, start=0):
    begin, groups = time.perf_counter(), {}
    with one_thread():
        for name in HELD:
            groups[name] = run(name, share, int(start))
            print(
                name, json.dumps(groups[name]), f"{time.perf_counter() - begin:.0f} s", flush=True
            )
    if share < 1 or start:
        return
    record = {
        "script": "tests/golden/audit/untold.py",
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
        "alpha": errors.ALPHA,
        "draws": [TOLD, EACH],
        "groups": groups,
    }
    TABLE.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(float(x) for x in sys.argv[1:]))
