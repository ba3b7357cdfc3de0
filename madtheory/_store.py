"""A simulation on disk: resumable while it runs, one parquet file when it is complete.

While a run lasts, ``X.parquet.run/`` holds its request (config.json), where it began
(environment.json), the moments merged so far (state.npz, authoritative) and the times at which
they were saved (timings.jsonl). ``X.parquet`` appears complete, and the folder then goes.
"""

from __future__ import annotations

import dataclasses
import io
import json
import platform
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory._io import atomic_path, atomic_write_bytes, atomic_write_json, canonical_json, sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from madtheory.simulate.request import Plan

__all__ = [
    "Run",
    "environment_of",
    "is_temporary",
    "open_run",
    "read_json",
    "read_result",
    "same_config",
    "same_versions",
    "take_lock",
    "write_result",
]

FORMAT = "madtheory simulation 1"
KEY = b"madtheory"
#: Seconds between two saves; what a kill can cost. It decides no result: chunks merge in order.
SAVE_EVERY = 1.0
VERSIONS = ("madtheory", "numpy", "numba", "scipy")
FILES = ("config.json", "environment.json", "state.npz", "timings.jsonl", "lock")
Table = dict[str, tuple["NDArray[np.float64]", "NDArray[np.float64]"]]


def config_of(plan: Plan) -> dict[str, Any]:
    """Return all that decides the result, as JSON values."""
    config = dataclasses.asdict(plan)
    config |= config.pop("problem")
    del config["known"]  # what could be recorded decides nothing
    return dict(json.loads(canonical_json({"format": FORMAT, **config})))


def _versions() -> dict[str, str]:
    return {name: version(name) for name in VERSIONS}


def environment_of(seed: int, versions: dict[str, str]) -> dict[str, Any]:
    """Return versions, processor, seed and git state."""
    return {
        "versions": versions,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "seed": seed,
        "git": git_state(Path(__file__).resolve().parent),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the commit of the source and whether it was changed; None outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        # A copy inside somebody else's repository (a virtual environment) has no state of its own.
        git("ls-files", "--error-unmatch", "_store.py")
        changed = git("status", "--porcelain", "--untracked-files=no")
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(changed)}
    except (OSError, subprocess.SubprocessError):
        return None


# --- the finished file ---------------------------------------------------------------------------


def read_result(path: Path, plan: Plan) -> Table | None:
    """Return {quantity: (mean, se)} of a finished run of the same plan; None without a file.

    Raises
    ------
    ValueError
        When the file is damaged, or is no result of this plan.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return None
    if not path.is_file():
        raise ValueError(f"{path} must be a file, got a folder")
    try:
        table = pq.read_table(path)
        note = json.loads((table.schema.metadata or {})[KEY])
    except KeyError:
        raise ValueError(f"{path} must be a result of this simulation, got another file") from None
    except (pa.ArrowException, OSError, ValueError):
        raise ValueError(f"{path} must be a readable result, got a damaged file") from None
    same_config(path, note.get("config"), config_of(plan))
    columns = {name: table[name].to_numpy() for name in table.column_names}
    if sorted(columns) != sorted(COLUMNS) or _content(columns) != note.get("sha256"):
        raise ValueError(f"{path} must be a complete result, got one whose content has changed")
    return {
        str(name): (columns["mean"][rows], columns["se"][rows])
        for name in plan.record
        for rows in [columns["quantity"] == name]
    }


COLUMNS = ("generation", "quantity", "mean", "se")


def _content(columns: dict[str, NDArray[Any]]) -> str:
    """Digest of the columns."""
    names = ",".join(str(name) for name in columns["quantity"])
    numbers = (columns[name].tobytes() for name in ("generation", "mean", "se"))
    return sha256(names.encode() + b"".join(numbers))


def write_result(path: Path, plan: Plan, result: Table, environment: dict[str, Any]) -> None:
    """Write columns generation, quantity, mean, se; the configuration goes into the metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    recorded = plan.recorded
    columns: dict[str, NDArray[Any]] = {
        "generation": np.tile(recorded, len(result)),
        "quantity": np.repeat(np.array(list(result), dtype=object), recorded.size),
        "mean": np.concatenate([mean for mean, _ in result.values()]),
        "se": np.concatenate([se for _, se in result.values()]),
    }
    note = {"config": config_of(plan), "environment": environment, "sha256": _content(columns)}
    table = pa.table(columns).replace_schema_metadata({KEY: canonical_json(note).encode()})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)


def same_config(path: Path, found: Any, wanted: dict[str, Any]) -> None:
    """Refuse a file of another configuration; name the first field that differs."""
    if found == wanted:
        return
    known = found if isinstance(found, dict) else {}
    field = next((key for key in wanted if known.get(key) != wanted[key]), "format")
    raise ValueError(
        f"{path} must be of the same configuration, got one with another {field}; "
        "remove it or choose another name"
    )


# --- the run folder ------------------------------------------------------------------------------


