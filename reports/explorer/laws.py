"""Laws of the explorer as JavaScript, printed from sympy expressions.

The moment maps are the package's own (theory.md 2.2, 2.3), called with symbols; what follows from
them is derived here: generations with a memory of several models, and their limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sympy as sp

from madtheory.proofs import admissible
from madtheory.proofs.fresh_moments import DIM, LAM, N_R, N_S
from madtheory.theory.moments import fresh_maps

#: Models that the page's loops may remember; beyond them all.
MEMORIES: Final = (1, 2, 3)
#: Terms of the series of digamma and of log c4, and how far small arguments are moved up.
_TERMS, _SHIFT = 8, 16

_T, _M, _P, _S, _C, _COMMON, _N, _BETA = sp.symbols("t M P S C Cbar n beta", positive=True)


def _generation(mean: sp.Expr, variance: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """E |mu'|^2, E tr Sigma' and the part of the former that is new noise (theory.md 2.2).

    `mean` = E |.|^2 of what synthetic samples have as their mean, `variance` theirs around it; the
    map of 2.2 at lambda = 1 takes any batch with these two.
    """
    A, b = fresh_maps.first_map(N_R, N_S, sp.Integer(1))
    noise = A[0][1] * variance + b[0]
    return A[0][0] * mean + noise, A[1][0] * mean + A[1][1] * variance + b[1], noise


def _share() -> sp.Expr:
    """Weight of the synthetic mean in the new mean."""
    A, _ = fresh_maps.first_map(N_R, N_S, sp.Integer(1))
    return sp.sqrt(A[0][0]).subs(sp.sqrt((N_R + N_S) ** -2), 1 / (N_R + N_S))


def _names(k: int) -> tuple[list[sp.Symbol], dict[tuple[int, int], sp.Expr], list[sp.Symbol]]:
    """Symbols of k models: squared distances from the truth and each other, and traces."""
    far = list(sp.symbols(f"m:{k}"))
    apart = {(i, j): sp.Symbol(f"d{i}{j}") for i in range(k) for j in range(i + 1, k)}
    return far, apart, list(sp.symbols(f"c:{k}"))


def state_names(k: int) -> list[sp.Symbol]:
    """Arguments of a step from k models, newest first."""
    far, apart, traces = _names(k)
    return [*far, *apart.values(), *traces]


def step(k: int, keep: int) -> list[sp.Expr]:
    """One generation from k remembered models to `keep` (k or k + 1), newest first (2.8).

    Squared distances are carried, not Gram matrices: what dies keeps its digits.
    """
    far, apart, traces = _names(k)

    def between(i: int, j: int) -> sp.Expr:
        return sp.S.Zero if i == j else apart[min(i, j), max(i, j)]

    pairs = sum(between(i, j) for i in range(k) for j in range(k)) / sp.Integer(k) ** 2
    middle, share = sum(far) / sp.Integer(k), _share()
    variance = LAM * sum(traces) / k + pairs / 2
    mean_sq, trace, noise = _generation(middle - pairs / 2, variance)
    own = share**2 * pairs / 2 + share * (1 - share) * middle
    new = [
        share * sum(between(i, j) for j in range(k)) / k + (1 - share) * far[i] - own + noise
        for i in range(k)
    ]
    all_far, all_traces = [mean_sq, *far], [trace, *traces]
    found = {(0, i + 1): x for i, x in enumerate(new)}
    found |= {(i + 1, j + 1): x for (i, j), x in apart.items()}
    kept = [found[i, j] for i in range(keep) for j in range(i + 1, keep)]
    return [*all_far[:keep], *kept, *all_traces[:keep]]


def step_all() -> list[sp.Expr]:
    """One generation of the loop that remembers all t models.

    State: E |mu|^2, E |mean of models|^2, their scatter around it, E tr Sigma, its mean.
    """
    share, t = _share(), _T
    mean_sq, trace, noise = _generation(_P, LAM * _COMMON + _S)
    gap = (1 - share) ** 2 * _P + noise
    return [
        mean_sq,
        ((t + share) / (t + 1)) ** 2 * _P + noise / (t + 1) ** 2,
        (t * _S + t / (t + 1) * gap) / (t + 1),
        trace,
        (t * _COMMON + trace) / (t + 1),
    ]


def limit(k: int) -> list[sp.Expr]:
    """E |mu|^2 and E tr Sigma at the limit, memory k, with real data."""
    far, apart, traces = _names(k)
    lags = sp.symbols(f"lag1:{k}") if k > 1 else ()
    still = dict.fromkeys(far, _M) | dict.fromkeys(traces, _C)
    still |= {x: lags[j - i - 1] for (i, j), x in apart.items()}
    out = [x.subs(still) for x in step(k, k + 1)]
    # The newest model is as far from the truth, its trace as large and the lags are as they were.
    equations = [out[0] - _M, out[-k - 1] - _C]
    equations += [x - lag for x, lag in zip(out[k + 1 :], lags, strict=False)]
    found = sp.solve(equations, [_M, _C, *lags], dict=True)[0]
    return [sp.factor(found[_M]), sp.factor(found[_C])]


def limit_all() -> list[sp.Expr]:
    """The same with all models remembered: their mean is the truth."""
    mean_sq, trace, _ = _generation(sp.S.Zero, LAM * _C + _M)
    found = sp.solve([mean_sq - _M, trace - _C], [_M, _C], dict=True)[0]
    return [sp.factor(found[_M]), sp.factor(found[_C])]


def forgetting() -> sp.Expr:
    """Spectral radius of the first moments' map, memory 1."""
    A, _ = fresh_maps.first_map(N_R, N_S, LAM)
    half, det = (A[0][0] + A[1][1]) / 2, A[0][0] * A[1][1] - A[0][1] * A[1][0]
    return half + sp.sqrt(sp.factor(half**2 - det))


