"""kill -9 deep runs at random moments: python -m tests.e2e.deep.kills --kills 20 [--family ddpm].

A parent imports torch and trains the feature network once; each attempt is a fork of it. A run that
was killed, maybe again and again, must end in the same bytes as one that was not: digest, state,
models, samples, grids.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from madtheory.files import sha256_file
from tests.e2e.attempts import Attempts

#: Quick runs of some seconds: family, data, model.
FAMILIES = {
    "ddpm": ("digits", "width = 64, depth = 2, steps = 300, batch = 64, sampling_steps = 5"),
    "stylegan2": ("digits", "width = 8, latent = 8, steps = 40, batch = 16"),
    "wgan_gp": ("digits", "width = 8, latent = 8, steps = 60, critic_steps = 2, batch = 16"),
    "glow": ("rosenbrock", "couplings = 4, hidden = 32, epochs = 60, batch = 64"),
    "linear": ("gaussian-4", "steps = 2000"),
}
PRESET = """
family = "{family}"
data = "{data}"
generations = 3
seconds = 1
loop = {{ kind = "synthetic", n_synth = 200, bias = 0.8 }}
model = {{ {model} }}
"""
#: Every generation is saved, and fits save as often as is said; each attempt is a fork.
SERVER = """
import os
import sys
import torch
torch.set_num_threads(1)
from madtheory.deep import checkpoint, config, curves, run
from madtheory.deep.features import eyes
from madtheory.engine import store
from madtheory.files import run_folder

# A commit while runs are killed is no matter of theirs.
run_folder._git_state = lambda _: None
store.SAVE_EVERY, store.SAVE_SHARE = 0.0, 1e9
checkpoint.SAVE_EVERY, checkpoint.SAVE_SHARE = float(sys.argv[1]), 1e9
preset = config.read(sys.argv[2], sys.argv[3:])
data = run.sets.load(preset.data)
network = eyes.train_lenet(data) if data.classes else None
run.sets.load, eyes.train_lenet = lambda name: data, lambda given: network

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        print("started", os.getpid(), flush=True)
        found = run.run(preset, out=line.strip(), seed=3, command="x")
        print(curves.digest(found.generations, found.metrics), flush=True)
        os._exit(0)
    print("ended", os.waitpid(child, 0)[1], flush=True)
"""
#: Files that tell of times, or of the process at work.
TIMED = ("timings.jsonl", "lock")


def content(folder: Path) -> dict[str, str]:
    """Digest of every file of a run by name."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): sha256_file(path) for path in found if path.name not in TIMED
    }


#: The digest of a finished run, and what its folder holds.
Ended = tuple[list[str], dict[str, str]]


class Tally(NamedTuple):
    """Kills in all, those within a fit that had a checkpoint, runs that were finished."""

    kills: int
    within_fits: int
    finished: int


class Runner(Attempts):
    """Attempts of a preset, on one thread, whose fits save every so many seconds."""

    def __init__(self, preset: str, changes: Sequence[str] = (), *, every: float) -> None:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        super().__init__("-c", SERVER, str(every), preset, *changes, env=os.environ | threads)

    def ended(self, out: Path) -> Ended:
        """Run to the end; return the digest and what the folder holds."""
        return self.finish(out), content(out)


def same(ended: Ended, reference: Ended) -> None:
    """AssertionError when a run has another digest or another file, which it names."""
    (digest, files), (wanted, known) = ended, reference
    other = {name for name in files.keys() | known.keys() if files.get(name) != known.get(name)}
    assert not other, other
    assert digest == wanted


def killed_runs(
    folder: Path,
    preset: str,
    changes: Sequence[str] = (),
    *,
    kills: int,
    seed: int = 1,
    every: float = 0.02,
) -> Tally:
    """Kill runs of a preset `kills` times; AssertionError when one ends in other bits."""
    runner, rng = Runner(preset, changes, every=every), random.Random(seed)
    started = time.perf_counter()
    reference = runner.ended(folder / "whole")
    length = time.perf_counter() - started
    done = within = finished = 0
    while done < kills:
        out = folder / f"run-{finished}"
        while runner.kill(out, rng.uniform(0.05, 0.6) * length):
            done += 1
            within += any(out.glob("fit/*/fit.safetensors"))
            print(f"{done} of {kills} kills, {within} within a fit", file=sys.stderr)
            # Some runs are killed again and again, some go on after a few kills.
            if done >= kills or rng.random() < 0.2:
                break
        same(runner.ended(out), reference)
        finished += 1
    runner.close()
    return Tally(done, within, finished)


def small(folder: Path, family: str) -> str:
    """Write the small preset of a family."""
    data, model = FAMILIES[family]
    path = folder / f"{family}.toml"
    path.write_text(PRESET.format(family=family, data=data, model=model))
    return str(path)


def main() -> None:
    """Kill runs of one family or of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--family", choices=[*FAMILIES], action="append")
    parser.add_argument("--preset", help="a preset in place of the small ones")
    parser.add_argument("--set", action="append", default=[], help="a change of the preset")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=0.02, help="seconds between two saves")
    given = parser.parse_args()
    for name in [given.preset] if given.preset else given.family or [*FAMILIES]:
        with tempfile.TemporaryDirectory() as place:
            preset = given.preset or small(Path(place), name)
            found = killed_runs(
                Path(place),
                preset,
                given.set,
                kills=given.kills,
                seed=given.seed,
                every=given.every,
            )
        print(f"{name}: {found.kills} kills, {found.within_fits} of them within a fit that had a "
              f"checkpoint, {found.finished} runs, all of the same bytes", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
