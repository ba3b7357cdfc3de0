"""A simulation on disk: resumable while it runs, one parquet file when it is complete.

While a run lasts, ``X.parquet.run/`` holds its request (config.json), where it began
(environment.json), the moments merged so far (state.npz, authoritative) and the times at which
they were saved (timings.jsonl). ``X.parquet`` appears complete, and the folder then goes.
"""

from __future__ import annotations

import dataclasses
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import files
from madtheory._types import Array, Ints, Numbers
from madtheory.files import disk, run_folder
from madtheory.files.atomic import require_short, sweep
from madtheory.simulate.runs import Moments, Paths

if TYPE_CHECKING:
    from madtheory.simulate.request import Plan

FORMAT = "madtheory simulation 2"
KEY = b"madtheory"
#: Seconds between two saves; what a kill can cost. It decides no result: chunks merge in order.
SAVE_EVERY = 1.0
VERSIONS = ("madtheory", "numpy", "numba", "scipy")
#: What a run writes, in the order in which it is removed: what is left is a run at any time.
FILES = ("timings.jsonl", "state.npz", "config.json", "environment.json", "lock")
COLUMNS = ("generation", "quantity", "mean", "se")


def config_of(plan: Plan) -> dict[str, Any]:
    """Return all that decides the result, as JSON values."""
    config = dataclasses.asdict(plan)
    config |= config.pop("problem")
    del config["known"]  # what could be recorded decides nothing
    return run_folder.configuration(FORMAT, config)


# --- the finished file ---------------------------------------------------------------------------


def read_result(path: Path, plan: Plan) -> Paths | None:
    """Return the result of a finished run of the same plan; None without a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return None
    if not path.is_file():
        raise ValueError(f"{path} must be a file, got a folder or a device; choose another name")
    try:
        table = pq.read_table(path)
        note = json.loads((table.schema.metadata or {})[KEY])
        columns = {name: table[name].to_numpy() for name in table.column_names}
    except KeyError:
        raise _not_a_result(path, "another file") from None
    except (pa.ArrowException, OSError, ValueError):
        raise _not_a_result(path, "a damaged file") from None
    if not isinstance(note, dict):
        raise _not_a_result(path, "another file")
    config = config_of(plan)
    run_folder.same_config(path, note.get("config"), config)
    if sorted(columns) != sorted(COLUMNS) or _content(columns, config) != note.get("sha256"):
        raise _not_a_result(path, "one whose content has changed")
    mean, se = (
        {name: columns[kind][columns["quantity"] == name] for name in plan.record}
        for kind in ("mean", "se")
    )
    return Paths(plan.recorded, mean, se, plan.replicates, plan.seed)


def _not_a_result(path: Path, got: str) -> ValueError:
    return ValueError(
        f"{path} must be a complete result of this simulation, got {got}; "
        "remove it or choose another name"
    )


def _content(columns: dict[str, Numbers], config: Any) -> str:
    """Digest of the columns, and of the configuration that they are of."""
    names = ",".join(str(name) for name in columns["quantity"])
    numbers = (columns[name].tobytes() for name in ("generation", "mean", "se"))
    return files.sha256(files.canonical_json([config, names]).encode() + b"".join(numbers))


def write_result(path: Path, plan: Plan, result: Paths, environment: dict[str, Any]) -> None:
    """Write columns generation, quantity, mean, se; the configuration goes into the metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names, T = plan.record, plan.recorded.size
    columns: dict[str, Numbers] = {
        "generation": np.tile(plan.recorded, len(names)),
        "quantity": np.repeat(np.array(names, dtype=object), T),
        "mean": np.concatenate([result.mean[name] for name in names]),
        "se": np.concatenate([result.se[name] for name in names]),
    }
    config = config_of(plan)
    note = {"config": config, "environment": environment, "sha256": _content(columns, config)}
    table = pa.table(columns).replace_schema_metadata({KEY: files.canonical_json(note).encode()})
    with files.atomic_stream(path) as stream:
        pq.write_table(table, stream)


# --- the run folder ------------------------------------------------------------------------------


