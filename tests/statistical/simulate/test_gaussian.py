"""The exact sampler against exact moments, and against the sampler that draws all the data.

Every comparison with a formula states its power: |z| < 4.5 passes (two-sided 7e-6), and the test
demands that an error of 2 % would lie 6.9 standard errors away, so it is seen with probability
above 0.99.
"""

import math

import numpy as np
import pytest
from scipy.special import digamma, gammaln, polygamma

from madtheory._compile import kernel
from madtheory.loop import fresh_data, fully_synthetic
from madtheory.simulate import simulate, simulate_plain
from madtheory.simulate.kernels.collapse import collapse_step, first_generation
from madtheory.simulate.kernels.spec import Spec

ACCEPT, NEED = 4.5, 6.9
SPEC = Spec(
    **dict.fromkeys({*Spec._fields} - {*Spec._field_defaults}, 0.0)
    | {"memory": 1, "cap": 1, "weight": -1.0, "first_bias": 1.0, "bias": 1.0, "ddof": 1.0}
)
SPECTRA = {
    "one": (2.0,),
    "general": (3.0, 1.0, 0.2),
    "singular": (2.0, 1.0, 0.0),
    "wide": (1.0,) * 7,
}


def _check(estimate, se, exact, *, error=None):
    """Assert |z| small at every generation, and power against `error` (2 % of the exact value)."""
    estimate, se, exact = map(np.atleast_1d, (estimate, se, exact))
    z = (estimate - exact) / se
    assert np.abs(z).max() < ACCEPT, z
    error = 0.02 * np.abs(exact) if error is None else error
    assert (error / se).min() > NEED, "no power"


def _replicates(s):
    """Fewer where the trace averages over more directions."""
    return int(480_000 * sum(x * x for x in s) / sum(s) ** 2)


def _collapse_moments(loop, s, generations):
    """theory.md 1.5, 1.6 with a first sample of its own size: E tr, E ||mu||^2."""
    t = np.arange(1, generations + 1)
    trace = loop.first_bias * loop.bias ** (t - 1) * sum(s)
    steps = np.r_[loop.first_bias * sum(s) / loop.n_initial, loop.bias * trace[:-1] / loop.n_synth]
    return trace, np.cumsum(steps)


def _collapse_log_det(loop, d, t):
    """theory.md 1.3: E log det Sigma_t / Sigma_0."""
    first = sum(_log_chi_square(loop.first_dof - i, loop.first_dof) for i in range(d))
    later = sum(_log_chi_square(loop.dof - i, loop.dof) for i in range(d))
    return first + d * math.log(loop.first_bias) + (t - 1) * (later + d * math.log(loop.bias))


def _log_chi_square(dof, scale):
    return digamma(dof / 2) - math.log(scale / 2)


def _fresh_moments(loop, total, generations):
    """theory.md 2.2: (E ||mu||^2, E tr Sigma) over generations; `total` is tr Sigma_0."""
    n_r, n_s, n = loop.n_fresh, loop.n_synth, loop.n_train
    M, C, path = loop.first_bias * total / loop.n_initial, loop.first_bias * total, []
    for _ in range(generations):
        path.append((M, C))
        mixed = n_r * total + n_s * loop.bias * C
        M, C = (n_s / n) ** 2 * M + mixed / n**2, mixed / n + n_r * n_s / (n * (n - 1)) * M
    return np.array(path).T


