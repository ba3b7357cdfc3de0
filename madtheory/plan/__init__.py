"""Planning a loop: what may be added, what it gains, and any grid of such questions.

`planner` answers one loop, `phases` maps many, `sweep` calls any function at every point of a grid
on threads, processes or a cluster, and `grid` and `store` are its points and its folder.
"""

from madtheory.plan.grid import points_of, seed_of
from madtheory.plan.sweep import run_sweep

__all__ = ["points_of", "run_sweep", "seed_of"]
