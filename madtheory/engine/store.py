"""The folder of an engine run: what it holds, how it is written, what is checked on the way back.

=================  ================================================================================
config.json        all that decides the result
environment.json   versions, processor, seed, git state
state              arrays only, authoritative: SHA-256 of the rest, a line feed, an .npz of the
                   generation reached, the metrics so far and the digests of all other files but
                   timings.jsonl
arrays-T.npz       models and pooled batches up to generation T that no earlier file holds;
                   arrays-0.npz: the fixed real set, and the form of a sample
stats.jsonl        one line a generation, reproducible fields only
timings.jsonl      one line a generation, seconds; a run that goes on mends it
fit/T              what the model keeps while it is fitted, until generation T is saved
lock               held by the process at work
=================  ================================================================================

Nothing is rewritten when a pool grows, and saving takes at most `SAVE_SHARE` of the time. A kill
costs the generations since the last save, which are run again to the same bits.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import math
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from madtheory import files
from madtheory.engine.samples import Arrays, as_array, digest
from madtheory.files import disk, run_folder
from madtheory.files.pace import Pace

FORMAT = "madtheory engine 2"
#: Seconds between two saves, at least; and the share of the time that saving may take.
SAVE_EVERY = 1.0
SAVE_SHARE = 0.005
#: What a start that was killed may have written: config.json comes last.
EARLY = ("environment.json", "lock", "state", "arrays-0.npz")
#: Distributions whose versions decide the bits, those in use.
VERSIONS = {name: name for name in ("madtheory", "numpy", "scipy", "torch", "numba")} | {
    "sklearn": "scikit-learn"
}


# --- what decides a result -----------------------------------------------------------------------


def _plain(value: Any, *, deeper: bool = True) -> Any:
    """JSON value that stands for an attribute: arrays by digest, functions by name.

    Of other objects class and public attributes count, of those within them the class alone.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(float(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(part, deeper=deeper) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part, deeper=deeper) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(part, deeper=deeper) for part in value), key=files.canonical_json)
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "detach"):
        return digest({"": as_array("attribute", value)})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return describe(value)
    return getattr(value, "__qualname__", None) or _object(value, deeper=deeper)


def _object(value: Any, *, deeper: bool) -> Any:
    """JSON value that stands for an object of any class, an address in memory never."""
    name = type(value).__qualname__
    if isinstance(value, functools.partial):
        return {"class": name, "of": _plain([value.func, value.args, value.keywords])}
    words = repr(value)
    if not re.search(r"\b0x[0-9a-fA-F]+", words):
        return words
    own = _plain(_public(value), deeper=False) if deeper else {}
    return {"class": name, **own} if own else name


#: What a class may say of its models that decides no bit of a result.
_IDLE = ("keeps_checkpoints",)
_SIMPLE = (bool, int, float, str, list, tuple, dict, np.ndarray)


def _public(thing: Any) -> dict[str, Any]:
    """Public attributes by name: its own, those in slots, and the settings of its classes."""
    names = set(getattr(thing, "__dict__", {}))
    if dataclasses.is_dataclass(thing):
        names.update(item.name for item in dataclasses.fields(thing))
    for one in type(thing).__mro__:
        slots = vars(one).get("__slots__", ())
        names.update([slots] if isinstance(slots, str) else slots)
        # A name in capitals is a constant of the code.
        settings = [name for name, value in vars(one).items() if isinstance(value, _SIMPLE)]
        names.update(name for name in settings if not name.isupper() and name not in _IDLE)
    shown = sorted(name for name in names if not name.startswith("_"))
    return {name: getattr(thing, name) for name in shown if hasattr(thing, name)}


