"""A parent process that has done the imports and forks a child for each attempt, to be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


class Attempts:
    """Attempts of a script that reads folders from stdin, a fork each.

    The child says "started PID" and, at its end, one line of digests; the parent "ended STATUS".
    """

    def __init__(self, *words: str, env: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )

    def line(self) -> list[str]:
        """The next line that the parent or its child says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def start(self, out: Path) -> int:
        """Start an attempt; return its process."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{out}\n")
        self.process.stdin.flush()
        word, pid = self.line()
        assert word == "started"
        return int(pid)

    def finish(self, out: Path) -> list[str]:
        """Run to the end; return the digests."""
        self.start(out)
        digests, end = self.line(), self.line()
        assert end == ["ended", "0"], end
        return digests

    def kill(self, out: Path, after: float) -> bool:
        """Kill an attempt some time after its start; False when it had finished."""
        pid = self.start(out)
        time.sleep(after)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        word, *rest = self.line()
        if word == "ended":
            return rest == ["9"]
        assert self.line()[0] == "ended"
        return False

    def close(self) -> None:
        """End the parent."""
        self.process.communicate()
        assert self.process.returncode == 0
