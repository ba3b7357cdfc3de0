"""What several files here ask: the forecast without the rest of an audit, and loops."""

import numpy as np

from madtheory.audit import forecast, inference
from madtheory.audit.series import axes_of, series_of
from madtheory.metrics import fid


def foreseen(real, files):
    """The forecast alone, of which nothing is said."""
    axes = axes_of(real)
    series = series_of(axes, files)
    held = inference.infer(series, None, 0.95, 0.02).held
    last = float(files[-1].var(axis=0, ddof=1).sum()), fid(real, files[-1]).value
    return forecast.forecast(real, files, axes, series, held, last, 5, 0.95)


def principal(rng, x, n, *, keep, rest):
    """Samples of a fit of which all but the largest components are `rest` of their deviation."""
    values, vectors = np.linalg.eigh(np.cov(x.T))
    deviations = np.sqrt(values) * np.where(np.arange(len(values)) < len(values) - keep, rest, 1)
    return x.mean(axis=0) + rng.standard_normal((n, len(values))) * deviations @ vectors.T


def dropping(seed, dim=12, keep=9, rest=0.05, files=13, n=400):
    """Real rows of variance 1, and files of models of which three tenths are fresh real data."""
    rng = np.random.default_rng([41, seed])
    real, x, out = rng.standard_normal((1000, dim)), rng.standard_normal((n, dim)), []
    for _ in range(files):
        out.append(principal(rng, x, n, keep=keep, rest=rest))
        fresh = rng.standard_normal((3 * n // 10, dim))
        x = np.concatenate([out[-1][: n - len(fresh)], fresh])
    return real, out
