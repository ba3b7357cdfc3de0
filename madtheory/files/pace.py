"""When a long run saves: not too often, and within a share of its time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """At least `every` seconds between saves, which take at most `share` of the time."""

    every: float
    share: float
    _saved_at: float = field(default_factory=time.monotonic)
    _pause: float = field(init=False)

    def __post_init__(self) -> None:
        self._pause = self.every

    def due(self) -> bool:
        """Whether the next save would keep saving within its share of the time."""
        return time.monotonic() - self._saved_at >= self._pause

    def rest(self, started: float) -> None:
        """Put off the next save, the longer the longer the one that began at `started` took."""
        self._saved_at = time.monotonic()
        self._pause = max(self.every, (self._saved_at - started) / self.share)