class Run:
    """The folder of an unfinished run, and where to start; open it with :func:`open_run`."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path, self.plan, self.folder = path, plan, folder_of(path)
        self.environment: dict[str, Any] = {}
        self.start: tuple[int, Moments] | None = None
        self._started = self._saved = time.monotonic()

    def load(self) -> None:
        """Read or begin the run: configuration, environment, state."""
        config, wanted = self.folder / "config.json", config_of(self.plan)
        environment, here = self.folder / "environment.json", run_folder.versions(VERSIONS)
        if not run_folder.begun(self.folder, "an unfinished run", ("environment.json", "lock")):
            run_folder.write_sealed(environment, run_folder.environment(self.plan.seed, here))
            files.atomic_write_json(config, wanted)
        run_folder.same_config(self.folder, run_folder.read_json(config), wanted)
        self.environment = run_folder.read_sealed(environment)
        run_folder.same_versions(self.folder, self.environment.get("versions"), here)
        state = self.folder / "state.npz"
        if state.exists():
            self.start = _read_state(state, self.plan)

    def save(self, done: int, moments: Moments) -> None:
        """Save the merged moments of chunks 0..done-1, at most once every SAVE_EVERY seconds."""
        now = time.monotonic()
        if now - self._saved < SAVE_EVERY:
            return
        self._saved = now
        files.atomic_write_bytes(self.folder / "state.npz", _state_bytes(done, moments, self.plan))
        line = {
            "chunks": done,
            "replicates": moments.count,
            "seconds": round(now - self._started, 3),
        }
        with disk.opened(self.folder / "timings.jsonl", "a") as stream:
            stream.write(files.canonical_json(line).encode() + b"\n")

    def finish(self, result: Paths) -> None:
        """Write the result, then remove the folder."""
        write_result(self.path, self.plan, result, self.environment)
        remove_run(self.path)


def folder_of(path: Path) -> Path:
    """Return X.parquet.run for X.parquet."""
    return path.with_name(path.name + ".run")


def remove_run(path: Path) -> None:
    """Remove the run folder of `path`, if it holds nothing but what a run writes.

    The result is there: a folder that stays is removed by the next call.
    """
    folder = folder_of(path)
    if folder.is_dir() and not run_folder.strangers(folder, FILES):
        with suppress(OSError):
            sweep(folder)
            for name in FILES:
                disk.remove(folder / name)
            disk.remove_folder(folder)


@contextmanager
def open_run(path: Path, plan: Plan) -> Iterator[Run]:
    """Hold the run folder of `path` for this process alone, and load what it holds."""
    require_short(path)
    run = Run(path, plan)
    homeless = f"the result file must lie in an existing folder, got {path}; make its folder first"
    unwritable = f"the result file must lie in a writable folder, got {path}"
    if run.folder.exists() and not run.folder.is_dir():
        raise ValueError(
            f"{run.folder} must be a folder of this simulation, got a file; remove it or choose "
            "another name"
        )
    with run_folder.hold(run.folder, homeless=homeless, unwritable=unwritable):
        run.load()
        yield run


def _state_digest(counts: Ints, mean: Array, m2: Array, plan: Plan) -> str:
    """Digest of the moments and of the configuration: a changed config.json does not fit them."""
    config = files.canonical_json(config_of(plan)).encode()
    return files.sha256(config + counts.tobytes() + mean.tobytes() + m2.tobytes())


def _state_bytes(done: int, moments: Moments, plan: Plan) -> bytes:
    counts, mean, m2 = np.array([done, moments.count], dtype=np.int64), moments.mean, moments.m2
    digest, buffer = np.array(_state_digest(counts, mean, m2, plan)), io.BytesIO()
    np.savez(buffer, counts=counts, mean=mean, m2=m2, sha256=digest)
    return buffer.getvalue()


def _read_state(path: Path, plan: Plan) -> tuple[int, Moments]:
    """Return the chunks done and their moments, or refuse a damaged file."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as state:
            counts, mean, m2 = state["counts"], state["mean"], state["m2"]
            whole = str(state["sha256"]) == _state_digest(counts, mean, m2, plan)
    except Exception:  # a changed bit of an archive raises what it likes: it may look encrypted
        whole = False
    if not whole or mean.shape != (len(plan.record), plan.recorded.size):
        raise run_folder.damaged(path, "the state of this run", "a damaged file")
    return int(counts[0]), Moments(int(counts[1]), mean, m2)
