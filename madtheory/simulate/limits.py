"""What is too much to ask: more work than a year of one processor, more memory than there is.

Both are rough: they tell a slip of the keyboard from a long run, before anything is begun.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madtheory.simulate.request import Plan

#: Nanoseconds of a year.
YEAR = 3.2e16
#: Matrices of dim x dim that every kernel works in, roughly.
WORKING = 16


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


def bytes_of(plan: Plan, threads: int, *, data: bool, keep_paths: bool = False) -> float:
    """Memory of a request, roughly: `data` says that the samples themselves are drawn."""
    loop, last, dim = plan.problem.loop, plan.last, float(plan.problem.positive.size)
    batches = min(last, last if loop.pooled is None else loop.pooled)
    matrices = WORKING + min(last, last if loop.memory is None else loop.memory)
    # Without a cap an accumulated pool is merged.
    matrices += 2 * (batches if loop.pool_cap is not None else 0)
    lists = 2.0 * len(plan.record) * plan.recorded.size
    one = matrices * dim**2 + lists
    if data:
        one += 2.0 * dim * (loop.n_initial + loop.n_fixed + loop.n_fresh + batches * loop.n_synth)
    # Chunks that are done wait for their turn.
    every = threads * one + (2 * threads + 3) * lists
    every += plan.replicates * lists / 2 if keep_paths else 0.0
    return 8.0 * every


def check_memory(n_bytes: float) -> None:
    """Refuse what this machine cannot hold."""
    if n_bytes > machine_bytes():
        raise ValueError(
            f"dim, generations and threads must fit into {machine_bytes() / 2**30:.3g} GiB of "
            f"memory, got some {n_bytes / 2**30:.3g} GiB; lower one of them"
        )
