"""`audit REAL GEN1 GEN2 ...`: its keys, its verdicts, and what it refuses."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madtheory.audit import (
    COVERAGE,
    COVERAGE_DISCRETE,
    COVERAGE_KNOWN,
    COVERAGE_LOW_RANK,
    COVERAGE_WILD,
    SHARPENED,
)

Answer = Callable[..., dict[str, Any]]
Command = Callable[..., tuple[int, str, str]]
Refusal = Callable[..., str]

ESTIMATES = ("rate", "bias", "n_eff")


def loop(folder: Path, *, bias: float, n_fresh: int, length: int = 8) -> list[Path]:
    """Write real data and the generations of a Gaussian loop of 200 synthetic samples."""
    rng, dim = np.random.default_rng(8), 6
    paths = [folder / "real.npy", *(folder / f"gen{t}.npy" for t in range(1, length + 1))]
    np.save(paths[0], rng.normal(size=(1500, dim)))
    training = rng.normal(size=(200 + n_fresh, dim))
    for path in paths[1:]:
        mu, Sigma = training.mean(axis=0), np.cov(training.T)
        np.save(path, rng.multivariate_normal(mu, Sigma, size=800))
        synthetic = rng.multivariate_normal(mu, bias * Sigma, size=200)
        training = np.concatenate([synthetic, rng.normal(size=(n_fresh, dim))])
    return paths


@pytest.fixture(scope="module")
def mad(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return loop(tmp_path_factory.mktemp("mad"), bias=0.8, n_fresh=0)


@pytest.fixture(scope="module")
def sane(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return loop(tmp_path_factory.mktemp("sane"), bias=0.9, n_fresh=600, length=12)


def test_every_promised_key_is_there(answer: Answer, mad: list[Path]) -> None:
    got = answer("audit", *mad, "--horizon", 3)
    assert len(got["generations"]) == len(got["files"]) == 8
    for one in got["generations"]:
        assert one.keys() == {"fid", "precision", "recall", "trace"}
        for estimate in one.values():
            low, high = estimate["interval"]
            assert low <= estimate["value"] <= high
    for name in ESTIMATES:
        assert got[name].keys() == {"value", "interval"}
    assert got["forecast"]["generations"] == [9, 10, 11]
    assert {len(got["forecast"][name]) for name in ("fid", "trace")} == {3}
    promised = {"level", "dimensions", "fid", "trace", "n_eff", "sharpened"}
    assert got["coverage"].keys() == promised
    assert all(got["coverage"][name].keys() == {"all", "worst"} for name in ("fid", "n_eff"))
    assert got["coverage"]["sharpened"] == SHARPENED
    assert got.keys() >= {"verdict", "verdict_reason", "p_value", "error_rate", "fresh_data"}
    assert got["power"].keys() == {"mad", "not_mad", "share"}
    assert all(0 < value <= 1 for value in got["power"].values())
    assert got["generations_needed"]["mad"] >= 3


def test_directions_are_told_by_bands(answer: Answer, mad: list[Path]) -> None:
    got = answer("audit", *mad, "--n-real", 0, "--horizon", 3)["directions"]
    assert got.keys() == {"bands", "trace", "without_variance", "left_out", "error_rate"}
    assert got["error_rate"] == 0.02
    assert len(got["bands"]) == 6
    assert sum(one["share"] for one in got["bands"]) == pytest.approx(1)
    for one in got["bands"]:
        assert one["fate"] == "dying"
        low, high = one["bias"]["interval"]
        assert low < one["bias"]["value"] < high < 1
        assert one["half_life"]["value"] == pytest.approx(math.log(2) / -one["rate"]["value"])
    assert [x["interval"][0] < x["value"] < x["interval"][1] for x in got["trace"]] == [True] * 3
    assert answer("audit", *mad[:2])["directions"] is None
    two = answer("audit", *mad[:3])
    assert two["reason"]["directions.trace"] == "three generations are needed, got 2"


def test_directions_are_shown(command: Command, mad: list[Path]) -> None:
    _, out, _ = command("audit", *mad, "--n-real", 0)
    assert out.count("dying") == 6
    assert "Any false fate of directions at most 2 % of the time." in out


def test_a_loop_without_real_data_is_mad(answer: Answer, mad: list[Path]) -> None:
    got = answer("audit", *mad)
    assert got["verdict"] == "mad"
    assert got["p_value"] <= got["error_rate"] == 0.02
    low, high = got["bias"]["interval"]
    assert low < 0.8 < high < 0.95
    assert got["rate"]["interval"][1] < 0
    traces = [one["trace"]["value"] for one in got["generations"]]
    assert got["forecast"]["trace"][0]["value"] < traces[-1] < traces[0]


def test_a_loop_with_fresh_data_is_not(answer: Answer, sane: list[Path]) -> None:
    got = answer("audit", *sane)
    assert got["verdict"] == "not_mad"
    low, high = got["rate"]["interval"]
    assert low < 0.03
    assert high > -0.03


def test_two_generations_are_not_enough(answer: Answer, mad: list[Path]) -> None:
    got = answer("audit", *mad[:3])
    assert got["verdict"] == "undecided"
    assert got["generations_needed"]["mad"] > 2
    one = answer("audit", *mad[:2])
    assert one["power"] is one["generations_needed"] is None
    assert one["rate"] == one["bias"] == {"value": None, "interval": [None, None]}
    assert one["forecast"] is None
    assert one["reason"].keys() >= {"rate", "bias", "forecast", "fresh_data"}


def test_the_table_says_how_many_more_generations_it_takes(
    command: Command, mad: list[Path]
) -> None:
    out = " ".join(command("audit", *mad[:5])[1].split())
    assert "At best, a test of 4 generations finds" in out
    assert ("it would decide 90 %" in out) == out.startswith("Verdict: not enough data")


def test_a_collapsed_generation_is_an_ordinary_input(
    answer: Answer, command: Command, mad: list[Path], tmp_path: Path
) -> None:
    dead = [tmp_path / f"gen{t}.npy" for t in (3, 4)]
    for path in dead:
        np.save(path, np.ones((50, 6)))
    got = answer("audit", *mad[:3], *dead)
    assert got["verdict"] == "mad"
    assert got["rate"]["value"] is None
    assert "rate" in got["reason"]
    assert command("audit", *mad[:3], *dead)[0] == 0


def shown(coverage: Any) -> dict[str, float]:
    """What the answer says of the bands of FID."""
    return dict(zip(("all", "worst"), coverage["fid"], strict=True))


def test_files_that_lack_rank_are_covered_less(answer: Answer, tmp_path: Path) -> None:
    rng, paths = np.random.default_rng(4), [tmp_path / f"{t}.npy" for t in range(7)]
    np.save(paths[0], rng.standard_normal((100, 6)))
    for path in paths[1:]:
        plane = np.linalg.qr(rng.standard_normal((6, 2)))[0]
        np.save(path, rng.standard_normal((100, 2)) @ plane.T)
    for said in ((), ("--n-real", 0)):
        got = answer("audit", *paths, *said)["coverage"]
        assert got["fid"] == shown(COVERAGE_LOW_RANK)
        assert got["fid"]["worst"] < 0.8


def test_where_few_rows_vary_coverage_is_that_of_such_loops(answer: Answer, tmp_path: Path) -> None:
    rng, paths = np.random.default_rng(4), [tmp_path / f"{t}.npy" for t in range(6)]
    for path in paths:
        rare = 3.0 * (np.arange(400)[:, None] < 2 + 3 * rng.random() ** 2)
        np.save(path, np.hstack([rng.standard_normal((400, 5)), rng.permutation(rare)]))
    for said in ((), ("--n-real", 0)):
        assert answer("audit", *paths, *said)["coverage"]["fid"] == shown(COVERAGE_WILD)


def test_of_discrete_columns_coverage_is_that_of_such_loops(answer: Answer, tmp_path: Path) -> None:
    rng, paths = np.random.default_rng(4), [tmp_path / f"{t}.npy" for t in range(6)]
    for path in paths:
        np.save(path, (rng.random((400, 8)) < 0.4).astype(float))
    for said in ((), ("--n-real", 0)):
        got = answer("audit", *paths, *said)
        assert got["coverage"]["fid"] == shown(COVERAGE_DISCRETE)
        # That table has such loops.
        assert got["coverage"]["sharpened"] is None
        assert "whose models sharpen" in got["reason"]["coverage.sharpened"]


def test_no_forecast_by_directions_where_a_loop_turns(answer: Answer, tmp_path: Path) -> None:
    rng, paths = np.random.default_rng(5), [tmp_path / f"{t}.npy" for t in range(9)]
    axes = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    M, x = (axes * np.sqrt([1, 0.7] * 4)) @ axes.T, rng.standard_normal((600, 8))
    np.save(paths[0], rng.standard_normal((600, 8)))
    for path in paths[1:]:
        x = rng.standard_normal((600, 8)) @ np.linalg.cholesky(np.cov(x.T)).T @ M
        np.save(path, x)
    got = answer("audit", *paths)
    assert got["directions"]["trace"] is None
    assert got["reason"]["directions.trace"] == (
        "variances change along other directions than the real ones"
    )
    two = answer("audit", *paths[:3])
    assert two["reason"]["directions.trace"] == "three generations are needed, got 2"


def test_where_bands_may_not_hold_is_said_below_them(command: Command, mad: list[Path]) -> None:
    said = "Models that sharpen what they draw"
    assert said in command("audit", *mad[:5])[1]
    assert said not in command("audit", *mad[:5], "--n-real", 600, "--n-synth", 200)[1]


def test_what_is_known_is_said_and_counts(answer: Answer, mad: list[Path]) -> None:
    got = answer("audit", *mad[:5], "--n-real", 0, "--memory", "all")
    assert got["known"] == {"memory": "all", "n_real": 0, "n_synth": None}
    assert (got["verdict"], got["null"]) == ("mad", "nothing grows")
    held = answer("audit", *mad[:5], "--n-real", 600, "--n-synth", 200, "--memory", 1)
    assert held["known"] == {"memory": 1, "n_real": 600, "n_synth": 200}
    # Bands of what is said are narrower, and hold what they were measured to hold.
    assert held["coverage"]["fid"] == {
        "all": COVERAGE_KNOWN["fid"][0],
        "worst": COVERAGE_KNOWN["fid"][1],
    }
    some = answer("audit", *mad[:3], "--n-real", 600, "--n-synth", 200)
    assert some["coverage"]["fid"] == {
        "all": COVERAGE_KNOWN["fid"][0],
        "worst": COVERAGE_KNOWN["fid"][1],
    }
    assert (held["p_value_walk"], held["power"]) == (0, None)
    assert "nothing to test" in held["reason"]["power"]
    assert held["coverage"]["sharpened"] is None
    assert "no real data enter" in held["reason"]["coverage.sharpened"]
    plain = answer("audit", *mad[:5])
    assert plain["known"] == {"memory": None, "n_real": None, "n_synth": None}
    assert plain["coverage"]["fid"] == shown(COVERAGE)
    assert plain["null"] == "real data hold the loop"


def test_the_table_fits_eighty_columns_and_begins_with_the_verdict(
    command: Command, mad: list[Path], sane: list[Path]
) -> None:
    for paths, words in ((mad, "Verdict: MAD"), (sane, "Verdict: not MAD")):
        code, out, err = command("audit", *paths)
        assert (code, err) == (0, "")
        assert out.startswith(words)
        assert max(map(len, out.splitlines())) <= 80
    assert command("audit", *mad[:2])[1].startswith("Verdict: not enough data")


@pytest.mark.parametrize("suffix", ["pdf", "png"])
def test_the_figure_is_written_and_again_the_same(
    command: Command, mad: list[Path], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"audit.{suffix}"
    assert command("audit", *mad, "--figure", path)[0] == 0
    first = path.read_bytes()
    assert first[:4] == {"pdf": b"%PDF", "png": b"\x89PNG"}[suffix]
    assert command("audit", *mad, "--figure", path)[0] == 0
    assert path.read_bytes() == first


def test_a_figure_over_a_file_that_is_read_is_refused(
    refusal: Refusal, mad: list[Path], tmp_path: Path
) -> None:
    """A link whose name ends in .pdf: the features were lost."""
    before = mad[0].read_bytes()
    link = tmp_path / "link.pdf"
    link.symlink_to(mad[0])
    rule = f"figure must be another file than those read, got {link}"
    assert refusal("audit", *mad, "--figure", link) == rule
    assert refusal("plan", "--features", mad[0], "--n-real", 30, "--figure", link) == rule
    assert mad[0].read_bytes() == before


def test_bad_files_are_one_sentence(refusal: Refusal, mad: list[Path], tmp_path: Path) -> None:
    narrow, short = tmp_path / "gen2.npy", tmp_path / "gen3.npy"
    np.save(narrow, np.ones((50, 5)))
    np.save(short, np.ones((5, 6)))
    assert "must have 6 columns like real, got 5" in refusal("audit", *mad[:2], narrow)
    assert "must have at least 6 rows, got 5" in refusal("audit", *mad[:3], short)
    assert "generations must be successive" in refusal("audit", *mad[:2], mad[3])
    assert "generations must be successive" in refusal("audit", mad[0], mad[2], mad[1])
    assert "cannot be read" in refusal("audit", *mad[:2], tmp_path / "gen9.npy")
    assert "Missing argument 'GENERATIONS" in refusal("audit", mad[0])


def test_the_same_file_twice_is_refused(refusal: Refusal, mad: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "gen2.npy"
    copy.write_bytes(mad[1].read_bytes())
    assert "must be a set of its own" in refusal("audit", *mad[:2], copy)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--alpha 0", "alpha must be"),
        ("--level 2", "level must be"),
        ("--horizon 0", "horizon must be at least 1, got 0"),
        ("--horizon 2001", "horizon must be at most 2000, got 2001"),
        ("--n-synth 1", "n_synth must be at least 2, got 1"),
        ("--n-real -1", "n_real must be at least 0, got -1"),
        ("--n-real 5", "n_synth must be given beside n_real"),
        ("--memory some", "'some' is not an integer or 'all'"),
        ("--memory 0", "memory must be at least 1, got 0"),
        ("--figure x.gif", "figure must end in .pdf or .png, got 'x.gif'"),
        ("--figure none/x.pdf", "figure must lie in an existing folder, got none/x.pdf"),
        ("--figure /proc/x.pdf", "figure must lie in a folder that takes files, got /proc/x.pdf: "),
    ],
)
def test_a_bad_option_is_one_sentence(
    refusal: Refusal, mad: list[Path], options: str, words: str
) -> None:
    assert words in refusal("audit", *mad[:4], *options.split())
