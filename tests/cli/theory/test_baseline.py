"""Every JSON number of `theory baseline` and `theory effective` by a second route."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp

Answer = Callable[..., dict[str, Any]]

mp.dps = 40


@pytest.mark.parametrize("n", [3, 20, 10**6])
def test_baseline_in_one_dimension(answer: Answer, n: int) -> None:
    got = answer("theory", "baseline", "--dim", 1, "--n", n)
    m = mp.mpf(n - 1)
    c4 = mp.sqrt(2 / m) * mp.gammaprod([(m + 1) / 2], [m / 2])
    exact = float(mp.mpf(1) / n + 2 - 2 * c4)
    error = got["w2_squared_rel_error"]
    assert got["w2_squared"] == pytest.approx(exact, rel=error + 1e-9)
    assert error < 0.5


@pytest.mark.parametrize(("dim", "n"), [(2, 100), (10, 1000), (50, 10**6)])
def test_baseline_leading_order(answer: Answer, dim: int, n: int) -> None:
    got = answer("theory", "baseline", "--dim", dim, "--n", n)
    leading = dim / n + dim * (dim + 1) / (4 * (n - 1))
    assert got["w2_squared"] == pytest.approx(leading, rel=dim / n)
    assert got["w2_squared_rel_error"] < dim / n


@pytest.mark.parametrize("dim", [1, 10])
@pytest.mark.parametrize("n", [50, 10**5])
def test_effective_size_inverts_the_baseline(answer: Answer, dim: int, n: int) -> None:
    w2 = answer("theory", "baseline", "--dim", dim, "--n", n)["w2_squared"]
    got = answer("theory", "effective", "--dim", dim, "--w2-squared", repr(w2))
    assert got["n_eff"] == pytest.approx(n, rel=1e-9)
    # Exact up to n = 10^4 dim; beyond with an error that is small there.
    width = got["n_eff_upper"] / got["n_eff_lower"] - 1
    assert -1e-12 <= width < 1e-5
    assert n > 50 or width == 0
    assert set(got["status"].values()) == {"asymptotic" if width else "exact"}


def test_an_error_of_the_baseline_is_no_exact_size(answer: Answer, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, 3)) * [1.0, 2.0, 5.0]
    np.save(tmp_path / "x.npy", x)
    got = answer("theory", "effective", "--features", tmp_path / "x.npy", "--w2-squared", 1.0)
    assert got["n_eff_lower"] < got["n_eff"] < got["n_eff_upper"]
    assert set(got["status"].values()) == {"asymptotic"}


def test_no_distance_takes_infinitely_many_samples(answer: Answer) -> None:
    assert answer("theory", "effective", "--dim", 2, "--w2-squared", 0)["n_eff"] is None


def test_tables_say_errors_and_intervals_where_there_are_any(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from madtheory.cli.theory.baseline import show_baseline, show_effective

    payload = {"dim": 3, "n": 50, "w2_squared": 0.5, "w2_squared_rel_error": 0.25}
    for kind, said in (("asymptotic", "asymptotic, ±25 %"), ("exact", "exact")):
        show_baseline(payload | {"status": {"w2_squared": kind}})
        assert capsys.readouterr().out.split("0.5 ")[1].strip() == said
    found = {"dim": 3, "w2_squared": 0.5, "n_eff": 8.0, "status": {"n_eff": "asymptotic"}}
    for low, high, said in ((7.5, 9.0, "asymptotic, 7.5 to 9"), (8.0, 8.0, "asymptotic")):
        show_effective(found | {"n_eff_lower": low, "n_eff_upper": high})
        assert capsys.readouterr().out.split(" 8 ")[1].strip() == said
