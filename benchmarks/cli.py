"""How long commands take to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.timing import best


def start_up() -> dict[str, float]:
    """Seconds of `madtheory --version` (at most 0.5), and of importing the simulator."""

    def run(*command: str) -> float:
        return best(lambda: subprocess.run(command, check=True, capture_output=True), 3)

    return {
        "s_version": run(str(Path(sys.executable).parent / "madtheory"), "--version"),
        "s_import_simulate": run(sys.executable, "-c", "import madtheory.simulate"),
    }
