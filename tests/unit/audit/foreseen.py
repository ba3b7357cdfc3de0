"""What several files here ask: the forecast without the rest of an audit."""

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
