"""The command lines of the snapshot: every option of every command, sensible pairs, bad input.

They run one after the other in one folder that :func:`write_files` has filled, so paths are
relative and nothing depends on where the folder lies. ``record.py`` runs them; what they print is
the value of an entry.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import json
import os
import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from madtheory import cli
from madtheory.cli import answer
from tests.snapshot import odd_values

Options = Mapping[str, Sequence[str]]
Wanted = Callable[[str], bool]


# --- feature files ------------------------------------------------------------------------------


def normals(seed: int, rows: int, columns: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((rows, columns))


def feature_sets() -> dict[str, NDArray[np.float64]]:
    """Features by file name. No linear algebra: every processor writes the same bytes."""
    low = normals(2, 40, 2)
    deficient = np.column_stack([low, low[:, 0] + low[:, 1], 2 * low[:, 1], low[:, 0]])
    spiked = normals(3, 80, 6) * np.array([30.0, 5.0, 1.0, 1.0, 0.1, 0.01])
    return {
        "gauss.npy": normals(1, 60, 3),
        "shifted.npz": 0.25 + 0.5 * normals(4, 50, 3),
        "deficient.csv": deficient,
        "spiked.parquet": spiked,
        "spiked2.npy": 0.9 * normals(5, 70, 6) * np.array([30.0, 5.0, 1.0, 1.0, 0.1, 0.01]) + 0.05,
        "wide.npy": normals(6, 12, 20),
        "wide2.npy": 0.8 * normals(7, 15, 20),
        "line.csv": 2.0 * normals(8, 30, 1),
        "dead.npy": np.ones((20, 3)),
        "far.npy": 1e90 * normals(9, 20, 3),
        "single.npy": normals(10, 60, 3).astype(np.float32),
    }


def loops() -> dict[str, NDArray[np.float64]]:
    """Real data and generations of loops to audit: one that dies, one that stays, one that walks.

    The generations are drawn from the law itself, scale and place of generation t written out.
    """
    made = {"real.npy": normals(20, 400, 4)}
    for t in range(1, 8):
        made[f"mad{t}.npy"] = 0.9**t * normals(30 + t, 200, 4) + 0.04 * t
        made[f"sane{t}.npy"] = normals(40 + t, 200, 4)
        walk = np.array([0.3 * t, 0.0, 0.0, 0.0])
        made[f"walk{t}.npy"] = normals(50 + t, 200, 4) + walk
    made["dead3.npy"] = made["dead4.npy"] = np.ones((50, 4))
    made["narrow2.npy"] = normals(60, 50, 3)
    made["short2.npy"] = normals(61, 4, 4)
    return made


def write(path: Path, rows: NDArray[Any]) -> None:
    if path.suffix == ".npz":
        np.savez(path, features=rows)
    elif path.suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False, header=False)
    elif path.suffix == ".parquet":
        pd.DataFrame(rows, columns=[f"x{i}" for i in range(rows.shape[1])]).to_parquet(path)
    else:
        np.save(path, rows)


UNUSABLE = {
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

BIASES = {"biases.csv": b"bias\n0.95\n0.8\n0.5\n", "two.csv": b"0.9\n0.8\n"}


def write_files(folder: Path) -> None:
    """Fill a folder with every file that the commands read."""
    for name, rows in (feature_sets() | loops()).items():
        write(folder / name, rows)
    for name, content in (UNUSABLE | BIASES).items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()


# --- command lines ------------------------------------------------------------------------------


def pairs(base: str, options: Options, *, only: Sequence[str] | None = None) -> Iterator[str]:
    """`base`, then with each value of each option, then with each pair of two options' values.

    `only` names the options of which one must be in a pair.
    """
    yield base
    yield from singles(base, options)
    for first, second in itertools.combinations(options, 2):
        if only is None or first in only or second in only:
            for one, other in itertools.product(options[first], options[second]):
                yield f"{base} {one} {other}"


def singles(base: str, options: Options) -> Iterator[str]:
    """`base` with each value of each option."""
    return (f"{base} {value}" for value in itertools.chain(*options.values()))


FITS: Options = {
    "bias": ("--bias 0.75", "--bias 0", "--bias 1.05 --allow-overdispersion"),
    "n-initial": ("--n-initial 25",),
    "first": ("--first-generation biased",),
    "ddof": ("--ddof 0",),
    "shrinkage": ("--shrinkage 0.3", "--shrinkage 1"),
    "floor": ("--floor 0.1",),
}
FED: Options = {
    "bias": ("--bias 0.75", "--bias 0"),
    "n-initial": ("--n-initial 9",),
    "first": ("--first-generation biased",),
    "ddof": ("--ddof 0",),
    "memory": ("--memory 3", "--memory all"),
    "weight": ("--weight 0.4", "--weight 0", "--weight 1"),
}
PATH: Options = {"generations": ("--generations 4",)}
POOLS: Options = {
    "n-fresh": ("--n-fresh 5",),
    "pool": (
        "--pool accumulate",
        "--pool accumulate --pool-cap 2",
        "--pool accumulate --budget 60",
    ),
}
RUNS: Options = {
    "seed": ("--seed 7",),
    "threads": ("--threads 1", "--threads 2"),
    "generations": ("--generations 1", "--generations 9"),
    "replicates": ("--replicates 1", "--replicates 300"),
}

COLLAPSE = "theory collapse --dim 3 --n-synth 10 --generations 4"
FRESH = "theory fresh --dim 3 --n-real 50 --n-synth 20"
AUGMENTATION = "theory augmentation --dim 3 --n-real 50 --n-synth 20 --generations 4"
SIZES = "--generations 4 --replicates 48"
SIM_COLLAPSE = f"simulate collapse --dim 3 --n-synth 10 {SIZES}"
SIM_FRESH = f"simulate fresh --dim 3 --n-real 50 --n-synth 20 {SIZES}"
SIM_AUGMENTATION = f"simulate augmentation --dim 3 --n-real 50 --n-synth 20 {SIZES}"
FEATURES = ("gauss.npy", "deficient.csv", "spiked.parquet", "shifted.npz", "wide.npy", "line.csv")


def over_features(line: str) -> list[str]:
    """The same line on each feature file instead of a dimension."""
    return [line.replace("--dim 3", f"--features {name}") for name in FEATURES]


def over_sizes(line: str, *sizes: str) -> list[str]:
    """The same line with another dimension and other counts."""
    options = line.split(" --dim 3")
    return [f"{options[0]} {size}" for size in sizes]


def theory() -> list[str]:
    regular = f"{COLLAPSE} --shrinkage 0.3 --floor 0.1"
    return [
        *pairs(COLLAPSE, FITS),
        f"{COLLAPSE} --generations 15",
        *over_features(COLLAPSE),
        *over_features(regular),
        *over_sizes(
            COLLAPSE,
            "--dim 1 --n-synth 2",
            "--dim 1 --n-synth 12 --bias 0.9 --generations 8",
            "--dim 2 --n-synth 2",
            "--dim 2 --n-synth 1000000000 --generations 3",
            "--dim 5 --n-synth 3 --bias 0.5 --generations 5",
            "--dim 20 --n-synth 15 --generations 5",
            "--dim 30 --n-synth 100 --bias 0.95 --generations 5",
            "--dim 6 --n-synth 4 --shrinkage 0.5 --generations 5",
            "--dim 1 --n-synth 12 --floor 0.2 --shrinkage 0.5 --generations 5",
        ),
        *pairs(FRESH, FED | PATH),
        *over_features(f"{FRESH} --generations 3"),
        f"{FRESH} --bias 0.9 --memory 2 --ddof 0".replace("--dim 3", "--features deficient.csv"),
        *over_sizes(
            FRESH,
            "--dim 1 --n-real 10 --n-synth 20 --bias 0.5",
            "--dim 1 --n-real 1 --n-synth 10",
            "--dim 2 --n-real 1 --n-synth 10 --generations 3",
            "--dim 100 --n-real 100 --n-synth 900 --bias 0.9 --generations 3",
            "--dim 5 --n-real 1000000 --n-synth 3000000 --bias 0.9",
            "--dim 4 --n-real 30 --n-synth 7 --bias 0 --n-initial 1000",
            "--dim 3 --n-real 40 --n-synth 1",
            "--dim 3 --n-real 40 --n-synth 40 --memory 9",
        ),
        # A call takes up to seconds here: no pairs but these.
        AUGMENTATION,
        *singles(AUGMENTATION, FED | POOLS),
        *(
            f"{AUGMENTATION} --pool accumulate {options}"
            for options in (
                "--bias 0.75",
                "--bias 0",
                "--ddof 0",
                "--n-initial 9",
                "--first-generation biased",
                "--weight 0.4",
                "--memory all",
                "--n-fresh 5",
                "--n-fresh 5 --bias 0.75",
                "--budget 60 --bias 0.75 --ddof 0",
            )
        ),
        f"{AUGMENTATION} --weight 0.4 --bias 0.75",
        f"{AUGMENTATION} --n-fresh 5 --bias 0.75 --ddof 0",
        *over_features(f"{AUGMENTATION} --pool accumulate --bias 0.9"),
        *over_sizes(
            AUGMENTATION,
            "--dim 3 --n-real 50 --n-synth 20",
            "--dim 1 --n-real 10 --n-synth 20 --bias 0.5 --generations 3",
            "--dim 40 --n-real 60 --n-synth 90 --bias 0.9 --generations 3",
            "--dim 2 --n-real 8 --n-synth 8 --pool accumulate --generations 30",
            "--dim 2 --n-real 8 --n-synth 8 --pool accumulate --budget 8 --generations 6",
        ),
        *(f"theory baseline --dim {dim} --n {n}" for dim in (1, 3, 50) for n in (2, 20, 10**6)),
        *over_features("theory baseline --dim 3 --n 40"),
        *(
            f"theory effective --dim {dim} --w2-squared {w2}"
            for dim in (1, 30)
            for w2 in (0, 0.01, 0.5, 100)
        ),
        *over_features("theory effective --dim 3 --w2-squared 0.2"),
        *pairs(
            "theory modes --modes 5 --n-synth 12",
            {
                "n-fresh": ("--n-fresh 1", "--n-fresh 6"),
                "generations": ("--generations 1", "--generations 6"),
            },
        ),
        "theory modes --modes 1 --n-synth 6 --generations 3",
        "theory modes --modes 2 --n-synth 1 --generations 3",
        "theory modes --modes 2 --n-synth 300 --generations 5 --n-fresh 30",
        "theory modes --modes 25 --n-synth 10000 --generations 5",
        "theory modes --modes 25 --n-synth 100000000 --generations 5",
        "theory modes --modes 9 --n-synth 1000000 --n-fresh 5 --generations 2",
    ]


def simulations() -> list[str]:
    beside = {"memory": FED["memory"], "pool": POOLS["pool"]}
    return [
        *pairs(SIM_COLLAPSE, FITS | beside, only=("floor", "shrinkage")),
        *singles(SIM_COLLAPSE, RUNS),
        *over_features(f"{SIM_COLLAPSE} --bias 0.9"),
        *over_sizes(
            SIM_COLLAPSE,
            f"--dim 1 --n-synth 2 {SIZES}",
            f"--dim 1 --n-synth 12 --bias 0.9 {SIZES}",
            f"--dim 20 --n-synth 15 {SIZES}",
            f"--dim 2 --n-synth 1000000000 {SIZES}",
            "--dim 3 --n-synth 10",
        ),
        *pairs(SIM_FRESH, FED, only=("memory",)),
        *singles(SIM_FRESH, RUNS),
        *over_features(f"{SIM_FRESH} --bias 0.9"),
        *over_sizes(SIM_FRESH, f"--dim 1 --n-real 1 --n-synth 9 {SIZES}"),
        *over_sizes(SIM_FRESH, f"--dim 12 --n-real 5 --n-synth 4 --memory all {SIZES}"),
        *pairs(SIM_AUGMENTATION, FED | POOLS, only=("pool",)),
        *singles(SIM_AUGMENTATION, RUNS),
        *over_features(f"{SIM_AUGMENTATION} --bias 0.9"),
        *over_sizes(SIM_AUGMENTATION, f"--dim 1 --n-real 10 --n-synth 9 {SIZES}"),
        # Written, read again, read by another command that does not fit.
        f"{SIM_COLLAPSE} --out run.parquet",
        f"{SIM_COLLAPSE} --out run.parquet",
        f"{SIM_COLLAPSE} --out run.parquet --seed 3",
        f"{SIM_FRESH} --out fresh.parquet --threads 2",
        f"{SIM_AUGMENTATION} --out augmentation.parquet --pool accumulate",
    ]


def measurements() -> list[str]:
    both = "metrics gauss.npy shifted.npz"
    mad = " ".join(f"mad{t}.npy" for t in range(1, 7))
    sane = " ".join(f"sane{t}.npy" for t in range(1, 8))
    walk = " ".join(f"walk{t}.npy" for t in range(1, 8))
    audit = f"audit real.npy {mad}"
    return [
        *pairs(both, {"k": ("--k 1", "--k 20"), "level": ("--level 0.5", "--level 0.999")}),
        "metrics shifted.npz gauss.npy",
        "metrics gauss.npy single.npy",
        "metrics single.npy gauss.npy --k 3",
        "metrics gauss.npy dead.npy",
        "metrics dead.npy gauss.npy",
        "metrics gauss.npy gauss.npy",
        "metrics far.npy gauss.npy",
        "metrics spiked.parquet spiked2.npy",
        "metrics spiked2.npy spiked.parquet --k 2 --level 0.8",
        "metrics wide.npy wide2.npy",
        "metrics line.csv line.csv --k 3",
        "metrics deficient.csv deficient.csv",
        *pairs(
            audit,
            {
                "k": ("--k 3",),
                "level": ("--level 0.8",),
                "alpha": ("--alpha 0.2",),
                "horizon": ("--horizon 2",),
                "n-synth": ("--n-synth 150",),
            },
            only=("horizon",),
        ),
        "audit real.npy mad1.npy",
        "audit real.npy mad1.npy mad2.npy",
        "audit real.npy mad1.npy mad2.npy mad3.npy --n-synth 200",
        "audit real.npy mad1.npy mad2.npy dead3.npy dead4.npy",
        "audit real.npy mad1.npy mad2.npy dead3.npy dead4.npy --n-synth 100",
        f"audit real.npy {sane}",
        f"audit real.npy {sane} --n-synth 200 --horizon 3",
        f"audit real.npy {walk}",
        f"audit real.npy {walk} --n-synth 50 --alpha 0.1",
        f"{audit} --figure audit.png --horizon 1",
    ]


#: Command lines that are refused: one sentence on stderr, exit 2.
BAD = {
    COLLAPSE: """
        --bias 1.5 | --bias -0.1 | --bias nan | --bias inf --allow-overdispersion | --bias x
        --n-synth 1 | --n-synth -5 | --n-synth 2.5 | --n-initial 1 | --features gauss.npy | --dim 0
        --dim 1000000000000 | --generations 0 | --generations 1000000000 | --ddof 2 | --memory 2
        --first-generation none | --colour red | surplus | --shrinkage 1.5 | --shrinkage nan
        --floor -1 | --floor inf | --n-synth 1000000000000000000000000000000 | --seed 1
        --shrinkage 0.5 --bias 1.5 | --pool accumulate""",
    FRESH: """
        --bias 1.01 | --n-real 0 | --n-synth 0 | --n-initial 0 | --n-real 9007199254740993
        --generations 0 | --memory 0 | --memory 101 | --memory x | --weight 2 | --weight x
        --n-real 1 --weight 0.5 | --pool accumulate | --shrinkage 0.5 | --allow-overdispersion""",
    AUGMENTATION: """
        --memory x | --pool accumulate --pool-cap 101 | --weight nan | --pool keep | --budget 15
        --pool accumulate --budget 1 | --pool accumulate --budget 15 --weight 0.5 | --pool-cap 2
        --n-real 1 | --n-synth 0 | --n-fresh -1 | --n-initial 1 | --ddof -1 | --generations 0""",
    SIM_COLLAPSE: """
        --bias 1.01 | --generations 1000000000 | --replicates 0 | --seed -1 | --threads 0
        --threads 1000000000 | --memory 0 | --pool keep | --budget 15 | --shrinkage nan
        --out result.csv | --out no/such/folder/x.parquet
        --out empty.npy | --out empty.parquet/x""",
    SIM_FRESH: """
        --bias nan | --replicates -1 | --memory -3 | --out fresh.parquet
        --replicates 1000000000000000000000000000000""",
    SIM_AUGMENTATION: """
        --memory 2.5 | --weight -0.1 | --pool accumulate --pool-cap 0 | --out x.csv""",
    "theory baseline --dim 2 --n 10": "--n 1 | --n -4 | --n x | --dim 0",
    "theory effective --dim 2 --w2-squared 1": "--w2-squared nan | --w2-squared inf | --dim -1",
    "theory modes --modes 2 --n-synth 9": """
        --modes 0 | --n-synth 0 | --n-fresh -1 | --generations 0
        --n-synth 1000000000000000000000000000000""",
    "metrics gauss.npy shifted.npz": "--k 0 | --k 60 | --level 1 | --level nan | extra.npy",
    "audit real.npy mad1.npy mad2.npy": """
        --alpha 0 | --level 2 | --horizon 0 | --n-synth 1 | --figure x.gif | --figure none/x.pdf
        mad4.npy | mad1.npy | absent.npy | narrow2.npy""",
    "audit real.npy mad1.npy": "narrow2.npy | short2.npy | mad3.npy",
    "verify": "--level slow | --claim no-such-claim | --seed -1 | --seed x",
    "report": "--level quick | --out x --level slow | --out empty.npy | --out empty.npy/below",
}
MISSING = (
    *("theory collapse --dim 2", "theory collapse --n-synth 10", "theory fresh --dim 2 --n-real 9"),
    *("theory augmentation --dim 2 --n-synth 10", "theory baseline --dim 2", "theory modes"),
    *("theory effective --dim 2", "simulate collapse --dim 2", "simulate fresh --n-synth 10"),
    *("metrics gauss.npy", "metrics gauss.npy absent.npy", "metrics gauss.npy wide.npy"),
    *("metrics nan.csv gauss.npy", "metrics empty.npy gauss.npy", "audit real.npy", "audit"),
    *("theory colapse", "nothing", "--nothing", "simulate nothing"),
)


def refusals() -> list[str]:
    split = (
        f"{base} {option.strip()}"
        for base, options in BAD.items()
        for option in options.replace("\n", " | ").split("|")
        if option.strip()
    )
    files = (
        f"theory collapse --n-synth 10 --features {name}" for name in ("absent.npy", *UNUSABLE)
    )
    return [*split, *MISSING, *files]


#: What a person reads: tables, and the help.
SHOWN = (
    COLLAPSE,
    f"{COLLAPSE} --shrinkage 0.3",
    f"{COLLAPSE} --floor 0.1",
    "theory collapse --features wide.npy --n-synth 10 --bias 0.9",
    FRESH,
    f"{FRESH} --generations 4 --memory 2",
    "theory fresh --dim 2 --n-real 1 --n-synth 10",
    AUGMENTATION,
    f"{AUGMENTATION} --pool accumulate --bias 1",
    f"{AUGMENTATION} --pool accumulate --budget 60",
    "theory baseline --dim 3 --n 50",
    "theory effective --dim 3 --w2-squared 0.1",
    "theory modes --modes 3 --n-synth 6 --generations 5",
    "theory modes --modes 3 --n-synth 6 --generations 5 --n-fresh 2",
    "theory modes --modes 9 --n-synth 1000000 --n-fresh 5 --generations 2",
    f"{SIM_COLLAPSE} --bias 0.9",
    "simulate fresh --dim 3 --n-real 5 --n-synth 20 --generations 30 --replicates 10",
    f"{SIM_AUGMENTATION} --pool accumulate",
    "metrics gauss.npy shifted.npz",
    "metrics far.npy far.npy",
    "audit real.npy mad1.npy mad2.npy mad3.npy mad4.npy mad5.npy",
    "audit real.npy mad1.npy",
    "audit real.npy mad1.npy mad2.npy dead3.npy dead4.npy",
)
COMMANDS = (
    *("theory", "simulate", "metrics", "audit", "verify", "report", "theory collapse"),
    *("theory fresh", "theory augmentation", "theory baseline", "theory effective"),
    *("theory modes", "simulate collapse", "simulate fresh", "simulate augmentation"),
)


def lines() -> list[str]:
    """Every command line, in the order in which they run."""
    asked = [f"{line} --json" for line in (*theory(), *simulations(), *measurements())]
    refused = [f"{line} --json" if " " in line else line for line in refusals()]
    shown = [*SHOWN, *(f"{command} --help" for command in COMMANDS), "--version"]
    here = [*asked, *refused, *shown]
    known = {*here}
    return here + [x for x in dict.fromkeys(odd_values.lines()) if x not in known]


# --- running them -------------------------------------------------------------------------------


#: Answered in JSON, and shown as a table too, from one computation.
TABLED = {f"{line} --json" for line in odd_values.ASKED}


@contextlib.contextmanager
def tabled() -> Iterator[list[Any]]:
    """Keep what commands answer with --json, with what shows it to a person."""
    kept, write = list[Any](), answer._print_json

    def keep(payload: answer.Payload) -> None:
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        kept.append((frame.f_back.f_locals["show"], payload))
        write(payload)

    answer._print_json = keep
    try:
        yield kept
    finally:
        answer._print_json = write


def run(line: str) -> dict[str, Any]:
    """Exit code, what is on stdout (JSON where it was asked for) and on stderr, and warnings.

    The command hides warnings from its users; here they are part of what must not change.
    """
    out, err = io.StringIO(), io.StringIO()
    with warnings.catch_warnings(record=True) as raised, tabled() as kept:
        warnings.simplefilter("always")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(shlex.split(line))
    text = out.getvalue()
    found: dict[str, Any] = {"code": code}
    found["out"] = json.loads(text) if line.endswith("--json") and text else text
    if err.getvalue():
        found["err"] = err.getvalue()
    if kept and line in TABLED:
        with contextlib.redirect_stdout(io.StringIO()) as table:
            kept[0][0](kept[0][1])
        found["table"] = table.getvalue().splitlines()
    if raised:
        found["warnings"] = sorted({f"{w.category.__name__}: {w.message}" for w in raised})
    return found


@contextlib.contextmanager
def eighty_columns() -> Iterator[None]:
    """What tables and help are fitted to, whatever the terminal."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def entries(folder: Path, wanted: Wanted) -> Iterator[tuple[str, Any]]:
    """Run the wanted command lines in `folder`; a line that comes again is numbered."""
    write_files(folder)
    seen: dict[str, int] = {}
    with contextlib.chdir(folder), eighty_columns():
        chosen = [*filter(wanted, lines())]
        if any("--bias-file written.csv" in line for line in chosen):
            run(odd_values.WRITES)  # what another of the lines writes, wanted or not
        for line in chosen:
            seen[line] = seen.get(line, 0) + 1
            yield line + (f" (again {seen[line]})" if seen[line] > 1 else ""), run(line)