@pytest.mark.parametrize("s", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize(
    "loop",
    [
        fully_synthetic(20, bias=0.9),
        fully_synthetic(20, bias=0.7, n_initial=9, first_generation="biased"),
        fully_synthetic(6, bias=0.8, n_initial=30),
        fully_synthetic(10**9, bias=0.95, n_initial=4),
    ],
)
def test_fully_synthetic_moments(loop, s):
    run = simulate(
        loop, s, generations=3, replicates=_replicates(s), seed=1, record=("trace", "mean_sq")
    )
    trace, walk = _collapse_moments(loop, s, 3)
    _check(run.mean["trace"], run.se["trace"], trace)
    _check(run.mean["mean_sq"], run.se["mean_sq"], walk)


@pytest.mark.thinned(3)
@pytest.mark.parametrize("s", [(2.0,), (3.0, 1.0, 0.2), (1.0,) * 6])
@pytest.mark.parametrize(
    "loop",
    [
        fully_synthetic(8, bias=0.9),
        fully_synthetic(7, bias=0.5, n_initial=30, first_generation="biased"),
    ],
)
def test_log_determinant_with_theoretical_error(loop, s):
    """(1.3), at far generations too: the mean with the exact standard error, and the variance."""
    at, replicates = (1, 2, 10, 60), 50_000
    run = simulate(
        loop,
        s,
        generations=60,
        replicates=replicates,
        seed=2,
        at=at,
        record=("log_det",),
        keep_paths=True,
    )
    first = sum(polygamma(1, (loop.first_dof - i) / 2) for i in range(len(s)))
    later = sum(polygamma(1, (loop.dof - i) / 2) for i in range(len(s)))
    variance = first + (np.array(at) - 1) * later
    log_det = math.fsum(map(math.log, s)) + _collapse_log_det(loop, len(s), np.array(at))
    # What 2 % on every factor of every eigenvalue does to a log-determinant.
    shift = 0.02 * len(s) * np.array(at)
    assert run.paths is not None
    values = run.paths["log_det"]
    _check(values.mean(axis=0), np.sqrt(variance / replicates), log_det, error=shift)
    # Var of a sample variance of a near-normal: 2/n; heavier tails only enlarge it, hence 8.
    ratio = values.var(axis=0, ddof=1) / variance
    assert np.abs(ratio - 1).max() < 8 * math.sqrt(2 / replicates)


@kernel
def _log_singular_values(rng, spec, dim, generations):
    """log |G_ii|, the growing part of the log singular values."""
    nu, row, e = np.zeros(dim), np.zeros(dim), np.zeros(dim, np.int64)
    G, T, ratio = np.zeros((dim, dim)), np.zeros((dim, dim)), np.zeros((dim, dim))
    k = first_generation(rng, spec, nu, G)
    for _ in range(1, generations):
        k = collapse_step(rng, spec, nu, G, e, k, T, ratio, row)
    return np.log(np.abs(np.diag(G))) + math.log(2.0) * e


def test_lyapunov_spectrum_of_the_factor():
    """(1.4): log |G_ii| after 2,000,000 generations, within 4.5 of its theoretical errors."""
    d, n, t = 6, 9, 2_000_000
    spec = SPEC._replace(n_initial=float(n), n_synth=float(n))
    out = _log_singular_values(np.random.Generator(np.random.PCG64(5)), spec, d, t)
    half = (n - 1 - np.arange(d)) / 2
    _check(2 * out / t, np.sqrt(polygamma(1, half) / t), digamma(half) - math.log((n - 1) / 2))


@pytest.mark.parametrize("loop", [fully_synthetic(4, bias=0.9), fully_synthetic(30, bias=0.6)])
def test_distance_in_one_dimension(loop):
    """(1.7), exact for d = 1."""
    s, t = 2.0, np.arange(1, 5)
    m, lam = loop.dof, loop.bias
    c4 = math.sqrt(2 / m) * math.exp(gammaln((m + 1) / 2) - gammaln(m / 2))
    walk = s / loop.n_synth * np.cumsum(lam ** (t - 1.0))
    exact = walk + s * (1 + lam ** (t - 1.0) - 2 * lam ** ((t - 1) / 2) * c4**t)
    run = simulate(loop, [s], generations=4, replicates=400_000, seed=3)
    _check(run.mean["w2_squared"], run.se["w2_squared"], exact)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("s", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(20, 30, bias=0.9),
        fresh_data(3, 2, bias=0.8, n_initial=40),
        fresh_data(1, 6, bias=0.5),
        fresh_data(6, 1, bias=1.0),
        fresh_data(5, 4, bias=0.0),
        fresh_data(10, 20, bias=0.9, first_generation="biased", n_initial=2),
    ],
)
def test_fresh_moments(loop, s):
    run = simulate(
        loop, s, generations=4, replicates=_replicates(s), seed=4, record=("trace", "mean_sq")
    )
    mean_sq, trace = _fresh_moments(loop, sum(s), 4)
    _check(run.mean["trace"], run.se["trace"], trace)
    _check(run.mean["mean_sq"], run.se["mean_sq"], mean_sq)


