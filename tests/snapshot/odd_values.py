"""More command lines of the snapshot: bad values of every option, and what others have not tried.

The options are those that the commands have: a new one is asked about when all is recorded anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from madtheory.cli.main import cli

#: A command line that works and takes no time, by command; to each a bad value is added.
BASES = {
    "theory collapse": "--dim 2 --n-synth 9 --generations 2",
    "theory fresh": "--dim 2 --n-real 9 --n-synth 9",
    "theory augmentation": "--dim 2 --n-real 9 --n-synth 9 --generations 2",
    "theory baseline": "--dim 2 --n 9",
    "theory effective": "--dim 2 --w2-squared 1",
    "theory biases": "real.npy mad1.npy mad2.npy mad3.npy",
    "theory modes": "--modes 2 --n-synth 9 --generations 2",
    "plan": "--dim 2 --n-real 9 --n-synth 9",
    "simulate collapse": "--dim 2 --n-synth 9 --generations 2 --replicates 5",
    "simulate fresh": "--dim 2 --n-real 9 --n-synth 9 --generations 2 --replicates 5",
    "simulate augmentation": "--dim 2 --n-real 9 --n-synth 9 --generations 2 --replicates 5",
    "metrics": "gauss.npy shifted.npz",
    "audit": "real.npy mad1.npy mad2.npy",
}
HUGE = "1" + 30 * "0"
BAD = {
    "integer": ("x", "-1", "1.5", HUGE),
    "float": ("x", "nan", "-1", "inf"),
    "choice": ("none",),
    "path": ("''", "absent.npy", "absent/x.csv", "folder", "x.doc"),
    "text": ("x", "-1", "0", "1.5"),
}


def commands(group: click.Command, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command by the words that call it, groups too."""
    yield " ".join(path), group
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, *path, name)


def bad_values() -> Iterator[str]:
    """Each bad value of each option; as a text where JSON says no more."""
    for name, command in commands(cli):
        for option in command.params if name in BASES else ():
            kind = "path" if "Path" in type(option.type).__name__ else option.type.name
            values = BAD.get(kind, ()) if isinstance(option, click.Option) else ()
            base = BASES[name].replace("--dim 2 ", "") if kind == "path" else BASES[name]
            yield from (f"{name} {base} {option.opts[0]} {value}" for value in values)
            if option.required and isinstance(option, click.Option):
                words = BASES[name].split()
                at = words.index(option.opts[0])
                yield " ".join([name, *words[:at], *words[at + 2 :]])


MAD = " ".join(f"mad{t}.npy" for t in range(1, 7))
SANE = " ".join(f"sane{t}.npy" for t in range(1, 8))
COLLAPSE = "theory collapse --dim 3 --n-synth 10 --generations 4"
FRESH = "theory fresh --dim 3 --n-real 50 --n-synth 20"
AUGMENTATION = "theory augmentation --dim 3 --n-real 50 --n-synth 20 --generations 4"
SIZES = "--generations 4 --replicates 12"
PLAN = "plan --dim 3 --n-real 40"
WRITES = f"theory biases real.npy {MAD} --out written.csv"

