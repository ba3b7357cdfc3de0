"""What is too much to ask: more work than a year of one processor, more memory than there is.

Both are rough: they tell a slip of the keyboard from a long run, before anything is begun.
"""

from __future__ import annotations

import os

#: Nanoseconds of a year.
YEAR = 3.2e16


def check_work(nanoseconds: float) -> None:
    """Refuse what would take longer than a year."""
    if not nanoseconds <= YEAR:
        raise ValueError(
            "replicates and generations must ask for at most a year of one processor, "
            f"got some {nanoseconds / YEAR:.2g} years; lower one of them, or dim"
        )


def machine_bytes() -> float:
    """Memory of this machine; without end where that is not known."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return float("inf")


def check_memory(n_bytes: float, *, data: bool = False) -> None:
    """Refuse what this machine cannot hold; `data`: of which training sets are a part."""
    if n_bytes > machine_bytes():
        names = "n_synth, dim" if data else "dim"
        raise ValueError(
            f"{names}, generations and threads must fit into {machine_bytes() / 2**30:.3g} GiB of "
            f"memory, got some {n_bytes / 2**30:.3g} GiB; lower one of them"
        )
