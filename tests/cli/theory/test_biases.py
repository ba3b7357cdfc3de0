"""`--bias-file` and `theory biases`: numbers by a second route, round trip, bad input."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madtheory.cli import run

Answer = Callable[..., dict[str, Any]]
Refusal = Callable[..., str]
Close = Callable[..., None]

BIASES = [1.0, 0.9, 0.5]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "biases.csv"
    path.write_text("".join(f"{x}\n" for x in BIASES))
    return path


def generations(folder: Path, count: int, n: int = 300) -> list[Path]:
    """Real data and generations of a loop with a spectrum of biases, in turned axes."""
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    scale, root = np.sqrt([4.0, 1.0, 0.2]), np.sqrt(BIASES)
    x, paths = rng.normal(size=(n, 3)) * scale, [folder / f"{t}.npy" for t in range(count + 1)]
    np.save(paths[0], rng.normal(size=(3000, 3)) * scale @ turned)
    for path in paths[1:]:
        cov = root[:, None] * np.cov(x.T) * root
        x = rng.multivariate_normal(x.mean(axis=0), cov, size=n)
        np.save(path, x @ turned)
    return paths


def test_collapse_by_direction(answer: Answer, close: Close, file: Path) -> None:
    options = ("theory", "collapse", "--dim", 3, "--n-synth", 10, "--generations", 4)
    got = answer(*options, "--bias-file", file)
    lam = np.array(BIASES)
    close(got["mean_trace"], [float((lam**t).sum()) for t in range(4)])
    walk = [sum(float((lam**k).sum()) for k in range(t + 1)) / 10 for t in range(4)]
    close(got["mean_walk"], walk)
    plain = answer(*options)
    close(
        got["lyapunov"], [x + float(np.log(y)) for x, y in zip(plain["lyapunov"], lam, strict=True)]
    )
    close(got["direction_rates"], [plain["rate"] + float(np.log(y)) for y in lam])
    assert (got["rate"], got["critical_bias"]) == (plain["rate"], plain["critical_bias"])
    assert (got["dominant_direction"], got["dominant_from"]) == (1, 2)
    assert got["loop"]["bias"] == BIASES
    assert "direction_rates" not in plain


def test_fresh_data_by_direction(answer: Answer, close: Close, file: Path) -> None:
    options = ("theory", "fresh", "--dim", 3, "--n-real", 20, "--n-synth", 60, "--generations", 3)
    got = answer(*options, "--bias-file", file)
    each = [answer(*options, "--bias", x) for x in BIASES]
    for name in ("mean_sq", "trace"):
        close(got[name], sum(one[name] for one in each) / 3)
        paths = zip(*(one["path"][name] for one in each), strict=True)
        close(got["path"][name], [sum(x) / 3 for x in paths])
    close(got["forgetting_rate"], max(one["forgetting_rate"] for one in each))
    assert min(one["w2_squared"] for one in each) < got["w2_squared"]
    assert got["w2_squared"] < max(one["w2_squared"] for one in each)
    assert "one bias in all directions only" in got["reason"]["admissible_n_synth"]


@pytest.mark.parametrize("shape", [(3, 1), (1, 3)])
def test_a_file_holds_a_row_or_a_column(answer: Answer, tmp_path: Path, shape: Any) -> None:
    path = tmp_path / "b.npy"
    np.save(path, np.reshape(BIASES, shape))
    options = ("simulate", "fresh", "--dim", 3, "--n-real", 5, "--n-synth", 9, "--replicates", 3)
    assert answer(*options, "--generations", 2, "--bias-file", path)["loop"]["bias"] == BIASES


def test_a_flat_file_is_a_number(answer: Answer, tmp_path: Path) -> None:
    path = tmp_path / "b.npy"
    np.save(path, np.full((3, 1), 0.5))
    options = ("theory", "augmentation", "--dim", 3, "--n-real", 5, "--n-synth", 9)
    assert answer(*options, "--bias-file", path) == answer(*options, "--bias", 0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\n0.5\n", "must hold one bias for each of 3 directions, got 2"),
        ("1,2\n0.5,1\n", "must hold one row or column of numbers, got shape (2, 2)"),
        ("1\n\n", "must hold one bias for each of 3 directions, got 1"),
        (
            "1\n0.5\n1.5\n",
            "must hold biases of at most 1, got 1.5; write 1 for what is estimated as more by "
            "noise, or accept it by --allow-overdispersion",
        ),
        ("1\nnan\n-1\n", "b.csv must hold finite biases of at least 0, got nan for direction 2"),
        ("1\n0.5\n-1\n", "b.csv must hold finite biases of at least 0, got -1 for direction 3"),
    ],
)
def test_a_bad_file_is_refused(
    refusal: Refusal, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "b.csv"
    path.write_text(content)
    said = refusal("theory", "collapse", "--dim", 3, "--n-synth", 9, "--bias-file", path)
    assert said.endswith(message)


def test_a_bias_above_one_is_refused_where_nothing_accepts_it(
    refusal: Refusal, tmp_path: Path
) -> None:
    """As `theory biases --out` writes it for a direction that only noise moves."""
    path = tmp_path / "b.csv"
    path.write_text("bias\n1.02\n0.9\n")
    options = ("--dim", 2, "--n-real", 9, "--n-synth", 9, "--bias-file", path)
    for command in (("theory", "fresh"), ("simulate", "augmentation")):
        said = refusal(*command, *options)
        assert said.endswith("got 1.02; write 1 for what is estimated as more by noise")


def test_one_of_both_options(refusal: Refusal, file: Path) -> None:
    options = ("theory", "fresh", "--dim", 3, "--n-real", 9, "--n-synth", 9, "--bias-file", file)
    assert refusal(*options, "--bias", 1.0) == (
        "at most one of --bias and --bias-file must be given, got both"
    )


def test_generations_give_their_biases(answer: Answer, close: Close, tmp_path: Path) -> None:
    real, *later = generations(tmp_path, 5)
    out = tmp_path / "found.csv"
    got = answer("theory", "biases", real, *later, "--n-synth", 300, "--out", out)
    x = np.load(real)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    along = np.array([(np.load(path) @ vectors[:, ::-1]).var(axis=0, ddof=1) for path in later])
    close(
        [one["bias"]["value"] for one in got["directions"]],
        (along[1:] / along[:-1]).mean(0).tolist(),
    )
    close([one["share"] for one in got["directions"]], (values[::-1] / values.sum()).tolist())
    for one, lam in zip(got["directions"], BIASES, strict=True):
        low, high = one["bias"]["interval"]
        assert low < lam < high
    assert [one["fate"] for one in got["directions"]] == ["undecided", "dying", "dying"]
    options = ("--features", real, "--n-synth", 300, "--bias-file", out, "--allow-overdispersion")
    read = answer("theory", "collapse", *options, "--generations", 2)
    close(read["loop"]["bias"], [one["bias"]["value"] for one in got["directions"]])


def test_noise_is_estimated_where_it_is_not_said(answer: Answer, tmp_path: Path) -> None:
    got = answer("theory", "biases", *generations(tmp_path, 6))
    assert 100 < got["dof"] < 900
    assert (got["out"], got["generations"], got["level"]) == (None, 6, 0.95)


def test_too_little_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    real, *later = generations(tmp_path, 3)
    assert refusal("theory", "biases", real, *later[:2]) == (
        "without --n-synth, at least 3 generations are needed, got 2"
    )
    assert refusal("theory", "biases", real, later[0], "--n-synth", 9) == (
        "at least 2 generations are needed, got 1"
    )
    assert refusal("theory", "biases", real, *later, "--out", "x.npy") == (
        "out must end in .csv, got 'x.npy'"
    )
    mine = tmp_path / "mine.csv"
    np.savetxt(mine, np.load(real), delimiter=",")
    before = mine.read_bytes()
    (tmp_path / "link.csv").symlink_to(mine)
    for name in ("mine.csv", "link.csv"):
        refused = refusal("theory", "biases", mine, *later, "--out", tmp_path / name)
        assert refused == f"out must be another file than those read, got {tmp_path / name}"
    assert mine.read_bytes() == before
    os.mkfifo(tmp_path / "pipe.csv")
    for name, rule in (("pipe.csv", "be a file, got"), ("no/b.csv", "lie in an existing folder")):
        refused = refusal("theory", "biases", real, *later, "--out", tmp_path / name)
        assert refused.startswith(f"out must {rule}")
    assert (tmp_path / "pipe.csv").is_fifo()
    wide = tmp_path / "wide.npy"
    np.save(wide, np.eye(4))
    assert "3 columns like real, got 4" in refusal("theory", "biases", real, *later, wide)


def test_generations_out_of_order_with_a_gap_or_twice_are_refused(
    refusal: Refusal, tmp_path: Path
) -> None:
    """As the audit does: of a shell's order, g1 g10 g2, biases are wrong and look sure."""
    real, *later = generations(tmp_path, 4)
    for them in ((later[0], later[2], later[3]), later[::-1]):
        assert refusal("theory", "biases", real, *them) == (
            f"generations must be successive, got {them[1]} right after {them[0]}"
        )
    again = tmp_path / "again.npy"
    np.save(again, np.load(later[0]))
    assert refusal("theory", "biases", real, *later[:2], again) == (
        f"{again} must be a set of its own, got the rows of {later[0]}"
    )
    np.save(tmp_path / "copy.npy", np.load(real))
    assert "must be a set of its own, got the rows of real" in refusal(
        "theory", "biases", real, tmp_path / "copy.npy", later[1], later[2]
    )


def test_the_table_fits_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["theory", "biases", *(str(x) for x in generations(tmp_path, 4))]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "dying" in shown
    assert "1 undecided" in shown


def test_a_direction_without_variance_keeps_its_bias(answer: Answer, tmp_path: Path) -> None:
    paths = generations(tmp_path, 2)
    for path in paths:
        x = np.load(path)
        np.save(path, np.column_stack([x, np.ones(len(x))]))
    out = tmp_path / "found.csv"
    got = answer("theory", "biases", *paths, "--n-synth", 300, "--out", out)
    assert got["dof"] == 299
    assert out.read_text().splitlines()[-1] == "1.0"
