"""What tools outside the project rely on: keys, exit codes, speed, tables that fit 80 columns."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest

import madtheory
import madtheory.cli

Answer = Callable[..., dict[str, Any]]
Command = Callable[..., tuple[int, str, str]]
Known = Callable[[str], dict[str, Any]]

COLLAPSE = "theory collapse --dim 3 --n-synth 10 --bias 0.9 --generations 4"
FRESH = "theory fresh --dim 3 --n-real 50 --n-synth 20 --bias 0.9 --generations 4"
BASELINE = "theory baseline --dim 3 --n 50"
EFFECTIVE = "theory effective --dim 3 --w2-squared 0.1"
SIM_COLLAPSE = "simulate collapse --dim 3 --n-synth 10 --bias 0.9 --generations 4"
SIM_FRESH = "simulate fresh --dim 3 --n-real 50 --n-synth 20 --bias 0.9 --generations 4"
AUGMENTATION = "theory augmentation --dim 3 --n-real 50 --n-synth 20 --bias 0.9 --generations 4"
SIM_AUGMENTATION = AUGMENTATION.replace("theory", "simulate")

#: Options of the loops with real data, one of each kind and some together.
FED = [
    "--memory 3",
    "--memory all",
    "--weight 0.4",
    "--weight 0",
    "--weight 1",
    "--ddof 0",
    "--n-initial 9",
    "--first-generation biased",
    "--memory 2 --weight 0.7 --ddof 0",
]
POOLS = [
    "--pool accumulate",
    "--pool accumulate --bias 1",
    "--pool accumulate --pool-cap 2",
    "--pool accumulate --budget 60 --bias 0.5",
    "--pool accumulate --memory all --ddof 0",
    "--pool accumulate --weight 0.5",
    "--pool accumulate --n-fresh 5",
    "--n-fresh 5",
]
#: Options of the fully synthetic loop in theory, and what only the simulation has beside them.
FITS = [
    "--ddof 0",
    "--shrinkage 0.2",
    "--shrinkage 1 --ddof 0",
    "--floor 0.1",
    "--floor 0.1 --shrinkage 0.5",
]
KEPT = [
    "--memory all",
    "--memory 2 --floor 0.1",
    "--pool accumulate --budget 15",
    "--pool accumulate",
]

THEORY = [
    *(f"{FRESH} {options}" for options in FED),
    *(f"{AUGMENTATION} {options}" for options in [*FED, *POOLS]),
    *(f"{COLLAPSE} {options}" for options in FITS),
]

LISTS = {
    "mean_trace",
    "mean_walk",
    "mean_trace_squared",
    "mean_squared_trace",
    "log_det_mean",
    "log_det_variance",
    "w2_squared",
    "w2_squared_lower",
    "w2_squared_upper",
    "w2_squared_rel_error",
}
KEYS = {
    COLLAPSE: LISTS | {"lyapunov", "rate", "critical_bias", "half_life"},
    FRESH: {
        "mean_sq",
        "trace",
        "trace_squared",
        "squared_trace",
        "w2_squared",
        "w2_squared_rel_error",
        "n_eff",
        "n_eff_lower",
        "n_eff_upper",
        "gain",
        "forgetting_rate",
        "admissible_n_synth",
        "admissible_n_synth_lower",
        "admissible_n_synth_upper",
        "admissible_n_synth_limit",
        "path",
    },
    AUGMENTATION: set(),
    BASELINE: {"w2_squared", "w2_squared_rel_error"},
    EFFECTIVE: {"n_eff", "n_eff_lower", "n_eff_upper"},
    SIM_COLLAPSE: {
        *("generations", "mean_sq", "trace", "w2_squared", "log_det"),
        *("seed", "replicates", "digest"),
    },
}
KEYS[SIM_FRESH] = KEYS[SIM_AUGMENTATION] = KEYS[SIM_COLLAPSE]
KEYS[AUGMENTATION] = KEYS[FRESH]


ANSWERS: dict[str, str] = {}


@pytest.fixture
def known(answer: Answer) -> Known:
    """The JSON of a command line, which all tests ask once together."""

    def ask(line: str) -> dict[str, Any]:
        if line not in ANSWERS:
            ANSWERS[line] = json.dumps(answer(*line.split()))
        found: dict[str, Any] = json.loads(ANSWERS[line])
        return found

    return ask


@pytest.mark.parametrize("line", KEYS)
def test_every_promised_key_is_there(known: Known, line: str) -> None:
    assert known(line).keys() >= KEYS[line]


def test_lists_run_over_all_generations(known: Known) -> None:
    got = known(COLLAPSE)
    assert {key: len(got[key]) for key in LISTS} == dict.fromkeys(LISTS, 4)
    assert len(got["lyapunov"]) == 3
    path = known(FRESH)["path"]
    assert path.keys() >= {"mean_sq", "trace", "w2_squared"}
    assert {len(values) for values in path.values()} == {4}


def test_no_path_unless_asked_but_for_augmentation(answer: Answer) -> None:
    assert "path" not in answer(*FRESH.removesuffix(" --generations 4").split())
    path = answer(*AUGMENTATION.removesuffix(" --generations 4").split())["path"]
    assert {len(values) for values in path.values()} == {20}


def empty(value: Any) -> bool:
    """Whether a value, or one of a list, is null."""
    return value is None or (isinstance(value, list) and None in value)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("line", [*THEORY, COLLAPSE, FRESH, AUGMENTATION])
def test_whatever_the_options_the_keys_are_the_same_and_each_null_has_its_reason(
    known: Known, line: str
) -> None:
    got = known(line)
    plain = next(x for x in (COLLAPSE, FRESH, AUGMENTATION) if line.startswith(x))
    assert got.keys() >= KEYS[plain]
    flat = {**got, **{f"path.{name}": values for name, values in got.get("path", {}).items()}}
    lists = [values for name, values in flat.items() if name in LISTS or name.startswith("path.")]
    lists = [values for values in lists if isinstance(values, list)]
    assert {len(values) for values in lists} == {4}
    assert {name for name, value in flat.items() if empty(value)} == set(got["reason"])
    assert set(got["status"].values()) <= {"exact", "asymptotic", "bound", "not computed"}
    for name, status in got["status"].items():
        if status == "not computed":
            assert empty(flat[name])
    assert all(isinstance(why, str) and why for why in got["reason"].values())


@pytest.mark.parametrize("line", THEORY)
def test_first_moments_of_the_path_are_always_exact(known: Known, line: str) -> None:
    got = known(line)
    path = got.get("path", {"trace": got.get("mean_trace"), "mean_sq": got.get("mean_walk")})
    assert not empty(path["trace"])
    assert not empty(path["mean_sq"])
    prefix, names = (
        ("path.", ("trace", "mean_sq")) if "path" in got else ("mean_", ("trace", "walk"))
    )
    assert {got["status"][f"{prefix}{name}"] for name in names} == {"exact"}


@pytest.mark.thinned(3)
@pytest.mark.parametrize("line", [*KEYS, *THEORY])
def test_a_table_fits_eighty_columns_and_has_its_status(command: Command, line: str) -> None:
    code, out, err = command(*line.split())
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    words = ("replicates", "±") if line.startswith("simulate") else ("exact",)
    if line in THEORY:
        words = ("exact", "Path over generations t")
    assert all(word in out for word in words)


def test_defaults_are_those_of_the_contract(answer: Answer) -> None:
    got = answer("theory", "fresh", "--dim", 2, "--n-real", 9, "--n-synth", 5)
    expected = {
        "n_initial": 9,
        "n_fresh": 9,
        "n_synth": 5,
        "bias": 1.0,
        "ddof": 1,
        "memory": 1,
        "pool": "replace",
        "first_generation": "real",
    }
    assert got["loop"].items() >= expected.items()
    other = answer("theory", "augmentation", "--dim", 2, "--n-real", 9, "--n-synth", 5)
    assert other["loop"] == got["loop"] | {"n_fixed": 9, "n_fresh": 0}


def test_options_reach_the_loop(answer: Answer) -> None:
    line = "simulate augmentation --dim 2 --n-real 9 --n-synth 5 --generations 2 --replicates 2"
    options = "--memory all --pool accumulate --pool-cap 4 --budget 8 --n-fresh 3 --n-initial 7"
    got = answer(*line.split(), *options.split(), "--ddof", 0, "--first-generation", "biased")
    expected = {
        **{"n_initial": 7, "n_fixed": 9, "n_fresh": 3, "n_synth": 5, "memory": None, "ddof": 0},
        **{"pool": "accumulate", "pool_cap": 4, "budget": 8, "first_generation": "biased"},
    }
    assert got["loop"].items() >= expected.items()
    line = "simulate collapse --dim 2 --n-synth 5 --generations 2 --replicates 2"
    options = "--memory 3 --pool accumulate --shrinkage 0.25 --floor 0.5"
    expected = {"memory": 3, "pool": "accumulate", "shrinkage": 0.25, "floor": 0.5}
    assert answer(*line.split(), *options.split())["loop"].items() >= expected.items()
    weighted = answer(*FRESH.split(), "--weight", 0.25)["loop"]
    assert (weighted["weight"], weighted["n_fixed"]) == (0.25, 0)


@pytest.mark.parametrize("group", ["theory", "simulate"])
def test_a_group_without_a_command_says_what_there_is(command: Command, group: str) -> None:
    code, out, err = command(group)
    assert (code, err) == (0, "")
    assert "Commands:" in out


def test_alone_it_says_in_ten_lines_what_one_can_do(command: Command) -> None:
    code, out, err = command()
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 10
    assert max(map(len, lines)) <= 80
    for line in lines[1:-1]:
        _, named, member, *_ = line.split()
        found = madtheory.cli.cli.commands[named]
        assert not isinstance(found, click.Group) or member in found.commands
    assert {line.split()[1] for line in lines[1:-1]} == set(madtheory.cli.cli.commands)
    (example,) = re.findall("madtheory (.*);", lines[-1])
    assert command(*example.split())[0] == 0


@pytest.mark.parametrize("line", ["", "theory", "theory collapse", "simulate fresh", "verify"])
def test_help(command: Command, line: str) -> None:
    code, out, err = command(*line.split(), "--help")
    assert (code, err) == (0, "")
    assert "Usage: madtheory" in out


#: Options that need no default: what must be given, alternatives, flags.
WITHOUT_DEFAULT = {"dim", "features", "as_json", "allow_overdispersion", "out", "help"}


@pytest.mark.parametrize("group", ["theory", "simulate"])
def test_every_option_has_a_help_text_with_its_default(group: str) -> None:
    members = madtheory.cli.cli.commands[group]
    assert isinstance(members, click.Group)
    commands = members.commands
    assert {"collapse", "fresh", "augmentation"} <= set(commands)
    for command in commands.values():
        for option in command.params:
            if isinstance(option, click.Argument):
                continue  # files, of which the command's own text tells
            assert isinstance(option, click.Option)
            assert option.help, f"{command.name} --{option.name}"
            if option.required or option.name in WITHOUT_DEFAULT:
                continue
            assert option.show_default or "[default: " in option.help, option.name


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-W", "error", "-m", "madtheory", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, **options)


def test_version_is_quick() -> None:
    # Processor time: others may be at work.
    times = []
    for _ in range(5):
        start = sum(os.times()[2:4])
        done = process("--version")
        times.append(sum(os.times()[2:4]) - start)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"madtheory, version {madtheory.__version__}\n"
    assert min(times) < 1.0  # the contract


def test_a_real_process_warns_of_nothing() -> None:
    code = "import sys, madtheory.cli as c; sys.exit(any(c.run(x.split()) for x in sys.argv[1:]))"
    lines = [f"{line} --json" for line in KEYS]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *lines],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == len(KEYS)


def test_a_closed_pipe_is_no_error() -> None:
    line = f"{sys.executable} -m madtheory {COLLAPSE} --json"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} | true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_many_generations_take_seconds() -> None:
    start = time.perf_counter()
    line = "theory collapse --dim 3 --n-synth 10 --bias 0.999 --generations 200000 --json"
    done = process(*line.split())
    assert (done.returncode, done.stderr) == (0, "")
    got = json.loads(done.stdout)
    assert len(got["mean_trace"]) == 200_000
    assert got["log_det_mean"][-1] == pytest.approx(200_000 * got["log_det_mean"][0], rel=1e-2)
    assert got["w2_squared"][-1] == pytest.approx(3 * (1 + 1 / (10 * 0.001)), rel=1e-9)
    assert time.perf_counter() - start < 60


# --- simulate -----------------------------------------------------------------------------------


WALK = {"mean_sq": "mean_walk", "trace": "mean_trace", "w2_squared": "w2_squared"}
PATH = {"mean_sq": "mean_sq", "trace": "trace", "w2_squared": "w2_squared"}


@pytest.mark.parametrize(
    ("theory", "options", "keys"),
    [
        (COLLAPSE, "", WALK),
        *((COLLAPSE, options, WALK) for options in FITS),
        (FRESH, "", PATH),
        *((FRESH, options, PATH) for options in FED),
        (AUGMENTATION, "", PATH),
        *((AUGMENTATION, options, PATH) for options in [*FED, *POOLS]),
    ],
)
@pytest.mark.thinned(2)
def test_simulation_agrees_with_theory(
    answer: Answer, known: Known, theory: str, options: str, keys: dict[str, str]
) -> None:
    expected = known(f"{theory} {options}".strip())
    expected = expected.get("path", expected)
    simulation = theory.replace("theory", "simulate").split()
    # A budget draws the data themselves.
    count = 4_000 if "budget" in options else 20_000
    got = answer(*simulation, *options.split(), "--replicates", count, "--seed", 3)
    assert got["generations"] == [1, 2, 3, 4]
    assert (got["replicates"], got["seed"]) == (count, 3)
    for name, key in keys.items():
        if None in expected[key]:
            assert key == "w2_squared"
            continue
        declared = np.array(expected.get(f"{key}_rel_error", [0.0] * 4))
        gap = np.abs(np.array(got[name]["mean"]) - expected[key])
        # 400 comparisons in all: five standard errors are passed once in 4000 runs.
        assert (gap <= 5 * np.array(got[name]["se"]) + declared * np.array(expected[key])).all()
        # And the check has power: five standard errors are less than a tenth of the value.
        assert (5 * np.array(got[name]["se"]) < 0.1 * np.array(expected[key])).all()


@pytest.mark.parametrize("options", KEPT)
def test_memory_and_pools_of_the_fully_synthetic_loop(answer: Answer, options: str) -> None:
    """First moments of the simulation against those of the library, for every such loop."""
    from madtheory.loop import Loop
    from madtheory.theory import moments

    got = answer(*SIM_COLLAPSE.split(), *options.split(), "--replicates", 4000, "--seed", 1)
    first = moments.first_moments(Loop(**got["loop"]), 4)
    for name in ("mean_sq", "trace"):
        gap = np.array(got[name]["mean"]) - 3 * getattr(first, name)
        assert (np.abs(gap) <= 5 * np.array(got[name]["se"])).all()
    # The options matter: the plain loop's trace at t = 4 is further off than that.
    plain = 3 * moments.first_moments(Loop(n_initial=10, n_synth=10, bias=0.9), 4).mean_sq[3]
    assert abs(got["mean_sq"]["mean"][3] - plain) > 5 * got["mean_sq"]["se"][3]


def test_collapse_simulation_agrees_on_log_det_and_distance(answer: Answer) -> None:
    expected = answer(*COLLAPSE.split())
    got = answer(*SIM_COLLAPSE.split(), "--replicates", 20_000)
    deviation = np.sqrt(np.array(expected["log_det_variance"]) / 20_000)
    z = (np.array(got["log_det"]["mean"]) - expected["log_det_mean"]) / deviation
    assert np.abs(z).max() < 5
    np.testing.assert_allclose(got["log_det"]["se"], deviation, rtol=0.05)
    gap = np.abs(np.array(got["w2_squared"]["mean"]) - expected["w2_squared"])
    slack = np.array(expected["w2_squared_rel_error"]) * expected["w2_squared"]
    assert (gap <= slack + 5 * np.array(got["w2_squared"]["se"])).all()


def test_threads_change_nothing_and_the_seed_does(answer: Answer) -> None:
    line = [*SIM_FRESH.split(), "--replicates", 500]
    one, four = (answer(*line, "--threads", n) for n in (1, 4))
    assert one == four
    assert answer(*line, "--seed", 1)["digest"] != one["digest"]


def test_singular_covariances_have_no_log_det(answer: Answer) -> None:
    line = "simulate collapse --dim 4 --n-synth 3 --generations 2 --replicates 50"
    assert answer(*line.split())["log_det"]["mean"] == [None, None]


@pytest.mark.parametrize(
    "simulation",
    [
        SIM_COLLAPSE,
        f"{SIM_COLLAPSE} --memory all --floor 0.1",
        f"{SIM_FRESH} --memory 2 --ddof 0",
        f"{SIM_AUGMENTATION} --pool accumulate --budget 60",
        f"{SIM_AUGMENTATION} --weight 0.3 --n-fresh 5",
    ],
)
def test_out_is_a_parquet_file_that_is_reused(
    answer: Answer, tmp_path: Path, simulation: str
) -> None:
    path = tmp_path / "x.parquet"
    line = [*simulation.split(), "--replicates", 300]
    plain = answer(*line)
    assert answer(*line, "--out", path) == plain
    assert os.listdir(tmp_path) == ["x.parquet"]
    frame = pd.read_parquet(path)
    assert list(frame.columns) == ["generation", "quantity", "mean", "se"]
    for name in ("mean_sq", "trace", "w2_squared", "log_det"):
        rows = frame[frame["quantity"] == name].sort_values("generation")
        assert rows["generation"].tolist() == [1, 2, 3, 4]
        assert rows["mean"].tolist() == plain[name]["mean"]
        assert rows["se"].tolist() == plain[name]["se"]
    before = path.read_bytes()
    assert answer(*line, "--out", path) == plain
    assert path.read_bytes() == before


def test_out_of_another_configuration_is_refused_and_kept(
    answer: Answer, refusal: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.parquet"
    answer(*SIM_COLLAPSE.split(), "--replicates", 30, "--out", path)
    before = path.read_bytes()
    assert "x.parquet" in refusal(*SIM_COLLAPSE.split(), "--replicates", 31, "--out", path)
    assert "x.parquet" in refusal(*SIM_FRESH.split(), "--replicates", 30, "--out", path)
    options = ["--memory", "all", "--replicates", 30]
    assert "x.parquet" in refusal(*SIM_COLLAPSE.split(), *options, "--out", path)
    assert path.read_bytes() == before


def test_a_name_that_leaves_no_room_for_a_temporary_one_is_refused_at_once(
    refusal: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / f"{'x' * 235}.parquet"
    path.touch()  # the name itself can be had
    path.unlink()
    said = refusal(*SIM_COLLAPSE.split(), "--replicates", 30, "--out", path)
    assert said == f"the name of a file must be shorter, got {path}"
    path = path.with_suffix(".pdf")
    said = refusal("plan", "--dim", 2, "--n-real", 9, "--n-synth", 9, "--figure", path)
    assert said == f"the name of a file must be shorter, got {path}"
    assert os.listdir(tmp_path) == []


LONG = "simulate collapse --dim 10 --n-synth 30 --generations 400 --replicates 2000 --threads 1"


def started(path: Path) -> subprocess.Popen[str]:
    """A run that takes some seconds, stopped by the caller."""
    whole = [sys.executable, "-m", "madtheory", *LONG.split(), "--out", str(path)]
    running = subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not any(path.parent.glob("*.run/*")):
        time.sleep(0.02)
    time.sleep(0.05)
    return running


@pytest.fixture(scope="module")
def uninterrupted(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """What the long run prints and writes."""
    path = tmp_path_factory.mktemp("fresh") / "x.parquet"
    done = process(*LONG.split(), "--out", str(path), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout), pd.read_parquet(path)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_half_file_and_resumes_to_the_same_bits(
    answer: Answer,
    tmp_path: Path,
    uninterrupted: tuple[dict[str, Any], pd.DataFrame],
    signal_: signal.Signals,
) -> None:
    path = tmp_path / "x.parquet"
    running = started(path)
    running.send_signal(signal_)
    out, err = running.communicate(timeout=60)
    assert not path.exists(), "the run was too short to be interrupted"
    assert out == ""
    if signal_ == signal.SIGINT:
        assert (running.returncode, err) == (130, "madtheory: error: interrupted\n")
    resumed = answer(*LONG.split(), "--out", path)
    assert os.listdir(tmp_path) == ["x.parquet"]
    printed, once = uninterrupted
    assert printed == resumed
    # Bit for bit; the metadata may differ by the state of the repository.
    pd.testing.assert_frame_equal(once, pd.read_parquet(path), check_exact=True)


# --- verify and report --------------------------------------------------------------------------

VERDICT_KEYS = {
    *("id", "statement", "status", "predicted", "estimate", "se", "z", "p", "power"),
    *("mutant_rejected", "passed", "computed", "refuted", "smallest_error"),
}


def first_claim() -> str:
    from madtheory.claims import CLAIMS

    return CLAIMS[0].id


def test_verify_one_claim(answer: Answer) -> None:
    got = answer("verify", "--claim", first_claim())
    (claim,) = got["claims"]
    assert claim.keys() >= VERDICT_KEYS
    assert claim["id"] == first_claim()
    assert (claim["passed"], claim["mutant_rejected"]) == (True, True)
    assert claim["power"] >= 0.99
    assert 0 < claim["smallest_error"] <= 0.05
    assert got["family_wise_error"] == 0.01
    other = answer("verify", "--claim", first_claim(), "--seed", 1)
    assert other["claims"][0]["estimate"] != claim["estimate"]


def test_verify_a_claim_that_is_computed(answer: Answer, command: Command) -> None:
    got = answer("verify", "--claim", "moment-limit")
    (claim,) = got["claims"]
    assert (claim["computed"], claim["refuted"], claim["passed"]) == (True, False, True)
    assert (claim["z"], claim["p"], claim["se"], claim["observations"]) == (None, None, 0, 0)
    _, out, _ = command("verify", "--claim", "moment-limit")
    assert "2.5 2.5" in " ".join(out.split())
    assert "computed" in out
    assert "passed" in out


def verdict(**changes: Any) -> dict[str, Any]:
    """What `verify` says of a claim whose row is as wide as rows get."""
    plain = {
        **{"id": "x" * 28, "status": "asymptotic", "predicted": -0.012345, "estimate": -0.012345},
        **{"z": -12.34, "smallest_error": 0.01234, "computed": False, "refuted": False},
        **{"passed": True},
    }
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "passed"),
        ({"computed": True, "z": None}, "computed"),
        ({"refuted": True, "passed": False}, "FAILED"),
        ({"passed": False}, "NO POWER"),
    ],
)
def test_verdicts_in_words(
    changes: dict[str, Any], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from madtheory.cli.verify import show_verify

    show_verify({"claims": [verdict(**changes)], "family_wise_error": 0.01, "level": "quick"})
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if line.startswith("x" * 28))
    assert row.endswith(word)
    assert "-0.01235" in row
    assert "1.2%" in row
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("share", "said"),
    [(1e-12, "<.001%"), (0.0004, "0.04%"), (0.018, "1.8%"), (0.5, "50%"), (1.643, "164%")],
)
def test_smallest_errors_in_words(
    share: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from madtheory.cli.verify import show_verify

    claims = [verdict(smallest_error=share)]
    show_verify({"claims": claims, "family_wise_error": 0.01, "level": "quick"})
    assert f" {said} " in capsys.readouterr().out


def test_a_failed_claim_exits_one(
    answer: Answer, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from madtheory.claims import verify as verify_module

    def failing(**options: Any) -> verify_module.Verification:
        real = honest(**options)
        claims = tuple(
            dataclasses.replace(verdict, refuted=True, passed=False) for verdict in real.claims
        )
        return dataclasses.replace(real, claims=claims)

    honest = verify_module.verify
    monkeypatch.setattr(verify_module, "verify", failing)
    got = answer("verify", "--claim", first_claim(), code=1)
    assert got["claims"][0]["passed"] is False
    code, out, err = command("verify", "--claim", first_claim())
    assert (code, err) == (1, "")
    assert "FAILED" in out
    assert "0 of 1 claims passed" in out


def test_report_lists_what_it_wrote(
    answer: Answer, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from madtheory.reports import build

    def fake(out: Path, *, level: str) -> SimpleNamespace:
        assert level == "full"
        return SimpleNamespace(
            figures=[out / "a.pdf", out / "a.png"],
            tables=[out / "t.tex"],
            pages=[out / "p.html", out / "q.pdf"],
        )

    monkeypatch.setattr(build, "build", fake)
    got = answer("report", "--out", tmp_path, "--level", "full")
    assert got == {
        "figures": [f"{tmp_path}/a.pdf", f"{tmp_path}/a.png"],
        "tables": [f"{tmp_path}/t.tex"],
        "pages": [f"{tmp_path}/p.html", f"{tmp_path}/q.pdf"],
    }
    code, out, err = command("report", "--out", tmp_path, "--level", "full")
    assert (code, err) == (0, "")
    assert f"{tmp_path}/p.html\n{tmp_path}/q.pdf\n2 figures, 1 tables\n" == out
