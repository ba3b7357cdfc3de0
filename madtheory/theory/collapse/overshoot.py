"""Whether E W2^2 increases, where it does not, and how far it overshoots (theory.md 1.8).

tau_t and F_t are those of `distance`. Write l for bias, n for n_synth, h = l (n-1)/(n - ddof) for
step_bias, c = c4(n), V(t) = E W2^2(t) / tr Sigma_0. The walk's noise is l, the trace's factor h
(both l at ddof = 1):

    A = l/n + h - 1 = l (n + ddof)/n - 1,   A >= 0 iff l >= n/(n + ddof).

(A) l >= n/(n + ddof) increases for h <= 1, every d and Sigma_0; so the maximum likelihood loop does
    at l = 1. F is concave and homogeneous of degree 1/2 in Sigma and E[Sigma_{t+1} | Sigma_t] =
    h Sigma_t, so E F_{t+1} <= sqrt(h) E F_t. The walk gains tau_t l/n, the trace changes by
    tau_t (h - 1), hence, with f_t = E F_t / tr Sigma_0 > 0,

        V(t+1) - V(t) >= tau_t A + 2 (1 - sqrt(h)) f_t.

    For h <= 1 both terms are >= 0, and one is > 0 (A > 0 at h = 1). For h > 1 use
    f_t <= sqrt(tau_t) (Jensen): the right side is positive as soon as
    sqrt(tau_t) A >= 2 (sqrt(h) - 1), for all t if for t = 1. At ddof = 1 that always is, as
    tau_1 >= 1 and A > h - 1 >= 2 (sqrt(h) - 1). At ddof = 0 it is where n_initial = n: with
    r^2 = n/(n-1), l = h r^2, tau_1 >= r^-2, x = sqrt(h) it reads (r x - 1)^2 + 2 (r - 1) >= 0. It
    may fail, and V with it, for a first sample much smaller: over-dispersion then mends
    the first fit (d = 1, n_initial = 2, n = 1000, l = 1.2 falls from 1 to 2).
(B) Rank 1: d = 1 or, with n = 2, from generation 2 on (1 where n_initial = 2 too). Sigma_{t+1} is
    Sigma_t times h chi2_m/m then, so f_t = g sqrt(tau_t) c^(t-1) exactly, g known, and

        V(t+1) - V(t) = tau_t A + 2 g sqrt(tau_t) c^(t-1) (1 - sqrt(h) c).

    For A < 0 it is negative iff (t - 1) (log h / 2 - log c) > log(2 g (1 - sqrt(h) c) / -A)
    - log(first_scale) / 2: a half line in t, so the sign is settled for all t by one comparison.
    For A >= 0 it is negative only if sqrt(h) c > 1, and then at t = 1 if anywhere, as
    sqrt(tau_t) grows and c^(t-1) falls.
(C) d = 1, n_initial = n >= 3, 0 < l <= 1, ddof = 1 increases. If l > c^2 then A > 0, as
    c^2 > n/(n+1) for n >= 3. If l <= c^2 the left side in (B) falls with t, so t = 1 decides: with
    x = sqrt(l), x^2 (n+1)/n - 1 + 2c - 2c^2 x has minimum 2c - 1 - c^4 n/(n+1) > 0 for n >= 3.
    ddof = 0 with a real first generation: for every n >= 2. c^2 > (n-1)/n >= h, so again t = 1
    decides; with y^2 = (n-1)/n, x = sqrt(h) it is x^2 - y^2 + 2cy - 2c^2 y x, of minimum
    y (2c - y (1 + c^4)) > 0, as 2c >= 1 + c^4 on [.77, 1], where c4(n) lies, and y < 1.
(D) n = 2, ddof = 1, every d and Sigma_0, 2/pi < l < 2/3 falls from some generation on:
    c^2 = 2/pi < l makes the second term of (B) vanish beside the first, and A < 0 for l < 2/3. At
    ddof = 0 no l does this: A < 0 needs l < 1, and h = l/2 > 2/pi needs l > 1.27.
(E) l = 0 is constant from generation 2 on, and falls from 1 to 2 iff
    E F_1 < first_scale tr Sigma_0 / 2.
(F) Sigma_0 = I, A < 0 (so h < 1) increases if, with phi_t = 1 - D_t = f_t / sqrt(tau_t), at every t

        phi_t / sqrt(tau_t) > -A / (2 (1 - sqrt(h) c)).

    In the eigenbasis of Sigma_t the diagonal of Sigma_{t+1} is h times its eigenvalues times
    chi2_m/m, and F is at most the sum of the diagonal's roots (they majorise, the root is concave):
    phi_{t+1} <= c phi_t. Hence V(t+1) - V(t) = tau_t A + 2 sqrt(tau_t) (phi_t - sqrt(h) phi_{t+1})
    is at least tau_t A + 2 sqrt(tau_t) (1 - sqrt(h) c) phi_t. Bounds of phi on a grid do for all t:
    phi and tau fall, so that on [s, t] phi_t / sqrt(tau_s) is a bound; and beyond the grid
    F >= (tr Sigma_t)^{1/2}, whose expectation keeps a factor c at least in each fit (a root of an
    average of chi2_m/m, Jensen): phi_t >= c4(n_initial) c^(t-1) / sqrt(d), which divided by
    sqrt(tau_t) grows where h < c^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special

from madtheory import _check, spectrum
from madtheory._types import Array
from madtheory.laws.chi_square import log_chi_square_moment
from madtheory.loop import Loop, require_fully_synthetic
from madtheory.results import Estimate
from madtheory.theory.collapse._scales import log_first_scale, log_scale, log_step_bias
from madtheory.theory.collapse.distance import deficit, estimate, w2_squared_limit

# --- rank one: signs for all t at once (1.8) -----------------------------------------------------


def _log_c4(n: int) -> float:
    """Return log c4(n)."""
    return float(log_chi_square_moment(0.5, n - 1, n - 1))


def _gain(loop: Loop) -> float:
    """Return A, what the walk gains less what the trace loses, per unit of tau_t."""
    return (loop.scalar_bias - 1.0) + loop.scalar_bias * loop.ddof / loop.n_synth


def _first_fall(loop: Loop, log_g: float, start: int) -> int | None:
    """Return the first t >= `start` with E W2^2(t+1) < E W2^2(t), statement (B); None if none."""
    if loop.first_bias == 0:
        return None
    log_step, log_c, gain = log_step_bias(loop), _log_c4(loop.n_synth), _gain(loop)
    keep = -math.expm1(0.5 * log_step + log_c)  # 1 - sqrt(h) c
    if gain >= 0:
        log_tau = float(log_scale(loop, np.array([float(start)]))[0])
        lost = -2 * keep * math.exp(log_g + (start - 1) * log_c)
        return start if math.exp(0.5 * log_tau) * gain < lost else None
    need = math.log(2 * keep / -gain) + log_g - 0.5 * log_first_scale(loop)
    slope = 0.5 * log_step - log_c

    def falls(t: int) -> bool:
        return (0.0 if t == 1 else (t - 1) * slope) > need

    if falls(start):
        return start
    return math.floor(need / slope) + 2 if slope > 0 else None


def first_decrease(loop: Loop, *, generations: int) -> int | None:
    """Return the first t <= T with E W2^2(t+1) < E W2^2(t) at d = 1 (theory.md 1.8; exact).

    None where E W2^2 never falls up to generation T + 1. The sign is taken in logarithms, so falls
    far below rounding are seen.

    Examples
    --------
    >>> first_decrease(fully_synthetic(2, bias=0.65), generations=1000)
    302
    """
    require_fully_synthetic(loop, "first_decrease")
    last = _check.count("generations", generations)
    t = _first_fall(loop, _log_c4(loop.n_initial), 1)
    return t if t is not None and t <= last else None


# --- is the loop MAD? (1.8) ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MadVerdict:
    """Whether E W2^2 increases with every generation, and how sure that is.

    The reason is one sentence. Status "exact": proved; "bound": by rigorous bounds; "asymptotic":
    by the estimate and its declared error, or undecided. `generation` is one whose E W2^2 is below
    that of an earlier one (or, at bias = 0, not above it).
    """

    verdict: Literal["increasing", "not_increasing", "undecided"]
    reason: str
    status: Literal["exact", "bound", "asymptotic"]
    generation: int | None


def _constant() -> MadVerdict:
    """Statement (E) where the first step does not fall."""
    reason = "E W2^2 is constant from generation 2 on: every model is then a point"
    return MadVerdict("not_increasing", reason, "exact", 3)


def _rank_one(loop: Loop, dim: int, start: int) -> MadVerdict | None:
    """Return what statement (B) says of the steps from generation `start`, of rank 1, on."""
    first = spectrum.chain_deficit(np.ones(dim), [start], first=loop.first_dof, later=loop.dof)
    log_g = math.log1p(-float(first.value[0])) - (start - 1) * _log_c4(loop.n_synth)
    t = _first_fall(loop, log_g, start)
    if t is not None:
        reason = f"E W2^2 falls from generation {t} to {t + 1}"
        return MadVerdict("not_increasing", reason, "exact", t + 1)
    if start > 1:
        return None
    if loop.scalar_bias == 0:
        return _constant()
    return MadVerdict("increasing", "the sign of every step is known in closed form", "exact", None)


def _last_unproved(loop: Loop) -> int:
    """Return the last generation from which a fall is not excluded by (A) when A >= 0; 0: none."""
    log_step = log_step_bias(loop)
    if log_step <= 0:
        return 0
    # sqrt(tau_t) A >= 2 (sqrt(h) - 1) from some t on.
    need = math.log(2 * math.expm1(0.5 * log_step) / _gain(loop))
    return max(0, math.ceil(2 * (need - 0.5 * log_first_scale(loop)) / log_step))


def _walk_wins(loop: Loop) -> bool:
    """Return whether statement (A) covers every step."""
    outweighs = loop.scalar_bias >= loop.n_synth / (loop.n_synth + loop.ddof)
    return outweighs and _last_unproved(loop) == 0


def _proved(loop: Loop, dim: int) -> MadVerdict | None:
    """Return the verdict by statements (A) to (D) where one applies."""
    if loop.first_bias == 0:
        return MadVerdict("not_increasing", "every model is the point mu_0", "exact", 2)
    if _walk_wins(loop):
        bound = "n/(n+1)" if loop.ddof else "1"
        reason = f"the walk outweighs the shrinking trace: bias >= {bound}"
        return MadVerdict("increasing", reason, "exact", None)
    if min(dim, loop.first_dof) == 1:
        return _rank_one(loop, dim, 1) if min(dim, loop.dof) == 1 else None
    return _rank_one(loop, dim, 2) if loop.dof == 1 and loop.scalar_bias > 0 else None


def _grid(loop: Loop) -> Array:
    """Return generations on which a fall is looked for: all small ones, then 2 % apart."""
    if loop.scalar_bias == 0:
        return np.array([1.0, 2.0])
    log_step = log_step_bias(loop)
    if log_step >= 0:  # (A) leaves a few first steps only
        return np.arange(1.0, _last_unproved(loop) + 2)
    last = min(45 / -log_step, float(_check.MAX_COUNT)) + 3
    steps = np.geomspace(1.0, last, 64 + int(50 * math.log(last))).round()
    return np.unique(np.concatenate([np.arange(1.0, min(last, 200.0) + 1), steps]))


def _fall(low: Array, high: Array, t: Array) -> tuple[int, int] | None:
    """Return (s, t), s < t, with high(t) < low(s): a certified fall."""
    best = np.maximum.accumulate(low)
    falls = np.flatnonzero(high[1:] < best[:-1] * (1 - 1e-12)) + 1
    if not falls.size:
        return None
    return int(t[np.argmax(low[: falls[0]])]), int(t[falls[0]])


def _outgrows(loop: Loop, dim: int, t: Array, lost: Array) -> bool:
    """Return whether statement (F) holds at every generation, D_t <= `lost` on the grid t."""
    log_step, log_c, gain = log_step_bias(loop), _log_c4(loop.n_synth), _gain(loop)
    if gain >= 0 or log_step >= 2 * log_c:
        return False
    need = math.log(-gain / (-2 * math.expm1(0.5 * log_step + log_c))) + 1e-9
    log_root = 0.5 * log_scale(loop, t)
    tail = _log_c4(loop.n_initial) + (t - 1) * log_c - 0.5 * math.log(dim)
    with np.errstate(divide="ignore"):
        low = np.maximum(np.log1p(-np.minimum(lost, 1.0)), tail)
    within = np.where(np.diff(t) == 1, low[:-1], low[1:]) - log_root[:-1]
    return bool(min(within.min(), tail[-1] - log_root[-1]) > need)


def _increase(loop: Loop, dim: int, t: Array, d: Estimate) -> MadVerdict | None:
    """Return what statement (F) proves, or makes likely where D_t has its declared error."""
    for lost, status, by in (
        (d.upper, "bound", "by bounds"),
        (d.value * (1 + d.rel_error), "asymptotic", "by the estimate and its declared error"),
    ):
        if _outgrows(loop, dim, t, lost):
            reason = f"the distance gains more in every step than the trace loses, {by}"
            return MadVerdict("increasing", reason, status, None)  # type: ignore[arg-type]
    return None


def is_increasing(loop: Loop, dim: int) -> MadVerdict:
    """Return whether E W2^2 increases with every generation, Sigma_0 = I (theory.md 1.8).

    "increasing" where it is proved (statements (A), (B), (C) of this module), or where (F) holds by
    rigorous bounds ("bound") or by the estimate and its declared error ("asymptotic");
    "not_increasing" where a fall is proved, certified or seen in the same ways.

    Examples
    --------
    >>> is_increasing(fully_synthetic(10), 5).verdict
    'increasing'
    >>> is_increasing(fully_synthetic(2, bias=0.65), 1).generation
    303
    """
    require_fully_synthetic(loop, "is_increasing")
    d = _check.count("dim", dim)
    proved = _proved(loop, d)
    if proved is not None:
        return proved
    t = _grid(loop)
    lost = deficit(loop, np.ones(d), t)
    e = estimate(loop, t, lost)
    spread = e.value * e.rel_error
    bounds = ((e.lower, e.upper, "bound"), (e.value - spread, e.value + spread, "asymptotic"))
    for low, high, status in bounds:
        fall = _fall(low, high, t)
        if fall is not None:
            reason = f"E W2^2 at generation {fall[1]} is below that at generation {fall[0]}"
            return MadVerdict("not_increasing", reason, status, fall[1])  # type: ignore[arg-type]
    if loop.scalar_bias == 0:
        return _constant()
    found = _increase(loop, d, t, lost)
    if found is not None:
        return found
    reason = "no proof of increase applies and no fall exceeds the declared error"
    return MadVerdict("undecided", reason, "asymptotic", None)


# --- overshoot (1.8) -----------------------------------------------------------------------------


def step_one_two_threshold() -> float:
    """Return gamma = d/m beyond which E W2^2(2) < E W2^2(1) for some bias, d -> infinity (1.8).

    With F_t the limit of E tr Sigma_t^{1/2} / d at bias 1 the step is, per dimension and for
    n -> infinity, bias - 1 + 2 F_1 - 2 sqrt(bias) F_2, least at bias = F_2^2, where it is
    2 F_1 - 1 - F_2^2.

    Examples
    --------
    >>> f"{step_one_two_threshold():.6f}"
    '1.972219'
    """

    def step(gamma: float) -> float:
        one, two = spectrum.sqrt_trace_limit([1, 2], gamma)
        return float(2 * one - 1 - two**2)

    return float(optimize.brentq(step, 1.0, 4.0, xtol=1e-14))


def step_one_two_bias() -> float:
    """Return the bias at which the step of :func:`step_one_two_threshold` first falls, F_2^2.

    Examples
    --------
    >>> f"{step_one_two_bias():.6f}"
    '0.326971'
    """
    return float(spectrum.sqrt_trace_limit(2, step_one_two_threshold())) ** 2


def _least_slope(log_excess: float, dim: float, x: Array, g: Array, down: Array) -> float:
    """Return the least slope of E W2^2 / d in s = t/n over x = d s, times e^{a s/2}.

    In the limit d, n -> infinity with d/n -> 0, a = n (1 - bias) = 1 + e^log_excess fixed,
    E W2^2 / d is (1 - e^{-as})/a + e^{-as} + 1 - 2 e^{-as/2} G(ds), whose slope in s is
    e^{-as} (1 - a) + e^{-as/2} [a G - 2 d G'], where g = G(x) = e^{-x/4} [I_0 + I_1](x/4) and
    down = -G'(x) = e^{-x/4} I_1(x/4) / x.
    """
    excess = math.exp(log_excess)
    fall = excess * np.exp(-(1 + excess) * x / (2 * dim))
    return float(((1 + excess) * g + 2 * dim * down - fall).min())


def overshoot_interval(dim: int) -> tuple[float, float] | None:
    """Return the a = n (1 - bias) for which E W2^2 falls somewhere although d << n (1.8).

    Asymptotic: d, n -> infinity with d/n -> 0 and a fixed, Sigma_0 = I, evaluated at d = `dim`.
    At ddof = 0 the two numbers bound n (1 - step_bias) = 1 + n (1 - bias) instead. None where the
    limit increases for every a.

    Examples
    --------
    >>> tuple(round(a, 1) for a in overshoot_interval(300))
    (1.5, 12.9)
    >>> overshoot_interval(100) is None
    True
    """
    d = float(_check.count("dim", dim))
    # a = 1 + e^y: a <= 1 never falls, a >> d dies before the spectrum spreads.
    y = np.linspace(-10.0, math.log(4 * d + 10), 60)
    x = np.exp(np.linspace(-6.0, math.log(80 * d), 4000))
    g, down = spectrum.sqrt_trace_limit_small_ratio(x), special.i1e(x / 4) / x

    def slope(v: float) -> float:
        return _least_slope(v, d, x, g, down)

    at = int(np.argmin([slope(v) for v in y]))
    around = (y[max(at - 1, 0)], y[min(at + 1, y.size - 1)])
    middle = float(optimize.minimize_scalar(slope, bounds=around, method="bounded").x)
    if slope(middle) >= 0:
        return None
    low, high = (optimize.brentq(slope, end, middle) for end in (y[0], y[-1]))
    return 1 + math.exp(low), 1 + math.exp(high)


@dataclass(frozen=True, slots=True)
class Overshoot:
    """E W2^2 at its first peak over t, at the lowest point after it and at t = infinity, for I."""

    peak_generation: int
    peak: float
    trough_generation: int
    trough: float
    limit: float


def overshoot_peak(loop: Loop, dim: int) -> Overshoot | None:
    """Return where E W2^2 peaks and how deep it falls afterwards (theory.md 1.8; asymptotic).

    Read off the estimate of :func:`madtheory.theory.collapse.w2_squared`, on all of the first 200
    generations and 2 % apart beyond; None where it never falls. :func:`is_increasing` says whether
    the fall exceeds the declared error.

    Examples
    --------
    >>> overshoot_peak(fully_synthetic(51, bias=0.3), 130).peak_generation
    1
    """
    require_fully_synthetic(loop, "overshoot_peak")
    d = _check.count("dim", dim)
    if _walk_wins(loop):
        return None
    t = _grid(loop)
    v = estimate(loop, t, deficit(loop, np.ones(d), t)).value
    falls = np.flatnonzero(v[1:] < v[:-1] * (1 - 1e-12))
    if not falls.size:
        return None
    top = int(falls[0])
    low = top + int(v[top:].argmin())
    limit = w2_squared_limit(loop, np.ones(d))
    return Overshoot(int(t[top]), d * float(v[top]), int(t[low]), d * float(v[low]), limit)
