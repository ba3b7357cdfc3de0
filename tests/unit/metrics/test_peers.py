"""Metrics against the libraries that have them, where those are right (docs/metrics.md)."""

import contextlib
import io
import json
import pathlib

import numpy as np
import prdc
import pytest
import scipy.linalg

from madtheory import metrics

GOLDEN = json.loads(
    (pathlib.Path(__file__).parents[2] / "golden" / "metrics" / "peers.json").read_text()
)


def sqrtm_fid(x, y):
    """The formula of torch-fidelity, pytorch-fid and clean-fid, without their regularisation."""
    shift, a, b = x.mean(0) - y.mean(0), np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(a @ b)
    return shift @ shift + np.trace(a) + np.trace(b) - 2 * np.trace(root).real


@pytest.mark.parametrize("row", GOLDEN["rows"])
def test_pot_and_torchmetrics(row):
    distance = metrics.fid(row["real"], row["synth"]).value
    assert distance == pytest.approx(row["fid"]["pot"], rel=1e-6)
    assert distance == pytest.approx(row["fid"]["torchmetrics"], rel=1e-6)
    # The mean of n^2 kernel values less one another's: rounding of a few 1e-14.
    kernel = metrics.kernel_distance(row["real"], row["synth"]).value
    assert kernel == pytest.approx(row["kernel_distance"], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("n", "m", "dim"), [(100, 150, 2), (500, 400, 16), (2000, 3000, 64)])
def test_the_sqrtm_formula(n, m, dim):
    rng = np.random.default_rng(dim)
    turn = rng.standard_normal((dim, dim)) / np.sqrt(dim)
    x, y = rng.standard_normal((n, dim)), 0.1 + rng.standard_normal((m, dim)) @ turn
    assert metrics.fid(x, y).value == pytest.approx(sqrtm_fid(x, y), rel=1e-6)


@pytest.mark.parametrize(("n", "m", "dim"), [(50, 40, 1), (700, 500, 3), (900, 1300, 64)])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_prdc(n, m, dim, k):
    """The same shares, to the last row, on data without ties."""
    rng = np.random.default_rng(dim)
    x, y = rng.standard_normal((n, dim)), 0.3 + 0.8 * rng.standard_normal((m, dim))
    with contextlib.redirect_stdout(io.StringIO()):
        peer = prdc.compute_prdc(x, y, k)
    both = metrics.precision_recall(x, y, k=k)
    assert both.precision.value == peer["precision"]
    assert both.recall.value == peer["recall"]