#: Answered in JSON and as a table.
ASKED = (
    *(f"{COLLAPSE} {x}" for x in (
        "--bias-file biases.csv", "--eps 0.01", "--eps 0.5 --bias 0.75", "--eps 0.1 --n-initial 25",
        "--eps 0.1 --shrinkage 0.3", "--eps 2", "--seed 3", "--generations 30", "--ddof 0",
        "--first-generation biased", "--bias 0", "--floor 0.1", "--shrinkage 0.3",
        "--bias-file biases.csv --eps 0.1", "--bias 1.05 --allow-overdispersion",
    )),
    "theory collapse --dim 1 --n-synth 2 --generations 13",
    "theory collapse --features gauss.npy --n-synth 10 --generations 4 --eps 0.2",
    "theory collapse --features deficient.csv --n-synth 10 --generations 4 --bias 0.8 --floor 0.1",
    *(f"{FRESH} {x}" for x in (
        "--bias-file biases.csv", "--bias 0.75", "--bias 0", "--memory 3", "--memory all",
        "--weight 0.4", "--weight 1", "--ddof 0", "--generations 14 --bias 0.75", "--n-initial 9",
        "--generations 3 --first-generation biased",
    )),
    "theory fresh --features spiked.parquet --n-real 30 --n-synth 90 --bias 0.9 --generations 3",
    *(f"{AUGMENTATION} {x}" for x in (
        "--bias-file biases.csv", "--bias 0.75", "--n-fresh 5", "--weight 0.4", "--memory all",
        "--pool accumulate --pool-cap 2", "--n-initial 9",
    )),
    *(f"simulate collapse --dim 3 --n-synth 10 {SIZES} {x}" for x in (
        "", "--bias-file biases.csv", "--bias 0.75 --floor 0.1", "--memory all", "--seed 4",
        "--pool accumulate --budget 6", "--generations 40",
    )),
    f"simulate fresh --dim 3 --n-real 50 --n-synth 20 {SIZES} --bias-file biases.csv",
    f"simulate augmentation --dim 3 --n-real 50 --n-synth 20 {SIZES} --n-fresh 5 --weight 0.4",
    *(f"{PLAN} {x}" for x in (
        "", "--bias 0 --target-gain 0.5",
        "--target-gain 5 --bias 0.9 --n-synth 300", "--n-synth 1",
    )),
    "plan --dim 3 --n-real 0 --n-synth 12", "plan --dim 3 --n-real 0 --n-synth 12 --bias 0.9",
    "plan --dim 3 --n-real 0 --n-synth 12 --bias 0", "plan --dim 1 --n-real 1 --bias 0.5",
    "plan --features gauss.npy --n-real 30 --bias 0.8 --n-synth 60",
    *(f"theory biases real.npy {x}" for x in (
        MAD, f"{MAD} --level 0.8", f"{MAD} --n-synth 200", SANE, f"{SANE} --n-synth 200",
        "mad1.npy mad2.npy --n-synth 200", f"{MAD} --n-synth 200 --out UPPER.CSV",
    )),
    WRITES,
    "theory collapse --dim 4 --n-synth 200 --generations 2 --bias-file written.csv",
    "theory biases spiked.parquet spiked2.npy spiked2.npy --n-synth 70",
    *(f"audit real.npy {x}" for x in (
        f"{MAD} --n-real 0", f"{MAD} --n-real 0 --memory all", f"{MAD} --memory 1",
        f"{MAD} --n-real 100 --n-synth 100", f"{MAD} --n-real 0 --n-synth 200 --memory 2",
        f"{SANE} --n-real 0", f"{SANE} --n-real 100 --n-synth 100 --memory 1", SANE, MAD,
        "mad1.npy --n-real 0", "mad1.npy mad2.npy --n-real 0 --n-synth 200",
    )),
    "metrics gauss.npy shifted.npz", "metrics gauss.npy shifted.npz --k 2 --level 0.5",
    "metrics far.npy far.npy",
    *(f"theory modes --modes 5 --n-synth 12 {x}" for x in (
        "", "--n-fresh 3", "--generations 40", "--n-fresh 3 --generations 40")),
    *(f"theory baseline --dim 3 --n {n}" for n in (2, 50)),
    *(f"theory effective --dim 3 --w2-squared {x}" for x in (0, 0.5, 1000)),
)  # fmt: skip

#: Combinations that are refused.
REFUSED = (
    f"{COLLAPSE} --bias-file biases.csv --bias 0.9",
    f"{COLLAPSE} --bias-file two.csv",
    f"{COLLAPSE} --bias-file gauss.npy",
    f"{COLLAPSE} --bias-file words.csv",
    f"{FRESH} --bias-file biases.csv --bias 1.0",
    "theory biases real.npy mad1.npy mad2.npy",
    "theory biases real.npy mad1.npy --n-synth 200",
    "theory biases real.npy mad1.npy mad2.npy narrow2.npy",
    "theory biases real.npy",
    f"theory biases real.npy {MAD} --n-synth 1",
    f"theory biases real.npy {MAD} --level 1",
    f"{PLAN} --figure plan.txt",
    "plan --dim 3 --n-real 0 --n-synth 5 --figure plan.pdf",
    "plan --dim 3 --n-real 0",
    "plan --n-real 4",
    "plan --dim 3 --features gauss.npy --n-real 4",
    f"{PLAN} --target-gain 1000000000000000",
    "audit folder",
    "audit folder mad1.npy",
    "audit real.npy mad1.npy --memory two",
    "audit real.npy mad1.npy --n-synth 1 --n-real 0",
    "theory collapse --features folder --n-synth 9",
    "simulate collapse --dim 3 --n-synth 10 --out folder",
    "simulate collapse --dim 3 --n-synth 10 --out a.parquet/b.parquet",
)


def shown() -> Iterator[str]:
    """What a person reads of every command and group."""
    yield from ("-h", "theory -h", "deep", "theory", "")
    yield from (f"{name} --help" for name, _ in commands(cli) if name)


def lines() -> Iterator[str]:
    """All of them, in the order in which they run."""
    yield from (f"{line} --json" for line in ASKED)
    yield from (*REFUSED, *bad_values(), *shown())
