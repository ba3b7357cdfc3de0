"""Run the curves that are committed: python -m madtheory.deep.make_curves (`make curves`).

reports/data/curves.toml lists them. Each run has a process and a thread of its own and a folder
below out/curves, where it goes on if it was killed; its curve is written to reports/data/curves as
soon as it ends. What is there is not run again: ``--list`` says which are, ``--check NAME`` runs
one anew and compares the digest.

```toml
[[curves]]
preset = "ddpm-quick"
bias = [1.0, 0.5]
seeds = [0, 1, 2]
set = ["model.steps=8000"]     # further changes, if any
loops = [
    { kind = "synthetic", n_synth = 4000 },
    { kind = "fresh", n_real = 2000, n_synth = 2000 },
]
```
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madtheory import files
from madtheory.deep import config, curves
from madtheory.files import disk

#: One thread for each process.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Job:
    """A curve to run: its name, its preset with changes as a table, and the words of its command.

    `words` lack the folder.
    """

    name: str
    table: dict[str, Any]
    words: tuple[str, ...]


def inline(table: Mapping[str, Any]) -> str:
    """A table on one line of TOML: JSON's words, numbers and truth values are TOML's.

    Examples
    --------
    >>> inline({"kind": "fresh", "n_real": 20})
    '{kind = "fresh", n_real = 20}'
    """
    return "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items()) + "}"


def _job(preset: str, loop: Mapping[str, Any], bias: float, seed: int, more: Sequence[str]) -> Job:
    changes = [f"loop={inline({**loop, 'bias': bias})}", *more]
    table = config.read(preset, changes).table
    sets = itertools.chain.from_iterable(("--set", change) for change in changes)
    return Job(curves.curve_name(table, seed), table, (preset, "--seed", str(seed), *sets))


def jobs(text: str) -> list[Job]:
    """All curves of a list: the first seed of every loop comes before the second of any.

    Raises
    ------
    ValueError
        The list is no TOML, or says something that no preset has, or names a curve twice.
    """
    found = []
    for entry in tomllib.loads(text).get("curves", []):
        for key in {"preset", "bias", "seeds", "loops"} - entry.keys():
            raise ValueError(f"curves must have {key}, got an entry without it")
        every = itertools.product(entry["seeds"], entry["bias"], entry["loops"])
        for seed, bias, loop in every:
            found.append(_job(entry["preset"], loop, bias, seed, entry.get("set", ())))
    found.sort(key=lambda job: int(job.words[2]))
    names = [job.name for job in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"curves must have a name of their own, got {name} twice")
    return found


def state(job: Job, data: Path) -> str:
    """Whether a curve is made, missing, or of what the preset was before."""
    path = data / f"{job.name}.json"
    if not path.exists():
        return "missing"
    # As JSON has them: infinity is null there.
    here, there = job.table | {"seconds": 0}, curves.read(path).preset | {"seconds": 0}
    same = files.canonical_json(here) == files.canonical_json(there)
    return "made" if same else "of another preset"


def execute(job: Job, folder: Path) -> curves.Curve:
    """Run a curve, or what is left of it, in a process of its own.

    Raises
    ------
    ValueError
        The run failed; the sentence is its own.
    """
    disk.make_folder(folder.parent)
    command = [sys.executable, "-m", "madtheory", "deep", "run", *job.words, "--out", str(folder)]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ended.returncode:
        said = ended.stderr.strip().removeprefix("madtheory: error: ").splitlines()
        raise ValueError(f"{job.name} ended with {ended.returncode}: {said[-1] if said else ''}")
    return curves.of_run(folder)


def make(job: Job, data: Path, work: Path) -> str:
    """Run a curve and write it; return a line that says so."""
    curve = execute(job, work / job.name)
    disk.make_folder(data)
    curves.write(curve, data / f"{job.name}.json")
    return f"{job.name}: {curve.seconds:.0f} s, digest {curve.digest[:12]}"


def make_missing(found: Sequence[Job], data: Path, work: Path, at_once: int) -> Iterator[str]:
    """Make the curves that are missing, so many at once; yield a line as each ends."""

    def one(job: Job) -> str:
        try:
            return make(job, data, work)
        except (ValueError, OSError) as error:
            return f"failed: {error}"

    with ThreadPoolExecutor(at_once) as pool:
        missing = [job for job in found if state(job, data) == "missing"]
        for ended in as_completed([pool.submit(one, job) for job in missing]):
            yield ended.result()


def check(job: Job, data: Path, work: Path) -> bool:
    """Run a curve anew and compare its digest with the committed one's."""
    folder = work / "check" / job.name
    shutil.rmtree(folder, ignore_errors=True)
    again, kept = execute(job, folder), curves.read(data / f"{job.name}.json")
    same = again.digest == kept.digest
    print(f"{job.name}: digest {'is the same' if same else 'differs'}, {again.digest[:12]}")
    return same


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey a command line; 1 when a run failed or a digest differs."""
    parser = argparse.ArgumentParser(prog="make_curves", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="only these curves")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--list", action="store_true", help="say which are made")
    parser.add_argument("--check", metavar="NAME", help="run one anew and compare its digest")
    parser.add_argument("--data", type=Path, default=Path("reports/data/curves"))
    parser.add_argument("--work", type=Path, default=Path("out/curves"))
    given = parser.parse_args(arguments)
    every = jobs(given.data.with_suffix(".toml").read_text(encoding="utf-8"))
    wanted = {*given.names} | ({given.check} if given.check else set())
    for name in wanted - {job.name for job in every}:
        parser.error(f"a name must be one that --list prints, got {name}")
    chosen = [job for job in every if not wanted or job.name in wanted]
    if given.list:
        print(*(f"{state(job, given.data):>18}  {job.name}" for job in chosen), sep="\n")
        return 0
    if given.check:
        return 0 if check(chosen[0], given.data, given.work) else 1
    failed = False
    for said in make_missing(chosen, given.data, given.work, given.jobs):
        print(said, flush=True)
        failed |= said.startswith("failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