class Run:
    """The folder of an unfinished run; open it with :func:`open_run`."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path, self.plan = path, plan
        self.folder = run_folder(path)
        self.environment: dict[str, Any] = {}
        self.done = 0
        self.count = 0
        self.arrays: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._saved = time.monotonic()
        self._started = self._saved

    def load(self) -> None:
        """Read or begin the run: configuration, environment, state."""
        config, wanted = self.folder / "config.json", config_of(self.plan)
        environment = self.folder / "environment.json"
        if not config.exists():
            self._refuse_strangers()
            atomic_write_json(environment, environment_of(self.plan.seed, _versions()))
            atomic_write_json(config, wanted)
        same_config(config, read_json(config), wanted)
        self.environment = read_json(environment)
        found = self.environment.get("versions", {})
        same_versions(self.folder, found, _versions())
        state = self.folder / "state.npz"
        if state.exists():
            self.done, self.count, *arrays = _read_state(state, self.plan)
            self.arrays = (arrays[0], arrays[1])

    def _refuse_strangers(self) -> None:
        for entry in self.folder.iterdir():
            if entry.name not in ("environment.json", "lock") and not is_temporary(entry.name):
                raise ValueError(
                    f"{self.folder} must be the folder of an unfinished run, "
                    f"got one without config.json that holds {entry.name}"
                )

    def save(self, done: int, count: int, arrays: tuple[NDArray[Any], NDArray[Any]]) -> None:
        """Save the merged moments of chunks 0..done-1, at most once every SAVE_EVERY seconds."""
        now = time.monotonic()
        if now - self._saved < SAVE_EVERY:
            return
        self._saved = now
        atomic_write_bytes(self.folder / "state.npz", _state_bytes(done, count, *arrays))
        line = {"chunks": done, "replicates": count, "seconds": round(now - self._started, 3)}
        with (self.folder / "timings.jsonl").open("a") as stream:
            stream.write(canonical_json(line) + "\n")

    def finish(self, result: Table) -> None:
        """Write the result, then remove the folder."""
        write_result(self.path, self.plan, result, self.environment)
        remove_run(self.path)


def same_versions(folder: Path, found: Any, wanted: dict[str, str]) -> None:
    """Refuse to mix versions in one result: it could not be reproduced."""
    known = found if isinstance(found, dict) else {}
    for name, here in wanted.items():
        if known.get(name) != here:
            raise ValueError(
                f"{folder} was begun with {name} {known.get(name)} and must go on with it, "
                f"got {here}; remove the folder to start again"
            )


def run_folder(path: Path) -> Path:
    """Return X.parquet.run for X.parquet."""
    return path.with_name(path.name + ".run")


def remove_run(path: Path) -> None:
    """Remove the run folder of `path`, if it holds nothing but what a run writes."""
    folder = run_folder(path)
    if folder.is_dir() and all(
        entry.name in FILES or is_temporary(entry.name) for entry in folder.iterdir()
    ):
        shutil.rmtree(folder)


@contextmanager
def open_run(path: Path, plan: Plan) -> Iterator[Run]:
    """Hold the run folder of `path` for this process alone, and load what it holds.

    Raises
    ------
    ValueError
        When the parent folder does not exist, another process is at work on the same file, or
        what lies there is damaged or of another configuration.
    """
    run = Run(path, plan)
    if not path.parent.is_dir():
        raise ValueError(f"the result file must lie in an existing folder, got {path}")
    try:
        run.folder.mkdir(exist_ok=True)
        lock = (run.folder / "lock").open("a")
    except OSError as error:
        raise ValueError(f"store must be writable, got {path}: {error.strerror}") from None
    with lock:
        take_lock(lock.fileno(), run.folder)
        run.load()
        yield run


def take_lock(handle: int, folder: Path) -> None:
    """Lock the run; the system lets go when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # a system without such locks
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ValueError(f"{folder} must be used by one process, got a second one") from None


def is_temporary(name: str) -> bool:
    """Whether a killed writer left a file of this name."""
    return re.fullmatch(r"\..*\.tmp", name) is not None


def read_json(path: Path) -> Any:
    """Return the JSON object in a file, or refuse a damaged one."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be readable JSON, got a damaged or missing file")
    return value


def _state_digest(counts: NDArray[np.int64], mean: NDArray[Any], m2: NDArray[Any]) -> str:
    return sha256(counts.tobytes() + mean.tobytes() + m2.tobytes())


def _state_bytes(done: int, count: int, mean: NDArray[Any], m2: NDArray[Any]) -> bytes:
    counts, buffer = np.array([done, count], dtype=np.int64), io.BytesIO()
    digest = np.array(_state_digest(counts, mean, m2))
    np.savez(buffer, counts=counts, mean=mean, m2=m2, sha256=digest)
    return buffer.getvalue()


def _read_state(
    path: Path, plan: Plan
) -> tuple[int, int, NDArray[np.float64], NDArray[np.float64]]:
    """Return (chunks, replicates, mean, m2) or refuse a damaged file."""
    shape = (len(plan.record), plan.recorded.size)
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as state:
            counts, mean, m2 = state["counts"], state["mean"], state["m2"]
            whole = str(state["sha256"]) == _state_digest(counts, mean, m2)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError):
        whole = False
    if not whole or mean.shape != shape:
        raise ValueError(
            f"{path} must be the state of this run, got a damaged file; "
            f"remove {path.parent} to start again"
        )
    return int(counts[0]), int(counts[1]), mean, m2
