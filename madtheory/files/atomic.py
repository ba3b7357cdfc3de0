"""Writing a file whole or not at all: a temporary one, fsync, rename."""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from madtheory.files import disk
from madtheory.files.canonical import json_text

#: Name of a temporary file: that of the file that it will be, its process, its thread.
_TEMPORARY = re.compile(r"\.(.+)\.(\d+)-(\d+)\.tmp", re.DOTALL)


def _alive(pid: int, thread: int) -> bool:
    """Whether a writer may still be at work."""
    if pid == os.getpid():
        # In a container every process has the same number: ours is told by its threads.
        return any(one.ident == thread for one in threading.enumerate())
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def sweep(folder: Path, name: str | None = None, *, held: bool = False) -> None:
    """Remove what killed writers of one file left in a folder, or those of any file.

    In a folder that this process holds (`held`) no other writer can be at work.
    """
    for entry in folder.iterdir():
        match = _TEMPORARY.fullmatch(entry.name)
        if not match or name not in (None, match[1]):
            continue
        if held or not _alive(int(match[2]), int(match[3])):
            with suppress(OSError):
                disk.remove(entry)


def _target(path: Path) -> Path:
    """The file that a rename may replace: what a link points at, never a device or a pipe.

    A rename over /dev/null would put a file in its place, for every program of the machine.
    """
    with suppress(OSError):
        if path.is_symlink():
            path = Path(os.path.realpath(path, strict=False))
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ValueError(f"{path} must be a file or a new name, got a device or a pipe")
    return path


def _temporary(path: Path) -> Path:
    """Where a file is written before it is renamed: one name a process and thread.

    Two writers of one file cannot mix their bytes.
    """
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")


def require_short(path: Path) -> None:
    """Refuse, before long work, a name that leaves no room for that of the temporary file."""
    try:
        _temporary(path).lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError(f"the name of a file must be shorter, got {path}") from error


@contextmanager
def atomic_stream(path: str | Path) -> Iterator[BinaryIO]:
    """Give a stream to write to; on success what it holds becomes `path` at once.

    The content is on disk before the rename, so that a crash leaves the old file or the new one,
    never a part. On an exception nothing is left; an OSError where nothing can be written, a
    ValueError where `path` is a device or a pipe.
    """
    path = _target(Path(path))
    sweep(path.parent, path.name)
    part = _temporary(path)
    try:
        with disk.buffered(disk.opened(part, "w")) as stream:
            yield stream
        disk.sync(part)
        disk.rename(part, path)
    except BaseException as error:
        with suppress(OSError):
            disk.remove(part)
        if isinstance(error, OSError) and str(error.filename) == str(part):
            error.filename = str(path)  # the name that a person knows
        raise
    disk.sync(path.parent)


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`: all of it or nothing."""
    with atomic_stream(path) as stream:
        stream.write(data)


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8: all of it or nothing."""
    atomic_write_bytes(path, text.encode())


def atomic_write_json(path: str | Path, obj: Any) -> None:
    """Write :func:`json_text` of `obj`: all of it or nothing."""
    atomic_write_text(path, json_text(obj))
