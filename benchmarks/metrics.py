"""Speed and memory of the metrics.

Peak memory is that of a fresh process each (`ru_maxrss`), imports included.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from benchmarks.timing import best
from madtheory import metrics

#: Run in a process of its own: least seconds and processor seconds of a run, peak in MB.
MEASURE = """
import contextlib, io, resource, time
import numpy as np
rng = np.random.default_rng(0)
real, synth = rng.standard_normal((2, {rows}, 64), dtype=np.{dtype})
{setup}
seconds, busy = [], []
for _ in range({repeats}):
    start, used = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        {call}
    seconds.append(time.perf_counter() - start)
    busy.append(time.process_time() - used)
print(min(seconds), min(busy), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
OURS = "from madtheory import metrics; metrics.precision_recall(real[:50], synth[:50])"


def measured(
    rows: int, call: str, setup: str, *, dtype: str = "float64", repeats: int = 3
) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak MB of `call` on two sets of `rows` by 64."""
    code = MEASURE.format(rows=rows, dtype=dtype, setup=setup, repeats=repeats, call=call)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds, busy, peak = map(float, done.stdout.split())
    return seconds, busy, peak


def precision_recall_vs_prdc() -> dict[str, float]:
    """10,000 x 64 against 10,000 x 64, k = 5: at least 5 times prdc at a fifth of its peak.

    On a busy machine the ratio of processor seconds says more than that of times.
    """
    ours, our_busy, our_peak = measured(10_000, "metrics.precision_recall(real, synth)", OURS)
    prdc, prdc_busy, prdc_peak = measured(
        10_000, "compute_prdc(real, synth, 5)", "from prdc import compute_prdc"
    )
    return {
        "s_ours": ours,
        "s_prdc": prdc,
        "ratio_time": prdc / ours,
        "ratio_processor": prdc_busy / our_busy,
        "mb_ours": our_peak,
        "mb_prdc": prdc_peak,
        "ratio_memory": prdc_peak / our_peak,
    }


def fid_speed() -> dict[str, float]:
    """Two sets of 10^5 x 64, interval included: below 1 s."""
    rng = np.random.default_rng(0)
    real, synth = rng.standard_normal((2, 100_000, 64))
    return {
        "s_fid": best(lambda: metrics.fid(real, synth), 3),
        "s_fid_unbiased": best(lambda: metrics.fid_unbiased(real, synth), 3),
    }


def memory_1e5() -> dict[str, float]:
    """Peak of everything on two sets of 10^5 x 64 in float32: below 1 GB."""
    shares, _, peak = measured(
        100_000, "metrics.precision_recall(real, synth)", OURS, dtype="float32", repeats=1
    )
    distance, _, fid_peak = measured(
        100_000, "metrics.fid_unbiased(real, synth)", OURS, dtype="float32", repeats=1
    )
    return {
        "s_precision_recall": shares,
        "mb_precision_recall": peak,
        "s_fid_unbiased": distance,
        "mb_fid_unbiased": fid_peak,
    }
