"""Planning a loop: what may be added, what it gains, and any grid of such questions.

`planner` answers for one loop, with `answer` for a number and `search` for the best and the
sufficient; `phases` has the maps. `sweep` calls any function at every point of a grid, on threads,
processes or a cluster; `grid` and `store` are its points and its folder.
"""

from madtheory.plan.answer import Answer
from madtheory.plan.grid import points_of, seed_of
from madtheory.plan.phases import admissible, approach, edge, log_counts
from madtheory.plan.planner import CollapseTime, Plan, plan_loop, required_n_real, worth_of
from madtheory.plan.sweep import run_sweep

__all__ = [
    "Answer",
    "CollapseTime",
    "Plan",
    "admissible",
    "approach",
    "edge",
    "log_counts",
    "plan_loop",
    "points_of",
    "required_n_real",
    "run_sweep",
    "seed_of",
    "worth_of",
]
