"""Bad input: one line on stderr that says what is wrong, exit 2, nothing on stdout."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from madtheory.cli import options, run

Refusal = Callable[..., str]

COLLAPSE = "theory collapse --dim 2 --n-synth 10"
FRESH = "theory fresh --dim 2 --n-real 10 --n-synth 10"
SIM_COLLAPSE = "simulate collapse --dim 2 --n-synth 10 --generations 2 --replicates 10"
SIM_FRESH = "simulate fresh --dim 2 --n-real 10 --n-synth 10 --generations 2 --replicates 10"
AUGMENTATION = "theory augmentation --dim 2 --n-real 10 --n-synth 10"
SIM_AUGMENTATION = f"{AUGMENTATION.replace('theory', 'simulate')} --generations 2 --replicates 10"

#: Command line -> words that the message must have.
BAD = {
    # sampling bias
    f"{COLLAPSE} --bias 1.5": "bias must be a finite number in [0, 1], got 1.5",
    f"{COLLAPSE} --bias -0.1": "bias must be a finite number in [0, 1], got -0.1",
    f"{COLLAPSE} --bias nan": "bias must be a finite number in [0, 1], got nan",
    f"{COLLAPSE} --bias inf --allow-overdispersion": "bias must be a finite number",
    f"{COLLAPSE} --bias x": "'--bias': 'x' is not a valid float",
    f"{FRESH} --bias 1.01": "bias must be",
    f"{SIM_COLLAPSE} --bias 1.01": "bias must be",
    f"{SIM_FRESH} --bias nan": "bias must be",
    # the share of variance that is left, whether or not the loop has such a time
    f"{COLLAPSE} --eps nan": "eps must be a finite number of at least 0, got nan",
    f"{COLLAPSE} --eps nan --shrinkage 0.1": "eps must be a finite number of at least 0, got nan",
    f"{COLLAPSE} --eps 0 --floor 0.1": "eps must be positive, got 0",
    f"{COLLAPSE} --eps -0.01 --floor 0.1": "eps must be a finite number of at least 0, got -0.01",
    # counts
    "theory collapse --dim 2 --n-synth 1": "n_synth must be at least 2, got 1",
    "theory collapse --dim 2 --n-synth 0": "n_synth must be at least 2, got 0",
    "theory collapse --dim 2 --n-synth -5": "n_synth must be at least 2, got -5",
    "theory collapse --dim 2 --n-synth 2.5": "'--n-synth': '2.5' is not a valid integer",
    "theory collapse --dim 2 --n-synth nan": "'--n-synth': 'nan' is not a valid integer",
    f"theory collapse --dim 2 --n-synth {10**30}": "n_synth must be at most 9007199254740992",
    "theory collapse --dim 2": "Missing option '--n-synth'",
    "simulate collapse --dim 2 --n-synth 1": "n_synth must be at least 2, got 1",
    f"{COLLAPSE} --n-initial 1": "n_initial must be at least 2, got 1",
    "theory fresh --dim 2 --n-real 0 --n-synth 10": "n_real must be at least 1, got 0",
    "theory fresh --dim 2 --n-real 10 --n-synth 0": "n_synth must be at least 1, got 0",
    f"{FRESH} --n-initial 0": "n_initial must be at least 2, got 0",
    f"theory fresh --dim 2 --n-real {2**53 + 1} --n-synth 10": "n_real must be at most",
    "theory baseline --dim 2 --n 1": "n must be at least 2, got 1",
    "theory baseline --dim 2 --n -4": "n must be at least 2, got -4",
    f"theory baseline --dim 2 --n {10**40}": "n must be at most",
    # dimension
    "theory collapse --n-synth 10": "exactly one of --dim and --features must be given",
    f"{COLLAPSE} --features x.npy": "exactly one of --dim and --features must be given",
    "theory collapse --dim 0 --n-synth 10": "dim must be at least 1, got 0",
    "theory collapse --dim -1 --n-synth 10": "dim must be at least 1, got -1",
    f"theory collapse --dim {10**12} --n-synth 10": "dim must be at most 1000000, got",
    f"theory baseline --dim {10**400} --n 10": "dim must be at most 1000000, got",
    # generations, replicates, seed, threads
    f"{COLLAPSE} --generations 0": "generations must be at least 1, got 0",
    f"{COLLAPSE} --generations -3": "generations must be at least 1, got -3",
    f"{COLLAPSE} --generations {10**9}": "generations must be at most 10000000, got 1000000000",
    f"{FRESH} --generations 0": "generations must be at least 1, got 0",
    f"{FRESH} --generations {10**9}": "generations must be at most 10000000",
    f"{SIM_COLLAPSE} --generations {10**9}": "generations must be at most 10000000",
    f"{SIM_COLLAPSE} --replicates 0": "replicates must be at least 1, got 0",
    f"{SIM_FRESH} --replicates -1": "replicates must be at least 1, got -1",
    f"{SIM_FRESH} --replicates {10**30}": "replicates must be at most",
    f"{SIM_FRESH} --replicates {2**53}": "replicates must be at most 1000000000, got 9007199254",
    f"{SIM_FRESH} --replicates {10**9} --generations {10**7}": "at most a year of one processor",
    "simulate collapse --dim 1000000 --n-synth 9 --replicates 1": "at most a year of one processor",
    "simulate collapse --dim 100000 --n-synth 9 --replicates 1": "must fit into ",
    f"{SIM_AUGMENTATION.replace('--n-synth 10', f'--n-synth {2**50}')} --pool accumulate "
    "--budget 9": "must fit into ",
    f"{SIM_COLLAPSE} --seed -1": "seed must be at least 0, got -1",
    f"{SIM_COLLAPSE} --threads 0": "threads must be at least 1, got 0",
    f"{SIM_COLLAPSE} --threads {10**9}": "threads must be at most",
    # divisor, memory, weights, pools
    f"{COLLAPSE} --ddof 2": "ddof must be at most 1, got 2",
    f"{AUGMENTATION} --ddof -1": "ddof must be at least 0, got -1",
    f"{FRESH} --memory 0": "memory must be at least 1, got 0",
    f"{SIM_FRESH} --memory -3": "memory must be at least 1, got -3",
    f"{AUGMENTATION} --memory x": "'--memory': 'x' is not an integer or 'all'",
    f"{SIM_AUGMENTATION} --memory 2.5": "'--memory': '2.5' is not an integer or 'all'",
    f"{SIM_COLLAPSE} --memory 0": "memory must be at least 1, got 0",
    f"{FRESH} --memory 101": "memory must be at most 100 in theory, or all, got 101",
    f"{AUGMENTATION} --pool accumulate --pool-cap 101": "pool_cap must be at most 100 in theory",
    f"{COLLAPSE} --memory 2": "No such option '--memory'",
    f"{FRESH} --weight 2": "weight must be a finite number in [0, 1], got 2",
    f"{AUGMENTATION} --weight nan": "weight must be a finite number in [0, 1], got nan",
    f"{SIM_AUGMENTATION} --weight -0.1": "weight must be a finite number in [0, 1], got -0.1",
    f"{FRESH} --weight x": "'--weight': 'x' is not a valid float",
    "theory fresh --dim 2 --n-real 1 --n-synth 9 --weight 0.5": (
        "weight must be left out with fewer than 2 real samples, got 0.5"
    ),
    f"{AUGMENTATION} --pool keep": "'keep' is not one of 'replace', 'accumulate'",
    f"{SIM_COLLAPSE} --pool keep": "'keep' is not one of 'replace', 'accumulate'",
    f"{FRESH} --pool accumulate": "No such option '--pool'",
    f"{AUGMENTATION} --budget 15": "budget must be left out unless pool is accumulate, got 15",
    f"{SIM_COLLAPSE} --budget 15": "budget must be left out unless pool is accumulate, got 15",
    f"{AUGMENTATION} --pool accumulate --budget 1": "budget must be at least 2, got 1",
    f"{AUGMENTATION} --pool accumulate --budget 15 --weight 0.5": (
        "weight must be left out with a budget, got 0.5"
    ),
    f"{AUGMENTATION} --pool-cap 2": "pool_cap must be left out unless pool is accumulate, got 2",
    f"{SIM_AUGMENTATION} --pool accumulate --pool-cap 0": "pool_cap must be at least 1, got 0",
    # synthetic augmentation
    "theory augmentation --dim 2 --n-real 1 --n-synth 10": (
        "n_initial (by default n_real) must be at least 2, got 1; give it with --n-initial"
    ),
    "theory augmentation --dim 2 --n-real 10 --n-synth 0": "n_synth must be at least 1, got 0",
    "theory augmentation --dim 2 --n-synth 10": "Missing option '--n-real'",
    f"{AUGMENTATION} --n-fresh -1": "n_fresh must be at least 0, got -1",
    f"{AUGMENTATION} --n-initial 1": "n_initial must be at least 2, got 1",
    f"{AUGMENTATION} --bias 1.5": "bias must be a finite number in [0, 1], got 1.5",
    f"{AUGMENTATION} --generations 0": "generations must be at least 1, got 0",
    f"{SIM_AUGMENTATION} --out x.csv": "out must end in .parquet, got 'x.csv'",
    # shrinkage and floor
    f"{COLLAPSE} --shrinkage 1.5": "shrinkage must be a finite number in [0, 1], got 1.5",
    f"{SIM_COLLAPSE} --shrinkage nan": "shrinkage must be a finite number in [0, 1], got nan",
    f"{COLLAPSE} --floor -1": "floor must be a finite number of at least 0, got -1",
    f"{SIM_COLLAPSE} --floor inf": "floor must be a finite number of at least 0, got inf",
    f"{FRESH} --shrinkage 0.5": "No such option '--shrinkage'",
    # distances
    "theory effective --dim 2 --w2-squared nan": "w2_squared must be",
    "theory effective --dim 2 --w2-squared inf": "w2_squared must be",
    "theory effective --dim 2 --w2-squared -1": "w2_squared must be",
    "theory effective --dim 2": "Missing option '--w2-squared'",
    # words
    f"{COLLAPSE} --first-generation none": "'none' is not one of 'real', 'biased'",
    f"{COLLAPSE} --colour red": "No such option '--colour'",
    f"{COLLAPSE} surplus": "Got unexpected extra argument",
    "theory colapse": "No such command 'colapse'",
    "nothing": "No such command 'nothing'",
    "--nothing": "No such option '--nothing'",
    "verify --level slow": "'slow' is not one of 'quick', 'full'",
    "verify --claim no-such-claim": "no-such-claim",
    "verify --seed -1": "seed must be at least 0, got -1",
    "report --level quick": "Missing option '--out'",
    "report --out x --level slow": "'slow' is not one of 'quick', 'full'",
    # paths
    "report --out=": "'--out': a path must not be empty; try madtheory report --help",
    f"{SIM_COLLAPSE} --out=": "'--out': a path must not be empty",
    "theory baseline --n 10 --features=": "'--features': a path must not be empty",
    "metrics a\x1b[31m.npy b.npy": r"'REAL': a path must have no control characters, got 'a\x1b[3",
    "audit a.npy b.npy c\x9b.npy": "a path must have no control characters",
    "audit a.npy b.npy --figure=x\a.pdf": r"got 'x\x07.pdf'",
    "audit a.npy b.npy --figure no/such/x.pdf": "existing folder, got no/such/x.pdf; make its",
    "theory baseline --dim 2 --n 10 \x1b[31m": r"unexpected extra argument (\x1b[31m)",
    "theory baseline --dim 2 --n 10 --\u202ered": r"No such option '--\u202ered'",
    # output
    f"{SIM_COLLAPSE} --out result.csv": "out must end in .parquet, got 'result.csv'",
    f"{SIM_COLLAPSE} --out no/such/folder/x.parquet": "no/such/folder",
}


@pytest.mark.parametrize("line", BAD)
@pytest.mark.parametrize("json_", [False, True], ids=["table", "json"])
def test_one_line_and_exit_two(refusal: Refusal, line: str, json_: bool) -> None:
    message = refusal(*line.split(), *(["--json"] if json_ and len(line.split()) > 1 else []))
    assert BAD[line] in message


FILES = {
    "absent.npy": None,
    "empty.npy": b"",
    "empty.csv": b"",
    "words.csv": b"a,b\nx,y\nz,w\n",
    "garbage.parquet": b"PAR1 no PAR1",
    "garbage.npz": b"PK no",
    "one-row.csv": b"1,2\n",
    "nan.csv": b"1,2\nnan,3\n",
    "equal.csv": b"1,2\n1,2\n",
    "unknown.xlsx": b"1",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "line",
    [
        "theory collapse --n-synth 10",
        "theory fresh --n-real 10 --n-synth 10",
        "theory baseline --n 10",
        "theory effective --w2-squared 1",
        "simulate collapse --n-synth 10",
        "simulate fresh --n-real 10 --n-synth 10",
        "theory augmentation --n-real 10 --n-synth 10",
        "simulate augmentation --n-real 10 --n-synth 10",
    ],
)
def test_an_unusable_feature_file_is_named(
    refusal: Refusal, tmp_path: Path, name: str, line: str
) -> None:
    path = tmp_path / name
    content = FILES[name]
    if content is not None:
        path.write_bytes(content)
    assert str(path) in refusal(*line.split(), "--features", path, "--json")


def test_a_pickled_feature_file_is_never_unpickled(refusal: Refusal, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(tmp_path / "x.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    assert "x.npy" in refusal(
        "theory", "baseline", "--n", 10, "--features", tmp_path / "x.npy", "--json"
    )
    assert not (tmp_path / "sprung").exists()


def test_an_output_that_exists_as_something_else_is_refused(
    refusal: Refusal, tmp_path: Path
) -> None:
    (tmp_path / "x.parquet").write_bytes(b"mine")
    assert "x.parquet" in refusal(*SIM_COLLAPSE.split(), "--out", tmp_path / "x.parquet")
    assert (tmp_path / "x.parquet").read_bytes() == b"mine"
    (tmp_path / "folder.parquet").mkdir()
    assert "folder.parquet" in refusal(*SIM_COLLAPSE.split(), "--out", tmp_path / "folder.parquet")


def test_a_report_into_a_file_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "file" in refusal("report", "--out", tmp_path / "file")
    assert "file" in refusal("report", "--out", tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            MemoryError(),
            2,
            "the arrays asked for do not fit into memory; ask for fewer dimensions or generations",
        ),
        (
            OSError(28, "No space left", "/x"),
            2,
            "/x: No space left; make room and repeat the command",
        ),
        (OverflowError("int too large"), 2, "int too large"),
        (
            OverflowError(34, "Numerical result out of range"),
            2,
            "a result is beyond float64, some 1e308; give smaller numbers",
        ),
        (
            np.linalg.LinAlgError("Singular matrix"),
            2,
            "a matrix is too near to a singular one for float64 (Singular matrix); are there "
            "sizes that differ by more than 1e15?",
        ),
        (ValueError("two\nlines"), 2, "two lines"),
        (PermissionError(13, "Permission denied", "/x"), 2, "/x: Permission denied"),
        (
            ModuleNotFoundError("No module named 'typst'", name="typst"),
            2,
            "typst is not installed: pip install 'madtheory[report]'",
        ),
    ],
)
def test_whatever_is_raised_is_one_line(
    command: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    raised: BaseException,
    code: int,
    message: str,
) -> None:
    def refuse(*_: object) -> None:
        raise raised

    monkeypatch.setattr(options, "eigenvalues", refuse)
    found = command("theory", "baseline", "--dim", 2, "--n", 10)
    assert found == (code, "", f"madtheory: error: {message}\n")


def test_a_long_value_is_shortened(refusal: Refusal) -> None:
    message = refusal("theory", "baseline", "--dim", 2, "--n", "9" * 10**5)
    assert len(message) < 1100
    assert message.startswith("Invalid value for '--n': '9")
    assert message.endswith("try madtheory theory baseline --help")


def test_a_defect_is_not_taken_for_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("a defect")

    monkeypatch.setattr(options, "eigenvalues", broken)
    with pytest.raises(AssertionError, match="a defect"):
        run(["theory", "baseline", "--dim", "2", "--n", "10"])


def test_a_real_process_ends_the_same_way() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "madtheory", *COLLAPSE.split(), "--bias", "2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "madtheory: error: bias must be a finite number in [0, 1], got 2\n"


def test_an_interrupt_inside_exec_still_exits_130(tmp_path: Path) -> None:
    """Numba and dataclasses run strings; Python remembers an interrupt there past its handler."""
    (tmp_path / "interrupted.py").write_text(
        "from madtheory.cli import main, options\n"
        "options.eigenvalues = lambda *_: exec('raise KeyboardInterrupt')\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupted", "theory", "baseline", "--dim", "2", "--n", "9"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "madtheory: error: interrupted\n"


def test_a_number_of_threads_that_cannot_be_is_named() -> None:
    """numba speaks of threads, and not of the variable that says how many."""
    code = "import sys; from madtheory.cli import main; sys.argv[1:] = sys.argv[2:]; main()"
    found = subprocess.run(
        [sys.executable, "-c", code, "", *SIM_COLLAPSE.split()],
        env={**os.environ, "NUMBA_NUM_THREADS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "madtheory: error: NUMBA_NUM_THREADS must be at least 1, got 0\n"