def describe(thing: Any) -> dict[str, Any]:
    """Class and public attributes of a model or of a data source.

    Examples
    --------
    >>> describe(fully_synthetic(10))["class"]
    'Loop'
    """
    return {"class": type(thing).__qualname__, **_plain(_public(thing))}


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves by dotted name, so that a refusal can name the very field."""
    if not isinstance(value, dict):
        return {prefix: value}
    pairs = [_flat(part, f"{prefix}.{key}" if prefix else key) for key, part in value.items()]
    return {key: part for flat in pairs for key, part in flat.items()}


def _versions() -> dict[str, str]:
    """Versions of the libraries loaded."""
    return run_folder.versions(name for module, name in VERSIONS.items() if module in sys.modules)


# --- what a state holds --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in stats.jsonl: bytes up to the end of a generation's line, and their digest."""

    size: int = 0
    sha256: str = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The content of `state`: generation reached, metrics by name, place in stats.jsonl.

    `files` are the digests of the files of arrays, `seals` those of config.json and
    environment.json.
    """

    generation: int
    metrics: Arrays
    mark: Mark
    files: dict[str, str]
    seals: dict[str, str]

    def to_bytes(self) -> bytes:
        """Return digest, line feed, .npz."""
        buffer = io.BytesIO()
        arrays: Arrays = {f"metrics/{name}": array for name, array in self.metrics.items()}
        arrays["position"] = np.array([self.generation, self.mark.size])
        arrays["stats"] = np.array(self.mark.sha256)
        for name in ("files", "seals"):
            pairs = list(getattr(self, name).items())
            arrays[name] = np.array(pairs, dtype="U").reshape(-1, 2)
        np.savez(buffer, allow_pickle=False, **arrays)
        return files.sha256(buffer.getvalue()).encode() + b"\n" + buffer.getvalue()

    @staticmethod
    def from_bytes(content: bytes) -> Snapshot:
        """Undo :meth:`to_bytes`; ValueError when a bit is wrong."""
        head, _, body = content.partition(b"\n")
        if files.sha256(body).encode() != head:
            raise ValueError("damaged")
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            metrics = {key[8:]: arrays[key] for key in arrays if key.startswith("metrics/")}
            generation, size = map(int, arrays["position"])
            parts, seals = (dict(arrays[name].tolist()) for name in ("files", "seals"))
            return Snapshot(generation, metrics, Mark(size, str(arrays["stats"])), parts, seals)


@dataclass(frozen=True, slots=True)
class Progress:
    """What can be read of a run at any time: its configuration, its state, where it stopped."""

    config: dict[str, Any]
    snapshot: Snapshot
    stopped: str | None


def _read_state(folder: Path) -> Snapshot:
    try:
        return Snapshot.from_bytes((folder / "state").read_bytes())
    except (OSError, ValueError, KeyError):
        raise run_folder.damaged(folder / "state", "the state of this run") from None


def _read_stats(folder: Path, mark: Mark) -> tuple[Any, bytes]:
    """Return the hash of the lines that the state covers, and what comes after them."""
    path = folder / "stats.jsonl"
    content = path.read_bytes() if path.exists() else b""
    covered = hashlib.sha256(content[: mark.size])
    if len(content) < mark.size or covered.hexdigest() != mark.sha256:
        raise run_folder.damaged(path, "the statistics of this run")
    return covered, content[mark.size :]


def _stop_reason(rest: bytes) -> str | None:
    """Reason in the last line that says why a run stopped, among those beyond the state."""
    for line in reversed(rest.splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        return str(value["stopped"]) if "stopped" in value else None
    return None


def timed(line: bytes) -> tuple[int, float]:
    """Return generation and seconds of a line of timings.jsonl; ValueError where it is none."""
    try:
        told = json.loads(line)
        return int(told.pop("generation")), sum(told.values())
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise ValueError("damaged") from None


def _timed_once(content: bytes, generation: int) -> bytes:
    """Return the last line of each generation up to one: what goes on times the others anew."""
    found = dict[int, bytes]()
    for line in content.splitlines():
        with suppress(ValueError):  # what a kill or a full disk tore
            found[timed(line)[0]] = line + b"\n"
    return b"".join(line for at, line in found.items() if at <= generation)


def read_progress(folder: Path) -> Progress:
    """Read a run folder without taking it; the run may be finished, stopped or at work."""
    if not (folder / "config.json").is_file():
        raise ValueError(f"out must be the folder of an engine run, got {folder}")
    snapshot = _read_state(folder)
    _check_files(folder, snapshot.seals)
    config = run_folder.read_json(folder / "config.json")
    if config.get("format") != FORMAT:
        raise ValueError(f"out must be the folder of an engine run, got {folder}")
    _, rest = _read_stats(folder, snapshot.mark)
    return Progress(config, snapshot, _stop_reason(rest))


def _check_files(folder: Path, digests: Mapping[str, str]) -> None:
    """Refuse a file that is missing or has another content."""
    for name, wanted in digests.items():
        if not (folder / name).is_file() or files.sha256_file(folder / name) != wanted:
            raise run_folder.damaged(folder / name, "a part of the state of this run")


def load_arrays(folder: Path, snapshot: Snapshot) -> Arrays:
    """Return all arrays of a state, by key, from files that were checked."""
    found: Arrays = {}
    for name in snapshot.files:
        with np.load(folder / name, allow_pickle=False) as arrays:
            found.update(arrays)
    return found


def read_arrays(folder: Path, snapshot: Snapshot) -> Arrays:
    """Return all arrays of a state, by key, after a check of their files."""
    _check_files(folder, snapshot.files)
    return load_arrays(folder, snapshot)


# --- the folder ----------------------------------------------------------------------------------


@dataclass(slots=True)
class RunFolder:
    """A run folder held by this process; open it with :func:`open_folder`."""

    folder: Path
    config: dict[str, Any]
    snapshot: Snapshot | None = None
    _hash: Any = field(default_factory=hashlib.sha256)
    _size: int = 0
    _streams: dict[str, disk.Stream] = field(default_factory=dict)
    _pace: Pace = field(default_factory=lambda: Pace(SAVE_EVERY, SAVE_SHARE))

    def load(self) -> None:
        """Check what is there and cut the lines beyond the state; `snapshot` is None if new."""
        if not run_folder.begun(self.folder, "an engine run", EARLY):
            return
        self.snapshot = _read_state(self.folder)
        seals = self.snapshot.seals
        _check_files(self.folder, {"config.json": seals["config.json"]})
        found = run_folder.read_json(self.folder / "config.json")
        run_folder.same_config(self.folder, _flat(found), _flat(self.config))
        found, here = run_folder.read_json(self.folder / "environment.json"), _versions()
        # Of another kind it is another file, which its seal tells below.
        known = found["versions"] if isinstance(found.get("versions"), dict) else {}
        run_folder.same_versions(self.folder, known, {k: here[k] for k in known if k in here})
        _check_files(self.folder, seals | self.snapshot.files)
        # What a run that was killed just after it had saved did not get to.
        self._drop_fits(self.snapshot.generation)
        self._mend_timings(self.snapshot.generation)
        self._open_stats(self.snapshot.mark)

    def _mend_timings(self, generation: int) -> None:
        """Leave a line a generation: these are measurements, which no digest covers."""
        path = self.folder / "timings.jsonl"
        content = path.read_bytes() if path.exists() else b""
        if (once := _timed_once(content, generation)) != content:
            files.atomic_write_bytes(path, once)

    def _open_stats(self, mark: Mark) -> None:
        self._drop_arrays()
        self._hash, rest = _read_stats(self.folder, mark)
        self._size = mark.size
        for name in ("stats.jsonl", "timings.jsonl"):
            self._streams[name] = disk.opened(self.folder / name, "a")
        if rest:
            disk.cut(self.folder / "stats.jsonl", mark.size)

    def begin(self, arrays: Arrays) -> None:
        """Write a new folder; config.json comes last and says that the rest is there."""
        started = time.monotonic()
        environment = run_folder.environment(self.config["seed"], _versions())
        texts = {"environment.json": environment, "config.json": self.config}
        seals = {name: files.seal(value) for name, value in texts.items()}
        files.atomic_write_json(self.folder / "environment.json", environment)
        digest = self._write_arrays("arrays-0.npz", arrays)
        self._write(Snapshot(0, {}, Mark(), {"arrays-0.npz": digest}, seals))
        files.atomic_write_json(self.folder / "config.json", self.config)
        self._open_stats(Mark())
        self._pace.rest(started)

    def append(self, line: Mapping[str, Any], seconds: Mapping[str, Any]) -> Mark:
        """Add a generation's line to each list; return the place after it."""
        text = files.canonical_json(line).encode() + b"\n"
        self._streams["stats.jsonl"].write(text)
        self._streams["timings.jsonl"].write(files.canonical_json(seconds).encode() + b"\n")
        self._hash.update(text)
        self._size += len(text)
        return Mark(self._size, self._hash.hexdigest())

    def stop(self, generation: int, reason: str) -> None:
        """Say why there are no further lines; a resumed run cuts this one."""
        text = files.canonical_json({"generation": generation, "stopped": reason})
        self._streams["stats.jsonl"].write(text.encode() + b"\n")

    def fit_folder(self, generation: int) -> Path:
        """Where the fit of a generation may keep what it needs to go on; made by the model."""
        return self.folder / "fit" / str(generation)

    def _drop_fits(self, generation: int) -> None:
        """Remove what fits of saved generations kept."""
        for entry in (self.folder / "fit").glob("*"):
            if entry.name.isdigit() and int(entry.name) <= generation:
                for path in (*sorted(entry.rglob("*"), reverse=True), entry):
                    (disk.remove_folder if path.is_dir() else disk.remove)(path)

    def due(self) -> bool:
        """Whether it is time to save."""
        return self._pace.due()

    def save(
        self, generation: int, metrics: Arrays, mark: Mark, new: Arrays, first_needed: int
    ) -> None:
        """Save a state; `new` are the arrays since the last one.

        Files whose arrays are all older than generation `first_needed` are dropped.
        """
        started = time.monotonic()
        name = f"arrays-{generation}.npz"
        assert self.snapshot is not None  # begin() or load() set it
        parts = self.snapshot.files | {name: self._write_arrays(name, new)}
        kept = {key: value for key, value in parts.items() if _needed(key, first_needed)}
        # The state never speaks of lines that a power cut could take back.
        disk.sync(self.folder / "stats.jsonl")
        self._write(Snapshot(generation, metrics, mark, kept, self.snapshot.seals))
        self._drop_fits(generation)
        self._pace.rest(started)

    def _write(self, snapshot: Snapshot) -> None:
        """Write the state, then remove the files that it no longer names."""
        files.atomic_write_bytes(self.folder / "state", snapshot.to_bytes())
        self.snapshot = snapshot
        self._drop_arrays()

    def _drop_arrays(self) -> None:
        """Remove the files of arrays that the state no longer names, or does not yet name."""
        for entry in self.folder.glob("arrays-*.npz"):
            if self.snapshot is not None and entry.name not in self.snapshot.files:
                disk.remove(entry)

    def _write_arrays(self, name: str, arrays: Arrays) -> str:
        with files.atomic_stream(self.folder / name) as stream:
            np.savez(stream, allow_pickle=False, **arrays)
        return files.sha256_file(self.folder / name)

    def close(self) -> None:
        """Close the lists."""
        for stream in self._streams.values():
            stream.close()


def _needed(name: str, first: int) -> bool:
    last = int(name.removeprefix("arrays-").removesuffix(".npz"))
    return last == 0 or last >= first


def folder_path(out: Path | str | None) -> Path | None:
    """The folder that `out` names; an empty name would be the current folder."""
    if out is None:
        return None
    if not str(out):
        raise ValueError("out must name a folder, got ''")
    return Path(out)


def refusals(out: Path) -> dict[str, str]:
    """Words for a folder that cannot be made."""
    return {
        "homeless": f"out must lie in an existing folder, got {out}; make its folder first",
        "unwritable": f"out must be a writable folder, got {out}",
    }


@contextmanager
def open_folder(folder: Path, config: dict[str, Any]) -> Iterator[RunFolder]:
    """Hold a run folder for this process alone, and load what it holds."""
    run = RunFolder(folder, run_folder.configuration(FORMAT, config))
    with run_folder.hold(folder, **refusals(folder)):
        try:
            run.load()
            yield run
        finally:
            run.close()
