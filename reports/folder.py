"""The output folder of the report: only what changed is written, and what made it is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from madtheory.files import (
    atomic_write_bytes,
    canonical_json,
    disk,
    run_folder,
    sha256,
    sha256_file,
)
from madtheory.files.atomic import sweep


def say(text: str) -> None:
    """Print a line for a person who waits."""
    if sys.stderr is not None:  # where it is closed, print() would take stdout
        print(text, file=sys.stderr)


#: What lies beside a report's .cache: where there is none it is somebody else's.
_PAGES = (
    "index.html",
    "explorer.html",
    "report.md",
    "report.pdf",
    "report.tex",
    "report.typ",
    "numbers.json",
)


def _foreign(root: Path) -> Path | None:
    """Return a file that a report would write over and that no report has made, if there is one."""
    if any((root / ".cache" / name).is_file() for name in ("lock", "manifest.json")):
        return None
    folders = (root / name for name in ("figures", "tables"))
    inside = (path for folder in folders for path in sorted(folder.glob("[!.]*")))
    pages = (root / name for name in _PAGES if (root / name).exists())
    return next(chain(pages, inside), None)


class Folder:
    """The files of a report, by name below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if root.exists() and not root.is_dir():
            raise ValueError(f"out must be a folder, got a file, {root}; choose another name")
        self.manifest_path = root / ".cache" / "manifest.json"
        if foreign := _foreign(root):
            raise ValueError(
                f"out must be a new folder or a report's, got {root}, which holds "
                f"{foreign.relative_to(root)} and no report's .cache; choose another name"
            )
        for name in (".cache", "figures", "tables"):
            disk.make_folder(root / name)
            sweep(root / name)
        sweep(root)
        self.manifest: dict[str, list[str]] = {}
        if self.manifest_path.exists():
            # A damaged list only costs drawing again.
            try:
                self.manifest = run_folder.read_json(self.manifest_path)
            except ValueError:
                say(f"{self.manifest_path} is damaged: all figures and pages are made again")

    def write(self, name: str, data: bytes) -> Path:
        """Write a file unless it already has these bytes."""
        path = self.root / name
        if not path.exists() or path.read_bytes() != data:
            atomic_write_bytes(path, data)
        return path

    def made(self, name: str, key: str, make: Callable[[], bytes]) -> Path:
        """Make a file unless the same inputs made the one that is there."""
        path = self.root / name
        if path.exists() and self.manifest.get(name) == [key, sha256_file(path)]:
            return path
        data = make()
        self.write(name, data)
        self.manifest[name] = [key, sha256(data)]
        self.write(".cache/manifest.json", canonical_json(self.manifest).encode())
        return path
