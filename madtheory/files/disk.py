"""The few calls by which runs and reports change the disk: tests make each of them fail.

Temporary files, lines added to a list, renames, folders and removals go through here, and through
nothing else.
"""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any, BinaryIO, cast


class Stream(io.FileIO):
    """A file that takes all that is written, or raises and names itself."""

    def write(self, data: Any) -> int:
        """Write all of `data`: a disk that is nearly full takes a part without a word."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest:
                rest = rest[os.write(self.fileno(), rest) :]
        except OSError as error:
            error.filename = self.name
            raise
        return size


def opened(path: Path, mode: str) -> Stream:
    """Open a file to write ("w") or to add to ("a"), without a buffer."""
    return Stream(path, mode, opener=lambda name, flags: os.open(name, flags, 0o666))


def buffered(stream: Stream) -> BinaryIO:
    """The same file with a buffer, for writers of many small pieces."""
    return cast("BinaryIO", io.BufferedWriter(stream, 2**16))


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rename(path: Path, new: Path) -> None:
    """Give a file another name at once; what had that name is gone."""
    os.replace(path, new)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def remove_folder(path: Path) -> None:
    """Remove an empty folder."""
    os.rmdir(path)


def cut(path: Path, size: int) -> None:
    """Shorten a file."""
    os.truncate(path, size)


def make_folder(path: Path) -> None:
    """Make a folder, with its parents, unless it is there."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        os.mkdir(path)
    except FileExistsError as error:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is no folder", str(path)) from error
