"""Follow every link within the built site: each page, file and anchor must exist.

python docs/links.py out/docs
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of one page, and where its links lead."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.targets: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in one tag."""
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value or "")
            if name in ("href", "src") and value is not None:
                self.targets.append(value)


def broken(folder: Path) -> Iterator[str]:
    """Yield every link within a folder of pages that leads nowhere."""
    pages = {path: Page(path) for path in sorted(folder.resolve().rglob("*.html"))}
    for path, page in pages.items():
        for target in dict.fromkeys(page.targets):
            link = urlsplit(target)
            if link.scheme or link.netloc:
                continue
            found = (path.parent / unquote(link.path)).resolve() if link.path else path
            found = found / "index.html" if found.is_dir() else found
            anchors = pages[found].anchors if found in pages else {"", unquote(link.fragment)}
            if not found.exists() or unquote(link.fragment) not in anchors:
                yield f"{path.relative_to(folder.resolve())}: {target}"


if __name__ == "__main__":
    found = list(broken(Path(sys.argv[1])))
    print(*found, f"{len(found)} broken links", sep="\n")
    sys.exit(bool(found))