@pytest.mark.parametrize("n_s", [10**3, 10**9])
def test_fresh_moments_for_any_number_of_synthetic_samples(n_s):
    loop = fresh_data(500, n_s, bias=0.9)
    run = simulate(loop, (2.0, 1.0), generations=3, replicates=150_000, seed=5)
    mean_sq, trace = _fresh_moments(loop, 3.0, 3)
    _check(run.mean["trace"], run.se["trace"], trace)
    _check(run.mean["mean_sq"], run.se["mean_sq"], mean_sq)


BOTH = (
    "mean_sq",
    "trace",
    "w2_squared",
    "log_det",
    "log_trace",
    "log_direction",
    "trace_squared",
    "mean_quadratic",
)


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    ("loop", "s"),
    [
        (fully_synthetic(12, bias=0.9), (3.0, 1.0, 0.2)),
        (fully_synthetic(4, bias=0.8, n_initial=12), (1.0,) * 5),
        (fresh_data(12, 20, bias=0.9), (3.0, 1.0, 0.2)),
        (fresh_data(3, 2, bias=0.8), (1.0,) * 6),
        (fresh_data(8, 10, bias=0.7, n_initial=30), (1.0, 0.5, 0.0)),
    ],
)
def test_against_the_data(loop, s):
    """Same law as drawing every sample: all quantities, all generations, 4.5 joint errors."""
    how = {"generations": 3, "record": BOTH}
    exact = simulate(loop, s, replicates=60_000, seed=6, keep_paths=True, **how)
    plain = simulate_plain(loop, s, replicates=1_500, seed=7, **how)
    assert exact.paths is not None
    for name in BOTH:
        # Where Sigma_t is singular the plain log-determinant is rounding noise.
        sure = np.isfinite(exact.mean[name])
        assert sure.all() or name == "log_det"
        se = np.hypot(exact.se[name], plain.se[name])
        gap = np.abs(exact.mean[name][sure] - plain.mean[name][sure])
        assert (gap < ACCEPT * se[sure]).all(), name
        # Spreads agree too, within the error of a standard deviation: 1.8 % of a normal law.
        ratio = exact.se[name][sure] / plain.se[name][sure] * math.sqrt(60_000 / 1_500)
        x = exact.paths[name][:, sure]
        kurtosis = ((x - x.mean(axis=0)) ** 4).mean(axis=0) / x.var(axis=0) ** 2
        error = np.sqrt((kurtosis - 1) / 4 * (1 / 60_000 + 1 / 1_500))
        assert (np.abs(np.log(ratio)) < ACCEPT * error).all(), name


@pytest.mark.parametrize(
    "loop",
    [
        fully_synthetic(400, bias=0.9),
        fully_synthetic(300, bias=0.6, n_initial=500, first_generation="biased"),
        fresh_data(200, 300, bias=0.8),
    ],
)
def test_the_sampler_that_draws_all_the_data_against_formulas(loop):
    """The reference itself: 2 % of bias would be seen, whatever the exact sampler does."""
    s = (2.0, 1.0, 1.0, 0.5)
    run = simulate_plain(
        loop, s, generations=3, replicates=900, seed=12, record=("trace", "mean_sq")
    )
    walk, trace = (
        _fresh_moments(loop, sum(s), 3) if loop.n_fresh else _collapse_moments(loop, s, 3)[::-1]
    )
    _check(run.mean["trace"], run.se["trace"], trace)
    # The mean of few directions is noisier: a factor like a missing bias would be seen.
    _check(run.mean["mean_sq"], run.se["mean_sq"], walk, error=0.25 * walk)


@pytest.mark.full
@pytest.mark.parametrize("loop", [fresh_data(12, 14, bias=0.9), fully_synthetic(20, bias=0.9)])
def test_distance_against_the_data_with_power(loop):
    """E W2^2 by both samplers, precise enough to see 2 %, one direction without variance."""
    s = np.r_[np.linspace(0.1, 3.0, 10), 0.0]
    exact = simulate(loop, s, generations=3, replicates=60_000, seed=8, record=("w2_squared",))
    plain = simulate_plain(
        loop, s, generations=3, replicates=15_000, seed=9, record=("w2_squared",)
    )
    se = np.hypot(exact.se["w2_squared"], plain.se["w2_squared"])
    _check(exact.mean["w2_squared"], se, plain.mean["w2_squared"])
