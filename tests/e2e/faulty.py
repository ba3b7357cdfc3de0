"""A disk on which one call goes wrong: what stands for `os` in madtheory/files/disk.py.

``crowded``: no space, once; ``broken``: an input/output error, once; ``filled``: no space from then
on; ``killed``: the process ends at that call, with a part of what it wrote; ``power``: it ends, and
so does what was not synchronised: ends of files, the latest renames and removals.
"""

import errno
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from madtheory.files import disk

KINDS = ("crowded", "broken", "filled", "killed", "power")


class Died(BaseException):
    """The process ends here: nothing that the code does afterwards reaches the disk."""


class Faulty:
    """`os`, but call number `at` of those that change something fails."""

    def __init__(self, kind: str, at: int) -> None:
        self.kind, self.at, self.calls, self.dead = kind, at, 0, False
        self.rng = random.Random(1000 * at + KINDS.index(kind))
        self.paths: dict[int, str] = {}
        #: How much of a file is safe, and how to undo what was not yet made safe, by folder.
        self.safe: dict[str, int] = {}
        self.undo: list[tuple[str, str, str | None, bytes | None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @property
    def fired(self) -> bool:
        return self.calls >= self.at

    def _fail(self, number: int) -> None:
        raise OSError(number, os.strerror(number))

    def _step(self, *, frees: bool = False) -> bool:
        """Count a call; whether it is the one at which the process dies."""
        if self.dead:
            raise Died
        self.calls += 1
        if self.kind == "filled" and self.fired and not frees:
            self._fail(errno.ENOSPC)
        if self.calls != self.at or self.kind == "filled":
            return False
        if self.kind in ("crowded", "broken"):
            self._fail(errno.ENOSPC if self.kind == "crowded" else errno.EIO)
        return True

    def _die(self) -> None:
        self.dead = True
        if self.kind == "power":
            self._lose()
        raise Died

    def _lose(self) -> None:
        for path, safe in self.safe.items():
            size = os.path.getsize(path)
            os.truncate(path, self.rng.randint(min(safe, size), size))
        for _ in range(self.rng.randint(0, len(self.undo))):
            _, path, moved, old = self.undo.pop()
            if moved is not None:
                os.replace(path, moved)
            if old is not None:
                Path(path).write_bytes(old)

    def _remember(self, path: str, moved: str | None) -> None:
        old = Path(path).read_bytes() if os.path.isfile(path) else None
        self.undo.append((os.path.dirname(path), path, moved, old))

    def open(self, path: Any, flags: int, *mode: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and self._step():
            self._die()
        handle = os.open(path, flags, *mode)
        self.paths[handle] = str(path)
        if flags & os.O_TRUNC:
            self.safe[str(path)] = 0
        return handle

    def write(self, handle: int, data: memoryview) -> int:
        before, path = self.calls, self.paths[handle]
        self.safe.setdefault(path, os.path.getsize(path))
        try:
            dies = self._step()
        except OSError:
            os.write(handle, data[: self.rng.randint(0, len(data) - 1)])
            raise
        assert self.calls == before + 1
        if dies:
            os.write(handle, data[: self.rng.randint(0, len(data))])
            self._die()
        # A disk may take a part without a word.
        return os.write(handle, data[: max(1, len(data) * 2 // 3)])

    def fsync(self, handle: int) -> None:
        if self._step():
            self._die()
        path = self.paths[handle]
        self.safe.pop(path, None)
        self.undo = [one for one in self.undo if one[0] != path]

    def replace(self, old: Any, new: Any) -> None:
        dies = self._step()
        if dies and self.rng.random() < 0.5:
            self._die()
        self._remember(str(new), str(old))
        os.replace(old, new)
        if str(old) in self.safe:
            self.safe[str(new)] = self.safe.pop(str(old))
        if dies:
            self._die()

    def unlink(self, path: Any) -> None:
        if self._step(frees=True):
            self._die()
        self._remember(str(path), None)
        os.unlink(path)
        self.safe.pop(str(path), None)

    def rmdir(self, path: Any) -> None:
        if self._step(frees=True):
            self._die()
        # What lay in it cannot come back.
        self.undo = [one for one in self.undo if one[0] != str(path)]
        os.rmdir(path)

    def mkdir(self, path: Any) -> None:
        if self._step():
            self._die()
        os.mkdir(path)

    def truncate(self, path: Any, size: int) -> None:
        if self._step():
            self._die()
        os.truncate(path, size)
        self.safe[str(path)] = min(self.safe.get(str(path), size), size)


@contextmanager
def fault(kind: str, at: int) -> Iterator[Faulty]:
    """The disk of madtheory, with a fault at call number `at`."""
    faulty = Faulty(kind, at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "os", faulty)
        yield faulty
