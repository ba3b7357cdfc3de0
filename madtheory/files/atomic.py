"""Writing a file whole or not at all: a temporary one, fsync, rename."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from madtheory.files.canonical import canonical_json


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sweep(path: Path) -> None:
    """Remove what a killed writer of the same file left behind."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\d+)-\d+\.tmp")
    for entry in path.parent.iterdir():
        match = pattern.fullmatch(entry.name)
        if match and not _alive(int(match[1])):
            entry.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to; on success it becomes `path` at once.

    The content is on disk before the rename, so that a crash leaves the old file or the new one,
    never a part. On an exception nothing is left; an OSError where nothing can be written.
    """
    path = Path(path)
    _sweep(path)
    # One name a process and thread: two writers of one file cannot mix their bytes.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        yield temporary
        _fsync(temporary)
        os.replace(temporary, path)
        _fsync(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`: all of it or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8: all of it or nothing."""
    atomic_write_bytes(path, text.encode())


def atomic_write_json(path: str | Path, obj: Any) -> None:
    """Write :func:`canonical_json` of `obj`, indented, with a final newline."""
    atomic_write_text(path, canonical_json(obj, indent=2) + "\n")