def _moved(series: sp.Expr, step_up: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """A series at infinity, taken at x + _SHIFT and led back by f(x) = f(x + 1) - step_up(x)."""
    near = series.subs(x, x + _SHIFT) - sum(step_up.subs(x, x + i) for i in range(_SHIFT))
    return sp.Piecewise((near, x < _SHIFT), (series, True))


def log_mean(m: sp.Symbol) -> sp.Expr:
    """E log(chi2_m/m) = psi(m/2) - log(m/2), by the series of digamma (1.1)."""
    x = sp.Symbol("x", positive=True)
    terms = [sp.bernoulli(2 * k) / (2 * k * x ** (2 * k)) for k in range(1, _TERMS + 1)]
    series = -1 / (2 * x) - sum(terms)
    # psi(x + 1) = psi(x) + 1/x
    return _moved(series, 1 / x - sp.log(1 + 1 / x), x).subs(x, m / 2)


def log_root_mean(m: sp.Symbol) -> sp.Expr:
    """log E sqrt(chi2_m/m) by Stirling's series (1.7)."""
    x = sp.Symbol("x", positive=True)
    u = sp.Symbol("u", positive=True)

    def tail(y: sp.Expr) -> sp.Expr:
        return sum(
            sp.bernoulli(2 * k) / (2 * k * (2 * k - 1) * y ** (2 * k - 1))
            for k in range(1, _TERMS + 1)
        )

    # log Gamma(x + 1/2) - log Gamma(x) - log(x)/2 in powers of u = 1/x.
    stirling = (
        sp.log(1 + u / 2) / u - sp.Rational(1, 2) + tail(1 / u + sp.Rational(1, 2)) - tail(1 / u)
    )
    order = 2 * _TERMS
    series = sp.series(stirling, u, 0, order).removeO().subs(u, 1 / x)
    up = sp.log((1 + 1 / (2 * x)) / sp.sqrt(1 + 1 / x))
    return _moved(series, sp.expand_log(up, force=True), x).subs(x, m / 2)


def second_map() -> list[sp.Expr]:
    """Matrix, row by row, and shift of the map of the seven invariants (2.3)."""
    A, b = fresh_maps.second_map(DIM, N_R, N_S, LAM)
    return [sp.sympify(x) for row in A for x in row] + [sp.sympify(x) for x in b]


def first_model() -> list[sp.Expr]:
    """The seven invariants of one fit to n real samples."""
    return [sp.sympify(x) for x in fresh_maps.initial(DIM, _N, sp.Integer(1))]


def near_deficit(trace: sp.Expr, of_square: sp.Expr) -> sp.Expr:
    """Second order of 1 - E tr sqrt(Sigma)/(d sqrt c), from E tr Sigma and E tr Sigma^2 (2.4).

    Bounded by 1 far from there: the interpolated part of the page is what it lacks.
    """
    spread = (of_square - trace**2 / DIM) / (trace**2 / DIM)
    return 1 - (1 + spread / 2) ** sp.Rational(-1, 4)


def distance(mean_sq: sp.Expr, trace: sp.Expr, deficit: sp.Expr) -> sp.Expr:
    """E W2^2 from moments per unit of d and the deficit (2.4)."""
    root = sp.sqrt(trace)
    return DIM * (mean_sq + (1 - root) ** 2 + 2 * root * deficit)


# --- as JavaScript -------------------------------------------------------------------------------


def javascript(name: str, arguments: Sequence[sp.Symbol], values: Sequence[sp.Expr]) -> str:
    """A function of the page that returns its values as an array."""
    shared, reduced = sp.cse(list(values), symbols=sp.numbered_symbols("x"))
    lines = [f"  const {symbol} = {sp.jscode(value)};" for symbol, value in shared]
    returned = ", ".join(sp.jscode(x) for x in reduced)
    head = f"law.{name} = function ({', '.join(map(str, arguments))}) {{"
    return "\n".join([head, *lines, f"  return [{returned}];", "};"])


def functions() -> dict[str, tuple[list[sp.Symbol], list[sp.Expr]]]:
    """All generated functions: name -> arguments, values."""
    loop, m = [N_R, N_S, LAM], sp.Symbol("m", positive=True)
    mean, trace, lost, square = sp.symbols("mean trace lost square", positive=True)
    found: dict[str, tuple[list[sp.Symbol], list[sp.Expr]]] = {}
    for keep in MEMORIES:
        found[f"step{keep}{keep}"] = ([*loop, *state_names(keep)], step(keep, keep))
        if keep + 1 in MEMORIES:
            found[f"step{keep}{keep + 1}"] = ([*loop, *state_names(keep)], step(keep, keep + 1))
        found[f"limit{keep}"] = (loop, limit(keep))
    found["stepAll"] = ([*loop, _T, _M, _P, _S, _C, _COMMON], step_all())
    found["limitAll"] = (loop, limit_all())
    found["forgetting"] = (loop, [forgetting()])
    found["secondMap"] = ([DIM, *loop], second_map())
    found["firstModel"] = ([DIM, _N], first_model())
    found["nearDeficit"] = ([DIM, trace, square], [near_deficit(trace, square)])
    found["distance"] = ([DIM, mean, trace, lost], [distance(mean, trace, lost)])
    found["logMean"] = ([m], [log_mean(m)])
    found["logRootMean"] = ([m], [log_root_mean(m)])
    found["admissibleLimit"] = ([DIM, LAM], [admissible.admissible_limit()])
    return found


def source() -> str:
    """The script of all generated functions."""
    made = [javascript(name, *parts) for name, parts in functions().items()]
    return "\n".join(["const law = {};", *made])
