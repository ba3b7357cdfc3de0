"""Run folders: what every long run keeps on disk beside its own state, and what is checked.

config.json has all that decides the result; without it a run has not begun. environment.json says
where it began, `lock` is held by the process at work. What is damaged, foreign or of another
configuration is refused in one sentence that names it, and never written over.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from madtheory.files import disk
from madtheory.files.atomic import atomic_write_json, sweep
from madtheory.files.canonical import canonical_json, jsonable, seal, sha256_file


def configuration(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides a result, as the JSON values that come back from config.json."""
    return dict(json.loads(canonical_json({"format": kind, **fields})))


def versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of those distributions that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """Model of the processor, which decides last digits; its kind where the system says no more."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    said = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(said, "") or platform.processor() or platform.machine()


def environment(seed: int, here: Mapping[str, str]) -> dict[str, Any]:
    """Versions, processor, seed and git state."""
    return {
        "versions": dict(here),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "system": platform.system(),
        "seed": seed,
        "git": _git_state(Path(__file__).resolve()),
    }


def _git_state(source: Path) -> dict[str, Any] | None:
    """Commit of the source and whether it was changed; None outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(source.parent), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        # A copy inside somebody else's repository (a virtual environment) has no state of its own.
        git("ls-files", "--error-unmatch", source.name)
        changed = git("status", "--porcelain", "--untracked-files=no")
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(changed)}
    except (OSError, subprocess.SubprocessError):
        return None


# --- what is refused -----------------------------------------------------------------------------


def damaged(
    path: Path, what: str, got: str = "a damaged or missing file", *, run: Path | None = None
) -> ValueError:
    """Return the refusal of a part of a run (the folder of `path`) that is not what was written.

    What may not be read, or not now, may be whole: it is not called damaged.
    """
    try:
        sha256_file(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        pass
    except OSError as error:
        return ValueError(f"{path} must be {what}, got a file that can't be read: {error.strerror}")
    whole = path.parent if run is None else run
    return ValueError(f"{path} must be {what}, got {got}; remove {whole} to start again")


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file of a run, or refuse a damaged one."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise damaged(path, "readable JSON")
    return value


def write_sealed(path: Path, told: Mapping[str, Any]) -> None:
    """Write a JSON file with the digest of all that it says."""
    plain = jsonable(told)
    atomic_write_json(path, plain | {"digest": seal(plain)})


def read_sealed(path: Path, *, unsealed: bool = False) -> dict[str, Any]:
    """Return what :func:`write_sealed` wrote, or refuse another content.

    With `unsealed` a file without a digest is believed: earlier versions wrote none.
    """
    told = read_json(path)
    digest = told.pop("digest", None)
    if digest != seal(told) and not (unsealed and digest is None):
        raise damaged(path, "as it was written")
    return told


def same_config(path: Path, found: Any, wanted: Mapping[str, Any]) -> None:
    """Refuse a file of another configuration; name the first field that differs."""
    if found == wanted:
        return
    known = found if isinstance(found, dict) else {}
    other = [key for key in wanted if known.get(key) != wanted[key]]
    # Nobody asks for a chunk: it follows from what differs besides.
    field = next((key for key in other if key != "chunk"), other[0] if other else "format")
    raise ValueError(
        f"{path} must be of the same configuration, got one with another {field}; "
        "remove it or choose another name"
    )


def same_versions(folder: Path, found: Any, wanted: Mapping[str, str]) -> None:
    """Refuse to mix versions in one result: it could not be reproduced."""
    known = found if isinstance(found, dict) else {}
    for name, here in wanted.items():
        if known.get(name) != here:
            raise ValueError(
                f"{folder} was begun with {name} {known.get(name)} and must go on with it, "
                f"got {here}; remove the folder to start again"
            )


def strangers(folder: Path, known: Collection[str]) -> list[str]:
    """Names in a folder that are neither known nor those of a killed writer's temporary files."""
    names = [entry.name for entry in folder.iterdir()]
    return [name for name in names if name not in known and not re.fullmatch(r"\..*\.tmp", name)]


def begun(folder: Path, owner: str, early: Collection[str]) -> bool:
    """Whether a run has begun in a folder that is held; what killed writers left is removed.

    Without config.json, `early` names are those of a start that was killed; others are refused.
    """
    found = (folder / "config.json").exists()
    for name in [] if found else strangers(folder, early):
        raise ValueError(
            f"{folder} must be the folder of {owner}, got one without config.json that holds "
            f"{name}; choose another name"
        )
    sweep(folder, held=True)
    return found


# --- making and holding a folder -----------------------------------------------------------------


@contextmanager
def _refusing(words: str) -> Iterator[None]:
    """Turn a failure of the file system into one sentence."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"{words}: {error.strerror}") from None


def make(folder: Path, *, homeless: str, unwritable: str) -> None:
    """Make a folder in one that must exist; the words begin the two refusals."""
    if not folder.parent.is_dir():
        raise ValueError(homeless)
    with _refusing(unwritable):
        disk.make_folder(folder)


@contextmanager
def hold(folder: Path, *, homeless: str, unwritable: str) -> Iterator[None]:
    """Make a folder and hold it for this process alone; the words are those of :func:`make`."""
    make(folder, homeless=homeless, unwritable=unwritable)
    path = folder / "lock"
    if path.is_dir():
        raise ValueError(f"{path} must be a file, got a folder; choose another name")
    new = not path.exists()
    with _refusing(unwritable):
        lock = disk.opened(path, "a")
    with lock:
        _take(lock.fileno(), folder)
        _HELD.add(lock)
        try:
            yield
        except ValueError:
            if new and not (folder / "config.json").exists():  # somebody else's, as it was
                disk.remove(path)
            raise
        finally:
            _HELD.discard(lock)


#: What this process holds.
_HELD: set[disk.Stream] = set()


def _let_go() -> None:
    """In a fork, as a pool's worker is: it may outlive its parent, and must not hold for it."""
    for lock in _HELD:
        lock.close()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _take(handle: int, folder: Path) -> None:
    """Lock the run; the system lets go when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # a system without such locks
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ValueError(
            f"{folder} must be used by one process, got a second one; wait for the first to end"
        ) from None
